import { describe, expect, it } from 'vitest';
import { isEnough } from '../../dist/approval/index.js';

const asks = (...wanted: [string, number][]) =>
  wanted.map(([group, count]) => ({ groups: group.split('|'), count, rule: 'p.yaml:1' }));

describe('enough people have agreed', () => {
  it.each([
    ['nobody', asks(['a', 1]), [], false],
    ['one of the group', asks(['a', 1]), [['a']], true],
    ['somebody else', asks(['a', 1]), [['b']], false],
    ['two of M', asks(['a', 2]), [['a'], ['a', 'b']], true],
    ['one of two', asks(['a', 2]), [['a']], false],
    ['two groups, one person of the first', asks(['a', 1], ['b', 1]), [['a']], false],
    ['two groups, two persons of the first', asks(['a', 1], ['b', 1]), [['a'], ['a']], false],
    ['two groups, one of each', asks(['a', 1], ['b', 1]), [['a'], ['b']], true],
    ['one person in both groups counts once', asks(['a', 1], ['b', 1]), [['a', 'b']], false],
    ['who can sit elsewhere makes room', asks(['a', 1], ['b', 1]), [['a', 'b'], ['a']], true],
    ['two hops of making room', asks(['a|b', 1], ['b|c', 1], ['a', 1]), [['a', 'b'], ['b', 'c'], ['a']], true],
  ])('%s', (_name, requirements, approvers, expected) => expect(isEnough(requirements, approvers)).toBe(expected));
});
