/**
 * What makes a row predicate mean one thing in one session and another in the next. Rows are hidden by the predicate alone, so it must
 * not go by parameters that a user's, an account's or a driver's settings change. What can be told from the text is told here; what
 * depends on the columns' types (a text compared with a date, TO_CHAR of a date without a format) can't be, and stands in the
 * documentation instead.
 *
 * Pages: sql-reference/parameters (TIMEZONE, DATE_INPUT_FORMAT, TIMESTAMP_TYPE_MAPPING, WEEK_START, …), data-types-datetime (constants
 * go by the input formats), functions/current_timestamp, functions/sysdate, functions/convert_timezone, functions/to_date,
 * functions/year (week parts), functions/random.
 */
import { isOperator, type Token } from '../sql/index.js';

const NOW =
  "Write SYSDATE(), which is in UTC in every session, or CONVERT_TIMEZONE('UTC', 'Europe/Berlin', SYSDATE()) for another zone.";
const FORMAT =
  "Name the format, as in TO_DATE('2026-01-31', 'YYYY-MM-DD'), or make the value with DATE_FROM_PARTS(2026, 1, 31).";
const WHO = 'Write the value itself, or a template such as {principal.subject}.';
const WEEKS = 'Use the ISO forms: DAYOFWEEKISO, WEEKISO, YEAROFWEEKISO.';

/** They need no brackets, so no column can have these names either (page reserved-keywords). */
const BARE: ReadonlyMap<string, string> = new Map([
  ...['CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP', 'LOCALTIME', 'LOCALTIMESTAMP'].map(
    (name) => [name, `goes by the session's time zone. ${NOW}`] as const,
  ),
  ['CURRENT_USER', `is the gateway's own. ${WHO}`],
]);

const CALLED: ReadonlyMap<string, string> = new Map([
  ...['GETDATE', 'SYSTIMESTAMP'].map((name) => [name, `goes by the session's time zone. ${NOW}`] as const),
  ...['DAYOFWEEK', 'WEEK', 'WEEKOFYEAR', 'YEAROFWEEK'].map(
    (name) => [name, `goes by the session's first day of the week. ${WEEKS}`] as const,
  ),
  ...['TO_TIMESTAMP', 'TRY_TO_TIMESTAMP'].map(
    (name) => [name, `makes what the session says that TIMESTAMP is. Write ${name}_NTZ.`] as const,
  ),
  ...['TO_TIMESTAMP_LTZ', 'TRY_TO_TIMESTAMP_LTZ', 'TO_TIMESTAMP_TZ', 'TRY_TO_TIMESTAMP_TZ'].map(
    (name) => [name, `goes by the session's time zone. Write ${name.replace(/_L?TZ$/, '_NTZ')}.`] as const,
  ),
  ...['RANDOM', 'RANDSTR', 'UNIFORM', 'NORMAL', 'ZIPF', 'UUID_STRING', 'SEQ1', 'SEQ2', 'SEQ4', 'SEQ8'].map(
    (name) => [name, 'gives another value each time, so nobody could say which rows are hidden.'] as const,
  ),
  ...[
    'LAST_QUERY_ID',
    'LAST_TRANSACTION',
    'GETVARIABLE',
    'SYS_CONTEXT',
    'INVOKER_ROLE',
    'INVOKER_SHARE',
    'IS_ROLE_IN_SESSION',
    'IS_DATABASE_ROLE_IN_SESSION',
  ].map((name) => [name, `tells about the connection, which is shared. ${WHO}`] as const),
]);

/** Of one text alone these go by the session's input formats. */
const NEEDS_FORMAT: ReadonlySet<string> = new Set(
  ['TO_DATE', 'DATE', 'TO_TIME', 'TIME', 'TO_TIMESTAMP_NTZ', 'TO_BINARY'].flatMap((name) => [name, `TRY_${name}`]),
);

/** Their part may be a week (page functions-date-time, "supported date and time parts"). */
const TAKES_PART: ReadonlySet<string> = new Set(
  'DATE_TRUNC TRUNC DATE_PART EXTRACT DATEDIFF TIMEDIFF TIMESTAMPDIFF LAST_DAY TIME_SLICE'.split(' '),
);
const WEEK_PART =
  /^(?:WEEK|W|WK|WEEKOFYEAR|WOY|WY|WEEK_OF_YEAR|DAYOFWEEK|DAY_OF_WEEK|WEEKDAY|DOW|DW|YEAROFWEEK|YEAR_OF_WEEK)$/i;

