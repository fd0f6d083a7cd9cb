/** What rules and masks are held against: every function however it is written, targets that are no tables, columns by their place. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { PolicySet } from '../../../dist/policy/index.js';
import type { CatalogReader, RelationInfo } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { judgedOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const TABLES: Readonly<Record<string, string>> = {
  CUSTOMERS: 'ID NAME SSN',
  FILTERED: 'ID NAME REGION',
  HYBRID: 'ID NAME REGION',
  WIDE: 'A B C D E',
  HELD: 'ID NAME',
};
const VIEWS: Readonly<Record<string, string>> = {
  V: 'CREATE VIEW DB.S.V AS SELECT ID, NAME FROM DB.S.WIDER',
  VF: 'CREATE VIEW DB.S.VF AS SELECT ID, NAME FROM DB.S.FILTERED',
};
const columnsOf = (names: string): RelationInfo['columns'] =>
  names.split(' ').map((name) => ({ name, type: 'VARCHAR', comment: '' }));
const reader: CatalogReader = {
  constraints: unconstrained,
  async relation(name) {
    const rest = { ...name, comment: '', rows: 1 };
    const view = VIEWS[name.name];
    if (view !== undefined) return { ...rest, kind: 'view', columns: columnsOf('ID NAME'), viewText: view };
    const columns = name.name === 'WIDER' ? 'ID NAME' : TABLES[name.name];
    return columns === undefined
      ? undefined
      : { ...rest, kind: 'table', columns: columnsOf(columns), viewText: undefined, isHybrid: name.name === 'HYBRID' };
  },
};

const FUNCTIONS = ['MD5', 'LISTAGG', 'CURRENT_DATE', 'TO_JSON', 'DB.S.SCORE', 'UPPER'];
const POLICY = policyOf(`functions: { allow: [DB.S.SCORE] }
rules:
  - allow: [read, insert, update, delete, merge]
    on: [DB.S.*]
  - deny: [select]
    on: [DB.S.*]
    when: { function: [${FUNCTIONS.join(', ')}] }
  - deny: [update, delete]
    on: [DB.S.WIDE]
    when: { no_where: true }
    reason: no predicate
  - deny: [update]
    on: [DB.S.HELD]
    reason: held
columns:
  - match: [DB.S.CUSTOMERS.SSN]
    mask: deny
rows:
  - on: DB.S.FILTERED
    where: "REGION = 'EU'"
  - on: DB.S.HYBRID
    where: "REGION = 'EU'"
`);

let set: PolicySet;
beforeAll(async () => {
  set = await setOf(POLICY);
});

const judge = (sql: string) => judgedOver(reader, set, sql);
const denialOf = async (sql: string) => (await judge(sql)).denial;

describe('a rule about a function', () => {
  const PLACES: readonly ((call: string) => string)[] = [
    (call) => `SELECT ${call} FROM WIDE`,
    (call) => `SELECT A FROM WIDE WHERE ${call} IS NOT NULL`,
    (call) => `SELECT A FROM WIDE WHERE EXISTS (SELECT 1 FROM CUSTOMERS WHERE ${call} IS NULL)`,
    (call) => `WITH C AS (SELECT ${call} AS X FROM WIDE) SELECT X FROM C`,
    (call) => `SELECT A FROM WIDE ORDER BY ${call}`,
    (call) => `SELECT A FROM WIDE UNION ALL SELECT ${call} FROM WIDE`,
  ];
  const WRITTEN = [
    'MD5(NAME)',
    'md5 (NAME)',
    '"MD5"(NAME)',
    'Md5/* */(NAME)',
    'LISTAGG(NAME)',
    '"LISTAGG"(NAME)',
    'CURRENT_DATE()',
    'CURRENT_DATE',
    'current_date',
    'TO_JSON(NAME)',
    '"TO_JSON"(NAME)',
    'DB.S.SCORE(NAME)',
    'db.s.score(NAME)',
    'UPPER(NAME)',
    '"UPPER"(NAME)',
    'CONCAT(\'a\', "MD5"(NAME))',
  ];
  it.each(WRITTEN)('sees %s wherever it stands', async (call) => {
    for (const place of PLACES)
      expect((await denialOf(place(call.replaceAll('NAME', 'A'))))?.code, place(call)).toBe('OBJECT_DENIED');
  });

  it('sees nothing in names, keys and texts', async () => {
    for (const sql of [
      `SELECT A AS MD5 FROM WIDE`,
      `SELECT 'MD5(x)' FROM WIDE`,
      `SELECT "A" FROM WIDE /* MD5(A) */`,
      `SELECT LOWER(A) FROM WIDE`,
    ])
      expect(await denialOf(sql), sql).toBeUndefined();
  });
});

describe('a target that is no plain table', () => {
  it.each([
    'DELETE FROM VF',
    'DELETE FROM V WHERE ID = 1',
    "UPDATE VF SET NAME = 'x'",
    'INSERT INTO VF (ID) VALUES (1)',
    'INSERT INTO V (ID) SELECT A FROM WIDE',
    'MERGE INTO V USING WIDE w ON V.ID = w.A WHEN MATCHED THEN DELETE',
  ])('%s changes a view', async (sql) => {
    const denial = await denialOf(sql);
    expect(denial?.message).toMatch(/is a view: [A-Z]+ changes tables only/);
  });

  it('tells nothing by its keys', async () => {
    expect((await denialOf("INSERT INTO HYBRID (ID, NAME) VALUES (5, 'x')"))?.code).toBe('OBJECT_DENIED');
    expect(await denialOf("INSERT INTO FILTERED (ID, NAME) VALUES (5, 'x')")).toBeUndefined();
    expect((await denialOf('INSERT OVERWRITE INTO FILTERED SELECT A, B, C FROM WIDE'))?.code).toBeDefined();
  });
});

