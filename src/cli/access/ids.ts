/** Ids as people type them: whole, or by their beginning where only one begins so. */
import { SnowfenceError } from '../../config/problem.js';
import type { TranscriptStore } from '../../transcript/index.js';

const WHAT = {
  session: { unknown: 'UNKNOWN_SESSION', named: 'session', list: 'snowfence sessions list shows them.' },
  approval: { unknown: 'UNKNOWN_APPROVAL', named: 'approval', list: 'snowfence approvals list --all shows them.' },
  standing_approval: {
    unknown: 'UNKNOWN_APPROVAL',
    named: 'standing approval',
    list: 'snowfence approvals standing shows them.',
  },
  hold: { unknown: 'UNKNOWN_HOLD', named: 'hold', list: 'snowfence retention holds shows them.' },
} as const;

const HEX_DIGITS = 32;
const LEAST_DIGITS = 4;
/** Of a short id, wherever one is shown: enough for every command. */
const SHOWN_DIGITS = 8;
const SHOWN = 5;
/**
 * Of what is decided on: ids of approvals are random, and whoever holds the store could hide the one that was meant behind another that
 * begins the same. So many digits are not to be met by asking (`limits.approvals_per_hour`).
 */
export const LEAST_TO_DECIDE = SHOWN_DIGITS;

const asUuid = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** An id as it is shown where a whole one has no place. */
export const shortId = (id: string): string => id.slice(0, SHOWN_DIGITS);

/** The id that is meant. Throws a SnowfenceError where none, or more than one, begins so, with those that do. */
export async function wholeId(
  { readPool: pool }: Pick<TranscriptStore, 'readPool'>,
  what: keyof typeof WHAT,
  typed: string,
  least = LEAST_DIGITS,
): Promise<string> {
  const { unknown, named, list } = WHAT[what];
  const digits = typed.toLowerCase().replaceAll('-', '');
  if (!/^[0-9a-f]+$/.test(digits) || digits.length > HEX_DIGITS || digits.length < LEAST_DIGITS)
    throw new SnowfenceError(
      unknown,
      `"${typed}" is no ${named} id.`,
      `Its first ${least} characters or more are enough where no other begins so. ${list}`,
    );
  if (digits.length === HEX_DIGITS) return asUuid(digits);
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM ${what} WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT ${SHOWN + 1}`,
    [asUuid(digits.padEnd(HEX_DIGITS, '0')), asUuid(digits.padEnd(HEX_DIGITS, 'f'))],
  );
  const [only, another] = rows;
  if (only === undefined)
    throw new SnowfenceError(unknown, `There is no ${named} whose id begins with ${typed}.`, list, 1);
  // What the store answers is not believed: whoever holds it could have it find another one than was typed.
  if (!only.id.replaceAll('-', '').startsWith(digits))
    throw new SnowfenceError(unknown, `The store answered another ${named} than ${typed}.`, 'Run: snowfence verify', 1);
  if (another === undefined && digits.length >= least) return only.id;
  const shown = rows.slice(0, SHOWN).map(({ id }) => id);
  if (another === undefined)
    throw new SnowfenceError(
      'SHORT_ID',
      `${typed} is too short to decide on: the ${named} that begins so is ${only.id}.`,
      `Type its first ${least} characters or more.`,
    );
  throw new SnowfenceError(
    'AMBIGUOUS_ID',
    `Several ${named}s begin with ${typed}: ${shown.join(', ')}${rows.length > SHOWN ? ', …' : ''}.`,
    'Type more of it.',
    1,
  );
}
