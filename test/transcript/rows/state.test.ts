/** Whoever holds the database gets nothing by rows about what is used up, where reading goes on, who is signed in and how far webhooks are. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { People } from '../../../dist/console/people/people.js';
import { type Cursor, Cursors } from '../../../dist/gateway/answer/cursors.js';
import { Breaks } from '../../../dist/transcript/checks/breaks.js';
import {
  asTime,
  DELIVERY_CONNECTIONS,
  Delivery,
  deadLetters,
  storePool,
  type TranscriptStore,
  timeOrderedId,
  withClient,
} from '../../../dist/transcript/index.js';
import { checkState } from '../../../dist/transcript/verify/state.js';
import { withinOneDay } from '../../support/day.js';
import { Receiver } from '../../support/outside/receiver.js';
import { startStore } from '../../support/store/own-store.js';
import { gatewayUrlOf } from '../../support/store/store.mjs';
import { actor, client, completed, cursorOf, putIn, refused, submitted } from '../fill.mjs';

const agent = { ...actor('sales-bot'), claims: {}, scopes: [], expiresAt: 0 };
const told: string[] = [];
const tell = (problem: string): void => void told.push(problem);

const { postgres, store, another, admin, end } = await startStore({ onIntegrityProblem: tell });
const other = await another();
const session = await store.sessions.find(agent, client, undefined);
afterAll(end);
beforeEach(() => {
  told.length = 0;
});

/** A copy of a row, and what puts it back. */
async function copyOf(table: string, condition: string): Promise<() => Promise<void>> {
  const { rows } = await admin.query(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE ${condition}`);
  expect(rows).toHaveLength(1);
  return async () => {
    await admin.query(`DELETE FROM ${table} t WHERE ${condition}`);
    await admin.query(`INSERT INTO ${table} SELECT * FROM jsonb_populate_record(NULL::${table}, $1::jsonb)`, [
      rows[0].row,
    ]);
  };
}

/** What `verify` finds. */
const breaks = (change = 'SELECT 1', hasKeys = false): Promise<readonly string[]> =>
  withClient(admin, async (connection) => {
    const found = new Breaks();
    await connection.query('BEGIN');
    await connection.query(change);
    await checkState(connection, found, hasKeys ? store.rows : undefined);
    await connection.query('ROLLBACK');
    return found.sorted.map(({ what }) => what);
  });

let count = 0;

describe('the bytes of a day', () => {
  beforeEach(() => withinOneDay());
  const record = (of: TranscriptStore, taken: object) =>
    of.recorder.append({ kind: 'bytes_taken', sessionId: session, statementId: timeOrderedId(), body: { ...taken } });
  const take = async (of: TranscriptStore, principal: string, bytes: number, limit = 100): Promise<boolean> => {
    const taken = await of.recorder.takeBytes(principal, bytes, limit);
    if (taken) await record(of, taken);
    return taken !== undefined;
  };
  const where = (principal: string): string => `t.principal = '${principal}'`;

  it.each([
    ['set to none', (name: string) => `UPDATE scan_budget SET bytes = 0 WHERE principal = '${name}'`],
    ['set to less', (name: string) => `UPDATE scan_budget SET bytes = 59 WHERE principal = '${name}'`],
    ['with another HMAC', (name: string) => `UPDATE scan_budget SET bytes = 1, mac = '' WHERE principal = '${name}'`],
    ['gone', (name: string) => `DELETE FROM scan_budget WHERE principal = '${name}'`],
    ['of another day', (name: string) => `UPDATE scan_budget SET day = day - 1 WHERE principal = '${name}'`],
    [
      'another principal’s',
      (name: string) =>
        `DELETE FROM scan_budget WHERE principal = '${name}'; UPDATE scan_budget SET principal = '${name}' WHERE principal = '${name} light'`,
    ],
  ])('%s gives nothing back', async (_, change) => {
    for (const gateway of [store, other]) {
      told.length = 0;
      // The day of the update is another one: what has no HMAC then counts for nothing.
      await admin.query(`UPDATE migration SET applied_at = now() - interval '3 days' WHERE name LIKE '023%'`);
      const name = `https://issuer.example bot-${++count}`;
      expect(await take(store, name, 60)).toBe(true);
      expect(await take(store, `${name} light`, 1)).toBe(true);
      expect(await breaks(change(name), true)).not.toEqual([]);
      await admin.query(change(name));
      expect(await take(gateway, name, 41)).toBe(false);
      expect(told).toHaveLength(1);
      // What is left is left.
      expect(await take(gateway, name, 40)).toBe(true);
      expect(await take(other, name, 1)).toBe(false);
      expect(await take(store, name, 1)).toBe(false);
      // It was mended, and the other one's row with it.
      await admin.query('DELETE FROM scan_budget WHERE day <> current_date');
      expect(await take(store, `${name} light`, 1)).toBe(true);
      expect(await breaks('SELECT 1', true)).toEqual([]);
    }
  });

  it('put back as they were, HMAC and all, give nothing back', async () => {
    for (const gateway of [store, other]) {
      told.length = 0;
      const name = `https://issuer.example bot-${++count}`;
      await take(store, name, 10);
      const putBack = await copyOf('scan_budget', where(name));
      await take(store, name, 60);
      await putBack();
      expect(await breaks('SELECT 1', true)).toEqual([
        expect.stringContaining('are shown as 10, and the record says 70'),
      ]);
      expect(await take(gateway, name, 31)).toBe(false);
      expect(told).toEqual([expect.stringContaining('was put back as it was before')]);
      expect(await take(gateway, name, 30)).toBe(true);
      expect(await breaks('SELECT 1', true)).toEqual([]);
    }
  });

  it('put back as another replica left them, HMAC and all, give nothing back', async () => {
    const name = `https://issuer.example bot-${++count}`;
    await take(store, name, 10);
    const putBackFirst = await copyOf('scan_budget', where(name));
    await take(other, name, 10);
    const putBackSecond = await copyOf('scan_budget', where(name));
    await take(store, name, 50);
    // To the other one it is the row that it left there itself.
    await putBackSecond();
    expect(await take(other, name, 40)).toBe(false);
    expect(told).toEqual([expect.stringContaining('was put back as it was before')]);
    expect(await take(other, name, 20)).toBe(true);
    // To this one it is one that it left there itself, or that the other one wrote.
    for (const putBack of [putBackFirst, putBackSecond]) {
      told.length = 0;
      await putBack();
      expect(await take(store, name, 11)).toBe(false);
      expect(await take(other, name, 11)).toBe(false);
    }
    expect(await take(store, name, 10)).toBe(true);
    expect(await take(other, name, 1)).toBe(false);
    expect(await breaks('SELECT 1', true)).toEqual([]);
  });

  it('put back before what was taken is written down, let nobody run by the same bytes twice', async () => {
    const name = `https://issuer.example bot-${++count}`;
    await take(store, name, 10);
    await take(other, name, 10);
    const putBack = await copyOf('scan_budget', where(name));
    const first = await store.recorder.takeBytes(name, 70, 100);
    await putBack();
    const second = await other.recorder.takeBytes(name, 60, 100);
    if (!first || !second) throw new Error('Both have to be taken.');
    expect(await store.recorder.isTakenTwice(first)).toBe(false);
    await record(other, second);
    expect(await other.recorder.isTakenTwice(second)).toBe(false);
    await record(store, first);
    expect(await store.recorder.isTakenTwice(first)).toBe(true);
    expect(told).toEqual([expect.stringContaining('more than one statement had the same ones')]);
    // Nothing is left for either.
    expect(await take(store, name, 1)).toBe(false);
    expect(await take(other, name, 1)).toBe(false);
    expect(await take(store, name, 1, 1000)).toBe(true);
    expect(await breaks('SELECT 1', true)).toEqual([]);
    // And one's own, taken one after the other, are none of others.
    const third = await store.recorder.takeBytes(`${name} more`, 10, 100);
    if (third) await record(store, third);
    await take(other, `${name} more`, 10);
    expect(third && (await store.recorder.isTakenTwice(third))).toBe(false);
  });

  it('are no fewer for events that nobody signed, whatever stands in them', async () => {
    const name = `https://issuer.example bot-${++count}`;
    await take(store, name, 10);
    const day = new Date().toISOString().slice(0, 10);
    for (const bytes of [-5, '-5', 'many', 1e300, null])
      await putIn(store.pool, store.recorder.writerOf(session), session, [
        { n: 1_000_000 + count++, k: 'bytes_taken', body: { principal: name, day, bytes } },
      ]);
    await admin.query('DELETE FROM scan_budget t WHERE t.principal = $1', [name]);
    expect(await take(other, name, 91)).toBe(false);
    expect(await take(other, name, 90)).toBe(true);
  });

  it('are counted to the byte by two replicas at once, and nobody is told of anything', async () => {
    const name = `https://issuer.example "bot" \\ ${'é\u2028\t'}${++count}`;
    const taken = await Promise.all(
      Array.from({ length: 120 }, (_, index) => take(index % 2 === 0 ? store : other, name, 1)),
    );
    expect(taken.filter(Boolean)).toHaveLength(100);
    expect(told).toEqual([]);
    expect(await breaks('SELECT 1', true)).toEqual([]);
  });

  it('of before the update count for at least what they say, on its day', async () => {
    await admin.query(`UPDATE migration SET applied_at = now() WHERE name LIKE '023%'`);
    const name = `https://issuer.example bot-${++count}`;
    await admin.query(
      `INSERT INTO scan_budget (principal, day, bytes, mac) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 70, '')`,
      [name],
    );
    expect(await breaks('SELECT 1', true)).toEqual([]);
    expect(await take(store, name, 31)).toBe(false);
    expect(await take(other, name, 30)).toBe(true);
    expect(told).toEqual([]);
  });
});

