/**
 * What only one of all processes may do at a time. Its turn is a row that nobody can lock but a role that may change it (PostgreSQL, SELECT,
 * "The Locking Clause"): an advisory lock may be taken by whoever connects, and who holds it passes for one of ours.
 */
import type { Pool, PoolClient } from 'pg';
import { withClient } from './client.js';

/** Each a table of one row: 028_turns.sql. Who has which is in rights.ts. */
type Turn = 'notary_turn' | 'closing_turn';

/**
 * Runs it, in a transaction of its own, unless another process is at it; then the answer is undefined. What is done on the connection that
 * it is given holds once it has come to its end, or not at all.
 */
export function alone<T>(pool: Pool, turn: Turn, work: (client: PoolClient) => Promise<T>): Promise<T | undefined> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN');
    // It may be read for long over another connection.
    await client.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    const { rowCount } = await client.query(`SELECT FROM ${turn} t FOR UPDATE SKIP LOCKED`);
    if (rowCount !== 1) {
      await client.query('ROLLBACK');
      return undefined;
    }
    const result = await work(client);
    await client.query('COMMIT');
    // A failure closes the connection, and the lock goes with it.
    return result;
  });
}
