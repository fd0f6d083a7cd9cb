/** A catalog written down in YAML, in the place of a warehouse's. */
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import {
  type CatalogReader,
  type Check,
  type ColumnInfo,
  isOperator,
  isWord,
  lex,
  objectKey,
  type RelationInfo,
  type Token,
} from '../../sql/index.js';

/** `DB.SCHEMA.TABLE: [ID NUMBER, "Col a" VARCHAR, TAX NUMBER AS (ID * 2), CHECK (ID > 0)]`, and for a view its query. */
const tables = z.record(z.string(), z.array(z.string().min(1)).min(1));
const views = z.record(
  z.string(),
  z
    .strictObject({
      columns: z.array(z.string().min(1)).min(1),
      as: z.string().min(1).optional(),
      secure: z.boolean().default(false),
    })
    .refine(({ as, secure }) => as !== undefined || secure, 'A view that is not secure needs its query: "as".'),
);

export const catalogFile = { tables: tables.optional(), external_tables: tables.optional(), views: views.optional() };

export interface WrittenCatalog {
  readonly tables?: z.infer<typeof tables> | undefined;
  /** Written like tables, with VALUE among their columns. */
  readonly external_tables?: z.infer<typeof tables> | undefined;
  readonly views?: z.infer<typeof views> | undefined;
}

type WrittenView = z.infer<typeof views>[string];

/** The dotted name's parts, as Snowflake folds them. */
function parts(text: string): string[] {
  return lex(text)
    .filter(({ kind }) => kind === 'word' || kind === 'quoted')
    .map(({ kind, text: part }) => (kind === 'quoted' ? part.slice(1, -1).replaceAll('""', '"') : part.toUpperCase()));
}

/** What stands in the brackets that open at a token; undefined where they don't open or close there. */
function bracketed(text: string, tokens: readonly Token[], at: number): string | undefined {
  if (!isOperator(tokens[at], '(')) return undefined;
  let depth = 0;
  for (const token of tokens.slice(at)) {
    if (isOperator(token, '(')) depth++;
    if (isOperator(token, ')') && --depth === 0) return text.slice((tokens[at]?.start ?? 0) + 1, token.start).trim();
  }
  return undefined;
}

/** `CHECK ( … )`, with `CONSTRAINT name` before it or not, as in CREATE TABLE (documentation page sql/create-table-constraint). */
function checkOf(text: string): Check | undefined {
  const tokens = lex(text);
  const at = isWord(tokens[0], 'CONSTRAINT') ? 2 : 0;
  const clause = isWord(tokens[at], 'CHECK') ? bracketed(text, tokens, at + 1) : undefined;
  return clause === undefined
    ? undefined
    : { name: at === 0 ? 'CHECK' : (parts(tokens[1]?.text ?? '')[0] ?? ''), clause };
}

/** A name, a type, and `AS ( … )` of a virtual column (documentation page virtual-columns). */
function columnOf(text: string): ColumnInfo {
  const tokens = lex(text);
  const [first] = tokens;
  const as = tokens.findIndex((token, at) => isWord(token, 'AS') && isOperator(tokens[at + 1], '('));
  const generated = tokens.findIndex((token) => isWord(token, 'GENERATED'));
  const expression = as > 0 ? bracketed(text, tokens, as + 1) : undefined;
  const end = expression === undefined ? undefined : tokens[generated > 0 && generated < as ? generated : as];
  const type = text.slice(first?.text.length ?? 0, end?.start).trim();
  return {
    name: parts(first?.text ?? '')[0] ?? '',
    type: type === '' ? 'VARCHAR' : type,
    comment: '',
    ...(expression === undefined ? {} : { expression }),
  };
}

/** Tables and views that are written down. Throws a SnowfenceError where a name or column is not written as it should be. */
export function writtenRelations(catalogs: readonly WrittenCatalog[]): RelationInfo[] {
  return [...readCatalogs(catalogs).relations.values()];
}

/** Throws as writtenRelations. */
export function catalogReader(catalogs: readonly WrittenCatalog[]): CatalogReader {
  const { relations, checks } = readCatalogs(catalogs);
  return {
    relation: async (name) => relations.get(objectKey(name)),
    constraints: async (name) => ({ checks: checks.get(objectKey(name)) ?? [], keys: [], references: [] }),
  };
}

function readCatalogs(catalogs: readonly WrittenCatalog[]) {
  const relations = new Map<string, RelationInfo>();
  const checks = new Map<string, readonly Check[]>();
  const add = (name: string, columns: readonly string[], view?: WrittenView, isExternal = false): void => {
    const [database = '', schema = '', table = '', ...more] = parts(name);
    if (table === '' || more.length > 0)
      throw new SnowfenceError('CATALOG_UNSOUND', `"${name}" is not DATABASE.SCHEMA.NAME.`, 'Write all three parts.');
    const relation: RelationInfo = {
      database,
      schema,
      name: table,
      kind: view ? 'view' : 'table',
      columns: columns.filter((column) => !checkOf(column)).map(columnOf),
      viewText: view?.as === undefined ? undefined : `CREATE VIEW ${name} AS ${view.as}`,
      isSecure: view?.secure === true,
      isExternal,
      comment: '',
      rows: undefined,
    };
    relations.set(objectKey(relation), relation);
    checks.set(
      objectKey(relation),
      columns.flatMap((column) => checkOf(column) ?? []),
    );
  };
  for (const catalog of catalogs) {
    for (const [name, columns] of Object.entries(catalog.tables ?? {})) add(name, columns);
    for (const [name, columns] of Object.entries(catalog.external_tables ?? {})) add(name, columns, undefined, true);
    for (const [name, view] of Object.entries(catalog.views ?? {})) add(name, view.columns, view);
  }
  return { relations, checks };
}
