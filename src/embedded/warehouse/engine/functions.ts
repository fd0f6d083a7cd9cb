/**
 * Functions that Snowflake has and DuckDB lacks or gives another meaning, as DuckDB macros, and as JavaScript functions
 * where SQL can't say it (date formats, number formats, lenient time stamps).
 */

import { createHmac } from 'node:crypto';
import {
  type DuckDBConnection,
  DuckDBScalarFunction,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import { CONVERSIONS } from './conversions.js';
import { formatNumber, formatTime, type ParsedTimestamp, parseTimestamp, zoneOffsetMinutes } from './formats.js';

const DATE_PARTS = ['day', 'week', 'month', 'quarter', 'year'] as const;
const CLOCK_PARTS = ['hour', 'minute', 'second', 'millisecond', 'microsecond'] as const;

const addDate = (type: string, cast: string): string =>
  `(p, n, d ${type}) AS (CASE p WHEN 'day' THEN d + to_days(n::INT) WHEN 'week' THEN d + to_days(7 * n::INT)
    WHEN 'month' THEN d + to_months(n::INT) WHEN 'quarter' THEN d + to_months(3 * n::INT) ELSE d + to_years(n::INT) END)::${cast}`;

/** `CREATE OR REPLACE MACRO` texts; those without typed overloads take anything. */
const MACROS: readonly string[] = [
  // Semi-structured values are DuckDB's JSON.
  `sf_unwrap(x JSON) AS (x ->> '$'), (x VARCHAR) AS x, (x) AS x`,
  // As texts, which numbers of 38 digits stay exact in: DuckDB would take a DECIMAL for JSON, and so for a double.
  `sf_text(x) AS CASE WHEN typeof(x) = 'JSON' THEN try_cast(x AS JSON) ->> '$' WHEN typeof(x) LIKE 'TIME%' THEN sf_js_to_char(typeof(x), x::VARCHAR, '') ELSE x::VARCHAR END`,
  `sf_digits(x) AS CASE typeof(x) WHEN 'JSON' THEN try_cast(x AS JSON) ->> '$' WHEN 'BOOLEAN' THEN CASE x::VARCHAR WHEN 'true' THEN '1' WHEN 'false' THEN '0' END ELSE x::VARCHAR END`,
  `sf_path(x, p) AS json_extract(to_json(x), p)`,
  `sf_get(x, k) AS json_extract(to_json(x), CASE WHEN typeof(k) = 'VARCHAR' THEN '$."' || k::VARCHAR || '"' ELSE '$[' || k::VARCHAR || ']' END)`,
  `sf_split(s, d) AS to_json(string_split(s, d))`,
  `sf_object_agg(k, v) AS json_group_object(k, to_json(v))`,
  `sf_array_size(a) AS json_array_length(to_json(a))`,
  `sf_array_contains(v, a) AS list_contains(list_transform(from_json(to_json(a), '["JSON"]'), lambda e: e::VARCHAR), to_json(v)::VARCHAR)`,
  `sf_to_variant(x) AS to_json(x)`,
  `sf_object_keys(o) AS to_json(json_keys(to_json(o)))`,
  // A SQL NULL for a value leaves the key out (functions/object_insert).
  `sf_object_insert(o, k, v) AS sf_js_object(CASE WHEN v IS NULL THEN 'delete' ELSE 'insert' END, to_json(o)::VARCHAR, k, coalesce(to_json(v)::VARCHAR, 'null'))::JSON,
    (o, k, v, u) AS sf_js_object(CASE WHEN v IS NULL THEN 'delete' WHEN u THEN 'update' ELSE 'insert' END, to_json(o)::VARCHAR, k, coalesce(to_json(v)::VARCHAR, 'null'))::JSON`,
  `sf_object_delete(o, k) AS sf_js_object('delete', to_json(o)::VARCHAR, k, 'null')::JSON`,
  `sf_as_object(x) AS CASE WHEN json_type(to_json(x)) = 'OBJECT' THEN to_json(x) END`,
  `sf_is_object(x) AS json_type(to_json(x)) = 'OBJECT'`,
  `sf_is_array(x) AS json_type(to_json(x)) = 'ARRAY'`,
  `sf_typeof(j) AS CASE json_type(to_json(j)) WHEN 'UBIGINT' THEN 'INTEGER' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'DOUBLE' THEN 'DECIMAL' WHEN 'NULL' THEN 'NULL_VALUE' ELSE json_type(to_json(j)) END`,
  `sf_try_parse_json(x) AS CASE WHEN json_valid(x) THEN x::JSON END`,
  `sf_parse_json(x) AS sf_js_json(x::VARCHAR)::JSON`,
  // Numbers.
  `sf_div(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') WHEN typeof(a) IN ('DOUBLE', 'FLOAT') OR typeof(b) IN ('DOUBLE', 'FLOAT') THEN a / b ELSE round(a / b, 6) END`,
  `sf_width_bucket(x, lo, hi, n) AS CASE WHEN x < lo THEN 0 WHEN x >= hi THEN n + 1 ELSE floor((x - lo) * n / (hi - lo))::INT + 1 END`,
  `sf_uniform(lo, hi, g) AS lo + CAST(floor(random() * (hi - lo + 1)) AS BIGINT)`,
  `sf_random() AS CAST(floor((random() - 0.5) * 18014398509481984) AS BIGINT)`,
  `sf_randstr(n, g) AS left(md5(random()::VARCHAR) || md5(random()::VARCHAR) || md5(random()::VARCHAR), n)`,
  `sf_to_char(x, f) AS sf_js_to_char(typeof(x), x::VARCHAR, f)`,
  // Texts.
  `sf_insert(s, p, n, r) AS left(s, (p - 1)::INT) || r || substr(s, (p + n)::INT)`,
  `initcap(x) AS array_to_string(list_transform(string_split(lower(x), ' '), lambda w: upper(left(w, 1)) || substr(w, 2)), ' ')`,
  `startswith(a, b) AS starts_with(a, b)`,
  `endswith(a, b) AS ends_with(a, b)`,
  `sf_sha2(x, n := 256) AS sha256(x::VARCHAR)`,
  `sf_hex_encode(x) AS hex(x::VARCHAR)`,
  `sf_concat(a, b) AS a::VARCHAR || b::VARCHAR`,
  `try_to_binary(x, f := 'HEX') AS CASE upper(f) WHEN 'HEX' THEN unhex(x) WHEN 'BASE64' THEN from_base64(x) ELSE encode(x) END`,
  // Dates and times.
  'sf_now() AS now()',
  `sf_datediff(p, a, b) AS CASE p WHEN 'week' THEN date_diff('day', date_trunc('week', a::TIMESTAMP), date_trunc('week', b::TIMESTAMP)) // 7 ELSE date_diff(p, a::TIMESTAMP, b::TIMESTAMP) END`,
  `sf_dateadd_date${addDate('DATE', 'DATE')}, ${addDate('TIMESTAMP', 'TIMESTAMP')}, ${addDate('TIMESTAMPTZ', 'TIMESTAMPTZ')}`,
  `sf_dateadd_clock(p, n, d TIMESTAMPTZ) AS d + (CASE p ${CLOCK_PARTS.map((p) => `WHEN '${p}' THEN to_${p}s(n::INT)`).join(' ')} END), (p, n, d) AS d::TIMESTAMP + (CASE p ${CLOCK_PARTS.map((p) => `WHEN '${p}' THEN to_${p}s(n::INT)`).join(' ')} END)`,
  `sf_date_trunc(p, d DATE) AS date_trunc(p, d)::DATE, (p, d TIMESTAMP) AS date_trunc(p, d), (p, d TIMESTAMPTZ) AS date_trunc(p, d)`,
  `sf_week_from(n, d DATE) AS date_trunc('week', d - n::INT)::DATE + n::INT, (n, d TIMESTAMP) AS date_trunc('week', d - to_days(n::INT)) + to_days(n::INT), (n, d TIMESTAMPTZ) AS date_trunc('week', d - to_days(n::INT)) + to_days(n::INT)`,
  // The offset is not kept: the same moment, shown in the session's zone (functions/convert_timezone has the zone's own).
  `sf_in_zone(z, x) AS x::TIMESTAMPTZ`,
  `sf_date_trunc_in(p, z, x) AS timezone(z, date_trunc(p, timezone(z, x::TIMESTAMPTZ)))`,
  `sf_last_day(d) AS last_day(d::TIMESTAMP::DATE)`,
];

const TABLE_MACROS: readonly string[] = [
  `sf_flatten(x) AS TABLE SELECT 1 AS "SEQ", CASE WHEN json_type(x) = 'ARRAY' THEN NULL ELSE key END AS "KEY", substr(fullkey, 3) AS "PATH",
    CASE WHEN json_type(x) = 'ARRAY' THEN try_cast(key AS BIGINT) END AS "INDEX", value AS "VALUE", x AS "THIS" FROM json_each(to_json(x)) ORDER BY id`,
];

/** Makes macros and functions in the database that the connection is in. */
export async function installFunctions(connection: DuckDBConnection, hashKey: string): Promise<void> {
  for (const scalar of scalarFunctions(hashKey)) connection.registerScalarFunction(scalar);
  for (const macro of [...MACROS, ...CONVERSIONS, ...TABLE_MACROS])
    await connection.run(`CREATE OR REPLACE MACRO ${macro}`);
}

export const isDatePart = (part: string): boolean => DATE_PARTS.some((known) => known === part);
export const isClockPart = (part: string): boolean => CLOCK_PARTS.some((known) => known === part);

/** PARSE_JSON takes unquoted keys and single quotes (its documentation page); DuckDB's JSON doesn't. */
function strictJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    const strict = text.replace(
      /'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*"|([{,]\s*)([A-Za-z_$][\w$]*)\s*:/g,
      (whole: string, single?: string, before?: string, key?: string) => {
        if (key !== undefined) return `${before ?? ''}"${key}":`;
        return single === undefined ? whole : JSON.stringify(single);
      },
    );
    try {
      JSON.parse(strict);
    } catch {
      throw new Error(`Error parsing JSON: ${text.slice(0, 100)}`);
    }
    return strict;
  }
}

