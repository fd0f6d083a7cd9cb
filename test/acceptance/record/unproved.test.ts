/** From outside: what is forged with the gateway's password reaches no page and no export that goes on, and each says so. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Demo } from '../../../dist/demo/demo.js';
import { storePool, timeOrderedId } from '../../../dist/transcript/index.js';
import { ACCEPTANCE, agent, MAIN, query } from '../../support/demo.js';
import { Person } from '../../support/outside/person.js';

let demo: Demo;
/** The gateway's own role. */
let thief: ReturnType<typeof storePool>;
let follower: ChildProcess | undefined;
const over = new AbortController();

beforeAll(async () => {
  demo = await Demo.start(ACCEPTANCE, () => undefined);
  thief = storePool(demo.ready.database_url, 30_000, 2);
});
afterAll(async () => {
  over.abort();
  follower?.kill();
  await thief?.end();
  await demo?.[Symbol.asyncDispose]();
});

it('what was forged is shown by no stream and no export that goes on', async () => {
  const { ready } = demo;
  const { rows } = await thief.query<{ sequence: string }>('SELECT max(e.sequence)::text AS sequence FROM event e');
  let exported = '';
  const args = ['sessions', 'export', '--follow', '--after', rows[0]?.sequence ?? '0', '--config', ready.config_file];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  follower = child;
  child.stdout.on('data', (data: Buffer) => {
    exported += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    exported += data.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));

  const person = new Person(ready);
  await person.signIn('auditor');
  let streamed = '';
  const response = await person.fetch('/api/stream', { signal: over.signal });
  const reading = (async () => {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
      streamed += Buffer.from(part.value).toString();
  })().catch(() => undefined);

  // What happens from the first word on is told.
  await expect.poll(() => streamed).toContain('event: hello');
  const bot = await agent(ready, 'sales-bot');
  const asked = await query(bot, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS', { purpose: 'an honest purpose' });
  await bot.close();
  expect(asked.status).toBe('ok');
  await expect.poll(() => streamed).toContain('an honest purpose');
  await expect.poll(() => exported).toContain('an honest purpose');

  const { rows: last } = await thief.query<{ session: string; writer: string; body: object }>(
    "SELECT e.session_id AS session, e.writer, e.body FROM event e WHERE e.statement_id = $1 AND e.kind = 'statement_submitted'",
    [asked.statement_id],
  );
  const [honest] = last;
  if (!honest) throw new Error('nothing was recorded');
  const forged = {
    s: honest.session,
    at: new Date().toISOString(),
    n: 123_456,
    st: timeOrderedId(),
    k: 'statement_submitted',
    body: { ...honest.body, purpose: 'forged by the role' },
    sig: Buffer.alloc(64, 2).toString('base64'),
  };
  await thief.query('SELECT append($1, NULL, $2, $3, NULL, NULL, NULL, NULL, NULL)', [
    honest.writer,
    [honest.session],
    JSON.stringify([forged]),
  ]);
  expect(await ended).toBe(1);
  expect(exported).toMatch(/was not written by a gateway of ours/);
  // In the form in which it was started.
  expect(exported).toMatch(/(?:snowfence|main\.js) verify/);
  await expect.poll(() => streamed).toContain('event: stopped');
  const state = await fetch(new URL('/readyz', ready.mcp_url));
  expect([state.status, await state.text()]).toEqual([
    503,
    expect.stringContaining('not written by a gateway of ours'),
  ]);
  const integrity = await person.get('/integrity');
  expect(integrity.body).toMatchObject({ problem: expect.stringContaining('not written by a gateway of ours') });
  await pause(1500);
  expect(streamed).not.toContain('forged by the role');
  expect(exported).not.toContain('forged by the role');
  over.abort();
  await reading;
});
