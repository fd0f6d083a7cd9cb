/**
 * Values into types, with Snowflake's own words where one does not fit (texts as mlorek/frostlake's tests have them, compared with an account; those
 * of hexadecimal digits from sql-reference/binary-examples). `w` is what stands before these words: where a change fails it is the table and the
 * column, `DML operation to table T failed on column C with error: ` (developer-guide/sql-api/submitting-multiple-statements).
 *
 * As DuckDB macros. An argument that is looked at twice is computed once, as the one item of a list: it may be a random number.
 */

/** In `of`: `r.v` for the value, `r.t` for its type's name, and of a VARIANT its text, `r.j`. A sub-query may stand in no lambda itself. */
const once = (value: string, of: string): string =>
  `list_transform([{'v': ${value}, 't': typeof(x), 'j': CASE typeof(x) WHEN 'JSON' THEN x::VARCHAR END}], lambda r: ${of})[1]`;
const quoted = (before: string, after: string): string => `'${before} ''' || r.v || ''' ${after}'`;
const variant = (type: string): string => `'Failed to cast variant value ' || r.j || ' to ${type}'`;
/** By where it comes from: a VARIANT, or anything else. */
const unreadable = (type: string, other: string): string =>
  `CASE r.t WHEN 'JSON' THEN ${variant(type)} ELSE ${other} END`;

const NOT_A_NUMBER = quoted('Numeric value', 'is not recognized');
const NOT_A_BOOLEAN = quoted('Boolean value', 'is not recognized');
const NOT_A_TIME = quoted('Time', 'is not recognized');
const TOO_LONG = quoted('String', 'is too long and would be truncated');

/** What a number is told by that is too large: its storage follows the value, in bytes. */
const OUT_OF_RANGE = `CASE r.t WHEN 'VARCHAR' THEN ${quoted('Numeric value', 'is out of range')}
  WHEN 'JSON' THEN 'Number out of representable range: type FIXED, value ' || r.v
  ELSE 'Number out of representable range: type FIXED[SB' || sf_bytes(r.v, s) || '](' || p || ',' || s || '){nullable}, value ' || r.v END`;

/** A text that DuckDB's own cast takes, or the words for one that it does not. */
const checked = (value: string, duck: string, words: string): string =>
  once(value, `CASE WHEN r.v IS NOT NULL AND try_cast(r.v AS ${duck}) IS NULL THEN error(w || ${words}) ELSE r.v END`);

