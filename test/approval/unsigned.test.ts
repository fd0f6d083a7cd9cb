/** Whoever holds the password of the gateway's role appends what they like: nothing is given back, run or signed for that. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type Approval, Approvals } from '../../dist/approval/index.js';
import { newSealingKey, timeOrderedId } from '../../dist/transcript/index.js';
import { approving, startApprovals, steward, YES } from '../support/store/approvals.js';
import { openStore } from '../support/store/store.mjs';
import { actor, client, completed, putIn } from '../transcript/fill.mjs';

const [HERE, THERE] = ['https://issuer.example', 'https://other.example'];
const agent = { ...actor('pipeline-bot'), claims: {} };
const carl = steward('carl');
const SILENT_MS = 60_000;
const AGES = [0, SILENT_MS + 10_000, 7_200_000];

let session: string;
const told: string[] = [];

const own = await startApprovals((problem) => void told.push(problem), 1);
const { keys, postgres, store, approvals, admin, end } = own;
afterAll(end);
beforeEach(async () => {
  told.length = 0;
  await admin.query('DELETE FROM running');
  session = await store.sessions.find({ ...agent, tokenId: timeOrderedId() }, client, undefined);
});

const { tell, use, kindsOf, settled, ...made } = approving(own, () => session);
/** By so many people. */
const question = (people: number) => ({
  actor: agent,
  requirements: [{ issuers: [HERE, THERE], groups: ['stewards'], count: people, rule: 'p.yaml:1' }],
});
const asked = (people = 1) => made.asked(question(people));
const used = () => made.used(question(1));
const lastUse = async () => (await store.reader.events(session)).findLast(({ kind }) => kind === 'approval_used');

interface Put {
  readonly at: string;
  readonly n: number;
  readonly k: string;
  readonly body: object;
  readonly sig: string | null;
}

/** With the gateway's own password, and nothing else: events of a statement, by a process that never was or one that is there. */
async function append(approval: Approval, events: readonly Put[], writer = timeOrderedId()): Promise<void> {
  const { statement_id: st } = approval;
  const opened = {
    id: writer,
    opened_at: new Date(),
    actor: 'gateway',
    issuer: 'x',
    subject: 'x',
    client_id: 'x',
    groups: [],
    transport: 'x',
    client: {},
    key: writer,
    terms: [],
  };
  const isThere = await store.pool.query('SELECT FROM writer WHERE id = $1', [writer]);
  await store.pool.query('SELECT append($1, $2, $3, $4, NULL, NULL, $5, NULL, NULL)', [
    writer,
    isThere.rowCount === 0 ? JSON.stringify([opened]) : null,
    [session],
    JSON.stringify(events.map((event) => ({ s: session, st, ...event }))),
    JSON.stringify([{ statement_id: st, session_id: session }]),
  ]);
  await store.pool.query("UPDATE writer SET seen_at = now() - interval '1 hour' WHERE id = $1", [writer]);
}
const forgedUse = ({ id }: Approval, as: string): Put => ({
  at: new Date(Date.now() - 90_000).toISOString(),
  n: 0,
  k: 'approval_used',
  body: { approval: id, use: as },
  sig: null,
});

describe('an approval that was used and has ended', () => {
  it.each(['statement_completed', 'statement_failed', 'statement_settled'] as const)(
    'with %s is not given back for a use that nobody signed, however old that says it is',
    async (end) => {
      const approval = await used();
      if (end === 'statement_completed') await store.recorder.append(completed(session, approval.statement_id));
      else await tell(approval, end, { state: 'unknown' });
      const before = [...(await kindsOf(approval)), 'approval_used'];
      await append(approval, [forgedUse(approval, 'v')]);
      for (const age of AGES) expect(await settled(age)).toBe(0);
      expect(await kindsOf(approval)).toEqual(before);
      expect(await approvals.get(approval.id)).toMatchObject({ state: 'used' });
      expect(await approvals.release(approval.statement_id, { use: '5', isTakenBack: true })).toBe('taken');
      expect(await use(approval)).toBe(false);
      expect(told).toContainEqual(expect.stringContaining(`The statement ${approval.statement_id} passes for running`));
    },
  );

  it('is not given back for the very event of its use, put in a second time with its signature', async () => {
    const approval = await used();
    const event = await lastUse();
    await store.recorder.append(completed(session, approval.statement_id));
    const { writer = '', n = 0, at = '', body = {}, signature = null } = event ?? {};
    expect(signature).not.toBeNull();
    await append(approval, [{ at, n, k: 'approval_used', body, sig: signature }], writer);
    for (const age of AGES) expect(await settled(age)).toBe(0);
    const position = String((await lastUse())?.position);
    for (const isTakenBack of [false, true])
      expect(await approvals.release(approval.statement_id, { use: position, isTakenBack })).toBe('taken');
    expect(await kindsOf(approval)).not.toContain('approval_released');
    expect(await use(approval)).toBe(false);
  });
});

