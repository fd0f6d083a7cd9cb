/**
 * How wide a standing approval is: the statement as it is, but for literals that a column of a table is compared with by `=` or `IN`, where
 * each such comparison can only narrow what the statement does: in its own WHERE, beneath nothing but AND, OR and brackets. All others
 * stay: in SET, LIKE, functions, LIMIT, VALUES, ON, sub-queries, beneath NOT, IS or CASE, beside another comparison, and beside whatever
 * is not a table's own column (a constant of a sub-query or a view would let any literal mean "all of it"). So `DELETE … WHERE ID = 7`
 * lets `WHERE ID = 8` pass and never `WHERE 1 = 1`. Told from the tokens that were judged; what is in doubt stays.
 *
 * Source for what a condition is made of: documentation pages constructs/where, constructs/join, sql/delete, sql/update, sql/insert.
 */

import { isOperator, isWord, type Token } from '../../sql/index.js';
import type { Bind } from '../answer/answer.js';

/** A literal that may be another one of its kind. */
export interface Hole {
  /** Such as `ORDER_ID =`. */
  readonly where: string;
  readonly kind: 'text' | 'number';
  /** What stood there when it was asked for. */
  readonly example: string;
}

export interface StandingShape {
  /** Equal for all statements that it lets pass, and for no others. */
  readonly key: string;
  /** The statement with its holes marked, for people. */
  readonly text: string;
  readonly holes: readonly Hole[];
  /** The tokens that stand in them. */
  readonly places: ReadonlySet<number>;
}

/** Where a WHERE ends. */
const ENDS_CONDITION = [
  'SELECT',
  'FROM',
  'WHERE',
  'GROUP',
  'ORDER',
  'HAVING',
  'QUALIFY',
  'LIMIT',
  'OFFSET',
  'FETCH',
  'SET',
  'VALUES',
  'WINDOW',
  'CONNECT',
  'START',
];
/** With these outside of brackets a WHERE is not the whole statement's, or more rows for it can be fewer for the statement. */
const NOT_NARROWING = ['WITH', 'UNION', 'INTERSECT', 'EXCEPT', 'MINUS', 'CONNECT', 'OVERWRITE'];
/** Behind these stands what is read or changed, up to one of the words of `ENDS_CONDITION`. */
const SOURCES = ['FROM', 'USING', 'UPDATE', 'JOIN'];

const isName = (token: Token | undefined): boolean => token?.kind === 'quoted' || token?.kind === 'word';

const isOneOf = (token: Token | undefined, signs: string): boolean =>
  token?.kind === 'operator' && signs.includes(token.text);

/** How many brackets each token stands in; a bracket as its surroundings. */
const depthsOf = (tokens: readonly Token[]): readonly number[] => {
  let depth = 0;
  return tokens.map((token) => {
    if (isOneOf(token, ')]}')) depth--;
    const own = depth;
    if (isOneOf(token, '([{')) depth++;
    return own;
  });
};

/** Whether the name whose tokens are `from` up to and without `to` is a column of a table, and shown as it is. */
export type IsColumn = (from: number, to: number) => boolean;

class Shaper {
  readonly #tokens: readonly Token[];
  readonly #binds: readonly Bind[];
  readonly #isColumn: IsColumn;
  readonly #depths: readonly number[];
  /** The literal's place, and what it is compared with. */
  readonly #holes = new Map<number, string>();

  constructor(tokens: readonly Token[], binds: readonly Bind[], isColumn: IsColumn) {
    this.#tokens = tokens;
    this.#binds = binds;
    this.#isColumn = isColumn;
    this.#depths = depthsOf(tokens);
  }

  run(): StandingShape {
    const where = this.#where();
    if (where) this.#condition(...where);
    return this.#result();
  }

  /** The first place of these words outside of brackets from `from` on, before `to`. */
  #find(words: readonly string[], from: number, to = this.#tokens.length): number | undefined {
    for (let at = from; at < to; at++) if (this.#depths[at] === 0 && isWord(this.#tokens[at], ...words)) return at;
    return undefined;
  }

