/** What is old goes to files that verify, and what remains still verifies. */
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { archivedOf } from '../../../dist/cli/record/export.js';
import {
  asTime,
  type Event,
  exportLines,
  follow,
  holds,
  liftHold,
  newestSequence,
  placeHold,
  search,
  timeOrderedId,
  trustedKeys,
  verifierKeyOf,
  verifyExport,
} from '../../../dist/transcript/index.js';
import { archiveBefore, checkpointsOf, verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, completed, refused, submitted } from '../fill.mjs';

const { keys, store, admin, folder, end } = await startStore();
const sessions: Record<string, string> = {};
const straddling = timeOrderedId(Date.parse('2026-10-04T23:59:00Z'));

const checkpoint = () => checkpointsOf(store).make();
const verify = async () => (await verified(store.pool, keys)).breaks;
const record = (event: Event): Promise<unknown> => store.recorder.append(event);

/** At a moment of the past. */
async function at<T>(time: string, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(time) });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

async function run(name: string, statement = timeOrderedId()): Promise<void> {
  const session = sessions[name] ?? '';
  await store.recorder.append(submitted(session, statement));
  await store.recorder.append(completed(session, statement));
}

beforeAll(async () => {
  await admin.query("SELECT ensure_partitions('2026-09-28', 10)");
  // The week of 28 September, that of 5 October, and now.
  await at('2026-09-29T10:00:00Z', async () => {
    for (const name of ['old', 'held', 'long', 'bridge', 'idle', 'hooked'])
      sessions[name] = await store.sessions.find(actor(name), client, undefined);
    for (const name of ['old', 'held', 'long']) await run(name);
    const since = new Date();
    await store.recorder.append({
      kind: 'webhook_added',
      sessionId: sessions['hooked'],
      statementId: undefined,
      body: { webhook: 'siem', since: since.toISOString() },
    });
    await store.rows.put(store.pool, 'webhook', { name: 'siem', since: asTime(since) });
    // Of what is written now, some goes and some stays, since it is held.
    await Promise.all([
      run('held'),
      run('old'),
      store.recorder.append(refused(sessions['old'] ?? '', timeOrderedId())),
    ]);
    await store.recorder.append({
      kind: 'session_closed',
      sessionId: sessions['old'],
      statementId: undefined,
      body: { reason: 'quiet' },
    });
  });
  // Only what checkpoints cover may go.
  await checkpoint();
  await at('2026-10-04T23:59:00Z', () =>
    store.recorder.append(submitted(sessions['bridge'] ?? '', straddling)).then(() => undefined),
  );
  await checkpoint();
  await at('2026-10-05T00:00:30Z', () =>
    store.recorder.append(completed(sessions['bridge'] ?? '', straddling)).then(() => undefined),
  );
  await at('2026-10-06T10:00:00Z', () => run('long'));
  await checkpoint();
  await run('long');
  await checkpoint();
});
afterAll(end);

/** What proves the export of these sessions wrong. */
async function wrongIn(...names: string[]): Promise<readonly { readonly what: string }[]> {
  const lines: string[] = [];
  await exportLines(store.pool, {
    sessions: names.map((name) => sessions[name] ?? ''),
    origin: keys.origin,
    keys: trustedKeys(keys),
    publicKeys: [verifierKeyOf(keys)],
    now: new Date(),
    write: async (line) => void lines.push(`${JSON.stringify(line)}\n`),
  });
  const file = join(await mkdtemp(join(folder, 'export-')), 'export.jsonl');
  await writeFile(file, lines.join(''));
  return (await verifyExport(file, trustedKeys(keys), [])).breaks;
}

const positions = async (name: string): Promise<number[]> =>
  (await store.reader.events(sessions[name] ?? '')).map(({ position }) => position);

/** Everything that is there, as followers get it: what was written with it may be gone. */
async function followedPositions(name: string): Promise<number[]> {
  const target = await newestSequence(store.pool);
  const found: number[] = [];
  for await (const events of follow(store, 0n, new AbortController().signal, 10)) {
    found.push(...events.flatMap((event) => (event.session === sessions[name] ? [event.position] : [])));
    if (BigInt(events.at(-1)?.sequence ?? 0) >= target) break;
  }
  return found;
}

