/**
 * Statements that wait for a person. States change in PostgreSQL alone, by compare-and-set under the row's lock, so that any replica can
 * decide and any can resume, and none runs a statement twice:
 *
 *     pending → approved | denied | expired | withdrawn        approved → used | expired        used → approved
 *
 * The last only where whoever used it died before the statement left. Each change is in the transcript before it holds: the event is
 * written while the row is locked. Dying in between leaves an event too many, never a change without one.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { type Event, RecorderUnavailable, type TranscriptStore, withClient } from '../transcript/index.js';
import { isEnough, type Requirement } from './enough.js';
import { personsOf, reviewerNames } from './persons.js';
import {
  listStanding,
  MAX_STANDING_MS,
  revoke,
  type Standing,
  type StandingQuestion,
  standingFor,
  standingMsOf,
} from './standing.js';
import {
  type Approval,
  type ApprovalState,
  approvalRow,
  type Decision,
  DecisionRefused,
  ERASED,
  type Request,
  type Reviewer,
  requirementsOf,
  textOfApproval,
} from './state.js';
import type { Wakeups } from './wakeups.js';

/** One that is past its time is over, whether or not anybody has written that down yet. */
const STATE = `CASE WHEN a.state IN ('pending', 'approved') AND a.expires_at <= now() THEN 'expired' ELSE a.state END`;

const READ = `
  SELECT a.id, a.statement_id, a.session_id, a.asked_at, a.expires_at, a.changed_at, ${STATE} AS state, a.issuer, a.subject, a.client_id,
         a.sealed, a.fits, a.fingerprint, a.about, a.persons, a.policy_version, a.requirements,
         coalesce((SELECT jsonb_agg(jsonb_build_object('reviewer', d.reviewer, 'decision', d.decision, 'reason', d.reason,
                                                       'standing_ms', d.standing_ms, 'decided_at', d.decided_at) ORDER BY d.decided_at)
                   FROM approval_decision d WHERE d.approval_id = a.id), '[]') AS decisions
  FROM approval a`;

const ASK = `
  INSERT INTO approval (id, statement_id, session_id, expires_at, state, issuer, subject, client_id, sealed, digest, policy_version, requirements, fits, fingerprint, about, persons)
  VALUES ($1, $2, $3, now() + $4 * interval '1 millisecond', 'pending', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
  ON CONFLICT (issuer, subject, client_id, digest) WHERE state IN ('pending', 'approved') DO NOTHING`;

const OPEN = `${READ} WHERE a.state IN ('pending', 'approved') AND a.issuer = $1 AND a.subject = $2 AND a.client_id = $3 AND a.digest = $4`;

const DUE = `
  SELECT id, statement_id, session_id, state FROM approval WHERE state IN ('pending', 'approved') AND expires_at <= now()
  ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED`;

/** Of the same statement, asked under rules or a catalog that are no longer those. */
const OUTDATED = `
  SELECT id, statement_id, session_id, state FROM approval
  WHERE state IN ('pending', 'approved') AND issuer = $1 AND subject = $2 AND client_id = $3 AND digest = $4 AND (policy_version <> $5 OR fits IS DISTINCT FROM $6 OR expires_at <= now())
  FOR UPDATE`;

interface OverRow {
  id: string;
  statement_id: string;
  session_id: string;
  state: string;
}

const POLL_MS = 1000;

/** Each holds a connection while the record is written over another: more at once could leave none for the record. */
const LOCKED_AT_ONCE = 2;

export interface ListOptions {
  readonly state?: ApprovalState | undefined;
  /** Only of this agent. */
  readonly subject?: string | undefined;
  /** At most 200. */
  readonly limit?: number;
}

export class Approvals {
  readonly #store: TranscriptStore;
  #locked = 0;
  readonly #queue: (() => void)[] = [];

  readonly #wakeups: Wakeups | undefined;

  /** Without `wakeups` whoever waits looks again every second. */
  constructor(store: TranscriptStore, wakeups?: Wakeups) {
    this.#store = store;
    this.#wakeups = wakeups;
  }

  /** Resolves when this approval may have changed, after so many milliseconds at the latest, or once the signal aborts. */
  changed(id: string, mostMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#wakeups) return this.#wakeups.next(id, mostMs, signal);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(mostMs, POLL_MS)));
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get #pool(): Pool {
    return this.#store.pool;
  }

