/**
 * Statements that wait for a person: pending → approved | denied | expired, approved → used | expired. Every change of state is a
 * compare-and-set in PostgreSQL, so that any replica can decide and any can resume, and none runs a statement twice.
 * Bound to the exact text as sent, the binds, the principal and the policy version.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { type Actor, RecorderUnavailable, type TranscriptStore, withClient } from '../transcript/index.js';
import { isEnough, type Requirement } from './enough.js';

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired' | 'used';

const requirementRow = z.object({ groups: z.array(z.string()), count: z.number(), rule: z.string() });

const approvalRow = z.object({
  id: z.string(),
  statement_id: z.string(),
  session_id: z.string(),
  asked_at: z.date(),
  expires_at: z.date(),
  state: z.enum(['pending', 'approved', 'denied', 'expired', 'used']),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  sealed: z.instanceof(Buffer).nullable(),
  policy_version: z.string(),
  requirements: z.array(requirementRow),
  decisions: z.array(
    z.object({ reviewer: z.string(), decision: z.enum(['approve', 'deny']), reason: z.string().nullable() }),
  ),
});

/** What would run, as the session's key opens it. */
const statementOf = z.object({
  statement: z.string(),
  sent: z.string(),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  purpose: z.string().nullable(),
});

const ERASED: z.infer<typeof statementOf> = { statement: '(erased)', sent: '', binds: [], purpose: null };

export type Approval = Omit<z.infer<typeof approvalRow>, 'sealed'> & z.infer<typeof statementOf>;

export interface Request {
  readonly statementId: string;
  readonly sessionId: string;
  readonly actor: Actor;
  readonly statement: string;
  readonly sent: string;
  readonly binds: readonly (string | number | boolean | null)[];
  readonly purpose: string | undefined;
  readonly policyVersion: string;
  readonly requirements: readonly Requirement[];
  readonly withinMs: number;
}

export interface Reviewer {
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
}

export type DecisionProblem = 'not found' | 'not pending' | 'not a reviewer' | 'own statement' | 'decided before';

export class DecisionRefused extends Error {
  readonly problem: DecisionProblem;

  constructor(problem: DecisionProblem) {
    super(problem);
    this.name = 'DecisionRefused';
    this.problem = problem;
  }
}

/** Approvals past their time are expired whenever anybody looks. */
const EXPIRE = `UPDATE approval SET state = 'expired' WHERE state IN ('pending', 'approved') AND expires_at <= now()`;

const WITH_DECISIONS = `
  SELECT a.*, coalesce((SELECT jsonb_agg(jsonb_build_object('reviewer', d.reviewer, 'decision', d.decision, 'reason', d.reason) ORDER BY d.decided_at)
                        FROM approval_decision d WHERE d.approval_id = a.id), '[]') AS decisions
  FROM approval a`;

const ASK = `
  INSERT INTO approval (id, statement_id, session_id, expires_at, state, issuer, subject, client_id, sealed, digest, policy_version, requirements)
  VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond', 'pending', $5, $6, $7, $8, $9, $10, $11)
  ON CONFLICT (issuer, subject, client_id, digest, policy_version) WHERE state = 'pending' DO NOTHING`;

const PENDING = `${WITH_DECISIONS} WHERE a.state = 'pending' AND a.issuer = $1 AND a.subject = $2 AND a.client_id = $3 AND a.digest = $4 AND a.policy_version = $5`;

export class Approvals {
  readonly #store: TranscriptStore;

  constructor(store: TranscriptStore) {
    this.#store = store;
  }

