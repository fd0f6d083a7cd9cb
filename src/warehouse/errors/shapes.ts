/**
 * Snowflake's messages by shape: fixed words, and holes. What a hole may hold, and whether any of it is shown, is told in
 * `text.ts`; a message of no shape here is not shown at all. Each shape has the place where it was seen: a page of
 * docs.snowflake.com/en, an issue, or a public test that runs against an account.
 *
 * A message is compared without regard to case, runs of white space and a full stop at the end.
 */

/** `value`: never shown. `error`: another message of the run, as that is shown. The others are shown where they are of that kind, in errors of the compiler alone. */
export type HoleKind =
  | 'value'
  | 'error'
  | 'name'
  | 'names'
  | 'token'
  | 'call'
  | 'function'
  | 'types'
  | 'count'
  | 'kind';

export interface Shape {
  readonly text: string;
  readonly source: string;
}

/** After `SQL compilation error:` or `SQL access control error:`, and after the place. */
export const COMPILING: readonly Shape[] = [
  { text: 'invalid identifier {name}', source: 'lightdash/lightdash#663, Snowflake-Labs/sfquickstarts#367' },
  { text: 'unexpected {token}', source: 'snowflakedb/spark-snowflake#79, ontop/ontop#923' },
  { text: 'ambiguous column name {name}', source: 'user-guide/views-semantic/querying' },
  {
    text: '{kind} {name} does not exist or not authorized',
    source: 'sql-reference/sql/show-objects, docs/embedded-warehouse.md',
  },
  { text: 'Object does not exist, or operation cannot be performed', source: 'sql-reference/sql/show-objects' },
  { text: 'Object {name} already exists', source: 'docs/embedded-warehouse.md' },
  { text: 'Unknown function {name}', source: 'docs/embedded-warehouse.md' },
  { text: 'Unknown functions {names}', source: 'mlorek/frostlake, tests compared with an account' },
  { text: 'Unknown user-defined function {name}', source: 'mlorek/frostlake, tests compared with an account' },
  { text: 'Unknown table function {name}', source: 'mlorek/frostlake, tests compared with an account' },
  {
    text: 'Invalid argument types for function {function}: {types}',
    source: 'mlorek/frostlake, tests compared with an account (code 001044)',
  },
  {
    text: 'not enough arguments for function {call}, expected {count}, got {count}',
    source: 'tekumara/fakesnow (code 000938)',
  },
  {
    text: 'too many arguments for function {call} expected {count}, got {count}',
    source: 'mlorek/frostlake, tests compared with an account',
  },
  { text: '{call} is not a valid group by expression', source: 'sql-reference/constructs/group-by (code 000979)' },
  { text: '{call} is not a valid order by expression', source: 'mlorek/frostlake, tests compared with an account' },
  {
    text: '{name} in select clause is neither an aggregate nor in the group by clause',
    source: 'mlorek/frostlake, tests compared with an account',
  },
  {
    text: 'Expression type does not match column data type, expecting {types} but got {types} for column {name}',
    source: 'sql-reference/sql/alter-table-column (code 002023)',
  },
  {
    text: 'Insert value list does not match column list expecting {count} but got {count}',
    source: 'mlorek/frostlake, tests compared with an account',
  },
  {
    text: 'invalid number of result columns for set operator input branches, expected {count}, got {count} in branch {count}',
    source: 'snowflakedb/snowpark-python, mock/_plan.py (code 001789)',
  },
  {
    text: 'Can not convert parameter {value} of type {types} into expected type {types}',
    source: 'mlorek/frostlake, tests compared with an account (code 001038)',
  },
  {
    text: 'Invalid expression {value} in VALUES clause',
    source: 'mlorek/frostlake, tests compared with an account (code 002014)',
  },
  { text: 'Unsupported subquery type cannot be evaluated', source: 'mlorek/frostlake, tests compared with an account' },
  { text: 'Insufficient privileges to operate on {kind} {name}', source: 'dlt-hub/dlt, issues (code 003001)' },
  {
    text: "Cannot perform {token}. This session does not have a current database. Call 'USE DATABASE', or use a qualified name",
    source: 'dbcodeio/public#881',
  },
];

