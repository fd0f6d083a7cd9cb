/**
 * Snowflake's types as masks see them, read from the text that DESCRIBE and SHOW give of a column (documentation pages
 * intro-summary-data-types, data-types-numeric, data-types-text, data-types-datetime, data-types-semistructured, data-types-structured,
 * sql/desc-table: the type comes with its collation).
 */

/** `other`: structured types, geography, vectors, intervals and what comes later: no expression of a mask but NULL is written for it. */
export type TypeFamily =
  | 'text'
  | 'number'
  | 'float'
  | 'decfloat'
  | 'boolean'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamp_tz'
  | 'binary'
  | 'variant'
  | 'object'
  | 'array'
  | 'other';

export interface ColumnType {
  readonly family: TypeFamily;
  /** As a cast may name it: as it was given, without the collation. */
  readonly name: string;
  /** Of a text, in characters; undefined where nothing is said (16 MB, more than any mask is long). */
  readonly length: number | undefined;
  /** Digits of a NUMBER, and how many of them stand behind the point. */
  readonly precision: number;
  readonly scale: number;
  /** Of a text, as COLLATE takes it; undefined where it has none. */
  readonly collation: string | undefined;
}

const FAMILIES: Readonly<Record<string, TypeFamily>> = {
  VARCHAR: 'text',
  CHAR: 'text',
  CHARACTER: 'text',
  NCHAR: 'text',
  STRING: 'text',
  TEXT: 'text',
  NVARCHAR: 'text',
  NVARCHAR2: 'text',
  'CHAR VARYING': 'text',
  'NCHAR VARYING': 'text',
  NUMBER: 'number',
  DECIMAL: 'number',
  DEC: 'number',
  NUMERIC: 'number',
  INT: 'number',
  INTEGER: 'number',
  BIGINT: 'number',
  SMALLINT: 'number',
  TINYINT: 'number',
  BYTEINT: 'number',
  FLOAT: 'float',
  FLOAT4: 'float',
  FLOAT8: 'float',
  DOUBLE: 'float',
  'DOUBLE PRECISION': 'float',
  REAL: 'float',
  DECFLOAT: 'decfloat',
  BOOLEAN: 'boolean',
  DATE: 'date',
  TIME: 'time',
  // Which one it is goes by TIMESTAMP_TYPE_MAPPING; DESCRIBE says it in full.
  TIMESTAMP: 'timestamp',
  DATETIME: 'timestamp',
  TIMESTAMP_NTZ: 'timestamp',
  TIMESTAMPNTZ: 'timestamp',
  'TIMESTAMP WITHOUT TIME ZONE': 'timestamp',
  TIMESTAMP_LTZ: 'timestamp',
  TIMESTAMPLTZ: 'timestamp',
  'TIMESTAMP WITH LOCAL TIME ZONE': 'timestamp',
  TIMESTAMP_TZ: 'timestamp_tz',
  TIMESTAMPTZ: 'timestamp_tz',
  'TIMESTAMP WITH TIME ZONE': 'timestamp_tz',
  BINARY: 'binary',
  VARBINARY: 'binary',
  VARIANT: 'variant',
  OBJECT: 'object',
  ARRAY: 'array',
};
/** OBJECT and ARRAY with what is in them are structured types (data-types-structured). */
const STRUCTURED: ReadonlySet<TypeFamily> = new Set(['object', 'array']);
const DIGITS = 38;

/** Never throws: what is not known is `other`. */
export function columnType(text: string): ColumnType {
  const collated = /^([\s\S]*?)\s+COLLATE\s+'((?:[^']|'')*)'/i.exec(text);
  const name = (collated?.[1] ?? text).trim();
  const parts = /^([A-Z0-9_ ]+?)\s*(?:\(([\s\S]*)\))?$/i.exec(name);
  const word = (parts?.[1] ?? '').toUpperCase().replaceAll(/\s+/g, ' ');
  const known = FAMILIES[word] ?? 'other';
  const within = parts?.[2];
  const numbers = (within ?? '').split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : undefined));
  const [first, second] = numbers;
  const isStructured = within !== undefined && STRUCTURED.has(known);
  return {
    family: isStructured ? 'other' : known,
    name,
    length: known === 'text' ? first : undefined,
    precision: known === 'number' ? (first ?? DIGITS) : DIGITS,
    scale: known === 'number' ? (second ?? 0) : 0,
    collation: known === 'text' ? collated?.[2]?.replaceAll("''", "'") || undefined : undefined,
  };
}
