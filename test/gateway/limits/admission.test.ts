/** What one principal may cost, and that others have their turn whatever it sends. */
import { describe, expect, it, vi } from 'vitest';
import { Admission, DEFAULT_LIMITS, type Limits, NotAdmitted } from '../../../dist/gateway/limits/admission.js';
import { LONG_TEXT, LongTexts } from '../../../dist/gateway/limits/long-texts.js';
import { FairGate } from '../../../dist/turns/fair.js';

const ANN = { issuer: 'https://i', subject: 'ann' };
const BOB = { issuer: 'https://i', subject: 'bob' };
/** Of another issuer, and somebody else. */
const OTHER_ANN = { issuer: 'https://j', subject: 'ann' };

const admission = (limits: Partial<Limits>) => {
  const notes: Readonly<Record<string, unknown>>[] = [];
  return { gate: new Admission({ ...DEFAULT_LIMITS, ...limits }, (body) => void notes.push(body)), notes };
};
const isLet = (place: object): place is Disposable => Symbol.dispose in place;

describe('a principal', () => {
  it('has so many requests in a minute', async () => {
    const { gate } = admission({ requestsPerMinute: 3 });
    for (let at = 0; at < 3; at++) expect(isLet(await gate.request(ANN))).toBe(true);
    const turned = await gate.request(ANN);
    expect(turned).toEqual({ message: 'You may send 3 requests in a minute.', retryAfterSeconds: expect.any(Number) });
    expect(isLet(await gate.request(BOB))).toBe(true);
    expect(isLet(await gate.request(OTHER_ANN))).toBe(true);
  });

  it('has so many downloads at a time, and all of them together no more than fit', () => {
    const { gate, notes } = admission({ downloads: 2 });
    const places = [gate.download(ANN), gate.download(ANN)];
    expect(places.map(isLet)).toEqual([true, true]);
    expect(gate.download(ANN)).toMatchObject({ message: 'You may have 2 downloads under way.' });
    expect(notes).toEqual([{ issuer: 'https://i', subject: 'ann', limit: 'downloads', count: 1 }]);
    const others = Array.from({ length: 14 }, (_, at) =>
      gate.download({ issuer: 'https://i', subject: `other ${at}` }),
    );
    expect(others.every(isLet)).toBe(true);
    // Not told as theirs: it is everybody's.
    expect(gate.download(BOB)).toMatchObject({ message: '16 downloads of others are under way.' });
    expect(notes).toHaveLength(1);
    const [first] = places;
    if (first && isLet(first)) first[Symbol.dispose]();
    expect(isLet(gate.download(BOB))).toBe(true);
    gate.flush();
  });

  it('has so many requests and streams at a time', async () => {
    const { gate } = admission({ requestsAtOnce: 2, streams: 1 });
    const first = await gate.request(ANN);
    await gate.request(ANN);
    expect(isLet(await gate.request(ANN))).toBe(false);
    expect(isLet(gate.call(ANN))).toBe(false);
    if (isLet(first)) {
      first[Symbol.dispose]();
      // Given back once, however often that is said.
      first[Symbol.dispose]();
    }
    expect(isLet(gate.call(ANN))).toBe(true);
    expect(isLet(gate.call(ANN))).toBe(false);
    const stream = gate.stream(ANN);
    expect(isLet(gate.stream(ANN))).toBe(false);
    expect(isLet(gate.stream(BOB))).toBe(true);
    if (isLet(stream)) stream[Symbol.dispose]();
    expect(isLet(gate.stream(ANN))).toBe(true);
  });

  it('has so many refusals, so much text and so many sessions in an hour', async () => {
    const { gate } = admission({ refusalsPerHour: 2, textPerHour: 100, sessionsPerHour: 1 });
    await gate.refused(ANN);
    await gate.statement(ANN, ['SELECT 1']);
    await gate.refused(ANN);
    await expect(gate.statement(ANN, ['SELECT 1'])).rejects.toMatchObject({
      denial: {
        code: 'LIMIT_REACHED',
        message: '2 of your statements were refused within an hour.',
        hint: expect.stringMatching(/^Try again in \d+ s\.$/),
      },
    });
    await gate.statement(BOB, ['x'.repeat(60)]);
    await expect(gate.statement(BOB, ['é'.repeat(30)])).rejects.toThrow(
      'You may send 100 bytes of statements in an hour.',
    );
    await gate.session(ANN);
    await expect(gate.session(ANN)).rejects.toBeInstanceOf(NotAdmitted);
    await gate.session(BOB);
  });

  it('is written down as turned away at once, and then as a number', async () => {
    const { gate, notes } = admission({ requestsPerMinute: 1 });
    for (let at = 0; at < 6; at++) await gate.request(ANN);
    expect(notes).toEqual([{ ...ANN, limit: 'requests', count: 1 }]);
    gate.flush();
    expect(notes).toEqual([
      { ...ANN, limit: 'requests', count: 1 },
      { ...ANN, limit: 'requests', count: 4 },
    ]);
    gate.flush();
    expect(notes).toHaveLength(2);
  });
});

