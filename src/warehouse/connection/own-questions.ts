/**
 * What the gateway asks for itself: each question and the form that it is known by again are made of one template, so that no other text
 * counts as ours. A hole takes one quoted name, one quoted text, one time or one number, and nothing that goes on behind it: neither an
 * operator of a chain (`->>`, documentation page operators-flow) nor a set operator nor a query of its own fits into any of them.
 */

interface Hole {
  /** A regular expression for what `write` writes, and nothing else. */
  readonly pattern: string;
  readonly write: (value: string) => string;
}

export interface OwnQuestion {
  readonly of: (...values: readonly string[]) => string;
  readonly form: RegExp;
}

/** One part of a name (documentation page sql/identifiers-syntax). */
const NAME: Hole = { pattern: '"(?:[^"]|"")+"', write: (name) => `"${name.replaceAll('"', '""')}"` };

/** A text: quotes doubled, and backslashes, which would take their meaning (documentation page data-types-text). */
export const TEXT: Hole = {
  pattern: String.raw`'(?:[^'\\]|''|\\\\)*'`,
  write: (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
};

/** As `Date.toISOString` writes it. */
const TIME: Hole = {
  pattern: String.raw`'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'`,
  write: (time) => `'${time}'`,
};

const escaped = (text: string): string =>
  text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/\s+/g, String.raw`\s+`);

/** A question of ours: a template with holes, and with texts that are always the same. */
export function ownQuestion(parts: TemplateStringsArray, ...between: readonly (Hole | string)[]): OwnQuestion {
  const pieces = parts.flatMap((part, at) => [part, between[at] ?? '']);
  return {
    of: (...values) => {
      const left = values.values();
      return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.write(left.next().value ?? ''))).join('');
    },
    form: new RegExp(
      `^${pieces.map((piece) => (typeof piece === 'string' ? escaped(piece) : piece.pattern)).join('')}$`,
    ),
  };
}

/** More rows of one name than so many are not asked for. */
const NAMED_SHOWN = 10;

/** A question about one object by its name. */
const named = (what: string): OwnQuestion => {
  const question = ownQuestion`SHOW ${what} LIKE ${TEXT} IN SCHEMA ${NAME}.${NAME} STARTS WITH ${TEXT} LIMIT ${String(NAMED_SHOWN)}`;
  return { ...question, of: (name = '', database = '', schema = '') => question.of(name, database, schema, name) };
};

/**
 * The catalog's (sql/show-objects, sql/show-views, sql/show-external-tables, sql/desc-table, sql/desc-view, sql/show-databases). LIKE alone takes
 * `%` and `_` of a name as wildcards, so that a name made of them would bring all that a schema holds; STARTS WITH takes the name as it stands,
 * case included. Where both hold there is that one object, unless its name has a `%`: then it comes first, since the order is the names' own.
 */
export const OBJECT_LIKE = named('OBJECTS');
export const VIEW_LIKE = named('VIEWS');
export const EXTERNAL_LIKE = named('EXTERNAL TABLES');
export const OBJECTS_OF_DATABASE = ownQuestion`SHOW OBJECTS IN DATABASE ${NAME}`;
export const OBJECTS_OF_SCHEMA = ownQuestion`SHOW OBJECTS IN SCHEMA ${NAME}.${NAME}`;
/** Where every SHOW ends: of objects without a word, of all others with an error if no LIMIT says so (sql/show-objects, sql/show-schemas). */
export const SHOWN = 10_000;
/** Of a schema that has more: what follows a name, in the order of the names. */
export const OBJECTS_AFTER = ownQuestion`SHOW OBJECTS IN SCHEMA ${NAME}.${NAME} LIMIT ${String(SHOWN)} FROM ${TEXT}`;
/** Of a database that has more: what begins so, case included. */
export const OBJECTS_BEGINNING = ownQuestion`SHOW OBJECTS IN DATABASE ${NAME} STARTS WITH ${TEXT} LIMIT ${String(SHOWN)}`;
export const SCHEMAS = ownQuestion`SHOW SCHEMAS IN DATABASE ${NAME} LIMIT ${String(SHOWN)}`;
export const DATABASES = ownQuestion`SHOW DATABASES LIMIT ${String(SHOWN)}`;
export const DESCRIBE_TABLE = ownQuestion`DESCRIBE TABLE ${NAME}.${NAME}.${NAME}`;
export const DESCRIBE_VIEW = ownQuestion`DESCRIBE VIEW ${NAME}.${NAME}.${NAME}`;

/** More constraints than so many are not looked at, and one more tells that there are. */
export const CONSTRAINTS_SHOWN = 500;
const FIRST = `LIMIT ${CONSTRAINTS_SHOWN + 1}`;

