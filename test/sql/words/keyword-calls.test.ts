/**
 * Words of the grammar that are reserved nowhere are names of functions as well (documentation page reserved-keywords): wherever an
 * expression can begin, such a word before a bracket calls whoever has that name, whatever else stands in the statement.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { snowflakeFunction } from '../../../dist/sql/functions/index.js';
import { analyse, Refusal, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

/** The functions that are seen, or undefined where the statement is refused. */
async function functionsOf(sql: string): Promise<readonly string[] | undefined> {
  try {
    const { functions, unowned } = await analyse(readStatement(sql), catalog, DEFAULTS);
    return unowned.length > 0 ? undefined : functions.map((use) => use.name);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

const source = (file: string): string =>
  readFileSync(new URL(`../../../src/sql/words/${file}.ts`, import.meta.url), 'utf8');

/** All that the tables of the source know, and what the parsers' own grammars could take for something else than a call. */
const WORDS = [
  ...new Set([
    ...['keywords', 'before-bracket'].flatMap((file) =>
      [...source(file).matchAll(/^ {2}([A-Z_]+): /gm)].flatMap(([, word]) => word ?? []),
    ),
    ...'AFTER ANTI BUCKET_START CLASSIFIER CONNECT_BY_ROOT DEFINE EMPTY EXTEND FINAL INCREMENT IS_GENERATED KEEP LEVEL MATCH MATCHES'.split(
      ' ',
    ),
    ...'MATCH_NUMBER METADATA_COLUMNS NOCYCLE OMIT ONE PAST PER PERMUTE PREV PRIOR RUNNING SEMANTIC_VIEW SEMI SHOW SKIP SUBSET'.split(
      ' ',
    ),
    ...'ARRAY MAP NUMBER OBJECT SYS_CONNECT_BY_PATH TIES UNMATCHED VARCHAR VECTOR WITHOUT WORK ZONE'.split(' '),
  ]),
].filter((word) => {
  const known = snowflakeFunction(word);
  // Functions of a construct are Snowflake's there alone; reserved words that are functions too, and those with a page of their own, are Snowflake's.
  return !/^(?:LEFT|RIGHT|CASE)$/.test(word) && (known === undefined || known.page.startsWith('constructs/'));
});

/** Where an expression stands; `#` is the call. */
const PLACES = [
  'SELECT # AS X FROM ORDERS',
  'SELECT CONCAT(ID, #) AS X FROM ORDERS',
  'SELECT ID * # AS X FROM ORDERS',
  'SELECT CAST(# AS VARCHAR) AS X FROM ORDERS',
  'SELECT EXTRACT(YEAR FROM #) AS X FROM ORDERS',
  'SELECT ID IS DISTINCT FROM # AS X FROM ORDERS',
  'SELECT TOP 3 # AS X FROM ORDERS',
  'SELECT ID AS X FROM ORDERS WHERE # = 1',
  "SELECT ID AS X FROM ORDERS WHERE ID LIKE 'a' ESCAPE #",
  'SELECT ID AS X FROM ORDERS WHERE ID = ANY (SELECT #)',
  'SELECT COUNT(*) AS X FROM ORDERS GROUP BY CONCAT(ID, #)',
  "SELECT COUNT(*) AS X FROM ORDERS GROUP BY ID, # || 'a'",
  'SELECT COUNT(*) AS X FROM ORDERS GROUP BY CUBE(ID, #)',
  'SELECT COUNT(*) AS X FROM ORDERS GROUP BY GROUPING SETS ((ID, #), ())',
  'SELECT ID AS X FROM ORDERS ORDER BY ID, #',
  'SELECT SUM(ID) OVER (PARTITION BY ID, # ORDER BY ID) AS X FROM ORDERS',
  'SELECT CASE WHEN # THEN 1 END AS X FROM ORDERS',
  'SELECT ID AS X FROM ORDERS LIMIT 1 OFFSET #',
  'SELECT ID AS X FROM ORDERS FETCH FIRST # ROWS ONLY',
  'SELECT o.ID AS X FROM ORDERS JOIN ORDERS o ON #',
  'SELECT 1 AS X FROM ORDERS, #',
  'SELECT 1 AS X FROM ORDERS, LATERAL # AS z',
  'SELECT COLUMN1 AS X FROM VALUES (#)',
  'SELECT 1 AS X FROM ORDERS PIVOT (SUM(ID) FOR TOTAL IN (ANY ORDER BY #))',
  'SELECT C AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES ID AS B, # AS C PATTERN (A) DEFINE A AS TRUE)',
  'SELECT C AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES FINAL # AS C PATTERN (A) DEFINE A AS TRUE)',
  'SELECT C AS X FROM ORDERS MATCH_RECOGNIZE (ORDER BY # MEASURES 1 AS C PATTERN (A) DEFINE A AS A.ID = #)',
  'SELECT ID AS X FROM ORDERS START WITH ID = 1 CONNECT BY PRIOR ID = #',
  'SELECT ID AS X FROM ORDERS START WITH # = 1 CONNECT BY PRIOR # = ID',
  'SELECT # AS X FROM ORDERS START WITH ID = 1 CONNECT BY PRIOR ID = CUSTOMER_ID',
  'SELECT CONNECT_BY_ROOT # AS X FROM ORDERS START WITH ID = 1 CONNECT BY PRIOR ID = CUSTOMER_ID',
  'SELECT * REPLACE (# AS ID) FROM ORDERS',
] as const;

/** Where the grammar has such words rightly, in queries of their own beside the call. */
const CONSTRUCTS = [
  'SELECT CONNECT_BY_ROOT ID AS X FROM ORDERS START WITH ID = 1 CONNECT BY PRIOR ID = CUSTOMER_ID',
  'SELECT ID FROM ORDERS GROUP BY CUBE(ID), ROLLUP(ID), GROUPING SETS ((ID), ())',
  'SELECT C FROM ORDERS MATCH_RECOGNIZE (ORDER BY ID MEASURES FINAL LAST(ID) AS C, RUNNING COUNT(*) AS D ALL ROWS PER MATCH AFTER MATCH SKIP TO LAST A PATTERN (A+) DEFINE A AS TRUE)',
  'SELECT ID FROM ORDERS CHANGES (INFORMATION => DEFAULT) AT (OFFSET => -10) END (OFFSET => -1)',
  "SELECT * FROM ORDERS PIVOT (SUM(ID) FOR TOTAL IN ('a'))",
  'SELECT ID FROM DYNAMIC_TABLE_REFRESH_BOUNDARY(ORDERS)',
  'SELECT * EXCLUDE (ID) REPLACE (1 AS TOTAL) FROM ORDERS SAMPLE SYSTEM (10) SEED (1)',
];

/** The symbol of a construct's own place: rightly no call. */
const isRight = (word: string, place: string): boolean => {
  const page = snowflakeFunction(word)?.page;
  return (
    (page === 'constructs/match_recognize' && place.includes('MATCH_RECOGNIZE')) ||
    (page === 'constructs/connect-by' && place.includes('CONNECT BY'))
  );
};

describe('a word of the grammar before a bracket', () => {
  const beside = CONSTRUCTS.map((query, at) => `M${at} AS (${query})`).join(', ');

  it('calls a function in every place of an expression, or the statement is refused', async () => {
    expect(await functionsOf(`WITH ${beside} SELECT 1 AS X`)).toEqual([]);
    expect(WORDS.length).toBeGreaterThan(90);
    let seen = 0;
    for (const word of WORDS)
      for (const place of PLACES) {
        if (isRight(word, place)) continue;
        const sql = place.replaceAll('#', `${word}(ID)`);
        const found = await functionsOf(`WITH ${beside}, M AS (${sql}) SELECT 1 AS X FROM M`);
        if (found === undefined) continue;
        seen++;
        expect(found, sql).toContain(word);
      }
    expect(seen).toBeGreaterThan(1000);
  }, 240_000);

  it.each([
    ...CONSTRUCTS,
    'SELECT REGION, COUNT(*) FROM CUSTOMERS GROUP BY REGION, ROLLUP (NAME) HAVING COUNT(*) > 1',
    'SELECT UPPER(CONNECT_BY_ROOT c.NAME) AS X FROM CUSTOMERS c START WITH ID = 1 CONNECT BY (PRIOR c.ID = NAME) ORDER BY CONNECT_BY_ROOT ID',
    "SELECT SYS_CONNECT_BY_PATH(NAME, '/') AS X FROM CUSTOMERS START WITH ID = 1 CONNECT BY NAME = PRIOR ID",
    'SELECT D FROM ORDERS MATCH_RECOGNIZE (PARTITION BY TOTAL ORDER BY ID DESC MEASURES (LAST(ID) - FIRST(ID)) AS D ONE ROW PER MATCH PATTERN (A (B | C)) DEFINE A AS ID > PREV(ID))',
    "SELECT ID FROM ORDERS BEFORE (STATEMENT => 'x') o",
    'SELECT o.ID FROM ORDERS o ASOF JOIN CUSTOMERS c MATCH_CONDITION (o.AT >= c.NAME) ON o.ID = c.ID',
    'SELECT ID FROM ORDERS LIMIT (10)',
    '(SELECT ID FROM ORDERS) EXCEPT (SELECT ID FROM CUSTOMERS)',
    "SELECT CASE (ID) || 'a' WHEN 'b' THEN 1 END AS X FROM ORDERS",
    'SELECT v FROM ORDERS UNPIVOT INCLUDE NULLS (v FOR n IN (ID, TOTAL))',
    'SELECT c.* EXCLUDE (ID) RENAME (NAME AS N) FROM CUSTOMERS c',
    'SELECT FIRST_VALUE(ID) IGNORE NULLS OVER (ORDER BY ID) AS X FROM ORDERS',
    'SELECT CASE WHEN (ID = 1) THEN 1 WHEN (ID = 2) THEN 2 END AS X FROM ORDERS',
    'SELECT c.ID FROM CUSTOMERS c LEFT JOIN (ORDERS o JOIN EVENTS e USING (ID)) USING (ID)',
    'SELECT x.T FROM CUSTOMERS c, LATERAL (SELECT TOTAL AS T FROM ORDERS o WHERE o.ID = c.ID) x',
  ])('is the grammar’s in its place: %s', async (sql) => {
    expect(await functionsOf(sql)).toEqual([]);
  });

  it.each([
    ['in the list of a query without CONNECT BY', 'SELECT PRIOR NAME FROM CUSTOMERS, (M0) q'],
    ['in the list of one', 'SELECT PRIOR NAME FROM CUSTOMERS START WITH ID = 1 CONNECT BY PRIOR ID = NAME'],
    ['of another query', 'SELECT CONNECT_BY_ROOT NAME FROM CUSTOMERS WHERE EXISTS (M0)'],
    ['of a measure in a list', 'SELECT FINAL COUNT(*) FROM CUSTOMERS WHERE EXISTS (M2)'],
  ])('is no keyword %s', async (_, sql) => {
    const [first = '', , third = ''] = CONSTRUCTS;
    expect(await functionsOf(sql.replace('M0', first).replace('M2', third))).toBeUndefined();
  });
});
