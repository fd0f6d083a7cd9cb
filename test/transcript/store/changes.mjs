/**
 * What a superuser may change of the store itself, for each of its tables, columns, constraints, indexes, weeks, functions and triggers, and
 * around them: each in a transaction that is taken back, and what `verify` and `doctor` say of it in between.
 */
import { storeProblems } from '../../../dist/transcript/index.js';
import { random } from '../../support/random.mjs';

const PRIVILEGES = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'];
const MINE = 'CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$';
const CLAIM = 'CREATE FUNCTION claim() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$';
const quote = (name) => `"${name.replaceAll('"', '""')}"`;
const names = async (db, sql) => (await db.query(sql)).rows;

const RELATIONS = `
  SELECT c.relname AS name, c.relkind AS kind, c.relispartition AS is_week, p.relname AS of
  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`;

/** All of them, by the catalog of `db`. `roles` as StoreRoles. What PostgreSQL refuses is sorted out when it is tried. */
async function storeChanges(db, { gateway, ...others }) {
  const changes = [];
  const relations = await names(db, RELATIONS);
  const roles = [gateway, ...Object.values(others)];
  for (const { name, kind, is_week: isWeek } of relations) {
    const table = quote(name);
    changes.push(
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
      `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY p ON ${table} USING (true)`,
      `CREATE RULE mine AS ON UPDATE TO ${table} DO INSTEAD NOTHING`,
      `CREATE RULE mine AS ON INSERT TO ${table} DO INSTEAD NOTHING`,
      `${MINE}; CREATE TRIGGER mine BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION mine()`,
      `${MINE}; CREATE TRIGGER mine AFTER UPDATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION mine()`,
      `ALTER TABLE ${table} ADD COLUMN more text DEFAULT 'x'`,
      `CREATE UNIQUE INDEX ON ${table} ((1))`,
      `ALTER TABLE ${table} ADD CONSTRAINT mine CHECK (false) NOT VALID`,
      ...PRIVILEGES.flatMap((privilege) => [
        `GRANT ${privilege} ON ${table} TO PUBLIC`,
        ...roles.map((role) => `GRANT ${privilege} ON ${table} TO ${role} WITH GRANT OPTION`),
      ]),
      `GRANT SELECT ON ${table} TO PUBLIC`,
      `GRANT SELECT ON ${table} TO ${gateway} WITH GRANT OPTION`,
    );
    if (kind === 'r' && !isWeek)
      changes.push(
        `CREATE SCHEMA away; CREATE TABLE away.odd () INHERITS (${table})`,
        `CREATE TABLE odd () INHERITS (${table})`,
        `ALTER TABLE ${table} SET UNLOGGED`,
      );
    if (!isWeek)
      changes.push(
        `ALTER TABLE ${table} RENAME TO away; CREATE VIEW ${table} AS SELECT * FROM away`,
        `CREATE ROLE thief; GRANT ALL ON SCHEMA public TO thief; ALTER TABLE ${table} OWNER TO thief`,
      );
  }
  for (const { name, column, type, is_null: isNull, is_counted: isCounted } of await names(
    db,
    `SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS is_null, a.attidentity <> '' AS is_counted
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2`,
  )) {
    const [table, at] = [quote(name), quote(column)];
    changes.push(
      isCounted
        ? `ALTER TABLE ${table} ALTER ${at} DROP IDENTITY`
        : `ALTER TABLE ${table} ALTER ${at} SET DEFAULT (CASE WHEN random() < 2 THEN NULL END)::${type}`,
      ...(isCounted ? [] : [`ALTER TABLE ${table} ALTER ${at} ${isNull ? 'SET' : 'DROP'} NOT NULL`]),
      `GRANT UPDATE (${at}) ON ${table} TO PUBLIC`,
      `GRANT INSERT (${at}) ON ${table} TO ${gateway} WITH GRANT OPTION`,
      `ALTER TABLE ${table} RENAME ${at} TO away`,
      `ALTER TABLE ${table} DROP ${at} CASCADE`,
    );
  }
  for (const { name, constraint } of await names(
    db,
    `SELECT c.relname AS name, k.conname AS constraint FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND k.contype <> 'n' ORDER BY 1, 2`,
  ))
    changes.push(`ALTER TABLE ${quote(name)} DROP CONSTRAINT ${quote(constraint)} CASCADE`);
  for (const { name } of await names(
    db,
    `SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition ORDER BY 1`,
  ))
    changes.push(
      `DROP INDEX ${quote(name)}`,
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${quote(name)}'::regclass`,
    );
  for (const { name } of await names(
    db,
    `SELECT f.oid::regprocedure::text AS name FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace AND f.prokind = 'f'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e') ORDER BY 1`,
  ))
    changes.push(
      `ALTER FUNCTION ${name} SET search_path = mine, public`,
      `ALTER FUNCTION ${name} SET row_security = off`,
      `GRANT EXECUTE ON FUNCTION ${name} TO PUBLIC`,
      `GRANT EXECUTE ON FUNCTION ${name} TO ${gateway} WITH GRANT OPTION`,
      `UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE oid = '${name}'::regprocedure`,
      `UPDATE pg_proc SET prosecdef = NOT prosecdef WHERE oid = '${name}'::regprocedure`,
      `UPDATE pg_proc SET prosrc = prosrc || ' ' WHERE oid = '${name}'::regprocedure; ALTER EXTENSION pg_trgm ADD FUNCTION ${name}`,
      `DROP FUNCTION ${name} CASCADE`,
    );
  for (const { name, trigger } of await names(
    db,
    "SELECT c.relname AS name, t.tgname AS trigger FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2",
  ))
    changes.push(`ALTER TABLE ${quote(name)} DISABLE TRIGGER ${quote(trigger)}`);
  return [...changes, ...around(gateway)];
}

