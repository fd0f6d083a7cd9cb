/**
 * Statements that change data: the target stays a name, since nothing can be written to a sub-query, and so its raw columns are in
 * sight of every expression that can name them (documentation pages sql/insert, sql/update, sql/delete, sql/merge).
 */
import type { Target } from '../analysis/analysis.js';
import { objectKey } from '../analysis/catalog.js';
import { columnsNamed } from '../scope/origins.js';
import { type Ctes, type Scope, type Source, scopeOf } from '../scope/scope.js';
import { isOperator, isWord } from '../text/lex.js';
import { isAllByName } from '../text/rewordings.js';
import {
  asBody,
  asList,
  type Body,
  folded,
  type Identifier,
  identifierOf,
  nodeOf,
  type TreeNode,
} from '../text/tree.js';
import { chainStart, isName, nameOf } from '../words/claims.js';
import { definitions } from './definitions.js';
import { placeOf } from './tables.js';
import type { Walk } from './walk.js';

export type ChangeKind = 'insert' | 'update' | 'delete' | 'merge';

/** The table that a statement changes or describes. */
export function targetOf(walk: Walk, value: unknown): { target: Target; source: Source } {
  const node = nodeOf(value);
  if (node?.kind === 'alias') {
    walk.only('alias', node.body);
    const inner = targetOf(walk, node.body['this']);
    const alias = identifierOf(node.body['alias']);
    walk.claim(alias, 'alias');
    return alias ? withAlias(inner, folded(alias)) : inner;
  }
  const body = node?.kind === 'table' ? node.body : asBody(value);
  walk.only('table', body);
  const name = identifierOf(body['name']);
  if (!name || name.name === '')
    throw walk.refusal('The table to change is not named.', undefined, 'Write the name itself.');
  const [schema, catalog] = [identifierOf(body['schema']), identifierOf(body['catalog'])];
  const object = walk.objectName(name, schema, catalog);
  const place = placeOf(walk, object, [catalog, schema, name]);
  walk.findings.tables.push({ object, access: 'write', token: place.from });
  const alias = identifierOf(body['alias']);
  walk.claim(alias, 'alias');
  const relation = walk.relations.get(objectKey(object));
  const target = { object, relation, ...place, alias: folded(alias ?? name) };
  return { target, source: { alias: target.alias, object, ...walk.columnsOf(object) } };
}

const withAlias = ({ target, source }: { target: Target; source: Source }, alias: string) => ({
  target: { ...target, alias },
  source: { ...source, alias },
});

/** INSERT, UPDATE, DELETE and MERGE: the target, the sources that they read, the expressions in between. */
export function walkChange(walk: Walk, kind: ChangeKind, body: Body): void {
  walk.only(kind, body);
  const ctes = definitions(walk, body, new Map(), undefined);
  const found = targetOf(walk, kind === 'merge' ? body['this'] : body['table']);
  // A DELETE's alias stands beside its table.
  const alias = kind === 'delete' ? identifierOf(body['alias']) : undefined;
  walk.claim(alias, 'alias');
  const { target, source } = alias ? withAlias(found, folded(alias)) : found;
  walk.findings.targets.push(target);
  const scope = scopeOf([{ ...source, isTarget: true }], undefined);
  switch (kind) {
    case 'insert':
      insert(walk, body, source, ctes);
      return;
    case 'update':
      for (const item of asList(asBody(body['from_clause'])['expressions']))
        scope.sources.push(walk.source(item, scope, ctes));
      for (const join of asList(body['from_joins']).map(asBody)) walk.join(join, scope, ctes);
      for (const pair of asList(body['set'])) {
        const [column, value] = asList(pair);
        assignedByText(walk, column, source);
        walk.expression(value, scope, ctes, 'assigned');
      }
      break;
    case 'delete':
      for (const item of asList(body['using']))
        scope.sources.push(walk.source(nodeOf(item) ? item : { table: item }, scope, ctes));
      for (const join of asList(body['joins']).map(asBody)) walk.join(join, scope, ctes);
      break;
    case 'merge':
      scope.sources.push(walk.source(body['using'], scope, ctes));
      walk.expression(body['on'], scope, ctes, 'join');
      for (const when of asList(asBody(nodeOf(body['whens'])?.body)['expressions'])) branch(walk, when, scope, ctes);
      return;
  }
  walk.expression(body['where_clause'], scope, ctes, 'predicate');
}

// --- INSERT

function insert(walk: Walk, body: Body, target: Source, ctes: Ctes): void {
  const columns = asList(body['columns']).flatMap((column) => identifierOf(column) ?? []);
  for (const column of columns) assigned(walk, column, target);
  if (columns.length === 0) assignedAll(walk, target);
  if (body['query'] !== null && body['query'] !== undefined) walk.query(body['query'], ctes, undefined);
  // No column is in sight of VALUES.
  walk.expression(body['values'], scopeOf([], undefined), ctes, 'assigned');
}

