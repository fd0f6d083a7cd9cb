/**
 * Tables under policies, as they are read: in a table's place stands a query of its rows and columns as the policies leave them
 * (user-guide/security-row-intro, user-guide/security-column-intro). First the row access policy, over the columns as they are, then the
 * masks; in a row that is not shown every column is NULL, so that no error tells of it, in whatever order things are computed: Snowflake makes
 * a secure view of it. A view that reads such tables is read by its text, since the policies go by whoever asks.
 */
import { asBody, asList, type Body, folded, identifierOf, isBody, nodeOf } from '../../../sql/index.js';
import type { Catalog, Column, Relation } from '../engine/catalog.js';
import { toDuck } from '../engine/column-types.js';
import { unsupported } from '../engine/errors.js';
import type { FullName, PolicyUse } from '../engine/policies.js';
import { queryOf, readable } from '../syntax/forms.js';
import { aliased, caseNode, castNode, identifierNode, ofTable, selectNode, subqueryNode } from '../syntax/nodes.js';
import { parse } from '../syntax/parse.js';
import { withOutputNames } from './outputs.js';

type Place = Pick<FullName, 'database' | 'schema'>;

/** Who a policy or a view belongs to: its text means what it means there, and needs no right of whoever reads it. */
export interface Owner {
  /** `home`: where its short names are looked for; `current`: what CURRENT_DATABASE and CURRENT_SCHEMA are. */
  readonly walk: (tree: unknown, home: Place, current: Place, what: 'policy' | 'view') => unknown;
  readonly catalog: Catalog;
}

const ROW = 'sf row';
const SHOWN = 'sf shown';
/** What DuckDB finds a row again by, in a query of rows that are to be changed. */
export const ROWID = 'sf rowid';

export const isUnderPolicy = (relation: Relation): boolean =>
  relation.rowPolicy !== undefined || relation.columns.some(({ mask }) => mask !== undefined);

const known = new WeakMap<Relation, boolean>();

function tablesIn(tree: unknown, out: Body[] = []): readonly Body[] {
  if (Array.isArray(tree)) for (const item of tree) tablesIn(item, out);
  if (!isBody(tree)) return out;
  const node = nodeOf(tree);
  if (node?.kind === 'table') out.push(node.body);
  for (const item of Object.values(tree)) tablesIn(item, out);
  return out;
}

function relationOf(table: Body, { database, schema }: Place, catalog: Catalog): Relation | undefined {
  const [inDatabase, inSchema, name] = [table['catalog'], table['schema'], table['name']].map((part) => {
    const identifier = identifierOf(part);
    return identifier && folded(identifier);
  });
  return name === undefined ? undefined : catalog.find(inDatabase ?? database, inSchema ?? schema, name);
}

/** Whether anything that a view reads, directly or through others, is under a policy. */
function readsUnderPolicy(view: Relation, catalog: Catalog): boolean {
  if (view.kind !== 'view' || catalog.policies.all().length === 0) return false;
  const before = known.get(view);
  if (before !== undefined) return before;
  known.set(view, false);
  const reads = tablesIn(parse(readable(queryOf(view.text)))).some((table) => {
    const relation = relationOf(table, view, catalog);
    return relation !== undefined && (isUnderPolicy(relation) || readsUnderPolicy(relation, catalog));
  });
  known.set(view, reads);
  return reads;
}

/** A policy's body with the columns of the row in the places of its arguments; a sub-query's own columns go before them. */
function bound(tree: unknown, columns: ReadonlyMap<string, string>, home: Place, catalog: Catalog): unknown {
  if (Array.isArray(tree)) return tree.map((item) => bound(item, columns, home, catalog));
  if (!isBody(tree)) return tree;
  const node = nodeOf(tree);
  if (node?.kind === 'column' && !identifierOf(node.body['table'])) {
    const name = identifierOf(node.body['name']);
    const column = name && columns.get(folded(name));
    return column === undefined ? tree : ofTable(ROW, column);
  }
  let seen = columns;
  if (node?.kind === 'select') {
    const sources = [node.body['from'], node.body['joins']];
    const own = new Set(
      tablesIn(sources).flatMap((table) => relationOf(table, home, catalog)?.columns.map(({ name }) => name) ?? []),
    );
    seen = new Map([...columns].filter(([name]) => !own.has(name)));
  }
  return Object.fromEntries(Object.entries(tree).map(([key, item]) => [key, bound(item, seen, home, catalog)]));
}

