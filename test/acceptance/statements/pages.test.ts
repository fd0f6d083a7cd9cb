/** Results in pages, rows of secure views, masks that may be written: against a demo with policies of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Client } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo } from '../../../dist/demo/demo.js';
import type { Warehouse } from '../../../dist/warehouse/index.js';
import { agent, demoWith, type QueryAnswer, query } from '../../support/demo.js';
import { warehouseAt } from '../../support/warehouse.mjs';

const SALES = `policy: sales
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.*.*]
columns:
  - match: [ANALYTICS.SALES.CUSTOMERS.EMAIL]
    mask: email
rows:
  - on: ANALYTICS.SALES.CUSTOMERS
    secure_view: ANALYTICS.SALES.EU_CUSTOMERS
  - on: ANALYTICS.SALES.PAYMENTS
    secure_view: ANALYTICS.SALES.CUSTOMER_CONTACTS
  - on: ANALYTICS.REF.PRODUCTS
    secure_view: ANALYTICS.REF.HARDWARE
limits: { rows: 2500, result_bytes: 150KB }
`;
const PIPELINE = (writeMasked: string): string => `policy: pipeline
principals: { groups: [pipeline-agents] }
snowflake: { role: AGENT_RO, warehouse: AGENT_WH }
rules:
  - allow: [read, insert, update, merge, delete]
    on: [ANALYTICS.*.*]
columns:
  - match: [ANALYTICS.SALES.CUSTOMERS.EMAIL]
    mask: email
${writeMasked}`;

let demo: Demo;
let end: () => Promise<void>;
let folder: string;
let sales: Client;
let pipeline: Client;
let owner: Warehouse;
const KEY = { role: 'SYSADMIN', warehouse: 'WH' };

beforeAll(async () => {
  const files = { 'sales.yaml': SALES, 'pipeline.yaml': PIPELINE('write_masked: allow\n') };
  ({ demo, policies: folder, end } = await demoWith(files));
  const { account, access_url, username, password } = demo.ready.warehouse;
  owner = warehouseAt(access_url, password, { account, username, poolSize: 1 });
  for (const sql of [
    "CREATE SECURE VIEW ANALYTICS.SALES.EU_CUSTOMERS AS SELECT * FROM ANALYTICS.SALES.CUSTOMERS WHERE REGION = 'EU'",
    "CREATE SECURE VIEW ANALYTICS.REF.HARDWARE AS SELECT PRODUCT_ID, NAME FROM ANALYTICS.REF.PRODUCTS WHERE CATEGORY = 'Hardware'",
    'CREATE TABLE ANALYTICS.SALES.COPIES (ID INTEGER, EMAIL VARCHAR)',
  ])
    await owner.ask(KEY, sql, 'test');
  [sales, pipeline] = await Promise.all([agent(demo.ready, 'sales-bot'), agent(demo.ready, 'pipeline-bot')]);
  // What was looked for before it was there counts as missing for a few seconds more.
  let at = 0;
  const seen = async () => (await query(sales, `SELECT ${at++} FROM ANALYTICS.SALES.CUSTOMERS LIMIT 1`)).status;
  while ((await seen()) !== 'ok') await setTimeout(500);
});
afterAll(async () => {
  await Promise.all([sales.close(), pipeline.close()]);
  await owner[Symbol.asyncDispose]();
  await end();
});

/** Policies that open something are held back for a while, unless somebody asks for them. */
const takeAtOnce = (): void => void process.kill(demo.ready.pids.gateway, 'SIGHUP');

const fetchMore = async (client: Client, cursor: string | null, more: object = {}): Promise<QueryAnswer> =>
  (await client.callTool({ name: 'fetch', arguments: { cursor, ...more } }))
    .structuredContent as unknown as QueryAnswer;

const ORDERS = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID';