/** What is enforced on a table's rows (info-schema/check_constraints). */
export const CHECKS = ownQuestion`SELECT CONSTRAINT_NAME AS NAME, CHECK_CLAUSE AS CLAUSE
         FROM ${NAME}.INFORMATION_SCHEMA.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ${TEXT} AND CONSTRAINT_TABLE = ${TEXT} ${FIRST}`;

/** Of a hybrid table: its unique keys, by column (info-schema/index_columns). */
export const KEYS = ownQuestion`SELECT INDEX_NAME AS NAME, NAME AS "COLUMN"
         FROM ${NAME}.INFORMATION_SCHEMA.INDEX_COLUMNS WHERE TABLE_SCHEMA = ${TEXT} AND TABLE_NAME = ${TEXT} AND IS_UNIQUE = 'YES' AND IS_INCLUDED_COLUMN = 'NO' ${FIRST}`;

/**
 * Of a hybrid table: foreign keys in which it is the child or the parent (info-schema/referential_constraints, …/table_constraints). An end
 * that the role may not see is NULL.
 */
export const REFERENCES = ownQuestion`SELECT R.CONSTRAINT_NAME AS NAME, C.TABLE_SCHEMA AS CHILD_SCHEMA, C.TABLE_NAME AS CHILD, I.NAME AS "COLUMN",
         P.TABLE_SCHEMA AS PARENT_SCHEMA, P.TABLE_NAME AS PARENT
         FROM ${NAME}.INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS R
         LEFT JOIN ${NAME}.INFORMATION_SCHEMA.TABLE_CONSTRAINTS C ON C.CONSTRAINT_SCHEMA = R.CONSTRAINT_SCHEMA AND C.CONSTRAINT_NAME = R.CONSTRAINT_NAME
         LEFT JOIN ${NAME}.INFORMATION_SCHEMA.TABLE_CONSTRAINTS P ON P.CONSTRAINT_SCHEMA = R.UNIQUE_CONSTRAINT_SCHEMA AND P.CONSTRAINT_NAME = R.UNIQUE_CONSTRAINT_NAME
         LEFT JOIN ${NAME}.INFORMATION_SCHEMA.INDEX_COLUMNS I ON I.TABLE_SCHEMA = C.TABLE_SCHEMA AND I.TABLE_NAME = C.TABLE_NAME AND I.CONSTRAINT_NAME = R.CONSTRAINT_NAME
         WHERE (C.TABLE_SCHEMA = ${TEXT} AND C.TABLE_NAME = ${TEXT}) OR (P.TABLE_SCHEMA = ${TEXT} AND P.TABLE_NAME = ${TEXT}) ${FIRST}`;

/** How large a table is; sent behind EXPLAIN, which compiles and reads nothing. */
export const WHOLE_TABLE = ownQuestion`SELECT * FROM ${NAME}.${NAME}.${NAME}`;
const EXPLAINED_TABLE = ownQuestion`EXPLAIN USING JSON SELECT * FROM ${NAME}.${NAME}.${NAME}`;

/** The most that the history gives at once. */
export const HISTORY_PAGE = 10_000;

const REMEMBERED =
  'SELECT QUERY_ID, QUERY_TEXT, QUERY_TAG, EXECUTION_STATUS, ERROR_CODE, DATE_PART(EPOCH_MILLISECOND, START_TIME) AS STARTED, DATE_PART(EPOCH_MILLISECOND, END_TIME) AS ENDED, TOTAL_ELAPSED_TIME, ROWS_PRODUCED, ROLE_NAME';
const LAST = `RESULT_LIMIT => ${HISTORY_PAGE}))
         ORDER BY END_TIME DESC`;

/** The history's (functions/query_history): from a time on up to now, and up to another. */
export const HISTORY = ownQuestion`${REMEMBERED}
         FROM TABLE(${NAME}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(END_TIME_RANGE_START => TO_TIMESTAMP_LTZ(${TIME}), ${LAST}`;
export const HISTORY_UNTIL = ownQuestion`${REMEMBERED}
         FROM TABLE(${NAME}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(END_TIME_RANGE_START => TO_TIMESTAMP_LTZ(${TIME}), END_TIME_RANGE_END => TO_TIMESTAMP_LTZ(${TIME}), ${LAST}`;

export const OWN_FORMS: readonly RegExp[] = [
  OBJECT_LIKE,
  VIEW_LIKE,
  EXTERNAL_LIKE,
  OBJECTS_OF_DATABASE,
  OBJECTS_OF_SCHEMA,
  OBJECTS_AFTER,
  OBJECTS_BEGINNING,
  SCHEMAS,
  DATABASES,
  DESCRIBE_TABLE,
  DESCRIBE_VIEW,
  CHECKS,
  KEYS,
  REFERENCES,
  EXPLAINED_TABLE,
  HISTORY,
  HISTORY_UNTIL,
].map(({ form }) => form);
