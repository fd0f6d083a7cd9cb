/** What a principal does stands in a session of its own, whatever the store's rows say of whose a session is. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clientOf, sessionKey } from '../../../dist/transcript/form/projection.js';
import { type ClientInfo, type TranscriptStore, timeOrderedId } from '../../../dist/transcript/index.js';
import { checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, submitted } from '../fill.mjs';

const told: string[] = [];
const tell = (problem: string): void => void told.push(problem);

const { keys, store, another, admin, end } = await startStore({ onIntegrityProblem: tell });
const other = await another();
beforeAll(async () => {
  // The first lane has a name from its first event on, and agents' sessions may all fall on others.
  await store.recorder.append({
    kind: 'policy_reloaded',
    sessionId: undefined,
    statementId: undefined,
    body: { version: 'the first' },
  });
});
afterAll(end);
beforeEach(() => {
  told.length = 0;
});

let count = 0;
const newcomer = () => ({ ...actor('pipeline-bot'), tokenId: `token ${count++}` });
const keyFor = (who: ReturnType<typeof actor>, of: ClientInfo = client): string =>
  sessionKey(who.issuer, who.subject, who.clientId, clientOf(who.tokenId, of.name));
const find = (of: TranscriptStore, who: ReturnType<typeof actor>, handle?: string): Promise<string> =>
  of.sessions.find(who, client, handle);

describe('a session', () => {
  it('is found again by its own principal, in every process', async () => {
    const who = newcomer();
    const session = await find(store, who);
    expect(await find(other, who)).toBe(session);
    expect(await find(other, who, session)).toBe(session);
    expect(told).toEqual([]);
  });

  it('is each client’s own, though they have one token', async () => {
    const who = newcomer();
    const [desktop, code] = [
      { ...client, name: 'claude-desktop' },
      { ...client, name: 'claude-code' },
    ];
    const first = await store.sessions.find(who, desktop, undefined);
    const second = await store.sessions.find(who, code, undefined);
    expect(second).not.toBe(first);
    expect(await other.sessions.find(who, desktop, undefined)).toBe(first);
    expect(await other.sessions.find(who, code, undefined)).toBe(second);
    // A handle is the principal's, whichever of its clients has it.
    expect(await other.sessions.find(who, code, first)).toBe(first);
    expect(told).toEqual([]);
  });

  it('whose key was changed for another is not the other one’s', async () => {
    const innocent = await find(store, actor('sales-bot'));
    for (const gateway of [store, other]) {
      const who = newcomer();
      const { rows } = await admin.query('SELECT key FROM session WHERE id = $1', [innocent]);
      await admin.query('UPDATE session SET key = $2 WHERE id = $1', [innocent, keyFor(who)]);
      const found = await find(gateway, who);
      await admin.query('UPDATE session SET key = $2 WHERE id = $1', [innocent, rows[0].key]);
      expect(found).not.toBe(innocent);
      expect(told.splice(0)).toEqual([expect.stringContaining(`The row of session ${innocent} passes it off`)]);
      expect((await gateway.reader.session(found))?.subject).toBe('pipeline-bot');
    }
  });

  it('whose row was changed altogether is not the other one’s, by key or by handle', async () => {
    const innocent = await find(store, actor('sales-bot'));
    for (const gateway of [store, other])
      for (const handle of [innocent, undefined]) {
        const who = newcomer();
        await admin.query('CREATE TABLE away AS SELECT * FROM session WHERE false');
        await admin.query(`INSERT INTO away SELECT * FROM session WHERE id = '${innocent}'`);
        await admin.query(
          'UPDATE session SET key = $2, issuer = $3, subject = $4, client_id = $5, token_id = $6 WHERE id = $1',
          [innocent, keyFor(who), who.issuer, who.subject, who.clientId, who.tokenId],
        );
        const found = await find(gateway, who, handle);
        await admin.query(
          'UPDATE session s SET key = a.key, issuer = a.issuer, subject = a.subject, client_id = a.client_id, token_id = a.token_id FROM away a WHERE a.id = s.id',
        );
        await admin.query('DROP TABLE away');
        expect(found).not.toBe(innocent);
        expect(told.splice(0).length).toBeGreaterThan(0);
      }
  });

  it('that append() made without an event of ours is nobody’s', async () => {
    const who = newcomer();
    const id = timeOrderedId();
    const row = {
      id,
      opened_at: new Date(),
      actor: 'agent',
      issuer: who.issuer,
      subject: 'sales-bot',
      client_id: who.clientId,
      groups: [],
      token_id: who.tokenId,
      transport: 'test',
      client: { name: 'tests', version: '1' },
      address: null,
      key: keyFor(who),
      terms: [],
    };
    await store.pool.query("SELECT append($1, $2, '{}', NULL, NULL, NULL, NULL, NULL, NULL)", [
      store.recorder.writerOf(undefined),
      JSON.stringify([row]),
    ]);
    expect(await find(other, who)).not.toBe(id);
    expect(told).toEqual([`The session ${id} was opened by no event of ours: nothing is written into it.`]);
    await admin.query('DELETE FROM chain WHERE session_id = $1', [id]);
    await admin.query('DELETE FROM session WHERE id = $1', [id]);
  });

  it('whose first event was put in by somebody else is nobody’s', async () => {
    const who = newcomer();
    const id = timeOrderedId();
    const opening = {
      actor: 'agent',
      address: null,
      client: { name: 'tests', version: '1' },
      client_id: who.clientId,
      groups: [],
      issuer: who.issuer,
      subject: who.subject,
      token_id: who.tokenId,
      transport: 'test',
    };
    const row = { ...opening, id, opened_at: new Date(), key: keyFor(who), terms: [] };
    const event = { s: id, at: new Date().toISOString(), n: 9, st: null, k: 'session_opened', body: opening };
    await store.pool.query('SELECT append($1, $2, $3, $4, NULL, NULL, NULL, NULL, NULL)', [
      store.recorder.writerOf(undefined),
      JSON.stringify([row]),
      [id],
      JSON.stringify([{ ...event, sig: Buffer.alloc(64, 1).toString('base64') }]),
    ]);
    expect(await find(other, who)).not.toBe(id);
    expect(told).toEqual([expect.stringContaining('was opened by no event of ours')]);
    for (const [table, column] of [
      ['event', 'session_id'],
      ['chain', 'session_id'],
      ['session', 'id'],
    ])
      await admin.query(`DELETE FROM ${table} WHERE ${column} = $1`, [id]);
  });
});

describe('a statement’s event that names another principal than its session’s', () => {
  const verify = async (): Promise<string[]> => (await verified(admin, keys)).breaks.map(({ what }) => what);
  const make = (of: TranscriptStore) => checkpointsOf(of, { onProblem: tell, onIntegrityProblem: tell }).make();

  it('is found by verify, and not signed by the notary', async () => {
    const session = await find(store, actor('sales-bot'));
    const principal = { issuer: actor('x').issuer, subject: 'sales-bot', client_id: 'sales-bot' };
    await store.recorder.append(submitted(session, timeOrderedId(), { principal, verdict: 'ask' }));
    expect(await make(store)).toBeDefined();
    expect(await verify()).toEqual([]);
    // As if a gateway of ours had taken the session for the other one's.
    await store.recorder.append(
      submitted(session, timeOrderedId(), { principal: { ...principal, subject: 'pipeline-bot' }, verdict: 'ask' }),
    );
    expect(await make(store)).toBeUndefined();
    expect(told.join()).toContain('names another principal');
    expect((await verify()).join()).toContain('names another principal');
  });

  it('is found where only its end stands in another’s session', async () => {
    const [asked, innocent] = [await find(store, actor('asker')), await find(store, actor('sales-bot'))];
    const statement = timeOrderedId();
    await store.recorder.append(submitted(asked, statement));
    await store.recorder.append(completed(innocent, statement));
    expect((await verify()).join()).toContain(`the end of statement ${statement}, which was not asked in this session`);
  });
});
