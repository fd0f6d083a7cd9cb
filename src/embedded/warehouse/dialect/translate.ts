/**
 * From one Snowflake statement to one DuckDB statement: names folded and checked as Snowflake does, functions and types
 * by `rules.ts`, the rest by polyglot's transpiler.
 */
import { type Bind, COMPILER_CODES, SnowflakeError, type SnowType, syntaxError } from '../../../protocol/index.js';
import { asBody, type Body, isBody, nodeOf } from '../../../sql/index.js';
import type { Catalog, Relation } from '../engine/catalog.js';
import { fromTree, toDuck } from '../engine/column-types.js';
import { readable } from '../syntax/forms.js';
import { parse, toDuckSql } from '../syntax/parse.js';
import { declaredTypes, withOutputNames } from './outputs.js';
import { storedQuery } from './stored.js';
import { type Changes, insertTree, mergeTree, targetTree } from './targets.js';
import { type DialectSession, NO_CTES, Translator } from './translator.js';

export interface Translated {
  readonly kind: string;
  readonly tree: Body;
  readonly sql: string;
  /** Positions of the bind variables that the text uses, in the order of DuckDB's `$1`, `$2`, … */
  readonly binds: readonly number[];
  /** Declared Snowflake types of result columns, where they are known better than from DuckDB. */
  readonly declared: readonly (SnowType | undefined)[];
  readonly relations: readonly Relation[];
  /** What policies on these read. */
  readonly behind: readonly Relation[];
  /** Of a MERGE, a query of the row that it would change in more than one way, as its error shows it; binds are still to be put into it. */
  readonly duplicates: string | undefined;
}

/** Whether a statement reads what was run before. */
export const usesHistory = (sql: string): boolean => /QUERY_HISTORY/i.test(sql);

export const duckColumnType = (body: Body): { duck: string; declared: SnowType } => {
  const declared = fromTree(body);
  if (!declared) throw new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'this column type'");
  return { duck: toDuck(declared), declared };
};

/** `SF_BIND_1()` in the generated text as DuckDB's `$1`; texts and quoted names stay. */
const bindMarkers = (sql: string): string =>
  sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|SF_BIND_(\d+)\(\)/g, (whole, slot: string | undefined) =>
    slot === undefined ? whole : `$${slot}`,
  );

/** The values of binds in their places, for a query beside the statement. */
export const withBinds = (sql: string, values: readonly (string | null)[]): string =>
  sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|SF_BIND_(\d+)\(\)/g, (whole, slot: string | undefined) => {
    if (slot === undefined) return whole;
    const value = values[Number(slot) - 1] ?? null;
    return value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
  });

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `[1, "a", NULL]`, as the error of a MERGE has it (dbt-labs/dbt-core#10432). */
function duplicatesOf({ of, tree }: Changes): string {
  const shown = of.columns.map(({ name, type }) => {
    const text = `${quote(name)}::VARCHAR`;
    const isNumber = type.type === 'fixed' || type.type === 'real';
    return `coalesce(${isNumber ? text : `to_json(${text})::VARCHAR`}, 'NULL')`;
  });
  const table = [of.database, of.schema, of.name].map(quote).join('.');
  return `SELECT '[' || concat_ws(', ', ${shown.join(', ')}) || ']' FROM ${table} WHERE rowid IN
    (SELECT id FROM (${toDuckSql(tree)}) WHERE does IS NOT NULL GROUP BY id HAVING count(*) > 1 AND max(does) = 1) ORDER BY rowid LIMIT 1`;
}

/** `SF_OBJECT_OF_ROW(*)` as an object of all columns of the row, nulls left out. */
const rowObjects = (sql: string): string =>
  sql.replaceAll(/SF_OBJECT_OF_ROW\(\*\)/g, "json_merge_patch('{}', to_json(struct_pack(*COLUMNS(*))))");

/** Entries of ORDER BY that do not say where NULL goes, as DEFAULT_NULL_ORDERING = FIRST has them. */
function nullsLowest(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(nullsLowest);
  if (!isBody(tree)) return tree;
  const body = Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, nullsLowest(value)]));
  return 'nulls_first' in body && body['nulls_first'] === null ? { ...body, nulls_first: body['desc'] !== true } : body;
}

/** The columns that a query's rows are put into, and the table's name in an error. */
export interface Into {
  readonly columns: readonly { readonly name: string; readonly type: SnowType }[];
  readonly table: string;
}

const CACHE_SIZE = 500;
const cache = new Map<string, Translated>();

/**
 * Translates SELECT and DML; the same text in the same surroundings is translated once. Throws SnowflakeError.
 */
export function translate(
  sql: string,
  session: DialectSession,
  catalog: Catalog,
  binds: readonly Bind[],
  into?: Into,
): Translated {
  if (into) return translateAnew(sql, session, catalog, binds, into);
  const key = JSON.stringify([
    sql,
    catalog.version,
    session.database,
    session.schema,
    session.weekStart,
    session.isOfView === true,
    session.nullsLowest,
    [...session.values],
    [...session.variables],
    binds.map((bind) => [bind.type, /[.eE]/.test(bind.value ?? '')]),
  ]);
  const known = cache.get(key);
  if (known) return known;
  const translated = translateAnew(sql, session, catalog, binds);
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value ?? '');
  cache.set(key, translated);
  return translated;
}

function translateAnew(
  sql: string,
  session: DialectSession,
  catalog: Catalog,
  binds: readonly Bind[],
  into?: Into,
): Translated {
  const trees = parse(readable(sql));
  const tree = asBody(trees[0]);
  const node = nodeOf(tree);
  if (!node || trees.length !== 1) throw syntaxError('unexpected end of statement');
  const translator = new Translator(session, catalog, binds);
  let out: unknown;
  let changes: Changes | undefined;
  switch (node.kind) {
    case 'insert':
      out = insertTree(translator, node.body);
      break;
    case 'update':
    case 'delete':
      out = targetTree(translator, node.kind, node.body);
      break;
    case 'merge':
      ({ tree: out, changes } = mergeTree(translator, node.body));
      break;
    default:
      out = translator.walk(withOutputNames(tree, sql), NO_CTES);
      if (into) out = storedQuery(out, into.columns, into.table);
  }
  if (session.nullsLowest) out = nullsLowest(out);
  translator.checkQuotedColumns();
  return {
    kind: node.kind,
    tree,
    sql: rowObjects(bindMarkers(toDuckSql(out))),
    binds: translator.used,
    declared: declaredTypes(tree, translator.relations),
    relations: translator.relations,
    behind: translator.behind,
    duplicates: changes && duplicatesOf(changes),
  };
}