describe('retention', () => {
  it('takes whole weeks, but for what is held and what a later event belongs to', async () => {
    expect(await verify()).toEqual([]);
    const hold = await placeHold(admin, { subject: 'held' }, 'a lawsuit', 'counsel', record);
    const done = await archiveBefore('2026-10-06T00:00:00Z', { admin, store, folder });
    expect(done).toMatchObject({ from: '2026-09-28', to: '2026-10-05' });
    expect(await positions('old')).toEqual([]);
    expect(await positions('held')).toEqual([0, 1, 2, 3, 4]);
    expect(await positions('long')).toEqual([3, 4, 5, 6]);
    // Its statement ended a week later: it goes with the end.
    expect(await positions('bridge')).toEqual([1, 2]);
    // What says from when on events are a webhook's stays: its row is held against it.
    expect(await positions('hooked')).toEqual([0, 1]);
    for (const name of ['held', 'long', 'bridge']) expect(await followedPositions(name)).toEqual(await positions(name));
    expect(await verify()).toEqual([]);
    const found = await search(store.pool, 'before:2026-10-05', { limit: 50, now: new Date() });
    expect(found.statements.map(({ agent }) => agent).sort()).toEqual(['bridge', 'held', 'held']);
    expect(await holds(store.pool)).toMatchObject([{ id: hold, subject: 'held', lifted_at: null }]);
    expect(await liftHold(admin, hold, 'counsel', record)).toBe(true);
    expect(await liftHold(admin, hold, 'counsel', record)).toBe(false);
  });

  it('leaves sessions whose export verifies, also before a checkpoint covers what is new', async () => {
    // All that checkpoints cover of it is gone.
    expect(await positions('idle')).toEqual([]);
    await run('idle');
    expect(await positions('idle')).toEqual([1, 2]);
    expect(await wrongIn('idle')).toEqual([]);
    // Of `old` nothing is left.
    expect(await wrongIn('idle', 'long', 'bridge', 'old')).toEqual([]);
    // Whoever exports it is told so, and of a session that is whole nothing.
    const told = await archivedOf(store, [sessions['old'] ?? '', sessions['held'] ?? '']);
    expect(told).toEqual([
      expect.stringMatching(`^Of session ${sessions['old']} the first \\d+ events are not in the store`),
    ]);
    await checkpoint();
    expect(await wrongIn('idle')).toEqual([]);
  });

  it('takes the rest later, and each file verifies by itself', async () => {
    const done = await archiveBefore('2026-10-20T00:00:00Z', { admin, store, folder });
    expect(done).toMatchObject({ from: '2026-09-28' });
    expect(await positions('bridge')).toEqual([]);
    expect(await positions('held')).toEqual([]);
    expect(await positions('hooked')).toEqual([0, 1]);
    expect(await positions('long')).toEqual([5, 6]);
    expect(await followedPositions('long')).toEqual([5, 6]);
    expect(await verify()).toEqual([]);
    await checkpoint();
    expect(await verify()).toEqual([]);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.gz')).sort();
    expect(files).toHaveLength(2);
    for (const file of files) {
      const report = await verifyExport(join(folder, file), trustedKeys(keys), []);
      expect(report.breaks).toEqual([]);
      expect(report.proved).toBeGreaterThan(0);
    }
    // A session goes on after it was archived.
    await run('long');
    expect(await verify()).toEqual([]);
  });

  it('is not taken at its word: what an archive took is in the signed record', async () => {
    const { rows } = await admin.query(
      'UPDATE archived_session SET length = length + 1 WHERE session_id = $1 RETURNING archive_id',
      [sessions['old']],
    );
    expect(rows).toHaveLength(1);
    expect((await verify())[0]?.what).toContain('is not what was recorded of it');
    await admin.query('UPDATE archived_session SET length = length - 1 WHERE session_id = $1', [sessions['old']]);
    expect(await verify()).toEqual([]);
    // Events that are dropped without an archive are missing.
    await admin.query('DELETE FROM event WHERE session_id = $1 AND position = 5', [sessions['long']]);
    expect((await verify()).map(({ what }) => what).join()).toContain('missing');
  });
});
