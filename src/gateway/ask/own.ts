/** Approvals of whoever asks: somebody else's does not exist for them. */
import type { Approval, Approvals } from '../../approval/index.js';
import type { Principal } from '../../identity/index.js';
import type { InForce } from '../../policy/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { QueryRequest } from '../answer/answer.js';
import { isWhole, type Pending, type Waits } from './pending.js';

/** How long somebody waits for a decision, and how they hear of it meanwhile. */
export interface Waiting extends Omit<QueryRequest, 'sql' | 'binds' | 'purpose'> {
  /** Milliseconds to wait for a decision; 0 to look only. */
  readonly waitMs: number;
}

export interface OwnParts {
  readonly approvals: Approvals;
  readonly pending: Pending;
}

const isOf = (
  { issuer, subject, clientId }: Principal,
  approval: Pick<Approval, 'issuer' | 'subject' | 'client_id'>,
): boolean => approval.issuer === issuer && approval.subject === subject && approval.client_id === clientId;

export async function ownApproval(
  approvals: Approvals,
  principal: Principal,
  id: string,
): Promise<Approval | undefined> {
  const approval = await approvals.get(id);
  return approval && isOf(principal, approval) ? approval : undefined;
}

/** Read whole, where it was only looked at. */
export const wholeOf = async (
  approvals: Approvals,
  principal: Principal,
  seen: Approval | Waits,
): Promise<Approval | undefined> => (isWhole(seen) ? seen : ownApproval(approvals, principal, seen.id));

/** As it is once it is no longer pending, or the time to wait for that is over. */
export async function awaited(
  { approvals, pending }: OwnParts,
  principal: Principal,
  id: string,
  request: Waiting,
): Promise<Approval | Waits | undefined> {
  const until = Date.now() + request.waitMs;
  for (;;) {
    // Whoever looks first and waits then could miss what happens in between.
    const change = approvals.changed(id, until - Date.now(), request.signal);
    const found = await pending.look(id);
    const approval = found && isOf(principal, found) ? found : undefined;
    if (approval?.state !== 'pending' || Date.now() >= until || request.signal?.aborted) return approval;
    request.onProgress?.('waiting for a reviewer');
    request.onWaiting?.();
    await change;
  }
}

/** What a judgement of a statement that stays the same depends on; claims change with the token, and a minute is their longest. */
export const circumstancesOf = ({ warehouse }: { readonly warehouse: Warehouse }, { set, policies }: InForce): string =>
  JSON.stringify([set.version, policies.map(({ name }) => name), warehouse.catalog.version]);
