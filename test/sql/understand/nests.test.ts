import { describe, expect, it } from 'vitest';
import { analyse, Effort, objectKey, Refusal, readStatement, rewrite } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS, name } from '../../support/catalog.js';

const CHARACTERS = 5000;
/** What a text of so many characters may take: a tenth of what any statement may. */
const STEPS = 800_000;

const treatments = new Map([
  [
    objectKey(name('DB.S.CUSTOMERS')),
    { columns: new Map([['EMAIL', () => "'***'"]]), predicate: undefined, source: undefined },
  ],
]);

/** Each puts a query into another one; `level` is its number. */
const NESTS: Readonly<Record<string, (inner: string, level: number) => string>> = {
  'a sub-query in FROM': (inner, k) => `SELECT * FROM (${inner}) Q${k}`,
  'a sub-query twice as wide': (inner, k) => `SELECT Q${k}.*, Q${k}.* FROM (${inner}) Q${k}`,
  'a scalar sub-query': (inner) => `SELECT (${inner}) AS X FROM CUSTOMERS`,
  EXISTS: (inner) => `SELECT ID AS X FROM CUSTOMERS WHERE EXISTS (${inner})`,
  IN: (inner) => `SELECT ID AS X FROM CUSTOMERS WHERE ID IN (${inner})`,
  'a definition': (inner, k) => `WITH D${k} AS (${inner}) SELECT * FROM D${k}`,
  'definitions that double': (inner, k) => `WITH D${k} AS (${inner}) SELECT A.*, B.* FROM D${k} A, D${k} B`,
  'a recursive definition on the left': (inner, k) =>
    `WITH R${k} (X) AS (SELECT MAX(X) FROM (${inner}) Q UNION ALL SELECT X FROM R${k}) SELECT X FROM R${k}`,
  'a recursive definition on the right': (inner, k) =>
    `WITH R${k} AS (SELECT 'a' AS A, 'b' AS B, 'c' AS C, 'd' AS D UNION ALL SELECT Q.X, R${k}.A, R${k}.B, R${k}.C FROM R${k}, (${inner}) Q) SELECT A AS X FROM R${k}`,
  'a recursive definition in a recursive one': (inner, k) =>
    `WITH R${k} AS (SELECT 1 AS X UNION ALL SELECT R${k}.X FROM R${k}, (${inner}) Q, (${inner.length < 400 ? inner : 'SELECT 1 AS X'}) P) SELECT X FROM R${k}`,
  UNION: (inner) => `SELECT ID AS X FROM CUSTOMERS UNION (${inner})`,
  'UNION BY NAME': (inner) => `SELECT ID AS X FROM CUSTOMERS UNION BY NAME (${inner})`,
  PIVOT: (inner, k) => `SELECT * FROM (${inner}) PIVOT (MAX(X) FOR X IN (1, 2)) AS P${k} (X)`,
  MATCH_RECOGNIZE: (inner, k) =>
    `SELECT * FROM (${inner}) MATCH_RECOGNIZE (ORDER BY X MEASURES 1 AS X PATTERN (A B C) DEFINE A AS TRUE) M${k}`,
  'MATCH_RECOGNIZE beside': (inner, k) =>
    `SELECT * FROM (${inner}) Q, (SELECT 1 X) MATCH_RECOGNIZE (MEASURES 1 AS X PATTERN (A) DEFINE A AS TRUE) M${k}`,
  LATERAL: (inner, k) => `SELECT L${k}.VALUE AS X FROM (${inner}) Q, LATERAL FLATTEN(INPUT => Q.X) L${k}`,
  'a LATERAL sub-query': (inner, k) => `SELECT ID AS X FROM CUSTOMERS, LATERAL (${inner}) L${k}`,
  'a join': (inner, k) => `SELECT ID AS X FROM CUSTOMERS JOIN (${inner}) J${k} ON TRUE`,
  'a NATURAL join': (inner, k) => `SELECT * FROM (SELECT 1 AS X) A NATURAL JOIN (${inner}) J${k}`,
  VALUES: (inner, k) => `SELECT COLUMN1 AS X FROM (VALUES ((${inner}))) V${k}`,
  CASE: (inner) => `SELECT CASE WHEN (${inner}) > 1 THEN 1 END AS X`,
  'a call': (inner) => `SELECT COALESCE((${inner}), (SELECT 1)) AS X`,
  'a window': (inner) => `SELECT MAX(1) OVER (ORDER BY (${inner})) AS X`,
  QUALIFY: (inner) => `SELECT ID AS X FROM CUSTOMERS QUALIFY ROW_NUMBER() OVER (ORDER BY ID) > (${inner})`,
  'a list of names': (inner, k) => `SELECT X FROM (${inner}) AS Q${k} (X)`,
  'REPLACE of a star': (inner, k) => `SELECT * REPLACE (1 AS X) FROM (${inner}) Q${k}`,
  'ORDER BY': (inner) => `SELECT ID AS X FROM CUSTOMERS ORDER BY (${inner})`,
};

