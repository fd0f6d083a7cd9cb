/** Events as they are written, in the order of writing over all sessions: what exports and the console go on with. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { RawEvent, StoredEvent } from '../form/event.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import type { Proofs } from '../read/proved.js';

const AT_ONCE = 2000;

const AFTER = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.sequence > $1 ORDER BY e.sequence LIMIT $2`;

/**
 * Whoever writes holds this lock from before numbers are taken until they are to be seen, or given up (PostgreSQL's documentation, "Explicit
 * Locking", ROW EXCLUSIVE). It takes the right to write, which the owner has and append() alone: an advisory lock anybody could hold.
 */
const WRITING = `
  SELECT l.virtualtransaction FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE l.locktype = 'relation' AND l.relation = 'event'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted AND d.datname = current_database()`;
/** A gateway writes within seconds, or PostgreSQL ends it; what takes longer is waited for by nobody. */
const PATIENCE_MS = 60_000;

const LOOK = `SELECT (SELECT max(e.sequence) FROM event e)::text AS newest, ARRAY(${WRITING})::text[] AS writing`;

const lookRow = z.object({ newest: z.string().nullable(), writing: z.array(z.string()) });

interface Look {
  /** The newest event's number; 0 where there is none. */
  readonly newest: bigint;
  /** Whose numbers, up to that one, may still be missing. */
  readonly writing: readonly string[];
}

async function look(pool: Pool): Promise<Look> {
  const { newest, writing } = lookRow.parse((await pool.query(LOOK)).rows[0]);
  return { newest: BigInt(newest ?? '0'), writing };
}

/** The newest event's place in the order of writing; 0 where there is none. */
export const newestSequence = async (pool: Pool): Promise<bigint> => (await look(pool)).newest;

/**
 * Up to where every number that is missing now is missing for good: what was under way when a number was first found missing is over.
 * A transaction's events are seen before its locks are gone, so rows have to be read after this.
 */
class Settled {
  readonly #followed: Followed;
  readonly #patienceMs: number;
  #upTo: bigint;
  #waiting: (Look & { readonly since: number }) | undefined;

  constructor(followed: Followed, upTo: bigint, patienceMs: number) {
    this.#followed = followed;
    this.#upTo = upTo;
    this.#patienceMs = patienceMs;
  }

  get upTo(): bigint {
    return this.#upTo;
  }

  /** A number is missing: whether rows are worth reading again at once. */
  async advance(): Promise<boolean> {
    const now = { ...(await look(this.#followed.pool)), since: performance.now() };
    const before = this.#waiting ?? now;
    if (before.writing.some((writer) => now.writing.includes(writer))) {
      this.#waiting = before;
      if (now.since - before.since < this.#patienceMs) return false;
      this.#followed.onProblem?.(
        `A transaction has been writing events for longer than ${this.#patienceMs / 1000} s, as none of ours does. What follows is no longer kept back for it.`,
        undefined,
      );
    }
    this.#upTo = before.newest;
    this.#waiting = undefined;
    return true;
  }
}

export interface Followed {
  readonly pool: Pool;
  readonly proofs: Proofs;
  /** Hears of somebody who keeps the events of others back. */
  readonly onProblem?: (problem: string, error: unknown) => void;
}

/**
 * Events in the order of writing as they come, each once, from after a sequence on, and only those that are proved to be ours; ends when
 * the signal says so. Throws Unproved at the first that is none of ours, after all before it; throws where the store does not answer.
 */
export async function* follow(
  followed: Followed,
  after: bigint,
  signal: AbortSignal,
  pollMs = 500,
  patienceMs = PATIENCE_MS,
): AsyncGenerator<readonly StoredEvent[]> {
  const { pool, proofs } = followed;
  const settled = new Settled(followed, after, patienceMs);
  let last = after;
  while (!signal.aborted) {
    const { rows } = await pool.query<RawEvent>({ name: 'events_after', text: AFTER, values: [String(last), AT_ONCE] });
    const ready: RawEvent[] = [];
    let upTo = last;
    for (const row of rows) {
      const sequence = BigInt(row.sequence);
      if (sequence !== upTo + 1n && sequence > settled.upTo + 1n) break;
      ready.push(row);
      upTo = sequence;
    }
    const { events, unproved } = await proofs.upTo(ready);
    last = BigInt(events.at(-1)?.sequence ?? last);
    const own = events.filter((event) => !proofs.isForged(event));
    if (own.length > 0) yield own;
    if (unproved) throw unproved;
    // Some went to an archive meanwhile: the next look does not find them.
    const isCut = events.length < ready.length;
    const isGap = ready.length < rows.length;
    const isMore = !isCut && (isGap ? await settled.advance() : rows.length === AT_ONCE);
    if (!isMore) await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
