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

const isoTime = (text: string): string => {
  const [date = '', time = '', zone = ''] = text.split(' ');
  const trimmed = time.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  return time === '' ? date : `${date}T${trimmed}${zone === '+00:00' ? 'Z' : zone}`;
};

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
    case 'timestamp_ntz':
    case 'timestamp_ltz':
    case 'timestamp_tz':
      return (value) => (typeof value === 'string' ? isoTime(value) : plain(value));
    case 'time':
      return (value) =>
        typeof value === 'string' ? value.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') : plain(value);
    default:
      return plain;
  }
}
