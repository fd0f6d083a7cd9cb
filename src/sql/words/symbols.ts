/**
 * Symbols of MATCH_RECOGNIZE's patterns, by their places: in the brackets of PATTERN, and within the construct's own brackets where AFTER
 * MATCH SKIP TO names one or one qualifies a column (documentation page constructs/match_recognize).
 */
import { isOperator, isWord, type Token } from '../text/lex.js';
import { isName, nameOf } from './claims.js';

export interface Symbols {
  readonly names: ReadonlySet<string>;
  /** Tokens in the brackets of a PATTERN. */
  readonly inPattern: ReadonlySet<number>;
  /** Tokens that name one elsewhere in the construct, if nothing else has claimed them. */
  readonly elsewhere: readonly number[];
}

type Pairs = ReadonlyMap<number, number>;

/** The construct's PATTERN, in no further brackets. */
function patternIn(tokens: readonly Token[], pairs: Pairs, open: number, close: number): number | undefined {
  for (let at = open + 1; at < close; at++) {
    if (isWord(tokens[at], 'PATTERN') && isOperator(tokens[at + 1], '(')) return at + 1;
    if (isOperator(tokens[at], '(')) at = pairs.get(at) ?? at;
  }
  return undefined;
}

const isSkipped = (tokens: readonly Token[], at: number): boolean =>
  isWord(tokens[at - 1], 'TO', 'FIRST', 'LAST') &&
  tokens.slice(Math.max(0, at - 4), at).some((word) => isWord(word, 'SKIP'));

export function symbolsOf(tokens: readonly Token[], pairs: Pairs): Symbols {
  const names = new Set<string>();
  const inPattern = new Set<number>();
  const elsewhere: number[] = [];
  let outermost = -1;
  tokens.forEach((token, at) => {
    const close = isWord(token, 'MATCH_RECOGNIZE') && isOperator(tokens[at + 1], '(') ? pairs.get(at + 1) : undefined;
    const pattern = close === undefined ? undefined : patternIn(tokens, pairs, at + 1, close);
    const end = pattern === undefined ? undefined : pairs.get(pattern);
    if (close === undefined || pattern === undefined || end === undefined) return;
    const own = new Set<string>();
    for (let index = pattern + 1; index < end; index++) {
      const symbol = tokens[index];
      if (!isName(symbol)) continue;
      inPattern.add(index);
      if (!isWord(symbol, 'PERMUTE')) own.add(nameOf(symbol));
    }
    for (const name of own) names.add(name);
    // One within another's brackets stands in its input, which is a query of its own: its text is gone through once.
    if (at < outermost) return;
    outermost = close;
    for (let index = at + 2; index < close; index++) {
      const symbol = tokens[index];
      if (!isName(symbol) || isOperator(tokens[index - 1], '.')) continue;
      if (isOperator(tokens[index + 1], '.') || isSkipped(tokens, index)) elsewhere.push(index);
    }
  });
  return {
    names,
    inPattern,
    elsewhere: elsewhere.filter((at) => {
      const token = tokens[at];
      return isName(token) && names.has(nameOf(token));
    }),
  };
}
