/** Standing approvals as people see them, and end them. */
import { z } from 'zod';
import type { JsonRow } from '../../transcript/index.js';
import { type ApprovalParts, READ_AT_ONCE, readAll, record } from '../rows/opened.js';
import { BY_IDS, MAX_PAGE_BYTES } from '../rows/selecting.js';
import { listStanding, recordedUses, revoke, type Standing } from '../rows/standing.js';
import { nowOf, reading } from '../rows/transactions.js';
import { type Approval, approvalRow, type Decision, DecisionRefused, type Reviewer } from '../values/state.js';
import { mayDecide } from './deciding.js';

export type ShownStanding = Omit<Standing, 'row' | 'binding'> & {
  readonly shape: string;
  /** Of the file that results are given out as; undefined where they are pages. */
  readonly format: Approval['format'];
};

export interface StandingPage {
  readonly standing: readonly ShownStanding[];
  /** Asked with it, the next page; undefined at the end. */
  readonly next: string | undefined;
}

/** A page of those in force, the longest first, with the shape that each lets pass. Throws RecorderUnavailable. */
export function shownStanding(parts: ApprovalParts, after?: string): Promise<StandingPage> {
  if (after !== undefined && !z.uuid().safeParse(after).success)
    return Promise.resolve({ standing: [], next: undefined });
  return reading(async () => {
    const { rows } = parts.store;
    const { page, isEnd } = await listStanding(parts.store.pool, rows, after, MAX_PAGE_BYTES);
    const ids = page.map(({ approval_id: id }) => id);
    const found: JsonRow[] = [];
    for (let at = 0; at < ids.length; at += READ_AT_ONCE)
      found.push(...(await rows.select(parts.store.pool, 'approval', BY_IDS, [ids.slice(at, at + READ_AT_ONCE)])));
    const approvals = await readAll(parts, parts.store.pool, found, await nowOf(parts.store.pool));
    const recorded = await recordedUses(parts.store.pool, approvals);
    const standing = page.flatMap(({ row: _row, binding: _binding, ...entry }) => {
      const approval = approvals.find(({ id }) => id === entry.approval_id);
      const { uses = 0, is_revoked: isRevoked = false } = recorded.get(entry.id) ?? {};
      if (!approval || approval.is_erased || isRevoked) return [];
      const { shape, format } = approval;
      return [{ ...entry, uses: Math.max(entry.uses, uses), shape: shape.text, format }];
    });
    return { standing, next: isEnd ? undefined : page.at(-1)?.id };
  });
}

/** By one who could have given it. Throws DecisionRefused, RecorderUnavailable. */
export async function revokeStanding(
  parts: ApprovalParts,
  id: string,
  reviewer: Reviewer,
  via: Decision['via'],
): Promise<void> {
  if (!z.uuid().safeParse(id).success) throw new DecisionRefused('not found');
  await parts.transactions.deciding(reviewer, async (client) => {
    const standing = await revoke(client, parts.store.rows, id);
    if (!standing) throw new DecisionRefused('not found');
    if (!mayDecide(standing.requirements, reviewer)) throw new DecisionRefused('not a reviewer');
    const [row] = await parts.store.rows.select(client, 'approval', 'WHERE t.id = $1', [standing.approval_id]);
    if (!row) throw new DecisionRefused('not found');
    await record(parts, 'standing_revoked', approvalRow.parse(row), {
      standing: id,
      approval: standing.approval_id,
      reviewer: reviewer.subject,
      issuer: reviewer.issuer,
      via,
    });
  });
}
