/** Tables, views and CTEs by name, with what may follow a name; lists of names behind an alias. */
import type { TableReference } from '../analysis/analysis.js';
import { type ObjectName, objectKey, tellObject } from '../analysis/catalog.js';
import { originsOf, UNKNOWN } from '../scope/origins.js';
import { type Ctes, NOWHERE, type Source } from '../scope/scope.js';
import { isOperator, isWord } from '../text/lex.js';
import { asBody, asList, asText, type Body, folded, type Identifier, identifierOf, nodeOf } from '../text/tree.js';
import { type AliasKind, aliasAt, type FoundAlias } from '../words/alias-places.js';
import { isPresent } from './allow-lists.js';
import { named } from './outputs.js';
import type { Walk } from './walk.js';

export function aliasOf(body: Body): string | undefined {
  const alias = identifierOf(body['alias']);
  return alias ? folded(alias) : undefined;
}

/** Claims an alias that the parser gives no place, and the list of names behind it, where its construct has one: nowhere else. */
export function claimAlias(walk: Walk, kind: AliasKind, name: string, columns: readonly string[]): FoundAlias {
  const { tokens } = walk.statement;
  const places = walk.aliasPlaces[kind];
  walk.spend(places.length, 'tokens');
  const found = aliasAt(tokens, places, name, columns);
  if (!found) throw walk.refusal(`The place of ${name.slice(0, 100)} in the text is not certain.`);
  for (const at of [...found.at, ...found.columnTokens]) walk.claimToken(at, 'alias');
  return found;
}

/** A list of names behind an alias, `AS t (a, b)`, names the columns in their order. */
export function renamed(walk: Walk, source: Source, list: unknown): Source {
  const names = asList(list).map((name) => identifierOf(name));
  if (names.length === 0) return source;
  for (const name of names) walk.claim(name, 'alias');
  // By their places in the table: where a column is left out of what is sent, each one behind it has another place.
  if (source.object) {
    walk.findings.hasStar = true;
    walk.use(originsOf(source.columns, walk.count), 'star', walk.token(names[0]));
  }
  if (source.unknown !== 'opaque') return { ...source, columns: named(source.columns, names, walk) };
  // Nobody knows the columns, but now they have names.
  const columns = names.map((name) => ({ name: name ? folded(name) : undefined, origins: [UNKNOWN] }));
  return { alias: source.alias, object: undefined, columns };
}

/** A join in brackets is no table: nothing is documented that could give it a name, or take it as a whole (constructs/from). */
export function refuseJoin(walk: Walk, value: unknown): void {
  let node = nodeOf(value);
  while (node?.kind === 'paren' || node?.kind === 'table_sample') node = nodeOf(node.body['this']);
  if (node?.kind === 'joined_table')
    throw walk.refusal(
      'What stands behind a join in brackets is not understood.',
      undefined,
      'Write a sub-query: (SELECT … FROM … JOIN …) AS x.',
    );
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
    ofTablesAlone(walk, body, name);
    if (cte.definition !== undefined) ownName(walk, name, cte.definition, alias === undefined && !pivoted);
    walk.spend(cte.columns.length, 'columns');
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
  const source = { alias: folded(alias ?? name), object, ...walk.columnsOf(object) };
  return renamed(walk, isPresent(body['changes']) ? withChanges(source) : source, body['column_aliases']);
}

/** What CHANGES adds to the columns of its table, and `*` shows behind them (constructs/changes): none of them holds a value of the table. */
const OF_CHANGES = ['METADATA$ACTION', 'METADATA$ISUPDATE', 'METADATA$ROW_ID'].map((name) => ({ name, origins: [] }));

const withChanges = (source: Source): Source =>
  source.unknown ? source : { ...source, columns: [...source.columns, ...OF_CHANGES] };

/** AT, BEFORE, CHANGES and the boundary of a refresh are for tables and views (constructs/from): before them a definition's name could be a table's. */
function ofTablesAlone(walk: Walk, body: Body, name: Identifier): void {
  const token = walk.token(name);
  const clause = isPresent(body['when']) || isPresent(body['changes']) || isBoundary(walk, token);
  if (clause)
    throw walk.refusal(
      `${name.name.slice(0, 100)} is a definition of this statement, and what stands beside it is for tables and views alone.`,
      token,
      'Write the clause where the definition names its table.',
    );
}

const isBoundary = (walk: Walk, from: number): boolean =>
  isWord(walk.statement.tokens[from - 2], 'DYNAMIC_TABLE_REFRESH_BOUNDARY');

/** A recursive definition's name where it is meant: it goes out under another, so its place has to be certain. */
function ownName(walk: Walk, name: Identifier, definition: number, needsAlias: boolean): void {
  const token = walk.token(name);
  if (!walk.isAt(token, name))
    throw walk.refusal(`The place of ${name.name.slice(0, 100)} in the text is not certain.`);
  walk.findings.ownNames.push({ definition, token, needsAlias });
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
  const refuse = (at: number) => walk.refusal(`The place of ${tellObject(object)} in the text is not certain.`, at);
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

/**
 * What follows a name and binds to a named object only. That a clause stands there has to be the tree's word and the text's: each of these words
 * may be an alias as well, with a list of names behind it, which within our sub-query would give the table's columns other names.
 */
function clauses(walk: Walk, body: Body, from: number, to: number): Pick<TableReference, 'nameOnly' | 'point'> {
  const { tokens, pairs } = walk.statement;
  const isBracketed = isOperator(tokens[to + 1], '(');
  const isNamed = isBracketed && isOperator(tokens[to + 3], '=>');
  const isPoint = isBracketed && isWord(tokens[to], 'AT', 'BEFORE');
  const isChanges = isBracketed && isWord(tokens[to], 'CHANGES');
  if (
    isPoint !== isPresent(body['when']) ||
    isChanges !== isPresent(body['changes']) ||
    isNamed !== (isPoint || isChanges)
  )
    throw walk.refusal(
      `What follows ${tokens[to - 1]?.text.slice(0, 100) ?? 'this table'} can be read in two ways.`,
      to,
      'Give the table another alias.',
    );
  if (isBoundary(walk, from) || isChanges)
    return { nameOnly: isChanges ? 'CHANGES' : 'DYNAMIC_TABLE_REFRESH_BOUNDARY', point: undefined };
  const sample = asBody(body['table_sample']);
  const nameOnly = isPresent(sample['seed']) ? 'SAMPLE with SEED' : undefined;
  const close = isPoint ? pairs.get(to + 1) : undefined;
  return { nameOnly, point: close === undefined ? undefined : close + 1 };
}