function boundValue({ policy, columns }: PolicyUse, relation: Relation, owner: Owner): unknown {
  const select = asBody(asBody(parse(`SELECT (${policy.body})`)[0])['select']);
  const names = new Map(policy.args.map(({ name }, at) => [name, columns[at] ?? '']));
  const body = bound(asList(select['expressions'])[0], names, policy, owner.catalog);
  return owner.walk(body, policy, relation, 'policy');
}

function shown(column: Column, relation: Relation, owner: Owner): unknown {
  if (!column.mask) return ofTable(ROW, column.name);
  const value = boundValue(column.mask, relation, owner);
  return column.type.type === 'text' ? value : castNode(value, toDuck(column.type));
}

/** The rows and columns that may be seen; `withRowId` for those that are to be changed. */
function permitted(relation: Relation, source: unknown, owner: Owner, withRowId: boolean): unknown {
  const { rowPolicy } = relation;
  const raw = relation.columns.map(({ name }) => ofTable(ROW, name));
  const id = withRowId ? [aliased(ofTable(ROW, 'rowid'), ROWID)] : [];
  const row = rowPolicy ? [aliased(boundValue(rowPolicy, relation, owner), SHOWN)] : [];
  const inner = subqueryNode(selectNode([...raw, ...id, ...row], source), ROW);
  const items = relation.columns.map((column) => {
    const value = shown(column, relation, owner);
    return aliased(rowPolicy ? caseNode(ofTable(ROW, SHOWN), value) : value, column.name);
  });
  const kept = withRowId ? [ofTable(ROW, ROWID)] : [];
  return selectNode([...items, ...kept], inner, rowPolicy ? ofTable(ROW, SHOWN) : undefined);
}

/** The names that a view gives its columns; none where these are its query's own. The generator writes them as they are. */
function namesOf(relation: Relation): readonly Body[] {
  const text = relation.text.slice(0, relation.text.length - queryOf(relation.text).length);
  if (relation.kind !== 'view' || !/\(/.test(text)) return [];
  if (relation.columns.some(({ name }) => !/^[A-Z_][\w$]*$/i.test(name)))
    throw unsupported('names of columns in quotes, of a view over tables under policies');
  return relation.columns.map(({ name }) => identifierNode(name));
}

/** What stands in the place of a table of a query, by its name there; undefined where the table itself may. */
export function underPolicies(relation: Relation, table: Body, owner: Owner, withRowId = false): Body | undefined {
  const isInlined = readsUnderPolicy(relation, owner.catalog);
  if (!isUnderPolicy(relation) && !isInlined) return undefined;
  const alias = identifierOf(table['alias'])?.name ?? relation.name;
  const given = asList(table['column_aliases']);
  const names = namesOf(relation);
  const query = isInlined ? queryOf(relation.text) : '';
  const view = isInlined
    ? owner.walk(withOutputNames(parse(readable(query))[0], query), relation, relation, 'view')
    : undefined;
  if (!isUnderPolicy(relation)) return subqueryNode(view, alias, given.length > 0 ? given : names);
  const source =
    view === undefined
      ? { table: { ...table, alias: identifierNode(ROW), alias_explicit_as: true, column_aliases: [] } }
      : subqueryNode(view, ROW, names);
  return subqueryNode(permitted(relation, source, owner, withRowId), alias, given);
}

/** How deep policies and views may stand in each other; a policy that reads its own table has no end. */
const MOST_DEEP = 16;

export function checkDepth(depth: number): void {
  if (depth > MOST_DEEP) throw unsupported('a policy that reads a table under itself');
}
