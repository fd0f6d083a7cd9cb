/** The queue's tables are the gateway role's. Whatever that role does there: what is behind comes, and what does not come is told of. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../../dist/server/report/metrics.js';
import { DELIVERY_CONNECTIONS, Delivery } from '../../../dist/transcript/index.js';
import { Receiver } from '../../support/outside/receiver.js';
import { startStore } from '../../support/store/own-store.js';
import { writeRefused } from '../fill.mjs';

let receiver: Receiver;
let delivery: Delivery | undefined;
let again: NodeJS.Timeout | undefined;
const secret = randomBytes(32);
const problems: string[] = [];
let count = 0;

// What is none of ours is told, and is none of this file's.
const { store, admin, pool: poolOf, end } = await startStore({ onIntegrityProblem: () => undefined });
/** With the password of the gateway's role. */
const thief = poolOf('gateway', 2);
const pool = poolOf('gateway', DELIVERY_CONNECTIONS + 1, 3000);
afterAll(end);
beforeEach(async () => {
  problems.length = 0;
  receiver = await Receiver.start(secret);
});
afterEach(async () => {
  clearInterval(again);
  await delivery?.stop();
  delivery = undefined;
  await receiver[Symbol.asyncDispose]();
  await admin.query('DELETE FROM pgboss.job');
});

/** Resolves once it looks after its sessions, whether the queue starts or not. */
async function deliver(keptMs = 60_000): Promise<string> {
  const name = `queue-${++count}`;
  delivery = new Delivery({
    pool,
    recorder: store.recorder,
    rows: store.rows,
    proofs: store.proofs,
    webhooks: [{ name, url: receiver.url, secret, kinds: undefined, checkpoints: false, format: 'standard' }],
    onProblem: (problem) => problems.push(problem),
    patience: { backOffSeconds: [1], sweepMs: 300, keptMs },
  });
  void delivery.start();
  await expect.poll(async () => (await admin.query('SELECT FROM webhook WHERE name = $1', [name])).rowCount).toBe(1);
  return name;
}
const write = (name: string, events: number) => writeRefused(store, name, events);
const positionsOf = (session: string): number[] =>
  receiver.received.flatMap(({ payload: { data } }) => (data['session'] === session ? [Number(data['position'])] : []));
const comes = (session: string, positions: readonly number[]): Promise<void> =>
  expect.poll(() => [...new Set(positionsOf(session))]).toEqual(positions);
/** From now on, every few milliseconds. */
async function goOn(sql: string, values: readonly unknown[] = []): Promise<void> {
  await thief.query(sql, [...values]);
  again = setInterval(() => void thief.query(sql, [...values]).catch(() => undefined), 10);
}

