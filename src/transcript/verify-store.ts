/** Verification of the store itself, in one snapshot, while gateways go on writing. */
import { createHash, randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { LEAF_COLUMNS, type Leaf } from './checkpoints.js';
import { inSnapshot, rowsOf } from './export.js';
import type { VerifierKey } from './keys.js';
import { manifestOf, type Taken } from './manifest.js';
import { isPlainCheckpoint } from './note.js';
import { OPENING_KINDS, OUTCOME_KINDS, outcomeRow, statementRow, termsOfSession } from './projection.js';
import { EVENT_COLUMNS, type RawEvent } from './reader.js';
import type { SealedRows } from './sealed-rows.js';
import { Breaks, type KeptCheckpoint, type VerifyReport } from './verify.js';
import { checkApprovals } from './verify-approvals.js';
import { AS_PRINTED, isoOf, readRange, type SessionRange } from './verify-range.js';
import {
  agentOf,
  joinedRow,
  outcomeText,
  type SessionsOptions,
  type SessionsState,
  SessionsVerifier,
  type Start,
  sessionText,
  statementText,
} from './verify-sessions.js';
import { checkTails } from './verify-tails.js';
import { TreeVerifier } from './verify-tree.js';
import type { WorkerTask } from './verify-worker.js';

const LEAVES = `SELECT ${LEAF_COLUMNS} FROM leaf l ORDER BY l.position`;
const NOTES = 'SELECT c.size::float8 AS size, c.note, c.frontier FROM checkpoint c ORDER BY c.size';

const listed = (column: string): string => `array_to_string(${column}, E'\\x1e')`;

/** Their columns in the order of verify-sessions.ts, as PostgreSQL prints them; an id first, then a time. */
const SESSIONS = `
  SELECT id, opened_at, actor, issuer, subject, client_id, ${listed('groups')}, token_id, transport, client->>'name', client->>'version',
         (SELECT count(*) FROM jsonb_object_keys(client)), address, key, ${listed('terms')}
  FROM session`;
const STATEMENTS = `SELECT id, at, session_id, agent, kind, verdict, fingerprint, text, purpose, ${listed('terms')} FROM statement`;
const OUTCOMES = 'SELECT id, at, state, rows, bytes, duration_ms, query_id FROM outcome';

type PrintedRow = readonly [id: string, at: string, ...(string | null)[]];

const rowText = ([id, at, ...rest]: PrintedRow): string => joinedRow([id, isoOf(at), ...rest]);

export interface VerifyOptions {
  readonly keys: readonly VerifierKey[];
  /** Checkpoints that were kept outside the database. */
  readonly kept: readonly KeptCheckpoint[];
  readonly onProgress: (events: number, of: number) => void;
  /** Throws where a session's key can't be opened; undefined for whoever has not the key to do so. */
  readonly openKey: ((session: string, key: { readonly keyId: string; readonly wrapped: Buffer }) => void) | undefined;
  /** Proves the HMACs of rows that decide something; undefined for whoever has not the keys. */
  readonly rows?: SealedRows | undefined;
  /** Of the same database: then further threads read it, too, where there is much of it. */
  readonly url?: string;
}

/** Below so many events another thread is not worth its start. */
const WORTH_A_THREAD = 50_000;
const MAX_THREADS = 8;

type Starts = readonly (readonly [string, Start])[];

/** Throws where the store does not answer. */
export function verifyStore(pool: Pool, options: VerifyOptions): Promise<VerifyReport> {
  const { keys, kept, onProgress, openKey, url, rows } = options;
  return inSnapshot(pool, async (client) => {
    const breaks = new Breaks();
    const tree = await readTree(client, keys, kept, breaks);
    const starts = await readArchives(client, breaks);
    const shape: SessionsOptions = {
      largest: tree.largest,
      isComplete: true,
      sumKey: randomBytes(32).toString('base64'),
    };
    const verifier = new SessionsVerifier(breaks, shape);
    for (const [session, start] of starts) verifier.startsAt(session, start);
    const { ranges, events } = await rangesOf(client, url === undefined ? 1 : threads());
    let done = 0;
    const onEvents = (more: number): void => {
      done += more;
      onProgress(done, events);
    };
    const [own, ...others] = ranges;
    const elsewhere = await inThreads(client, others, { url: url ?? '', options: shape, starts }, onEvents);
    await readRange(client, verifier, own ?? { from: null, to: null }, onEvents);
    for (const state of await elsewhere()) verifier.merge(state);
    checkTails(verifier.writers, keys, verifier.hasStarts, breaks);
    await compareRows(client, verifier, breaks);
    await checkKeys(client, verifier, breaks, openKey);
    await checkApprovals(client, breaks, { rows, archived: new Set(starts.map(([session]) => session)) });
    return {
      isWhole: breaks.sorted.length === 0,
      breaks: breaks.sorted,
      isCut: breaks.isCut,
      sessions: verifier.sessions,
      events: verifier.events,
      checkpoints: tree.count,
      kept: tree.keptCount,
      size: tree.largest,
      uncovered: verifier.uncovered,
      isTailSigned: true,
      proved: 0,
    };
  });
}

const threads = (): number => Math.min(MAX_THREADS, availableParallelism());

/** Sessions in ranges of about as many events each, by what the store says of their lengths. */
async function rangesOf(client: PoolClient, most: number): Promise<{ ranges: SessionRange[]; events: number }> {
  const { rows } = await client.query<{ n: number }>('SELECT coalesce(sum(length), 0)::float8 AS n FROM chain');
  const events = rows[0]?.n ?? 0;
  const count = Math.max(1, Math.min(most, Math.floor(events / WORTH_A_THREAD)));
  const bounds: string[] = [];
  let sum = 0;
  if (count > 1)
    for await (const chains of rowsOf<{ session: string; length: number }>(
      client,
      'SELECT session_id AS session, length::float8 AS length FROM chain ORDER BY session_id',
    ))
      for (const { session, length } of chains) {
        if (sum >= (events / count) * (bounds.length + 1) && bounds.length < count - 1) bounds.push(session);
        sum += length;
      }
  const ranges = [null, ...bounds].map((from, index) => ({ from, to: bounds[index] ?? null }));
  return { ranges, events };
}

const workerWord = z.union([z.object({ events: z.number() }), z.object({ state: z.custom<SessionsState>() })]);

/** Each range in a thread of its own, begun at once; what is answered waits for them. */
async function inThreads(
  client: PoolClient,
  ranges: readonly SessionRange[],
  task: Pick<WorkerTask, 'url' | 'options' | 'starts'>,
  onEvents: (events: number) => void,
): Promise<() => Promise<readonly SessionsState[]>> {
  if (ranges.length === 0) return async () => [];
  const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
  const snapshot = rows[0]?.snapshot ?? '';
  const working = ranges.map(
    (range) =>
      new Promise<SessionsState>((resolve, reject) => {
        const workerData: WorkerTask = { ...task, range, snapshot };
        const worker = new Worker(new URL('./verify-worker.js', import.meta.url), { workerData });
        worker.on('message', (message: unknown) => {
          const word = workerWord.parse(message);
          if ('events' in word) onEvents(word.events);
          else resolve(word.state);
        });
        worker.once('error', reject);
        worker.once('exit', (code) => reject(new Error(`a thread of the verification ended with ${code}`)));
      }),
  );
  const all = Promise.all(working);
  // Who waits for it hears of a failure.
  all.catch(() => undefined);
  return () => all;
}

async function readTree(
  client: PoolClient,
  keys: readonly VerifierKey[],
  kept: readonly KeptCheckpoint[],
  breaks: Breaks,
): Promise<TreeVerifier> {
  const tree = new TreeVerifier(keys, breaks);
  for await (const rows of rowsOf<{ size: number; note: string; frontier: Buffer }>(client, NOTES))
    for (const { note, size, frontier } of rows) {
      tree.checkpoint(note, `size ${size} in the store`, false, frontier);
      if (note.split('\n')[1] !== String(size) || !isPlainCheckpoint(note))
        breaks.report(`The checkpoint of size ${size} in the store is not as it was written.`);
    }
  for (const { note, where } of kept) tree.checkpoint(note, where, true);
  for await (const rows of rowsOf<Leaf & { position: number }>(client, LEAVES))
    for (const { position, ...leaf } of rows) tree.leaf(position, leaf);
  tree.end(true);
  return tree;
}

const ARCHIVES = `
  SELECT a.id, (SELECT e.body->>'manifest' FROM event e WHERE e.kind = 'events_archived' AND e.body->>'archive' = a.id::text LIMIT 1) AS manifest
  FROM archive a ORDER BY a.archived_at`;
const TAKEN = `
  SELECT session_id AS session, from_position::float8 AS from_position, length::float8 AS length, encode(hash, 'hex') AS hash, opened_at, opening::text AS opening
  FROM archived_session WHERE archive_id = $1 ORDER BY session_id`;

/** Sessions go on where archives ended, if the record has just these archives. */
async function readArchives(client: PoolClient, breaks: Breaks): Promise<Starts> {
  const { rows: archives } = await client.query<{ id: string; manifest: string | null }>(ARCHIVES);
  const starts: (readonly [string, Start])[] = [];
  for (const { id, manifest } of archives) {
    const { rows } = await client.query<Taken>(TAKEN, [id]);
    if (manifest === null || manifestOf(rows) !== manifest) {
      breaks.report(`The list of what archive ${id} took is not what was recorded of it.`);
      continue;
    }
    for (const { session, length, hash, opened_at: openedAt, opening: text } of rows) {
      const body = text === null ? undefined : (JSON.parse(text) as Record<string, unknown>);
      const opening = body && openedAt ? { at: openedAt.toISOString(), body } : undefined;
      starts.push([session, { length, hash, opening }]);
    }
  }
  return starts;
}

const KEYS = `
  SELECT s.id AS session, k.key_id, k.wrapped FROM session s FULL JOIN session_key k ON k.session_id = s.id ORDER BY s.id`;

/** A key that is gone without a word in the record was not erased by those who may. */
async function checkKeys(
  client: PoolClient,
  verifier: SessionsVerifier,
  breaks: Breaks,
  openKey: VerifyOptions['openKey'],
): Promise<void> {
  for await (const rows of rowsOf<{ session: string | null; key_id: string | null; wrapped: Buffer | null }>(
    client,
    KEYS,
  ))
    for (const { session, key_id: keyId, wrapped } of rows) {
      if (session === null) breaks.report('There is a key of a session that does not exist.');
      else if (keyId === null || wrapped === null) {
        if (!verifier.erased.has(session))
          breaks.report('The key of this session is gone, and no event says that it was erased.', {
            session,
            position: 0,
          });
      } else
        try {
          openKey?.(session, { keyId, wrapped });
        } catch (error) {
          breaks.report(
            `The key of this session can not be opened: ${error instanceof Error ? error.message : String(error)}`,
            { session, position: 0 },
          );
        }
    }
}

/** What search goes by has to follow from the events. */
async function compareRows(client: PoolClient, verifier: SessionsVerifier, breaks: Breaks): Promise<void> {
  const { projections } = verifier;
  for (const [name, sql, expected] of [
    ['session', SESSIONS, projections.sessions],
    ['statement', STATEMENTS, projections.statements],
    ['outcome', OUTCOMES, projections.outcomes],
  ] as const) {
    const found = expected.twin();
    for await (const rows of rowsOf<PrintedRow>(client, sql, [], AS_PRINTED))
      for (const row of rows) found.add(rowText(row));
    if (!expected.equals(found)) await findDifference(client, verifier, breaks, name, sql);
  }
}

const KINDS = { session: ['session_opened'], statement: OPENING_KINDS, outcome: OUTCOME_KINDS } as const;

const brief = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 22);

