/** The way with parts that fail at one moment: no real store or warehouse could be made to. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Gateway, type GatewayParts } from '../../dist/gateway/gateway.js';
import type { PolicySet } from '../../dist/policy/index.js';
import { RecorderUnavailable } from '../../dist/transcript/index.js';
import { StatementCancelled, WarehouseUnavailable } from '../../dist/warehouse/index.js';
import { callerOf } from '../support/caller.mjs';
import { GENEROUS } from '../support/gateways/limits.mjs';
import { KEEPS_NOTHING } from '../support/gateways/quiet-store.js';
import { policyOf, setOf } from '../support/policies.mjs';

let policies: PolicySet;
beforeAll(async () => {
  policies = await setOf(policyOf('rules:\n  - allow: [read]\n    on: [DB.S.*]\n'));
});

const caller = callerOf('bot', ['g']);

let counting: PolicySet;
let asking: PolicySet;
beforeAll(async () => {
  counting = await setOf(
    policyOf(
      'rules:\n  - allow: [read, delete]\n    on: [DB.S.*]\n  - deny: [delete]\n    on: [DB.S.*]\n    when: { rows_affected_over: 5 }\n    reason: Too many.\nlimits: { statements_per_hour: 1 }\n',
    ),
  );
  asking = await setOf(
    policyOf(
      'rules:\n  - allow: [read]\n    on: [DB.S.*]\n  - approve: [delete]\n    on: [DB.S.*]\n    by: { groups: [stewards], count: 1, within: 15m, tolerance: 50% }\n',
    ),
  );
});

/** A catalog in which every name is a table of one column. */
const anyTable = (type: string) => async (_key: unknown, name: object) => ({
  ...name,
  kind: 'table',
  columns: [{ name: 'ID', type, comment: '' }],
  viewText: undefined,
  comment: '',
  rows: 1,
});

interface Before {
  readonly before?: () => Promise<void>;
}

/** A gateway whose store takes `takes` events and then fails; what ran and what was recorded. */
function gatewayThat(
  takes: number,
  set = policies,
  count: () => number = () => 1,
  more: object = {},
  changed: () => number | undefined = count,
) {
  const recorded: string[] = [];
  const ran: string[] = [];
  let counted = 0;
  const append = async (event: { kind: string }, hour?: object): Promise<number | undefined> => {
    if (recorded.length >= takes) throw new RecorderUnavailable(new Error('the disk is full'));
    recorded.push(event.kind);
    return hour ? ++counted : undefined;
  };
  const appendAll = async (events: readonly { kind: string }[]): Promise<void> => {
    for (const event of events) await append(event);
  };
  const run = async (_key: unknown, sql: string, { before }: Before) => {
    await before?.();
    ran.push(sql);
    if (sql.startsWith('SELECT COUNT')) {
      const rows = [[count()]];
      return { columns: [{ name: 'N', type: 'FIXED' }], rows, bytes: 3, isLast: true, queryId: 'q' };
    }
    return { columns: [{ name: 'ID', type: 'FIXED' }], rows: [[1]], bytes: 3, isLast: true, queryId: 'q' };
  };
  const runBounded = async (
    _key: unknown,
    sql: string,
    { before, mayStay }: Before & { mayStay: (rows: number | undefined) => Promise<boolean> },
  ) => {
    await before?.();
    ran.push(sql);
    const rows = changed();
    const columns = [{ name: 'number of rows deleted', type: 'FIXED' }];
    const result = { columns, rows: [[rows]], bytes: 3, isLast: true, queryId: 'q' };
    const isCommitted = await mayStay(rows);
    ran.push(isCommitted ? 'COMMIT' : 'ROLLBACK');
    return { isCommitted, rows, result };
  };
  const relation = anyTable('NUMBER');
  const parts = {
    policies: () => set,
    transcript: {
      ensureAlive: async () => undefined,
      ...KEEPS_NOTHING,
      sessions: { find: async () => 'session' },
      recorder: { append, appendAll, leave: () => undefined },
    },
    approvals: { openFor: async () => undefined },
    warehouse: {
      options: { confirm: 'off' },
      catalog: { version: 1, relation, invalidate: () => undefined },
      run,
      runBounded,
      explain: async () => ({ objects: [], bytes: 10 }),
    },
    log: { warn: () => undefined, error: () => undefined },
    counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
    now: () => new Date(),
    limits: GENEROUS,
    notices: async () => [],
    ...more,
  };
  return { gateway: new Gateway(parts as unknown as GatewayParts), recorded, ran };
}

describe('a store that fails', () => {
  const SQL = 'SELECT ID FROM DB.S.T';

  it('before the intent is taken: nothing runs', async () => {
    const { gateway, ran } = gatewayThat(0);
    const answer = await gateway.query(caller, { sql: SQL });
    expect(answer).toMatchObject({
      status: 'denied',
      denial: { code: 'RECORDER_UNAVAILABLE', message: expect.stringContaining('not run') },
    });
    expect(ran).toEqual([]);
  });

  it('between the run and its outcome: the agent hears that it ran, and sees no row', async () => {
    const { gateway, ran, recorded } = gatewayThat(1);
    const answer = await gateway.query(caller, { sql: SQL });
    expect(ran).toEqual([expect.stringContaining('SELECT')]);
    expect(recorded).toEqual(['statement_submitted']);
    expect(answer).toMatchObject({
      status: 'error',
      rows: [],
      denial: { code: 'RECORDER_UNAVAILABLE', message: expect.stringContaining('has run') },
    });
  });

  it('not at all: intent before run before outcome', async () => {
    const { gateway, recorded } = gatewayThat(9);
    expect(await gateway.query(caller, { sql: SQL })).toMatchObject({ status: 'ok', rows: [[1]] });
    expect(recorded).toEqual(['statement_submitted', 'statement_sent', 'statement_completed']);
  });
});

