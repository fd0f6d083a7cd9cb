/**
 * DuckDB as the engine below the protocol: databases, functions, seeds, and the locks that keep statements from
 * reaching files, the network or the configuration.
 */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Catalog, type RoleRights } from './catalog.js';
import { installFunctions } from './functions.js';
import { POLICY_TABLES } from './policies.js';
import { SYSTEM_DATABASE } from './system.js';

export interface EngineOptions {
  /** Databases that exist from the start, besides those that the seeds name. */
  readonly databases: readonly string[];
  /** Files in DuckDB's SQL. */
  readonly seeds: readonly string[];
  /** A folder that keeps the data between runs; without it everything is in memory. */
  readonly dataFolder?: string | undefined;
  /** What some roles see, by their names; a role that is not among them sees and reads everything. */
  readonly roles?: Readonly<Record<string, RoleRights>> | undefined;
  /**
   * What EXPLAIN names in the place of a table, by its full name, where nothing that is here makes it do so: `ARCHIVE OF …` (sql/explain).
   */
  readonly explainAs?: Readonly<Record<string, string>> | undefined;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Tables that INFORMATION_SCHEMA and ACCOUNT_USAGE are made of; macros read them for one database. */
const SYSTEM_TABLES = [
  'CREATE TABLE IF NOT EXISTS declared_types (database_name VARCHAR, schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR, type VARCHAR)',
  'CREATE TABLE IF NOT EXISTS view_texts (database_name VARCHAR, schema_name VARCHAR, view_name VARCHAR, text VARCHAR)',
  `CREATE TABLE IF NOT EXISTS query_history ("QUERY_ID" VARCHAR, "QUERY_TEXT" VARCHAR, "DATABASE_NAME" VARCHAR, "SCHEMA_NAME" VARCHAR, "QUERY_TYPE" VARCHAR,
    "SESSION_ID" BIGINT, "USER_NAME" VARCHAR, "ROLE_NAME" VARCHAR, "WAREHOUSE_NAME" VARCHAR, "QUERY_TAG" VARCHAR, "EXECUTION_STATUS" VARCHAR,
    "ERROR_CODE" VARCHAR, "ERROR_MESSAGE" VARCHAR, "START_TIME" TIMESTAMPTZ, "END_TIME" TIMESTAMPTZ, "TOTAL_ELAPSED_TIME" BIGINT, "ROWS_PRODUCED" BIGINT)`,
  'CREATE TABLE IF NOT EXISTS is_databases ("DATABASE_NAME" VARCHAR, "DATABASE_OWNER" VARCHAR)',
  'CREATE TABLE IF NOT EXISTS is_schemata ("CATALOG_NAME" VARCHAR, "SCHEMA_NAME" VARCHAR, "SCHEMA_OWNER" VARCHAR)',
  `CREATE TABLE IF NOT EXISTS is_tables ("TABLE_CATALOG" VARCHAR, "TABLE_SCHEMA" VARCHAR, "TABLE_NAME" VARCHAR, "TABLE_TYPE" VARCHAR, "ROW_COUNT" BIGINT, "COMMENT" VARCHAR)`,
  `CREATE TABLE IF NOT EXISTS is_views ("TABLE_CATALOG" VARCHAR, "TABLE_SCHEMA" VARCHAR, "TABLE_NAME" VARCHAR, "VIEW_DEFINITION" VARCHAR, "IS_SECURE" VARCHAR)`,
  `CREATE TABLE IF NOT EXISTS is_columns ("TABLE_CATALOG" VARCHAR, "TABLE_SCHEMA" VARCHAR, "TABLE_NAME" VARCHAR, "COLUMN_NAME" VARCHAR, "ORDINAL_POSITION" BIGINT, "IS_NULLABLE" VARCHAR, "DATA_TYPE" VARCHAR, "COMMENT" VARCHAR)`,
  ...POLICY_TABLES,
  // A folder may be from before these.
  'ALTER TABLE is_columns ADD COLUMN IF NOT EXISTS "KIND" VARCHAR',
  'ALTER TABLE is_columns ADD COLUMN IF NOT EXISTS "EXPRESSION" VARCHAR',
  `CREATE TABLE IF NOT EXISTS is_checks ("CONSTRAINT_CATALOG" VARCHAR, "CONSTRAINT_SCHEMA" VARCHAR, "CONSTRAINT_TABLE" VARCHAR, "CONSTRAINT_NAME" VARCHAR, "CHECK_CLAUSE" VARCHAR)`,
  'CREATE OR REPLACE MACRO sf_is_databases(d) AS TABLE SELECT * FROM __SF__.main.is_databases',
  'CREATE OR REPLACE MACRO sf_is_schemata(d) AS TABLE SELECT * FROM __SF__.main.is_schemata WHERE "CATALOG_NAME" = d',
  'CREATE OR REPLACE MACRO sf_is_tables(d) AS TABLE SELECT * FROM __SF__.main.is_tables WHERE "TABLE_CATALOG" = d',
  'CREATE OR REPLACE MACRO sf_is_views(d) AS TABLE SELECT * FROM __SF__.main.is_views WHERE "TABLE_CATALOG" = d',
  'CREATE OR REPLACE MACRO sf_is_columns(d) AS TABLE SELECT * FROM __SF__.main.is_columns WHERE "TABLE_CATALOG" = d',
  'CREATE OR REPLACE MACRO sf_is_checks(d) AS TABLE SELECT * FROM __SF__.main.is_checks WHERE "CONSTRAINT_CATALOG" = d',
  'CREATE OR REPLACE MACRO sf_query_history() AS TABLE SELECT * FROM __SF__.main.query_history ORDER BY "START_TIME" DESC',
  // 100 rows where nothing is said, 10,000 at most; what begins more than seven days ago is an error (documentation page functions/query_history).
  `CREATE OR REPLACE MACRO sf_history(u, since, until, most) AS TABLE SELECT * FROM __SF__.main.query_history
    WHERE (u IS NULL OR upper("USER_NAME") = upper(u)) AND (since IS NULL OR CASE WHEN since < now() - INTERVAL 7 DAY THEN error('The time range does not fall within the last 7 days.') ELSE "END_TIME" >= since END) AND (until IS NULL OR "END_TIME" <= until)
    ORDER BY "END_TIME" DESC LIMIT (SELECT least(coalesce(most, 100), 10000))`,
];

/** The databases that a seed puts schemas or tables into: the first of at least two dotted names after CREATE. */
function databasesIn(seed: string): string[] {
  const found = new Set<string>();
  const pattern = /CREATE\s+(?:OR\s+REPLACE\s+)?SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?("?)([A-Za-z_][\w$]*)\1\s*\./gi;
  for (const match of seed.matchAll(pattern)) found.add(match[1] ? (match[2] ?? '') : (match[2] ?? '').toUpperCase());
  return [...found].filter((name) => name !== '');
}

async function attach(connection: DuckDBConnection, name: string, folder: string | undefined): Promise<boolean> {
  const file = folder === undefined ? ':memory:' : join(folder, `${name}.duckdb`);
  const isNew = folder === undefined || !existsSync(file);
  // Typed macros need the storage format of DuckDB 1.4 where they are kept in a file.
  const format = folder === undefined ? '' : " (STORAGE_VERSION 'v1.4.0')";
  await connection.run(`ATTACH IF NOT EXISTS '${file.replaceAll("'", "''")}' AS ${quote(name)}${format}`);
  return isNew;
}

/** Unquoted names are upper case in Snowflake; DuckDB keeps them as written, so a seed's lower-case names are raised. */
async function raiseNames(connection: DuckDBConnection): Promise<void> {
  const tables = await connection.runAndReadAll(
    `SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND table_name = lower(table_name) AND table_name <> upper(table_name) AND database_name <> '${SYSTEM_DATABASE}'`,
  );
  for (const [database, schema, table] of tables.getRowsJS().map((row) => row.map(String)))
    await connection.run(
      `ALTER TABLE ${quote(database ?? '')}.${quote(schema ?? '')}.${quote(table ?? '')} RENAME TO ${quote((table ?? '').toUpperCase())}`,
    );
  const columns = await connection.runAndReadAll(
    `SELECT c.database_name, c.schema_name, c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (database_name, schema_name, table_name)
     WHERE NOT c.internal AND c.column_name = lower(c.column_name) AND c.column_name <> upper(c.column_name) AND c.database_name <> '${SYSTEM_DATABASE}'`,
  );
  for (const [database, schema, table, column] of columns.getRowsJS().map((row) => row.map(String)))
    await connection.run(
      `ALTER TABLE ${quote(database ?? '')}.${quote(schema ?? '')}.${quote(table ?? '')} RENAME COLUMN ${quote(column ?? '')} TO ${quote((column ?? '').toUpperCase())}`,
    );
}

/** The key of SNOWFENCE.MASKING.HASH_TEXT: made once and kept with the data, shown to no statement. */
async function hashKey(connection: DuckDBConnection): Promise<string> {
  await connection.run('CREATE TABLE IF NOT EXISTS masking_key (key VARCHAR)');
  const known = (await connection.runAndReadAll('SELECT key FROM masking_key')).getRowsJS()[0]?.[0];
  if (typeof known === 'string') return known;
  const made = randomBytes(32).toString('base64url');
  await connection.run('INSERT INTO masking_key VALUES ($1)', [made]);
  return made;
}

export class Engine {
  readonly instance: DuckDBInstance;
  readonly explainAs: Readonly<Record<string, string>>;
  readonly catalog: Catalog;
  readonly #control: DuckDBConnection;
  readonly #dataFolder: string | undefined;

  private constructor(instance: DuckDBInstance, control: DuckDBConnection, options: EngineOptions) {
    this.instance = instance;
    this.#control = control;
    this.#dataFolder = options.dataFolder;
    this.explainAs = options.explainAs ?? {};
    this.catalog = new Catalog(control, options.roles ?? {});
  }

  /** Starts DuckDB, fills it and locks it. Throws when a seed fails, naming the file. */
  static async start(options: EngineOptions): Promise<Engine> {
    const folder = options.dataFolder;
    if (folder !== undefined) await mkdir(folder, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const control = await instance.connect();
    const engine = new Engine(instance, control, options);
    // Else a seed's times would be those of the machine's zone. Sessions set their own.
    await control.run("SET TimeZone = 'UTC'");
    await attach(control, SYSTEM_DATABASE, folder);
    await control.run(`USE ${SYSTEM_DATABASE}.main`);
    for (const sql of SYSTEM_TABLES) await control.run(sql);
    await installFunctions(control, await hashKey(control));

    const seeds: { file: string; text: string }[] = [];
    for (const file of options.seeds) seeds.push({ file, text: await readFile(file, 'utf8') });
    const names = new Set([...options.databases, ...seeds.flatMap(({ text }) => databasesIn(text))]);
    let fresh = true;
    for (const name of names) {
      fresh = (await attach(control, name, folder)) && fresh;
      await control.run(`CREATE SCHEMA IF NOT EXISTS ${quote(name)}."PUBLIC"`);
    }
    // From here on nothing can open a file or load code, not even a seed.
    await control.run(`SET allowed_configs = ['TimeZone']`);
    await control.run('SET enable_external_access = false');
    await control.run('SET lock_configuration = true');
    if (fresh) {
      for (const { file, text } of seeds) {
        try {
          await control.run(text);
        } catch (error) {
          throw new Error(`The seed ${file} failed: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      await raiseNames(control);
    }
    await control.run(`USE ${SYSTEM_DATABASE}.main`);
    await engine.catalog.refresh();
    return engine;
  }

  /** A session's own connection. Functions are found in `__SF__` through the search path. */
  async connect(): Promise<DuckDBConnection> {
    const connection = await this.instance.connect();
    await connection.run(`USE ${SYSTEM_DATABASE}.main`);
    return connection;
  }

  get control(): DuckDBConnection {
    return this.#control;
  }

  /** CREATE DATABASE: in memory, since files are out of reach once the engine is locked. */
  async createDatabase(name: string): Promise<void> {
    await this.#control.run(`ATTACH ':memory:' AS ${quote(name)}`);
    await this.#control.run(`CREATE SCHEMA ${quote(name)}."PUBLIC"`);
  }

  get persistent(): boolean {
    return this.#dataFolder !== undefined;
  }

  close(): void {
    this.#control.closeSync();
    this.instance.closeSync();
  }
}
