/** Limits on the bytes that a statement scans, and what may be said of them. */
import type { Standing } from '../standing/standing.js';
import type { Question } from './question.js';
import type { Denial } from './verdict.js';

/**
 * Whether anything in a statement's tables is hidden from the principal. Then nobody is told how much it would scan, since what its own
 * predicate leaves over of hidden values would tell of them; and its tables count whole.
 */
export const hides = ({ masks, rows }: { readonly masks: readonly unknown[]; readonly rows: readonly unknown[] }) =>
  masks.length > 0 || rows.length > 0;

const WHOLE = 'Tables of which something is hidden from you count whole, whatever is asked of them.';

/** Why so many bytes are too many, or not to be told; `limit`: those that there are, in words. */
export function bytesDenial(bytes: number | undefined, isHidden: boolean, limit: string, hint: string) {
  const message =
    bytes === undefined
      ? 'How many bytes this statement would scan can not be told, and you have a limit on them.'
      : `This statement would scan ${isHidden ? '' : `up to ${bytes} bytes, `}more than ${limit}.`;
  return { code: 'LIMIT_REACHED' as const, message, hint: isHidden ? `${WHOLE} ${hint}` : hint };
}

/** The limit of one statement, where it is known how much it would scan. */
export function decideBytes(
  { circumstances: { estimate }, analysis }: Question,
  base: Standing,
  isHidden: boolean,
): Denial | undefined {
  const limit = base.limits.bytesPerStatement;
  if (limit === undefined || estimate === undefined || analysis.objects.length === 0) return undefined;
  if (estimate.bytes !== undefined && estimate.bytes <= limit) return undefined;
  const hint = isHidden
    ? 'Name fewer tables.'
    : 'Narrow it, for example by a predicate on a clustering column or by naming fewer columns.';
  const denial = bytesDenial(estimate.bytes, isHidden, `the ${limit} bytes that you may scan with one`, hint);
  return { ...denial, policy: base.policies[0] };
}
