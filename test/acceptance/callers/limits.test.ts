/** What one principal may cost, from outside: each bound with what the caller hears, what is recorded, and that others go on. */
import { execFile } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@modelcontextprotocol/client';
import { Client as Postgres } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Demo } from '../../../dist/demo/demo.js';
import { ACCEPTANCE, agent, MAIN, query, tokenOf } from '../../support/demo.js';
import { Person } from '../../support/outside/person.js';

const LIMITS = {
  requests_per_minute: 300,
  requests_at_once: 4,
  refusals_per_hour: 5,
  text_per_hour: '40KB',
  streams: 2,
  sessions_per_hour: 4,
  open_approvals: 3,
  approvals_per_hour: 6,
};

let demo: Demo;
let database: Postgres;
let sales: Client;
let pipeline: Client;
let steward: Person;

beforeAll(async () => {
  demo = await Demo.start({ ...ACCEPTANCE, latencyMs: 100, limits: LIMITS }, () => undefined);
  database = new Postgres({ connectionString: demo.ready.database_url });
  await database.connect();
  [sales, pipeline] = [await agent(demo.ready, 'sales-bot'), await agent(demo.ready, 'pipeline-bot')];
  steward = new Person(demo.ready);
  await steward.signIn('steward');
});
afterAll(async () => {
  await sales.close();
  await pipeline.close();
  await database.end();
  await demo[Symbol.asyncDispose]();
});

const call = (token: string, body: unknown, signal?: AbortSignal) =>
  fetch(demo.ready.mcp_url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
const queryCall = (sql: string) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'query', arguments: { sql } },
});
const READ = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 1';

