/**
 * Whether an event was written by a gateway of ours: the signature over all that was written with it was checked here. Whoever holds the
 * password of the gateway's role can append what they like, also once more what we have signed; the notary finds that at its next look,
 * and by then nothing may have come of it.
 */
import type { Pool, PoolClient } from 'pg';
import type { RawEvent } from '../form/event.js';
import { Batches, type BatchesOptions, slices } from './batches.js';
import { EVENT_COLUMNS } from './columns.js';

type Queries = Pick<Pool | PoolClient, 'query'>;
export type Proving = Pick<BatchesOptions, 'keys'> & Partial<BatchesOptions>;

const LAST_OF = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 ORDER BY e.position DESC LIMIT 1`;
/** An event names its session, so what was signed can be put in a second time there alone. */
const WAS_THERE =
  'SELECT FROM event e WHERE e.session_id = $1 AND e.position < $2 AND e.writer = $3 AND e.n = $4 LIMIT 1';
const NONE: ReadonlySet<string> = new Set();

/** Throws where the store does not answer. */
export async function isOurs(queries: Queries, event: RawEvent, { keys, forged = NONE }: Proving): Promise<boolean> {
  return (await Batches.of(queries, [event], { keys, forged })).doubtOf(event) === undefined;
}

/** Of some events those that are ours: much quicker than one by one. Throws where the store does not answer. */
export async function oursAmong(
  queries: Queries,
  events: readonly RawEvent[],
  { keys, forged = NONE }: Proving,
): Promise<ReadonlySet<RawEvent>> {
  const ours = new Set<RawEvent>();
  for (const slice of slices(events)) {
    const batches = await Batches.of(queries, slice, { keys, forged });
    for (const event of slice) if (batches.doubtOf(event) === undefined) ours.add(event);
  }
  return ours;
}

/** Whether an event is ours, and stands where it was written: what was signed can be put in a second time. Throws where the store does not answer. */
export async function isOursHere(pool: Pool, event: RawEvent, proving: Proving): Promise<boolean> {
  if (!(await isOurs(pool, event, proving))) return false;
  return (await pool.query(WAS_THERE, [event.session, event.position, event.writer, event.n])).rowCount === 0;
}

/** Whether the newest event of a session is ours: what follows from its being the newest. Throws where the store does not answer. */
export async function endsWithOurs(pool: Pool, session: string, proving: Proving): Promise<boolean> {
  const { rows } = await pool.query<RawEvent>({ name: 'last_of_session', text: LAST_OF, values: [session] });
  const [last] = rows;
  return last !== undefined && isOursHere(pool, last, proving);
}

/** Events of one statement, in order: each number of a writer counts once, since what is there a second time was put in. */
export class FirstOnly {
  readonly #seen = new Set<string>();

  isFirst({ writer, n }: Pick<RawEvent, 'writer' | 'n'>): boolean {
    const name = `${writer} ${n}`;
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    return true;
  }
}
