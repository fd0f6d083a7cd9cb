/** PIVOT, UNPIVOT and MATCH_RECOGNIZE: what goes in is grouped or matched, what comes out has other columns (constructs/…). */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import { originsOf } from '../scope/origins.js';
import { type Ctes, type Scope, type Source, scopeOf } from '../scope/scope.js';
import { asBody, asList, asText, type Body, folded, identifierOf, isBody, nodeOf, textLiteral } from '../text/tree.js';
import { named } from './outputs.js';
import { aliasOf, claimAlias, refuseJoin, renamed, table } from './tables.js';
import type { Walk } from './walk.js';

/** The table or query that a construct works on. */
function input(walk: Walk, body: Body, scope: Scope, ctes: Ctes): Source {
  const inner = nodeOf(body['this']);
  refuseJoin(walk, body['this']);
  return inner?.kind === 'table' ? table(walk, inner.body, ctes, true) : walk.source(body['this'], scope, ctes);
}

export function pivot(walk: Walk, body: Body, scope: Scope, ctes: Ctes, kind: 'pivot' | 'unpivot'): Source {
  walk.only('pivot', body);
  const source = input(walk, body, scope, ctes);
  const own = scopeOf([source], scope);
  // Every column of the source takes part: those that are not named group the rows.
  walk.findings.hasStar = true;
  walk.use(originsOf(source.columns, walk.count), 'group', -1);
  walk.claim(identifierOf(body['alias']), 'alias');
  const columns = kind === 'pivot' ? pivoted(walk, body, source, own, ctes) : unpivoted(walk, body, source, own, ctes);
  const { unknown } = source;
  const made = { alias: aliasOf(body) ?? source.alias, object: undefined, columns, ...(unknown ? { unknown } : {}) };
  const list = asList(body['alias_columns']).length > 0 ? body['alias_columns'] : body['column_aliases'];
  return renamed(walk, made, list);
}

/** The names in an expression of the construct: columns of its input, by the names that they have there, which do not come out by themselves. */
function namesIn(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) namesIn(item, found);
  if (!isBody(value)) return;
  const node = nodeOf(value);
  const name = node?.kind === 'column' ? identifierOf(node.body['name']) : undefined;
  if (name) found.add(folded(name));
  else for (const item of Object.values(value)) if (typeof item === 'object') namesIn(item, found);
}

function pivoted(walk: Walk, body: Body, source: Source, own: Scope, ctes: Ctes): readonly OutputColumn[] {
  const names = new Set<string>();
  let isNamed = false;
  const aggregates = asList(body['expressions']).map((aggregate) => {
    const alias = nodeOf(aggregate)?.kind === 'alias' ? nodeOf(aggregate)?.body : undefined;
    isNamed ||= alias !== undefined;
    if (alias) claimAlias(walk, 'pivot', identifierOf(alias['alias'])?.name ?? '', []);
    namesIn(alias ? alias['this'] : aggregate, names);
    return walk.expression(alias ? alias['this'] : aggregate, own, ctes, 'group');
  });
  const values: OutputColumn[] = [];
  let origins: readonly Origin[] = walk.union(aggregates);
  for (const field of asList(body['fields'])) {
    const node = nodeOf(field);
    if (node?.kind !== 'in') throw walk.refusal('This form of PIVOT is not understood.');
    namesIn(node.body['this'], names);
    origins = walk.union([origins, walk.expression(node.body['this'], own, ctes, 'group')]);
    for (const value of asList(node.body['expressions'])) values.push(pivotValue(walk, value, own, ctes));
    for (const [key, rest] of Object.entries(node.body))
      if (key !== 'this' && key !== 'expressions') walk.expression(rest, own, ctes, 'group');
  }
  walk.expression(body['default_on_null'], own, ctes, 'group');
  const groups = source.columns.filter(({ name }) => name === undefined || !names.has(name));
  // Of several aggregates each value has a column of each; how these are called, or those of one with a name, is not told.
  walk.boundCount(groups.length + values.length * Math.max(1, aggregates.length));
  walk.count(groups.length + values.length * Math.max(1, aggregates.length));
  const many =
    aggregates.length > 1 || isNamed
      ? values.flatMap((value) => aggregates.map(() => ({ ...value, name: undefined })))
      : values;
  return [...groups, ...many.map((value) => ({ ...value, origins: walk.union([value.origins, origins]) }))];
}

