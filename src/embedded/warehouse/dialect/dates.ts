/** Dates and times of the dialect: names of their parts, and what they are cut to. */
import { asBody, asList, asText, identifierOf, nodeOf, textLiteral } from '../../../sql/index.js';
import { call, castNode, numberNode, textNode } from '../syntax/nodes.js';

const PARTS: Readonly<Record<string, string>> = {
  y: 'year',
  yy: 'year',
  yyy: 'year',
  yyyy: 'year',
  yr: 'year',
  years: 'year',
  mm: 'month',
  mon: 'month',
  mons: 'month',
  months: 'month',
  d: 'day',
  dd: 'day',
  days: 'day',
  w: 'week',
  wk: 'week',
  weeks: 'week',
  q: 'quarter',
  qtr: 'quarter',
  qtrs: 'quarter',
  quarters: 'quarter',
  h: 'hour',
  hh: 'hour',
  hr: 'hour',
  hrs: 'hour',
  hours: 'hour',
  m: 'minute',
  mi: 'minute',
  min: 'minute',
  mins: 'minute',
  minutes: 'minute',
  s: 'second',
  sec: 'second',
  secs: 'second',
  seconds: 'second',
  ms: 'millisecond',
  msec: 'millisecond',
  milliseconds: 'millisecond',
  us: 'microsecond',
  usec: 'microsecond',
  microseconds: 'microsecond',
};

/** A date or time part by its own name, whichever of its names stands there (functions-date-time). */
export const partOf = (name: string): string => PARTS[name.toLowerCase()] ?? name.toLowerCase();

export function datePart(value: unknown): string {
  const node = nodeOf(value);
  const raw = textLiteral(value) ?? asText(node?.body['this']) ?? '';
  return partOf(raw || asText(identifierOf(asBody(node?.body['name']))?.name ?? ''));
}

/** DuckDB would read a bare text literal as any type at all, and so find several macros that fit. */
export function typed(value: unknown): unknown {
  return textLiteral(value) === undefined ? value : castNode(value, 'VARCHAR');
}

/** Weeks begin as WEEK_START says, on Monday where it is 0, and ISO weeks whatever it says (functions-date-time). */
export function truncated(part: string, value: unknown, weekStart: number): unknown {
  const isIso = part === 'week_iso' || part === 'weekiso';
  const zoned = inZone(value);
  const whole = textNode(isIso ? 'week' : part);
  if (zoned) return call('SF_DATE_TRUNC_IN', whole, ...zoned);
  return part === 'week' && weekStart > 1
    ? call('SF_WEEK_FROM', numberNode(weekStart - 1), typed(value))
    : call('SF_DATE_TRUNC', whole, typed(value));
}

/** Zone and time of what CONVERT_TIMEZONE was made of. */
function inZone(value: unknown): readonly unknown[] | undefined {
  const node = nodeOf(value);
  return node?.kind === 'function' && asText(node.body['name']) === 'SF_IN_ZONE'
    ? asList(node.body['args'])
    : undefined;
}
