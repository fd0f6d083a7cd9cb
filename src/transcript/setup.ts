/**
 * Who may do what in the store. The tables belong to an administrator; the gateway's role may read, and lengthen the record through
 * append(), but neither change nor delete what is there. What is no record but state (approvals, cursors, budgets) it may change.
 */
import type { Pool } from 'pg';
import { migrate } from './migrate.js';
import { QUEUE_GRANTS, setUpQueue } from './queue.js';

const GRANTS = (role: string): string => `
  GRANT USAGE ON SCHEMA public TO ${role};
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${role};
  GRANT EXECUTE ON FUNCTION append(uuid, json, uuid[], json, json, json, json, json, text[]), take_heads(bigint, json, timestamptz), cover_heads(bigint), ensure_partitions(timestamptz, integer), settle_writer(interval) TO ${role};
  GRANT INSERT ON checkpoint TO ${role};
  GRANT INSERT, UPDATE ON notarised TO ${role};
  GRANT UPDATE (seen_at) ON writer TO ${role};
  GRANT INSERT, UPDATE ON approval, standing_approval, scan_budget TO ${role};
  GRANT INSERT ON approval_decision TO ${role};
  GRANT INSERT, UPDATE, DELETE ON cursor, person_session TO ${role};
  GRANT INSERT ON webhook TO ${role};
  GRANT INSERT, UPDATE ON delivery TO ${role};
  GRANT INSERT, DELETE ON dead_letter TO ${role};`;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export interface SetUp {
  readonly migrations: readonly string[];
  readonly isNewRole: boolean;
}

/**
 * Makes or updates the tables as the administrator that `admin` connects as, and the gateway's role with the name and password of its
 * own URL. Throws where the administrator may not.
 */
export async function setUpStore(admin: Pool, gatewayUrl: string): Promise<SetUp> {
  const { username, password } = new URL(gatewayUrl);
  const [name, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  if (name === '') throw new Error("The gateway's URL names no user.");
  const migrations = await migrate(admin);
  await setUpQueue(admin);
  const { rows } = await admin.query<{ owner: boolean; known: boolean }>(
    'SELECT current_user = $1 AS owner, EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS known',
    [name],
  );
  if (rows[0]?.owner === true)
    throw new Error(
      `The gateway would be ${name}, the administrator itself. Give the gateway's URL another user; it is made here.`,
    );
  const isNewRole = rows[0]?.known !== true;
  if (isNewRole)
    await admin.query(
      `CREATE ROLE ${quoted(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS ${secret === '' ? '' : `PASSWORD ${literal(secret)}`}`,
    );
  await admin.query(GRANTS(quoted(name)) + QUEUE_GRANTS(quoted(name)));
  return { migrations, isNewRole };
}

const MAY = `
  SELECT current_user AS role,
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_super,
         array_remove(array_agg(DISTINCT CASE
           WHEN has_table_privilege(c.oid, 'UPDATE') OR has_any_column_privilege(c.oid, 'UPDATE') AND c.relname <> 'writer' THEN 'UPDATE on ' || c.relname
           WHEN has_table_privilege(c.oid, 'DELETE') THEN 'DELETE on ' || c.relname
           WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE on ' || c.relname
           WHEN pg_has_role(c.relowner, 'USAGE') THEN 'ownership of ' || c.relname END), NULL) AS excess
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND c.relname IN ('event', 'session', 'session_key', 'chain', 'statement', 'outcome', 'running', 'writer', 'leaf', 'checkpoint')`;

/** What the connected role may do to the record beyond reading and adding; empty where all is well. */
export async function excessPrivileges(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ role: string; is_super: boolean; excess: string[] | null }>(MAY);
  const [row] = rows;
  if (!row) return [];
  return row.is_super ? [`${row.role} is a superuser`] : (row.excess ?? []);
}
