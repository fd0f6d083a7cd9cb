/** Bytes and row counts where something is hidden: whole tables, and nobody is told. What the history tells of a statement. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endingOf, tracesOf } from '../../../dist/gateway/record/traces.js';
import { analyse, keptAnalysis, readStatement } from '../../../dist/sql/index.js';
import { type HistoryEntry, StatementFailed } from '../../../dist/warehouse/index.js';
import { callerOf } from '../../support/caller.mjs';
import { catalog, DEFAULTS } from '../../support/catalog.js';
import { withinOneDay } from '../../support/day.js';
import { KEY, Whole } from '../../support/gateways/whole.js';

const bot = callerOf('bot', ['g']);
/** Of the embedded warehouse: 16 bytes for each value of a table. */
const WHOLE = 100 * 2 * 16;

let whole: Whole;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, NAME VARCHAR)',
    "INSERT INTO DB.PUBLIC.T SELECT SEQ4(), 'a' FROM TABLE(GENERATOR(ROWCOUNT => 100))",
    'CREATE VIEW DB.PUBLIC.V AS SELECT ID FROM DB.PUBLIC.T',
  ]);
});
afterAll(() => whole[Symbol.asyncDispose]());

const READ = 'rules:\n  - allow: [read, delete]\n    on: [DB.PUBLIC.*]\n';
const MASKED = `${READ}columns:\n  - match: [DB.PUBLIC.T.NAME]\n    mask: null\n`;
const FILTERED = `${READ}rows:\n  - on: DB.PUBLIC.T\n    where: ID < 50\n`;

/** EXPLAIN's answer to the agent's own statement, as pruning would make it. */
const pruned = (bytes: number) => ({
  warehouse: {
    explain: async (...args: Parameters<typeof whole.warehouse.explain>) => ({
      ...(await whole.warehouse.explain(...args)),
      bytes,
    }),
  },
});

