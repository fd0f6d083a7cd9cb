/** Ids as people type them: whole, or by their beginning where only one begins so. */
import { SnowfenceError } from '../../config/problem.js';
import type { TranscriptStore } from '../../transcript/index.js';

const WHAT = {
  session: { unknown: 'UNKNOWN_SESSION', list: 'snowfence sessions list shows them.' },
  approval: { unknown: 'UNKNOWN_APPROVAL', list: 'snowfence approvals list --all shows them.' },
} as const;

const HEX_DIGITS = 32;
const LEAST_DIGITS = 4;
const SHOWN = 5;
/** Of what is decided on: too many for one to be made that begins the same. */
export const LEAST_TO_DECIDE = 12;

const asUuid = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The id that is meant. Throws a SnowfenceError where none, or more than one, begins so. */
export async function wholeId(
  store: TranscriptStore,
  what: keyof typeof WHAT,
  typed: string,
  least = LEAST_DIGITS,
): Promise<string> {
  const { unknown, list } = WHAT[what];
  const digits = typed.toLowerCase().replaceAll('-', '');
  if (!/^[0-9a-f]+$/.test(digits) || digits.length > HEX_DIGITS || digits.length < least)
    throw new SnowfenceError(
      unknown,
      `"${typed}" is no ${what} id.`,
      `Its first ${least} characters or more are enough where no other begins so. ${list}`,
    );
  if (digits.length === HEX_DIGITS) return asUuid(digits);
  const { rows } = await store.readPool.query<{ id: string }>(
    `SELECT id FROM ${what} WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT ${SHOWN + 1}`,
    [asUuid(digits.padEnd(HEX_DIGITS, '0')), asUuid(digits.padEnd(HEX_DIGITS, 'f'))],
  );
  const [only, another] = rows;
  if (only === undefined)
    throw new SnowfenceError(unknown, `There is no ${what} whose id begins with ${typed}.`, list, 1);
  // What the store answers is not believed: whoever holds it could have it find another one than was typed.
  if (!only.id.replaceAll('-', '').startsWith(digits))
    throw new SnowfenceError(unknown, `The store answered another ${what} than ${typed}.`, 'Run: snowfence verify', 1);
  if (another === undefined) return only.id;
  const shown = rows.slice(0, SHOWN).map(({ id }) => id);
  throw new SnowfenceError(
    'AMBIGUOUS_ID',
    `Several ${what}s begin with ${typed}: ${shown.join(', ')}${rows.length > SHOWN ? ', …' : ''}.`,
    'Type more of it.',
    1,
  );
}