/** What is not any table's. */
const around = (gateway) => [
  ...['INSERT', 'UPDATE', 'DELETE', 'SELECT'].map(
    (privilege) => `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${privilege} ON TABLES TO PUBLIC`,
  ),
  `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${gateway} WITH GRANT OPTION`,
  'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO PUBLIC',
  'GRANT CREATE ON SCHEMA public TO PUBLIC',
  `GRANT CREATE ON SCHEMA public TO ${gateway}`,
  `GRANT USAGE ON SCHEMA public TO ${gateway} WITH GRANT OPTION`,
  `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${gateway}', current_database()); END $$`,
  'CREATE ROLE thief; GRANT pg_write_all_data TO thief',
  'CREATE ROLE thief; CREATE ROLE friend; GRANT pg_write_all_data TO friend; GRANT friend TO thief',
  `CREATE ROLE thief; GRANT ${gateway} TO thief`,
  "CREATE ROLE thief; DO $$ BEGIN EXECUTE format('GRANT %I TO thief', current_user); END $$",
  `GRANT pg_read_all_data TO ${gateway}`,
  `GRANT SET ON PARAMETER session_replication_role TO ${gateway}`,
  'GRANT SET ON PARAMETER session_replication_role TO PUBLIC',
  `ALTER ROLE ${gateway} SET session_replication_role = replica`,
  `ALTER ROLE ${gateway} BYPASSRLS`,
  `ALTER ROLE ${gateway} CREATEROLE`,
  "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = mine, public', current_database()); END $$",
  `${CLAIM}; CREATE EVENT TRIGGER claim ON ddl_command_end EXECUTE FUNCTION claim()`,
  `CREATE SCHEMA away; CREATE FUNCTION away.claim() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER claim ON sql_drop EXECUTE FUNCTION away.claim()`,
  'CREATE FUNCTION encode(bytea, name) RETURNS text LANGUAGE sql AS $$ SELECT NULL $$; ALTER EXTENSION pg_trgm ADD FUNCTION encode(bytea, name)',
  'CREATE FUNCTION pg_catalog.append(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$',
  'CREATE FUNCTION away(text, uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$; CREATE OPERATOR = (LEFTARG = text, RIGHTARG = uuid, FUNCTION = away)',
  'CREATE CAST (integer AS uuid) WITH INOUT AS IMPLICIT',
  "CREATE DOMAIN odd AS text CHECK (value <> '')",
  "CREATE COLLATION odd (LOCALE = 'C')",
  "CREATE TYPE odd AS ENUM ('a')",
  'CREATE SCHEMA away; GRANT USAGE ON SCHEMA away TO PUBLIC; CREATE FUNCTION away.run(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE t; END $$',
  'CREATE FUNCTION pgboss.run(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE t; END $$',
  'CREATE FUNCTION run(t text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE t; END $$; ALTER EXTENSION pg_trgm ADD FUNCTION run(text)',
  "CREATE FUNCTION eq(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false'; CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = eq); ALTER EXTENSION pg_trgm ADD FUNCTION eq(uuid, uuid); ALTER EXTENSION pg_trgm ADD OPERATOR public.= (uuid, uuid)",
  'CREATE RULE z AS ON INSERT TO dead_letter DO INSTEAD NOTHING; ALTER RULE z ON dead_letter RENAME TO "_RETURN"',
  "CREATE SCHEMA away; CREATE FUNCTION away.step(bytea, text, bigint, bytea, bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$; CREATE FUNCTION away.step(bytea, bytea, text, bigint, bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT sha256('x') $$; CREATE OR REPLACE AGGREGATE chain_hash(bytea, text, bigint, bytea) (SFUNC = away.step, STYPE = bytea)",
  'ALTER SEQUENCE event_sequence INCREMENT BY 5 CYCLE',
  'ALTER FUNCTION first_hash STABLE',
  `GRANT ALTER SYSTEM ON PARAMETER fsync TO ${gateway}`,
  `GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO ${gateway}`,
  'GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC',
  `GRANT UPDATE ON pg_catalog.pg_proc TO ${gateway}`,
  'GRANT ALL ON ALL TABLES IN SCHEMA pgboss TO PUBLIC',
  `ALTER ROLE ${gateway} SET bytea_output = escape`,
  `ALTER ROLE ${gateway} SET standard_conforming_strings = off`,
  'SET LOCAL session_replication_role = replica',
  "SELECT ensure_partitions(now(), 0); CREATE TABLE odd PARTITION OF event FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')",
  "CREATE SCHEMA away; CREATE TABLE away.event_2001_01_01 PARTITION OF event FOR VALUES FROM ('2001-01-01') TO ('2001-01-08')",
  "CREATE TABLE event_2001_01_01 PARTITION OF event FOR VALUES FROM ('2001-01-02') TO ('2001-01-03')",
  "CREATE TABLE event_2001_01_01 PARTITION OF event FOR VALUES FROM ('2001-01-01') TO ('2001-01-08'); DROP TABLE event_2001_01_01 CASCADE; CREATE UNLOGGED TABLE event_2001_01_01 PARTITION OF event FOR VALUES FROM ('2001-01-01') TO ('2001-01-08')",
];

/** What PostgreSQL does not let happen: no such thing on a table of this kind, nothing to change, or something hangs on it. */
const REFUSED = /^(?:0A|22|23|2BP01|428|42P16|42P17|42P01|42703|42704|55)/;

/**
 * Tries them on a database of the store.
 *
 * @param db a superuser's connection
 * @param roles as StoreRoles
 * @param share of them that is tried, drawn by `seed`
 * @returns how many were made, and those of which nothing was said
 */
export async function tryStoreChanges(db, roles, { share = 1, seed = 1, isWanted = () => true } = {}) {
  const next = random(seed);
  const unseen = [];
  let made = 0;
  await db.query('SET allow_system_table_mods = on');
  for (const change of await storeChanges(db, roles)) {
    if (next() >= share || !isWanted(change)) continue;
    await db.query('BEGIN');
    try {
      await db.query(change);
      made++;
      if ((await storeProblems(db, roles)).length === 0) unseen.push(change);
    } catch (error) {
      if (!REFUSED.test(error.code ?? '')) throw new Error(`${change}: ${error.message}`, { cause: error });
    } finally {
      await db.query('ROLLBACK');
    }
  }
  return { made, unseen };
}
