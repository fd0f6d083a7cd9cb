/** How wide a standing approval is: literals that a table's column is compared with by `=` or `IN`, where that only narrows. */
import { describe, expect, it } from 'vitest';
import { textOf } from '../../../dist/gateway/ask/asking.js';
import { fingerprintOf } from '../../../dist/gateway/judge/fingerprint.js';
import type { Intent } from '../../../dist/gateway/record/intent.js';
import { analyse, type CatalogReader, lex, Refusal, readStatement } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { random } from '../../support/random.mjs';

const COLUMNS: Readonly<Record<string, string>> = {
  T: 'ID A B N STATUS REGION Name n K t',
  U: 'ID X K Z ID2',
  V: 'ID K',
  t: 'ID',
  ORDERS: 'ID',
};
/** `V` is a view, one of whose columns is a constant; everything else is a table. */
const reader: CatalogReader = {
  constraints: unconstrained,
  relation: (object) =>
    Promise.resolve(
      COLUMNS[object.name] === undefined
        ? undefined
        : {
            ...object,
            kind: object.name === 'V' ? ('view' as const) : ('table' as const),
            columns: (COLUMNS[object.name] ?? '').split(' ').map((name) => ({ name, type: 'VARCHAR', comment: '' })),
            viewText: object.name === 'V' ? 'CREATE VIEW DB.S.V (ID, K) AS SELECT ID, 1 FROM DB.S.T' : undefined,
            comment: '',
            rows: 1,
          },
    ),
};

type Binds = readonly (string | number | boolean | null)[];
/** As the gateway tells it: by the statement's own analysis. `masked`: columns of T. */
async function shapeOf(sql: string, binds: Binds = [], masked: readonly string[] = []) {
  const statement = readStatement(sql);
  const analysis = await analyse(statement, reader, { database: 'DB', schema: 'S' });
  const masks = masked.map((column) => ({ object: { database: 'DB', schema: 'S', name: 'T' }, column }));
  const judged = { statement, analysis, verdict: { masks }, sent: sql };
  return textOf({ request: { sql, binds }, judged } as unknown as Intent).shape;
}
const holesOf = async (sql: string, binds: Binds = [], masked: readonly string[] = []): Promise<string[]> =>
  (await shapeOf(sql, binds, masked)).holes.map(({ where, example }) => `${where} ${example}`);

