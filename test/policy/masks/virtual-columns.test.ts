/**
 * Names that stand for other columns: virtual columns of tables and of external tables (documentation pages virtual-columns,
 * user-guide/tables-external-intro). What hides a column hides what is made of it.
 */
import { describe, expect, it } from 'vitest';
import { catalogReader } from '../../../dist/cli/policy/catalog.js';
import { masksOf } from '../../../dist/policy/index.js';
import { judgedOffline } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const CUSTOMERS = [
  'ID NUMBER',
  'SSN VARCHAR',
  'EMAIL VARCHAR',
  '"eMail" VARCHAR',
  'CARD VARCHAR',
  'NOTE VARCHAR',
  'PAYLOAD VARIANT',
  'SSN_TAIL VARCHAR AS (RIGHT(SSN, 4))',
  'TAIL_TWICE VARCHAR GENERATED ALWAYS AS (SSN_TAIL || ssn_tail) VIRTUAL',
  'CARD_KEY VARCHAR AS (LOWER(CARD) || NOTE)',
  'TOTAL NUMBER AS (ID * 2)',
  'WHO VARCHAR AS (PAYLOAD:who.name::VARCHAR)',
  'KIND VARCHAR AS (PAYLOAD:kind::VARCHAR)',
  'ALL_OF_IT VARCHAR AS (TO_JSON(PAYLOAD))',
  'ODD VARCHAR AS (UPPER("eMail"))',
  'UNREAD VARCHAR AS ($2)',
];
const FILES = [
  'VALUE VARIANT',
  'ID NUMBER AS (VALUE:id::NUMBER)',
  'MAIL VARCHAR AS (VALUE:mail::VARCHAR)',
  'MAIL_AGAIN VARCHAR AS (LOWER(VALUE:"mail"::VARCHAR))',
  'MAIL_BY_PLACE VARCHAR AS ($1:mail::VARCHAR)',
  "MAIL_IN_BRACKETS VARCHAR AS (VALUE['MAIL']::VARCHAR)",
  "REGION VARCHAR AS (SPLIT_PART(METADATA$FILENAME, '/', 1))",
  "TENANT VARCHAR AS (SPLIT_PART(METADATA$FILENAME, '/', 2))",
];
const NAMES = [
  'ID NUMBER',
  'RAW VARCHAR',
  'NOTE VARCHAR',
  'PAYLOAD VARIANT',
  'MAIL VARCHAR AS (LOWER(RAW))',
  'MAIL_TWICE VARCHAR AS (MAIL || MAIL)',
  'FROM_KEY VARCHAR AS (PAYLOAD:mail::VARCHAR)',
  "OBJECT VARIANT AS (OBJECT_PICK(PAYLOAD, 'mail'))",
  'UNREAD VARCHAR AS ($2)',
];
const reader = catalogReader([
  { tables: { 'DB.S.CUSTOMERS': CUSTOMERS, 'DB.S.NAMES': NAMES, 'DB.S.NOTES': ['ID NUMBER', 'NOTE VARCHAR'] } },
  { external_tables: { 'DB.S.FILES': FILES } },
  {
    views: {
      'DB.S.SHOWN': { columns: ['ID', 'EMAIL'], as: 'SELECT ID, NOTE AS EMAIL FROM DB.S.NOTES', secure: false },
      'DB.S.PICKED': {
        columns: ['ID', 'EMAIL'],
        as: "SELECT ID, REGEXP_SUBSTR(NOTE, '[a-z]+@[a-z]+') FROM DB.S.NOTES",
        secure: false,
      },
      'DB.S.DEEPER': { columns: ['ID', 'EMAIL'], as: 'SELECT N, K FROM DB.S.LOWER', secure: false },
      'DB.S.LOWER': { columns: ['N', 'K'], as: 'SELECT ID, LOWER(NOTE) FROM DB.S.NOTES', secure: false },
      'DB.S.EITHER': {
        columns: ['ID', 'EMAIL'],
        as: 'SELECT n.ID, COALESCE(n.NOTE, c.EMAIL) FROM DB.S.NOTES n JOIN DB.S.CUSTOMERS c ON n.ID = c.ID',
        secure: false,
      },
      'DB.S.SPREAD': {
        columns: ['ID', 'EMAIL'],
        as: "SELECT n.ID, f.VALUE FROM DB.S.NOTES n, LATERAL SPLIT_TO_TABLE(n.NOTE, ' ') f",
        secure: false,
      },
      'DB.S.PLAIN': { columns: ['ID', 'EMAIL'], as: 'SELECT ID, EMAIL FROM DB.S.CUSTOMERS', secure: false },
    },
  },
  { views: { 'DB.S.KEYS': { columns: ['ID', 'K'], as: 'SELECT ID, SSN_TAIL FROM DB.S.CUSTOMERS', secure: false } } },
]);

