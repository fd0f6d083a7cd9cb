/** Queries: definitions, set operations, VALUES, SELECT with its clauses, stars. Each answers the columns that it gives. */
import type { ColumnUsage, Origin, OutputColumn } from '../analysis.js';
import { objectKey } from '../catalog.js';
import { isWord } from '../lex.js';
import { asBody, asList, type Body, folded, type Identifier, identifierOf, isBody, nodeOf } from '../tree.js';
import { dotted } from './dotted.js';
import { type Ctes, type Scope, type Source, scopeOf, UNKNOWN, union } from './scope.js';
import { isPresent, type Walk } from './walk.js';

const SET_OPERATIONS: ReadonlySet<string> = new Set(['union', 'except', 'intersect']);

/** A recursive definition is walked again until its columns no longer come from anything new. */
const MAX_ROUNDS = 4;

export function walkQuery(walk: Walk, value: unknown, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
  const node = nodeOf(value);
  if (!node) throw walk.refusal('A query is missing here.');
  const scope = definitions(walk, node.body, ctes, outer);
  if (node.kind === 'select') return select(walk, node.body, scope, outer);
  if (SET_OPERATIONS.has(node.kind)) {
    walk.only('set operation', node.body);
    return setOperation(walk, node.body, scope, outer);
  }
  if (node.kind === 'subquery' || node.kind === 'paren') {
    walk.only(node.kind, node.body);
    const columns = walk.query(node.body['this'], scope, outer);
    ordering(walk, node.body, columns, scope, outer);
    return columns;
  }
  if (node.kind === 'values') {
    walk.only('values', node.body);
    return values(walk, node.body, scope, outer);
  }
  throw walk.refusal(`This form of query (${node.kind}) is not understood.`);
}

// --- WITH

export function definitions(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): Ctes {
  const clause = asBody(body['with'] ?? body['with_']);
  const all = asList(clause['ctes']).map(asBody);
  walk.only('with', clause);
  if (all.length === 0) return ctes;
  const scope = new Map(ctes);
  for (const definition of all) {
    walk.only('definition', definition);
    const name = identifierOf(definition['alias']);
    if (!name) throw walk.refusal('A definition in WITH has no name.');
    walk.claim(name, 'definition');
    const list = asList(definition['columns']).map((column) => identifierOf(column));
    for (const column of list) walk.claim(column, 'definition');
    const columns = isRecursive(definition, name)
      ? recursive(walk, name, list, asBody(nodeOf(definition['this'])?.body), scope, outer)
      : walk.query(definition['this'], scope, outer);
    scope.set(folded(name), cte(name, named(columns, list, walk)));
  }
  return scope;
}

const cte = (name: Identifier, columns: readonly OutputColumn[]): Source => ({
  alias: folded(name),
  object: undefined,
  columns,
});

/**
 * Only the right side of a UNION ALL reads what the whole of it gives (constructs/with; RECURSIVE is optional). On the left, and under any
 * other set operation, the name is what it is outside of the definition: a table, or a definition before.
 */
function recursive(
  walk: Walk,
  name: Identifier,
  list: readonly (Identifier | undefined)[],
  body: Body,
  ctes: Ctes,
  outer: Scope | undefined,
): readonly OutputColumn[] {
  refuseShadowed(walk, name);
  walk.only('set operation', body);
  const anchor = walk.query(body['left'], ctes, outer);
  let columns = anchor;
  for (let round = 0; ; round++) {
    const inner = new Map(ctes).set(folded(name), cte(name, named(columns, list)));
    const after = byPlace(walk, anchor, walk.query(body['right'], inner, outer));
    const before = columns;
    columns = after;
    if (after.every(({ origins }, at) => origins.length === (before[at]?.origins.length ?? 0))) break;
    if (round < MAX_ROUNDS) continue;
    // Each column could come from all that any of them comes from.
    const all = union(after.map(({ origins }) => origins));
    columns = after.map((column) => ({ ...column, origins: all }));
    break;
  }
  ordering(walk, body, columns, ctes, outer);
  return columns;
}

