/**
 * Snowflake's date, time and number formats (documentation pages date-time-input-output and
 * sql-format-models) as far as analysts use them.
 */
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** Micros since the epoch of the wall clock that the text shows, and the offset that it names. */
export interface ParsedTimestamp {
  readonly wall: bigint;
  readonly offsetMinutes: number | undefined;
}

const ISO =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?(?:\d{2})?)?$/;
const RFC =
  /^(?:\w{3}, )?(\d{1,2}) (\w{3}) (\d{4}) (\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?$/;
const SLASHED = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{2}):(\d{2}):(\d{2}))?$/;

function offsetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'Z') return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(text);
  if (!match) return undefined;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0));
}

function parsed(
  fields: readonly (string | number | undefined)[],
  fraction: string | undefined,
  offset?: string,
): ParsedTimestamp | undefined {
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = fields.map((field) => Number(field ?? 0));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, 0);
  const isThere = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isThere || date.getUTCHours() !== hour || date.getUTCMinutes() !== minute) return undefined;
  const wall = BigInt(date.getTime()) * 1000n + BigInt((fraction ?? '').padEnd(6, '0').slice(0, 6) || '0');
  return { wall, offsetMinutes: offsetOf(offset) };
}

/** Reads ISO 8601, RFC 2822 and epoch seconds, as AUTO does; undefined where it is none, or no moment of the calendar. */
export function parseTimestamp(source: string): ParsedTimestamp | undefined {
  const text = source.trim().replace(/^"|"$/g, '');
  let match = ISO.exec(text);
  if (match) return parsed(match.slice(1, 7), match[7], match[8]);
  match = RFC.exec(text);
  if (match) {
    const month = MONTHS.indexOf(match[2] ?? '') + 1;
    if (month > 0) return parsed([match[3], month, match[1], match[4], match[5], match[6]], match[7], match[8]);
  }
  match = SLASHED.exec(text);
  if (match) return parsed([match[3], match[1], match[2], match[4], match[5], match[6]], undefined);
  if (/^-?\d{1,18}$/.test(text)) {
    // Snowflake takes whole numbers as seconds, milli-, micro- or nanoseconds by their size.
    const value = BigInt(text);
    const size = value < 0n ? -value : value;
    const wall =
      size < 31_536_000_000n
        ? value * 1_000_000n
        : size < 31_536_000_000_000n
          ? value * 1000n
          : size < 31_536_000_000_000_000n
            ? value
            : value / 1000n;
    return { wall, offsetMinutes: undefined };
  }
  return undefined;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function zoneFormatter(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    });
    formatters.set(zone, formatter);
  }
  return formatter;
}

function offsetAt(zone: string, epochMillis: number): number {
  const parts = Object.fromEntries(
    zoneFormatter(zone)
      .formatToParts(new Date(epochMillis))
      .map((p) => [p.type, p.value]),
  );
  const year = Number(parts['year']) * (parts['era'] === 'BC' ? -1 : 1);
  const wall = new Date(0);
  wall.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']));
  wall.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']), 0);
  return Math.round((wall.getTime() - Math.floor(epochMillis / 1000) * 1000) / 60_000);
}

/** Minutes east of UTC in a zone at an instant, or at a wall-clock time when `isWall`. */
export function zoneOffsetMinutes(zone: string, millis: number, isWall = false): number {
  if (/^(?:Etc\/)?(?:UTC|GMT)$/i.test(zone)) return 0;
  const first = offsetAt(zone, millis);
  return isWall ? offsetAt(zone, millis - first * 60_000) : first;
}

const DEFAULT_FORMATS: readonly (readonly [prefix: string, format: string])[] = [
  ['DATE', 'YYYY-MM-DD'],
  ['TIMESTAMP WITH', 'YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM'],
  ['TIMESTAMP', 'YYYY-MM-DD HH24:MI:SS.FF3'],
  ['TIME', 'HH24:MI:SS'],
];

const ELEMENTS = /YYYY|YY|MMMM|MON|MM|DD|DY|HH24|HH12|HH|AM|PM|MI|SS|FF[0-9]?|TZHTZM|TZH:TZM|TZH|TZM|"[^"]*"/gi;