/** A column that is given a value; it has to be the target's. */
function assigned(walk: Walk, column: Identifier, target: Source): void {
  const token = walk.token(column);
  const name = folded(column);
  const resolution = walk.lookUp(name, undefined, scopeOf([target], undefined));
  if (resolution.kind === 'unowned') {
    walk.unowned(column, token, resolution);
    return;
  }
  walk.claimToken(token, 'column');
  walk.findings.assignments.push({ column: name, token });
}

const assignedWhole = new WeakSet<Source>();

/** Without a list of columns a new row gives a value to each, but to virtual ones (documentation page virtual-columns, "Examples"). */
function assignedAll(walk: Walk, target: Source): void {
  // Once is all that there is to say, in however many branches of a MERGE.
  if (assignedWhole.has(target)) return;
  assignedWhole.add(target);
  walk.count(target.columns.length);
  const known = target.object && walk.relations.get(objectKey(target.object));
  const virtual = new Set(known?.columns.flatMap(({ name, expression }) => (expression === undefined ? [] : name)));
  for (const { name } of target.columns)
    if (name !== undefined && !virtual.has(name)) walk.findings.assignments.push({ column: name, token: -1 });
}

/** UPDATE's columns come as one text, `t.COLUMN`: read from the tokens up to the equals sign. */
function assignedByText(walk: Walk, value: unknown, target: Source): void {
  const identifier = identifierOf(value);
  const from = walk.token(identifier);
  const { tokens } = walk.statement;
  let last = from;
  while (isOperator(tokens[last + 1], '.') && isName(tokens[last + 2])) last += 2;
  const token = tokens[last];
  if (from < 0 || !isName(token) || !isOperator(tokens[last + 1], '='))
    throw walk.refusal('What is set here is no plain column.', Math.max(0, from));
  qualifiers(walk, from, last, target);
  assigned(walk, place(token.text, last, walk), target);
}

/** An identifier for a token; its place is found again by `token`. */
function place(text: string, at: number, walk: Walk): Identifier {
  const quoted = text.startsWith('"');
  const name = quoted ? text.slice(1, -1).replaceAll('""', '"') : text;
  const start = walk.statement.offsetOf(at);
  return { name, quoted, start, end: start + text.length };
}

/** What qualifies an assigned column has to be the target, by its alias or its name. */
function qualifiers(walk: Walk, from: number, last: number, target: Source): void {
  const { tokens } = walk.statement;
  const names: string[] = [];
  for (let at = from; at < last; at += 2) {
    const token = tokens[at];
    if (isName(token)) names.push(nameOf(token));
  }
  const { object } = target;
  const full = object ? [object.database, object.schema, object.name] : [];
  const isTarget =
    names.length === 0 ||
    (names.length === 1 && names[0] === target.alias) ||
    (names.length > 1 && names.every((name, at) => name === full[full.length - names.length + at]));
  if (!isTarget) throw walk.refusal(`${names.join('.')} is not the table that is changed.`, from);
  for (let at = from; at < last; at += 2) walk.claimToken(at, 'alias');
}

// --- MERGE

function branch(walk: Walk, value: unknown, scope: Scope, ctes: Ctes): void {
  const when = asBody(asBody(value)['when']);
  walk.only('WHEN of MERGE', when);
  const [target, using] = scope.sources;
  if (!target || !using) throw walk.refusal('A MERGE needs a target and a source.');
  const then = nodeOf(when['then']);
  const [action, ...rest] = then?.kind === 'tuple' ? asList(then.body['expressions']) : [when['then']];
  const verb = nodeOf(action)?.kind === 'var' ? nodeOf(action)?.body['this'] : undefined;
  // Where nothing matched there is no row of the target to be seen.
  const own = verb === 'INSERT' ? scopeOf([using], undefined) : scope;
  walk.expression(when['condition'], own, ctes, 'predicate');
  if (verb === 'DELETE' && rest.length === 0) return;
  const token = allByNameAt(walk, rest[0]);
  if (token !== undefined) {
    byName(walk, target, using, token);
    return;
  }
  if (verb === 'UPDATE' && rest.length === 1) {
    for (const pair of tuple(walk, rest[0])) update(walk, pair, target, scope, ctes);
    return;
  }
  if (verb === 'INSERT' && rest.length >= 1 && rest.length <= 2) {
    const [list, values] = rest.length === 2 ? rest : [undefined, rest[0]];
    const columns = list === undefined ? [] : tuple(walk, list);
    if (list === undefined) assignedAll(walk, target);
    for (const column of columns) {
      const node = nodeOf(column);
      const identifier = identifierOf(node?.body) ?? identifierOf(node?.body['name']);
      if (!identifier) throw walk.refusal('A column of INSERT is not understood here.');
      assigned(walk, identifier, target);
    }
    for (const item of tuple(walk, values)) walk.expression(item, own, ctes, 'assigned');
    return;
  }
  throw walk.refusal(
    'This branch of MERGE is not understood.',
    undefined,
    'Use UPDATE SET, DELETE or INSERT … VALUES.',
  );
}

