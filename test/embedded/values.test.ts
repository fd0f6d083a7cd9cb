/**
 * Values that do not fit where they are put or cast, as Snowflake words it: lengths of VARCHAR and BINARY, precision of NUMBER
 * (data-types-text, data-types-numeric, functions/cast), and what else quotes a row or a value. By the unmodified driver.
 */
import type { Connection } from 'snowflake-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse } from '../../dist/embedded/warehouse/index.js';
import { connectDriver, execute } from '../support/outside/driver.mjs';

let warehouse: Warehouse;
let connection: Connection;
beforeAll(async () => {
  warehouse = await Warehouse.start({
    ...DEFAULT_OPTIONS,
    databases: ['DB'],
    seeds: [],
    defaultDatabase: 'DB',
    users: [{ name: 'U', password: 'pw' }],
  });
  connection = await connectDriver({ access_url: warehouse.url, username: 'u', password: 'pw' });
  for (const sql of [
    'CREATE TABLE T (K NUMBER(38,0) NOT NULL, V VARCHAR(3), B BINARY(2), N NUMBER(4,1), F FLOAT, O BOOLEAN, D DATE, C TIME, S TIMESTAMP_NTZ, J VARIANT, W VARCHAR)',
    "INSERT INTO T (K, V, N, W) VALUES (1, 'abc', 1.5, 'x'), (2, 'ab', 20, NULL)",
    'CREATE TABLE LONG (K NUMBER, L VARCHAR)',
    "INSERT INTO LONG VALUES (1, 'abcdef'), (2, 'uvwxyz'), (3, '12345')",
  ])
    await execute(connection, sql);
});
afterAll(async () => {
  connection.destroy(() => undefined);
  await warehouse[Symbol.asyncDispose]();
});

const said = (sql: string): Promise<[code: string, message: string]> =>
  execute(connection, sql).then(
    (rows) => ['', JSON.stringify(rows)],
    (error: unknown) => {
      const { code, message } = error as { code: string; message: string };
      return [code, message];
    },
  );
const rows = async (sql: string): Promise<unknown[][]> =>
  (await execute(connection, sql)).map((row) => Object.values(row));
const on = (column: string, words: string, table = 'T'): string =>
  `DML operation to table ${table} failed on column ${column} with error: ${words}`;
const LONG = "String 'abcdef' is too long and would be truncated";

