/**
 * What waits for people runs once, whoever's word it runs under and however it is written; it waits until it runs, and no repetition of it takes
 * from its reviewers what they are asked. And a no ends all that would let it pass.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Approval } from '../../../dist/approval/index.js';
import type { QueryRequest } from '../../../dist/gateway/answer/answer.js';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf, ISSUER } from '../../support/caller.mjs';
import { GENEROUS } from '../../support/gateways/limits.mjs';
import { Whole } from '../../support/gateways/whole.js';
import { random } from '../../support/random.mjs';

const steward = (subject = 'steward') => ({
  issuer: ISSUER,
  subject,
  groups: ['stewards'],
  claims: { email: `${subject}@example.com`, email_verified: true },
});
const YES = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'command line' } as const;
const HELD = { ...YES, standingMs: 3_600_000, standingUses: 50 };
const NO = { ...YES, decision: 'deny', reason: 'Not this one.' } as const;
const bot = callerOf('bot', ['g']);

const BY = 'by: { groups: [stewards] }';
const READS = `rules:
  - allow: [read]
    on: [DB.PUBLIC.*]
  - approve: [read]
    on: [DB.PUBLIC.SECRET]
    ${BY}
`;
const CHANGES = '[insert, update, delete]';
const ALWAYS = `${READS}  - approve: ${CHANGES}
    on: [DB.PUBLIC.*]
    ${BY}
`;
const allowed = (condition: string): string => `${READS}  - allow: ${CHANGES}
    on: [DB.PUBLIC.*]
  - approve: ${CHANGES}
    on: [DB.PUBLIC.*]
    when: { ${condition} }
    ${BY}
`;
const BY_ROWS = allowed('rows_affected_over: 1');
const BY_BYTES = allowed('bytes_scanned_over: 1B');

let whole: Whole;
const gateways = new Map<string, Gateway>();
const ROWS = 400;
beforeAll(async () => {
  const ids = Array.from({ length: ROWS }, (_, id) => `(${id}, 'n${id}')`).join(', ');
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, NAME VARCHAR)',
    `INSERT INTO DB.PUBLIC.T VALUES ${ids}`,
    'CREATE TABLE DB.PUBLIC.SECRET (ID NUMBER, NAME VARCHAR)',
    "INSERT INTO DB.PUBLIC.SECRET VALUES (1, 'a'), (2, 'b'), (3, 'c')",
    'CREATE TABLE DB.PUBLIC.LOG (ID NUMBER, NOTE VARCHAR)',
  ]);
  for (const rules of [ALWAYS, BY_ROWS, BY_BYTES]) gateways.set(rules, (await whole.gateway(rules)).gateway);
});
afterAll(() => whole[Symbol.asyncDispose]());

const through = (rules: string): Gateway => gateways.get(rules) as Gateway;
const ask = (rules: string, request: QueryRequest) => through(rules).query(bot, { purpose: 'To see.', ...request });
const idOf = ({ approval }: { readonly approval?: { readonly id: string } | null | undefined }): string =>
  approval?.id ?? '';
const approvalOf = async (id: string): Promise<Approval> => (await whole.approvals.get(id)) as Approval;
const kindsOf = async ({ session_id: session, statement_id: statement }: Approval): Promise<string[]> =>
  (await whole.events(session, statement)).map(({ kind }) => kind);
const runsOf = (note: string): Promise<number> =>
  whole.rows(`SELECT COUNT(*) AS N FROM DB.PUBLIC.LOG WHERE NOTE = '${note}'`);

/** Two rows each time that it runs, and all of one note have one shape. */
const insertOf = (note: string, first: number): string =>
  `INSERT INTO DB.PUBLIC.LOG (ID, NOTE) SELECT ID, '${note}' FROM DB.PUBLIC.T WHERE ID IN (${first}, ${first + 1})`;

