import { describe, expect, it } from 'vitest';
import { maskExpression } from '../../dist/masking/index.js';

describe('masking expressions', () => {
  it('keep the type of the column', () => {
    expect(maskExpression({ kind: 'null' }, '"A"', 'NUMBER(38,0)')).toBe('CAST(NULL AS NUMBER(38,0))');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'DATE')).toBe('CAST(NULL AS DATE)');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'VARCHAR(10)')).toBe("'***'");
    expect(maskExpression({ kind: 'bucket', size: 10 }, '"A"', 'NUMBER(10,2)')).toBe('FLOOR("A" / 10) * 10');
    expect(maskExpression({ kind: 'truncate_date', part: 'month' }, '"A"', 'TIMESTAMP_NTZ(9)')).toBe(
      `DATE_TRUNC('month', "A")`,
    );
    expect(maskExpression({ kind: 'email' }, '"A"', 'VARIANT')).toBe('CAST(NULL AS VARIANT)');
    expect(maskExpression({ kind: 'constant', value: "x'y" }, '"A"', 'VARCHAR(10)')).toBe(
      "CAST('x''y' AS VARCHAR(10))",
    );
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
    expect(text).toMatch(/^TO_VARIANT\(CASE WHEN IS_OBJECT\("P"\) THEN OBJECT_INSERT\("P", 'user',/);
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
