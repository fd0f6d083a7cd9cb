/** Date, time to the second, and the zone that both are of. */

/** Characters of a moment in UTC. */
export const MOMENT_WIDTH = 'YYYY-MM-DD hh:mm:ss UTC'.length;

/** `2026-11-27 11:47:19 UTC`. What is no time stays as it is. */
export function moment(at: Date | string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return String(at);
  const iso = time.toISOString();
  return `${iso.slice(0, -14)} ${iso.slice(-13, -5)} UTC`;
}

/** The name of the zone of this machine, such as Europe/Berlin: in a browser that of whoever looks. */
export const zoneHere = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** No difference has one name. */
const NONE: ReadonlySet<string> = new Set(['GMT', 'GMT+0', 'GMT-0']);

let format: Intl.DateTimeFormat | undefined;

/** The same in the zone of this machine, with how far that is from UTC at that time: `2026-11-27 12:47:19 GMT+1`. */
export function momentHere(at: Date | string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return String(at);
  format ??= new Intl.DateTimeFormat('en-GB', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'shortOffset',
  });
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
  const [year, month, day, hour, minute, second, zone] = (
    ['year', 'month', 'day', 'hour', 'minute', 'second', 'timeZoneName'] as const
  ).map((part) => parts.get(part) ?? '');
  return `${year}-${month}-${day} ${hour}:${minute}:${second} ${zone === undefined || NONE.has(zone) ? 'UTC' : zone}`;
}
