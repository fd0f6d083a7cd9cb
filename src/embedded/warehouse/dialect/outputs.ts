/** Names and types of a query's columns, as Snowflake gives them. */
import type { SnowType } from '../../../protocol/index.js';
import { asBody, asList, asText, type Body, folded, identifierOf, nodeOf } from '../../../sql/index.js';
import type { Relation } from '../engine/catalog.js';
import { fromTree } from '../engine/column-types.js';
import { aliased } from '../syntax/nodes.js';
import { tokens } from '../syntax/parse.js';

/** Text items of the outermost select list, as Snowflake names unaliased columns: the expression in upper case. */
function itemTexts(sql: string): string[] {
  const list = tokens(sql);
  let depth = 0;
  let at = 0;
  for (; at < list.length; at++) {
    const type = list[at]?.type;
    if (type === 'L_PAREN') depth++;
    else if (type === 'R_PAREN') depth--;
    else if (type === 'SELECT' && depth === 0) break;
  }
  at++;
  while (/^(?:DISTINCT|ALL)$/i.test(list[at]?.text ?? '')) at++;
  const out: string[] = [];
  let start = list[at]?.start ?? 0;
  let end = start;
  depth = 0;
  for (; at < list.length; at++) {
    const token = list[at];
    if (!token) break;
    if (/^(?:L_PAREN|L_BRACKET|L_BRACE)$/.test(token.type)) depth++;
    if (/^(?:R_PAREN|R_BRACKET|R_BRACE)$/.test(token.type)) depth--;
    if (depth < 0) break;
    if (
      depth === 0 &&
      /^(?:FROM|UNION|EXCEPT|MINUS|INTERSECT|WHERE|ORDER|LIMIT|GROUP|HAVING|QUALIFY|SEMICOLON|ORDER_BY|GROUP_BY)$/.test(
        token.type,
      )
    )
      break;
    if (depth === 0 && token.type === 'COMMA') {
      out.push(sql.slice(start, end));
      start = list[at + 1]?.start ?? end;
      continue;
    }
    end = token.end;
  }
  out.push(sql.slice(start, end));
  return out.map((text) => text.trim().replace(/\s+/g, ' ').toUpperCase());
}

function leftmostSelect(tree: unknown): { select: Body; put: (select: Body) => unknown } | undefined {
  const node = nodeOf(tree);
  if (!node) return undefined;
  if (node.kind === 'select') return { select: node.body, put: (select) => ({ select }) };
  if (node.kind === 'union' || node.kind === 'except' || node.kind === 'intersect') {
    const inner = leftmostSelect(node.body['left']);
    if (!inner) return undefined;
    return { select: inner.select, put: (select) => ({ [node.kind]: { ...node.body, left: inner.put(select) } }) };
  }
  return undefined;
}

/** Gives every unaliased expression of the outermost list Snowflake's name for it. */
export function withOutputNames(tree: unknown, sql: string): unknown {
  const found = leftmostSelect(tree);
  if (!found) return tree;
  const items = asList(found.select['expressions']);
  const texts = itemTexts(sql);
  if (texts.length !== items.length) return tree;
  const named = items.map((item, index) => {
    const kind = nodeOf(item)?.kind ?? '';
    if (kind === 'alias' || kind === 'column' || kind === 'star' || /\*/.test(kind)) return item;
    return aliased(item, texts[index] ?? '');
  });
  return found.put({ ...found.select, expressions: named });
}

/** Declared types of the outermost columns, where they are plain columns, stars, casts, or made of these. */
export function declaredTypes(tree: unknown, relations: readonly Relation[]): (SnowType | undefined)[] {
  const found = leftmostSelect(tree);
  if (!found) return [];
  const from = asList(asBody(found.select['from'])['expressions']);
  const joins = asList(found.select['joins']);
  const simple = [...from, ...joins.map((join) => asBody(join)['this'])].every(
    (item) => nodeOf(item)?.kind === 'table',
  );
  const out: (SnowType | undefined)[] = [];
  for (const item of asList(found.select['expressions'])) {
    const node = nodeOf(item);
    if (node?.kind === 'star') {
      if (!simple || node.body['except'] || node.body['rename'] || asList(joins).length > 0) return [];
      for (const relation of relations) for (const column of relation.columns) out.push(column.type);
    } else out.push(typeOf(item, simple ? relations : []));
  }
  return out;
}

/** The type of an expression over the columns of these tables; undefined where only DuckDB can say. */
function typeOf(value: unknown, relations: readonly Relation[]): SnowType | undefined {
  const node = nodeOf(value);
  const inner = (part: unknown): SnowType | undefined => typeOf(part, relations);
  switch (node?.kind) {
    case 'alias':
    case 'paren':
      return inner(node.body['this']);
    case 'column': {
      const name = identifierOf(node.body['name']);
      const matches = relations.flatMap((relation) =>
        relation.columns.filter((column) => name && column.name === folded(name)),
      );
      return matches.length === 1 ? matches[0]?.type : undefined;
    }
    case 'cast':
      return fromTree(asBody(node.body['to']));
    case 'case': {
      // Branches that are not of one type, numbers of other lengths among them, are DuckDB's to join.
      const types = [...asList(node.body['whens']).map((when) => asList(when)[1]), node.body['else_']]
        .filter((branch) => nodeOf(branch) && nodeOf(branch)?.kind !== 'null')
        .map(inner);
      const [first] = types;
      return types.every((type) => type !== undefined && type.type === first?.type) &&
        first?.type !== 'fixed' &&
        first?.type !== 'text'
        ? first
        : undefined;
    }
    case 'array_func':
      return RESULT_TYPES['ARRAY_CONSTRUCT'];
    case 'function': {
      const name = asText(node.body['name']).toUpperCase();
      return name === 'DATE_TRUNC' ? inner(asList(node.body['args'])[1]) : RESULT_TYPES[name];
    }
    default:
      return undefined;
  }
}

const RESULT_TYPES: Readonly<Record<string, SnowType>> = {
  ARRAY_CONSTRUCT: { type: 'array' },
  SPLIT: { type: 'array' },
  OBJECT_KEYS: { type: 'array' },
  OBJECT_CONSTRUCT: { type: 'object' },
  OBJECT_AGG: { type: 'object' },
  OBJECT_INSERT: { type: 'object' },
  OBJECT_DELETE: { type: 'object' },
  AS_OBJECT: { type: 'object' },
  CONVERT_TIMEZONE: { type: 'timestamp_tz', scale: 9 },
  TO_TIMESTAMP_TZ: { type: 'timestamp_tz', scale: 9 },
};
