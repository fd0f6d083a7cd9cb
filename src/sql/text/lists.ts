/**
 * Long lists of literals, as the parser is given them: their beginning. Tools send thousands of values (`IN (1, 2, …)`,
 * `VALUES (1, 'a'), (2, 'b'), …`), and to parse them takes most of the time that a long text takes; a literal names no object and no column, and
 * one more of them changes nothing that is asked of the tree. Only whole values behind others of the same list go; what decides that is the
 * tokens, and the second opinions read the text whole.
 */
import { isOperator, isWord, type Token } from './lex.js';

/** Values, or rows of them, that the parser sees. */
const KEPT = 32;
/** A list is not worth shortening by fewer tokens. */
const WORTH = 64;

/** A range of tokens, its end outside. */
export interface LeftOut {
  readonly from: number;
  readonly to: number;
}

/** The token behind a literal at a place, the place itself where there is none. */
function behindLiteral(tokens: readonly Token[], at: number): number {
  const signed = isOperator(tokens[at], '-') || isOperator(tokens[at], '+') ? at + 1 : at;
  const token = tokens[signed];
  if (token?.kind === 'number') return signed + 1;
  if (signed > at) return at;
  return token?.kind === 'string' || isWord(token, 'NULL', 'TRUE', 'FALSE') ? at + 1 : at;
}

/** Literals with commas between them, from a place on: where each of them ends. One that is part of an expression is none. */
function literals(tokens: readonly Token[], from: number): readonly number[] {
  const ends: number[] = [];
  for (let at = from; ; ) {
    const end = behindLiteral(tokens, at);
    if (end === at) return ends;
    const isWhole = isOperator(tokens[end], ',') || isOperator(tokens[end], ')');
    if (isWhole) ends.push(end);
    if (!isOperator(tokens[end], ',')) return ends;
    at = end + 1;
  }
}

/** `(…), (…)` of so many literals each, from a place on: where each of them ends. */
function rows(tokens: readonly Token[], from: number): readonly number[] {
  const ends: number[] = [];
  let width: number | undefined;
  for (let at = from; isOperator(tokens[at], '('); ) {
    const values = literals(tokens, at + 1);
    const close = values.at(-1);
    if (close === undefined || !isOperator(tokens[close], ')')) return ends;
    width ??= values.length;
    if (values.length !== width) return ends;
    // What stands behind the last one may belong to it.
    if (!isOperator(tokens[close + 1], ',')) return ends;
    ends.push(close + 1);
    at = close + 2;
  }
  return ends;
}

/** What may go of a list whose values end there. */
function leftOut(ends: readonly number[]): LeftOut | undefined {
  const from = ends[KEPT - 1];
  const to = ends.at(-1);
  return from !== undefined && to !== undefined && to - from >= WORTH ? { from, to } : undefined;
}

/** In the order of the text. The values of a PIVOT name columns: beside one, all stay. */
export function longLists(tokens: readonly Token[]): readonly LeftOut[] {
  if (tokens.length < WORTH || tokens.some((token) => isWord(token, 'PIVOT', 'UNPIVOT'))) return [];
  const found: LeftOut[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const isIn = isWord(tokens[at], 'IN') && isOperator(tokens[at + 1], '(');
    const isValues = isWord(tokens[at], 'VALUES') && isOperator(tokens[at + 1], '(');
    if (!isIn && !isValues) continue;
    // `IN` may hold rows as well.
    const isOfRows = isValues || isOperator(tokens[at + 2], '(');
    const ends = isOfRows ? rows(tokens, isIn ? at + 2 : at + 1) : literals(tokens, at + 2);
    const range = leftOut(ends);
    if (range) found.push(range);
    at = Math.max(at, (ends.at(-1) ?? 0) - 1);
  }
  return found;
}