/** The ALL of a branch that says ALL BY NAME: the parser is given one column in its place. */
function allByNameAt(walk: Walk, list: unknown): number | undefined {
  const [only, ...more] = nodeOf(list)?.kind === 'tuple' ? asList(nodeOf(list)?.body['expressions']) : [];
  const node = nodeOf(only);
  const column = node?.kind === 'eq' ? nodeOf(node.body['left']) : node;
  const token = walk.token(identifierOf(column?.body) ?? identifierOf(column?.body['name'])) - 1;
  return more.length === 0 && isAllByName(walk.statement.tokens, token) ? token : undefined;
}

/**
 * `UPDATE ALL BY NAME`, `INSERT ALL BY NAME`: every column of the target gets the value of the source's column of that name, and both have the same
 * names (sql/merge). Where they differ nothing is documented but that they may not.
 */
function byName(walk: Walk, target: Source, using: Source, token: number): void {
  // Its columns are those that were judged, like those of a star.
  walk.findings.hasStar = true;
  if (target.unknown !== undefined || using.unknown !== undefined) {
    if (using.unknown === 'opaque' || target.unknown === 'opaque') walk.opaqueStar(token);
    return;
  }
  const differs = (what: string): Error =>
    walk.refusal(what, token, 'Name the columns: UPDATE SET …, INSERT (…) VALUES (…).');
  walk.count(target.columns.length + using.columns.length + walk.findings.tables.length);
  // What is not there has no columns either: that it is not there is what is said.
  if (walk.findings.tables.some(({ object }) => walk.columnsOf(object).unknown === 'missing')) return;
  const names = new Set(target.columns.map(({ name }) => name));
  for (const { name, isMany } of using.columns)
    if (name === undefined || isMany === true || !names.has(name))
      throw differs(`ALL BY NAME needs the same columns on both sides, and ${shown(name)} is the source's alone.`);
  for (const { name } of target.columns) {
    if (name === undefined) continue;
    const [column, another] = columnsNamed(using.columns, name, walk.count);
    if (!column || another)
      throw differs(
        `ALL BY NAME needs the same columns on both sides, and the source has ${another ? 'two columns' : 'no column'} ${shown(name)}.`,
      );
    walk.findings.assignments.push({ column: name, token });
    walk.findings.columnNames.add(name);
    walk.use(column.origins, 'assigned', token);
  }
}

const shown = (name: string | undefined): string => name?.slice(0, 100) ?? 'one without a name';

function tuple(walk: Walk, value: unknown): readonly unknown[] {
  const node: TreeNode | undefined = nodeOf(value);
  if (node?.kind === 'tuple') return asList(node.body['expressions']);
  if (node?.kind === 'paren') return [node.body['this']];
  if (Array.isArray(value)) return value;
  throw walk.refusal('This branch of MERGE is not understood.');
}

/** `t.COLUMN = value`. */
function update(walk: Walk, pair: unknown, target: Source, scope: Scope, ctes: Ctes): void {
  const node = nodeOf(pair);
  const left = nodeOf(node?.body['left']);
  const column = identifierOf(left?.body) ?? identifierOf(left?.body['name']);
  if (node?.kind !== 'eq' || !column) throw walk.refusal('What is set here is no plain column.');
  const last = walk.token(column);
  if (last >= 0) qualifiers(walk, chainStart(walk.statement.tokens, last), last, target);
  assigned(walk, column, target);
  walk.expression(node.body['right'], scope, ctes, 'assigned');
}

/** What a change does to its target, by the kinds that rules name: `MERGE … DELETE` deletes, `INSERT OVERWRITE` truncates first. */
export function kindsOf(
  walk: Walk,
  kind: ChangeKind,
): readonly ('insert' | 'update' | 'delete' | 'merge' | 'truncate')[] {
  const { tokens } = walk.statement;
  const then = (word: string): boolean =>
    tokens.some((token, at) => isWord(token, 'THEN') && isWord(tokens[at + 1], word));
  if (kind === 'insert')
    return tokens.some((token, at) => isWord(token, 'OVERWRITE') && isWord(tokens[at - 1], 'INSERT'))
      ? ['insert', 'truncate']
      : ['insert'];
  if (kind !== 'merge') return [kind];
  const branches = (['update', 'delete', 'insert'] as const).filter((branch) => then(branch.toUpperCase()));
  return ['merge', ...branches];
}
