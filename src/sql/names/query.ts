/** Queries: definitions, set operations, VALUES, SELECT with its clauses, stars. Each answers the columns that it gives. */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import { columnsNamed, originsOf, UNKNOWN } from '../scope/origins.js';
import { type Ctes, hasNamesake, namesIn, type Scope, type Source, scopeOf, sourcesNamed } from '../scope/scope.js';
import { isOperator, isWord } from '../text/lex.js';
import { asBody, asList, type Body, dotted, folded, type Identifier, identifierOf, nodeOf } from '../text/tree.js';
import { isName, nameOf } from '../words/claims.js';
import { isPresent } from './allow-lists.js';
import { definitions } from './definitions.js';
import { byName, byPlace, ordering, positional } from './outputs.js';
import type { Walk } from './walk.js';

const SET_OPERATIONS: ReadonlySet<string> = new Set(['union', 'except', 'intersect']);

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

// --- set operations

function setOperation(walk: Walk, body: Body, ctes: Ctes, outer: Scope | undefined): readonly OutputColumn[] {
  const left = walk.query(body['left'], ctes, outer);
  const right = walk.query(body['right'], ctes, outer);
  const columns = body['by_name'] === true ? byName(walk, left, right) : byPlace(walk, left, right);
  ordering(walk, body, columns, ctes, outer);
  return columns;
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
      origins[at] = walk.union([origins[at] ?? [], walk.expression(item, scope, ctes, 'projected')]);
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
  const isAlone = asList(body['expressions']).length === 1;
  for (const item of asList(body['expressions'])) {
    const own = selected(walk, item, scope, ctes, isAlone);
    walk.count(own.length);
    walk.boundCount(outputs.length + own.length);
    for (const output of own) outputs.push(output);
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
    ...walk.resampledNames.flatMap((at) => {
      const token = walk.statement.tokens[at];
      return isName(token) ? [nameOf(token)] : [];
    }),
  ]);
}

/** One entry of a SELECT list: a star stands for many columns, everything else for one. */
function selected(walk: Walk, item: unknown, scope: Scope, ctes: Ctes, isAlone: boolean): readonly OutputColumn[] {
  const node = nodeOf(item);
  if (node?.kind === 'star') return walkStar(walk, node.body, scope, ctes, isAlone);
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

/** `*` and `t.*` with EXCLUDE, REPLACE and RENAME (sql/select). `isAlone`: it is the whole SELECT list. */
export function walkStar(walk: Walk, body: Body, scope: Scope, ctes: Ctes, isAlone = false): readonly OutputColumn[] {
  walk.only('star', body);
  walk.findings.hasStar = true;
  const qualifier = identifierOf(body['table']);
  const sources = qualifier ? qualified(walk, qualifier, scope) : scope.sources;
  const excluded = new Set(asList(body['except']).flatMap((name) => ofStar(walk, name, sources)));
  noteExcluded(walk, asList(body['except']), sources);
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
  const token = qualifier ? lastNameAt(walk, walk.token(qualifier)) : -1;
  const isWhole = isAlone && excluded.size + renamed.size + replaced.size === 0;
  const outputs: OutputColumn[] = [];
  let most = 0;
  for (const source of sources) {
    const own = columnsOf(source);
    most += own.length - (source.shared?.size ?? 0);
    walk.boundCount(most);
    walk.count(2 * own.length);
    if (own === OPAQUE) walk.opaqueStar(token);
    const taken = own.filter(({ name }) => name === undefined || !excluded.has(name));
    walk.use(originsOf(taken.length === own.length ? own : taken, walk.count), 'star', token);
  }
  for (const column of qualifier ? sources.flatMap(columnsOf) : inOrder(walk, sources, isWhole)) {
    if (column.name !== undefined && excluded.has(column.name)) continue;
    const name = column.name === undefined ? undefined : (renamed.get(column.name) ?? column.name);
    const other = column.name === undefined ? undefined : replaced.get(column.name);
    outputs.push(
      name === column.name && other === undefined ? column : { ...column, name, origins: other ?? column.origins },
    );
  }
  if (outputs.length === 0 && !sources.some(({ unknown }) => unknown !== undefined)) walk.emptyStar(token);
  walk.boundCount(outputs.length);
  return outputs;
}

/** Which table's column each name of EXCLUDE is: one that is not sent can't be excluded, and has no place there then (sql/select). */
function noteExcluded(walk: Walk, names: readonly unknown[], sources: readonly Source[]): void {
  const found = names.map((value) => {
    const identifier = identifierOf(value);
    const name = identifier ? folded(identifier) : '';
    walk.count(sources.length);
    const having = sources.filter(({ columns }) => columnsNamed(columns, name, walk.count).length > 0);
    const objects = having.map(({ object, isTarget }) => (isTarget === true ? undefined : object));
    return { name, token: walk.token(identifier), objects };
  });
  if (found.length > 0) walk.findings.excluded.push(found);
}

/** Of a source whose columns nobody knows. */
const OPAQUE: readonly OutputColumn[] = [{ name: undefined, origins: [UNKNOWN], isMany: true }];

/** What a star shows of one source. */
const columnsOf = ({ columns, unknown }: Source): readonly OutputColumn[] =>
  unknown === 'opaque' && columns.length === 0 ? OPAQUE : columns;

/**
 * The columns of all sources as a star shows them. What a join merges comes once, and may come from either side; of one USING and `*` alone it
 * comes first, in USING's order (constructs/join). Where else it stands is not documented.
 */
function inOrder(walk: Walk, sources: readonly Source[], isWhole: boolean): readonly OutputColumn[] {
  const merging = sources.filter(({ shared }) => shared !== undefined);
  if (merging.length === 0) return sources.flatMap(columnsOf);
  const columns: OutputColumn[] = [];
  const places = new Map<string, number>();
  for (const source of sources)
    for (const column of columnsOf(source)) {
      const { name } = column;
      const place = name !== undefined && source.shared?.has(name) ? places.get(name) : undefined;
      const first = place === undefined ? undefined : columns[place];
      if (place !== undefined && first)
        columns[place] = { ...first, origins: walk.union([first.origins, column.origins]) };
      else {
        if (name !== undefined && !places.has(name)) places.set(name, columns.length);
        columns.push(column);
      }
    }
  const [one, another] = merging;
  const isCertain = isWhole && one === sources[1] && another === undefined && one?.isUnordered !== true;
  walk.count(3 * columns.length);
  if (isCertain) {
    const named = new Map([...(one?.shared ?? [])].map((name) => [name, [] as OutputColumn[]]));
    const others: OutputColumn[] = [];
    for (const column of columns) (named.get(column.name ?? '') ?? others).push(column);
    return [...[...named.values()].flat(), ...others];
  }
  // Of two of one name, or of none, either may stand where the other does.
  const groups = new Map<string | undefined, (readonly Origin[])[]>();
  for (const { name, origins } of columns) {
    const group = groups.get(name);
    if (group) group.push(origins);
    else groups.set(name, [origins]);
  }
  const merged = new Map([...groups].map(([name, parts]) => [name, parts.length === 1 ? parts[0] : walk.union(parts)]));
  return columns.map((column) => ({
    ...column,
    origins: merged.get(column.name) ?? column.origins,
    isUnplaced: true,
  }));
}

function qualified(walk: Walk, qualifier: Identifier, scope: Scope): readonly Source[] {
  const places = namesBefore(walk, walk.token(qualifier));
  if (places.length > 1) return qualifiedInFull(walk, places, scope);
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const sources = at.sources.filter((source) => source.alias === folded(qualifier));
    if (sources.length === 0) continue;
    walk.claim(qualifier, 'column');
    return sources;
  }
  throw walk.refusal(`There is no ${qualifier.name} in FROM.`, walk.token(qualifier));
}