/** `… UNION ALL …` whose right side names the definition. */
function isRecursive(definition: Body, name: Identifier): boolean {
  const node = nodeOf(definition['this']);
  if (node?.kind !== 'union' || node.body['all'] !== true || node.body['by_name'] === true) return false;
  return !isPresent(asBody(node.body['with'])['ctes']) && mentions(node.body['right'], folded(name));
}

/** Whether a table of this name, with no other part, stands anywhere in a tree. */
function mentions(value: unknown, name: string): boolean {
  if (Array.isArray(value)) return value.some((item) => mentions(item, name));
  if (!isBody(value)) return false;
  const table = nodeOf(value)?.kind === 'table' ? nodeOf(value)?.body : undefined;
  const identifier = table && !isPresent(table['schema']) ? identifierOf(table['name']) : undefined;
  if (identifier && folded(identifier) === name) return true;
  return Object.values(value).some((item) => typeof item === 'object' && mentions(item, name));
}

/** Where a table has the name of a recursive CTE, which of the two an inner mention means could be read in two ways. */
function refuseShadowed(walk: Walk, name: Identifier): void {
  const { database, schema } = walk.defaults;
  if (database === undefined || schema === undefined) return;
  if (walk.relations.has(objectKey({ database, schema, name: folded(name) })))
    throw walk.refusal(
      `${folded(name)} names a table as well as this definition.`,
      walk.token(name),
      'Give the definition another name.',
    );
}

/**
 * Columns that are taken by their place. `* ILIKE` gives fewer than are known here, so which one stands where is not told: each may be any.
 */
export function byWhichever(walk: Walk, columns: readonly OutputColumn[]): readonly OutputColumn[] {
  if (!walk.statement.isNarrowed) return columns;
  const all = [...union(columns.map(({ origins }) => origins)), UNKNOWN];
  return columns.map((column) => ({ ...column, origins: all }));
}

/** Columns under the names of a list behind an alias; by their places, where a `walk` says whether these are known. */
export function named(
  columns: readonly OutputColumn[],
  names: readonly (Identifier | undefined)[],
  walk?: Walk,
): readonly OutputColumn[] {
  if (names.length === 0) return columns;
  return (walk ? byWhichever(walk, columns) : columns).map((column, index) => {
    const name = names[index];
    return name ? { ...column, name: folded(name) } : column;
  });
}

// --- set operations

function setOperation(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
  const left = walk.query(body['left'], ctes, outer);
  const right = walk.query(body['right'], ctes, outer);
  const columns = body['by_name'] === true ? byName(walk, left, right) : byPlace(walk, left, right);
  ordering(walk, body, columns, ctes, outer);
  return columns;
}

function byPlace(walk: Walk, left: readonly OutputColumn[], right: readonly OutputColumn[]): OutputColumn[] {
  const [first, second] = [byWhichever(walk, left), byWhichever(walk, right)];
  return first.map((column, index) => ({ ...column, origins: union([column.origins, second[index]?.origins ?? []]) }));
}

/** UNION BY NAME (sql-reference/operators-query): columns of one name are one, the others come behind, NULL on the other side. */
function byName(walk: Walk, left: readonly OutputColumn[], right: readonly OutputColumn[]): OutputColumn[] {
  walk.spend(2 * left.length * right.length);
  const merged = left.map((column) => ({
    ...column,
    origins: union([
      column.origins,
      ...right.filter(({ name }) => name === undefined || name === column.name).map(({ origins }) => origins),
    ]),
  }));
  return [...merged, ...right.filter(({ name }) => name === undefined || !left.some((column) => column.name === name))];
}

/** ORDER BY and LIMIT of a set operation or a bracketed query see its output columns. */
export function ordering(
  walk: Walk,
  body: Body,
  columns: readonly OutputColumn[],
  ctes: Ctes,
  outer: Scope | undefined,
): void {
  const scope = scopeOf([{ alias: undefined, object: undefined, columns }], outer);
  positional(walk, body['order_by'], columns, scope, ctes, 'order');
  for (const key of ['limit', 'offset']) walk.expression(body[key], scope, ctes, 'argument');
}

// --- VALUES