const SPELLINGS: readonly ((sql: string) => QueryRequest)[] = [
  (sql) => ({ sql }),
  (sql) => ({ sql: sql.replace('INSERT INTO', 'insert into').replace('SELECT', 'select') }),
  (sql) => ({ sql: sql.replaceAll(' ', '  ').replace('WHERE', '/* here */ where') }),
  (sql) => ({ sql: sql.replace('SELECT ID', 'SELECT "ID"').replace('DB.PUBLIC.T', '"DB".public."T"') }),
  (sql) => {
    const [, first = '', second = ''] = /IN \((\d+), (\d+)\)/.exec(sql) ?? [];
    return { sql: sql.replace(/IN \(.*\)/, 'IN (?, ?)'), binds: [Number(first), Number(second)] };
  },
  (sql) => ({ sql: sql.replace('IN (', 'in ( -- these\n') }),
];

describe('what waits', () => {
  const draw = random(1127);
  const pick = (): number => Math.floor(draw() * SPELLINGS.length);
  const cases = Array.from({ length: 18 }, (_, at) => ({
    at,
    rules: [ALWAYS, BY_ROWS, BY_BYTES][at % 3] as string,
    name: ['always', 'by rows', 'by bytes'][at % 3] as string,
    waits: at < 6 ? 0 : pick(),
    again: at < 6 ? ([0, 1][Math.floor(at / 3)] as number) : pick(),
    order:
      at < 6
        ? 'standing, again, yes'
        : (['standing, again, yes', 'yes, standing, again', 'standing, yes, again', 'at once'][
            Math.floor(draw() * 4)
          ] as string),
  }));

  it.each(cases)(
    'runs once: $name, written as $waits and $again, $order',
    async ({ at, rules, waits, again, order }) => {
      const note = `once_${at}`;
      const first = at * 20;
      const spelled = (which: number, id: number): QueryRequest =>
        (SPELLINGS[which] ?? (SPELLINGS[0] as never))(insertOf(note, id));
      const asked = await ask(rules, spelled(waits, first));
      const own = idOf(asked);
      expect(asked.status).toBe('approval_required');
      const steps: Record<string, () => Promise<unknown>> = {
        standing: async () => {
          // Of the form that comes again, with other rows.
          const other = await ask(rules, spelled(again, first + 10));
          expect(other.status).toBe('approval_required');
          await whole.approvals.decide(idOf(other), steward(), HELD);
        },
        again: () => ask(rules, spelled(again, first)),
        yes: async () => {
          await whole.approvals.decide(own, steward('deputy'), YES).catch(() => undefined);
        },
      };
      if (order === 'at once') {
        await steps['standing']?.();
        await Promise.all([steps['again']?.(), steps['yes']?.()]);
      } else for (const step of order.split(', ')) await steps[step]?.();
      // However often it is asked for: by a yes to it, or by its id.
      await steps['yes']?.();
      await through(rules).resume(bot, own, { waitMs: 0 });
      expect(await runsOf(note)).toBe(2);
      const { state } = await approvalOf(own);
      expect(['used', 'withdrawn']).toContain(state);
    },
    60_000,
  );

  it.each([
    ['rows', BY_ROWS],
    ['bytes', BY_BYTES],
  ])(
    'is one statement however often it is sent, also where its %s made a rule ask; nothing is counted again',
    async (what, rules) => {
      const sql = insertOf(`counted_by_${what}`, 380);
      const first = await ask(rules, { sql });
      const ran = vi.spyOn(whole.warehouse, 'run');
      const explained = vi.spyOn(whole.warehouse, 'explain');
      for (const spelled of SPELLINGS) {
        const again = await ask(rules, spelled(sql));
        expect([again.status, again.statementId, idOf(again)], JSON.stringify(spelled(sql))).toEqual([
          'approval_required',
          first.statementId,
          idOf(first),
        ]);
      }
      expect([ran.mock.calls.length, explained.mock.calls.length]).toEqual([0, 0]);
      vi.restoreAllMocks();
      const kinds = await kindsOf(await approvalOf(idOf(first)));
      expect(kinds.filter((kind) => kind === 'approval_asked')).toHaveLength(1 + SPELLINGS.length);
      expect(kinds.filter((kind) => kind === 'estimate_asked').length).toBeLessThanOrEqual(2);
    },
  );

  it('waits no more once the same runs as the rules allow it, and says so', async () => {
    const rules = allowed('purpose_missing: true');
    const { gateway } = await whole.gateway(rules);
    const sql = insertOf('without purpose', 360);
    const asked = await gateway.query(bot, { sql });
    expect(asked.status).toBe('approval_required');
    expect(
      (
        await gateway.query(bot, {
          sql: sql.toLowerCase().replace('without purpose', 'without purpose'),
          purpose: 'For Bernd.',
        })
      ).status,
    ).toBe('ok');
    expect(await approvalOf(idOf(asked))).toMatchObject({
      state: 'withdrawn',
      ended: { why: 'allowed', instead: expect.any(String) },
    });
    expect((await gateway.resume(bot, idOf(asked), { waitMs: 0 })).denial?.message).toContain('as the rules allow');
    expect(await runsOf('without purpose')).toBe(2);
  });

  it('stays open, with what was said of it, where a word for its shape does not cover it after all', async () => {
    const rules = ALWAYS.replaceAll(BY, 'by: { groups: [stewards], count: 2 }');
    const { gateway } = await whole.gateway(rules, {
      limits: { ...GENEROUS, approvalsPerHour: 2 + (await whole.approvals.list()).approvals.length },
    });
    const update = (ids: string): string => `UPDATE DB.PUBLIC.T SET NAME = 'more' WHERE NAME IN ('${ids}')`;
    const small = await gateway.query(bot, { sql: update('nobody') });
    for (const who of ['steward', 'deputy']) await whole.approvals.decide(idOf(small), steward(who), HELD);
    const big = await gateway.query(bot, { sql: update('n300') });
    await whole.approvals.decide(idOf(big), steward(), YES);
    for (let at = 0; at < 4; at++) {
      const again = await gateway.query(bot, { sql: update('n300'), purpose: `Try ${at}.` });
      expect([again.status, idOf(again), again.statementId]).toEqual(['approval_required', idOf(big), big.statementId]);
    }
    expect(await kindsOf(await approvalOf(idOf(big)))).not.toContain('approval_withdrawn');
    await whole.approvals.decide(idOf(big), steward('deputy'), YES);
    expect((await gateway.query(bot, { sql: update('n300') })).status).toBe('ok');
  });

  it('stays open where a limit, or an outage, stops the repetition before it runs', async () => {
    const limited = `${ALWAYS}limits: { statements_per_hour: 1000 }\n`;
    const { gateway } = await whole.gateway(limited);
    const [first, other] = [insertOf('stopped', 340), insertOf('stopped', 350)];
    const waits = await gateway.query(bot, { sql: first });
    const given = await gateway.query(bot, { sql: other });
    await whole.approvals.decide(idOf(given), steward(), HELD);
    // Of another set of policies, with no statements left.
    vi.spyOn(whole.transcript.recorder, 'append').mockImplementationOnce(async () => 100_000);
    expect((await gateway.query(bot, { sql: first })).denial?.code).toBe('LIMIT_REACHED');
    vi.restoreAllMocks();
    expect(await approvalOf(idOf(waits))).toMatchObject({ state: 'pending' });
    const append = whole.transcript.recorder.append.bind(whole.transcript.recorder);
    vi.spyOn(whole.transcript.recorder, 'append').mockImplementation((event, ...more) => {
      if (event.kind === 'approval_used') throw new Error('The store is away.');
      return append(event, ...more);
    });
    expect((await gateway.query(bot, { sql: first })).status).not.toBe('ok');
    vi.restoreAllMocks();
    expect(await approvalOf(idOf(waits))).toMatchObject({ state: 'pending' });
    expect(await runsOf('stopped')).toBe(0);
    expect((await gateway.query(bot, { sql: first })).status).toBe('ok');
    expect(await approvalOf(idOf(waits))).toMatchObject({ state: 'withdrawn', ended: { why: 'standing' } });
  });
});

