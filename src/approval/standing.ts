/** Approvals that hold for a while: this fingerprint, for this agent, under these rules, for two hours, say. */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { isEnough, type Requirement } from './enough.js';
import { requirementsOf } from './state.js';

/** The longest that reviewers may let an agent go on without asking. */
export const MAX_STANDING_MS = 24 * 3_600_000;

const standingRow = z.object({
  id: z.string(),
  approval_id: z.string(),
  fingerprint: z.string(),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  policy_version: z.string(),
  requirements: requirementsOf,
  granted_at: z.date(),
  expires_at: z.date(),
  revoked_at: z.date().nullable(),
});
export type Standing = z.infer<typeof standingRow>;

export interface StandingQuestion {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly fingerprint: string;
  readonly policyVersion: string;
  readonly requirements: readonly Requirement[];
}

const IN_FORCE = `
  SELECT * FROM standing_approval
  WHERE issuer = $1 AND subject = $2 AND client_id = $3 AND fingerprint = $4 AND policy_version = $5 AND revoked_at IS NULL AND expires_at > now()
  ORDER BY expires_at DESC LIMIT 20`;

const shapeOf = (requirements: readonly Requirement[]): string =>
  JSON.stringify(requirements.map(({ groups, count, rule }) => [rule, count, [...groups].sort()]).sort());

/** The one that lets this statement run; undefined if none does. Asked for under just these rules, or it is none. */
export async function standingFor(pool: Pool, question: StandingQuestion): Promise<Standing | undefined> {
  const { issuer, subject, clientId, fingerprint, policyVersion, requirements } = question;
  const { rows } = await pool.query(IN_FORCE, [issuer, subject, clientId, fingerprint, policyVersion]);
  const wanted = shapeOf(requirements);
  return z
    .array(standingRow)
    .parse(rows)
    .find((standing) => shapeOf(standing.requirements) === wanted);
}

const LISTED = `
  SELECT * FROM standing_approval WHERE revoked_at IS NULL AND expires_at > now() ORDER BY expires_at DESC LIMIT 200`;

export const listStanding = async (pool: Pool): Promise<readonly Standing[]> =>
  z.array(standingRow).parse((await pool.query(LISTED)).rows);

/** The one that was revoked just now; undefined if there is none in force by that id. */
export async function revoke(client: PoolClient, id: string): Promise<Standing | undefined> {
  const { rows } = await client.query(
    'UPDATE standing_approval SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL AND expires_at > now() RETURNING *',
    [id],
  );
  return rows[0] === undefined ? undefined : standingRow.parse(rows[0]);
}

/** How long the approvers together let the agent go on: the shortest of those whose word suffices; undefined where it does not. */
export function standingMsOf(
  requirements: readonly Requirement[],
  approvers: readonly { readonly groups: readonly string[]; readonly standing_ms: number | null }[],
): number | undefined {
  const willing = approvers.flatMap(({ groups, standing_ms: ms }) => (ms === null ? [] : [{ groups, ms }]));
  const enough = isEnough(
    requirements,
    willing.map(({ groups }) => groups),
  );
  return enough ? Math.min(MAX_STANDING_MS, ...willing.map(({ ms }) => ms)) : undefined;
}
