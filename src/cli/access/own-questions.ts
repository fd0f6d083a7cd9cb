/** What the command line asks the warehouse for itself, beside the gateway's own questions. */
import { HASH_FUNCTION, HASH_KEY } from '../../masking/index.js';
import { isOwnQuestion, ownQuestion, TEXT } from '../../warehouse/index.js';

/** Doctor's. */
export const WHO = ownQuestion`SELECT CURRENT_ROLE() AS R, CURRENT_WAREHOUSE() AS W, CURRENT_SECONDARY_ROLES() AS S`;
export const HASH_WORKS = ownQuestion`SELECT ${HASH_FUNCTION}('doctor')`;
export const KEY_TABLE = [HASH_KEY.database, HASH_KEY.schema, HASH_KEY.name].join('.');
export const KEY_READABLE = ownQuestion`SELECT COUNT(*) FROM ${KEY_TABLE}`;

/** A result that is too large for one answer: it comes in chunks, from where Snowflake keeps results (functions/generator, functions/repeat). */
export const CHUNKED_ROWS = 10_000;
export const CHUNKED = ownQuestion`SELECT REPEAT('x', 200) AS T FROM TABLE(GENERATOR(ROWCOUNT => ${String(CHUNKED_ROWS)}))`;
/** Hosts that have to be reached, those with chunks of results among them (functions/system_allowlist). */
export const HOSTS = ownQuestion`SELECT SYSTEM$ALLOWLIST() AS HOSTS`;

/** `policy suggest`'s, of a database and a schema (account-usage/tag_references, account-usage/data_classification_latest). */
export const TAGS = ownQuestion`SELECT OBJECT_NAME AS "TABLE", COLUMN_NAME AS "COLUMN", TAG_NAME AS "NAME", TAG_VALUE AS "VALUE" FROM SNOWFLAKE.ACCOUNT_USAGE.TAG_REFERENCES WHERE DOMAIN = 'COLUMN' AND OBJECT_DELETED IS NULL AND OBJECT_DATABASE = ${TEXT} AND OBJECT_SCHEMA = ${TEXT}`;
export const CLASSES = ownQuestion`SELECT TABLE_NAME AS "TABLE", RESULT FROM SNOWFLAKE.ACCOUNT_USAGE.DATA_CLASSIFICATION_LATEST WHERE DATABASE_NAME = ${TEXT} AND SCHEMA_NAME = ${TEXT}`;

const FORMS: readonly RegExp[] = [WHO, HASH_WORKS, KEY_READABLE, CHUNKED, HOSTS, TAGS, CLASSES].map(({ form }) => form);

/** Whether a text under the tag of our own questions is one of them. */
export const isOurs = (text: string): boolean => isOwnQuestion(text) || FORMS.some((form) => form.test(text));
