/** Whatever rows say of a statement, it is settled, and its approval given back, by what the record says of it. */
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Approval } from '../../dist/approval/index.js';
import { signed } from '../../dist/approval/values/words.js';
import { timeOrderedId } from '../../dist/transcript/index.js';
import type { HistoryEntry } from '../../dist/warehouse/index.js';
import { approving, startApprovals, steward, YES } from '../support/store/approvals.js';
import { actor, client, completed, refused } from '../transcript/fill.mjs';

const agent = { ...actor('pipeline-bot'), claims: {} };
const carl = steward('carl');
const SILENT_MS = 60_000;

const told: string[] = [];

const own = await startApprovals((problem) => void told.push(problem), 1);
const { store, approvals, admin, end } = own;
const session = await store.sessions.find(agent, client, undefined);
afterAll(end);
beforeEach(async () => {
  told.length = 0;
  await admin.query('DELETE FROM running');
});

const { tell, use, kindsOf, settled, ...made } = approving(own, () => session);
const asked = () => made.asked({ actor: agent });
const used = () => made.used({ actor: agent });

/** What somebody says who holds the store, as superuser: that it runs, of a process that is dead, since long ago. */
async function lie(approval: Approval): Promise<void> {
  const dead = timeOrderedId();
  await admin.query('INSERT INTO writer (id, settled_at) VALUES ($1, now())', [dead]);
  await admin.query(
    `INSERT INTO running (statement_id, session_id, writer, since) VALUES ($1, $2, $3, now() - interval '10 minutes')
     ON CONFLICT (statement_id) DO UPDATE SET writer = excluded.writer, since = excluded.since`,
    [approval.statement_id, session, dead],
  );
}

