/** Expressions: columns by name and by place, calls, lambdas, windows, sub-queries; everything else only holds others together. */
import type { ColumnUsage, Origin } from '../analysis/analysis.js';
import { dangerOf } from '../functions/danger.js';
import { isPure, snowflakeFunction } from '../functions/index.js';
import { originsOf, UNKNOWN } from '../scope/origins.js';
import { type Ctes, hasNamesake, namesIn, qualifiedSources, type Resolution, type Scope } from '../scope/scope.js';
import { isOperator } from '../text/lex.js';
import {
  asBody,
  asList,
  asText,
  type Body,
  dotted,
  folded,
  type Identifier,
  identifierOf,
  nodeOf,
} from '../text/tree.js';
import { isName } from '../words/claims.js';
import { EXPRESSION_KINDS, FUNCTION_KINDS } from './allow-lists.js';
import { byWhichever } from './outputs.js';
import { walkStar } from './query.js';
import type { Walk } from './walk.js';

export function walkExpression(
  walk: Walk,
  value: unknown,
  scope: Scope,
  ctes: Ctes,
  usage: ColumnUsage,
): readonly Origin[] {
  if (value === null || value === undefined || typeof value !== 'object') return [];
  if (Array.isArray(value)) return walk.union(value.map((item) => walk.expression(item, scope, ctes, usage)));
  const node = nodeOf(value);
  if (!node) return fields(walk, asBody(value), scope, ctes, usage);
  const { body } = node;
  // What a predicate, join or order goes by stays that, also within a function.
  const inner = usage === 'projected' ? 'argument' : usage;
  switch (node.kind) {
    case 'select':
    case 'union':
    case 'except':
    case 'intersect':
    case 'subquery':
      return originsOf(walk.query(value, ctes, scope), walk.count);
    case 'column':
      return column(walk, body, scope, usage);
    case 'dot':
      return chain(walk, value, body, scope, ctes, usage);
    case 'star':
      // COUNT(*) is no star of columns and comes as a field, not as a node.
      return originsOf(walkStar(walk, body, scope, ctes), walk.count);
    case 'function':
    case 'aggregate_function':
      walk.findings.calls.add(asText(body['name']).toUpperCase());
      return walk.union([
        fields(walk, body, scope, ctes, inner),
        beyond(asText(body['name']), body['quoted'] === true),
      ]);
    case 'braced_wildcard':
      return walk.expression({ star: body['star'] ?? body }, scope, ctes, usage);
    case 'method_call':
      // Its name is read from the tokens, like every function's.
      walk.only('qualified call', body);
      return walk.union([
        ...asList(body['args']).map((argument) => walk.expression(argument, scope, ctes, inner)),
        [UNKNOWN],
      ]);
    case 'named_argument':
      return walk.expression(body['value'], scope, ctes, usage);
    case 'lambda':
      return lambda(walk, body, scope, ctes, usage);
    case 'window_function':
      walk.only('window function', body);
      return walk.union([
        walk.expression(body['this'], scope, ctes, usage),
        walk.expression(body['over'], scope, ctes, 'window'),
        walk.expression(body['keep'], scope, ctes, 'window'),
      ]);
    case 'parameter':
      return parameter(walk, body, scope, usage);
    // None of these claims the words that it is made of: what is no keyword in its place has no owner.
    case 'identifier':
    case 'var':
    case 'literal':
    case 'null':
    case 'boolean':
    case 'data_type':
      return [];
    default: {
      if (EXPRESSION_KINDS.has(node.kind)) {
        const isCall = usage === 'projected' && FUNCTION_KINDS.has(node.kind);
        return fields(walk, body, scope, ctes, isCall ? 'argument' : usage);
      }
      const danger = dangerOf(node.kind);
      throw walk.refusal(
        `${node.kind.replaceAll('_', ' ')} is not understood${danger ? `: ${danger.reason}` : ''}.`,
        undefined,
        'Only forms that are fully understood are run; rewrite this part.',
      );
    }
  }
}

/** What a function may add that none of its arguments accounts for: a user's own reads what its owner may. */
function beyond(name: string, isQuoted: boolean): readonly Origin[] {
  const known = snowflakeFunction(isQuoted ? name : name.toUpperCase());
  return known && isPure(known.class) ? [] : [UNKNOWN];
}

