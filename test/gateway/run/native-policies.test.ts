/**
 * A table that has policies of Snowflake's own, and masks and rows of the gateway's beside them (user-guide/security-row-intro,
 * user-guide/security-column-intro): both hold, whatever is asked, and the record has the statement as on any table.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf } from '../../support/caller.mjs';
import { KEY, Whole } from '../../support/gateways/whole.js';

const DB = 'DB.PUBLIC';
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [read, update, delete]
    on: [${DB}.PEOPLE, ${DB}.NAMES, ${DB}.ORDERS, ${DB}.STOCK, ${DB}.PRICES]
columns:
  - match: [${DB}.PEOPLE.SSN]
    mask: redact
  - match: [${DB}.STOCK.PRICE]
    mask: { constant: -7 }
rows:
  - on: ${DB}.PEOPLE
    where: REGION <> 'JP'
`;
const PEOPLE = [
  [1, 'Ann', 'EU', 'ssn-111', 'a'],
  [2, 'Bo', 'US', 'ssn-222', 'b'],
  [3, 'Cy', 'JP', 'ssn-333', 'a'],
  [4, 'Di', 'EU', 'ssn-444', 'a'],
] as const;
/** What the policy leaves of these is (1, 4) and 3; what the gateway leaves of that is (1, 4). */
const SEED = [
  `CREATE TABLE ${DB}.PEOPLE (ID NUMBER, NAME VARCHAR, REGION VARCHAR, SSN VARCHAR, SITE VARCHAR)`,
  `INSERT INTO ${DB}.PEOPLE VALUES ${PEOPLE.map(([id, ...texts]) => `(${id}, ${texts.map((text) => `'${text}'`).join(', ')})`).join(', ')}`,
  `CREATE TABLE ${DB}.SITES (ROLE_NAME VARCHAR, SITE VARCHAR)`,
  `INSERT INTO ${DB}.SITES VALUES ('R', 'a')`,
  `CREATE VIEW ${DB}.NAMES AS SELECT NAME, SSN FROM ${DB}.PEOPLE`,
  `CREATE ROW ACCESS POLICY ${DB}.OF_SITE AS (X VARCHAR) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM ${DB}.SITES AS S WHERE S.ROLE_NAME = CURRENT_ROLE() AND S.SITE = X)`,
  `CREATE MASKING POLICY ${DB}.SHORT AS (V VARCHAR) RETURNS VARCHAR -> CASE WHEN CURRENT_ROLE() = 'BOSS' THEN V ELSE LEFT(V, 1) END`,
  `ALTER TABLE ${DB}.PEOPLE ADD ROW ACCESS POLICY ${DB}.OF_SITE ON (SITE)`,
  `ALTER TABLE ${DB}.PEOPLE MODIFY COLUMN NAME SET MASKING POLICY ${DB}.SHORT`,
  `CREATE TABLE ${DB}.ORDERS (ID NUMBER, SITE VARCHAR, BUYER VARCHAR)`,
  `INSERT INTO ${DB}.ORDERS VALUES (1, 'a', 'Ann'), (2, 'b', 'Bo'), (3, 'a', 'Cy')`,
  `ALTER TABLE ${DB}.ORDERS ADD ROW ACCESS POLICY ${DB}.OF_SITE ON (SITE)`,
  `ALTER TABLE ${DB}.ORDERS MODIFY COLUMN BUYER SET MASKING POLICY ${DB}.SHORT`,
  `CREATE TABLE ${DB}.STOCK (ID NUMBER, PRICE NUMBER)`,
  `INSERT INTO ${DB}.STOCK VALUES (1, 10), (2, 20)`,
  `CREATE MATERIALIZED VIEW ${DB}.PRICES AS SELECT ID, PRICE FROM ${DB}.STOCK`,
  'CREATE SCHEMA DB.A',
  'CREATE SCHEMA DB.B',
  ...['A', 'B'].flatMap((schema) => [
    `CREATE TABLE DB.${schema}.T (ID NUMBER, NAME VARCHAR, SITE VARCHAR, PHONE VARCHAR)`,
    `INSERT INTO DB.${schema}.T VALUES (1, 'Ann', 'a', '555')`,
  ]),
  `ALTER TABLE DB.B.T ADD ROW ACCESS POLICY ${DB}.OF_SITE ON (SITE)`,
  'CREATE VIEW DB.A.V AS SELECT NAME FROM DB.A.T',
  'CREATE VIEW DB.A.W AS SELECT NAME, PHONE FROM DB.A.T',
  `ALTER VIEW DB.A.W MODIFY COLUMN NAME SET MASKING POLICY ${DB}.SHORT`,
  'CREATE VIEW DB.A.OVER_W AS SELECT NAME FROM DB.A.W',
];

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start(SEED);
  ({ gateway } = await whole.gateway(RULES));
});
afterAll(() => whole[Symbol.asyncDispose]());

async function ask(sql: string) {
  const answer = await gateway.query(bot, { sql });
  const rows = 'rows' in answer ? answer.rows : undefined;
  return { ...answer, rows };
}

