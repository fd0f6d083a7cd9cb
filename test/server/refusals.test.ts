/** Anybody may knock without a token, or come back from a sign-in that never was: what that writes is bounded over all senders. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { networkOf } from '../../dist/network/addresses.js';
import { Refusals } from '../../dist/server/runtime/refusals.js';

type Body = Record<string, unknown>;
const sum = (bodies: readonly Body[]): number => bodies.reduce((all, { count }) => all + Number(count), 0);

describe('refused tokens and sign-ins', () => {
  let written: Body[];
  let refusals: Refusals;
  beforeEach(() => {
    vi.useFakeTimers();
    written = [];
    refusals = new Refusals((body) => written.push(body));
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are written down at once, and repeated ones once a minute as a number', () => {
    expect([1, 2, 3].map(() => refusals.add('expired', '10.0.0.9'))).toEqual([true, false, false]);
    expect(refusals.add('expired', '10.0.0.8')).toBe(true);
    expect(written).toEqual(['10.0.0.9', '10.0.0.8'].map((address) => ({ problem: 'expired', address, count: 1 })));
    vi.advanceTimersByTime(60_000);
    expect(written.slice(2)).toEqual([{ problem: 'expired', address: '10.0.0.9', count: 2 }]);
  });

  it('are some dozens a minute, and some hundreds an hour, from however many senders and of however many kinds', () => {
    let knocks = 0;
    for (let minute = 0; minute < 60; minute++) {
      const before = written.length;
      for (let sender = 0; sender < 5000; sender++, knocks++)
        refusals.add(`kind ${sender % 7} ${minute}`, `10.${minute}.${sender >> 8}.${sender & 255}`);
      vi.advanceTimersByTime(60_000);
      expect(written.length - before).toBeLessThanOrEqual(41);
    }
    expect(written.length).toBeLessThanOrEqual(260);
    // None is lost.
    expect(sum(written)).toBe(knocks);
    // An hour later senders are named again.
    expect(refusals.add('expired', '10.0.0.1')).toBe(true);
  });

  it('of one network of IPv6 are one sender', () => {
    const isWritten = Array.from({ length: 500 }, (_, n) => refusals.add('missing', `2001:db8:1:2::${n.toString(16)}`));
    expect(isWritten.filter(Boolean)).toHaveLength(1);
    refusals.flush();
    expect(written.map(({ count }) => count)).toEqual([1, 499]);
  });
});

describe('a sender', () => {
  it.each([
    ['10.0.0.9', '10.0.0.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1:0:0:6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::ffff:10.0.0.9', '10.0.0.9'],
    ['::ffff:a00:9', '10.0.0.9'],
    ['nowhere', 'nowhere'],
    [undefined, undefined],
  ])('at %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