/** A DuckDB value's text under one of Snowflake's formats; an empty format means the type's default. */
export function formatTime(type: string, value: string, format: string): string {
  const wanted = format || (DEFAULT_FORMATS.find(([prefix]) => type.startsWith(prefix))?.[1] ?? 'YYYY-MM-DD');
  const text = type.startsWith('TIME') && !type.startsWith('TIMESTAMP') ? `1970-01-01 ${value}` : value;
  const moment = parseTimestamp(text);
  if (!moment) throw new Error(`Timestamp '${text}' is not recognized`);
  const { wall, offsetMinutes } = moment;
  const date = new Date(Number(wall / 1000n) - (wall % 1000n < 0n ? 1 : 0));
  const fraction = pad(Number(((wall % 1_000_000n) + 1_000_000n) % 1_000_000n), 6);
  const hour12 = date.getUTCHours() % 12 || 12;
  const zone = offsetMinutes ?? 0;
  const sign = zone < 0 ? '-' : '+';
  const zoneHours = `${sign}${pad(Math.floor(Math.abs(zone) / 60), 2)}`;
  const zoneMinutes = pad(Math.abs(zone) % 60, 2);
  return wanted.replace(ELEMENTS, (element) => {
    switch (element.toUpperCase()) {
      case 'YYYY':
        return pad(date.getUTCFullYear(), 4);
      case 'YY':
        return pad(date.getUTCFullYear() % 100, 2);
      case 'MMMM':
        return MONTH_NAMES[date.getUTCMonth()] ?? '';
      case 'MON':
        return MONTHS[date.getUTCMonth()] ?? '';
      case 'MM':
        return pad(date.getUTCMonth() + 1, 2);
      case 'DD':
        return pad(date.getUTCDate(), 2);
      case 'DY':
        return DAYS[date.getUTCDay()] ?? '';
      case 'HH24':
      case 'HH':
        return pad(date.getUTCHours(), 2);
      case 'HH12':
        return pad(hour12, 2);
      case 'AM':
      case 'PM':
        return date.getUTCHours() < 12 ? 'AM' : 'PM';
      case 'MI':
        return pad(date.getUTCMinutes(), 2);
      case 'SS':
        return pad(date.getUTCSeconds(), 2);
      case 'TZHTZM':
        return `${zoneHours}${zoneMinutes}`;
      case 'TZH:TZM':
        return `${zoneHours}:${zoneMinutes}`;
      case 'TZH':
        return zoneHours;
      case 'TZM':
        return zoneMinutes;
      default:
        if (element.startsWith('"')) return element.slice(1, -1);
        return fraction.padEnd(9, '0').slice(0, Number(element.slice(2) || '9'));
    }
  });
}

/**
 * A number under a format of 9, 0, comma, point and $ (sql-format-models): without FM the text is as wide as
 * the format, with room for a sign. Other elements are an error.
 */
export function formatNumber(value: string, format: string): string {
  if (format === '') return value;
  const fill = !/^FM/i.test(format);
  const model = format.replace(/^FM/i, '');
  if (!/^\$?[90,]*(?:\.[90]*)?$/.test(model)) throw new Error(`Unsupported numeric format '${format}'`);
  const number = Number(value);
  if (Number.isNaN(number)) throw new Error(`Numeric value '${value}' is not recognized`);
  const [whole = '', decimals = ''] = model.replace('$', '').split('.');
  const [digits = '0', fraction = ''] = Math.abs(number).toFixed(decimals.length).split('.');
  const slots = [...whole].reverse();
  const places = slots.filter((slot) => slot !== ',').length;
  const shown = digits === '0' && !whole.includes('0') && decimals !== '' ? '' : digits;
  if (shown.length > places) return '#'.repeat(model.length + 1);
  let body = '';
  let at = shown.length - 1;
  slots.forEach((slot, index) => {
    // A comma stands only between digits that are printed.
    if (slot === ',') {
      if (at >= 0 || slots.slice(index).includes('0')) body = `,${body}`;
      return;
    }
    if (at >= 0) body = `${shown[at] ?? ''}${body}`;
    else if (slot === '0') body = `0${body}`;
    at -= 1;
  });
  const text = `${number < 0 ? '-' : ''}${model.startsWith('$') ? '$' : ''}${body}${decimals ? `.${fraction}` : ''}`;
  return fill ? text.padStart(model.length + 1, ' ') : text;
}
