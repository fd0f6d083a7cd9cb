/** The class of a function, by the categories that the documentation's list gives it, and by names where they differ. */

const names = (text) => new Set(text.split(/\s+/u));

/** Context functions that only say what the session's or the policy's own settings are. */
const CONTEXT = names(
  'CURRENT_ACCOUNT CURRENT_ACCOUNT_NAME CURRENT_CLIENT CURRENT_DATABASE CURRENT_ORGANIZATION_NAME CURRENT_ORGANIZATION_USER CURRENT_REGION CURRENT_ROLE CURRENT_ROLE_TYPE CURRENT_SCHEMA CURRENT_SCHEMAS CURRENT_SESSION CURRENT_USER CURRENT_VERSION CURRENT_WAREHOUSE',
);

const TIME = names('CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP GETDATE LOCALTIME LOCALTIMESTAMP SYSDATE SYSTIMESTAMP');

/** What another statement on the connection, or a task or an alert around it, did or left. */
const SESSION = names(
  'RESULT_SCAN LAST_QUERY_ID LAST_TRANSACTION CURRENT_STATEMENT CURRENT_TRANSACTION GETVARIABLE GET_CONDITION_QUERY_UUID SET_SYS_CONTEXT SYS_CONTEXT SCHEDULED_TIME LAST_SUCCESSFUL_SCHEDULED_TIME DATA_METRIC_SCHEDULED_TIME',
);

const OF_ARGUMENTS = names('FLATTEN SPLIT_TO_TABLE STRTOK_SPLIT_TO_TABLE GENERATOR');

/** They stand under aggregate functions and take one value, not a group. */
const SCALAR = names(
  'APPROX_PERCENTILE_ESTIMATE APPROX_TOP_K_ESTIMATE BITMAP_ABSOLUTE_POSITION BITMAP_AND BITMAP_BIT_POSITION BITMAP_BUCKET_NUMBER BITMAP_COUNT BITMAP_OR BITMAP_TO_ARRAY DATASKETCHES_HLL_ESTIMATE HLL_ESTIMATE HLL_EXPORT HLL_IMPORT',
);

const FILES = /^(?:INFER_SCHEMA|VALIDATE|VALIDATE_PIPE_LOAD|(?:EXTERNAL|ICEBERG)_TABLE_FILES|.*FILE_REGISTRATION.*)$/u;

const PURE =
  /^(?:Numeric functions|String & binary functions|String functions \(regular expressions\)|Conditional expression functions|Conversion functions|Semi-structured and structured data functions|Geospatial functions|Bitwise expression functions|Hash functions|Vector functions|Period functions|Date & time functions)$/u;

/** By the last part of the name, then by the categories; the more dangerous one first. */
export const classOf = (full, categories, isTable) => {
  const name = full.split('.').at(-1);
  const is = (category) => categories.includes(category);
  if (/^SYSTEM\$/u.test(name)) return 'system';
  if (/^AI_|CORTEX/u.test(full) || is('Model monitor functions')) return 'model';
  if (SESSION.has(name)) return 'session';
  if (is('Data metric functions')) return 'metric';
  if (is('System functions') || is('Snowpark Container Services functions')) return 'system';
  if (is('Encryption functions')) return 'encryption';
  if (is('Notification functions')) return 'notification';
  if (name === 'TO_QUERY') return 'dynamic';
  if (is('File functions') || FILES.test(name)) return 'file';
  if (OF_ARGUMENTS.has(name)) return 'table';
  if (isTable)
    return /HISTORY|USAGE|RESULTS|EVENT|LOGS|TRACE|BIND_VALUES|TASK_GRAPHS/u.test(name) ? 'history' : 'definition';
  if (name === 'CURRENT_IP_ADDRESS') return 'network';
  if (TIME.has(name)) return 'time';
  if (CONTEXT.has(name)) return 'context';
  if (is('Context functions') || is('Metadata functions') || is('Differential privacy functions')) return 'definition';
  if (is('Organization user and organization user group functions')) return 'definition';
  if (is('Data generation functions')) return 'random';
  if (SCALAR.has(name)) return 'pure';
  if (is('Aggregate functions') || name === 'ST_COLLECT' || /^ST_.*_AGG$/u.test(name)) return 'aggregate';
  if (categories.some((category) => /^Window function/u.test(category))) return 'window';
  return categories.length > 0 && categories.every((category) => PURE.test(category)) ? 'pure' : undefined;
};
