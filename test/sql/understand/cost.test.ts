import { describe, expect, it } from 'vitest';
import {
  analyse,
  type CatalogReader,
  Effort,
  type FullAnalysis,
  Refusal,
  readStatement,
  rewrite,
} from '../../../dist/sql/index.js';
import { DEFAULTS, name, unconstrained } from '../../support/catalog.js';

const WIDTH = 2000;
const columns = Array.from({ length: WIDTH }, (_, at) => ({ name: `C${at}`, type: 'NUMBER', comment: '' }));
const relation = (table: string, kind: 'table' | 'view', viewText?: string) => ({
  ...name(`DB.S.${table}`),
  kind,
  columns,
  viewText,
  comment: '',
  rows: 1,
});
const TABLES = new Map([
  ['W', relation('W', 'table')],
  ['W2', relation('W2', 'table')],
  ['V', relation('V', 'view', 'CREATE VIEW V AS SELECT * FROM W')],
]);
const catalog: CatalogReader = {
  relation: async (object) => TABLES.get(object.name),
  constraints: unconstrained,
};

/** A clock that stands still: nothing here goes by time. */
const still = () => ({ wall: 0, processor: 0 });

/** Steps, and what came out: an analysis, or why not. */
async function judged(sql: string): Promise<{ steps: number; analysis: FullAnalysis | undefined; refusal: string }> {
  const effort = new Effort(undefined, still);
  try {
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS, effort);
    rewrite(analysis, new Map(), effort);
    return { steps: effort.spent, analysis, refusal: '' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { steps: effort.spent, analysis: undefined, refusal: error.message };
  }
}

const list = (text: string, count: number, between: string): string =>
  Array.from({ length: count }, () => text).join(between);
const ofAll = (rest: string): string => `WITH C AS (SELECT HASH(*) X FROM W) SELECT 1 FROM C WHERE ${rest}`;

/** By the number of the word that is repeated. */
const WIDE: Readonly<Record<string, (count: number) => string>> = {
  'a comparison': (n) => ofAll(list('X', n / 4, ' = ')),
  'a list': (n) => ofAll(`X IN (${list('X', n, ', ')})`),
  'arguments of a function': (n) => ofAll(`HASH(${list('X', n, ', ')}) = 1`),
  CASE: (n) => ofAll(`CASE ${list('WHEN X = 1 THEN X', n, ' ')} END = 1`),
  'ORDER BY': (n) => ofAll(`TRUE ORDER BY ${list('X', n, ', ')}`),
  'a SELECT list': (n) => `WITH C AS (SELECT HASH(*) X FROM W) SELECT ${list('X', n, ', ')} FROM C`,
  'a view': (n) => `SELECT ${list('C1', n, ', ')} FROM V WHERE HASH(C1) = 1`,
  'columns by name': (n) => `SELECT ${Array.from({ length: n }, (_, at) => `a.C${at}`).join(', ')} FROM W a, W2 b`,
  'columns by place': (n) => `SELECT ${Array.from({ length: n }, (_, at) => `$${at + 1}`).join(', ')} FROM W`,
};

describe('what a wide table multiplies', () => {
  it.each(Object.entries(WIDE))('is not %s of what all its columns are behind', async (_, make) => {
    const [few, many] = [await judged(make(200)), await judged(make(800))];
    expect(few.refusal).toBe('');
    expect(many.refusal).toBe('');
    // Four times the text: four times the work for it, and the table's own once.
    expect(many.steps).toBeLessThan(4.5 * few.steps);
    expect(many.steps).toBeLessThan(2_000_000);
  });

  it.each([
    ['stars', (n: number) => `SELECT ${list('HASH(*)', n, ' + ')} FROM W`],
    ['NATURAL joins', (n: number) => `SELECT 1 FROM W a ${list('NATURAL JOIN W b', n, ' ')}`],
    ['USING', (n: number) => `SELECT 1 FROM W a ${list('JOIN W b USING (C1, C2, C3)', n, ' ')}`],
    [
      'a PIVOT of many values and aggregates',
      (n: number) => `SELECT 1 FROM W PIVOT (${list('SUM(C1)', n, ', ')} FOR C2 IN (${list('1', n, ', ')}))`,
    ],
  ])('ends in a refusal where it is %s', async (_, make) => {
    const { steps, refusal } = await judged(make(1500));
    expect(refusal).not.toBe('');
    expect(steps).toBeLessThan(12_000_000);
  });

  it('is told once for each column and usage, however often it is used', async () => {
    const { analysis } = await judged(ofAll(`X = X AND X IN (${list('X', 500, ', ')})`));
    expect(analysis?.columns.filter(({ usage }) => usage === 'predicate')).toHaveLength(WIDTH);
    // The places of each are kept, for whoever asks which token is what; they share one list.
    const places = analysis?.places.filter(({ usage }) => usage === 'predicate') ?? [];
    expect(places).toHaveLength(503);
    expect(new Set(places.map(({ origins }) => origins)).size).toBe(1);
  });

  it('is assigned once by all branches of a MERGE that name no columns', async () => {
    const branches = list('WHEN NOT MATCHED THEN INSERT VALUES (1)', 500, ' ');
    const { analysis } = await judged(`MERGE INTO W USING W2 ON W.C1 = W2.C1 ${branches}`);
    expect(analysis?.assignments).toHaveLength(WIDTH);
  });

  it('is sent as a text of no more than may be received', async () => {
    const { refusal } = await judged(`SELECT * FROM ${Array.from({ length: 4 }, (_, at) => `W t${at}`).join(', ')}`);
    expect(refusal).toBe('');
    const wide = Array.from({ length: 60 }, (_, at) => `SELECT HASH(*) FROM W t${at}`).join(' UNION ALL ');
    expect((await judged(wide)).refusal).toMatch(/has more than 262144 characters/);
  });
});

