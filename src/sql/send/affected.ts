/**
 * How many rows a change would touch: a SELECT made of the change's own target and predicate. It is only a text, put together from tokens:
 * whoever wants the number reads, judges and rewrites it like any SELECT of the same principal, so that it counts what they may see.
 */
import type { Analysis } from '../analysis/analysis.js';
import { bracketPairs } from '../text/brackets.js';
import type { StatementKind } from '../text/kind.js';
import { isOperator, isWord, type Token } from '../text/lex.js';
import { spaced } from '../text/spaced.js';
import { tokensOf } from '../text/statement.js';

type Pairs = ReturnType<typeof bracketPairs>;

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

/** Binds before the predicate belong to SET: which is which is not told by the count. */
const hasBinds = (tokens: readonly Token[]): boolean =>
  tokens.some((token) => token.kind === 'bind' || isOperator(token, '?'));

/**
 * `SELECT COUNT(*) FROM target WHERE ( … )` for an UPDATE or DELETE of one table; undefined for every other statement (one that joins, or
 * has definitions before it, or binds): how many rows these touch is not told by one predicate. The brackets keep what an UPDATE or
 * DELETE could not have (GROUP BY, LIMIT) from making the count smaller.
 */
function changedRowsQuery(kind: StatementKind, tokens: readonly Token[]): string | undefined {
  const isDelete = kind === 'delete';
  if (!(isDelete || kind === 'update') || isWord(tokens[0], 'WITH')) return undefined;
  const where = findWord(tokens, 0, 'WHERE');
  const target = isDelete ? findWord(tokens, 0, 'FROM') + 1 : 1;
  const end = isDelete ? (where < 0 ? tokens.length : where) : findWord(tokens, 0, 'SET');
  if (target === 0 || end < target || findWord(tokens, 0, 'USING', 'JOIN') >= 0) return undefined;
  if (!isDelete && findWord(tokens, end, 'FROM') >= 0) return undefined;
  const predicate = where < 0 ? '' : ` WHERE (${spaced(tokens.slice(where + 1))})`;
  return `SELECT COUNT(*) FROM ${spaced(tokens.slice(target, end))}${predicate}`;
}

/**
 * The same for a MERGE: pairs of a source row and the target row that it matches, and source rows that match none. No more than so many rows
 * of the target are changed; WHEN clauses may make them fewer. undefined where it can't be written so.
 */
function mergedRowsQuery(kind: StatementKind, tokens: readonly Token[]): string | undefined {
  if (kind !== 'merge' || !isWord(tokens[0], 'MERGE') || !isWord(tokens[1], 'INTO')) return undefined;
  const using = findWord(tokens, 2, 'USING');
  const on = using < 0 ? -1 : findWord(tokens, using + 1, 'ON');
  const when = on < 0 ? -1 : findWord(tokens, on + 1, 'WHEN');
  if (when < 0) return undefined;
  const [target, source] = [tokens.slice(2, using), tokens.slice(using + 1, on)];
  const condition = spaced(tokens.slice(on + 1, when));
  return `SELECT COUNT(*) FROM ${spaced(source)} LEFT JOIN ${spaced(target)} ON (${condition})`;
}

/** Where the rows of an INSERT into one table begin, behind its target and the columns that it names; undefined for its other forms. */
function insertedFrom(kind: StatementKind, tokens: readonly Token[], pairs: Pairs): number | undefined {
  if (kind !== 'insert' || !isWord(tokens[0], 'INSERT') || !isWord(tokens[1], 'INTO')) return undefined;
  let at = 3;
  while (isOperator(tokens[at], '.')) at += 2;
  const isList =
    isOperator(tokens[at], '(') && !isWord(tokens[at + 1], 'SELECT', 'WITH') && !isOperator(tokens[at + 1], '(');
  return isList ? (pairs.get(at) ?? tokens.length) + 1 : at;
}

/** The same for an INSERT of rows that a query has: the number of these. */
function insertedRowsQuery(kind: StatementKind, tokens: readonly Token[]): string | undefined {
  const from = insertedFrom(kind, tokens, bracketPairs(tokens));
  if (from === undefined || !(isWord(tokens[from], 'SELECT', 'WITH') || isOperator(tokens[from], '(')))
    return undefined;
  return `SELECT COUNT(*) FROM (${spaced(tokens.slice(from))})`;
}

/** How many rows an INSERT has that writes them out; undefined for every other statement. */
export function writtenRows({ kind, statement }: Analysis): number | undefined {
  if (kind !== 'insert') return undefined;
  const tokens = tokensOf(statement);
  const pairs = bracketPairs(tokens);
  const from = insertedFrom(kind, tokens, pairs);
  if (from === undefined || !isWord(tokens[from], 'VALUES')) return undefined;
  let rows = 0;
  for (let at = from + 1; isOperator(tokens[at], '('); rows++) {
    at = (pairs.get(at) ?? tokens.length) + 1;
    if (at === tokens.length) return rows + 1;
    if (!isOperator(tokens[at], ',')) return undefined;
    at++;
  }
  return undefined;
}

/** Whether a statement has binds: which rows it means is not told by its text. */
export const isBound = ({ statement }: Pick<Analysis, 'statement'>): boolean => hasBinds(tokensOf(statement));

/** The count of the rows that a change touches (a MERGE: at most); undefined where no SELECT tells them. */
export function affectedRowsQuery({ kind, statement }: Analysis): string | undefined {
  const tokens = tokensOf(statement);
  if (hasBinds(tokens)) return undefined;
  return changedRowsQuery(kind, tokens) ?? mergedRowsQuery(kind, tokens) ?? insertedRowsQuery(kind, tokens);
}
