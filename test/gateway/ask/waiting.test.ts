/** What waiting costs the others: a statement is judged by turns at every door, and not again at each look at an approval. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Judge } from '../../../dist/gateway/judge/judge.js';
import { FairGate } from '../../../dist/turns/fair.js';
import { WarehouseUnavailable } from '../../../dist/warehouse/index.js';
import { callerOf, ISSUER } from '../../support/caller.mjs';
import { KEY, Whole } from '../../support/gateways/whole.js';

const steward = { issuer: ISSUER, subject: 'steward', groups: ['stewards'], claims: {} };
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'command line' } as const;
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [read]
    on: [DB.PUBLIC.*]
  - approve: [delete]
    on: [DB.PUBLIC.*]
    by: { groups: [stewards] }
`;

let whole: Whole;
beforeAll(async () => {
  whole = await Whole.start(['CREATE TABLE DB.PUBLIC.T (ID NUMBER)', 'INSERT INTO DB.PUBLIC.T VALUES (1), (2), (3)']);
});
afterAll(() => whole[Symbol.asyncDispose]());
afterEach(() => vi.restoreAllMocks());

const spies = () => ({
  judged: vi.spyOn(Judge.prototype, 'judge'),
  turns: vi.spyOn(FairGate.prototype, 'enter'),
  read: vi.spyOn(whole.approvals, 'get'),
});

describe('whoever waits for approval', () => {
  it('is told so without their statement being read again, until something has changed', async () => {
    const { gateway } = await whole.gateway(RULES);
    const asked = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 1' });
    const id = asked.approval?.id ?? '';
    const { judged, read } = spies();
    for (let polls = 0; polls < 50; polls++)
      expect((await gateway.resume(bot, id, { waitMs: 0 })).status).toBe('approval_required');
    expect([judged.mock.calls.length, read.mock.calls.length]).toEqual([1, 1]);
    // Nobody else is told anything.
    expect((await gateway.resume(callerOf('other', ['g']), id, { waitMs: 0 })).error?.code).toBe('UNKNOWN_APPROVAL');
    whole.warehouse.catalog.invalidate();
    for (let polls = 0; polls < 3; polls++) await gateway.resume(bot, id, { waitMs: 0 });
    expect(judged.mock.calls.length).toBe(2);
    // Without the group it is another policy, or none.
    expect((await gateway.resume(callerOf('bot', []), id, { waitMs: 0 })).status).toBe('denied');
    expect(await whole.approvals.get(id)).toMatchObject({ state: 'expired' });
  });

  it('keeps the approval while the warehouse is away', async () => {
    const { gateway } = await whole.gateway(RULES);
    const asked = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 7' });
    const id = asked.approval?.id ?? '';
    whole.warehouse.catalog.invalidate();
    const away = vi.spyOn(whole.warehouse.catalog, 'relation').mockRejectedValue(new WarehouseUnavailable('away'));
    expect((await gateway.resume(bot, id, { waitMs: 0 })).denial?.code).toBe('WAREHOUSE_UNAVAILABLE');
    away.mockRestore();
    expect(await whole.approvals.get(id)).toMatchObject({ state: 'pending' });
    expect((await gateway.resume(bot, id, { waitMs: 0 })).status).toBe('approval_required');
  });

  it.each([
    ['before it leaves', false, /^Try again later\. Its approval is used up/, 'statement_failed'],
    ['once it has left', true, /^Look at the data/, 'statement_sent'],
  ])('is told that the warehouse was away %s as the record tells it, not as a no', async (_, hasLeft, hint, last) => {
    const { gateway } = await whole.gateway(RULES, {
      warehouse: {
        run: async (_key, _sql, options) => {
          if (hasLeft) await options.before?.();
          throw new WarehouseUnavailable('away');
        },
      },
    });
    const asked = await gateway.query(bot, { sql: `DELETE FROM DB.PUBLIC.T WHERE ID = ${hasLeft ? 8 : 9}` });
    const id = asked.approval?.id ?? '';
    await whole.approvals.decide(id, steward, yes);
    const answer = await gateway.resume(bot, id, { waitMs: 0 });
    expect(answer).toMatchObject({
      status: 'error',
      error: { code: 'WAREHOUSE_UNAVAILABLE' },
      denial: { hint: expect.stringMatching(hint) },
    });
    expect((await whole.events(answer.session, answer.statementId)).at(-1)?.kind).toBe(last);
  });

  it('has their statement run once somebody has decided', async () => {
    const { gateway } = await whole.gateway(RULES);
    const asked = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 2' });
    const id = asked.approval?.id ?? '';
    await gateway.resume(bot, id, { waitMs: 0 });
    const waiting = gateway.resume(bot, id, { waitMs: 60_000 });
    await whole.approvals.decide(id, steward, yes);
    expect((await waiting).status).toBe('ok');
    const { judged } = spies();
    for (let polls = 0; polls < 20; polls++)
      expect((await gateway.resume(bot, id, { waitMs: 0 })).denial?.code).toBe('APPROVAL_EXPIRED');
    expect(judged.mock.calls.length).toBe(0);
  });
});

describe('a judgement', () => {
  it('has its turn at every door', async () => {
    const { gateway } = await whole.gateway(`${RULES}limits: { rows: 100 }\n`);
    const doors: (() => Promise<unknown>)[] = [
      () => gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 3' }),
      () => gateway.explain(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 4' }),
      async () => {
        const { cursor } = await gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.T', maxRows: 1 });
        expect(cursor).not.toBeNull();
        return gateway.fetch(bot, cursor ?? '', {});
      },
      async () => {
        const { approval } = await gateway.query(bot, { sql: 'DELETE FROM DB.PUBLIC.T WHERE ID = 5' });
        return gateway.resume(bot, approval?.id ?? '', { waitMs: 0 });
      },
      () => gateway.tryOut(bot.principal, { sql: 'SELECT ID FROM DB.PUBLIC.T WHERE ID = 6' }),
    ];
    for (const door of doors) {
      const { judged, turns } = spies();
      await door();
      expect(judged.mock.calls.length).toBeGreaterThan(0);
      const [first] = turns.mock.invocationCallOrder;
      expect(turns.mock.calls.length).toBeGreaterThanOrEqual(judged.mock.calls.length);
      expect(first ?? Number.POSITIVE_INFINITY).toBeLessThan(judged.mock.invocationCallOrder[0] ?? 0);
      vi.restoreAllMocks();
    }
  });

  it.each([
    ['many', Array.from({ length: 1001 }, () => 1), '1001 binds'],
    ['long', ['x'.repeat(260_000), 'y'.repeat(3000)], 'characters; at most 262144'],
    ['long together', Array.from({ length: 900 }, () => 'x'.repeat(300)), 'characters; at most 262144'],
  ])('is not made of what has too %s binds: it is refused in words, and not kept', async (_, binds, words) => {
    const { gateway } = await whole.gateway(RULES);
    const { judged } = spies();
    const sql = `DELETE FROM DB.PUBLIC.T WHERE ID IN (${binds.map(() => '?').join(', ')})`;
    const answers = {
      statement_refused: await gateway.query(bot, { sql, binds }),
      // A look is no attempt.
      statement_submitted: (await gateway.explain(bot, { sql, binds })).answer,
    };
    for (const [kind, answer] of Object.entries(answers)) {
      expect(answer.denial).toMatchObject({ code: 'NOT_UNDERSTOOD', message: expect.stringContaining(words) });
      const [event] = await whole.events(answer.session, answer.statementId);
      expect(event).toMatchObject({ kind });
      expect(JSON.stringify(event?.body).length).toBeLessThan(20_000);
    }
    expect(judged.mock.calls.length).toBe(0);
    expect(await whole.rows('SELECT COUNT(*) AS N FROM DB.PUBLIC.T')).toBeGreaterThan(0);
    await whole.warehouse.ask(KEY, 'SELECT 1 AS X', 'seed');
  });
});

describe('what one principal changes', () => {
  const OPEN = RULES.replace('approve: [delete]', 'allow: [insert]').replace('    by: { groups: [stewards] }\n', '');

  it('is no reason to judge what others send anew, nor to ask the catalog again', async () => {
    const { gateway } = await whole.gateway(OPEN);
    const other = callerOf('other', ['g']);
    const READ = 'SELECT ID FROM DB.PUBLIC.T WHERE ID > 100';
    expect((await gateway.query(other, { sql: READ })).status).toBe('ok');
    const looked = vi.spyOn(whole.warehouse.catalog, 'relation');
    for (let at = 0; at < 3; at++) {
      expect((await gateway.query(bot, { sql: `INSERT INTO DB.PUBLIC.T VALUES (${at + 50})` })).status).toBe('ok');
      looked.mockClear();
      expect((await gateway.query(other, { sql: READ })).status).toBe('ok');
      expect(looked).not.toHaveBeenCalled();
    }
  });

  it('judges anew in its own turn', async () => {
    const { gateway } = await whole.gateway(OPEN);
    const sql = 'SELECT ID FROM DB.PUBLIC.T WHERE ID > 200';
    await gateway.query(bot, { sql });
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + 31_000);
    const turns = vi.spyOn(FairGate.prototype, 'enter');
    const turnsOfBot = () => turns.mock.calls.filter(([whose]) => whose.endsWith('bot')).length;
    await gateway.query(bot, { sql });
    const withRenewal = turnsOfBot();
    vi.spyOn(Date, 'now').mockReturnValue(now + 31_500);
    turns.mockClear();
    await gateway.query(bot, { sql });
    expect(withRenewal).toBe(turnsOfBot() + 1);
  });
});