export const CONVERSIONS: readonly string[] = [
  `sf_plain(x) AS CASE typeof(x) WHEN 'JSON' THEN try_cast(x AS JSON) ->> '$' ELSE x::VARCHAR END`,
  `sf_bytes(v, s) AS CASE WHEN abs(try_cast(v AS DOUBLE)) * pow(10, s) < 128 THEN 1 WHEN abs(try_cast(v AS DOUBLE)) * pow(10, s) < 32768 THEN 2
    WHEN abs(try_cast(v AS DOUBLE)) * pow(10, s) < 2147483648 THEN 4 WHEN abs(try_cast(v AS DOUBLE)) * pow(10, s) < 9.2e18 THEN 8 ELSE 16 END`,
  // A longer text is an error (functions/cast).
  `sf_store_text(x, n, w) AS ${once('sf_text(x)', `CASE WHEN length(r.v) > n THEN error(w || ${TOO_LONG}) ELSE r.v END`)}`,
  `sf_text_of(x, n) AS sf_store_text(x, n, '')`,
  `sf_try_text_of(x, n) AS ${once('sf_text(x)', 'CASE WHEN length(r.v) <= n THEN r.v END')}`,
  // Digits before the point are as many as precision and scale leave (data-types-numeric); what only rounding makes too long DuckDB finds.
  `sf_store_fixed(x, p, s, w) AS ${once(
    'sf_digits(x)',
    `CASE WHEN r.v IS NULL THEN r.v WHEN try_cast(r.v AS DOUBLE) IS NULL THEN error(w || ${unreadable('FIXED', NOT_A_NUMBER)})
      WHEN regexp_full_match(r.v, '[+-]?[0-9]*([.][0-9]*)?') AND length(ltrim(regexp_extract(r.v, '^[+-]?([0-9]*)', 1), '0')) > p - s THEN error(w || ${OUT_OF_RANGE}) ELSE r.v END`,
  )}`,
  `sf_fixed_of(x JSON) AS ${once('sf_digits(x)', `CASE WHEN r.v IS NOT NULL AND try_cast(r.v AS DOUBLE) IS NULL THEN error(${variant('FIXED')}) ELSE r.v END`)}, (x VARCHAR) AS x, (x) AS sf_digits(x)`,
  `sf_store_real(x, w) AS ${checked('sf_plain(x)', 'DOUBLE', unreadable('REAL', NOT_A_NUMBER))}`,
  `sf_real_of(x JSON) AS sf_store_real(x, ''), (x VARCHAR) AS x, (x) AS x`,
  `sf_store_boolean(x, w) AS CASE WHEN typeof(x) IN ('VARCHAR', 'JSON') THEN try_cast(${checked('sf_plain(x)', 'BOOLEAN', unreadable('BOOLEAN', NOT_A_BOOLEAN))} AS BOOLEAN)
    ELSE try_cast(x AS BOOLEAN) END`,
  `sf_boolean_of(x JSON) AS sf_store_boolean(x, ''), (x VARCHAR) AS sf_store_boolean(x, ''), (x) AS x`,
  `sf_store_date(x, w) AS CASE WHEN typeof(x) IN ('VARCHAR', 'JSON') THEN sf_js_ntz(x::VARCHAR, CASE typeof(x) WHEN 'JSON' THEN 'variant DATE' ELSE 'Date' END, w)::DATE
    ELSE try_cast(x::VARCHAR AS TIMESTAMP)::DATE END`,
  `sf_date(x) AS sf_store_date(x, '')`,
  `sf_store_time(x, w) AS ${checked('left(sf_plain(x), 15)', 'TIME', unreadable('TIME', NOT_A_TIME))}::TIME`,
  `sf_time(x) AS sf_store_time(x, '')`,
  ...['', ', w'].flatMap((more) => {
    const [name, where] = more === '' ? ['sf_', "''"] : ['sf_store_', 'w'];
    const what = (type: string): string => `CASE typeof(x) WHEN 'JSON' THEN 'variant ${type}' ELSE 'Timestamp' END`;
    return [
      `${name}ntz(x TIMESTAMP${more}) AS x, (x DATE${more}) AS x::TIMESTAMP, (x TIMESTAMPTZ${more}) AS x::TIMESTAMP,
        (x${more}) AS sf_js_ntz(x::VARCHAR, ${what('TIMESTAMP_NTZ')}, ${where})`,
      `${name}ltz(x TIMESTAMPTZ${more}) AS x, (x TIMESTAMP${more}) AS x::TIMESTAMPTZ, (x DATE${more}) AS x::TIMESTAMPTZ,
        (x${more}) AS sf_js_ltz(x::VARCHAR, current_setting('TimeZone'), ${what('TIMESTAMP_LTZ')}, ${where})`,
    ];
  }),
  `sf_unhex(x, w) AS ${once('x', `CASE WHEN regexp_full_match(r.v, '([0-9A-Fa-f]{2})*') THEN unhex(r.v) WHEN r.v IS NOT NULL THEN error(w || ${quoted('The following string is not a legal hex-encoded value:', '').replace(/ '$/, "'")}) END`)}`,
  `sf_to_binary(x, f := 'HEX') AS CASE upper(f) WHEN 'HEX' THEN sf_unhex(x::VARCHAR, '') WHEN 'BASE64' THEN from_base64(x::VARCHAR) ELSE encode(x::VARCHAR) END`,
  // In bytes (data-types-text). How Snowflake words it of a BINARY is not written: as of a text, by its digits.
  `sf_store_binary(x BLOB, n, w) AS ${once('x', `CASE WHEN octet_length(r.v) > n THEN error(w || 'String ''' || hex(r.v) || ''' is too long and would be truncated') ELSE r.v END`)},
    (x, n, w) AS ${once('sf_unhex(x::VARCHAR, w)', `CASE WHEN octet_length(r.v) > n THEN error(w || 'String ''' || hex(r.v) || ''' is too long and would be truncated') ELSE r.v END`)}`,
];
