import { describe, expect, it } from 'vitest';
import { DETECTOR_KINDS, type DetectRule, patternFinder, Scrubber, type TextMask } from '../../dist/masking/index.js';
import { detectRules } from '../../dist/policy/index.js';
import { policyOf, setOf } from '../support/policies.mjs';
import { LABELLED, measure } from './labelled.mjs';
import { wronglyFound } from './plain-rows.mjs';

const REDACT: TextMask = { kind: 'redact' };
const rule = (name: string, mask: TextMask = REDACT, pattern?: string): DetectRule => ({
  name,
  mask,
  pattern: pattern === undefined ? undefined : patternFinder(pattern),
});
const all = (): Scrubber => new Scrubber(DETECTOR_KINDS.map((kind) => rule(kind)));
const found = (text: string): string[] => {
  const scrubber = all();
  scrubber.text(text);
  return [...scrubber.found];
};

describe('what is found', () => {
  it.each([
    ['write to ann.lee+x@mail.example.com', 'email'],
    ['ZOË@EXAMPLE.ORG', 'email'],
    ['call +1 415-555-2671 now', 'phone'],
    ['(030) 123-4567', 'phone'],
    ['+4915112345678', 'phone'],
    ['+44 (0)20 7946 0958', 'phone'],
    ['4111 1111 1111 1111', 'credit_card'],
    ['5500005555555559', 'credit_card'],
    ['SSN 123-45-6789', 'us_ssn'],
    ['DE89 3704 0044 0532 0130 00', 'iban'],
    ['gb29nwbk60161331926819', 'iban'],
    ['from 192.168.12.7', 'ip_address'],
    ['from 2001:db8::8a2e:370:7334', 'ip_address'],
    ['AKIAIOSFODNN7EXAMPLE', 'secret'],
    ['-----BEGIN RSA PRIVATE KEY-----', 'secret'],
    ['aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY', 'secret'],
  ])('%s: %s', (text, kind) => expect(found(text)).toEqual([kind]));

  it.each([
    'order 4111111111111112',
    'SKU-0001',
    '2024-02-29 12:34:56',
    'DE00370400440532013000',
    'version 1.2.3.4',
    '999-12-3456',
    'a@b',
    '300.1.2.3',
    'Product 17',
    '12:30:45',
    'the password must be changed',
  ])('%s is none', (text) => expect(found(text)).toEqual([]));

  it('takes out every place, in nested values and names of fields too', () => {
    const scrubber = all();
    expect(scrubber.value([{ 'a@b.example': ['x 1.2.3.4', 5, null] }])).toEqual([
      { '[email]': ['x [ip_address]', 5, null] },
    ]);
    expect([...scrubber.found].sort()).toEqual(['email', 'ip_address']);
  });

  it('leaves nothing between two findings that overlap', () => {
    const scrubber = new Scrubber([rule('email'), rule('ticket', REDACT, '[a-z]+ ann')]);
    expect(scrubber.text('from ann@example.com')).toBe('[ticket]');
    // Whatever is kept of the one is not kept of the other.
    const keeping = new Scrubber([
      rule('email'),
      rule('ticket', { kind: 'keep_last', count: 4 }, '[a-z]+ ann@[a-z.]+'),
    ]);
    expect(keeping.text('from ann@example.com')).toBe('[email]');
  });
});

describe('findings of two detectors that overlap', () => {
  const CARD = '4111111111111111';
  const first = (count: number): TextMask => ({ kind: 'keep_first', count });
  const last = (count: number): TextMask => ({ kind: 'keep_last', count });
  const shown = (text: string, ...rules: readonly DetectRule[]): unknown[] =>
    [rules, [...rules].reverse()].map((some) => new Scrubber(some).value(text));

  it('show of two ends neither', () => {
    for (const text of shown(CARD, rule('credit_card', last(4)), rule('own', first(12), '[0-9]{16}')))
      expect(text).toMatch(/^\[(?:credit_card|own)\]$/);
  });

  it('show of one end what both show', () => {
    for (const text of shown(CARD, rule('a', last(4), '[0-9]{16}'), rule('b', last(2), '[0-9]{16}')))
      expect(text).toBe('***11');
    for (const text of shown('abcdefgh', rule('a', first(4), 'abcdef'), rule('b', first(3), 'cdefgh')))
      expect(text).toBe('abc***');
  });

  it('show nothing of one that is no longer than what is kept of it', () => {
    for (const text of shown('abcdefgh', rule('a', first(4), 'abcdefgh'), rule('b', first(8), 'cdef')))
      expect(text).toMatch(/^\[[ab]\]$/);
    for (const text of shown('abcdefgh', rule('a', last(4), 'abcdefgh'), rule('b', last(4), 'fgh')))
      expect(text).toMatch(/^\[[ab]\]$/);
  });

  it('take the value away where one of them does', () => {
    for (const text of shown(CARD, rule('credit_card', { kind: 'null' }), rule('own', first(12), '[0-9]{16}')))
      expect(text).toBeNull();
  });
});