describe('a standing approval', () => {
  it.each([
    ['DELETE FROM T WHERE ID = 7', ['ID = 7']],
    [`DELETE FROM T WHERE T.ID IN (1, 2) AND "n" = 'x'`, ['T.ID IN 1', 'T.ID IN 2', '"n" = \'x\'']],
    ['DELETE FROM T WHERE (ID = 7 OR (ID = 8 AND A = 9)) AND B > 1', ['ID = 7', 'ID = 8', 'A = 9']],
    ['DELETE FROM T WHERE NOT ID = 6 AND ID = 7', ['ID = 7']],
    ['DELETE FROM T WHERE A BETWEEN 1 AND 2 AND B = 3', ['B = 3']],
    ['DELETE FROM T WHERE CASE WHEN A = 1 AND B = 2 THEN TRUE END AND B = 3', ['B = 3']],
    ['DELETE FROM T USING U WHERE T.ID = U.ID AND U.X = 5', ['U.X = 5']],
    ['UPDATE T SET A = 1 WHERE ID = 2', ['ID = 2']],
    ['UPDATE T SET A = 1, B = (SELECT MAX(X) FROM U WHERE K = 3) WHERE ID = 2', ['ID = 2']],
    ['UPDATE T SET A = UPPER(U.X) FROM U WHERE T.ID = U.ID AND U.Z = 3', ['U.Z = 3']],
    ['SELECT A FROM T JOIN U ON T.K = 4 WHERE U.Z = 5 GROUP BY A HAVING A = 6 ORDER BY A LIMIT 7', ['U.Z = 5']],
    ['INSERT INTO T (A) SELECT X FROM U WHERE U.ID = 5', ['U.ID = 5']],
    ['SELECT A FROM DB.S.T\n  WHERE\n DB.S.T.ID = 5\nAND T.B = 6', ['DB.S.T.ID = 5', 'T.B = 6']],
  ])('has these holes: %s', async (sql, holes) => {
    expect(await holesOf(sql)).toEqual(holes);
  });

  it.each([
    'DELETE FROM T',
    'DELETE FROM T WHERE 1 = 1',
    'DELETE FROM T WHERE 7 = ID',
    'DELETE FROM T WHERE ID > 7',
    'DELETE FROM T WHERE ID <> 7',
    'DELETE FROM T WHERE ID NOT IN (7)',
    'DELETE FROM T WHERE NOT ID = 7',
    'DELETE FROM T WHERE NOT (ID = 7 OR ID = 8)',
    'DELETE FROM T WHERE NOT (ID IN (7, 8))',
    'DELETE FROM T WHERE (ID = 7) = FALSE',
    'DELETE FROM T WHERE (ID = 7) <> TRUE',
    'DELETE FROM T WHERE (ID = 7) IS NOT TRUE',
    'DELETE FROM T WHERE ((ID = 7)) IS NULL',
    'DELETE FROM T WHERE (ID = 7 OR ID = 8) IN (FALSE)',
    'DELETE FROM T WHERE FALSE = (ID = 7)',
    'DELETE FROM T WHERE ID = 7 IS NOT TRUE',
    'DELETE FROM T WHERE ID IN (7, -1)',
    'DELETE FROM T WHERE ID IN (7, 8 + 1)',
    'DELETE FROM T WHERE ID = -7',
    'DELETE FROM T WHERE ID = 7 + 1',
    'DELETE FROM T WHERE ID = 7::VARCHAR',
    `DELETE FROM T WHERE A = 'a' || B`,
    `DELETE FROM T WHERE A = 'a' COLLATE 'de'`,
    'DELETE FROM T WHERE A + B = 7',
    'DELETE FROM T WHERE UPPER(A) = 7',
    'DELETE FROM T WHERE IFF(A = 7, TRUE, FALSE)',
    'DELETE FROM T WHERE CASE WHEN A = 7 THEN TRUE END',
    'DELETE FROM T WHERE CASE WHEN B = 1 AND A = 7 OR A = 8 THEN FALSE ELSE TRUE END',
    'DELETE FROM T WHERE A BETWEEN 1 AND 7',
    `DELETE FROM T WHERE A LIKE 'x%'`,
    'DELETE FROM T WHERE TRUE = 7',
    'DELETE FROM T WHERE CURRENT_DATE = 7',
    `DELETE FROM T WHERE A = $$x$$`,
    'DELETE FROM T WHERE A:b = 7',
    'DELETE FROM T WHERE A[0] = 7',
    'DELETE FROM T WHERE (SELECT MAX(X) FROM U) = 7',
    'DELETE FROM T WHERE EXISTS (SELECT 1 FROM U WHERE U.K = 7)',
    'DELETE FROM T WHERE NOT EXISTS (SELECT 1 FROM U WHERE U.K = 7)',
    'DELETE FROM T WHERE ID IN (SELECT ID2 FROM U WHERE U.K = 7)',
    'DELETE FROM T USING (SELECT 1 AS BATCH) X WHERE X.BATCH = 7',
    'DELETE FROM T USING V WHERE V.K = 7',
    'DELETE FROM T USING (SELECT ID AS BATCH FROM U) X WHERE X.BATCH = 7',
    'MERGE INTO T USING U ON T.ID = 5 WHEN MATCHED AND T.A = 6 THEN UPDATE SET B = 7',
    'MERGE INTO T USING U ON T.ID = U.ID AND T.A = 6 WHEN NOT MATCHED THEN INSERT (A) VALUES (7)',
    'INSERT INTO T (A) VALUES (7)',
    'INSERT INTO T (A) SELECT 7 FROM U LIMIT 3',
    'INSERT INTO T (A) SELECT U.X FROM U JOIN (SELECT 1 AS BATCH) Y ON Y.BATCH = 7',
    'INSERT INTO T (A) SELECT U.X FROM U JOIN (SELECT 1 AS BATCH) Y ON TRUE WHERE Y.BATCH = 7',
    'INSERT INTO T (A) WITH Y AS (SELECT 1 AS BATCH) SELECT U.X FROM U, Y WHERE BATCH = 7',
    'INSERT INTO T (A) SELECT X FROM U WHERE K = 7 UNION ALL SELECT X FROM U WHERE K = 8',
    'INSERT INTO T (A) SELECT X FROM U MINUS SELECT X FROM U WHERE K = 7',
    'INSERT INTO T (A) (SELECT X FROM U WHERE K = 7)',
    'SELECT 1 AS BATCH FROM T WHERE BATCH = 7',
    'SELECT UPPER(A) AS BATCH FROM T WHERE BATCH = 7',
    'WITH Y AS (SELECT 1 AS K) SELECT K FROM Y WHERE K = 7',
    'SELECT Y.K FROM (SELECT 1 AS K) Y WHERE Y.K = 7',
    'SELECT Y.K FROM (SELECT K FROM T WHERE K = 7) Y',
    'SELECT V.ID FROM V WHERE V.K = 7',
    'SELECT A FROM T LEFT JOIN U ON T.K = 7',
    'SELECT A = 7 FROM T',
    'UPDATE T SET A = 7',
    'UPDATE T SET A = COALESCE((SELECT MAX(U.X) FROM U WHERE U.K = 7), 8) WHERE B > 1',
    'SELECT A FROM T QUALIFY ROW_NUMBER() OVER (ORDER BY A) = 7',
    'SELECT A FROM T SAMPLE (7) LIMIT 7',
    'SELECT A FROM T SAMPLE (7) WHERE A = 7',
  ])('has none where it is in doubt: %s', async (sql) => {
    // What is not understood is not run at all.
    const holes = await holesOf(sql).catch((error: unknown) => (error instanceof Refusal ? [] : Promise.reject(error)));
    expect(holes).toEqual([]);
  });

  it('has none beside a column that is masked where it is read: it may be one value for all rows', async () => {
    expect(await holesOf('DELETE FROM T WHERE ID = 7 AND A = 8', [], ['A'])).toEqual(['ID = 7']);
    expect(await holesOf('DELETE FROM T WHERE A IN (7, 8)', [], ['A'])).toEqual([]);
  });

  it('keeps the values of binds, but of those in holes', async () => {
    const sql = 'UPDATE T SET A = ? WHERE ID = ?';
    expect(await holesOf(sql, ['x', 7])).toEqual(['ID = 7']);
    expect((await shapeOf(sql, ['x', 7])).key).toBe((await shapeOf(sql, ['x', 8])).key);
    expect((await shapeOf(sql, ['x', 7])).key).not.toBe((await shapeOf(sql, ['y', 7])).key);
    expect((await shapeOf(sql, ['x', 7])).key).not.toBe((await shapeOf(sql, ['x', '7'])).key);
    expect((await shapeOf(sql, ['x', null])).holes).toEqual([]);
    const numbered = 'DELETE FROM T WHERE ID = :1';
    expect((await shapeOf(numbered, [7])).key).not.toBe((await shapeOf(numbered, [8])).key);
  });

  it('has the kind of a literal, and shows what may differ', async () => {
    expect((await shapeOf('DELETE FROM T WHERE ID = 7')).key).not.toBe(
      (await shapeOf(`DELETE FROM T WHERE ID = '7'`)).key,
    );
    expect((await shapeOf('delete from t where id = 7')).key).toBe((await shapeOf('DELETE FROM T\nWHERE ID = 8')).key);
    expect((await shapeOf('DELETE FROM "t" WHERE ID = 7')).key).not.toBe(
      (await shapeOf('DELETE FROM "T" WHERE ID = 7')).key,
    );
    expect(await shapeOf(`DELETE FROM T WHERE ID = 7 AND N IN ('a', 'b')`)).toMatchObject({
      text: `DELETE FROM T WHERE ID = '⟨number⟩' AND N IN ('⟨text⟩', '⟨text⟩')`,
      holes: [
        { where: 'ID =', kind: 'number', example: '7' },
        { where: 'N IN', kind: 'text', example: `'a'` },
        { where: 'N IN', kind: 'text', example: `'b'` },
      ],
    });
  });

  it('is not opened by two statements with one fingerprint', async () => {
    // 64 bits that people are shown; found by 4.6 thousand million tries.
    const [one, other] = ['A2A8F536470A5BD06', 'AC9CB5A454C5D56FC'].map(
      (alias) => `DELETE FROM ORDERS AS ${alias} WHERE ID = 7`,
    );
    const short = (sql = '') => fingerprintOf({ tokens: lex(sql) } as unknown as Parameters<typeof fingerprintOf>[0]);
    expect(short(one)).toBe('13f3961d58055d0d');
    expect(short(other)).toBe(short(one));
    expect((await shapeOf(other ?? '')).key).not.toBe((await shapeOf(one ?? '')).key);
  });

  it('lets 2,000 drawn statements pass where they differ in shown holes alone, and in no other case', async () => {
    const seed = 15;
    const next = random(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
    /** A literal; `{…}` marks the holes, `<…>` what has to stay. */
    const number = (): string => String(Math.floor(next() * 1000));
    const literal = (): string => (next() < 0.5 ? number() : `'${pick(['EU', 'US', 'a', "it''s"])}'`);
    const hole = (): string => `{${literal()}}`;
    const fixed = (): string => `<${literal()}>`;
    const column = (): string => pick(['ID', 'T.REGION', '"Name"', 'STATUS']);
    /** `isOpen`: whether a literal in this place may be another one. */
    const atom = (depth: number, isOpen: boolean): string => {
      const value = isOpen ? hole : fixed;
      const equal = (): string => `${column()} = ${value()}`;
      const shut = (): string => condition(depth + 1, false);
      const forms: (() => string)[] = [
        equal,
        equal,
        () => `${column()} IN (${value()}, ${value()})`,
        () => `(${condition(depth + 1, isOpen)})`,
        () => `((${condition(depth + 1, isOpen)}))`,
        () => `${column()} > ${fixed()}`,
        () => `${column()} NOT IN (${fixed()})`,
        () => `${column()} LIKE <'${pick(['a', 'b'])}%'>`,
        () => `${fixed()} = ${fixed()}`,
        () => `UPPER(${column()}) = ${fixed()}`,
        () => `COALESCE(${column()}, ${fixed()}) = ${fixed()}`,
        () => `${column()} BETWEEN ${fixed()} AND ${fixed()}`,
        () => `${column()} = ${fixed()} || ${fixed()}`,
        () => `CASE WHEN ${shut()} THEN TRUE ELSE FALSE END`,
        () => `IFF(${shut()}, TRUE, FALSE)`,
        () => `${pick(['', 'NOT '])}EXISTS (SELECT <1> FROM U WHERE K = ${fixed()})`,
        () => `${column()} IN (SELECT X FROM U WHERE K = ${fixed()})`,
        () => `${column()} = (SELECT MAX(X) FROM U WHERE K = ${fixed()})`,
        () => `NOT (${shut()})`,
        () => `NOT ${column()} = ${fixed()}`,
        () => `NOT ${column()} IN (${fixed()})`,
        () => `(${shut()}) = ${pick(['TRUE', 'FALSE'])}`,
        () => `(${shut()}) <> TRUE`,
        () => `FALSE = (${shut()})`,
        () => `(${shut()}) IS ${pick(['', 'NOT '])}${pick(['TRUE', 'NULL'])}`,
        () => `(${shut()}) IN (FALSE)`,
      ];
      return depth > 2 ? equal() : pick(forms)();
    };
    const condition = (depth: number, isOpen: boolean): string =>
      Array.from({ length: 1 + Math.floor(next() * 3) }, () => atom(depth, isOpen)).join(` ${pick(['AND', 'OR'])} `);
    /** Constants and masks of somebody's own making: what is compared with them is compared with whatever they like. */
    const made = (): string =>
      pick([
        () => `JOIN (SELECT <1> AS BATCH, <2> AS K) X ON X.BATCH = ${fixed()}`,
        () => `JOIN (SELECT <1> AS BATCH) X ON TRUE`,
        () => `JOIN (SELECT K AS BATCH FROM U WHERE K = ${fixed()}) X ON T.ID = X.BATCH`,
      ])();
    const statement = (): string =>
      pick([
        () => `DELETE FROM T WHERE ${condition(0, true)}`,
        () => `DELETE FROM T WHERE ${condition(0, true)}`,
        () => `DELETE FROM T USING U WHERE T.ID = U.X AND U.K = ${hole()}`,
        () => `UPDATE T SET STATUS = ${fixed()}, N = N + ${fixed()} WHERE ${condition(0, true)}`,
        () =>
          `UPDATE T SET STATUS = COALESCE((SELECT MAX(U.X) FROM U WHERE U.K = ${fixed()}), ${fixed()}) WHERE ${condition(0, true)}`,
        () => `SELECT STATUS, ${fixed()} FROM T WHERE ${condition(0, true)} ORDER BY STATUS LIMIT <${number()}>`,
        () => `SELECT STATUS, T.ID = ${fixed()} FROM T ${made()} WHERE ${condition(0, false)}`,
        () =>
          `MERGE INTO T USING U ON T.ID = U.ID AND ${condition(1, false)} WHEN MATCHED THEN UPDATE SET STATUS = ${fixed()}`,
        () => `INSERT INTO T (ID) SELECT ${fixed()} FROM T WHERE ${condition(0, true)}`,
        () => `INSERT INTO T (ID) SELECT ${fixed()} FROM T ${made()} WHERE ${condition(0, false)}`,
        () => `INSERT INTO T (ID) SELECT ${fixed()} FROM T JOIN U ON U.K = ${fixed()} WHERE T.ID = ${hole()}`,
        () =>
          `INSERT INTO T (ID) SELECT ID FROM T WHERE ${condition(0, false)} EXCEPT SELECT U.X FROM U WHERE U.K = ${fixed()}`,
        () => `INSERT INTO T (ID) SELECT V.ID FROM V WHERE V.K = ${fixed()}`,
      ])();
    const plain = (marked: string): string => marked.replaceAll(/[{}<>](?=\d|')|(?<=[\d'])[}>]/g, '');
    const other = (text: string): string => (text.startsWith("'") ? "'other'" : '4242');
    let [same, differ, refused] = [0, 0, 0];
    while (same + differ < 2000) {
      const marked = statement();
      const places = [...marked.matchAll(/\{([^}]*)\}|<(\d+|'[^']*(?:''[^']*)*')>/g)];
      const place = places[Math.floor(next() * places.length)];
      if (!place) continue;
      const isHole = place[1] !== undefined;
      const text = place[1] ?? place[2] ?? '';
      const tried = `${marked.slice(0, place.index)}${other(text)}${marked.slice(place.index + place[0].length)}`;
      // What is not understood is not run at all; there is little of it.
      const both = await Promise.all([shapeOf(plain(marked)), shapeOf(plain(tried))]).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        expect(++refused).toBeLessThan(400);
      });
      if (!both) continue;
      const [approved, changed] = both;
      expect([seed, plain(marked), plain(tried), approved.key === changed.key]).toEqual([
        seed,
        plain(marked),
        plain(tried),
        isHole,
      ]);
      if (isHole) same++;
      else differ++;
    }
    expect(same).toBeGreaterThan(200);
    expect(differ).toBeGreaterThan(300);
  });
});
