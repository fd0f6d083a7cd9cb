/** Some sessions of the store, read in one snapshot and given to a verifier. */
import type { PoolClient } from 'pg';
import type { SessionsVerifier } from '../checks/sessions.js';
import type { WritersVerifier } from '../checks/writers.js';
import { timeText } from '../read/columns.js';
import { AS_PRINTED, eventOf, PRINTED_EVENT, PRINTING, type PrintedEvent } from '../read/printed.js';
import { rowsOf } from '../store/snapshot.js';

/** From one session's id on, up to before another's; null for no bound. */
export interface SessionRange {
  readonly from: string | null;
  readonly to: string | null;
}

const WITHIN = '($1::uuid IS NULL OR session_id >= $1) AND ($2::uuid IS NULL OR session_id < $2)';

const EVENTS = `SELECT ${PRINTED_EVENT} FROM event e WHERE ${WITHIN} ORDER BY e.session_id, e.position`;
const IN_ORDER = `SELECT ${PRINTED_EVENT} FROM event e WHERE e.sequence >= $1 AND e.sequence < $2 ORDER BY e.sequence`;
const LEAVES = `
  SELECT l.position::float8 AS position, l.session_id AS session, l.length::float8 AS length, encode(l.hash, 'hex') AS hash
  FROM leaf l WHERE ${WITHIN} ORDER BY l.position`;
const HEADS = `
  SELECT session_id AS session, length::float8 AS length, encode(hash, 'hex') AS hash, ${timeText('last_at')} AS last_at, is_open, is_covered
  FROM chain WHERE ${WITHIN} ORDER BY session_id`;

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