const policy = (more: string, name = 'p'): string =>
  policyOf(
    `rules:
  - allow: [select, describe, insert, update, delete, merge]
    on: [DB.S.*]
${more}`,
    name,
  );

const loaded = (...files: string[]) => setOf(...files.map((text, at) => policy(text, `p${at}`)));

/** The masks on a table, by column. */
async function masks(table: string, ...files: string[]): Promise<Record<string, string>> {
  const { policies } = await loaded(...files);
  const object = { database: 'DB', schema: 'S', name: table };
  const relation = await reader.relation(object);
  const found = masksOf(policies, { object, columns: relation?.columns ?? [], isExternal: relation?.isExternal });
  return Object.fromEntries([...found.values()].map(({ column, method }) => [column, method.kind]));
}

const judged = async (sql: string, ...files: string[]) => judgedOffline(reader, await loaded(...files), sql);

const HIDES_SSN = 'columns:\n  - { match: [DB.S.CUSTOMERS.SSN], mask: { keep_last: 2 } }';
const UNREAD = { UNREAD: 'null' };

describe('a virtual column is hidden with what it is made of', () => {
  it.each([
    [
      'whole, whatever a mask leaves of its source',
      HIDES_SSN,
      { SSN: 'keep_last', SSN_TAIL: 'null', TAIL_TWICE: 'null' },
    ],
    [
      'altogether where a source is denied',
      'columns:\n  - { match: [DB.S.CUSTOMERS.CARD], mask: deny }\n  - { match: [DB.S.CUSTOMERS.NOTE], mask: null }',
      { CARD: 'deny', NOTE: 'null', CARD_KEY: 'deny', UNREAD: 'deny' },
    ],
    [
      'also where another virtual column alone is masked',
      'columns:\n  - { match: [DB.S.CUSTOMERS.SSN_TAIL], mask: redact }',
      { SSN_TAIL: 'redact', TAIL_TWICE: 'null' },
    ],
    [
      'by the keys that it reads of a column',
      'columns:\n  - { match: ["DB.S.CUSTOMERS.PAYLOAD:who"], mask: null }',
      { PAYLOAD: 'paths', WHO: 'null', ALL_OF_IT: 'null' },
    ],
    [
      'by names in quotes',
      'columns:\n  - { match: [\'DB.S.CUSTOMERS."eMail"\'], mask: email }',
      { eMail: 'email', ODD: 'null' },
    ],
    [
      'under its own mask where that is stricter',
      'columns:\n  - { match: [DB.S.CUSTOMERS.SSN], mask: hash }\n  - { match: [DB.S.CUSTOMERS.SSN_TAIL], mask: deny }',
      { SSN: 'hash', SSN_TAIL: 'deny', TAIL_TWICE: 'deny', UNREAD: 'deny' },
    ],
    [
      'and not by its own mask where that shows more: a glob may mean it by accident',
      'columns:\n  - { match: ["DB.S.CUSTOMERS.SSN*"], mask: { keep_last: 4 } }',
      { SSN: 'keep_last', SSN_TAIL: 'null', TAIL_TWICE: 'null' },
    ],
  ])('%s', async (_what, text, expected) => {
    expect(await masks('CUSTOMERS', text)).toEqual({ ...UNREAD, ...expected });
  });

  it('unless the policy that hides the source trusts it', async () => {
    const trusted = `${HIDES_SSN}\nvirtual_columns: { trusted: [DB.S.CUSTOMERS.SSN_TAIL, DB.S.CUSTOMERS.UNREAD] }`;
    // What is made of a trusted one is made of something that is shown.
    expect(await masks('CUSTOMERS', trusted)).toEqual({ SSN: 'keep_last' });
    const own = `${trusted}\n`.replace(
      'columns:',
      'columns:\n  - { match: [DB.S.CUSTOMERS.SSN_TAIL], mask: { keep_last: 1 } }',
    );
    expect(await masks('CUSTOMERS', own)).toEqual({ SSN: 'keep_last', SSN_TAIL: 'keep_last', TAIL_TWICE: 'null' });
  });

  it('and one policy does not trust for another', async () => {
    const trusts = 'virtual_columns: { trusted: [DB.S.CUSTOMERS.*] }';
    expect(await masks('CUSTOMERS', HIDES_SSN, trusts)).toMatchObject({ SSN_TAIL: 'null' });
    expect(await masks('CUSTOMERS', `${HIDES_SSN}\n${trusts}`, HIDES_SSN)).toMatchObject({ SSN_TAIL: 'null' });
    expect(await masks('CUSTOMERS', `${HIDES_SSN}\n${trusts}`, trusts)).toEqual({ SSN: 'keep_last' });
  });
});

