/**
 * Row access policies and masking policies as objects (documentation pages sql/create-row-access-policy, sql/create-masking-policy), and where
 * each is put. What they do to a table that is read stands in `dialect/under-policies.ts`.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { SYSTEM_DATABASE } from './system.js';

export type PolicyKind = 'ROW ACCESS' | 'MASKING';

export interface FullName {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

export interface Policy extends FullName {
  readonly kind: PolicyKind;
  /** Its signature, with types as DESCRIBE spells them. */
  readonly args: readonly { readonly name: string; readonly type: string }[];
  readonly returns: string;
  /** An expression in Snowflake's SQL over the names of its arguments. */
  readonly body: string;
  readonly comment: string;
}

/** A policy on a table or on one of its columns. */
export interface PolicyUse {
  readonly policy: Policy;
  /** The columns that its arguments stand for, in their order; a masking policy's first is the column that it masks. */
  readonly columns: readonly string[];
}

interface StoredUse {
  readonly table: FullName;
  /** Of a masking policy, the column that it is set on. */
  readonly column: string | undefined;
  readonly use: PolicyUse;
}

/** Tables that policies are kept in, beside the catalog's own. */
export const POLICY_TABLES = [
  'CREATE TABLE IF NOT EXISTS policies (database_name VARCHAR, schema_name VARCHAR, policy_name VARCHAR, kind VARCHAR, args VARCHAR, returns VARCHAR, body VARCHAR, comment VARCHAR)',
  `CREATE TABLE IF NOT EXISTS policy_uses (database_name VARCHAR, schema_name VARCHAR, policy_name VARCHAR,
    table_database VARCHAR, table_schema VARCHAR, table_name VARCHAR, column_name VARCHAR, columns VARCHAR)`,
] as const;

const kept = z.object({
  database_name: z.string(),
  schema_name: z.string(),
  policy_name: z.string(),
  kind: z.enum(['ROW ACCESS', 'MASKING']),
  args: z.string(),
  returns: z.string(),
  body: z.string(),
  comment: z.string(),
});
const keptUse = z.object({
  database_name: z.string(),
  schema_name: z.string(),
  policy_name: z.string(),
  table_database: z.string(),
  table_schema: z.string(),
  table_name: z.string(),
  column_name: z.string().nullable(),
  columns: z.string(),
});
const argsOf = z.array(z.object({ name: z.string(), type: z.string() }));
const columnsOf = z.array(z.string());

export const dotted = ({ database, schema, name }: FullName): string => [database, schema, name].join('.');
const same = (one: FullName, other: FullName): boolean =>
  one.database === other.database && one.schema === other.schema && one.name === other.name;
const parts = ({ database, schema, name }: FullName): string[] => [database, schema, name];
const OF_POLICY = 'database_name = $1 AND schema_name = $2 AND policy_name = $3';

export class Policies {
  readonly #connection: DuckDBConnection;
  #all: readonly Policy[] = [];
  #uses: readonly StoredUse[] = [];

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Reads everything anew. */
  async refresh(): Promise<void> {
    const rows = async (table: string): Promise<unknown[]> =>
      (await this.#connection.runAndReadAll(`SELECT * FROM ${SYSTEM_DATABASE}.main.${table}`)).getRowObjectsJS();
    this.#all = (await rows('policies')).map((row) => {
      const { database_name: database, schema_name: schema, policy_name: name, args, ...rest } = kept.parse(row);
      return { ...rest, database, schema, name, args: argsOf.parse(JSON.parse(args)) };
    });
    this.#uses = (await rows('policy_uses')).flatMap((row) => {
      const use = keptUse.parse(row);
      const policy = this.find({ database: use.database_name, schema: use.schema_name, name: use.policy_name });
      const table = { database: use.table_database, schema: use.table_schema, name: use.table_name };
      const columns = columnsOf.parse(JSON.parse(use.columns));
      return policy ? [{ table, column: use.column_name ?? undefined, use: { policy, columns } }] : [];
    });
  }

  all(): readonly Policy[] {
    return this.#all;
  }

  find(name: FullName): Policy | undefined {
    return this.#all.find((policy) => same(policy, name));
  }

  isUsed(policy: FullName): boolean {
    return this.#uses.some(({ use }) => same(use.policy, policy));
  }

  rowPolicyOf(table: FullName): PolicyUse | undefined {
    return this.#uses.find((one) => one.column === undefined && same(one.table, table))?.use;
  }

  maskOf(table: FullName, column: string): PolicyUse | undefined {
    return this.#uses.find((one) => one.column === column && same(one.table, table))?.use;
  }

  /** In the place of what it was before, if it was there: what it is put on stays under it. */
  async keep(policy: Policy, before: FullName = policy): Promise<void> {
    await this.#run(`DELETE FROM policies WHERE ${OF_POLICY}`, parts(before));
    await this.#run('INSERT INTO policies VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      ...parts(policy),
      policy.kind,
      JSON.stringify(policy.args),
      policy.returns,
      policy.body,
      policy.comment,
    ]);
    await this.#run(
      'UPDATE policy_uses SET database_name = $4, schema_name = $5, policy_name = $6 WHERE database_name = $1 AND schema_name = $2 AND policy_name = $3',
      [...parts(before), ...parts(policy)],
    );
  }

  drop(policy: FullName): Promise<void> {
    return this.#run(`DELETE FROM policies WHERE ${OF_POLICY}`, parts(policy));
  }

  /** With `column`, a masking policy on it. */
  async put(use: PolicyUse, table: FullName, column?: string): Promise<void> {
    await this.take(table, column);
    await this.#run('INSERT INTO policy_uses VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      ...parts(use.policy),
      ...parts(table),
      column ?? null,
      JSON.stringify(use.columns),
    ]);
  }

  /** From a table its row access policy, or from a column its masking policy. */
  take(table: FullName, column?: string): Promise<void> {
    return this.#run(
      'DELETE FROM policy_uses WHERE table_database = $1 AND table_schema = $2 AND table_name = $3 AND column_name IS NOT DISTINCT FROM $4',
      [...parts(table), column ?? null],
    );
  }

  /** Of a table that is no more, or another one now. */
  forget(table: FullName): Promise<void> {
    return this.#run(
      'DELETE FROM policy_uses WHERE table_database = $1 AND table_schema = $2 AND table_name = $3',
      parts(table),
    );
  }

  /** Of a schema, or a whole database, that is no more. */
  async forgetWithin(database: string, schema?: string): Promise<void> {
    const values = [database, schema ?? null];
    await this.#run('DELETE FROM policies WHERE database_name = $1 AND ($2 IS NULL OR schema_name = $2)', values);
    await this.#run('DELETE FROM policy_uses WHERE table_database = $1 AND ($2 IS NULL OR table_schema = $2)', values);
  }

  async #run(sql: string, values: (string | null)[]): Promise<void> {
    await this.#connection.run(sql.replace(/(FROM|INTO|UPDATE) (polic\w+)/, `$1 ${SYSTEM_DATABASE}.main.$2`), values);
  }
}
