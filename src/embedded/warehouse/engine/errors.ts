/**
 * Errors as Snowflake words them.
 *
 * Codes and SQL states are the ones that Snowflake's drivers and documentation show (for example
 * 002003/42S02 for a missing table, 001003/42000 for a syntax error, 000604/57014 for a cancelled
 * statement); `docs/embedded-warehouse.md` lists where each was read.
 */
export class WarehouseError extends Error {
  readonly code: string;
  readonly sqlState: string;

  constructor(code: string, sqlState: string, message: string) {
    super(message);
    this.name = 'WarehouseError';
    this.code = code;
    this.sqlState = sqlState;
  }
}

export const missingObject = (name: string): WarehouseError =>
  new WarehouseError('002003', '42S02', `SQL compilation error:\nObject '${name}' does not exist or not authorized.`);

export const invalidIdentifier = (name: string, line = 1, position = 0): WarehouseError =>
  new WarehouseError(
    '000904',
    '42000',
    `SQL compilation error: error line ${line} at position ${position}\ninvalid identifier '${name}'`,
  );

export const syntaxError = (detail: string, line = 1, position = 0): WarehouseError =>
  new WarehouseError(
    '001003',
    '42000',
    `SQL compilation error:\nsyntax error line ${line} at position ${position} ${detail}`,
  );

export const unsupported = (feature: string): WarehouseError =>
  new WarehouseError('000002', '0A000', `Unsupported feature '${feature}' (in the embedded warehouse).`);

export const cancelled = (): WarehouseError => new WarehouseError('000604', '57014', 'SQL execution canceled');

export const timedOut = (seconds: number): WarehouseError =>
  new WarehouseError(
    '000630',
    '57014',
    `Statement reached its statement or warehouse timeout of ${seconds} second(s) and was canceled.`,
  );

type Rule = readonly [pattern: RegExp, make: (match: RegExpExecArray) => WarehouseError];

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
    (match) =>
      new WarehouseError(
        '002003',
        '02000',
        `SQL compilation error:\nSchema '${group(match, 1).toUpperCase()}' does not exist or not authorized.`,
      ),
  ],
  [
    /Catalog Error: (?:Table|View|Schema) with name "?([^"!\n]+?)"? already exists/,
    (match) =>
      new WarehouseError('002002', '42710', `SQL compilation error:\nObject '${group(match, 1)}' already exists.`),
  ],
  [/Binder Error: Referenced column "([^"]+)"/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [/Binder Error: Referenced table "([^"]+)" not found/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [/does not have a column named "([^"]+)"/, (match) => invalidIdentifier(group(match, 1).toUpperCase())],
  [
    /Binder Error: Ambiguous reference to column name "([^"]+)"/,
    (match) =>
      new WarehouseError('002028', '42601', `SQL compilation error:\nambiguous column name '${group(match, 1)}'`),
  ],
  [
    /Catalog Error: (?:Scalar|Aggregate|Table|Window) Function with name "?([\w$]+)"?/,
    (match) =>
      new WarehouseError(
        '002141',
        '42601',
        `SQL compilation error:\nUnknown function ${group(match, 1).toUpperCase()}.`,
      ),
  ],
  [
    /column "?([^"\n]+?)"? must appear in the GROUP BY clause/,
    (match) =>
      new WarehouseError(
        '000979',
        '42601',
        `SQL compilation error:\n[${group(match, 1).toUpperCase()}] is not a valid group by expression`,
      ),
  ],
  [
    /Catalog "([^"!\n]+?)"? does not exist/,
    (match) =>
      new WarehouseError(
        '002003',
        '02000',
        `SQL compilation error:\nDatabase '${group(match, 1).toUpperCase()}' does not exist or not authorized.`,
      ),
  ],
  [/Division by zero/i, () => new WarehouseError('100051', '22012', 'Division by zero')],
  [
    /Conversion Error: Could not convert string ['"](.*)['"] to (?:\w|\()*(?:INT|DECIMAL|DOUBLE|FLOAT)/s,
    (match) => new WarehouseError('100038', '22018', `Numeric value '${match[1] ?? ''}' is not recognized`),
  ],
  [
    /Error parsing JSON: (.*)/s,
    (match) => new WarehouseError('100069', '22P02', `Error parsing JSON: ${group(match, 1)}`),
  ],
  [
    /Timestamp '(.*)' is not recognized/,
    (match) => new WarehouseError('100035', '22007', `Timestamp '${group(match, 1)}' is not recognized`),
  ],
  [
    /Conversion Error: (?:date|invalid date) field value out of range|Conversion Error: invalid date/i,
    () => new WarehouseError('100040', '22007', 'Date value is not recognized'),
  ],
  [
    /Conversion Error: (?:timestamp|invalid timestamp) field value out of range|invalid timestamp/i,
    () => new WarehouseError('100035', '22007', 'Timestamp value is not recognized'),
  ],
  [/Parser Error: (.*)/s, (match) => syntaxError(`unexpected. ${group(match, 1).split('\n')[0] ?? ''}`)],
  [/Conversion Error: (.*)/s, (match) => new WarehouseError('100038', '22018', group(match, 1).split('\n')[0] ?? '')],
  [/Out of Range Error: (.*)/s, (match) => new WarehouseError('100039', '22003', group(match, 1).split('\n')[0] ?? '')],
  [
    /Constraint Error: NOT NULL constraint failed: (?:[\w$]+\.)*([\w$]+)/,
    (match) => new WarehouseError('100072', '22000', `NULL result in a non-nullable column '${group(match, 1)}'`),
  ],
];

/** Whatever went wrong below, as one of Snowflake's errors; what has no counterpart keeps its text under 002999. */
export function asWarehouseError(error: unknown): WarehouseError {
  if (error instanceof WarehouseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(message);
    if (match) return make(match);
  }
  return new WarehouseError('002999', '42000', message);
}
