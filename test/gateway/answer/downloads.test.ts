/** Which results may be opened as a file, as the store keeps it: by whom, how often and for how long, whoever changes its rows. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Downloads } from '../../../dist/gateway/answer/downloads.js';
import type { Principal } from '../../../dist/identity/index.js';
import { timeOrderedId } from '../../../dist/transcript/index.js';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, cursorOf, submitted } from '../../transcript/fill.mjs';

let own: Awaited<ReturnType<typeof startStore>>;
const told: string[] = [];
const ANN = actor('ann') as unknown as Principal;

beforeAll(async () => {
  own = await startStore({ onIntegrityProblem: (problem) => void told.push(problem) });
});
afterAll(() => own.end());
beforeEach(() => void told.splice(0));
afterEach(() => void vi.useRealTimers());

/** A statement of Ann's that has run, and the id of its download. */
async function made() {
  const { sessions, recorder } = own.store;
  const session = await sessions.find(ANN, client, undefined);
  const statement = timeOrderedId();
  await recorder.append(submitted(session, statement));
  const kept = { ...cursorOf(session, statement), format: 'csv' as const, bytes: 1000 };
  const link = await new Downloads(own.store).make(ANN, kept, 1000);
  if (typeof link === 'number') throw new Error('There is no room for it.');
  return { session, statement, ...link };
}

const stateOf = async (downloads: Downloads, principal: Principal, id: string): Promise<string> =>
  (await downloads.find(principal, id)).state;

describe('a download', () => {
  it('is its principal’s, by whichever client, and nobody else’s', async () => {
    const { id } = await made();
    const downloads = new Downloads(own.store);
    const found = await downloads.find({ ...ANN, clientId: 'another client' }, id);
    expect(found).toMatchObject({ state: 'kept', kept: { statement: 'SELECT 1', format: 'csv', client_id: 'ann' } });
    expect(await stateOf(downloads, { ...ANN, subject: 'bob' }, id)).toBe('unknown');
    expect(await stateOf(downloads, { ...ANN, issuer: 'https://other.example' }, id)).toBe('unknown');
    for (const none of ['', 'x', timeOrderedId(), `${id}0`, id.toUpperCase()])
      expect(await stateOf(downloads, ANN, none)).toBe('unknown');
  });

  it('is opened by one of two replicas', async () => {
    const { id } = await made();
    const replicas = [new Downloads(own.store), new Downloads(await own.another())];
    const found = await Promise.all(replicas.map((downloads) => downloads.find(ANN, id)));
    const opened = await Promise.all(
      found.map((one, at) => (one.state === 'kept' ? replicas[at]?.open(one.kept) : undefined)),
    );
    expect(opened.toSorted()).toEqual([false, true]);
    for (const downloads of replicas) expect(await stateOf(downloads, ANN, id)).toBe('opened');
  });

  it('is over after an hour, and says so for a day', async () => {
    const { id } = await made();
    const downloads = new Downloads(own.store);
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(now + 3_590_000);
    const found = await downloads.find(ANN, id);
    expect(found.state).toBe('kept');
    vi.setSystemTime(now + 3_602_000);
    expect(await stateOf(downloads, ANN, id)).toBe('expired');
  });

  it('counts against its principal’s links until it is opened', async () => {
    const downloads = new Downloads(own.store);
    const bob = actor('bob') as unknown as Principal;
    expect(await downloads.secondsToRoom(bob, 1)).toBeUndefined();
    const { id } = await made();
    const before = await downloads.secondsToRoom(ANN, 1);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThanOrEqual(3601);
    expect(await downloads.secondsToRoom(bob, 1)).toBeUndefined();
    await own.admin.query('DELETE FROM download WHERE id <> $1', [id]);
    const found = await downloads.find(ANN, id);
    expect(found.state === 'kept' && (await downloads.open(found.kept))).toBe(true);
    expect(await downloads.secondsToRoom(ANN, 1)).toBeUndefined();
  });

  it('is kept from nobody by rows of nobody’s, nor by those of ours that were opened and put back', async () => {
    const downloads = new Downloads(own.store);
    const eve = actor('eve') as unknown as Principal;
    await own.store.pool.query(
      `INSERT INTO download (id, issuer, subject, client_id, session_id, statement_id, query_id, format, sealed, granted, end_row, bytes,
         opened_at, expires_at, mac)
       SELECT gen_random_uuid(), $1, 'eve', 'eve', gen_random_uuid(), gen_random_uuid(), 'q', 'csv', '', '', 1, 1, NULL,
         now() + interval '10 years', '' FROM generate_series(1, 500)`,
      [eve.issuer],
    );
    expect(await downloads.secondsToRoom(eve, 1)).toBeUndefined();
    expect(told.length).toBeGreaterThan(0);
    await own.admin.query('DELETE FROM download');

    const { id, session, statement } = await made();
    expect(await downloads.secondsToRoom(ANN, 1)).toBeGreaterThan(0);
    await own.store.recorder.append({
      kind: 'download_opened',
      sessionId: session,
      statementId: statement,
      body: { download: id },
    });
    expect(await downloads.secondsToRoom(ANN, 1)).toBeUndefined();
    await own.admin.query('DELETE FROM download');
  });

  it('is none where anybody has changed its row', async () => {
    const downloads = new Downloads(own.store);
    for (const change of [
      "subject = 'bob'",
      "query_id = 'another'",
      "expires_at = expires_at + interval '1 day'",
      'bytes = 1000000',
      "granted = '\\x00'",
      "format = 'jsonl'",
    ]) {
      const { id } = await made();
      await own.admin.query(`UPDATE download SET ${change} WHERE id = $1`, [id]);
      expect(await stateOf(downloads, ANN, id)).toBe('unknown');
      expect(await stateOf(downloads, { ...ANN, subject: 'bob' }, id)).toBe('unknown');
      expect(told.join()).toContain(id);
    }
  });

  it('stays opened where somebody puts its row back as it was', async () => {
    const { id, session, statement } = await made();
    const { rows } = await own.admin.query('SELECT to_jsonb(t)::text AS row FROM download t WHERE id = $1', [id]);
    const downloads = new Downloads(own.store);
    const found = await downloads.find(ANN, id);
    expect(found.state === 'kept' && (await downloads.open(found.kept))).toBe(true);
    await own.store.recorder.append({
      kind: 'download_opened',
      sessionId: session,
      statementId: statement,
      body: { download: id },
    });
    await own.admin.query('DELETE FROM download WHERE id = $1', [id]);
    await own.admin.query('INSERT INTO download SELECT * FROM jsonb_populate_record(NULL::download, $1::jsonb)', [
      rows[0].row,
    ]);
    expect(await stateOf(new Downloads(await own.another()), ANN, id)).toBe('opened');
    expect(told.join()).toContain('put back');
  });
});
