/** Trees of changes: what is changed keeps its name, the rest is walked as ever. */
import { asBody, asList, asText, type Body, folded, identifierOf, nodeOf } from '../../../sql/index.js';
import type { Relation } from '../engine/catalog.js';
import { unsupported } from '../engine/errors.js';
import { ALL_BY_NAME, byName } from '../syntax/forms.js';
import {
  aliased,
  casesNode,
  columnNode,
  identifierNode,
  joinNode,
  numberNode,
  ofTable,
  selectNode,
  subqueryNode,
} from '../syntax/nodes.js';
import { parse } from '../syntax/parse.js';
import { filled, stored, storedQuery, writtenName } from './stored.js';
import { NO_CTES, type Translator } from './translator.js';
import { isUnderPolicy, ROWID } from './under-policies.js';

const qualified = (body: Body, relation: Relation): Body => ({
  ...body,
  catalog: identifierNode(relation.database),
  schema: identifierNode(relation.schema),
  name: identifierNode(relation.name),
});

export function insertTree(translator: Translator, body: Body): Body {
  const table = asBody(body['table']);
  const relation = translator.target(table);
  const walked = asBody(asBody(translator.walk({ insert: { ...body, table: null } }, NO_CTES))['insert']);
  const names = asList(walked['columns']).map((column) => identifierOf(column)?.name ?? '');
  const columns = filled(relation, names);
  const known = columns.filter((column) => column !== undefined);
  const written = writtenName(table);
  const values = asList(walked['values']).map((row) =>
    asList(row).map((value, at) => {
      const column = columns[at];
      return column ? stored(value, column, written) : value;
    }),
  );
  const query =
    walked['query'] && known.length === columns.length ? storedQuery(walked['query'], known, written) : walked['query'];
  return { insert: { ...walked, table: qualified(table, relation), values, query } };
}

/** A column's name, whichever way it is written. */
function nameOf(node: unknown): string {
  const body = nodeOf(node)?.body;
  const name = identifierOf(node) ?? identifierOf(body) ?? identifierOf(body?.['name']);
  return name ? folded(name) : '';
}

/** `T.C = value` of a SET, whose name the parser leaves in one. */
function unqualified(pair: unknown): unknown {
  const [left, right] = asList(pair);
  const name = identifierOf(left);
  return name && !name.quoted ? [{ ...asBody(left), name: name.name.replace(/^.*\./s, '') }, right] : pair;
}

/** `column = value` of a SET, whichever way its column is written. */
function storedPair(pair: unknown, relation: Relation, table: string): unknown {
  const [left, right] = asList(pair);
  const name = nameOf(left);
  const column = relation.columns.find((one) => one.name === name);
  return column ? [left, stored(right, column, table)] : pair;
}

export function targetTree(translator: Translator, kind: string, body: Body): Body {
  const table = asBody(body['table']);
  const relation = translator.target(table);
  const set = asList(body['set']).map(unqualified);
  const walked = asBody(asBody(translator.walk({ [kind]: { ...body, set, table: null } }, NO_CTES))[kind]);
  const alias = identifierOf(table['alias']) ?? identifierOf(body['alias']);
  if (kind === 'update') {
    const pairs = asList(walked['set']).map((pair) => storedPair(pair, relation, writtenName(table)));
    return targetOf(translator, kind, { ...walked, set: pairs }, table, relation, alias && folded(alias));
  }
  return targetOf(translator, kind, walked, table, relation, alias && folded(alias));
}

function targetOf(
  translator: Translator,
  kind: string,
  walked: Body,
  table: Body,
  relation: Relation,
  alias: string | undefined,
): Body {
  const rows = translator.changeable(relation, alias ?? relation.name);
  if (rows) return underPolicy(kind, walked, table, relation, rows, alias ?? relation.name);
  // Of a DELETE the parser keeps it beside the table.
  const own = identifierOf(table['alias']);
  return {
    [kind]: {
      ...walked,
      table: { ...qualified(table, relation), alias: own ? identifierNode(folded(own)) : null },
    },
  };
}

