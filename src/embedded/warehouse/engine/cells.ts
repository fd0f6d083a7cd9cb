/** DuckDB's values as the cells of a result. */
import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
} from '@duckdb/node-api';
import {
  binaryCell,
  booleanCell,
  type Cell,
  dateCell,
  realCell,
  type SnowType,
  timeCell,
  timestampCell,
  timestampTzCell,
} from '../../../protocol/index.js';
import { zoneOffsetMinutes } from './formats.js';

function nanosOf(value: unknown): bigint | undefined {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros * 1000n;
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.nanos;
  return undefined;
}

/** A nested DuckDB value as plain JSON. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(plain);
  if (value instanceof DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([key, item]) => [key, plain(item)]));
  if (value instanceof DuckDBMapValue)
    return Object.fromEntries(value.entries.map(({ key, value: item }) => [String(key), plain(item)]));
  if (value instanceof DuckDBDecimalValue) return Number(value.toString());
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return String(value);
}

function jsonText(value: unknown): string {
  return JSON.stringify(plain(value));
}

/** The encoder of one result column; `zone` is the session's TIMEZONE. */
export function encoder(type: SnowType, isJson: boolean, zone: string): (value: unknown) => Cell {
  const scale = type.scale ?? 9;
  switch (type.type) {
    case 'boolean':
      return (value) => (value === null ? null : booleanCell(value === true));
    case 'real':
      return (value) => (value === null ? null : typeof value === 'number' ? realCell(value) : String(value));
    case 'date':
      return (value) => (value instanceof DuckDBDateValue ? dateCell(value.days) : null);
    case 'time':
      return (value) => (value instanceof DuckDBTimeValue ? timeCell(value.micros * 1000n) : null);
    case 'timestamp_ntz':
    case 'timestamp_ltz':
      return (value) => {
        const nanos = nanosOf(value);
        return nanos === undefined ? null : timestampCell(nanos, scale);
      };
    case 'timestamp_tz':
      return (value) => {
        const nanos = nanosOf(value);
        if (nanos === undefined) return null;
        return timestampTzCell(nanos, scale, zoneOffsetMinutes(zone, Number(nanos / 1_000_000n)));
      };
    case 'binary':
      return (value) => (value instanceof DuckDBBlobValue ? binaryCell(value.bytes) : null);
    case 'variant':
    case 'object':
    case 'array':
      if (isJson) return (value) => (value === null ? null : String(value));
      return (value) => (value === null ? null : jsonText(value));
    default:
      return (value) => (value === null ? null : String(value));
  }
}
