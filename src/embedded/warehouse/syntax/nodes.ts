/** Nodes of ours for a tree of polyglot's. */
import { asBody, asList, type Body, isBody } from '../../../sql/index.js';
import { parse } from './parse.js';

function firstItem(sql: string): Body {
  const select = asBody(asBody(parse(sql)[0])['select']);
  const item = asList(select['expressions'])[0];
  return isBody(item) ? item : {};
}

// Parsed once, so that the nodes that we make have every field that the generator expects.
const FUNCTION = asBody(firstItem('SELECT F(1)')['function']);
const ALIAS = asBody(firstItem('SELECT 1 AS "X"')['alias']);
const CAST = asBody(firstItem('SELECT CAST(1 AS INT)')['cast']);
const COLUMN = asBody(firstItem('SELECT "X"')['column']);
const CASE = asBody(firstItem('SELECT CASE WHEN TRUE THEN 1 END')['case']);
const SELECT = asBody(asBody(parse('SELECT 1 FROM (SELECT 1) AS "X" ("A") WHERE TRUE')[0])['select']);
const SUBQUERY = asBody(asBody(asList(asBody(SELECT['from'])['expressions'])[0])['subquery']);

export const call = (name: string, ...args: readonly unknown[]): Body => ({ function: { ...FUNCTION, name, args } });

export const textNode = (value: string): Body => ({ literal: { literal_type: 'string', value } });

export const numberNode = (value: number | string): Body => ({
  literal: { literal_type: 'number', value: String(value) },
});

export const identifierNode = (name: string): Body => ({ ...asBody(COLUMN['name']), name, quoted: true });

export const columnNode = (name: string): Body => ({ column: { ...COLUMN, name: identifierNode(name) } });

export const aliased = (node: unknown, name: string): Body => ({
  alias: { ...ALIAS, this: node, alias: identifierNode(name) },
});

export const castNode = (node: unknown, type: string): Body => ({
  cast: { ...CAST, this: node, to: { data_type: 'custom', name: type } },
});

/** A column of a table by the name that it has in the query. */
export const ofTable = (table: string, name: string): Body => ({
  column: { ...COLUMN, name: identifierNode(name), table: identifierNode(table) },
});

/** `CASE WHEN condition THEN value … END`. */
export const casesNode = (whens: readonly (readonly unknown[])[]): Body => ({ case: { ...CASE, whens } });

export const caseNode = (condition: unknown, value: unknown): Body => casesNode([[condition, value]]);

const JOINED = asBody(asBody(parse('SELECT 1 FROM T INNER JOIN S ON TRUE')[0])['select']);

/** `SELECT items FROM one INNER JOIN other ON condition`. */
export const joinNode = (items: readonly unknown[], one: unknown, other: unknown, condition: unknown): Body => ({
  select: {
    ...JOINED,
    expressions: items,
    from: { ...asBody(JOINED['from']), expressions: [one] },
    joins: [{ ...asBody(asList(JOINED['joins'])[0]), this: other, on: condition }],
  },
});

/** `SELECT items FROM sources [WHERE condition]`. */
export const selectNode = (items: readonly unknown[], sources: unknown, condition?: unknown): Body => ({
  select: {
    ...SELECT,
    expressions: items,
    from: { ...asBody(SELECT['from']), expressions: Array.isArray(sources) ? sources : [sources] },
    where_clause: condition === undefined ? null : { ...asBody(SELECT['where_clause']), this: condition },
  },
});

export const subqueryNode = (query: unknown, alias: string, columns: readonly unknown[] = []): Body => ({
  subquery: { ...SUBQUERY, this: query, alias: identifierNode(alias), column_aliases: columns },
});

const STAR = asBody(firstItem('SELECT * EXCLUDE ("X") FROM T')['star']);

/** Everything but these columns. */
export const star = (except: readonly string[]): Body => ({ star: { ...STAR, except: except.map(identifierNode) } });