/** Through everything that a node holds. Names in fields that are plain text are seen by nobody here, and so have no owner in the end. */
const fields = (walk: Walk, body: Body, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] =>
  walk.union(
    Object.entries(body)
      .filter(([key]) => key !== 'span' && key !== 'to')
      .map(([, item]) => walk.expression(item, scope, ctes, usage)),
  );

function lambda(walk: Walk, body: Body, scope: Scope, ctes: Ctes, usage: ColumnUsage): readonly Origin[] {
  walk.only('lambda', body);
  const parameters = asList(body['parameters']).flatMap((name) => identifierOf(name) ?? []);
  for (const name of parameters) walk.claim(name, 'parameter');
  const lambdaNames = new Set([...scope.lambdaNames, ...parameters.map(folded)]);
  return walk.expression(body['body'], { ...scope, lambdaNames }, ctes, usage);
}

/** How many accesses stand one on another. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let node = nodeOf(value); node?.kind === 'dot'; node = nodeOf(node.body['this'])) depth++;
  return depth;
}

function parameter(walk: Walk, body: Body, scope: Scope, usage: ColumnUsage): readonly Origin[] {
  const index = body['index'];
  if (asText(body['style']) !== 'Dollar') {
    // `:1` is a bind's number; a name there is a variable of Snowflake Scripting (developer-guide/snowflake-scripting/variables).
    const named = asText(body['name']);
    if (asText(body['style']) !== 'Colon' || /^\d*$/.test(named)) return [];
    const at = walk.statement.tokens.findIndex(
      (entry, place) => isName(entry) && entry.text === named && isOperator(walk.statement.tokens[place - 1], ':'),
    );
    throw walk.refusal(
      'There are no variables here that a name after a colon could mean.',
      at,
      'Write the value itself, or send it in binds.',
    );
  }
  const token = walk.variableAt(typeof index === 'number' ? `$${index}` : undefined);
  if (typeof index === 'number') return byPlace(walk, index, undefined, scope, usage, token);
  // $name is a session variable, which pooled connections must not have.
  throw walk.refusal(
    'Session variables are not available: connections are shared.',
    token,
    'Write the value itself, or send it in binds.',
  );
}

/** `$2` and `t.$2`: a column by its place. Every column keeps its place only where none is left out, so all count as read. */
function byPlace(
  walk: Walk,
  index: number,
  table: Identifier | undefined,
  scope: Scope,
  usage: ColumnUsage,
  token: number,
): readonly Origin[] {
  const alias = table && folded(table);
  let at: Scope | undefined = scope;
  while (at && !at.sources.some((source) => alias === undefined || source.alias === alias)) at = at.outer;
  const sources = (at?.sources ?? []).filter((source) => alias === undefined || source.alias === alias);
  const matches = sources.flatMap(({ columns }) => byWhichever(walk.statement, columns, walk.count)[index - 1] ?? []);
  if (table && sources.length === 0) {
    walk.unownedTable(table, walk.token(table), aliasesIn(scope));
    return [];
  }
  if (matches.length === 0 && !sources.some(({ unknown }) => unknown === 'missing')) {
    const nothing: Resolution = { kind: 'unowned', names: () => [], isOpaque: false };
    walk.unowned({ name: `${table ? `${table.name}.` : ''}$${index}`, quoted: true }, token, nothing);
    return [];
  }
  walk.claim(table, 'alias');
  if (sources.some(({ isTarget }) => isTarget === true)) walk.findings.ofTarget.add(token);
  const found = walk.union(matches.map(({ origins }) => origins));
  walk.use(found, usage, token);
  walk.findings.hasStar = true;
  for (const { columns } of sources) walk.use(originsOf(columns, walk.count), 'star', token);
  return found;
}

