/**
 * What the gateway's role forges by append() is given to nobody as ours: not by followers, the console's feed, exports or webhooks. What
 * gateways of ours wrote is, over a change of keys and where a batch stands in several sessions.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exportSessions } from '../../../dist/cli/record/export.js';
import { Feed } from '../../../dist/console/http/feed.js';
import {
  DELIVERY_CONNECTIONS,
  Delivery,
  follow,
  newestSequence,
  payloadOf,
  type RecordKeys,
  retryDead,
  type StoredEvent,
  storePool,
  type TranscriptStore,
  timeOrderedId,
  trustedKeys,
  Unproved,
  type Webhook,
} from '../../../dist/transcript/index.js';
import { ownerOf } from '../../../dist/transcript/write/opening.js';
import { Receiver } from '../../support/outside/receiver.js';
import { startPostgres, type TestPostgres } from '../../support/store/postgres.mjs';
import { gatewayUrlOf, newKeys, openStore } from '../../support/store/store.mjs';
import { actor, client, lengthen, refused } from '../fill.mjs';

const keys = newKeys();
let postgres: TestPostgres;
/** The gateway's own role, in whoever's hands. */
let thief: ReturnType<typeof storePool>;
let folder: string;
let store: TranscriptStore;
let problems: string[] = [];

const open = (more: { keys?: RecordKeys; forged?: ReadonlySet<string> } = {}) =>
  openStore(postgres.url, { keys, onIntegrityProblem: (problem) => problems.push(problem), ...more });

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'snowfence-proved-'));
  await (await open())[Symbol.asyncDispose]();
  thief = storePool(gatewayUrlOf(postgres.url), 30_000, DELIVERY_CONNECTIONS);
});
afterAll(async () => {
  await thief.end();
  await postgres.end();
  await rm(folder, { recursive: true });
});
// A process of its own each: where a number was taken before it could be used, what is written with it is in doubt as well.
beforeEach(async () => {
  problems = [];
  store = await open();
});
afterEach(() => store[Symbol.asyncDispose]());

const newSession = (name: string): Promise<string> =>
  store.sessions.find({ ...actor(name), tokenId: timeOrderedId() }, client, undefined);
const lastOf = async (session: string): Promise<StoredEvent> => {
  const last = (await store.reader.events(session)).at(-1);
  if (!last) throw new Error('there is none');
  return last;
};

interface Forged {
  readonly s: string;
  readonly at: string;
  /** A text where JavaScript has no such number. */
  readonly n: number | string;
  readonly st: string | null;
  readonly k: string;
  readonly body: object;
  readonly sig: string | null;
}
/** As `writer`; answers nothing, as append() takes whatever is given. */
const append = (writer: string, events: readonly Forged[]) =>
  thief.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
    writer,
    [...new Set(events.map(({ s }) => s))],
    JSON.stringify(events),
  ]);
const forged = (session: string, more: Partial<Forged> = {}): Forged => ({
  s: session,
  at: new Date().toISOString(),
  n: 123_456,
  st: null,
  k: 'rows_fetched',
  body: { rows: 666 },
  sig: Buffer.alloc(64, 2).toString('base64'),
  ...more,
});
const again = ({ session, at, n, statement, kind, body, signature }: StoredEvent): Forged => ({
  s: session,
  at,
  n,
  st: statement,
  k: kind,
  body,
  sig: signature,
});

/** Everything after a place up to now, and how it ended. */
async function followed(from: bigint, by: TranscriptStore = store) {
  const target = await newestSequence(by.pool);
  const stopping = new AbortController();
  const timer = setTimeout(() => stopping.abort(), 60_000);
  const events: StoredEvent[] = [];
  try {
    for await (const some of follow(by, from, stopping.signal, 10)) {
      events.push(...some);
      if (BigInt(some.at(-1)?.sequence ?? 0) >= target) break;
    }
    return { events, unproved: undefined };
  } catch (error) {
    if (!(error instanceof Unproved)) throw error;
    return { events, unproved: error.message };
  } finally {
    clearTimeout(timer);
  }
}