async function events(statement: string): Promise<{ kind: string; body: Record<string, unknown> }[]> {
  const database = new pg.Client({ connectionString: demo.ready.database_url });
  await database.connect();
  const { rows } = await database.query('SELECT kind, body FROM event WHERE statement_id = $1 ORDER BY sequence', [
    statement,
  ]);
  await database.end();
  return rows as { kind: string; body: Record<string, unknown> }[];
}

describe('a result in pages', () => {
  it('comes whole and in order, up to the limit, each page recorded', async () => {
    const first = await query(sales, ORDERS, { max_rows: 1000 });
    expect(first).toMatchObject({ status: 'ok', row_count: 1000, truncated: true });
    expect(first.notices.join()).toContain('fetch');
    const second = await fetchMore(sales, first.cursor, { max_rows: 1000 });
    const third = await fetchMore(sales, second.cursor, { max_rows: 1000 });
    expect([second.row_count, third.row_count]).toEqual([1000, 500]);
    // The limit of 2500 is for all pages together.
    expect(third).toMatchObject({ truncated: true, cursor: null });
    const ids = [first, second, third].flatMap(({ rows }) => rows.map(([id]) => id));
    expect(ids).toEqual(Array.from({ length: 2500 }, (_, at) => at + 1));
    const recorded = await events(first.statement_id);
    expect(recorded.map(({ kind }) => kind)).toEqual([
      'statement_submitted',
      'statement_sent',
      'statement_completed',
      'rows_fetched',
      'rows_fetched',
    ]);
    // Whoever reads Snowflake's own history sees which agent it was.
    expect(JSON.parse(String(recorded[1]?.body['tag']))).toMatchObject({
      app: 'snowfence',
      agent: 'sales-bot',
      statement: first.statement_id,
      session: first.session,
    });
    expect(recorded.slice(3).map(({ body }) => [body['from'], body['rows']])).toEqual([
      [1000, 1000],
      [2000, 500],
    ]);
  });

  it('is read anew from where it stopped, where no stream is open any more', async () => {
    const first = await query(sales, ORDERS, { max_rows: 1100 });
    // The second asks for the same rows again: their stream has gone on.
    const [once, again] = [
      await fetchMore(sales, first.cursor, { max_rows: 7 }),
      await fetchMore(sales, first.cursor, { max_rows: 7 }),
    ];
    expect(once.rows).toEqual(Array.from({ length: 7 }, (_, at) => [1101 + at]));
    expect(again.rows).toEqual(once.rows);
  });

  it('has columns called as what every object of JavaScript has', async () => {
    const names = [...Object.getOwnPropertyNames(Object.prototype), 'then', 'A', '__proto__'];
    const listed = names.map((name, at) => `ORDER_ID + ${at} AS "${name}"`).join(', ');
    const first = await query(sales, `SELECT ${listed} FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID`, { max_rows: 5 });
    const second = await fetchMore(sales, first.cursor, { max_rows: 7 });
    // Read anew by its id, where the stream has gone on.
    const again = await fetchMore(sales, first.cursor, { max_rows: 7 });
    for (const { error, columns } of [first, second, again])
      expect([error ?? null, columns.map(({ name }) => name)]).toEqual([null, names]);
    expect([...first.rows, ...second.rows]).toEqual(
      Array.from({ length: 12 }, (_, row) => names.map((_name, at) => 1 + row + at)),
    );
    expect(again.rows).toEqual(second.rows);
    expect((await events(first.statement_id)).map(({ kind }) => kind)).toContain('statement_completed');
  });

  it('gives a cell of such a column whole', async () => {
    const sql = `SELECT REPEAT('x', 60000) AS "constructor", OBJECT_CONSTRUCT('__proto__', 1, 'toString', 2) AS "__proto__" FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 1`;
    const answer = await query(sales, sql);
    expect(answer.error).toBeUndefined();
    expect(JSON.stringify(answer.rows[0]?.[1])).toContain('"__proto__":1');
    const [cell] = answer.rows[0] ?? [];
    expect(String(cell).startsWith('xxx')).toBe(true);
    expect(answer.columns.map(({ name }) => name)).toEqual(['constructor', '__proto__']);
  });

  it('reads nothing beyond the end', async () => {
    const { cursor } = await query(pipeline, 'SELECT CUSTOMER_ID FROM ANALYTICS.SALES.CUSTOMERS', { max_rows: 10 });
    const [id] = String(cursor).split('.');
    expect((await fetchMore(pipeline, `${id}.1195`)).rows).toHaveLength(5);
    for (const beyond of [1200, 5000, 999_999_999]) {
      const { status, rows, cursor: next } = await fetchMore(pipeline, `${id}.${beyond}`);
      expect({ beyond, rows, next }).toEqual({ beyond, rows: [], next: null });
      expect(status).toBe(beyond < 10_000 ? 'ok' : 'error');
    }
  });

  it('serves its own principal only', async () => {
    const { cursor } = await query(sales, ORDERS, { max_rows: 10 });
    expect(await fetchMore(pipeline, cursor)).toMatchObject({
      status: 'error',
      rows: [],
      error: { code: 'UNKNOWN_CURSOR' },
    });
    for (const made of ['x', `${cursor}9999999`, `${String(cursor).slice(0, -3)}`, "' OR 1=1"])
      expect((await fetchMore(sales, made)).status).toBe('error');
  });

  it('ends where the bytes of the limit are used up', async () => {
    const wide = "SELECT ORDER_ID, REPEAT('x', 1000) AS W FROM ANALYTICS.SALES.ORDERS ORDER BY 1";
    let answer = await query(sales, wide, { max_rows: 60 });
    let rows = answer.row_count;
    for (let pages = 0; answer.cursor !== null && pages < 10; pages++) {
      answer = await fetchMore(sales, answer.cursor, { max_rows: 60 });
      rows += answer.row_count;
    }
    expect(answer).toMatchObject({ truncated: true, cursor: null });
    expect(rows).toBeGreaterThan(140);
    expect(rows).toBeLessThan(150);
  });

  it('is over once the rules are others', async () => {
    const first = await query(pipeline, 'SELECT EMAIL FROM ANALYTICS.SALES.CUSTOMERS', { max_rows: 10 });
    const { cursor } = first;
    expect((await fetchMore(pipeline, cursor, { max_rows: 1 })).status).toBe('ok');
    await writeFile(
      join(folder, 'pipeline.yaml'),
      PIPELINE('write_masked: allow\n').replace('mask: email', 'mask: redact'),
    );
    takeAtOnce();
    await expect
      .poll(async () => (await fetchMore(pipeline, cursor, { max_rows: 1 })).denial?.code)
      .toBe('NOT_VERIFIED');
    const last = (await events(first.statement_id)).at(-1);
    expect(last).toMatchObject({ kind: 'rows_fetched', body: { rows: 0, denial: { code: 'NOT_VERIFIED' } } });
  });
});