describe('a column by its place in a change', () => {
  const SOURCES = [
    "(SELECT * ILIKE 'A' FROM WIDE)",
    '(SELECT A FROM WIDE)',
    '(SELECT * EXCLUDE (A, B, C, D) FROM WIDE)',
    '(SELECT 1)',
    'WIDE',
    'WIDE AS w (X)',
    'TABLE(FLATTEN(ARRAY_CONSTRUCT(1)))',
  ];
  const SHAPES: readonly ((source: string, place: string) => string)[] = [
    (source, place) => `UPDATE CUSTOMERS SET NAME = (SELECT ${place} FROM ${source})`,
    (source, place) => `UPDATE CUSTOMERS SET NAME = 'x' WHERE ID IN (SELECT ${place} FROM ${source})`,
    (source, place) => `DELETE FROM CUSTOMERS WHERE EXISTS (SELECT 1 FROM ${source} WHERE ${place} LIKE '4%')`,
    (source, place) => `DELETE FROM CUSTOMERS WHERE (SELECT MAX(${place}) FROM ${source}) = 'x'`,
  ];
  it.each(SOURCES)('is never one of the target: %s', async (source) => {
    for (const shape of SHAPES)
      for (const place of ['$1', '$3', 'CUSTOMERS.$3'])
        expect(await denialOf(shape(source, place)), shape(source, place)).toBeDefined();
  });

  it('is another table’s where that one’s alias says so', async () => {
    expect(await denialOf('UPDATE CUSTOMERS SET NAME = (SELECT MAX(w.$2) FROM WIDE w)')).toBeUndefined();
  });
});

describe('a change without a predicate', () => {
  it.each([
    'DELETE FROM WIDE',
    'DELETE FROM WIDE WHERE TRUE',
    'DELETE FROM WIDE WHERE 1 = 1',
    "UPDATE WIDE SET A = B WHERE 'a' LIKE '%'",
    'UPDATE WIDE SET A = B',
    'UPDATE WIDE SET A = s.X FROM (SELECT ID AS X FROM CUSTOMERS WHERE ID = 1) s',
    'MERGE INTO WIDE USING (SELECT 1 AS X) s ON TRUE WHEN MATCHED THEN DELETE',
    'MERGE INTO WIDE USING (SELECT A AS X FROM WIDE WHERE A = 1) s ON 1 = 1 WHEN MATCHED THEN UPDATE SET A = s.X',
    'MERGE INTO WIDE USING (SELECT 1 AS X) s ON (TRUE) WHEN MATCHED AND TRUE THEN DELETE WHEN NOT MATCHED THEN INSERT (A) VALUES (s.X)',
  ])('%s', async (sql) => {
    expect((await denialOf(sql))?.message).toBe('no predicate');
  });

  it.each([
    'DELETE FROM WIDE WHERE A = 1',
    'DELETE FROM WIDE WHERE (((A) = 1))',
    'UPDATE WIDE SET A = B WHERE EXISTS (SELECT 1 FROM CUSTOMERS c WHERE c.ID = WIDE.A)',
    'MERGE INTO WIDE USING (SELECT 1 AS X) s ON WIDE.A = s.X WHEN MATCHED THEN DELETE',
    'MERGE INTO WIDE USING (SELECT 1 AS X) s ON TRUE WHEN MATCHED AND WIDE.B = 2 THEN DELETE',
    'MERGE INTO WIDE USING (SELECT 1 AS X) s ON FALSE WHEN NOT MATCHED THEN INSERT (A) VALUES (s.X)',
  ])('is not %s', async (sql) => expect(await denialOf(sql)).toBeUndefined());
});

it('an UPDATE within a MERGE is an UPDATE for a rule that denies it', async () => {
  const merge = (branch: string) => `MERGE INTO HELD USING WIDE w ON HELD.ID = w.A WHEN ${branch}`;
  expect((await denialOf(merge('MATCHED THEN UPDATE SET NAME = w.B')))?.message).toBe('held');
  expect((await denialOf('UPDATE HELD SET NAME = 1 WHERE ID = 1'))?.message).toBe('held');
  expect(await denialOf(merge('NOT MATCHED THEN INSERT (ID) VALUES (w.A)'))).toBeUndefined();
});

it.each([
  'SELECT A FROM WIDE WHERE B = :ZZ_1',
  'UPDATE WIDE SET A = :C WHERE B = 1',
  'SELECT A FROM WIDE LIMIT :ZZ',
  "SELECT {'a': :B} FROM WIDE",
])('a name after a colon that goes on from no value has no owner: %s', async (sql) =>
  expect((await denialOf(sql))?.code).toBe('NOT_UNDERSTOOD'),
);

it.each([
  '1 BETWEEN (SELECT MIN(ID) FROM FILTERED) AND B',
  'NOT EXISTS (SELECT 1 FROM FILTERED) OR B',
  '(SELECT MIN(ID) FROM FILTERED) LIKE B',
  'CASE WHEN (SELECT MIN(ID) FROM FILTERED) = 1 THEN 2 ELSE B END',
])('a column of the result is called as it was written, not after what is sent: %s', async (item) => {
  const { sent } = await judge(`SELECT ${item} FROM WIDE`);
  expect(sent).toMatch(/ AS "[^"]+"/);
});
