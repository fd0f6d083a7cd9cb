/**
 * The state that every session of the gateway starts from, whatever the account or the user has (documentation pages parameters,
 * sql/alter-session). One list: what is set, what it would change if the account's own value held, and whether the configuration may say
 * otherwise. Statement parameters do the rest (the tag, the timeout), so that nothing of one agent stays for the next.
 */

export interface SessionParameter {
  readonly name: string;
  /** What is set where the configuration says nothing, as it stands in the statement; undefined leaves the account's. */
  readonly value: string | undefined;
  /** What would read or answer otherwise under another value. */
  readonly changes: string;
  /** Its key in the configuration, and what it may be there. */
  readonly open?: { readonly key: keyof SessionSettings; readonly pattern: RegExp };
}

/** What the configuration may say of sessions (`snowflake.session`). */
export interface SessionSettings {
  /** A name of the IANA time zone database. */
  readonly timezone?: string | undefined;
  /** 0 as Snowflake's own default, 1 (Monday) to 7 (Sunday). */
  readonly week_start?: number | undefined;
  readonly week_of_year_policy?: number | undefined;
  readonly timestamp_type_mapping?: string | undefined;
  readonly two_digit_century_start?: number | undefined;
}

const NAME = /^[A-Za-z0-9_+/-]{1,64}$/;
const text = (value: string): string => `'${value}'`;

/** In the order in which they are set. */
export const SESSION_PARAMETERS: readonly SessionParameter[] = [
  {
    name: 'QUOTED_IDENTIFIERS_IGNORE_CASE',
    value: 'FALSE',
    changes: 'which object and column a quoted name is',
  },
  { name: 'SEARCH_PATH', value: text('$current'), changes: 'in which schemas a short name is sought' },
  {
    name: 'MULTI_STATEMENT_COUNT',
    value: '1',
    changes: 'how many statements one text may hold',
  },
  { name: 'AUTOCOMMIT', value: 'TRUE', changes: 'whether a change stays without a COMMIT' },
  { name: 'ROWS_PER_RESULTSET', value: '0', changes: 'whether results are cut without a word' },
  {
    name: 'ERROR_ON_NONDETERMINISTIC_MERGE',
    value: 'TRUE',
    changes: 'whether a MERGE that meets a row twice is an error or takes any of the values',
  },
  {
    name: 'ERROR_ON_NONDETERMINISTIC_UPDATE',
    value: 'FALSE',
    changes: 'whether an UPDATE that meets a row twice is an error or takes any of the values',
  },
  // Decides with ORDER BY which rows a LIMIT, a TOP or a ROW_NUMBER() keeps (constructs/order-by).
  { name: 'DEFAULT_NULL_ORDERING', value: text('LAST'), changes: 'whether NULL is sorted before or after all values' },
  {
    name: 'WEEK_START',
    value: '0',
    changes: 'on which day weeks begin',
    open: { key: 'week_start', pattern: /^[0-7]$/ },
  },
  {
    name: 'WEEK_OF_YEAR_POLICY',
    value: '0',
    changes: 'to which year a week belongs',
    open: { key: 'week_of_year_policy', pattern: /^[01]$/ },
  },
  {
    name: 'TIMESTAMP_TYPE_MAPPING',
    value: text('TIMESTAMP_NTZ'),
    changes: 'whether TIMESTAMP has a zone',
    open: { key: 'timestamp_type_mapping', pattern: /^TIMESTAMP_(?:NTZ|LTZ|TZ)$/ },
  },
  {
    name: 'TIMESTAMP_DAY_IS_ALWAYS_24H',
    value: 'FALSE',
    changes: 'what a day is where clocks are put back or forward',
  },
  {
    name: 'TWO_DIGIT_CENTURY_START',
    value: '1970',
    changes: 'which century a year of two digits is in',
    open: { key: 'two_digit_century_start', pattern: /^(?:19\d\d|20\d\d|2100)$/ },
  },
  { name: 'DATE_INPUT_FORMAT', value: text('AUTO'), changes: 'how texts are read as dates' },
  { name: 'TIME_INPUT_FORMAT', value: text('AUTO'), changes: 'how texts are read as times' },
  { name: 'TIMESTAMP_INPUT_FORMAT', value: text('AUTO'), changes: 'how texts are read as timestamps' },
  { name: 'BINARY_INPUT_FORMAT', value: text('HEX'), changes: 'how texts are read as bytes' },
  { name: 'BINARY_OUTPUT_FORMAT', value: text('HEX'), changes: 'how bytes are written' },
  { name: 'STRICT_JSON_OUTPUT', value: 'TRUE', changes: 'whether every VARIANT is JSON that can be read' },
  { name: 'GEOGRAPHY_OUTPUT_FORMAT', value: text('GeoJSON'), changes: 'how geography is written' },
  { name: 'GEOMETRY_OUTPUT_FORMAT', value: text('GeoJSON'), changes: 'how geometry is written' },
  { name: 'DATE_OUTPUT_FORMAT', value: text('YYYY-MM-DD'), changes: 'how dates are written' },
  { name: 'TIME_OUTPUT_FORMAT', value: text('HH24:MI:SS.FF9'), changes: 'how times are written' },
  {
    name: 'TIMESTAMP_NTZ_OUTPUT_FORMAT',
    value: text('YYYY-MM-DD HH24:MI:SS.FF9'),
    changes: 'how timestamps are written',
  },
  {
    name: 'TIMESTAMP_LTZ_OUTPUT_FORMAT',
    value: text('YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'),
    changes: 'how timestamps are written',
  },
  {
    name: 'TIMESTAMP_TZ_OUTPUT_FORMAT',
    value: text('YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'),
    changes: 'how timestamps are written',
  },
  {
    // The account's, unless it is said: today is the same day for an agent and for everybody else who works there (functions/current_date).
    name: 'TIMEZONE',
    value: undefined,
    changes: 'what day and hour it is, and how times with a zone are shown',
    open: { key: 'timezone', pattern: NAME },
  },
];

