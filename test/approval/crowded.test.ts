/** Rows of nobody's take no place of ours, and rows of before are believed by nobody: as the gateway's role, which may INSERT and UPDATE. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Approval, Approvals, TooManyApprovals } from '../../dist/approval/index.js';
import { People } from '../../dist/console/people/people.js';
import { timeOrderedId } from '../../dist/transcript/index.js';
import { approvalBreaks, questionOf, startApprovals, steward } from '../support/store/approvals.js';
import { actor, client, submitted } from '../transcript/fill.mjs';

const ISSUER = 'https://issuer.example';
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'console' } as const;
const no = { ...yes, decision: 'deny' } as const;
const standing = { ...yes, standingMs: 3_600_000, standingUses: 50 } as const;

const told: string[] = [];
const tell = (problem: string): void => void told.push(problem);

const { store, another, approvals, admin, end } = await startApprovals(tell);
const other = await another();
const session = await store.sessions.find({ ...actor('bot') }, client, undefined);
afterAll(end);
beforeEach(async () => {
  await admin.query('TRUNCATE standing_approval, approval_decision, approval CASCADE');
  told.length = 0;
});

let count = 0;
async function ask(more: object = {}, subject = 'bot') {
  const sql = `DELETE FROM T WHERE ID = ${++count}`;
  const statementId = timeOrderedId();
  await store.recorder.append(submitted(session, statementId));
  return approvals.ask(questionOf(session, statementId, sql, { actor: { ...actor(subject), claims: {} }, ...more }));
}
async function fresh(more: object = {}): Promise<Approval> {
  const asked = await ask(more);
  if (asked instanceof TooManyApprovals) throw new Error('too many');
  const { approval } = asked;
  await store.recorder.append({
    kind: 'approval_asked',
    sessionId: session,
    statementId: approval.statement_id,
    body: { approval: approval.id, binding: approval.binding },
  });
  return approval;
}
const question = (approval: Approval) => ({
  issuer: approval.issuer,
  subject: approval.subject,
  client_id: approval.client_id,
  door: 'mcp',
  fits: 'aa',
  policy_version: 'v1',
  requirements: approval.requirements,
  shape: 'k',
});
/** Copies of one of ours, each another in what is said; by the role. */
const crowd = (table: string, of: string, many: number, changes: string, by = store.pool) =>
  by.query(
    `INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(t) || ${changes})).*
     FROM (SELECT * FROM ${table} WHERE ${of}) t, generate_series(1, ${many}) g`,
  );
const OTHER_APPROVAL = `jsonb_build_object('id', gen_random_uuid(), 'digest', '\\x' || lpad(to_hex(g), 8, '0'))`;

