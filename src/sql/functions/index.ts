/**
 * All functions of Snowflake's own, by the name as written (documentation page functions-all).
 * A name that is not here is nobody's but a user's: it calls what stands in the search path.
 */
import type { FunctionClass, ListedFunction, SnowflakeFunction } from './classes.js';
import { LISTED, LISTED_DATE_PARTS } from './list.js';

export type { FunctionClass, SnowflakeFunction } from './classes.js';
export { FUNCTION_CLASSES } from './classes.js';

const filled = (listed: ListedFunction): SnowflakeFunction => ({
  ...listed,
  most: listed.most,
  named: listed.named ?? [],
  isTable: listed.isTable ?? false,
  noBrackets: listed.noBrackets ?? false,
  page: listed.page ?? `functions/${listed.name.toLowerCase()}`,
});

/** @public The whole list, in the order of the names. */
export const SNOWFLAKE_FUNCTIONS: readonly SnowflakeFunction[] = LISTED.map(filled);

const INFORMATION_SCHEMA = 'INFORMATION_SCHEMA.';

const byName = new Map<string, SnowflakeFunction>(SNOWFLAKE_FUNCTIONS.map((one) => [one.name, one]));

/**
 * A table function of the Information Schema is called by two parts, by three with a database before them, and by its
 * bare name where that schema is in use (documentation page info-schema).
 */
const ofInformationSchema = (name: string): SnowflakeFunction | undefined => {
  const found = byName.get(`${INFORMATION_SCHEMA}${name}`) ?? byName.get(name);
  return found?.isTable === true ? found : undefined;
};

/**
 * @public
 * @param name folded, its parts joined by dots: `ABS`, `SNOWFLAKE.CORTEX.COMPLETE`, `DB.INFORMATION_SCHEMA.QUERY_HISTORY`
 * @returns the function of Snowflake's own of that name; undefined if there is none, so that the call is of a user's
 */
export const snowflakeFunction = (name: string): SnowflakeFunction | undefined => {
  const parts = name.split('.');
  const last = parts.at(-1) ?? '';
  const inSchema = parts.length === 1 || (parts.length <= 3 && parts.at(-2) === 'INFORMATION_SCHEMA');
  return byName.get(name) ?? (inSchema ? ofInformationSchema(last) : undefined);
};

/** @public Names and abbreviations of date and time parts (documentation page functions-date-time). */
export const DATE_PARTS: ReadonlySet<string> = new Set(LISTED_DATE_PARTS);

const PURE: ReadonlySet<FunctionClass> = new Set(['pure', 'aggregate', 'window', 'random', 'time']);

/** Whether a function of this class reads nothing but its arguments, the clock and chance. */
export const isPure = (kind: FunctionClass): boolean => PURE.has(kind);
