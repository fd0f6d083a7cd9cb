/** Snowflake's values as JSON: numbers while a double holds them exactly, times in ISO 8601, VARIANT as what it is. */
import type { Column } from 'snowflake-sdk';
import { exactNumber } from '../connection/number.js';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What the driver makes of a date or time stamp (its `lib/connection/result/sf_timestamp.js`). */
interface DriverTime {
  getEpochSeconds(): number;
  getNanoSeconds(): number;
  /** Minutes from UTC, or the session's zone by name. */
  getTimezone(): number | string;
}

interface DriverTimeOfDay {
  getMidnightSeconds(): number;
  getNanoSeconds(): number;
}

const KNOWN_DAYS = 10_000;

const two = (value: number): string => (value < 10 ? `0${value}` : String(value));

const fraction = (nanos: number): string =>
  nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;

/** Any moment since then has an offset of whole minutes, which changes at quarters of an hour: later ones are looked up once a quarter. */
const QUARTERS_SINCE = Date.UTC(1973, 0) / 1000;
const QUARTER_SECONDS = 900;
const KNOWN_OFFSETS = 10_000;

const formats = new Map<string, Intl.DateTimeFormat | undefined>();
const offsets = new Map<string, number | undefined>();

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (formats.has(zone)) return formats.get(zone);
  let format: Intl.DateTimeFormat | undefined;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    // A zone that only Snowflake knows: its times are shown in UTC.
  }
  formats.set(zone, format);
  return format;
}

/** Minutes east of UTC; undefined where that is not known, or not in whole minutes (local mean time of the 19th century). */
function offsetAt(zone: string, seconds: number): number | undefined {
  const parts = formatOf(zone)?.formatToParts(seconds * 1000);
  const name = parts?.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name) ?? [name];
  if (sign === undefined) return name === 'GMT' ? 0 : undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function zoneOffset(zone: string, seconds: number): number | undefined {
  if (zone === 'UTC') return 0;
  if (seconds < QUARTERS_SINCE) return offsetAt(zone, seconds);
  const key = `${zone} ${Math.floor(seconds / QUARTER_SECONDS)}`;
  if (offsets.has(key)) return offsets.get(key);
  if (offsets.size >= KNOWN_OFFSETS) offsets.clear();
  const offset = offsetAt(zone, seconds);
  offsets.set(key, offset);
  return offset;
}

/**
 * ISO 8601, with the offset from UTC where the type has a zone: TIMESTAMP_TZ has its own, TIMESTAMP_LTZ that of the session, so that its
 * day is the one that CURRENT_DATE and casts in the same session mean.
 */
function isoTime(value: DriverTime, hasZone: boolean): string {
  const zone = value.getTimezone();
  const seconds = value.getEpochSeconds();
  const offset = typeof zone === 'number' ? zone : zoneOffset(String(zone), seconds);
  const local = new Date((seconds + (offset ?? 0) * 60) * 1000).toISOString();
  const minutes = Math.abs(offset ?? 0);
  const sign = (offset ?? 0) < 0 ? '-' : '+';
  const suffix = !hasZone ? '' : minutes === 0 ? 'Z' : `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
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