describe('rows of a secure view', () => {
  it('stand for the table, masks on top, and EXPLAIN sees the view', async () => {
    const { status, rows } = await query(sales, 'SELECT COUNT(*), MIN(EMAIL) FROM ANALYTICS.SALES.CUSTOMERS');
    expect({ status, rows }).toEqual({ status: 'ok', rows: [[600, '***@mail0.example']] });
    const joined = await query(
      sales,
      'SELECT COUNT(*) FROM ANALYTICS.SALES.CUSTOMERS c JOIN ANALYTICS.SALES.ORDERS o ON o.CUSTOMER_ID = c.CUSTOMER_ID JOIN ANALYTICS.SALES.CUSTOMER_CONTACTS v ON v.CUSTOMER_ID = c.CUSTOMER_ID',
    );
    expect(joined.status).toBe('ok');
  });

  it('are refused where the view is not secure, or lacks a column', async () => {
    expect((await query(sales, 'SELECT COUNT(*) FROM ANALYTICS.SALES.PAYMENTS')).denial).toMatchObject({
      code: 'NOT_UNDERSTOOD',
      message: expect.stringContaining('no such secure view'),
    });
    expect((await query(sales, 'SELECT LIST_PRICE FROM ANALYTICS.REF.PRODUCTS')).denial?.message).toContain(
      'no column LIST_PRICE',
    );
    expect((await query(sales, 'SELECT COUNT(NAME) FROM ANALYTICS.REF.PRODUCTS')).rows).toEqual([[25]]);
  });
});

