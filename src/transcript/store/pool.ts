/** Connections to the store: what each of them is told before anything is asked of it. */
import pg from 'pg';
import { connectionTo } from './database.js';

const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 5000;

export function storePool(url: string, statementTimeoutMs = STATEMENT_TIMEOUT_MS, connections = 8): pg.Pool {
  const pool = new pg.Pool({
    ...connectionTo(url),
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + 1000,
    application_name: 'snowfence',
    // A record that is lost with the machine's power would be none. Days, weeks and hours are those of UTC, and times are printed in
    // one form, whatever the database, the role or the server's machine is set to. Names mean our tables and nobody else's, and rows
    // that somebody hides are an error, not left out.
    options: '-c synchronous_commit=on -c TimeZone=UTC -c DateStyle=ISO -c search_path=public -c row_security=off',
  });
  // A connection that breaks while nobody uses it ends nothing: the next use opens another.
  pool.on('error', () => undefined);
  return pool;
}