const CHANGED_ROWS = 'sf changed';
const TEMPLATES = {
  delete: asBody(asBody(parse('DELETE FROM T WHERE A IN (SELECT B FROM U)')[0])['delete']),
  update: asBody(asBody(parse('UPDATE T SET A = 1 FROM U WHERE A = B')[0])['update']),
};

/** Rows that a policy hides are not selected, and what a column shows is what a condition or a value sees of it (user-guide/security-row-intro). */
function underPolicy(kind: string, walked: Body, table: Body, relation: Relation, rows: Body, alias: string): Body {
  const target = { ...qualified(table, relation), alias: null };
  const condition = asBody(walked['where_clause'])['this'];
  const id = aliased(ofTable(alias, ROWID), ROWID);
  if (kind === 'delete') {
    const where = asBody(TEMPLATES.delete['where_clause']);
    const isIn = asBody(asBody(where['this'])['in']);
    const found = { ...isIn, this: columnNode('rowid'), query: selectNode([id], rows, condition) };
    return { delete: { ...TEMPLATES.delete, table: target, where_clause: { ...where, this: { in: found } } } };
  }
  const pairs = asList(walked['set']).map(asList);
  const values = pairs.map(([, value], at) => aliased(value, `sf value ${at}`));
  const sources = asList(asBody(walked['from_clause'])['expressions']);
  const changed = subqueryNode(selectNode([id, ...values], [rows, ...sources], condition), CHANGED_ROWS);
  const { from_clause: from, where_clause: where } = TEMPLATES.update;
  const equal = asBody(asBody(asBody(where)['this'])['eq']);
  const sameRow = { ...equal, left: ofTable(relation.name, 'rowid'), right: ofTable(CHANGED_ROWS, ROWID) };
  return {
    update: {
      ...TEMPLATES.update,
      table: target,
      set: pairs.map(([column], at) => [column, ofTable(CHANGED_ROWS, `sf value ${at}`)]),
      from_clause: { ...asBody(from), expressions: [changed] },
      where_clause: { ...asBody(where), this: { eq: sameRow } },
    },
  };
}

/** What each branch does, `ALL BY NAME` written out. */
function branches(body: Body, relation: Relation): unknown {
  const text = JSON.stringify(body['whens']);
  if (!text.includes(`"name":"${ALL_BY_NAME}"`)) return body['whens'];
  const using = nodeOf(body['using'])?.body;
  const named = identifierOf(using?.['alias']) ?? identifierOf(using?.['name']);
  const names = relation.columns.map(({ name }) => name);
  const source = named ? `"${folded(named).replaceAll('"', '""')}"` : '';
  const whens = (tree: unknown): readonly unknown[] =>
    asList(asBody(asBody(asBody(tree)['whens'])['whens'])['expressions']);
  const [update, insert] = whens(asBody(asBody(parse(byName(names, source))[0])['merge'])).map(
    (when) => asBody(asBody(when)['when'])['then'],
  );
  const written = whens(body).map((entry) => {
    const when = Object.entries(asBody(asBody(entry)['when'])).map(([key, value]) => {
      const does = key === 'then' ? JSON.stringify(value) : '';
      const isUpdate = does.includes('"this":"UPDATE"');
      return [key, does.includes(`"name":"${ALL_BY_NAME}"`) ? (isUpdate ? update : insert) : value];
    });
    return { when: Object.fromEntries(when) };
  });
  return { whens: { ...asBody(asBody(body['whens'])['whens']), expressions: written } };
}