describe('rows of nobody’s', () => {
  it.each([
    [
      'of another shape',
      `jsonb_build_object('id', gen_random_uuid(), 'binding', '\\x00', 'expires_at', now() + interval '20 hours')`,
    ],
    ['of the same shape', `jsonb_build_object('id', gen_random_uuid(), 'expires_at', now() + interval '20 hours')`],
  ])('hide no standing approval, nor keep it from being used and ended: %s', async (_, changes) => {
    const approval = await fresh();
    await approvals.decide(approval.id, steward('ana'), standing);
    await crowd('standing_approval', 'true', 300, changes);
    const [listed] = (await approvals.listStanding()).standing;
    expect(listed).toMatchObject({ approval_id: approval.id });
    expect(await approvals.standing(question(approval))).toMatchObject({ id: listed?.id });
    const sought = { ...question(approval), same: 'another' };
    const used = await approvals.useStanding(listed?.id ?? '', sought, timeOrderedId(), () => Promise.resolve());
    expect(used).toBe(true);
    await approvals.revoke(listed?.id ?? '', steward('ana'), 'console');
    expect(await approvals.listStanding()).toEqual({ standing: [], next: undefined });
    // Each look tells of some, and that there are more.
    expect(told.length).toBeGreaterThan(5);
    expect(told.length).toBeLessThan(50);
  });

  it('that are more than anybody reads are told of', async () => {
    const approval = await fresh();
    await approvals.decide(approval.id, steward('ana'), standing);
    await crowd(
      'standing_approval',
      'true',
      11_000,
      `jsonb_build_object('id', gen_random_uuid(), 'expires_at', now() + interval '20 hours')`,
      admin,
    );
    expect(await approvals.standing(question(approval))).toBeUndefined();
    expect(told).toContainEqual(expect.stringContaining('What may lie behind them is not seen'));
  });

  it('keep no expiry from being written down', async () => {
    const due = await fresh({ withinMs: 1 });
    await crowd('approval', 'true', 40, `${OTHER_APPROVAL} || '{"state": "pending", "expires_at": "2020-01-01"}'`);
    expect(await approvals.expireDue()).toBe(1);
    const { rows } = await admin.query('SELECT state FROM approval WHERE id = $1', [due.id]);
    expect(rows).toEqual([{ state: 'expired' }]);
  });

  it('count against nobody, and are counted nowhere', async () => {
    const bounds = { open: 3, perHour: 5 };
    await fresh({ bounds });
    await crowd('approval', 'true', 100, OTHER_APPROVAL);
    expect(await approvals.count('pending')).toMatchObject({ count: 1, isMore: false });
    expect(await approvals.count(undefined)).toMatchObject({ count: 1, isMore: false });
    expect((await approvals.list({ limit: 1 })).approvals).toHaveLength(1);
    for (const _ of [2, 3]) expect(await ask({ bounds })).not.toBeInstanceOf(TooManyApprovals);
    expect(await ask({ bounds })).toEqual(new TooManyApprovals(60));
    // Over for all that rows say, and asked within the hour.
    for (const { id } of (await approvals.list()).approvals) await approvals.withdraw(id, undefined);
    for (const _ of [4, 5]) expect(await ask({ bounds })).not.toBeInstanceOf(TooManyApprovals);
    const refused = await ask({ bounds });
    expect(refused).toBeInstanceOf(TooManyApprovals);
    if (refused instanceof TooManyApprovals) expect(refused.retryAfterSeconds).toBeGreaterThan(3000);
  });

  it('take no page of the list, however long they are', async () => {
    const asked = [(await fresh()).id, (await fresh()).id];
    await crowd(
      'approval',
      `id = '${asked[1]}'`,
      9,
      `${OTHER_APPROVAL} || jsonb_build_object('asked_at', now() + interval '1 minute', 'sealed', '\\x' || repeat('00', 500000))`,
      admin,
    );
    const page = await approvals.list({ limit: 2 });
    expect(page.approvals.map(({ id }) => id)).toEqual([...asked].reverse());
  });

  it('keep no reviewer from saying no, or yes for a while', async () => {
    for (const word of [no, standing]) {
      const given = await fresh();
      await approvals.decide(given.id, steward('ana'), standing);
      const approval = await fresh();
      const of = `jsonb_build_object('approval_id', '${approval.id}'`;
      await crowd('approval_decision', `approval_id = '${given.id}'`, 1, `${of})`);
      await crowd('standing_approval', `approval_id = '${given.id}'`, 1, `${of}, 'id', gen_random_uuid())`);
      const after = await approvals.decide(approval.id, steward('ana'), word);
      expect(after).toMatchObject({ state: word === no ? 'denied' : 'approved' });
      expect(after.decisions.map(({ decision }) => decision)).toEqual([word.decision]);
      await expect(approvals.decide(approval.id, steward('ana'), yes)).rejects.toThrow('not pending');
      const inForce = (await approvals.listStanding()).standing.filter(({ approval_id: by }) => by === approval.id);
      expect(inForce).toHaveLength(word === no ? 0 : 1);
    }
  });

  it('sign nobody out', async () => {
    const people = new People({
      pool: store.pool,
      rows: store.rows,
      lifetimeMs: 3_600_000,
      idleMs: 600_000,
      roles: { reviewer: [], auditor: [], administrator: [] },
      record: (kind, body) => store.recorder.append({ kind, sessionId: undefined, statementId: undefined, body }),
      secret: Buffer.alloc(32, 1),
    });
    const ana = { issuer: ISSUER, subject: 'ana', name: 'Ana', groups: [], claims: {} };
    const token = await people.open(ana);
    await crowd(
      'person_session',
      'true',
      60,
      `jsonb_build_object('id', gen_random_uuid(), 'token', '\\x' || lpad(to_hex(g), 8, '0'), 'former', t.token,
        'former_until', now() + interval '1 hour', 'opened_at', now() + interval '1 hour')`,
    );
    const second = await people.open(ana);
    expect((await people.find(token))?.who.person.subject).toBe('ana');
    expect((await people.find(second))?.who.person.subject).toBe('ana');
  });
});

