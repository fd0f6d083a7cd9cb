/** The limit on the rows that a change touches holds for the run itself, and what became of a change is what became of its COMMIT. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reconcile } from '../../../dist/cli/record/reconcile.js';
import type { Config } from '../../../dist/config/config.js';
import {
  CommitUnknown,
  StatementCancelled,
  type Warehouse,
  WarehouseUnavailable,
} from '../../../dist/warehouse/index.js';
import { callerOf, ISSUER } from '../../support/caller.mjs';
import { KEY, Whole } from '../../support/gateways/whole.js';

const COUNT = 'SELECT COUNT(*) AS N FROM DB.PUBLIC.T';
const steward = { issuer: ISSUER, subject: 'steward', groups: ['stewards'], claims: {} };
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'command line' } as const;
const bot = callerOf('bot', ['g']);

let whole: Whole;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, NAME VARCHAR)',
    'CREATE TABLE DB.PUBLIC.S (ID NUMBER)',
    'INSERT INTO DB.PUBLIC.S VALUES (1), (2), (2), (9)',
  ]);
});
afterAll(() => whole[Symbol.asyncDispose]());
beforeEach(async () => {
  await whole.warehouse.ask(KEY, 'DELETE FROM DB.PUBLIC.T', 'seed');
  await whole.warehouse.ask(KEY, "INSERT INTO DB.PUBLIC.T VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')", 'seed');
});

/** After the count and before the change, more rows that it finds: what RANDOM() in a predicate does, to the letter each time. */
const growing = (values: string): Partial<Warehouse> => ({
  run: async (...args) => {
    const result = await whole.warehouse.run(...args);
    if (args[1].startsWith('SELECT COUNT'))
      await whole.warehouse.ask(KEY, `INSERT INTO DB.PUBLIC.T VALUES ${values}`, 'seed');
    return result;
  },
});

const OVER_TWO = `rules:
  - allow: [read, insert, delete, update, merge]
    on: [DB.PUBLIC.*]
  - deny: [delete, update, merge]
    on: [DB.PUBLIC.*]
    when: { rows_affected_over: 2 }
`;
const ASKING = (tolerance: string): string => `rules:
  - allow: [read]
    on: [DB.PUBLIC.*]
  - approve: [delete]
    on: [DB.PUBLIC.*]
    by: { groups: [stewards]${tolerance} }
`;

