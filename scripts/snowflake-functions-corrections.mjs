/**
 * What no rule reads out of the documentation, kept by hand: each with the page that says it and why it stands here.
 */

/** Names and pages of the list of all functions that are no calls by name. */
export const NOT_CALLED = new Map([
  ['BETWEEN', 'an operator, functions/between'],
  ['CASE', 'an expression, functions/case'],
  ['IN', 'an operator, functions/in'],
  ['REGEXP', 'an operator, functions/regexp'],
  ['LIKE ANY', 'an operator, functions/like_any'],
  ['LIKE ALL', 'an operator, functions/like_all'],
  ['ILIKE ANY', 'an operator, functions/ilike_any'],
  ['||', 'an operator, functions/concat'],
  ['::', 'an operator, functions/cast'],
  [':', 'an operator, functions/get_path'],
  ['functions/is-distinct-from', 'an operator'],
  ['functions/is-null', 'an operator'],
  ['functions/as', 'a page about the family; its members have pages of their own'],
  ['functions/is', 'a page about the family; its members have pages of their own'],
  ['functions/spcs_cancel_job', 'a method of a service, called as service!SPCS_CANCEL_JOB'],
  ['functions/spcs_get_events', 'a method of a service, called as service!SPCS_GET_EVENTS'],
  ['functions/spcs_get_logs', 'a method of a service, called as service!SPCS_GET_LOGS'],
  ['functions/spcs_get_metrics', 'a method of a service, called as service!SPCS_GET_METRICS'],
  ['functions/spcs_wait_for', 'a method of a service, called as service!SPCS_WAIT_FOR'],
  ['functions/get_configuration_value', 'a key of SYS_CONTEXT'],
  ['functions/is_agent_activated', 'a key of SYS_CONTEXT'],
  ['functions/is_application_role_activated', 'a key of SYS_CONTEXT'],
  ['functions/is_configuration_set', 'a key of SYS_CONTEXT'],
  ['functions/is_database_role_activated', 'a key of SYS_CONTEXT'],
  ['functions/is_group_activated', 'a key of SYS_CONTEXT'],
  ['functions/is_group_imported', 'a key of SYS_CONTEXT'],
  ['functions/is_role_activated', 'a key of SYS_CONTEXT'],
  ['functions/is_user_imported', 'a key of SYS_CONTEXT'],
]);

const MATCH = 'constructs/match_recognize';

/** Functions that stand on pages about constructs, not on the list of all functions. */
export const ALSO = [
  { name: 'CLASSIFIER', class: 'window', least: 0, most: 0, page: MATCH },
  { name: 'MATCH_NUMBER', class: 'window', least: 0, most: 0, page: MATCH },
  { name: 'MATCH_SEQUENCE_NUMBER', class: 'window', least: 0, most: 0, page: MATCH },
  { name: 'PREV', class: 'window', least: 1, most: 3, page: MATCH },
  { name: 'NEXT', class: 'window', least: 1, most: 3, page: MATCH },
  { name: 'FIRST', class: 'window', least: 1, most: 1, page: MATCH },
  { name: 'LAST', class: 'window', least: 1, most: 1, page: MATCH },
  {
    name: 'GETNEXTVAL',
    class: 'sequence',
    least: 1,
    most: 1,
    isTable: true,
    columns: ['NEXTVAL'],
    page: 'user-guide/querying-sequences',
  },
  {
    name: 'INFORMATION_SCHEMA.DCM_DEPLOYMENT_HISTORY',
    class: 'history',
    least: 0,
    most: Number.POSITIVE_INFINITY,
    isTable: true,
    page: 'info-schema/dcm_deployment_history',
  },
  { name: 'SYS_CONNECT_BY_PATH', class: 'pure', least: 2, most: 2, page: 'constructs/connect-by' },
];

/** By the name on the list; what stands here replaces what was read. */
export const CORRECTIONS = {
  EXPLAIN_JSON: {
    isTable: true,
    page: 'functions/explain_json',
    reason: 'the list has it under system functions only; its page says that it is a table function',
  },
  INFER_SCHEMA: {
    least: 1,
    page: 'functions/infer_schema',
    reason: 'its syntax leaves optional arguments unmarked; its examples give two of seven',
  },
  'INFORMATION_SCHEMA.DATABASE_REFRESH_HISTORY': {
    least: 0,
    page: 'functions/database_refresh_history',
    reason: 'its syntax leaves the argument unmarked; its example gives none',
  },
  BUILD_SCOPED_FILE_URL: {
    least: 2,
    page: 'functions/build_scoped_file_url',
    reason: 'its syntax leaves the third argument unmarked, which has a default',
  },
  ARRAY_SIZE: {
    named: ['INPUT'],
    page: 'functions/array_size',
    reason:
      'agents call it as ARRAY_SIZE(INPUT => …); its page shows the argument by place alone, and the name changes nothing that is read',
  },
  TIME_SLICE: {
    datePart: [],
    page: 'functions/time_slice',
    reason: 'the part must be a text there, though its name in the syntax is that of a bare word',
  },
  LEAST: {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    page: 'functions/least',
    reason: 'its syntax opens two brackets and closes one',
  },
  GENERATE_POSTGRES_ACCESS_TOKEN_FOR_USER: {
    class: 'system',
    page: 'functions/generate_postgres_access_token_for_user',
    reason: 'it has no category, and makes a password',
  },
};