function column(walk: Walk, body: Body, scope: Scope, usage: ColumnUsage): readonly Origin[] {
  const name = identifierOf(body['name']);
  const table = identifierOf(body['table']);
  if (!name) throw walk.refusal('A column has no name.');
  const token = walk.token(name);
  if (!name.quoted && /^\$\d+$/.test(name.name))
    return byPlace(walk, Number(name.name.slice(1)), table, scope, usage, token);
  // A date part or the name of an argument, which the parser takes for a column.
  const owner = walk.claims.ownerOf(token);
  if (!table && owner === 'argument') return [];
  // TRUNC(x, DAY) cuts a date by days and a number by the column DAY (functions/trunc, functions/trunc2): where there is one, it counts.
  if (!table && owner === 'part') return eitherPart(walk, name, token, scope, usage);
  const plain = folded(name);
  if (!table && scope.lambdaNames.has(plain)) {
    walk.claimToken(token, 'parameter');
    return [];
  }
  const resolution = table && isSequence(plain) ? SEQUENCE : walk.lookUp(plain, table && folded(table), scope);
  // Words of the grammar that stand where a value does, such as DEFAULT: they are keywords in their place or nobody's.
  if (resolution.kind === 'unowned' && !table && walk.isKeyword(token)) return [];
  walk.findings.columnNames.add(plain);
  if (resolution.kind === 'unowned' && table && !isSequence(plain)) {
    const aliases = aliasesIn(scope);
    walk.count(aliases.length);
    if (!aliases.includes(folded(table))) {
      walk.unownedTable(table, walk.token(table), aliases);
      return [];
    }
  }
  if (resolution.kind === 'found') {
    walk.claim(table, 'alias');
    walk.noteTarget(plain, table && folded(table), scope, token);
  }
  return walk.resolved(resolution, name, token, usage, table);
}

/** A date part that could be a column as well, where the function takes both. */
function eitherPart(walk: Walk, name: Identifier, token: number, scope: Scope, usage: ColumnUsage): readonly Origin[] {
  if (!walk.claims.isEither(token)) return [];
  const resolution = walk.lookUp(folded(name), undefined, scope);
  if (resolution.kind === 'unowned') return [];
  walk.findings.columnNames.add(folded(name));
  walk.use(resolution.origins, usage, token);
  return resolution.origins;
}

/**
 * `name.NEXTVAL` is a value of a sequence (user-guide/querying-sequences). Whether a table of that name in FROM, with such a column, comes before
 * the sequence is not documented, so it is never the column's.
 */
const isSequence = (name: string): boolean => name === 'NEXTVAL' || name === 'CURRVAL';

const SEQUENCE: Resolution = { kind: 'unowned', names: () => [], isOpaque: false };

/** Names by which a column can be qualified, from here outwards. */
function aliasesIn(scope: Scope): string[] {
  const found: string[] = [];
  for (let at: Scope | undefined = scope; at; at = at.outer)
    found.push(...at.sources.flatMap(({ alias }) => alias ?? []));
  return found;
}

/**
 * `schema.table.column` and `db.schema.table.column` come as accesses into a column. After a table became a sub-query only its
 * last name is left to qualify with, so the tokens before it are noted.
 */
function chain(
  walk: Walk,
  value: unknown,
  body: Body,
  scope: Scope,
  ctes: Ctes,
  usage: ColumnUsage,
): readonly Origin[] {
  walk.spend(depthOf(value), 'parts');
  const parts = dotted(value);
  // A key behind a subscript or a path: its token is claimed by its place.
  if (!parts) return walk.expression(body['this'], scope, ctes, usage);
  const [first, last] = [parts[0], parts.at(-1)];
  if (!first || !last) throw walk.refusal('A column has no name.');
  const token = walk.token(last);
  const qualified = isSequence(folded(last)) ? undefined : qualifiedSources(parts, scope);
  const table = qualified && parts[qualified.width - 1];
  if (!qualified || !table) {
    const names = (): readonly string[] => {
      const all = namesIn(undefined, { ...scope, outer: undefined });
      return all.includes(folded(last)) ? [] : all;
    };
    const nothing = { kind: 'unowned', names, isOpaque: false } as const;
    walk.unowned(
      last,
      walk.token(first),
      nothing,
      parts
        .map(({ name }) => name)
        .join('.')
        .slice(0, 200),
    );
    return [];
  }
  const { object } = qualified.source;
  walk.findings.columnNames.add(folded(last));
  if (object)
    walk.findings.longColumns.push({
      object,
      from: walk.token(first),
      to: walk.token(table),
      hasNamesake: hasNamesake(scope, qualified.source),
    });
  const resolution = walk.lookUp(folded(last), folded(table), qualified.scope);
  if (resolution.kind === 'found') {
    for (const part of parts.slice(0, -1)) walk.claim(part, 'alias');
    walk.noteTarget(folded(last), folded(table), qualified.scope, token);
  }
  return walk.resolved(resolution, last, token, usage);
}
