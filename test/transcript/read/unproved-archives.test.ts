/**
 * What archives leave of the record is given to whoever follows it, though parts of what was written at once are gone; what is put in once
 * more after it went is not.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  follow,
  liftHold,
  newestSequence,
  placeHold,
  type StoredEvent,
  type TranscriptStore,
  timeOrderedId,
} from '../../../dist/transcript/index.js';
import { archiveBefore, checkpointsOf } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { actor, client, putIn, refused } from '../fill.mjs';

const { store, admin, pool, folder, end } = await startStore({
  onIntegrityProblem: (problem) => problems.push(problem),
});
const thief = pool('gateway', 2);
let hold: string;
let gone: string;
let held: string;
/** All of the session that is in the archive. */
let went: readonly StoredEvent[];
let problems: string[] = [];

const checkpoint = () => checkpointsOf(store).make();
const record = (event: Parameters<TranscriptStore['recorder']['append']>[0]) => store.recorder.append(event);
const archiveAll = () => archiveBefore('2026-10-06T00:00:00Z', { admin, store, folder });

beforeAll(async () => {
  await admin.query("SELECT ensure_partitions('2026-09-28', 10)");
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-09-29T10:00:00Z') });
  try {
    gone = await store.sessions.find(actor('gone'), client, undefined);
    // By the same lane, so that batches have events of both.
    const writerOf = async (session: string) => (await store.reader.events(session))[0]?.writer;
    do held = await store.sessions.find({ ...actor('held'), tokenId: timeOrderedId() }, client, undefined);
    while ((await writerOf(held)) !== (await writerOf(gone)));
    for (let round = 0; round < 20; round++)
      await Promise.all([held, gone, held, gone].map((session) => record(refused(session, timeOrderedId()))));
    // One by itself, with a signature of its own.
    await record(refused(gone, timeOrderedId()));
  } finally {
    vi.useRealTimers();
  }
  await checkpoint();
  went = await store.reader.events(gone);
  hold = await placeHold(admin, { subject: 'held' }, 'a lawsuit', 'counsel', record);
  expect(await archiveAll()).toMatchObject({ sessions: expect.any(Number) });
  expect(await store.reader.events(gone)).toEqual([]);
});
afterAll(end);

/** Everything there is, as a follower gets it that begins at the beginning. */
async function followed(pool = store.readPool): Promise<StoredEvent[]> {
  const target = await newestSequence(store.pool);
  const found: StoredEvent[] = [];
  for await (const events of follow({ pool, proofs: store.proofs }, 0n, new AbortController().signal, 10)) {
    found.push(...events);
    if (BigInt(events.at(-1)?.sequence ?? 0) >= target) break;
  }
  return found;
}

it('what stays of batches is given, by one look at the tree for a page', async () => {
  const events = await store.reader.events(held);
  expect(events).toHaveLength(41);
  const lends = vi.spyOn(store.readPool, 'connect');
  try {
    expect(await store.proofs.ofParsed(events)).toEqual({ events, unproved: undefined });
    // A connection for a snapshot is lent without a callback.
    expect(lends.mock.calls.filter((values: readonly unknown[]) => values.length === 0)).toHaveLength(1);
  } finally {
    lends.mockRestore();
  }
  expect((await followed()).filter(({ session }) => session === held)).toEqual(events);
  expect(problems).toEqual([]);
});

it('a changed tree covers nothing', async () => {
  const events = await store.reader.events(held);
  await admin.query("UPDATE leaf SET at = at + interval '1 second' WHERE position = 0");
  try {
    expect((await store.proofs.ofParsed(events)).unproved?.message).toContain('no signature of ours fits it');
    expect(problems).toHaveLength(1);
  } finally {
    await admin.query("UPDATE leaf SET at = at - interval '1 second' WHERE position = 0");
    problems = [];
  }
  expect(await store.proofs.ofParsed(events)).toEqual({ events, unproved: undefined });
});

it('what is put in once more after it went is not given', async () => {
  const last = went.at(-1);
  if (!last) throw new Error('nothing went');
  const { session, at, n, statement, kind, body, signature, writer } = last;
  const before = await followed();
  await putIn(thief, writer, session, [{ at, n, st: statement, k: kind, body, sig: signature }]);
  await expect(followed()).rejects.toThrow('comes twice, after the notary had read all that its writer wrote');
  expect(problems).toEqual([expect.stringContaining(`session ${session}`)]);
  // As if it had never been.
  await admin.query('DELETE FROM event WHERE session_id = $1', [session]);
  await admin.query(
    "UPDATE chain SET length = length - 1, hash = decode($2, 'hex'), is_covered = true WHERE session_id = $1",
    [session, last.hash],
  );
  problems = [];
  expect(await followed()).toEqual(before);
});

it('what goes to an archive while it is read is none that was forged', async () => {
  const events = await store.reader.events(held);
  await liftHold(admin, hold, 'counsel', record);
  await checkpoint();
  const target = await newestSequence(store.pool);
  let hasGone = false;
  const pool: typeof store.pool = Object.create(store.readPool, {
    query: {
      value: async (...values: Parameters<typeof store.pool.query>) => {
        const rows = await store.readPool.query(...values);
        if (!hasGone && JSON.stringify(values).includes('events_after')) {
          hasGone = true;
          expect(await archiveAll()).toBeDefined();
        }
        return rows;
      },
    },
  });
  const found = await followed(pool);
  expect(hasGone).toBe(true);
  expect(BigInt(found.at(-1)?.sequence ?? 0) >= target).toBe(true);
  expect(found.filter(({ session }) => session === held)).toEqual([]);
  expect(await store.proofs.ofParsed(events)).toEqual({ events: [], unproved: undefined });
  const pages = (async function* () {
    yield events;
  })();
  await expect(store.proofs.own(pages).next()).rejects.toThrow('went to an archive meanwhile');
  expect(problems).toEqual([]);
});