const FORGERIES: readonly (readonly [string, (session: string) => Promise<unknown>, RegExp])[] = [
  [
    'a signature of nobody',
    async (session) => append((await lastOf(session)).writer, [forged(session)]),
    /no signature of ours fits/,
  ],
  [
    'no signature',
    async (session) => append((await lastOf(session)).writer, [forged(session, { sig: null })]),
    /no signature of ours fits/,
  ],
  [
    'the number that comes next, and no signature',
    async (session) => {
      const { writer, n } = await lastOf(session);
      await append(writer, [forged(session, { n: n + 1, sig: null })]);
    },
    /no signature of ours fits/,
  ],
  [
    'a writer that never was',
    (session) => append(timeOrderedId(), [forged(session, { n: 0 })]),
    /no signature of ours fits/,
  ],
  [
    'a number that was used',
    async (session) => {
      const { writer, n } = await lastOf(session);
      await append(writer, [forged(session, { n })]);
    },
    /had written number \d+ before/,
  ],
  [
    'a whole signed batch once more',
    async (session) => {
      const last = await lastOf(session);
      await append(last.writer, [again(last)]);
    },
    /had written number \d+ before/,
  ],
  [
    'what was signed, in another session',
    async (session) => {
      const last = await lastOf(session);
      await append(last.writer, [{ ...again(last), s: await newSession('other') }]);
    },
    /had written number \d+ before/,
  ],
  [
    'a number that nobody counts to',
    async (session) => append((await lastOf(session)).writer, [forged(session, { n: '9223372036854775807' })]),
    /no process of ours gives such a number/,
  ],
  [
    'a number below the first',
    async (session) => append((await lastOf(session)).writer, [forged(session, { n: -1 })]),
    /no process of ours gives such a number/,
  ],
];

describe('a follower', () => {
  it.each(FORGERIES)('stops before %s, and says so', async (_, forge, why) => {
    const from = await newestSequence(store.pool);
    const session = await newSession('followed');
    await store.recorder.append(refused(session, timeOrderedId()));
    const honest = await newestSequence(store.pool);
    await forge(session);
    const { events, unproved } = await followed(from);
    expect(events.filter((event) => event.session === session).map(({ position }) => position)).toEqual([0, 1]);
    expect(unproved).toMatch(why);
    expect(unproved).toMatch(/^Event \d+ of session .* was not written by a gateway of ours/);
    expect(problems).toEqual([unproved]);
    // Nothing that comes after it is given either, however often one asks; it is told once.
    await newSession('after');
    expect((await followed(from)).events.every(({ sequence }) => BigInt(sequence) <= honest + 2n)).toBe(true);
    expect((await followed(from)).unproved).toBe(unproved);
    expect(problems).toEqual([unproved]);
    // Once somebody has looked into it, it is passed over, and still not given.
    const [, hash = ''] = /its hash is (\w+)/.exec(unproved ?? '') ?? [];
    const wiser = await open({ forged: new Set([hash]) });
    const passed = await followed(from, wiser);
    expect(passed.unproved).toBeUndefined();
    expect(passed.events.map((event) => event.hash)).not.toContain(hash);
    expect(passed.events.at(-1)?.kind).toBe('session_opened');
    await wiser[Symbol.asyncDispose]();
  });
});