describe('a secret of any length', () => {
  const of = (length: number): string => 'aB3xK9zQ'.repeat(Math.ceil(length / 8)).slice(0, length);
  const part = (length: number): string => `eyJ${of(length)}`;
  const KINDS: readonly (readonly [name: string, text: (length: number) => string])[] = [
    ['password=', (length) => `password=${of(length)}$!`],
    ['in JSON', (length) => `{"api_key": "${of(length)}"}`],
    ['bearer', (length) => `Authorization: Bearer ${of(length)}==`],
    ['of GitHub', (length) => `ghp_${of(length)}`],
    ['of OpenAI', (length) => `sk-${of(length)}`],
    ['of Slack', (length) => `xoxb-${of(length)}`],
    ['of Stripe', (length) => `sk_live_${of(length)}`],
    ['of PyPI', (length) => `pypi-AgE${of(length)}`],
    ['of GitLab', (length) => `glpat-${of(length)}`],
    ['of Azure', (length) => `AccountKey=${of(length)}==`],
    ['JSON Web Token', (length) => `${part(40)}.${part(length)}.${of(86)}`],
    ['with a long header', (length) => `${part(length)}.${part(40)}.${of(86)}`],
    ['with a long signature', (length) => `${part(40)}.${part(40)}.${of(length)}`],
    ['in PEM', (length) => `-----BEGIN PRIVATE KEY-----\n${of(length)}\n-----END PRIVATE KEY-----`],
    ['in an address', (length) => `postgres://app:${of(length)}@db.example.com/x`],
    ['of an address', (length) => `${of(length)}@example.com`],
  ];
  it.each(KINDS)('%s: none of it stays, and what stands behind it does', (_, secret) => {
    for (const length of [100, 255, 256, 300, 1000, 2001, 4096, 4097, 10_836, 70_000]) {
      const text = all().text(`before ${secret(length)} behind`);
      expect([length, text]).toEqual([length, expect.not.stringMatching(/aB3|K9zQ|\$!/)]);
      expect([length, text]).toEqual([length, expect.stringMatching(/^.*before.* behind$/)]);
    }
  });

  it('is none twice: runs that look like beginnings of others are gone through once', () => {
    for (const start of [
      'eyJaaaaaaaaaa.',
      'sk-',
      'xoxb-xoxb-',
      'bearer ',
      'a://b:',
      'password=',
      '-----BEGIN PRIVATE KEY-----',
      'ghp_a',
    ])
      expect(all().text(start.repeat(100_000))).toBeTypeOf('string');
  });

  it('that a text ends in is one as well', () =>
    expect(all().text(`token ${part(40)}.${part(9000)}`)).toBe('token [secret]'));
});

describe('how it is masked', () => {
  const text = 'card 4111 1111 1111 1111 of ann@example.com';
  it.each([
    [{ kind: 'redact' }, 'card [credit_card] of ann@example.com'],
    [{ kind: 'constant', value: '(a card)' }, 'card (a card) of ann@example.com'],
    [{ kind: 'keep_last', count: 4 }, 'card ***1111 of ann@example.com'],
    [{ kind: 'keep_first', count: 4 }, 'card 4111*** of ann@example.com'],
    [{ kind: 'keep_last', count: 64 }, 'card [credit_card] of ann@example.com'],
    [{ kind: 'null' }, null],
  ] as const)('%o', (mask, expected) => expect(new Scrubber([rule('credit_card', mask)]).value(text)).toBe(expected));

  it('takes the stricter of two', () => {
    const both = [rule('credit_card', { kind: 'keep_last', count: 4 }), rule('credit_card')];
    expect(new Scrubber(both).text(text)).toContain('[credit_card]');
  });

  it('never takes an error text away whole', () =>
    expect(new Scrubber([rule('credit_card', { kind: 'null' })]).text(text)).toBe(
      'card [credit_card] of ann@example.com',
    ));
});