/** Of the run. Rows have been read by then, so none of the holes shows. */
export const RUNNING: readonly Shape[] = [
  {
    text: 'Numeric value {value} is not recognized',
    source: 'astronomer/astro-sdk#1708, OHDSI/Ares#366 (code 100038)',
  },
  {
    text: 'Numeric value {value} is out of range',
    source: 'mlorek/frostlake, tests compared with an account (code 100039)',
  },
  {
    text: 'The following string is not a legal hex-encoded value: {value}',
    source: 'sql-reference/binary-examples (code 100115)',
  },
  { text: 'Date {value} is not recognized', source: 'mlorek/frostlake, tests compared with an account (code 100040)' },
  { text: 'Time {value} is not recognized', source: 'mlorek/frostlake, tests compared with an account' },
  { text: 'Timestamp {value} is not recognized', source: 'docs/embedded-warehouse.md (code 100035)' },
  { text: 'Boolean value {value} is not recognized', source: 'sql-reference/functions/booland_agg (code 100037)' },
  {
    text: "Can't parse {value} as {value} with format {value}",
    source: 'snowflakedb/snowpark-python, tests (code 100096)',
  },
  {
    text: 'Failed to cast variant value {value} to {value}',
    source: 'snowflakedb/snowpark-python, tests (code 100071)',
  },
  { text: 'Error parsing JSON: {value}', source: 'mlorek/frostlake, tests compared with an account (code 100069)' },
  {
    text: 'String {value} is too long and would be truncated',
    source: 'r-dbi/odbc#434, superduper-io/superduper#2748 (code 100078)',
  },
  {
    text: 'String {value} is too long and would be truncated in {value}',
    source: 'dbt-labs/dbt-project-evaluator#105',
  },
  { text: 'Invalid UTF8 detected in string {value}', source: 'public logs of COPY' },
  { text: 'Division by zero', source: 'docs/embedded-warehouse.md (code 100051)' },
  {
    text: 'NULL result in a non-nullable column',
    source: 'snowflakedb/snowflake-connector-python, cursor.py (code 100072)',
  },
  {
    text: 'NULL result in a non-nullable column {value}',
    source: 'snowflakedb/snowflake-connector-python, cursor.py (code 100072)',
  },
  { text: 'Number out of representable range: {value}', source: 'sodadata/soda-sql#64 (code 100039)' },
  { text: 'Single-row subquery returns more than one row', source: 'mlorek/frostlake, tests compared with an account' },
  {
    text: 'Duplicate row detected during DML action Row Values: {value}',
    source: 'dbt-labs/dbt-core#10432, dbt-labs/dbt-snowflake#589 (code 100090)',
  },
  { text: 'Duplicate row detected during DML action', source: 'dbt-labs/dbt-core#2034 (code 100090)' },
  { text: 'Duplicate field key {value}', source: 'dbt-labs/dbt-snowflake, connections.py, what it redacts' },
  { text: 'Primary key already exists', source: 'sql-reference/sql/create-hybrid-table (code 200001)' },
  { text: 'A primary key already exists', source: 'sql-reference/sql/create-hybrid-table (code 200001)' },
  { text: 'Duplicate key value violates unique constraint {value}', source: 'sql-reference/sql/create-hybrid-table' },
  {
    text: 'DML operation to table {value} failed on column {value} with error: {error}',
    source: 'developer-guide/sql-api/submitting-multiple-statements',
  },
  {
    text: 'JavaScript execution error: {value}',
    source: 'developer-guide/sql-api/submitting-multiple-statements (code 100132)',
  },
  { text: 'Python Interpreter Error: {value}', source: 'Snowflake-Labs/snowpark-python-demos#8 (code 100357)' },
  {
    text: 'Uncaught exception of type {value} on line {value} at position {value} : {value}',
    source: 'developer-guide/snowflake-scripting/exceptions',
  },
  {
    text: 'No active warehouse selected in the current session. {value}',
    source: 'snowflakedb/snowflake-cli, tests (code 000606)',
  },
  { text: 'SQL execution canceled', source: 'docs/embedded-warehouse.md (code 000604)' },
  {
    text: 'Statement reached its statement or warehouse timeout of {value} and was canceled',
    source: 'docs/embedded-warehouse.md (code 000630)',
  },
  { text: 'Unsupported feature {value}', source: 'docs/embedded-warehouse.md (code 000002)' },
];

/** Of a log-in: they know no rows. What they name is the configuration's, which stands beside. */
export const LOGIN: readonly Shape[] = [
  { text: 'Incorrect username or password was specified', source: 'test/warehouse/driver.test.ts (code 390100)' },
  { text: 'JWT token is invalid. {value}', source: 'user-guide/key-pair-auth-troubleshooting (code 390144)' },
  { text: 'JWT token is invalid', source: 'user-guide/key-pair-auth-troubleshooting (code 390144)' },
  {
    text: 'Role {value} specified in the connect string does not exist or not authorized. {value}',
    source: 'snowflakedb/terraform-provider-snowflake, acceptance tests (code 390189)',
  },
  {
    text: 'Role {value} specified in the connect string does not exist or not authorized',
    source: 'snowflakedb/terraform-provider-snowflake, acceptance tests (code 390189)',
  },
  {
    text: 'Incoming request with IP/Token {value} is not allowed to access Snowflake. {value}',
    source: 'public logs of log-ins (code 390422)',
  },
  {
    text: 'Incoming request with IP/Token {value} is not allowed to access Snowflake',
    source: 'public logs of log-ins (code 390422)',
  },
];

/** What `{kind}` may be. */
export const OBJECT_KINDS: ReadonlySet<string> = new Set(
  'OBJECT TABLE VIEW SCHEMA DATABASE FUNCTION PROCEDURE SEQUENCE STAGE STREAM TASK WAREHOUSE ROLE USER TAG INTEGRATION'.split(
    ' ',
  ),
);

/** Operators as Snowflake names them among functions. */
export const OPERATORS: ReadonlySet<string> = new Set(
  '+ - * / % = <> != < > <= >= || IN LIKE ILIKE AND OR NOT'.split(' '),
);

export const DATA_TYPES: ReadonlySet<string> = new Set(
  'VARCHAR CHAR STRING TEXT BINARY NUMBER FIXED FLOAT REAL DECFLOAT BOOLEAN DATE TIME TIMESTAMP TIMESTAMP_NTZ TIMESTAMP_LTZ TIMESTAMP_TZ VARIANT OBJECT ARRAY MAP GEOGRAPHY GEOMETRY VECTOR NULL ROW'.split(
    ' ',
  ),
);
