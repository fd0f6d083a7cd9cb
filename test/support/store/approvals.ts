/** A store with approvals over it, what agents ask reviewers, and what reviewers say. */
import type { Pool } from 'pg';
import { type Approval, Approvals, TooManyApprovals } from '../../../dist/approval/index.js';
import { settle } from '../../../dist/gateway/record/settle.js';
import { Breaks } from '../../../dist/transcript/checks/breaks.js';
import { type Event, type SealedRows, timeOrderedId, withClient } from '../../../dist/transcript/index.js';
import { checkApprovals } from '../../../dist/transcript/verify/approvals.js';
import type { HistoryEntry, Warehouse } from '../../../dist/warehouse/index.js';
import { actor, submitted } from '../../transcript/fill.mjs';
import { ISSUER } from '../caller.mjs';
import { fail } from './keeping.mjs';
import { startStore } from './own-store.js';

/** One whose yes counts, where the question does not ask others. */
export const steward = (subject: string, claims: Readonly<Record<string, unknown>> = {}) => ({
  issuer: ISSUER,
  subject,
  groups: ['stewards'],
  claims,
});

export const YES = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'console' } as const;
export const NO = { ...YES, decision: 'deny' } as const;

type Question = Parameters<Approvals['ask']>[0];

/** A statement as it is sent; `shape`: what others have in common with it. */
export const textOf = (sql: string, shape = 'k'): Question['text'] => ({
  statement: sql,
  sent: sql,
  binds: [],
  purpose: null,
  door: 'mcp',
  shape: { key: shape, text: sql, holes: [] },
});

/** What one steward has to say yes to: a statement of an agent's, as the gateway asks about it. */
export const questionOf = (
  session: string,
  statementId: string,
  sql: string,
  more: Partial<Question> = {},
): Question => ({
  bounds: { open: 1000, perHour: 1000 },
  statementId,
  sessionId: session,
  actor: { ...actor('bot'), claims: {} },
  text: textOf(sql),
  // Of another text another statement.
  same: more.text?.statement ?? sql,
  fits: 'aa',
  fingerprint: 'f',
  about: null as never,
  policyVersion: 'v1',
  requirements: [{ issuers: [ISSUER], groups: ['stewards'], count: 1, rule: 'p.yaml:1' }],
  withinMs: 600_000,
  ...more,
});

/** A store of a test's own (own-store.ts), with approvals over it. */
export async function startApprovals(onIntegrityProblem: (problem: string) => void, connections?: number) {
  const own = await startStore({ onIntegrityProblem, connections });
  return { ...own, approvals: new Approvals(own.store) };
}

/** What `verify` says of all approvals after a change, which is taken back again; `rows`: without the keys where there are none. */
export const approvalBreaks = (admin: Pool, rows: SealedRows | undefined, change = 'SELECT 1'): Promise<string[]> =>
  withClient(admin, async (connection) => {
    const found = new Breaks();
    await connection.query('BEGIN');
    await connection.query(change);
    await checkApprovals(connection, found, { rows, archived: new Set() });
    await connection.query('ROLLBACK');
    return found.sorted.map(({ what }) => what);
  });

/** Statements that one steward has to say yes to, one after the other, as the gateway asks, uses and writes down; `session`: of now. */
export function approving({ store, approvals }: Awaited<ReturnType<typeof startApprovals>>, session: () => string) {
  let count = 0;
  const tell = (approval: Approval, kind: Event['kind'], body: object = {}, runs?: Event['runs']) =>
    store.recorder.append({
      kind,
      sessionId: session(),
      statementId: approval.statement_id,
      body: { ...body },
      runs,
    });
  const asked = async (more: Partial<Question> = {}): Promise<Approval> => {
    const statementId = timeOrderedId();
    await store.recorder.append({ ...submitted(session(), statementId, { verdict: 'approve' }), runs: 'pauses' });
    const question = questionOf(session(), statementId, `DELETE FROM T WHERE ID = ${++count}`, more);
    const found = await approvals.ask(question);
    if (found instanceof TooManyApprovals) throw new Error('too many');
    const { approval } = found;
    await tell(approval, 'approval_asked', { approval: approval.id, binding: approval.binding }, 'pauses');
    return approval;
  };
  const use = (approval: Approval, as = 'u'): Promise<boolean> =>
    approvals.use(approval.id, async () => {
      const reviewers = [`${ISSUER} carl`];
      await tell(approval, 'approval_used', { approval: approval.id, use: as, reviewers }, 'begins');
    });
  const used = async (more: Partial<Question> = {}): Promise<Approval> => {
    const approval = await asked(more);
    await approvals.decide(approval.id, steward('carl'), YES);
    if (!(await use(approval))) throw new Error('not used');
    return approval;
  };
  const kindsOf = async ({ statement_id: statement }: Approval): Promise<string[]> =>
    (await store.reader.events(session())).flatMap((event) => (event.statement === statement ? [event.kind] : []));
  /** As if so much time had passed for the statement, and with this in the warehouse's history. */
  const settled = (
    afterMs: number,
    history: readonly HistoryEntry[] = [],
    more: Partial<Parameters<typeof settle>[0]> = {},
  ): Promise<number> =>
    settle({
      transcript: store,
      approvals,
      warehouse: { history: () => Promise.resolve(history) } as unknown as Warehouse,
      roles: () => [{ role: 'R', warehouse: 'W' }],
      silentMs: 60_000,
      onProblem: fail,
      now: () => Date.now() + afterMs,
      ...more,
    });
  return { tell, asked, use, used, kindsOf, settled };
}
