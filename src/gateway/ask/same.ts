/**
 * Which statements are the same: the one notion of it, for what waits, what a repetition is one of, and what a use of another word ends. Spaces
 * and comments are nothing; words count as Snowflake folds them, and a quoted name that folding would give counts as that word
 * (documentation page identifiers-syntax); a literal counts by its value, and a bind by the value that it was sent with, as if that stood
 * there (bind-variables). Only where a number is a place and not a value, alone in ORDER BY or GROUP BY, is a bind another thing
 * (constructs/order-by, constructs/group-by). What is wanted as a file is another statement than its page.
 */
import { isOperator, isReserved, isWord, literalValue, type Token, tokensOf } from '../../sql/index.js';
import type { Bind, QueryRequest } from '../answer/answer.js';
import type { Judged } from '../judge/judged.js';

/** A literal, or what a bind stands for. */
export interface Value {
  readonly kind: 'text' | 'number';
  readonly value: string;
}

/** What a bind stands for: a value, a word such as TRUE, or nothing that was sent. */
type Stands = Value | { readonly word: string } | { readonly unsent: number };

const FOLDED = /^"[A-Z_][A-Z0-9_$]*"$/;
/** Functions without a bracket: in quotes such a word is a name (documentation page functions-context). */
const CALLED = /^"(?:CURRENT|LOCAL)/;

/** A name that is written without quotes, or could be. */
function wordOf({ kind, text }: Token): string | undefined {
  if (kind === 'word') return text.toUpperCase();
  if (kind !== 'quoted' || !FOLDED.test(text) || CALLED.test(text)) return undefined;
  const word = text.slice(1, -1);
  return isReserved({ kind: 'word', text: word, start: 0 }) ? undefined : word;
}

function standsFor(bind: Bind | undefined, at: number): Stands {
  if (bind === undefined) return { unsent: at };
  if (bind === null) return { word: 'NULL' };
  if (typeof bind === 'boolean') return { word: bind ? 'TRUE' : 'FALSE' };
  return { kind: typeof bind === 'number' ? 'number' : 'text', value: String(bind) };
}

/** Of each token what it stands for as a literal or a bind; undefined for words and signs. */
function standsIn(tokens: readonly Token[], binds: readonly Bind[]): readonly (Stands | undefined)[] {
  let next = 0;
  return tokens.map((token) => {
    const { kind, text } = token;
    if (kind === 'string') return { kind: 'text', value: literalValue(text) };
    if (kind === 'number') return { kind: 'number', value: text };
    // By its place, or by its number, which begins with 1.
    const at = kind === 'bind' ? Number(text.slice(1)) - 1 : isOperator(token, '?') ? next++ : undefined;
    return at === undefined ? undefined : standsFor(binds[at], at);
  });
}

/** A sign, and what could be a number: as a text it is the same one to Snowflake (documentation page data-type-conversion). */
const NUMERIC = /^[+-]?((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)$/;

function valueName({ value }: Value): string {
  const digits = NUMERIC.exec(value.trim())?.[1];
  if (digits === undefined) return `t${value}`;
  const number = Number(digits);
  return `n${Number.isSafeInteger(number) ? number : digits}`;
}

/** The values of a statement: those that any statement of its shape has, and those that stand where others may, each once. */
export function valuesOf(
  tokens: readonly Token[],
  binds: readonly Bind[],
  isHole: (at: number) => boolean,
): { readonly fixed: string[]; readonly filled: string[] } {
  const [fixed, filled] = [new Set<string>(), new Set<string>()];
  standsIn(tokens, binds).forEach((stands, at) => {
    if (stands && 'value' in stands) (isHole(at) ? filled : fixed).add(valueName(stands));
  });
  return { fixed: [...fixed], filled: [...filled] };
}

const ENDS_LIST = ['HAVING', 'QUALIFY', 'LIMIT', 'OFFSET', 'FETCH', 'ROWS', 'RANGE', 'UNION', 'EXCEPT', 'MINUS'];
const BEHIND_ITEM = ['ASC', 'DESC', 'NULLS', 'ORDER', 'INTERSECT', ...ENDS_LIST];

/** Places of tokens that are alone an entry of ORDER BY or GROUP BY. */
function listed(tokens: readonly Token[]): ReadonlySet<number> {
  const found = new Set<number>();
  /** Whether such a list goes on, by the bracket that it stands in. */
  const open = [false];
  tokens.forEach((token, at) => {
    if (isOperator(token, '(')) open.push(false);
    else if (isOperator(token, ')') && open.length > 1) open.pop();
    else if (isWord(token, 'BY')) open[open.length - 1] = true;
    else if (isWord(token, ...ENDS_LIST)) open[open.length - 1] = false;
    const [before, after] = [tokens[at - 1], tokens[at + 1]];
    const begins = isWord(before, 'BY') || isOperator(before, ',');
    const ends =
      after === undefined || isOperator(after, ',') || isOperator(after, ')') || isWord(after, ...BEHIND_ITEM);
    if (open.at(-1) === true && begins && ends) found.add(at);
  });
  return found;
}

/** Equal for the same statements, and for no others. */
export function sameAs({ statement }: Pick<Judged, 'statement'>, { binds = [], format }: QueryRequest): string {
  const tokens = statement ? tokensOf(statement) : [];
  const places = listed(tokens);
  const stands = standsIn(tokens, binds);
  const key: unknown[] = [];
  tokens.forEach((token, at) => {
    const found = stands[at];
    const word = found === undefined ? wordOf(token) : 'word' in found ? found.word : undefined;
    if (word !== undefined) key.push({ word });
    else if (found === undefined) key.push(token.text === '!=' ? '<>' : token.text);
    else if (token.kind === 'number' && places.has(at)) key.push({ place: token.text });
    // What is below zero is written with a sign of its own.
    else if ('value' in found && found.kind === 'number' && found.value.startsWith('-'))
      key.push('-', { number: found.value.slice(1) });
    else if ('value' in found) key.push({ [found.kind]: found.value });
    else key.push(found);
  });
  return JSON.stringify([key, format ?? null]);
}
