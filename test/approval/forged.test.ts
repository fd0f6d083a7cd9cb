/** Whoever holds the database is no reviewer: rows and events that snowfence did not write let nothing run. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Approval, TooManyApprovals } from '../../dist/approval/index.js';
import { People } from '../../dist/console/people/people.js';
import { timeOrderedId } from '../../dist/transcript/index.js';
import { approvalBreaks, questionOf, startApprovals } from '../support/store/approvals.js';
import { actor, client, putIn, submitted } from '../transcript/fill.mjs';

const ISSUER = 'https://issuer.example';
const agent = { ...actor('pipeline-bot'), claims: {} };
const person = (subject: string, groups: readonly string[] = ['stewards']) => ({
  issuer: ISSUER,
  subject,
  groups,
  claims: { email: `${subject}@example.com` },
});
const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'console' } as const;
const no = { ...yes, decision: 'deny' } as const;

const told: string[] = [];

const { store, approvals, admin, end } = await startApprovals((problem) => void told.push(problem));
const session = await store.sessions.find(agent, client, undefined);
afterAll(end);
beforeEach(() => {
  told.length = 0;
});

let count = 0;
const fresh = async (needed = 1): Promise<Approval> => {
  count++;
  const sql = `DELETE FROM T WHERE ID = ${count}`;
  const statementId = timeOrderedId();
  await store.recorder.append(submitted(session, statementId));
  const asked = await approvals.ask(
    questionOf(session, statementId, sql, {
      actor: agent,
      requirements: [{ issuers: [ISSUER], groups: ['stewards'], count: needed, rule: 'p.yaml:1' }],
      withinMs: 60_000,
    }),
  );
  if (asked instanceof TooManyApprovals) throw new Error('too many');
  return asked.approval;
};
/** As the gateway writes it down when a statement begins. */
const beginning =
  ({ id, statement_id: statementId }: Approval) =>
  async (): Promise<void> => {
    const body = { approval: id };
    await store.recorder.append({ kind: 'approval_used', sessionId: session, statementId, body, runs: 'begins' });
  };
const use = (id: string): Promise<boolean> => approvals.use(id, () => Promise.resolve());
/** Puts an event into the record as anybody can who may call append(): without our signature. */
const forge = (approval: Approval, kind: string, body: object): Promise<unknown> =>
  putIn(store.pool, store.recorder.writerOf(session), session, [
    { n: 1_000_000 + count++, st: approval.statement_id, k: kind, body: { approval: approval.id, ...body } },
  ]);
const rowOf = async (id: string) => (await admin.query('SELECT * FROM approval WHERE id = $1', [id])).rows[0];
/** A row as it was, HMAC and all. */
const putBack = (row: { id: string; state: string; changed_at: Date; mac: Buffer }) =>
  admin.query('UPDATE approval SET state = $2, changed_at = $3, mac = $4 WHERE id = $1', [
    row.id,
    row.state,
    row.changed_at.toISOString(),
    row.mac,
  ]);

