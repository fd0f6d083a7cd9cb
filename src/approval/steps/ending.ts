/** Ending: what is withdrawn, no longer fits what it was asked for, or is past its time. */
import { ownRows } from '../../transcript/index.js';
import { endRevoked, rowsBehind } from '../rows/mending.js';
import { type ApprovalParts, expire, hold, isOpen, lock, move, openAll, READ_AT_ONCE, record } from '../rows/opened.js';
import { ENDS } from '../rows/recorded.js';
import { DUE } from '../rows/selecting.js';
import { nowOf } from '../rows/transactions.js';

/**
 * The agent no longer wants it; or, with `instead`, has sent it once more, as another statement that a standing approval stands for. False
 * where there is nothing to withdraw. Throws RecorderUnavailable.
 */
export async function withdraw(
  parts: ApprovalParts,
  id: string,
  reason: string | undefined,
  instead?: { readonly standing: string; readonly instead: string },
): Promise<boolean> {
  const isWithdrawn = await parts.transactions.lockingOf(id, async (client) => {
    const now = await nowOf(client);
    const locked = await lock(parts, client, id, now);
    if (!locked || !isOpen(locked.approval)) return false;
    await move(parts, client, locked.row, 'withdrawn', now);
    await record(parts, 'approval_withdrawn', locked.approval, { approval: id, reason: reason ?? null, ...instead });
    return true;
  });
  if (isWithdrawn) parts.left.leave(id, 'withdrawn');
  return isWithdrawn;
}

/** It no longer fits what it was asked for. Throws RecorderUnavailable. */
export async function outdate(parts: ApprovalParts, id: string): Promise<boolean> {
  const isOver = await parts.transactions.lockingOf(id, async (client) => {
    const now = await nowOf(client);
    const locked = await lock(parts, client, id, now);
    if (!locked || !isOpen(locked.approval)) return false;
    await expire(parts, client, locked, ENDS.changed, now);
    return true;
  });
  if (isOver) parts.left.leave(id, 'expired');
  return isOver;
}

/** Writes down which ones are past their time; how many. Any replica may; each is done once. Throws RecorderUnavailable. */
export async function expireDue(parts: ApprovalParts): Promise<number> {
  let expired = 0;
  for (;;) {
    const some = await expireSome(parts);
    expired += some.expired;
    if (some.read < READ_AT_ONCE) return expired;
  }
}

/**
 * Rows that are behind their events are brought to where these are. `isFirst`: what is not found before the first time may have been left so
 * by gateways that died. Throws RecorderUnavailable.
 */
export async function mend(parts: ApprovalParts, isFirst: boolean): Promise<void> {
  await parts.transactions.locking('', async (client) => {
    const now = await nowOf(client);
    const { rows } = parts.store;
    for (const opened of await openAll(parts, client, await rowsBehind(client, rows), now))
      await hold(parts, client, opened, now, isFirst);
    await endRevoked(client, rows, now, isFirst);
  });
}

async function expireSome(parts: ApprovalParts): Promise<{ readonly read: number; readonly expired: number }> {
  const { rows } = parts.store;
  const { read, expired } = await parts.transactions.locking('', async (client) => {
    const now = await nowOf(client);
    const due = await ownRows(rows, client, 'approval', {
      condition: DUE,
      values: [],
      order: 't.expires_at, t.id',
      most: READ_AT_ONCE,
      atOnce: READ_AT_ONCE,
      lock: 'FOR UPDATE SKIP LOCKED',
    });
    const over: string[] = [];
    for (const opened of await openAll(parts, client, due, now)) {
      const held = await hold(parts, client, opened, now);
      if (!isOpen(opened.recorded)) continue;
      await expire(parts, client, held, ENDS.time, now);
      over.push(held.approval.id);
    }
    return { read: due.length, expired: over };
  });
  for (const id of expired) parts.left.leave(id, 'expired');
  return { read, expired: expired.length };
}
