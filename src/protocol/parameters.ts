/**
 * Session parameters with Snowflake's names and defaults (documentation page sql-reference/parameters).
 * The driver reads several of them from each answer, so every answer carries them all.
 */
export type ParameterValue = string | number | boolean;

const DEFAULTS: readonly (readonly [name: string, value: ParameterValue])[] = [
  ['AUTOCOMMIT', true],
  ['BINARY_INPUT_FORMAT', 'HEX'],
  ['BINARY_OUTPUT_FORMAT', 'HEX'],
  ['CLIENT_RESULT_CHUNK_SIZE', 160],
  ['CLIENT_SESSION_KEEP_ALIVE', false],
  ['CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY', 3600],
  ['CLIENT_STAGE_ARRAY_BINDING_THRESHOLD', 65280],
  ['DATE_INPUT_FORMAT', 'AUTO'],
  ['DATE_OUTPUT_FORMAT', 'YYYY-MM-DD'],
  ['ERROR_ON_NONDETERMINISTIC_MERGE', true],
  ['ERROR_ON_NONDETERMINISTIC_UPDATE', false],
  ['GEOGRAPHY_OUTPUT_FORMAT', 'GeoJSON'],
  ['DEFAULT_NULL_ORDERING', 'LAST'],
  ['GEOMETRY_OUTPUT_FORMAT', 'GeoJSON'],
  ['JS_TREAT_INTEGER_AS_BIGINT', false],
  ['MULTI_STATEMENT_COUNT', 1],
  ['QUERY_CONTEXT_CACHE_SIZE', 5],
  ['QUERY_TAG', ''],
  ['QUOTED_IDENTIFIERS_IGNORE_CASE', false],
  ['ROWS_PER_RESULTSET', 0],
  ['SEARCH_PATH', '$current, $public'],
  ['STATEMENT_TIMEOUT_IN_SECONDS', 172800],
  ['STRICT_JSON_OUTPUT', false],
  ['TIMESTAMP_DAY_IS_ALWAYS_24H', false],
  ['TIMESTAMP_INPUT_FORMAT', 'AUTO'],
  ['TIMESTAMP_LTZ_OUTPUT_FORMAT', ''],
  ['TIMESTAMP_NTZ_OUTPUT_FORMAT', 'YYYY-MM-DD HH24:MI:SS.FF3'],
  ['TIMESTAMP_OUTPUT_FORMAT', 'YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM'],
  ['TIMESTAMP_TYPE_MAPPING', 'TIMESTAMP_NTZ'],
  ['TIMESTAMP_TZ_OUTPUT_FORMAT', ''],
  ['TIMEZONE', 'America/Los_Angeles'],
  ['TIME_INPUT_FORMAT', 'AUTO'],
  ['TIME_OUTPUT_FORMAT', 'HH24:MI:SS'],
  ['TWO_DIGIT_CENTURY_START', 1970],
  ['USE_CACHED_RESULT', true],
  ['WEEK_OF_YEAR_POLICY', 0],
  ['WEEK_START', 0],
];

export class Parameters {
  readonly #values = new Map<string, ParameterValue>();
  /** What the account says instead of the defaults. */
  readonly #account: ReadonlyMap<string, ParameterValue>;

  constructor(account: Readonly<Record<string, ParameterValue>> = {}) {
    this.#account = new Map(Object.entries(account));
  }

  /** Booleans and numbers may come as text (the driver sends some so); they are kept in the type of their default. */
  set(name: string, value: unknown): void {
    if (value === null || value === undefined) return;
    const key = name.toUpperCase();
    const fallback = DEFAULTS.find(([candidate]) => candidate === key)?.[1];
    if (typeof fallback === 'boolean') this.#values.set(key, /^(true|on|1)$/i.test(String(value)));
    else if (typeof fallback === 'number') this.#values.set(key, Number(value));
    else if (typeof value === 'boolean' || typeof value === 'number') this.#values.set(key, value);
    else this.#values.set(key, String(value));
  }

  unset(name: string): void {
    this.#values.delete(name.toUpperCase());
  }

  get(name: string): ParameterValue | undefined {
    return this.#values.get(name) ?? this.#account.get(name) ?? DEFAULTS.find(([candidate]) => candidate === name)?.[1];
  }

  text(name: string): string {
    return String(this.get(name) ?? '');
  }

  number(name: string): number {
    return Number(this.get(name) ?? 0);
  }

  flag(name: string): boolean {
    return this.get(name) === true;
  }

  /** What an answer to the driver carries. */
  toWire(): { name: string; value: ParameterValue }[] {
    const names = new Set([...DEFAULTS.map(([name]) => name), ...this.#values.keys()]);
    return [...names].map((name) => ({ name, value: this.get(name) ?? '' }));
  }

  rows(): (readonly [name: string, value: string, fallback: string])[] {
    const names = new Set([...DEFAULTS.map(([name]) => name), ...this.#values.keys()]);
    return [...names]
      .sort()
      .map((name) => [name, this.text(name), String(DEFAULTS.find(([candidate]) => candidate === name)?.[1] ?? '')]);
  }
}
