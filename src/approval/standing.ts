/**
 * Approvals that hold for a while: statements of one shape, of this agent, under these rules, so often and so long as every reviewer whose
 * word is needed said. What counts are their signed words and the record of its uses; the row makes it findable.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { asBytes, type JsonRow, type SealedRows } from '../transcript/index.js';
import { standingBindingsOf, type Terms } from './binding.js';
import { requirementsOf } from './state.js';

/** The longest that reviewers may let an agent go on without asking. */
export const MAX_STANDING_MS = 24 * 3_600_000;
/** And the most often. */
export const MAX_STANDING_USES = 1000;
export const STANDING_USES = 20;

const moment = z.string().transform((text) => new Date(text));
const standingRow = z.object({
  id: z.string(),
  approval_id: z.string(),
  binding: z.string(),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  policy_version: z.string(),
  requirements: requirementsOf,
  granted_at: moment,
  expires_at: moment,
  uses: z.number(),
  max_uses: z.number(),
});
export type Standing = z.infer<typeof standingRow> & { readonly row: JsonRow };

const standingOf = (row: JsonRow): Standing => ({ ...standingRow.parse(row), row });

/** Which statement wants to run, and on whose behalf. */
export interface StandingQuestion extends Terms {
  readonly shape: string;
}

/** Those that may let a statement run, as far as rows can tell. */
export async function standingFor(
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
  question: StandingQuestion,
  isLocked = false,
): Promise<readonly Standing[]> {
  const bindings = standingBindingsOf(rows, question.shape, question);
  const found = await rows.select(
    queries,
    'standing_approval',
    `WHERE t.issuer = $1 AND t.subject = $2 AND t.client_id = $3 AND t.binding = ANY($4) AND t.revoked_at IS NULL AND t.expires_at > now()
       AND t.uses < t.max_uses
     ORDER BY t.expires_at DESC LIMIT 20 ${isLocked ? 'FOR UPDATE' : ''}`,
    [question.issuer, question.subject, question.client_id, bindings],
  );
  return found.map(standingOf);
}

export const listStanding = async (
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
): Promise<readonly Standing[]> =>
  (
    await rows.select(
      queries,
      'standing_approval',
      'WHERE t.revoked_at IS NULL AND t.expires_at > now() ORDER BY t.expires_at DESC, t.id LIMIT 200',
      [],
    )
  ).map(standingOf);

/** The one that is ended now; undefined if there is none in force by that id. */
export async function revoke(client: PoolClient, rows: SealedRows, id: string): Promise<Standing | undefined> {
  const [row] = await rows.select(
    client,
    'standing_approval',
    'WHERE t.id = $1 AND t.revoked_at IS NULL AND t.expires_at > now() FOR UPDATE',
    [id],
  );
  if (!row) return undefined;
  await rows.update(client, 'standing_approval', row, { revoked_at: await nowOf(client) });
  return standingOf(row);
}

/** The store's clock: all replicas go by it. */
export async function nowOf(client: Pick<PoolClient, 'query'>): Promise<string> {
  const { rows } = await client.query<{ now: Date }>(`SELECT date_trunc('milliseconds', now()) AS now`);
  const [row] = rows;
  if (!row) throw new Error('The store has no time.');
  return row.now.toISOString();
}

export interface Grant {
  readonly id: string;
  readonly approvalId: string;
  readonly terms: Terms;
  readonly binding: Buffer;
  readonly until: string;
  readonly uses: number;
  readonly now: string;
}

export const standingRowOf = ({ id, approvalId, terms, binding, until, uses, now }: Grant): JsonRow => ({
  id,
  approval_id: approvalId,
  binding: asBytes(binding),
  issuer: terms.issuer,
  subject: terms.subject,
  client_id: terms.client_id,
  policy_version: terms.policy_version,
  requirements: terms.requirements,
  granted_at: now,
  expires_at: until,
  revoked_at: null,
  uses: 0,
  max_uses: uses,
});
