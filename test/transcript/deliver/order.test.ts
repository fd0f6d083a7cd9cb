/** Where numbers get another digit, nothing is lost, doubled or out of order: 9/10, 99/100, 999/1000, 9,999/10,000. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Feed } from '../../../dist/console/http/feed.js';
import {
  asTime,
  DELIVERY_CONNECTIONS,
  Delivery,
  exportLines,
  follow,
  newestSequence,
  Overview,
  type StoredEvent,
  storePool,
  type TranscriptStore,
  timeOrderedId,
  trustedKeys,
  verifierKeyOf,
  verifyExport,
} from '../../../dist/transcript/index.js';
import { Receiver } from '../../support/outside/receiver.js';
import { checkpointsOf, fail, verified } from '../../support/store/keeping.mjs';
import { startStore } from '../../support/store/own-store.js';
import { gatewayUrlOf, openStore } from '../../support/store/store.mjs';
import { actor, client, lengthen, refused } from '../fill.mjs';

const EDGES = [10, 100, 1000, 10_000] as const;

const { keys, postgres, store, admin, end } = await startStore();
afterAll(end);

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const sequencesOf = (events: readonly StoredEvent[]): number[] => events.map(({ sequence }) => Number(sequence));

/** The next event has this number. */
const goOnAt = (sequence: number) =>
  sequence === 1 ? undefined : admin.query("SELECT setval('event_sequence', $1)", [sequence - 1]);

