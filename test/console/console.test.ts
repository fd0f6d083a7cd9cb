/** The console from outside: who gets in, what attackers get, what the API says. */

import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { Client } from '@modelcontextprotocol/client';
import { Client as Postgres } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readSealingKey, SealedRows } from '../../dist/transcript/index.js';
import { agent, cli, query } from '../support/demo.js';
import { Person } from '../support/outside/person.js';

const began = performance.now();
const ready = inject('ready');
let pipeline: Client;
let sales: Client;
let steward: Person;
let auditor: Person;
let platform: Person;
let database: Postgres;
/** Rows as the demo's own gateway writes them. */
let rows: SealedRows;

const signedIn = async (name: string): Promise<Person> => {
  const person = new Person(ready);
  await person.signIn(name);
  return person;
};
let order = 4700;
const ask = async (sql = `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${++order}`) => {
  const asked = await query(pipeline, sql, { purpose: 'Clean up.' });
  return { id: asked.approval?.id ?? '', statement: asked.statement_id, session: asked.session ?? '' };
};
const resume = async (id: string) =>
  (await pipeline.callTool({ name: 'approval', arguments: { id } })).structuredContent as { status: string };
const withdraw = (id: string) => pipeline.callTool({ name: 'approval', arguments: { id, withdraw: true } });

beforeAll(async () => {
  [pipeline, sales] = [await agent(ready, 'pipeline-bot'), await agent(ready, 'sales-bot')];
  [steward, auditor, platform] = [await signedIn('steward'), await signedIn('auditor'), await signedIn('platform')];
  database = new Postgres({ connectionString: ready.database_url });
  await database.connect();
  await database.query('SET TimeZone = UTC');
  const key = await readFile(join(dirname(ready.config_file), 'encryption-key'), 'utf8');
  rows = new SealedRows([readSealingKey(key)], () => undefined);
});
/** As if time had gone by for the newest session of a person. */
async function age(subject: string, column: 'rotated_at' | 'former_until' | 'expires_at' | 'seen_at', minutes: number) {
  const [row] = await rows.select(
    database,
    'person_session',
    'WHERE t.subject = $1 ORDER BY t.opened_at DESC LIMIT 1',
    [subject],
  );
  if (!row) throw new Error(`${subject} is not signed in`);
  await rows.update(database, 'person_session', row, {
    [column]: new Date(Date.now() - minutes * 60_000).toISOString(),
  });
}
afterAll(async () => {
  await database.end();
  await pipeline.close();
  await sales.close();
});

describe('who gets in', () => {
  it('shows nobody anything but the way in', async () => {
    const nobody = new Person(ready);
    expect((await nobody.get('/now')).status).toBe(401);
    expect((await nobody.get('/approvals')).body).toEqual({
      error: 'You are not signed in.',
      hint: 'Sign in at /console/sign-in.',
    });
    const page = await nobody.fetch('/console');
    expect(await page.text()).toContain('Sign in');
    const deep = await nobody.fetch('/console/approvals/1?x=2');
    expect(deep.headers.get('location')).toBe('/console/sign-in?to=%2Fconsole%2Fapprovals%2F1%3Fx%3D2');
  });

  it('knows people by their groups', async () => {
    expect((await steward.get('/me')).body).toMatchObject({ subject: 'steward', roles: ['reviewer', 'auditor'] });
    expect((await auditor.get('/me')).body['roles']).toEqual(['auditor']);
    expect((await platform.get('/me')).body['roles']).toEqual(['administrator']);
    // In no group that has a role: signed in, and shown nothing.
    const bot = await signedIn('sales-bot');
    expect((await bot.get('/now')).status).toBe(403);
    const page = await bot.fetch('/console');
    expect([page.status, await page.text()]).toEqual([403, expect.stringContaining('None of your groups has a role')]);
  });

  it('brings people back to where they wanted to go', async () => {
    const person = new Person(ready);
    expect((await person.signIn('steward', '/console/approvals?state=all')).href).toBe(
      `${ready.console_url}/approvals?state=all`,
    );
  });

  it('ends a session where somebody signs out, and at the provider', async () => {
    const person = await signedIn('steward');
    const token = person.cookie();
    const form = new URLSearchParams({ csrf: 'nonsense' });
    expect((await person.fetch('/console/sign-out', { method: 'POST', body: form })).status).toBe(403);
    form.set('csrf', person.csrf);
    const out = await person.fetch('/console/sign-out', { method: 'POST', body: form });
    expect(out.headers.get('location')).toContain(`${ready.issuer}/session/end`);
    person.setCookie('snowfence', token);
    expect((await person.get('/me')).status).toBe(401);
  });

  it('writes down who came and went', async () => {
    const { rows } = await database.query(
      `SELECT kind, body FROM event WHERE kind IN ('person_signed_in', 'person_signed_out')`,
    );
    expect(rows).toEqual(
      expect.arrayContaining([
        {
          kind: 'person_signed_in',
          body: expect.objectContaining({ subject: 'steward', roles: ['reviewer', 'auditor'] }),
        },
        // Who has no role came, too.
        { kind: 'person_signed_in', body: expect.objectContaining({ subject: 'sales-bot', roles: [] }) },
        { kind: 'person_signed_out', body: expect.objectContaining({ subject: 'steward' }) },
      ]),
    );
  });
});