describe('of an external table', () => {
  it('what is made of the same part of the file is hidden with it', async () => {
    expect(await masks('FILES', 'columns:\n  - { match: [DB.S.FILES.MAIL], mask: email }')).toEqual({
      VALUE: 'null',
      MAIL: 'email',
      MAIL_AGAIN: 'null',
      MAIL_BY_PLACE: 'null',
      MAIL_IN_BRACKETS: 'null',
    });
    expect(await masks('FILES', 'columns:\n  - { match: [DB.S.FILES.TENANT], mask: deny }')).toEqual({
      VALUE: 'deny',
      TENANT: 'deny',
      REGION: 'deny',
    });
  });

  it('a mask on the row, or in it, hides the columns that show it, but for those with a mask of their own', async () => {
    const path =
      'columns:\n  - { match: ["DB.S.FILES.VALUE:mail"], mask: null }\n  - { match: [DB.S.FILES.MAIL], mask: email }';
    expect(await masks('FILES', path)).toMatchObject({ MAIL: 'email', MAIL_AGAIN: 'null', MAIL_BY_PLACE: 'null' });
    expect(await masks('FILES', path)).not.toHaveProperty('ID');
    const whole = 'columns:\n  - { match: [DB.S.FILES.VALUE], mask: null }';
    expect(await masks('FILES', whole)).toMatchObject({ ID: 'null', MAIL: 'null' });
    expect(await masks('FILES', `${whole}\nvirtual_columns: { trusted: [DB.S.FILES.*] }`)).toEqual({ VALUE: 'null' });
  });
});