describe('in the order of writing', () => {
  // In this order, each edge is passed once: the order of writing never goes back.
  it.each(EDGES)('the follower and the feed hear of everything around %i once and in order', async (edge) => {
    const first = edge === 10 ? 1 : edge - 15;
    await goOnAt(first);
    const heard: StoredEvent[] = [];
    const feed = new Feed({ pool: store.pool, proofs: store.proofs, onProblem: fail });
    const { begun, stop } = feed.listen((events) => heard.push(...events));
    await begun;
    const before = await newestSequence(store.pool);
    const stopping = new AbortController();
    const followed: StoredEvent[] = [];
    const following = (async () => {
      for await (const events of follow(store, before, stopping.signal, 10)) followed.push(...events);
    })();
    // Some at once, the rest by twos and threes, by two processes.
    const other = await openStore(postgres.url, { keys });
    const session = await store.sessions.find(actor(`edge-${edge}`), client, undefined);
    await lengthen(store, session, 3);
    for (let index = 0; index < 12; index++) {
      await Promise.all([
        store.recorder.append(refused(session, timeOrderedId())),
        other.recorder.append(refused(session, timeOrderedId())),
      ]);
      if (index % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await other[Symbol.asyncDispose]();
    const last = Number(await newestSequence(store.pool));
    expect(last).toBeGreaterThan(edge + 5);
    const expected = numbers(first, last + 1);
    await expect.poll(() => sequencesOf(followed)).toEqual(expected);
    await expect.poll(() => sequencesOf(heard)).toEqual(expected);
    stopping.abort();
    stop();
    await following;
    // Whoever begins anew gets the same in one piece.
    const again: StoredEvent[] = [];
    const over = new AbortController();
    for await (const events of follow(store, before, over.signal, 10)) {
      again.push(...events);
      if (again.length >= expected.length) over.abort();
    }
    expect(sequencesOf(again)).toEqual(expected);
  });

  it('the feed goes on from where it was when the store did not answer for a while', async () => {
    let isAway = false;
    const pool: TranscriptStore['pool'] = Object.create(store.pool, {
      query: {
        value: (...values: Parameters<typeof store.pool.query>) =>
          isAway ? Promise.reject(new Error('away')) : store.pool.query(...values),
      },
    });
    const problems: string[] = [];
    const heard: StoredEvent[] = [];
    const feed = new Feed({ pool, proofs: store.proofs, onProblem: (problem) => problems.push(problem) });
    const { begun, stop } = feed.listen((events) => heard.push(...events));
    await begun;
    const session = await store.sessions.find(actor('away'), client, undefined);
    const positions = () => heard.flatMap((event) => (event.session === session ? [event.position] : []));
    await expect.poll(positions).toEqual([0]);
    isAway = true;
    await expect.poll(() => problems.length).toBe(1);
    await lengthen(store, session, 5);
    isAway = false;
    await expect.poll(positions).toEqual(numbers(0, 6));
    stop();
  });

  it('what was done to the record is shown newest first', async () => {
    await goOnAt(99_997);
    for (let index = 0; index < 6; index++)
      await store.recorder.append({
        kind: 'record_verified',
        sessionId: undefined,
        statementId: undefined,
        body: { index },
      });
    const { acts } = await new Overview(store.pool).integrity(new Date(0));
    expect(acts.events.map(({ body }) => body['index'])).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it('whoever holds a lock that anybody may hold keeps nothing back', async () => {
    const idle = new pg.Client({ connectionString: gatewayUrlOf(postgres.url) });
    await idle.connect();
    try {
      const before = await newestSequence(store.pool);
      const session = await store.sessions.find(actor('locked'), client, undefined);
      for (const name of ['pg_advisory_lock_shared', 'pg_advisory_lock'])
        for (const key of ['7016643', '7016644', '7016645', '7016646'])
          await idle.query(`SELECT ${name.replace('pg_', 'pg_try_')}(${key})`);
      await admin.query("SELECT nextval('event_sequence')");
      await store.recorder.append(refused(session, timeOrderedId()));
      const stopping = new AbortController();
      const found: StoredEvent[] = [];
      for await (const events of follow(store, before, stopping.signal, 50)) {
        found.push(...events.filter((event) => event.session === session));
        if (found.length === 2) stopping.abort();
      }
      expect(found.map(({ position }) => position)).toEqual([0, 1]);
    } finally {
      await idle.end();
    }
  });

  it('a transaction that writes without end is waited for no longer than a while, and told of', async () => {
    const writing = await admin.connect();
    try {
      const before = await newestSequence(store.pool);
      await writing.query('BEGIN');
      // As an append() that is never committed.
      await writing.query('LOCK TABLE event IN ROW EXCLUSIVE MODE');
      await writing.query("SELECT nextval('event_sequence')");
      const session = await store.sessions.find(actor('kept back'), client, undefined);
      await store.recorder.append(refused(session, timeOrderedId()));
      const stopping = new AbortController();
      const found: StoredEvent[] = [];
      const problems: string[] = [];
      const followed = { pool: store.pool, proofs: store.proofs, onProblem: (text: string) => problems.push(text) };
      for await (const events of follow(followed, before, stopping.signal, 20, 600)) {
        // Not before: it could be one of ours.
        expect(problems).toHaveLength(1);
        found.push(...events.filter((event) => event.session === session));
        if (found.length === 2) stopping.abort();
      }
      expect(problems[0]).toContain('for longer than 0.6 s');
    } finally {
      await writing.query('ROLLBACK');
      writing.release();
    }
  });

  it('numbers that nobody used are passed at once, however many', async () => {
    const before = await newestSequence(store.pool);
    const session = await store.sessions.find(actor('gaps'), client, undefined);
    for (let index = 0; index < 20; index++) {
      await admin.query("SELECT nextval('event_sequence')");
      await store.recorder.append(refused(session, timeOrderedId()));
    }
    const stopping = new AbortController();
    const found: StoredEvent[] = [];
    const started = performance.now();
    for await (const events of follow(store, before, stopping.signal, 50)) {
      found.push(...events.filter((event) => event.session === session));
      if (found.length === 21) stopping.abort();
    }
    expect(found.map(({ position }) => position)).toEqual(numbers(0, 21));
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('numbers that somebody still writes are waited for, however long, and those that were given up are not', async () => {
    // A writer that has its number and goes no further while this lock is held.
    const HELD = 4711;
    await admin.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(${HELD});
        IF NEW.body->>'slow' = 'fails' THEN RAISE EXCEPTION 'given up'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER dawdle BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.body->>'slow' IS NOT NULL) EXECUTE FUNCTION dawdle()`);
    const waits = `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = ${HELD} AND NOT granted`;
    const slow = await openStore(postgres.url, { keys, statementTimeoutMs: 60_000 });
    const holder = await admin.connect();
    try {
      const [held, quick] = [
        await slow.sessions.find(actor('slow'), client, undefined),
        await store.sessions.find(actor('quick'), client, undefined),
      ];
      const before = await newestSequence(store.pool);
      const stopping = new AbortController();
      const heard: StoredEvent[] = [];
      const following = (async () => {
        for await (const events of follow(store, before, stopping.signal, 20)) heard.push(...events);
      })();
      const ofQuick = () => heard.filter(({ session }) => session === quick).length;
      const written = { kind: 'rows_fetched', sessionId: held, statementId: undefined } as const;
      for (const [round, end] of ['works', 'fails'].entries()) {
        await holder.query(`SELECT pg_advisory_lock(${HELD})`);
        const writing = slow.recorder.append({ ...written, body: { slow: end } }).catch(() => 'given up');
        await expect.poll(async () => (await admin.query(waits)).rows[0]?.n).toBe(1);
        await lengthen(store, quick, 3);
        await new Promise((resolve) => setTimeout(resolve, 500));
        // Nothing overtakes it.
        expect(ofQuick()).toBe(3 * round);
        await holder.query(`SELECT pg_advisory_unlock(${HELD})`);
        expect(await writing).toBe(end === 'works' ? undefined : 'given up');
        await expect.poll(ofQuick).toBe(3 * (round + 1));
      }
      stopping.abort();
      await following;
      expect(heard.filter(({ session }) => session === held).map(({ body }) => body['slow'])).toEqual(['works']);
      const sequences = sequencesOf(heard);
      expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
    } finally {
      holder.release(true);
      await slow[Symbol.asyncDispose]();
      await admin.query('DROP TRIGGER dawdle ON event; DROP FUNCTION dawdle()');
    }
  });
});

describe('in the order of a session', () => {
  const sessions: string[] = [];
  beforeAll(async () => {
    for (const edge of EDGES) {
      const session = await store.sessions.find(actor(`long-${edge}`), client, undefined);
      // The first event is that it was opened.
      await lengthen(store, session, edge + 4);
      sessions.push(session);
    }
    const checkpoints = checkpointsOf(store);
    await checkpoints.make();
  });

  it.each([...EDGES.entries()])('pages of session %i end and begin right around %i', async (index, edge) => {
    const session = sessions[index] ?? '';
    const positions: number[] = [];
    for (let from = edge - 7; ; ) {
      const page = await store.reader.events(session, from, 3);
      positions.push(...page.map(({ position }) => position));
      if (page.length < 3) break;
      from = (page.at(-1)?.position ?? 0) + 1;
    }
    expect(positions).toEqual(numbers(edge - 7, edge + 5));
  });

  it('an export has every event in order, and verifies, as the store does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-order-'));
    for (const chosen of [undefined, sessions]) {
      const lines: object[] = [];
      await exportLines(store.pool, {
        sessions: chosen,
        origin: keys.origin,
        keys: trustedKeys(keys),
        publicKeys: [verifierKeyOf(keys)],
        now: new Date(),
        write: async (line) => void lines.push(line),
      });
      for (const [index, edge] of EDGES.entries()) {
        const positions = lines.flatMap((line) =>
          'session' in line && line.session === sessions[index] && 'position' in line && 'kind' in line
            ? [line.position]
            : [],
        );
        expect(positions).toEqual(numbers(0, edge + 5));
      }
      const file = join(folder, 'export.jsonl');
      await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      expect(await verifyExport(file, trustedKeys(keys), [])).toMatchObject({ isWhole: true, breaks: [] });
    }
    await rm(folder, { recursive: true });
    const report = await verified(admin, keys);
    expect(report.breaks).toEqual([]);
  });

  it.each([...EDGES.entries()])('webhooks bring session %i in order around %i', async (index, edge) => {
    const session = sessions[index] ?? '';
    const secret = randomBytes(32);
    const receiver = await Receiver.start(secret);
    const pool = storePool(gatewayUrlOf(postgres.url), 30_000, DELIVERY_CONNECTIONS);
    const name = `edge-${edge}`;
    await store.rows.put(store.pool, 'webhook', { name, since: asTime(new Date()) });
    await store.rows.put(store.pool, 'delivery', {
      webhook: name,
      session_id: session,
      position: edge - 7,
      attempts: 0,
      failing_since: null,
      problem: null,
      delivered_at: null,
    });
    const delivery = new Delivery({
      pool,
      recorder: store.recorder,
      rows: store.rows,
      proofs: store.proofs,
      webhooks: [{ name, url: receiver.url, secret, kinds: undefined, checkpoints: false, format: 'standard' }],
      onProblem: fail,
    });
    try {
      await delivery.start();
      await lengthen(store, session, 1);
      await expect
        .poll(() =>
          receiver.received.flatMap(({ payload: { data } }) =>
            data['session'] === session ? [Number(data['position'])] : [],
          ),
        )
        .toEqual(numbers(edge - 7, edge + 6));
      expect(receiver.problems).toEqual([]);
    } finally {
      await delivery.stop();
      await pool.end();
      await receiver[Symbol.asyncDispose]();
    }
  });
});
