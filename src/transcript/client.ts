/** A connection for more than one statement. */
import type { Pool, PoolClient } from 'pg';

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
