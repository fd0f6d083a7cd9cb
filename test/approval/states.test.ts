/** The states of an approval, as the gateway, reviewers and time drive them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type Approval, Approvals, DecisionRefused, TooManyApprovals, Wakeups } from '../../dist/approval/index.js';
import { timeOrderedId } from '../../dist/transcript/index.js';
import { startStore } from '../support/store/own-store.js';
import { gatewayUrlOf } from '../support/store/store.mjs';
import { actor, client, completed, submitted } from '../transcript/fill.mjs';

const ISSUER = 'https://issuer.example';
const agent = {
  ...actor('pipeline-bot'),
  claims: { sub: 'pipeline-bot', act: { sub: 'ana', email: 'ana@example.com' }, email: 'Bot@example.com' },
};
const person = (
  subject: string,
  groups: readonly string[] = ['stewards'],
  claims: Record<string, unknown> = { email: `${subject}@example.com` },
) => ({ issuer: ISSUER, subject, groups, claims });
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'console' } as const;
const no = { ...yes, decision: 'deny', reason: 'Not now.' } as const;

const ABOUT = {
  kind: 'delete',
  objects: [],
  columns: [],
  written: [],
  removes: false,
  every_row_of: null,
  masks: [],
  row_predicates: [],
  rules: [],
  reasons: [],
  estimate: { bytes: null, rows: 3, of: null, uncounted: null, unweighed: null },
};

const SHAPE = { key: 'DELETE FROM T WHERE ID = ?', text: 'DELETE FROM T WHERE ID = ⟨number⟩', holes: [] };

const { store, another, postgres, admin, end } = await startStore({ connections: 1 });
const other = await another();
const approvals = new Approvals(store);
const session = await store.sessions.find(agent, client, undefined);
afterAll(end);

const textOf = (sql: string, purpose: string | null = null) => ({
  statement: sql,
  sent: sql,
  binds: [],
  purpose,
  door: 'mcp',
  shape: SHAPE,
});

let count = 0;
const ask = async ({
  text,
  ...more
}: {
  readonly text?: ReturnType<typeof textOf>;
  readonly [name: string]: unknown;
} = {}) => {
  count++;
  const asking = text ?? textOf(`DELETE FROM T WHERE ID = ${count}`, 'Clean up.');
  const asked = await approvals.ask({
    bounds: { open: 1000, perHour: 1000 },
    statementId: timeOrderedId(),
    sessionId: session,
    actor: agent,
    text: asking,
    same: asking.statement,
    fits: 'aa',
    fingerprint: 'f1',
    about: ABOUT,
    policyVersion: 'v1',
    requirements: [{ issuers: [ISSUER], groups: ['stewards'], count: 1, rule: 'p.yaml:1' }],
    withinMs: 60_000,
    ...more,
  });
  if (asked instanceof TooManyApprovals) throw new Error('too many approvals');
  return asked;
};
const fresh = async (more: Parameters<typeof ask>[0] = {}): Promise<Approval> => (await ask(more)).approval;
const stateOf = async (id: string) => (await approvals.get(id))?.state;
const kindsOf = async (statement: string): Promise<string[]> =>
  (await store.reader.events(session)).flatMap((event) => (event.statement === statement ? [event.kind] : []));

/** The last use of any approval, as one that never left. */
const lastUse = async () => {
  const used = (await store.reader.events(session)).findLast(({ kind }) => kind === 'approval_used');
  return { use: String(used?.position), isTakenBack: false };
};
/** As the gateway writes it down when it begins. */
const begin =
  (approval: Approval, from = store) =>
  async (): Promise<void> => {
    await from.recorder.append({
      kind: 'approval_used',
      sessionId: session,
      statementId: approval.statement_id,
      body: { approval: approval.id },
      runs: 'begins',
    });
  };

