/** Row access policies, masking policies and materialized views as objects of the embedded warehouse, by the unmodified driver. */
import type { Connection } from 'snowflake-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';
import { connectDriver, execute } from '../support/outside/driver.mjs';

let warehouse: Warehouse;
/** By their roles: whoever governs, the two whom policies tell apart, and one with rights of its own. */
let admin: Connection;
let analyst: Connection;
let guest: Connection;
let reader: Connection;

const run = async (connection: Connection, sql: string): Promise<unknown[][]> =>
  (await execute(connection, sql)).map((row) => Object.values(row));
const refused = async (connection: Connection, sql: string): Promise<string> =>
  execute(connection, sql).then(
    () => 'It did not fail.',
    (error: unknown) => (error as Error).message.replaceAll('\n', ' '),
  );
const plan = async (connection: Connection, sql: string): Promise<[string, string[]][]> => {
  const [row] = await execute(connection, `EXPLAIN USING JSON ${sql}`);
  const content = Object.values(row ?? {})[0];
  const { Operations } = (typeof content === 'string' ? JSON.parse(content) : content) as {
    Operations: { operation: string; objects?: string[] }[][];
  };
  return Operations.flat().flatMap(({ operation, objects }): [string, string[]][] =>
    objects ? [[operation, objects]] : [],
  );
};

beforeAll(async () => {
  warehouse = await Warehouse.start({
    ...DEFAULT_OPTIONS,
    databases: ['DB'],
    seeds: [],
    defaultDatabase: 'DB',
    users: [{ name: 'U', password: 'pw' }],
    roles: { READER: { select: ['DB.PUBLIC.PEOPLE', 'DB.PUBLIC.NAMES'], references: [] } },
  });
  const as = (role: string): Promise<Connection> =>
    connectDriver({ access_url: warehouse.url, username: 'u', password: 'pw' }, { role });
  [admin, analyst, guest, reader] = await Promise.all([as('SECURITYADMIN'), as('ANALYST'), as('GUEST'), as('READER')]);
  for (const sql of [
    'CREATE TABLE PEOPLE (ID NUMBER, NAME VARCHAR(20), REGION VARCHAR, AGE NUMBER(3,0), SEEN VARCHAR)',
    "INSERT INTO PEOPLE VALUES (1, 'Ann', 'EU', 30, 'no'), (2, 'Bo', 'US', 40, 'yes'), (3, 'Cy', 'EU', 50, 'yes')",
    'CREATE SCHEMA GOVERNED',
    'USE SCHEMA PUBLIC',
    'CREATE TABLE GOVERNED.MAPPING (MANAGER VARCHAR, PLACE VARCHAR)',
    "INSERT INTO GOVERNED.MAPPING VALUES ('GUEST', 'EU'), ('READER', 'US')",
    `CREATE ROW ACCESS POLICY GOVERNED.BY_REGION AS (PLACE_OF VARCHAR) RETURNS BOOLEAN ->
       CURRENT_ROLE() IN ('ANALYST', 'SECURITYADMIN')
       OR EXISTS (SELECT 1 FROM MAPPING WHERE MANAGER = CURRENT_ROLE() AND PLACE = PLACE_OF) COMMENT = 'who sees ''what'''`,
    `CREATE MASKING POLICY GOVERNED.HIDDEN AS (VAL STRING) RETURNS STRING -> -- a comment
       CASE WHEN CURRENT_ROLE() IN ('ANALYST') THEN VAL ELSE '***' END`,
    `CREATE MASKING POLICY GOVERNED.NO_AGE AS (V NUMBER, SHOWN VARCHAR) RETURNS NUMBER -> IFF(SHOWN = 'yes', V, -1)`,
    'ALTER TABLE PEOPLE ADD ROW ACCESS POLICY GOVERNED.BY_REGION ON (REGION)',
    `ALTER TABLE PEOPLE MODIFY COLUMN NAME SET MASKING POLICY GOVERNED.HIDDEN
       , COLUMN AGE SET MASKING POLICY GOVERNED.NO_AGE USING (AGE, SEEN)`,
    'CREATE VIEW NAMES (N, R) AS SELECT NAME, REGION FROM PEOPLE',
    'CREATE VIEW OVER_NAMES AS SELECT N FROM NAMES',
  ])
    await execute(admin, sql);
});
afterAll(async () => {
  for (const connection of [admin, analyst, guest, reader]) connection.destroy(() => undefined);
  await warehouse[Symbol.asyncDispose]();
});

