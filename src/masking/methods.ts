/**
 * Masking methods as Snowflake expressions, so that a masked value is made where the table is read and the raw one never leaves
 * the warehouse. docs/masks.md has the table of methods and types. Functions used: documentation pages functions/split_part, functions/left,
 * functions/contains, functions/date_trunc, functions/mod, functions/floor, functions/collate.
 */
import { quoteLiteral } from '../sql/index.js';
import { type ColumnType, columnType, type TypeFamily } from './types.js';

export type MaskMethod =
  | { readonly kind: 'deny' }
  | { readonly kind: 'null' }
  | { readonly kind: 'redact' }
  | { readonly kind: 'constant'; readonly value: string | number | boolean }
  | { readonly kind: 'hash' }
  | { readonly kind: 'bucket'; readonly size: number }
  | { readonly kind: 'truncate_date'; readonly part: 'year' | 'quarter' | 'month' | 'week' | 'day' }
  | { readonly kind: 'email' }
  | { readonly kind: 'keep_first'; readonly count: number }
  | { readonly kind: 'keep_last'; readonly count: number }
  /** Values within a VARIANT or OBJECT, each by its keys from the top. */
  | { readonly kind: 'paths'; readonly paths: readonly PathMask[] };

export interface PathMask {
  readonly path: readonly string[];
  readonly method: MaskMethod;
}

/** What stands for a hidden text. */
export const PLACEHOLDER = '***';

/** The secure function that hashes with a key which only its owner can read; `examples/snowflake-setup.sql` makes it. */
export const HASH_FUNCTION = 'SNOWFENCE.MASKING.HASH_TEXT';
export const HASH_PARTS: readonly string[] = HASH_FUNCTION.split('.');

/** The table with the key, which the function alone reads; Snowflake's compiler may name it where a statement hashes. */
export const HASH_KEY = { database: 'SNOWFENCE', schema: 'MASKING', name: 'HASH_KEY' };

/** Whether a mask, or one within it, is made by the function. */
export const isHashed = (method: MaskMethod): boolean =>
  method.kind === 'hash' || (method.kind === 'paths' && method.paths.some((path) => isHashed(path.method)));

/** Strictest first (POLICY.md, "How a verdict comes about", 4). */
const STRICTNESS: readonly (readonly MaskMethod['kind'][])[] = [
  ['deny'],
  ['null'],
  ['redact'],
  ['constant'],
  ['hash'],
  ['bucket', 'truncate_date'],
  ['email', 'keep_first', 'keep_last'],
  ['paths'],
];

export const strictness = (method: MaskMethod): number => STRICTNESS.findIndex((kinds) => kinds.includes(method.kind));

/** As the answer to the agent and the policy's words name it. */
export function methodName(method: MaskMethod): string {
  switch (method.kind) {
    case 'constant':
      return 'constant';
    case 'bucket':
      return `bucket ${method.size}`;
    case 'truncate_date':
      return `truncate_date ${method.part}`;
    case 'keep_first':
      return `keep_first ${method.count}`;
    case 'keep_last':
      return `keep_last ${method.count}`;
    case 'paths':
      return method.paths.map(({ path, method: inner }) => `${methodName(inner)} at ${path.join('.')}`).join(', ');
    default:
      return method.kind;
  }
}

/** Families that a method is written for; on a column of another one its value is NULL. */
const FOR: Readonly<Record<MaskMethod['kind'], readonly TypeFamily[] | 'any'>> = {
  deny: 'any',
  null: 'any',
  redact: ['text'],
  constant: ['text', 'number', 'float', 'decfloat', 'boolean', 'date', 'time', 'timestamp', 'timestamp_tz', 'variant'],
  hash: ['text'],
  bucket: ['number', 'float', 'decfloat'],
  truncate_date: ['date', 'timestamp', 'timestamp_tz'],
  email: ['text'],
  keep_first: ['text'],
  keep_last: ['text'],
  paths: ['variant', 'object'],
};

const isFor = ({ kind }: MaskMethod, { family }: ColumnType): boolean => {
  const families = FOR[kind];
  return families === 'any' || families.includes(family);
};

/**
 * Why a method hides a column of this type whole (NULL) though it is meant to show something, or does what nobody means; undefined where
 * it fits. `type`: Snowflake's spelling, as DESCRIBE gives it.
 */
export function misfit(method: MaskMethod, type: string): string | undefined {
  const column = columnType(type);
  const whole = `every value becomes NULL`;
  if (!isFor(method, column)) return `"${methodName(method)}" is not for the type ${type}: ${whole}.`;
  if (method.kind === 'paths')
    return method.paths.flatMap(({ path, method: inner }) => {
      const why = misfit(inner, 'VARCHAR');
      return why === undefined ? [] : [`At ${path.join('.')} values are texts, and ${why}`];
    })[0];
  if (method.kind !== 'constant') return undefined;
  const { value } = method;
  if (constantOf(value, column) === undefined)
    return `The constant ${JSON.stringify(value)} is no value of the type ${type}: ${whole}.`;
  const { length } = column;
  return column.family === 'text' && length !== undefined && [...String(value)].length > length
    ? `The constant ${JSON.stringify(value)} is longer than ${type} holds: whoever copies it into a column of this type gets an error.`
    : undefined;
}