describe('a cursor', () => {
  beforeEach(async () => {
    await admin.query('DELETE FROM cursor');
  });
  const cursors = (of: TranscriptStore): Cursors => new Cursors(of);
  const made = async (by: Cursors): Promise<{ readonly text: string; readonly id: string }> => {
    const statementId = timeOrderedId();
    await store.recorder.append(submitted(session, statementId));
    await store.recorder.append(completed(session, statementId));
    const text = await by.make(agent, cursorOf(session, statementId));
    return { text, id: text.split('.')[0] ?? '' };
  };
  const found = async (by: Cursors, text: string): Promise<Cursor> => {
    const cursor = await by.find(agent, text);
    if (!cursor) throw new Error('There is no such cursor.');
    return cursor;
  };

  it.each([
    ['query_id', `'q of another'`],
    ['session_id', 'gen_random_uuid()'],
    ['statement_id', 'gen_random_uuid()'],
    ['end_row', '1000000'],
    ['bytes_left', '1000000'],
    ['granted', `'\\x00'`],
    ['sealed', `'\\x00'`],
    ['expires_at', `now() + interval '1 year'`],
    ['changes', '7'],
    ['mac', `'\\x00'`],
  ])('with another %s reads nothing', async (column, value) => {
    const by = cursors(store);
    const { text, id } = await made(by);
    const held = await found(by, text);
    const change = `UPDATE cursor SET ${column} = ${value} WHERE id = '${id}'`;
    expect(await breaks(change, true)).toContainEqual(
      expect.stringContaining('of cursor was not written by snowfence'),
    );
    await store.pool.query(change);
    expect(await by.takeBytes(held, 10)).toBe(0);
    expect(await by.find(agent, text)).toBeUndefined();
    expect(await cursors(other).find(agent, text)).toBeUndefined();
    expect(told.length).toBeGreaterThan(0);
  });

  it('that is given to another principal serves neither', async () => {
    const by = cursors(store);
    const { text, id } = await made(by);
    const thief = { ...agent, subject: 'thief' };
    await store.pool.query(`UPDATE cursor SET subject = 'thief' WHERE id = $1`, [id]);
    expect(await by.find(thief, text)).toBeUndefined();
    expect(await by.find(agent, text)).toBeUndefined();
    expect(told).toHaveLength(1);
    // Also to whoever has no key.
    expect(await breaks()).toEqual([expect.stringContaining('is somebody else')]);
    expect(await breaks(`UPDATE cursor SET query_id = 'another'`)).toContainEqual(
      expect.stringContaining('reads on in another result'),
    );
    await admin.query('DELETE FROM cursor');
  });

  it('that is put back as it was, HMAC and all, gives no bytes back', async () => {
    const by = cursors(store);
    const { text, id } = await made(by);
    const putBack = await copyOf('cursor', `t.id = '${id}'`);
    expect(await by.takeBytes(await found(by, text), 900)).toBe(900);
    await putBack();
    expect(await by.find(agent, text)).toBeUndefined();
    expect(told).toEqual([expect.stringContaining('pages were read since')]);
    await admin.query('DELETE FROM cursor');
  });

  it('shares its bytes between pages that are asked for at once, and gives back what they did not use', async () => {
    const [one, two] = [cursors(store), cursors(other)];
    const { text } = await made(one);
    const pages = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const by = index % 2 === 0 ? one : two;
        const cursor = await found(by, text);
        const taken = await by.takeBytes(cursor, 300);
        await by.giveBack(cursor, Math.min(taken, 50));
        return taken - Math.min(taken, 50);
      }),
    );
    expect(pages.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(1000);
    const { rows } = await admin.query('SELECT bytes_left::int AS n FROM cursor');
    expect(rows[0].n).toBe(1000 - pages.reduce((sum, bytes) => sum + bytes, 0));
    expect(told).toEqual([]);
    expect(await breaks('SELECT 1', true)).toEqual([]);
    await admin.query('DELETE FROM cursor');
  });
});