describe('in a policy', () => {
  const load = async (detect: string) => (await setOf(policyOf(`${detect}\n`))).policies[0]?.detect ?? [];

  it('takes patterns of its own and leaves excepted columns alone', async () => {
    const detect = await load(
      'detect:\n  - find: [email, { name: ticket, pattern: "TCK-[0-9]{6}" }]\n    mask: { keep_last: 2 }\n    except: [DB.S.T.CONTACT]',
    );
    const text = 'TCK-123456 of ann@example.com';
    const origin = (column: string) => ({ object: { database: 'DB', schema: 'S', name: 'T' }, column });
    const scrub = (...columns: string[]) => new Scrubber(detectRules(detect, columns.map(origin))).text(text);
    expect(scrub('NOTE')).toBe('***56 of ***om');
    expect(scrub('CONTACT')).toBe(text);
    // Made of an excepted column and another.
    expect(scrub('CONTACT', 'NOTE')).toBe('***56 of ***om');
    // An error, a comment.
    expect(scrub()).toBe('***56 of ***om');
  });

  it.each([
    ['{ name: x, pattern: "(" }', /p\.yaml:\d+:\d+ The pattern can't be read/],
    ['{ name: x, pattern: "a*" }', /matches an empty text/],
    ['{ name: email, pattern: "a" }', /a name that no detector has already/],
    // What needs a backtracking engine is refused, not run.
    ['{ name: x, pattern: "(a)\\\\1" }', /The pattern can't be read/],
    ['fax', /detect\.0\.find/],
  ])('refuses %s', async (find, message) => {
    await expect(load(`detect:\n  - find: [${find}]`)).rejects.toThrow(message);
  });
});

describe('numbers', () => {
  it.each([
    [4_111_111_111_111_111, '[credit_card]'],
    [4_222_222_222_222, '[credit_card]'],
    [378_282_246_310_005, '[credit_card]'],
    ['6200000000000000000', '[credit_card]'],
    [4_111_111_111_111_112, 4_111_111_111_111_112],
    [4.5, 4.5],
    [-4_111_111_111_111_111, -4_111_111_111_111_111],
    [1_700_000_000_000, 1_700_000_000_000],
    // A bar code that would pass for a card.
    [4_000_000_000_006, 4_000_000_000_006],
  ])('%s', (value, shown) => expect(all().value(value)).toEqual(shown));

  it('are looked at within values, under their names, and by a policy’s own patterns', () => {
    expect(all().value({ card: 4_111_111_111_111_111, ssn: 219_099_999, mrn: 12_345_678, n: 219_099_999 })).toEqual({
      card: '[credit_card]',
      ssn: '[us_ssn]',
      mrn: '[medical_record]',
      n: 219_099_999,
    });
    const own = new Scrubber([rule('badge', REDACT, '^77[0-9]{4}$')]);
    expect(own.value([771_234, 871_234])).toEqual(['[badge]', 871_234]);
  });
});

describe('health care', () => {
  it.each([
    ['MRN 00123456', 'medical_record'],
    ['"medicalRecordNumber": 12345678', 'medical_record'],
    ['{"medical_record_number": "A-1234567"}', 'medical_record'],
    ['NPI 1234567893', 'npi'],
    ['NPI 1234567894', undefined],
    ['1234567893', undefined],
    ['1EG4-TE5-MK73', 'health_insurance'],
    ['Medicare 1EG4TE5MK73 is hers', 'health_insurance'],
    ['SEG4-TE5-MK73', undefined],
    ['Health insurance ID: XYZ123456789', 'health_insurance'],
    ['DOB: 03/12/1984', 'date_of_birth'],
    ['date of birth 12 March 1984', 'date_of_birth'],
    ['ordered on 03/12/1984', undefined],
    ['born in 1984', undefined],
  ])('%s', (text, kind) => expect(found(text)).toEqual(kind === undefined ? [] : [kind]));

  it('keeps what stands around it', () => {
    expect(all().text('pt MRN #12345678, DOB 1984-03-12, seen 2026-01-05')).toBe(
      'pt MRN #[medical_record], DOB [date_of_birth], seen 2026-01-05',
    );
  });
});

describe('rows with nothing personal in them', () => {
  it.each(wronglyFound(3000))('$kind changes none but for numbers with a card’s check digit', ({ kind, wrong }) => {
    expect(wrong / 3000).toBeLessThanOrEqual(kind === 'credit_card' ? 0.015 : 0);
  });
});

describe('the labelled set', () => {
  it('has what docs/detectors.md says', () => {
    expect(LABELLED.length).toBeGreaterThanOrEqual(2000);
    for (const kind of DETECTOR_KINDS)
      expect(LABELLED.filter(({ finds }) => finds.some(([name]) => name === kind)).length).toBeGreaterThanOrEqual(200);
  });

  it.each(measure())('$kind: precision and recall do not fall', ({ precision, recall }) => {
    expect(precision).toBeGreaterThanOrEqual(0.985);
    expect(recall).toBeGreaterThanOrEqual(0.95);
  });
});
