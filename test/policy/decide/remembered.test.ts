/** What is remembered of judgements: nothing of how they were read, counted as it lies in memory, and dropped in time. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { heldBytes } from '../../../dist/gateway/judge/held-bytes.js';
import type { Judged } from '../../../dist/gateway/judge/judged.js';
import { Judgements } from '../../../dist/gateway/judge/judgements.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import type { CatalogReader, RelationInfo } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { BOT, judgedOver, judgeOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

let set: PolicySet;
beforeAll(async () => {
  set = await setOf(
    policyOf(
      'rules:\n  - allow: [read, update]\n    on: [DB.S.*]\ncolumns:\n  - match: ["*.*.*.C1*"]\n    mask: null\n',
    ),
  );
});

const COLUMNS = Array.from({ length: 200 }, (_, at) => ({ name: `C${at}`, type: 'NUMBER', comment: '' }));
const TABLE: Omit<RelationInfo, 'database' | 'schema' | 'name'> = {
  kind: 'table',
  columns: COLUMNS,
  viewText: undefined,
  comment: '',
  rows: 1,
};
const VIEW = { ...TABLE, kind: 'view' as const, viewText: 'CREATE VIEW V AS SELECT * FROM T' };
const reader: CatalogReader = {
  constraints: unconstrained,
  relation: async (name) => ({ ...(name.name === 'V' ? VIEW : TABLE), ...name }),
};
const judge = () => judgeOver(reader);
const judged = (sql: string): Promise<Judged> => judgedOver(reader, set, sql);

const many = (what: string, count = 1000): string => Array.from({ length: count }, () => what).join(',');
const relationsOf = ({ analysis }: Judged): unknown[] => [
  ...(analysis?.objects ?? []).map(({ relation }) => relation),
  analysis?.target?.relation,
];

/** Names of all members that can be reached, and functions by theirs. */
function reached(value: unknown, shared: readonly unknown[]): Set<string> {
  const names = new Set<string>();
  const seen = new Set<unknown>(shared);
  const open: unknown[] = [value];
  while (open.length > 0) {
    const item = open.pop();
    if (typeof item === 'function') names.add('(function)');
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    if (item instanceof Map) open.push(...item.keys(), ...item.values());
    else if (item instanceof Set) open.push(...item);
    else
      for (const [name, part] of Object.entries(item)) {
        if (!Array.isArray(item) && part !== undefined) names.add(name);
        open.push(part);
      }
  }
  return names;
}

const SHAPES = {
  'a list, refused by its names': `SELECT [${many('A')}] X FROM OTHER.HR.Q`,
  'signs, refused by their names': `SELECT [${many('-1')}] X FROM OTHER.HR.Q`,
  'brackets, refused by their names': `SELECT [${many('((((1))))', 400)}] X FROM OTHER.HR.Q`,
  'a name that nobody owns': `SELECT [${many('1')}] X, NOTHING FROM T`,
  'a list of values': `SELECT C0 FROM T WHERE C0 IN (${many('1')})`,
  'calls through a view': `SELECT [${many('ABS(1)', 500)}] X, C0 FROM V`,
  'a change': `UPDATE T SET C0 = 1 WHERE C2 IN (${many('1')})`,
  'no statement': `SELECT [${many('1')}`,
};

describe('what is kept of a judgement', () => {
  it.each(Object.entries(SHAPES))('%s: no tree and no tokens', async (_what, sql) => {
    const found = await judged(sql);
    const names = reached(found, relationsOf(found));
    for (const unkept of ['tree', 'tokens', 'pairs', 'clauses', 'views', 'outputs', '(function)'])
      expect(names, unkept).not.toContain(unkept);
    // The statement, what is sent of it, and what both of them name.
    expect(heldBytes(found, relationsOf(found))).toBeLessThan(16 * sql.length + 60_000);
  });

  it('is counted for no less than it takes', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const one = judge();
    const list = COLUMNS.map(({ name }) => name).join(',');
    const judgeOne = (sql: string) => one.judge(BOT, { set, policies: set.policies }, { sql });
    for (const make of [
      (at: number) => `SELECT ${at}, ${list} FROM T WHERE C0 IN (${many('1')})`,
      (at: number) => `SELECT ${at}, [${many('C0,C2')}] X FROM OTHER.HR.Q`,
    ]) {
      for (let at = 0; at < 10; at++) await judgeOne(make(at));
      collect();
      const before = process.memoryUsage().heapUsed;
      let counted = 0;
      for (let at = 100; at < 116; at++) {
        const found = await judgeOne(make(at));
        counted += heldBytes(found, relationsOf(found));
      }
      collect();
      const taken = process.memoryUsage().heapUsed - before;
      // What the process keeps besides is no more than this.
      expect(taken).toBeLessThan(counted + 2_000_000);
    }
  });
});

describe('judgements', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are dropped when their minute is over, though nobody asks', async () => {
    vi.useFakeTimers();
    const known = new Judgements<string>((text) => text.length);
    await known.get('one', 10, async () => 'one');
    await vi.advanceTimersByTimeAsync(30_000);
    await known.get('other', 10, async () => 'other');
    expect([known.size, known.bytes]).toEqual([2, 8]);
    await vi.advanceTimersByTimeAsync(30_002);
    expect([known.size, known.bytes]).toEqual([1, 5]);
    await vi.advanceTimersByTimeAsync(30_002);
    expect([known.size, known.bytes]).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are made anew while they are in use, by the turn that is given for that; a text that has none waits for its minute', async () => {
    vi.useFakeTimers();
    const known = new Judgements<string>((text) => text.length);
    const begun: string[] = [];
    const of = (name: string) => async () => {
      begun.push(name);
      return name;
    };
    const none = async () => {
      begun.push('no turn');
      throw new Error('no turn');
    };
    await known.get('one', 10, of('first'), of('again'));
    await known.get('long', 10, of('long'), none);
    await vi.advanceTimersByTimeAsync(31_000);
    for (let at = 0; at < 3; at++) {
      expect(await known.get('long', 10, of('long'), none)).toBe('long');
      await known.get('one', 10, of('first'), of('again'));
    }
    expect(begun).toEqual(['first', 'long', 'no turn', 'again']);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await known.get('long', 10, of('long, once more'), none)).toBe('long, once more');
    expect(await known.get('one', 10, of('first'), of('again'))).toBe('again');
  });

  it('hold no more than their memory, the oldest given up first, and none that takes most of it', async () => {
    const known = new Judgements<number>((bytes) => bytes);
    const huge = 32 * 1024 * 1024;
    await known.get('huge', 1, async () => huge);
    expect([known.size, known.bytes]).toEqual([0, 0]);
    for (let at = 0; at < 40; at++) await known.get(`${at}`, 1, async () => huge / 8);
    expect(known.bytes).toBeLessThanOrEqual(2 * huge);
    expect(known.size).toBe(16);
    const asked: string[] = [];
    for (const key of ['39', '24', '0'])
      await known.get(key, 1, async () => {
        asked.push(key);
        return 1;
      });
    expect(asked).toEqual(['0']);
  });

  it('are not remembered where they say so, or fail', async () => {
    const known = new Judgements<string>(() => undefined);
    await known.get('a', 1, async () => 'x');
    await known
      .get('b', 1, async () => {
        throw new Error('no');
      })
      .catch(() => undefined);
    expect([known.size, known.bytes]).toEqual([0, 0]);
  });
});