/** Of the column's type, whatever that is; a cast to a text type loses the collation (functions/cast, collation). */
function nothing(identifier: string, { family, name, collation }: ColumnType): string {
  // Of types that no page writes a cast of NULL to: the column's own type, and never its value.
  if (family === 'other') return `CASE WHEN FALSE THEN ${identifier} END`;
  return collated(`CAST(NULL AS ${name})`, collation);
}

const collated = (text: string, collation: string | undefined): string =>
  collation === undefined ? text : `COLLATE(${text}, ${quoteLiteral(collation)})`;

/** A whole number of at least one; methods come from a checked policy, and this keeps anything else out of the text. */
const whole = (value: number): string => String(Math.max(1, Math.trunc(value)));

/**
 * The expression that stands for a column. `identifier` is its quoted name, `type` Snowflake's spelling of its type. It has the column's
 * type (a text's length aside), and where a method is not for the type, its value is NULL: hidden, and still of the type.
 */
export function maskExpression(method: MaskMethod, identifier: string, type: string): string {
  if (method.kind === 'deny') throw new Error('A denied column has no expression.');
  const column = columnType(type);
  if (method.kind === 'null' || !isFor(method, column)) return nothing(identifier, column);
  const { collation } = column;
  // Compared as it is written, whatever the column's collation takes for equal; some functions refuse some collations (functions/split_part).
  const text = collation === undefined ? identifier : `COLLATE(${identifier}, '')`;
  switch (method.kind) {
    case 'redact':
      return collated(quoteLiteral(PLACEHOLDER), collation);
    case 'constant':
      return constantOf(method.value, column) ?? nothing(identifier, column);
    case 'hash':
      return collated(`${HASH_FUNCTION}(${text})`, collation);
    case 'bucket':
      return column.family === 'number'
        ? bucketOfNumber(identifier, BigInt(whole(method.size)), column)
        : bucketOfFloat(identifier, whole(method.size));
    case 'truncate_date':
      return truncated(identifier, method.part, column);
    case 'email':
      // What follows the last @; a text without one is hidden whole.
      return collated(
        `CASE WHEN ${text} IS NULL THEN NULL WHEN CONTAINS(${text}, '@') THEN CONCAT(${quoteLiteral(`${PLACEHOLDER}@`)}, SPLIT_PART(${text}, '@', -1)) ELSE ${quoteLiteral(PLACEHOLDER)} END`,
        collation,
      );
    case 'keep_first':
      return collated(keep(text, 'LEFT', whole(method.count)), collation);
    case 'keep_last':
      return collated(keep(text, 'RIGHT', whole(method.count)), collation);
    case 'paths':
      return column.family === 'object'
        ? within(identifier, `${identifier} IS NOT NULL`, identifier, method.paths)
        : `TO_VARIANT(${within(identifier, `IS_OBJECT(${identifier})`, `AS_OBJECT(${identifier})`, method.paths)})`;
  }
}

const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?$/;
const isDate = (text: string): boolean =>
  DATE.test(text) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
const isTimestamp = (text: string): boolean => {
  const [date = '', time = '00:00', ...more] = text.split(/[ T]/);
  return isDate(date) && TIME.test(time) && more.length === 0;
};

/** Digits before the point, behind it, of a number as people and JavaScript write it; undefined for what is none. */
function digitsOf(value: string | number): { text: string; before: number; behind: number } | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  const parts = /^-?(\d+)(?:\.(\d+))?$/.exec(text);
  if (!parts) return undefined;
  return { text, before: (parts[1] ?? '').replace(/^0+/, '').length, behind: (parts[2] ?? '').length };
}

/** A constant of the policy's as a value of the column's type; undefined where it is none. It must never fail when rows are read. */
function constantOf(value: string | number | boolean, column: ColumnType): string | undefined {
  const { family, name, precision, scale, collation } = column;
  switch (family) {
    case 'text':
      // Without the column's length: a cast to less than the text has is an error for every row (functions/cast).
      return collated(quoteLiteral(String(value)), collation);
    case 'variant':
      return `TO_VARIANT(${typeof value === 'string' ? quoteLiteral(value) : String(value)})`;
    case 'boolean':
      return typeof value === 'boolean' ? `CAST(${String(value)} AS ${name})` : undefined;
    case 'number': {
      const digits = typeof value === 'boolean' ? undefined : digitsOf(value);
      return digits && digits.before <= precision - scale && digits.behind <= scale
        ? `CAST(${digits.text} AS ${name})`
        : undefined;
    }
    case 'float':
    case 'decfloat': {
      const digits = typeof value === 'boolean' ? undefined : digitsOf(value);
      return digits && digits.before + digits.behind <= MOST_DIGITS ? `CAST(${digits.text} AS ${name})` : undefined;
    }
    case 'date':
      return typeof value === 'string' && isDate(value) ? `CAST(${quoteLiteral(value)} AS ${name})` : undefined;
    case 'time':
      return typeof value === 'string' && TIME.test(value) ? `CAST(${quoteLiteral(value)} AS ${name})` : undefined;
    case 'timestamp':
    case 'timestamp_tz':
      return typeof value === 'string' && isTimestamp(value)
        ? `CAST(${quoteLiteral(value.replace('T', ' '))} AS ${name})`
        : undefined;
    default:
      return undefined;
  }
}

