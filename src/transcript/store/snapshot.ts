/** Reading much of the store at one moment: a snapshot that does not move, and rows some thousands at a time. */
import type { Pool, PoolClient, QueryArrayConfig, QueryResult } from 'pg';
import { withClient } from './client.js';

const AT_ONCE = 2000;

/** Rows of a query, some thousands at a time; the next are fetched while these are looked at. */
export async function* rowsOf<T>(
  client: PoolClient,
  sql: string,
  values: readonly unknown[] = [],
  form: Pick<QueryArrayConfig, 'types'> & { readonly rowMode?: 'array' } = {},
): AsyncGenerator<T[]> {
  const name = `cursor_${Math.random().toString(36).slice(2)}`;
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${sql}`, [...values]);
  const fetchNext = () => {
    const rows = client.query({ text: `FETCH ${AT_ONCE} FROM ${name}`, ...form }) as Promise<QueryResult>;
    // Who waits for it hears of its failure; nobody may be left to wait.
    rows.catch(() => undefined);
    return rows;
  };
  for (let next = fetchNext(); ; ) {
    const { rows } = await next;
    const isLast = rows.length < AT_ONCE;
    if (!isLast) next = fetchNext();
    if (rows.length > 0) yield rows as T[];
    if (isLast) break;
  }
  await client.query(`CLOSE ${name}`);
}

/** In one snapshot. */
export function inSnapshot<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  });
}
