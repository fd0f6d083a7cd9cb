/** Masks of wide tables: what a column costs, in steps, and that an index of globs answers what each of them would. */
import { describe, expect, it } from 'vitest';
import { inForce, masksOf } from '../../../dist/policy/index.js';
import { appliedMasks } from '../../../dist/policy/masks/applied-masks.js';
import { ColumnGlobs } from '../../../dist/policy/masks/column-globs.js';
import { parseColumnGlob } from '../../../dist/policy/rules/globs.js';
import { analyse, Effort, Making, readStatement } from '../../../dist/sql/index.js';
import { DEFAULTS } from '../../support/catalog.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const WIDE = 1500;
const object = { database: 'DB', schema: 'S', name: 'T' };
const columns = Array.from({ length: WIDE }, (_, at) => ({
  name: at === 7 ? 'SECRET_1' : `C${at}`,
  type: 'VARCHAR',
  comment: '',
}));
const LIST = Array.from({ length: 60 }, (_, at) => `  - match: ['*.*.*.SECRET_${at}*']\n    mask: null\n`).join('');
const POLICY = policyOf(`rules:\n  - allow: [read]\n    on: [DB.S.*]\ncolumns:\n${LIST}`);
const SUBJECT = { issuer: 'https://issuer.example', subject: 'bot', clientId: 'bot', groups: ['g'], claims: {} };

function counter() {
  const taken = { steps: 0 };
  const spend = (steps: number): void => {
    taken.steps += steps;
  };
  return { taken, spend };
}

describe('masks of a wide table', () => {
  it('cost a column one look, however many globs there are', async () => {
    const { policies } = await setOf(POLICY);
    const { taken, spend } = counter();
    const found = masksOf(policies, { object, columns }, undefined, spend);
    expect([...found.keys()]).toEqual(['SECRET_1']);
    expect(taken.steps).toBeGreaterThanOrEqual(WIDE);
    expect(taken.steps).toBeLessThan(4 * WIDE);
  });

  it('are worked out once for the policies in force, and count each time', async () => {
    const set = await setOf(POLICY);
    const [one, other] = [1, 2].map(() => inForce(set, SUBJECT, new Date()).policies);
    expect(one).toBe(other);
    const [first, again] = [counter(), counter()];
    const masks = appliedMasks(one ?? [], { object, columns }, undefined, first.spend);
    expect(masks).toHaveLength(1);
    expect(appliedMasks(other ?? [], { object: { ...object }, columns }, undefined, again.spend)).toBe(masks);
    expect(again.taken.steps).toBe(first.taken.steps);
    expect(again.taken.steps).toBeGreaterThanOrEqual(WIDE);
    // Another object of the same columns, or read in another way, is another one.
    for (const masked of [
      { object: { ...object, name: 'U' }, columns },
      { object, columns, isExternal: true },
    ])
      expect(appliedMasks(one ?? [], masked, undefined, () => undefined)).not.toBe(masks);
  });

  it('end where there is no effort left for them', async () => {
    const { policies } = await setOf(POLICY);
    const spend = (): void => {
      throw new Error('too many');
    };
    expect(() => masksOf(policies, { object, columns }, undefined, spend)).toThrow('too many');
  });
});

describe('globs of columns', () => {
  const GLOBS = ['A', 'A*', '*A', '*A*B*', '*', '"a*"', 'B', 'B', '$*', 'A_*', '"x.y"', '_*', 'AB*:k', 'C1*2'];
  const NAMES = [
    'A',
    'AB',
    'BA',
    'XAYBZ',
    'a*',
    'a',
    'B',
    '$1',
    'A_1',
    'AX1',
    'x.y',
    'xzy',
    '_',
    'C12',
    'C1\n2',
    'Ä',
    '',
  ];

  it.each(NAMES)('find what each of them matches, in their order: %j', (name) => {
    const entries = GLOBS.map((text) => ({ glob: parseColumnGlob(`*.*.*.${text}`) }));
    const expected = entries.filter(({ glob }) => glob.matches(['DB', 'S', 'T', name]));
    expect(new ColumnGlobs(entries).of(name)).toEqual(expected);
  });
});

describe('virtual columns that can not be read', () => {
  it('are made of each column once, by one list', () => {
    const virtual = columns.map((column) => ({ ...column, expression: '' }));
    const making = Making.of(virtual);
    expect(making.below('anything')).toHaveLength(WIDE);
    expect(making.below('anything')).toBe(making.below([{ column: 'C1', path: [] }]));
    expect(making.sourcesOf('C1')).toHaveLength(WIDE - 1);
  });
});

describe('looking up', () => {
  it('is counted, whether anything is there or not', async () => {
    const names = Array.from({ length: 50 }, (_, at) => `DB.S."%${at}"`).join(', ');
    const spent = async (known: boolean): Promise<number> => {
      const effort = new Effort();
      const relation = { ...object, kind: 'table', columns, viewText: undefined, comment: '', rows: 1 } as const;
      const reader = {
        relation: async (name: typeof object) => (known ? { ...relation, ...name } : undefined),
        constraints: async () => undefined,
      };
      await analyse(readStatement(`SELECT 1 FROM ${names}`), reader, DEFAULTS, effort);
      return effort.spent;
    };
    const missing = await spent(false);
    expect(missing).toBeGreaterThanOrEqual(50 * 1000);
    expect(await spent(true)).toBeGreaterThanOrEqual(missing + 50 * 2 * WIDE);
  });
});