describe('what is too long', () => {
  it.each([
    ["INSERT INTO T (K, V) VALUES (9, 'abcdef')", on('V', LONG)],
    ["INSERT INTO T VALUES (9, 'abcdef', NULL, 1, 1, TRUE, NULL, NULL, NULL, NULL, NULL)", on('V', LONG)],
    ['INSERT INTO DB.PUBLIC.T (V, K) SELECT L, K FROM LONG WHERE K = 1', on('V', LONG, 'DB.PUBLIC.T')],
    ["INSERT INTO T (K, V) WITH X AS (SELECT 'abcdef' AS L) SELECT 9, L FROM X UNION ALL SELECT 8, 'a'", on('V', LONG)],
    ["UPDATE T SET V = 'abcdef' WHERE K = 1", on('V', LONG)],
    ["UPDATE T SET V = V || 'def' WHERE K = 1", on('V', LONG)],
    ['UPDATE T AS X SET X.V = Y.L FROM LONG AS Y WHERE X.K = Y.K AND Y.K = 1', on('V', LONG)],
    ['MERGE INTO T USING LONG AS Y ON T.K = Y.K AND Y.K = 1 WHEN MATCHED THEN UPDATE SET V = Y.L', on('V', LONG)],
    [
      "MERGE INTO T USING (SELECT 9 AS K, 'abcdef' AS L) AS Y ON T.K = Y.K WHEN NOT MATCHED THEN INSERT (K, V) VALUES (Y.K, Y.L)",
      on('V', LONG),
    ],
    [
      "MERGE INTO T USING (SELECT 9 AS K, 'abcdef' AS V) AS Y ON T.K = Y.K WHEN NOT MATCHED THEN INSERT (K, V) VALUES (K, V)",
      on('V', LONG),
    ],
    ['CREATE TABLE MADE (V VARCHAR(3)) AS SELECT L FROM LONG WHERE K = 1', on('V', LONG, 'DB.PUBLIC.MADE')],
    ["SELECT 'abcdef'::VARCHAR(3)", LONG],
    ['SELECT CAST(L AS CHAR(2)) FROM LONG WHERE K = 1', LONG],
    ['SELECT TO_BINARY(HEX_ENCODE(L))::BINARY FROM LONG WHERE 1 = 0', '[]'],
    ['INSERT INTO T (K, V) VALUES (9, 12345)', on('V', "String '12345' is too long and would be truncated")],
    [
      "INSERT INTO T (K, B) SELECT 9, TO_BINARY('AABBCC')",
      on('B', "String 'AABBCC' is too long and would be truncated"),
    ],
    ["INSERT INTO T (K, B) VALUES (9, 'AABBCC')", on('B', "String 'AABBCC' is too long and would be truncated")],
    [
      'INSERT INTO T (K, N) VALUES (9, 12345)',
      on('N', 'Number out of representable range: type FIXED[SB4](4,1){nullable}, value 12345'),
    ],
    [
      'UPDATE T SET N = K * 1000',
      on('N', 'Number out of representable range: type FIXED[SB2](4,1){nullable}, value 1000'),
    ],
    ['INSERT INTO T (K, N) SELECT K, L FROM LONG WHERE K = 3', on('N', "Numeric value '12345' is out of range")],
    ['SELECT L::NUMBER(4,0) FROM LONG WHERE K = 3', "Numeric value '12345' is out of range"],
    ['SELECT 1000::NUMBER(2,0)', 'Number out of representable range: type FIXED[SB2](2,0){nullable}, value 1000'],
    ["SELECT PARSE_JSON('1000')::VARCHAR(3)", "String '1000' is too long and would be truncated"],
  ])('%s', async (sql, expected) => {
    expect((await said(sql))[1]).toBe(expected);
  });

  it('is not kept, and what fits is: up to the last character, rounded, for every way', async () => {
    for (const sql of [
      "INSERT INTO T (K, V, B, N) VALUES (10, '漢字😀', 'AABB', 999.94), (11, NULL, NULL, -0.05), (12, DEFAULT, DEFAULT, DEFAULT)",
      "INSERT INTO T (K, V, N) SELECT 13, L, '1.25' FROM (SELECT LEFT(L, 3) AS L FROM LONG WHERE K = 1)",
      "UPDATE T SET V = 'xyz', N = 2.24 WHERE K = 12",
      "MERGE INTO T USING (SELECT 14 AS K, 'abc' AS V) AS Y ON T.K = Y.K WHEN NOT MATCHED THEN INSERT (K, V) VALUES (Y.K, Y.V)",
    ])
      await execute(connection, sql);
    expect(await rows('SELECT K, V, N FROM T WHERE K >= 9 ORDER BY K')).toEqual([
      [10, '漢字😀', 999.9],
      [11, null, -0.1],
      [12, 'xyz', 2.2],
      [13, 'abc', 1.3],
      [14, 'abc', null],
    ]);
    expect(
      await rows("SELECT 'abc'::VARCHAR(3), TRY_CAST('ABCD' AS CHAR(2)), TRY_CAST('ABCD' AS VARCHAR(10))"),
    ).toEqual([['abc', null, 'ABCD']]);
  });

  it('may be a sub-query, a count or a random number', async () => {
    await execute(connection, 'CREATE OR REPLACE TABLE ANY_WAY (N NUMBER(4,2), V VARCHAR(9), O BOOLEAN, D DATE)');
    await execute(
      connection,
      "INSERT INTO ANY_WAY VALUES ((SELECT MAX(K) FROM LONG), (SELECT 'x'), (SELECT TRUE), (SELECT '2024-01-01'))",
    );
    await execute(connection, 'INSERT INTO ANY_WAY (N, V) SELECT COUNT(*), MIN(L) FROM LONG');
    await execute(connection, "UPDATE ANY_WAY SET N = (SELECT MIN(K) FROM LONG), V = (SELECT 'y') WHERE O");
    expect(await rows('SELECT N, V FROM ANY_WAY ORDER BY N')).toEqual([
      [1, 'y'],
      [3, '12345'],
    ]);
    expect(await rows('SELECT (SELECT MAX(K) FROM LONG)::NUMBER(3,1), (SELECT MIN(L) FROM LONG)::VARCHAR(6)')).toEqual([
      [3, '12345'],
    ]);
    await execute(
      connection,
      'INSERT INTO ANY_WAY (V, N) SELECT R, LENGTH(R) FROM (SELECT RANDSTR(9, RANDOM())::VARCHAR(9) AS R FROM TABLE(GENERATOR(ROWCOUNT => 20)))',
    );
    await execute(connection, 'DROP TABLE ANY_WAY');
  });

  it('goes by the length that a table took over', async () => {
    await execute(
      connection,
      'CREATE TABLE TAKEN AS SELECT V, L::VARCHAR(7) AS L, LONG.K FROM T JOIN LONG ON T.K = LONG.K',
    );
    await execute(connection, 'CREATE TABLE SAME AS SELECT * FROM T');
    const types = async (table: string): Promise<unknown[]> =>
      (await execute(connection, `DESC TABLE ${table}`)).map(({ type }) => type);
    expect((await types('TAKEN'))[1]).toBe('VARCHAR(7)');
    expect(await types('SAME')).toEqual(await types('T'));
    expect((await said("INSERT INTO SAME (K, V) VALUES (9, 'abcdef')"))[1]).toBe(on('V', LONG, 'SAME'));
    expect((await said('INSERT INTO SAME SELECT 1, 2'))[0]).not.toBe('');
    expect((await said('INSERT INTO SAME (K, V) SELECT 1, 2, 3'))[0]).not.toBe('');
  });
});

