import { describe, expect, it } from 'vitest';
import { columnType, maskExpression, misfit } from '../../dist/masking/index.js';
import { pages, TYPES } from './table.mjs';

describe('masking expressions', () => {
  it('keep the type of the column', () => {
    expect(maskExpression({ kind: 'null' }, '"A"', 'NUMBER(38,0)')).toBe('CAST(NULL AS NUMBER(38,0))');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'DATE')).toBe('CAST(NULL AS DATE)');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'VARCHAR(10)')).toBe("'***'");
    expect(maskExpression({ kind: 'bucket', size: 10 }, '"A"', 'NUMBER(10,2)')).toBe(
      'CAST(CASE WHEN "A" < -99999990.00 THEN -99999999.99 ELSE "A" - MOD("A", 10) - CASE WHEN MOD("A", 10) < 0 THEN 10 ELSE 0 END END AS NUMBER(10,2))',
    );
    expect(maskExpression({ kind: 'truncate_date', part: 'month' }, '"A"', 'TIMESTAMP_NTZ(9)')).toBe(
      `DATE_TRUNC('month', "A")`,
    );
    expect(maskExpression({ kind: 'email' }, '"A"', 'VARIANT')).toBe('CAST(NULL AS VARIANT)');
    expect(maskExpression({ kind: 'constant', value: "x'y" }, '"A"', 'VARCHAR(10)')).toBe("'x''y'");
  });
});

describe('values within an object', () => {
  const email = { kind: 'email' } as const;

  it('are masked by their path, and what is not as the path foresees is hidden', () => {
    const text = maskExpression(
      { kind: 'paths', paths: [{ path: ['user', 'email'], method: email }] },
      '"P"',
      'VARIANT',
    );
    expect(text).toMatch(
      /^TO_VARIANT\(CASE WHEN IS_OBJECT\("P"\) THEN OBJECT_INSERT\(OBJECT_DELETE\(AS_OBJECT\("P"\), 'user'\), 'user',/,
    );
    expect(text).toContain("GET(GET(\"P\", 'user'), 'email')");
  });

  it('of several paths under one key are masked together; the shorter path hides the longer one', () => {
    const method = { kind: 'redact' } as const;
    const both = maskExpression(
      {
        kind: 'paths',
        paths: [
          { path: ['a', 'b'], method },
          { path: ['a', 'c'], method },
        ],
      },
      '"P"',
      'OBJECT',
    );
    expect(both.match(/OBJECT_INSERT/g)).toHaveLength(3);
    const shorter = maskExpression(
      {
        kind: 'paths',
        paths: [
          { path: ['a', 'b'], method },
          { path: ['a'], method },
        ],
      },
      '"P"',
      'VARIANT',
    );
    expect(shorter).not.toContain("'b'");
  });

  it('quote their keys', () => {
    const text = maskExpression({ kind: 'paths', paths: [{ path: ["it's"], method: email }] }, '"P"', 'VARIANT');
    expect(text).toContain("'it''s'");
  });

  it('of a column that holds no objects are hidden with it', () => {
    expect(maskExpression({ kind: 'paths', paths: [{ path: ['a'], method: email }] }, '"P"', 'VARCHAR(10)')).toBe(
      'CAST(NULL AS VARCHAR(10))',
    );
  });
});

describe('types as masks see them', () => {
  it.each([
    ['VARCHAR(16777216)', 'text', 16777216],
    ["VARCHAR(20) COLLATE 'en-ci'", 'text', 20],
    ['TEXT', 'text', undefined],
    ['char varying (5)', 'text', 5],
    ['NUMBER(38, 0)', 'number', undefined],
    ['double  precision', 'float', undefined],
    ['TIMESTAMP_TZ(9)', 'timestamp_tz', undefined],
    ['TIMESTAMP WITH TIME ZONE', 'timestamp_tz', undefined],
    ['OBJECT', 'object', undefined],
    ['OBJECT(city VARCHAR(10))', 'other', undefined],
    ['ARRAY(NUMBER(38,0))', 'other', undefined],
    ['MAP(VARCHAR, NUMBER)', 'other', undefined],
    ['INTERVAL YEAR TO MONTH', 'other', undefined],
    ['MY_DB.PUBLIC.MY_TYPE', 'other', undefined],
    ['', 'other', undefined],
  ])('%s', (type, family, length) => expect(columnType(type)).toMatchObject({ family, length }));

  it('have their collation', () => {
    expect(columnType("VARCHAR(20) COLLATE 'en-ci'")).toMatchObject({ name: 'VARCHAR(20)', collation: 'en-ci' });
    expect(columnType("VARCHAR(20) COLLATE ''").collation).toBeUndefined();
  });
});

describe('a method that does not fit', () => {
  it.each([
    [{ kind: 'email' }, 'NUMBER(38,0)', /"email" is not for the type NUMBER\(38,0\)/],
    [{ kind: 'hash' }, 'NUMBER(38,0)', /not for the type/],
    [{ kind: 'bucket', size: 10 }, 'VARCHAR(5)', /not for the type/],
    [{ kind: 'constant', value: 'longer' }, 'VARCHAR(5)', /longer than VARCHAR\(5\) holds/],
    [{ kind: 'constant', value: 'x' }, 'NUMBER(38,0)', /no value of the type/],
    [{ kind: 'constant', value: 1000 }, 'NUMBER(3,0)', /no value of the type/],
    [{ kind: 'constant', value: 0.5 }, 'NUMBER(3,0)', /no value of the type/],
    [{ kind: 'constant', value: '2023-02-29' }, 'DATE', /no value of the type/],
    [{ kind: 'constant', value: true }, 'DATE', /no value of the type/],
    [{ kind: 'constant', value: 'x' }, 'BINARY(10)', /not for the type/],
  ] as const)('%j on %s', (method, type, said) => expect(misfit(method, type)).toMatch(said));

  it.each([
    [{ kind: 'null' }, 'VECTOR(FLOAT, 3)'],
    [{ kind: 'deny' }, 'GEOGRAPHY'],
    [{ kind: 'constant', value: '12' }, 'NUMBER(3,0)'],
    [{ kind: 'constant', value: '2024-02-29' }, 'DATE'],
    [{ kind: 'constant', value: '2024-02-29 10:00' }, 'TIMESTAMP_NTZ(9)'],
    [{ kind: 'constant', value: false }, 'BOOLEAN'],
    [{ kind: 'constant', value: 'x' }, 'VARIANT'],
    [{ kind: 'bucket', size: 5 }, 'DECFLOAT'],
  ] as const)('and one that does: %j on %s', (method, type) => expect(misfit(method, type)).toBeUndefined());
});

describe('docs/masks.md', () => {
  it('has what is sent for every method and type', () => {
    const { now, due } = pages();
    expect(now).toBe(due);
    expect(TYPES.length).toBeGreaterThan(20);
  });
});
