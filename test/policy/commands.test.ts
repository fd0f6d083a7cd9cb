/** `snowfence policy …` as a user types it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type DescribedColumn, policyJsonSchema, suggestionsYaml, suggestMasks } from '../../dist/policy/index.js';
import { bareEnv, MAIN } from '../support/demo.js';
import { policyOf } from '../support/policies.mjs';

const run = promisify(execFile);
const EXAMPLES = fileURLToPath(new URL('../../policies', import.meta.url));

const policy = (...args: string[]) =>
  run(process.execPath, [MAIN, 'policy', ...args], { env: bareEnv() }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );

const READ = 'rules:\n  - allow: [read]\n    on: [DB.S.*]\n';
/** With a folder of its own, which is gone again. */
async function onFiles(command: string, files: Readonly<Record<string, string>>) {
  const own = await mkdtemp(join(tmpdir(), 'snowfence-commands-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text);
    return await policy(command, own);
  } finally {
    await rm(own, { recursive: true });
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-commands-'));
  await writeFile(
    join(folder, 'p.yaml'),
    'policy: p\nprincipals: { groups: [g] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - allow: [read]\n    on: [DB.S.*]\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('policy test', () => {
  it('passes on the examples of the package', async () => {
    const { code, out } = await policy('test', EXAMPLES);
    expect(out).toMatch(/\n\d+ passed, 0 failed\n$/);
    expect(code).toBe(0);
  });

  it('knows secure views, with or without their query', async () => {
    const rows = 'rows:\n  - on: DB.S.T\n    secure_view: DB.S.V\n  - on: DB.S.U\n    secure_view: DB.S.PLAIN\n';
    const { code, out } = await onFiles('test', {
      'p.yaml': policyOf(READ + rows),
      'p.test.yaml':
        'tables:\n  DB.S.T: [ID NUMBER, NAME VARCHAR]\n  DB.S.U: [ID NUMBER]\nviews:\n  DB.S.V: { columns: [ID NUMBER], secure: true }\n  DB.S.PLAIN: { columns: [ID NUMBER], as: SELECT ID FROM DB.S.U }\nprincipals:\n  a: { groups: [g] }\ncases:\n  - as: a\n    sql: SELECT ID FROM DB.S.T\n    expect: { decision: allow, sent: \'FROM "DB"."S"."V")\' }\n  - as: a\n    sql: SELECT NAME FROM DB.S.T\n    expect: { decision: deny, message: no column NAME }\n  - as: a\n    sql: SELECT ID FROM DB.S.U\n    expect: { decision: deny, message: no such secure view }\n',
    });
    expect(out).toContain('3 passed, 0 failed');
    expect(code).toBe(0);
  });

  it('knows external tables, whose raw rows hide with their columns', async () => {
    const { code, out } = await onFiles('test', {
      'p.yaml': policyOf(`${READ}columns:\n  - match: [DB.S.F.SSN]\n    mask: hash\n`),
      'p.test.yaml':
        'external_tables:\n  DB.S.F: [VALUE VARIANT, SSN VARCHAR]\nprincipals:\n  a: { groups: [g] }\ncases:\n  - as: a\n    sql: SELECT VALUE FROM DB.S.F\n    expect: { decision: allow, masks: { VALUE: "null", SSN: hash } }\n',
    });
    expect(out).toContain('1 passed, 0 failed');
    expect(code).toBe(0);
  });

  it.each([
    ['rows:\n  - on: DB.S.T\n', /:8:\d+ A row rule has to have exactly one of where and secure_view/],
    ['rows:\n  - { on: DB.S.T, where: A = 1, secure_view: DB.S.V }\n', /exactly one of where and secure_view/],
    ['rows:\n  - { on: DB.S.T, secure_view: V }\n', /A secure view has to be named in full/],
    ['rows:\n  - { on: DB.S.*, secure_view: DB.S.V }\n', /stands for one table: "on" has to name it/],
    ['write_masked: yes\n', /write_masked/],
    [
      `rows:\n  - on: DB.S.T\n    where: "A = '{principal.subject}'"\n`,
      /p\.yaml:9:\d+ A template can't stand within quotes/,
    ],
    ['rows:\n  - on: DB.S.T\n    where: A = 1 -- all\n', /p\.yaml:9:\d+ A predicate has no comment/],
    ['functions: { allow: [SNOWFENCE.MASKING.HASH_TEXT] }\n', /p\.yaml:7:\d+ .*called by nobody/],
  ])('says what is wrong with %j', async (more, message) => {
    const { code, out, err } = await onFiles('check', { 'p.yaml': policyOf(READ + more) });
    expect(`${out}${err}`).toMatch(message);
    expect(code).not.toBe(0);
  });

  describe('of masks and the columns that they match', () => {
    const masks = `columns:
  - { match: ["DB.S.*.N"], mask: email }
  - { match: [DB.S.T.C], mask: { constant: hidden-value } }
  - { match: [DB.S.T.D], mask: { constant: "2020-02-30" } }
  - { match: [DB.S.T.E], mask: { keep_first: 2 } }
`;
    const tables = ['A', 'B', 'C', 'T'].map(
      (name) => `  DB.S.${name}: [N NUMBER, C VARCHAR(4), D DATE, E VARCHAR COLLATE 'en-ci']\n`,
    );
    const files = { 'p.yaml': policyOf(READ + masks), 'p.test.yaml': `tables:\n${tables.join('')}cases: []\n` };

    it('says which do not fit, each once, and takes the policies all the same', async () => {
      const { code, out } = await onFiles('check', files);
      const notes = out.split('\n').filter((line) => line.startsWith('Note: '));
      expect(notes).toHaveLength(3);
      expect(notes[0]).toMatch(
        /p\.yaml:8 DB\.S\.A\.N, DB\.S\.B\.N, DB\.S\.C\.N and 1 more: "email" is not for the type NUMBER: every value becomes NULL\.$/,
      );
      expect(notes[1]).toMatch(/p\.yaml:9 DB\.S\.T\.C: The constant "hidden-value" is longer than VARCHAR\(4\) holds/);
      expect(notes[2]).toMatch(/p\.yaml:10 DB\.S\.T\.D: The constant "2020-02-30" is no value of the type DATE/);
      expect(out).toContain('1 policy is sound');
      expect(code).toBe(0);
    });

    it('looks at the warehouse of a configuration, and names what matches nothing there', async () => {
      const own = await mkdtemp(join(tmpdir(), 'snowfence-commands-'));
      try {
        const wide = `policy: wide
principals: { groups: [g] }
snowflake: { role: AGENT_SALES_RO, warehouse: AGENT_WH }
rules: [{ allow: [read], on: [ANALYTICS.SALES.*] }]
columns:
  - { match: ["ANALYTICS.*.CUSTOMERS.CUSTOMER_ID"], mask: email }
  - { match: [ANALYTICS.SALES.CUSTOMERS.EMAIL], mask: email }
  - { match: [ANALYTICS.SALES.CUSTOMERS.E_MAIL], mask: email }
`;
        await writeFile(join(own, 'p.yaml'), wide);
        const { code, out } = await policy('check', own, '--config', inject('ready').config_file, '--tables');
        const notes = out.split('\n').filter((line) => line.startsWith('Note: '));
        expect(notes).toHaveLength(2);
        expect(notes[0]).toMatch(
          /p\.yaml:6 ANALYTICS\.SALES\.CUSTOMERS\.CUSTOMER_ID: "email" is not for the type NUMBER/,
        );
        expect(notes[1]).toMatch(/p\.yaml:8 ANALYTICS\.SALES\.CUSTOMERS\.E_MAIL matches no column/);
        expect(code).toBe(0);
        const alone = await policy('check', own, '--tables');
        expect(alone.err).toContain('--tables needs --config');
        expect(alone.code).not.toBe(0);
      } finally {
        await rm(own, { recursive: true });
      }
    });
  });

  it('shows what was expected and what came instead, with the place', async () => {
    const file = join(folder, 'wrong.test.yaml');
    await writeFile(
      file,
      'tables:\n  DB.S.T: [ID NUMBER]\ncases:\n  - name: no reading\n    as: { groups: [g] }\n    sql: SELECT ID FROM DB.S.T\n    expect: { decision: deny, code: OBJECT_DENIED }\n',
    );
    const { code, out } = await policy('test', folder);
    expect(code).toBe(1);
    expect(out).toContain('decision: expected deny, got allow');
    expect(out).toContain('code: expected OBJECT_DENIED, got nothing');
    expect(out).toContain(`${file}:4`);
    expect(out).toContain('0 passed, 1 failed');
    await rm(file);
  });

  it.each([
    [
      'an unknown key',
      'cases:\n  - as: x\n    sqll: SELECT 1\n    sql: SELECT 1\n    expect: allow\n',
      ':3:5 ',
      'sqll',
    ],
    [
      'a principal that is not described',
      'cases:\n  - as: nobody\n    sql: SELECT 1\n    expect: allow\n',
      ':2 ',
      'nobody',
    ],
    ['no YAML', 'cases: [', '', 'CASES_UNSOUND'],
  ])('names file and line of %s', async (_what, text, line, word) => {
    const file = join(folder, 'odd.test.yaml');
    await writeFile(file, text);
    const { code, err } = await policy('test', folder);
    expect(code).toBe(1);
    expect(err).toContain(file + line.trimEnd());
    expect(err).toContain(word);
    await rm(file);
  });

  it('says where cases belong when there are none', async () => {
    expect(await policy('test', folder)).toMatchObject({ code: 1, err: expect.stringContaining('.test.yaml') });
    expect(await policy('test', join(folder, 'nowhere'))).toMatchObject({
      err: expect.stringContaining('There is no folder'),
    });
  });
});

describe('policy explain', () => {
  it('shows rules with file and line, objects, columns, masks, rows and the text as sent', async () => {
    const sql = 'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS WHERE PHONE IS NULL';
    const { code, out } = await policy('explain', sql, '--policies', EXAMPLES, '--group', 'sales-agents');
    expect(code).toBe(0);
    for (const part of [
      'ALLOW  under sales-readers',
      'allow   select on ANALYTICS.SALES.CUSTOMERS  policies/sales-readers.yaml:8',
      'ANALYTICS.SALES.CUSTOMERS.PHONE  predicate',
      'ANALYTICS.SALES.CUSTOMERS.EMAIL  email  policies/sales-readers.yaml:15',
      "ANALYTICS.SALES.CUSTOMERS where REGION = 'EU'",
      'Sent as',
    ])
      expect(out).toContain(part);
  });

  it('points at the place of a denial', async () => {
    const sql = 'SELECT\n  CARD_NUMBER FROM ANALYTICS.SALES.PAYMENTS';
    const { out } = await policy('explain', sql, '--policies', EXAMPLES, '--group', 'sales-agents');
    expect(out).toContain('DENY');
    expect(out).toContain('    CARD_NUMBER FROM ANALYTICS.SALES.PAYMENTS\n    ^');
  });

  it('looks tables up in the warehouse where a configuration is named', async () => {
    const ready = inject('ready');
    const args = [
      '--policies',
      fileURLToPath(new URL('../acceptance/policies', import.meta.url)),
      '--group',
      'sales-agents',
    ];
    const sql = 'SELECT SEGMENT FROM ANALYTICS.SALES.CUSTOMERS';
    const { out } = await policy('explain', sql, ...args, '--config', ready.config_file, '--json');
    expect(JSON.parse(out)).toMatchObject({ verdict: { decision: 'allow' }, sent: expect.stringContaining('SEGMENT') });
  });

  it('takes claims, and refuses one that is none', async () => {
    const args = ['SELECT COUNT(*) FROM STAGING.MODELS.LOADS', '--policies', EXAMPLES, '--purpose', 'x'];
    const claims = ['--claim', 'repository=acme/warehouse-models', '--claim', 'ref=refs/heads/main'];
    expect((await policy('explain', ...args, ...claims)).out).toContain('ALLOW  under ci-checks');
    expect(await policy('explain', ...args, '--claim', 'odd')).toMatchObject({
      code: 2,
      err: expect.stringContaining('NAME=VALUE'),
    });
  });
});

describe('policy schema', () => {
  it('describes every key of a file', async () => {
    const printed = JSON.parse((await policy('schema')).out);
    expect(printed).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
    expect(Object.keys(printed.properties)).toEqual(
      expect.arrayContaining(['policy', 'principals', 'rules', 'columns', 'rows', 'limits']),
    );
    expect(printed.additionalProperties).toBe(false);
  });
});

const column = (name: string, more: Partial<DescribedColumn> = {}): DescribedColumn => ({
  object: { database: 'DB', schema: 'S', name: 'T' },
  name,
  type: 'VARCHAR(100)',
  comment: '',
  tags: [],
  classified: undefined,
  ...more,
});
const maskOf = (described: DescribedColumn): unknown => suggestMasks([described])[0]?.mask.kind;

describe('policy suggest', () => {
  it.each([
    ['EMAIL', 'email'],
    ['contactEmail', 'email'],
    ['PHONE_NUMBER', 'keep_last'],
    ['CARD_NUMBER', 'deny'],
    ['PASSWORD_HASH', 'deny'],
    ['SSN', 'hash'],
    ['IBAN', 'hash'],
    ['FIRST_NAME', 'redact'],
    ['ZIP_CODE', 'keep_first'],
    ['CUSTOMER_ID', undefined],
    ['STATUS', undefined],
    ['EMAIL_COUNT_TOTALS', 'email'],
    ['SUBMITTED', undefined],
    ['COMPANY', undefined],
    ['TELEMETRY', undefined],
    ['RECIPE', undefined],
  ])('%s: %s', (name, expected) => expect(maskOf(column(name))).toBe(expected));

  it('keeps to what the type can hold', () => {
    expect(maskOf(column('BIRTH_DATE', { type: 'DATE' }))).toBe('truncate_date');
    expect(maskOf(column('BIRTH_DATE'))).toBe('redact');
    expect(maskOf(column('SALARY', { type: 'NUMBER(12,2)' }))).toBe('bucket');
    expect(maskOf(column('PHONE', { type: 'NUMBER(38,0)' }))).toBe('null');
  });

  it('believes classification, then tags, then names, then comments', () => {
    const classified = { semantic: 'EMAIL', privacy: 'IDENTIFIER', confidence: 'HIGH' };
    expect(suggestMasks([column('PHONE', { classified })])[0]).toMatchObject({
      mask: { kind: 'email' },
      reason: 'Snowflake classified it as EMAIL (IDENTIFIER, confidence HIGH).',
    });
    expect(maskOf(column('X', { tags: [{ name: 'SEMANTIC_CATEGORY', value: 'PAYMENT_CARD' }] }))).toBe('deny');
    expect(maskOf(column('X', { tags: [{ name: 'PII', value: 'high' }] }))).toBe('redact');
    expect(maskOf(column('X', { tags: [{ name: 'PII', value: 'none' }] }))).toBeUndefined();
    expect(maskOf(column('X', { comment: 'Personal data, keep out of reports' }))).toBe('redact');
  });

  it('reads a schema of the warehouse, and says what it could not read', async () => {
    const ready = inject('ready');
    const args = [
      'suggest',
      'ANALYTICS.SALES',
      '--config',
      ready.config_file,
      '--role',
      'AGENT_SALES_RO',
      '--warehouse',
      'AGENT_WH',
    ];
    const { code, out, err } = await policy(...args);
    expect(code).toBe(0);
    expect(out).toContain('match: ["ANALYTICS.SALES.CUSTOMERS.EMAIL"]\n    mask: email');
    expect(out).toContain('match: ["ANALYTICS.SALES.PAYMENTS.CARD_NUMBER"]\n    mask: deny');
    expect(err).toContain('columns want a mask');
    expect(err).toContain('TAG_REFERENCES could not be read');
    // What it proposes is a policy.
    const file = join(folder, 'suggested.yaml');
    await writeFile(
      file,
      `policy: suggested\nprincipals: { groups: [h] }\nsnowflake: { role: R, warehouse: W }\n${out}`,
    );
    expect(await policy('check', folder)).toMatchObject({ code: 0 });
    await rm(file);
  });

  it('quotes what has to be quoted', () => {
    expect(suggestionsYaml(suggestMasks([column('e mail')]))).toContain('match: ["DB.S.T.\\"e mail\\""]');
  });
});