describe('what is behind is delivered', () => {
  it.each([
    ['is put off for years', '{}', 'created', `interval '10 years'`],
    ['is cancelled', '{}', 'cancelled', `interval '0'`],
    ['is malformed', '{"webhook": 7}', 'created', `interval '0'`],
    ['is no object', '[[1]]', 'created', `interval '0'`],
  ])('where the job that waits for it %s', async (_, data, state, after) => {
    const name = await deliver();
    const session = await write(`job-${count}`, 0);
    await comes(session, [0]);
    await goOn(
      `WITH gone AS (DELETE FROM pgboss.job WHERE state < 'active' AND data->>'session' = $2)
       INSERT INTO pgboss.job (name, data, singleton_key, start_after, policy, state, keep_until, priority)
       VALUES ('deliver', $3, $1, now() + ${after}, 'short', '${state}', now() + interval '20 years', 1000) ON CONFLICT DO NOTHING`,
      [`${name} ${session}`, session, data],
    );
    await write(`job-${count}`, 3);
    await comes(session, [0, 1, 2, 3]);
  });

  it.each([
    ['its jobs are taken out', `DELETE FROM pgboss.job WHERE state < 'active'`],
    ['its jobs pass for done', `UPDATE pgboss.job SET state = 'completed' WHERE state < 'active'`],
    ['its jobs are put off', `UPDATE pgboss.job SET start_after = now() + interval '1 year' WHERE state < 'active'`],
    ['its jobs are another queue’s', `UPDATE pgboss.job SET data = '{}' WHERE state < 'active'`],
  ])('where %s', async (_, change) => {
    await deliver();
    await goOn(change);
    const session = await write(`jobs-${count}`, 3);
    await comes(session, [0, 1, 2, 3]);
  });

  it('where its place is set to the end each time, and its jobs are taken out', async () => {
    await deliver();
    await goOn(`WITH gone AS (DELETE FROM pgboss.job WHERE state < 'active')
      UPDATE delivery d SET position = c.length FROM chain c WHERE c.session_id = d.session_id AND d.position <> c.length`);
    const session = await write(`end-${count}`, 3);
    await comes(session, [0, 1, 2, 3]);
  });

  it('where the queue is not there, or is of another version', async () => {
    await admin.query('CREATE TABLE kept AS SELECT * FROM pgboss.queue');
    await admin.query('DELETE FROM pgboss.queue');
    await admin.query('UPDATE pgboss.version SET version = version + 70');
    try {
      await deliver();
      const session = await write(`no-queue-${count}`, 2);
      await comes(session, [0, 1, 2]);
      expect(problems.join()).toContain('The queue of webhooks could not be started');
    } finally {
      await admin.query('UPDATE pgboss.version SET version = version - 70');
      await admin.query('INSERT INTO pgboss.queue SELECT * FROM kept');
      await admin.query('DROP TABLE kept');
    }
  });

  it('once more where it failed, and nothing is queued for its next try', async () => {
    await deliver();
    await goOn(`DELETE FROM pgboss.job WHERE state < 'active'`);
    receiver.answers.push(500, 500, 500);
    const session = await write(`failed-${count}`, 1);
    await comes(session, [0, 1]);
  });

  it('whatever its place among all sessions, and however many rows of none there are', async () => {
    await admin.query(
      `INSERT INTO chain (session_id, length, hash, last_at)
       SELECT lpad(to_hex(n), 32, '0')::uuid, 0, '', '2020-01-01' FROM generate_series(1, 5100) n`,
    );
    try {
      const name = await deliver();
      await thief.query(
        `INSERT INTO delivery (webhook, session_id, position, problem, mac)
         SELECT $1, lpad(to_hex(n + 10000), 32, '0')::uuid, 0, repeat('x', 10000), '' FROM generate_series(1, 3000) n`,
        [name],
      );
      await goOn(`DELETE FROM pgboss.job WHERE state < 'active'`);
      const session = await write(`late-${count}`, 1);
      await comes(session, [0, 1]);
    } finally {
      await admin.query(`DELETE FROM chain WHERE last_at = '2020-01-01'`);
    }
  });
});

describe('what is behind for long is told of', () => {
  const alarm = async (): Promise<string> => {
    const metrics = new Metrics({
      policies: { isSound: () => true, isHeldBack: () => false },
      behind: () => delivery?.behind ?? 0,
      connections: () => 0,
      warehouse: () => undefined,
      approvals: async () => undefined,
    });
    return metrics.registry.getSingleMetricAsString('snowfence_webhooks_behind');
  };

  it.each([
    ['a session', 'SELECT FROM delivery WHERE webhook = $1 FOR UPDATE', /has had news for/],
    // Where the session was seen to be behind just before, that is what is told.
    ['all of them', 'LOCK TABLE delivery IN ACCESS EXCLUSIVE MODE', /have not been gone through|has had news for/],
  ])('where somebody keeps %s, and over once nobody does', async (_, lock, words) => {
    const name = await deliver(2000);
    const session = await write(`told-${count}`, 1);
    await comes(session, [0, 1]);
    // Where that took its time it was told of.
    await expect.poll(() => delivery?.problemOf(name)).toBeUndefined();
    await expect.poll(alarm).toMatch(/behind 0\n?$/);
    problems.length = 0;
    const other = await thief.connect();
    try {
      await other.query('BEGIN');
      await other.query(lock, lock.includes('$1') ? [name] : []);
      await goOn(`DELETE FROM pgboss.job WHERE state < 'active'`);
      await write(`told-${count}`, 1);
      await expect.poll(() => delivery?.problemOf(name)).toMatch(words);
      await expect.poll(() => problems.join('\n')).toMatch(words);
      await expect.poll(alarm).toMatch(/behind 1\n?$/);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    await comes(session, [0, 1, 2]);
    await expect.poll(() => delivery?.problemOf(name)).toBeUndefined();
    await expect.poll(alarm).toMatch(/behind 0\n?$/);
  });

  it('and not where it fails: that is in its row', async () => {
    const name = await deliver(5000);
    // For longer than that.
    receiver.answers.push(...Array.from({ length: 8 }, () => 500));
    const session = await write(`fails-${count}`, 1);
    await comes(session, [0, 1]);
    expect(delivery?.problemOf(name)).toBeUndefined();
    expect(problems).toEqual([]);
  });
});