/** OBJECT_INSERT and OBJECT_DELETE over JSON text (documentation pages functions/object_insert, functions/object_delete). */
function changeObject(how: string, text: string, key: string, value: string): string {
  const object = JSON.parse(text) as unknown;
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw new Error(`Failed to cast variant value ${text.slice(0, 100)} to OBJECT`);
  const entries = new Map(Object.entries(object));
  if (how === 'insert' && entries.has(key)) throw new Error(`Duplicate field key '${key}'`);
  if (how === 'delete') entries.delete(key);
  else entries.set(key, JSON.parse(value));
  // Snowflake keeps the keys of an object in their order as text.
  return JSON.stringify(Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1))));
}

/** `what` it was to be: `Date`, `Timestamp`, or `variant` and a type, where it is a VARIANT's. */
function timestampOf(text: string, what: string, where: string): ParsedTimestamp {
  const parsed = parseTimestamp(text);
  if (parsed) return parsed;
  const [first, type] = what.split(' ');
  throw new Error(
    type === undefined
      ? `${where}${first ?? ''} '${text}' is not recognized`
      : `${where}Failed to cast variant value ${text} to ${type}`,
  );
}

/** A function of DuckDB's that is computed row by row: `of` its arguments. */
const rowByRow = (
  name: string,
  parameterTypes: readonly DuckDBType[],
  returnType: DuckDBType,
  of: (...values: readonly DuckDBValue[]) => DuckDBValue,
): DuckDBScalarFunction =>
  DuckDBScalarFunction.create({
    name,
    returnType,
    parameterTypes,
    mainFunction: (_info, input, output) => {
      const columns = parameterTypes.map((_type, at) => input.getColumnVector(at));
      for (let row = 0; row < input.rowCount; row++)
        output.setItem(row, of(...columns.map((column) => column.getItem(row))));
      output.flush();
    },
  });