describe('the count of rows before a change', () => {
  const SQL = 'DELETE FROM DB.S.T WHERE ID > 1';
  const codeOf = async (count: () => number) => {
    const { gateway, ran, recorded } = gatewayThat(9, counting, count);
    const { status, denial } = await gateway.query(caller, { sql: SQL });
    return { status, code: denial?.code, ran: ran.length, recorded };
  };
  const failing = (error: Error) => (): number => {
    throw error;
  };

  it('decides, and the question is recorded before it is asked', async () => {
    expect(await codeOf(() => 5)).toEqual({
      status: 'ok',
      code: undefined,
      ran: 3,
      recorded: ['estimate_asked', 'statement_submitted', 'statement_sent', 'statement_completed'],
    });
    expect(await codeOf(() => 6)).toEqual({
      status: 'denied',
      code: 'OBJECT_DENIED',
      ran: 1,
      recorded: ['estimate_asked', 'statement_refused'],
    });
  });

  it('that takes too long counts as too many', async () => {
    expect(await codeOf(failing(new StatementCancelled('timeout')))).toMatchObject({ code: 'OBJECT_DENIED', ran: 1 });
  });

  it('that the warehouse does not answer ends in a refusal that is recorded', async () => {
    expect(await codeOf(failing(new WarehouseUnavailable('gone')))).toMatchObject({
      code: 'WAREHOUSE_UNAVAILABLE',
      recorded: ['estimate_asked', 'statement_refused'],
    });
  });

  it('counts against the hour, so that it can not be asked without end', async () => {
    const { gateway, ran } = gatewayThat(99, counting);
    await gateway.query(caller, { sql: SQL });
    const before = ran.length;
    expect((await gateway.query(caller, { sql: SQL })).denial?.code).toBe('LIMIT_REACHED');
    expect(ran.length).toBe(before);
  });
});

describe('a process that stood still', () => {
  /** An approval that is given at once, and used by whoever asks. */
  const givenAtOnce = (isStillUsed: boolean) => {
    let approval: object | undefined;
    return {
      standing: async () => undefined,
      ask: async (request: {
        text: object;
        fits: string;
        policyVersion: string;
        statementId: string;
        requirements: object;
        about: object;
      }) => {
        const { text, fits, policyVersion, statementId, requirements, about } = request;
        const whose = { issuer: 'https://issuer.example', subject: 'bot', client_id: 'bot', session_id: 'session' };
        approval = {
          id: 'a',
          statement_id: statementId,
          expires_at: new Date(),
          decisions: [],
          policy_version: policyVersion,
          fits,
          requirements,
          about,
          ...whose,
          ...text,
        };
        return { approval: { ...approval, state: 'pending' }, isNew: true };
      },
      openFor: async () => undefined,
      get: async () => ({ ...approval, state: 'approved' }),
      changed: async () => undefined,
      stamp: async () => 'a',
      use: async (_id: string, begin: () => Promise<void>) => begin().then(() => true),
      isStillUsed: async () => isStillUsed,
      leaves: async (_approval: object, _use: string, say: () => Promise<void>) => {
        if (isStillUsed) await say();
        return isStillUsed;
      },
    };
  };

  it.each([
    [true, true, 'ok', ['SELECT COUNT', 'DELETE', 'COMMIT']],
    [false, true, 'denied', ['SELECT COUNT']],
    [true, false, 'denied', ['SELECT COUNT']],
  ] as const)(
    'sends what was approved only while others hear of it (%s) and the record knows of its use (%s)',
    async (isHeard, isStillUsed, status, sent) => {
      const { gateway, ran, recorded } = gatewayThat(20, asking, () => 1, {
        approvals: givenAtOnce(isStillUsed),
        isHeard: () => isHeard,
      });
      expect((await gateway.query(caller, { sql: 'DELETE FROM DB.S.T WHERE ID > 1' })).status).toBe(
        'approval_required',
      );
      const answer = await gateway.resume(caller, 'a', { waitMs: 0 });
      expect(answer.status).toBe(status);
      expect(ran.map((text) => sent.find((start) => text.startsWith(start)))).toEqual(sent);
      // Without an outcome: the approval is given back, or somebody else has the statement.
      expect(recorded.at(-1)).toBe(status === 'ok' ? 'statement_completed' : 'approval_refused');
    },
  );
});

describe('the compiler as a witness', () => {
  it.each([
    ['sees the key of the masking function where a column is hashed', 'hash', 'SNOWFENCE.MASKING.HASH_KEY', 'ok'],
    ['not where none is', 'null', 'SNOWFENCE.MASKING.HASH_KEY', 'denied'],
    ['and nothing else', 'hash', 'SNOWFENCE.MASKING.OTHER', 'denied'],
  ])('%s', async (_what, mask, object, expected) => {
    const set = await setOf(
      policyOf(`rules:\n  - allow: [read]\n    on: [DB.S.*]\ncolumns:\n  - match: [DB.S.T.ID]\n    mask: ${mask}\n`),
    );
    const relation = anyTable('VARCHAR');
    const warehouse = {
      options: { confirm: 'always' },
      catalog: { version: 1, relation },
      run: async () => ({
        columns: [{ name: 'ID', type: 'TEXT' }],
        rows: [['x']],
        bytes: 3,
        isLast: true,
        queryId: 'q',
      }),
      explain: async () => ({ objects: ['DB.S.T', object], bytes: 10 }),
    };
    const { gateway } = gatewayThat(9, set, undefined, { warehouse });
    expect((await gateway.query(caller, { sql: 'SELECT ID FROM DB.S.T' })).status).toBe(expected);
  });
});
