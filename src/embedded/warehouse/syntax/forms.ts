/** Forms of Snowflake's that polyglot does not read, put into words that it does (documentation pages sql/delete, sql/merge). */
import { tokens } from './parse.js';

/** Where words stand outside of brackets: each with its start and its end. */
function outside(sql: string): readonly { readonly word: string; readonly start: number; readonly end: number }[] {
  let depth = 0;
  return tokens(sql).flatMap(({ start, end }) => {
    const word = sql.slice(start, end).toUpperCase();
    if (word === '(') depth++;
    if (word === ')') depth--;
    return depth === 0 ? [{ word, start, end }] : [];
  });
}

/** A row goes if any combination with the rows of USING fulfils the condition (sql/delete): then such a combination exists. */
function deletion(sql: string): string {
  const words = outside(sql);
  const using = words.findIndex(({ word }) => word === 'USING');
  const where = words.findIndex(({ word }, at) => at > using && word === 'WHERE');
  const [at, end] = [words[using], words[where]];
  if (!at) return sql;
  const sources = sql.slice(at.end, end?.start);
  const condition = end ? ` WHERE ${sql.slice(end.end)}` : '';
  return `${sql.slice(0, at.start)} WHERE EXISTS (SELECT 1 FROM ${sources}${condition})`;
}

/** The name that stands for `ALL BY NAME`, until the target's columns are known. */
export const ALL_BY_NAME = 'all by name';

const merge = (sql: string): string =>
  sql
    .replaceAll(/\bTHEN\s+UPDATE\s+ALL\s+BY\s+NAME\b/gi, `THEN UPDATE SET "${ALL_BY_NAME}" = NULL`)
    .replaceAll(/\bTHEN\s+INSERT\s+ALL\s+BY\s+NAME\b/gi, `THEN INSERT ("${ALL_BY_NAME}") VALUES (NULL)`);

/** The branches that it stands for: every column of the target from the source's of that name. */
export function byName(columns: readonly string[], source: string): string {
  const quoted = columns.map((column) => `"${column.replaceAll('"', '""')}"`);
  const values = quoted.map((column) => `${source}.${column}`);
  const pairs = quoted.map((column, at) => `${column} = ${values[at] ?? ''}`);
  return `MERGE INTO t USING s ON TRUE WHEN MATCHED THEN UPDATE SET ${pairs.join(', ')} WHEN NOT MATCHED THEN INSERT (${quoted.join(', ')}) VALUES (${values.join(', ')})`;
}

export function readable(sql: string): string {
  if (/^\s*DELETE\b/i.test(sql)) return deletion(sql);
  return /^\s*MERGE\b/i.test(sql) ? merge(sql) : sql;
}

/** The query of a view, out of the text that made it. */
export function queryOf(text: string): string {
  const position = tokens(text).find((token) => token.type === 'AS');
  return text
    .slice(position?.end ?? 0)
    .replace(/;\s*$/, '')
    .trim();
}

/** SECURE before MATERIALIZED is read by nobody. */
export const readableView = (sql: string): string =>
  sql.replace(/^(\s*CREATE\s+(?:OR\s+REPLACE\s+)?)SECURE\s+(?=MATERIALIZED\b)/i, '$1');
