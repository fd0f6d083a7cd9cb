/**
 * What exists in the warehouse, with the exact spelling of every name: DuckDB compares names without regard to case,
 * Snowflake doesn't, so the decision whether a name exists is made here.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type SnowType, spellType, typeOfName } from '../../../protocol/index.js';
import { baseOf, isMaterialized } from './materialized.js';
import { dotted, type FullName, Policies, type PolicyUse } from './policies.js';
import { SYSTEM_DATABASE } from './system.js';
import { virtualColumns } from './virtual.js';

export interface Column {
  readonly name: string;
  readonly type: SnowType;
  readonly nullable: boolean;
  readonly fallback: string | null;
  readonly comment: string;
  /** Of a virtual column what it is computed from; null of any other. */
  readonly expression: string | null;
  /** The masking policy that is set on it. */
  readonly mask: PolicyUse | undefined;
}

export interface Relation extends FullName {
  readonly kind: 'table' | 'view';
  readonly rows: number;
  readonly comment: string;
  /** A view's text, as Snowflake would show it. */
  readonly text: string;
  readonly columns: readonly Column[];
  readonly checks: readonly { readonly name: string; readonly clause: string }[];
  readonly rowPolicy: PolicyUse | undefined;
  /** Of a materialized view, the one table that it is made of. */
  readonly madeOf: FullName | undefined;
}

/** Rows of one INSERT into what INFORMATION_SCHEMA is made of. */
const FILLED_AT_ONCE = 100;

const HIDDEN_DATABASES = new Set(['system', 'temp', 'memory', SYSTEM_DATABASE]);
const HIDDEN_SCHEMAS = new Set(['main', 'pg_catalog', 'information_schema']);

const key = (database: string, schema: string, name: string): string => JSON.stringify([database, schema, name]);

function duckType(name: string): SnowType {
  const upper = name.toUpperCase();
  if (upper === 'JSON') return { type: 'variant' };
  if (upper.startsWith('TIMESTAMP WITH TIME ZONE')) return { type: 'timestamp_ltz', scale: 9 };
  if (upper.startsWith('TIMESTAMP')) return { type: 'timestamp_ntz', scale: 9 };
  if (upper === 'BLOB') return { type: 'binary', length: 8_388_608 };
  if (upper === 'HUGEINT' || upper.startsWith('U')) return { type: 'fixed', precision: 38, scale: 0 };
  if (upper.endsWith('[]')) return { type: 'array' };
  if (/^(?:STRUCT|MAP)/.test(upper)) return { type: 'object' };
  return typeOfName(name) ?? { type: 'text', length: 16_777_216 };
}

/** DuckDB keeps a view's text in its own words; these are the few that Snowflake would not know. */
const asSnowflakeText = (sql: string): string => sql.replaceAll(/\bcount_star\(\)/gi, 'COUNT(*)').replace(/;\s*$/, '');

/**
 * What a role may do, by full names (user-guide/security-access-control-privileges): SELECT on a view needs nothing on what the view reads
 * (user-guide/views-introduction), REFERENCES shows a structure and no data.
 */
export interface RoleRights {
  readonly select: readonly string[];
  readonly references: readonly string[];
}

export class Catalog {
  readonly #connection: DuckDBConnection;
  readonly #roles: Readonly<Record<string, RoleRights>>;
  readonly policies: Policies;
  #relations = new Map<string, Relation>();
  #ordered: readonly Relation[] = [];
  #version = 0;
  #published: { readonly version: number; readonly done: Promise<void> } | undefined;
  #schemas: { database: string; schema: string }[] = [];

  constructor(connection: DuckDBConnection, roles: Readonly<Record<string, RoleRights>>) {
    this.#connection = connection;
    this.#roles = roles;
    this.policies = new Policies(connection);
  }

  /** Whether a role makes policies, puts them on tables, and is told of them: a role with rights of its own has none of these. */
  mayGovern(role: string): boolean {
    return this.#roles[role] === undefined;
  }

  /** Whether a role may read it, or change it. */
  mayUse(role: string, relation: Relation): boolean {
    const rights = this.#roles[role];
    return rights === undefined || rights.select.includes(dotted(relation));
  }

  /** Whether SHOW and DESCRIBE tell the role of it. */
  mayKnow(role: string, relation: Relation): boolean {
    return this.mayUse(role, relation) || this.#roles[role]?.references.includes(dotted(relation)) === true;
  }

