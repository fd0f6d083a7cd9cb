/** A store with approvals over it, what agents ask reviewers, and what reviewers say. */
import { Approvals } from '../../dist/approval/index.js';
import { actor } from '../transcript/fill.mjs';
import { ISSUER } from './caller.mjs';
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
  text: { statement: sql, sent: sql, binds: [], purpose: null, door: 'mcp', shape: { key: 'k', text: sql, holes: [] } },
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
