/** By how much a change may pass what its reviewers were told. */
import { describe, expect, it } from 'vitest';
import { mostRows } from '../../../dist/gateway/weigh/bounded.js';
import { PolicyProblems, type Tolerance, type Verdict } from '../../../dist/policy/index.js';
import { policyOf, setOf } from '../../support/policies.mjs';

async function toleranceOf(text: string): Promise<Tolerance | undefined> {
  const { policies } = await setOf(
    policyOf(`rules:\n  - approve: [delete]\n    on: [DB.S.*]\n    by: { groups: [s]${text} }\n`),
  );
  return policies[0]?.rules[0]?.by?.tolerance;
}

describe('tolerance', () => {
  it.each([
    ['', { rows: 0, share: 0 }],
    [', tolerance: 20', { rows: 20, share: 0 }],
    [', tolerance: 10%', { rows: 0, share: 0.1 }],
    [', tolerance: 2.5%', { rows: 0, share: 0.025 }],
    [', tolerance: 100%', { rows: 0, share: 1 }],
  ])('%s', async (text, expected) => {
    expect(await toleranceOf(text)).toEqual(expected);
  });

  it.each([', tolerance: -1', ', tolerance: 1.5', ', tolerance: 200%', ', tolerance: much', ', tolerances: 1'])(
    'is not %s',
    async (text) => {
      await expect(toleranceOf(text)).rejects.toThrow(PolicyProblems);
    },
  );

  it('is the smallest of all rules that ask', () => {
    const told = (rows: number, ...tolerances: readonly Tolerance[]) =>
      mostRows(rows, {
        approval: { requirements: tolerances.map((tolerance) => ({ tolerance })), within: 1 },
      } as unknown as Verdict);
    expect(told(100, { rows: 0, share: 0.1 })).toBe(110);
    expect(told(5, { rows: 0, share: 0.1 })).toBe(5);
    expect(told(100, { rows: 3, share: 0 })).toBe(103);
    expect(told(100, { rows: 3, share: 0 }, { rows: 0, share: 0.5 })).toBe(103);
    expect(told(100, { rows: 3, share: 0 }, { rows: 0, share: 0 })).toBe(100);
    expect(mostRows(100, { approval: undefined } as unknown as Verdict)).toBe(100);
  });
});
