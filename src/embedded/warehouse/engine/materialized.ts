/** Materialized views (documentation pages sql/create-materialized-view, user-guide/views-materialized), by the texts that made them. */
import { asBody, asList, folded, identifierOf, nodeOf } from '../../../sql/index.js';
import { queryOf } from '../syntax/forms.js';
import { parse } from '../syntax/parse.js';
import type { FullName } from './policies.js';

export const isMaterialized = (text: string): boolean =>
  /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:SECURE\s+)?MATERIALIZED\b/i.test(text);

/** The query's tree where it reads one table and has nothing that such a view may not have; undefined otherwise. */
function selectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  const node = nodeOf(parse(queryOf(text))[0]);
  if (node?.kind !== 'select') return undefined;
  const sources = asList(asBody(node.body['from'])['expressions']);
  const isOne = sources.length === 1 && asList(node.body['joins']).length === 0;
  const isPlain = ['order_by', 'having', 'limit', 'qualify', 'with'].every((part) => !node.body[part]);
  return isOne && isPlain && nodeOf(sources[0])?.kind === 'table' ? node.body : undefined;
}

/** The table that a materialized view reads; undefined where it reads something else, or more. */
export function baseOf(text: string, place: Pick<FullName, 'database' | 'schema'>): FullName | undefined {
  const table = nodeOf(asList(asBody(selectOf(text)?.['from'])['expressions'])[0])?.body;
  const [database, schema, name] = [table?.['catalog'], table?.['schema'], table?.['name']].map((part) => {
    const identifier = identifierOf(part);
    return identifier && folded(identifier);
  });
  return name === undefined
    ? undefined
    : { database: database ?? place.database, schema: schema ?? place.schema, name };
}

/**
 * The columns of its table that a materialized view has as they are, for every row; undefined where it has some of the rows, or what was made
 * of them. Snowflake's optimizer takes it in the table's place where that is cheaper, and in more cases than this one.
 */
export function columnsKept(text: string): ReadonlySet<string> | undefined {
  const select = selectOf(text);
  if (!select || select['where_clause'] || select['group_by'] || select['distinct'] === true) return undefined;
  const names = asList(select['expressions']).map((item) => {
    const node = nodeOf(item);
    const column = node?.kind === 'alias' ? nodeOf(node.body['this']) : node;
    const name = column?.kind === 'column' ? identifierOf(column.body['name']) : undefined;
    return name && folded(name);
  });
  return names.every((name) => name !== undefined) ? new Set(names) : undefined;
}
