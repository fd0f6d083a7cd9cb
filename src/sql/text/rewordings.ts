/**
 * Forms of Snowflake's that the primary parser can't read, found in the tokens: `normalise.ts` gives them to it in other words, which mean the same
 * by construction. What is sent are the statement's own tokens.
 *
 * Sources: documentation pages sql/delete (USING), sql/merge (ALL BY NAME), constructs/connect-by, user-guide/querying-semistructured (paths behind
 * brackets), reserved-keywords.
 */
import type { Clauses } from './clauses.js';
import { isOperator, isWord, type Token } from './lex.js';

type Tokens = readonly Token[];
/** For each opening bracket its closing one, and the other way round. */
type Pairs = ReadonlyMap<number, number>;

const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'quoted';

/** The token behind a dotted name; the place itself where there is none. `db..table` has a part that is not written. */
function behindName(tokens: Tokens, from: number): number {
  let at = from;
  while (isName(tokens[at])) {
    if (!isOperator(tokens[at + 1], '.')) return at + 1;
    at += isOperator(tokens[at + 2], '.') ? 3 : 2;
  }
  return from;
}

/** The words of `DELETE FROM target [[AS] alias] USING …`. */
export interface Deletion {
  readonly verb: number;
  readonly from: number;
  readonly using: number;
}

/** The statement as a DELETE with sources of its own, if it is one; definitions may stand before it. */
export function deletionWithSources(tokens: Tokens, pairs: Pairs): Deletion | undefined {
  let verb = 0;
  while (verb < tokens.length && !isWord(tokens[verb], 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'))
    verb = Math.max(verb, pairs.get(verb) ?? verb) + 1;
  const target = verb + 2;
  let using = behindName(tokens, target);
  if (!isWord(tokens[verb], 'DELETE') || !isWord(tokens[verb + 1], 'FROM') || using === target) return undefined;
  if (isWord(tokens[using], 'AS')) using++;
  if (isName(tokens[using]) && !isWord(tokens[using], 'USING', 'WHERE')) using++;
  return isWord(tokens[using], 'USING') ? { verb, from: verb + 1, using } : undefined;
}

/** `THEN UPDATE ALL BY NAME`, `THEN INSERT ALL BY NAME`, by its ALL: a reserved word, so it is no column. */
export const isAllByName = (tokens: Tokens, at: number): boolean =>
  isWord(tokens[at], 'ALL') &&
  isWord(tokens[at + 1], 'BY') &&
  isWord(tokens[at + 2], 'NAME') &&
  isWord(tokens[at - 1], 'UPDATE', 'INSERT') &&
  isWord(tokens[at - 2], 'THEN');

/** Words that may begin a clause behind CONNECT BY's conditions, and are no reserved ones. */
const NEXT = ['LIMIT', 'OFFSET', 'FETCH', 'EXCEPT'];

const isValueEnd = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind !== 'operator' || /^[)\]]$/.test(token.text)) &&
  !isWord(token, 'AND', 'OR', 'NOT', 'PRIOR', 'LIKE', 'ILIKE', 'IN', 'BETWEEN', 'IS');

/** The last token of the conditions behind a `CONNECT BY`, whose BY stands at a place; the place itself where there are none. */
export function endOfConnect(tokens: Tokens, pairs: Pairs, { at: clauses }: Clauses, by: number): number {
  let last = by;
  for (let at = by + 1; at < tokens.length; at = last + 1) {
    const token = tokens[at];
    const isOver =
      clauses[at]?.name !== 'CONNECT' ||
      isOperator(token, ')') ||
      (isWord(token, 'START') && isWord(tokens[at + 1], 'WITH')) ||
      (isWord(token, ...NEXT) && isValueEnd(tokens[at - 1]));
    if (isOver) break;
    last = Math.max(at, pairs.get(at) ?? at);
  }
  return last;
}

/**
 * Whether a colon goes on from a bracket to a key: `v[0]:name`, `(v):name`, `CAST(v AS OBJECT):name`. Behind the bracket of a call the parser reads
 * it itself.
 */
export function isPathBehindBracket(tokens: Tokens, pairs: Pairs, colon: number): boolean {
  const before = tokens[colon - 1];
  if (!isName(tokens[colon + 1])) return false;
  if (isOperator(before, ']')) return true;
  const open = isOperator(before, ')') ? (pairs.get(colon - 1) ?? 0) : 0;
  const called = tokens[open - 1];
  return isOperator(before, ')') && (!isName(called) || isWord(called, 'CAST', 'TRY_CAST', 'SELECT', 'WHERE', 'BY'));
}
