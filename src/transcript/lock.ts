/** What only one of all processes may do at a time. */
import type { Pool, PoolClient } from 'pg';
import { withClient } from './client.js';

/** Runs it unless another process is at it; then the answer is undefined. */
export function alone<T>(pool: Pool, lock: number, work: (client: PoolClient) => Promise<T>): Promise<T | undefined> {
  return withClient(pool, async (client) => {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lock]);
    if (rows[0]?.taken !== true) return undefined;
    const result = await work(client);
    // A failure closes the connection, and the lock goes with it.
    await client.query('SELECT pg_advisory_unlock($1)', [lock]);
    return result;
  });
}
