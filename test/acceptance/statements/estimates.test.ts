/** Rules and limits that go by what Snowflake estimates, against a demo with policies of its own. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo } from '../../../dist/demo/demo.js';
import { readSealingKey, SealedRows } from '../../../dist/transcript/index.js';
import { withinOneDay } from '../../support/day.js';
import { agent, demoWith, query } from '../../support/demo.js';

const policy = (name: string, group: string, body: string): string =>
  `policy: ${name}\nprincipals: { groups: [${group}] }\nsnowflake: { role: AGENT_RO, warehouse: AGENT_WH }\n${body}`;

let demo: Demo;
let end: () => Promise<void>;
let sales: Client;
let pipeline: Client;

beforeAll(async () => {
  ({ demo, end } = await demoWith({
    'sales.yaml': policy(
      'sales',
      'sales-agents',
      'rules:\n  - allow: [read]\n    on: [ANALYTICS.*.*]\nlimits: { bytes_scanned_per_statement: 100MB, bytes_scanned_per_day: 20MB }\n',
    ),
    'pipeline.yaml': policy(
      'pipeline',
      'pipeline-agents',
      'rules:\n  - allow: [read, delete, merge]\n    on: [ANALYTICS.SALES.*]\n  - approve: [delete, merge]\n    on: [ANALYTICS.SALES.*]\n    when: { rows_affected_over: 2 }\n    by: { groups: [data-stewards] }\n  - deny: [select]\n    on: [ANALYTICS.SALES.CUSTOMERS]\n    when: { bytes_scanned_over: 10KB }\n    reason: Too much to read.\n',
    ),
  }));
  [sales, pipeline] = await Promise.all([agent(demo.ready, 'sales-bot'), agent(demo.ready, 'pipeline-bot')]);
});
afterAll(async () => {
  await Promise.all([sales.close(), pipeline.close()]);
  await end();
});

describe('what Snowflake estimates', () => {
  it('keeps a budget of bytes for the day, in the store that all replicas share', async () => {
    await withinOneDay();
    const sql = 'SELECT STATUS FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 1';
    expect((await query(sales, sql)).status).toBe('ok');
    const database = new pg.Client({ connectionString: demo.ready.database_url });
    await database.connect();
    const bytesOf = async (): Promise<number[]> =>
      (await database.query('SELECT bytes::float8 AS bytes FROM scan_budget')).rows.map(({ bytes }) => bytes);
    const [first = 0, ...others] = await bytesOf();
    expect(others).toEqual([]);
    expect(first).toBeGreaterThan(0);
    // Whoever may write there gives nothing back: the record has what was taken.
    await database.query('UPDATE scan_budget SET bytes = 0');
    expect((await query(sales, sql)).status).toBe('ok');
    expect(await bytesOf()).toEqual([2 * first]);
    const key = await readFile(join(dirname(demo.ready.config_file), 'encryption-key'), 'utf8');
    const rows = new SealedRows([readSealingKey(key)], () => undefined);
    const [row] = await rows.select(database, 'scan_budget', '', []);
    if (!row) throw new Error('There is no row of ours.');
    await rows.update(database, 'scan_budget', row, { bytes: 20_000_000 });
    await database.end();
    expect((await query(sales, sql)).denial).toMatchObject({
      code: 'LIMIT_REACHED',
      message: expect.stringContaining('more than is left of the 20000000'),
    });
    // What reads nothing costs nothing.
    expect((await query(sales, 'SELECT 1')).status).toBe('ok');
  });

  it('asks a reviewer where a change would touch more rows than a rule says', async () => {
    const one = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID IN (11, 12)');
    expect(one).toMatchObject({ status: 'ok', rows: [[2]] });
    const many = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID IN (21, 22, 23)');
    expect(many.status).toBe('approval_required');
    // How many rows a MERGE touches is not told by one predicate.
    const merge = await query(
      pipeline,
      'MERGE INTO ANALYTICS.SALES.ORDERS o USING ANALYTICS.REF.COUNTRIES c ON o.STATUS = c.CODE WHEN MATCHED THEN DELETE',
    );
    expect(merge.status).toBe('denied');
  });

  it('says so in explain as well, without running the change', async () => {
    const sql = 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID IN (31, 32, 33)';
    const explained = await pipeline.callTool({ name: 'explain', arguments: { sql } });
    expect(explained.structuredContent).toMatchObject({ verdict: 'approve', approval_groups: ['data-stewards'] });
  });

  it('denies by bytes', async () => {
    expect((await query(pipeline, 'SELECT SEGMENT FROM ANALYTICS.SALES.CUSTOMERS LIMIT 1')).denial?.message).toBe(
      'Too much to read.',
    );
  });
});
