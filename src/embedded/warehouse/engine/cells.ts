/**
 * DuckDB's values as the cells of Snowflake's JSON result format: every cell is a text or null.
 * Encodings as the driver reads them (`lib/connection/result/column.js`): dates in days, times and time stamps in
 * seconds with nine decimals, TIMESTAMP_TZ with its offset plus 1440 minutes, BINARY in upper-case hexadecimal.
 */
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
import type { SnowType } from '../types.js';
import { zoneOffsetMinutes } from './formats.js';

export type Cell = string | null;

function secondsText(micros: bigint, extraNanos = 0n): string {
  const nanos = micros * 1000n + extraNanos;
  const negative = nanos < 0n;
  const size = negative ? -nanos : nanos;
  return `${negative ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
}

function microsOf(value: unknown): { micros: bigint; nanos: bigint } | undefined {
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue)
    return { micros: value.micros, nanos: 0n };
  if (value instanceof DuckDBTimestampNanosecondsValue)
    return { micros: value.nanos / 1000n, nanos: value.nanos % 1000n };
  return undefined;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
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
      return (value) => (value === null ? null : value === true ? '1' : '0');
    case 'real':
      return (value) => (value === null ? null : typeof value === 'number' ? floatText(value) : String(value));
    case 'date':
      return (value) => (value instanceof DuckDBDateValue ? String(value.days) : null);
    case 'time':
      return (value) => (value instanceof DuckDBTimeValue ? secondsText(value.micros) : null);
    case 'timestamp_ntz':
    case 'timestamp_ltz':
      return (value) => {
        const stamp = microsOf(value);
        return stamp ? trimScale(secondsText(stamp.micros, stamp.nanos), scale) : null;
      };
    case 'timestamp_tz':
      return (value) => {
        const stamp = microsOf(value);
        if (!stamp) return null;
        const offset = zoneOffsetMinutes(zone, Number(stamp.micros / 1000n));
        return `${trimScale(secondsText(stamp.micros, stamp.nanos), scale)} ${offset + 1440}`;
      };
    case 'binary':
      return (value) =>
        value instanceof DuckDBBlobValue ? Buffer.from(value.bytes).toString('hex').toUpperCase() : null;
    case 'variant':
    case 'object':
    case 'array':
      if (isJson) return (value) => (value === null ? null : String(value));
      return (value) => (value === null ? null : jsonText(value));
    default:
      return (value) => (value === null ? null : String(value));
  }
}

const trimScale = (text: string, scale: number): string =>
  scale >= 9 ? text : text.slice(0, text.length - (9 - scale));
