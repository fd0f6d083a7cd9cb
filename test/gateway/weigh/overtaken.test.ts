/** What was asked before a wait is asked again after it: with the connection in hand, and before a change is committed. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tracesOf } from '../../../dist/gateway/record/traces.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import { loadPolicies } from '../../../dist/policy/index.js';
import { storePool } from '../../../dist/transcript/index.js';
import type { Warehouse } from '../../../dist/warehouse/index.js';
import { callerOf, ISSUER } from '../../support/caller.mjs';
import { KEY, Whole } from '../../support/gateways/whole.js';

const steward = { issuer: ISSUER, subject: 'steward', groups: ['stewards'], claims: {} };
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'command line' } as const;
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [select]
    on: [DB.PUBLIC.S]
  - allow: [insert]
    on: [DB.PUBLIC.S]
  - approve: [select, insert]
    on: [DB.PUBLIC.T]
    by: { groups: [stewards] }
`;
const INSERT = "INSERT INTO DB.PUBLIC.T VALUES (9, 'once')";
const SELECT = "SELECT NAME FROM DB.PUBLIC.T WHERE NAME <> 'x'";

let whole: Whole;
/** The database's superuser. */
let admin: ReturnType<typeof storePool>;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, NAME VARCHAR)',
    'CREATE TABLE DB.PUBLIC.S (ID NUMBER)',
    'INSERT INTO DB.PUBLIC.S VALUES (1), (2), (3)',
  ]);
  admin = storePool(whole.adminUrl, 30_000, 1);
});
afterAll(async () => {
  await admin.end();
  await whole[Symbol.asyncDispose]();
});
beforeEach(() => whole.warehouse.ask(KEY, 'DELETE FROM DB.PUBLIC.T', 'seed'));

/** What passes while a statement waits for a connection, or its change for its COMMIT; once. */
function meanwhile(is: (sql: string) => boolean, happens: () => Promise<unknown>): Partial<Warehouse> {
  let isOver = false;
  const once = async (sql: string): Promise<void> => {
    if (isOver || !is(sql)) return;
    isOver = true;
    await happens();
  };
  return {
    run: async (key, sql, options) => {
      await once(sql);
      return whole.warehouse.run(key, sql, options);
    },
    runBounded: (key, sql, options) =>
      whole.warehouse.runBounded(key, sql, {
        ...options,
        mayStay: async (...told) => {
          await once(sql);
          return options.mayStay(...told);
        },
      }),
    resume: async (key, options) => {
      await once('resume');
      return whole.warehouse.resume(key, options);
    },
  };
}

/** Others took this process for dead, and have settled what it left. */
async function takenForDead(): Promise<void> {
  await admin.query('UPDATE writer SET settled_at = now() WHERE settled_at IS NULL');
  await whole.settled(120_000);
}

async function approved(gateway: Awaited<ReturnType<Whole['gateway']>>['gateway'], sql: string): Promise<string> {
  const asked = await gateway.query(bot, { sql });
  const id = asked.approval?.id ?? '';
  await whole.approvals.decide(id, steward, yes);
  return id;
}
const isIt = (sql: string) => (sent: string) => sent.startsWith(sql.slice(0, 12));
/** How often a statement was run. */
async function ran(statement: string): Promise<number> {
  const history = await whole.warehouse.history(KEY, { since: new Date(Date.now() - 600_000) });
  return tracesOf(history).get(statement)?.own.length ?? 0;
}
const kindsOf = async (session: string | null, statement: string): Promise<string[]> =>
  (await whole.events(session, statement)).map(({ kind }) => kind);