/** A value of PIVOT's list: 'JAN' gives a column named 'JAN', quotes and all; one with an alias has that (constructs/pivot). */
function pivotValue(walk: Walk, value: unknown, own: Scope, ctes: Ctes): OutputColumn {
  const node = nodeOf(value);
  if (node?.kind === 'pivot_alias' || node?.kind === 'alias') {
    const alias = node.body['alias'];
    const column = nodeOf(alias)?.kind === 'column' ? nodeOf(alias)?.body['name'] : alias;
    const name = identifierOf(column);
    walk.claim(name, 'alias');
    return { name: name ? folded(name) : undefined, origins: walk.expression(node.body['this'], own, ctes, 'group') };
  }
  const origins = walk.expression(value, own, ctes, 'group');
  const text = textLiteral(value);
  if (text !== undefined) return { name: `'${text}'`, origins };
  if (node?.kind === 'literal') return { name: asText(node.body['value']) || undefined, origins };
  // ANY and a sub-query: as many columns as there are values, named after them.
  return { name: undefined, origins, isMany: true };
}

function unpivoted(walk: Walk, body: Body, source: Source, own: Scope, ctes: Ctes): readonly OutputColumn[] {
  const [value, name] = [identifierOf(body['value_column']), identifierOf(body['name_column'])];
  if (!value || !name) throw walk.refusal('This form of UNPIVOT is not understood.');
  walk.claim(value, 'alias');
  walk.claim(name, 'alias');
  const gone = new Set<string>();
  const origins = asList(body['columns']).map((entry) => {
    const alias = nodeOf(entry)?.kind === 'pivot_alias' ? nodeOf(entry)?.body : undefined;
    const column = alias ? alias['this'] : entry;
    const label = nodeOf(alias?.['alias'])?.body['name'] ?? alias?.['alias'];
    walk.claim(identifierOf(label), 'alias');
    const identifier = identifierOf(nodeOf(column)?.body['name']);
    if (identifier) gone.add(folded(identifier));
    return walk.expression(column, own, ctes, 'group');
  });
  const all = walk.union(origins);
  return [
    ...source.columns.filter((column) => column.name === undefined || !gone.has(column.name)),
    { name: folded(name), origins: all },
    { name: folded(value), origins: all },
  ];
}

/** Rows that match a pattern. */
export function matchRecognize(walk: Walk, body: Body, scope: Scope, ctes: Ctes): Source {
  walk.only('match_recognize', body);
  const source = input(walk, body, scope, ctes);
  const { symbols } = walk;
  walk.spend(symbols.size * source.columns.length, 'columns');
  walk.claimSymbols();
  // `down.price`: a symbol of the pattern qualifies the column that it reads.
  const own = scopeOf([source, ...[...symbols].map((symbol) => ({ ...source, alias: symbol }))], scope);
  const partitions = asList(body['partition_by']).map((item) => ({
    name: identifierOf(nodeOf(item)?.kind === 'column' ? nodeOf(item)?.body['name'] : undefined),
    origins: walk.expression(item, own, ctes, 'window'),
  }));
  walk.expression(body['order_by'], own, ctes, 'window');
  const measures = asList(body['measures']).map((measure) => {
    const node = nodeOf(asBody(measure)['this']);
    const name = node?.kind === 'alias' ? identifierOf(node.body['alias']) : undefined;
    walk.claim(name, 'alias');
    const value = node?.kind === 'alias' ? node.body['this'] : asBody(measure)['this'];
    return { name: name ? folded(name) : undefined, origins: walk.expression(value, own, ctes, 'projected') };
  });
  for (const pair of asList(body['define'])) {
    walk.claim(identifierOf(asList(pair)[0]), 'symbol');
    walk.expression(asList(pair)[1], own, ctes, 'predicate');
  }
  walk.findings.hasStar = true;
  walk.claim(identifierOf(body['alias']), 'alias');
  // With ALL ROWS PER MATCH every column comes out, with ONE ROW, which is the default, only those of PARTITION BY.
  const isAll = /^All/i.test(asText(body['rows']));
  const groups: readonly OutputColumn[] = isAll
    ? source.columns
    : named(
        partitions.map(({ origins }) => ({ name: undefined, origins })),
        partitions.map(({ name }) => name),
      );
  const { unknown } = source;
  return {
    alias: aliasOf(body) ?? source.alias,
    object: undefined,
    columns: [...groups, ...measures],
    ...(unknown ? { unknown } : {}),
  };
}
