/**
 * Snowflake's types: as the wire names them (the driver's `lib/connection/result/data_types.js`), as statements spell them (documentation
 * page sql-reference/intro-summary-data-types), and what an answer says of a column.
 */

export type WireType =
  | 'fixed'
  | 'real'
  | 'decfloat'
  | 'text'
  | 'boolean'
  | 'date'
  | 'time'
  | 'timestamp_ntz'
  | 'timestamp_ltz'
  | 'timestamp_tz'
  | 'binary'
  | 'variant'
  | 'object'
  | 'array';

/** A type with what belongs to it. */
export interface SnowType {
  readonly type: WireType;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
  readonly length?: number | undefined;
}

/** What a VARCHAR and a BINARY hold where no length is said, in characters and bytes. */
export const TEXT_LENGTH = 16_777_216;
export const BINARY_LENGTH = 8_388_608;

export const fixedType = (precision: number, scale: number): SnowType => ({ type: 'fixed', precision, scale });
export const timestampType = (type: WireType, scale = 9): SnowType => ({ type, scale });
export const textType = (length = TEXT_LENGTH): SnowType => ({ type: 'text', length });

/** A type by its Snowflake spelling, such as `NUMBER(10, 2)` or `TIMESTAMP_LTZ`. */
export function typeOfName(name: string): SnowType | undefined {
  const match = /^\s*([A-Z_ ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$/i.exec(name);
  if (!match) return undefined;
  const first = match[2] === undefined ? undefined : Number(match[2]);
  const second = match[3] === undefined ? undefined : Number(match[3]);
  switch ((match[1] ?? '').toUpperCase().replaceAll('_', '')) {
    case 'NUMBER':
    case 'NUMERIC':
    case 'DECIMAL':
    case 'DEC':
      return fixedType(first ?? 38, second ?? 0);
    case 'INT':
    case 'INTEGER':
    case 'BIGINT':
    case 'SMALLINT':
    case 'TINYINT':
    case 'BYTEINT':
      return fixedType(38, 0);
    case 'FLOAT':
    case 'FLOAT4':
    case 'FLOAT8':
    case 'DOUBLE':
    case 'DOUBLE PRECISION':
    case 'REAL':
      return { type: 'real' };
    case 'DECFLOAT':
      return { type: 'decfloat' };
    case 'STRING':
    case 'TEXT':
    case 'VARCHAR':
      return textType(first ?? TEXT_LENGTH);
    case 'CHAR':
    case 'CHARACTER':
      return textType(first ?? 1);
    case 'BOOLEAN':
      return { type: 'boolean' };
    case 'DATE':
      return { type: 'date' };
    case 'TIME':
      return { type: 'time', scale: first ?? 9 };
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'TIMESTAMPNTZ':
      return timestampType('timestamp_ntz', first ?? 9);
    case 'TIMESTAMPLTZ':
      return timestampType('timestamp_ltz', first ?? 9);
    case 'TIMESTAMPTZ':
      return timestampType('timestamp_tz', first ?? 9);
    case 'BINARY':
    case 'VARBINARY':
      return { type: 'binary', length: first ?? BINARY_LENGTH };
    case 'VARIANT':
      return { type: 'variant' };
    case 'OBJECT':
      return { type: 'object' };
    case 'ARRAY':
      return { type: 'array' };
    default:
      return undefined;
  }
}

/** As DESCRIBE and INFORMATION_SCHEMA spell it. */
export function spellType(type: SnowType): string {
  switch (type.type) {
    case 'fixed':
      return `NUMBER(${type.precision ?? 38},${type.scale ?? 0})`;
    case 'real':
      return 'FLOAT';
    case 'text':
      return `VARCHAR(${type.length ?? TEXT_LENGTH})`;
    case 'time':
    case 'timestamp_ntz':
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return `${type.type.toUpperCase()}(${type.scale ?? 9})`;
    case 'binary':
      return `BINARY(${type.length ?? BINARY_LENGTH})`;
    default:
      return type.type.toUpperCase();
  }
}

export interface WireColumn {
  readonly name: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly nullable: boolean;
  readonly type: WireType;
  readonly length: number | null;
  readonly byteLength: number | null;
  readonly precision: number | null;
  readonly scale: number | null;
  readonly collation: null;
}

export const wireColumn = (name: string, type: SnowType): WireColumn => ({
  name,
  database: '',
  schema: '',
  table: '',
  nullable: true,
  type: type.type,
  length: type.length ?? null,
  byteLength: type.length ?? null,
  precision: type.precision ?? null,
  scale: type.scale ?? null,
  collation: null,
});

export const textColumn = (name: string): WireColumn => wireColumn(name, textType());
export const numberColumn = (name: string): WireColumn => wireColumn(name, fixedType(19, 0));
