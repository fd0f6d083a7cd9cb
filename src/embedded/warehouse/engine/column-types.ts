/**
 * Snowflake's types beside DuckDB's. A column that was made through Snowflake's DDL keeps its declared type in
 * the catalog; everything else gets the type that DuckDB's own suggests.
 */
import { DuckDBDecimalType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import {
  BINARY_LENGTH,
  fixedType,
  type SnowType,
  TEXT_LENGTH,
  textType,
  timestampType,
  typeOfName,
} from '../../../protocol/index.js';
import { asText, type Body } from '../../../sql/index.js';

/** What the driver is told about a result column of this DuckDB type. */
export function fromDuck(type: DuckDBType): SnowType {
  if (type.alias === 'JSON') return { type: 'variant' };
  if (type instanceof DuckDBDecimalType) return fixedType(type.width, type.scale);
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
      return fixedType(38, 0);
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
      return timestampType('timestamp_ntz');
    case DuckDBTypeId.TIMESTAMP_TZ:
      return timestampType('timestamp_ltz');
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
      return textType();
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
      return fixedType(38, 0);
    case 'decimal':
      return fixedType(numeric(body['precision'], 38), numeric(body['scale'], 0));
    case 'float':
    case 'double':
      return { type: 'real' };
    case 'text':
    case 'string':
    case 'var_char':
    case 'char':
      return textType(numeric(body['length'], kind === 'char' ? 1 : TEXT_LENGTH));
    case 'date':
      return { type: 'date' };
    case 'time':
      return { type: 'time', scale: numeric(body['precision'], 9) };
    case 'timestamp':
      return timestampType(body['timezone'] === true ? 'timestamp_tz' : 'timestamp_ntz', numeric(body['precision'], 9));
    case 'binary':
    case 'var_binary':
      return { type: 'binary', length: numeric(body['length'], BINARY_LENGTH) };
    case 'json':
      return { type: 'variant' };
    case 'custom':
      return typeOfName(asText(body['name']));
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