describe('attackers', () => {
  it('can not make a signed-in browser decide (CSRF)', async () => {
    const { id } = await ask();
    const body = { decision: 'approve' };
    const path = `/approvals/${id}/decision`;
    const other = await signedIn('auditor');
    const token = { 'x-snowfence-csrf': steward.csrf };
    for (const headers of [
      {},
      { 'x-snowfence-csrf': 'nonsense' },
      { 'x-snowfence-csrf': other.csrf },
      { ...token, 'sec-fetch-site': 'cross-site' },
      { ...token, 'sec-fetch-site': 'same-site' },
      { ...token, origin: 'https://evil.example' },
      { ...token, origin: 'null' },
    ])
      expect((await steward.post(path, body, headers)).status).toBe(403);
    // A form's content type, as other sites can send it.
    const form = await steward.fetch(`/api${path}`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify(body),
    });
    expect(form.status).toBe(403);
    expect((await steward.get(`/approvals/${id}`)).body['state']).toBe('pending');
    // Nor by a link: nothing changes with GET.
    expect((await steward.fetch(`/api${path}`)).status).toBe(404);
    await withdraw(id);
  });

  it('can not plant a session (fixation), nor finish a sign-in that another browser began', async () => {
    const planted = 'A'.repeat(43);
    const person = new Person(ready);
    person.setCookie('snowfence', planted);
    await person.signIn('steward');
    expect(person.cookie()).not.toBe(planted);
    const before = person.cookie();
    // Signing in again ends the session before.
    await person.signIn('steward');
    const now = person.cookie();
    person.setCookie('snowfence', before);
    expect((await person.get('/me')).status).toBe(401);
    person.setCookie('snowfence', now);
    expect((await person.get('/me')).status).toBe(200);
    // The attacker's own answer of the provider, in the victim's browser.
    const attacker = new Person(ready);
    const callback = await attacker.reachCallback('auditor');
    const victim = new Person(ready);
    expect((await victim.fetch(callback)).status).toBe(400);
    expect(victim.cookie()).toBeUndefined();
    // Nor with a flow of the victim's own: state and nonce are another's.
    await victim.follow('/console/sign-in');
    expect((await victim.fetch(callback)).status).toBe(400);
    expect(victim.cookie()).toBeUndefined();
  });

  it('can not use what a browser sent twice', async () => {
    const person = new Person(ready);
    const callback = await person.reachCallback('steward');
    const flow = person.cookie('snowfence-sign-in');
    expect((await person.fetch(callback)).status).toBe(302);
    person.setCookie('snowfence-sign-in', flow);
    expect((await person.fetch(callback)).status).toBe(400);
  });

  it.each([
    '//evil.example',
    'https://evil.example',
    '/\\evil.example',
    '/console//evil.example',
    '/console/../mcp',
    '/console/sign-out',
    'javascript:alert(1)',
    '/consolex',
  ])('can not send people elsewhere after sign-in: %s', async (to) => {
    const person = new Person(ready);
    expect((await person.signIn('steward', to)).href).toBe(ready.console_url);
  });

  it('are told nothing under another host name', async () => {
    const { port } = new URL(ready.console_url);
    const answer = await fetch(`http://localhost:${port}/api/me`);
    expect(answer.status).toBe(421);
    const page = await fetch(`http://localhost:${port}/console/approvals`, { redirect: 'manual' });
    expect(page.headers.get('location')).toBe(`${ready.console_url}/approvals`);
  });

  it('find no inline script, no frame, no cookie that a script can read', async () => {
    const page = await steward.fetch('/console');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|data:|https:/);
    const text = await page.text();
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=/i);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const fresh = new Person(ready);
    const answer = await fresh.fetch(await fresh.reachCallback('steward'));
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('snowfence=')) ?? '';
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Lax/i);
  });

  it('do not decide without the group, nor see what only auditors see', async () => {
    const { id, statement } = await ask();
    for (const person of [auditor, platform]) {
      const answer = await person.post(`/approvals/${id}/decision`, { decision: 'approve' });
      expect([answer.status, answer.body['error']]).toEqual([403, expect.stringContaining('in none of the groups')]);
    }
    expect((await platform.post(`/approvals/${id}/whole`)).status).toBe(403);
    expect((await platform.post(`/statements/${statement}/whole`)).status).toBe(403);
    expect((await auditor.post(`/statements/${statement}/whole`)).status).toBe(200);
    const { rows } = await database.query(
      `SELECT body FROM event WHERE kind = 'record_viewed' AND body->>'statement' = $1`,
      [statement],
    );
    expect(rows.map(({ body }) => body.auditor)).toEqual(['auditor']);
    await withdraw(id);
  });

  it('guess no ids, and break nothing with odd ones', async () => {
    const odd = ['1', "' OR 1=1 --", '../me', '00000000-0000-7000-8000-000000000000', 'a'.repeat(3000)];
    for (const id of odd.map(encodeURIComponent))
      for (const path of [`/approvals/${id}`, `/statements/${id}`, `/sessions/${id}`])
        expect((await steward.get(path)).status).toBe(404);
    for (const path of ['/search?cursor=x', '/search?limit=100000', '/approvals?state=x', '/search?q=duration:x'])
      expect((await steward.get(path)).status).toBe(400);
    expect((await steward.post(`/approvals/${odd[3]}/decision`, { decision: 'approve' })).status).toBe(404);
    expect((await steward.post(`/approvals/${odd[3]}/decision`, { decision: 'maybe' })).status).toBe(400);
    const large = await steward.post('/policies/try', { sql: 'x'.repeat(400_000) });
    expect(large.status).toBe(413);
    const broken = await steward.fetch('/api/policies/try', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-snowfence-csrf': steward.csrf },
      body: '{',
    });
    expect(broken.status).toBe(400);
  });
});

