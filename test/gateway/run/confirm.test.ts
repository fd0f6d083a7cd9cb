/**
 * Snowflake's compiler as a witness, with the names that it gives (sql/explain, user-guide/security-row-intro, user-guide/views-materialized):
 * what stands for a table of the verdict is no more than was judged, and everything else is.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { planName } from '../../../dist/warehouse/index.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

const TABLES = ['UNDER_POLICY', 'WITH_VIEW', 'ARCHIVED', 'PLAIN', 'SECRET', 'ODD', 'OTHERS', 'BEHIND_PLAIN', 'TWICE'];
const DB = 'DB.PUBLIC';
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [read]
    on: [${DB}.*, DB.INFORMATION_SCHEMA.*]
  - deny: [any]
    on: [${DB}.SECRET]
views: { trusted: [DB.INFORMATION_SCHEMA.*] }
columns: [{ match: [${DB}.UNDER_POLICY.B, ${DB}.WITH_VIEW.B], mask: redact }]
`;

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start(
    [
      ...TABLES.map((name) => `CREATE TABLE ${DB}.${name} (A NUMBER, B VARCHAR)`),
      `CREATE MATERIALIZED VIEW ${DB}.OF_IT AS SELECT A, B FROM ${DB}.WITH_VIEW`,
      `CREATE MATERIALIZED VIEW ${DB}.OF_SECRET AS SELECT A FROM ${DB}.SECRET`,
      `CREATE VIEW ${DB}.NOT_STORED AS SELECT A FROM ${DB}.BEHIND_PLAIN`,
      `CREATE ROW ACCESS POLICY ${DB}.ALL_OF_THEM AS (X NUMBER) RETURNS BOOLEAN -> TRUE`,
      `ALTER TABLE ${DB}.UNDER_POLICY ADD ROW ACCESS POLICY ${DB}.ALL_OF_THEM ON (A)`,
    ],
    {
      explainAs: {
        'DB.PUBLIC.TWICE': 'DB.PUBLIC.TWICE (+ RowAccessPolicy)',
        'DB.PUBLIC.ARCHIVED': 'ARCHIVE OF DB.PUBLIC.ARCHIVED',
        'DB.PUBLIC.PLAIN': 'DB.PUBLIC.OF_SECRET',
        'DB.PUBLIC.ODD': 'UNDER_POLICY (+ RowAccessPolicy)',
        'DB.PUBLIC.OTHERS': 'SECRET',
        'DB.PUBLIC.BEHIND_PLAIN': 'DB.PUBLIC.NOT_STORED',
      },
    },
  );
  // Views of Snowflake's own, without a text that anybody sees.
  const { catalog } = whole.warehouse;
  const relation = catalog.relation.bind(catalog);
  vi.spyOn(catalog, 'relation').mockImplementation(async (key, name) =>
    name.schema === 'INFORMATION_SCHEMA'
      ? {
          ...name,
          kind: 'view',
          columns: [{ name: 'TABLE_NAME', type: 'VARCHAR', comment: '' }],
          viewText: undefined,
          isSecure: true,
          isExternal: false,
          isHybrid: false,
          isMaterialized: false,
          isUnderPolicy: false,
          comment: '',
          rows: undefined,
        }
      : relation(key, name),
  );
  ({ gateway } = await whole.gateway(RULES));
});
afterAll(async () => {
  vi.restoreAllMocks();
  await whole[Symbol.asyncDispose]();
});

const ask = async (sql: string): Promise<string> => {
  const { status, denial, error } = await gateway.query(bot, { sql });
  return status === 'ok' ? 'ok' : (denial?.code ?? error?.code ?? status);
};

describe('a plan', () => {
  it.each([
    ['a table under a row access policy', 'UNDER_POLICY', 'ok'],
    ['the same in full', 'TWICE', 'ok'],
    ['a materialized view in its table’s place', 'WITH_VIEW', 'ok'],
    ['what has been archived', 'ARCHIVED', 'ok'],
    ['a materialized view of another table', 'PLAIN', 'NOT_VERIFIED'],
    ['another table under a policy', 'ODD', 'NOT_VERIFIED'],
    ['a short name without a policy', 'OTHERS', 'NOT_VERIFIED'],
    ['a view that stores nothing', 'BEHIND_PLAIN', 'NOT_VERIFIED'],
  ])('may name %s, or not', async (_what, table, expected) => {
    expect(await ask(`SELECT A, B FROM ${DB}.${table}`)).toBe(expected);
    expect(await ask(`SELECT T.A FROM ${DB}.${table} AS T JOIN ${DB}.ARCHIVED AS O ON O.A = T.A`)).toBe(expected);
  });

  it('can not be had of INFORMATION_SCHEMA: what is read beside it is compiled by itself', async () => {
    expect(await ask('SELECT TABLE_NAME FROM DB.INFORMATION_SCHEMA.TABLES')).toBe('ok');
    const beside = (table: string): string =>
      `SELECT T.TABLE_NAME FROM DB.INFORMATION_SCHEMA.TABLES AS T JOIN ${DB}.${table} AS O ON O.B = T.TABLE_NAME`;
    expect(await ask(beside('UNDER_POLICY'))).toBe('ok');
    expect(await ask(beside('WITH_VIEW'))).toBe('ok');
    expect(await ask(beside('PLAIN'))).toBe('NOT_VERIFIED');
  });
});

describe('a name in a plan', () => {
  it.each([
    ['DB.S.T', ['DB', 'S', 'T'], false],
    ['"My DB".S."a.b"', ['My DB', 'S', 'a.b'], false],
    ['DB.S."say ""hi"""', ['DB', 'S', 'say "hi"'], false],
    ['T (+ RowAccessPolicy)', ['T'], true],
    ['DB.S.T (+ RowAccessPolicy)', ['DB', 'S', 'T'], true],
    ['ARCHIVE OF DB.S.T', ['DB', 'S', 'T'], false],
    ['DB.S.T.IX', ['DB', 'S', 'T', 'IX'], false],
    ['DB..T', [], false],
    ['DB.S.T extra', [], false],
    ['', [], false],
    ['"unclosed.S.T', [], false],
  ])('%s', (text, parts, isShort) => expect(planName(text)).toMatchObject({ parts, isShort }));
});
