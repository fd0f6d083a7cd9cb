/** The rows that search goes by, as the store has them, held against what follows from the events; and which of them differ. */
import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Breaks } from '../checks/breaks.js';
import { joinedRow } from '../checks/row-sums.js';
import { agentOf, outcomeText, sessionText, statementText } from '../checks/search-rows.js';
import type { SessionsVerifier } from '../checks/sessions.js';
import type { RawEvent } from '../form/event.js';
import { OPENING_KINDS, OUTCOME_KINDS, outcomeRow, statementRow, termsOfSession } from '../form/projection.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import { AS_PRINTED, isoOf } from '../read/printed.js';
import { rowsOf } from '../store/snapshot.js';

const listed = (column: string): string => `array_to_string(${column}, E'\\x1e')`;

/** Their columns in the order of checks/search-rows.ts, as PostgreSQL prints them; an id first, then a time. */
const SESSIONS = `
  SELECT id, opened_at, actor, issuer, subject, client_id, ${listed('groups')}, token_id, transport, client->>'name', client->>'version',
         (SELECT count(*) FROM jsonb_object_keys(client)), address, key, ${listed('terms')}
  FROM session`;
const STATEMENTS = `SELECT id, at, session_id, agent, kind, verdict, fingerprint, text, purpose, ${listed('terms')} FROM statement`;
const OUTCOMES = 'SELECT id, at, state, rows, bytes, duration_ms, query_id FROM outcome';

type PrintedRow = readonly [id: string, at: string, ...(string | null)[]];

const rowText = ([id, at, ...rest]: PrintedRow): string => joinedRow([id, isoOf(at), ...rest]);

/** What search goes by has to follow from the events. */
export async function compareRows(client: PoolClient, verifier: SessionsVerifier, breaks: Breaks): Promise<void> {
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
