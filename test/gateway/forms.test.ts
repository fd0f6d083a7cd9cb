/** Forms that the primary parser does not read by itself, from the agent's text to what is in the warehouse afterwards. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callerOf } from '../support/caller.mjs';
import { KEY, Whole } from '../support/gateways/whole.js';

const bot = callerOf('bot', ['g']);
const POLICY = `rules:
  - allow: [read, insert, delete, update, merge]
    on: [DB.PUBLIC.*, DB.OTHER.*]
columns:
  - match: [DB.PUBLIC.PEOPLE.SSN, DB.OTHER.T.SSN]
    mask: null
rows:
  - on: DB.PUBLIC.PEOPLE
    where: REGION = 'EU'
`;

let whole: Whole;
let gateway: Awaited<ReturnType<Whole['gateway']>>['gateway'];
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, NAME VARCHAR)',
    'CREATE TABLE DB.PUBLIC.S (NAME VARCHAR, ID NUMBER)',
    "INSERT INTO DB.PUBLIC.S VALUES ('x', 1), ('y', 2), ('y', 2), ('z', 9)",
    'CREATE TABLE DB.PUBLIC.PEOPLE (ID NUMBER, SSN VARCHAR, REGION VARCHAR)',
    "INSERT INTO DB.PUBLIC.PEOPLE VALUES (1, '111', 'EU'), (2, '222', 'US')",
    'CREATE SCHEMA DB.OTHER',
    'CREATE TABLE DB.OTHER.T (ID NUMBER, SSN VARCHAR)',
    "INSERT INTO DB.OTHER.T VALUES (2, '222')",
  ]);
  ({ gateway } = await whole.gateway(POLICY));
});
afterAll(() => whole[Symbol.asyncDispose]());
beforeEach(async () => {
  await whole.warehouse.ask(KEY, 'DELETE FROM DB.PUBLIC.T', 'seed');
  await whole.warehouse.ask(KEY, "INSERT INTO DB.PUBLIC.T VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')", 'seed');
});

const left = async (): Promise<unknown> =>
  (await gateway.query(bot, { sql: 'SELECT ID, NAME FROM DB.PUBLIC.T ORDER BY ID' })).rows;

describe('DELETE with sources of its own (sql/delete)', () => {
  it.each([
    ['DB.PUBLIC.T USING DB.PUBLIC.S WHERE T.ID = S.ID', [3, 4]],
    ['DB.PUBLIC.T USING DB.PUBLIC.S AS s WHERE T.ID = s.ID', [3, 4]],
    ['DB.PUBLIC.T AS x USING DB.PUBLIC.S s, DB.PUBLIC.PEOPLE p WHERE x.ID = s.ID AND s.ID = p.ID', [2, 3, 4]],
    ["DB.PUBLIC.T USING (SELECT s.ID AS N FROM DB.PUBLIC.S s WHERE s.NAME = 'y') u WHERE T.ID = u.N", [1, 3, 4]],
    [
      'DB.PUBLIC.T USING (SELECT ID FROM DB.PUBLIC.S) AS u, DB.PUBLIC.PEOPLE WHERE T.ID = u.ID AND PEOPLE.ID > u.ID',
      [1, 2, 3, 4],
    ],
    ['DB.PUBLIC.T USING DB.PUBLIC.PEOPLE p WHERE T.ID = p.ID', [2, 3, 4]],
    ['DB.PUBLIC.T USING DB.PUBLIC.S', []],
  ])('takes the rows that have a match, and goes by no hidden row: %s', async (rest, ids) => {
    expect(await gateway.query(bot, { sql: `DELETE FROM ${rest}` })).toMatchObject({ status: 'ok' });
    expect(((await left()) as unknown[][]).map(([id]) => Number(id))).toEqual(ids);
  });
});

describe('MERGE … ALL BY NAME (sql/merge)', () => {
  it.each([
    '(SELECT * FROM DB.PUBLIC.S QUALIFY ROW_NUMBER() OVER (PARTITION BY ID ORDER BY NAME) = 1) s',
    '(SELECT DISTINCT NAME, ID FROM DB.PUBLIC.S) AS s',
  ])('writes every column from the one of its name: %s', async (source) => {
    const sql = `MERGE INTO DB.PUBLIC.T USING ${source} ON T.ID = s.ID WHEN MATCHED THEN UPDATE ALL BY NAME WHEN NOT MATCHED THEN INSERT ALL BY NAME`;
    expect(await gateway.query(bot, { sql })).toMatchObject({ status: 'ok' });
    expect(((await left()) as unknown[][]).map((row) => row.map(String).join(' '))).toEqual([
      '1 x',
      '2 y',
      '3 c',
      '4 d',
      '9 z',
    ]);
  });
});

describe('a star behind a name in full (sql/select)', () => {
  it.each(['DB.PUBLIC.PEOPLE.*', 'PUBLIC.PEOPLE.*', 'DB..PEOPLE.*', '"DB".PUBLIC."PEOPLE".* RENAME SSN AS S'])(
    'shows what may be seen: %s',
    async (star) => {
      const { status, rows } = await gateway.query(bot, { sql: `SELECT ${star} FROM DB.PUBLIC.PEOPLE` });
      expect({ status, rows: (rows as unknown[][]).map((row) => row.map(String)) }).toEqual({
        status: 'ok',
        rows: [['1', 'null', 'EU']],
      });
    },
  );
});

describe('a table of another’s last name (sql/select, sql/delete)', () => {
  it.each([
    'DELETE FROM DB.PUBLIC.T USING DB.OTHER.T WHERE DB.OTHER.T.ID = DB.PUBLIC.T.ID',
    "UPDATE DB.PUBLIC.T SET NAME = 'q' WHERE EXISTS (SELECT 1 FROM DB.OTHER.T WHERE OTHER.T.ID = PUBLIC.T.ID)",
    'DELETE FROM DB.PUBLIC.T USING DB.OTHER.T o WHERE o.ID = DB.PUBLIC.T.ID',
  ])('changes the rows that are meant, or none: %s', async (sql) => {
    const { status, denial } = await gateway.query(bot, { sql });
    if (status !== 'ok') expect(denial?.message).toMatch(/^Two tables in sight have the name T,/);
    const others = ((await left()) as unknown[][]).filter(([id]) => Number(id) !== 2);
    expect(others.map((row) => row.map(String).join(' '))).toEqual(['1 a', '3 c', '4 d']);
  });

  it('answers for the one that is named', async () => {
    const sql = (name: string) =>
      `SELECT x.ID, (SELECT COUNT(*) FROM DB.OTHER.T o WHERE o.ID = ${name}.ID) AS N FROM DB.PUBLIC.T x ORDER BY ID`;
    const { rows } = await gateway.query(bot, { sql: sql('x') });
    expect((rows as unknown[][]).map((row) => row.map(Number))).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 0],
    ]);
    const { denial } = await gateway.query(bot, {
      sql: 'SELECT (SELECT COUNT(*) FROM DB.PUBLIC.T WHERE OTHER.T.ID = PUBLIC.T.ID) AS N FROM DB.OTHER.T',
    });
    expect(denial?.hint).toContain('alias');
  });
});

describe('a construct behind a masked table (constructs/pivot, constructs/unpivot)', () => {
  it.each([
    ["PEOPLE.E FROM DB.PUBLIC.PEOPLE PIVOT(MAX(ID) FOR REGION IN ('EU' AS E, 'US' AS U))", ['1']],
    ["PEOPLE.U FROM DB.PUBLIC.PEOPLE PIVOT(MAX(ID) FOR REGION IN ('EU' AS E, 'US' AS U))", ['null']],
    [
      "PEOPLE.SSN FROM DB.PUBLIC.PEOPLE PIVOT(MAX(ID) FOR REGION IN ('EU' AS E)), DB.PUBLIC.S PIVOT(MAX(ID) FOR NAME IN ('x' AS X))",
      ['null'],
    ],
    ['PEOPLE.V FROM DB.PUBLIC.PEOPLE UNPIVOT(V FOR N IN (SSN, REGION))', ['EU']],
  ])('leaves it its name: SELECT %s', async (rest, expected) => {
    const { status, denial, error, rows } = await gateway.query(bot, { sql: `SELECT ${rest}` });
    expect({ status, denial, error }).toMatchObject({ status: 'ok' });
    expect((rows as unknown[][]).map((row) => String(row[0]))).toEqual(expected);
  });
});
