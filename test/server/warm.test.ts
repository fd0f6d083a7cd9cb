/** What the first statement need not wait for: it is there before a gateway says that it is ready. Counted, not timed. */
import { describe, expect, it } from 'vitest';
import type { TokenVerifier } from '../../dist/identity/index.js';
import type { Policy } from '../../dist/policy/index.js';
import { warmUp } from '../../dist/server/runtime/warm.js';
import { loadParsers } from '../../dist/sql/index.js';
import { LogInRefused, type Warehouse, WarehouseUnavailable } from '../../dist/warehouse/index.js';
import { demoWith, query, agent as signedIn } from '../support/demo.js';
import { policyOf, setOf } from '../support/policies.mjs';

const open = async (url: string): Promise<number> =>
  Number(/^snowfence_warehouse_connections (\d+)$/m.exec(await (await fetch(url)).text())?.[1]);

describe('before a demo is ready', () => {
  it('each role has its connection and its tables: the first query opens none', async () => {
    const policy = (name: string, group: string, role: string): string =>
      `policy: ${name}\nprincipals: { groups: [${group}] }\nsnowflake: { role: ${role}, warehouse: AGENT_WH }\nrules:\n  - allow: [read]\n    on: [ANALYTICS.SALES.*]\nrows:\n  - on: ANALYTICS.SALES.CUSTOMERS\n    where: REGION = 'EU'\n`;
    const { demo, end } = await demoWith({
      'sales.yaml': policy('sales', 'sales-agents', 'AGENT_SALES_RO'),
      'pipeline.yaml': policy('pipeline', 'pipeline-agents', 'AGENT_SALES_RW'),
      'again.yaml': policy('again', 'others', 'AGENT_SALES_RW'),
    });
    try {
      const ready = await fetch(new URL('/readyz', demo.ready.mcp_url));
      expect([ready.status, Object.keys((await ready.json()) as object)]).toEqual([
        200,
        ['transcript', 'warehouse', 'warehouse_asked_at', 'policies'],
      ]);
      expect(await open(demo.ready.metrics_url)).toBe(2);
      for (const name of ['sales-bot', 'pipeline-bot']) {
        const client = await signedIn(demo.ready, name);
        const { status } = await query(client, 'SELECT REGION FROM ANALYTICS.SALES.CUSTOMERS', { purpose: 'test' });
        expect(status).toBe('ok');
        await client.close();
      }
      expect(await open(demo.ready.metrics_url)).toBe(2);
    } finally {
      await end();
    }
  });
});

describe('warming', () => {
  const gateway = async (over: {
    logIn: () => Promise<void>;
    warm?: (role: string) => Promise<void>;
    issuers?: readonly { issuer: string; problem: string | undefined }[];
  }) => {
    await loadParsers();
    const [one, two] = (
      await setOf(
        policyOf('rules: [{ allow: [read], on: [A.B.*] }]\nrows: [{ on: A.B.C, where: "X = 1" }]', 'one'),
        policyOf('rules: [{ allow: [read], on: [A.B.*] }]', 'two').replace('role: R', 'role: S'),
      )
    ).policies as [Policy, Policy];
    const asked: string[] = [];
    const said: unknown[] = [];
    const stop = new AbortController();
    const warehouse = {
      refusal: undefined,
      logIn: over.logIn,
      warm: async ({ role }: { role: string }) => {
        asked.push(role);
        await over.warm?.(role);
      },
      wholeSize: async (_key: unknown, { database, schema, name }: Record<string, string>) =>
        void asked.push(`plan of ${database}.${schema}.${name}`),
      catalog: {
        relation: async (_key: unknown, { database, schema, name }: Record<string, string>) =>
          void asked.push(`${database}.${schema}.${name}`),
      },
    } as unknown as Warehouse;
    const warming = warmUp({
      warehouse,
      verifier: {
        check: async () => {
          asked.push('keys');
          return over.issuers ?? [];
        },
      } as unknown as TokenVerifier,
      policies: [one, two, one],
      log: { warn: (what: object) => said.push(what), error: (what: object) => said.push(what) } as never,
      signal: stop.signal,
    });
    return { warming, asked, said, stop };
  };

  it('goes on until the log-in is answered, then opens one connection of each role', async () => {
    let letIn: () => void = () => undefined;
    const logIn = new Promise<void>((resolve) => {
      letIn = resolve;
    });
    const { warming, asked, said, stop } = await gateway({ logIn: () => logIn });
    expect([warming.isOn, asked]).toEqual([true, ['keys']]);
    letIn();
    await warming.over;
    expect(warming.isOn).toBe(false);
    expect([...asked].sort()).toEqual(['A.B.C', 'R', 'S', 'keys', 'plan of A.B.C']);
    expect(said).toEqual([]);
    stop.abort();
  });

  it('tries no role where the gateway itself is not let in, or Snowflake is away', async () => {
    for (const error of [new LogInRefused('No.', false), new WarehouseUnavailable('Away.')]) {
      const { warming, asked, stop } = await gateway({ logIn: () => Promise.reject(error) });
      await warming.over;
      expect([warming.isOn, asked]).toEqual([false, ['keys']]);
      stop.abort();
    }
  });

  it('names an issuer that does not answer, and no other', async () => {
    const issuers = [
      { issuer: 'https://there.example', problem: undefined },
      { issuer: 'https://away.example', problem: 'no answer' },
    ];
    const { warming, said, stop } = await gateway({ logIn: async () => undefined, issuers });
    await warming.over;
    expect(said).toEqual([{ issuer: 'https://away.example', problem: 'no answer' }]);
    stop.abort();
  });

  it('names a role that Snowflake refuses, and opens the others', async () => {
    const { warming, asked, said, stop } = await gateway({
      logIn: async () => undefined,
      warm: async (role) => {
        if (role === 'R') throw new LogInRefused('Not this role.', true);
      },
    });
    await warming.over;
    expect([...asked].sort()).toEqual(['R', 'S', 'keys']);
    expect(said).toEqual([{ err: expect.any(LogInRefused), role: 'R', warehouse: 'W' }]);
    stop.abort();
  });
});