describe('masks that may be written', () => {
  const target = 'ANALYTICS.SALES.COPIES';

  it('go into the table as masks, by INSERT, UPDATE and MERGE, and nothing else does', async () => {
    for (const sql of [
      `INSERT INTO ${target} SELECT CUSTOMER_ID, EMAIL FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID <= 3`,
      `UPDATE ${target} SET EMAIL = s.EMAIL || '!' FROM ANALYTICS.SALES.CUSTOMERS s WHERE s.CUSTOMER_ID = COPIES.ID AND COPIES.ID = 2`,
      `MERGE INTO ${target} t USING (SELECT CUSTOMER_ID, EMAIL AS E FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID = 4) s ON t.ID = s.CUSTOMER_ID WHEN NOT MATCHED THEN INSERT (ID, EMAIL) VALUES (s.CUSTOMER_ID, s.E)`,
    ]) {
      const { status, denial, error } = await query(pipeline, sql);
      expect({ sql, status, denial, error }).toEqual({ sql, status: 'ok', denial: undefined, error: undefined });
    }
    const written = await owner.ask(KEY, `SELECT ID, EMAIL FROM ${target} ORDER BY ID`, 'test');
    expect(written).toHaveLength(4);
    expect(JSON.stringify(written)).not.toContain('canary');
  });

  it('never where a change would look at what is hidden in the table that it changes', async () => {
    for (const sql of [
      'UPDATE ANALYTICS.SALES.CUSTOMERS SET NOTES = EMAIL WHERE CUSTOMER_ID = 1',
      "DELETE FROM ANALYTICS.SALES.CUSTOMERS WHERE EMAIL LIKE 'canary1@%'",
      "UPDATE ANALYTICS.SALES.CUSTOMERS SET NOTES = 'x' WHERE EMAIL LIKE 'canary1@%'",
      "MERGE INTO ANALYTICS.SALES.CUSTOMERS t USING (SELECT 1 AS ID) s ON t.EMAIL = 'canary1@mail1.example' WHEN MATCHED THEN DELETE",
    ]) {
      const { denial } = await query(pipeline, sql);
      expect({ sql, denial }).toMatchObject({ sql, denial: { code: 'COLUMN_DENIED' } });
    }
  });

  it('are told from values: a change with a placeholder in it carries a notice', async () => {
    const said = async (sql: string): Promise<string> => (await query(pipeline, sql)).notices.join();
    expect(await said(`UPDATE ${target} SET EMAIL = '***@mail1.example' WHERE ID = 1`)).toContain('looks like a mask');
    expect(await said(`UPDATE ${target} SET EMAIL = '***' WHERE ID = 1`)).toContain('looks like a mask');
    expect(await said(`UPDATE ${target} SET EMAIL = 'a@b.example' WHERE ID = 1`)).not.toContain('looks like a mask');
  });

  it('not without the word of the policy', async () => {
    await writeFile(join(folder, 'pipeline.yaml'), PIPELINE(''));
    takeAtOnce();
    const sql = `INSERT INTO ${target} SELECT CUSTOMER_ID, EMAIL FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID = 9`;
    await expect
      .poll(async () => (await query(pipeline, sql)).denial)
      .toMatchObject({ code: 'COLUMN_DENIED', hint: expect.stringContaining('write_masked') });
  });
});
