/** Judging without a warehouse: a catalog written down in YAML, and a principal from the command line or a case. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { Judge, type Judged } from '../../gateway/index.js';
import { inForce, loadPolicies, type PolicySet, policySums, type Subject } from '../../policy/index.js';
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

/** Throws a SnowfenceError where a name or column is not written as it should be. */
export function catalogReader(catalogs: readonly WrittenCatalog[]): CatalogReader {
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
  return {
    relation: async (name) => relations.get(objectKey(name)),
    constraints: async (name) => ({ checks: checks.get(objectKey(name)) ?? [], keys: [], references: [] }),
  };
}

/** A YAML file against a shape. Throws a SnowfenceError that names file, line and what is wrong. */
export async function readYaml<T>(
  file: string,
  shape: z.ZodType<T>,
): Promise<{ data: T; lineOf: (path: readonly PropertyKey[]) => number }> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new SnowfenceError('FILE_MISSING', `${file} can not be read.`, 'Name a file of policy cases.');
  });
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken) throw new SnowfenceError('CASES_UNSOUND', `${file}: ${broken.message}`, undefined, 1);
  const lineOf = (path: readonly PropertyKey[]): number => {
    const node = document.getIn(path, true) as { range?: [number, number, number] | null } | undefined;
    return text.slice(0, node?.range?.[0] ?? 0).split('\n').length;
  };
  const parsed = shape.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return { data: parsed.data, lineOf };
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  throw new SnowfenceError(
    'CASES_UNSOUND',
    `${file}:${lineOf(path)} ${path.map(String).join('.')}: ${issue?.message ?? ''}`,
    undefined,
    1,
  );
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/**
 * The policies of a folder. `issuers`: of a configuration, where there is one. Throws PolicyProblems, or a SnowfenceError where there is
 * no such folder.
 */
export async function loadFolder(folder: string, issuers?: readonly string[]): Promise<PolicySet> {
  return inFolder(folder, () => loadPolicies(folder, issuers));
}

/** What `policies.sha256` has to say of a folder. Throws like loadFolder. */
export const sumsOfFolder = (folder: string): Promise<string> => inFolder(folder, () => policySums(folder));

async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new SnowfenceError('NO_FOLDER', `There is no folder ${folder}.`, 'Name the folder of your policies.');
  }
}

/** Whose principal somebody is: as is said, else of the only issuer that there is. Throws a SnowfenceError where that is open. */
export function issuerIn({ issuers }: PolicySet, said: string | undefined, where: string): string {
  if (said !== undefined) return said;
  if (issuers.length > 1)
    throw new SnowfenceError(
      'ISSUER_OPEN',
      `${where} does not say whose principal this is, and policies name ${issuers.join(' and ')}.`,
      'Say which issuer: groups and subjects of one are not those of another.',
    );
  return issuers[0] ?? '';
}

/** The files of cases in a folder of policies. */
export async function caseFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** A judge over a written catalog, and who is asked about. */
export function offlineJudge(reader: CatalogReader): Judge {
  return new Judge({
    catalogs: { version: 0, reader: () => reader },
    defaults: { database: undefined, schema: undefined },
    onUnreachable: () => undefined,
    onDisagreement: () => undefined,
  });
}

export interface Asked {
  readonly set: PolicySet;
  readonly judge: Judge;
  readonly subject: Subject;
  readonly sql: string;
  readonly purpose: string | undefined;
  readonly at: Date;
  readonly estimate?: { readonly bytes?: number | undefined; readonly rows?: number | undefined } | undefined;
}

/** The verdict as the gateway would come to it; with an estimate also the rules that go by one. */
export async function judgeOffline({ set, judge, subject, sql, purpose, at, estimate }: Asked): Promise<Judged> {
  const rules = inForce(set, subject, at);
  const judged = await judge.judge(subject, rules, { sql, purpose });
  const isOpen = !judged.denial && (judged.verdict?.needs.bytes || judged.verdict?.needs.rows);
  if (!isOpen || !estimate) return judged;
  return judge.weigh(judged, subject, rules, { sql, purpose }, { bytes: estimate.bytes, rows: estimate.rows });
}