describe('what is not recognized', () => {
  it.each([
    ["INSERT INTO T (K, N) VALUES (9, 'abc')", '100038', on('N', "Numeric value 'abc' is not recognized")],
    [
      'INSERT INTO T (K, F) SELECT K, L FROM LONG WHERE K = 1',
      '100038',
      on('F', "Numeric value 'abcdef' is not recognized"),
    ],
    ["UPDATE T SET O = 'abc'", '100037', on('O', "Boolean value 'abc' is not recognized")],
    ["UPDATE T SET D = '2024-13-45'", '100040', on('D', "Date '2024-13-45' is not recognized")],
    ["UPDATE T SET C = 'noon'", '100108', on('C', "Time 'noon' is not recognized")],
    ["UPDATE T SET S = W || ' o''clock' WHERE K = 1", '100035', on('S', "Timestamp 'x o'clock' is not recognized")],
    [
      "INSERT INTO T (K, B) VALUES (9, 'HELP')",
      '100115',
      on('B', "The following string is not a legal hex-encoded value: 'HELP'"),
    ],
    ['INSERT INTO T (K) VALUES (NULL)', '100072', on('K', 'NULL result in a non-nullable column')],
    ["INSERT INTO T (V) VALUES ('a')", '100072', on('K', 'NULL result in a non-nullable column')],
    ['UPDATE T SET K = NULL', '100072', on('K', 'NULL result in a non-nullable column')],
    [
      'INSERT INTO T (K, N) SELECT 9, PARSE_JSON(\'{"a":1}\')',
      '100071',
      on('N', 'Failed to cast variant value {"a":1} to FIXED'),
    ],
    ['SELECT L::NUMBER FROM LONG WHERE K = 1', '100038', "Numeric value 'abcdef' is not recognized"],
    ['SELECT TO_NUMBER(L) FROM LONG WHERE K = 1', '100038', "Numeric value 'abcdef' is not recognized"],
    ['SELECT L::FLOAT FROM LONG WHERE K = 1', '100038', "Numeric value 'abcdef' is not recognized"],
    ['SELECT L::BOOLEAN FROM LONG WHERE K = 1', '100037', "Boolean value 'abcdef' is not recognized"],
    ['SELECT L::DATE FROM LONG WHERE K = 1', '100040', "Date 'abcdef' is not recognized"],
    ['SELECT TO_DATE(L) FROM LONG WHERE K = 1', '100040', "Date 'abcdef' is not recognized"],
    ['SELECT L::TIME FROM LONG WHERE K = 1', '100108', "Time 'abcdef' is not recognized"],
    ['SELECT L::TIMESTAMP FROM LONG WHERE K = 1', '100035', "Timestamp 'abcdef' is not recognized"],
    ['SELECT TO_TIMESTAMP_LTZ(L) FROM LONG WHERE K = 1', '100035', "Timestamp 'abcdef' is not recognized"],
    ['SELECT PARSE_JSON(\'"abc"\')::NUMBER', '100071', 'Failed to cast variant value "abc" to FIXED'],
    ['SELECT PARSE_JSON(\'["abc"]\')[0]::FLOAT', '100071', 'Failed to cast variant value "abc" to REAL'],
    ['SELECT PARSE_JSON(\'{"a": "abc"}\'):a::BOOLEAN', '100071', 'Failed to cast variant value "abc" to BOOLEAN'],
    ['SELECT PARSE_JSON(\'"abc"\')::DATE', '100071', 'Failed to cast variant value "abc" to DATE'],
    ['SELECT K / (K - K) FROM LONG', '100051', 'Division by zero'],
    ['SELECT (SELECT K FROM LONG)', '090150', 'Single-row subquery returns more than one row.'],
    ["SELECT TO_BINARY('HELP', 'HEX')", '100115', "The following string is not a legal hex-encoded value: 'HELP'"],
  ])('%s', async (sql, code, expected) => {
    expect(await said(sql)).toEqual([code, expected]);
  });
});

