/** Giving back: an approval whose statement changed nothing holds again. */
import { ownRows } from '../../transcript/index.js';
import { type ApprovalParts, hold, move, openAll, record } from '../rows/opened.js';
import { nowOf } from '../rows/transactions.js';
import { type Found, isOvertaken, saidOf, signed } from '../values/words.js';

/** A use of an approval that came to nothing. */
export interface Lost {
  /** The place of its event in the session, as it was when the warehouse's history was asked. */
  readonly use: string;
  /** The history shows that the statement was sent and taken back; else it shows nothing of it. */
  readonly isTakenBack: boolean;
  /** And that it can't be committed any more. */
  readonly isSure?: boolean;
}

const foundOf = ({ isTakenBack, isSure = false }: Lost): Found => {
  if (!isTakenBack) return 'never left';
  return isSure ? 'rolled back' : 'taken back';
};

/**
 * Gives an approval back whose statement changed nothing. Rows decide nothing of it: the record has to say that this use of it, which
 * was looked into, is the last one and has no outcome. `taken`: it says otherwise; `none`: the statement has no approval that could be
 * used. Throws RecorderUnavailable.
 */
export async function release(
  parts: ApprovalParts,
  statementId: string,
  lost: Lost,
): Promise<'released' | 'taken' | 'none'> {
  let released: string | undefined;
  const outcome = await parts.transactions.locking('', async (client) => {
    const now = await nowOf(client);
    const rows = await ownRows(parts.store.rows, client, 'approval', {
      condition: `t.statement_id = $1 AND t.state IN ('pending', 'approved', 'used')`,
      values: [statementId],
      order: 't.asked_at, t.id',
      most: 1,
      lock: 'FOR UPDATE',
    });
    const [opened] = await openAll(parts, client, rows, now);
    if (!opened) return 'none';
    const { approval, row } = await hold(parts, client, opened, now);
    const { use } = await saidOf(client, approval, parts.store.keys);
    const found = foundOf(lost);
    if (!use || use.hasEnded || isOvertaken({ use: lost.use, found }, use.position, use.hasLeft, use.mayBeCommitted))
      return 'taken';
    const release = { approval: approval.id, binding: approval.binding, released: now, use: lost.use, found };
    await record(
      parts,
      'approval_released',
      approval,
      { ...release, signature: signed(release, parts.store.keys) },
      'pauses',
    );
    // Whoever broke the lock may have let it leave before this word, which is void then.
    if ((await saidOf(client, approval, parts.store.keys)).use !== undefined) return 'taken';
    await move(parts, client, row, 'approved', now);
    released = approval.id;
    return 'released';
  });
  if (released !== undefined) parts.left.leave(released, 'approved');
  return outcome;
}