describe('a sign-in', () => {
  const ISSUER = 'https://issuer.example';
  const dora = { issuer: ISSUER, subject: 'dora', name: 'Dora', groups: ['stewards'], claims: {} };
  /** Events as if they were written so long ago. */
  const people = (ago = 0, of = store): People =>
    new People({
      pool: of.pool,
      rows: of.rows,
      record: (kind, body) =>
        of.recorder.append({
          kind,
          sessionId: undefined,
          statementId: undefined,
          body,
          at: new Date(Date.now() - ago),
        }),
      lifetimeMs: 3_600_000,
      idleMs: 3_000_000,
      roles: { reviewer: [{ issuers: [ISSUER], groups: ['stewards'] }], auditor: [], administrator: [] },
      secret: new Uint8Array(32),
    });
  const IS_DORA = `t.subject = 'dora'`;
  beforeEach(async () => {
    await admin.query('DELETE FROM person_session');
  });

  it.each([
    ['at once', 0, 0],
    ['and is told of', 120_000, 1],
  ])('that has ended opens nothing where its row is put back, %s', async (_, ago, tellings) => {
    const by = people(ago);
    const token = await by.open(dora);
    const putBack = await copyOf('person_session', IS_DORA);
    const who = (await by.find(token))?.who;
    if (!who) throw new Error('Dora is not signed in.');
    await by.close(who, 'asked');
    await putBack();
    for (const gateway of [by, people(0, other)]) {
      expect(await gateway.find(token)).toBeUndefined();
      expect(await gateway.isOpen(who.id)).toBe(false);
    }
    expect(told).toHaveLength(tellings * 2);
    expect(await breaks('SELECT 1', true)).toEqual([expect.stringContaining('has ended, and its row is there')]);
  });

  it('opens nothing by a token of before, where its row is put back', async () => {
    for (const ago of [0, 150_000]) {
      await admin.query('DELETE FROM person_session');
      told.length = 0;
      const by = people(ago);
      const token = await by.open(dora);
      const [row] = await store.rows.select(store.pool, 'person_session', `WHERE ${IS_DORA}`, []);
      if (!row) throw new Error('There is no row.');
      await store.rows.update(store.pool, 'person_session', row, {
        rotated_at: new Date(Date.now() - 11 * 60_000).toISOString(),
      });
      const putBack = await copyOf('person_session', IS_DORA);
      const next = (await by.find(token))?.next;
      expect((await by.find(next ?? ''))?.who.person.subject).toBe('dora');
      await putBack();
      if (ago === 0) {
        // For a moment the one before holds anyway: requests are under way with it.
        expect((await people(0, other).find(token))?.who.person.subject).toBe('dora');
        continue;
      }
      expect(await by.find(token)).toBeUndefined();
      expect(await people(0, other).find(token)).toBeUndefined();
      expect(told.length).toBeGreaterThan(0);
      expect(await breaks('SELECT 1', true)).toEqual([expect.stringContaining('its row is of before')]);
    }
  });

  it('ends for good where there are too many of one person', async () => {
    const by = people(120_000);
    const first = await by.open(dora);
    const putBack = await copyOf('person_session', IS_DORA);
    for (let index = 0; index < 20; index++) await by.open(dora);
    expect(await by.find(first)).toBeUndefined();
    const { rows } = await admin.query('SELECT count(*)::int AS n FROM person_session');
    expect(rows[0].n).toBe(20);
    await admin.query('DELETE FROM person_session');
    await putBack();
    expect(await by.find(first)).toBeUndefined();
    expect(told).toHaveLength(1);
  });

  it.each([
    [`UPDATE person_session SET groups = '{others}'`, 'with other groups'],
    [`UPDATE person_session SET subject = 'carl'`, 'shown as another person'],
    ['UPDATE person_session SET id = gen_random_uuid()', 'of nobody who signed in'],
  ])('is held against its event by verify: %s', async (change, what) => {
    await people().open(dora);
    expect(await breaks('SELECT 1', true)).toEqual([]);
    expect(await breaks(change)).toEqual([expect.stringContaining(what)]);
  });
});