describe('a statement that names one', () => {
  it('is sent with NULL in its place, by whatever route', async () => {
    for (const sql of [
      'SELECT SSN_TAIL FROM DB.S.CUSTOMERS',
      'SELECT t.TAIL_TWICE FROM DB.S.CUSTOMERS t',
      'SELECT K FROM DB.S.KEYS',
      "INSERT INTO DB.S.NOTES (ID) SELECT ID FROM DB.S.CUSTOMERS WHERE SSN_TAIL LIKE '4%'",
    ]) {
      const { sent, denial } = await judged(sql, `${HIDES_SSN}\nwrite_masked: allow`);
      expect(denial).toBeUndefined();
      expect(sent).toMatch(/CAST\(NULL AS VARCHAR\) AS "(?:SSN_TAIL|TAIL_TWICE)"/);
    }
  });

  it('is refused where a source is denied, and says what of', async () => {
    const { denial } = await judged(
      'SELECT * FROM DB.S.CUSTOMERS',
      'columns:\n  - { match: [DB.S.CUSTOMERS.CARD], mask: deny }',
    );
    expect(denial).toMatchObject({ code: 'COLUMN_DENIED' });
    const one = await judged(
      'SELECT CARD_KEY FROM DB.S.CUSTOMERS',
      'columns:\n  - { match: [DB.S.CUSTOMERS.CARD], mask: deny }',
    );
    expect(one.denial?.message).toContain('It is made of CARD.');
  });

  it.each([
    'UPDATE DB.S.CUSTOMERS SET NOTE = SSN_TAIL',
    "DELETE FROM DB.S.CUSTOMERS WHERE SSN_TAIL LIKE '4%'",
    'UPDATE DB.S.CUSTOMERS SET NOTE = (SELECT TAIL_TWICE)',
    'MERGE INTO DB.S.CUSTOMERS c USING DB.S.NOTES n ON c.SSN_TAIL = n.NOTE WHEN MATCHED THEN DELETE',
  ])('is refused as a change: %s', async (sql) => {
    const { denial } = await judged(sql, `${HIDES_SSN}\nwrite_masked: allow`);
    expect(denial).toMatchObject({ code: 'COLUMN_DENIED' });
  });

  it('is allowed where nothing of it is hidden, and a new row gives it no value', async () => {
    const denies =
      'columns:\n  - { match: [DB.S.CUSTOMERS.SSN_TAIL], mask: deny }\nvirtual_columns: { trusted: [DB.S.CUSTOMERS.*] }';
    expect((await judged('SELECT TOTAL FROM DB.S.CUSTOMERS', denies)).denial).toBeUndefined();
    const insert = "INSERT INTO DB.S.CUSTOMERS SELECT 1, 'a', 'b', 'c', 'd', 'e', NULL";
    expect((await judged(insert, denies)).denial).toBeUndefined();
  });
});

describe('a column that a virtual one under hash is made of', () => {
  const HASHES = 'columns:\n  - { match: [DB.S.NAMES.MAIL], mask: hash }';
  it.each([
    "INSERT INTO DB.S.NAMES (ID, RAW) VALUES (999, 'guess@example.com')",
    "INSERT INTO DB.S.NAMES SELECT 999, 'guess@example.com', NULL, NULL",
    "UPDATE DB.S.NAMES SET RAW = 'guess@example.com' WHERE ID = 1",
    'MERGE INTO DB.S.NAMES t USING DB.S.NOTES n ON t.ID = n.ID WHEN MATCHED THEN UPDATE SET t.RAW = n.NOTE',
    'MERGE INTO DB.S.NAMES t USING DB.S.NOTES n ON t.ID = n.ID WHEN NOT MATCHED THEN INSERT (ID, RAW) VALUES (n.ID, n.NOTE)',
  ])('takes no guess that would come back as its hash: %s', async (sql) => {
    const { denial } = await judged(sql, HASHES);
    expect(denial).toMatchObject({
      code: 'COLUMN_DENIED',
      message: 'MAIL of DB.S.NAMES is masked for you and made of RAW, so you may not write that.',
      hint: expect.stringContaining('Name the columns that you write: ID, NOTE, PAYLOAD.'),
    });
    expect((await judged(sql, `${HASHES}\nwrite_masked: allow`)).denial).toBeUndefined();
  });

  it('whatever lies between the two, and whichever key of it is hashed', async () => {
    const write = (column: string, value: string) => `INSERT INTO DB.S.NAMES (${column}) SELECT ${value}`;
    for (const [hashed, column, value] of [
      ['DB.S.NAMES.MAIL_TWICE', 'RAW', "'a'"],
      ['DB.S.NAMES.UNREAD', 'NOTE', "'a'"],
      ['DB.S.NAMES.FROM_KEY', 'PAYLOAD', "PARSE_JSON('{}')"],
      ['DB.S.NAMES.OBJECT:mail', 'PAYLOAD', "PARSE_JSON('{}')"],
    ] as const) {
      const { denial } = await judged(
        write(column, value),
        `columns:\n  - { match: ["${hashed}"], mask: hash }\nvirtual_columns: { trusted: ["DB.S.NAMES.*"] }`,
      );
      expect([hashed, denial?.code]).toEqual([hashed, 'COLUMN_DENIED']);
    }
  });

  it('is written where the mask shows nothing that the writer could not make, or the column is another', async () => {
    const write = "UPDATE DB.S.NAMES SET RAW = 'a' WHERE ID = 1";
    for (const mask of ['null', 'redact', 'email', '{ keep_last: 3 }', '{ constant: x }', 'deny'])
      expect((await judged(write, HASHES.replace('hash', mask))).denial).toBeUndefined();
    expect((await judged("UPDATE DB.S.NAMES SET NOTE = 'a' WHERE ID = 1", HASHES)).denial).toBeUndefined();
    // One policy that hides something and says nothing withholds what the other allows.
    const other = 'columns:\n  - { match: [DB.S.NOTES.NOTE], mask: null }';
    expect((await judged(write, `${HASHES}\nwrite_masked: allow`, other)).denial?.code).toBe('COLUMN_DENIED');
  });
});

