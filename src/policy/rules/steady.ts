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
import { isOperator, type Token } from '../../sql/index.js';
import { argumentsOf, calledName, castBefore, castWithin, isMoment } from './moments.js';

const NOW =
  "Write SYSDATE(), which is in UTC in every session, or CONVERT_TIMEZONE('UTC', 'Europe/Berlin', SYSDATE()) for another zone.";
const FORMAT =
  "Name the format, as in TO_DATE('2026-01-31', 'YYYY-MM-DD'), or make the value with DATE_FROM_PARTS(2026, 1, 31). A column itself needs none.";
const WHO = 'Write the value itself, or a template such as {principal.subject}.';
const PARTS = "Write the part itself, such as 'month', in its place.";
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
  ...['TIMESTAMP', 'TIMESTAMP_LTZ', 'TIMESTAMP_TZ']
    .flatMap((name) => [`${name}_FROM_PARTS`, `${name.replaceAll('_', '')}FROMPARTS`])
    .map((name) => [name, 'goes by the session. Write TIMESTAMP_NTZ_FROM_PARTS.'] as const),
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

/** Of a text and no format these go by the session's input formats. */
const NEEDS_FORMAT: ReadonlySet<string> = new Set(
  ['TO_DATE', 'DATE', 'TO_TIME', 'TIME', 'TO_TIMESTAMP_NTZ', 'TO_BINARY'].flatMap((name) => [name, `TRY_${name}`]),
);

/** Where among the arguments the part is, which may be a week (page functions-date-time, "supported date and time parts"). */
const TAKES_PART: ReadonlyMap<string, number> = new Map([
  ...['DATE_TRUNC', 'DATE_PART', 'EXTRACT', 'DATEDIFF', 'TIMEDIFF', 'TIMESTAMPDIFF'].map((name) => [name, 0] as const),
  ...['TRUNC', 'TRUNCATE', 'LAST_DAY'].map((name) => [name, 1] as const),
  ['TIME_SLICE', 2],
]);
const WEEK_PART =
  /^(?:WEEK|W|WK|WEEKOFYEAR|WOY|WY|WEEK_OF_YEAR|DAYOFWEEK|DAY_OF_WEEK|WEEKDAY|DOW|DW|YEAROFWEEK|YEAR_OF_WEEK)$/i;
/** All others of that page, which mean the same in every session. */
const STEADY_PARTS: ReadonlySet<string> = new Set(
  `YEAR Y YY YYY YYYY YR YEARS YRS MONTH MM MON MONS MONTHS DAY D DD DAYS DAYOFMONTH DAYOFWEEK_ISO DAYOFWEEKISO WEEKDAY_ISO DOW_ISO DW_ISO
  DAYOFYEAR YEARDAY DOY DY WEEK_ISO WEEKISO WEEKOFYEARISO WEEKOFYEAR_ISO QUARTER Q QTR QTRS QUARTERS YEAROFWEEKISO HOUR H HH HR HOURS HRS
  MINUTE M MI MIN MINUTES MINS SECOND S SEC SECONDS SECS MILLISECOND MS MSEC MILLISECONDS MICROSECOND US USEC MICROSECONDS NANOSECOND NS
  NSEC NANOSEC NSECOND NANOSECONDS NANOSECS NSECONDS EPOCH_SECOND EPOCH EPOCH_SECONDS EPOCH_MILLISECOND EPOCH_MILLISECONDS
  EPOCH_MICROSECOND EPOCH_MICROSECONDS EPOCH_NANOSECOND EPOCH_NANOSECONDS TIMEZONE_HOUR TZH TIMEZONE_MINUTE TZM`.split(
    /\s+/,
  ),
);

const TIMES = /^(?:DATE|TIME|DATETIME|TIMESTAMP(?:_?(?:NTZ|LTZ|TZ))?|BINARY|VARBINARY)$/i;
const ZONED = /^TIMESTAMP(?:_?L?TZ)?$/i;

const textOf = (token: Token | undefined): string =>
  token === undefined ? '' : token.kind === 'word' ? token.text : token.text.replace(/^(?:'|")|(?:'|")$/g, '');

/** What is wrong with the part that a call takes: it has to stand there itself, since what makes one could make a week. */
function partProblem(name: string, given: readonly (readonly Token[])[]): string | undefined {
  const at = TAKES_PART.get(name);
  if (at === undefined) return undefined;
  const isWeek = given.some(
    (part) =>
      (part.length === 1 || name === 'EXTRACT') && part[0]?.kind !== 'quoted' && WEEK_PART.test(textOf(part[0])),
  );
  if (isWeek) return `by weeks goes by the session's first day of the week. ${WEEKS}`;
  const part = given[at];
  // A number is cut without a part, or to so many digits, and a date to its month where nothing is said.
  if (part === undefined) return undefined;
  const [first, second] = part;
  const isFrom = name === 'EXTRACT' && second?.kind === 'word' && /^FROM$/i.test(second.text);
  const isAlone = part.length === 1 || isFrom;
  if (isAlone && first?.kind !== 'quoted' && STEADY_PARTS.has(textOf(first).toUpperCase())) return undefined;
  const digits = isOperator(first, '-') ? part.slice(1) : part;
  if (name.startsWith('TRUNC') && digits.length === 1 && digits[0]?.kind === 'number') return undefined;
  return `by a part that is not spelled out may go by the session's first day of the week. ${PARTS}`;
}

function callProblem(name: string, given: readonly (readonly Token[])[]): string | undefined {
  const known = CALLED.get(name);
  if (known) return known;
  if (name.startsWith('CURRENT_')) return `tells about the connection, which is shared. ${WHO}`;
  const [first = []] = given;
  if (NEEDS_FORMAT.has(name) && given.length === 1 && !isMoment(first))
    return `of a text goes by the session's input format. ${FORMAT}`;
  if (name === 'CONVERT_TIMEZONE' && given.length === 2)
    return "with two arguments may go by the session's time zone. Name the zone that the value is in first.";
  const cast = /^(?:TRY_)?CAST$/.test(name) ? castWithin(first) : undefined;
  return cast ? castProblem(cast.value, cast.type) : partProblem(name, given);
}

function castProblem(value: readonly Token[], type: Token | undefined): string | undefined {
  const name = textOf(type).toUpperCase();
  if (ZONED.test(name)) return `to ${name} goes by the session. Cast to TIMESTAMP_NTZ.`;
  if (TIMES.test(name) && !isMoment(value)) return `of a text to ${name} goes by the session's input format. ${FORMAT}`;
  return undefined;
}

/** What in a predicate goes by the session, and what to write instead; undefined where nothing that can be told does. */
export function unsteady(tokens: readonly Token[]): string | undefined {
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (isOperator(token, '::')) {
      const problem = castProblem(castBefore(tokens, at), next);
      if (problem) return `A cast ${problem}`;
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') continue;
    // A part of a longer name: a column of that name, or a function of the user's own.
    if (isOperator(tokens[at - 1], '.')) continue;
    const name = calledName(token);
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
