/**
 * What Snowflake itself holds against a change, over values that the statement does not name: CHECK constraints (documentation pages
 * constraints-overview, info-schema/check_constraints), and of hybrid tables unique and foreign keys (sql/create-hybrid-table,
 * info-schema/index_columns, info-schema/referential_constraints). The Information Schema shows what the role has any privilege on.
 */
import { z } from 'zod';
import { SETUP_TAG, type WarehouseConnection } from '../connection/connection.js';
import { CHECKS, CONSTRAINTS_SHOWN, KEYS, REFERENCES } from '../connection/own-questions.js';
import { StatementFailed } from '../errors/failures.js';

interface Name {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

/** Structurally what the sql room calls constraints. */
export interface CatalogConstraints {
  readonly checks: readonly { readonly name: string; readonly clause: string }[];
  readonly keys: readonly { readonly name: string; readonly columns: readonly string[] }[];
  readonly references: readonly {
    readonly name: string;
    readonly child: Name | undefined;
    readonly parent: Name | undefined;
    readonly columns: readonly string[];
  }[];
}

const checkRow = z.object({ NAME: z.string(), CLAUSE: z.string().nullish() });
const keyRow = z.object({ NAME: z.string(), COLUMN: z.string() });
const text = z.string().nullish();
const referenceRow = z.object({
  NAME: z.string(),
  CHILD_SCHEMA: text,
  CHILD: text,
  COLUMN: text,
  PARENT_SCHEMA: text,
  PARENT: text,
});

const named = (
  database: string,
  schema: string | null | undefined,
  name: string | null | undefined,
): Name | undefined => (schema && name ? { database, schema, name } : undefined);

/** Rows of one constraint together. */
function grouped<T extends { readonly NAME: string }>(rows: readonly T[], keyOf: (row: T) => unknown): T[][] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = JSON.stringify(keyOf(row));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

/** undefined where the role may not ask, or where there are more than are looked at: then anything may be enforced. */
export async function readConstraints(
  connection: WarehouseConnection,
  { database, schema, name }: Name,
  isHybrid: boolean,
): Promise<CatalogConstraints | undefined> {
  const ask = async <T>(sql: string, row: z.ZodType<T>): Promise<T[]> =>
    z
      .array(row)
      .max(CONSTRAINTS_SHOWN)
      .parse(await connection.simple(sql, SETUP_TAG));
  try {
    const checks = await ask(CHECKS.of(database, schema, name), checkRow);
    const keys = isHybrid ? await ask(KEYS.of(database, schema, name), keyRow) : [];
    const references = isHybrid
      ? await ask(REFERENCES.of(database, database, database, database, schema, name, schema, name), referenceRow)
      : [];
    return {
      checks: checks.map(({ NAME, CLAUSE }) => ({ name: NAME, clause: CLAUSE ?? '' })),
      keys: grouped(keys, ({ NAME }) => NAME).map((rows) => ({
        name: rows[0]?.NAME ?? '',
        columns: rows.map(({ COLUMN }) => COLUMN),
      })),
      references: grouped(references, (row) => [
        row.NAME,
        row.CHILD_SCHEMA,
        row.CHILD,
        row.PARENT_SCHEMA,
        row.PARENT,
      ]).map((rows) => ({
        name: rows[0]?.NAME ?? '',
        child: named(database, rows[0]?.CHILD_SCHEMA, rows[0]?.CHILD),
        parent: named(database, rows[0]?.PARENT_SCHEMA, rows[0]?.PARENT),
        columns: rows.flatMap(({ COLUMN }) => COLUMN ?? []),
      })),
    };
  } catch (error) {
    if (error instanceof StatementFailed || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