  /** Reads everything anew; called after each statement that may have changed a definition. */
  async refresh(): Promise<void> {
    const read = async (sql: string): Promise<Record<string, unknown>[]> =>
      (await this.#connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
    const tables = await read(
      `SELECT database_name, schema_name, table_name AS name, 'table' AS kind, estimated_size AS size, comment, sql FROM duckdb_tables() WHERE NOT internal
       UNION ALL SELECT database_name, schema_name, view_name, 'view', 0, comment, sql FROM duckdb_views() WHERE NOT internal`,
    );
    const columns = await read(
      `SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns() WHERE NOT internal ORDER BY column_index`,
    );
    const declared = new Map(
      (await read(`SELECT * FROM ${SYSTEM_DATABASE}.main.declared_types`)).map((row) => [
        JSON.stringify([row['database_name'], row['schema_name'], row['table_name'], row['column_name']]),
        String(row['type']),
      ]),
    );
    const texts = new Map(
      (await read(`SELECT * FROM ${SYSTEM_DATABASE}.main.view_texts`)).map((row) => [
        key(String(row['database_name']), String(row['schema_name']), String(row['view_name'])),
        String(row['text']),
      ]),
    );
    const checks = new Map<string, { name: string; clause: string }[]>();
    for (const row of await read(
      `SELECT database_name, schema_name, table_name, constraint_name AS name, expression FROM duckdb_constraints() WHERE constraint_type = 'CHECK'`,
    )) {
      const table = key(String(row['database_name']), String(row['schema_name']), String(row['table_name']));
      const check = { name: String(row['name']).toUpperCase(), clause: String(row['expression']) };
      checks.set(table, [...(checks.get(table) ?? []), check]);
    }
    const virtual = new Map(
      tables.map((row) => [
        key(String(row['database_name']), String(row['schema_name']), String(row['name'])),
        row['kind'] === 'table' ? virtualColumns(String(row['sql'])) : new Map<string, string>(),
      ]),
    );
    await this.policies.refresh();
    const byTable = new Map<string, Column[]>();
    for (const row of columns) {
      const table = key(String(row['database_name']), String(row['schema_name']), String(row['table_name']));
      const declaration = declared.get(
        JSON.stringify([row['database_name'], row['schema_name'], row['table_name'], row['column_name']]),
      );
      const list = byTable.get(table) ?? [];
      const expression = virtual.get(table)?.get(String(row['column_name'])) ?? null;
      list.push({
        name: String(row['column_name']),
        type: (declaration ? typeOfName(declaration) : undefined) ?? duckType(String(row['data_type'])),
        nullable: row['is_nullable'] !== false,
        // DuckDB has one place for a default and an expression.
        fallback: row['column_default'] === null || expression !== null ? null : String(row['column_default']),
        expression,
        comment: String(row['comment'] ?? ''),
        mask: this.policies.maskOf(
          {
            database: String(row['database_name']),
            schema: String(row['schema_name']),
            name: String(row['table_name']),
          },
          String(row['column_name']),
        ),
      });
      byTable.set(table, list);
    }
    const relations = new Map<string, Relation>();
    for (const row of tables) {
      const [database, schema, name] = [String(row['database_name']), String(row['schema_name']), String(row['name'])];
      if (HIDDEN_DATABASES.has(database) || HIDDEN_SCHEMAS.has(schema)) continue;
      const id = key(database, schema, name);
      const text = texts.get(id) ?? (row['kind'] === 'view' ? asSnowflakeText(String(row['sql'] ?? '')) : '');
      relations.set(id, {
        database,
        schema,
        name,
        kind: row['kind'] === 'view' ? 'view' : 'table',
        rows: Number(row['size'] ?? 0),
        comment: String(row['comment'] ?? ''),
        text,
        madeOf: isMaterialized(text) ? baseOf(text, { database, schema }) : undefined,
        columns: byTable.get(id) ?? [],
        checks: checks.get(id) ?? [],
        rowPolicy: this.policies.rowPolicyOf({ database, schema, name }),
      });
    }
    this.#relations = relations;
    this.#ordered = [...relations.values()]
      .map((relation) => ({ relation, full: dotted(relation) }))
      .sort((a, b) => (a.full < b.full ? -1 : 1))
      .map(({ relation }) => relation);
    this.#version++;
    this.#schemas = (await read('SELECT database_name, schema_name FROM duckdb_schemas()'))
      .map((row) => ({ database: String(row['database_name']), schema: String(row['schema_name']) }))
      .filter(({ database, schema }) => !HIDDEN_DATABASES.has(database) && !HIDDEN_SCHEMAS.has(schema));
  }

  /** Grows with each refresh. */
  get version(): number {
    return this.#version;
  }

  find(database: string, schema: string, name: string): Relation | undefined {
    return this.#relations.get(key(database, schema, name));
  }

  /** By their full names. */
  relations(): readonly Relation[] {
    return this.#ordered;
  }

  /** The materialized views of a table. */
  materialized(table: FullName): readonly Relation[] {
    return this.relations().filter(({ madeOf }) => madeOf !== undefined && dotted(madeOf) === dotted(table));
  }

  schemas(): readonly { database: string; schema: string }[] {
    return this.#schemas;
  }

  async databases(): Promise<string[]> {
    const result = await this.#connection.runAndReadAll(
      'SELECT database_name FROM duckdb_databases() WHERE NOT internal',
    );
    return result
      .getRowsJS()
      .map((row) => String(row[0]))
      .filter((name) => !HIDDEN_DATABASES.has(name))
      .sort();
  }

