/** Webhooks: signed, in order, again until they arrive, given up in the end. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  DELIVERY_CONNECTIONS,
  Delivery,
  deadLetters,
  deliveryStates,
  type EventKind,
  payloadOf,
  reached,
  readWebhookSecret,
  retryDead,
  type StoredEvent,
  timeOrderedId,
  type Webhook,
} from '../../../dist/transcript/index.js';
import { Receiver } from '../../support/outside/receiver.js';
import { startStore } from '../../support/store/own-store.js';
import { refused, writeRefused } from '../fill.mjs';

let receiver: Receiver;
let delivery: Delivery | undefined;
const secret = randomBytes(32);
const asRecord = async (event: StoredEvent): Promise<string> => payloadOf(event);
let count = 0;

const { store, admin, pool: poolOf, end } = await startStore();
const pool = poolOf('gateway', DELIVERY_CONNECTIONS);
afterAll(end);
beforeEach(async () => {
  receiver = await Receiver.start(secret);
});
afterEach(async () => {
  await delivery?.stop();
  delivery = undefined;
  await receiver[Symbol.asyncDispose]();
  expect(receiver.problems).toEqual([]);
});

interface Watched {
  readonly by?: typeof pool;
  readonly keptMs?: number;
  readonly onProblem?: (problem: string) => void;
}

async function deliver(
  giveUpMs: number,
  kinds?: readonly EventKind[],
  { by = pool, keptMs, onProblem = () => undefined }: Watched = {},
): Promise<Webhook> {
  const webhook: Webhook = {
    name: `hook-${++count}`,
    url: receiver.url,
    secret,
    kinds: kinds && new Set(kinds),
    checkpoints: false,
    format: 'standard',
  };
  delivery = new Delivery({
    pool: by,
    recorder: store.recorder,
    rows: store.rows,
    proofs: store.proofs,
    webhooks: [webhook],
    onProblem,
    patience: { giveUpMs, backOffSeconds: [1], ...(keptMs === undefined ? {} : { keptMs }) },
  });
  await delivery.start();
  return webhook;
}

const write = (name: string, events: number) => writeRefused(store, name, events);
const positionsOf = (session: string): number[] =>
  receiver.received.flatMap(({ payload: { data } }) => (data['session'] === session ? [Number(data['position'])] : []));

describe('webhooks', () => {
  it('bring every event, signed, in the order of its session', async () => {
    await deliver(60_000);
    const sessions = await Promise.all(['a', 'b', 'c'].map((name) => write(`order-${name}`, 12)));
    for (const session of sessions)
      await expect.poll(() => positionsOf(session)).toEqual(Array.from({ length: 13 }, (_, at) => at));
    const [first] = receiver.received;
    expect(first?.payload.data).toMatchObject({ type: 'event', hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(receiver.received.map(({ payload }) => payload.type)).toContain('statement.refused');
    // One id for each event, the same at each try: what receivers know doubles by.
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(receiver.received.length);
  });

  it('bring only what was asked for', async () => {
    await deliver(60_000, ['session_opened']);
    const session = await write('kinds', 3);
    await expect.poll(() => positionsOf(session)).toEqual([0]);
    await expect
      .poll(
        async () =>
          (
            await admin.query('SELECT position::int AS n FROM delivery WHERE session_id = $1 AND webhook = $2', [
              session,
              `hook-${count}`,
            ])
          ).rows[0]?.n,
      )
      .toBe(4);
    expect(positionsOf(session)).toEqual([0]);
  });

  it('come again until they are taken, and nothing overtakes them', async () => {
    receiver.answers.push(500, { location: 'http://127.0.0.1:9/elsewhere' }, 503);
    const { name } = await deliver(60_000);
    const session = await write('again', 4);
    await expect.poll(() => positionsOf(session)).toEqual([0, 1, 2, 3, 4]);
    // Of each session one event is tried again, and each in its own time.
    await expect
      .poll(() => deliveryStates(pool))
      .toContainEqual(expect.objectContaining({ webhook: name, failing: 0, dead: 0 }));
  });

  it('are given up in the end, visibly, and the rest goes on', async () => {
    receiver.answers.push(...Array.from({ length: 3 }, () => 500));
    // What is told of the deliveries themselves is not sent: it would take answers that are meant for others.
    const webhook = await deliver(0, ['session_opened', 'statement_refused']);
    const session = await write('dead', 2);
    await expect.poll(() => positionsOf(session).at(-1)).toBe(2);
    await expect
      .poll(() => deliveryStates(pool))
      .toContainEqual(expect.objectContaining({ webhook: webhook.name, failing: 0 }));
    expect(receiver.answers).toEqual([]);
    const dead = await deadLetters(pool, webhook.name);
    expect(dead.length).toBeGreaterThan(0);
    expect(dead[0]).toMatchObject({ problem: 'it answered 500' });
    const { rows } = await admin.query(
      "SELECT body FROM event WHERE kind = 'delivery_given_up' AND body->>'webhook' = $1",
      [webhook.name],
    );
    expect(rows).toHaveLength(dead.length);
    // Once more, by hand.
    receiver.answers.push(500);
    expect(await retryDead(store, webhook, asRecord)).toEqual({ sent: 0, problem: 'it answered 500' });
    expect(await retryDead(store, webhook, asRecord)).toEqual({ sent: dead.length, problem: undefined });
    expect(await deadLetters(pool, webhook.name)).toEqual([]);
    const all = receiver.received.map(({ payload: { data } }) => `${data['session']}.${data['position']}`);
    for (const { session_id: id, position } of dead) expect(all).toContain(`${id}.${position}`);
  });

  it.each(['webhook_added', 'pgboss.version'])(
    'begin although the store did not answer at first: %s',
    async (asked) => {
      let failed = 0;
      const away: typeof pool = Object.create(pool, {
        query: {
          value: async (...values: Parameters<typeof pool.query>) => {
            if (failed < 2 && JSON.stringify(values).includes(asked)) {
              failed++;
              throw new Error('timeout expired');
            }
            return pool.query(...values);
          },
        },
      });
      await deliver(60_000, undefined, { by: away });
      expect(failed).toBe(2);
      const session = await write(`late ${asked}`, 2);
      await expect.poll(() => positionsOf(session)).toEqual([0, 1, 2]);
    },
  );

  it('tell whom they have reached: sent, on its way, given up, sent after all', async () => {
    const { rows } = store;
    const one = { name: 'of-nobody' };
    // Tried twice, and given up.
    receiver.answers.push(500, 500);
    const webhook = await deliver(0, ['statement_refused']);
    const session = await write('reached', 2);
    const { rows: events } = await admin.query<{ id: string }>(
      'SELECT statement_id AS id FROM event WHERE session_id = $1 AND statement_id IS NOT NULL ORDER BY position',
      [session],
    );
    const stateOf = async (statement = '') =>
      (await reached({ pool, rows, webhooks: [webhook, one] }, 'statement_refused', { session, statement })).map(
        ({ state }) => state,
      );
    const [first, second] = events.map(({ id }) => id);
    // Nothing of ours says that it came to a webhook that is not there.
    await expect.poll(() => stateOf(second)).toEqual(['sent', 'on its way']);
    await expect.poll(() => stateOf(first)).toEqual(['given up', 'on its way']);
    expect(await retryDead(store, webhook, asRecord)).toEqual({ sent: 1, problem: undefined });
    expect(await stateOf(first)).toEqual(['sent', 'on its way']);
    // Nor does anything of a statement that never was.
    expect(await stateOf(timeOrderedId())).toEqual(['on its way', 'on its way']);
  });

  it('say so where somebody keeps a place locked', async () => {
    const problems: string[] = [];
    const { name } = await deliver(60_000, undefined, { keptMs: 300, onProblem: (text) => problems.push(text) });
    const session = await write('kept', 1);
    await expect.poll(() => positionsOf(session)).toEqual([0, 1]);
    const other = await admin.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM delivery WHERE webhook = $1 AND session_id = $2 FOR UPDATE', [name, session]);
      await expect
        .poll(
          async () => {
            await store.recorder.append(refused(session, timeOrderedId()));
            return problems.join();
          },
          { interval: 500 },
        )
        .toContain(`its place in session ${session} locked`);
      expect(positionsOf(session)).toEqual([0, 1]);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    // … and goes on once it is not.
    await store.recorder.append(refused(session, timeOrderedId()));
    await expect.poll(() => positionsOf(session).slice(0, 3)).toEqual([0, 1, 2]);
  });

  it('are found by the next process where one died before it could say that there is news', async () => {
    const session = await write('silent', 2);
    // Of before rows had HMACs: its beginning is taken up.
    await admin.query("INSERT INTO webhook (name, since, mac) VALUES ($1, now() - interval '1 hour', '')", [
      `hook-${count + 1}`,
    ]);
    await deliver(60_000);
    await expect.poll(() => positionsOf(session)).toEqual([0, 1, 2]);
  });
});

it('take secrets as the specification writes them', () => {
  expect(readWebhookSecret(`whsec_${secret.toString('base64')}\n`)).toEqual(secret);
  expect(() => readWebhookSecret('whsec_c2hvcnQ=')).toThrow('24 to 64 bytes');
  expect(() => readWebhookSecret('not base64!')).toThrow();
});
