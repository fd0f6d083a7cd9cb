/** What one set opens against another: a case for each key of the language, each way round, and each key must be there. */
import { describe, expect, it } from 'vitest';
import { openingsOf, openingWords } from '../../../dist/policy/files/openings.js';
import { policyFile } from '../../../dist/policy/rules/schema.js';
import { setOf } from '../../support/policies.mjs';

const RULES = 'rules:\n  - allow: [select]\n    on: [DB.S.T]\n';
const policy = (more: string, who = 'groups: [g]', name = 'p', role = 'R'): string =>
  `policy: ${name}\nprincipals: { ${who} }\nsnowflake: { role: ${role}, warehouse: W }\n${more}`;

const kindsOf = async (before: string[], after: string[]): Promise<{ lost: string[]; gained: string[] }> => {
  const { lost, gained } = openingsOf(await setOf(...before), await setOf(...after));
  const kinds = (parts: readonly { kind: string }[]): string[] => [...new Set(parts.map(({ kind }) => kind))].sort();
  return { lost: kinds(lost), gained: kinds(gained) };
};

interface Case {
  readonly key: string;
  /** What narrows. */
  readonly more: string;
  readonly less?: string;
  /** What is lost and gained where it goes. */
  readonly lost: readonly string[];
  readonly gained?: readonly string[];
  /** What is gained and lost where it comes: nothing, for most. */
  readonly back?: { readonly lost?: readonly string[]; readonly gained?: readonly string[] };
}

const CASES: readonly Case[] = [
  { key: 'columns', more: `${RULES}columns:\n  - { match: [DB.S.T.A], mask: redact }\n`, lost: ['mask'] },
  {
    key: 'columns',
    more: `${RULES}columns:\n  - { match: [DB.S.T.A], mask: redact }\n`,
    less: `${RULES}columns:\n  - { match: [DB.S.T.AB], mask: redact }\n`,
    lost: ['mask'],
    back: { lost: ['mask'] },
  },
  {
    key: 'columns',
    more: `${RULES}columns:\n  - { match: [DB.S.T.A], mask: { keep_last: 2 } }\n`,
    lost: ['mask'],
    // Beside a shorter glob with a stricter number it would show more.
    back: { gained: ['mask that shows a part'] },
  },
  { key: 'rows', more: `${RULES}rows:\n  - { on: DB.S.T, where: ID > 5 }\n`, lost: ['row predicate'] },
  {
    key: 'rows',
    more: `${RULES}rows:\n  - on: DB.S.T\n    where: ID > 5 AND ID < 9\n`,
    less: `${RULES}rows:\n  - on: DB.S.T\n    where: ID > 5\n`,
    lost: ['row predicate'],
    back: { lost: ['row predicate'] },
  },
  {
    key: 'rows',
    more: `${RULES}rows:\n  - { on: DB.S.T, secure_view: DB.S.V }\n`,
    lost: ['row predicate'],
    back: { gained: ['secure view'] },
  },
  { key: 'rules', more: `${RULES}  - deny: [select]\n    on: [DB.S.U]\n`, less: RULES, lost: ['denial'] },
  {
    key: 'rules',
    more: 'rules:\n  - deny: [select]\n    on: [DB.S.U]\n',
    less: 'rules:\n  - allow: [select]\n    on: [DB.S.U]\n',
    lost: ['denial'],
    gained: ['permission'],
  },
  {
    key: 'rules',
    more: 'rules:\n  - allow: [select]\n    on: [DB.S.T]\n    when: { function: [UPPER] }\n',
    less: RULES,
    lost: [],
    gained: ['permission'],
    back: { gained: ['permission'] },
  },
  {
    key: 'rules',
    more: RULES,
    less: `${RULES}  - allow: [insert]\n    on: [DB.S.T]\n`,
    lost: [],
    gained: ['permission'],
  },
  {
    key: 'rules',
    more: RULES,
    less: 'rules:\n  - allow: [select]\n    on: [DB.S.T, DB.S.U]\n',
    lost: [],
    gained: ['permission'],
  },
  {
    key: 'rules',
    more: `${RULES}  - approve: [delete]\n    on: [DB.S.T]\n    by: { groups: [a], count: 2 }\n`,
    less: `${RULES}  - approve: [delete]\n    on: [DB.S.T]\n    by: { groups: [a] }\n`,
    lost: ['approval'],
    gained: ['permission'],
    back: { lost: ['approval'], gained: ['permission'] },
  },
  {
    key: 'detect',
    more: `${RULES}detect:\n  - { find: [email, iban] }\n`,
    less: `${RULES}detect:\n  - { find: [email] }\n`,
    lost: ['detector'],
  },
  {
    key: 'detect',
    more: `${RULES}detect:\n  - { find: [email] }\n`,
    less: `${RULES}detect:\n  - { find: [email], except: [DB.S.T.A] }\n`,
    lost: ['detector'],
    back: { lost: ['detector'] },
  },
  { key: 'functions', more: RULES, less: `${RULES}functions: { allow: [DB.S.F] }\n`, lost: [], gained: ['function'] },
  {
    key: 'virtual_columns',
    more: RULES,
    less: `${RULES}virtual_columns: { trusted: [DB.S.T.A] }\n`,
    lost: [],
    gained: ['trusted virtual column'],
  },
  { key: 'views', more: RULES, less: `${RULES}views: { trusted: [DB.S.V] }\n`, lost: [], gained: ['trusted view'] },
  {
    key: 'write_masked',
    more: RULES,
    less: `${RULES}write_masked: allow\n`,
    lost: ['refusal to write masked values'],
    gained: ['write_masked'],
  },
  { key: 'limits', more: `${RULES}limits: { concurrent: 2 }\n`, lost: ['limit on concurrent'] },
  {
    key: 'limits',
    more: `${RULES}limits: { rows: 5 }\n`,
    less: `${RULES}limits: { rows: 50 }\n`,
    lost: ['limit on rows'],
  },
  // Without a word there are 10,000 rows.
  { key: 'limits', more: RULES, less: `${RULES}limits: { rows: 50000 }\n`, lost: ['limit on rows'] },
  { key: 'record', more: `${RULES}record: { purpose: required }\n`, lost: ['purpose'] },
  { key: 'record', more: `${RULES}record: { purpose: reported }\n`, lost: ['purpose', 'reported prompt'] },
  { key: 'record', more: `${RULES}record: { results: masked }\n`, lost: ['record of rows'] },
  { key: 'record', more: RULES, less: `${RULES}record: { results: none }\n`, lost: ['record of results'] },
  { key: 'description', more: `description: x\n${RULES}`, lost: [] },
];

