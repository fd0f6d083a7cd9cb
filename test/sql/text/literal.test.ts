/** A literal that names an object (documentation pages sql-reference/identifier-literal, sql-reference/literals-table) is that object. */
import { describe, expect, it } from 'vitest';
import { readStatement, spaced, tokensOf } from '../../../dist/sql/index.js';

const sent = (sql: string) => spaced(tokensOf(readStatement(sql)));

describe('a literal that names something', () => {
  it.each([
    ["SELECT * FROM IDENTIFIER('db.s.t')", 'SELECT * FROM "DB"."S"."T"'],
    ["SELECT * FROM TABLE('db.s.t') AS x", 'SELECT * FROM "DB"."S"."T" AS x'],
    ["SELECT * FROM table ( 'T' )", 'SELECT * FROM "T"'],
    [`SELECT * FROM IDENTIFIER('"My Db"."s"."a""b"')`, 'SELECT * FROM "My Db"."s"."a""b"'],
    ["UPDATE IDENTIFIER('t') SET a = 1", 'UPDATE "T" SET a = 1'],
    ["INSERT INTO TABLE('t') VALUES (1)", 'INSERT INTO "T" VALUES (1)'],
    ["SELECT IDENTIFIER('a') FROM t JOIN TABLE('u') ON t.id = u.id", 'SELECT "A" FROM t JOIN "U" ON t.id = u.id'],
  ])('%s', (sql, plain) => expect(sent(sql)).toBe(plain));

  it.each([
    "SELECT * FROM IDENTIFIER('')",
    "SELECT * FROM IDENTIFIER('a b')",
    "SELECT * FROM IDENTIFIER('a.')",
    "SELECT * FROM IDENTIFIER(' a')",
    "SELECT * FROM IDENTIFIER('a/**/')",
    "SELECT * FROM IDENTIFIER('a\\\\x62')",
    "SELECT * FROM IDENTIFIER('a''b')",
    'SELECT * FROM IDENTIFIER($$a$$)',
    "SELECT * FROM IDENTIFIER('a', 'b')",
    "SELECT * FROM s.IDENTIFIER('a')",
    "SELECT * FROM IDENTIFIER('a').b",
    "SELECT TABLE('a') FROM t",
    `SELECT * FROM "IDENTIFIER"('a')`,
  ])('stays what it was where it names nothing, or something else: %s', (sql) => expect(sent(sql)).toBe(sql));

  it.each([
    "DELETE FROM t WHERE a = 1 IDENTIFIER('OR') 1 = 2",
    "SELECT IDENTIFIER('DISTINCT') a FROM t",
    "SELECT a FROM t IDENTIFIER('WHERE') a = 1",
  ])('is a name, never a word of the grammar: %s', (sql) => expect(sent(sql)).toMatch(/"(?:OR|DISTINCT|WHERE)"/));

  it('is told at its place', () => {
    const tokens = tokensOf(readStatement("SELECT * FROM IDENTIFIER('db.s.t')"));
    expect(tokens.slice(-5).map(({ text, start }) => [text, start])).toEqual([
      ['"DB"', 26],
      ['.', 30],
      ['"S"', 31],
      ['.', 34],
      ['"T"', 35],
    ]);
  });
});
