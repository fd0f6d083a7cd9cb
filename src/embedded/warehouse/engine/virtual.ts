/**
 * Virtual columns (documentation page virtual-columns), as DuckDB keeps them: `K VARCHAR GENERATED ALWAYS AS(lower(SSN))` in a table's own
 * text, which it writes itself in this one form.
 */
import { tokens } from '../syntax/parse.js';

/** What each virtual column of a table is computed from, by its name; from the text of its CREATE TABLE. */
export function virtualColumns(sql: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!/\bGENERATED\b/i.test(sql)) return found;
  let depth = 0;
  let column = '';
  let isFirst = false;
  let isGenerated = false;
  let from = 0;
  for (const { start, end } of tokens(sql)) {
    const text = sql.slice(start, end);
    if (depth === 1 && isFirst) {
      column = text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
      isFirst = false;
    } else if (depth === 1 && /^GENERATED$/i.test(text)) isGenerated = true;
    if (text === '(') {
      depth++;
      if (depth === 1) isFirst = true;
      if (depth === 2 && isGenerated) from = end;
    } else if (text === ')') {
      depth--;
      if (depth === 1 && isGenerated) {
        found.set(column, sql.slice(from, start));
        isGenerated = false;
      }
    } else if (text === ',' && depth === 1) isFirst = true;
  }
  return found;
}
