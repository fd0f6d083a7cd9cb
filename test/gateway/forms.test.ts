/** Forms that the primary parser does not read by itself, from the agent's text to what is in the warehouse afterwards. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callerOf } from '../support/caller.mjs';
import { KEY, Whole } from '../support/gateways/whole.js';

const bot = callerOf('bot', ['g']);
const POLICY = `rules:
  - allow: [read, insert, delete, update, merge]
    on: [DB.PUBLIC.*]
columns:
  - match: [DB.PUBLIC.PEOPLE.SSN]
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
