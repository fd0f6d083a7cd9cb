/** Using: an approval lets its statement run once, and for as long as the record says that this use of it is the last. */
import type { Pool } from 'pg';
import { type ApprovalParts, expire, lock, move, type Place, placeOf } from '../rows/opened.js';
import { ENDS } from '../rows/recorded.js';
import { nowOf, reading } from '../rows/transactions.js';
import { bindingsOf, isAmong, termsIn } from '../values/binding.js';
import { type Approval, textOfApproval } from '../values/state.js';
import { isGranted, saidOf } from '../values/words.js';

/**
 * True for exactly one caller: the one that may run the statement now. What people said is counted again, from their signed words over
 * this very statement. `begin` writes down that it runs, before anybody else can know; where it fails, nothing was used. Throws
 * RecorderUnavailable.
 */
export async function use(parts: ApprovalParts, id: string, begin: () => Promise<void>): Promise<boolean> {
  const isUsed = await parts.transactions.lockingOf(id, async (client) => {
    const now = await nowOf(client);
    const locked = await lock(parts, client, id, now);
    if (locked?.approval.state !== 'approved') return false;
    const { approval, row } = locked;
    const bindings = bindingsOf(parts.store.rows, {
      ...termsIn(approval),
      ...placeOf(approval),
      persons: approval.persons,
      expires_at: approval.expires_at.toISOString(),
      // All of what was sealed, and nothing besides.
      text: textOfApproval.parse(approval),
    });
    const said = await saidOf(client, approval, parts.store.keys);
    const isGiven = isAmong(bindings, row['binding']) && isGranted(said.words, approval.requirements);
    if (isGiven && said.isOver) {
      await expire(parts, client, locked, ENDS.ran, now);
      return false;
    }
    if (!isGiven) {
      parts.store.onForged(
        `The approval ${id} stands there as given, and the record has no signed words for it. It is not used.`,
      );
      return false;
    }
    await move(parts, client, row, 'used', now);
    await begin();
    return true;
  });
  if (isUsed) parts.left.leave(id, 'used');
  return isUsed;
}

const TOLD = `
  SELECT FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.kind = 'approval_refused' AND e.body->>'approval' = $3 AND e.body->>'was' = 'used'
  LIMIT 1`;

/** `tell` writes down that one was asked for which is used: once, however often it is asked for. Throws RecorderUnavailable. */
export async function tellUsed(parts: ApprovalParts, place: Place, tell: () => Promise<unknown>): Promise<void> {
  const isTold = async (queries: Pick<Pool, 'query'>): Promise<boolean> =>
    (await queries.query(TOLD, [place.session_id, place.statement_id, place.id])).rowCount !== 0;
  if (await reading(() => isTold(parts.store.pool))) return;
  await parts.transactions.lockingOf(place.id, async (client) => {
    await parts.store.rows.select(client, 'approval', 'WHERE t.id = $1 FOR UPDATE', [place.id]);
    if (!(await isTold(client))) await tell();
  });
}

/** Whether the record still says that it is this use of it that runs. Throws RecorderUnavailable. */
export function isStillUsed(
  parts: ApprovalParts,
  approval: Pick<Approval, 'binding' | keyof Place>,
  use: string,
): Promise<boolean> {
  return reading(() => isUseOf(parts, parts.store.pool, approval, use));
}

async function isUseOf(
  parts: ApprovalParts,
  queries: Pick<Pool, 'query'>,
  approval: Pick<Approval, 'binding' | keyof Place>,
  use: string,
): Promise<boolean> {
  const said = await saidOf(queries, approval, parts.store.keys);
  return said.use?.id === use && !said.use.hasEnded;
}

/**
 * Whether the statement may leave now under this use: `say` writes down that it does. Nobody gives the approval back meanwhile, since its
 * row is locked; who breaks that lock gains nothing, since it is asked again behind the word, and a release behind it is void. Where
 * this is false or throws, nothing may be sent. Throws RecorderUnavailable.
 */
export function leaves(
  parts: ApprovalParts,
  approval: Pick<Approval, 'binding' | keyof Place>,
  use: string,
  say: () => Promise<void>,
): Promise<boolean> {
  return parts.transactions.lockingOf(approval.id, async (client) => {
    const found = await parts.store.rows.select(client, 'approval', 'WHERE t.id = $1 FOR UPDATE', [approval.id]);
    if (found.length === 0 || !(await isUseOf(parts, client, approval, use))) return false;
    await say();
    return isUseOf(parts, client, approval, use);
  });
}