const ALL = 'SELECT ID, NAME, REGION, AGE FROM PEOPLE ORDER BY ID';

describe('a table under policies (user-guide/security-row-intro, user-guide/security-column-intro)', () => {
  it('shows each role its rows and values', async () => {
    expect(await run(analyst, ALL)).toEqual([
      [1, 'Ann', 'EU', -1],
      [2, 'Bo', 'US', 40],
      [3, 'Cy', 'EU', 50],
    ]);
    expect(await run(guest, ALL)).toEqual([
      [1, '***', 'EU', -1],
      [3, '***', 'EU', 50],
    ]);
    // The mapping table is read by the policy's owner: this role has no right to it.
    expect(await run(reader, ALL)).toEqual([[2, '***', 'US', 40]]);
    expect(await refused(reader, 'SELECT * FROM GOVERNED.MAPPING')).toContain('does not exist or not authorized');
  });

  it.each([
    ["SELECT COUNT(*) FROM PEOPLE WHERE NAME = 'Ann'", 0],
    ["SELECT COUNT(*) FROM PEOPLE AS P WHERE P.NAME = '***'", 2],
    ['SELECT COUNT(*) FROM DB.PUBLIC.PEOPLE', 2],
    ['SELECT COUNT(DISTINCT NAME) FROM PEOPLE', 1],
    ["SELECT MAX(A.ID) FROM PEOPLE A JOIN PEOPLE B ON A.NAME = B.NAME AND B.REGION = 'US' OR B.ID = 1", 3],
    ["SELECT COUNT(*) FROM NAMES WHERE N <> '***'", 0],
    ['SELECT COUNT(N) FROM OVER_NAMES', 2],
    ['WITH C AS (SELECT NAME FROM PEOPLE) SELECT COUNT(*) FROM C', 2],
    ['SELECT COUNT(X) FROM PEOPLE AS P(X)', 2],
    ['SELECT COUNT(*) FROM PEOPLE SAMPLE (100)', 2],
    // Whatever is computed first, it is of rows that are shown.
    ['SELECT COUNT(*) FROM PEOPLE WHERE 1 / (ID - 2) < 5', 2],
  ])('holds wherever it stands: %s', async (sql, expected) => {
    expect(Number((await run(guest, sql))[0]?.[0])).toBe(expected);
  });

  it('lets nothing else be changed, and changes what is shown', async () => {
    await execute(admin, 'CREATE TABLE CHANGED (ID NUMBER, NAME VARCHAR, REGION VARCHAR)');
    await execute(
      admin,
      "INSERT INTO CHANGED VALUES (1, 'Ann', 'EU'), (2, 'Bo', 'US'), (3, 'Cy', 'EU'), (4, 'Di', 'EU')",
    );
    await execute(admin, 'ALTER TABLE CHANGED ADD ROW ACCESS POLICY GOVERNED.BY_REGION ON (REGION)');
    await execute(admin, 'ALTER TABLE CHANGED ALTER COLUMN NAME SET MASKING POLICY GOVERNED.HIDDEN');
    expect(await run(guest, "UPDATE CHANGED SET REGION = NAME WHERE NAME = 'Bo' OR ID = 2")).toEqual([[0, 0]]);
    expect(await run(guest, "UPDATE CHANGED AS C SET NAME = C.NAME || 'x' WHERE C.ID < 3")).toEqual([[1, 0]]);
    expect(await run(guest, 'DELETE FROM CHANGED AS C WHERE C.ID IN (2, 3)')).toEqual([[1]]);
    expect(await run(guest, 'UPDATE CHANGED C SET NAME = Q.N FROM (SELECT 4 AS I, 5 AS N) Q WHERE C.ID = Q.I')).toEqual(
      [[1, 0]],
    );
    // New rows are nobody's affair.
    await execute(guest, "INSERT INTO CHANGED VALUES (5, 'Ed', 'US')");
    expect(await run(analyst, 'SELECT ID, NAME, REGION FROM CHANGED ORDER BY ID')).toEqual([
      [1, '***x', 'EU'],
      [2, 'Bo', 'US'],
      [4, '5', 'EU'],
      [5, 'Ed', 'US'],
    ]);
    await execute(guest, 'CREATE TABLE COPIED AS SELECT * FROM CHANGED');
    expect(await run(analyst, 'SELECT ID, NAME FROM COPIED ORDER BY ID')).toEqual([
      [1, '***'],
      [4, '***'],
    ]);
    await execute(admin, 'DROP TABLE COPIED');
    await execute(admin, 'DROP TABLE CHANGED');
  });

  it('is named so by EXPLAIN, which tells nothing of the policy', async () => {
    expect(await plan(guest, 'SELECT NAME FROM PEOPLE')).toEqual([
      ['DynamicSecureView', ['PEOPLE (+ RowAccessPolicy)']],
    ]);
    expect(await plan(guest, 'SELECT N FROM OVER_NAMES')).toEqual([
      ['DynamicSecureView', ['PEOPLE (+ RowAccessPolicy)']],
    ]);
    expect(await plan(guest, 'SELECT 1 FROM PEOPLE, GOVERNED.MAPPING')).toEqual([
      ['TableScan', ['DB.GOVERNED.MAPPING']],
      ['DynamicSecureView', ['PEOPLE (+ RowAccessPolicy)']],
    ]);
  });
});

