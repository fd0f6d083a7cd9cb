/** How wide a standing approval is: literals that a column is compared with by `=` or `IN`, and nothing else. */
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../dist/judge.js';
import { lex } from '../../dist/sql/index.js';
import { standingShapeOf } from '../../dist/standing-shape.js';
import { random } from '../support/random.mjs';

const shapeOf = (sql: string, binds: (string | number | boolean | null)[] = []) => standingShapeOf(lex(sql), binds);
const holesOf = (sql: string, binds: (string | number | boolean | null)[] = []): string[] =>
  shapeOf(sql, binds).holes.map(({ where, example }) => `${where} ${example}`);

describe('a standing approval', () => {
  it.each([
    ['DELETE FROM T WHERE ID = 7', ['ID = 7']],
    [`DELETE FROM T WHERE t.ID IN (1, 2) AND "n" = 'x'`, ['t.ID IN 1', 't.ID IN 2', '"n" = \'x\'']],
    ['DELETE FROM T WHERE NOT (ID = 7 OR ID = 8)', ['ID = 7', 'ID = 8']],
    ['UPDATE T SET A = 1 WHERE ID = 2', ['ID = 2']],
    ['UPDATE T SET A = 1, B = (SELECT MAX(X) FROM U WHERE K = 3) WHERE ID = 2', ['K = 3', 'ID = 2']],
    ['MERGE INTO T USING U ON T.ID = 5 WHEN MATCHED AND T.A = 6 THEN UPDATE SET B = 7', ['T.ID = 5']],
    [
      'SELECT A FROM T JOIN U ON T.K = 4 WHERE U.Z = 5 GROUP BY A HAVING A = 6 ORDER BY A LIMIT 7',
      ['T.K = 4', 'U.Z = 5'],
    ],
  ])('has these holes: %s', (sql, holes) => {
    expect(holesOf(sql)).toEqual(holes);
  });

  it.each([
    'DELETE FROM T',
    'DELETE FROM T WHERE 1 = 1',
    'DELETE FROM T WHERE 7 = ID',
    'DELETE FROM T WHERE ID > 7',
    'DELETE FROM T WHERE ID <> 7',
    'DELETE FROM T WHERE ID NOT IN (7)',
    'DELETE FROM T WHERE ID IN (7, -1)',
    'DELETE FROM T WHERE ID IN (7, 8 + 1)',
    'DELETE FROM T WHERE ID = -7',
    'DELETE FROM T WHERE ID = 7 + 1',
    'DELETE FROM T WHERE ID = 7::VARCHAR',
    `DELETE FROM T WHERE A = 'a' || B`,
    `DELETE FROM T WHERE A = 'a' COLLATE 'de'`,
    'DELETE FROM T WHERE A + B = 7',
    'DELETE FROM T WHERE B = A = 7',
    'DELETE FROM T WHERE F(A) = 7',
    'DELETE FROM T WHERE F(A = 7)',
    'DELETE FROM T WHERE IFF(A = 7, TRUE, FALSE)',
    'DELETE FROM T WHERE CASE WHEN A = 7 THEN TRUE END',
    'DELETE FROM T WHERE A BETWEEN 1 AND 7',
    'DELETE FROM T WHERE A BETWEEN 1 AND B = 7',
    `DELETE FROM T WHERE A LIKE 'x%'`,
    'DELETE FROM T WHERE TRUE = 7',
    'DELETE FROM T WHERE CURRENT_DATE = 7',
    `DELETE FROM T WHERE A = $$x$$`,
    'DELETE FROM T WHERE A:b = 7',
    'DELETE FROM T WHERE A[0] = 7',
    'DELETE FROM T WHERE (SELECT MAX(X) FROM U) = 7',
    'INSERT INTO T (A) VALUES (7)',
    'INSERT INTO T SELECT 7 FROM U LIMIT 3',
    'SELECT A = 7 FROM T',
    'UPDATE T SET A = 7',
    'SELECT A FROM T QUALIFY ROW_NUMBER() OVER (ORDER BY A) = 7',
    'SELECT A FROM T SAMPLE (7) LIMIT 7',
    'DELETE FROM T WHERE ID = :1',
  ])('has none where it is in doubt: %s', (sql) => {
    expect(holesOf(sql)).toEqual([]);
  });

  it('keeps the values of binds, but of those in holes', () => {
    const sql = 'UPDATE T SET A = ? WHERE ID = ?';
    expect(holesOf(sql, ['x', 7])).toEqual(['ID = 7']);
    expect(shapeOf(sql, ['x', 7]).key).toBe(shapeOf(sql, ['x', 8]).key);
    expect(shapeOf(sql, ['x', 7]).key).not.toBe(shapeOf(sql, ['y', 7]).key);
    expect(shapeOf(sql, ['x', 7]).key).not.toBe(shapeOf(sql, ['x', '7']).key);
    expect(shapeOf(sql, ['x', null]).holes).toEqual([]);
    const numbered = 'DELETE FROM T WHERE ID = :1';
    expect(shapeOf(numbered, [7]).key).not.toBe(shapeOf(numbered, [8]).key);
  });

  it('has the kind of a literal, and shows what may differ', () => {
    expect(shapeOf('DELETE FROM T WHERE ID = 7').key).not.toBe(shapeOf(`DELETE FROM T WHERE ID = '7'`).key);
    expect(shapeOf('delete from t where id = 7').key).toBe(shapeOf('DELETE FROM T\nWHERE ID = 8').key);
    expect(shapeOf('DELETE FROM "t" WHERE ID = 7').key).not.toBe(shapeOf('DELETE FROM "T" WHERE ID = 7').key);
    expect(shapeOf(`DELETE FROM T WHERE ID = 7 AND N IN ('a', 'b')`)).toMatchObject({
      text: `DELETE FROM T WHERE ID = '⟨number⟩' AND N IN ('⟨text⟩', '⟨text⟩')`,
      holes: [
        { where: 'ID =', kind: 'number', example: '7' },
        { where: 'N IN', kind: 'text', example: `'a'` },
        { where: 'N IN', kind: 'text', example: `'b'` },
      ],
    });
  });

  it('is not opened by two statements with one fingerprint', () => {
    // 64 bits that people are shown; found by 4.6 thousand million tries.
    const [one, other] = ['A2A8F536470A5BD06', 'AC9CB5A454C5D56FC'].map(
      (alias) => `DELETE FROM ORDERS AS ${alias} WHERE ID = 7`,
    );
    const short = (sql = '') => fingerprintOf({ tokens: lex(sql) } as unknown as Parameters<typeof fingerprintOf>[0]);
    expect(short(one)).toBe('13f3961d58055d0d');
    expect(short(other)).toBe(short(one));
    expect(shapeOf(other ?? '').key).not.toBe(shapeOf(one ?? '').key);
  });

  it('lets 2,000 drawn statements pass where they differ in shown holes alone, and in no other case', () => {
    const seed = 15;
    const next = random(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
    /** A literal; `{…}` marks the holes, `<…>` what has to stay. */
    const number = (): string => String(Math.floor(next() * 1000));
    const literal = (): string => (next() < 0.5 ? number() : `'${pick(['EU', 'US', 'a', "it''s"])}'`);
    const hole = (): string => `{${literal()}}`;
    const fixed = (): string => `<${literal()}>`;
    const column = (): string => pick(['ID', 'T.REGION', '"Name"', 'STATUS']);
    const atom = (depth: number): string => {
      const forms: (() => string)[] = [
        () => `${column()} = ${hole()}`,
        () => `${column()} = ${hole()}`,
        () => `${column()} IN (${hole()}, ${hole()})`,
        () => `${column()} > ${fixed()}`,
        () => `${column()} NOT IN (${fixed()})`,
        () => `${column()} LIKE <'${pick(['a', 'b'])}%'>`,
        () => `${fixed()} = ${fixed()}`,
        () => `UPPER(${column()}) = ${fixed()}`,
        () => `COALESCE(${column()}, ${fixed()}) = ${fixed()}`,
        () => `${column()} BETWEEN ${fixed()} AND ${fixed()}`,
        () => `${column()} = ${fixed()} || ${fixed()}`,
        () => `CASE WHEN ${column()} = ${fixed()} THEN TRUE ELSE FALSE END`,
        () => `EXISTS (SELECT 1 FROM U WHERE K = ${hole()})`.replace('SELECT 1', 'SELECT <1>'),
        () => `(${condition(depth + 1)})`,
        () => `NOT ${column()} = ${hole()}`,
      ];
      return depth > 2 ? `${column()} = ${hole()}` : pick(forms)();
    };
    const condition = (depth: number): string =>
      Array.from({ length: 1 + Math.floor(next() * 3) }, () => atom(depth)).join(` ${pick(['AND', 'OR'])} `);
    const statement = (): string =>
      pick([
        () => `DELETE FROM T WHERE ${condition(0)}`,
        () => `UPDATE T SET STATUS = ${fixed()}, N = N + ${fixed()} WHERE ${condition(0)}`,
        () => `SELECT STATUS, ${fixed()} FROM T WHERE ${condition(0)} ORDER BY STATUS LIMIT <${number()}>`,
        () =>
          `MERGE INTO T USING U ON T.ID = U.ID AND ${condition(1)} WHEN MATCHED THEN UPDATE SET STATUS = ${fixed()}`,
        () => `INSERT INTO T SELECT ${fixed()} FROM U WHERE ${condition(0)}`,
      ])();
    const plain = (marked: string): string => marked.replaceAll(/[{}<>](?=\d|')|(?<=[\d'])[}>]/g, '');
    const other = (text: string): string => (text.startsWith("'") ? "'other'" : '4242');
    let [same, differ] = [0, 0];
    for (let tries = 0; tries < 2000; tries++) {
      const marked = statement();
      const places = [...marked.matchAll(/\{([^}]*)\}|<(\d+|'[^']*(?:''[^']*)*')>/g)];
      const place = places[Math.floor(next() * places.length)];
      if (!place) continue;
      const isHole = place[1] !== undefined;
      const text = place[1] ?? place[2] ?? '';
      const tried = `${marked.slice(0, place.index)}${other(text)}${marked.slice(place.index + place[0].length)}`;
      const [approved, changed] = [shapeOf(plain(marked)), shapeOf(plain(tried))];
      expect([seed, plain(marked), plain(tried), approved.key === changed.key]).toEqual([
        seed,
        plain(marked),
        plain(tried),
        isHole,
      ]);
      if (isHole) same++;
      else differ++;
    }
    expect(same).toBeGreaterThan(300);
    expect(differ).toBeGreaterThan(300);
  });
});