describe('an approval', () => {
  it('that an UPDATE makes is none, and is told of', async () => {
    const { id } = await fresh();
    await store.pool.query(`UPDATE approval SET state = 'approved' WHERE id = $1`, [id]);
    expect(await approvals.get(id)).toBeUndefined();
    expect(await use(id)).toBe(false);
    expect((await approvals.list()).approvals.map((entry) => entry.id)).not.toContain(id);
    expect(told).toEqual([expect.stringContaining(`The row ${id} of approval was not written by snowfence`)]);
  });

  it.each([
    ['subject', `'sales-bot'`],
    ['requirements', `'[{"groups": ["others"], "count": 1, "rule": "p.yaml:1"}]'`],
    ['persons', `'{}'`],
    ['expires_at', `now() + interval '1 year'`],
    ['policy_version', `'v2'`],
    ['about', `'{}'`],
    ['sealed', `'\\x00'`],
    ['binding', `'\\x00'`],
    ['fits', `'\\xbb'`],
    ['mac', `'\\x00'`],
  ])('with another %s is none', async (column, value) => {
    const { id } = await fresh();
    await approvals.decide(id, person('carl'), yes);
    await admin.query(`UPDATE approval SET ${column} = ${value} WHERE id = $1`, [id]);
    expect(await approvals.get(id)).toBeUndefined();
    expect(await use(id)).toBe(false);
    expect(told).toHaveLength(1);
  });

  it('is used once, also where its row is put back as it was, HMAC and all', async () => {
    const approval = await fresh();
    const { id } = approval;
    await approvals.decide(id, person('carl'), yes);
    const before = await rowOf(id);
    const begin = beginning(approval);
    expect(await approvals.use(id, begin)).toBe(true);
    await putBack(before);
    expect(await approvals.get(id)).toMatchObject({ state: 'used' });
    expect(await use(id)).toBe(false);
    expect(told).toEqual([expect.stringContaining('was put back as it was before: the record says used')]);
  });

  it('needs words that are signed: one in the record alone is none', async () => {
    const approval = await fresh();
    const other = await fresh();
    await approvals.decide(other.id, person('carl'), yes);
    const [said] = (await store.reader.events(session)).filter(
      ({ kind, statement }) => kind === 'approval_decided' && statement === other.statement_id,
    );
    // Of another approval, word for word; and with the names of this one.
    await forge(approval, 'approval_decided', { ...said?.body });
    await forge(approval, 'approval_decided', { ...said?.body, approval: approval.id, binding: approval.binding });
    await forge(approval, 'approval_decided', {
      decision: 'approve',
      reviewer: 'carl',
      issuer: ISSUER,
      groups: ['stewards'],
    });
    // Two were needed and one has said so: the forged ones make no second.
    const two = await fresh(2);
    await approvals.decide(two.id, person('carl'), yes);
    await forge(two, 'approval_decided', { ...said?.body, approval: two.id, binding: two.binding, reviewer: 'dora' });
    expect(await approvals.decide(two.id, person('carl'), yes).catch((error: Error) => error.message)).toBe(
      'decided before',
    );
    expect(await approvals.get(two.id)).toMatchObject({ state: 'pending' });
    expect(await use(approval.id)).toBe(false);
    expect(await use(two.id)).toBe(false);
  });

  it('is not given back by an event that nobody signed', async () => {
    const approval = await fresh();
    const { id } = approval;
    await approvals.decide(id, person('carl'), yes);
    const before = await rowOf(id);
    await approvals.use(id, beginning(approval));
    await forge(approval, 'approval_released', {
      binding: approval.binding,
      released: new Date().toISOString(),
      signature: 'AAAA',
    });
    await putBack(before);
    expect(await use(id)).toBe(false);
  });

  it('is given back once by one release, also where that is written again, signature and all', async () => {
    const approval = await fresh();
    const { id, statement_id: statementId } = approval;
    await approvals.decide(id, person('carl'), yes);
    const begin = beginning(approval);
    expect(await approvals.use(id, begin)).toBe(true);
    const last = (await store.reader.events(session)).findLast(({ kind }) => kind === 'approval_used');
    expect(await approvals.release(statementId, { use: String(last?.position), isTakenBack: false })).toBe('released');
    const before = await rowOf(id);
    const released = (await store.reader.events(session)).find(
      ({ kind, statement }) => kind === 'approval_released' && statement === statementId,
    );
    expect(await approvals.use(id, begin)).toBe(true);
    await forge(approval, 'approval_released', { ...released?.body });
    await putBack(before);
    expect(await approvals.get(id)).toMatchObject({ state: 'used' });
    expect(await use(id)).toBe(false);
  });

  it('stays denied, whoever puts its row back as it was', async () => {
    const { id } = await fresh();
    const before = await rowOf(id);
    await approvals.decide(id, person('carl'), no);
    await putBack(before);
    await admin.query('DELETE FROM approval_decision WHERE approval_id = $1', [id]);
    await expect(approvals.decide(id, person('dora'), yes)).rejects.toThrow('not pending');
    expect(await use(id)).toBe(false);
  });

  it('is asked anew where a row that is none of ours keeps its place', async () => {
    const { id } = await fresh();
    await admin.query(`UPDATE approval SET expires_at = now() + interval '1 year' WHERE id = $1`, [id]);
    count--;
    const again = await fresh();
    expect(again.id).not.toBe(id);
    expect(again.state).toBe('pending');
  });

  it('shows no decision that was put in or moved', async () => {
    const [one, two] = [await fresh(2), await fresh(2)];
    await approvals.decide(one.id, person('carl'), yes);
    await admin.query('UPDATE approval_decision SET approval_id = $2 WHERE approval_id = $1', [one.id, two.id]);
    await admin.query(
      `INSERT INTO approval_decision (approval_id, reviewer, issuer, persons, decision, groups, mac) VALUES ($1, $2, 'x', '{}', 'approve', '{stewards}', '\\x00')`,
      [two.id, `${ISSUER} dora`],
    );
    expect((await approvals.get(one.id))?.decisions).toEqual([]);
    expect((await approvals.get(two.id))?.decisions).toEqual([]);
    expect(told).toHaveLength(2);
  });
});

