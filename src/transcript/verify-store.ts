/** Verification of the store itself, in one snapshot, while gateways go on writing. */
import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { LEAF_COLUMNS, type Leaf } from './checkpoints.js';
import type { EventKind } from './event.js';
import { inSnapshot, rowsOf } from './export.js';
import type { VerifierKey } from './keys.js';
import { manifestOf, type Taken } from './manifest.js';
import { outcomeRow, statementRow, termsOfSession } from './projection.js';
import { EVENT_COLUMNS, type RawEvent } from './reader.js';
import { type KeptCheckpoint, outcomeText, sessionText, statementText, Verifier, type VerifyReport } from './verify.js';

/** As PostgreSQL prints them: what is read millions of times is put into shape here, not there. */
const EVENTS = `
  SELECT sequence, position, at, session_id, statement_id, kind, body::text, writer, n, hash, signature FROM event ORDER BY session_id, position`;
const AS_PRINTED = { rowMode: 'array', types: { getTypeParser: () => (text: string) => text } } as const;

type PrintedEvent = readonly [
  sequence: string,
  position: string,
  at: string,
  session: string,
  statement: string | null,
  kind: EventKind,
  body: string,
  writer: string,
  n: string,
  hash: string,
  signature: string | null,
];

/** 2026-11-21 18:24:11.25+00, as ISO 8601 with milliseconds. */
const isoOf = (at: string): string => {
  const fraction = at.slice(20, at.indexOf('+', 19));
  return `${at.slice(0, 10)}T${at.slice(11, 19)}.${at[19] === '.' ? fraction.padEnd(3, '0') : '000'}Z`;
};

