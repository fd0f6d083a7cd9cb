/** What only one of all processes may do at a time. */
import type { Pool, PoolClient } from 'pg';

/** Runs it unless another process is at it; then the answer is undefined. */
export async function alone<T>(
  pool: Pool,
  lock: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T | undefined> {
  const client = await pool.connect();
  let isBroken: Error | undefined;
  try {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lock]);
    if (rows[0]?.taken !== true) return undefined;
    try {
      return await work(client);
    } finally {
      // A lock that can't be given back goes with its connection.
      await client.query('SELECT pg_advisory_unlock($1)', [lock]).catch((error: unknown) => {
        isBroken = error instanceof Error ? error : new Error(String(error));
      });
    }
  } finally {
    client.release(isBroken);
  }
}