  /** A transaction that writes to the record as well. Throws what the work throws; RecorderUnavailable where the store fails. */
  async #locking<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#locked >= LOCKED_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#locked++;
    try {
      return await withClient(this.#pool, async (client) => {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      });
    } catch (error) {
      if (error instanceof DecisionRefused || error instanceof RecorderUnavailable) throw error;
      throw new RecorderUnavailable(error);
    } finally {
      // Whoever waits takes the place over.
      const next = this.#queue.shift();
      if (next) next();
      else this.#locked--;
    }
  }

  /** Throws RecorderUnavailable. */
  async #record(
    kind: Event['kind'],
    about: { session_id: string; statement_id: string },
    body: Event['body'],
    runs?: Event['runs'],
  ): Promise<void> {
    await this.#store.sessions.learnKey(about.session_id);
    await this.#store.recorder.append({
      kind,
      sessionId: about.session_id,
      statementId: about.statement_id,
      body,
      ...(runs === undefined ? {} : { runs }),
    });
  }

  async #read(row: unknown): Promise<Approval> {
    const { sealed, fits, ...approval } = approvalRow.parse(row);
    const { sessions, vault } = this.#store;
    await sessions.learnKey(approval.session_id);
    const text =
      sealed && vault.knows(approval.session_id)
        ? textOfApproval.parse(JSON.parse(vault.openText(approval.session_id, 'approval', sealed)))
        : ERASED;
    return { ...approval, fits: fits?.toString('hex'), ...text };
  }

  // --- asking

  /**
   * The approval that this very statement waits for, or that it may run under: a new one, or the one there is already. One that was asked
   * under other rules, or of other objects, is over.
   */
  async ask(request: Request): Promise<{ readonly approval: Approval; readonly isNew: boolean }> {
    const { actor, text, policyVersion, fits } = request;
    const { sessions, vault } = this.#store;
    try {
      await sessions.learnKey(request.sessionId);
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
    const digest = vault.digest(JSON.stringify([text.sent, text.binds]));
    const whose = [actor.issuer, actor.subject, actor.clientId, digest];
    const id = randomUUID();
    const found = await this.#locking(async (client) => {
      const known = Buffer.from(fits, 'hex');
      const { rows: outdated } = await client.query<OverRow>(OUTDATED, [...whose, policyVersion, known]);
      for (const over of outdated) await this.#expire(client, over, 'the rules, what it reads or its time');
      await client.query(ASK, [
        id,
        request.statementId,
        request.sessionId,
        request.withinMs,
        actor.issuer,
        actor.subject,
        actor.clientId,
        vault.sealText(request.sessionId, 'approval', JSON.stringify(text)),
        digest,
        policyVersion,
        JSON.stringify(request.requirements),
        known,
        request.fingerprint,
        JSON.stringify(request.about),
        personsOf(actor),
      ]);
      const { rows } = await client.query(OPEN, whose);
      return rows[0];
    });
    const approval = await this.#reading(() => this.#read(found));
    return { approval, isNew: approval.id === id };
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  // --- looking

  get(id: string): Promise<Approval | undefined> {
    if (!z.uuid().safeParse(id).success) return Promise.resolve(undefined);
    return this.#reading(async () => {
      const { rows } = await this.#pool.query(`${READ} WHERE a.id = $1`, [id]);
      return rows[0] === undefined ? undefined : await this.#read(rows[0]);
    });
  }

  /** Newest first. */
  async list({ state, subject, limit = 200 }: ListOptions = {}): Promise<readonly Approval[]> {
    const { rows } = await this.#pool.query(
      `SELECT * FROM (${READ}) a WHERE ($1::text IS NULL OR a.state = $1) AND ($2::text IS NULL OR a.subject = $2) ORDER BY a.asked_at DESC LIMIT $3`,
      [state ?? null, subject ?? null, Math.min(limit, 200)],
    );
    const approvals: Approval[] = [];
    for (const row of rows) approvals.push(await this.#read(row));
    return approvals;
  }

  async count(state: ApprovalState): Promise<number> {
    const { rows } = await this.#pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM approval a WHERE ${STATE} = $1`,
      [state],
    );
    return rows[0]?.n ?? 0;
  }

  // --- deciding

  /** One reviewer's word. Throws DecisionRefused, RecorderUnavailable. */
  async decide(id: string, reviewer: Reviewer, decision: Decision): Promise<Approval> {
    if (!z.uuid().safeParse(id).success) throw new DecisionRefused('not found');
    const { standingMs } = decision;
    if (
      standingMs !== undefined &&
      !(decision.decision === 'approve' && standingMs > 0 && standingMs <= MAX_STANDING_MS)
    )
      throw new DecisionRefused('not in that form');
    await this.#locking((client) => this.#decide(client, id, reviewer, decision));
    const after = await this.get(id);
    if (!after) throw new DecisionRefused('not found');
    return after;
  }

  async #decide(client: PoolClient, id: string, reviewer: Reviewer, given: Decision): Promise<void> {
    // The lock makes two reviewers at once wait for each other, so that N of M counts right.
    const { rows } = await client.query(
      `SELECT a.statement_id, a.session_id, ${STATE} AS state, a.issuer, a.subject, a.client_id, a.policy_version, a.fingerprint, a.persons, a.requirements
       FROM approval a WHERE a.id = $1 FOR UPDATE`,
      [id],
    );
    if (rows[0] === undefined) throw new DecisionRefused('not found');
    const approval = lockedRow.parse(rows[0]);
    const { requirements } = approval;
    if (!mayDecide(requirements, reviewer)) throw new DecisionRefused('not a reviewer');
    if (isOwn(approval.persons, reviewer)) throw new DecisionRefused('own statement');
    if (approval.state !== 'pending') throw new DecisionRefused('not pending');
    const { decision, reason, standingMs, via } = given;
    const added = await client.query(
      'INSERT INTO approval_decision (approval_id, reviewer, decision, reason, groups, standing_ms) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING',
      [id, `${reviewer.issuer} ${reviewer.subject}`, decision, reason ?? null, reviewer.groups, standingMs ?? null],
    );
    if (added.rowCount === 0) throw new DecisionRefused('decided before');
    const approvers = await client.query<{ groups: string[]; standing_ms: string | null }>(
      `SELECT groups, standing_ms FROM approval_decision WHERE approval_id = $1 AND decision = 'approve'`,
      [id],
    );
    const agreed = approvers.rows.map(({ groups, standing_ms: ms }) => ({
      groups,
      standing_ms: ms === null ? null : Number(ms),
    }));
    const isGiven = isEnough(
      requirements,
      agreed.map(({ groups }) => groups),
    );
    const state = decision === 'deny' ? 'denied' : isGiven ? 'approved' : 'pending';
    const standing = state === 'approved' ? standingMsOf(requirements, agreed) : undefined;
    if (state !== 'pending')
      await client.query('UPDATE approval SET state = $2, changed_at = now() WHERE id = $1', [id, state]);
    if (standing !== undefined && approval.fingerprint !== null)
      await client.query(
        `INSERT INTO standing_approval (id, approval_id, fingerprint, issuer, subject, client_id, policy_version, requirements, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 millisecond')`,
        [
          randomUUID(),
          id,
          approval.fingerprint,
          approval.issuer,
          approval.subject,
          approval.client_id,
          approval.policy_version,
          JSON.stringify(requirements),
          standing,
        ],
      );
    await this.#record('approval_decided', approval, {
      approval: id,
      decision,
      reviewer: reviewer.subject,
      issuer: reviewer.issuer,
      reason: reason ?? null,
      state,
      rules: requirements.map(({ rule }) => rule),
      via,
      standing_ms: standing ?? null,
    });
  }

  /** The agent no longer wants it. False where there is nothing to withdraw. Throws RecorderUnavailable. */
  withdraw(id: string, reason: string | undefined): Promise<boolean> {
    return this.#locking(async (client) => {
      const over = await lockedIn(client, id, ['pending', 'approved']);
      if (!over) return false;
      await client.query(`UPDATE approval SET state = 'withdrawn', changed_at = now() WHERE id = $1`, [id]);
      await this.#record('approval_withdrawn', over, { approval: id, reason: reason ?? null });
      return true;
    });
  }

  // --- time

  async #expire(client: PoolClient, over: OverRow, why: string): Promise<void> {
    await client.query(`UPDATE approval SET state = 'expired', changed_at = now() WHERE id = $1`, [over.id]);
    await this.#record('approval_expired', over, { approval: over.id, was: over.state, reason: why });
  }

  /** It no longer fits what it was asked for. Throws RecorderUnavailable. */
  outdate(id: string): Promise<boolean> {
    return this.#locking(async (client) => {
      const over = await lockedIn(client, id, ['pending', 'approved']);
      if (over) await this.#expire(client, over, 'the rules or what it reads have changed');
      return over !== undefined;
    });
  }

  /** Writes down which ones are past their time; how many. Any replica may; each is done once. Throws RecorderUnavailable. */
  expireDue(): Promise<number> {
    return this.#locking(async (client) => {
      const { rows } = await client.query<OverRow>(DUE);
      for (const over of rows) await this.#expire(client, over, 'time');
      return rows.length;
    });
  }

  // --- using

  /**
   * True for exactly one caller: the one that may run the statement now. `begin` writes down that it does, before anybody else can know;
   * where it fails, nothing was used. Throws RecorderUnavailable.
   */
  use(id: string, begin: () => Promise<void>): Promise<boolean> {
    return this.#locking(async (client) => {
      const { rowCount } = await client.query(
        `UPDATE approval SET state = 'used', changed_at = now() WHERE id = $1 AND state = 'approved' AND expires_at > now()`,
        [id],
      );
      if (rowCount !== 1) return false;
      await begin();
      return true;
    });
  }

  /**
   * Gives an approval back whose statement never left: `isLost` says so, once nobody else can use it. `taken`: somebody has begun it anew
   * meanwhile; `none`: the statement has no approval that could be used. Throws RecorderUnavailable.
   */
  release(
    statementId: string,
    isLost: (client: PoolClient) => Promise<boolean>,
  ): Promise<'released' | 'taken' | 'none'> {
    return this.#locking(async (client) => {
      const { rows } = await client.query<OverRow>(
        `SELECT id, statement_id, session_id, state FROM approval WHERE statement_id = $1 AND state IN ('used', 'approved') FOR UPDATE`,
        [statementId],
      );
      const [over] = rows;
      if (!over) return 'none';
      if (!(await isLost(client))) return 'taken';
      await client.query(`UPDATE approval SET state = 'approved', changed_at = now() WHERE id = $1`, [over.id]);
      await this.#record('approval_released', over, { approval: over.id }, 'pauses');
      return 'released';
    });
  }

  // --- standing approvals

  /** Throws RecorderUnavailable. */
  standing(question: StandingQuestion): Promise<Standing | undefined> {
    return this.#reading(() => standingFor(this.#pool, question));
  }

  listStanding(): Promise<readonly Standing[]> {
    return this.#reading(() => listStanding(this.#pool));
  }

  /** By one who could have given it. Throws DecisionRefused, RecorderUnavailable. */
  async revoke(id: string, reviewer: Reviewer, via: Decision['via']): Promise<void> {
    if (!z.uuid().safeParse(id).success) throw new DecisionRefused('not found');
    await this.#locking(async (client) => {
      const standing = await revoke(client, id);
      if (!standing) throw new DecisionRefused('not found');
      if (!mayDecide(standing.requirements, reviewer)) throw new DecisionRefused('not a reviewer');
      const { rows } = await client.query<OverRow>(
        'SELECT id, statement_id, session_id, state FROM approval WHERE id = $1',
        [standing.approval_id],
      );
      if (rows[0])
        await this.#record('standing_revoked', rows[0], {
          standing: id,
          approval: standing.approval_id,
          reviewer: reviewer.subject,
          issuer: reviewer.issuer,
          via,
        });
    });
  }
}

const lockedRow = z.object({
  statement_id: z.string(),
  session_id: z.string(),
  state: z.string(),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  policy_version: z.string(),
  fingerprint: z.string().nullable(),
  persons: z.array(z.string()),
  requirements: requirementsOf,
});

async function lockedIn(
  client: PoolClient,
  id: string,
  states: readonly ApprovalState[],
): Promise<OverRow | undefined> {
  if (!z.uuid().safeParse(id).success) return undefined;
  const { rows } = await client.query<OverRow>(
    'SELECT id, statement_id, session_id, state FROM approval WHERE id = $1 AND state = ANY($2) AND expires_at > now() FOR UPDATE',
    [id, states],
  );
  return rows[0];
}

/** Whether one of the groups that are asked is this person's. */
export const mayDecide = (requirements: readonly Requirement[], { groups }: Pick<Reviewer, 'groups'>): boolean =>
  requirements.some(({ groups: asked }) => asked.some((group) => groups.includes(group)));

/** Whether the statement is this person's own, or sent for them. */
export const isOwn = (persons: readonly string[], reviewer: Reviewer): boolean =>
  reviewerNames(reviewer).some((name) => persons.includes(name));
