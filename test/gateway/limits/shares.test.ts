/** How many requests of one principal are worked on at a time: fewer, the more principals are here. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Shares } from '../../../dist/turns/shares.js';

const started = () => {
  let now = 0;
  return { shares: new Shares(() => now), pass: (ms: number) => (now += ms) };
};

/** Enters so often; answers how many are inside, and ends one of them. */
function crowd(shares: Shares, whose: string, count: number) {
  const inside: Disposable[] = [];
  let most = 0;
  let served = 0;
  const work = Array.from({ length: count }, async () => {
    const place = await shares.enter(whose);
    inside.push(place);
    most = Math.max(most, inside.length);
  });
  const end = async (): Promise<void> => {
    inside.shift()?.[Symbol.dispose]();
    served++;
    await turn();
    await turn();
  };
  return { inside, end, most: () => most, served: () => served, all: () => Promise.all(work) };
}

describe('requests of one principal', () => {
  it('are worked on eight at a time where nobody else is here, and all in the end', async () => {
    const { shares } = started();
    const ann = crowd(shares, 'ann', 20);
    await turn();
    expect(ann.inside).toHaveLength(8);
    for (let at = 0; at < 20; at++) await ann.end();
    await ann.all();
    expect([ann.most(), ann.inside.length]).toEqual([8, 0]);
  });

  it.each([
    [2, 4],
    [3, 2],
    [8, 1],
    [20, 1],
  ])('of %i principals %i at a time, whatever one of them sends', async (principals, most) => {
    const { shares } = started();
    for (let other = 1; other < principals; other++) (await shares.enter(`other-${other}`))[Symbol.dispose]();
    const ann = crowd(shares, 'ann', 16);
    await turn();
    expect(ann.inside).toHaveLength(most);
    // The others wait for nobody.
    for (let other = 1; other < principals; other++) (await shares.enter(`other-${other}`))[Symbol.dispose]();
    for (let at = 0; at < 16; at++) await ann.end();
    await ann.all();
    expect(ann.most()).toBe(most);
  });

  it('become more again once the others have gone', async () => {
    const { shares, pass } = started();
    for (let other = 1; other < 20; other++) (await shares.enter(`other-${other}`))[Symbol.dispose]();
    const ann = crowd(shares, 'ann', 16);
    await turn();
    expect(ann.inside).toHaveLength(1);
    pass(10_001);
    void shares.enter('ann').then((place) => place[Symbol.dispose]());
    await ann.end();
    expect(ann.inside.length).toBeGreaterThan(1);
  });

  it('give a place back once, however often that is said, and the next begins in a turn of its own', async () => {
    const { shares } = started();
    for (let other = 1; other < 20; other++) (await shares.enter(`other-${other}`))[Symbol.dispose]();
    const first = await shares.enter('ann');
    const order: string[] = [];
    const second = shares.enter('ann').then((place) => {
      order.push('second');
      return place;
    });
    const third = shares.enter('ann').then(() => order.push('third'));
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    setImmediate(() => order.push('others'));
    await Promise.resolve();
    expect(order).toEqual([]);
    (await second)[Symbol.dispose]();
    await third;
    expect(order[0]).toBe('second');
    expect(order).toHaveLength(3);
  });
});
