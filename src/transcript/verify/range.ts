/** Some sessions of the store, read in one snapshot and given to a verifier. */
import type { PoolClient } from 'pg';
import type { SessionsVerifier } from '../checks/sessions.js';
import type { WritersVerifier } from '../checks/writers.js';
import type { EventKind } from '../form/event.js';
import { rowsOf } from '../read/export.js';
import { type RawEvent, timeText } from '../read/reader.js';

/** From one session's id on, up to before another's; null for no bound. */
export interface SessionRange {
  readonly from: string | null;
  readonly to: string | null;
}

const WITHIN = '($1::uuid IS NULL OR session_id >= $1) AND ($2::uuid IS NULL OR session_id < $2)';

/** Of `event e`, as PostgreSQL prints them: what is read millions of times is put into shape here, not there. */
export const PRINTED_EVENT =
  'e.sequence, e.position, e.at, e.session_id, e.statement_id, e.kind, e.body::text, e.writer, e.n, e.hash, e.signature';
const EVENTS = `SELECT ${PRINTED_EVENT} FROM event e WHERE ${WITHIN} ORDER BY e.session_id, e.position`;
const IN_ORDER = `SELECT ${PRINTED_EVENT} FROM event e WHERE e.sequence >= $1 AND e.sequence < $2 ORDER BY e.sequence`;
const LEAVES = `
  SELECT l.position::float8 AS position, l.session_id AS session, l.length::float8 AS length, encode(l.hash, 'hex') AS hash
  FROM leaf l WHERE ${WITHIN} ORDER BY l.position`;
const HEADS = `
  SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash, ${timeText('last_at')} AS last_at, is_open, is_covered
  FROM chain WHERE ${WITHIN} ORDER BY session_id`;

/** Rows as PostgreSQL prints them, with what `readRange` sets. */
export const AS_PRINTED = { rowMode: 'array', types: { getTypeParser: () => (text: string) => text } } as const;

export type PrintedEvent = readonly [
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

/** 2026-11-21 18:24:11.25+00, as ISO 8601 with milliseconds; any other time (before Christ, infinity) as it is. */
export const isoOf = (at: string): string => {
  if (!at.endsWith('+00')) return at;
  const fraction = at.slice(20, -3);
  return `${at.slice(0, 10)}T${at.slice(11, 19)}.${at[19] === '.' ? fraction.padEnd(3, '0') : '000'}Z`;
};

export function eventOf(row: PrintedEvent): RawEvent {
  const [sequence, position, at, session, statement, kind, body, writer, n, hash, signature] = row;
  return {
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
  };
}

interface LeafRow {
  readonly position: number;
  readonly session: string;
  readonly length: number;
  readonly hash: string;
}

interface HeadRow {
  readonly session: string;
  readonly length: number;
  readonly hash: string;
  readonly last_at: string;
  readonly is_open: boolean;
  readonly is_covered: boolean;
}

/** How PostgreSQL has to print for `eventOf`; until the end of the transaction. */
export const PRINTING = "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'";

/** From one number in the order of writing on, up to before another's. */
export interface SequenceRange {
  readonly from: string;
  readonly to: string;
}

/** Events in the order of writing: what each process wrote. Within a transaction of its own. */
export async function readInOrder(
  client: PoolClient,
  verifier: WritersVerifier,
  { from, to }: SequenceRange,
  onProgress: (events: number) => void,
): Promise<void> {
  await client.query(PRINTING);
  for await (const rows of rowsOf<PrintedEvent>(client, IN_ORDER, [from, to], AS_PRINTED)) {
    for (const row of rows) verifier.event(eventOf(row));
    onProgress(rows.length);
  }
}

/** Within a transaction of its own. `onProgress` hears of so many more events each time. */
export async function readRange(
  client: PoolClient,
  verifier: SessionsVerifier,
  { from, to }: SessionRange,
  onProgress: (events: number) => void,
): Promise<void> {
  await client.query(PRINTING);
  const values = [from, to];
  for await (const rows of rowsOf<LeafRow>(client, LEAVES, values))
    for (const { position, session, length, hash } of rows) verifier.leaf(position, session, length, hash);
  for await (const rows of rowsOf<PrintedEvent>(client, EVENTS, values, AS_PRINTED)) {
    for (const row of rows) verifier.event(eventOf(row));
    onProgress(rows.length);
  }
  for await (const rows of rowsOf<HeadRow>(client, HEADS, values))
    for (const { session, length, hash, ...more } of rows)
      verifier.head(session, length, hash, { lastAt: more.last_at, isOpen: more.is_open, isCovered: more.is_covered });
  verifier.endOfEvents();
}