describe('a row that is put back as it was, HMAC and all', () => {
  const rowOf = async (id: string) =>
    (await store.pool.query<{ row: string }>('SELECT to_jsonb(t)::text AS row FROM approval t WHERE id = $1', [id]))
      .rows[0]?.row;
  const putBack = (row: string | undefined) =>
    store.pool.query(
      `UPDATE approval t SET state = r.state, changed_at = r.changed_at, mac = r.mac FROM jsonb_populate_record(NULL::approval, $1::jsonb) r WHERE t.id = r.id`,
      [row],
    );
  /** As if its events were of some time ago. */
  const age = ({ statement_id: statement }: Approval) =>
    admin.query(`UPDATE event SET at = at - interval '2 minutes' WHERE statement_id = $1`, [statement]);
  const breaks = async () => (await approvalBreaks(admin, store.rows)).filter((what) => what.includes('is shown as'));
  type End = (id: string, of: Approvals) => Promise<unknown>;
  const ENDS: readonly (readonly [string, End])[] = [
    ['denied', (id, of) => of.decide(id, steward('ana'), no)],
    ['withdrawn', (id, of) => of.withdraw(id, undefined)],
    ['expired', (id, of) => of.outdate(id)],
  ];

  it.each(ENDS)('after it was %s, is shown and decided by nobody', async (state, end) => {
    // By this process; or by another, and some time ago.
    for (const by of [approvals, new Approvals(other)]) {
      told.length = 0;
      const approval = await fresh();
      const { id } = approval;
      const before = await rowOf(id);
      await end(id, by);
      if (by !== approvals) await age(approval);
      await putBack(before);
      expect(await approvals.get(id)).toMatchObject({ state });
      expect((await approvals.list({ state: 'pending' })).approvals.map((one) => one.id)).not.toContain(id);
      expect((await approvals.list()).approvals[0]).toMatchObject({ id, state });
      expect(await approvals.count('pending')).toMatchObject({ count: 0, isMore: false });
      if (by !== approvals) expect(await breaks()).toEqual([expect.stringContaining(`is shown as pending`)]);
      await expect(approvals.decide(id, steward('dora'), yes)).rejects.toThrow('not pending');
      expect(told).toEqual([expect.stringContaining(`was put back as it was before: the record says ${state}`)]);
      expect(await approvals.withdraw(id, undefined)).toBe(false);
      // Its row says so again.
      expect(JSON.parse((await rowOf(id)) ?? '{}')).toMatchObject({ state });
      expect(await breaks()).toEqual([]);
      expect(told).toHaveLength(1);
    }
  });

  it('is none that somebody waits for: the statement is asked for anew', async () => {
    const approval = await fresh();
    const before = await rowOf(approval.id);
    await approvals.decide(approval.id, steward('ana'), no);
    await putBack(before);
    count--;
    const again = await ask();
    if (again instanceof TooManyApprovals) throw new Error('too many');
    expect(again.approval.id).not.toBe(approval.id);
    expect(again).toMatchObject({ isNew: true, approval: { state: 'pending' } });
    expect(await approvals.get(approval.id)).toMatchObject({ state: 'denied' });
  });

  it('is mended and told of where nobody asks for it, too, but for what a gateway left that died', async () => {
    const watching = new Approvals(other);
    const left = await fresh();
    const before = await rowOf(left.id);
    await approvals.decide(left.id, steward('ana'), no);
    await age(left);
    await putBack(before);
    // Whoever begins finds what was left since the last one ended.
    await watching.expireDue();
    expect(JSON.parse((await rowOf(left.id)) ?? '{}')).toMatchObject({ state: 'denied' });
    expect(told).toEqual([]);
    await putBack(before);
    await watching.expireDue();
    expect(JSON.parse((await rowOf(left.id)) ?? '{}')).toMatchObject({ state: 'denied' });
    expect(told).toEqual([expect.stringContaining('the record says denied')]);
    // Of this moment: its gateway may have died between the two.
    told.length = 0;
    const young = await fresh();
    const was = await rowOf(young.id);
    await approvals.decide(young.id, steward('ana'), yes);
    await putBack(was);
    expect(await breaks()).toEqual([]);
    await watching.expireDue();
    expect(JSON.parse((await rowOf(young.id)) ?? '{}')).toMatchObject({ state: 'approved' });
    expect(told).toEqual([]);
    expect(await watching.use(young.id, () => Promise.resolve())).toBe(true);
  });

  it('is shown as given back by a release that is signed, and by no other', async () => {
    const approval = await fresh();
    const { id, statement_id: statementId } = approval;
    await approvals.decide(id, steward('ana'), yes);
    const given = await rowOf(id);
    const append = (kind: 'approval_used' | 'approval_released', body: object) =>
      store.recorder.append({
        kind,
        sessionId: session,
        statementId,
        body: { approval: id, ...body },
        runs: kind === 'approval_used' ? 'begins' : 'pauses',
      });
    expect(await approvals.use(id, () => append('approval_used', {}).then(() => undefined))).toBe(true);
    await append('approval_released', {
      binding: approval.binding,
      released: new Date().toISOString(),
      signature: 'AAAA',
    });
    await putBack(given);
    expect(await approvals.get(id)).toMatchObject({ state: 'used' });
    expect(await approvals.use(id, () => Promise.resolve())).toBe(false);
  });
});
