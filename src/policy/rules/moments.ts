/**
 * What in a predicate is a date or a time for certain, and so no text that the session's input formats would have to read: a column of
 * the table's own, or what a function makes of one or of a named format. Whatever else there is, may be a text by any route (in
 * brackets, joined with ||, a function's answer, a value within a VARIANT), and is not counted as one.
 *
 * Pages: functions/to_date, functions/date_from_parts, functions/timestamp_from_parts, functions/convert_timezone, functions/sysdate.
 */
import { isOperator, type Token } from '../../sql/index.js';

/** They stand before brackets and call nothing. */
const NO_CALL = /^(?:AND|OR|NOT|IN|IS|LIKE|ILIKE|RLIKE|REGEXP|BETWEEN|CASE|WHEN|THEN|ELSE|ESCAPE|FROM|AS|DISTINCT)$/i;

/** What a cast to them makes; whether it may is asked of that cast itself. */
const MOMENT_TYPE = /^(?:DATE|TIME|DATETIME|TIMESTAMP_?NTZ)$/i;

/** Conversions, which are looked at by themselves as well. */
const CONVERSIONS: ReadonlySet<string> = new Set(
  ['TO_DATE', 'DATE', 'TO_TIME', 'TIME', 'TO_TIMESTAMP_NTZ'].flatMap((name) => [name, `TRY_${name}`]),
);
const MADE: ReadonlySet<string> = new Set(
  'SYSDATE DATE_FROM_PARTS DATEFROMPARTS TIME_FROM_PARTS TIMEFROMPARTS TIMESTAMP_NTZ_FROM_PARTS TIMESTAMPNTZFROMPARTS'.split(
    ' ',
  ),
);
/** Where among the arguments the moment is that they make another one of. */
const MADE_OF: ReadonlyMap<string, number> = new Map([
  ['DATEADD', 2],
  ['TIMEADD', 2],
  ['TIMESTAMPADD', 2],
  ['CONVERT_TIMEZONE', 2],
  ['DATE_TRUNC', 1],
  ['ADD_MONTHS', 0],
  ['LAST_DAY', 0],
]);
const ONE_OF: ReadonlySet<string> = new Set(['COALESCE', 'NVL', 'IFNULL', 'GREATEST', 'LEAST']);

const isOpening = (token: Token | undefined): boolean => isOperator(token, '(') || isOperator(token, '[');
const isClosing = (token: Token | undefined): boolean => isOperator(token, ')') || isOperator(token, ']');
const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'quoted';

/** The arguments of a call whose opening bracket is at `open`. */
export function argumentsOf(tokens: readonly Token[], open: number): readonly (readonly Token[])[] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(open)) {
    if (isOpening(token)) depth++;
    if (isClosing(token)) depth--;
    if (depth === 0) break;
    if (depth === 1 && isOperator(token, ',')) found.push([]);
    else if (token !== tokens[open]) found.at(-1)?.push(token);
  }
  return found;
}

/** Where the bracket opens that closes at `close`. */
function openingOf(tokens: readonly Token[], close: number): number {
  let depth = 0;
  for (let at = close; at > 0; at--) {
    if (isClosing(tokens[at])) depth++;
    if (isOpening(tokens[at])) depth--;
    if (depth === 0) return at;
  }
  return 0;
}

/** What a `::` at `at` casts: it binds closest, so that is one name, literal, bracket or call, with its path and earlier casts. */
export function castBefore(tokens: readonly Token[], at: number): readonly Token[] {
  let start = at;
  while (start > 0) {
    start--;
    while (isOperator(tokens[start], ']') && start > 0) start = openingOf(tokens, start) - 1;
    if (isOperator(tokens[start], ')')) {
      start = openingOf(tokens, start);
      const before = tokens[start - 1];
      if (isName(before) && !(before?.kind === 'word' && NO_CALL.test(before.text))) start--;
    }
    if (!['.', ':', '::'].some((operator) => isOperator(tokens[start - 1], operator))) break;
    start--;
  }
  return tokens.slice(Math.max(0, start), at);
}

/** The value and the type of `value AS type`, as CAST has it; an AS within brackets is another cast's. */
export function castWithin(tokens: readonly Token[]): { value: readonly Token[]; type: Token | undefined } | undefined {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (isOpening(token)) depth++;
    if (isClosing(token)) depth--;
    if (depth === 0 && token.kind === 'word' && /^AS$/i.test(token.text))
      return { value: tokens.slice(0, at), type: tokens[at + 1] };
  }
  return undefined;
}

/** As Snowflake compares it: a quoted name in capitals calls its own function as well. */
export const calledName = ({ kind, text }: Token): string => (kind === 'word' ? text.toUpperCase() : text.slice(1, -1));

function isMadeByCall(name: string, given: readonly (readonly Token[])[]): boolean {
  if (MADE.has(name) || CONVERSIONS.has(name)) return true;
  if (ONE_OF.has(name)) return given.every(isMoment);
  if (/^(?:TRY_)?CAST$/.test(name)) {
    const type = castWithin(given[0] ?? [])?.type;
    return type !== undefined && MOMENT_TYPE.test(calledName(type));
  }
  const at = MADE_OF.get(name);
  return at !== undefined && isMoment(given[at] ?? []);
}

/** Whether an expression is a plain column, a number, or a date or time for certain. */
export function isMoment(tokens: readonly Token[]): boolean {
  const [first] = tokens;
  const last = tokens.length - 1;
  if (first === undefined) return false;
  if (last === 0 && first.kind === 'number') return true;
  // END is where a CASE ends, which may answer with anything.
  const isEnd = first.kind === 'word' && /^END$/i.test(first.text);
  if (last % 2 === 0 && tokens.every((token, at) => (at % 2 ? isOperator(token, '.') : isName(token)))) return !isEnd;
  const cast = tokens.findLastIndex((token, at) => isOperator(token, '::') && castBefore(tokens, at).length === at);
  const type = tokens[cast + 1];
  const isCast = cast > 0 && (last === cast + 1 || (isOperator(tokens[cast + 2], '(') && last === cast + 4));
  if (isCast && type) return MOMENT_TYPE.test(calledName(type));
  if (!isOperator(tokens[last], ')')) return false;
  const open = openingOf(tokens, last);
  if (open === 0) return isOperator(first, '(') && isMoment(tokens.slice(1, last));
  return open === 1 && isName(first) && isMadeByCall(calledName(first), argumentsOf(tokens, open));
}
