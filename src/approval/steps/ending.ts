/** Ending: what is withdrawn, no longer fits what it was asked for, or is past its time. */
import type { PoolClient } from 'pg';
import { ownRows, type WithdrawalCode } from '../../transcript/index.js';
import { endRevoked, rowsBehind } from '../rows/mending.js';
import {
  type ApprovalParts,
  expire,
  hold,
  isOpen,
  type Locked,
  lock,
  move,
  openAll,
  READ_AT_ONCE,
  record,
} from '../rows/opened.js';
import { ENDS } from '../rows/recorded.js';
import { DUE } from '../rows/selecting.js';
import { nowOf } from '../rows/transactions.js';

/** The agent no longer wants it. False where there is nothing to withdraw. Throws RecorderUnavailable. */
export async function withdraw(parts: ApprovalParts, id: string, reason: string | undefined): Promise<boolean> {
  const isWithdrawn = await parts.transactions.lockingOf(id, async (client) => {
    const now = await nowOf(client);
    const locked = await lock(parts, client, id, now);
    if (!locked || !isOpen(locked.approval)) return false;
    await move(parts, client, locked.row, 'withdrawn', now);
    await record(parts, 'approval_withdrawn', locked.approval, { approval: id, by: 'agent', reason: reason ?? null });
    return true;
  });
  if (isWithdrawn) parts.left.leave(id, 'withdrawn');
  return isWithdrawn;
}

/** What runs in the place of a statement that waits. */
export interface Replacement {
  readonly code: WithdrawalCode;
  /** The statement that runs. */
  readonly instead: string;
  /** Under which standing approval. */
  readonly standing?: string;
}

/** The gateway ends it, by its own word: the same statement runs otherwise. The last word of its transaction, so that nothing ends for what came to nothing. */
export async function replaced(
  parts: ApprovalParts,
  client: PoolClient,
  { approval, row }: Locked,
  { code, instead, standing }: Replacement,
  now: string,
): Promise<void> {
  await move(parts, client, row, 'withdrawn', now);
  const how = { by: 'gateway', code, instead, ...(standing === undefined ? {} : { standing }) };
  await record(parts, 'approval_withdrawn', approval, { approval: approval.id, ...how });
}

/**
 * The same statement leaves without anybody's word, as rules let it: `say` writes down that it does, and what waited waits no more. False
 * where it has run meanwhile, or may have: then nothing may be sent. Throws RecorderUnavailable.
 */
export async function replace(
  parts: ApprovalParts,
  id: string,
  replacement: Replacement,
  say: () => Promise<void>,
): Promise<boolean> {
  let isEnded = false;
  const mayLeave = await parts.transactions.lockingOf(id, async (client) => {
    const now = await nowOf(client);
    const locked = await lock(parts, client, id, now);
    if (locked?.approval.state === 'used') return false;
    await say();
    if (!locked || !isOpen(locked.approval)) return true;
    await replaced(parts, client, locked, replacement, now);
    isEnded = true;
    return true;
  });
  if (isEnded) parts.left.leave(id, 'withdrawn');
  return mayLeave;
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

/** Writes down which ones are past their time, or about what was erased; how many. Any replica may; each is done once. Throws RecorderUnavailable. */
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
      await expire(parts, client, held, held.approval.ended?.why === 'erased' ? ENDS.erased : ENDS.time, now);
      over.push(held.approval.id);
    }
    return { read: due.length, expired: over };
  });
  for (const id of expired) parts.left.leave(id, 'expired');
  return { read, expired: expired.length };
}
