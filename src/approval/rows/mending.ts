/**
 * Rows that are behind their events: their gateway died before it wrote them, or somebody put them back. They are brought to where the
 * record is, so that a row which is behind for longer than a transaction takes was put back, for `verify` as well.
 */
import type { PoolClient } from 'pg';
import { type JsonRow, ownRows, type SealedRows } from '../../transcript/index.js';

const MOST = 200;

/** What may be behind, by what events say whether or not anybody has signed them. Those that were given back are among these. */
const BEHIND = `
  t.state IN ('pending', 'approved') AND EXISTS (
    SELECT FROM event e
    WHERE e.session_id = t.session_id AND e.statement_id = t.statement_id AND e.body->>'approval' = t.id::text
      AND (e.kind IN ('approval_expired', 'approval_withdrawn') OR (e.kind = 'approval_used' AND e.body->>'standing' IS NULL)
        OR (e.kind = 'approval_decided' AND (e.body->>'decision' = 'deny' OR (t.state = 'pending' AND e.body->>'state' = 'approved')))))`;

/** Approvals that may be behind, under their locks. */
export const rowsBehind = (client: PoolClient, rows: SealedRows): Promise<JsonRow[]> =>
  ownRows(rows, client, 'approval', {
    condition: BEHIND,
    values: [],
    order: 't.asked_at, t.id',
    most: MOST,
    lock: 'FOR UPDATE SKIP LOCKED',
  });

/** No transaction that ends one is under way any more. */
const REVOKED = `
  t.revoked_at IS NULL AND t.expires_at > now() AND EXISTS (
    SELECT FROM approval a JOIN event e ON e.session_id = a.session_id AND e.statement_id = a.statement_id
    WHERE a.id = t.approval_id AND e.kind = 'standing_revoked' AND e.body->>'standing' = t.id::text AND e.at < now() - interval '1 minute')`;

/** Standing approvals that were ended, as the record says. `isExplained`: gateways that died may have left their rows so. */
export async function endRevoked(
  client: PoolClient,
  rows: SealedRows,
  now: string,
  isExplained: boolean,
): Promise<void> {
  const found = await ownRows(rows, client, 'standing_approval', {
    condition: REVOKED,
    values: [],
    order: 't.id',
    most: MOST,
    lock: 'FOR UPDATE SKIP LOCKED',
  });
  for (const row of found) {
    if (!isExplained) rows.tellOld('standing_approval', row, 'the record says that it was ended');
    await rows.update(client, 'standing_approval', row, { revoked_at: now });
  }
}
