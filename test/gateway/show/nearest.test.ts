/** "Did you mean …?": near names, visible ones alone, at a bounded price. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Judged } from '../../../dist/gateway/judge/judged.js';
import { Nearest } from '../../../dist/gateway/show/nearest.js';
import { type InForce, inForce } from '../../../dist/policy/index.js';
import { distance } from '../../../dist/spelling/index.js';
import { policyOf, setOf } from '../../support/policies.mjs';
import { random } from '../../support/random.mjs';

const PRINCIPAL = {
  issuer: 'https://i',
  subject: 'bot',
  clientId: 'bot',
  groups: ['g'],
  claims: {},
  scopes: [],
  expiresAt: 0,
  tokenId: undefined,
};
const POLICY = policyOf(`rules:
  - allow: [read]
    on: [DB.S.*, DB.T.ORDERS]
`);
const position = { line: 1, column: 15 };
const table = (name: string, schema = 'S') => ({ database: 'DB', schema, name });

let rules: InForce;
beforeAll(async () => {
  rules = inForce(await setOf(POLICY), PRINCIPAL, new Date());
});

/** As the judge refuses a table that is not there. */
const refused = (name: string): Judged =>
  ({
    version: 'v',
    denial: { code: 'OBJECT_DENIED', message: 'It is not something you may read.', position, hint: 'Ask describe.' },
    analysis: { objects: [{ object: table(name), access: 'read', relation: undefined, via: [], position }] },
  }) as unknown as Judged;

const nearest = (objects: readonly object[]) => {
  let asked = 0;
  const made = new Nearest({
    near: async () => {
      asked++;
      return objects as never;
    },
  });
  return { hint: async (judged: Judged) => (await made.of(PRINCIPAL, rules, judged)).denial?.hint, asked: () => asked };
};

describe('a name that is not there', () => {
  it('gets the nearest of those that may be read, another schema counting as one edit', async () => {
    const { hint } = nearest([table('ORDERS', 'T'), table('ORDERS'), table('ORDRE', 'T'), table('PAYMENTS')]);
    expect(await hint(refused('ORDER'))).toBe('Did you mean DB.S.ORDERS or DB.T.ORDERS? Ask describe.');
  });

  it('gets no hint where nothing is near, nor where the catalog can not be asked', async () => {
    expect(await nearest([table('PAYMENTS')]).hint(refused('ORDERS'))).toBe('Ask describe.');
    const away = new Nearest({ near: () => Promise.reject(new Error('gone')) });
    expect((await away.of(PRINCIPAL, rules, refused('ORDERS'))).denial?.hint).toBe('Ask describe.');
  });

  it('is looked for once for a judgement that is remembered, and not at all for what is no slip of the hand', async () => {
    const { hint, asked } = nearest([table('ORDERS')]);
    const judged = refused('ORDRES');
    for (let at = 0; at < 5; at++) expect(await hint(judged)).toContain('DB.S.ORDERS');
    expect(asked()).toBe(1);
    await hint(refused('X'.repeat(65)));
    expect(asked()).toBe(1);
  });
});

describe('a database of tables that are near to each other by thousands', () => {
  const MANY = Array.from({ length: 10_000 }, (_, at) => table(`T${String(at).padStart(6, '0')}`));

  it('is looked through while others come to their turn', async () => {
    let turns = 0;
    const others = setInterval(() => turns++, 1);
    const { hint } = nearest([...MANY, ...MANY, ...MANY]);
    expect(await hint(refused('T00123X'))).toMatch(/^Did you mean DB\.S\.T001230 or /);
    clearInterval(others);
    expect(turns).toBeGreaterThan(0);
  });

  it('of which none may be read gets no hint, and few of them are held against the rules', async () => {
    let looks = 0;
    const hidden = MANY.map(({ database, name }) => ({
      database,
      name,
      get schema() {
        looks++;
        return 'HR';
      },
    }));
    expect(await nearest(hidden).hint(refused('T00123X'))).toBe('Ask describe.');
    expect(looks).toBeLessThan(2 * MANY.length);
  });
});

describe('edits', () => {
  it('within a bound are what they are without it', () => {
    const next = random(7);
    const word = () => Array.from({ length: Math.floor(next() * 9) }, () => 'ABC'[Math.floor(next() * 3)]).join('');
    for (let times = 0; times < 5000; times++) {
      const [left, right] = [word(), word()];
      const edits = distance(left, right);
      for (const most of [0, 1, 2, 4, 9])
        if (edits <= most) expect(distance(left, right, most)).toBe(edits);
        else expect(distance(left, right, most)).toBeGreaterThan(most);
    }
  });

  /** Counts how often a letter of the name is looked at. */
  const counted = (name: string) => {
    let looks = 0;
    const text = new Proxy(Object(name), {
      get: (target, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
        return Reflect.get(target, key, target);
      },
    }) as string;
    return { text, looks: () => looks };
  };

  it('are counted as far as they matter', () => {
    expect(distance('kitten', 'sitting')).toBe(3);
    expect(distance('kitten', 'sitting', 3)).toBe(3);
    expect(distance('kitten', 'sitting', 2)).toBeGreaterThan(2);
    expect(distance('ORDERS', 'ORDERS_OF_LAST_YEAR', 4)).toBeGreaterThan(4);
    const far = counted('A'.repeat(64));
    distance(far.text, 'B'.repeat(64), 4);
    expect(far.looks()).toBeLessThan(6 * 64);
  });
});