describe('a name that a plan cuts, and a view with a policy of its own', () => {
  it('is no other table of that name', async () => {
    const rules = `rules:\n  - allow: [read]\n    on: [DB.A.*]\n`;
    const { gateway: other } = await whole.gateway(rules);
    const code = async (sql: string) => (await other.query(bot, { sql })).denial?.code ?? 'ok';
    expect(await code('SELECT NAME FROM DB.A.V')).toBe('ok');
    await whole.warehouse.ask(KEY, 'CREATE OR REPLACE VIEW DB.A.V AS SELECT NAME FROM DB.B.T', 'seed');
    expect(await code('SELECT NAME AS N FROM DB.A.V')).toBe('NOT_VERIFIED');
  });

  it('is not opened', async () => {
    const rules = `rules:\n  - allow: [read]\n    on: [DB.A.*]\n`;
    const { gateway: plain } = await whole.gateway(rules);
    expect((await plain.query(bot, { sql: 'SELECT NAME FROM DB.A.W' })).rows).toEqual([['A']]);
    const { gateway: hiding } = await whole.gateway(`${rules}columns: [{ match: [DB.A.T.PHONE], mask: 'null' }]\n`);
    for (const from of ['DB.A.W', 'DB.A.OVER_W', '(SELECT * FROM DB.A.W)'])
      expect((await hiding.query(bot, { sql: `SELECT NAME FROM ${from}` })).denial).toMatchObject({
        code: 'NOT_UNDERSTOOD',
        message: expect.stringContaining('masking policy of Snowflake'),
      });
  });
});

describe('beside policies of Snowflake’s own', () => {
  it.each([
    [
      `SELECT ID, NAME, SSN FROM ${DB}.PEOPLE ORDER BY ID`,
      [
        [1, 'A', '***'],
        [4, 'D', '***'],
      ],
    ],
    [`SELECT * FROM ${DB}.PEOPLE WHERE NAME = 'A'`, [[1, 'A', 'EU', '***', 'a']]],
    [`SELECT COUNT(*) FROM ${DB}.PEOPLE WHERE NAME = 'Ann' OR SSN LIKE '%1'`, [[0]]],
    [
      `SELECT NAME, SSN FROM ${DB}.NAMES ORDER BY NAME`,
      [
        ['A', '***'],
        ['D', '***'],
      ],
    ],
    [`SELECT COUNT(*) FROM ${DB}.PEOPLE AS P JOIN ${DB}.NAMES AS N ON N.NAME = P.NAME`, [[2]]],
    [
      `SELECT ID, PRICE FROM ${DB}.STOCK ORDER BY ID`,
      [
        [1, -7],
        [2, -7],
      ],
    ],
    [
      `SELECT ID, PRICE FROM ${DB}.PRICES ORDER BY ID`,
      [
        [1, -7],
        [2, -7],
      ],
    ],
    [`SELECT ID FROM ${DB}.STOCK WHERE ID > 1`, [[2]]],
  ])('%s', async (sql, rows) => {
    const answer = await ask(sql);
    expect([answer.status, answer.denial?.code, answer.error?.message]).toEqual(['ok', undefined, undefined]);
    expect(answer.rows).toEqual(rows);
    const events = await whole.events(answer.session, answer.statementId);
    expect(events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['statement_completed']));
    const told = JSON.stringify([answer, events]);
    for (const word of ['SITES', 'OF_SITE', 'ssn-']) expect(told).not.toContain(word);
  });

  it('changes what these show, and counts that', async () => {
    const changed = await ask(`UPDATE ${DB}.ORDERS SET BUYER = BUYER || '!' WHERE ID < 3`);
    expect([changed.status, changed.denial?.message, changed.error?.message]).toEqual(['ok', undefined, undefined]);
    expect(Number(changed.rows?.[0]?.[0])).toBe(1);
    const gone = await ask(`DELETE FROM ${DB}.ORDERS WHERE ID >= 2`);
    expect(Number(gone.rows?.[0]?.[0])).toBe(1);
    for (const { session, statementId } of [changed, gone])
      expect((await whole.events(session, statementId)).map(({ kind }) => kind)).toContain('statement_completed');
    const hidden = await ask(`UPDATE ${DB}.PEOPLE SET REGION = 'UK' WHERE ID < 4`);
    expect(hidden.denial?.code).toBe('OBJECT_DENIED');
    for (const sql of [
      `ALTER TABLE ${DB}.ORDERS DROP ALL ROW ACCESS POLICIES`,
      `ALTER TABLE ${DB}.ORDERS MODIFY COLUMN BUYER UNSET MASKING POLICY`,
    ])
      await whole.warehouse.ask({ role: 'R', warehouse: 'W' }, sql, 'seed');
    expect(await whole.rows(`SELECT COUNT(*) FROM ${DB}.ORDERS WHERE BUYER IN ('A!', 'Bo')`)).toBe(2);
    expect(await whole.rows(`SELECT COUNT(*) FROM ${DB}.ORDERS`)).toBe(2);
  });

  it.each([
    `ALTER TABLE ${DB}.PEOPLE DROP ALL ROW ACCESS POLICIES`,
    `CREATE MASKING POLICY ${DB}.OPEN AS (V VARCHAR) RETURNS VARCHAR -> V`,
    `ALTER TABLE ${DB}.PEOPLE MODIFY COLUMN NAME UNSET MASKING POLICY`,
    `DROP MASKING POLICY ${DB}.SHORT`,
    `CREATE MATERIALIZED VIEW ${DB}.MINE AS SELECT ID FROM ${DB}.STOCK`,
  ])('an agent can’t say %s', async (sql) => {
    expect((await ask(sql)).status).toBe('denied');
  });
});
