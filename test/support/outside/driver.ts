/** The unmodified driver against an embedded warehouse, without snowfence in between. */
import type { Connection, ConnectionOptions } from 'snowflake-sdk';
import { loadDriver } from '../../../dist/warehouse/index.js';

export interface Address {
  readonly access_url: string;
  readonly username: string;
  readonly password?: string;
}

export async function connectDriver(address: Address, more: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const driver = await loadDriver();
  const connection = driver.createConnection({
    account: 'demo',
    accessUrl: address.access_url,
    username: address.username,
    ...(address.password === undefined ? {} : { password: address.password }),
    ...more,
  } as ConnectionOptions);
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  return connection;
}

export function execute(
  connection: Connection,
  sqlText: string,
  more: Record<string, unknown> = {},
): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    connection.execute({
      sqlText,
      ...more,
      complete: (error, _statement, rows) =>
        error ? reject(error) : resolve((rows ?? []) as Record<string, unknown>[]),
    });
  });
}

/** Statements that the warehouse has seen with a text like this, our own set-up statements left out. */
export async function seen(connection: Connection, like: string): Promise<string[]> {
  const rows = await execute(
    connection,
    'SELECT QUERY_TEXT, QUERY_TAG FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY WHERE QUERY_TAG NOT LIKE \'%"setup":true%\'',
  );
  return rows.map((row) => String(row['QUERY_TEXT'])).filter((text) => text.includes(like));
}
