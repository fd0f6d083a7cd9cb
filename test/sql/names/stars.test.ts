/** Stars that stand for nothing, columns by their place behind a join that merges some, and values of sequences (constructs/join, sql/select). */
import { describe, expect, it } from 'vitest';
import { analyse, type FullAnalysis, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

const analysed = (sql: string): Promise<FullAnalysis> => analyse(readStatement(sql), catalog, DEFAULTS);

/** Columns with what they come from, by table and column. */
const lineage = async (sql: string): Promise<readonly string[]> =>
  (await analysed(sql)).outputs.map(
    ({ name, origins }) => `${name ?? '?'}<${origins.map(({ object, column }) => `${object.name}.${column}`).sort()}`,
  );

describe('a star that stands for no column', () => {
  const NOTHING = ['', 'FROM TABLE(GENERATOR(ROWCOUNT => 1))', 'FROM TABLE(GENERATOR(ROWCOUNT => 1)) g'];
  const STARS = ['*', 'HASH(*)', 'OBJECT_CONSTRUCT(*)', '{*}', 'COUNT(*) OVER (ORDER BY *)', 'COUNT(DISTINCT *)'];
  const STATEMENTS = [
    '#',
    'SELECT (#) AS X FROM ORDERS',
    'SELECT ID FROM ORDERS WHERE EXISTS (#)',
    'INSERT INTO ORDERS (ID) #',
    'UPDATE ORDERS SET TOTAL = (#)',
    "DELETE FROM ORDERS WHERE 'a' IN (#)",
    'MERGE INTO ORDERS o USING CUSTOMERS c ON o.ID = c.ID WHEN MATCHED THEN UPDATE SET TOTAL = (#)',
  ];

  it.each(
    STATEMENTS.flatMap((text) => NOTHING.flatMap((from) => STARS.map((star) => [text, `SELECT ${star} ${from}`]))),
  )('is refused: %s, %s', async (statement, query) => {
    expect((await analysed(statement.replace('#', query))).unowned).toMatchObject([{ name: '*' }]);
  });

  it('is refused where all of its columns are left out', async () => {
    expect((await analysed('SELECT c.* EXCLUDE (A) FROM (SELECT 1 AS A) c')).unowned).toMatchObject([{ name: '*' }]);
  });

  it.each([
    'SELECT COUNT(*)',
    'SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 1))',
    'SELECT * FROM (SELECT * FROM ORDERS)',
  ])('is none: %s', async (sql) => {
    expect((await analysed(sql)).unowned).toEqual([]);
  });
});

describe('a star in a change, to a look without scopes', () => {
  const stars = async (sql: string): Promise<readonly boolean[]> =>
    (await analysed(sql)).words.filter(({ name }) => name === '*').map(({ isForeign }) => isForeign);

  it.each([
    ['UPDATE ORDERS SET TOTAL = HASH(*)', [false]],
    ['UPDATE ORDERS SET TOTAL = (SELECT HASH(*))', [false]],
    ['UPDATE ORDERS SET TOTAL = (SELECT HASH(*) FROM CUSTOMERS)', [true]],
    ['UPDATE ORDERS SET TOTAL = (SELECT MAX((SELECT HASH(*))) FROM CUSTOMERS)', [false]],
    ['UPDATE ORDERS SET TOTAL = (SELECT {*} FROM CUSTOMERS c WHERE c.ID = ORDERS.ID)', [true]],
    ['UPDATE ORDERS SET TOTAL = (SELECT HASH(c.*) FROM CUSTOMERS c)', [true]],
    ['UPDATE ORDERS SET TOTAL = (SELECT HASH(ORDERS.*) FROM CUSTOMERS c)', [false]],
    ['DELETE FROM ORDERS WHERE (SELECT NTH_VALUE(HASH(*), 1) FROM LAST OVER (ORDER BY 1)) = 1', [false]],
    ['UPDATE ORDERS SET TOTAL = TOTAL * 2 * (3) * 4 WHERE (SELECT COUNT(*) FROM CUSTOMERS) = 1', []],
    [
      'MERGE INTO ORDERS o USING (SELECT * FROM CUSTOMERS) c ON o.ID = c.ID WHEN MATCHED THEN UPDATE SET TOTAL = HASH(*)',
      [true, false],
    ],
  ])('%s', async (sql, expected) => {
    expect(await stars(sql)).toEqual(expected);
  });

  it('is not another table’s by a place that this may not have', async () => {
    const { words } = await analysed(
      "UPDATE ORDERS SET TOTAL = (SELECT x.$2 FROM (SELECT * ILIKE 'ID' FROM CUSTOMERS) x)",
    );
    expect(words.find(({ name }) => name === '$2')).toMatchObject({ isForeign: false });
    const plain = await analysed('UPDATE ORDERS SET TOTAL = (SELECT x.$2 FROM CUSTOMERS x)');
    expect(plain.words.find(({ name }) => name === '$2')).toMatchObject({ isForeign: true });
  });
});

describe('columns of a join that merges some', () => {
  const LEFT = '(SELECT NAME, ID, REGION FROM CUSTOMERS) l';
  const RIGHT = '(SELECT TOTAL, ID, AT AS REGION FROM ORDERS) r';
  const ID = 'CUSTOMERS.ID,ORDERS.ID';
  const REGION = 'CUSTOMERS.REGION,ORDERS.AT';
  const ANY = ['CUSTOMERS.ID', 'CUSTOMERS.NAME', 'CUSTOMERS.REGION', 'ORDERS.AT', 'ORDERS.ID', 'ORDERS.TOTAL'].join();

  it('come first, in the order of USING', async () => {
    expect(await lineage(`SELECT * FROM ${LEFT} JOIN ${RIGHT} USING (REGION, ID)`)).toEqual([
      `REGION<${REGION}`,
      `ID<${ID}`,
      'NAME<CUSTOMERS.NAME',
      'TOTAL<ORDERS.TOTAL',
    ]);
  });

  /** Whatever takes a column by its place; `#` is the query, the second column of which is asked for. */
  const BY_PLACE = [
    'SELECT x.B AS X FROM (#) x (A, B, C, D)',
    'SELECT $2 AS X FROM (#)',
    'WITH x (A, B, C, D) AS (#) SELECT B AS X FROM x',
    'SELECT B AS X FROM (SELECT 1 AS A, 2 AS B, 3 AS C, 4 AS D UNION ALL #) x',
    'SELECT B AS X FROM (WITH RECURSIVE r (A, B, C, D) AS (# UNION ALL SELECT A, B, C, D FROM r) SELECT B FROM r) y',
  ];

  it.each(BY_PLACE)('are taken by their place as Snowflake orders them: %s', async (text) => {
    const one = text.replace('#', `SELECT * FROM ${LEFT} JOIN ${RIGHT} USING (REGION, ID)`);
    expect(await lineage(one)).toEqual([`X<${ID}`]);
  });

  it.each([
    ['NATURAL JOIN', `SELECT * FROM ${LEFT} NATURAL JOIN ${RIGHT}`],
    ['a star that is not alone', `SELECT *, 1 AS Z FROM ${LEFT} JOIN ${RIGHT} USING (REGION, ID)`],
    ['two joins', `SELECT * FROM ${LEFT} JOIN ${RIGHT} USING (REGION, ID) JOIN (SELECT ID FROM ORDERS) z USING (ID)`],
    ['a star that leaves one out', `SELECT * RENAME (NAME AS N) FROM ${LEFT} JOIN ${RIGHT} USING (REGION, ID)`],
    [
      'a join within another',
      `SELECT * FROM (SELECT 1 AS Y) y JOIN (${LEFT} JOIN ${RIGHT} USING (REGION, ID)) ON TRUE`,
    ],
    ['a star over such a star', `SELECT * FROM (SELECT * FROM ${LEFT} NATURAL JOIN ${RIGHT})`],
  ])('may be any by their place where the order is not documented: %s', async (_, query) => {
    for (const text of BY_PLACE) {
      const list = query.includes('1 AS Z') || query.includes('1 AS Y') ? ', D, E)' : ', D)';
      const sql = text.replace('#', query).replaceAll(', D)', list);
      expect(await lineage(sql.replace('4 AS D', '4 AS D, 5 AS E')), sql).toEqual([`X<${ANY}`]);
    }
  });

  it('keep what they come from under their names', async () => {
    expect(await lineage(`SELECT x.NAME, x.ID FROM (SELECT * FROM ${LEFT} NATURAL JOIN ${RIGHT}) x`)).toEqual([
      'NAME<CUSTOMERS.NAME',
      `ID<${ID}`,
    ]);
    expect(await lineage(`SELECT * RENAME (ID AS N) FROM ${LEFT} JOIN ${RIGHT} USING (ID)`)).toContain(`N<${ID}`);
  });

  it('are grouped and ordered by what may stand there', async () => {
    const { columns } = await analysed(`SELECT * FROM ${LEFT} NATURAL JOIN ${RIGHT} ORDER BY 1`);
    const ordered = columns
      .filter(({ usage }) => usage === 'order')
      .map(({ object, column }) => `${object.name}.${column}`);
    expect(ordered.sort().join()).toBe(ANY);
  });

  it('behind a PIVOT with as many columns as there are values may be any', async () => {
    const pivoted = '(SELECT ID, TOTAL, AT FROM ORDERS) PIVOT (SUM(TOTAL) FOR AT IN (ANY)) p';
    expect(await lineage(`SELECT x.C AS X FROM (SELECT p.*, c.NAME FROM ${pivoted}, CUSTOMERS c) x (A, B, C)`)).toEqual(
      ['X<CUSTOMERS.NAME,ORDERS.AT,ORDERS.TOTAL'],
    );
  });
});

describe('NEXTVAL behind a name', () => {
  it.each([
    'SELECT Q.NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q',
    'SELECT Q."NEXTVAL" FROM (SELECT 1 AS NEXTVAL) Q',
    'SELECT q.currval FROM ORDERS q (CURRVAL, A, B, C)',
    'SELECT S.ORDERS.NEXTVAL FROM ORDERS',
    'SELECT DB.S.Q.NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q',
    'SELECT ID FROM ORDERS WHERE ID = (SELECT Q.NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q)',
    'INSERT INTO ORDERS (ID) SELECT Q.NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q',
    'UPDATE ORDERS SET ID = Q.NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q',
  ])('is a sequence’s, whatever has the name: %s', async (sql) => {
    const [unowned] = (await analysed(sql)).unowned;
    expect(unowned?.what).toContain('sequences');
  });

  it('is a column’s without', async () => {
    expect((await analysed('SELECT NEXTVAL FROM (SELECT 1 AS NEXTVAL) Q')).unowned).toEqual([]);
  });
});