describe('a change with a limit on its rows', () => {
  it.each([
    'DELETE FROM DB.PUBLIC.T WHERE ID < 3',
    "UPDATE DB.PUBLIC.T SET NAME = 'x' WHERE ID < 3",
    'MERGE INTO DB.PUBLIC.T t USING (SELECT ID FROM DB.PUBLIC.S) s ON t.ID = s.ID WHEN NOT MATCHED THEN INSERT (ID) VALUES (s.ID)',
  ])('is made where it stays below: %s', async (sql) => {
    const { gateway } = await whole.gateway(
      OVER_TWO.replace('rows_affected_over: 2', `rows_affected_over: ${sql.startsWith('MERGE') ? 4 : 2}`),
    );
    expect(await gateway.query(bot, { sql })).toMatchObject({ status: 'ok', denial: undefined, error: undefined });
  });

  it.each([
    ['DELETE FROM DB.PUBLIC.T WHERE ID < 3', 'delete'],
    ["UPDATE DB.PUBLIC.T SET NAME = 'x' WHERE ID < 3", 'update'],
  ])('is rolled back, recorded and said where it touches more than were counted: %s', async (sql) => {
    const { gateway, policies } = await whole.gateway(OVER_TWO, {
      warehouse: growing("(1, 'a'), (1, 'a'), (1, 'a'), (1, 'a')"),
    });
    const since = new Date();
    const answer = await gateway.query(bot, { sql });
    expect(answer).toMatchObject({
      // It had run, and the record has it as failed: no refusal.
      status: 'error',
      rows: [],
      error: { code: 'LIMIT_REACHED' },
      denial: { code: 'LIMIT_REACHED', rule: expect.stringContaining('p.yaml:7') },
    });
    expect(answer.denial?.message).toContain('rolled back');
    // Neither what was counted nor what was touched.
    expect(JSON.stringify(answer.denial)).not.toMatch(/\b(?:2|6) rows/);
    expect(await whole.rows(COUNT)).toBe(8);
    expect(await whole.rows("SELECT COUNT(*) AS N FROM DB.PUBLIC.T WHERE NAME = 'x'")).toBe(0);
    const events = await whole.events(answer.session, answer.statementId);
    expect(events.map(({ kind }) => kind)).toEqual([
      'estimate_asked',
      'statement_submitted',
      'statement_sent',
      'statement_failed',
    ]);
    expect(events.at(-1)?.body).toMatchObject({ code: 'LIMIT_REACHED', rolled_back: true, rows_touched: 6 });
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === answer.statementId)).toEqual([]);
    // The connection that it ran on is well.
    expect((await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 4' })).status).toBe('ok');
    expect(await whole.rows(COUNT)).toBe(8 + 4 - 1);
  });

  it('is not counted by what the agent may not read: then the rule holds, whatever it would be', async () => {
    const blind = `rules:\n  - allow: [delete]\n    on: [DB.PUBLIC.T]\n  - deny: [delete]\n    on: [DB.PUBLIC.T]\n    when: { rows_affected_over: 100 }\n`;
    const { gateway } = await whole.gateway(blind);
    const sql = 'DELETE FROM DB.PUBLIC.T WHERE ID = 1';
    for (const text of [sql, 'DELETE FROM DB.PUBLIC.T'])
      expect((await gateway.query(bot, { sql: text })).denial?.code).toBe('OBJECT_DENIED');
    const { gateway: seeing } = await whole.gateway(`${blind}  - allow: [select]\n    on: [DB.PUBLIC.T]\n`);
    expect((await seeing.query(bot, { sql })).status).toBe('ok');
  });

  it('takes one place with its count, and a second statement none', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isCounting: () => void = () => undefined;
    const counting = new Promise<void>((resolve) => {
      isCounting = resolve;
    });
    const { gateway } = await whole.gateway(`${OVER_TWO}limits: { concurrent: 1 }\n`, {
      warehouse: {
        run: async (...args) => {
          if (args[1].startsWith('SELECT COUNT')) {
            isCounting();
            await held;
          }
          return whole.warehouse.run(...args);
        },
      },
    });
    const first = gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 1' });
    await counting;
    expect(gateway.running).toBe(1);
    const second = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 2' });
    expect(second.denial).toMatchObject({ code: 'LIMIT_REACHED', message: 'You may run 1 statements at a time.' });
    const explained = await gateway.explain(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 2' });
    expect(explained.answer.denial?.code).toBe('LIMIT_REACHED');
    release();
    expect((await first).status).toBe('ok');
    expect(gateway.running).toBe(0);
  });
});

