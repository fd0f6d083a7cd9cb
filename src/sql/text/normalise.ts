/**
 * What the primary parser is given where it can't read a Snowflake form as it stands: the same statement with that form left out
 * or written in another way. Only forms that name no object and whose columns are accounted for may go; what is sent to Snowflake
 * are always the statement's own tokens.
 *
 * Sources: documentation pages sql/select (`* ILIKE`), user-guide/querying-semistructured (casts within paths),
 * data-types-structured (types), functions/filter (typed lambdas), sql-reference/functions (names of arguments), constructs/unpivot (aliases without AS), constructs/connect-by
 * (PRIOR, CONNECT_BY_ROOT), constructs/match_recognize (FINAL, RUNNING), name-resolution (`db..table`), constructs/resample, constructs/from (DYNAMIC_TABLE_REFRESH_BOUNDARY), identifiers-syntax.
 */
import { isPure, snowflakeFunction } from '../functions/index.js';
import { bracketPairs, bracketsAround } from './brackets.js';
import { type Clauses, isBoundary, isOfHierarchy, isOfMeasure } from './clauses.js';
import { isOperator, isWord, type Token } from './lex.js';
import { longLists } from './lists.js';
import {
  deletionWithSources,
  endOfConnect,
  inPlaceOfAll,
  isAllByName,
  isPathBehindBracket,
  namesLikeWords,
} from './rewordings.js';
import { asBody, nodeOf } from './tree.js';

export interface Piece {
  readonly text: string;
  /** The statement's own token that it stands for. */
  readonly index: number;
}

export interface Normalised {
  readonly pieces: readonly Piece[];
  /** Stand-ins for quoted names that the parser misreads, with the names that they stand for. */
  readonly standIns: ReadonlyMap<string, string>;
  /** RESAMPLE was left out: all columns of all tables count as grouped by. */
  readonly isResampled: boolean;
  /** A star gives fewer columns than it seems to: `* ILIKE` was left out. */
  readonly isNarrowed: boolean;
  /** Words that are given in quotes. */
  readonly words: ReadonlySet<number>;
  /** A DELETE that is given as an UPDATE. */
  readonly isDeletion: boolean;
}

const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'quoted';

const isLiteral = (token: Token | undefined): boolean => token?.kind === 'string' || token?.kind === 'number';

/** More of them are left to the parser, which refuses them. */
const MAX_STAND_INS = 50;

/** Words that a bracket may follow in what is left out: types, and the two functions of RESAMPLE. Any other would be a call. */
const BRACKETED =
  /^(?:ARRAY|OBJECT|MAP|VECTOR|NUMBER|DECIMAL|NUMERIC|VARCHAR|CHAR|CHARACTER|STRING|TEXT|BINARY|VARBINARY|TIME|DATETIME|TIMESTAMP(?:_?(?:NTZ|LTZ|TZ))?|RESAMPLE|DYNAMIC_TABLE_REFRESH_BOUNDARY|IS_GENERATED|BUCKET_START)$/i;

/** In what is left out there may be names, numbers and literals, and nothing that could read or call. */
const isInert = (tokens: readonly Token[]): boolean =>
  tokens.every(
    (token, at) =>
      !(
        (token.kind === 'word' || token.kind === 'quoted') &&
        isOperator(tokens[at + 1], '(') &&
        !BRACKETED.test(token.text)
      ) &&
      (token.kind !== 'operator' || /^[(),]$/.test(token.text)) &&
      token.kind !== 'variable' &&
      !isWord(token, 'SELECT', 'WITH', 'FROM', 'TABLE', 'VALUES', 'LATERAL', 'CALL', 'IDENTIFIER'),
  );

const STRUCTURED = ['ARRAY', 'OBJECT', 'MAP'];

class Normaliser {
  readonly #tokens: readonly Token[];
  readonly #pairs: ReadonlyMap<number, number>;
  readonly #around: readonly number[];
  readonly #dropped = new Set<number>();
  readonly #asBefore = new Set<number>();
  readonly #standIns = new Map<string, string>();
  readonly #replaced = new Map<number, string>();
  /** What the parser sees behind a token besides. */
  readonly #added = new Map<number, string>();
  readonly #clauses: Clauses;
  /** Of stand-ins, and of what the text has that looks like one. */
  #numbers: Set<number> | undefined;
  #isResampled = false;
  #isNarrowed = false;
  #isDeletion = false;