describe('policies as objects', () => {
  it('are listed and described to whoever governs', async () => {
    expect(
      (await execute(admin, 'SHOW ROW ACCESS POLICIES IN SCHEMA GOVERNED')).map(({ name, kind, comment }) => [
        name,
        kind,
        comment,
      ]),
    ).toEqual([['BY_REGION', 'ROW_ACCESS_POLICY', "who sees 'what'"]]);
    expect((await execute(admin, "SHOW MASKING POLICIES LIKE 'no%' IN ACCOUNT")).map(({ name }) => name)).toEqual([
      'NO_AGE',
    ]);
    expect(await execute(admin, 'DESC ROW ACCESS POLICY GOVERNED.BY_REGION')).toEqual([
      {
        name: 'BY_REGION',
        signature: '(PLACE_OF VARCHAR)',
        return_type: 'BOOLEAN',
        body: expect.stringMatching(/^CURRENT_ROLE\(\) IN .* PLACE = PLACE_OF\)$/s),
      },
    ]);
    expect(await execute(admin, 'DESCRIBE MASKING POLICY DB.GOVERNED.HIDDEN')).toMatchObject([
      { signature: '(VAL VARCHAR)', return_type: 'VARCHAR(16777216)' },
    ]);
    expect((await execute(admin, 'DESCRIBE TABLE PEOPLE')).map((row) => row['policy name'])).toEqual([
      null,
      'DB.GOVERNED.HIDDEN',
      null,
      'DB.GOVERNED.NO_AGE',
      null,
    ]);
    expect(await execute(reader, 'SHOW MASKING POLICIES IN ACCOUNT')).toEqual([]);
  });

  it.each([
    ['DROP MASKING POLICY GOVERNED.HIDDEN', 'Policy HIDDEN cannot be dropped/replaced'],
    [
      'CREATE OR REPLACE MASKING POLICY GOVERNED.HIDDEN AS (V VARCHAR) RETURNS VARCHAR -> V',
      'Policy HIDDEN cannot be dropped/replaced',
    ],
    ['CREATE MASKING POLICY GOVERNED.HIDDEN AS (V VARCHAR) RETURNS VARCHAR -> V', "Object 'HIDDEN' already exists"],
    ['CREATE MASKING POLICY GOVERNED.ODD AS (V VARCHAR) RETURNS NUMBER -> 1', 'return type mismatch'],
    [
      'CREATE ROW ACCESS POLICY GOVERNED.ODD AS (V VARCHAR) RETURNS VARCHAR -> V',
      "return type 'VARCHAR(16777216)' is not BOOLEAN",
    ],
    ['DROP ROW ACCESS POLICY GOVERNED.HIDDEN', "Row access policy 'DB.GOVERNED.HIDDEN' does not exist"],
    ['ALTER TABLE PEOPLE ADD ROW ACCESS POLICY GOVERNED.BY_REGION ON (SEEN)', 'already has a ROW_ACCESS_POLICY'],
    ['ALTER TABLE PEOPLE MODIFY COLUMN NAME SET MASKING POLICY GOVERNED.HIDDEN', 'already attached to another'],
    ['ALTER TABLE PEOPLE MODIFY COLUMN REGION SET MASKING POLICY GOVERNED.HIDDEN', 'ROW_ACCESS_POLICY'],
    ['ALTER TABLE PEOPLE MODIFY COLUMN NO SET MASKING POLICY GOVERNED.HIDDEN', "invalid identifier 'NO'"],
    ['CREATE MATERIALIZED VIEW M AS SELECT ID FROM PEOPLE', 'ENFORCED BY ROW ACCESS POLICY'],
    ['CREATE TABLE T2 (A VARCHAR WITH MASKING POLICY GOVERNED.HIDDEN)', 'Unsupported feature'],
  ])('%s is refused', async (sql, message) => {
    expect(await refused(admin, sql)).toContain(message);
  });

  it.each([
    'CREATE MASKING POLICY MINE AS (V VARCHAR) RETURNS VARCHAR -> V',
    'ALTER MASKING POLICY GOVERNED.HIDDEN SET BODY -> VAL',
    'DROP MASKING POLICY GOVERNED.HIDDEN',
    'ALTER TABLE PEOPLE DROP ALL ROW ACCESS POLICIES',
    'ALTER TABLE PEOPLE MODIFY COLUMN NAME UNSET MASKING POLICY',
  ])('are nothing for a role with rights of its own: %s', async (sql) => {
    expect(await refused(reader, sql)).toMatch(/Insufficient privileges|does not exist or not authorized/);
  });

  it('hold for a view as they are when it is read, whenever it was made', async () => {
    for (const sql of [
      'CREATE TABLE LATER (A VARCHAR, "b c" NUMBER)',
      "INSERT INTO LATER VALUES ('x', 1), ('y', 2)",
      "CREATE ROW ACCESS POLICY ONLY_X AS (V VARCHAR) RETURNS BOOLEAN -> V = 'x' AND CURRENT_ROLE() = 'GUEST'",
      'CREATE OR ALTER MASKING POLICY NOBODY AS (V NUMBER) RETURNS NUMBER -> 0',
      'ALTER TABLE LATER ADD ROW ACCESS POLICY ONLY_X ON (A)',
      'CREATE VIEW OF_LATER AS SELECT A, "b c", LENGTH(A) FROM LATER',
      'ALTER VIEW OF_LATER MODIFY COLUMN "b c" SET MASKING POLICY NOBODY',
    ])
      await execute(admin, sql);
    expect(await run(admin, 'SELECT * FROM OF_LATER')).toEqual([]);
    expect(await run(guest, 'SELECT * FROM OF_LATER')).toEqual([['x', 0, 1]]);
    await execute(admin, "CREATE OR ALTER ROW ACCESS POLICY ONLY_X AS (V VARCHAR) RETURNS BOOLEAN -> V = 'y'");
    expect(await run(admin, 'SELECT * FROM OF_LATER')).toEqual([['y', 0, 1]]);
    await execute(admin, 'ALTER TABLE LATER DROP ALL ROW ACCESS POLICIES');
    expect(await run(admin, 'SELECT * FROM OF_LATER ORDER BY 1')).toEqual([
      ['x', 0, 1],
      ['y', 0, 1],
    ]);
    await execute(admin, 'CREATE MASKING POLICY MINUS AS (V NUMBER) RETURNS NUMBER -> -V');
    await execute(admin, 'ALTER VIEW OF_LATER MODIFY COLUMN "b c" SET MASKING POLICY MINUS FORCE');
    expect(await run(admin, 'SELECT "b c" FROM OF_LATER ORDER BY 1')).toEqual([[-2], [-1]]);
    await execute(admin, 'DROP VIEW OF_LATER');
    for (const sql of [
      'DROP MASKING POLICY MINUS',
      'DROP MASKING POLICY NOBODY',
      'DROP ROW ACCESS POLICY ONLY_X',
      'DROP TABLE LATER',
    ])
      await execute(admin, sql);
  });

  it('are altered where they are, taken off, and dropped', async () => {
    for (const sql of [
      'CREATE TABLE SHORT_LIVED (A VARCHAR)',
      "INSERT INTO SHORT_LIVED VALUES ('a'), ('b')",
      "CREATE MASKING POLICY P1 AS (V VARCHAR) RETURNS VARCHAR -> V || '1'",
      "CREATE ROW ACCESS POLICY P2 AS (V VARCHAR) RETURNS BOOLEAN -> V = 'a'",
      'ALTER TABLE SHORT_LIVED ALTER A SET MASKING POLICY P1',
    ])
      await execute(admin, sql);
    const rows = async (): Promise<unknown[]> => (await run(admin, 'SELECT A FROM SHORT_LIVED ORDER BY 1')).flat();
    expect(await rows()).toEqual(['a1', 'b1']);
    await execute(admin, "ALTER MASKING POLICY P1 SET BODY -> V || '2'");
    await execute(admin, 'ALTER MASKING POLICY P1 RENAME TO P3');
    expect(await rows()).toEqual(['a2', 'b2']);
    await execute(admin, 'ALTER TABLE SHORT_LIVED MODIFY COLUMN A UNSET MASKING POLICY');
    await execute(admin, 'ALTER TABLE SHORT_LIVED ADD ROW ACCESS POLICY P2 ON (A)');
    expect(await rows()).toEqual(['a']);
    await execute(admin, 'ALTER TABLE SHORT_LIVED DROP ROW ACCESS POLICY P2');
    expect(await rows()).toEqual(['a', 'b']);
    await execute(admin, 'DROP MASKING POLICY P3');
    await execute(admin, 'DROP ROW ACCESS POLICY P2');
    expect(await execute(admin, "SHOW MASKING POLICIES LIKE 'P3'")).toEqual([]);
    await execute(admin, 'DROP TABLE SHORT_LIVED');
  });
});

