/** What stands in FROM: tables, sub-queries, joins, table functions, PIVOT, UNPIVOT, MATCH_RECOGNIZE. */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import { snowflakeFunction } from '../functions/index.js';
import { columnsNamed, UNKNOWN } from '../scope/origins.js';
import { type Ctes, NOWHERE, namesIn, type Scope, type Source, scopeOf } from '../scope/scope.js';
import { isWord } from '../text/lex.js';
import { asBody, asList, asText, type Body, folded, type Identifier, identifierOf, nodeOf } from '../text/tree.js';
import { matchRecognize, pivot } from './constructs.js';
import { ordering } from './outputs.js';
import { values } from './query.js';
import { aliasOf, claimAlias, refuseJoin, renamed, table } from './tables.js';
import type { Walk } from './walk.js';

export function walkJoin(walk: Walk, join: Body, scope: Scope, ctes: Ctes): void {
  walk.only('join', join);
  const source = walk.source(join['this'], scope, ctes);
  const isNatural = asText(join['kind']).includes('Natural');
  const shared = new Set<string>();
  for (const name of asList(join['using']).flatMap((value) => identifierOf(value) ?? [])) {
    shared.add(folded(name));
    using(walk, name, [...scope.sources, source]);
  }
  if (isNatural) for (const { name } of source.columns) if (name !== undefined) shared.add(name);
  const sides = shared.size > 0 ? [...scope.sources, source] : [];
  for (const side of sides) {
    walk.count(shared.size);
    for (const name of shared)
      for (const { origins } of columnsNamed(side.columns, name, walk.count)) walk.use(origins, 'join', -1);
  }
  for (const name of shared) walk.findings.columnNames.add(name);
  if (isNatural) walk.findings.hasStar = true;
  // A star shows the shared columns once.
  // Of a join in brackets the last source has merged columns already.
  const isUnordered = isNatural || source.shared !== undefined;
  for (const name of source.shared ?? []) shared.add(name);
  scope.sources.push({ ...source, ...(shared.size > 0 ? { shared, isUnordered } : {}) });
  walk.expression(join['on'], scope, ctes, 'join');
  walk.expression(join['match_condition'], scope, ctes, 'join');
}

/** A column of USING has to be on both sides. */
function using(walk: Walk, name: Identifier, sources: readonly Source[]): void {
  const column = folded(name);
  const has = (source: Source | undefined): boolean =>
    source !== undefined &&
    (source.unknown === 'missing' || columnsNamed(source.columns, column, walk.count).length > 0);
  walk.count(sources.length);
  const left = sources.slice(0, -1);
  if (has(sources.at(-1)) && left.some(has)) walk.claim(name, 'column');
  else {
    const names = (): readonly string[] =>
      namesIn(undefined, scopeOf(sources, undefined)).filter((other) => other !== column);
    walk.unowned(name, walk.token(name), { kind: 'unowned', names, isOpaque: false });
  }
}

export function walkSource(walk: Walk, item: unknown, scope: Scope, ctes: Ctes): Source {
  const node = nodeOf(item);
  if (!node) throw walk.refusal('A table is missing in FROM.');
  const { body } = node;
  switch (node.kind) {
    case 'table':
      return table(walk, body, ctes, false);
    case 'subquery':
      return subquery(walk, body, scope, ctes);
    case 'values':
      return {
        alias: valuesAlias(walk, identifierOf(body['alias'])),
        object: undefined,
        columns: values(walk, body, ctes, scope),
      };
    case 'pivot':
    case 'unpivot':
      return pivot(walk, body, scope, ctes, node.kind);
    case 'match_recognize':
      return matchRecognize(walk, body, scope, ctes);
    case 'alias': {
      walk.only('alias', body);
      const named = nodeOf(body['this']);
      // MERGE's source has its alias around it: it is the table's own all the same.
      if (named?.kind === 'table' && !identifierOf(named.body['alias'])) {
        const { alias, column_aliases: columns } = body;
        return table(walk, { ...named.body, alias, column_aliases: columns }, ctes, false);
      }
      refuseJoin(walk, body['this']);
      const inner = walk.source(body['this'], scope, ctes);
      walk.claim(identifierOf(body['alias']), 'alias');
      return renamed(walk, { ...inner, alias: aliasOf(body) }, body['column_aliases']);
    }
    case 'lateral':
      return lateral(walk, body, scope, ctes);
    case 'function':
      return tableFunction(walk, item, scope, ctes);
    case 'paren':
      walk.only('paren', body);
      return walk.source(body['this'], scope, ctes);
    case 'table_sample':
      walk.only('sampled table', body);
      walk.expression(body['sample'], NOWHERE, ctes, 'argument');
      return walk.source(body['this'], scope, ctes);
    case 'joined_table': {
      walk.only('bracketed join', body);
      const inner = scopeOf([walk.source(body['left'], scope, ctes)], scope);
      for (const join of asList(body['joins']).map(asBody)) walk.join(join, inner, ctes);
      const last = inner.sources.pop();
      for (const source of inner.sources) scope.sources.push(source);
      if (!last) throw walk.refusal('A table is missing in FROM.');
      return last;
    }
    default:
      throw walk.refusal(
        `${node.kind.replaceAll('_', ' ')} in FROM is not understood.`,
        undefined,
        'Name tables and views, or sub-queries over them.',
      );
  }
}