describe('a statement that rows call lost', () => {
  type Then = (approval: Approval) => Promise<unknown>;
  const OVER: readonly (readonly [string, () => Promise<Approval>, Then])[] = [
    ['has completed', used, ({ statement_id: id }) => store.recorder.append(completed(session, id))],
    ['has failed', used, (one) => tell(one, 'statement_failed', { code: '1' })],
    ['was cancelled', used, (one) => tell(one, 'statement_cancelled')],
    ['was refused', used, ({ statement_id: id }) => store.recorder.append(refused(session, id))],
    ['was settled', used, (one) => tell(one, 'statement_settled', { state: 'unknown' })],
    ['waits', asked, () => Promise.resolve()],
    ['may run and does not', asked, ({ id }) => approvals.decide(id, carl, YES)],
    ['was turned down', asked, ({ id }) => approvals.decide(id, carl, { ...YES, decision: 'deny' })],
    ['was withdrawn', asked, ({ id }) => approvals.withdraw(id, undefined)],
    ['is outdated', asked, ({ id }) => approvals.outdate(id)],
  ];

  it.each(OVER)(
    'and that %s, stays as it is: nothing is given back or settled, and it is told of',
    async (_, made, then) => {
      const approval = await made();
      await then(approval);
      const before = { kinds: await kindsOf(approval), state: (await approvals.get(approval.id))?.state };
      await lie(approval);
      for (const age of [0, 60_000, 7_200_000]) expect(await settled(age)).toBe(0);
      expect({ kinds: await kindsOf(approval), state: (await approvals.get(approval.id))?.state }).toEqual(before);
      expect(told).toEqual([expect.stringContaining(`The statement ${approval.statement_id} passes for running`)]);
    },
  );

  it('is given back once it is as old, by its event, as a process has to be silent', async () => {
    const approval = await used();
    await lie(approval);
    expect(await settled(SILENT_MS - 10_000)).toBe(0);
    expect(await kindsOf(approval)).not.toContain('approval_released');
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect((await kindsOf(approval)).slice(-2)).toEqual(['approval_used', 'approval_released']);
    expect(told).toEqual([]);
    // And runs once after all.
    expect(await use(approval)).toBe(true);
    await store.recorder.append(completed(session, approval.statement_id));
    await lie(approval);
    expect(await settled(SILENT_MS + 10_000)).toBe(0);
    expect(await use(approval)).toBe(false);
  });

  it('that was sent, as the record says, has not "never left" because a history lacks it', async () => {
    const approval = await used();
    await tell(approval, 'statement_sent', { query_id: 'q' });
    await lie(approval);
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect((await kindsOf(approval)).slice(-2)).toEqual(['statement_sent', 'statement_settled']);
    expect(await approvals.get(approval.id)).toMatchObject({ state: 'used' });
  });

  it('is not given back for a use that began meanwhile, nor after an outcome that came meanwhile', async () => {
    for (const end of ['statement_completed', 'approval_used'] as const) {
      const approval = await used();
      const events = await store.reader.events(session);
      const position = events.findLast(({ kind }) => kind === 'approval_used')?.position;
      await tell(approval, end, { approval: approval.id });
      const lost = { use: String(position), isTakenBack: true };
      expect(await approvals.release(approval.statement_id, lost)).toBe('taken');
      expect(await approvals.get(approval.id)).toMatchObject({ state: 'used' });
    }
  });

  it('does not run where the record no longer knows of this use', async () => {
    const approval = await used();
    expect(await approvals.isStillUsed(approval, 'u')).toBe(true);
    expect(await approvals.isStillUsed(approval, 'v')).toBe(false);
    await lie(approval);
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect(await approvals.isStillUsed(approval, 'u')).toBe(false);
  });

  const lastUse = async (): Promise<string> =>
    String((await store.reader.events(session)).findLast(({ kind }) => kind === 'approval_used')?.position);
  /** As the gateway says it, right before the statement leaves. */
  const says = (approval: Approval, more: object = {}) => tell(approval, 'statement_sent', { use: 'u', ...more });

  it('is not given back once the record says that it leaves, nor does it leave once it is given back', async () => {
    const left = await used();
    expect(await approvals.leaves(left, 'v', () => Promise.reject(new Error('asked')))).toBe(false);
    expect(await approvals.leaves(left, 'u', () => says(left).then(() => undefined))).toBe(true);
    expect(await approvals.release(left.statement_id, { use: await lastUse(), isTakenBack: false })).toBe('taken');
    await lie(left);
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect((await kindsOf(left)).slice(-2)).toEqual(['statement_sent', 'statement_settled']);
    const given = await used();
    expect(await approvals.release(given.statement_id, { use: await lastUse(), isTakenBack: false })).toBe('released');
    expect(await approvals.leaves(given, 'u', () => Promise.reject(new Error('asked')))).toBe(false);
    expect(told).toEqual([]);
  });

  it('is told by the order of both words, also where no lock kept them apart', async () => {
    // The word that it leaves comes while the other is being written.
    const first = await used();
    const append = store.recorder.append.bind(store.recorder);
    const spy = vi.spyOn(store.recorder, 'append').mockImplementation(async (event, count) => {
      if (event.kind === 'approval_released') {
        spy.mockRestore();
        await says(first);
      }
      return append(event, count);
    });
    expect(await approvals.release(first.statement_id, { use: await lastUse(), isTakenBack: false })).toBe('taken');
    expect((await kindsOf(first)).slice(-2)).toEqual(['statement_sent', 'approval_released']);
    expect(await approvals.isStillUsed(first, 'u')).toBe(true);
    expect(await use(first)).toBe(false);
    expect((await approvals.get(first.id))?.state).toBe('used');
    // And the other way round.
    const second = await used();
    const { id, binding } = second;
    const release = { approval: id, binding, released: 'now', use: await lastUse(), found: 'never left' as const };
    const say = async (): Promise<void> => {
      await tell(second, 'approval_released', { ...release, signature: signed(release, store.keys) }, 'pauses');
      await says(second);
    };
    expect(await approvals.leaves(second, 'u', say)).toBe(false);
    // Nothing left, so that it can be used.
    expect(await use(second)).toBe(true);
    expect(told).toEqual([]);
  });

  it('whose COMMIT is on its way is given back only where that can not go through any more', async () => {
    const approval = await used();
    const entry = (step: string | undefined, second: number, use = 'u') =>
      ({
        queryId: `q${second}`,
        tag: JSON.stringify({ app: 'snowfence', statement: approval.statement_id, step, use }),
        state: 'ok',
        startedAt: new Date(Date.now() + second * 1000),
      }) as HistoryEntry;
    // Rolled back for certain, under the use before; this one is open.
    const before = [entry('rollback', 3, 'before'), entry(undefined, 2, 'before'), entry('begin', 1, 'before')];
    const open = [entry(undefined, 6), entry('begin', 5), ...before];
    expect(await approvals.leaves(approval, 'u', () => says(approval, { step: 'commit' }).then(() => undefined))).toBe(
      true,
    );
    await lie(approval);
    expect(await settled(SILENT_MS + 700_000, open)).toBe(1);
    expect((await kindsOf(approval)).at(-1)).toBe('statement_settled');
    const body = (await store.reader.events(session)).findLast(({ kind }) => kind === 'statement_settled')?.body;
    // Whoever settles it says who let it run, as its gateway would have.
    const about = { approval: { id: approval.id, reviewers: [expect.stringMatching(/ carl$/)] } };
    expect(body).toMatchObject({ state: 'unknown', found: true, about });
    expect(await use(approval)).toBe(false);
    // A ROLLBACK that is behind the change tells for certain.
    const other = await used();
    await approvals.leaves(other, 'u', () => says(other, { step: 'commit' }).then(() => undefined));
    const lost = { use: await lastUse(), isTakenBack: true };
    expect(await approvals.release(other.statement_id, lost)).toBe('taken');
    expect(await approvals.release(other.statement_id, { ...lost, isSure: true })).toBe('released');
  });

  it('waits for as long as it may wait for a connection', async () => {
    const approval = await used();
    await lie(approval);
    expect(await settled(SILENT_MS + 10_000, [], { waitMs: 20_000 })).toBe(0);
    expect(await settled(SILENT_MS + 30_000, [], { waitMs: 20_000 })).toBe(1);
    expect(await kindsOf(approval)).toContain('approval_released');
  });

  it('is not heard of, once others took its gateway for dead under the name that it was begun with', async () => {
    const [one, two] = [await used(), await used()];
    const { recorder } = store;
    await recorder.heartbeat();
    expect(recorder.isHeard(one.statement_id, 60_000)).toBe(true);
    expect(recorder.isHeard(one.statement_id, -1)).toBe(false);
    expect(recorder.isHeard(timeOrderedId(), 60_000)).toBe(false);
    await admin.query('UPDATE writer SET settled_at = now() WHERE settled_at IS NULL');
    await recorder.heartbeat();
    expect(recorder.isHeard(one.statement_id, 60_000)).toBe(false);
    const three = await used();
    expect(recorder.isHeard(three.statement_id, 60_000)).toBe(true);
    await recorder.heartbeat();
    expect(recorder.isHeard(three.statement_id, 60_000)).toBe(true);
    // Without a heartbeat: whoever writes hears of it.
    await admin.query('UPDATE writer SET settled_at = now() WHERE settled_at IS NULL');
    await tell(three, 'estimate_asked');
    expect([two, three].map(({ statement_id: id }) => recorder.isHeard(id, 60_000))).toEqual([false, false]);
  });

  it('keeps nobody else from being settled, however many there are', async () => {
    const lost = await used();
    await lie(lost);
    const dead = timeOrderedId();
    await admin.query('INSERT INTO writer (id, settled_at) VALUES ($1, now())', [dead]);
    await admin.query(
      `INSERT INTO running SELECT gen_random_uuid(), $1, $2, now() - interval '20 minutes' FROM generate_series(1, 450)`,
      [session, dead],
    );
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect(await kindsOf(lost)).toContain('approval_released');
  });
});