it('a gate lets those that wait in by turns', async () => {
  const gate = new FairGate(1);
  const order: string[] = [];
  const held = await gate.enter('flood');
  const all = ['flood', 'flood', 'flood', 'ann', 'flood', 'bob', 'ann'].map(async (whose) => {
    const place = await gate.enter(whose);
    order.push(whose);
    await Promise.resolve();
    place[Symbol.dispose]();
    place[Symbol.dispose]();
  });
  held[Symbol.dispose]();
  await Promise.all(all);
  expect(order).toEqual(['flood', 'ann', 'bob', 'flood', 'ann', 'flood', 'flood']);
  // Nobody is left inside.
  (await gate.enter('x'))[Symbol.dispose]();
});

it('a gate lets one hold no more than their part, and keeps the order of those that may', async () => {
  const gate = new FairGate(4, 2);
  const inside: string[] = [];
  const enter = async (whose: string) => {
    const place = await gate.enter(whose);
    inside.push(whose);
    return () => {
      inside.splice(inside.indexOf(whose), 1);
      place[Symbol.dispose]();
    };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const flood = Array.from({ length: 20 }, () => enter('flood'));
  await settled();
  // Two places stay free for whoever comes next.
  expect(inside).toEqual(['flood', 'flood']);
  const ann = await enter('ann');
  const bob = await enter('bob');
  expect(inside).toEqual(['flood', 'flood', 'ann', 'bob']);
  const carl = enter('carl');
  ann();
  await settled();
  expect(inside).toEqual(['flood', 'flood', 'bob', 'carl']);
  bob();
  await settled();
  expect(inside).toEqual(['flood', 'flood', 'carl']);
  for (const waiting of flood) {
    (await waiting)();
    await settled();
    expect(inside.filter((whose) => whose === 'flood').length).toBeLessThanOrEqual(2);
  }
  (await carl)();
  expect(inside).toEqual([]);
});

describe('long statements', () => {
  it('are no matter where nobody else is, and wait where somebody is', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    try {
      const texts = new LongTexts(1);
      const read = async (whose: string, ms: number) => {
        const turn = await texts.enter(whose, LONG_TEXT);
        if (typeof turn === 'number') return turn;
        vi.advanceTimersByTime(ms);
        turn?.[Symbol.dispose]();
        return undefined;
      };
      expect(await read('ann', 100)).toBeUndefined();
      expect(await read('ann', 100)).toBeUndefined();
      expect(await texts.enter('bob', 10)).toBeUndefined();
      // One part in a hundred of the time: 100 ms of reading, as many for the record, then 19.8 s of rest.
      expect(await read('ann', 100)).toBe(19_800);
      expect(await read('bob', 100)).toBeUndefined();
      expect(await texts.enter('ann', LONG_TEXT - 1)).toBeUndefined();
      vi.advanceTimersByTime(19_800);
      await texts.enter('bob', 10);
      expect(await read('ann', 100)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });
});