describe('an approval whose statement was sent', () => {
  it('has not "never left" for a use that somebody writes after that, nor for one of ours', async () => {
    for (const more of [
      (one: Approval) => append(one, [forgedUse(one, 'v')]),
      (one: Approval) => tell(one, 'approval_used', { approval: one.id, use: 'v' }, 'begins'),
    ]) {
      const approval = await used();
      await tell(approval, 'statement_sent', { query_id: 'q' });
      await more(approval);
      const position = String((await lastUse())?.position);
      expect(await approvals.release(approval.statement_id, { use: position, isTakenBack: false })).toBe('taken');
      await store.pool.query("UPDATE writer SET seen_at = now() - interval '1 hour'");
      await settled(SILENT_MS + 10_000);
      expect((await kindsOf(approval)).at(-1)).toBe('statement_settled');
      expect(await use(approval)).toBe(false);
    }
  });
});

describe('a use', () => {
  it('that was given back does not run because its event is written again', async () => {
    const approval = await used();
    const position = String((await lastUse())?.position);
    expect(await approvals.release(approval.statement_id, { use: position, isTakenBack: false })).toBe('released');
    expect(await use(approval, 'v')).toBe(true);
    await append(approval, [forgedUse(approval, 'u')]);
    expect(await approvals.isStillUsed(approval, 'u')).toBe(false);
    // The one that is under way goes on.
    expect(await approvals.isStillUsed(approval, 'v')).toBe(true);
  });

  it('that nobody signed ends an approval, and is nothing else', async () => {
    const approval = await asked();
    await approvals.decide(approval.id, carl, YES);
    await append(approval, [forgedUse(approval, 'v')]);
    expect(await use(approval)).toBe(false);
    expect(await approvals.isStillUsed(approval, 'v')).toBe(false);
    for (const age of AGES) expect(await settled(age)).toBe(0);
    expect(await kindsOf(approval)).not.toContain('approval_released');
  });

  it('of ours is proved also where its number was taken once more', async () => {
    const approval = await used();
    const { writer = '', n = 0 } = (await lastUse()) ?? {};
    const other = await asked();
    await append(other, [{ ...forgedUse(other, 'w'), n }], writer);
    await admin.query("UPDATE writer SET seen_at = now() - interval '1 hour'");
    expect(await settled(SILENT_MS + 10_000)).toBe(1);
    expect((await kindsOf(approval)).at(-1)).toBe('approval_released');
    expect(await kindsOf(other)).not.toContain('approval_released');
    expect(await use(approval, 'v')).toBe(true);
  });

  it('that is older than any history is not given back because a history lacks it', async () => {
    const approval = await used();
    await store.pool.query("UPDATE writer SET seen_at = now() - interval '1 hour'");
    expect(await settled(8 * 86_400_000)).toBe(1);
    expect((await kindsOf(approval)).at(-1)).toBe('statement_settled');
  });
});

describe('a session', () => {
  it('that no process of ours opened is closed by none of ours', async () => {
    const approval = await asked();
    const writer = timeOrderedId();
    await append(approval, [forgedUse(approval, 'v')], writer);
    await settled(0);
    expect((await admin.query('SELECT FROM event WHERE session_id = $1', [writer])).rowCount).toBe(0);
  });

  it('is not taken for quiet by an event that nobody signed, or that was signed before', async () => {
    const fetched = (n: number, at = new Date()) =>
      store.recorder.append({ kind: 'rows_fetched', sessionId: session, statementId: undefined, body: { n }, at });
    await fetched(1, new Date(Date.now() - 3_600_000));
    const old = (await store.reader.events(session)).at(-1);
    await fetched(2);
    const put = (event: object, writer: string) =>
      putIn(store.pool, writer, session, [{ k: 'rows_fetched', ...event }]);
    const { at, n, body, signature: sig, writer = '' } = old ?? {};
    await put({ at, n: 9_000_000, body, sig: null }, writer);
    expect(await store.sessions.closeQuiet()).toBe(0);
    await put({ at, n, body, sig }, writer);
    expect(await store.sessions.closeQuiet()).toBe(0);
    expect((await admin.query('SELECT is_open FROM chain WHERE session_id = $1', [session])).rows[0]?.is_open).toBe(
      true,
    );
    // As it is with one that is ours.
    await fetched(3, new Date(Date.now() - 3_600_000));
    expect(await store.sessions.closeQuiet()).toBe(1);
  });
});

describe('one person at two issuers', () => {
  const ana = (issuer: string, subject: string, address = 'ana@acme.com') => ({
    issuer,
    subject,
    groups: ['stewards'],
    claims: { email: address, email_verified: true },
  });

  it('counts once, also where the keys were rotated between both words', async () => {
    const { id } = await asked(2);
    expect(await approvals.decide(id, ana(HERE, 'ana'), YES)).toMatchObject({ state: 'pending' });
    let sealing = keys.sealing;
    for (let rotation = 0; rotation < 2; rotation++) {
      sealing = [newSealingKey(), ...sealing];
      const later = await openStore(postgres.url, {
        keys: { ...keys, sealing },
        onIntegrityProblem: (said) => told.push(said),
      });
      const there = new Approvals(later);
      for (const again of [ana(THERE, 'u-17'), ana(HERE, 'ana')])
        await expect(there.decide(id, again, YES)).rejects.toThrow('decided before');
      expect(await there.use(id, () => Promise.resolve())).toBe(false);
      if (rotation === 1) {
        expect(await there.decide(id, ana(THERE, 'u-18', 'ben@acme.com'), YES)).toMatchObject({ state: 'approved' });
      }
      await later[Symbol.asyncDispose]();
    }
  });
});
