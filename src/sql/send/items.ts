/**
 * The entries of a statement's SELECT lists, as they stand in the text. Snowflake names a column without an alias after the text that is
 * sent; where a masked sub-query stands in it, that would be a name that nobody has written, with the rules in it. A name comes out of any
 * query that a star or a position goes through (of a sub-query, a CTE, the first of a UNION), so the entries of all lists are meant.
 */
import { isOperator, isWord } from '../text/lex.js';
import type { Statement } from '../text/statement.js';
import { isReserved } from '../words/keywords.js';

export interface Item {
  /** Tokens: from, up to and without to. */
  readonly from: number;
  readonly to: number;
}

/** Words that end a SELECT list. */
const ENDS = [
  'FROM',
  'WHERE',
  'GROUP',
  'HAVING',
  'QUALIFY',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'FETCH',
  'UNION',
  'EXCEPT',
  'MINUS',
  'INTERSECT',
];

/** Words that end an expression and name nothing. */
const CLOSING = ['END', 'NULL', 'TRUE', 'FALSE'];

/** Words that an operand or the rest of a type follows, and no alias; reserved ones besides (constructs/connect-by, data-types-numeric). */
const LEADING = ['PRIOR', 'CONNECT_BY_ROOT', 'DISTINCT', 'DOUBLE', 'CHARACTER', 'CHAR', 'NCHAR', 'BINARY', 'ESCAPE'];

/** Entries of all SELECT lists that have no alias, in the order of the text; none where the statement gives no rows of its own. */
export function unnamedItems({ tokens, pairs, kind }: Statement): readonly Item[] {
  if (kind !== 'select') return [];
  return tokens
    .flatMap((token, at) => (isWord(token, 'SELECT') ? listBehind(at) : []))
    .sort((one, other) => one.from - other.from || one.to - other.to);

  function listBehind(select: number): readonly Item[] {
    let at = select + 1;
    while (isWord(tokens[at], 'ALL', 'DISTINCT')) at++;
    if (isWord(tokens[at], 'TOP') && tokens[at + 1]?.kind === 'number') at += 2;
    const items: Item[] = [];
    let from = at;
    for (; at <= tokens.length; at = behind(pairs, at)) {
      const token = tokens[at];
      const isEnd = token === undefined || isOperator(token, ')') || (isWord(token, ...ENDS) && !isOperand(from, at));
      if (!isEnd && !isOperator(token, ',')) continue;
      if (at > from && !isNamed({ from, to: at })) items.push({ from, to: at });
      from = at + 1;
      if (isEnd) break;
    }
    return items;
  }

  /** Words of a clause that are not reserved are columns' names as well: where an entry begins, and behind a sign but a bracket's end or a star. */
  function isOperand(from: number, at: number): boolean {
    const before = tokens[at - 1];
    if (isReserved(tokens[at])) return false;
    return at === from || isWord(before, 'AS') || (before?.kind === 'operator' && !/^[)\]*]$/.test(before.text));
  }

  function isNamed({ from: first, to }: Item): boolean {
    const [before, last] = [tokens[to - 2], tokens[to - 1]];
    if (isOperator(last, '*')) return true;
    if (last?.kind === 'quoted')
      return to - first > 1 && !isOperator(before, '.') && (isWord(before, 'AS', ...CLOSING) || !isReserved(before));
    if (last?.kind !== 'word' || to - first === 1 || isWord(last, ...CLOSING)) return false;
    if (isWord(before, 'AS')) return true;
    // Behind `AND`, `NOT`, `LIKE` and their kin stands an operand: `1 BETWEEN (…) AND ID` has no name.
    if (before?.kind === 'word')
      return (
        isWord(before, ...CLOSING) ||
        !(isReserved(before) || isWord(before, ...LEADING) || isWord(last, 'PRECISION', 'VARYING'))
      );
    return before?.kind !== 'operator' || /^[)\]]$/.test(before.text);
  }
}

/** The next token, or the one behind a bracket's end. */
const behind = (pairs: ReadonlyMap<number, number>, at: number): number => {
  const close = pairs.get(at);
  return (close !== undefined && close > at ? close : at) + 1;
};
