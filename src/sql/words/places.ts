/**
 * Names whose place in the text alone says what they are, whatever tables there are: keys of a path into a VARIANT, types, names of
 * arguments, date and time parts. Told from the tokens, before the walk, so that the walk takes none of them for a column.
 *
 * Sources: documentation pages user-guide/querying-semistructured (paths), sql-reference/data-types and data-types-structured,
 * functions/cast, functions/filter (typed lambda parameters), functions-date-time (supported date and time parts),
 * data-types-semistructured (object constants).
 */
import { DATE_PARTS, snowflakeFunction } from '../functions/index.js';
import { bracketsAround } from '../text/brackets.js';
import { isOperator, isWord, type Token } from '../text/lex.js';
import { type Claims, chainStart, isName, nameOf } from './claims.js';
import { isReserved } from './keywords.js';

/** A word with a bracket behind it: a call, if nothing else. */
export interface Call {
  /** Folded, with dots where the name has several parts. */
  readonly name: string;
  /** The first token of its name, and the last. */
  readonly from: number;
  readonly at: number;
  readonly isQuoted: boolean;
  /** Tokens of each argument, `from` up to and without `to`. */
  readonly args: readonly { readonly from: number; readonly to: number }[];
}

/** Functions whose arguments are parted by a word (functions/extract, functions/position). */
const PARTING: Readonly<Record<string, string>> = { EXTRACT: 'FROM', POSITION: 'IN' };

/** The tokens of a dotted name that ends at one of them. */
function partsBefore(tokens: readonly Token[], at: number): { from: number; parts: readonly Token[] } {
  const from = chainStart(tokens, at);
  return { from, parts: tokens.slice(from, at + 1).filter(isName) };
}

const dotted = (parts: readonly Token[]): string => parts.map(nameOf).join('.');

/** What is called where a name ends at a token and a bracket follows. */
const calledAt = (tokens: readonly Token[], at: number): string | undefined =>
  isName(tokens[at]) && isOperator(tokens[at + 1], '(') ? dotted(partsBefore(tokens, at).parts) : undefined;

