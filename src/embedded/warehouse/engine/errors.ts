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
    /Conversion Error: Could not convert string ['"](.*)['"] to (?:\w|\()*(?:INT|DECIMAL|DOUBLE|FLOAT)/s,
    (match) => new SnowflakeError(RUN_CODES.numberNotRecognized, `Numeric value '${match[1] ?? ''}' is not recognized`),
  ],
  [
    /(String '.*' is too long and would be truncated)/s,
    (match) => new SnowflakeError(RUN_CODES.textTooLong, group(match, 1)),
  ],
  [
    /Error parsing JSON: (.*)/s,
    (match) => new SnowflakeError(RUN_CODES.invalidJson, `Error parsing JSON: ${group(match, 1)}`),
  ],
  [
    /Timestamp '(.*)' is not recognized/,
    (match) => new SnowflakeError(RUN_CODES.timestampNotRecognized, `Timestamp '${group(match, 1)}' is not recognized`),
  ],
  [
    /Conversion Error: (?:date|invalid date) field value out of range|Conversion Error: invalid date/i,
    () => new SnowflakeError(RUN_CODES.dateNotRecognized, 'Date value is not recognized'),
  ],
  [
    /Conversion Error: (?:timestamp|invalid timestamp) field value out of range|invalid timestamp/i,
    () => new SnowflakeError(RUN_CODES.timestampNotRecognized, 'Timestamp value is not recognized'),
  ],
  [/Parser Error: (.*)/s, (match) => syntaxError(`unexpected. ${group(match, 1).split('\n')[0] ?? ''}`)],
  [
    /Conversion Error: (.*)/s,
    (match) => new SnowflakeError(RUN_CODES.numberNotRecognized, group(match, 1).split('\n')[0] ?? ''),
  ],
  [
    /Out of Range Error: (.*)/s,
    (match) => new SnowflakeError(RUN_CODES.outOfRange, group(match, 1).split('\n')[0] ?? ''),
  ],
  [
    /Constraint Error: NOT NULL constraint failed: (?:[\w$]+\.)*([\w$]+)/,
    (match) => new SnowflakeError(RUN_CODES.nullInColumn, `NULL result in a non-nullable column '${group(match, 1)}'`),
  ],
];

/** Whatever went wrong below, as one of Snowflake's errors; what has no counterpart keeps its text under 002999. */
export function asSnowflakeError(error: unknown): SnowflakeError {
  if (error instanceof SnowflakeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(message);
    if (match) return make(match);
  }
  return new SnowflakeError(OTHER, message);
}