describe('a session of a person', () => {
  it('gets another token now and then; the one before holds for a moment', async () => {
    const person = await signedIn('auditor');
    const first = person.cookie();
    await age('auditor', 'rotated_at', 60);
    expect((await person.get('/me')).status).toBe(200);
    const second = person.cookie();
    expect(second).not.toBe(first);
    person.setCookie('snowfence', first);
    expect((await person.get('/me')).status).toBe(200);
    await age('auditor', 'former_until', 0);
    person.setCookie('snowfence', first);
    expect((await person.get('/me')).status).toBe(401);
    person.setCookie('snowfence', second);
    expect((await person.get('/me')).status).toBe(200);
  });

  it('ends after its time, and after quiet', async () => {
    for (const [column, minutes] of [
      ['expires_at', 0],
      ['seen_at', 120],
    ] as const) {
      const person = await signedIn('platform');
      expect((await person.get('/me')).status).toBe(200);
      await age('platform', column, minutes);
      expect((await person.get('/me')).status).toBe(401);
    }
  });

  it('is kept as a hash only', async () => {
    const found = await database.query('SELECT row_to_json(p)::text AS row FROM person_session p');
    for (const { row } of found.rows) expect(row).not.toContain(steward.cookie());
  });
});

describe('approvals', () => {
  it('show what would run and what it touches, and are decided', async () => {
    const { id } = await ask();
    const { body } = await steward.get(`/approvals/${id}`);
    expect(body).toMatchObject({
      state: 'pending',
      agent: 'pipeline-bot',
      kind: 'delete',
      purpose: 'Clean up.',
      barred: null,
      is_outdated: false,
      estimate: { rows: 1 },
      about: { objects: [{ object: 'ANALYTICS.SALES.ORDERS', access: 'write' }] },
      requirements: [{ groups: ['data-stewards'], count: 1 }],
    });
    expect((body['statement'] as { text: string }[]).map(({ text }) => text).join('')).toBe(
      `DELETE FROM ANALYTICS.SALES.ORDERS\nWHERE ORDER_ID = ${order}`,
    );
    const waiting = pipeline.callTool({ name: 'approval', arguments: { id, wait_seconds: 30 } });
    const decided = await steward.post(`/approvals/${id}/decision`, { decision: 'approve', reason: 'Fine.' });
    expect(decided.body).toMatchObject({ state: 'approved', decisions: [{ decision: 'approve', reason: 'Fine.' }] });
    expect((await waiting).structuredContent).toMatchObject({ status: 'ok', rows: [[1]] });
    expect((await steward.post(`/approvals/${id}/decision`, { decision: 'deny' })).status).toBe(409);
    const { rows } = await database.query(
      `SELECT body FROM event WHERE kind = 'approval_decided' AND body->>'approval' = $1`,
      [id],
    );
    expect(rows[0].body).toMatchObject({
      reviewer: 'steward',
      state: 'approved',
      via: 'console',
      rules: [expect.stringContaining('data-engineers.yaml')],
    });
  });

  it('stand for a while, if the reviewer says so, and end at once', async () => {
    // Of a shape that nobody else asks for: files that run at the same time ask the same gateway.
    const { id } = await ask(`DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4699 AND STATUS <> 'stands'`);
    await steward.post(`/approvals/${id}/decision`, { decision: 'approve', standing_minutes: 30 });
    expect((await resume(id)).status).toBe('ok');
    const { body } = await steward.get('/standing');
    const standing = (body['standing'] as { id: string; approval_id: string; may_revoke: boolean }[]).filter(
      ({ approval_id: of }) => of === id,
    );
    expect(standing).toMatchObject([{ agent: 'pipeline-bot', approval_id: id, may_revoke: true }]);
    const path = `/standing/${standing[0]?.id}`;
    const token = { 'x-snowfence-csrf': auditor.csrf };
    expect((await auditor.post(path, {}, token, 'DELETE')).status).toBe(403);
    expect((await steward.post(path, {}, undefined, 'DELETE')).body).toEqual({ revoked: true });
  });
});