describe('an approval', () => {
  it('is asked for once for the same statement, also when several ask at once', async () => {
    const text = textOf('DELETE FROM ONE');
    const asked = await Promise.all([1, 2, 3, 4].map(() => ask({ text })));
    expect(new Set(asked.map(({ approval }) => approval.id)).size).toBe(1);
    expect(asked.filter(({ isNew }) => isNew)).toHaveLength(1);
  });

  it('says how it ended, and is listed by when that was: the last first', async () => {
    const first = await fresh();
    const second = await fresh();
    for (const { id } of [first, second]) await approvals.decide(id, person('carl'), yes);
    // Asked for before the other, and used after it.
    for (const one of [second, first]) expect(await approvals.use(one.id, begin(one))).toBe(true);
    const { approvals: used } = await approvals.list({ state: 'used', limit: 2 });
    expect(used.map(({ id }) => id)).toEqual([first.id, second.id]);
    const page = await approvals.list({ state: 'used', limit: 1, after: first.id });
    expect(page.approvals.map(({ id }) => id)).toEqual([second.id]);
    expect(used[0]?.ended).toMatchObject({ state: 'used', at: expect.any(Date), outcome: undefined });
    const [withdrawn, stoodFor, allowed] = [await fresh(), await fresh(), await fresh()];
    const [outdated, open] = [await fresh(), await fresh()];
    await approvals.withdraw(withdrawn.id, 'time');
    const instead = second.statement_id;
    const leaves = (): Promise<void> => Promise.resolve();
    await approvals.replace(stoodFor.id, { code: 'RAN_UNDER_STANDING', instead, standing: timeOrderedId() }, leaves);
    await approvals.replace(allowed.id, { code: 'RAN_AS_ALLOWED', instead }, leaves);
    await approvals.outdate(outdated.id);
    const ends = await Promise.all([withdrawn, stoodFor, allowed, outdated, open].map(({ id }) => approvals.get(id)));
    expect(ends.map((one) => one?.ended && [one.ended.state, one.ended.why, one.ended.instead])).toEqual([
      ['withdrawn', 'agent', undefined],
      ['withdrawn', 'standing', instead],
      ['withdrawn', 'allowed', instead],
      ['expired', 'changed', undefined],
      null,
    ]);
    await expect(approvals.decide(first.id, person('carl'), yes)).rejects.toMatchObject({
      problem: 'not pending',
      approval: { state: 'used' },
    });
    await approvals.withdraw(open.id, undefined);
  });

  it('is over where rules or objects have changed, and another takes its place', async () => {
    const text = textOf('DELETE FROM TWO');
    const first = await fresh({ text });
    const second = await fresh({ text, policyVersion: 'v2' });
    const third = await fresh({ text, policyVersion: 'v2', fits: 'bb' });
    expect(new Set([first.id, second.id, third.id]).size).toBe(3);
    expect([await stateOf(first.id), await stateOf(second.id), await stateOf(third.id)]).toEqual([
      'expired',
      'expired',
      'pending',
    ]);
    expect(await kindsOf(first.statement_id)).toContain('approval_expired');
  });

  it('is decided by those whom it asks, never by who stands behind the agent', async () => {
    const approval = await fresh();
    const refused = async (reviewer: Parameters<Approvals['decide']>[1]): Promise<string> => {
      const error: unknown = await approvals.decide(approval.id, reviewer, yes).catch((thrown: unknown) => thrown);
      return error instanceof DecisionRefused ? error.problem : 'decided';
    };
    expect(await refused(person('eve', ['others']))).toBe('not a reviewer');
    // The agent itself, the person for whom it acts, and that person under another issuer.
    expect(await refused(person('pipeline-bot'))).toBe('own statement');
    expect(await refused(person('ana'))).toBe('own statement');
    expect(
      await refused({ ...person('someone'), issuer: 'https://other.example', claims: { email: 'bot@EXAMPLE.com' } }),
    ).toBe('own statement');
    expect(await refused(person('carl'))).toBe('decided');
    expect(await refused(person('dora'))).toBe('not pending');
    expect(await stateOf(approval.id)).toBe('approved');
    expect(await kindsOf(approval.statement_id)).toEqual(['approval_decided']);
  });

  it('needs as many people as it says; one in two groups counts once', async () => {
    const approval = await fresh({
      requirements: [
        { issuers: [ISSUER], groups: ['stewards'], count: 1, rule: 'p.yaml:1' },
        { issuers: [ISSUER], groups: ['security'], count: 1, rule: 'p.yaml:2' },
      ],
    });
    const both = person('carl', ['stewards', 'security']);
    expect((await approvals.decide(approval.id, both, yes)).state).toBe('pending');
    await expect(approvals.decide(approval.id, both, yes)).rejects.toThrow('decided before');
    expect((await approvals.decide(approval.id, person('dora', ['security']), yes)).state).toBe('approved');
  });

  it('is decided by nobody of another issuer, whatever their groups are called', async () => {
    const approval = await fresh();
    const foreign = { ...person('carl'), issuer: 'https://other.example' };
    await expect(approvals.decide(approval.id, foreign, yes)).rejects.toThrow('not a reviewer');
    expect((await approvals.decide(approval.id, person('carl'), yes)).state).toBe('approved');
  });

  it('counts somebody whom two issuers know by one mail address once, and bars them from their own', async () => {
    const OTHER = 'https://other.example';
    const requirements = [{ issuers: [ISSUER, OTHER], groups: ['stewards'], count: 2, rule: 'p.yaml:1' }];
    const there = (subject: string, claims: object) => ({ ...person(subject), issuer: OTHER, claims: { ...claims } });
    const here = person('carl', ['stewards'], { email: 'Carl@example.com', email_verified: true });
    const approval = await fresh({ requirements });
    await approvals.decide(approval.id, here, yes);
    for (const claims of [{ email: 'carl@EXAMPLE.com', email_verified: true }, { email: 'carl@example.com' }])
      await expect(approvals.decide(approval.id, there('4711', claims), yes)).rejects.toThrow('decided before');
    expect(await stateOf(approval.id)).toBe('pending');
    // An address that the issuer does not vouch for is nobody's, so nobody knows who this is.
    for (const claims of [{ email: 'carl@example.com', email_verified: false }, {}])
      await expect(approvals.decide(approval.id, there('4711', claims), yes)).rejects.toThrow('no mail address');
    const another = there('4711', { email: 'dora@example.com' });
    expect((await approvals.decide(approval.id, another, yes)).state).toBe('approved');

    const own = await fresh({ requirements });
    for (const reviewer of [
      there('4712', { email: 'bot@example.com', email_verified: true }),
      there('4712', { email: 'bot@example.com', email_verified: 'true' }),
    ])
      await expect(approvals.decide(own.id, reviewer, yes)).rejects.toThrow('own statement');
    // The same name elsewhere is somebody else, but for who is named there by an actor's own issuer.
    const delegated = await fresh({
      requirements,
      actor: { ...agent, claims: { act: { sub: 'ben', iss: `${OTHER}/`, email: 'ben@example.com' } } },
    });
    await expect(approvals.decide(delegated.id, there('ben', {}), yes)).rejects.toThrow('own statement');
    const namesake = there('pipeline-bot', { email: 'pipeline@other.example' });
    expect((await approvals.decide(delegated.id, namesake, yes)).state).toBe('pending');
  });

  it('is denied with a reason, and then by nobody approved', async () => {
    const approval = await fresh();
    expect(await approvals.decide(approval.id, person('carl'), no)).toMatchObject({
      state: 'denied',
      decisions: [{ reason: 'Not now.', decision: 'deny' }],
    });
    await expect(approvals.decide(approval.id, person('dora'), yes)).rejects.toThrow('not pending');
    expect(await approvals.use(approval.id, begin(approval))).toBe(false);
  });

  it('has its time, before and after it was given', async () => {
    const waiting = await fresh({ withinMs: 4000 });
    const given = await fresh({ withinMs: 4000 });
    await approvals.decide(given.id, person('carl'), yes);
    await sleep(given.expires_at.getTime() + 50 - Date.now());
    // From its time on, whether or not anybody has written that down.
    expect([await stateOf(waiting.id), await stateOf(given.id)]).toEqual(['expired', 'expired']);
    await expect(approvals.decide(waiting.id, person('carl'), yes)).rejects.toThrow('not pending');
    expect(await approvals.use(given.id, begin(given))).toBe(false);
    const two = new Approvals(other);
    const done = await Promise.all([approvals.expireDue(), two.expireDue()]);
    expect(done[0] + done[1]).toBe(2);
    expect(await kindsOf(waiting.statement_id)).toEqual(['approval_expired']);
    expect(await approvals.expireDue()).toBe(0);
  });

  it('is withdrawn by whoever asked, once', async () => {
    const approval = await fresh();
    expect(await approvals.withdraw(approval.id, 'Wrong table.')).toBe(true);
    expect(await approvals.withdraw(approval.id, undefined)).toBe(false);
    expect(await stateOf(approval.id)).toBe('withdrawn');
    await expect(approvals.decide(approval.id, person('carl'), yes)).rejects.toThrow('not pending');
    expect(await kindsOf(approval.statement_id)).toEqual(['approval_withdrawn']);
  });

  it('is used by one of many, on two replicas', async () => {
    const two = new Approvals(other);
    for (let round = 0; round < 5; round++) {
      const approval = await fresh();
      await approvals.decide(approval.id, person('carl'), yes);
      const used = await Promise.all(
        [approvals, two, approvals, two, approvals].map((one, index) =>
          one.use(approval.id, begin(approval, index % 2 ? other : store)),
        ),
      );
      expect(used.filter(Boolean)).toHaveLength(1);
      expect(await stateOf(approval.id)).toBe('used');
    }
  });

  it('stays unused where the use could not be written down', async () => {
    const approval = await fresh();
    await approvals.decide(approval.id, person('carl'), yes);
    await expect(approvals.use(approval.id, () => Promise.reject(new Error('full disk')))).rejects.toThrow();
    expect(await stateOf(approval.id)).toBe('approved');
  });

  it('is given back where its statement never left, and runs once after all', async () => {
    const approval = await fresh();
    await store.recorder.append(submitted(session, approval.statement_id));
    await store.recorder.append({
      kind: 'approval_asked',
      sessionId: session,
      statementId: approval.statement_id,
      body: {},
      runs: 'pauses',
    });
    await approvals.decide(approval.id, person('carl'), yes);
    expect(await approvals.use(approval.id, begin(approval))).toBe(true);
    expect(await approvals.release(approval.statement_id, { use: '0', isTakenBack: false })).toBe('taken');
    expect(await approvals.release(approval.statement_id, await lastUse())).toBe('released');
    expect(await stateOf(approval.id)).toBe('approved');
    expect(await approvals.use(approval.id, begin(approval))).toBe(true);
    await store.recorder.append(completed(session, approval.statement_id));
    expect(await kindsOf(approval.statement_id)).toEqual([
      'statement_submitted',
      'approval_asked',
      'approval_decided',
      'approval_used',
      'approval_released',
      'approval_used',
      'statement_completed',
    ]);
  });

  it('does not exist under a made-up id', async () => {
    expect(await approvals.get('1 OR 1=1')).toBeUndefined();
    await expect(approvals.decide(timeOrderedId(), person('carl'), yes)).rejects.toThrow('not found');
  });
});