describe('bytes, where something is hidden', () => {
  it.each([
    ['a mask', MASKED, 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 1', WHOLE],
    ['a row predicate', FILTERED, 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 1', WHOLE],
    ['a view over it', FILTERED, 'SELECT ID FROM DB.PUBLIC.V WHERE ID = 1', WHOLE],
    ['the target of a change', MASKED, 'DELETE FROM DB.PUBLIC.T WHERE ID = 1000', WHOLE],
    [
      'a table that is named twice',
      MASKED,
      'SELECT a.ID FROM DB.PUBLIC.T a JOIN DB.PUBLIC.V b ON a.ID = b.ID',
      2 * WHOLE,
    ],
  ])('are those of whole tables, and told to nobody: %s', async (_what, rules, sql, bytes) => {
    for (const [limit, isOver] of [
      [bytes - 1, true],
      [bytes, false],
    ] as const) {
      // Whatever is left over after pruning: nothing of it, or more than there is.
      for (const left of [0, 1_000_000_000]) {
        const { gateway } = await whole.gateway(
          `${rules}limits: { bytes_scanned_per_statement: ${limit} }\n`,
          pruned(left),
        );
        const { judged, bytes: told, answer } = await gateway.explain(bot, { sql });
        expect(told).toBeUndefined();
        expect(judged.denial?.code).toBe(isOver ? 'LIMIT_REACHED' : undefined);
        expect(JSON.stringify(answer.denial ?? {}).match(/\d{3,}/g) ?? []).toEqual(isOver ? [String(limit)] : []);
      }
    }
  });

  it('are taken from the day as such', async () => {
    await withinOneDay();
    const { gateway } = await whole.gateway(`${MASKED}limits: { bytes_scanned_per_day: ${2 * WHOLE} }\n`, pruned(1));
    const agent = callerOf('daily', ['g']);
    const sql = 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 1';
    expect((await gateway.query(agent, { sql })).status).toBe('ok');
    expect((await gateway.query(agent, { sql })).status).toBe('ok');
    const { denial } = await gateway.query(agent, { sql });
    expect(denial).toMatchObject({ code: 'LIMIT_REACHED', message: expect.stringContaining(`${2 * WHOLE} that you`) });
    expect(JSON.stringify(denial).match(/\d{3,}/g)).toEqual([String(2 * WHOLE)]);
  });

  it('stay the statement’s own where nothing is', async () => {
    const { gateway } = await whole.gateway(READ, pruned(77));
    expect((await gateway.explain(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 1' })).bytes).toBe(77);
    const { gateway: small } = await whole.gateway(`${READ}limits: { bytes_scanned_per_statement: 10 }\n`, pruned(77));
    const { denial } = await small.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 1' });
    expect(denial?.message).toContain('up to 77 bytes');
  });
});

describe('how many rows there are', () => {
  it('is told of tables whose rows are all seen, and of no view as soon as any are hidden', async () => {
    const rowsOf = async (rules: string) => {
      const { gateway } = await whole.gateway(rules);
      const { objects } = await gateway.visible.objects(bot.principal, 'DB', 'PUBLIC', { limit: 10 });
      const one = await gateway.visible.relation(bot.principal, 'DB', 'PUBLIC', 'T');
      return [objects.find(({ name }) => name === 'T')?.rows, one?.rows];
    };
    expect(await rowsOf(READ)).toEqual([100, 100]);
    expect(await rowsOf(MASKED)).toEqual([100, 100]);
    expect(await rowsOf(FILTERED)).toEqual([undefined, undefined]);
    const { gateway } = await whole.gateway(FILTERED, {
      warehouse: {
        catalog: new Proxy(whole.warehouse.catalog, {
          get: (target, key) =>
            key === 'objects'
              ? async () => [{ database: 'DB', schema: 'PUBLIC', name: 'M', kind: 'view', comment: '', rows: 50 }]
              : Reflect.get(target, key),
        }),
      },
    });
    const { objects } = await gateway.visible.objects(bot.principal, 'DB', 'PUBLIC', { limit: 10 });
    expect(objects).toMatchObject([{ name: 'M', rows: undefined }]);
  });
});

describe('a comment of the catalog', () => {
  it('is scrubbed in a list as it is of one table', async () => {
    const SECRET = 'Ask ada@example.com; paid with 4111 1111 1111 1111.';
    const { gateway } = await whole.gateway(`${READ}detect:\n  - find: [email, credit_card]\n    mask: redact\n`, {
      warehouse: {
        catalog: new Proxy(whole.warehouse.catalog, {
          get: (target, key) => {
            const object = { database: 'DB', schema: 'PUBLIC', name: 'T', kind: 'table', comment: SECRET, rows: 1 };
            if (key === 'objects') return async () => [object];
            const columns = [{ name: 'ID', type: 'NUMBER', comment: SECRET }];
            if (key === 'relation') return async () => ({ ...object, columns, isSecure: false, isExternal: false });
            const value: unknown = Reflect.get(target, key);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
      },
    });
    const { objects } = await gateway.visible.objects(bot.principal, 'DB', undefined, { limit: 10 });
    const one = await gateway.visible.relation(bot.principal, 'DB', 'PUBLIC', 'T');
    const comments = [objects[0]?.comment, one?.comment, one?.columns[0]?.comment];
    for (const comment of comments) {
      expect(comment).toContain('paid with');
      expect(comment).not.toMatch(/ada@|4111/);
    }
    expect(new Set(comments).size).toBe(1);
  });
});

describe('explain', () => {
  it('says what Snowflake says of a statement that it does not compile', async () => {
    const { gateway } = await whole.gateway(READ, {
      warehouse: {
        explain: async () => {
          throw new StatementFailed('SQL compilation error:\ninvalid', '001003', '42601', undefined);
        },
      },
    });
    const { answer } = await gateway.explain(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T' });
    expect(answer).toMatchObject({ status: 'error', error: { code: '001003' } });
  });
});

describe('the tables that a statement reads whole', () => {
  it.each([
    ['SELECT id FROM orders', ['ORDERS 1']],
    ['SELECT a.id FROM orders a JOIN orders b ON a.id = b.id', ['ORDERS 2']],
    ['DELETE FROM orders WHERE id IN (SELECT id FROM customers)', ['ORDERS 1', 'CUSTOMERS 1']],
    ['INSERT INTO orders (id) SELECT id FROM customers', ['CUSTOMERS 1']],
    ['SELECT 1', []],
  ])('%s', async (sql, expected) => {
    const { scans } = keptAnalysis(await analyse(readStatement(sql), catalog, DEFAULTS));
    expect(scans.map(({ object, times }) => `${object.name} ${times}`).sort()).toEqual([...expected].sort());
  });
});

describe('what the history tells of a statement', () => {
  const start = Date.now();
  const entry = (step: string | undefined, state: HistoryEntry['state'], at: number): HistoryEntry => ({
    queryId: `${step ?? 'own'} ${at}`,
    text: '',
    tag: JSON.stringify({ app: 'snowfence', statement: 's', session: 'x', ...(step ? { step } : {}) }),
    state,
    errorCode: null,
    startedAt: new Date(start + at),
    durationMs: 1,
    rows: 1,
    role: KEY.role,
  });
  type Line = readonly [string | undefined, HistoryEntry['state'], number];
  const BEGIN: Line = ['begin', 'ok', 1];
  const OWN: Line = [undefined, 'ok', 2];

  it.each<[string, readonly Line[], object]>([
    ['nothing', [], { kind: 'never left' }],
    [
      'a count and an EXPLAIN alone',
      [
        ['count', 'ok', 0],
        ['explain', 'ok', 0],
      ],
      { kind: 'never left' },
    ],
    ['a statement', [OWN], { kind: 'ended' }],
    ['one that runs', [[undefined, 'running', 2]], { kind: 'running' }],
    ['a change that was begun only', [BEGIN], { kind: 'never left' }],
    ['one that failed', [BEGIN, [undefined, 'failed', 2]], { kind: 'ended' }],
    ['one that runs in its transaction', [BEGIN, [undefined, 'running', 2]], { kind: 'running' }],
    ['one without COMMIT', [BEGIN, OWN], { kind: 'taken back', isSure: false }],
    ['one with ROLLBACK', [BEGIN, OWN, ['rollback', 'ok', 3]], { kind: 'taken back', isSure: true }],
    ['one whose COMMIT failed', [BEGIN, OWN, ['commit', 'failed', 3]], { kind: 'taken back', isSure: true }],
    ['one whose COMMIT runs', [BEGIN, OWN, ['commit', 'running', 3]], { kind: 'running' }],
    ['one that was committed', [BEGIN, OWN, ['commit', 'ok', 3]], { kind: 'ended', entry: { queryId: 'own 2' } }],
    [
      'one that was taken back, and sent again',
      [BEGIN, OWN, ['rollback', 'ok', 3], ['begin', 'ok', 4], [undefined, 'ok', 5]],
      { kind: 'taken back', isSure: false, entry: { queryId: 'own 5' } },
    ],
    [
      'one that was taken back, sent again and committed',
      [BEGIN, OWN, ['rollback', 'ok', 3], ['begin', 'ok', 4], [undefined, 'ok', 5], ['commit', 'ok', 6]],
      { kind: 'ended', entry: { queryId: 'own 5' } },
    ],
  ])('%s', (_what, lines, expected) => {
    const history = [...lines].reverse().map((line) => entry(...line));
    expect(endingOf(tracesOf(history).get('s'))).toMatchObject(expected);
  });
});