const scalarFunctions = (hashKey: string): DuckDBScalarFunction[] => [
  rowByRow('sf_keyed_hash', [VARCHAR], VARCHAR, (value) =>
    value === null ? null : createHmac('sha256', hashKey).update(String(value)).digest('hex'),
  ),
  rowByRow('sf_js_object', [VARCHAR, VARCHAR, VARCHAR, VARCHAR], VARCHAR, (how, object, key, value) =>
    object === null ? null : changeObject(String(how), String(object), String(key), String(value)),
  ),
  rowByRow('sf_js_to_char', [VARCHAR, VARCHAR, VARCHAR], VARCHAR, (type, value, format) => {
    if (value === null) return null;
    return /^(?:DATE|TIME)/.test(String(type))
      ? formatTime(String(type), String(value), String(format))
      : formatNumber(String(value), String(format));
  }),
  rowByRow('sf_js_json', [VARCHAR], VARCHAR, (value) => (value === null ? null : strictJson(String(value)))),
  rowByRow('sf_js_ntz', [VARCHAR, VARCHAR, VARCHAR], TIMESTAMP, (value, what, where) =>
    value === null ? null : new DuckDBTimestampValue(timestampOf(String(value), String(what), String(where)).wall),
  ),
  rowByRow('sf_js_ltz', [VARCHAR, VARCHAR, VARCHAR, VARCHAR], TIMESTAMPTZ, (value, zone, what, where) => {
    if (value === null) return null;
    const { wall, offsetMinutes } = timestampOf(String(value), String(what), String(where));
    const minutes = offsetMinutes ?? zoneOffsetMinutes(String(zone), Number(wall / 1000n), true);
    return new DuckDBTimestampTZValue(wall - BigInt(minutes) * 60_000_000n);
  }),
];