describe('the list', () => {
  it('shows everybody their own, however long the texts of others are: each once, page by page', async () => {
    const long = 'x'.repeat(1_500_000);
    const asked: string[] = [];
    for (let one = 0; one < 9; one++) {
      const statement = `DELETE FROM T WHERE ID = 'long ${one}'`;
      const text = {
        statement,
        sent: `${statement} ${one % 3 === 1 ? '' : long}`,
        binds: [],
        purpose: null,
        door: 'mcp',
        shape: SHAPE,
      };
      asked.push((await fresh({ text })).id);
    }
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await approvals.list({ limit: 200, after });
      expect(page.approvals.length).toBeGreaterThan(0);
      expect(page.approvals.reduce((sum, { sent }) => sum + sent.length, 0)).toBeLessThan(4_500_000);
      seen.push(...page.approvals.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen.slice(0, asked.length)).toEqual([...asked].reverse());
    expect(new Set(seen).size).toBe(seen.length);
    expect((await approvals.list({ limit: 2 })).approvals.map(({ id }) => id)).toEqual(asked.slice(-2).reverse());
  });
});

describe('a standing approval', () => {
  const question = {
    issuer: ISSUER,
    subject: 'pipeline-bot',
    client_id: 'pipeline-bot',
    door: 'mcp',
    fits: 'aa',
    shape: SHAPE.key,
    policy_version: 'v1',
    requirements: [{ issuers: [ISSUER], groups: ['stewards'], count: 2, rule: 'p.yaml:1' }],
  };
  const { requirements } = question;
  /** Uses it as the gateway does, for a statement of its own. */
  const useOnce = async (id: string, more: object = {}): Promise<boolean> => {
    const statement = timeOrderedId();
    await store.recorder.append(submitted(session, statement));
    return approvals.useStanding(id, { ...question, same: statement, ...more }, statement, async () => {
      await store.recorder.append({
        kind: 'approval_used',
        sessionId: session,
        statementId: statement,
        body: { standing: id },
        runs: 'begins',
      });
      await store.recorder.append(completed(session, statement));
    });
  };

  it('needs the word of all who were needed, and ends with the least of each', async () => {
    const one = await fresh({ requirements });
    await approvals.decide(one.id, person('carl'), { ...yes, standingMs: 7_200_000 });
    await approvals.decide(one.id, person('dora'), yes);
    expect(await approvals.standing(question)).toBeUndefined();
    const two = await fresh({ requirements });
    await approvals.decide(two.id, person('carl'), { ...yes, standingMs: 7_200_000, standingUses: 3 });
    await approvals.decide(two.id, person('dora'), { ...yes, standingMs: 3_600_000, standingUses: 5 });
    const standing = await approvals.standing(question);
    expect(standing).toMatchObject({ approval_id: two.id, uses: 0, max_uses: 3 });
    const hours = ((standing?.expires_at.getTime() ?? 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(0.9);
    expect(hours).toBeLessThanOrEqual(1);
  });

  it('counts its uses, and goes by the record where the row says less', async () => {
    const id = (await approvals.standing(question))?.id ?? '';
    const before = (await admin.query('SELECT * FROM standing_approval WHERE id = $1', [id])).rows[0];
    expect(await useOnce(id)).toBe(true);
    expect(await useOnce(id, { shape: 'DELETE FROM T' })).toBe(false);
    expect(await useOnce(id, { fits: 'bb' })).toBe(false);
    expect(await useOnce(id)).toBe(true);
    expect(await approvals.standing(question)).toMatchObject({ uses: 2 });
    // The row as it was, HMAC and all: what was used stays used.
    await admin.query('UPDATE standing_approval SET uses = $2, mac = $3 WHERE id = $1', [id, before.uses, before.mac]);
    expect(await approvals.standing(question)).toMatchObject({ uses: 0 });
    expect(await useOnce(id)).toBe(true);
    expect(await approvals.standing(question)).toBeUndefined();
    await admin.query('UPDATE standing_approval SET uses = $2, mac = $3 WHERE id = $1', [id, before.uses, before.mac]);
    expect(await useOnce(id)).toBe(false);
  });

  it('holds for nothing else', async () => {
    for (const more of [
      { shape: 'other' },
      { fits: 'bb' },
      { door: 'driver' },
      { subject: 'sales-bot' },
      { client_id: 'another' },
      { issuer: 'https://other.example' },
      { policy_version: 'v2' },
      { requirements: [{ issuers: [ISSUER], groups: ['security'], count: 2, rule: 'p.yaml:1' }] },
      {
        requirements: [
          ...question.requirements,
          { issuers: [ISSUER], groups: ['security'], count: 1, rule: 'p.yaml:9' },
        ],
      },
    ])
      expect(await approvals.standing({ ...question, ...more })).toBeUndefined();
  });

  it('is revoked by a reviewer, and recorded; a row of before ends nothing of that', async () => {
    const given = await fresh({ requirements });
    for (const subject of ['carl', 'dora'])
      await approvals.decide(given.id, person(subject), { ...yes, standingMs: 7_200_000 });
    // Of two, the one that is still good for something.
    const standing = await approvals.standing(question);
    expect(standing).toMatchObject({ approval_id: given.id });
    const id = standing?.id ?? '';
    const before = (await admin.query('SELECT * FROM standing_approval WHERE id = $1', [id])).rows[0];
    await expect(approvals.revoke(id, person('eve', ['others']), 'console')).rejects.toThrow('not a reviewer');
    expect(await approvals.standing(question)).toBeDefined();
    await approvals.revoke(id, person('carl'), 'console');
    expect(await approvals.standing(question)).toBeUndefined();
    await expect(approvals.revoke(id, person('carl'), 'console')).rejects.toThrow('not found');
    expect((await store.reader.events(session)).at(-1)?.kind).toBe('standing_revoked');
    await admin.query('UPDATE standing_approval SET revoked_at = NULL, mac = $2 WHERE id = $1', [id, before.mac]);
    expect(await approvals.standing(question)).toBeUndefined();
    expect((await approvals.listStanding()).standing.map((entry) => entry.id)).not.toContain(id);
    expect(await useOnce(id)).toBe(false);
  });

  it('is not given for longer than a day, nor with a denial', async () => {
    const approval = await fresh();
    await expect(approvals.decide(approval.id, person('carl'), { ...yes, standingMs: 86_400_001 })).rejects.toThrow(
      'not in that form',
    );
    await expect(approvals.decide(approval.id, person('carl'), { ...no, standingMs: 1000 })).rejects.toThrow(
      'not in that form',
    );
  });
});

describe('who waits', () => {
  it('is woken by a decision on another replica, and again after the connection broke', async () => {
    const problems: string[] = [];
    const wakeups = new Wakeups({ url: gatewayUrlOf(postgres.url), onProblem: (problem) => problems.push(problem) });
    await wakeups.start();
    const waiting = new Approvals(store, wakeups);
    const two = new Approvals(other);
    const woken = async (): Promise<number> => {
      const approval = await fresh();
      const started = performance.now();
      const change = waiting.changed(approval.id, 20_000);
      await two.decide(approval.id, person('carl'), yes);
      await change;
      return performance.now() - started;
    };
    // Sooner than by the look that is behind the notification, every three seconds; a busy machine may need a second try.
    await expect.poll(woken).toBeLessThan(1500);
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`);
    // By that look, and not when the time is over.
    expect(await woken()).toBeLessThan(15_000);
    await expect.poll(() => problems).toHaveLength(1);
    const stopped = new AbortController();
    const never = waiting.changed(timeOrderedId(), 60_000, stopped.signal);
    stopped.abort();
    await never;
    await wakeups.close();
  });
});