const TIMES = /^(?:DATE|TIME|DATETIME|TIMESTAMP(?:_?(?:NTZ|LTZ|TZ))?|BINARY|VARBINARY)$/i;
const ZONED = /^TIMESTAMP(?:_?L?TZ)?$/i;

/** The arguments of a call whose opening bracket is at `open`. */
function argumentsOf(tokens: readonly Token[], open: number): readonly (readonly Token[])[] {
  const found: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(open)) {
    if (isOperator(token, '(') || isOperator(token, '[')) depth++;
    if (isOperator(token, ')') || isOperator(token, ']')) depth--;
    if (depth === 0) break;
    if (depth === 1 && isOperator(token, ',')) found.push([]);
    else if (token !== tokens[open]) found.at(-1)?.push(token);
  }
  return found;
}

const textOf = (token: Token | undefined): string =>
  token === undefined ? '' : token.kind === 'word' ? token.text : token.text.replace(/^(?:'|")|(?:'|")$/g, '');

function callProblem(name: string, given: readonly (readonly Token[])[]): string | undefined {
  const known = CALLED.get(name);
  if (known) return known;
  if (name.startsWith('CURRENT_')) return `tells about the connection, which is shared. ${WHO}`;
  const [first = []] = given;
  if (NEEDS_FORMAT.has(name) && given.length === 1 && first.length === 1 && first[0]?.kind === 'string')
    return `of a text goes by the session's input format. ${FORMAT}`;
  if (name === 'CONVERT_TIMEZONE' && given.length === 2)
    return "with two arguments may go by the session's time zone. Name the zone that the value is in first.";
  const isWeek = given.some(
    (part) =>
      (part.length === 1 || name === 'EXTRACT') && part[0]?.kind !== 'quoted' && WEEK_PART.test(textOf(part[0])),
  );
  if (TAKES_PART.has(name) && isWeek) return `by weeks goes by the session's first day of the week. ${WEEKS}`;
  const as = first.findIndex((token) => token.kind === 'word' && /^AS$/i.test(token.text));
  if (/^(?:TRY_)?CAST$/.test(name) && as > 0) return castProblem(first[as - 1], as === 1, first[as + 1]);
  return undefined;
}

/** `isAlone`: the value that is cast is this one token. */
function castProblem(value: Token | undefined, isAlone: boolean, type: Token | undefined): string | undefined {
  if (type?.kind !== 'word') return undefined;
  if (ZONED.test(type.text)) return `to ${type.text.toUpperCase()} goes by the session. Cast to TIMESTAMP_NTZ.`;
  if (isAlone && value?.kind === 'string' && TIMES.test(type.text))
    return `of a text to ${type.text.toUpperCase()} goes by the session's input format. ${FORMAT}`;
  return undefined;
}

/** What in a predicate goes by the session, and what to write instead; undefined where nothing that can be told does. */
export function unsteady(tokens: readonly Token[]): string | undefined {
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (isOperator(token, '::')) {
      const problem = castProblem(tokens[at - 1], true, next);
      if (problem) return `A cast ${problem}`;
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') continue;
    // A part of a longer name: a column of that name, or a function of the user's own.
    if (isOperator(tokens[at - 1], '.')) continue;
    // A quoted name in capitals calls Snowflake's own function as well.
    const name = token.kind === 'word' ? token.text.toUpperCase() : token.text.slice(1, -1);
    if (token.kind === 'word') {
      const bare = BARE.get(name);
      if (bare) return `${name} ${bare}`;
      if (next?.kind === 'string' && /^(?:DATE|TIME|TIMESTAMP\w*|DATETIME)$/.test(name))
        return `A constant such as ${name} '…' goes by the session's input format. ${FORMAT}`;
    }
    if (!isOperator(next, '(')) continue;
    const problem = callProblem(name, argumentsOf(tokens, at + 1));
    if (problem) return `${name.endsWith('CAST') ? 'A cast' : name} ${problem}`;
  }
  return undefined;
}