describe('a change that reviewers were told the rows of', () => {
  const SQL = 'DELETE FROM DB.PUBLIC.T WHERE ID < 3';

  async function approved(tolerance: string, more: string, standingMs?: number) {
    const { gateway } = await whole.gateway(ASKING(tolerance));
    const asked = await gateway.query(bot, { sql: SQL });
    const id = asked.approval?.id ?? '';
    expect((await whole.approvals.get(id))?.about?.estimate.rows).toBe(2);
    await whole.approvals.decide(id, steward, { ...yes, standingMs });
    if (more) await whole.warehouse.ask(KEY, `INSERT INTO DB.PUBLIC.T VALUES ${more}`, 'seed');
    return { gateway, answer: await gateway.resume(bot, id, { waitMs: 0 }) };
  }

  it.each([
    ['', '', 'ok', 2],
    ['', "(1, 'z')", 'error', 5],
    [', tolerance: 50%', "(1, 'z')", 'ok', 2],
    [', tolerance: 50%', "(1, 'z'), (1, 'z')", 'error', 6],
    [', tolerance: 2', "(1, 'z'), (1, 'z')", 'ok', 2],
  ] as const)('with%s and more rows %s: %s', async (tolerance, more, status, left) => {
    const { answer } = await approved(tolerance, more);
    expect(answer.status).toBe(status);
    if (status === 'error') expect(answer.denial?.code).toBe('LIMIT_REACHED');
    expect(await whole.rows(COUNT)).toBe(left);
  });

  it('standing for a while, lets no more of them through: what touches more is asked anew', async () => {
    const { gateway, answer } = await approved(', tolerance: 1', '', 600_000);
    expect(answer.status).toBe('ok');
    // Another literal behind `<` is another statement; the very same one passes, as long as it touches no more than was told.
    expect((await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID < 4' })).status).toBe(
      'approval_required',
    );
    expect((await gateway.query(bot, { sql: SQL })).status).toBe('ok');
    await whole.warehouse.ask(KEY, "INSERT INTO DB.PUBLIC.T VALUES (1, 'z'), (1, 'z'), (2, 'z'), (2, 'z')", 'seed');
    expect((await gateway.query(bot, { sql: SQL })).status).toBe('approval_required');
    expect(await whole.rows(COUNT)).toBe(6);
  });

  /** What this inserts is what a query has: S has the numbers 1, 2, 2 and 9. */
  const COPY = (id: number): string => `INSERT INTO DB.PUBLIC.T SELECT S.ID, 'x' FROM DB.PUBLIC.S WHERE S.ID = ${id}`;
  const COPYING = (tolerance: string): string => ASKING(tolerance).replace('[delete]', '[insert]');

  it.each([
    ['', 'approval_required', 5],
    [', tolerance: 1', 'ok', 7],
  ])(
    'standing for an INSERT from a query%s, lets no more rows in than were told: %s',
    async (tolerance, status, rows) => {
      const { gateway } = await whole.gateway(COPYING(tolerance));
      const asked = await gateway.query(bot, { sql: COPY(1) });
      const id = asked.approval?.id ?? '';
      expect((await whole.approvals.get(id))?.about?.estimate.rows).toBe(1);
      await whole.approvals.decide(id, steward, { ...yes, standingMs: 600_000 });
      expect((await gateway.resume(bot, id, { waitMs: 0 })).status).toBe('ok');
      expect(await whole.rows(COUNT)).toBe(5);
      expect((await gateway.query(bot, { sql: COPY(2) })).status).toBe(status);
      expect(await whole.rows(COUNT)).toBe(rows);
      if (status === 'ok') return;
      expect((await gateway.query(bot, { sql: COPY(9) })).status).toBe('ok');
    },
  );

  it('of an INSERT that finds more when it runs than when it was counted, is rolled back', async () => {
    const { gateway } = await whole.gateway(COPYING(''));
    const sql = "INSERT INTO DB.PUBLIC.T SELECT T.ID, 'again' FROM DB.PUBLIC.T AS T WHERE T.ID = 1";
    const asked = await gateway.query(bot, { sql });
    const id = asked.approval?.id ?? '';
    await whole.approvals.decide(id, steward, yes);
    await whole.warehouse.ask(KEY, "INSERT INTO DB.PUBLIC.T VALUES (1, 'z')", 'seed');
    expect((await gateway.resume(bot, id, { waitMs: 0 })).denial?.code).toBe('LIMIT_REACHED');
    expect(await whole.rows(COUNT)).toBe(5);
  });

  it('standing, holds for no change of which nobody was told how many rows', async () => {
    const { gateway } = await whole.gateway(COPYING(''));
    const sql = `${COPY(1).replace('= 1', '= ?')}`;
    const asked = await gateway.query(bot, { sql, binds: [1] });
    const id = asked.approval?.id ?? '';
    expect((await whole.approvals.get(id))?.about?.estimate.rows).toBeNull();
    await whole.approvals.decide(id, steward, { ...yes, standingMs: 600_000 });
    expect((await gateway.resume(bot, id, { waitMs: 0 })).status).toBe('ok');
    expect((await gateway.query(bot, { sql, binds: [1] })).status).toBe('approval_required');
  });

  it('of rows that are written out is told their number', async () => {
    const { gateway } = await whole.gateway(COPYING(''));
    for (const [sql, rows] of [
      ["INSERT INTO DB.PUBLIC.T VALUES (1, 'a')", 1],
      ["INSERT INTO DB.PUBLIC.T (ID, NAME) VALUES (1, 'a'), (2, UPPER('b')), (3, 'c)')", 3],
    ] as const) {
      const asked = await gateway.query(bot, { sql });
      const id = asked.approval?.id ?? '';
      expect((await whole.approvals.get(id))?.about?.estimate.rows).toBe(rows);
      await whole.approvals.decide(id, steward, { ...yes, standingMs: 600_000 });
      expect((await gateway.resume(bot, id, { waitMs: 0 })).status).toBe('ok');
      expect((await gateway.query(bot, { sql })).status).toBe('ok');
    }
    expect(await whole.rows(COUNT)).toBe(4 + 2 + 6);
  });

  it('asks for the word of others where a rule of theirs has come to apply', async () => {
    const { gateway } = await whole.gateway(
      `${ASKING('')}  - approve: [delete]\n    on: [DB.PUBLIC.*]\n    when: { rows_affected_over: 3 }\n    by: { groups: [owners] }\n`,
    );
    const asked = await gateway.query(bot, { sql: SQL });
    await whole.approvals.decide(asked.approval?.id ?? '', steward, yes);
    await whole.warehouse.ask(KEY, "INSERT INTO DB.PUBLIC.T VALUES (1, 'z'), (1, 'z')", 'seed');
    const answer = await gateway.resume(bot, asked.approval?.id ?? '', { waitMs: 0 });
    expect(answer.denial?.code).toBe('APPROVAL_EXPIRED');
    expect(await whole.rows(COUNT)).toBe(6);
  });
});

const reconciled = (policies: string, since: Date) =>
  reconcile(
    { policies, warehouse: whole.warehouse.options } as unknown as Config,
    whole.transcript,
    since,
    new Date(Date.now() + 1000),
  );

describe('a COMMIT that nobody heard of', () => {
  const SQL = 'DELETE FROM DB.PUBLIC.T WHERE ID < 3';

  const outcomeOf = async (session: string | null, statement: string) =>
    (await whole.events(session, statement)).filter(({ kind }) => kind !== 'estimate_asked').at(-1);

  it('that went through: the statement is settled as done', async () => {
    const { gateway, policies } = await whole.gateway(OVER_TWO, {
      warehouse: {
        runBounded: async (...args) => {
          const { result } = await whole.warehouse.runBounded(...args);
          throw new CommitUnknown(result.queryId, new Error('no answer'));
        },
      },
    });
    const since = new Date();
    const answer = await gateway.query(bot, { sql: SQL });
    expect(answer.denial).toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE', message: expect.stringContaining('commit') });
    expect((await outcomeOf(answer.session, answer.statementId))?.kind).toBe('statement_sent');
    expect(await whole.settled()).toBe(1);
    const outcome = await outcomeOf(answer.session, answer.statementId);
    expect(outcome).toMatchObject({ kind: 'statement_settled', body: { state: 'ok', found: true } });
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === answer.statementId)).toEqual([]);
  });

  it('that was never sent: it did not run, and an approval is given back', async () => {
    const { gateway, policies } = await whole.gateway(ASKING(''), {
      warehouse: {
        // BEGIN and the change, and then the process is gone, its session with it.
        runBounded: async (key, sql, options) => {
          const { result } = await whole.warehouse.runBounded(key, sql, {
            ...options,
            tags: { ...options.tags, rollback: 'nobody’s' },
            mayStay: () => false,
          });
          throw new CommitUnknown(result.queryId, new Error('gone'));
        },
      },
    });
    const since = new Date();
    const asked = await gateway.query(bot, { sql: SQL });
    const id = asked.approval?.id ?? '';
    await whole.approvals.decide(id, steward, yes);
    expect((await gateway.resume(bot, id, { waitMs: 0 })).denial?.code).toBe('WAREHOUSE_UNAVAILABLE');
    expect((await whole.approvals.get(id))?.state).toBe('used');
    // A COMMIT of this process may still be on its way: not yet.
    expect(await whole.settled(60_000)).toBe(0);
    expect(await whole.settled(600_000)).toBe(1);
    expect((await whole.approvals.get(id))?.state).toBe('approved');
    expect(await whole.rows(COUNT)).toBe(4);
    // Again, by a gateway that lives: it is made once.
    const { gateway: other } = await whole.gateway(ASKING(''));
    expect((await other.resume(bot, id, { waitMs: 0 })).status).toBe('ok');
    expect(await whole.rows(COUNT)).toBe(2);
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === asked.statementId)).toEqual([]);
  });

  it('is rolled back by a process that stood still, and settled by what the history says', async () => {
    let isHeard = true;
    const { gateway } = await whole.gateway(OVER_TWO, {
      isHeard: () => isHeard,
      warehouse: {
        runBounded: (key, sql, options) => {
          const mayStay = (...told: Parameters<typeof options.mayStay>) => {
            isHeard = false;
            return options.mayStay(...told);
          };
          return whole.warehouse.runBounded(key, sql, { ...options, mayStay });
        },
      },
    });
    const answer = await gateway.query(bot, { sql: SQL });
    expect(answer.denial?.message).toContain('stood still');
    expect(await whole.rows(COUNT)).toBe(4);
    expect(await whole.settled()).toBe(1);
    expect(await outcomeOf(answer.session, answer.statementId)).toMatchObject({
      kind: 'statement_settled',
      body: { state: 'failed', code: 'ROLLED_BACK' },
    });
  });
});

