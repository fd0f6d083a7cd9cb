import { describe, expect, it } from 'vitest';
import { isEnough } from '../../dist/approval/index.js';

const [OURS, THEIRS] = ['https://issuer.example', 'https://other.example'];

const asks = (...wanted: [string, number, string?][]) =>
  wanted.map(([group, count, issuer = OURS]) => ({
    issuers: [issuer],
    groups: group.split('|'),
    count,
    rule: 'p.yaml:1',
  }));
const of = (issuer: string, ...people: string[][]) => people.map((groups) => ({ issuer, groups }));

describe('enough people have agreed', () => {
  it.each([
    ['nobody', asks(['a', 1]), [], false],
    ['one of the group', asks(['a', 1]), of(OURS, ['a']), true],
    ['somebody else', asks(['a', 1]), of(OURS, ['b']), false],
    ['one of a group of that name at another issuer', asks(['a', 1]), of(THEIRS, ['a']), false],
    ['an issuer with a slash at its end', asks(['a', 1]), of(`${OURS}/`, ['a']), true],
    ['two issuers, two persons of the first', asks(['a', 1], ['a', 1, THEIRS]), of(OURS, ['a'], ['a']), false],
    ['two issuers, one of each', asks(['a', 1], ['a', 1, THEIRS]), [...of(OURS, ['a']), ...of(THEIRS, ['a'])], true],
    [
      'a requirement from before issuers were named',
      asks(['a', 1]).map((one) => ({ ...one, issuers: [] })),
      of(OURS, ['a']),
      false,
    ],
    ['two of M', asks(['a', 2]), of(OURS, ['a'], ['a', 'b']), true],
    ['one of two', asks(['a', 2]), of(OURS, ['a']), false],
    ['two groups, one person of the first', asks(['a', 1], ['b', 1]), of(OURS, ['a']), false],
    ['two groups, two persons of the first', asks(['a', 1], ['b', 1]), of(OURS, ['a'], ['a']), false],
    ['two groups, one of each', asks(['a', 1], ['b', 1]), of(OURS, ['a'], ['b']), true],
    ['one person in both groups counts once', asks(['a', 1], ['b', 1]), of(OURS, ['a', 'b']), false],
    ['who can sit elsewhere makes room', asks(['a', 1], ['b', 1]), of(OURS, ['a', 'b'], ['a']), true],
    ['two hops of making room', asks(['a|b', 1], ['b|c', 1], ['a', 1]), of(OURS, ['a', 'b'], ['b', 'c'], ['a']), true],
  ])('%s', (_name, requirements, approvers, expected) => expect(isEnough(requirements, approvers)).toBe(expected));
});