  get #pool(): Pool {
    return this.#store.pool;
  }

  async #read(row: unknown): Promise<Approval> {
    const { sealed, ...approval } = approvalRow.parse(row);
    const { sessions, vault } = this.#store;
    await sessions.learnKey(approval.session_id);
    const text =
      sealed && vault.knows(approval.session_id)
        ? statementOf.parse(JSON.parse(vault.openText(approval.session_id, 'approval', sealed)))
        : ERASED;
    return { ...approval, ...text };
  }

  /** The pending approval for this very statement: a new one, or the one that waits already. */
  async ask(request: Request): Promise<Approval> {
    const { actor } = request;
    const { statement, sent, binds, purpose } = request;
    const { sessions, vault } = this.#store;
    const digest = vault.digest(JSON.stringify([sent, binds]));
    try {
      await sessions.learnKey(request.sessionId);
      const text = JSON.stringify({ statement, sent, binds, purpose: purpose ?? null });
      await this.#pool.query(EXPIRE);
      await this.#pool.query(ASK, [
        randomUUID(),
        request.statementId,
        request.sessionId,
        request.withinMs,
        actor.issuer,
        actor.subject,
        actor.clientId,
        vault.sealText(request.sessionId, 'approval', text),
        digest,
        request.policyVersion,
        JSON.stringify(request.requirements),
      ]);
      const { rows } = await this.#pool.query(PENDING, [
        actor.issuer,
        actor.subject,
        actor.clientId,
        digest,
        request.policyVersion,
      ]);
      return await this.#read(rows[0]);
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async get(id: string): Promise<Approval | undefined> {
    if (!z.uuid().safeParse(id).success) return undefined;
    try {
      await this.#pool.query(EXPIRE);
      const { rows } = await this.#pool.query(`${WITH_DECISIONS} WHERE a.id = $1`, [id]);
      return rows[0] === undefined ? undefined : await this.#read(rows[0]);
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async list(state: ApprovalState | undefined): Promise<readonly Approval[]> {
    await this.#pool.query(EXPIRE);
    const { rows } = await this.#pool.query(
      `${WITH_DECISIONS} WHERE $1::text IS NULL OR a.state = $1 ORDER BY a.asked_at DESC LIMIT 200`,
      [state ?? null],
    );
    return await Promise.all(rows.map((row) => this.#read(row)));
  }

  /** One reviewer's word. Throws DecisionRefused. */
  async decide(
    id: string,
    reviewer: Reviewer,
    decision: 'approve' | 'deny',
    reason: string | undefined,
  ): Promise<Approval> {
    await withClient(this.#pool, async (client) => {
      await client.query('BEGIN');
      await client.query(EXPIRE);
      await this.#record(client, id, reviewer, decision, reason);
      await client.query('COMMIT');
    });
    const after = await this.get(id);
    if (!after) throw new DecisionRefused('not found');
    return after;
  }

  async #record(
    client: PoolClient,
    id: string,
    reviewer: Reviewer,
    decision: 'approve' | 'deny',
    reason: string | undefined,
  ): Promise<void> {
    if (!z.uuid().safeParse(id).success) throw new DecisionRefused('not found');
    // The lock makes two reviewers at once wait for each other, so that N of M counts right.
    const locked = await client.query<{
      state: string;
      issuer: string;
      subject: string;
      client_id: string;
      requirements: Requirement[];
    }>('SELECT state, issuer, subject, client_id, requirements FROM approval WHERE id = $1 FOR UPDATE', [id]);
    const approval = locked.rows[0];
    if (!approval) throw new DecisionRefused('not found');
    const { requirements } = approval;
    if (!requirements.some(({ groups }) => groups.some((group) => reviewer.groups.includes(group))))
      throw new DecisionRefused('not a reviewer');
    if (
      approval.issuer === reviewer.issuer &&
      (approval.subject === reviewer.subject || approval.client_id === reviewer.subject)
    )
      throw new DecisionRefused('own statement');
    if (approval.state !== 'pending') throw new DecisionRefused('not pending');
    const added = await client.query(
      'INSERT INTO approval_decision (approval_id, reviewer, decision, reason, groups) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
      [id, `${reviewer.issuer} ${reviewer.subject}`, decision, reason ?? null, reviewer.groups],
    );
    if (added.rowCount === 0) throw new DecisionRefused('decided before');
    if (decision === 'deny') {
      await client.query(`UPDATE approval SET state = 'denied' WHERE id = $1 AND state = 'pending'`, [id]);
      return;
    }
    const approvers = await client.query<{ groups: string[] }>(
      `SELECT groups FROM approval_decision WHERE approval_id = $1 AND decision = 'approve'`,
      [id],
    );
    if (
      isEnough(
        requirements,
        approvers.rows.map(({ groups }) => groups),
      )
    )
      await client.query(`UPDATE approval SET state = 'approved' WHERE id = $1 AND state = 'pending'`, [id]);
  }

  /** True for exactly one caller: the one that may run the statement now. */
  async use(id: string): Promise<boolean> {
    try {
      const { rowCount } = await this.#pool.query(
        `UPDATE approval SET state = 'used' WHERE id = $1 AND state = 'approved' AND expires_at > now()`,
        [id],
      );
      return rowCount === 1;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }
}