describe('what the API says', () => {
  it('describes itself', async () => {
    const { body } = await steward.get('/openapi.json');
    expect(body['openapi']).toBe('3.1.0');
    expect(Object.keys(body['paths'] as object)).toEqual(
      expect.arrayContaining(['/api/now', '/api/search', '/api/approvals/{id}/decision', '/api/policies/try']),
    );
  });

  it('searches, pages, and says what is wrong with a question', async () => {
    await query(sales, 'SELECT COUNT(*) FROM ANALYTICS.SALES.CUSTOMERS', { purpose: 'to be found' });
    const found = (await auditor.get('/search?q=agent:sales-bot+table:customers&limit=1')).body;
    expect(found).toMatchObject({ statements: [{ agent: 'sales-bot' }] });
    expect((await auditor.get('/search?q=nonsense:x')).body).toMatchObject({
      error: expect.stringContaining('There is no search term "nonsense:"'),
      hint: expect.stringContaining('agent'),
    });
  });

  it('tells what a policy would say, without a record of it', async () => {
    const mark = `TRIED_${Date.now()}`;
    const tried = await platform.post('/policies/try', {
      subject: 'sales-bot',
      groups: ['sales-agents'],
      sql: `SELECT EMAIL AS ${mark} FROM ANALYTICS.SALES.CUSTOMERS`,
      purpose: 'why',
    });
    expect(tried.body).toMatchObject({
      verdict: 'allow',
      masks: expect.arrayContaining([expect.objectContaining({ column: 'ANALYTICS.SALES.CUSTOMERS.EMAIL' })]),
    });
    const stranger = await platform.post('/policies/try', { subject: 'x', groups: [], sql: `SELECT 1 AS ${mark}` });
    expect(stranger.body).toMatchObject({ verdict: 'deny', denial: { code: 'NO_POLICY' } });
    const { rows: kept } = await database.query(
      `SELECT body::text AS text FROM event WHERE body::text LIKE $1 UNION ALL SELECT text FROM statement WHERE text LIKE $1`,
      [`%${mark}%`],
    );
    expect(kept).toEqual([]);
  });

  it('shows agents, policies, the state of the record', async () => {
    expect((await platform.get('/agents')).body).toMatchObject({
      agents: expect.arrayContaining([expect.objectContaining({ agent: 'sales-bot', groups: ['sales-agents'] })]),
    });
    expect((await platform.get('/agent?name=sales-bot')).body).toMatchObject({
      policies: [{ name: 'sales-readers' }],
    });
    expect((await platform.get('/agent?name=nobody')).status).toBe(404);
    expect((await platform.get('/policies')).body).toMatchObject({
      policies: expect.arrayContaining([expect.objectContaining({ name: 'sales-readers' })]),
    });
    expect((await steward.post('/webhooks/x/retry')).status).toBe(403);
    expect((await platform.post('/webhooks/x/retry')).status).toBe(404);
    await cli(['verify', '--config', ready.config_file, '--acknowledged', 'ab'.repeat(32)]);
    const { status, body } = await platform.get('/integrity');
    expect([status, body]).toEqual([200, expect.objectContaining({ webhooks: [] })]);
    const { acts } = body as { acts: readonly { kind: string; by: string; body: object }[] };
    expect(acts.find(({ kind }) => kind === 'record_verified')).toMatchObject({
      by: `${userInfo().username}, at the command line`,
      body: { acknowledged: ['ab'.repeat(32)] },
    });
    expect((await platform.get('/now')).body).toMatchObject({ policies: { problem: null } });
  });

  it('brings events as they are written', async () => {
    const response = await steward.fetch('/api/stream');
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted)) {
        const { value, done } = await reader.read();
        if (done) throw new Error('the stream ended');
        text += value;
      }
    };
    await until('hello');
    await query(sales, 'SELECT COUNT(*) AS LIVE_NOW FROM ANALYTICS.SALES.ORDERS', { purpose: 'live' });
    await until('LIVE_NOW');
    await until('statement_completed');
    await reader.cancel();
  });
});

describe('whoever begins sign-ins without end', () => {
  it('keeps nobody from signing in who comes from the same address', async () => {
    const nobody = new Person(ready);
    const statuses = new Set<number>();
    // What is over a minute's share within one minute: one may end on the way.
    for (let at = 0; at < 400 && !statuses.has(429); at++) {
      statuses.add((await nobody.fetch('/console/sign-in')).status);
      statuses.add((await new Person(ready).fetch('/console/callback?code=x&state=y')).status);
    }
    // What was not begun here is answered so often, and no longer.
    expect([...statuses].sort()).toEqual([302, 400, 429]);
    // And written down once, the rest as a number once a minute.
    const { rows } = await database.query(
      `SELECT count(*)::int AS n FROM event WHERE kind = 'sign_in_refused' AND body->>'problem' LIKE 'no sign-in was begun%'`,
    );
    expect(rows[0].n).toBeLessThanOrEqual(4 + 2 * Math.floor((performance.now() - began) / 60_000));
    const deputy = await signedIn('deputy');
    expect((await deputy.get('/now')).status).toBe(200);
  });
});
