/**
 * Approvals that hold for a while: statements of one shape, of this agent, under these rules, so often and so long as every reviewer whose
 * word is needed said. What counts are their signed words and the record of its uses; the row makes it findable.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { APPROVAL_BYTES, asBytes, type JsonRow, ownRows, type SealedRows } from '../../transcript/index.js';
import { standingBindingsOf, type Terms } from '../values/binding.js';
import { type Held, requirementsOf } from '../values/state.js';
import { nowOf } from './transactions.js';

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

/** Of one binding; and all that people see. */
const MOST_FOR_ONE = 20;
const MOST_SHOWN = 200;
const IN_FORCE = 't.revoked_at IS NULL AND t.expires_at > now()';

/** Those that may let a statement run, as far as rows can tell; or the one of that id, under its lock. */
export async function standingFor(
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
  question: StandingQuestion,
  lockedId?: string,
): Promise<readonly Standing[]> {
  const bindings = standingBindingsOf(rows, question.shape, question);
  const found = await ownRows(rows, queries, 'standing_approval', {
    condition: `t.issuer = $1 AND t.subject = $2 AND t.client_id = $3 AND t.binding = ANY($4) AND ${IN_FORCE} AND t.uses < t.max_uses
      AND ($5::uuid IS NULL OR t.id = $5)`,
    values: [question.issuer, question.subject, question.client_id, bindings, lockedId ?? null],
    order: 't.expires_at DESC, t.id',
    most: MOST_FOR_ONE,
    ...(lockedId === undefined ? {} : { lock: 'FOR UPDATE' as const }),
  });
  return found.map(standingOf);
}

const OF_AGENT = `t.issuer = $2 AND t.subject = $3 AND t.client_id = $4 AND t.uses < t.max_uses`;

/** Those of one agent that are in force, whatever they let pass: so many behind one of them, the longest first. */
export async function standingOfAgent(
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
  { issuer, subject, client_id: client }: Pick<Terms, 'issuer' | 'subject' | 'client_id'>,
  after: string | undefined,
  most: number,
): Promise<readonly Standing[]> {
  const found = await ownRows(rows, queries, 'standing_approval', {
    condition: `${OF_AGENT} AND ${IN_FORCE} AND ($1::uuid IS NULL OR ${BEHIND})`,
    values: [after ?? null, issuer, subject, client],
    order: 't.expires_at DESC, t.id',
    most,
  });
  return found.map(standingOf);
}

const BEHIND = `EXISTS (
  SELECT FROM standing_approval p
  WHERE p.id = $1 AND (t.expires_at < p.expires_at OR (t.expires_at = p.expires_at AND t.id > p.id)))`;
/** Of each approval, as far as PostgreSQL knows it without reading its texts. */
const BYTES = `SELECT t.id::text AS id, ${APPROVAL_BYTES} AS bytes FROM approval t WHERE t.id = ANY($1)`;
const bytesRow = z.object({ id: z.string(), bytes: z.number() });

/** Those in force behind one of them, the longest first: as many as belong to approvals of so many bytes, one at least. */
export async function listStanding(
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
  after: string | undefined,
  mostBytes: number,
): Promise<{ readonly page: readonly Standing[]; readonly isEnd: boolean }> {
  const found = (
    await ownRows(rows, queries, 'standing_approval', {
      condition: `${IN_FORCE} AND ($1::uuid IS NULL OR ${BEHIND})`,
      values: [after ?? null],
      order: 't.expires_at DESC, t.id',
      most: MOST_SHOWN,
    })
  ).map(standingOf);
  const sizes = z.array(bytesRow).parse((await queries.query(BYTES, [found.map((one) => one.approval_id)])).rows);
  const bytesOf = new Map(sizes.map(({ id, bytes }) => [id, bytes]));
  let read = 0;
  const tooLong = found.findIndex(({ approval_id: of }, at) => {
    read += bytesOf.get(of) ?? 0;
    return at > 0 && read > mostBytes;
  });
  const page = tooLong < 0 ? found : found.slice(0, tooLong);
  return { page, isEnd: tooLong < 0 && found.length < MOST_SHOWN };
}

const RECORDED = `
  SELECT e.body->>'standing' AS id, count(*) FILTER (WHERE e.kind = 'standing_used')::int AS uses, bool_or(e.kind = 'standing_revoked') AS is_revoked,
         min(e.at) FILTER (WHERE e.kind = 'standing_revoked') AS revoked_at,
         (array_agg(e.body ORDER BY e.at) FILTER (WHERE e.kind = 'standing_revoked'))[1] AS revocation
  FROM unnest($1::uuid[], $2::uuid[]) AS t (session_id, statement_id)
  JOIN event e ON e.session_id = t.session_id AND e.statement_id = t.statement_id
  WHERE e.kind IN ('standing_used', 'standing_revoked') AND e.body->>'standing' IS NOT NULL GROUP BY 1`;
const recordedRow = z.object({
  id: z.string(),
  uses: z.number(),
  is_revoked: z.boolean(),
  revoked_at: z.date().nullable(),
  revocation: z.looseObject({ reviewer: z.string().optional(), denied: z.string().optional() }).nullable(),
});

/** What the record has of those that came of these approvals, by their ids. */
export async function recordedUses(
  queries: Pick<PoolClient, 'query'>,
  approvals: readonly { readonly session_id: string; readonly statement_id: string }[],
): Promise<ReadonlyMap<string, z.infer<typeof recordedRow>>> {
  const places = [approvals.map(({ session_id }) => session_id), approvals.map(({ statement_id }) => statement_id)];
  const { rows } = await queries.query(RECORDED, places);
  return new Map(
    z
      .array(recordedRow)
      .parse(rows)
      .map((row) => [row.id, row]),
  );
}

/** Those that came of some approvals, by the approval's id: in force, or over. */
export async function heldOf(
  queries: Pick<PoolClient, 'query'>,
  rows: SealedRows,
  approvals: readonly { readonly id: string; readonly session_id: string; readonly statement_id: string }[],
): Promise<ReadonlyMap<string, Held>> {
  if (approvals.length === 0) return new Map();
  const found = await ownRows(rows, queries, 'standing_approval', {
    condition: 't.approval_id = ANY($1)',
    values: [approvals.map(({ id }) => id)],
    order: 't.granted_at, t.id',
    most: MOST_SHOWN,
  });
  const recorded = await recordedUses(queries, approvals);
  return new Map(
    found.map((row) => {
      const { id, approval_id: of, expires_at, uses, max_uses } = standingOf(row);
      const { uses: told = 0, revoked_at: at = null, revocation } = recorded.get(id) ?? {};
      const by = revocation?.reviewer ?? 'nobody whom the record names';
      const revoked = at && { at, by, denied: revocation?.denied ?? null };
      return [of, { id, expires_at, uses: Math.max(uses, told), max_uses, revoked }];
    }),
  );
}

/** The one that is ended now; undefined if there is none in force by that id. */
export async function revoke(client: PoolClient, rows: SealedRows, id: string): Promise<Standing | undefined> {
  const [row] = await rows.select(client, 'standing_approval', `WHERE t.id = $1 AND ${IN_FORCE} FOR UPDATE`, [id]);
  if (!row) return undefined;
  await rows.update(client, 'standing_approval', row, { revoked_at: await nowOf(client) });
  return standingOf(row);
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
