/** Parts that stop while the others run: nothing passes unrecorded, and all recovers by itself. */
import type { Client } from '@modelcontextprotocol/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Demo } from '../../../dist/demo/demo.js';
import { ACCEPTANCE, agent, query } from '../../support/demo.js';
import { connectDriver, seen } from '../../support/outside/driver.mjs';
import { Person } from '../../support/outside/person.js';

let demo: Demo;
let sales: Client;
let steward: Person;
/** What stopped is started again once the outage has been looked at: whichever of the two comes first waits for the other. */
let outages = { looked: 0, ended: 0 };
let wake: () => void = () => undefined;
const pause = async (): Promise<void> => {
  if (outages.looked <= outages.ended)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  outages = { ...outages, ended: outages.ended + 1 };
};
const goOn = (): void => {
  outages = { ...outages, looked: outages.looked + 1 };
  wake();
};

beforeAll(async () => {
  demo = await Demo.start({ ...ACCEPTANCE, pause }, () => undefined);
  sales = await agent(demo.ready, 'sales-bot');
  steward = new Person(demo.ready);
  await steward.signIn('steward');
  await query(sales, 'SELECT COUNT(*) FROM ANALYTICS.REF.COUNTRIES');
});
afterAll(async () => {
  await sales.close();
  await demo[Symbol.asyncDispose]();
});

describe('the transcript store', () => {
  it('down: RECORDER_UNAVAILABLE, and nothing reaches the warehouse; back: all goes on', async () => {
    process.kill(demo.ready.pids.postgres, 'SIGINT');
    // One that comes while it still stops may be recorded, and run.
    await expect
      .poll(async () => (await query(sales, 'SELECT 1 AS STORE_STOPS')).denial?.code)
      .toBe('RECORDER_UNAVAILABLE');
    const marks = ['STORE_DOWN_1', 'STORE_DOWN_2'];
    expect((await query(sales, `SELECT 1 AS ${marks[0]}`)).denial?.code).toBe('RECORDER_UNAVAILABLE');
    // A statement on a table that was not looked up before would need the catalog: not even that is asked.
    expect((await query(sales, `SELECT SKU AS ${marks[1]} FROM ANALYTICS.REF.PRODUCTS`)).denial?.code).toBe(
      'RECORDER_UNAVAILABLE',
    );
    const connection = await connectDriver(demo.ready.warehouse);
    for (const mark of marks) expect(await seen(connection, mark)).toEqual([]);
    connection.destroy(() => undefined);
    expect((await fetch(new URL('/readyz', demo.ready.mcp_url))).status).toBe(503);
    // People are told as well, by data and by a page; their sign-in is not lost.
    expect(await steward.get('/me')).toMatchObject({
      status: 503,
      body: { error: 'The transcript store is not reachable.' },
    });
    const page = await steward.fetch(new URL('/console', demo.ready.console_url));
    expect([page.status, await page.text()]).toEqual([503, expect.stringContaining('Try again in a moment.')]);
    goOn();
    // The demo brings it back; the gateway finds it by itself.
    await expect.poll(async () => (await query(sales, 'SELECT 1 AS STORE_BACK')).status, { interval: 200 }).toBe('ok');
    expect((await steward.get('/me')).status).toBe(200);
  });
});

describe('the warehouse', () => {
  const events = async (mark: string): Promise<{ kind: string; code: string }[]> => {
    const database = new pg.Client({ connectionString: demo.ready.database_url });
    await database.connect();
    const { rows } = await database.query(
      "SELECT o.kind, coalesce(o.body->>'code', o.body->'denial'->>'code') AS code FROM event s JOIN event o USING (statement_id) WHERE s.body->>'statement' LIKE $1 AND (o.body->>'code' IS NOT NULL OR o.body->'denial'->>'code' IS NOT NULL)",
      [`%${mark}%`],
    );
    await database.end();
    return rows;
  };

  /** Asked again and again, in the end. */
  const answers = (sql: string, interval: number) =>
    expect.poll(async () => (await query(sales, sql)).status, { interval }).toBe('ok');

  it('not answering: WAREHOUSE_UNAVAILABLE in time, recorded; answering again: all goes on', async () => {
    process.kill(demo.ready.pids.warehouse, 'SIGSTOP');
    const started = performance.now();
    const hung = await query(sales, 'SELECT NAME AS HUNG FROM ANALYTICS.REF.PRODUCTS');
    expect(hung.denial?.code).toBe('WAREHOUSE_UNAVAILABLE');
    // The driver by itself would go on for minutes.
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(await events('HUNG')).toContainEqual(expect.objectContaining({ code: 'WAREHOUSE_UNAVAILABLE' }));
    process.kill(demo.ready.pids.warehouse, 'SIGCONT');
    await answers('SELECT NAME AS CONTINUED FROM ANALYTICS.REF.PRODUCTS LIMIT 1', 500);
  });

  it('gone: WAREHOUSE_UNAVAILABLE, recorded; started again: all goes on', async () => {
    process.kill(demo.ready.pids.warehouse, 'SIGKILL');
    const gone = await query(sales, 'SELECT NAME AS GONE FROM ANALYTICS.REF.COUNTRIES');
    expect(gone.denial?.code).toBe('WAREHOUSE_UNAVAILABLE');
    expect(await events('GONE')).toContainEqual(expect.objectContaining({ code: 'WAREHOUSE_UNAVAILABLE' }));
    goOn();
    await answers('SELECT NAME AS AGAIN FROM ANALYTICS.REF.COUNTRIES', 200);
  });
});
