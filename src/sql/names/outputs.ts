/** Columns that a query gives: by place, by name, under a list of names, and as ORDER BY and GROUP BY mean them. */
import type { ColumnUsage, OutputColumn } from '../analysis/analysis.js';
import type { Count } from '../analysis/effort.js';
import { columnsNamed, originsOf, UNKNOWN, union } from '../scope/origins.js';
import { type Ctes, type Scope, scopeOf } from '../scope/scope.js';
import type { ParsedStatement } from '../text/statement.js';
import { asBody, asList, asText, type Body, folded, type Identifier, identifierOf, nodeOf } from '../text/tree.js';
import { isPresent } from './allow-lists.js';
import type { Walk } from './walk.js';

/** Of lists of columns that were asked for before. */
const placed = new WeakMap<readonly OutputColumn[], readonly OutputColumn[]>();
/** … within statements whose stars may give other columns. */
const unplaced = new WeakMap<readonly OutputColumn[], readonly OutputColumn[]>();

/**
 * Columns that are taken by their place. Where it is not told which one stands where, each may be any of those that could: all of them where
 * `* ILIKE` gives fewer than are known here, and else those from the first on that has no certain place, or comes as many.
 */
export function byWhichever(
  { isNarrowed, isResampled }: Pick<ParsedStatement, 'isNarrowed' | 'isResampled'>,
  columns: readonly OutputColumn[],
  count: Count,
): readonly OutputColumn[] {
  const isOpen = isNarrowed || isResampled;
  const asked = isOpen ? unplaced : placed;
  const known = asked.get(columns);
  if (known) return known;
  count(columns.length);
  const first = isOpen ? 0 : columns.findIndex(({ isUnplaced, isMany }) => isUnplaced === true || isMany === true);
  let made = columns;
  if (first >= 0) {
    const some = originsOf(columns.slice(first), count);
    const all = isOpen ? union([some, [UNKNOWN]], count) : some;
    made = columns.map((column, at) => (at < first ? column : { ...column, origins: all }));
  }
  asked.set(columns, made);
  return made;
}

/** Columns under the names of a list behind an alias; by their places, where a `walk` says whether these are known. */
export function named(
  columns: readonly OutputColumn[],
  names: readonly (Identifier | undefined)[],
  walk?: Walk,
): readonly OutputColumn[] {
  if (names.length === 0) return columns;
  return (walk ? byWhichever(walk.statement, columns, walk.count) : columns).map((column, index) => {
    const name = names[index];
    return name ? { ...column, name: folded(name) } : column;
  });
}

export function byPlace(walk: Walk, left: readonly OutputColumn[], right: readonly OutputColumn[]): OutputColumn[] {
  const [first, second] = [
    byWhichever(walk.statement, left, walk.count),
    byWhichever(walk.statement, right, walk.count),
  ];
  return first.map((column, index) => ({
    ...column,
    origins: walk.union([column.origins, second[index]?.origins ?? []]),
  }));
}

/** UNION BY NAME (sql-reference/operators-query): columns of one name are one, the others come behind, NULL on the other side. */
export function byName(walk: Walk, left: readonly OutputColumn[], right: readonly OutputColumn[]): OutputColumn[] {
  const nameless = right.filter(({ name }) => name === undefined);
  const merged = left.map((column) => {
    const same = column.name === undefined ? [] : columnsNamed(right, column.name, walk.count);
    return { ...column, origins: walk.union([column, ...nameless, ...same].map(({ origins }) => origins)) };
  });
  const isNew = ({ name }: OutputColumn): boolean =>
    name === undefined || columnsNamed(left, name, walk.count).length === 0;
  walk.count(right.length);
  return [...merged, ...right.filter(isNew)];
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

/** What only holds the columns that are grouped by, as an entry of GROUP BY's list (constructs/group-by-cube and its kin); a call within any other. */
const isGrouping = (body: Body): boolean =>
  body['quoted'] !== true && /^(?:GROUPING SETS|ROLLUP|CUBE)$/i.test(asText(body['name']));

/** GROUP BY and ORDER BY take positions and ALL besides expressions (constructs/group-by, constructs/order-by). */
export function positional(
  walk: Walk,
  clause: unknown,
  outputs: readonly OutputColumn[],
  scope: Scope,
  ctes: Ctes,
  usage: Extract<ColumnUsage, 'group' | 'order'>,
): void {
  const use = (output: OutputColumn | undefined): void => walk.use(output?.origins ?? [], usage, -1);
  const body = asBody(clause);
  const byOrder = byWhichever(walk.statement, outputs, walk.count);
  if (body['all'] === true) use({ name: undefined, origins: originsOf(outputs, walk.count) });
  for (const item of asList(body['expressions'])) {
    const node = nodeOf(asBody(item)['this'] ?? item);
    const position = node?.kind === 'literal' ? Number(node.body['value']) : Number.NaN;
    const column =
      node?.kind === 'column' && !isPresent(node.body['table']) ? identifierOf(node.body['name']) : undefined;
    if (Number.isInteger(position)) use(byOrder[position - 1]);
    else if (usage === 'order' && column && !column.quoted && folded(column) === 'ALL')
      use({ name: undefined, origins: originsOf(outputs, walk.count) });
    else if (usage === 'group' && node?.kind === 'function' && isGrouping(node.body))
      walk.expression(node.body['args'], scope, ctes, usage);
    else walk.expression(item, scope, ctes, usage);
  }
  walk.expression({ ...body, all: null, expressions: [] }, scope, ctes, usage);
}