export function values(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
  const scope = scopeOf([], outer);
  const names = asList(body['column_aliases']).map((name) => identifierOf(name));
  for (const name of names) walk.claim(name, 'alias');
  walk.claim(identifierOf(body['alias']), 'alias');
  const origins: (readonly Origin[])[] = [];
  for (const row of asList(body['expressions']))
    asList(asBody(row)['expressions']).forEach((item, at) => {
      origins[at] = union([origins[at] ?? [], walk.expression(item, scope, ctes, 'projected')]);
    });
  return origins.map((from, index) => ({
    name: names[index] ? folded(names[index]) : `COLUMN${index + 1}`,
    origins: from,
  }));
}

// --- SELECT

/** Clauses that other dialects have. */
const FOREIGN = ['lateral_views', 'into', 'hint', 'distribute_by', 'cluster_by', 'sort_by', 'locks', 'sample'];

function select(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
  for (const key of FOREIGN)
    if (isPresent(body[key]))
      throw walk.refusal(
        key === 'locks' ? 'FOR UPDATE locks rows.' : `${key.toUpperCase().replace('_', ' ')} is not understood here.`,
        key === 'locks' ? walk.statement.tokens.findLastIndex((token) => isWord(token, 'FOR')) : undefined,
      );
  walk.only('select', body);
  const scope = scopeOf([], outer, made(walk, body));
  for (const item of asList(asBody(body['from'])['expressions'])) scope.sources.push(walk.source(item, scope, ctes));
  for (const join of asList(body['joins']).map(asBody)) walk.join(join, scope, ctes);
  const outputs: OutputColumn[] = [];
  for (const item of asList(body['expressions'])) {
    for (const output of selected(walk, item, scope, ctes)) outputs.push(output);
    walk.bound(outputs);
  }
  walk.expression(body['where_clause'], scope, ctes, 'predicate');
  walk.expression(body['connect'], scope, ctes, 'predicate');
  positional(walk, body['group_by'], outputs, scope, ctes, 'group');
  walk.expression(body['having'], scope, ctes, 'predicate');
  walk.expression(body['qualify'], scope, ctes, 'predicate');
  walk.expression(body['windows'], scope, ctes, 'window');
  positional(walk, body['order_by'], outputs, scope, ctes, 'order');
  walk.expression(body['distinct_on'], scope, ctes, 'group');
  for (const key of ['limit', 'offset', 'fetch', 'top']) walk.expression(body[key], scope, ctes, 'argument');
  return outputs;
}

/** Columns that no table has: LEVEL of a hierarchy (constructs/connect-by), what RESAMPLE adds (constructs/resample). */
function made(walk: Walk, body: Body): ReadonlySet<string> {
  return new Set([
    ...(isPresent(body['connect']) ? ['LEVEL'] : []),
    ...(walk.statement.isResampled ? ['IS_GENERATED', 'BUCKET_START'] : []),
  ]);
}

/** GROUP BY and ORDER BY take positions and ALL besides expressions (constructs/group-by, constructs/order-by). */
function positional(
  walk: Walk,
  clause: unknown,
  outputs: readonly OutputColumn[],
  scope: Scope,
  ctes: Ctes,
  usage: Extract<ColumnUsage, 'group' | 'order'>,
): void {
  const use = (output: OutputColumn | undefined): void => walk.use(output?.origins ?? [], usage, -1);
  const body = asBody(clause);
  if (body['all'] === true) for (const output of outputs) use(output);
  for (const item of asList(body['expressions'])) {
    const node = nodeOf(asBody(item)['this'] ?? item);
    const position = node?.kind === 'literal' ? Number(node.body['value']) : Number.NaN;
    const column =
      node?.kind === 'column' && !isPresent(node.body['table']) ? identifierOf(node.body['name']) : undefined;
    if (Number.isInteger(position)) use(outputs[position - 1]);
    else if (usage === 'order' && column && !column.quoted && folded(column) === 'ALL')
      for (const output of outputs) use(output);
    else walk.expression(item, scope, ctes, usage);
  }
  walk.expression({ ...body, all: null, expressions: [] }, scope, ctes, usage);
}