describe('an approval that was given back while its statement waited', () => {
  it('for a connection: it runs once, under the second use', async () => {
    const sql = `${SELECT} AND ID = 1`;
    const { gateway: other } = await whole.gateway(RULES);
    const state = async (id: string) => (await whole.approvals.get(id))?.state;
    let second: string | undefined;
    let id = '';
    const { gateway } = await whole.gateway(RULES, {
      warehouse: meanwhile(isIt(sql), async () => {
        await takenForDead();
        expect(await state(id)).toBe('approved');
        second = (await other.resume(bot, id, { waitMs: 0 })).status;
      }),
    });
    id = await approved(gateway, sql);
    const first = await gateway.resume(bot, id, { waitMs: 0 });
    expect([first.status, second]).toEqual(['denied', 'ok']);
    expect(first.denial?.message).toContain('has not run');
    expect(await ran(first.statementId)).toBe(1);
    expect(await state(id)).toBe('used');
  });

  it('for its COMMIT: it is rolled back, and made once, under the second use', async () => {
    const COUNT = 'SELECT COUNT(*) AS N FROM DB.PUBLIC.T';
    let id = '';
    const { gateway } = await whole.gateway(RULES, {
      warehouse: meanwhile(isIt(INSERT), async () => {
        await takenForDead();
        expect((await whole.approvals.get(id))?.state).toBe('approved');
      }),
    });
    id = await approved(gateway, INSERT);
    const first = await gateway.resume(bot, id, { waitMs: 0 });
    expect(first.denial?.message).toContain('rolled back');
    expect(await whole.rows(COUNT)).toBe(0);
    const { gateway: other } = await whole.gateway(RULES);
    const again = await other.resume(bot, id, { waitMs: 0 });
    expect(again.status).toBe('ok');
    expect(await whole.rows(COUNT)).toBe(1);
    expect((await other.resume(bot, id, { waitMs: 0 })).denial?.code).toBe('APPROVAL_EXPIRED');
    expect(await whole.rows(COUNT)).toBe(1);
  });
});

describe('an outcome under a use that is no longer this process’s', () => {
  it('is not written beside that which others have found in the history', async () => {
    const sql = 'INSERT INTO DB.PUBLIC.T VALUES (1 / 0, NULL)';
    let id = '';
    const { gateway } = await whole.gateway(RULES, {
      warehouse: {
        runBounded: async (key, text, options) => {
          try {
            return await whole.warehouse.runBounded(key, text, options);
          } finally {
            await takenForDead();
          }
        },
      },
    });
    id = await approved(gateway, sql);
    const answer = await gateway.resume(bot, id, { waitMs: 0 });
    expect(answer.denial?.message).toContain('nothing is changed');
    const kinds = await kindsOf(answer.session, answer.statementId);
    expect(kinds.filter((kind) => /failed|settled|released/.test(kind))).toEqual(['statement_settled']);
  });
});

describe('the record', () => {
  const LAST = `
    SELECT e.kind FROM event e
    WHERE e.statement_id = (SELECT r.statement_id FROM running r ORDER BY r.since DESC LIMIT 1) ORDER BY e.position DESC LIMIT 1`;

  it.each([
    ['what a person said yes to', `${SELECT} AND ID = 2`],
    ['a change in a transaction of its own', INSERT],
    ['a change', 'INSERT INTO DB.PUBLIC.S SELECT ID FROM DB.PUBLIC.S'],
  ])('says that it leaves before it does, and once: %s', async (_, sql) => {
    const last: string[] = [];
    const look = async (): Promise<void> => {
      const { rows } = await admin.query<{ kind: string }>(LAST);
      last.push(rows[0]?.kind ?? '');
    };
    const { gateway } = await whole.gateway(RULES, {
      warehouse: {
        run: (key, text, options) =>
          whole.warehouse.run(key, text, {
            ...options,
            before: async () => {
              await options.before?.();
              if (isIt(sql)(text)) await look();
            },
          }),
        runBounded: (key, text, options) =>
          whole.warehouse.runBounded(key, text, {
            ...options,
            mayStay: async (...told) => {
              const stays = await options.mayStay(...told);
              await look();
              return stays;
            },
          }),
      },
    });
    await admin.query('DELETE FROM running');
    const asked = await gateway.query(bot, { sql });
    const id = asked.approval?.id;
    if (id !== undefined) await whole.approvals.decide(id, steward, yes);
    const answer = id === undefined ? asked : await gateway.resume(bot, id, { waitMs: 0 });
    expect(answer.status).toBe('ok');
    expect(last).toEqual(['statement_sent']);
    const kinds = await kindsOf(answer.session, answer.statementId);
    expect(kinds.filter((kind) => kind === 'statement_sent')).toHaveLength(1);
    expect(kinds.at(-1)).toBe('statement_completed');
  });
});

