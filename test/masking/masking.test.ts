import { describe, expect, it } from 'vitest';
import { DETECTOR_KINDS, maskExpression, scrub, scrubValue } from '../../dist/masking/index.js';

const ALL = new Set(DETECTOR_KINDS);
const found = (text: string): readonly string[] => scrub(text, ALL).kinds;

describe('detectors', () => {
  it.each([
    ['write to ann.lee+x@mail.example.com', 'email'],
    ['call +1 415-555-2671 now', 'phone'],
    ['(030) 123-4567', 'phone'],
    ['+4915112345678', 'phone'],
    ['4111 1111 1111 1111', 'credit_card'],
    ['5500005555555559', 'credit_card'],
    ['SSN 123-45-6789', 'us_ssn'],
    ['DE89 3704 0044 0532 0130 00', 'iban'],
    ['GB29NWBK60161331926819', 'iban'],
    ['from 192.168.12.7', 'ip_address'],
    ['AKIAIOSFODNN7EXAMPLE', 'secret'],
    ['-----BEGIN RSA PRIVATE KEY-----', 'secret'],
  ])('%s: %s', (text, kind) => expect(found(text)).toEqual([kind]));

  it.each([
    'order 4111111111111112',
    'SKU-0001',
    '2024-02-29 12:34:56',
    'DE00370400440532013000',
    'version 1.2.3',
    '999-12-3456',
    'a@b',
    '300.1.2.3',
    'Product 17',
  ])('%s is none', (text) => expect(found(text)).toEqual([]));

  it('takes out every place, in nested values too', () => {
    const kinds = new Set<(typeof DETECTOR_KINDS)[number]>();
    expect(scrubValue([{ 'a@b.example': ['x 1.2.3.4', 5, null] }], ALL, kinds)).toEqual([
      { '[email]': ['x [ip_address]', 5, null] },
    ]);
    expect([...kinds].sort()).toEqual(['email', 'ip_address']);
  });

  it('runs in linear time on texts made to slow it down', () => {
    for (const unit of ['a', '1', '1-', 'a@', 'eyJ', '1 ', 'AB12 ', '.', '+1']) {
      const time = (length: number): number => {
        const text = unit.repeat(length / unit.length);
        const start = performance.now();
        scrub(text, ALL);
        return performance.now() - start;
      };
      time(20_000);
      expect(time(200_000)).toBeLessThan(2000);
    }
  });
});

describe('masking expressions', () => {
  it('keep the type of the column', () => {
    expect(maskExpression({ kind: 'null' }, '"A"', 'NUMBER(38,0)')).toBe('CAST ( NULL AS NUMBER(38,0) )');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'DATE')).toBe('CAST ( NULL AS DATE )');
    expect(maskExpression({ kind: 'redact' }, '"A"', 'VARCHAR(10)')).toBe("'***'");
    expect(maskExpression({ kind: 'bucket', size: 10 }, '"A"', 'NUMBER(10,2)')).toBe('FLOOR ( "A" / 10 ) * 10');
    expect(maskExpression({ kind: 'truncate_date', part: 'month' }, '"A"', 'TIMESTAMP_NTZ(9)')).toBe(
      `DATE_TRUNC ( 'month' , "A" )`,
    );
    expect(maskExpression({ kind: 'email' }, '"A"', 'VARIANT')).toBe('CAST ( NULL AS VARIANT )');
    expect(maskExpression({ kind: 'constant', value: "x'y" }, '"A"', 'VARCHAR(10)')).toBe(
      "CAST ( 'x''y' AS VARCHAR(10) )",
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
    expect(text).toMatch(/^TO_VARIANT \( CASE WHEN IS_OBJECT \( "P" \) THEN OBJECT_INSERT \( "P" , 'user' ,/);
    expect(text).toContain("GET ( GET ( \"P\" , 'user' ) , 'email' )");
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
      'CAST ( NULL AS VARCHAR(10) )',
    );
  });
});