describe('verify', () => {
  /** Breaks that are there after a change which is taken back again; by whoever has no key. */
  const breaksAfter = (change: string) => approvalBreaks(admin, undefined, change);
  let id: string;
  let pendingId: string;

  beforeAll(async () => {
    // What the tests before this one have forged is out of the way.
    await admin.query('TRUNCATE standing_approval, approval_decision, approval CASCADE');
    await admin.query(`UPDATE event SET kind = 'record_viewed' WHERE kind LIKE 'approval%'`);
    const given = await fresh();
    id = given.id;
    await recordAsked(given);
    await approvals.decide(id, person('carl'), { ...yes, standingMs: 60_000 });
    const pending = await fresh(2);
    pendingId = pending.id;
    await recordAsked(pending);
    await approvals.decide(pendingId, person('carl'), yes);
  });
  const recordAsked = (approval: Approval) =>
    store.recorder.append({
      kind: 'approval_asked',
      sessionId: session,
      statementId: approval.statement_id,
      body: { approval: approval.id, binding: approval.binding },
    });

  it('finds nothing where nothing was done', async () => {
    expect(await breaksAfter('SELECT 1')).toEqual([]);
  });

  it.each([
    [`UPDATE approval SET state = 'used' WHERE state = 'approved'`, 'is shown as used'],
    [`UPDATE approval SET state = 'approved' WHERE state = 'pending'`, 'is shown as approved'],
    [`UPDATE approval SET binding = '\\x00'`, 'is not the one that its event asked for'],
    [`DELETE FROM standing_approval; DELETE FROM approval_decision; DELETE FROM approval`, 'its row is gone'],
    [
      `UPDATE approval_decision SET decision = 'deny' WHERE approval_id IN (SELECT id FROM approval WHERE state = 'approved')`,
      'that nobody made',
    ],
    [`UPDATE approval_decision SET reviewer = 'https://issuer.example eve'`, 'that nobody made'],
    [
      `UPDATE approval_decision d SET approval_id = a.id FROM approval a WHERE a.id <> d.approval_id AND a.state = 'pending' AND d.standing_ms IS NOT NULL`,
      'is shown twice',
    ],
    [`UPDATE standing_approval SET uses = 3`, 'as used 3 times'],
    [`UPDATE standing_approval SET revoked_at = now()`, 'nobody ended it'],
    [
      `UPDATE standing_approval SET approval_id = (SELECT id FROM approval WHERE state = 'pending')`,
      'was given by nobody',
    ],
    [`UPDATE event SET kind = 'record_viewed' WHERE kind = 'approval_decided'`, 'that nobody made'],
  ])('finds %s', async (change, what) => {
    const breaks = await breaksAfter(change).catch((error: Error) => [error.message]);
    expect(breaks.join('\n').toLowerCase()).toContain(what.toLowerCase());
  });

  it('proves HMACs where it has the keys', async () => {
    const breaks = await approvalBreaks(
      admin,
      store.rows,
      "UPDATE approval SET expires_at = expires_at + interval '1 day'",
    );
    expect(breaks.sort()).toEqual([
      expect.stringContaining('of approval was not written by snowfence'),
      expect.stringContaining('of approval was not written by snowfence'),
    ]);
  });
});

describe('a person', () => {
  const groups = { reviewer: [{ issuers: [ISSUER], groups: ['stewards'] }], auditor: [], administrator: [] };
  const people = (): People =>
    new People({
      pool: store.pool,
      rows: store.rows,
      lifetimeMs: 3_600_000,
      idleMs: 600_000,
      roles: groups,
      record: (kind, body) => store.recorder.append({ kind, sessionId: undefined, statementId: undefined, body }),
      secret: new Uint8Array(32),
    });

  it('is not signed in by a row of whoever may write one', async () => {
    const token = await people().open({ issuer: ISSUER, subject: 'eve', name: 'Eve', groups: [], claims: {} });
    expect((await people().find(token))?.who.roles).toEqual([]);
    await store.pool.query(`UPDATE person_session SET groups = '{stewards}' WHERE subject = 'eve'`);
    expect(await people().find(token)).toBeUndefined();
    // A session of somebody else with a token of one's own.
    const own = await people().open({
      issuer: ISSUER,
      subject: 'carl',
      name: 'Carl',
      groups: ['stewards'],
      claims: {},
    });
    const mine = await people().open({ issuer: ISSUER, subject: 'mallory', name: 'M', groups: [], claims: {} });
    await store.pool
      .query(
        `UPDATE person_session c SET token = m.token FROM (DELETE FROM person_session WHERE subject = 'mallory' RETURNING token) m WHERE c.subject = 'carl'`,
      )
      .catch(() => undefined);
    await admin.query(`DELETE FROM person_session WHERE subject = 'mallory'`);
    expect((await people().find(mine))?.who.person.subject).toBeUndefined();
    expect((await people().find(own))?.who.person.subject).toBe('carl');
    expect(told).toHaveLength(1);
  });

  it('is not known by what the store holds of a token', async () => {
    const token = await people().open({ issuer: ISSUER, subject: 'dora', name: 'Dora', groups: [], claims: {} });
    const { rows } = await admin.query(`SELECT token FROM person_session WHERE subject = 'dora'`);
    const { createHash } = await import('node:crypto');
    expect(createHash('sha256').update(token).digest().equals(rows[0].token)).toBe(false);
  });
});
