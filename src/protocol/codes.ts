/**
 * Codes of Snowflake's errors with the SQLSTATE that goes with each. Programs look at these, not at the words: drivers renew a token, dbt
 * takes a missing table for a table that is yet to be made.
 *
 * Where each is known from: the driver's `lib/constants/gs_errors.js` (3901…, 3903…) and `lib/connection/statement.js` (333333, 333334);
 * pages of Snowflake's documentation, by their name; reports and tests of others, by repository. Where nothing is named, the code is one
 * that the embedded warehouse has always answered, and nobody has written down where it was seen.
 */
export interface ErrorCode {
  readonly code: string;
  readonly sqlState: string;
}

const of = (code: string, sqlState: string): ErrorCode => ({ code, sqlState });

/** Errors of log-ins and sessions: SQLSTATE 08001, "the client can't establish the connection" (ISO/IEC 9075-2, class 08). */
export const SESSION_CODES = {
  /** `INCORRECT_USERNAME_PASSWORD`. */
  wrongPassword: of('390100', '08001'),
  /** `SESSION_TOKEN_INVALID`: comes with HTTP status 401, the one status but 200 that the driver reads (`lib/services/sf.js`). */
  unknownSession: of('390104', '08001'),
  /** `SESSION_TOKEN_EXPIRED`: the driver renews the token and asks again. */
  expiredSession: of('390112', '08001'),
  /** `MASTER_TOKEN_EXPIRED`: the driver logs in again. */
  expiredMaster: of('390114', '08001'),
  /** Key-pair authentication (user-guide/key-pair-auth-troubleshooting). */
  invalidJwt: of('390144', '08001'),
  unknownAuthenticator: of('390190', '08001'),
  malformedLogin: of('390201', '08001'),
  /** `OAUTH_TOKEN_INVALID`. */
  invalidOauthToken: of('390303', '08001'),
  /** Programmatic access tokens. */
  invalidAccessToken: of('394400', '08001'),
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Errors of a request that never becomes a statement: SQLSTATE 08000, a connection exception. */
export const REQUEST_CODES = {
  noSuchResource: of('390000', '08000'),
  malformedRequest: of('391901', '08000'),
  requestTooLarge: of('391920', '08000'),
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Errors of the compiler: below 100000. */
export const COMPILER_CODES = {
  unsupportedFeature: of('000002', '0A000'),
  /** MULTI_STATEMENT_COUNT says another number than there are. */
  statementCount: of('000008', '0A000'),
  emptyStatement: of('000900', '42601'),
  /** lightdash/lightdash#663, Snowflake-Labs/sfquickstarts#367. */
  invalidIdentifier: of('000904', '42000'),
  /** sql-reference/constructs/group-by. */
  notGrouped: of('000979', '42601'),
  /** snowflakedb/spark-snowflake#79. */
  syntaxError: of('001003', '42000'),
  invalidParameter: of('001007', '22023'),
  existingObject: of('002002', '42710'),
  /** Of a table or a view (sql-reference/sql/show-objects). */
  missingObject: of('002003', '42S02'),
  /** Of a database or a schema. */
  missingContainer: of('002003', '02000'),
  /** user-guide/views-semantic/querying. */
  ambiguousColumn: of('002028', '42601'),
  /** mlorek/frostlake, tests compared with an account (the text; the code is not written there). */
  wrongKind: of('002203', '02000'),
  unsetBind: of('002049', '42601'),
  unknownFunction: of('002141', '42601'),
  missingVariable: of('002211', '42601'),
  /** Of what the role may not do; that EXPLAIN of a system view has this very code is not written (sql-reference/sql/explain has its text). */
  notAuthorized: of('003001', '42501'),
  /** Its text is in snowflakedb/snowflake-jdbc#1021 and metabase/metabase#58818, that this is its code in none of them. */
  tooManyShown: of('090153', '22000'),
  /** A column is under a masking policy already; the code is not written anywhere that we know. */
  underMaskingPolicy: of('003547', '23505'),
  /** A table is under a row access policy already: public notes of dbt's errors. */
  underRowPolicy: of('003549', '23505'),
  /** Of a policy (user-guide/security-row-intro). */
  wrongReturn: of('003551', '42601'),
  /** A table has materialized views; the code is not written anywhere that we know. */
  underMaterialized: of('003540', '23503'),
  /** A policy is put on something; the code is not written anywhere that we know. */
  policyInUse: of('003544', '23503'),
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Errors of a statement's life. */
export const STATEMENT_CODES = {
  cancelled: of('000604', '57014'),
  notRunning: of('000605', 'XX000'),
  /** STATEMENT_TIMEOUT_IN_SECONDS is over. */
  timedOut: of('000630', '57014'),
  unknownStatement: of('000709', '02000'),
} as const satisfies Readonly<Record<string, ErrorCode>>;

/** Errors of rows, while a statement runs: 100000 and more. */
export const RUN_CODES = {
  timestampNotRecognized: of('100035', '22007'),
  /** sql-reference/functions/booland_agg. */
  booleanNotRecognized: of('100037', '22018'),
  /** mlorek/frostlake, tests compared with an account. */
  dateNotRecognized: of('100040', '22007'),
  /** astronomer/astro-sdk#1708, OHDSI/Ares#366. */
  numberNotRecognized: of('100038', '22018'),
  /** sql-reference/functions/cast. */
  textTooLong: of('100078', '22000'),
  /** sodadata/soda-sql#64. */
  outOfRange: of('100039', '22003'),
  /** Of a number that is too long for its type: calogica/dbt-expectations#16. */
  numberOutOfRange: of('100046', '22003'),
  /** snowflakedb/snowpark-python, tests. */
  variantNotCast: of('100071', '22000'),
  /** dbt-labs/dbt-core#10432. */
  duplicateRow: of('100090', '42P18'),
  /** A TIME; the code is not written anywhere that we know. */
  timeNotRecognized: of('100108', '22007'),
  /** The code is not written anywhere that we know. */
  notOneRow: of('090150', '22000'),
  /** sql-reference/binary-examples. */
  notHexadecimal: of('100115', '22000'),
  divisionByZero: of('100051', '22012'),
  /** mlorek/frostlake, tests compared with an account. */
  invalidJson: of('100069', '22P02'),
  /** snowflakedb/snowflake-connector-python, cursor.py. */
  nullInColumn: of('100072', '22000'),
} as const satisfies Readonly<Record<string, ErrorCode>>;