  /** From and up to the condition of the statement's own WHERE, if that is one that only narrows; undefined where it is not. */
  #where(): readonly [from: number, to: number] | undefined {
    const tokens = this.#tokens;
    const isKnown = isWord(tokens[0], 'SELECT', 'UPDATE', 'DELETE') || isInsert(tokens);
    const where = this.#find(['WHERE'], 0);
    if (!isKnown || where === undefined || this.#find(NOT_NARROWING, 1) !== undefined || this.#hasMadeSource(where))
      return undefined;
    // A second one is another query's.
    if (this.#find(['WHERE'], where + 1) !== undefined) return undefined;
    return [where + 1, this.#find(ENDS_CONDITION, where + 1) ?? tokens.length];
  }

  /** Whether anything but tables by their names stands before the WHERE where sources do: a sub-query, a function's table, a sample. */
  #hasMadeSource(where: number): boolean {
    let isSource = false;
    for (let at = 0; at < where; at++) {
      if (this.#depths[at] !== 0) continue;
      if (isWord(this.#tokens[at], ...SOURCES)) isSource = true;
      else if (isWord(this.#tokens[at], ...ENDS_CONDITION)) isSource = false;
      else if (isSource && isOneOf(this.#tokens[at], '([{@')) return true;
    }
    return false;
  }

  /** Parts between AND and OR: what stands in each is either a comparison to the last token, or a group, or stays as it is. */
  #condition(from: number, to: number): void {
    const depth = this.#depths[from] ?? 0;
    let [start, cases, betweens] = [from, 0, 0];
    for (let at = from; at <= to; at++) {
      const token = at < to ? this.#tokens[at] : undefined;
      if (token && this.#depths[at] !== depth) continue;
      if (isWord(token, 'CASE')) cases++;
      else if (isWord(token, 'END')) cases--;
      else if (isWord(token, 'BETWEEN')) betweens++;
      else if (isWord(token, 'AND') && betweens > 0) betweens--;
      else if (token === undefined || (cases === 0 && isWord(token, 'AND', 'OR'))) {
        this.#part(start, at);
        start = at + 1;
      }
    }
  }

  #part(from: number, to: number): void {
    const [first, last] = [this.#tokens[from], this.#tokens[to - 1]];
    if (isOperator(first, '(')) {
      const depth = this.#depths[from];
      const close = this.#depths.indexOf(depth ?? -1, from + 1);
      const isGroup = close === to - 1 && isOperator(last, ')') && !isWord(this.#tokens[from + 1], 'SELECT', 'WITH');
      if (isGroup) this.#condition(from + 1, to - 1);
      return;
    }
    let at = from;
    while (isName(this.#tokens[at]) && isOperator(this.#tokens[at + 1], '.')) at += 2;
    const end = at + 1;
    if (!isName(this.#tokens[at]) || !this.#isColumn(from, end)) return;
    const column = this.#tokens
      .slice(from, end)
      .map(({ text }) => text)
      .join('');
    if (isOperator(this.#tokens[end], '=') && end + 2 === to && this.#isValue(end + 1))
      this.#holes.set(end + 1, `${column} =`);
    else if (isWord(this.#tokens[end], 'IN') && isOperator(this.#tokens[end + 1], '(') && isOperator(last, ')'))
      this.#list(end + 2, to - 1, `${column} IN`);
  }

  #list(from: number, to: number, where: string): void {
    const places: number[] = [];
    for (let at = from; at < to; at += 2) {
      if (!this.#isValue(at) || (at + 1 < to && !isOperator(this.#tokens[at + 1], ','))) return;
      places.push(at);
    }
    if ((to - from) % 2 === 1) for (const place of places) this.#holes.set(place, where);
  }

  #isValue(at: number): boolean {
    const token = this.#tokens[at];
    return (
      token !== undefined &&
      (token.kind === 'number' || (token.kind === 'string' && token.text.startsWith("'")) || isOperator(token, '?'))
    );
  }

  #result(): StandingShape {
    const key: unknown[] = [];
    const holes: Hole[] = [];
    const places = new Set<number>();
    let text = '';
    let end: number | undefined;
    let binds = 0;
    this.#tokens.forEach((token, at) => {
      const isBind = isOperator(token, '?');
      const bind = isBind ? this.#binds[binds++] : undefined;
      const where = this.#holes.get(at);
      const kind = isBind ? kindOf(bind) : token.kind === 'number' ? 'number' : 'text';
      const isHole = where !== undefined && kind !== undefined;
      if (isHole) {
        places.add(at);
        holes.push({ where, kind, example: isBind ? String(bind) : token.text });
        key.push({ hole: kind, isBind });
      } else if (isBind) key.push({ bind: bind ?? null });
      else key.push(token.kind === 'word' ? token.text.toUpperCase() : token.text);
      if (end !== undefined && token.start > end) text += ' ';
      // As a literal, so that it is read as SQL wherever it is shown.
      text += isHole ? `'⟨${kind}⟩'` : token.text;
      end = token.start + token.text.length;
    });
    // Those by number are none of the holes: each of their values stays.
    key.push(this.#tokens.some(({ kind }) => kind === 'bind') ? this.#binds : []);
    return { key: JSON.stringify(key), text, holes, places };
  }
}

/** Into one table, of rows that a query has. */
const isInsert = (tokens: readonly Token[]): boolean => isWord(tokens[0], 'INSERT') && isWord(tokens[1], 'INTO');

const kindOf = (bind: Bind | undefined): Hole['kind'] | undefined =>
  typeof bind === 'number' ? 'number' : typeof bind === 'string' ? 'text' : undefined;

/** Without `isColumn` nothing is known to be a column, and there are no holes. */
export const standingShapeOf = (
  tokens: readonly Token[],
  binds: readonly Bind[],
  isColumn: IsColumn = () => false,
): StandingShape => new Shaper(tokens, binds, isColumn).run();