  constructor(tokens: readonly Token[], clauses: Clauses) {
    this.#tokens = tokens;
    this.#clauses = clauses;
    this.#pairs = bracketPairs(tokens);
    this.#around = bracketsAround(tokens);
  }

  /** Leaves tokens out, unless there could be more in them than is thought: then the parser sees all, and refuses. */
  #drop(from: number, to: number): void {
    const first = isOperator(this.#tokens[from], '::') ? from + 1 : from;
    if (!isInert(this.#tokens.slice(first, to))) return;
    for (let at = from; at < to; at++) this.#dropped.add(at);
  }

  /** After `(` the token behind its `)`; the same place where there is no bracket. */
  #behind(at: number): number {
    const close = isOperator(this.#tokens[at], '(') ? this.#pairs.get(at) : undefined;
    return close === undefined ? at : close + 1;
  }

  run(): Normalised {
    this.#deletion();
    const words = namesLikeWords(this.#tokens, this.#pairs, this.#clauses);
    for (const at of words) this.#replaced.set(at, `"${this.#tokens[at]?.text.toUpperCase() ?? ''}"`);
    this.#tokens.forEach((token, at) => {
      if (token.kind === 'quoted') this.#quoted(token.text, at);
      else if (isOperator(token, '::')) this.#cast(at + 1);
      else if (isOperator(token, ':') && isPathBehindBracket(this.#tokens, this.#pairs, at))
        this.#replaced.set(at, '.');
      else if (isOperator(token, '->')) this.#lambda(at - 1);
      else if (isOperator(token, '=>')) this.#argumentName(at);
      else if (token.kind === 'word') this.#word(token, at);
    });
    for (const { from, to } of longLists(this.#tokens)) for (let at = from; at < to; at++) this.#dropped.add(at);
    const pieces: Piece[] = [];
    this.#tokens.forEach((token, index) => {
      const isDropped = this.#dropped.has(index);
      if (this.#asBefore.has(index) && !isDropped) pieces.push({ text: 'AS', index });
      // `db..table` is a table of the schema PUBLIC (sql-reference/name-resolution).
      if (isOperator(token, '.') && isOperator(this.#tokens[index - 1], '.') && !isDropped)
        pieces.push({ text: 'PUBLIC', index });
      if (!isDropped) pieces.push({ text: this.#replaced.get(index) ?? token.text, index });
      const added = this.#added.get(index);
      if (added !== undefined) pieces.push({ text: added, index });
    });
    return {
      pieces,
      standIns: this.#standIns,
      isResampled: this.#isResampled,
      isNarrowed: this.#isNarrowed,
      isDeletion: this.#isDeletion,
      words,
    };
  }

  /** `DELETE FROM t USING …` has the sources that `UPDATE t SET … FROM …` has, of which the parser reads more: `restored` makes a DELETE of it. */
  #deletion(): void {
    const found = deletionWithSources(this.#tokens, this.#pairs);
    if (!found) return;
    this.#replaced.set(found.verb, 'UPDATE');
    this.#dropped.add(found.from);
    this.#replaced.set(found.using, 'SET "nothing" = NULL FROM');
    this.#isDeletion = true;
  }

  /** `ALL BY NAME` as one column, by its place (`isAllByName`): which ones it means the walk looks up. */
  #allByName(at: number): void {
    inPlaceOfAll(this.#tokens, at).forEach((text, index) => {
      this.#replaced.set(at + index, text);
    });
  }

  /** The parser reads a column on each side of an equals sign, and anything in brackets. */
  #connect(by: number): void {
    const last = endOfConnect(this.#tokens, this.#pairs, this.#clauses, by);
    if (last === by) return;
    this.#added.set(by, '(');
    this.#added.set(last, `${this.#added.get(last) ?? ''})`);
  }

  #word(token: Token, at: number): void {
    const next = this.#tokens[at + 1];
    switch (token.text.toUpperCase()) {
      case 'ILIKE':
        // Behind a star and before a literal it filters the star's columns by name: without it there are more, never others.
        if (isOperator(this.#tokens[at - 1], '*') && next?.kind === 'string') {
          this.#isNarrowed = true;
          this.#drop(at, at + 2);
        }
        return;
      case 'PRIOR':
      case 'CONNECT_BY_ROOT':
        // The same column, of another row.
        if (isOfHierarchy(this.#tokens, this.#clauses, at)) this.#drop(at, at + 1);
        return;
      case 'FINAL':
      case 'RUNNING':
        // Before a measure of MATCH_RECOGNIZE: over which rows of the match it is taken.
        if (isOfMeasure(this.#tokens, this.#clauses, at)) this.#drop(at, at + 1);
        return;
      case 'CONNECT':
        if (isWord(next, 'BY')) this.#connect(at + 1);
        return;
      case 'ALL':
        if (isAllByName(this.#tokens, at)) this.#allByName(at);
        return;
      case 'PIVOT':
      case 'UNPIVOT':
        this.#pivoted(at);
        return;
      case 'RESAMPLE':
        if (isOperator(next, '(') && isWord(this.#tokens[at + 2], 'USING')) {
          this.#isResampled = true;
          this.#drop(at, this.#behind(at + 1));
        }
        return;
      case 'DYNAMIC_TABLE_REFRESH_BOUNDARY': {
        const close = this.#pairs.get(at + 1);
        // Anywhere else it would be a call.
        if (close === undefined || !isBoundary(this.#tokens, this.#clauses, at)) return;
        this.#drop(at, at + 2);
        this.#dropped.add(close);
        return;
      }
      case 'AS': {
        const open = this.#openBefore(at);
        if (open !== undefined && isWord(this.#tokens[open - 1], 'CAST', 'TRY_CAST')) this.#structured(at + 1);
        return;
      }
    }
  }

  /** The bracket in which the token stands. */
  #openBefore(at: number): number | undefined {
    const open = this.#around[at] ?? -1;
    return open < 0 ? undefined : open;
  }

  /** `TO_DECIMAL(value => x)`: the parser knows the function and not the names of its arguments; which is which changes no lineage. */
  #argumentName(arrow: number): void {
    const open = this.#openBefore(arrow);
    const called = open === undefined ? undefined : this.#tokens[open - 1];
    const name = this.#tokens[arrow - 1];
    if (called?.kind !== 'word' || name?.kind !== 'word' || isOperator(this.#tokens[(open ?? 0) - 2], '.')) return;
    const known = snowflakeFunction(called.text.toUpperCase());
    if (!known || known.isTable || !isPure(known.class)) return;
    this.#dropped.add(arrow - 1);
    this.#dropped.add(arrow);
  }

  /** Leaves out what stands in the brackets of a structured type; answers where the type ends. */
  #structured(at: number): number {
    const behind = this.#behind(at + 1);
    if (!isWord(this.#tokens[at], ...STRUCTURED)) return behind;
    this.#drop(at + 1, behind);
    return behind;
  }

  /** `x::VARIANT:a` and `x::ARRAY[0]`: the cast changes no column, and the path goes on behind it. */
  #cast(at: number): void {
    if (this.#tokens[at]?.kind !== 'word') return;
    const behind = this.#structured(at);
    const next = this.#tokens[behind];
    if (isOperator(next, ':') || isOperator(next, '[') || next?.kind === 'bind') this.#drop(at - 1, behind);
  }

  /** `(a INT, b INT) -> …`: the types go. */
  #lambda(close: number): void {
    const open = isOperator(this.#tokens[close], ')') ? this.#pairs.get(close) : undefined;
    if (open === undefined) return;
    let isFirst = true;
    for (let at = open + 1; at < close; at++) {
      if (isOperator(this.#tokens[at], ',')) isFirst = true;
      else if (isFirst) isFirst = false;
      else {
        const behind = this.#behind(at);
        this.#drop(at, Math.max(at + 1, behind));
        at = Math.max(at, behind - 1);
      }
    }
  }

  /** The next token that stands in no further bracket. */
  #next(at: number): number {
    const close = this.#pairs.get(at);
    return (close !== undefined && close > at ? close : at) + 1;
  }

  /** `UNPIVOT (v FOR n IN (jan january))` means `jan AS january`, and `PIVOT (f(v) FOR n IN ('a' x))` means `'a' AS x`. */
  #pivoted(at: number): void {
    const isWithNulls = isWord(this.#tokens[at + 1], 'INCLUDE', 'EXCLUDE') && isWord(this.#tokens[at + 2], 'NULLS');
    const open = isWithNulls ? at + 3 : at + 1;
    // `v FOR n IN (`: in no further bracket, so that each is gone through for one construct alone.
    const close = isOperator(this.#tokens[open], '(') ? this.#pairs.get(open) : undefined;
    let list = open + 1;
    while (close !== undefined && list < close && !isWord(this.#tokens[list - 1], 'IN')) list = this.#next(list);
    const end = this.#pairs.get(list);
    if (close === undefined || list >= close || end === undefined) return;
    const isPivot = isWord(this.#tokens[at], 'PIVOT');
    // ANY and a sub-query are no lists of values.
    if (isPivot && isWord(this.#tokens[list + 1], 'ANY', 'SELECT', 'WITH')) return;
    for (let index = list + 1; index < end; index++) {
      const [before, token, next] = [this.#tokens[index - 1], this.#tokens[index], this.#tokens[index + 1]];
      const isEnd = isOperator(next, ',') || index + 1 === end;
      const isPair = isName(token) && (isPivot ? isEnd && isLiteral(before) : isName(before));
      if (isPair && !isWord(this.#tokens[index - 1], 'AS') && !isWord(this.#tokens[index], 'AS'))
        this.#asBefore.add(index);
    }
  }

  /** A name that begins or ends with a doubled quote is misread; a plain one stands in for it. */
  #quoted(text: string, at: number): void {
    if (!text.startsWith('"""') && !text.endsWith('"""')) return;
    const name = text.slice(1, -1).replaceAll('""', '"');
    const known = [...this.#standIns].find(([, real]) => real === name)?.[0];
    if (known === undefined && this.#standIns.size >= MAX_STAND_INS) return;
    const standIn = known ?? this.#newStandIn();
    this.#standIns.set(standIn, name);
    this.#replaced.set(at, `"${standIn}"`);
  }

  /** A name that stands nowhere in the text: another number than all that do behind these words. */
  #newStandIn(): string {
    this.#numbers ??= new Set(
      this.#tokens.flatMap(({ text }) => [...text.matchAll(/stand in (\d{6})/g)].map(([, digits]) => Number(digits))),
    );
    let number = 100_000;
    while (this.#numbers.has(number)) number++;
    this.#numbers.add(number);
    return `stand in ${number}`;
  }
}

export const normalise = (tokens: readonly Token[], clauses: Clauses): Normalised =>
  new Normaliser(tokens, clauses).run();

/** The parser's tree as that of the statement itself. */
export function restored(tree: unknown, { standIns, isDeletion }: Normalised): unknown {
  const named = restoreNames(tree, standIns);
  return isDeletion ? deletion(named) : named;
}

/** Whatever an UPDATE has and a DELETE has not stays, and is refused as any form that is not known. */
function deletion(tree: unknown): unknown {
  const node = nodeOf(tree);
  if (node?.kind !== 'update') return tree;
  const { set: _set, from_clause: sources, from_joins: joins, ...rest } = node.body;
  return { delete: { ...rest, using: asBody(sources)['expressions'], joins } };
}

/** Puts the names back into the parser's tree. */
function restoreNames(tree: unknown, standIns: ReadonlyMap<string, string>): unknown {
  if (standIns.size === 0) return tree;
  if (Array.isArray(tree)) return tree.map((item) => restoreNames(item, standIns));
  if (typeof tree === 'string') return standIns.get(tree) ?? tree;
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, restoreNames(value, standIns)]));
}
