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
