/** The unmodified driver against an embedded warehouse, without snowfence in between. */
import { loadDriver } from '../../../dist/warehouse/index.js';

export async function connectDriver({ access_url: accessUrl, username, password }, more = {}) {
  const driver = await loadDriver();
  const connection = driver.createConnection({
    account: 'demo',
    accessUrl,
    username,
    ...(password === undefined ? {} : { password }),
    ...more,
  });
  await new Promise((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  return connection;
}

export function execute(connection, sqlText, more = {}) {
  return new Promise((resolve, reject) => {
    connection.execute({
      sqlText,
      ...more,
      complete: (error, _statement, rows) => (error ? reject(error) : resolve(rows ?? [])),
    });
  });
}

/** Statements that the warehouse has seen with a text like this, our own set-up statements left out. */
export async function seen(connection, like) {
  const rows = await execute(
    connection,
    'SELECT QUERY_TEXT, QUERY_TAG FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY WHERE QUERY_TAG NOT LIKE \'%"setup":true%\'',
  );
  return rows.map((row) => String(row['QUERY_TEXT'])).filter((text) => text.includes(like));
}
