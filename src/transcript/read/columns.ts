/** The columns that events and leaves are read by, in the shape in which `form/` has them. */

/** A time as ISO 8601 with milliseconds, by nothing that could be replaced in the database's schema. */
export const timeText = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Of `event e`. They bear the names of the columns that they are made from, and ORDER BY takes a bare name for that of the output before
 * that of the column (PostgreSQL, SELECT, ORDER BY clause): `ORDER BY sequence` would sort texts, 1, 10, 100, 2. Hence `e.` wherever
 * something is ordered.
 */
export const EVENT_COLUMNS = `e.sequence::text AS sequence, e.position::float8 AS position, ${timeText('e.at')} AS at, e.session_id AS session, e.statement_id AS statement, e.kind,
  e.body::text AS body, e.writer, e.n::float8 AS n, encode(e.hash, 'hex') AS hash, encode(e.signature, 'base64') AS signature`;

/** Of `leaf l`; as with events, whoever orders names the column by its table. */
export const LEAF_COLUMNS = `l.position::float8 AS position, l.session_id AS session, l.length::float8 AS length, encode(l.hash, 'hex') AS hash, ${timeText('l.at')} AS at`;