/** One entry of a SELECT list: a star stands for many columns, everything else for one. */
function selected(walk: Walk, item: unknown, scope: Scope, ctes: Ctes): readonly OutputColumn[] {
  const node = nodeOf(item);
  if (node?.kind === 'star') return walkStar(walk, node.body, scope, ctes);
  if (node?.kind === 'alias') {
    const name = identifierOf(node.body['alias']);
    const origins = walk.expression(node.body['this'], scope, ctes, 'projected');
    walk.claim(name, 'alias');
    if (name) scope.aliases.set(folded(name), origins);
    return [{ name: name ? folded(name) : undefined, origins }];
  }
  const origins = walk.expression(item, scope, ctes, 'projected');
  return [{ name: nameOfOutput(item), origins }];
}

/** A column keeps its own name; other expressions are named after their text, which nobody can rely on. */
function nameOfOutput(item: unknown): string | undefined {
  const name = dotted(item)?.at(-1);
  return name && !/^\$\d+$/.test(name.name) ? folded(name) : undefined;
}

// --- stars

/** `*` and `t.*` with EXCLUDE, REPLACE and RENAME (sql/select). */
export function walkStar(walk: Walk, body: Body, scope: Scope, ctes: Ctes): readonly OutputColumn[] {
  walk.only('star', body);
  walk.findings.hasStar = true;
  const qualifier = identifierOf(body['table']);
  const sources = qualifier ? qualified(walk, qualifier, scope) : scope.sources;
  const excluded = new Set(asList(body['except']).flatMap((name) => ofStar(walk, name, sources)));
  const renamed = new Map<string, string>();
  for (const pair of asList(body['rename'])) {
    const [from, to] = asList(pair);
    const alias = identifierOf(to);
    walk.claim(alias, 'alias');
    for (const name of ofStar(walk, from, sources)) renamed.set(name, alias ? folded(alias) : name);
  }
  const replaced = new Map<string, readonly Origin[]>();
  for (const entry of asList(body['replace'])) {
    const value = asBody(nodeOf(entry)?.kind === 'alias' ? nodeOf(entry)?.body : entry);
    const origins = walk.expression(value['this'], scope, ctes, 'projected');
    for (const name of ofStar(walk, value['alias'], sources)) replaced.set(name, origins);
  }
  const outputs: OutputColumn[] = [];
  for (const source of sources) {
    if (source.unknown === 'opaque' && source.columns.length === 0) {
      walk.opaqueStar(walk.token(qualifier));
      outputs.push({ name: undefined, origins: [UNKNOWN], isMany: true });
    }
    for (const column of source.columns) {
      if (column.name !== undefined && excluded.has(column.name)) continue;
      const isMerged = qualifier === undefined && column.name !== undefined && source.shared?.has(column.name);
      const merged = isMerged ? outputs.findIndex((output) => output.name === column.name) : -1;
      walk.use(column.origins, 'star', walk.token(qualifier));
      if (merged >= 0) {
        // What stands there may come from either side.
        const first = outputs[merged]?.origins ?? [];
        outputs[merged] = { name: column.name, origins: union([first, column.origins]) };
        continue;
      }
      const name = column.name === undefined ? undefined : (renamed.get(column.name) ?? column.name);
      const other = column.name === undefined ? undefined : replaced.get(column.name);
      outputs.push({ ...column, name, origins: other ?? column.origins });
    }
    walk.bound(outputs);
  }
  return outputs;
}

function qualified(walk: Walk, qualifier: Identifier, scope: Scope): readonly Source[] {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const sources = at.sources.filter((source) => source.alias === folded(qualifier));
    if (sources.length === 0) continue;
    walk.claim(qualifier, 'column');
    return sources;
  }
  throw walk.refusal(`There is no ${qualifier.name} in FROM.`, walk.token(qualifier));
}

/** A column that a clause of a star names: one of the star's own. */
function ofStar(walk: Walk, value: unknown, sources: readonly Source[]): string[] {
  const node = nodeOf(value);
  const identifier = identifierOf(value) ?? (node?.kind === 'column' ? identifierOf(node.body['name']) : undefined);
  if (!identifier) return [];
  const name = folded(identifier);
  const columns = sources.flatMap((source) => source.columns.flatMap((column) => column.name ?? []));
  const isThere = columns.includes(name) || sources.some(({ unknown }) => unknown === 'missing');
  if (isThere) walk.claim(identifier, 'column');
  else walk.unowned(identifier, walk.token(identifier), { kind: 'unowned', names: columns, isOpaque: false });
  return [name];
}