describe('a statement that waited for a connection', () => {
  const READ = 'SELECT ID FROM DB.PUBLIC.S WHERE ID = 1';
  const CHANGE = 'INSERT INTO DB.PUBLIC.S VALUES (7)';
  const NOTHING = 'rules:\n  - allow: [select]\n    on: [DB.PUBLIC.T]\n';
  /** Another set comes into force while the statement waits. */
  async function reloaded(sql: string, rules: string) {
    const load = async (text: string): Promise<PolicySet> =>
      loadPolicies((await whole.gateway(text)).policies, [ISSUER]);
    let set = await load(RULES);
    const next = await load(rules);
    const { gateway } = await whole.gateway(RULES, {
      policies: () => set,
      warehouse: meanwhile(isIt(sql), async () => {
        set = next;
      }),
    });
    return gateway;
  }

  it.each([READ, CHANGE])('does not leave under rules that were replaced meanwhile: %s', async (sql) => {
    const gateway = await reloaded(sql, NOTHING);
    const answer = await gateway.query(bot, { sql });
    expect(answer.denial).toMatchObject({ code: 'NOT_VERIFIED', message: expect.stringContaining('policies') });
    expect(await ran(answer.statementId)).toBe(0);
    expect((await kindsOf(answer.session, answer.statementId)).at(-1)).toBe('statement_refused');
  });

  it('nor under an approval of them', async () => {
    const sql = `${SELECT} AND ID = 3`;
    const gateway = await reloaded(sql, `${RULES}limits: { rows: 7 }\n`);
    const id = await approved(gateway, sql);
    const answer = await gateway.resume(bot, id, { waitMs: 0 });
    expect(answer.denial?.code).toBe('APPROVAL_EXPIRED');
    expect(await ran(answer.statementId)).toBe(0);
    expect((await kindsOf(answer.session, answer.statementId)).at(-1)).toBe('statement_refused');
  });

  it('nor are rows read on under them', async () => {
    const gateway = await reloaded('resume', `${RULES}limits: { rows: 2 }\n`);
    const first = await gateway.query(bot, { sql: 'SELECT ID FROM DB.PUBLIC.S', maxRows: 1 });
    const next = await gateway.fetch(bot, first.cursor ?? '', {});
    expect(next).toMatchObject({ status: 'denied', denial: { code: 'NOT_VERIFIED' }, rows: [] });
  });

  it('does not leave once the token has ended; what a person said yes to is given back', async () => {
    let now = new Date();
    const principal = { ...bot.principal, expiresAt: Math.floor(Date.now() / 1000) + 60 };
    const caller = { ...bot, principal };
    const wait = (sql: string) =>
      whole.gateway(RULES, {
        now: () => now,
        warehouse: meanwhile(isIt(sql), async () => {
          now = new Date(Date.now() + 61_000);
        }),
      });
    const { gateway } = await wait(READ);
    const answer = await gateway.query(caller, { sql: READ });
    expect(answer.denial?.message).toContain('token');
    expect(await ran(answer.statementId)).toBe(0);
    now = new Date();
    const sql = `${SELECT} AND ID = 4`;
    const { gateway: other } = await wait(sql);
    const id = await approved(other, sql);
    expect((await other.resume(caller, id, { waitMs: 0 })).denial?.message).toContain('token');
    await takenForDead();
    expect((await whole.approvals.get(id))?.state).toBe('approved');
    // With a token that had ended before, as far as clocks differ, nothing has changed meanwhile.
    now = new Date(Date.now() + 62_000);
    expect((await other.resume(caller, id, { waitMs: 0 })).status).toBe('ok');
  });

  it('does not leave where nobody hears of this process any more', async () => {
    let isHeard = true;
    const { gateway } = await whole.gateway(RULES, {
      isHeard: () => isHeard,
      warehouse: meanwhile(isIt(READ), async () => {
        isHeard = false;
      }),
    });
    const answer = await gateway.query(bot, { sql: READ });
    expect(answer.denial?.message).toContain('has not run');
    expect(await ran(answer.statementId)).toBe(0);
    // Whoever took it for dead writes its outcome, or this process does, once it looks.
    expect((await kindsOf(answer.session, answer.statementId)).at(-1)).toBe('statement_submitted');
  });

  it('does not leave under a standing approval that was ended meanwhile', async () => {
    const sql = `${SELECT} AND ID = 5`;
    const { gateway: first } = await whole.gateway(RULES);
    const asked = await first.query(bot, { sql });
    const id = asked.approval?.id ?? '';
    await whole.approvals.decide(id, steward, { ...yes, standingMs: 600_000 });
    expect((await first.resume(bot, id, { waitMs: 0 })).status).toBe('ok');
    const [standing] = (await whole.approvals.listStanding()).standing;
    const { gateway } = await whole.gateway(RULES, {
      warehouse: meanwhile(isIt(sql), () => whole.approvals.revoke(standing?.id ?? '', steward, 'command line')),
    });
    const answer = await gateway.query(bot, { sql });
    expect(answer.denial).toMatchObject({ code: 'APPROVAL_EXPIRED', message: expect.stringContaining('standing') });
    expect(await ran(answer.statementId)).toBe(0);
  });
});