describe('a no', () => {
  const LITERAL = 'SELECT ID, NAME FROM DB.PUBLIC.SECRET WHERE ID = 2';
  /** Each lets row 2 through, where its hole has a 2. */
  const FORMS: readonly (readonly [string, (id: number) => QueryRequest])[] = [
    ['as it is', (id) => ({ sql: LITERAL.replace('2', String(id)) })],
    ['with a bind', (id) => ({ sql: LITERAL.replace('2', '?'), binds: [id] })],
    ['with names in quotes', (id) => ({ sql: `SELECT "ID", NAME FROM DB."PUBLIC".SECRET WHERE "ID" = ${id}` })],
    ['with an alias', (id) => ({ sql: `select s.name, s.id from db.public.secret s where s.id = ${id}` })],
    ['with a list', (id) => ({ sql: `SELECT * FROM DB.PUBLIC.SECRET WHERE ID IN (${id}, ${id})` })],
    [
      'with more of a condition',
      (id) => ({ sql: `SELECT ID, NAME FROM DB.PUBLIC.SECRET WHERE NAME IS NOT NULL AND ID = ${id}` }),
    ],
    ['as a file', (id) => ({ sql: LITERAL.replace('2', String(id)), format: 'csv', hasDownloads: true })],
  ];

  it.each(FORMS)('ends what would let the same through %s', async (_, form) => {
    // What was let pass once by itself is another matter: each time another row.
    const unlike = 100 + FORMS.findIndex(([name]) => name === _);
    const less = (id: number) =>
      ask(ALWAYS, { sql: `SELECT ID FROM DB.PUBLIC.SECRET WHERE ID = ${id} AND '${_}' <> ''` });
    const [denied, given, other] = [
      await ask(ALWAYS, { sql: LITERAL }),
      await ask(ALWAYS, form(unlike)),
      await less(1),
    ];
    for (const one of [denied, given, other]) expect(one).toMatchObject({ status: 'approval_required' });
    for (const one of [given, other]) await whole.approvals.decide(idOf(one), steward(), HELD);
    expect((await ask(ALWAYS, form(3))).status).toBe('ok');
    await whole.approvals.decide(idOf(denied), steward('deputy'), NO);
    const after = await ask(ALWAYS, form(2));
    expect(after.status).toBe('approval_required');
    await through(ALWAYS).withdraw(bot, idOf(after), undefined);
    // What reads less than that is let pass as before.
    expect((await less(2)).status).toBe('ok');
    const { session_id: session, statement_id: statement } = await approvalOf(idOf(given));
    const ended = (await whole.events(session, statement)).find(({ kind }) => kind === 'standing_revoked');
    expect(ended?.body).toMatchObject({ denied: idOf(denied), reviewer: 'deputy' });
  });
});

describe('an approval that is used', () => {
  it('is told to whoever asks for it, and written down once', async () => {
    const sql = insertOf('used', 330);
    const asked = await ask(ALWAYS, { sql });
    await whole.approvals.decide(idOf(asked), steward(), YES);
    await ask(ALWAYS, { sql });
    for (let at = 0; at < 5; at++) {
      const all = await Promise.all(
        Array.from({ length: 4 }, () => through(ALWAYS).resume(bot, idOf(asked), { waitMs: 0 })),
      );
      for (const { denial } of all) expect(denial?.code).toBe('APPROVAL_EXPIRED');
    }
    const kinds = await kindsOf(await approvalOf(idOf(asked)));
    expect(kinds.filter((kind) => kind === 'approval_refused')).toHaveLength(1);
  });
});