/** Whatever the grammar has words for, repeated: most of it is no statement, and it has to be told so soon. */
const WORDS =
  'UNPIVOT;UNPIVOT (;AT;AT (;BEFORE (;PIVOT (;WITHIN GROUP (;MATCH_RECOGNIZE;MATCH_RECOGNIZE (;CONNECT BY PRIOR;CONNECT BY PRIOR a = a AND;UPDATE ALL BY NAME;INSERT ALL BY NAME;FORMAT;FINAL;FROM t date,;USING t,;(v):a,;v[0]:a,;db.s.t.*,;PRIOR;CASE WHEN;CASE;END;WHEN;AS;AS a,;USING;USING (a);VALUES;VALUES (1),;LATERAL;LATERAL f(a),;LATERAL.;RESAMPLE (;INTERVAL;OVER (;FROM;JOIN;UNION;WITH;IN;IN (;NOT;:;:a;::;::INT;::ARRAY(;::OBJECT(a;[;[0];[0].a;(;{;a =>;a => 1,;->;x ->;,;.;a.;$1;?;DEFAULT;IS NULL;CAST (;{*};*;"""a""";"stand in 100000"'.split(
    ';',
  );

describe('words that are repeated', () => {
  /** What is counted and what is not take the same text: so the text alone is gone through, by what works before the effort. */
  it.each(WORDS)('%s', async (word) => {
    const unclosed = word.includes('(') || word.includes('[') || word.includes('{') ? 180 : 4000;
    for (const begin of ['SELECT ', 'SELECT 1 FROM W ', 'SELECT f(', 'SELECT 1 FROM W WHERE ']) {
      const few = await judged(`${begin}${`${word} `.repeat(Math.floor(unclosed / 4))}`);
      const many = await judged(`${begin}${`${word} `.repeat(unclosed)}`);
      expect(many.steps).toBeLessThan(Math.max(6 * few.steps, 3_000_000));
    }
  });
});

describe('the clock', () => {
  it('ends a judgement that takes longer than its steps say, and does not count what is waited for', async () => {
    let now = 0;
    const effort = new Effort(undefined, () => ({ wall: now, processor: now }));
    await effort.waitFor(
      Promise.resolve().then(() => {
        now += 60_000;
      }),
    );
    expect(effort.spend(20_000, 'parts')).toBeUndefined();
    now += 2600;
    expect(effort.spend(20_000, 'parts')).toMatch(/took too long/);
  });

  it('goes by the shorter of the wall’s time and the processor’s: others wait for the processor, and other threads take it', () => {
    let time = { wall: 0, processor: 0 };
    const effort = new Effort(undefined, () => time);
    time = { wall: 10_000, processor: 100 };
    expect(effort.look()).toBeUndefined();
    time = { wall: 100, processor: 10_000 };
    expect(effort.look()).toBeUndefined();
    time = { wall: 10_000, processor: 10_000 };
    expect(effort.look()).toMatch(/took too long/);
  });

  it('refuses with a hint', async () => {
    let now = 0;
    const effort = new Effort(undefined, () => ({ wall: now, processor: now }));
    const sql = `SELECT ${list('C1', 1000, ', ')} FROM W`;
    now = 3000;
    await expect(analyse(readStatement(sql), catalog, DEFAULTS, effort)).rejects.toMatchObject({
      code: 'NOT_UNDERSTOOD',
      message: expect.stringContaining('too long'),
      hint: expect.stringContaining('Split it'),
    });
  });
});

describe('names that the primary parser misreads', () => {
  it('have stand-ins that stand nowhere in the text, however much there looks like one', async () => {
    const taken = Array.from({ length: 300 }, (_, at) => `'stand in ${100_000 + at}'`).join(', ');
    const { refusal, analysis } = await judged(`SELECT C1 AS """a""", ${taken} FROM W`);
    expect(refusal).toBe('');
    expect(analysis?.outputs[0]?.name).toBe('"a"');
  });
});
