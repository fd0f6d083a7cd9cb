/** How much one principal may ask of people. */
import type { PoolClient } from 'pg';
import { type ApprovalParts, isOpen } from '../rows/opened.js';
import { nowOf } from '../rows/transactions.js';
import { approvalRow, type Request, TooManyApprovals } from '../values/state.js';

/**
 * One at a time of each principal, over all replicas, so that no two are let through as the last one. By a row, which many principals share,
 * that the gateway's role alone may lock: an advisory lock may be taken by whoever connects.
 */
const ALONE = `SELECT FROM approval_turn t WHERE t.n = hashtextextended($1 || ' ' || $2, 0) & 255 FOR UPDATE`;

const COUNTED = `issuer = $1 AND subject = $2 AND (state IN ('pending', 'approved') OR asked_at > now() - interval '1 hour')`;

/** What a principal has open and has asked for, by rows of anybody's. */
const ASKED = `
  SELECT count(*) FILTER (WHERE state IN ('pending', 'approved') AND expires_at > now())::int AS open,
         count(*) FILTER (WHERE asked_at > now() - interval '1 hour')::int AS asked
  FROM approval WHERE ${COUNTED}`;

const askedRow = approvalRow.pick({ asked_at: true, expires_at: true, state: true });

const HOUR_MS = 3_600_000;

/** TooManyApprovals where another would be one too many. */
export async function tooMany(
  parts: ApprovalParts,
  client: PoolClient,
  { actor, bounds }: Request,
): Promise<TooManyApprovals | undefined> {
  const whose = [actor.issuer, actor.subject];
  if ((await client.query(ALONE, whose)).rowCount !== 1) throw new Error('A row of approval_turn is gone.');
  const { rows } = await client.query<{ open: number; asked: number }>(ASKED, whose);
  const { open = 0, asked = 0 } = rows[0] ?? {};
  if (asked < bounds.perHour && open < bounds.open) return undefined;
  return tooManyOfOurs(parts, client, whose, bounds);
}

/** Rows of nobody's count for nothing, as soon as they were read: until then they count, and the next look reads on. */
async function tooManyOfOurs(
  parts: ApprovalParts,
  client: PoolClient,
  whose: readonly string[],
  bounds: Request['bounds'],
): Promise<TooManyApprovals | undefined> {
  const now = Date.parse(await nowOf(client));
  const { own: found, unread } = await parts.own.first(client, COUNTED, whose, bounds.open + bounds.perHour);
  const own = found.map((row) => askedRow.parse(row));
  const asked = own.map(({ asked_at: at }) => at.getTime()).filter((at) => at > now - HOUR_MS);
  if (asked.length >= bounds.perHour)
    return new TooManyApprovals(Math.max(1, Math.ceil((Math.min(...asked) + HOUR_MS - now) / 1000)));
  const open = own.filter((one) => isOpen(one) && one.expires_at.getTime() > now);
  return open.length + unread >= bounds.open || asked.length + unread >= bounds.perHour
    ? new TooManyApprovals(60)
    : undefined;
}
