/**
 * Sets the store up. The tables belong to an administrator; roles may read, and beyond that what rights.ts gives them: the gateway's
 * lengthens the record through append(), the notary's signs it, the reader's does neither. None changes or deletes what is there.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { z } from 'zod';
import { withClient } from './client.js';
import { migrate } from './migrate.js';
import { QUEUE_GRANTS, setUpQueue } from './queue.js';
import { grantsOf, mayOnColumn, mayOnTable, type Purpose, rightsOf } from './rights.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What everybody may in a schema of PostgreSQL before version 15, and nobody needs here. */
const NOT_FOR_EVERYBODY = 'REVOKE CREATE ON SCHEMA public FROM PUBLIC';

export interface SetUp {
  readonly migrations: readonly string[];
  /** Roles that were made now. */
  readonly made: readonly string[];
}

export interface StoreUrls {
  readonly gateway: string;
  readonly notary?: string | undefined;
  readonly reader?: string | undefined;
}

export const userOf = (url: string): string => decodeURIComponent(new URL(url).username);

/**
 * Makes or updates the tables as the administrator that `admin` connects as, and each role with the name and password of its own URL.
 * Throws where the administrator may not.
 */
export async function setUpStore(admin: Pool, urls: StoreUrls | string): Promise<SetUp> {
  const given = typeof urls === 'string' ? { gateway: urls } : urls;
  const roles = (['gateway', 'notary', 'reader'] as const).flatMap((purpose) => {
    const url = given[purpose];
    return url === undefined ? [] : [{ purpose, url }];
  });
  for (const { purpose, url } of roles) if (userOf(url) === '') throw new Error(`The ${purpose}'s URL names no user.`);
  const migrations = await migrate(admin);
  await setUpQueue(admin);
  const made: string[] = [];
  for (const { purpose, url } of roles) if (await makeRole(admin, purpose, url)) made.push(userOf(url));
  await admin.query(NOT_FOR_EVERYBODY);
  await withClient(admin, async (client) => {
    await client.query('BEGIN');
    for (const { purpose, url } of roles)
      await client.query(grantsOf(quoted(userOf(url)), rightsOf(purpose, given.notary !== undefined)));
    await client.query(QUEUE_GRANTS(quoted(userOf(given.gateway))));
    await client.query('COMMIT');
    for (const { url } of roles) await endIdle(client, userOf(url));
  });
  return { migrations, made };
}

/** Longer than anything of ours waits within a transaction: what a client that is forgotten has locked is free again then. */
const IDLE = '10min';
/** The administrator may make roles, and not change one that another has made: insufficient_privilege (appendix A). */
const MAY_NOT = '42501';

/** For what is left open by mistake. A role may set it otherwise for itself: whoever means harm is found by what no longer goes on. */
async function endIdle(client: PoolClient, role: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  await client
    .query(
      `ALTER ROLE ${quoted(role)} IN DATABASE ${quoted(rows[0]?.name ?? '')} SET idle_in_transaction_session_timeout = '${IDLE}'`,
    )
    .catch((error: unknown) => {
      if (!(error instanceof DatabaseError) || error.code !== MAY_NOT) throw error;
    });
}

/** Whether it was not there. */
async function makeRole(admin: Pool, purpose: Purpose, url: string): Promise<boolean> {
  const name = userOf(url);
  const { rows } = await admin.query<{ owner: boolean; known: boolean }>(
    'SELECT current_user = $1 AS owner, EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS known',
    [name],
  );
  if (rows[0]?.owner === true)
    throw new Error(
      `The ${purpose} would be ${name}, the administrator itself. Give the ${purpose}'s URL another user; it is made here.`,
    );
  if (rows[0]?.known === true) return false;
  const secret = decodeURIComponent(new URL(url).password);
  await admin.query(
    `CREATE ROLE ${quoted(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS ${secret === '' ? '' : `PASSWORD ${literal(secret)}`}`,
  );
  return true;
}

const IS = `
  SELECT r.rolname AS role, r.rolsuper AS is_super,
         array_remove(ARRAY[
           CASE WHEN r.rolcreaterole THEN 'that it may make roles' END,
           CASE WHEN r.rolreplication THEN 'that it may replicate' END,
           CASE WHEN r.rolbypassrls THEN 'that it passes row security by' END,
           CASE WHEN has_schema_privilege('public', 'CREATE') THEN 'CREATE in the schema public' END], NULL)
         || ARRAY(SELECT 'membership in ' || o.rolname FROM pg_roles o WHERE o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS excess
  FROM pg_roles r WHERE r.rolname = current_user`;
const isRow = z.object({ role: z.string(), is_super: z.boolean(), excess: z.array(z.string()) });

/** Partitions by the name of their table. */
const ON_TABLES = `
  SELECT DISTINCT coalesce(p.relname, c.relname) AS name, NULL AS column, privilege
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent,
       unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, privilege)
  UNION ALL
  SELECT DISTINCT coalesce(p.relname, c.relname), a.attname, privilege
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attacl IS NOT NULL, unnest(ARRAY['INSERT', 'UPDATE', 'REFERENCES']) AS privilege
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND has_column_privilege(c.oid, a.attnum, privilege)
  ORDER BY 1, 2, 3`;
const onTable = z.object({ name: z.string(), column: z.string().nullable(), privilege: z.string() });

const ON_FUNCTIONS = `
  SELECT DISTINCT p.proname AS name FROM pg_proc p
  WHERE p.pronamespace = 'public'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  ORDER BY 1`;

/** What the connected role may do to the store beyond its purpose; empty where all is well. */
export async function excessPrivileges(
  pool: Pool,
  purpose: Purpose = 'gateway',
  hasNotary = false,
): Promise<readonly string[]> {
  const rights = rightsOf(purpose, hasNotary);
  const [is] = z.array(isRow).parse((await pool.query(IS)).rows);
  if (is?.is_super === true) return [`${is.role} is a superuser`];
  const tables = z.array(onTable).parse((await pool.query(ON_TABLES)).rows);
  const functions = (await pool.query<{ name: string }>(ON_FUNCTIONS)).rows;
  return [
    ...(is?.excess ?? []),
    ...tables.flatMap(({ name, column, privilege }) => {
      const may = column === null ? mayOnTable(rights, name, privilege) : mayOnColumn(rights, name, column, privilege);
      return may ? [] : [`${privilege} on ${name}${column === null ? '' : ` (${column})`}`];
    }),
    ...functions.flatMap(({ name }) => (rights.functions.includes(name) ? [] : [`EXECUTE on ${name}`])),
  ];
}
