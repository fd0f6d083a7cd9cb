/**
 * Snowflake's types beside DuckDB's. A column that was made through Snowflake's DDL keeps its declared type in
 * the catalog; everything else gets the type that DuckDB's own suggests.
 */
import type { DuckDBType } from '@duckdb/node-api';
import { DuckDBDecimalType, DuckDBTypeId } from '@duckdb/node-api';
import { asText, type Body } from '../../sql/index.js';

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

export interface SnowType {
  readonly type: WireType;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
  readonly length?: number | undefined;
}

const TEXT_LENGTH = 16_777_216;
const BINARY_LENGTH = 8_388_608;

const fixed = (precision: number, scale: number): SnowType => ({ type: 'fixed', precision, scale });
const timestamp = (type: WireType, scale = 9): SnowType => ({ type, scale });
const text = (length = TEXT_LENGTH): SnowType => ({ type: 'text', length });

/** What the driver is told about a result column of this DuckDB type. */
export function fromDuck(type: DuckDBType): SnowType {
  if (type.alias === 'JSON') return { type: 'variant' };
  if (type instanceof DuckDBDecimalType) return fixed(type.width, type.scale);
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return { type: 'boolean' };
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return fixed(38, 0);
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return { type: 'real' };
    case DuckDBTypeId.DATE:
      return { type: 'date' };
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_TZ:
      return { type: 'time', scale: 9 };
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return timestamp('timestamp_ntz');
    case DuckDBTypeId.TIMESTAMP_TZ:
      return timestamp('timestamp_ltz');
    case DuckDBTypeId.BLOB:
      return { type: 'binary', length: BINARY_LENGTH };
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return { type: 'array' };
    case DuckDBTypeId.STRUCT:
    case DuckDBTypeId.MAP:
      return { type: 'object' };
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
      return { type: 'variant' };
    default:
      return text();
  }
}

const numeric = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback);

/** The type in a cast or a column definition, as the parser gives it; undefined for structured and unknown types. */
export function fromTree(body: Body): SnowType | undefined {
  const kind = asText(body['data_type']);
  switch (kind) {
    case 'boolean':
      return { type: 'boolean' };
    case 'int':
    case 'tiny_int':
    case 'small_int':
    case 'big_int':
      return fixed(38, 0);
    case 'decimal':
      return fixed(numeric(body['precision'], 38), numeric(body['scale'], 0));
    case 'float':
    case 'double':
      return { type: 'real' };
    case 'text':
    case 'string':
    case 'var_char':
    case 'char':
      return text(numeric(body['length'], kind === 'char' ? 1 : TEXT_LENGTH));
    case 'date':
      return { type: 'date' };
    case 'time':
      return { type: 'time', scale: numeric(body['precision'], 9) };
    case 'timestamp':
      return timestamp(body['timezone'] === true ? 'timestamp_tz' : 'timestamp_ntz', numeric(body['precision'], 9));
    case 'binary':
    case 'var_binary':
      return { type: 'binary', length: numeric(body['length'], BINARY_LENGTH) };
    case 'json':
      return { type: 'variant' };
    case 'custom':
      return fromName(asText(body['name']));
    default:
      return undefined;
  }
}

/** A type by its Snowflake spelling, such as `NUMBER(10, 2)` or `TIMESTAMP_LTZ`. */
export function fromName(name: string): SnowType | undefined {
  const match = /^\s*([A-Z_ ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$/i.exec(name);
  if (!match) return undefined;
  const first = match[2] === undefined ? undefined : Number(match[2]);
  const second = match[3] === undefined ? undefined : Number(match[3]);
  switch ((match[1] ?? '').toUpperCase().replaceAll('_', '')) {
    case 'NUMBER':
    case 'NUMERIC':
    case 'DECIMAL':
    case 'DEC':
      return fixed(first ?? 38, second ?? 0);
    case 'INT':
    case 'INTEGER':
    case 'BIGINT':
    case 'SMALLINT':
    case 'TINYINT':
    case 'BYTEINT':
      return fixed(38, 0);
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
      return text(first ?? TEXT_LENGTH);
    case 'CHAR':
    case 'CHARACTER':
      return text(first ?? 1);
    case 'BOOLEAN':
      return { type: 'boolean' };
    case 'DATE':
      return { type: 'date' };
    case 'TIME':
      return { type: 'time', scale: first ?? 9 };
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'TIMESTAMPNTZ':
      return timestamp('timestamp_ntz', first ?? 9);
    case 'TIMESTAMPLTZ':
      return timestamp('timestamp_ltz', first ?? 9);
    case 'TIMESTAMPTZ':
      return timestamp('timestamp_tz', first ?? 9);
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

/** The DuckDB type that stores it. */
export function toDuck(type: SnowType): string {
  switch (type.type) {
    case 'fixed':
      return `DECIMAL(${type.precision ?? 38}, ${type.scale ?? 0})`;
    case 'real':
      return 'DOUBLE';
    case 'decfloat':
    case 'text':
      return 'VARCHAR';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp_ntz':
      return 'TIMESTAMP';
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return 'TIMESTAMPTZ';
    case 'binary':
      return 'BLOB';
    case 'variant':
    case 'object':
    case 'array':
      return 'JSON';
  }
}

/** As DESCRIBE and INFORMATION_SCHEMA spell it. */
export function spell(type: SnowType): string {
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

export const textColumn = (name: string): WireColumn => wireColumn(name, text());
export const numberColumn = (name: string): WireColumn => wireColumn(name, fixed(19, 0));