const eventOf = ([
  sequence,
  position,
  at,
  session,
  statement,
  kind,
  body,
  writer,
  n,
  hash,
  signature,
]: PrintedEvent): RawEvent => ({
  sequence,
  position: Number(position),
  at: isoOf(at),
  session,
  statement,
  kind,
  body,
  writer,
  n: Number(n),
  hash: hash.slice(2),
  signature: signature === null ? null : Buffer.from(signature.slice(2), 'hex').toString('base64'),
});
const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf ORDER BY position`;
const NOTES = 'SELECT size::float8 AS size, note, frontier FROM checkpoint ORDER BY size';
const HEADS = `SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash, event_time(last_at) AS last_at, is_open, is_covered FROM chain ORDER BY session_id`;

interface HeadRow {
  readonly session: string;
  readonly length: number;
  readonly hash: string;
  readonly last_at: string;
  readonly is_open: boolean;
  readonly is_covered: boolean;
}

/** As `joinedRow` in verify.ts. */
const joined = (...columns: readonly string[]): string =>
  columns.map((column) => `coalesce(octet_length((${column})::text) || ':' || (${column})::text, '-')`).join(' || ');
const listed = (column: string): string => `array_to_string(${column}, E'\\x1e')`;

const SESSIONS = `SELECT id, ${joined('id', 'event_time(opened_at)', 'actor', 'issuer', 'subject', 'client_id', listed('groups'), 'token_id', 'transport', "client->>'name'", "client->>'version'", 'address', 'key', listed('terms'))} AS text FROM session`;
const STATEMENTS = `SELECT id, ${joined('id', 'event_time(at)', 'session_id', 'kind', 'verdict', 'fingerprint', 'text', 'purpose', listed('terms'))} AS text FROM statement`;
const OUTCOMES = `SELECT id, ${joined('id', 'event_time(at)', 'state', 'rows', 'bytes', 'duration_ms', 'query_id')} AS text FROM outcome`;

export interface VerifyOptions {
  readonly keys: readonly VerifierKey[];
  /** Checkpoints that were kept outside the database. */
  readonly kept: readonly KeptCheckpoint[];
  readonly onProgress: (events: number, of: number) => void;
  /** Throws where a session's key can't be opened; undefined for whoever has not the key to do so. */
  readonly openKey: ((session: string, key: { readonly keyId: string; readonly wrapped: Buffer }) => void) | undefined;
}

/** Throws where the store does not answer. */
export function verifyStore(pool: Pool, { keys, kept, onProgress, openKey }: VerifyOptions): Promise<VerifyReport> {
  return inSnapshot(pool, async (client) => {
    const verifier = new Verifier(keys, true);
    await readTree(client, verifier, kept);
    await readArchives(client, verifier);
    await readEvents(client, verifier, onProgress);
    await compareRows(client, verifier);
    await checkKeys(client, verifier, openKey);
    return verifier.result();
  });
}

async function readTree(client: PoolClient, verifier: Verifier, kept: readonly KeptCheckpoint[]): Promise<void> {
  for await (const rows of rowsOf<{ size: number; note: string; frontier: Buffer }>(client, NOTES))
    for (const { note, size, frontier } of rows) {
      verifier.checkpoint(note, `size ${size} in the store`, false, frontier);
      if (note.split('\n')[1] !== String(size))
        verifier.report(`The checkpoint of size ${size} in the store is of another size.`);
    }
  for (const { note, where } of kept) verifier.checkpoint(note, where, true);
  for await (const rows of rowsOf<Leaf & { position: number }>(client, LEAVES))
    for (const { position, ...leaf } of rows) verifier.leaf(position, leaf);
  verifier.endOfTree();
}

const ARCHIVES = `
  SELECT a.id, (SELECT e.body->>'manifest' FROM event e WHERE e.kind = 'events_archived' AND e.body->>'archive' = a.id::text LIMIT 1) AS manifest
  FROM archive a ORDER BY a.archived_at`;
const TAKEN = `
  SELECT session_id AS session, from_position::float8 AS from_position, length::float8 AS length, encode(hash, 'hex') AS hash, opened_at, opening::text AS opening
  FROM archived_session WHERE archive_id = $1 ORDER BY session_id`;

/** Sessions go on where archives ended, if the record has just these archives. */
async function readArchives(client: PoolClient, verifier: Verifier): Promise<void> {
  const { rows: archives } = await client.query<{ id: string; manifest: string | null }>(ARCHIVES);
  for (const { id, manifest } of archives) {
    const { rows } = await client.query<Taken>(TAKEN, [id]);
    if (manifest === null || manifestOf(rows) !== manifest) {
      verifier.report(`The list of what archive ${id} took is not what was recorded of it.`);
      continue;
    }
    for (const { session, length, hash, opened_at: openedAt, opening } of rows)
      verifier.startsAt(session, {
        length,
        hash,
        opening:
          opening === null || openedAt === null
            ? undefined
            : { at: openedAt.toISOString(), body: JSON.parse(opening) as Record<string, unknown> },
      });
  }
}

async function readEvents(
  client: PoolClient,
  verifier: Verifier,
  onProgress: VerifyOptions['onProgress'],
): Promise<void> {
  const { rows: counted } = await client.query<{ n: number }>(
    'SELECT coalesce(sum(length), 0)::float8 AS n FROM chain',
  );
  let done = 0;
  await client.query("SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'");
  for await (const rows of rowsOf<PrintedEvent>(client, EVENTS, [], AS_PRINTED)) {
    for (const row of rows) verifier.event(eventOf(row));
    done += rows.length;
    onProgress(done, counted[0]?.n ?? done);
  }
  for await (const rows of rowsOf<HeadRow>(client, HEADS))
    for (const { session, length, hash, ...more } of rows)
      verifier.head(session, length, hash, { lastAt: more.last_at, isOpen: more.is_open, isCovered: more.is_covered });
  verifier.endOfEvents();
}

const KEYS = `
  SELECT s.id AS session, k.key_id, k.wrapped FROM session s FULL JOIN session_key k ON k.session_id = s.id ORDER BY s.id`;

/** A key that is gone without a word in the record was not erased by those who may. */
async function checkKeys(client: PoolClient, verifier: Verifier, openKey: VerifyOptions['openKey']): Promise<void> {
  for await (const rows of rowsOf<{ session: string | null; key_id: string | null; wrapped: Buffer | null }>(
    client,
    KEYS,
  ))
    for (const { session, key_id: keyId, wrapped } of rows) {
      if (session === null) verifier.report('There is a key of a session that does not exist.');
      else if (keyId === null || wrapped === null) {
        if (!verifier.erased.has(session))
          verifier.report('The key of this session is gone, and no event says that it was erased.', {
            session,
            position: 0,
          });
      } else
        try {
          openKey?.(session, { keyId, wrapped });
        } catch (error) {
          verifier.report(
            `The key of this session can not be opened: ${error instanceof Error ? error.message : String(error)}`,
            { session, position: 0 },
          );
        }
    }
}

/** What search goes by has to follow from the events. */
async function compareRows(client: PoolClient, verifier: Verifier): Promise<void> {
  const { projections } = verifier;
  for (const [name, sql, expected] of [
    ['session', SESSIONS, projections.sessions],
    ['statement', STATEMENTS, projections.statements],
    ['outcome', OUTCOMES, projections.outcomes],
  ] as const) {
    const found = expected.twin();
    for await (const rows of rowsOf<{ text: string }>(client, sql)) for (const { text } of rows) found.add(text);
    if (!expected.equals(found)) await findDifference(client, verifier, name, sql);
  }
}

const KINDS = {
  session: ['session_opened'],
  statement: ['statement_submitted', 'statement_refused'],
  outcome: [
    'statement_refused',
    'statement_completed',
    'statement_failed',
    'statement_cancelled',
    'statement_settled',
    'approval_decided',
    'approval_expired',
  ],
} as const;

const brief = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 22);

/** Once more and slower: which rows they are. */
async function findDifference(
  client: PoolClient,
  verifier: Verifier,
  name: keyof typeof KINDS,
  sql: string,
): Promise<void> {
  const expected = new Map<
    string,
    { readonly text: string; readonly session: string; readonly position: number; readonly at: string }
  >();
  const terms = new Map<string, readonly string[]>();
  const kinds = [...KINDS[name], 'session_opened'];
  for (const [session, { at, body }] of verifier.openings) {
    terms.set(session, termsOfSession(body));
    if (name === 'session')
      expected.set(session, { text: brief(sessionText(session, at, body)), session, position: 0, at });
  }
  for await (const rows of rowsOf<RawEvent>(
    client,
    `SELECT ${EVENT_COLUMNS} FROM event WHERE kind = ANY($1) ORDER BY session_id, position`,
    [kinds],
  ))
    for (const row of rows) {
      const event = { ...row, body: JSON.parse(row.body) as Record<string, unknown> };
      if (row.kind === 'session_opened') terms.set(row.session, termsOfSession(event.body));
      const text = textOf(name, event, terms.get(row.session) ?? []);
      if (text && !expected.has(text.id))
        expected.set(text.id, { text: brief(text.text), session: row.session, position: row.position, at: row.at });
    }
  for await (const rows of rowsOf<{ id: string; text: string }>(client, sql))
    for (const { id, text } of rows) {
      const known = expected.get(id);
      if (!known)
        verifier.report(`The ${name} row ${id} stands for no event: it was put in.`, {
          session: name === 'session' ? id : undefined,
        });
      else if (known.text !== brief(text))
        verifier.report(`The ${name} row ${id} is not what its event says: it was changed.`, known);
      expected.delete(id);
    }
  for (const [id, place] of expected)
    verifier.report(`The ${name} row ${id} is missing: search would not find it.`, place);
}

function textOf(
  name: keyof typeof KINDS,
  event: Omit<RawEvent, 'body'> & { readonly body: Record<string, unknown> },
  terms: readonly string[],
): { readonly id: string; readonly text: string } | undefined {
  switch (name) {
    case 'session':
      return event.kind === 'session_opened'
        ? { id: event.session, text: sessionText(event.session, event.at, event.body) }
        : undefined;
    case 'statement': {
      const row = statementRow(event);
      return row && { id: row.id, text: statementText({ ...row, terms: [...terms, ...row.terms] }) };
    }
    case 'outcome': {
      const row = outcomeRow(event);
      return row && { id: row.id, text: outcomeText(row) };
    }
  }
}
