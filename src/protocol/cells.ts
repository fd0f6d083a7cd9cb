/**
 * Cells of the JSON result format: every cell is a text or null. Encodings as the driver reads them (`lib/connection/result/column.js`):
 * numbers as they are written, dates in days since 1970, times and time stamps in seconds with nine decimals, TIMESTAMP_TZ with its offset
 * plus 1440 minutes, BINARY in upper-case hexadecimal, semi-structured values as JSON.
 */
export type Cell = string | null;

/** What the driver takes off an offset again: UTC is 1440. */
const OFFSET_OF_UTC = 1440;

export const booleanCell = (value: boolean): string => (value ? '1' : '0');

export function realCell(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}

export const dateCell = (days: number): string => String(days);

/** `nanos` since midnight. */
export function timeCell(nanos: bigint): string {
  const negative = nanos < 0n;
  const size = negative ? -nanos : nanos;
  return `${negative ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
}

/** `nanos` since 1970: in UTC, or of the wall clock where the type has no zone. `scale`: decimals of its seconds. */
export function timestampCell(nanos: bigint, scale: number): string {
  const text = timeCell(nanos);
  return scale >= 9 ? text : text.slice(0, text.length - (9 - scale));
}

export const timestampTzCell = (nanos: bigint, scale: number, offsetMinutes: number): string =>
  `${timestampCell(nanos, scale)} ${offsetMinutes + OFFSET_OF_UTC}`;

export const binaryCell = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();
