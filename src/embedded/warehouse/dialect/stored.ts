/**
 * Values on their way into columns: each into its column's type, with its length and precision, and with the table and the column in the error
 * where it does not fit (documentation pages data-types-text, data-types-numeric).
 */
import { BINARY_LENGTH, type SnowType, TEXT_LENGTH } from '../../../protocol/index.js';
import { asText, type Body, folded, identifierOf, nodeOf } from '../../../sql/index.js';
import type { Column, Relation } from '../engine/catalog.js';
import { toDuck } from '../engine/column-types.js';
import {
  aliased,
  call,
  castNode,
  identifierNode,
  numberNode,
  ofTable,
  selectNode,
  star,
  subqueryNode,
  textNode,
} from '../syntax/nodes.js';
import { typed } from './dates.js';
import { castTo } from './rules.js';

/** The name of a table, as a statement writes it. */
export const writtenName = (table: Body): string =>
  [table['catalog'], table['schema'], table['name']]
    .map((part) => identifierOf(part))
    .flatMap((part) => (part ? [folded(part)] : []))
    .join('.');

/** Before an error of a value that is written (developer-guide/sql-api/submitting-multiple-statements has one). */
const failedOn = (table: string, column: string): Body =>
  textNode(`DML operation to table ${table} failed on column ${column} with error: `);

/** A value as it is put into a column of this type; `table` as the statement writes it. */
export function stored(value: unknown, { name, type }: Pick<Column, 'name' | 'type'>, table: string): unknown {
  const node = nodeOf(value);
  if (node?.kind === 'null' || node?.kind === 'default') return value;
  if (node?.kind === 'var' && /^DEFAULT$/i.test(asText(node.body['this']))) return value;
  const where = failedOn(table, name);
  const converted = (macro: string, ...more: unknown[]): Body => call(macro, typed(value), ...more, where);
  const into = (macro: string, ...more: unknown[]): Body => castNode(converted(macro, ...more), toDuck(type));
  switch (type.type) {
    case 'fixed':
      return into('SF_STORE_FIXED', numberNode(type.precision ?? 38), numberNode(type.scale ?? 0));
    case 'real':
      return into('SF_STORE_REAL');
    case 'boolean':
      return converted('SF_STORE_BOOLEAN');
    case 'text':
      return isLimited(type) ? converted('SF_STORE_TEXT', numberNode(type.length ?? TEXT_LENGTH)) : value;
    case 'date':
      return converted('SF_STORE_DATE');
    case 'time':
      return converted('SF_STORE_TIME');
    case 'timestamp_ntz':
      return converted('SF_STORE_NTZ');
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return converted('SF_STORE_LTZ');
    case 'binary':
      return converted('SF_STORE_BINARY', numberNode(type.length ?? BINARY_LENGTH));
    default:
      return castTo(value, type);
  }
}

const isLimited = (type: SnowType): boolean => (type.length ?? TEXT_LENGTH) < TEXT_LENGTH;

/** The columns that a new row gives values to: those that are named, or all that are not computed. */
export const filled = (
  relation: Pick<Relation, 'columns'>,
  names: readonly string[],
): readonly (Column | undefined)[] =>
  names.length === 0
    ? relation.columns.filter(({ expression }) => expression === null)
    : names.map((name) => relation.columns.find((column) => column.name === name));

const SOURCE = 'sf source';

/** A query whose rows go into these columns, in their order. */
export function storedQuery(query: unknown, columns: readonly Pick<Column, 'name' | 'type'>[], table: string): Body {
  const names = columns.map((_, at) => `SF_${at}`);
  const items = columns.map((column, at) =>
    aliased(stored(ofTable(SOURCE, names[at] ?? ''), column, table), column.name),
  );
  // What it has more is one too many for DuckDB as well, and not left out.
  const others = star(names);
  return selectNode([...items, others], subqueryNode(query, SOURCE, names.map(identifierNode)));
}
