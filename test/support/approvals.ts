/** A store with approvals over it, what agents ask reviewers, and what reviewers say. */
import { Approvals } from '../../dist/approval/index.js';
import { storePool } from '../../dist/transcript/index.js';
import { actor } from '../transcript/fill.mjs';
import { startPostgres } from './postgres.mjs';
import { openStore } from './store.mjs';

const ISSUER = 'https://issuer.example';

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

/** `admin`: the database's superuser, over so many connections; `onIntegrityProblem`: who hears what the store finds. */
export async function startApprovals(
  onIntegrityProblem: (problem: string) => void,
  more: object = {},
  connections: number | undefined = undefined,
) {
  const postgres = await startPostgres();
  const store = await openStore(postgres.url, { ...more, onIntegrityProblem });
  const admin = storePool(postgres.url, 60_000, connections);
  return {
    postgres,
    store,
    approvals: new Approvals(store),
    admin,
    end: async (): Promise<void> => {
      await admin.end();
      await store[Symbol.asyncDispose]();
      await postgres.end();
    },
  };
}
