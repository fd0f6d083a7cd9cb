/** How many rows a change would touch: a count with the change's own target and predicate. */
import type { Analysis } from './analysis.js';
import { isOperator, isWord, type Token } from './lex.js';

/** The first token outside of brackets that is one of the words. */
function findWord(tokens: readonly Token[], from: number, ...words: readonly string[]): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at];
    if (isOperator(token, '(')) depth++;
    else if (isOperator(token, ')')) depth--;
    else if (depth === 0 && isWord(token, ...words)) return at;
  }
  return -1;
}

/**
 * `SELECT COUNT(*) FROM target WHERE …` for an UPDATE or DELETE of one table; undefined for every other statement (a MERGE, a change
 * that joins, one with definitions before it): how many rows these touch is not told by one predicate.
 */
export function affectedRowsQuery({ kind, statement: { tokens } }: Analysis): string | undefined {
  const isDelete = kind === 'delete';
  if (!(isDelete || kind === 'update') || isWord(tokens[0], 'WITH')) return undefined;
  const where = findWord(tokens, 0, 'WHERE');
  const target = isDelete ? findWord(tokens, 0, 'FROM') + 1 : 1;
  const end = isDelete ? (where < 0 ? tokens.length : where) : findWord(tokens, 0, 'SET');
  if (target === 0 || end < target || findWord(tokens, 0, 'USING', 'JOIN') >= 0) return undefined;
  if (!isDelete && findWord(tokens, end, 'FROM') >= 0) return undefined;
  const text = (some: readonly Token[]): string => some.map((token) => token.text).join(' ');
  const predicate = where < 0 ? '' : ` ${text(tokens.slice(where))}`;
  return `SELECT COUNT ( * ) FROM ${text(tokens.slice(target, end))}${predicate}`;
}

/**
 * The same for a MERGE: pairs of a source row and the target row that it matches, and source rows that match none. No more than so many rows
 * of the target are changed; WHEN clauses may make them fewer. undefined where it can't be written so.
 */
export function mergedRowsQuery({ kind, statement: { tokens } }: Analysis): string | undefined {
  if (kind !== 'merge' || !isWord(tokens[0], 'MERGE') || !isWord(tokens[1], 'INTO')) return undefined;
  const using = findWord(tokens, 2, 'USING');
  const on = using < 0 ? -1 : findWord(tokens, using + 1, 'ON');
  const when = on < 0 ? -1 : findWord(tokens, on + 1, 'WHEN');
  if (when < 0) return undefined;
  const text = (from: number, to: number): string =>
    tokens
      .slice(from, to)
      .map((token) => token.text)
      .join(' ');
  return `SELECT COUNT ( * ) FROM ${text(using + 1, on)} LEFT JOIN ${text(2, using)} ON ${text(on + 1, when)}`;
}