const MOST_DIGITS = 38;

/** A whole number of the smallest units of a NUMBER, with its point. */
function decimal(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}

/**
 * The next multiple of the size below. By the remainder, which is exact: a division rounds at a scale of its own, and takes a large number
 * just below an edge for one above (operators-arithmetic). The remainder has the number's sign (functions/mod). What lies below the least
 * multiple that the type holds becomes the least number that it holds.
 */
function bucketOfNumber(identifier: string, size: bigint, { name, precision, scale }: ColumnType): string {
  const unit = 10n ** BigInt(scale);
  const least = 1n - 10n ** BigInt(precision);
  // BigInt divides toward zero: the least multiple that is not below.
  const lowest = (least / (size * unit)) * size * unit;
  const rest = `MOD(${identifier}, ${size})`;
  const bucket = `${identifier} - ${rest} - CASE WHEN ${rest} < 0 THEN ${size} ELSE 0 END`;
  return `CAST(CASE WHEN ${identifier} < ${decimal(lowest, scale)} THEN ${decimal(least, scale)} ELSE ${bucket} END AS ${name})`;
}

/** A quotient just below an edge may round up to it: then the bucket is the one before. */
function bucketOfFloat(identifier: string, size: string): string {
  const bucket = `FLOOR(${identifier} / ${size}) * ${size}`;
  return `CASE WHEN ${bucket} > ${identifier} THEN ${bucket} - ${size} ELSE ${bucket} END`;
}

/**
 * A week begins on Monday, whatever WEEK_START says (functions-date-time: week_iso is not controlled by it). Of a time with a zone of its
 * own the offset would tell summer from winter, and where it was: it is moved to UTC before (functions/convert_timezone, with two arguments:
 * the zone of the outcome).
 */
function truncated(identifier: string, part: string, { family }: ColumnType): string {
  const value = family === 'timestamp_tz' ? `CONVERT_TIMEZONE('UTC', ${identifier})` : identifier;
  return `DATE_TRUNC(${quoteLiteral(part === 'week' ? 'week_iso' : part)}, ${value})`;
}

/** A text no longer than what is kept would show whole, so it shows nothing. */
function keep(identifier: string, side: 'LEFT' | 'RIGHT', count: string): string {
  const kept = `${side}(${identifier}, ${count})`;
  const hidden = quoteLiteral(PLACEHOLDER);
  const shown = side === 'LEFT' ? `CONCAT(${kept}, ${hidden})` : `CONCAT(${hidden}, ${kept})`;
  return `CASE WHEN ${identifier} IS NULL THEN NULL WHEN LENGTH(${identifier}) > ${count} THEN ${shown} ELSE ${hidden} END`;
}

/**
 * An object with some of its values masked: their keys are taken out first, so that nothing rests on what an insertion does to a key that
 * is there, and then put in with what stands for their values. A key that is missing stays missing, since OBJECT_INSERT leaves out a NULL.
 * What is not an object where the path wants one is hidden whole, and so is a value that is itself an object or array: nothing that the path
 * does not foresee gets through (documentation pages functions/object_delete, functions/object_insert, functions/get, functions/is_object,
 * functions/as_object). `value`: what holds it; `isObject`: whether it does; `object`: it, as an OBJECT.
 */
function within(value: string, isObject: string, object: string, paths: readonly PathMask[]): string {
  const keys = [...new Set(paths.map(({ path }) => path[0] ?? ''))];
  const without = `OBJECT_DELETE(${object}, ${keys.map(quoteLiteral).join(', ')})`;
  const masked = keys.reduce((rest, key) => {
    const below = paths.filter(({ path }) => path[0] === key);
    const inner = `GET(${value}, ${quoteLiteral(key)})`;
    // The shorter path hides what the longer one is in.
    const leaf = below.find(({ path }) => path.length === 1);
    const replacement = leaf
      ? `CASE WHEN ${inner} IS NULL OR IS_OBJECT(${inner}) OR IS_ARRAY(${inner}) THEN NULL ELSE ${maskExpression(leaf.method, `CAST(${inner} AS VARCHAR)`, 'VARCHAR')} END`
      : within(
          inner,
          `IS_OBJECT(${inner})`,
          `AS_OBJECT(${inner})`,
          below.map(({ path, method }) => ({ path: path.slice(1), method })),
        );
    return `OBJECT_INSERT(${rest}, ${quoteLiteral(key)}, ${replacement})`;
  }, without);
  return `CASE WHEN ${isObject} THEN ${masked} END`;
}
