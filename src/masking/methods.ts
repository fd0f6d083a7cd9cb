/**
 * Masking methods as Snowflake expressions, so that a masked value is made where the table is read and the raw one never leaves
 * the warehouse. Functions used: documentation pages functions/split_part, functions/left, functions/date_trunc.
 */
import { quoteLiteral } from '../sql/index.js';

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

const isText = (type: string): boolean => /^(?:VARCHAR|STRING|TEXT|CHAR)/i.test(type);
const isNumber = (type: string): boolean => /^(?:NUMBER|DECIMAL|NUMERIC|INT|BIGINT|FLOAT|DOUBLE|REAL)/i.test(type);
const isTime = (type: string): boolean => /^(?:DATE|TIMESTAMP|DATETIME)/i.test(type);

const nothing = (type: string): string => `CAST(NULL AS ${type})`;

/** A whole number of at least one; methods come from a checked policy, and this keeps anything else out of the text. */
const whole = (value: number): string => String(Math.max(1, Math.trunc(value)));

/**
 * The expression that stands for a column. `identifier` is its quoted name, `type` Snowflake's spelling of its type. Where a method
 * can't be applied to the type, the value is NULL of that type: hidden, and still of its type.
 */
export function maskExpression(method: MaskMethod, identifier: string, type: string): string {
  switch (method.kind) {
    case 'deny':
      throw new Error('A denied column has no expression.');
    case 'null':
      return nothing(type);
    case 'redact':
      return isText(type) ? quoteLiteral(PLACEHOLDER) : nothing(type);
    case 'constant':
      return typeof method.value === 'string'
        ? `CAST(${quoteLiteral(method.value)} AS ${type})`
        : `CAST(${String(method.value)} AS ${type})`;
    case 'hash':
      return isText(type) ? `${HASH_FUNCTION}(${identifier})` : nothing(type);
    case 'bucket':
      return isNumber(type) ? `FLOOR(${identifier} / ${whole(method.size)}) * ${whole(method.size)}` : nothing(type);
    case 'truncate_date':
      return isTime(type) ? `DATE_TRUNC(${quoteLiteral(method.part)}, ${identifier})` : nothing(type);
    case 'email':
      if (!isText(type)) return nothing(type);
      // What follows the last @; a text without one is hidden whole.
      return `CASE WHEN ${identifier} IS NULL THEN NULL WHEN CONTAINS(${identifier}, '@') THEN CONCAT(${quoteLiteral(`${PLACEHOLDER}@`)}, SPLIT_PART(${identifier}, '@', -1)) ELSE ${quoteLiteral(PLACEHOLDER)} END`;
    case 'keep_first':
      return isText(type) ? keep(identifier, 'LEFT', whole(method.count)) : nothing(type);
    case 'keep_last':
      return isText(type) ? keep(identifier, 'RIGHT', whole(method.count)) : nothing(type);
    case 'paths':
      if (/^OBJECT/i.test(type)) return within(identifier, method.paths);
      return /^VARIANT/i.test(type) ? `TO_VARIANT(${within(identifier, method.paths)})` : nothing(type);
  }
}

/** A text no longer than what is kept would show whole, so it shows nothing. */
function keep(identifier: string, side: 'LEFT' | 'RIGHT', count: string): string {
  const kept = `${side}(${identifier}, ${count})`;
  const hidden = quoteLiteral(PLACEHOLDER);
  const shown = side === 'LEFT' ? `CONCAT(${kept}, ${hidden})` : `CONCAT(${hidden}, ${kept})`;
  return `CASE WHEN ${identifier} IS NULL THEN NULL WHEN LENGTH(${identifier}) > ${count} THEN ${shown} ELSE ${hidden} END`;
}

/**
 * An object with some of its values masked. What is not an object where the path wants one is hidden whole, and so is a value that is
 * itself an object or array: nothing that the path does not foresee gets through. A key that is missing stays missing, since
 * OBJECT_INSERT leaves out a NULL (documentation pages functions/object_insert, functions/get, functions/is_object).
 */
function within(value: string, paths: readonly PathMask[]): string {
  const keys = [...new Set(paths.map(({ path }) => path[0] ?? ''))];
  const masked = keys.reduce((object, key) => {
    const below = paths.filter(({ path }) => path[0] === key);
    const inner = `GET(${value}, ${quoteLiteral(key)})`;
    // The shorter path hides what the longer one is in.
    const leaf = below.find(({ path }) => path.length === 1);
    const replacement = leaf
      ? `CASE WHEN ${inner} IS NULL OR IS_OBJECT(${inner}) OR IS_ARRAY(${inner}) THEN NULL ELSE ${maskExpression(leaf.method, `CAST(${inner} AS VARCHAR)`, 'VARCHAR')} END`
      : within(
          inner,
          below.map(({ path, method }) => ({ path: path.slice(1), method })),
        );
    return `OBJECT_INSERT(${object}, ${quoteLiteral(key)}, ${replacement}, TRUE)`;
  }, value);
  return `CASE WHEN IS_OBJECT(${value}) THEN ${masked} END`;
}