/** As it is set; undefined where the account's stays. Throws where a configured value is none that may stand there. */
function literalOf({ name, value, open }: SessionParameter, settings: SessionSettings): string | undefined {
  const own = open && settings[open.key];
  if (open === undefined || own === undefined) return value;
  if (!open.pattern.test(String(own))) throw new Error(`${name} can't be ${String(own)}.`);
  return typeof own === 'number' ? String(own) : text(own);
}

/** Parameters with the values that sessions have, of those that are set. */
export const sessionValues = (settings: SessionSettings): readonly (SessionParameter & { readonly set: string })[] =>
  SESSION_PARAMETERS.flatMap((parameter) => {
    const set = literalOf(parameter, settings);
    return set === undefined ? [] : [{ ...parameter, set }];
  });

/** Statements that bring a new session into its state. No other role counts than the policy's (sql/use-secondary-roles). */
export const setUpOf = (settings: SessionSettings): readonly string[] => [
  `ALTER SESSION SET ${sessionValues(settings)
    .map(({ name, set }) => `${name} = ${set}`)
    .join(', ')}`,
  'USE SECONDARY ROLES NONE',
];

/** Gives a session back what the account or the user has. */
export const UNSET = `ALTER SESSION UNSET ${SESSION_PARAMETERS.map(({ name }) => name).join(', ')}`;
/** Values and where they come from, of the session (sql/show-parameters). */
export const SHOW_PARAMETERS = 'SHOW PARAMETERS';

const escaped = (value: string): string => value.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
const formOf = ({ value, open }: SessionParameter): string => {
  const own = open && `'?${open.pattern.source.replaceAll(/^\^|\$$/g, '')}'?`;
  return [value === undefined ? undefined : escaped(value), own].filter((part) => part !== undefined).join('|');
};
/** A set-up of this version's, whatever the configuration said then: every parameter in its order, what is not always set left out or not. */
const SET_UP = new RegExp(
  `^ALTER SESSION SET ${SESSION_PARAMETERS.map((parameter, at) => {
    const one = `${at === 0 ? '' : ', '}${parameter.name} = (?:${formOf(parameter)})`;
    return parameter.value === undefined ? `(?:${one})?` : one;
  }).join('')}$`,
);
/** Of versions before the list. */
const EARLIER =
  /^ALTER SESSION SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE, SEARCH_PATH = '\$current', STRICT_JSON_OUTPUT = TRUE(?:, [A-Z_]+_OUTPUT_FORMAT = '[A-Z0-9:. -]+')+$/;

/** Whether a text is one of those that set up a session or look at its parameters. */
export const isSessionQuestion = (sent: string): boolean =>
  sent === 'USE SECONDARY ROLES NONE' ||
  sent === UNSET ||
  sent === SHOW_PARAMETERS ||
  SET_UP.test(sent) ||
  EARLIER.test(sent);
