/** DuckDB's errors as Snowflake's. */
import {
  ambiguousColumn,
  COMPILER_CODES,
  cancelled,
  type ErrorCode,
  existingObject,
  invalidIdentifier,
  missingContainer,
  missingObject,
  notGrouped,
  RUN_CODES,
  SnowflakeError,
  syntaxError,
  unknownFunction,
} from '../../../protocol/index.js';

export const unsupported = (feature: string): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.unsupportedFeature,
    `Unsupported feature '${feature}' (in the embedded warehouse).`,
  );

/** What went wrong below and has no counterpart there. */
const OTHER: ErrorCode = { code: '002999', sqlState: '42000' };

type Rule = readonly [pattern: RegExp, make: (match: RegExpExecArray) => SnowflakeError];

const group = (match: RegExpExecArray, index: number): string => (match[index] ?? '').trim();

const unrecognized = (code: ErrorCode, what: string, match: RegExpExecArray): SnowflakeError =>
  new SnowflakeError(code, `${what} '${match[1] ?? ''}' is not recognized`);

/** Storage follows the value: one, two, four, eight or sixteen bytes (mlorek/frostlake, tests compared with an account). */
function tooLarge(value: string, precision: string, scale: string): SnowflakeError {
  const size = Math.abs(Number(value)) * 10 ** Number(scale);
  const bytes = size < 2 ** 7 ? 1 : size < 2 ** 15 ? 2 : size < 2 ** 31 ? 4 : size < 2 ** 63 ? 8 : 16;
  return new SnowflakeError(
    RUN_CODES.numberOutOfRange,
    `Number out of representable range: type FIXED[SB${bytes}](${precision},${scale}){nullable}, value ${value}`,
  );
}

/** What the conversions say in Snowflake's words already (`conversions.ts`), with the code of each. */
const SAID: readonly (readonly [words: RegExp, code: ErrorCode])[] = [
  [/^Failed to cast variant value .* to \w+$/s, RUN_CODES.variantNotCast],
  [/^Numeric value '.*' is not recognized$/s, RUN_CODES.numberNotRecognized],
  [/^Numeric value '.*' is out of range$/s, RUN_CODES.outOfRange],
  [/^Number out of representable range: /, RUN_CODES.numberOutOfRange],
  [/^Boolean value '.*' is not recognized$/s, RUN_CODES.booleanNotRecognized],
  [/^Date '.*' is not recognized$/s, RUN_CODES.dateNotRecognized],
  [/^Time '.*' is not recognized$/s, RUN_CODES.timeNotRecognized],
  [/^Timestamp '.*' is not recognized$/s, RUN_CODES.timestampNotRecognized],
  [/^String '.*' is too long and would be truncated$/s, RUN_CODES.textTooLong],
  [/^The following string is not a legal hex-encoded value: /, RUN_CODES.notHexadecimal],
];

function said(message: string): SnowflakeError | undefined {
  const text = message.replace(/^(?:[A-Z]\w+ )+Error: /, '').trimEnd();
  const words = text.replace(/^DML operation to table .+? failed on column .+? with error: /s, '');
  const code = SAID.find(([pattern]) => pattern.test(words))?.[1];
  return code && new SnowflakeError(code, text);
}

