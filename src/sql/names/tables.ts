/** Tables, views and CTEs by name, with what may follow a name; lists of names behind an alias. */
import type { TableReference } from '../analysis.js';
import { type ObjectName, objectKey, showObject } from '../catalog.js';
import { isOperator, isWord } from '../lex.js';
import { asBody, asList, asText, type Body, folded, type Identifier, identifierOf, nodeOf } from '../tree.js';
import { named } from './query.js';
import { type Ctes, NOWHERE, type Source, UNKNOWN } from './scope.js';
import { isPresent, type Walk } from './walk.js';

export function aliasOf(body: Body): string | undefined {
  const alias = identifierOf(body['alias']);
  return alias ? folded(alias) : undefined;
}

/** A list of names behind an alias, `AS t (a, b)`, names the columns in their order. */
export function renamed(walk: Walk, source: Source, list: unknown): Source {
  const names = asList(list).map((name) => identifierOf(name));
  if (names.length === 0) return source;
  for (const name of names) walk.claim(name, 'alias');
  if (source.unknown !== 'opaque') return { ...source, columns: named(source.columns, names, walk) };
  // Nobody knows the columns, but now they have names.
  const columns = names.map((name) => ({ name: name ? folded(name) : undefined, origins: [UNKNOWN] }));
  return { alias: source.alias, object: undefined, columns };
}

/** A table, a view or a CTE by name. `pivoted`: a construct follows that takes no alias before it. */
export function table(walk: Walk, body: Body, ctes: Ctes, pivoted: boolean): Source {
  for (const key of ['hints', 'partitions', 'identifier_func', 'version'])
    if (isPresent(body[key]))
      throw walk.refusal(`${key === 'identifier_func' ? 'IDENTIFIER()' : key} is not understood here.`);
  if (body['only'] === true || body['final_'] === true) throw walk.refusal('ONLY and FINAL are not understood.');
  const name = identifierOf(body['name']);
  if (!name) throw walk.refusal('A table has no name.');
  const [schema, catalog] = [identifierOf(body['schema']), identifierOf(body['catalog'])];
  const alias = identifierOf(body['alias']);
  walk.only('table', body);
  timeTravel(walk, body, ctes);
  walk.expression(body['table_sample'], NOWHERE, ctes, 'argument');
  walk.claim(alias, 'alias');
  const cte = schema ? undefined : ctes.get(folded(name));
  if (cte) {
    walk.claim(name, 'definition');
    return renamed(walk, { ...cte, alias: folded(alias ?? name) }, body['column_aliases']);
  }
  const object = walk.objectName(name, schema, catalog);
  const { from, to } = placeOf(walk, object, [catalog, schema, name]);
  walk.findings.tables.push({ object, access: 'read', token: from });
  const relation = walk.relations.get(objectKey(object));
  if (relation)
    walk.findings.references.push({
      relation,
      from,
      to,
      hasAlias: alias !== undefined,
      pivoted,
      ...clauses(walk, body, from, to),
    });
  return renamed(walk, { alias: folded(alias ?? name), object, ...walk.columnsOf(object) }, body['column_aliases']);
}

/** Points in time are told by an offset, a time or a statement; a STREAM would name an object (constructs/at-before). */
const POINTS = new Set(['OFFSET', 'TIMESTAMP', 'STATEMENT']);

function timeTravel(walk: Walk, body: Body, ctes: Ctes): void {
  const changes = asBody(body['changes']);
  walk.only('changes', changes);
  for (const clause of [body['when'], changes['at_before'], changes['end']]) {
    if (!isPresent(clause)) continue;
    const point = asBody(nodeOf(clause)?.body ?? clause);
    const historical =
      nodeOf(clause)?.kind === 'historical_data' || point['kind'] !== undefined ? point : asBody(point['this']);
    walk.only('historical data', historical);
    if (!POINTS.has(asText(historical['kind']).toUpperCase()))
      throw walk.refusal(
        `${asText(historical['kind']) || 'This'} is no point in time that is understood in AT and BEFORE.`,
        walk.statement.tokens.findIndex(
          (token, at) => isWord(token, 'STREAM') && isOperator(walk.statement.tokens[at + 1], '=>'),
        ),
        'Use OFFSET, TIMESTAMP or STATEMENT.',
      );
    walk.expression(historical['expression'], NOWHERE, ctes, 'argument');
  }
}

/** The tokens of a dotted name, checked to be what the parser says, and claimed. */
export function placeOf(
  walk: Walk,
  object: ObjectName,
  identifiers: readonly (Identifier | undefined)[],
): { from: number; to: number } {
  const { tokens } = walk.statement;
  const parts = identifiers.filter((part) => part !== undefined);
  const [first] = parts;
  const from = walk.token(first);
  const refuse = (at: number) => walk.refusal(`The place of ${showObject(object)} in the text is not certain.`, at);
  let at = from;
  for (const [index, part] of parts.entries()) {
    const token = tokens[at];
    // Between two dots stands the schema PUBLIC, unwritten.
    if (index === 1 && parts.length === 3 && isOperator(token, '.') && isOperator(tokens[at - 1], '.')) {
      if (part.name !== 'PUBLIC') throw refuse(at);
      at += 1;
      continue;
    }
    // The edit goes by these offsets: if they do not point at the name, nothing may be replaced.
    if (!walk.isAt(at, part) || (index > 0 && !isOperator(tokens[at - 1], '.'))) throw refuse(at);
    walk.claimToken(at, 'object');
    at += index < parts.length - 1 ? 2 : 1;
  }
  return { from, to: at };
}

/** What follows a name and binds to a named object only. */
function clauses(walk: Walk, body: Body, from: number, to: number): Pick<TableReference, 'nameOnly' | 'point'> {
  const { tokens } = walk.statement;
  const isBoundary = isWord(tokens[from - 2], 'DYNAMIC_TABLE_REFRESH_BOUNDARY');
  if (isBoundary || isWord(tokens[to], 'CHANGES'))
    return { nameOnly: tokens[isBoundary ? from - 2 : to]?.text.toUpperCase(), point: undefined };
  const sample = asBody(body['table_sample']);
  const nameOnly = isPresent(sample['seed']) ? 'SAMPLE with SEED' : undefined;
  const close = isWord(tokens[to], 'AT', 'BEFORE') ? walk.statement.pairs.get(to + 1) : undefined;
  return { nameOnly, point: close === undefined ? undefined : close + 1 };
}