/** `VALUES (…) AS v`: the parser may give the alias no place. */
function valuesAlias(walk: Walk, alias: Identifier | undefined): string | undefined {
  if (!alias) return undefined;
  return walk.token(alias) < 0 ? claimAlias(walk, 'values', alias.name, []).name : folded(alias);
}

/** polyglot gives a LATERAL's alias and the names behind it as bare text; where they stand, and whether quoted, shows in the tokens. */
function lateral(walk: Walk, body: Body, scope: Scope, ctes: Ctes): Source {
  walk.only('lateral', body);
  const source = tableFunction(walk, body['this'], scope, ctes);
  const alias = asText(body['alias']);
  const names = asList(body['column_aliases']).map(asText);
  if (!alias) return { ...source, alias: undefined };
  const { name, columns } = claimAlias(walk, 'lateral', alias, names);
  return renamed(
    walk,
    { ...source, alias: name },
    columns.map((at) => walk.identifierAt(at)),
  );
}

function subquery(walk: Walk, body: Body, scope: Scope, ctes: Ctes): Source {
  walk.only('subquery', body);
  const visible = body['lateral'] === true ? scope : scope.outer;
  const columns = walk.query(body['this'], ctes, visible);
  ordering(walk, body, columns, ctes, visible);
  walk.claim(identifierOf(body['alias']), 'alias');
  return renamed(walk, { alias: aliasOf(body), object: undefined, columns }, body['column_aliases']);
}

// --- table functions

function tableFunction(walk: Walk, value: unknown, scope: Scope, ctes: Ctes): Source {
  const node = nodeOf(value);
  if (node?.kind === 'method_call') {
    walk.only('qualified call', node.body);
    for (const argument of asList(node.body['args'])) walk.expression(argument, scope, ctes, 'argument');
    return { alias: undefined, object: undefined, columns: [], unknown: 'opaque' };
  }
  if (node?.kind !== 'function') throw walk.refusal('This table function is not understood.');
  const name = asText(node.body['name']).toUpperCase();
  if (name === 'TABLE') {
    const [inner, ...more] = asList(node.body['args']);
    const kind = nodeOf(inner)?.kind;
    if ((kind !== 'function' && kind !== 'method_call') || more.length > 0)
      throw walk.refusal(
        'TABLE() of anything but a function is not understood.',
        walk.statement.tokens.findIndex((token) => isWord(token, 'TABLE')),
        'Name the table itself.',
      );
    return tableFunction(walk, inner, scope, ctes);
  }
  walk.findings.calls.add(name);
  const origins = walk.union(
    asList(node.body['args']).map((argument) => walk.expression(argument, scope, ctes, 'argument')),
  );
  if (name === 'IDENTIFIER')
    throw walk.refusal('IDENTIFIER() hides which object is meant.', undefined, 'Write the name itself.');
  const known = node.body['quoted'] === true ? undefined : snowflakeFunction(name);
  // GENERATOR makes rows without columns (functions/generator).
  const columns = known?.columns ?? (known?.class === 'table' ? [] : undefined);
  if (!columns) return { alias: undefined, object: undefined, columns: [], unknown: 'opaque' };
  const from: readonly Origin[] = known?.class === 'table' ? origins : [...origins, UNKNOWN];
  const made: OutputColumn[] = columns.map((column) => ({ name: column, origins: from }));
  return { alias: undefined, object: undefined, columns: made };
}
