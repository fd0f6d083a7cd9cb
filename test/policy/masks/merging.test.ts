/**
 * Two policies in force: none opens what the other closes. A case for each row of the table in docs/policies.md, "Two policies in
 * force"; each is judged under both orders of the files.
 */
import { describe, expect, it } from 'vitest';
import type { Judged } from '../../../dist/gateway/judge/judged.js';
import { type MaskMethod, Scrubber, type TextMask } from '../../../dist/masking/index.js';
import { detectRules, inForce, type PolicySet, standing } from '../../../dist/policy/index.js';
import { narrower } from '../../../dist/policy/masks/masks.js';
import { policyFile } from '../../../dist/policy/rules/schema.js';
import type { CatalogReader } from '../../../dist/sql/index.js';
import { catalog, unconstrained } from '../../support/catalog.js';
import { BOT, judgeOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const READ = 'rules:\n  - allow: [read]\n    on: [DB.S.*]\n';
const deny = (on: string, effect = 'deny'): string =>
  `rules:\n  - ${effect}: [select]\n    on: [${on}]\n${effect === 'approve' ? '    by: { groups: [r] }\n' : ''}`;
const mask = (column: string, method: string): string => `columns:\n  - match: ["${column}"]\n    mask: ${method}\n`;
const rows = (on: string, where: string): string => `rows:\n  - on: ${on}\n    where: ${where}\n`;

const load = (...bodies: readonly string[]) => setOf(policyOf(bodies[0] ?? '', 'p0'), policyOf(bodies[1] ?? '', 'p1'));

const judgedWith = (set: PolicySet, reader: CatalogReader, sql: string): Promise<Judged> =>
  judgeOver(reader).judge(BOT, inForce(set, BOT, new Date()), { sql });

const judged = async (sql: string, ...bodies: readonly string[]): Promise<Judged> =>
  judgedWith(await load(...bodies), catalog, sql);

interface Case {
  readonly key: string;
  readonly what: string;
  readonly sql: string;
  readonly one: string;
  readonly other: string;
  /** `allow`, `approve`, or the code of the denial. */
  readonly is: string;
  /** Stands in the text as sent. */
  readonly sent?: RegExp;
}

const TRUST = `${READ}views: { trusted: [DB.S.CLOSED] }\n`;
const CLOSED = 'SELECT EMAIL FROM DB.S.CLOSED';
const CALL = 'SELECT DB.S.F(ID) FROM DB.S.ORDERS';
const LISTED = `${READ}functions: { allow: [DB.S.F] }\n`;
const STANDS = `${READ}rows:\n  - on: DB.S.CUSTOMERS\n    secure_view: DB.S.CLOSED\n`;
const THROUGH = 'SELECT EMAIL FROM DB.S.CUSTOMERS';
const COPY = 'INSERT INTO DB.S.ORDERS (ID) SELECT EMAIL FROM DB.S.CUSTOMERS';
const WRITE = 'rules:\n  - allow: [read, insert]\n    on: [DB.S.*]\n';

const CASES: readonly Case[] = [
  { key: 'rules', what: 'deny wins', sql: THROUGH, one: READ, other: deny('DB.S.CUSTOMERS'), is: 'OBJECT_DENIED' },
  {
    key: 'rules',
    what: 'approve before allow',
    sql: THROUGH,
    one: READ,
    other: deny('DB.S.*', 'approve'),
    is: 'approve',
  },
  { key: 'rules', what: 'silence is no denial', sql: THROUGH, one: READ, other: 'rules: []\n', is: 'allow' },
  {
    key: 'columns',
    what: 'strictest',
    sql: THROUGH,
    one: READ + mask('DB.S.CUSTOMERS.EMAIL', 'email'),
    other: mask('*', 'deny'),
    is: 'COLUMN_DENIED',
  },
  {
    key: 'columns',
    what: 'a longer glob opens nothing',
    sql: THROUGH,
    one: READ + mask('DB.S.CUSTOMERS.EMAIL', '{ keep_first: 9 }'),
    other: mask('DB.*.*.EMAIL', '{ keep_first: 2 }'),
    is: 'allow',
    sent: /LEFT\("EMAIL", 2\)/,
  },
  {
    key: 'columns',
    what: 'parts that differ show neither',
    sql: THROUGH,
    one: READ + mask('DB.S.CUSTOMERS.EMAIL', '{ keep_first: 2 }'),
    other: mask('DB.*.*.EMAIL', 'email'),
    is: 'allow',
    sent: /'\*\*\*' AS "EMAIL"/,
  },
  {
    key: 'rows',
    what: 'joined by AND',
    sql: THROUGH,
    one: READ + rows('DB.S.CUSTOMERS', 'ID = 1'),
    other: rows('DB.S.CUSTOMERS', 'ID = 2'),
    is: 'allow',
    sent: /WHERE \(\(ID = [12]\) AND \(ID = [12]\)\)/,
  },
  {
    key: 'secure_view',
    what: 'of one, and nothing else hidden',
    sql: THROUGH,
    one: STANDS,
    other: READ,
    is: 'allow',
    sent: /"CLOSED"/,
  },
  {
    key: 'secure_view',
    what: 'masks of the table stay on top',
    sql: THROUGH,
    one: STANDS,
    other: mask('DB.S.CUSTOMERS.EMAIL', 'email'),
    is: 'allow',
    sent: /SPLIT_PART.*"CLOSED"/,
  },
  {
    key: 'secure_view',
    what: 'masks of the view hold as well',
    sql: THROUGH,
    one: STANDS,
    other: mask('DB.S.CLOSED.EMAIL', 'email'),
    is: 'allow',
    sent: /SPLIT_PART.*"CLOSED"/,
  },
  {
    key: 'secure_view',
    what: 'rows of the view hold as well',
    sql: THROUGH,
    one: STANDS,
    other: rows('DB.S.CLOSED', 'ID = 7'),
    is: 'allow',
    sent: /"CLOSED" WHERE \(ID = 7\)/,
  },
  {
    key: 'secure_view',
    what: 'a view that another forbids',
    sql: THROUGH,
    one: STANDS,
    other: deny('DB.S.CLOSED'),
    is: 'OBJECT_DENIED',
  },
  {
    key: 'secure_view',
    what: 'another hides what it may read',
    sql: THROUGH,
    one: STANDS,
    other: mask('DB.P.SECRETS.TEXT', 'null'),
    is: 'OBJECT_DENIED',
  },
  {
    key: 'secure_view',
    what: 'both name it',
    sql: THROUGH,
    one: STANDS,
    other: `${STANDS}${mask('DB.P.SECRETS.TEXT', 'null')}`,
    is: 'allow',
  },
  {
    key: 'secure_view',
    what: 'the other trusts it',
    sql: THROUGH,
    one: STANDS,
    other: `views: { trusted: [DB.S.CLOSED] }\n${mask('DB.P.SECRETS.TEXT', 'null')}`,
    is: 'allow',
  },
  { key: 'views.trusted', what: 'of one, the other hides nothing', sql: CLOSED, one: TRUST, other: READ, is: 'allow' },
  {
    key: 'views.trusted',
    what: 'the other masks',
    sql: CLOSED,
    one: TRUST,
    other: mask('DB.S.CUSTOMERS.EMAIL', 'email'),
    is: 'NOT_UNDERSTOOD',
  },
  {
    key: 'views.trusted',
    what: 'the other masks by globs',
    sql: CLOSED,
    one: TRUST,
    other: mask('*.*.*.EMAIL', 'email'),
    is: 'NOT_UNDERSTOOD',
  },
  {
    key: 'views.trusted',
    what: 'the other filters',
    sql: CLOSED,
    one: TRUST,
    other: rows('DB.S.CUSTOMERS', 'ID = 1'),
    is: 'NOT_UNDERSTOOD',
  },
  {
    key: 'views.trusted',
    what: 'the other forbids',
    sql: CLOSED,
    one: TRUST,
    other: deny('DB.P.*'),
    is: 'NOT_UNDERSTOOD',
  },
  {
    key: 'views.trusted',
    what: 'the other asks somebody',
    sql: CLOSED,
    one: TRUST,
    other: deny('DB.P.*', 'approve'),
    is: 'NOT_UNDERSTOOD',
  },
  {
    key: 'views.trusted',
    what: 'the other masks the view alone',
    sql: CLOSED,
    one: TRUST,
    other: mask('DB.S.CLOSED.EMAIL', 'email'),
    is: 'allow',
    sent: /SPLIT_PART/,
  },
  {
    key: 'views.trusted',
    what: 'the other filters the view alone',
    sql: CLOSED,
    one: TRUST,
    other: rows('DB.S.CLOSED', 'ID = 7'),
    is: 'allow',
    sent: /ID = 7/,
  },
  {
    key: 'views.trusted',
    what: 'the other forbids the view',
    sql: CLOSED,
    one: TRUST,
    other: deny('DB.S.CLOSED'),
    is: 'OBJECT_DENIED',
  },
  {
    key: 'views.trusted',
    what: 'the other denies what does not read',
    sql: CLOSED,
    one: TRUST,
    other: 'rules:\n  - deny: [drop, truncate]\n    on: ["*"]\n',
    is: 'allow',
  },
  {
    key: 'views.trusted',
    what: 'both trust it',
    sql: CLOSED,
    one: TRUST,
    other: `views: { trusted: [DB.S.C*] }\n${mask('DB.S.CUSTOMERS.EMAIL', 'email')}`,
    is: 'allow',
  },
  { key: 'functions.allow', what: 'of one, the other hides nothing', sql: CALL, one: LISTED, other: READ, is: 'allow' },
  {
    key: 'functions.allow',
    what: 'the other masks',
    sql: CALL,
    one: LISTED,
    other: mask('DB.P.SECRETS.TEXT', 'null'),
    is: 'FUNCTION_DENIED',
  },
  {
    key: 'functions.allow',
    what: 'the other filters',
    sql: CALL,
    one: LISTED,
    other: rows('DB.S.CUSTOMERS', 'ID = 1'),
    is: 'FUNCTION_DENIED',
  },
  {
    key: 'functions.allow',
    what: 'the other forbids',
    sql: CALL,
    one: LISTED,
    other: deny('DB.P.*'),
    is: 'FUNCTION_DENIED',
  },
  {
    key: 'functions.allow',
    what: 'the other lists it too',
    sql: CALL,
    one: LISTED,
    other: `functions: { allow: [DB.S.*] }\n${deny('DB.P.*')}`,
    is: 'allow',
  },
  {
    key: 'functions.allow',
    what: "Snowflake's own that tells more",
    sql: "SELECT GET_DDL('TABLE', 'X')",
    one: `${READ}functions: { allow: [GET_DDL] }\n`,
    other: deny('DB.P.*'),
    is: 'FUNCTION_DENIED',
  },
  {
    key: 'write_masked',
    what: 'each that masks has to allow it',
    sql: COPY,
    one: `${WRITE}write_masked: allow\n`,
    other: mask('DB.S.CUSTOMERS.EMAIL', 'email'),
    is: 'COLUMN_DENIED',
  },
  {
    key: 'write_masked',
    what: 'both do',
    sql: COPY,
    one: `${WRITE}write_masked: allow\n`,
    other: `write_masked: allow\n${mask('DB.S.CUSTOMERS.EMAIL', 'email')}`,
    is: 'allow',
  },
  {
    key: 'record.purpose',
    what: 'required wins',
    sql: THROUGH,
    one: `${READ}record: { purpose: optional }\n`,
    other: 'record: { purpose: required }\n',
    is: 'PURPOSE_REQUIRED',
  },
];

describe('two policies in force', () => {
  it.each(CASES)('$key: $what', async ({ sql, one, other, is, sent }) => {
    for (const bodies of [
      [one, other],
      [other, one],
    ]) {
      const { denial, verdict, sent: text } = await judged(sql, ...bodies);
      expect(denial?.code ?? verdict?.decision, denial?.message).toBe(is);
      if (sent) expect(text).toMatch(sent);
    }
  });

  it('that say who withholds', async () => {
    const view = await judged(CLOSED, TRUST, mask('DB.S.CUSTOMERS.EMAIL', 'email'));
    expect(view.denial?.message).toContain('p1, which hides something, does not trust it');
    const call = await judged(CALL, LISTED, deny('DB.P.*'));
    expect(call.denial).toMatchObject({ policy: 'p1', message: expect.stringContaining('p1 hides something') });
  });

  it.each([
    ['masked', 'digest', 'masked'],
    ['masked', 'none', 'masked'],
    ['digest', 'none', 'digest'],
    ['none', 'none', 'none'],
    ['none', undefined, 'digest'],
    ['masked', undefined, 'masked'],
    [undefined, undefined, 'digest'],
  ])('record.results: of %s and %s %s', async (one, other, expected) => {
    const body = (level: string | undefined): string => (level === undefined ? '' : `record: { results: ${level} }\n`);
    expect(standing((await load(body(one), body(other))).policies).record.results).toBe(expected);
    expect(standing((await load(body(other), body(one))).policies).record.results).toBe(expected);
  });

  const LIMITS = [
    'rows',
    'result_bytes',
    'statements_per_hour',
    'concurrent',
    'bytes_scanned_per_statement',
    'bytes_scanned_per_day',
  ];
  it.each(LIMITS)('limits.%s: the smallest, and what one says where the other is silent', async (key) => {
    const body = (value: number | undefined): string => (value === undefined ? '' : `limits: { ${key}: ${value} }\n`);
    const of = async (one?: number, other?: number) => standing((await load(body(one), body(other))).policies).limits;
    const [both, turned, alone] = [await of(7, 3), await of(3, 7), await of(undefined, 3)];
    expect(both).toEqual(turned);
    expect(both).toEqual(alone);
    expect(Object.values(both)).toContain(3);
  });

  it('detect: an exception of one leaves the other’s detection, and of two masks the narrower holds', async () => {
    const entry = (keep: string, except: string): string =>
      `detect:\n  - find: [email]\n    mask: { ${keep} }\n${except ? `    except: [${except}]\n` : ''}`;
    const origin = { object: { database: 'DB', schema: 'S', name: 'T' }, column: 'NOTE' };
    const shown = async (one: string, other: string): Promise<string> => {
      const { policies } = await load(one, other);
      return new Scrubber(detectRules(standing(policies).detect, [origin])).text('write to ada@example.com');
    };
    expect(await shown(entry('keep_last: 4', 'DB.S.T.NOTE'), entry('keep_last: 4', ''))).toBe('write to ***.com');
    expect(await shown(entry('keep_last: 4', ''), entry('keep_last: 2', ''))).toBe('write to ***om');
    expect(await shown(entry('keep_last: 4', ''), entry('keep_first: 2', ''))).toBe('write to [email]');
    expect(await shown(entry('keep_last: 4', 'DB.S.T.NOTE'), entry('keep_last: 2', 'DB.S.T.NOTE'))).toContain('ada@');
  });

  it('hours and except: a policy that does not name the principal now neither allows nor hides', async () => {
    const set = await load(READ, mask('*', 'null'));
    expect(inForce(set, { ...BOT, groups: ['other'] }, new Date()).policies).toEqual([]);
  });

  it('snowflake: another role is refused', async () => {
    const { policies } = await setOf(
      policyOf(READ, 'p0'),
      'policy: p1\nprincipals: { groups: [g] }\nsnowflake: { role: Q, warehouse: W }\n',
    );
    expect(policies.map(({ role }) => role)).toEqual(['R', 'Q']);
  });

  it('no key of the language is left out of this', () => {
    // A new key has to be thought about here, and in the table of docs/policies.md. `virtual_columns`: virtual-columns.test.ts.
    expect(Object.keys(policyFile.shape).sort()).toEqual(
      'columns description detect functions limits policy principals record rows rules snowflake views virtual_columns write_masked'.split(
        ' ',
      ),
    );
    expect(Object.keys(policyFile.shape.limits.unwrap().shape).sort()).toEqual([...LIMITS, 'timeout'].sort());
  });
});

describe('two masks on one column', () => {
  const keep = (kind: 'keep_first' | 'keep_last', count: number): MaskMethod => ({ kind, count });
  const part = (name: 'year' | 'quarter' | 'month' | 'week' | 'day'): MaskMethod => ({
    kind: 'truncate_date',
    part: name,
  });
  const bucket = (size: number): MaskMethod => ({ kind: 'bucket', size });
  const NULL: MaskMethod = { kind: 'null' };
  const REDACT: MaskMethod = { kind: 'redact' };
  const cases: readonly (readonly [MaskMethod, MaskMethod, MaskMethod])[] = [
    [{ kind: 'deny' }, NULL, { kind: 'deny' }],
    [NULL, { kind: 'hash' }, NULL],
    [{ kind: 'hash' }, { kind: 'email' }, { kind: 'hash' }],
    [keep('keep_first', 8), keep('keep_first', 2), keep('keep_first', 2)],
    [keep('keep_last', 2), keep('keep_last', 8), keep('keep_last', 2)],
    [keep('keep_first', 2), keep('keep_last', 2), REDACT],
    [{ kind: 'email' }, keep('keep_last', 4), REDACT],
    [bucket(10), bucket(1000), bucket(1000)],
    [bucket(10), bucket(15), bucket(30)],
    [bucket(9007199254740881), bucket(9007199254740847), NULL],
    [part('day'), part('year'), part('year')],
    [part('quarter'), part('month'), part('quarter')],
    [part('day'), part('week'), part('week')],
    [part('week'), part('month'), NULL],
    [bucket(10), part('month'), NULL],
  ];
  it.each(cases)('%j and %j: %j', (one, other, expected) => {
    expect(narrower(one, other)).toEqual(expected);
    expect(narrower(other, one)).toEqual(expected);
  });

  it('within a column: what stands where another policy’s path goes on is hidden whole', async () => {
    const { verdict } = await judged(
      'SELECT VALUE FROM DB.S.FILES',
      `${READ}${mask('DB.S.FILES.VALUE:user', '{ keep_first: 4 }')}`,
      mask('DB.S.FILES.VALUE:user.email', 'redact'),
    );
    expect(verdict?.masks.map(({ method }) => method)).toMatchObject([
      { kind: 'paths', paths: [{ path: ['user'], method: NULL }, { path: ['user', 'email'] }] },
    ]);
  });

  const PATH = 'DB.S.CUSTOMERS.EMAIL:ssn';
  const WHOLE = 'DB.S.CUSTOMERS.EMAIL';
  it.each(['{ keep_first: 30 }', '{ keep_last: 30 }', 'email', 'hash', '{ bucket: 10 }', '{ truncate_date: day }'])(
    'a path and the whole column by %s: the column is hidden, of two policies and of one',
    async (weak) => {
      const twice = mask(PATH, 'redact') + mask(WHOLE, weak).replace('columns:\n', '');
      for (const bodies of [
        [READ + mask(PATH, 'redact'), mask(WHOLE, weak)],
        [READ + mask(WHOLE, weak), mask(PATH, 'redact')],
        [READ + twice],
      ])
        expect((await judged(THROUGH, ...bodies)).sent).toContain('CAST(NULL AS VARCHAR) AS "EMAIL"');
    },
  );

  it.each([
    ['redact', /'\*\*\*' AS "EMAIL"/],
    ['{ constant: gone }', /'gone'.* AS "EMAIL"/],
    ['null', /NULL AS VARCHAR/],
  ])('a path and the whole column by %s: that one, which shows nothing', async (whole, sent) => {
    expect((await judged(THROUGH, READ + mask(PATH, '{ keep_first: 2 }'), mask(WHOLE, whole))).sent).toMatch(sent);
  });

  it('within a column: a shorter path does not open a longer one that a policy of its own has as well', async () => {
    const path = mask('DB.S.FILES.VALUE:user.email', 'redact');
    const both = mask('DB.S.FILES.VALUE:user', '{ keep_first: 4 }') + path.replace('columns:\n', '');
    for (const bodies of [
      [READ + both, path],
      [READ + path, both],
      [READ + both, ''],
    ])
      expect(
        (await judged('SELECT VALUE FROM DB.S.FILES', ...bodies)).verdict?.masks.map(({ method }) => method),
      ).toMatchObject([{ kind: 'paths', paths: expect.arrayContaining([{ path: ['user'], method: NULL }]) }]);
  });

  it('of texts found', () => {
    const shown = (...masks: readonly TextMask[]): string =>
      new Scrubber(masks.map((one) => ({ name: 'email', pattern: undefined, mask: one }))).text('ada@example.com');
    expect(shown({ kind: 'keep_first', count: 3 }, { kind: 'redact' })).toBe('[email]');
  });
});

describe('the function that hashes masked values', () => {
  const BODIES = [`${READ}functions: { allow: ["*", "*.*.*"] }\n`, `${READ}functions: { allow: ["S*.M*.H*"] }\n`];
  it.each([
    "SELECT SNOWFENCE.MASKING.HASH_TEXT('ada@example.com')",
    "SELECT snowfence.masking.hash_text('a')",
    `SELECT "SNOWFENCE"."MASKING"."HASH_TEXT"('a')`,
    `SELECT SNOWFENCE."MASKING".hash_text ('a')`,
    "SELECT ID FROM DB.S.ORDERS WHERE TOTAL = SNOWFENCE.MASKING.HASH_TEXT('a')",
    'WITH a AS (SELECT SNOWFENCE . MASKING . HASH_TEXT(ID) AS h FROM DB.S.ORDERS) SELECT h FROM a',
    'SELECT COUNT(SNOWFENCE.MASKING.HASH_TEXT(ID)) OVER (ORDER BY ID) FROM DB.S.ORDERS',
    "SELECT MASKING.HASH_TEXT('a')",
    "SELECT HASH_TEXT('a')",
    `SELECT "HASH_TEXT"('a')`,
  ])('can be called by nobody: %s', async (sql) => {
    for (const body of BODIES) expect((await judged(sql, body)).denial?.code).toBe('FUNCTION_DENIED');
  });

  it('can be called by no view either', async () => {
    const text = 'CREATE VIEW DB.S.CONTACTS AS SELECT SNOWFENCE.MASKING.HASH_TEXT(EMAIL) AS H FROM CUSTOMERS';
    const reader: CatalogReader = {
      constraints: unconstrained,
      relation: async (name) => {
        const known = await catalog.relation(name);
        if (known?.name !== 'CONTACTS') return known;
        return { ...known, columns: [{ name: 'H', type: 'VARCHAR', comment: '' }], viewText: text };
      },
    };
    const set = await load(BODIES[0] ?? '');
    expect((await judgedWith(set, reader, 'SELECT H FROM DB.S.CONTACTS')).denial?.code).toBe('FUNCTION_DENIED');
  });

  it.each(['SNOWFENCE.MASKING.HASH_TEXT', 'snowfence.masking.*', 'SNOWFENCE.*.*', '"SNOWFENCE"."MASKING"."HASH_TEXT"'])(
    'is refused where a policy lists it: %s',
    async (glob) => {
      await expect(load(`functions: { allow: ['${glob}'] }\n`)).rejects.toThrow(/p0\.yaml:4:\d+ .*called by nobody/);
    },
  );

  it('has its key where nobody may look', async () => {
    const reader: CatalogReader = {
      constraints: unconstrained,
      relation: async (name) => ({
        ...name,
        kind: 'table',
        columns: [{ name: 'OUTER_HALF', type: 'VARCHAR', comment: '' }],
        viewText: undefined,
        comment: '',
        rows: 1,
      }),
    };
    const set = await load('rules:\n  - allow: [any]\n    on: ["*"]\n');
    for (const sql of [
      'SELECT OUTER_HALF FROM SNOWFENCE.MASKING.HASH_KEY',
      'DELETE FROM SNOWFENCE.MASKING.HASH_KEY',
      'INSERT INTO DB.S.T (OUTER_HALF) SELECT OUTER_HALF FROM "SNOWFENCE"."MASKING"."HASH_KEY"',
    ])
      expect((await judgedWith(set, reader, sql)).denial).toMatchObject({
        code: 'OBJECT_DENIED',
        message: expect.stringContaining('makes the masks'),
      });
  });

  it('is still what the mask is made with', async () => {
    const { sent } = await judged(THROUGH, READ + mask('DB.S.CUSTOMERS.EMAIL', 'hash'));
    expect(sent).toContain('SNOWFENCE.MASKING.HASH_TEXT("EMAIL")');
  });

  it('of the same name elsewhere is another function', async () => {
    expect(
      (await judged("SELECT DB.S.HASH_TEXT('a')", `${READ}functions: { allow: [DB.S.*] }\n`)).denial,
    ).toBeUndefined();
  });
});

describe('an external table', () => {
  const COLUMN = 'DB.S.FILES.SSN';
  it.each([
    ['nothing masked', '', 'SELECT VALUE FROM DB.S.FILES', 'allow', undefined],
    [
      'VALUE is NULL where a column is masked',
      mask(COLUMN, '{ keep_last: 4 }'),
      'SELECT VALUE FROM DB.S.FILES',
      'allow',
      /CAST\(NULL AS VARIANT\) AS "VALUE"/,
    ],
    ['and within *', mask(COLUMN, 'hash'), 'SELECT * FROM DB.S.FILES', 'allow', /CAST\(NULL AS VARIANT\) AS "VALUE"/],
    [
      'and within a path',
      mask(COLUMN, 'hash'),
      'SELECT VALUE:ssn FROM DB.S.FILES',
      'allow',
      /CAST\(NULL AS VARIANT\) AS "VALUE"/,
    ],
    [
      'denied where a column is denied',
      mask(COLUMN, 'deny'),
      'SELECT VALUE:ssn FROM DB.S.FILES',
      'COLUMN_DENIED',
      undefined,
    ],
    ['also through *', mask(COLUMN, 'deny'), 'SELECT * FROM DB.S.FILES', 'COLUMN_DENIED', undefined],
    ['the other columns stay', mask(COLUMN, 'deny'), 'SELECT ID FROM DB.S.FILES', 'allow', undefined],
    [
      'a mask on VALUE stays the strictest',
      `${mask(COLUMN, 'hash')}  - match: [DB.S.FILES.VALUE]\n    mask: deny\n`,
      'SELECT VALUE FROM DB.S.FILES',
      'COLUMN_DENIED',
      undefined,
    ],
    [
      'a path within VALUE alone is masked as it says',
      mask('DB.S.FILES.VALUE:ssn', 'redact'),
      'SELECT VALUE FROM DB.S.FILES',
      'allow',
      /OBJECT_INSERT/,
    ],
    [
      'a path and a column',
      `${mask(COLUMN, 'hash')}  - match: ["DB.S.FILES.VALUE:ssn"]\n    mask: redact\n`,
      'SELECT VALUE FROM DB.S.FILES',
      'allow',
      /CAST\(NULL AS VARIANT\) AS "VALUE"/,
    ],
    [
      'rows alone hide rows, and nothing in them',
      rows('DB.S.FILES', "REGION = 'EU'"),
      'SELECT VALUE FROM DB.S.FILES',
      'allow',
      /THEN "VALUE" END AS "VALUE"/,
    ],
  ])('%s', async (_what, body, sql, is, sent) => {
    const { denial, verdict, sent: text } = await judged(sql, READ + body);
    expect(denial?.code ?? verdict?.decision, denial?.message).toBe(is);
    if (sent) expect(text).toMatch(sent);
  });

  it('of another policy is masked as well', async () => {
    const { sent } = await judged('SELECT VALUE FROM DB.S.FILES', READ, mask('DB.*.*.SSN', 'hash'));
    expect(sent).toContain('CAST(NULL AS VARIANT) AS "VALUE"');
  });

  it('has pseudo-columns that are not there where it is masked', async () => {
    const { sent, denial } = await judged('SELECT METADATA$FILENAME FROM DB.S.FILES', READ + mask(COLUMN, 'hash'));
    expect(denial?.code ?? sent).toMatch(
      /^(?:NOT_UNDERSTOOD|COLUMN_DENIED|SELECT METADATA\$FILENAME FROM \(SELECT [^($]*"FILES"\) AS FILES)$/,
    );
  });
});