describe('an approval', () => {
  it('that was withdrawn or is over is not used again by a release, signed though it is', async () => {
    for (const over of ['approval_withdrawn', 'approval_expired', 'statement_completed'] as const) {
      const approval = await used();
      const { rows } = await admin.query('SELECT state, changed_at, mac FROM approval WHERE id = $1', [approval.id]);
      await tell(approval, over, { approval: approval.id });
      const position = (await store.reader.events(session)).findLast(({ kind }) => kind === 'approval_used')?.position;
      await approvals.release(approval.statement_id, { use: String(position), isTakenBack: true });
      expect(rows).toHaveLength(1);
      expect(await use(approval)).toBe(false);
    }
  });
});

describe('append()', () => {
  const BEGINS = (statement: string) => JSON.stringify([{ statement_id: statement, session_id: session }]);
  const OUTCOME = (statement: string) =>
    JSON.stringify([{ id: statement, at: new Date(), state: 'ok', rows: 1, bytes: 1, duration_ms: 1, query_id: 'q' }]);
  const ROW = (statement: string) =>
    JSON.stringify([
      {
        id: statement,
        at: new Date(),
        session_id: session,
        kind: 'select',
        verdict: 'allowed',
        text: 'SELECT 1',
        terms: '',
      },
    ]);
  let count = 0;
  const append = (statement: string, kind: string | undefined, rows: Record<number, string | null>) =>
    store.pool.query('SELECT append($1, NULL, $2, $3, $4, $5, $6, $7, NULL)', [
      store.recorder.writerOf(session),
      kind === undefined ? [] : [session],
      kind === undefined
        ? null
        : JSON.stringify([
            {
              s: session,
              at: new Date().toISOString(),
              n: 9_000_000 + ++count,
              st: statement,
              k: kind,
              body: {},
              sig: null,
            },
          ]),
      ...[4, 5, 6, 7].map((place) => rows[place] ?? null),
    ]);

  it('takes nothing about a statement without an event that it follows from', async () => {
    const { statement_id: lost } = await used();
    const other = timeOrderedId();
    const ends = JSON.stringify([{ id: lost }]);
    const lies: [string, string | undefined, Record<number, string>][] = [
      [lost, undefined, { 6: BEGINS(lost) }],
      [lost, 'rows_fetched', { 6: BEGINS(lost) }],
      [other, 'approval_used', { 6: BEGINS(lost) }],
      [lost, 'statement_completed', { 6: BEGINS(lost) }],
      [lost, undefined, { 7: ends }],
      [lost, 'rows_fetched', { 7: ends }],
      [other, 'statement_settled', { 7: ends }],
      [lost, undefined, { 5: OUTCOME(lost) }],
      [lost, 'estimate_asked', { 5: OUTCOME(lost) }],
      [other, 'statement_completed', { 5: OUTCOME(lost) }],
      [other, undefined, { 4: ROW(other) }],
      [other, 'statement_completed', { 4: ROW(other) }],
    ];
    for (const [statement, kind, rows] of lies)
      await expect(append(statement, kind, rows)).rejects.toMatchObject({ code: 'SF005' });
    expect((await admin.query('SELECT FROM running WHERE statement_id = $1', [lost])).rowCount).toBe(1);
    expect((await admin.query('SELECT FROM outcome WHERE id = ANY($1)', [[lost, other]])).rowCount).toBe(0);
    expect((await admin.query('SELECT FROM statement WHERE id = $1', [other])).rowCount).toBe(0);
  });

  it('gives a statement one outcome, whatever the caller says of what has run', async () => {
    const { statement_id: statement } = await used();
    await store.recorder.append(completed(session, statement));
    const ends = JSON.stringify([{ id: statement, has_run: false }]);
    await expect(append(statement, 'statement_completed', { 7: ends })).rejects.toMatchObject({ code: 'SF003' });
  });
});