describe('what a set opens', () => {
  it.each(CASES)('$key: $more', async ({ more, less = RULES, lost, gained = [], back = {} }) => {
    expect(await kindsOf([policy(more)], [policy(less)])).toEqual({ lost: [...lost], gained: [...gained] });
    expect(await kindsOf([policy(less)], [policy(more)])).toEqual({
      lost: [...(back.lost ?? [])],
      gained: [...(back.gained ?? [])],
    });
  });

  const MASKS = [
    'deny',
    'null',
    'redact',
    '{ constant: x }',
    'hash',
    '{ keep_last: 4 }',
    '{ keep_last: 2 }',
    '{ keep_first: 4 }',
    'email',
    '{ bucket: 10 }',
  ];
  it.each(MASKS)('of the mask %s is nothing lost to one that shows nothing of any value', async (mask) => {
    const column = (method: string): string[] => [
      policy(`${RULES}columns:\n  - { match: [DB.S.T.A], mask: ${method} }\n`),
    ];
    for (const other of MASKS) {
      const narrows =
        mask === other ||
        other === 'deny' ||
        (other === 'null' && mask !== 'deny') ||
        (other === 'redact' && !['deny', 'null', '{ constant: x }'].includes(mask));
      const { lost } = await kindsOf(column(mask), column(other));
      expect([mask, other, lost]).toEqual([mask, other, narrows ? [] : ['mask']]);
      if (narrows && mask !== other) expect((await kindsOf(column(mask), column(other))).gained).toEqual([]);
    }
    // On another glob, or for others, it is another one.
    expect(
      (await kindsOf(column(mask), [policy(`${RULES}columns:\n  - { match: [DB.S.T.AB], mask: deny }\n`)])).lost,
    ).toEqual(['mask']);
  });

  it('of a detector is nothing lost to one of the same that shows nothing', async () => {
    const found = (mask: string, more = ''): string[] => [
      policy(`${RULES}detect:\n  - { find: [email], mask: ${mask}${more} }\n`),
    ];
    for (const [before, after, lost] of [
      ['{ keep_last: 4 }', 'redact', []],
      ['{ keep_last: 4 }', 'null', []],
      ['{ constant: x }', 'null', []],
      ['{ constant: x }', 'redact', ['detector']],
      ['{ keep_last: 4 }', '{ keep_last: 2 }', ['detector']],
      ['redact', '{ keep_last: 4 }', ['detector']],
      ['null', 'redact', ['detector']],
    ] as const)
      expect([before, after, (await kindsOf(found(before), found(after))).lost]).toEqual([before, after, [...lost]]);
    expect((await kindsOf(found('{ keep_last: 4 }'), found('redact', ', except: [DB.S.T.A]'))).lost).toEqual([
      'detector',
    ]);
  });

  it('has a case for each key', () => {
    // These three have tests of their own, below.
    const keys = new Set(['policy', 'principals', 'snowflake', ...CASES.map(({ key }) => key)]);
    expect([...keys].sort()).toEqual(Object.keys(policyFile.shape).sort());
  });

  const MASKED = `${RULES}columns:\n  - { match: [DB.S.T.A], mask: redact }\n`;

  it.each([
    ['groups: [g, h]', 'groups: [g]'],
    ['groups: [g], except: { groups: [h] }', 'groups: [g]'],
    ['groups: [g], hours: { days: [mon] }', 'groups: [g]'],
    ['groups: [g]', 'groups: [g], claims: { team: x }'],
  ])('is all of a policy for others: %s, %s', async (before, after) => {
    const expected = { lost: expect.arrayContaining(['mask', 'policy']), gained: ['permission'] };
    expect(await kindsOf([policy(MASKED, before)], [policy(MASKED, after)])).toEqual(expected);
  });

  it('is all of a policy under another role', async () => {
    expect(await kindsOf([policy(RULES)], [policy(RULES, 'groups: [g]', 'p', 'OTHER')])).toEqual({
      lost: ['policy'],
      gained: ['permission'],
    });
  });

  it('is a policy that is gone while others allow; nothing where none does', async () => {
    const hiding = policy('columns:\n  - { match: [DB.S.T.A], mask: redact }\n', 'groups: [g]', 'q');
    expect((await kindsOf([policy(RULES), hiding], [policy(RULES)])).lost).toContain('mask');
    expect(await kindsOf([policy(RULES), hiding], [hiding])).toEqual({ lost: [], gained: [] });
    expect(await kindsOf([policy(RULES), hiding], [])).toEqual({ lost: [], gained: [] });
  });

  it('is nothing where a rule moves into another file, or to another line', async () => {
    const [one, other] = [
      policy(RULES),
      policy('columns:\n  - { match: [DB.S.T.A], mask: redact }\n', 'groups: [g]', 'q'),
    ];
    expect(await kindsOf([one, other], [other, one])).toEqual({ lost: [], gained: [] });
    expect(await kindsOf([one], [policy(`# a comment\n\n${RULES}`)])).toEqual({ lost: [], gained: [] });
  });

  it('is said in words, without predicates and values', async () => {
    const before = policy(`${MASKED}rows:\n  - { on: DB.S.T, where: NAME <> 'Ada' }\n`);
    const words = openingWords(
      openingsOf(await setOf(before), await setOf(policy(`${RULES}  - allow: [drop]\n    on: [DB.S.T]\n`))),
    );
    expect(words).toMatch(
      /^gone or changed: mask \(DB\.S\.T\.A; .*p\.yaml\), row predicate \(DB\.S\.T; .*\); new: permission \(DB\.S\.T; /,
    );
    expect(words).not.toContain('Ada');
  });
});
