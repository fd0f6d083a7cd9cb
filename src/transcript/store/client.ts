/** A connection for more than one statement. */
import type { Pool, PoolClient } from 'pg';

/** PostgreSQL does not let this role do that, or some rows would be hidden from it: insufficient_privilege (appendix A). */
export const isKeptOut = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === '42501';

/**
 * Lends a connection of the pool. One that breaks meanwhile fails the statement that is under way, and nothing else: without a listener
 * of its own its error would end the process.
 */
export async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  const onError = (error: Error): void => {
    failure = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } catch (error) {
    // Whatever it left open, such as a transaction, goes with the connection.
    failure ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(failure);
  }
}