  /** Fills the tables behind INFORMATION_SCHEMA, once for each state of the catalog; called when a statement reads it. */
  publish(): Promise<void> {
    if (this.#published?.version !== this.#version) {
      const before = this.#published?.done.catch(() => undefined);
      this.#published = { version: this.#version, done: Promise.resolve(before).then(() => this.#fillAll()) };
    }
    return this.#published.done;
  }

  async #fillAll(): Promise<void> {
    const fill = async (table: string, rows: readonly (readonly (string | bigint)[])[]): Promise<void> => {
      await this.#connection.run(`DELETE FROM ${SYSTEM_DATABASE}.main.${table}`);
      for (let from = 0; from < rows.length; from += FILLED_AT_ONCE) {
        const some = rows.slice(from, from + FILLED_AT_ONCE);
        let slot = 0;
        const slots = some.map((row) => `(${row.map(() => `$${++slot}`).join(', ')})`).join(', ');
        await this.#connection.run(`INSERT INTO ${SYSTEM_DATABASE}.main.${table} VALUES ${slots}`, some.flat());
      }
    };
    const relations = this.relations();
    const place = (relation: Relation): string[] => [relation.database, relation.schema, relation.name];
    const views = relations.filter(({ kind }) => kind === 'view');
    const databases = await this.databases();
    await fill(
      'is_databases',
      databases.map((name) => [name, 'SYSADMIN']),
    );
    await fill(
      'is_schemata',
      this.#schemas.map(({ database, schema }) => [database, schema, 'SYSADMIN']),
    );
    await fill(
      'is_tables',
      relations.map((relation) => [
        ...place(relation),
        relation.kind === 'view' ? 'VIEW' : 'BASE TABLE',
        BigInt(relation.rows),
        relation.comment,
      ]),
    );
    await fill(
      'is_views',
      views.map((relation) => [...place(relation), relation.text, 'NO']),
    );
    await fill(
      'is_checks',
      relations.flatMap((relation) => relation.checks.map(({ name, clause }) => [...place(relation), name, clause])),
    );
    const dataType = (type: SnowType): string => spellType(type).replace(/\(.*/, '').replace('VARCHAR', 'TEXT');
    await fill(
      'is_columns',
      relations.flatMap((relation) =>
        relation.columns.map((column, index) => [
          ...place(relation),
          column.name,
          BigInt(index + 1),
          column.nullable ? 'YES' : 'NO',
          dataType(column.type),
          column.comment,
          column.expression === null ? 'COLUMN' : 'VIRTUAL_COLUMN',
          column.expression ?? '',
        ]),
      ),
    );
  }

  async declare(relation: FullName, columns: ReadonlyMap<string, SnowType>): Promise<void> {
    await this.forget(relation);
    for (const [column, type] of columns)
      await this.#connection.run(`INSERT INTO ${SYSTEM_DATABASE}.main.declared_types VALUES ($1, $2, $3, $4, $5)`, [
        relation.database,
        relation.schema,
        relation.name,
        column,
        spellType(type),
      ]);
  }

  async keepText(relation: FullName, text: string): Promise<void> {
    await this.forget(relation);
    await this.#connection.run(`INSERT INTO ${SYSTEM_DATABASE}.main.view_texts VALUES ($1, $2, $3, $4)`, [
      relation.database,
      relation.schema,
      relation.name,
      text,
    ]);
  }

  async forget(relation: FullName): Promise<void> {
    const values = [relation.database, relation.schema, relation.name];
    const where = 'database_name = $1 AND schema_name = $2';
    await this.#connection.run(
      `DELETE FROM ${SYSTEM_DATABASE}.main.declared_types WHERE ${where} AND table_name = $3`,
      values,
    );
    await this.#connection.run(
      `DELETE FROM ${SYSTEM_DATABASE}.main.view_texts WHERE ${where} AND view_name = $3`,
      values,
    );
    await this.policies.forget(relation);
  }
}

/** By the words of its own text, which is kept as it was written. */
export const isSecure = (text: string): boolean => /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?SECURE\b/i.test(text);

/** A rough size, since DuckDB keeps none in memory: rows times columns times sixteen bytes. */
export const estimatedBytes = (relation: Relation): number => relation.rows * relation.columns.length * 16;