describe('a change without a limit on its rows that we were cut off from', () => {
  const FREE = `rules:\n  - allow: [read, delete]\n    on: [DB.PUBLIC.*]\n`;
  const SQL = 'DELETE FROM DB.PUBLIC.T WHERE ID < 3';
  const outcomesOf = async (session: string | null, statement: string) =>
    (await whole.events(session, statement)).filter(({ kind }) => !/asked|submitted|sent/.test(kind));

  it.each([
    ['cancelled', new StatementCancelled('caller'), 'LIMIT_REACHED'],
    ['out of time', new StatementCancelled('timeout'), 'LIMIT_REACHED'],
    ['without an answer', new WarehouseUnavailable('Snowflake does not answer.'), 'WAREHOUSE_UNAVAILABLE'],
  ])('%s: what it did is what the history says, not what we thought', async (_, error, code) => {
    for (const isMade of [true, false]) {
      const { gateway, policies } = await whole.gateway(FREE, {
        warehouse: {
          run: async (...args) => {
            if (isMade || !args[1].startsWith('DELETE')) {
              const result = await whole.warehouse.run(...args);
              if (!args[1].startsWith('DELETE')) return result;
            } else await whole.warehouse.run(args[0], 'SELECT 1 / 0', args[2]).catch(() => undefined);
            throw error;
          },
        },
      });
      const since = new Date();
      const answer = await gateway.query(bot, { sql: SQL });
      expect(answer.denial?.code).toBe(code);
      expect(await outcomesOf(answer.session, answer.statementId)).toEqual([]);
      expect(await whole.settled()).toBe(1);
      expect(await outcomesOf(answer.session, answer.statementId)).toMatchObject([
        { kind: 'statement_settled', body: { state: isMade ? 'ok' : 'failed', found: true } },
      ]);
      if (isMade) {
        const { differences } = await reconciled(policies, since);
        expect(differences.filter(({ statement }) => statement === answer.statementId)).toEqual([]);
      }
    }
  });

  it('and a read is over at once: it changed nothing', async () => {
    const { gateway } = await whole.gateway(FREE, {
      warehouse: { run: () => Promise.reject(new StatementCancelled('timeout')) },
    });
    const answer = await gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T' });
    expect((await outcomesOf(answer.session, answer.statementId)).map(({ kind }) => kind)).toEqual([
      'statement_cancelled',
    ]);
  });
});

