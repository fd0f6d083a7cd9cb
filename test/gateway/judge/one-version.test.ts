/** A set that is loaded while a statement is under way: judged, weighed, run and recorded by one version all the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Gateway, type GatewayParts } from '../../../dist/gateway/gateway.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import { callerOf } from '../../support/caller.mjs';
import { GENEROUS } from '../../support/gateways/limits.mjs';
import { KEEPS_NOTHING } from '../../support/gateways/quiet-store.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const RULES = 'rules:\n  - allow: [read, delete]\n    on: [DB.S.*]\n';
/** Both have a limit on bytes, so that a statement is weighed again after the warehouse has answered. */
const SETS = {
  masked: 'columns:\n  - match: [DB.S.T.EMAIL]\n    mask: redact\nlimits: { bytes_scanned_per_statement: 1GB }\n',
  filtered: 'rows:\n  - on: DB.S.T\n    where: ID > 5\nlimits: { bytes_scanned_per_statement: 2GB }\n',
};
const sets: PolicySet[] = [];
beforeAll(async () => {
  for (const more of Object.values(SETS)) sets.push(await setOf(policyOf(RULES + more)));
});

const caller = callerOf('bot', ['g']);

interface Recorded {
  readonly kind: string;
  readonly body: { readonly policy_version?: string; readonly masks?: unknown[]; readonly rows?: unknown };
}

/** Each question to anything outside of the gateway swaps the set that is in force. */
function gatewayThatReloads() {
  const recorded: Recorded[] = [];
  const ran: string[] = [];
  let [asked, reloads] = [0, 0];
  const reload = (): void => void reloads++;
  const parts = {
    policies: () => {
      asked++;
      const set = sets[reloads % 2];
      if (!set) throw new Error('no set');
      return set;
    },
    transcript: {
      ensureAlive: async () => reload(),
      ...KEEPS_NOTHING,
      sessions: {
        find: async () => {
          reload();
          return 'session';
        },
      },
      recorder: {
        append: async (event: Recorded) => {
          reload();
          recorded.push(event);
        },
        appendAll: async (events: readonly Recorded[]) => {
          reload();
          recorded.push(...events);
        },
        leave: () => undefined,
        takeBytes: async (principal: string, bytes: number) => ({ principal, day: '2026-01-01', bytes, after: bytes }),
        isTakenTwice: async () => false,
      },
    },
    approvals: { openFor: async () => undefined },
    warehouse: {
      options: { confirm: 'off' },
      catalog: {
        version: 1,
        relation: async (_key: unknown, name: object) => {
          reload();
          const columns = ['ID', 'EMAIL'].map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
          return { ...name, kind: 'table', columns, viewText: undefined, comment: '', rows: 1 };
        },
        constraints: async () => {
          reload();
          return { checks: [], keys: [], references: [] };
        },
        invalidate: () => undefined,
      },
      wholeSize: async () => {
        reload();
        return 10;
      },
      run: async (_key: unknown, sql: string) => {
        reload();
        ran.push(sql);
        const columns = [
          { name: 'ID', type: 'TEXT' },
          { name: 'EMAIL', type: 'TEXT' },
        ];
        return { columns, rows: [['1', 'x']], bytes: 3, isLast: true, queryId: 'q' };
      },
      explain: async () => {
        reload();
        return { objects: [], bytes: 10 };
      },
    },
    log: { warn: () => undefined, error: () => undefined },
    counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
    now: () => new Date(),
    limits: GENEROUS,
    notices: async () => [],
  };
  return {
    gateway: new Gateway(parts as unknown as GatewayParts),
    recorded,
    ran,
    reload,
    looks: () => [asked, reloads] as const,
  };
}

/** What the set of a recorded version does to the table, as the same event says. */
function consistent({ body }: Recorded): boolean {
  const at = sets.findIndex(({ version }) => version === body.policy_version);
  const hasMask = (body.masks ?? []).length > 0;
  const hasRows = Array.isArray(body.rows) && body.rows.length > 0;
  return at === 0 ? hasMask && !hasRows : at === 1 && !hasMask && hasRows;
}

const SQL = 'SELECT ID, EMAIL FROM DB.S.T';
const opening = (recorded: readonly Recorded[]) =>
  recorded.filter(({ kind }) => kind === 'statement_submitted' || kind === 'statement_refused');

describe.each([0, 1, 2, 3])('a set that is swapped at each step, begun after %i swaps', (before) => {
  it('leaves a statement its own', async () => {
    const { gateway, recorded, reload, looks } = gatewayThatReloads();
    for (let at = 0; at < before; at++) reload();
    const answer = await gateway.query(caller, { sql: SQL });
    expect(answer.status).toBe('ok');
    expect(looks()[0]).toBe(1);
    expect(looks()[1]).toBeGreaterThan(before + 3);
    const [event] = opening(recorded);
    expect(event && consistent(event)).toBe(true);
  });

  it('leaves an explanation its own', async () => {
    const { gateway, recorded, reload, looks } = gatewayThatReloads();
    for (let at = 0; at < before; at++) reload();
    const { judged } = await gateway.explain(caller, { sql: SQL });
    expect(looks()[0]).toBe(1);
    const [event] = opening(recorded);
    expect(event && consistent(event)).toBe(true);
    expect(event?.body.policy_version).toBe(judged.version);
  });
});