describe('materialized views (user-guide/views-materialized)', () => {
  beforeAll(async () => {
    for (const sql of [
      'CREATE TABLE STOCK (ID NUMBER, PRICE NUMBER, PLACE VARCHAR)',
      "INSERT INTO STOCK VALUES (1, 10, 'a'), (2, 20, 'b')",
      'CREATE OR REPLACE SECURE MATERIALIZED VIEW CHEAP AS SELECT ID FROM STOCK WHERE PRICE < 15',
      'CREATE MATERIALIZED VIEW PRICES AS SELECT ID, PRICE FROM STOCK',
    ])
      await execute(admin, sql);
  });

  it('are listed with their table, among views too', async () => {
    const shown = await execute(admin, 'SHOW MATERIALIZED VIEWS');
    expect(shown.map((row) => [row['name'], row['source_table_name'], row['is_secure'], row['invalid']])).toEqual([
      ['CHEAP', 'STOCK', 'true', 'false'],
      ['PRICES', 'STOCK', 'false', 'false'],
    ]);
    const views = await execute(admin, "SHOW VIEWS LIKE 'prices'");
    expect(views.map((row) => [row['name'], row['is_materialized']])).toEqual([['PRICES', 'true']]);
    expect((await execute(admin, 'DESC MATERIALIZED VIEW PRICES')).map(({ name }) => name)).toEqual(['ID', 'PRICE']);
  });

  it('are read by their name, and in their table’s place', async () => {
    await execute(admin, "INSERT INTO STOCK VALUES (3, 5, 'c')");
    expect(await run(admin, 'SELECT ID FROM CHEAP ORDER BY 1')).toEqual([[1], [3]]);
    const objects = async (sql: string): Promise<string[]> => (await plan(admin, sql)).flatMap(([, names]) => names);
    expect(await objects('SELECT ID FROM PRICES')).toEqual(['DB.PUBLIC.PRICES']);
    expect(await objects('SELECT ID FROM CHEAP')).toEqual(['DB.PUBLIC.CHEAP']);
    expect(await objects('SELECT SUM(PRICE) FROM STOCK WHERE ID > 1')).toEqual(['DB.PUBLIC.PRICES']);
    expect(await objects('SELECT PLACE FROM STOCK')).toEqual(['DB.PUBLIC.STOCK']);
    expect(await objects('SELECT ID FROM STOCK WHERE PLACE > PLACE')).toEqual(['DB.PUBLIC.STOCK']);
  });

  it.each([
    ['CREATE MATERIALIZED VIEW X AS SELECT A.ID FROM STOCK A JOIN STOCK B ON A.ID = B.ID', 'Unsupported feature'],
    ['CREATE MATERIALIZED VIEW X AS SELECT ID FROM STOCK ORDER BY ID', 'Unsupported feature'],
    ['CREATE MATERIALIZED VIEW X AS SELECT ID FROM PRICES', 'Unsupported feature'],
    ['CREATE MATERIALIZED VIEW X AS SELECT ID FROM NOTHING', 'does not exist or not authorized'],
    ['DROP VIEW PRICES', 'not specified type'],
    ['ALTER TABLE STOCK ADD ROW ACCESS POLICY GOVERNED.BY_REGION ON (PLACE)', 'number of mvs=2, table name=STOCK'],
  ])('%s is refused', async (sql, message) => {
    expect(await refused(admin, sql)).toContain(message);
  });

  it('are dropped', async () => {
    await execute(admin, 'DROP MATERIALIZED VIEW PRICES');
    expect((await execute(admin, 'SHOW MATERIALIZED VIEWS')).map(({ name }) => name)).toEqual(['CHEAP']);
  });
});