describe('webhooks', () => {
  const secret = randomBytes(32);
  let pool: ReturnType<typeof storePool>;
  beforeAll(() => {
    pool = storePool(gatewayUrlOf(postgres.url), 30_000, DELIVERY_CONNECTIONS);
  });
  afterAll(() => pool.end());

  const hookOf = (name: string, url: string) => ({
    name,
    url,
    secret,
    kinds: undefined,
    checkpoints: false,
    format: 'standard' as const,
  });
  const running = async (name: string, url: string): Promise<Delivery> => {
    const delivery = new Delivery({
      pool,
      recorder: store.recorder,
      rows: store.rows,
      proofs: store.proofs,
      webhooks: [hookOf(name, url)],
      onProblem: () => undefined,
      patience: { giveUpMs: 0, backOffSeconds: [1] },
    });
    await delivery.start();
    return delivery;
  };
  const positionsOf = (receiver: Receiver, of: string): number[] =>
    receiver.received.flatMap(({ payload: { data } }) => (data['session'] === of ? [Number(data['position'])] : []));
  /** Delivers a session of three events, does something to the store, and delivers on with three more. */
  async function around(change: (name: string, of: string) => string): Promise<number[]> {
    const name = `state-${++count}`;
    const receiver = await Receiver.start(secret);
    let delivery: Delivery | undefined;
    try {
      delivery = await running(name, receiver.url);
      const of = await store.sessions.find(actor(`hooked-${count}`), client, undefined);
      for (let index = 0; index < 2; index++) await store.recorder.append(refused(of, timeOrderedId()));
      await expect.poll(() => positionsOf(receiver, of)).toEqual([0, 1, 2]);
      // It is sent before it is written down that it was.
      const place = () =>
        admin.query('SELECT position::int AS n FROM delivery WHERE webhook = $1 AND session_id = $2', [name, of]);
      await expect.poll(async () => (await place()).rows[0]?.n).toBe(3);
      await delivery.stop();
      expect(await breaks('SELECT 1', true)).toEqual([]);
      for (let index = 0; index < 3; index++) await store.recorder.append(refused(of, timeOrderedId()));
      // Nobody who waits says so: the next look has to find it.
      await admin.query('DELETE FROM pgboss.job');
      await admin.query(change(name, of));
      told.length = 0;
      receiver.received.length = 0;
      delivery = await running(name, receiver.url);
      await expect.poll(() => positionsOf(receiver, of).at(-1)).toBe(5);
      await delivery.stop();
      expect(await breaks('SELECT 1', true)).toEqual([]);
      return positionsOf(receiver, of);
    } finally {
      await delivery?.stop();
      await receiver[Symbol.asyncDispose]();
    }
  }

  it('go on where they were', async () => {
    expect(await around(() => 'SELECT 1')).toEqual([3, 4, 5]);
    expect(told).toEqual([]);
  });

  it.each([
    ['the end', '6'],
    ['beyond the end', '1000000'],
    ['one event on', '4'],
  ])('skip nothing where their place is set to %s', async (_, position) => {
    const set = (name: string, of: string): string =>
      `UPDATE delivery SET position = ${position} WHERE webhook = '${name}' AND session_id = '${of}'`;
    expect(await around(set)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(told).toEqual([expect.stringContaining('of delivery was not written by snowfence')]);
  });

  it('give nothing up early where a row says that they fail for long', async () => {
    const set = (name: string, of: string): string =>
      `UPDATE delivery SET failing_since = now() - interval '2 days', attempts = 99 WHERE webhook = '${name}' AND session_id = '${of}'`;
    expect(await around(set)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(told).toHaveLength(1);
  });

  it.each([
    ['set on', (name: string) => `UPDATE webhook SET since = now() + interval '1 year' WHERE name = '${name}'`],
    ['gone', (name: string) => `DELETE FROM webhook WHERE name = '${name}'`],
    ['without its HMAC', (name: string) => `UPDATE webhook SET since = now(), mac = '' WHERE name = '${name}'`],
  ])('begin where the record says where their beginning is %s', async (_, change) => {
    const both = (name: string): string => `${change(name)}; DELETE FROM delivery WHERE webhook = '${name}'`;
    expect(await around(both)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(told).toHaveLength(1);
  });

  it('begin with everything where both are gone', async () => {
    const early = await store.sessions.find(actor('early'), client, undefined);
    const name = `state-${++count}`;
    await store.pool.query(`INSERT INTO webhook (name, since, mac) VALUES ($1, now() + interval '1 year', '\\x00')`, [
      name,
    ]);
    const receiver = await Receiver.start(secret);
    const delivery = await running(name, receiver.url);
    await expect.poll(() => positionsOf(receiver, early)).toEqual([0]);
    await delivery.stop();
    await receiver[Symbol.asyncDispose]();
    // Whatever else this file has put into the record is told as well.
    expect(told).toContainEqual(expect.stringContaining(`The row ${name} of webhook`));
  });

  it('that gave something up have it listed by the record, and nothing takes it from there', async () => {
    const name = `state-${++count}`;
    const position = 3;
    await store.recorder.append({
      kind: 'delivery_given_up',
      sessionId: undefined,
      statementId: undefined,
      body: { webhook: name, session, position, problem: 'it answered 500' },
    });
    expect(await deadLetters(pool, name)).toMatchObject([{ webhook: name, session_id: session, position }]);
    await store.recorder.append({
      kind: 'delivery_retried',
      sessionId: undefined,
      statementId: undefined,
      body: { webhook: name, session, position },
    });
    expect(await deadLetters(pool, name)).toEqual([]);
  });

  it.each([
    [`UPDATE delivery SET position = 1000000`, 'is shown as having 1000000 events'],
    [`UPDATE delivery SET session_id = gen_random_uuid()`, 'of a session that has none'],
    [`UPDATE webhook SET since = since + interval '1 hour'`, 'and the record says otherwise'],
    ['DELETE FROM webhook', 'its row is gone'],
  ])('are held against the record by verify, also without keys: %s', async (change, what) => {
    const name = `state-${++count}`;
    const delivery = await running(name, 'http://127.0.0.1:9/');
    await delivery.stop();
    await store.rows.put(store.pool, 'delivery', {
      webhook: name,
      session_id: session,
      position: 1,
      attempts: 0,
      failing_since: null,
      problem: null,
      delivered_at: asTime(new Date()),
    });
    // One row alone, since sessions can't be doubled.
    const alone = `DELETE FROM delivery WHERE webhook <> '${name}' OR session_id <> '${session}'`;
    expect((await breaks(`${alone}; ${change}`)).join('\n')).toContain(what);
  });
});