/** Levels of one construct, or of several by turns, as many as fit. */
function nested(makers: readonly ((inner: string, level: number) => string)[], first: string): string {
  let text = first;
  for (let level = 0; ; level++) {
    const next = makers[level % makers.length]?.(text, level) ?? text;
    if (next.length > CHARACTERS || level > 180) return text;
    text = next;
  }
}

const FIRSTS = [
  'SELECT 1 AS X',
  'SELECT ID AS X FROM CUSTOMERS',
  'SELECT * FROM (SELECT ID AS X, NAME, EMAIL FROM CUSTOMERS)',
];

/** Steps of the whole judgement, in which it may be that it is too much; never more than one refusal further. */
async function steps(sql: string): Promise<number> {
  const effort = new Effort(STEPS);
  try {
    rewrite(await analyse(readStatement(sql), catalog, DEFAULTS, effort), treatments, effort);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return effort.spent;
}

describe('what a judgement costs, in steps', () => {
  const makers = Object.entries(NESTS);
  it.each(makers)('is bounded for %s in itself', async (_, make) => {
    for (const first of FIRSTS) expect(await steps(nested([make], first))).toBeLessThan(2 * STEPS);
  });

  // These grow with the text and no faster: twice the levels, about twice the work.
  it.each([
    'a recursive definition on the left',
    'a recursive definition on the right',
    'MATCH_RECOGNIZE beside',
    'a scalar sub-query',
    'CASE',
  ])('grows no faster than the square of the levels for %s', async (kind) => {
    const make = NESTS[kind];
    if (!make) throw new Error(`No nest is called ${kind}.`);
    const at = async (levels: number): Promise<number> => {
      let text = 'SELECT 1 AS X';
      for (let level = 0; level < levels; level++) text = make(text, level);
      return steps(text);
    };
    const [few, many] = [await at(6), await at(12)];
    expect(many).toBeLessThan(6 * few);
  });

  it('is one bound for finding, judging and reading once more', async () => {
    const sql = 'SELECT ID, EMAIL FROM CUSTOMERS';
    const all = await steps(sql);
    const effort = new Effort(all - 1);
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS, effort);
    expect(() => rewrite(analysis, treatments, effort)).toThrow(/too complex to be read: its /);
  });

  it('says what there is too much of', async () => {
    const doubled = Array.from({ length: 20 }, (_, k) => `D${k + 1} AS (SELECT A.*, B.* FROM D${k} A, D${k} B)`);
    const sql = `WITH D0 AS (SELECT 1 AS X), ${doubled.join(', ')} SELECT COUNT(*) FROM D20`;
    await expect(analyse(readStatement(sql), catalog, DEFAULTS)).rejects.toThrow(/columns/);
    const long = `SELECT 1 IN (${'1, '.repeat(150)}1) AS X`;
    await expect(analyse(readStatement(long), catalog, DEFAULTS, new Effort(100))).rejects.toThrow(
      /too complex to be read: its .*(?:parts|text)/,
    );
  });
});