/** Another token of the same agent: a session of its own. */
async function freshToken(name: string): Promise<string> {
  const { client_id: id, client_secret: secret } = demo.ready.agents.find((one) => one.name === name) ?? {};
  const response = await fetch(new URL('/token', demo.ready.issuer), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'snowfence', resource: demo.ready.audience }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** What was written down of whoever was turned away: the first of a minute at once, the others as a number when it is over. */
const turnedAway = async (limit: string, subject: string): Promise<number[]> =>
  (
    await database.query(
      `SELECT (body->>'count')::int AS n FROM event
       WHERE kind = 'attempts_turned_away' AND body->>'limit' = $1 AND body->>'subject' = $2 ORDER BY sequence`,
      [limit, subject],
    )
  ).rows.map(({ n }) => n);
/** No event for each: two of a minute, of which one may end at any moment. */
const expectFew = (counts: readonly number[], since: number): void => {
  expect(counts[0]).toBe(1);
  expect(counts.length).toBeLessThanOrEqual(3 + 2 * Math.floor((performance.now() - since) / 60_000));
};

interface Begun {
  readonly isAnswered: () => boolean;
  /** Sends the rest; answers the status. */
  readonly finish: () => Promise<number>;
}

/** A call whose body stops at its beginning: it is under way until what comes back is called, which answers its status. */
function begun(token: string, body: object): Begun {
  const { hostname, port, host } = new URL(demo.ready.mcp_url);
  const text = JSON.stringify(body);
  const socket = connect(Number(port), hostname);
  let isAnswered = false;
  const status = new Promise<number>((resolve, reject) => {
    socket.once('data', (part) => {
      isAnswered = true;
      resolve(Number(part.toString('latin1').split(' ')[1]));
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it was closed')));
  });
  // Whoever asks for it hears of it.
  status.catch(() => undefined);
  const head = [
    'POST /mcp HTTP/1.1',
    `host: ${host}`,
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${text.slice(0, 1)}`);
  return {
    isAnswered: () => isAnswered,
    finish: () => {
      socket.write(text.slice(1));
      return status.finally(() => socket.destroy());
    },
  };
}

/** The first line of the answer to a request written by hand, and whether more was asked for. */
function raw(text: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(demo.ready.mcp_url);
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    const done = (): void => {
      socket.destroy();
      resolve({ status: Number(answer.split(' ')[1]), text: answer });
    };
    socket.setTimeout(60_000, () => {
      socket.destroy();
      reject(new Error(`no answer to ${text.slice(0, 100)}: ${answer.slice(0, 100)}`));
    });
    socket.on('data', (part) => {
      answer += part.toString('latin1');
      if (answer.includes('\r\n\r\n')) done();
    });
    socket.on('error', reject);
  });
}

describe('odd requests', () => {
  const head = (line: string, ...more: string[]) =>
    [line, `host: ${new URL(demo.ready.mcp_url).host}`, ...more, '', ''].join('\r\n');

  it.each([
    '//',
    '//mcp',
    '//evil.example/mcp',
    '/mcp//',
    '/console//x',
    'http://evil.example/mcp',
    '*',
    '/a/../mcp',
    '/a/%2e%2e/mcp',
    '/./mcp',
    '/%zz',
    '/%',
    '/%00',
    '/%ff',
    '/console/approvals/%E0%A4%A',
    '/api/approvals/%ff',
    '/mcp?x=%zz',
    '/messages?sessionId=%c0%af',
    '/a\\b',
    '/console/assets/%ff.js',
    `/${'a'.repeat(9000)}`,
    'nonsense',
  ])('%s is answered with a plain no', async (target) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, text } = await raw(head(`${method} ${target} HTTP/1.1`, 'content-length: 0'));
      expect(status, text).toBeGreaterThanOrEqual(400);
      expect(status, text).toBeLessThan(500);
    }
  });

  it('with ids that are none', async () => {
    for (const path of [
      '/approvals/x',
      "/approvals/'%20OR%201=1",
      '/approvals?after=x',
      '/approvals?limit=1e9',
      '/approvals?state=%00',
      '/sessions?after=1',
      '/sessions/0/statements',
      '/statements/00000000-0000-0000-0000-000000000000',
      '/search?cursor=1',
      '/search?q=a%00b',
      '/agent?name=a%00b',
      '/sessions?agent=a%00b',
    ]) {
      const { status } = await steward.get(path);
      expect([400, 404], `${path}: ${status}`).toContain(status);
    }
  });

  it.each([
    ['nested deeply', `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`, 'nested deeper than 64 levels'],
    ['of many values', `[${'0,'.repeat(1_900_000)}0]`, 'more than 20000 names and values'],
    ['of many names', `{${Array.from({ length: 300_000 }, (_, at) => `"k${at}":0`)}}`, 'more than 20000 names'],
    ['that is text', JSON.stringify('['.repeat(1_000_000)), 'no object'],
    ['that ends early', '{"jsonrpc": "2.0", "id": 1, "method": "tools/call', 'not JSON'],
  ])('with a body %s are a plain no, and count as refusals', async (_what, body, said) => {
    const token = tokenOf(demo.ready, 'deputy');
    const answered = await fetch(demo.ready.mcp_url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body,
    });
    expect(answered.status).toBe(400);
    expect(await answered.text()).toContain(said);
  });

  it('that count as refusals end in no statement being judged', async () => {
    const answered = await call(tokenOf(demo.ready, 'deputy'), queryCall(READ));
    expect(await answered.text()).toContain('5 of your statements were refused within an hour');
  });

  it('that bring many calls are so many requests', async () => {
    const token = tokenOf(demo.ready, 'platform');
    const many = Array.from({ length: 8 }, (_, id) => ({ ...queryCall(READ), id }));
    const answered = await call(token, many);
    expect(answered.status).toBe(429);
    // What was taken for the first of them is given back.
    const one = await call(token, many.slice(0, 3));
    expect(one.status).toBe(200);
  });

  it('of a size that nobody said are read as far as they may be', async () => {
    const token = tokenOf(demo.ready, 'stranger');
    const send = (body: string, more: Record<string, string> = {}) =>
      new Promise<number>((resolve, reject) => {
        const request = httpRequest(demo.ready.mcp_url, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
            'transfer-encoding': 'chunked',
            ...more,
          },
        });
        request.on('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on('error', (error: NodeJS.ErrnoException) =>
          error.code === 'EPIPE' || error.code === 'ECONNRESET' ? resolve(413) : reject(error),
        );
        for (let at = 0; at < body.length; at += 65_536) request.write(body.slice(at, at + 65_536));
        request.end();
      });
    expect(await send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }))).toBeLessThan(500);
    expect(await send('{')).toBe(400);
    expect(await send('')).toBe(400);
    expect(await send('null')).toBeLessThan(500);
    expect(await send('x'.repeat(5_000_000))).toBe(413);
  });
});

describe('bodies', () => {
  const endless = (path: string, ...more: string[]) =>
    [
      `POST ${path} HTTP/1.1`,
      `host: ${new URL(demo.ready.mcp_url).host}`,
      'content-type: application/json',
      ...more,
      'transfer-encoding: chunked',
      '',
      // The beginning of a body whose rest never comes.
      'ffff',
      '{',
    ].join('\r\n');

  it('are read after sign-in', async () => {
    expect((await raw(endless('/mcp'))).status).toBe(401);
    expect((await raw(endless('/messages?sessionId=x'))).status).toBe(401);
    expect((await raw(endless('/mcp', 'authorization: Bearer nonsense'))).status).toBe(401);
    expect((await raw(endless('/api/policies/try'))).status).toBe(401);
    expect((await raw(endless('/api/approvals/x/decision'))).status).toBe(401);
    expect((await raw(endless('/console/sign-out'))).status).toBe(303);
  });

  it('that are said to be too large are not read', async () => {
    const authorization = `authorization: Bearer ${tokenOf(demo.ready, 'stranger')}`;
    const host = `host: ${new URL(demo.ready.mcp_url).host}`;
    const large = ['POST /mcp HTTP/1.1', host, authorization, 'content-length: 99999999', '', '{'].join('\r\n');
    expect((await raw(large)).status).toBe(413);
  });
});

describe('approvals', () => {
  const erase = (id: number) =>
    query(pipeline, `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${id}`, { purpose: 'Clean up.' });
  const asked: string[] = [];

  it('are open so many at a time; asking for the same again asks for no more', async () => {
    for (const id of [9001, 9002, 9003]) asked.push((await erase(id)).approval?.id ?? '');
    const over = await erase(9004);
    expect(over).toMatchObject({
      status: 'denied',
      denial: {
        code: 'LIMIT_REACHED',
        message: 'You may have 3 statements wait for approval, and ask for 6 in an hour.',
        hint: 'Withdraw what you no longer need, or wait.',
      },
    });
    expect((await erase(9001)).approval?.id).toBe(asked[0]);
    await pipeline.callTool({ name: 'approval', arguments: { id: asked[0], withdraw: true } });
    const next = await erase(9004);
    expect(next.status).toBe('approval_required');
    asked.push(next.approval?.id ?? '');
    expect(await turnedAway('approvals', 'pipeline-bot')).toEqual([1]);
  });

  it('are listed in pages, each once and none out of sight', async () => {
    const found: string[] = [];
    let after: string | null = null;
    do {
      const { body } = await steward.get(`/approvals?state=all&limit=2${after ? `&after=${after}` : ''}`);
      const page = body as unknown as { approvals: { id: string }[]; next: string | null; total: number };
      expect(page.approvals.length).toBeLessThanOrEqual(2);
      expect(page.total).toBe(4);
      found.push(...page.approvals.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(found).toEqual([...asked].reverse());
    const cli = (...args: string[]) =>
      new Promise<string>((resolve, reject) => {
        execFile(
          process.execPath,
          [MAIN, 'approvals', 'list', '--config', demo.ready.config_file, ...args],
          (error, stdout) => (error ? reject(error) : resolve(stdout)),
        );
      });
    const first = await cli('--all', '--limit', '3');
    expect(first).toContain(`Older ones: --after ${found[2]}`);
    const second = await cli('--all', '--limit', '3', '--after', found[2] ?? '');
    expect(second).toContain(found[3]);
    expect(second).not.toContain('Older ones');
  });
});

describe('one of many', () => {
  it('has so many requests at a time, and nobody else waits for that', async () => {
    const since = performance.now();
    const token = tokenOf(demo.ready, 'sales-bot');
    let under = Array.from({ length: 4 }, () => begun(token, queryCall(READ)));
    await expect
      .poll(async () => {
        // One that came while our own call was under way was turned away: it comes again.
        under = under.map((one) => (one.isAnswered() ? begun(token, queryCall(READ)) : one));
        // Our own call does not come before it.
        await pause(300);
        return (await call(token, queryCall(READ))).status;
      })
      .toBe(429);
    const [answers, other] = await Promise.all([
      Promise.all(Array.from({ length: 8 }, () => call(token, queryCall(READ)))),
      query(pipeline, READ, { purpose: 'Look.' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(429));
    const [turned] = answers;
    expect(turned?.headers.get('retry-after')).toBe('1');
    expect(await turned?.json()).toEqual({
      jsonrpc: '2.0',
      error: { code: -32000, message: 'You may have 4 requests under way. Try again in 1 s.' },
      id: null,
    });
    expect(other.status).toBe('ok');
    expectFew(await turnedAway('requests_at_once', 'sales-bot'), since);
    // Those four are answered all the same, and then they are given back.
    for (const { finish } of under) expect(await finish()).toBe(200);
    await expect.poll(async () => (await call(token, queryCall(READ))).status).toBe(200);
  });

  it('has so many streams', async () => {
    const headers = { authorization: `Bearer ${tokenOf(demo.ready, 'sales-bot')}` };
    const ends = [new AbortController(), new AbortController()];
    for (const { signal } of ends) expect((await fetch(demo.ready.sse_url, { headers, signal })).status).toBe(200);
    const third = await fetch(demo.ready.sse_url, { headers });
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '60']);
    const other = new AbortController();
    const others = { authorization: `Bearer ${tokenOf(demo.ready, 'pipeline-bot')}` };
    expect((await fetch(demo.ready.sse_url, { headers: others, signal: other.signal })).status).toBe(200);
    other.abort();
    for (const end of ends) end.abort();
    await expect
      .poll(async () => {
        const again = new AbortController();
        const { status } = await fetch(demo.ready.sse_url, { headers, signal: again.signal });
        again.abort();
        return status;
      })
      .toBe(200);
  });

  it('begins so many sessions', async () => {
    const statuses: string[] = [];
    // One was begun above, by requests of the same token that name no client.
    expect((await query(sales, READ)).status).toBe('ok');
    for (let at = 0; at < 3; at++) {
      const answer = await call(await freshToken('sales-bot'), queryCall(READ));
      statuses.push(((await answer.text()).match(/LIMIT_REACHED|"status":"ok"/) ?? ['none'])[0]);
    }
    expect(statuses).toEqual(['"status":"ok"', '"status":"ok"', 'LIMIT_REACHED']);
    // A session that is there goes on.
    expect((await query(sales, READ)).status).toBe('ok');
  });

  it('sends so much text, and fills the record with no more', async () => {
    const long = `SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS WHERE STATUS = '${'x'.repeat(12_000)}'`;
    const codes: (string | undefined)[] = [];
    for (let at = 0; at < 8; at++) codes.push((await query(sales, `${long} -- ${at}`)).denial?.code);
    expect(codes.slice(0, 2)).toEqual([undefined, undefined]);
    expect(codes.slice(-4)).toEqual(Array(4).fill('LIMIT_REACHED'));
    const { rows } = await database.query(
      `SELECT sum(length(text))::int AS n FROM statement WHERE agent = 'sales-bot'`,
    );
    expect(rows[0].n).toBeLessThan(40_000);
    expect((await query(pipeline, READ, { purpose: 'Look.' })).status).toBe('ok');
  });

  it('fills no list so that others are out of sight', async () => {
    const { rows } = await database.query(
      `SELECT id FROM session WHERE actor = 'agent' ORDER BY opened_at DESC, id DESC`,
    );
    const found: string[] = [];
    let after: string | null = null;
    do {
      const { body } = await steward.get(`/sessions?limit=2${after ? `&after=${after}` : ''}`);
      const page = body as unknown as { sessions: { id: string }[]; next: string | null };
      found.push(...page.sessions.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(found).toEqual(rows.map(({ id }) => id));
    expect(found.length).toBeGreaterThan(2);
  });

  it('is refused so often, and then not judged at all', async () => {
    const since = performance.now();
    // Nothing of theirs was refused before.
    const auditor = await agent(demo.ready, 'auditor');
    const denials: string[] = [];
    for (let at = 0; at < 9; at++) {
      const { denial } = await query(auditor, `SELECT ${at} FROM ANALYTICS.SALES.ORDERS`);
      denials.push(`${denial?.code} ${denial?.message}`);
    }
    await auditor.close();
    expect(denials.slice(0, 5).every((text) => !text.startsWith('LIMIT'))).toBe(true);
    expect(denials.slice(5)).toEqual(Array(4).fill('LIMIT_REACHED 5 of your statements were refused within an hour.'));
    const { rows } = await database.query(`SELECT count(*)::int AS n FROM statement WHERE agent = 'auditor'`);
    expect(rows[0].n).toBe(5);
    expectFew(await turnedAway('refusals', 'auditor'), since);
  });

  it('sends so many requests in a minute, told before its body is read', async () => {
    const token = tokenOf(demo.ready, 'stranger');
    // A minute of theirs may be nearly over: what is looked at is a no that holds for some time yet.
    const isLong = (answer: Response | undefined): boolean => Number(answer?.headers.get('retry-after') ?? 0) > 20;
    let turned: Response | undefined;
    for (let at = 0; at < 1000 && !isLong(turned); at++)
      turned = await call(token, { jsonrpc: '2.0', id: 1, method: 'ping' });
    expect([turned?.status, isLong(turned)]).toEqual([429, true]);
    const host = `host: ${new URL(demo.ready.mcp_url).host}`;
    const unread = ['POST /mcp HTTP/1.1', host, `authorization: Bearer ${token}`, 'content-length: 1000000', '', '{'];
    expect((await raw(unread.join('\r\n'))).status).toBe(429);
    expect((await query(pipeline, READ, { purpose: 'Look.' })).status).toBe('ok');
  });
});