const lastNameAt = (walk: Walk, from: number): number => namesBefore(walk, from).at(-1) ?? from;

/** The tokens of the names before a star, of which the parser makes one text; undefined between two dots. */
function namesBefore({ statement: { tokens } }: Walk, from: number): readonly (number | undefined)[] {
  const places: (number | undefined)[] = [];
  for (let at = from; isName(tokens[at]); at += 2) {
    places.push(at);
    if (isOperator(tokens[at + 1], '.') && isOperator(tokens[at + 2], '.')) {
      places.push(undefined);
      at++;
    }
  }
  return places;
}

/**
 * `schema.table.*` and `db.schema.table.*` (sql/select: a star's qualifier is the name of an object). As with a column, the tokens before the last
 * name go where the table becomes a sub-query; of two tables of one name in sight the rest would not say which.
 */
function qualifiedInFull(walk: Walk, places: readonly (number | undefined)[], scope: Scope): readonly Source[] {
  const { tokens } = walk.statement;
  const names = places.map((at) => {
    const token = at === undefined ? undefined : tokens[at];
    return isName(token) ? nameOf(token) : 'PUBLIC';
  });
  const [first, last] = [places[0] ?? -1, places.at(-1) ?? -1];
  const shown = names.join('.').slice(0, 200);
  const [source] = sourcesNamed(names, scope);
  if (!source?.object) throw walk.refusal(`There is no ${shown} in FROM.`, first);
  if (hasNamesake(scope, source))
    throw walk.refusal(
      `Two tables in FROM have the name ${source.object.name.slice(0, 100)}.`,
      first,
      'Give each of them an alias, and write that before the star.',
    );
  for (const at of places) if (at !== undefined) walk.claimToken(at, 'alias');
  walk.findings.longColumns.push({ object: source.object, from: first, to: last, hasNamesake: false });
  return [source];
}

/** A column that a clause of a star names: one of the star's own. */
function ofStar(walk: Walk, value: unknown, sources: readonly Source[]): string[] {
  const node = nodeOf(value);
  const identifier = identifierOf(value) ?? (node?.kind === 'column' ? identifierOf(node.body['name']) : undefined);
  if (!identifier) return [];
  const name = folded(identifier);
  walk.count(sources.length);
  const isThere = sources.some(
    ({ columns, unknown }) => unknown === 'missing' || columnsNamed(columns, name, walk.count).length > 0,
  );
  const names = (): readonly string[] => namesIn(undefined, scopeOf(sources, undefined));
  if (isThere) walk.claim(identifier, 'column');
  else walk.unowned(identifier, walk.token(identifier), { kind: 'unowned', names, isOpaque: false });
  return [name];
}
