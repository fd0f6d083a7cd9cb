import { describe, expect, it } from 'vitest';
import { analyse, objectKey, Refusal, readStatement, rewrite, type Treatment } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS, name } from '../../support/catalog.js';

const treatments = new Map<string, Treatment>([
  [
    objectKey(name('DB.S.CUSTOMERS')),
    { columns: new Map([['EMAIL', () => "'***'"]]), predicate: "REGION = 'EU'", source: undefined },
  ],
]);

/** What is sent and which functions were seen, or undefined where the statement is refused. */
async function judged(sql: string): Promise<{ sent: string; functions: readonly string[] } | undefined> {
  try {
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
    if (analysis.unowned.length > 0) return undefined;
    return { sent: rewrite(analysis, treatments).text, functions: analysis.functions.map((use) => use.name) };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Places in which a call can stand, in a definition of its own. */
const CALLS: readonly ((call: string) => string)[] = [
  (call) =>
    `SELECT I AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES 1 AS I PATTERN (A+) DEFINE A AS ${call} LIKE '%a%')`,
  (call) =>
    `SELECT I AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES ${call} AS I PATTERN (A+) DEFINE A AS TRUE)`,
  (call) => `SELECT ${call} AS X FROM ORDERS`,
  (call) => `SELECT ID AS X FROM ORDERS WHERE ${call} = 'a'`,
  (call) => `SELECT CAST(${call} AS VARCHAR) AS X FROM ORDERS`,
  (call) => `SELECT COLUMN1 AS X FROM (VALUES (${call})) AS v`,
  (call) => `SELECT x.VALUE AS X FROM LATERAL FLATTEN(INPUT => ${call}) x`,
];

/** Places in which the same name is an alias, a definition, a symbol, a parameter: `NAME` stands for it. */
const NAMES: readonly string[] = [
  'SELECT VALUE AS X FROM ORDERS, LATERAL FLATTEN(INPUT => ARRAY_CONSTRUCT(1)) NAME',
  'SELECT VALUE AS X FROM ORDERS, LATERAL FLATTEN(INPUT => ARRAY_CONSTRUCT(1)) AS NAME (A, B, C, D, VALUE, F)',
  'SELECT 1 AS X FROM VALUES (1), (2) AS NAME',
  'SELECT 1 AS X FROM (VALUES (1), (2)) NAME (A)',
  'SELECT 1 AS X FROM ORDERS NAME',
  'SELECT 1 AS X FROM (SELECT 1 AS A) NAME (A)',
  'SELECT NAME AS X FROM (SELECT ID AS NAME FROM ORDERS) i',
  'WITH NAME (A) AS (SELECT 1) SELECT A AS X FROM NAME',
  'SELECT 1 AS X FROM (SELECT 1 AS S, 2 AS M) PIVOT (MAX(S) AS NAME FOR M IN (2)) AS p',
  'SELECT I AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES 1 AS I PATTERN (NAME (NAME | B)) DEFINE B AS TRUE)',
  'SELECT 1 AS X FROM ORDERS WHERE ARRAY_SIZE(FILTER(ARRAY_CONSTRUCT(1), NAME -> NAME > 1)) = 1',
];

/** Alone, in a recursive definition, and in one within another. */
const ROUNDS: readonly ((query: string) => string)[] = [
  (query) => `SELECT X FROM (${query}) z`,
  (query) => `WITH R AS (SELECT 'a' AS X UNION ALL SELECT z.* FROM R, (${query}) z) SELECT X FROM R`,
  (query) =>
    `WITH R AS (SELECT 'a' AS X, 'b' AS Y UNION ALL SELECT R.Y, q.X FROM R, (WITH T AS (SELECT 'c' AS X UNION ALL SELECT z.* FROM T, (${query}) z) SELECT X FROM T) q) SELECT X FROM R`,
];

describe('a name before a bracket', () => {
  it('is a call for somebody, whatever else of that name stands in the text, in either order', async () => {
    let seen = 0;
    for (const called of ['GET_DDL', 'UDF', '"UDF"'])
      for (const call of CALLS)
        for (const other of NAMES)
          for (const round of ROUNDS) {
            const [first, second] = [
              call(`${called}('VIEW', 'DB.HR.SECRET')`),
              round(other.replaceAll('NAME', called)),
            ];
            for (const [one, two] of [
              [first, second],
              [second, first],
            ]) {
              const result = await judged(`WITH M1 AS (${one}), M2 AS (${two}) SELECT M1.* FROM M1, M2`);
              if (result === undefined) continue;
              seen++;
              expect(result.functions, `${one} | ${two}`).toContain(called.replaceAll('"', ''));
            }
          }
    // Most of these are statements like others: they are judged, not merely refused.
    expect(seen).toBeGreaterThan(600);
  });

  it.each(NAMES.flatMap((query) => ROUNDS.map((round) => round(query.replaceAll('NAME', 'n1')))))(
    'is none where it only names something: %s',
    async (sql) => {
      expect(await judged(sql)).toBeDefined();
    },
  );
});

describe('the name of a recursive definition', () => {
  /** Every place in which it can be meant within itself; one table has its name. */
  const RIGHT: readonly string[] = [
    'SELECT EMAIL FROM CUSTOMERS',
    'SELECT c.EMAIL FROM CUSTOMERS c',
    'SELECT CUSTOMERS.EMAIL FROM ORDERS o JOIN CUSTOMERS ON TRUE',
    'SELECT CUSTOMERS.EMAIL FROM ORDERS, CUSTOMERS',
    "SELECT 'x' FROM ORDERS WHERE EXISTS (SELECT 1 FROM CUSTOMERS WHERE EMAIL LIKE 'a%')",
    'SELECT (SELECT MAX(EMAIL) FROM CUSTOMERS)',
    '(SELECT EMAIL FROM CUSTOMERS ORDER BY 1 LIMIT 5)',
    "(SELECT '2' UNION SELECT EMAIL FROM CUSTOMERS)",
    'SELECT DISTINCT EMAIL FROM CUSTOMERS',
    'SELECT MAX(EMAIL) FROM CUSTOMERS GROUP BY EMAIL',
    'SELECT EMAIL FROM (SELECT * FROM CUSTOMERS) q',
    'WITH Q AS (SELECT EMAIL FROM CUSTOMERS) SELECT EMAIL FROM Q',
    'SELECT EMAIL FROM CUSTOMERS SAMPLE (10)',
    'SELECT "EMAIL" FROM "CUSTOMERS"',
  ];
  const AFTER: readonly string[] = ['SELECT EMAIL FROM CUSTOMERS', 'SELECT CUSTOMERS.* FROM CUSTOMERS, ORDERS'];

  it('never goes out as a name that a table could have', async () => {
    let sent = 0;
    for (const right of RIGHT)
      for (const after of AFTER)
        for (const list of ['', ' (EMAIL)']) {
          const text = `WITH CUSTOMERS${list} AS (SELECT '1' AS EMAIL UNION ALL ${right}) ${after}`;
          const result = await judged(text);
          if (!result) continue;
          sent++;
          // A column's name is the agent's own words, whatever they name.
          const tables = result.sent.replaceAll(/ AS "\([^"]*"/g, '');
          expect(tables, text).not.toMatch(/(?:FROM|JOIN|,) "?CUSTOMERS"?(?! \.)/);
          expect(result.sent, text).toMatch(/^WITH "snowfence definition 1"/);
        }
    expect(sent).toBeGreaterThan(40);
  });

  it('is none that the statement has already, and another one in each definition', async () => {
    const result = await judged(
      'WITH R AS (SELECT 1 AS X UNION ALL SELECT X FROM R), S AS (SELECT 1 AS X UNION ALL SELECT S.X FROM S, R) SELECT X AS "snowfence definition 1" FROM S',
    );
    expect(result?.sent).toMatch(/^WITH "snowfence definition 2" AS .*, "snowfence definition 3" AS /);
  });

  it.each([
    ['two in one clause', 'WITH C AS (SELECT 1 AS X), C AS (SELECT X FROM C) SELECT X FROM C'],
    ['one within another', 'WITH C AS (SELECT 1 AS X) SELECT * FROM (WITH C AS (SELECT X FROM C) SELECT X FROM C) q'],
    ['on both sides', 'WITH CUSTOMERS AS (SELECT EMAIL FROM CUSTOMERS UNION ALL SELECT EMAIL FROM CUSTOMERS) SELECT 1'],
    ['with AT', "WITH CUSTOMERS AS (SELECT '1' AS EMAIL) SELECT EMAIL FROM CUSTOMERS AT (OFFSET => -60)"],
    ['with CHANGES', 'WITH C AS (SELECT 1 X) SELECT X FROM C CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -60)'],
    ['in a boundary', 'WITH C AS (SELECT 1 X) SELECT X FROM DYNAMIC_TABLE_REFRESH_BOUNDARY(C)'],
  ])('is refused where it could mean two things: %s', async (_, sql) => {
    expect(await judged(sql)).toBeUndefined();
  });
});

describe('a word of a clause as an alias', () => {
  const WORDS = 'AT BEFORE CHANGES END PIVOT UNPIVOT MATCH_RECOGNIZE RESAMPLE SEED REPEATABLE SAMPLE'.split(' ');
  const LIST = '(ID, NAME, X, EMAIL, A, B, C, D)';

  it.each(WORDS.flatMap((word) => [`${word} ${LIST}`, `AS ${word} ${LIST}`, `${word.toLowerCase()} ${LIST}`]))(
    'names no columns within what masks them: %s',
    async (alias) => {
      expect(await judged(`SELECT EMAIL FROM CUSTOMERS ${alias}`)).toBeUndefined();
      expect(await judged(`SELECT EMAIL FROM CUSTOMERS c JOIN CUSTOMERS ${alias} ON TRUE`)).toBeUndefined();
    },
  );

  it('is a clause where it reads as one', async () => {
    const result = await judged('SELECT EMAIL FROM CUSTOMERS AT (OFFSET => -60)');
    expect(result?.sent).toContain('"CUSTOMERS" AT (OFFSET => -60) WHERE');
  });
});

describe('a list of names behind a table', () => {
  it('names the columns of what is sent: all of them go out, in their order', async () => {
    const result = await judged('SELECT x.B FROM CUSTOMERS AS x (A, B, C, D, E, F, G, H)');
    const relation = await catalog.relation(name('DB.S.CUSTOMERS'));
    const places = (relation?.columns ?? []).map((column) => result?.sent.indexOf(`END AS "${column.name}"`) ?? -1);
    expect(places.every((at) => at >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((left, right) => left - right));
  });
});
