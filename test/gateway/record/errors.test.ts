/** What the warehouse says when it fails, at each moment of the way: in the answer, the record and the log. */
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { Gateway, type GatewayParts } from '../../../dist/gateway/gateway.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import { failureOf } from '../../../dist/warehouse/errors/driver-error.js';
import { WarehouseUnavailable } from '../../../dist/warehouse/index.js';
import { callerOf } from '../../support/caller.mjs';
import { GENEROUS } from '../../support/gateways/limits.mjs';
import { KEEPS_NOTHING } from '../../support/gateways/quiet-store.js';
import { policyOf, setOf } from '../../support/policies.mjs';

let policies: PolicySet;
beforeAll(async () => {
  policies = await setOf(
    policyOf(`rules:
  - allow: [read, delete]
    on: [DB.S.*]
  - deny: [delete]
    on: [DB.S.*]
    when: { rows_affected_over: 5 }
columns:
  - match: [DB.S.T.SSN]
    mask: { constant: a-constant }
rows:
  - on: DB.S.T
    where: REGION = 'hidden-region'
`),
  );
});

const caller = callerOf('bot', ['g']);

/** As the driver throws it. */
const thrown = (message: string, code = '100038', sqlState = '22018'): never => {
  const data = { queryId: '01b2-0001' };
  throw failureOf(Object.assign(new Error(message), { name: 'OperationFailedError', code, sqlState, data }));
};

/** Where the warehouse fails, and with what: what the agent hears, and all that was written anywhere. */
async function failing(sql: string, at: 'run' | 'explain' | 'catalog', fail: () => never) {
  const written: unknown[] = [];
  const note = async (event: unknown): Promise<void> => void written.push(event);
  const relation = async (_key: unknown, name: object) => {
    if (at === 'catalog') fail();
    const columns = ['ID', 'SSN', 'REGION', 'GONE'].map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
    return { ...name, kind: 'table', columns, viewText: undefined, isSecure: false, comment: '', rows: 1 };
  };
  const parts = {
    policies: () => policies,
    transcript: {
      ensureAlive: async () => undefined,
      ...KEEPS_NOTHING,
      sessions: { find: async () => 'session' },
      recorder: {
        append: note,
        appendAll: async (events: readonly unknown[]) => void written.push(...events),
        leave: () => undefined,
      },
    },
    approvals: {},
    warehouse: {
      options: { confirm: at === 'explain' ? 'always' : 'off' },
      catalog: { version: 1, relation, near: async () => fail(), invalidate: () => undefined },
      run: async () => fail(),
      explain: async () => fail(),
    },
    log: { warn: (...all: unknown[]) => written.push(...all), error: (...all: unknown[]) => written.push(...all) },
    counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
    now: () => new Date(),
    limits: GENEROUS,
    notices: async () => [],
  };
  const gateway = new Gateway(parts as unknown as GatewayParts);
  const answers = [await gateway.query(caller, { sql }), (await gateway.explain(caller, { sql })).answer];
  const failed = written.find((event) => (event as { kind?: string }).kind === 'statement_failed');
  return {
    answer: answers[0],
    message: (failed as { body?: { message?: string } })?.body?.message,
    all: inspect([answers, written], { depth: 12, showHidden: true }),
  };
}

const VALUE = 'canary 4111';
const SELECT = 'SELECT ID, SSN\nFROM DB.S.T WHERE GONE = 1';

describe.each(['run', 'explain', 'catalog'] as const)('a warehouse that fails in %s', (at) => {
  it.each([
    `Numeric value '${VALUE}' is not recognized`,
    `Duplicate row detected during DML action\nRow Values: ["${VALUE}", NULL]`,
    `SQL compilation error:\nsomething about "${VALUE}"`,
    `Unexpected token 'c', "${VALUE}" is not valid JSON`,
  ])('and says %s', async (message) => {
    for (const sql of [SELECT, 'DELETE FROM DB.S.T WHERE ID = 1']) {
      const { all } = await failing(sql, at, () => thrown(message));
      expect(all).not.toContain('canary');
    }
  });

  it('because the network is broken', async () => {
    const { all } = await failing(SELECT, at, () => {
      throw failureOf(Object.assign(new Error(VALUE), { name: 'RequestFailedError', code: 402_001 }));
    });
    expect(all).not.toContain('canary');
    expect(all).toContain('RequestFailedError');
  });
});

describe('a compile error of the text as sent', () => {
  it('tells the name and its place in the text that the agent wrote', async () => {
    const { answer, message } = await failing(SELECT, 'run', () =>
      thrown("SQL compilation error: error line 1 at position 190\ninvalid identifier 'GONE'", '000904', '42000'),
    );
    expect(answer?.error).toEqual({
      code: '000904',
      message: "SQL compilation error at line 2, column 19: invalid identifier 'GONE'",
    });
    expect(message).toBe(answer?.error?.message);
  });

  it("tells no name and no constant of the policies'", async () => {
    for (const name of ['REGION', 'hidden-region', 'a-constant', 'DB.OTHER.TABLE']) {
      const { answer } = await failing(SELECT, 'run', () =>
        thrown(`SQL compilation error: error line 1 at position 90\ninvalid identifier '${name}'`, '000904', '42000'),
      );
      expect(answer?.error?.message).toBe('SQL compilation error: invalid identifier …');
    }
  });
});

describe('a log-in that is refused', () => {
  it('says why, in words that are known', async () => {
    const { all } = await failing(SELECT, 'catalog', () => {
      throw new WarehouseUnavailable('Snowflake refused.', 'OperationFailedError 390100');
    });
    expect(all).toContain('390100');
  });
});
