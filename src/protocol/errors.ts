/** Errors as Snowflake words them, each with the code by which programs know it (`codes.ts`). */
import { COMPILER_CODES, type ErrorCode, RUN_CODES, SESSION_CODES, STATEMENT_CODES } from './codes.js';

/** An error that a driver is answered. */
export class SnowflakeError extends Error {
  readonly code: string;
  readonly sqlState: string;

  constructor({ code, sqlState }: ErrorCode, message: string) {
    super(message);
    this.name = 'SnowflakeError';
    this.code = code;
    this.sqlState = sqlState;
  }
}

/** What the compiler has to say stands on a line of its own. */
const compiling = (code: ErrorCode, detail: string): SnowflakeError =>
  new SnowflakeError(code, `SQL compilation error:\n${detail}`);

// --- the compiler's

export const missingObject = (name: string): SnowflakeError =>
  compiling(COMPILER_CODES.missingObject, `Object '${name}' does not exist or not authorized.`);

export const missingContainer = (kind: 'Database' | 'Schema', name: string): SnowflakeError =>
  compiling(COMPILER_CODES.missingContainer, `${kind} '${name}' does not exist or not authorized.`);

export const existingObject = (name: string): SnowflakeError =>
  compiling(COMPILER_CODES.existingObject, `Object '${name}' already exists.`);

export const invalidIdentifier = (name: string, line = 1, position = 0): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.invalidIdentifier,
    `SQL compilation error: error line ${line} at position ${position}\ninvalid identifier '${name}'`,
  );

export const syntaxError = (detail: string, line = 1, position = 0): SnowflakeError =>
  compiling(COMPILER_CODES.syntaxError, `syntax error line ${line} at position ${position} ${detail}`);

export const emptyStatement = (): SnowflakeError => compiling(COMPILER_CODES.emptyStatement, 'Empty SQL statement.');

export const ambiguousColumn = (name: string): SnowflakeError =>
  compiling(COMPILER_CODES.ambiguousColumn, `ambiguous column name '${name}'`);

export const unknownFunction = (name: string): SnowflakeError =>
  compiling(COMPILER_CODES.unknownFunction, `Unknown function ${name}.`);

export const notGrouped = (expression: string): SnowflakeError =>
  compiling(COMPILER_CODES.notGrouped, `[${expression}] is not a valid group by expression`);

export const unsetBind = (position: number): SnowflakeError =>
  compiling(COMPILER_CODES.unsetBind, `Bind variable :${position} not set.`);

export const missingVariable = (name: string): SnowflakeError =>
  compiling(COMPILER_CODES.missingVariable, `Session variable '$${name}' does not exist`);

export const invalidParameter = (value: string, parameter: string): SnowflakeError =>
  compiling(COMPILER_CODES.invalidParameter, `invalid value [${value}] for parameter '${parameter}'`);

export const statementCount = (actual: number, wanted: number): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.statementCount,
    `Actual statement count ${actual} did not match the desired statement count ${wanted}.`,
  );

/** Of a system view; the text is that of sql-reference/sql/explain. */
export const notExplained = (name: string): SnowflakeError =>
  new SnowflakeError(COMPILER_CODES.notAuthorized, `EXPLAIN command has insufficient privilege on object ${name}`);

const POLICY_WORDS = { 'ROW ACCESS': 'Row access policy', MASKING: 'Masking policy' } as const;

/** user-guide/security-row-intro, "Troubleshoot row access policies". */
export const missingPolicy = (kind: keyof typeof POLICY_WORDS, name: string): SnowflakeError =>
  compiling(COMPILER_CODES.missingContainer, `${POLICY_WORDS[kind]} '${name}' does not exist or not authorized.`);

/** mlorek/frostlake, tests compared with an account. */
export const policyInUse = (name: string): SnowflakeError =>
  compiling(
    COMPILER_CODES.policyInUse,
    `Policy ${name} cannot be dropped/replaced as it is associated with one or more entities.`,
  );

/** mlorek/frostlake, tests compared with an account. */
export const underRowPolicy = (name: string): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.underRowPolicy,
    `Object ${name} already has a ROW_ACCESS_POLICY. Only one ROW_ACCESS_POLICY is allowed at a time.`,
  );

/** user-guide/security-column-ddm-intro, "Troubleshooting Dynamic Data Masking". */
export const underMaskingPolicy = (): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.underMaskingPolicy,
    'Specified column already attached to another masking policy. A column cannot be attached to multiple masking policies. Please drop the current association in order to attach a new masking policy.',
  );

/** user-guide/security-column-ddm-intro, "Troubleshooting Dynamic Data Masking". */
export const wrongReturn = (): SnowflakeError =>
  compiling(COMPILER_CODES.wrongReturn, 'Masking policy function argument and return type mismatch.');

/** user-guide/security-row-intro, "Troubleshoot row access policies". */
export const wrongRowReturn = (type: string): SnowflakeError =>
  compiling(COMPILER_CODES.wrongReturn, `Row access policy return type '${type}' is not BOOLEAN.`);

/** user-guide/security-column-ddm-intro, "Troubleshooting Dynamic Data Masking". */
export const underMaterialized = (count: number, table: string): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.underMaterialized,
    `SQL execution error: One or more materialized views exist on the table. number of mvs=${count}, table name=${table}.`,
  );

/** user-guide/security-row-intro, "Troubleshoot row access policies". */
export const wrongKind = (found: string, asked: string): SnowflakeError =>
  compiling(COMPILER_CODES.wrongKind, `Object found is of type '${found}', not specified type '${asked}'.`);

/** user-guide/security-row-intro, "Troubleshoot row access policies". */
export const insufficientPrivileges = (kind: string, name: string): SnowflakeError =>
  new SnowflakeError(
    COMPILER_CODES.notAuthorized,
    `SQL access control error:\nInsufficient privileges to operate on ${kind} '${name}'`,
  );

// --- of rows

/** dbt-labs/dbt-core#10432. */
export const duplicateRow = (values: string): SnowflakeError =>
  new SnowflakeError(RUN_CODES.duplicateRow, `Duplicate row detected during DML action\nRow Values: ${values}`);

// --- of a statement's life

export const cancelled = (): SnowflakeError => new SnowflakeError(STATEMENT_CODES.cancelled, 'SQL execution canceled');

export const timedOut = (seconds: number): SnowflakeError =>
  new SnowflakeError(
    STATEMENT_CODES.timedOut,
    `Statement reached its statement or warehouse timeout of ${seconds} second(s) and was canceled.`,
  );

export const notRunning = (): SnowflakeError =>
  new SnowflakeError(STATEMENT_CODES.notRunning, 'Identified SQL statement is not currently executing.');

export const unknownStatement = (id: string): SnowflakeError =>
  new SnowflakeError(STATEMENT_CODES.unknownStatement, `Statement ${id} not found`);

// --- of sessions

export const unknownSession = (): SnowflakeError =>
  new SnowflakeError(SESSION_CODES.unknownSession, 'Session token not found or invalid. User must login again.');

export const expiredSession = (): SnowflakeError =>
  new SnowflakeError(SESSION_CODES.expiredSession, 'Your session has expired. Please login again.');

export const expiredMaster = (): SnowflakeError =>
  new SnowflakeError(
    SESSION_CODES.expiredMaster,
    'Authentication token has expired. The user must authenticate again.',
  );