describe('a view under hash', () => {
  const HASHES = 'columns:\n  - { match: ["*.*.*.EMAIL"], mask: hash }';
  const READ_ONLY = 'allow: [select]';
  const sentFor = async (sql: string, text: string, reads = false) => {
    const written = policy(text).replace('allow: [select, describe, insert, update, delete, merge]', (all) =>
      reads ? READ_ONLY : all,
    );
    return judgedOffline(reader, await setOf(written), sql);
  };

  it.each(['SHOWN', 'PICKED', 'DEEPER', 'EITHER', 'SPREAD'])(
    'gives no hash of what its reader may write: %s',
    async (view) => {
      const sql = `SELECT v.ID FROM DB.S.${view} v JOIN DB.S.CUSTOMERS c ON v.EMAIL = c.EMAIL`;
      const { sent, denial } = await sentFor(sql, HASHES);
      expect(denial).toBeUndefined();
      expect(sent?.match(/HASH_TEXT[^)]*\)/g)).toHaveLength(view === 'EITHER' ? 2 : 1);
      expect(sent).toMatch(/CAST\(NULL AS VARCHAR\) AS "EMAIL"/);
    },
  );

  it('and the hash where its reader can put nothing behind it', async () => {
    const hashes = async (sql: string, text: string, reads?: boolean) => {
      const { sent, denial } = await sentFor(sql, text, reads);
      expect(denial).toBeUndefined();
      expect(sent).not.toContain('CAST(NULL');
      expect(sent).toContain('HASH_TEXT');
    };
    // Nothing is written.
    await hashes('SELECT EMAIL FROM DB.S.SHOWN', HASHES, true);
    // What it is made of is masked, and so not written.
    await hashes('SELECT EMAIL FROM DB.S.PLAIN', HASHES);
    // Whoever may write masked columns has a dictionary of the policy's own making.
    await hashes('SELECT EMAIL FROM DB.S.SHOWN', `${HASHES}\nwrite_masked: allow`);
  });
});

describe('a detector', () => {
  it('lets a virtual column pass only where what it is made of may pass', async () => {
    const { outputMasks } = await judged('SELECT TAIL_TWICE, TOTAL FROM DB.S.CUSTOMERS', '');
    expect(outputMasks.map(({ origins }) => origins.map(({ column }) => column))).toEqual([
      ['TAIL_TWICE', 'SSN_TAIL', 'SSN'],
      ['TOTAL', 'ID'],
    ]);
  });
});
