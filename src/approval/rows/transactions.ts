/** Transactions that write to the record as well, by turns, and the store's clock, by which all of them go. */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { RecorderUnavailable, withClient } from '../../transcript/index.js';
import { FairGate } from '../../turns/index.js';
import { DecisionRefused, type Reviewer } from '../values/state.js';

/**
 * Each holds a connection while the record is written over another: more at once could leave none for the record. Of one principal one at
 * a time, whatever it is about. Reviewers have places of their own: nobody's asking is before their word.
 */
const LOCKED_AT_ONCE = 2;
const DECIDED_AT_ONCE = 2;

export class Transactions {
  readonly #pool: Pool;
  readonly #locked = new FairGate(LOCKED_AT_ONCE, 1);
  readonly #decided = new FairGate(DECIDED_AT_ONCE, 1);

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * A transaction that writes to the record as well. Those that wait for one go by turns, so that nobody who asks without end keeps the
   * others waiting. Throws what the work throws; RecorderUnavailable where the store fails.
   */
  async locking<T>(whose: string, work: (client: PoolClient) => Promise<T>, gate = this.#locked): Promise<T> {
    const place = await gate.enter(whose);
    try {
      return await withClient(this.#pool, async (client) => {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      });
    } catch (error) {
      if (error instanceof DecisionRefused || error instanceof RecorderUnavailable) throw error;
      throw new RecorderUnavailable(error);
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** The same for the principal of an approval, as far as its row tells before it is read. */
  async lockingOf<T>(id: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const whose = await reading(async () => {
      if (!z.uuid().safeParse(id).success) return '';
      const { rows } = await this.#pool.query<{ whose: string }>(
        `SELECT t.issuer || ' ' || t.subject AS whose FROM approval t WHERE t.id = $1`,
        [id],
      );
      return rows[0]?.whose ?? '';
    });
    return this.locking(whose, work);
  }

  /** The same for a reviewer. */
  deciding<T>({ issuer, subject }: Reviewer, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.locking(`${issuer} ${subject}`, work, this.#decided);
  }
}

/** Throws RecorderUnavailable where the store fails. */
export async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new RecorderUnavailable(error);
  }
}

/** The store's clock: all replicas go by it. */
export async function nowOf(client: Pick<PoolClient, 'query'>): Promise<string> {
  const { rows } = await client.query<{ now: Date }>(`SELECT date_trunc('milliseconds', now()) AS now`);
  const [row] = rows;
  if (!row) throw new Error('The store has no time.');
  return row.now.toISOString();
}
