import { describe, expect, it } from 'vitest';
import { lex, Refusal, readStatement, spaced } from '../../../dist/sql/index.js';

const words = (text: string): string[] => lex(text).map((token) => token.text);
const refusal = (text: string): Refusal => {
  try {
    readStatement(text);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`"${text}" was read.`);
};

describe('tokens', () => {
  it.each([
    ['SELECT a.b::int', ['SELECT', 'a', '.', 'b', '::', 'int']],
    ["'it''s' 'a\\'b'", ["'it''s'", "'a\\'b'"]],
    ['"a""b" $$x\' y$$', ['"a""b"', "$$x' y$$"]],
    ['1.5e3, .5, 7.', ['1.5e3', ',', '.5', ',', '7.']],
    ['f(x => 1, y -> y)', ['f', '(', 'x', '=>', '1', ',', 'y', '->', 'y', ')']],
    ['v:a.b[0], :1, ?', ['v', ':', 'a', '.', 'b', '[', '0', ']', ',', ':1', ',', '?']],
    ['t.$1 SYSTEM$X()', ['t', '.', '$1', 'SYSTEM$X', '(', ')']],
    ['(^ a$ b+$| c $ )', ['(', '^', 'a$', 'b', '+', '$', '|', 'c', '$', ')']],
    ['a -- b\n/* c */ // d\r\n e', ['a', 'e']],
    ['a--b', ['a']],
  ])('%s', (text, expected) => expect(words(text)).toEqual(expected));

  it('is read alike again as it is sent', () => {
    for (const text of ["SELECT 'a''b' , x.y::int FROM \"T\" -- c", 'SELECT v:a[0]:b, $1, :2 FROM t'])
      expect(words(spaced(lex(text)))).toEqual(words(text));
  });
});

describe('what could be read in two ways is refused', () => {
  it.each([
    ['a back-tick', 'SELECT `a`', { line: 1, column: 8 }],
    ['a number sign', 'SELECT 1 # x', { line: 1, column: 10 }],
    ['a lone carriage return', 'SELECT 1\rFROM t', { line: 1, column: 9 }],
    ['a carriage return that ends a comment', 'SELECT 1 --x\r FROM t', { line: 1, column: 13 }],
    ['NUL', 'SELECT 1\u0000', { line: 1, column: 9 }],
    ['a no-break space', 'SELECT\u00a01', { line: 1, column: 7 }],
    ['a zero-width space', 'SELECT 1\u200b', { line: 1, column: 9 }],
    ['a form feed', 'SELECT 1\f', { line: 1, column: 9 }],
    ['letters that look like others', 'SELECT * FROM ｓecret', { line: 1, column: 15 }],
    ['a comment in a comment', 'SELECT 1\n /* a /* b */', { line: 2, column: 2 }],
    ['an open comment', 'SELECT /* 1', { line: 1, column: 8 }],
    ['an open text', "SELECT 'a", { line: 1, column: 8 }],
    ['an open name', 'SELECT "a', { line: 1, column: 8 }],
    ['an empty name', 'SELECT ""', { line: 1, column: 8 }],
    ['a number that goes on as a name', 'SELECT 1a', { line: 1, column: 8 }],
  ])('%s', (_name, text, position) => {
    const found = refusal(text);
    expect(found.code).toBe('NOT_UNDERSTOOD');
    expect(found.position).toEqual(position);
  });

  it('lets all of it stand inside of literals and quoted names', () => {
    expect(words('SELECT \'`#\u00a0\u200bｓ😀--/*\' AS "`#\u00e9"')).toHaveLength(4);
  });
});

describe('bounds', () => {
  it.each([
    ['length', `SELECT '${'x'.repeat(300_000)}'`],
    ['tokens', `SELECT ${'1,'.repeat(30_000)}1`],
    ['nesting', `SELECT ${'('.repeat(5000)}1${')'.repeat(5000)}`],
  ])('of %s', (_name, text) => expect(refusal(text).code).toBe('NOT_UNDERSTOOD'));
});

describe('names are no longer than those of Snowflake', () => {
  const long = {
    code: 'NOT_UNDERSTOOD',
    message: expect.stringContaining('at most 255'),
    position: { line: 1, column: 15 },
  };

  it.each([
    ['in quotes', `"${'a.'.repeat(200)}"`, 400],
    ['of one character more', `"${'a'.repeat(256)}"`, 256],
    ['of 256 quotes', `"${'""'.repeat(256)}"`, 256],
    ['without quotes', 'A'.repeat(256), 256],
    ['with 60,000 dots', `"${'.'.repeat(60_000)}"`, 60_000],
  ])('%s', (_name, name, length) => {
    const found = refusal(`SELECT * FROM ${name}`);
    expect(found).toMatchObject(long);
    expect(found.message).toContain(String(length));
  });

  it('and may have 255 characters, whatever these are', () => {
    for (const name of ['A'.repeat(255), `"${'""'.repeat(255)}"`, `"${'😀'.repeat(255)}"`, `"${'é.'.repeat(127)}x"`])
      expect(words(`SELECT * FROM ${name}`)).toEqual(['SELECT', '*', 'FROM', name]);
    expect(words(`SELECT '${'x'.repeat(5000)}'`)).toHaveLength(2);
  });
});

describe('one statement', () => {
  it.each(['SELECT 1; SELECT 2', 'SELECT 1;;SELECT 2', 'SHOW TABLES ->> SELECT 1'])('%s is more than one', (text) =>
    expect(refusal(text).code).toBe('MULTIPLE_STATEMENTS'),
  );
  it.each(['SELECT 1;', 'SELECT 1 ; ;', "SELECT ';'", 'SELECT $$;$$ -- ;'])('%s is one', (text) =>
    expect(readStatement(text).kind).toBe('select'),
  );

  it.each([
    ['WITH a AS (SELECT 1) SELECT * FROM a', 'select'],
    ['(SELECT 1) UNION (SELECT 2)', 'select'],
    ['copy into @s from t', 'unload'],
    ["COPY INTO 's3://b' FROM t", 'unload'],
    ['COPY INTO t FROM @s', 'copy_into_table'],
    ['ALTER SESSION SET A = 1', 'session'],
    ['ALTER TABLE t ADD x INT', 'alter'],
    ['BEGIN', 'session'],
    ['BEGIN SELECT 1; END', 'execute'],
    ['UNDROP TABLE t', 'create'],
    ['REVOKE ALL ON t FROM ROLE r', 'grant'],
    ['rm @s', 'stage_file'],
  ])('%s is of kind %s', (text, kind) => expect(readStatement(text).kind).toBe(kind));
});
