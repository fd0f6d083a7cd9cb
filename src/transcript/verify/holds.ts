/** Legal holds as the record has them: whoever takes a row away would have the next run archive or erase what must stay. */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { Breaks } from '../checks/breaks.js';
import type { VerifierKey } from '../form/keys.js';
import { timeText } from '../read/columns.js';
import { inSnapshot } from '../store/snapshot.js';
import { readActs, type SignedActs } from './acts.js';

const HOLDS = `
  SELECT h.id, h.session_id AS session, h.subject, h.issuer, h.reason, h.placed_by AS by, ${timeText('h.placed_at')} AS placed_at,
         h.lifted_at IS NOT NULL AS is_lifted
  FROM hold h ORDER BY h.placed_at, h.id`;

const holdRow = z.object({
  id: z.string(),
  session: z.string().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  reason: z.string(),
  by: z.string(),
  placed_at: z.string(),
  is_lifted: z.boolean(),
});

export interface HoldsOptions {
  readonly acts: SignedActs;
  /** What happened before may have gone to an archive, with the events of holds that earlier versions did not keep. */
  readonly archivedBefore: string | undefined;
  /** Hashes of events that somebody has looked into. */
  readonly acknowledged: ReadonlySet<string>;
}

export async function checkHolds(
  client: PoolClient,
  breaks: Breaks,
  { acts, archivedBefore, acknowledged }: HoldsOptions,
): Promise<void> {
  const rows = z.array(holdRow).parse((await client.query(HOLDS)).rows);
  const missing = new Map(acts.holds);
  for (const { id, placed_at: placedAt, is_lifted: isLifted, ...row } of rows) {
    const act = acts.holds.get(id);
    missing.delete(id);
    if (!act) {
      if (archivedBefore === undefined || placedAt >= archivedBefore)
        breaks.report(`The hold ${id} was placed by nobody: it was put in.`);
      continue;
    }
    const isSame = (['session', 'subject', 'issuer', 'reason', 'by'] as const).every(
      (name) => (act[name] ?? null) === row[name],
    );
    if (!isSame) breaks.report(`The hold ${id} is not what its event says: it was changed.`, act.event);
    if (isLifted && !acts.lifted.has(id))
      breaks.report(`The hold ${id} passes for lifted, and nobody lifted it.`, act.event);
  }
  // Written down before it is done: whoever died in between has placed none.
  for (const [id, { event }] of missing)
    if (!acts.lifted.has(id) && !acknowledged.has(event.hash))
      breaks.report(
        `The hold ${id} is in the record and not in force: its row is gone. (Once looked into: transcript.acknowledged with ${event.hash}.)`,
        event,
      );
}

/** Before anything is taken away for good. Throws where holds are not what was recorded of them. */
export async function ensureHolds(
  pool: Pool,
  keys: readonly VerifierKey[],
  { acknowledged, forged }: { readonly acknowledged: ReadonlySet<string>; readonly forged: ReadonlySet<string> },
): Promise<void> {
  const breaks = new Breaks();
  await inSnapshot(pool, async (client) => {
    const acts = await readActs(client, keys, forged);
    await checkHolds(client, breaks, { acts, archivedBefore: undefined, acknowledged });
  });
  const [first] = breaks.sorted;
  if (first) throw new Error(`Holds are not what was recorded of them, so nothing is taken away: ${first.what}`);
}