describe('reconcile', () => {
  it('finds a change that is recorded as done and was not committed, and the other way round', async () => {
    const since = new Date();
    const lying = async (isCommitted: boolean): Promise<string> => {
      const { gateway } = await whole.gateway(OVER_TWO, {
        warehouse: {
          runBounded: async (key, sql, options) => {
            const done = await whole.warehouse.runBounded(key, sql, {
              ...options,
              mayStay: (rows) => {
                void options.mayStay(isCommitted ? rows : 100);
                return !isCommitted;
              },
            });
            return { ...done, isCommitted };
          },
        },
      });
      return (await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 1' })).statementId;
    };
    const [undone, done] = [await lying(true), await lying(false)];
    const { policies } = await whole.gateway(OVER_TWO);
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === undone)).toMatchObject([{ kind: 'not committed' }]);
    expect(differences.filter(({ statement }) => statement === done)).toMatchObject([{ kind: 'committed' }]);
  });

  it('knows the texts of a transaction, of a count and of a size, and no others', async () => {
    const since = new Date();
    const { gateway, policies } = await whole.gateway(
      `${OVER_TWO}columns:\n  - match: [DB.PUBLIC.T.NAME]\n    mask: null\nlimits: { bytes_scanned_per_statement: 1GB }\n`,
    );
    const { statementId, session, status } = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 1' });
    expect(status).toBe('ok');
    const tag = (step: string): string => JSON.stringify({ app: 'snowfence', statement: statementId, session, step });
    const own = (await reconciled(policies, since)).differences.filter(
      ({ text }) => !/^(?:DELETE|INSERT) /.test(text ?? ''),
    );
    expect(own).toEqual([]);
    await whole.warehouse.ask(KEY, 'SELECT ID FROM DB.PUBLIC.T', tag('commit'));
    await whole.warehouse.ask(KEY, 'SELECT NAME FROM DB.PUBLIC.T', tag('count'));
    await whole.warehouse.ask(KEY, 'SELECT 1 AS X', tag('explain'));
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === statementId).map(({ kind }) => kind)).toEqual([
      'other text',
      'other text',
      'other text',
    ]);
  });

  it('finds what was run again with copied text and tag, and nothing where all is as recorded', async () => {
    const since = new Date();
    const { gateway, policies } = await whole.gateway(OVER_TWO);
    const read = await gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T' });
    const change = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 1' });
    await gateway.explain(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 2' });
    const kindsOf = async (statement: string, from = since) =>
      (await reconciled(policies, from)).differences
        .filter((entry) => entry.statement === statement)
        .map(({ kind }) => kind);
    expect(await kindsOf(read.statementId)).toEqual([]);
    expect(await kindsOf(change.statementId)).toEqual([]);
    const tagged = await whole.warehouse.history(KEY, { since });
    const copied = async (statement: string, step: string | undefined): Promise<void> => {
      const entry = tagged.find(({ tag }) => {
        const known = tag.startsWith('{') ? (JSON.parse(tag) as { statement?: string; step?: string }) : {};
        return known.statement === statement && known.step === step;
      });
      if (!entry) throw new Error(`there is no ${step ?? 'statement'}`);
      await whole.warehouse.ask(KEY, entry.text, entry.tag);
    };
    const later = new Date();
    await copied(read.statementId, undefined);
    await copied(change.statementId, undefined);
    await copied(change.statementId, 'count');
    await copied(change.statementId, 'commit');
    expect(await kindsOf(read.statementId)).toEqual(['ran again']);
    expect(await kindsOf(change.statementId)).toEqual(['ran again', 'ran again', 'ran again']);
    // By the outcome's query, where the first is not looked at any more.
    expect(await kindsOf(read.statementId, later)).toEqual(['ran again']);
  });

  it('is right about a result that is read on, which runs nothing', async () => {
    const since = new Date();
    const { gateway, policies } = await whole.gateway(OVER_TWO);
    const first = await gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T', maxRows: 1 });
    expect(first.cursor).toBeTruthy();
    const next = await gateway.fetch(bot, first.cursor ?? '', {});
    expect(next.status).toBe('ok');
    const { differences } = await reconciled(policies, since);
    expect(differences.filter(({ statement }) => statement === first.statementId)).toEqual([]);
  });
});
