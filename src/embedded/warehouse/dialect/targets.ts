/** Trees of changes: what is changed keeps its name, the rest is walked as ever. */
import { asBody, asList, type Body, folded, identifierOf, nodeOf } from '../../../sql/index.js';
import type { Relation } from '../engine/catalog.js';
import { unsupported } from '../engine/errors.js';
import { ALL_BY_NAME, byName } from '../syntax/forms.js';
import { aliased, columnNode, identifierNode, ofTable, selectNode, subqueryNode } from '../syntax/nodes.js';
import { parse } from '../syntax/parse.js';
import { castTo } from './rules.js';
import { NO_CTES, type Translator } from './translator.js';
import { isUnderPolicy, ROWID } from './under-policies.js';

const qualified = (body: Body, relation: Relation): Body => ({
  ...body,
  catalog: identifierNode(relation.database),
  schema: identifierNode(relation.schema),
  name: identifierNode(relation.name),
});

const castValues = (relation: Relation, columns: readonly unknown[], row: unknown): unknown =>
  asList(row).map((value, index) => {
    const named = identifierOf(columns[index]);
    const column = named
      ? relation.columns.find((candidate) => candidate.name === named.name)
      : columns.length === 0
        ? relation.columns[index]
        : undefined;
    const type = column?.type;
    if (!type || !/^(?:timestamp|date$|time$|variant$|object$|array$|binary$)/.test(type.type)) return value;
    return castTo(value, type);
  });

export function insertTree(translator: Translator, body: Body): Body {
  const relation = translator.target(asBody(body['table']));
  const walked = asBody(asBody(translator.walk({ insert: { ...body, table: null } }, NO_CTES))['insert']);
  const columns = asList(walked['columns']);
  const values = asList(walked['values']).map((row) => castValues(relation, columns, row));
  return { insert: { ...walked, table: qualified(asBody(body['table']), relation), values } };
}

export function targetTree(translator: Translator, kind: string, body: Body): Body {
  const table = asBody(body['table']);
  const relation = translator.target(table);
  const walked = asBody(asBody(translator.walk({ [kind]: { ...body, table: null } }, NO_CTES))[kind]);
  const alias = identifierOf(table['alias']) ?? identifierOf(body['alias']);
  const rows = translator.changeable(relation, alias ? folded(alias) : relation.name);
  if (rows) return underPolicy(kind, walked, table, relation, rows, alias ? folded(alias) : relation.name);
  return {
    [kind]: {
      ...walked,
      table: { ...qualified(table, relation), alias: alias ? identifierNode(folded(alias)) : null },
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

/** The target stays a name, with or without another; sources and conditions are walked as ever. */
export function mergeTree(translator: Translator, body: Body): Body {
  const node = nodeOf(body['this']);
  const named = node?.kind === 'alias' ? node.body : undefined;
  const table = asBody(asBody(named ? named['this'] : body['this'])['table']);
  const relation = translator.target(table);
  if (isUnderPolicy(relation)) throw unsupported('MERGE into a table under a policy');
  const walked = asBody(
    asBody(translator.walk({ merge: { ...body, this: null, whens: branches(body, relation) } }, NO_CTES))['merge'],
  );
  const target = { table: qualified(table, relation) };
  const alias = identifierOf(named?.['alias']);
  return {
    merge: {
      ...walked,
      this: named ? { alias: { ...named, this: target, alias: alias ? identifierNode(folded(alias)) : null } } : target,
    },
  };
}
