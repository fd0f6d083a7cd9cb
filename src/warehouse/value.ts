/** Snowflake's values as JSON: numbers while a double holds them exactly, times in ISO 8601, VARIANT as what it is. */
import type { Column } from 'snowflake-sdk';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A number's text as a number, where nothing is lost; the text otherwise. */
export function exactNumber(text: string): number | string {
  const value = Number(text);
  // Fifteen digits fit, whatever they are: most numbers need no further look.
  if (text.length <= 15 && text !== '' && Number.isFinite(value)) return value;
  if (!Number.isFinite(value)) return text;
  // A whole number is exact if the double is that very number; fifteen digits of a fraction always come back as they were.
  if (/^-?\d+$/.test(text)) return BigInt(text) === BigInt(value) ? value : text;
  const digits = text.replace(/\D/g, '').replace(/^0+/, '').replace(/0+$/, '');
  return digits.length <= 15 ? value : text;
}

/** What the driver makes of a date or time stamp (its `lib/connection/result/sf_timestamp.js`). */
interface DriverTime {
  getEpochSeconds(): number;
  getNanoSeconds(): number;
  /** Minutes from UTC, or the session's zone by name. */
  getTimezone(): number | string;
  toJSON(): string;
}

interface DriverTimeOfDay {
  getMidnightSeconds(): number;
  getNanoSeconds(): number;
}

const KNOWN_DAYS = 10_000;

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

const fraction = (nanos: number): string =>
  nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;

/** ISO 8601. The driver's own texts are the same and take ten times as long. */
function isoTime(value: DriverTime, hasZone: boolean): string {
  const zone = value.getTimezone();
  // Our sessions are in UTC; a named zone is the driver's to work out.
  const offset = typeof zone === 'number' ? zone : zone === 'UTC' ? 0 : undefined;
  if (offset === undefined) return value.toJSON();
  const local = new Date((value.getEpochSeconds() + offset * 60) * 1000).toISOString();
  const sign = offset < 0 ? '-' : '+';
  const minutes = Math.abs(offset);
  const suffix = !hasZone ? '' : offset === 0 ? 'Z' : `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${local.slice(0, -5)}${fraction(value.getNanoSeconds())}${suffix}`;
}

const isDriverTime = (value: unknown): value is DriverTime =>
  value instanceof Date && typeof (value as Partial<DriverTime>).getEpochSeconds === 'function';

const isTimeOfDay = (value: unknown): value is DriverTimeOfDay =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<DriverTimeOfDay>).getMidnightSeconds === 'function';

function plain(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return exactNumber(String(value));
  if (Buffer.isBuffer(value)) return value.toString('hex').toUpperCase();
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return String(value);
}

/** How the cells of a column become JSON. */
export function converter(column: Column): (value: unknown) => Json {
  const type = column.getType().toLowerCase();
  switch (type) {
    case 'fixed':
    case 'real':
      return (value) => (typeof value === 'string' ? exactNumber(value) : plain(value));
    case 'date': {
      // Days repeat.
      const known = new Map<number, string>();
      return (value) => {
        if (!isDriverTime(value)) return plain(value);
        const seconds = value.getEpochSeconds();
        const day = known.get(seconds) ?? new Date(seconds * 1000).toISOString().slice(0, -14);
        if (known.size < KNOWN_DAYS) known.set(seconds, day);
        return day;
      };
    }
    case 'timestamp_ntz':
      return (value) => (isDriverTime(value) ? isoTime(value, false) : plain(value));
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return (value) => (isDriverTime(value) ? isoTime(value, true) : plain(value));
    case 'time':
      return (value) => {
        if (!isTimeOfDay(value)) return plain(value);
        const seconds = value.getMidnightSeconds();
        const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
        return `${two(hours)}:${two(minutes)}:${two(seconds % 60)}${fraction(value.getNanoSeconds())}`;
      };
    default:
      return plain;
  }
}