describe('what gateways of ours wrote', () => {
  it('is given where a batch stands in several sessions, and where a page has only a part of it', async () => {
    const from = await newestSequence(store.pool);
    const sessions = await Promise.all(Array.from({ length: 12 }, (_, index) => newSession(`several-${index}`)));
    await Promise.all(
      Array.from({ length: 240 }, (_, index) =>
        store.recorder.append(refused(sessions[index % 12] ?? '', timeOrderedId())),
      ),
    );
    const { rows } = await thief.query(
      'SELECT FROM event e JOIN event f ON f.writer = e.writer AND f.n = e.n + 1 AND f.session_id <> e.session_id WHERE e.signature IS NULL AND e.session_id = ANY($1)',
      [sessions],
    );
    expect(rows.length).toBeGreaterThan(100);
    const { events, unproved } = await followed(from);
    expect(unproved).toBeUndefined();
    expect(events.filter(({ session }) => sessions.includes(session))).toHaveLength(252);
    // From each place, also from within a batch; of each session by itself, as webhooks read.
    for (const { sequence } of events.filter((_, index) => index % 17 === 3)) {
      const rest = await followed(BigInt(sequence));
      expect(rest.events.map((event) => event.sequence)).toEqual(
        events.map((event) => event.sequence).filter((one) => BigInt(one) > BigInt(sequence)),
      );
    }
    for (const session of sessions)
      for (const page of [
        (await store.reader.events(session)).slice(3, 9),
        (await store.reader.events(session)).slice(-1),
      ])
        expect(await store.proofs.ofParsed(page)).toEqual({ events: page, unproved: undefined });
    expect(problems).toEqual([]);
  });

  it('is given over a change of keys, and not by who does not know the former one', async () => {
    const from = await newestSequence(store.pool);
    await lengthen(store, await newSession('before'), 3);
    const next = newKeys();
    const both: RecordKeys = { ...next, formerly: [{ name: keys.origin, key: keys.signing }] };
    const after = await open({ keys: both });
    await after.sessions.find(actor('after'), client, undefined);
    expect((await followed(from, after)).unproved).toBeUndefined();
    expect((await followed(from, after)).events.length).toBeGreaterThanOrEqual(6);
    expect(problems).toEqual([]);
    const stranger = await open({ keys: { ...next, signing: generateKeyPairSync('ed25519').privateKey } });
    expect(await followed(from, stranger)).toMatchObject({
      events: [],
      unproved: expect.stringContaining('no signature of ours fits'),
    });
    // As the old key's holder sees it, what comes with the new one is not ours.
    expect((await followed(from)).unproved).toContain('no signature of ours fits');
    await after[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
  });

  it('is found by the index, one query for each page', async () => {
    const planning = await thief.connect();
    // Of a table that is small, as PostgreSQL may find out at any moment, all is read at once: not where there is another way.
    await planning.query('BEGIN; SET LOCAL enable_seqscan = off');
    const { rows } = await planning.query<{ 'QUERY PLAN': string }>(
      'EXPLAIN SELECT FROM event e WHERE e.writer = $1 AND e.n > $2 AND e.n <= $3'.replace(/\$\d/g, (at) =>
        at === '$1' ? `'${timeOrderedId()}'` : '5',
      ),
    );
    await planning.query('ROLLBACK');
    planning.release();
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
    const session = await newSession('counted');
    await lengthen(store, session, 40);
    const asked: unknown[] = [];
    const pool: typeof store.pool = Object.create(store.readPool, {
      query: {
        value: (...values: Parameters<typeof store.pool.query>) => {
          asked.push(values);
          return store.readPool.query(...values);
        },
      },
    });
    const { Proofs } = await import('../../../dist/transcript/read/proved.js');
    const proofs = new Proofs(pool, {
      keys: [{ name: keys.origin, key: keys.signing }],
      forged: new Set(),
      onUnproved: () => undefined,
    });
    expect((await proofs.ofParsed(await store.reader.events(session))).events).toHaveLength(41);
    expect(asked).toHaveLength(1);
  });
});

describe('whoever looks into it', () => {
  it('is told of both events that have a number: which of them was put in is to be found out', async () => {
    const { writer, n } = await lastOf(await newSession('first'));
    const other = await newSession('other');
    const { rows } = await thief.query<{ n: number }>(
      'SELECT max(e.n)::float8 AS n FROM event e WHERE e.writer = $1 AND e.n >= $2',
      [writer, n],
    );
    const next = (rows[0]?.n ?? 0) + 1;
    // Before the process comes to it.
    await append(writer, [forged(other, { n: next })]);
    const { hash } = await lastOf(other);
    let opened: readonly StoredEvent[] = [];
    for (let index = 0; opened[0]?.writer !== writer; index++)
      opened = await store.reader.events(await newSession(`second-${index}`));
    const second = opened[0]?.session ?? '';
    expect(opened).toMatchObject([{ n: next }]);
    const { unproved } = await store.proofs.ofParsed(opened);
    expect(unproved?.message).toMatch(/so that one of both was put in; the other is event 1 of session/);
    expect(unproved?.message).toContain(hash);
    expect(unproved?.message).toContain(String(opened[0]?.hash));
    const wiser = await open({ forged: new Set([hash]) });
    expect(await wiser.proofs.ofParsed(opened)).toEqual({ events: opened, unproved: undefined });
    // Whose the session is is known then as well.
    const told: string[] = [];
    const proving = (known: readonly string[]) => ({ keys: trustedKeys(keys), forged: new Set(known) });
    expect(await ownerOf(store.pool, second, proving([]), (problem) => told.push(problem))).toBeUndefined();
    expect(told).toHaveLength(1);
    expect(await ownerOf(store.pool, second, proving([hash]), (problem) => told.push(problem))).toBeDefined();
    expect(await ownerOf(store.pool, second, proving([String(opened[0]?.hash)]), (problem) => told.push(problem))).toBe(
      undefined,
    );
    expect(told).toHaveLength(1);
    await wiser[Symbol.asyncDispose]();
  });
});

describe('what is forged is not given', () => {
  const forge = async (session: string): Promise<void> => {
    await append((await lastOf(session)).writer, [forged(session, { body: { rows: 1, note: 'forged by the role' } })]);
  };

  it("by the console's feed, which is over then", async () => {
    const heard: StoredEvent[] = [];
    const feed = new Feed({
      pool: store.pool,
      proofs: store.proofs,
      onProblem: (problem) => {
        throw new Error(problem);
      },
    });
    const { begun, stop } = feed.listen((events) => heard.push(...events));
    await begun;
    const session = await newSession('shown');
    await store.recorder.append(refused(session, timeOrderedId()));
    await forge(session);
    await expect.poll(() => feed.isOver).toBe(true);
    expect(heard.filter((event) => event.session === session).map(({ position }) => position)).toEqual([0, 1]);
    expect(problems).toEqual([expect.stringContaining('was not written by a gateway of ours')]);
    stop();
    // Nor by one who begins to look later.
    const later = feed.listen((events) => heard.push(...events));
    await later.begun;
    const before = heard.length;
    await newSession('later');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(heard).toHaveLength(before);
    later.stop();
  });

  it('by an export that goes on, nor by one for a SIEM', async () => {
    const from = await newestSequence(store.pool);
    const session = await newSession('exported');
    await store.recorder.append(refused(session, timeOrderedId()));
    await append((await lastOf(session)).writer, [
      forged(session, {
        st: timeOrderedId(),
        k: 'statement_refused',
        body: { ...refused(session, '').body, purpose: 'forged by the role' },
      }),
    ]);
    const request = { sessions: [], after: from, speed: 1, maxPauseMs: 1 };
    for (const [format, follows] of [
      ['jsonl', true],
      ['ocsf', true],
      ['ocsf', false],
    ] as const) {
      const out = join(folder, `${format}-${follows}`);
      await expect(
        exportSessions(store, { ...request, sessions: follows ? [] : [session], format, follow: follows, out }),
      ).rejects.toMatchObject({
        code: 'RECORD_IN_DOUBT',
        message: expect.stringMatching(/^Event 2 of session .* was not written by a gateway of ours/),
        hint: expect.stringContaining('snowfence verify'),
      });
      const text = await readFile(out, 'utf8').catch(() => '');
      expect(text).not.toContain('forged by the role');
      // What comes before it is given.
      expect(text).toContain(session);
    }
  });

  it('to a webhook, which does not get past it either, nor by hand', async () => {
    const secret = randomBytes(32);
    await using receiver = await Receiver.start(secret);
    const webhook: Webhook = {
      name: 'siem',
      url: receiver.url,
      secret,
      kinds: undefined,
      checkpoints: false,
      format: 'standard',
    };
    const delivery = (of: TranscriptStore): Delivery =>
      new Delivery({
        pool: thief,
        recorder: of.recorder,
        rows: of.rows,
        proofs: of.proofs,
        webhooks: [webhook],
        onProblem: () => undefined,
      });
    const first = delivery(store);
    await first.start();
    const session = await newSession('delivered');
    await store.recorder.append(refused(session, timeOrderedId()));
    const { writer } = await lastOf(session);
    const positions = (): number[] =>
      receiver.received.flatMap(({ payload: { data } }) =>
        data['session'] === session ? [Number(data['position'])] : [],
      );
    await expect.poll(positions).toEqual([0, 1]);
    await append(writer, [forged(session)]);
    await store.recorder.append(refused(session, timeOrderedId()));
    await expect.poll(() => problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^Event 2 of session/);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(positions()).toEqual([0, 1]);
    // As if it had been given up.
    await store.recorder.append({
      kind: 'delivery_given_up',
      sessionId: undefined,
      statementId: undefined,
      body: { webhook: 'siem', session, position: 2, problem: 'it answered 500' },
    });
    expect(await retryDead(store, webhook, async (event) => payloadOf(event))).toMatchObject({
      sent: 0,
      problem: expect.stringMatching(/^Event 2 of session/),
    });
    await first.stop();
    // Somebody has looked into it: the rest arrives.
    const [, hash = ''] = /its hash is (\w+)/.exec(problems[0] ?? '') ?? [];
    const wiser = await open({ forged: new Set([hash]) });
    const second = delivery(wiser);
    await second.start();
    await expect.poll(positions).toEqual([0, 1, 3]);
    await second.stop();
    await wiser[Symbol.asyncDispose]();
  });
});