/** The call whose name ends at a token, or undefined where no bracket follows. */
export function callAt(tokens: readonly Token[], pairs: ReadonlyMap<number, number>, at: number): Call | undefined {
  const token = tokens[at];
  const close = pairs.get(at + 1);
  if (!isName(token) || !isOperator(tokens[at + 1], '(') || close === undefined) return undefined;
  const { from, parts } = partsBefore(tokens, at);
  const name = dotted(parts);
  const word = PARTING[name];
  const args: { from: number; to: number }[] = [];
  let start = at + 2;
  for (let index = at + 2; index < close; index++) {
    if (/^[([{]$/.test(tokens[index]?.text ?? '')) index = pairs.get(index) ?? index;
    else if (isOperator(tokens[index], ',') || (word !== undefined && isWord(tokens[index], word))) {
      args.push({ from: start, to: index });
      start = index + 1;
    }
  }
  if (close > at + 2) args.push({ from: start, to: close });
  return { name, from, at, isQuoted: parts.some(({ kind }) => kind === 'quoted'), args };
}

/** Types as Snowflake spells them (sql-reference/intro-summary-data-types), without what stands in brackets. */
const TYPES = new Set(
  'NUMBER DECIMAL DEC NUMERIC INT INTEGER BIGINT SMALLINT TINYINT BYTEINT FLOAT FLOAT4 FLOAT8 DOUBLE REAL DECFLOAT VARCHAR CHAR CHARACTER NCHAR STRING TEXT NVARCHAR NVARCHAR2 BINARY VARBINARY BOOLEAN DATE DATETIME TIME TIMESTAMP TIMESTAMP_LTZ TIMESTAMPLTZ TIMESTAMP_NTZ TIMESTAMPNTZ TIMESTAMP_TZ TIMESTAMPTZ VARIANT OBJECT ARRAY MAP GEOGRAPHY GEOMETRY VECTOR UUID FILE INTERVAL'.split(
    ' ',
  ),
);

/** Words that go on a type's name. */
const TYPE_TAILS: Readonly<Record<string, readonly string[]>> = {
  DOUBLE: ['PRECISION'],
  CHAR: ['VARYING'],
  CHARACTER: ['VARYING'],
  NCHAR: ['VARYING'],
  TIMESTAMP: ['WITH', 'WITHOUT', 'LOCAL', 'TIME', 'ZONE'],
  INTERVAL: ['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'TO'],
};

/** A type's name that takes its size, its parts or its elements in brackets. */
export const isTypeWord = (token: Token): boolean =>
  token.kind === 'word' &&
  (TYPES.has(token.text.toUpperCase()) || Object.values(TYPE_TAILS).flat().includes(token.text.toUpperCase()));

/** Clauses that are written like calls (constructs/at-before, constructs/changes). */
const CLAUSES: ReadonlyMap<string, readonly string[]> = new Map([
  ['AT', ['OFFSET', 'TIMESTAMP', 'STATEMENT']],
  ['BEFORE', ['OFFSET', 'TIMESTAMP', 'STATEMENT']],
  ['CHANGES', ['INFORMATION']],
  ['END', ['OFFSET', 'TIMESTAMP', 'STATEMENT']],
]);

class Places {
  readonly #tokens: readonly Token[];
  readonly #pairs: ReadonlyMap<number, number>;
  readonly #claims: Claims;
  readonly #around: readonly number[];

  constructor(tokens: readonly Token[], pairs: ReadonlyMap<number, number>, claims: Claims) {
    this.#tokens = tokens;
    this.#pairs = pairs;
    this.#claims = claims;
    this.#around = bracketsAround(tokens);
  }

  run(): void {
    this.#tokens.forEach((token, at) => {
      if (isOperator(token, '::')) this.#type(at + 1);
      else if (isOperator(token, ':')) this.#path(at);
      else if (isOperator(token, '.') && isOperator(this.#tokens[at - 1], ']')) this.#keys(at);
      else if (isOperator(token, '=>')) this.#argument(at);
      else if (isOperator(token, '->')) this.#parameterTypes(at);
      else if (isWord(token, 'CAST', 'TRY_CAST')) this.#cast(at);
      else if (isName(token)) this.#dateParts(at);
    });
  }

  /** `NAME => value`: of Snowflake's own functions the names that they document; a user's function has names of its own. */
  #argument(arrow: number): void {
    const name = this.#tokens[arrow - 1];
    if (!isName(name)) return;
    const called = calledAt(this.#tokens, (this.#around[arrow] ?? -1) - 1);
    const known = called && snowflakeFunction(called);
    const isDocumented =
      CLAUSES.get(called ?? '')?.includes(nameOf(name)) ?? (!known || known.named.includes(nameOf(name)));
    if (isDocumented) this.#claims.claim(arrow - 1, 'argument');
  }

  /** `a:b.c[0].d`, and no `'key': value` of an object constant. */
  #path(colon: number): void {
    // The chain before it has been followed to its end.
    if (this.#claims.ownerOf(colon - 1) === 'path') return;
    const before = this.#tokens[colon - 2];
    const value = this.#tokens[colon - 1];
    if (value?.kind === 'string' && (isOperator(before, '{') || isOperator(before, ','))) return;
    // A path goes on from a value; after anything else a colon begins something that is no path.
    if (value === undefined || isReserved(value) || (value.kind === 'operator' && !/^[)\]}]$/.test(value.text))) return;
    this.#keys(colon);
  }

  /** From the sign before the first key on; what stands in square brackets is an expression of its own. */
  #keys(sign: number): void {
    // The chain has been followed to its end.
    if (this.#claims.ownerOf(sign + 1) === 'path') return;
    let at = sign;
    while (isOperator(this.#tokens[at], ':') || isOperator(this.#tokens[at], '.')) {
      if (!isName(this.#tokens[at + 1])) return;
      this.#claims.claim(at + 1, 'path');
      at += 2;
      while (isOperator(this.#tokens[at], '[')) at = (this.#pairs.get(at) ?? at) + 1;
    }
  }

  /** Claims a type and answers where it ends; the same place where there is none that Snowflake knows. */
  #type(at: number): number {
    const token = this.#tokens[at];
    if (token?.kind !== 'word' || !TYPES.has(token.text.toUpperCase())) return at;
    this.#claims.claim(at, 'type');
    const base = token.text.toUpperCase();
    let behind = this.#typeArguments(base, at + 1);
    while (isWord(this.#tokens[behind], ...(TYPE_TAILS[base] ?? []))) {
      this.#claims.claim(behind, 'type');
      behind = this.#typeArguments('', behind + 1);
    }
    return behind;
  }

  #typeArguments(base: string, at: number): number {
    const close = isOperator(this.#tokens[at], '(') ? this.#pairs.get(at) : undefined;
    if (close === undefined) return at;
    for (let index = at + 1; index < close; ) {
      // OBJECT(name TYPE, …): the first word of each entry names a field.
      const isStart = index === at + 1 || isOperator(this.#tokens[index - 1], ',');
      if (base === 'OBJECT' && isStart && isName(this.#tokens[index])) this.#claims.claim(index++, 'type');
      const behind = this.#type(index);
      if (behind > index) index = behind;
      else {
        if (isWord(this.#tokens[index], 'NOT', 'NULL')) this.#claims.claim(index, 'type');
        index++;
      }
    }
    return close + 1;
  }

  /** `CAST(… AS type)`. */
  #cast(at: number): void {
    const close = this.#pairs.get(at + 1);
    if (close === undefined || !isOperator(this.#tokens[at + 1], '(')) return;
    for (let index = at + 2; index < close; index++) {
      if (/^[([{]$/.test(this.#tokens[index]?.text ?? '')) index = this.#pairs.get(index) ?? index;
      else if (isWord(this.#tokens[index], 'AS')) {
        this.#type(index + 1);
        return;
      }
    }
  }

  /** `(a INT, b OBJECT) -> …` and `a INT -> …`. */
  #parameterTypes(arrow: number): void {
    const open = isOperator(this.#tokens[arrow - 1], ')') ? this.#pairs.get(arrow - 1) : undefined;
    if (open === undefined) {
      if (isName(this.#tokens[arrow - 2]) && isName(this.#tokens[arrow - 1])) this.#type(arrow - 1);
      return;
    }
    for (let at = open + 1; at < arrow - 1; at++) {
      const isFirst = at === open + 1 || isOperator(this.#tokens[at - 1], ',');
      if (!isFirst && isName(this.#tokens[at])) at = Math.max(at, this.#type(at) - 1);
    }
  }

  #claimPart(called: string, at: number): void {
    this.#claims.claim(at, 'part');
    if (called === 'TRUNC' || called === 'TRUNCATE') this.#claims.markEither(at);
  }

  #dateParts(at: number): void {
    const call = callAt(this.#tokens, this.#pairs, at);
    if (!call || call.isQuoted) return;
    for (const index of snowflakeFunction(call.name)?.datePart ?? []) {
      const arg = call.args[index];
      const token = arg && this.#tokens[arg.from];
      if (arg && arg.to - arg.from === 1 && token?.kind === 'word' && DATE_PARTS.has(token.text.toUpperCase()))
        this.#claimPart(call.name, arg.from);
    }
  }
}

/** Claims every name whose place alone says what it is. */
export const claimPlaces = (tokens: readonly Token[], pairs: ReadonlyMap<number, number>, claims: Claims): void =>
  new Places(tokens, pairs, claims).run();