describe('a MERGE that meets a row twice (sql/merge, "Duplicate join behavior")', () => {
  const TWICE = "(SELECT 1 AS K, 'p' AS V UNION ALL SELECT 1, 'q')";
  const MERGE = `MERGE INTO T AS X USING ${TWICE} AS Y ON X.K = Y.K WHEN MATCHED`;

  it.each([
    `${MERGE} THEN UPDATE SET V = Y.V`,
    `${MERGE} AND Y.V = 'p' THEN UPDATE SET V = Y.V WHEN MATCHED THEN DELETE`,
    `${MERGE} AND X.N > 1 THEN UPDATE SET X.V = Y.V WHEN NOT MATCHED THEN INSERT (K) VALUES (Y.K)`,
  ])('says the whole row: %s', async (sql) => {
    expect(await said(sql)).toEqual([
      '100090',
      'Duplicate row detected during DML action\nRow Values: [1, "abc", NULL, 1.5, NULL, NULL, NULL, NULL, NULL, NULL, "x"]',
    ]);
  });

  it('is none where one of them fits, none is changed, it is deleted, or a parameter says so', async () => {
    await execute(connection, 'CREATE OR REPLACE TABLE M AS SELECT K, V FROM T WHERE K < 3');
    const merge = (tail: string): string => `MERGE INTO M AS X USING ${TWICE} AS Y ON X.K = Y.K WHEN MATCHED ${tail}`;
    await execute(connection, merge("AND Y.V = 'p' THEN UPDATE SET V = Y.V"));
    expect(await rows('SELECT V FROM M WHERE K = 1')).toEqual([['p']]);
    await execute(connection, merge("AND Y.V = 'none' THEN UPDATE SET V = Y.V"));
    await execute(connection, 'ALTER SESSION SET ERROR_ON_NONDETERMINISTIC_MERGE = FALSE');
    await execute(connection, merge('THEN UPDATE SET V = Y.V'));
    await execute(connection, 'ALTER SESSION UNSET ERROR_ON_NONDETERMINISTIC_MERGE');
    await execute(connection, merge('THEN DELETE'));
    expect(await rows('SELECT K FROM M')).toEqual([[2]]);
  });
});
