/** After all acceptance cases: no hidden value in any table of the store, line of the log, metric or page. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../dist/config/config.js';
import type { Ready } from '../../../dist/demo/ready.js';
import { recordMask } from '../../../dist/gateway/record/recorded.js';
import { DELIVERY_CONNECTIONS, Delivery, storePool, TranscriptStore } from '../../../dist/transcript/index.js';
import { ACCEPTANCE, agent, MAIN, query } from '../../support/demo.js';
import { connectDriver, execute } from '../../support/outside/driver.mjs';
import { Receiver } from '../../support/outside/receiver.js';

/** What the seed puts into hidden columns and rows. The agent's own literals (`canary-0%`, `canary-000104729`, `4111%`) are none. */
const HIDDEN =
  /canary\d+@|\+1-555-\d{4}|-canary\b|canary-(?!000104729\b|0%)\d{9}|canary employee|DE89-canary|4111\d{12}|hidden\.person|415-555-\d{4}/;

const cases = JSON.parse(readFileSync(new URL('../cases.json', import.meta.url), 'utf8')) as {
  sql: string;
  as: string;
}[];

let folder: string;
let child: ChildProcess;
let ready: Ready;
let log = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-canary-'));
  await chmod(folder, 0o711);
  const file = join(folder, 'ready.json');
  const args = [
    '--verbose',
    'demo',
    '--port',
    '0',
    '--no-tour',
    '--ready-file',
    file,
    '--seed',
    ACCEPTANCE.seeds[0] ?? '',
    '--policies',
    ACCEPTANCE.policies ?? '',
  ];
  child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout?.on('data', (part: Buffer) => {
    log += part.toString();
  });
  child.stderr?.on('data', (part: Buffer) => {
    log += part.toString();
  });
  const until = Date.now() + 200_000;
  while (!existsSync(file) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  ready = JSON.parse(await readFile(file, 'utf8')) as Ready;
  for (const name of ['sales-bot', 'pipeline-bot']) {
    const client = await agent(ready, name);
    for (const { sql } of cases) await query(client, sql, { purpose: 'Look for what must not be seen.' });
    await client.callTool({ name: 'describe', arguments: { object: 'ANALYTICS.SALES.CUSTOMERS' } });
    await client.close();
  }
});
afterAll(async () => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
});

describe('hidden values', () => {
  it('are where the search would find them', async () => {
    const connection = await connectDriver(ready.warehouse);
    const rows = await execute(connection, 'SELECT EMAIL, PHONE, SSN, NOTES FROM ANALYTICS.SALES.CUSTOMERS LIMIT 20');
    for (const row of rows) expect(JSON.stringify(row)).toMatch(HIDDEN);
    connection.destroy(() => undefined);
  });

  it('are in no table of the store', async () => {
    const database = new pg.Client({ connectionString: ready.database_url });
    await database.connect();
    const { rows: tables } = await database.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    let records = 0;
    const leaks: string[] = [];
    for (const { name } of tables) {
      const { rows } = await database.query<{ text: string }>(`SELECT t::text AS text FROM "${name}" t`);
      records += rows.length;
      leaks.push(...rows.map(({ text }) => text).filter((text) => HIDDEN.test(text)));
    }
    await database.end();
    expect(leaks).toEqual([]);
    expect(tables.length).toBeGreaterThanOrEqual(6);
    // Two agents, every case, mostly two events each.
    expect(records).toBeGreaterThan(cases.length * 2);
  });

  it('are in no line of the log, no metric and no page', async () => {
    expect(log).toContain('snowfence is listening');
    expect(log.match(HIDDEN)).toBeNull();
    for (const url of [ready.metrics_url, ready.console_url]) {
      const response = await fetch(url);
      expect(response.status).toBe(200);
      expect((await response.text()).match(HIDDEN)).toBeNull();
    }
  });

  it('are in no export and no webhook', async () => {
    const run = promisify(execFile);
    const cli = async (...args: string[]): Promise<string> =>
      (await run(process.execPath, [MAIN, 'sessions', ...args, '--config', ready.config_file], { maxBuffer: 256e6 }))
        .stdout;
    const sessions = JSON.parse(await cli('list', '--json')) as { id: string }[];
    expect(sessions.length).toBeGreaterThanOrEqual(2);
    const exports = [await cli('export'), await cli('export', '--format', 'ocsf')];
    for (const { id } of sessions)
      exports.push(
        await cli('export', id, '--format', 'asciicast'),
        await cli('show', id),
        await cli('show', id, '--json'),
      );
    exports.push(await cli('search', 'agent:sales-bot', '--limit', '1000', '--json'));
    for (const text of exports) {
      expect(text.length).toBeGreaterThan(1000);
      expect(text.match(HIDDEN)).toBeNull();
    }

    const secret = randomBytes(32);
    await using receiver = await Receiver.start(secret);
    const { keys } = await loadConfig(ready.config_file);
    const pool = storePool(ready.database_url, 30_000, DELIVERY_CONNECTIONS);
    await using store = new TranscriptStore(ready.database_url, {
      keys,
      mask: recordMask(),
      writer: { actor: 'operator', subject: 'canary', groups: [] },
      onError: () => undefined,
      onIntegrityProblem: () => undefined,
    });
    // From the beginning, as if it had been there all the time.
    await pool.query("INSERT INTO webhook (name, since, mac) VALUES ('canary', '2020-01-01', '')");
    const webhook = {
      name: 'canary',
      url: receiver.url,
      secret,
      kinds: undefined,
      checkpoints: false,
      format: 'standard',
    } as const;
    const delivery = new Delivery({
      pool,
      recorder: store.recorder,
      rows: store.rows,
      proofs: store.proofs,
      webhooks: [webhook],
      onProblem: () => undefined,
    });
    await delivery.start();
    const { rows } = await pool.query<{ n: number }>('SELECT sum(length)::int AS n FROM chain');
    await expect.poll(() => receiver.received.length).toBeGreaterThanOrEqual(rows[0]?.n ?? 0);
    await delivery.stop();
    await pool.end();
    expect(receiver.problems).toEqual([]);
    for (const { body } of receiver.received) expect(body.match(HIDDEN)).toBeNull();
  });
});
