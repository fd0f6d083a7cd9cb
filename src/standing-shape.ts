/**
 * How wide a standing approval is: the statement as it is, but for literals that a column of a condition is compared with by `=` or `IN`.
 * All others stay: in SET, LIKE, functions, LIMIT, VALUES, comparisons with anything else, so that `DELETE … WHERE ID = 7` lets
 * `WHERE ID = 8` pass and never `WHERE 1 = 1`. Told from the tokens that were judged; what is in doubt stays.
 *
 * Source for what a condition is made of: documentation pages constructs/where, constructs/join, sql/merge.
 */
import type { Bind } from './answer.js';
import { isOperator, isWord, type Token } from './sql/index.js';

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
}

const ENDS_CONDITION = [
  'SELECT',
  'FROM',
  'GROUP',
  'ORDER',
  'HAVING',
  'QUALIFY',
  'LIMIT',
  'OFFSET',
  'FETCH',
  'SET',
  'VALUES',
  'UNION',
  'INTERSECT',
  'EXCEPT',
  'MINUS',
  'WINDOW',
  'CONNECT',
  'START',
  'JOIN',
  'INNER',
  'LEFT',
  'RIGHT',
  'FULL',
  'CROSS',
  'NATURAL',
  'WHEN',
  'THEN',
  'USING',
];
/** Words that look like a column and are none, or of which something else may be compared. */
const NO_COLUMN =
  /^(?:TRUE|FALSE|NULL|CURRENT_\w+|LOCALTIME\w*|SYSDATE|ALL|ANY|SOME|EXISTS|CASE|END|PRIOR|NOT|AND|OR|IN|IS|LIKE|ILIKE|RLIKE|REGEXP|BETWEEN|ESCAPE|INTERVAL|DATE|TIME\w*)$/i;

interface Frame {
  isCondition: boolean;
  /** Arguments of a call, a type, a list: no condition whatever stands in it, unless a query does. */
  readonly isCall: boolean;
  cases: number;
  /** Between BETWEEN and its AND. */
  betweens: number;
}

const frameOf = (isCondition: boolean, isCall: boolean): Frame => ({ isCondition, isCall, cases: 0, betweens: 0 });

const isName = (token: Token | undefined): boolean =>
  token?.kind === 'quoted' || (token?.kind === 'word' && !NO_COLUMN.test(token.text));

/** Where the dotted name that ends before `at` begins; undefined where none does. */
function nameBefore(tokens: readonly Token[], at: number): number | undefined {
  let from = at - 1;
  if (!isName(tokens[from])) return undefined;
  while (isOperator(tokens[from - 1], '.') && isName(tokens[from - 2])) from -= 2;
  return isOperator(tokens[from - 1], '.') ? undefined : from;
}

class Shaper {
  readonly #tokens: readonly Token[];
  readonly #binds: readonly Bind[];
  /** The literal's place, and what it is compared with. */
  readonly #holes = new Map<number, string>();
  /** Places where a part of a condition begins. */
  readonly #begins = new Set<number>();
  #frames: Frame[] = [frameOf(false, false)];

  constructor(tokens: readonly Token[], binds: readonly Bind[]) {
    this.#tokens = tokens;
    this.#binds = binds;
  }

  run(): StandingShape {
    this.#tokens.forEach((token, at) => {
      if (isOperator(token, '(')) this.#open(at);
      else if (isOperator(token, ')')) this.#close();
      else if (token.kind === 'word') this.#word(token, at);
      else if (isOperator(token, '=')) this.#equals(at);
    });
    return this.#result();
  }

  get #frame(): Frame {
    return this.#frames.at(-1) ?? frameOf(false, true);
  }

  #open(at: number): void {
    const { isCondition, cases } = this.#frame;
    const isQuery = isWord(this.#tokens[at + 1], 'SELECT', 'WITH');
    const isGroup = isCondition && cases === 0 && this.#begins.has(at);
    if (isGroup && !isQuery) this.#begins.add(at + 1);
    this.#frames.push(frameOf(isGroup && !isQuery, !isGroup && !isQuery));
  }

  #close(): void {
    if (this.#frames.length > 1) this.#frames.pop();
  }

  #word(token: Token, at: number): void {
    const frame = this.#frame;
    if (isWord(token, 'CASE')) frame.cases++;
    else if (isWord(token, 'END')) frame.cases = Math.max(0, frame.cases - 1);
    else if (frame.isCall || frame.cases > 0) return;
    else if (isWord(token, 'WHERE', 'ON')) {
      frame.isCondition = true;
      this.#begins.add(at + 1);
    } else if (isWord(token, ...ENDS_CONDITION)) frame.isCondition = false;
    else if (!frame.isCondition) return;
    else if (isWord(token, 'BETWEEN')) frame.betweens++;
    else if (isWord(token, 'AND', 'OR', 'NOT')) {
      if (isWord(token, 'AND') && frame.betweens > 0) frame.betweens--;
      else if (!isWord(token, 'NOT') || this.#begins.has(at)) this.#begins.add(at + 1);
    } else if (isWord(token, 'IN')) this.#in(at);
  }

  /** Whether a comparison of a column ends before `at`, and nothing else goes on there. */
  #isEnd(at: number): boolean {
    const token = this.#tokens[at];
    return (
      token === undefined || isOperator(token, ')') || isWord(token, 'AND', 'OR', 'WHERE', 'ON', ...ENDS_CONDITION)
    );
  }

  /** The column that is compared at `at`, if it stands alone on that side. */
  #columnBefore(at: number): string | undefined {
    const { isCondition, cases } = this.#frame;
    const from = isCondition && cases === 0 ? nameBefore(this.#tokens, at) : undefined;
    if (from === undefined || !this.#begins.has(from)) return undefined;
    return this.#tokens
      .slice(from, at)
      .map(({ text }) => text)
      .join('');
  }

  #isValue(at: number): boolean {
    const token = this.#tokens[at];
    return (
      token !== undefined &&
      (token.kind === 'number' || (token.kind === 'string' && token.text.startsWith("'")) || isOperator(token, '?'))
    );
  }

  #equals(at: number): void {
    const column = this.#columnBefore(at);
    if (column !== undefined && this.#isValue(at + 1) && this.#isEnd(at + 2)) this.#holes.set(at + 1, `${column} =`);
  }

  #in(at: number): void {
    const column = this.#columnBefore(at);
    if (column === undefined || !isOperator(this.#tokens[at + 1], '(')) return;
    const places: number[] = [];
    let place = at + 2;
    for (; this.#isValue(place); place += 2) {
      places.push(place);
      if (!isOperator(this.#tokens[place + 1], ',')) break;
    }
    if (isOperator(this.#tokens[place + 1], ')') && this.#isEnd(place + 2))
      for (const hole of places) this.#holes.set(hole, `${column} IN`);
  }

  #result(): StandingShape {
    const key: unknown[] = [];
    const holes: Hole[] = [];
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
    return { key: JSON.stringify(key), text, holes };
  }
}

const kindOf = (bind: Bind | undefined): Hole['kind'] | undefined =>
  typeof bind === 'number' ? 'number' : typeof bind === 'string' ? 'text' : undefined;

export const standingShapeOf = (tokens: readonly Token[], binds: readonly Bind[]): StandingShape =>
  new Shaper(tokens, binds).run();