/** Once more and slower: which rows they are. */
async function findDifference(
  client: PoolClient,
  verifier: SessionsVerifier,
  breaks: Breaks,
  name: keyof typeof KINDS,
  sql: string,
): Promise<void> {
  const expected = new Map<
    string,
    { readonly text: string; readonly session: string; readonly position: number; readonly at: string }
  >();
  const openings = new Map<string, Readonly<Record<string, unknown>>>();
  const kinds = [...KINDS[name], 'session_opened'];
  for (const [session, { at, body }] of verifier.openings) {
    openings.set(session, body);
    if (name === 'session')
      expected.set(session, { text: brief(sessionText(session, at, body)), session, position: 0, at });
  }
  for await (const rows of rowsOf<RawEvent>(
    client,
    `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.kind = ANY($1) ORDER BY e.session_id, e.position`,
    [kinds],
  ))
    for (const row of rows) {
      const event = { ...row, body: JSON.parse(row.body) as Record<string, unknown> };
      if (row.kind === 'session_opened') openings.set(row.session, event.body);
      const text = textOf(name, event, openings.get(row.session) ?? {});
      if (text && !expected.has(text.id))
        expected.set(text.id, { text: brief(text.text), session: row.session, position: row.position, at: row.at });
    }
  for await (const rows of rowsOf<PrintedRow>(client, sql, [], AS_PRINTED))
    for (const row of rows) {
      const [id] = row;
      const known = expected.get(id);
      if (!known)
        breaks.report(`The ${name} row ${id} stands for no event: it was put in.`, {
          session: name === 'session' ? id : undefined,
        });
      else if (known.text !== brief(rowText(row)))
        breaks.report(`The ${name} row ${id} is not what its event says: it was changed.`, known);
      expected.delete(id);
    }
  for (const [id, place] of expected)
    breaks.report(`The ${name} row ${id} is missing: search would not find it.`, place);
}

function textOf(
  name: keyof typeof KINDS,
  event: Omit<RawEvent, 'body'> & { readonly body: Record<string, unknown> },
  opening: Readonly<Record<string, unknown>>,
): { readonly id: string; readonly text: string } | undefined {
  switch (name) {
    case 'session':
      return event.kind === 'session_opened'
        ? { id: event.session, text: sessionText(event.session, event.at, event.body) }
        : undefined;
    case 'statement': {
      const row = statementRow(event);
      return row && { id: row.id, text: statementText(row, agentOf(opening), termsOfSession(opening)) };
    }
    case 'outcome': {
      const row = outcomeRow(event);
      return row && { id: row.id, text: outcomeText(row) };
    }
  }
}