/** DuckDB's messages on the left, Snowflake's errors on the right; the first that fits is taken. */
const RULES: readonly Rule[] = [
  [/^INTERRUPT|Interrupted!/i, cancelled],
  [
    /Catalog Error: (?:Table|View) with name "?([^"!\n]+?)"? does not exist/,
    (match) => missingObject(group(match, 1).toUpperCase()),
  ],
  [
    /Catalog Error: (?:Schema with name|SET schema: No catalog \+ schema named) "?([^"!\n]+?)"?(?: does not exist| found)/,
    (match) => missingContainer('Schema', group(match, 1).toUpperCase()),
  ],
  [
    /Catalog Error: (?:Table|View|Schema) with name "?([^"!\n]+?)"? already exists/,
    (match) => existingObject(group(match, 1)),
  ],
  [/Binder Error: Referenced column "([^"]+)"/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [/Binder Error: Referenced table "([^"]+)" not found/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [/does not have a column named "([^"]+)"/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [/Binder Error: Ambiguous reference to column name "([^"]+)"/, (match) => ambiguousColumn(group(match, 1))],
  [
    /Catalog Error: (?:Scalar|Aggregate|Table|Window) Function with name "?([\w$]+)"?/,
    (match) => unknownFunction(group(match, 1).toUpperCase()),
  ],
  [/column "?([^"\n]+?)"? must appear in the GROUP BY clause/, (match) => notGrouped(group(match, 1).toUpperCase())],
  [/Catalog "([^"!\n]+?)"? does not exist/, (match) => missingContainer('Database', group(match, 1).toUpperCase())],
  [/Division by zero/i, () => new SnowflakeError(RUN_CODES.divisionByZero, 'Division by zero')],
  [
    /Conversion Error: Could not convert string ['"](.*)['"] to BOOL/s,
    (match) => unrecognized(RUN_CODES.booleanNotRecognized, 'Boolean value', match),
  ],
  [
    /Conversion Error: Could not convert string ['"](.*)['"] to (?:\w|\()*(?:INT|DECIMAL|DOUBLE|FLOAT)/s,
    // A text that is a number, and too long (mlorek/frostlake, tests compared with an account).
    (match) =>
      /^\s*[+-]?\d*\.?\d+(?:e[+-]?\d+)?\s*$/i.test(match[1] ?? '')
        ? new SnowflakeError(RUN_CODES.outOfRange, `Numeric value '${match[1] ?? ''}' is out of range`)
        : unrecognized(RUN_CODES.numberNotRecognized, 'Numeric value', match),
  ],
  [
    /Conversion Error: Could not cast value (\S+) to DECIMAL\((\d+),(\d+)\)/,
    (match) => tooLarge(group(match, 1), group(match, 2), group(match, 3)),
  ],
  [
    /Conversion Error: Failed to cast value to \w+: (.*)/s,
    (match) =>
      new SnowflakeError(
        RUN_CODES.variantNotCast,
        `Failed to cast variant value ${group(match, 1).split('\n')[0] ?? ''} to FIXED`,
      ),
  ],
  [
    /Error parsing JSON: (.*)/s,
    (match) => new SnowflakeError(RUN_CODES.invalidJson, `Error parsing JSON: ${group(match, 1)}`),
  ],
  [
    /Conversion Error: (?:invalid )?date field (?:format|value out of range): "(.*?)"/s,
    (match) => unrecognized(RUN_CODES.dateNotRecognized, 'Date', match),
  ],
  [
    /Conversion Error: (?:invalid )?time field (?:format|value out of range): "(.*?)"/s,
    (match) => unrecognized(RUN_CODES.timeNotRecognized, 'Time', match),
  ],
  [
    /Conversion Error: (?:invalid )?timestamp field (?:format|value out of range): "(.*?)"/s,
    (match) => unrecognized(RUN_CODES.timestampNotRecognized, 'Timestamp', match),
  ],
  [
    /More than one row returned by a subquery used as an expression/,
    () => new SnowflakeError(RUN_CODES.notOneRow, 'Single-row subquery returns more than one row.'),
  ],
  [/Parser Error: (.*)/s, (match) => syntaxError(`unexpected. ${group(match, 1).split('\n')[0] ?? ''}`)],
  [
    /Conversion Error: (.*)/s,
    (match) => new SnowflakeError(RUN_CODES.numberNotRecognized, group(match, 1).split('\n')[0] ?? ''),
  ],
  // Of a sum and the like; which number it would have been DuckDB does not say.
  [/Out of Range Error: .*?\(?(-?[\d.]+) [-+*/]/s, (match) => tooLarge(group(match, 1), '38', '0')],
  [/Out of Range Error: (.*)/s, (match) => tooLarge(group(match, 1).split('\n')[0] ?? '', '38', '0')],
  [
    /Constraint Error: NOT NULL constraint failed: (?:[^.]+\.)*?([^.\n]+)\.([^.\n]+)$/,
    (match) =>
      new SnowflakeError(
        RUN_CODES.nullInColumn,
        `DML operation to table ${group(match, 1)} failed on column ${group(match, 2)} with error: NULL result in a non-nullable column`,
      ),
  ],
];

/** Whatever went wrong below, as one of Snowflake's errors; what has no counterpart keeps its text under 002999. */
export function asSnowflakeError(error: unknown): SnowflakeError {
  if (error instanceof SnowflakeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const own = said(message);
  if (own) return own;
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(message);
    if (match) return make(match);
  }
  return new SnowflakeError(OTHER, message);
}