/** What a branch of a MERGE writes, each value as it is stored. */
function storedBranch(entry: unknown, relation: Relation, table: string): unknown {
  const when = asBody(asBody(entry)['when']);
  const then = asBody(asBody(when['then'])['tuple']);
  const [what, ...parts] = asList(then['expressions']);
  const lists = parts.map((part) => asList(asBody(asBody(part)['tuple'])['expressions']));
  const put = (expressions: readonly unknown[]): unknown => {
    const does = { tuple: { ...then, expressions: [what, ...expressions] } };
    return { when: Object.fromEntries(Object.entries(when).map(([key, part]) => [key, key === 'then' ? does : part])) };
  };
  const tuple = (at: number, expressions: readonly unknown[]): unknown => ({
    tuple: { ...asBody(asBody(parts[at])['tuple']), expressions },
  });
  if (asText(asBody(asBody(what)['var'])['this']) === 'UPDATE') {
    const pairs = (lists[0] ?? []).map((pair) => {
      const equal = asBody(asBody(pair)['eq']);
      const [left, right] = asList(storedPair([equal['left'], equal['right']], relation, table));
      return { eq: { ...equal, left, right } };
    });
    return pairs.length > 0 ? put([tuple(0, pairs)]) : entry;
  }
  const values = lists.at(-1);
  if (asText(asBody(asBody(what)['var'])['this']) !== 'INSERT' || !values) return entry;
  const names = lists.length > 1 ? (lists[0] ?? []).map(nameOf) : [];
  const columns = filled(relation, names);
  const written = values.map((value, at) => {
    const column = columns[at];
    return column ? stored(value, column, table) : value;
  });
  return put([...parts.slice(0, -1), tuple(parts.length - 1, written)]);
}

/**
 * Rows of the target with what is done to each: 1 where it is updated, 0 where it is deleted, by the first branch that fits. One row that several
 * of the source's update, or update and delete, is an error (sql/merge, "Nondeterministic results for UPDATE and DELETE").
 */
function changesOf(target: unknown, alias: string, walked: Body): Body | undefined {
  const matched = asList(asBody(asBody(walked['whens'])['whens'])['expressions'])
    .map((entry) => asBody(asBody(entry)['when']))
    .filter((when) => asBody(asBody(when['matched'])['boolean'])['value'] === true && when['by_source'] !== true);
  const whens = matched.map((when) => {
    const isDeletion = nodeOf(when['then'])?.kind === 'var';
    return [when['condition'] ?? { boolean: { value: true } }, numberNode(isDeletion ? 0 : 1)];
  });
  if (whens.length === 0) return undefined;
  const does = aliased(casesNode(whens), 'does');
  return joinNode([aliased(ofTable(alias, 'rowid'), 'id'), does], target, walked['using'], walked['on']);
}

/** The target stays a name, with or without another; sources and conditions are walked as ever. */
export function mergeTree(
  translator: Translator,
  body: Body,
): { readonly tree: Body; readonly changes: Changes | undefined } {
  const node = nodeOf(body['this']);
  const named = node?.kind === 'alias' ? node.body : undefined;
  const table = asBody(asBody(named ? named['this'] : body['this'])['table']);
  const relation = translator.target(table);
  if (isUnderPolicy(relation)) throw unsupported('MERGE into a table under a policy');
  const walked = asBody(
    asBody(translator.walk({ merge: { ...body, this: null, whens: branches(body, relation) } }, NO_CTES))['merge'],
  );
  const list = asBody(asBody(walked['whens'])['whens']);
  const whens = asList(list['expressions']).map((entry) => storedBranch(entry, relation, writtenName(table)));
  const written = identifierOf(named?.['alias']);
  const alias = written ? folded(written) : relation.name;
  const target = { table: qualified(table, relation) };
  const source = { table: { ...asBody(target['table']), alias: identifierNode(alias), alias_explicit_as: true } };
  const changes = changesOf(source, alias, walked);
  return {
    tree: {
      merge: {
        ...walked,
        whens: { whens: { ...list, expressions: whens } },
        this: written ? { alias: { ...named, this: target, alias: identifierNode(alias) } } : target,
      },
    },
    changes: changes && { of: relation, tree: changes },
  };
}

export interface Changes {
  readonly of: Relation;
  /** A query of `id` and `does`. */
  readonly tree: Body;
}
