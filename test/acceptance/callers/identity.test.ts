import { generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { tokenOf } from '../../support/demo.js';

const ready = inject('ready');
const now = (): number => Math.floor(Date.now() / 1000);

let database: pg.Client;
beforeAll(async () => {
  database = new pg.Client({ connectionString: ready.database_url });
  await database.connect();
});
afterAll(() => database.end());

const MARK = `SELECT 'identity-${Date.now()}'`;
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'query', arguments: { sql: MARK } } };

const post = (token: string | undefined, path = '/mcp', more: Record<string, string> = {}): Promise<Response> =>
  fetch(new URL(path, ready.mcp_url), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...more,
    },
    body: JSON.stringify(CALL),
  });

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token like the real one but for what a case changes, signed with a key of our own. */
async function forged(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256');
  const { kid } = JSON.parse(Buffer.from(tokenOf(ready, 'sales-bot').split('.')[0] ?? '', 'base64url').toString()) as {
    kid: string;
  };
  const payload = {
    iss: ready.issuer,
    aud: ready.audience,
    sub: 'sales-bot',
    client_id: 'sales-bot',
    groups: ['sales-agents'],
    scope: 'snowfence',
    iat: now(),
    exp: now() + 600,
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header }).sign(privateKey);
}

describe('requests that prove nobody', () => {
  const cases: [string, () => Promise<string | undefined>][] = [
    ['no token', async () => undefined],
    ['no JWT at all', async () => 'abc'],
    ['a token signed by another key', () => forged({})],
    ['a token of another issuer', () => forged({ iss: 'https://idp.example.com' })],
    ['a token for another audience', () => realToken('http://127.0.0.1:1/mcp', 3600)],
    ['an expired token', () => realToken(ready.audience, -3600)],
    [
      'alg none',
      async () =>
        `${base64({ alg: 'none', typ: 'at+jwt' })}.${base64({ iss: ready.issuer, aud: ready.audience, sub: 'sales-bot', exp: now() + 600 })}.`,
    ],
    ['an HMAC with the public key as its secret', async () => forgedHmac()],
    ['a real token with one character changed', async () => changed(tokenOf(ready, 'sales-bot'))],
  ];

  it.each(cases)('%s: 401', async (_name, make) => {
    const response = await post(await make());
    expect(response.status).toBe(401);
    const challenge = response.headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/^Bearer /);
    expect(challenge).toContain('resource_metadata="');
    // Which check failed is for the log alone.
    expect(challenge + (await response.text())).not.toMatch(/signature|expired|audience|issuer unknown/i);
  });

  it('leaves no statement in the transcript and counts the attempts', async () => {
    const { rows } = await database.query("SELECT count(*)::int AS n FROM event WHERE body->>'statement' = $1", [MARK]);
    expect(rows[0].n).toBe(0);
    const metrics = await (await fetch(ready.metrics_url)).text();
    const counted = metrics.split('\n').filter((line) => line.startsWith('snowfence_tokens_refused'));
    for (const problem of ['missing', 'malformed', 'bad signature', 'unknown issuer', 'algorithm not allowed'])
      expect(counted.join('\n')).toContain(`problem="${problem}"`);
  });

  it('holds for HTTP+SSE, too', async () => {
    expect((await fetch(ready.sse_url)).status).toBe(401);
    expect((await post(undefined, '/messages?sessionId=x')).status).toBe(401);
    expect((await post(tokenOf(ready, 'sales-bot'), '/messages?sessionId=x')).status).toBe(404);
  });
});

/** The demo's own key is in another process; these two cases need an issuer that we hold and the gateway trusts: see keys.test.ts. */
async function realToken(audience: string, lifetime: number): Promise<string> {
  return forged({ aud: audience, exp: now() + lifetime });
}

async function forgedHmac(): Promise<string> {
  const keys = (await (await fetch(new URL('/jwks', ready.issuer))).json()) as { keys: object[] };
  return new SignJWT({ iss: ready.issuer, aud: ready.audience, sub: 'sales-bot', exp: now() + 600 })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .sign(Buffer.from(JSON.stringify(keys.keys[0])));
}

function changed(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
}

describe('what anybody may ask', () => {
  it('tells clients where tokens come from (RFC 9728)', async () => {
    for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
      const metadata = (await (await fetch(new URL(path, ready.mcp_url))).json()) as Record<string, unknown>;
      expect(metadata).toMatchObject({ resource: ready.mcp_url, authorization_servers: [ready.issuer] });
    }
  });

  it('answers health, readiness and metrics without names or values', async () => {
    expect((await fetch(new URL('/healthz', ready.mcp_url))).status).toBe(200);
    expect(await (await fetch(new URL('/readyz', ready.mcp_url))).json()).toEqual({
      transcript: 'ok',
      warehouse: 'ok',
      warehouse_asked_at: expect.stringMatching(/^20.*Z$/),
      policies: 'ok',
    });
    const metrics = await (await fetch(ready.metrics_url)).text();
    expect(metrics).not.toMatch(/sales-bot|CUSTOMERS/);
    expect(metrics).toMatch(/^snowfence_warehouse_reachable 1$/m);
    expect(metrics).toMatch(/^snowfence_approvals_open\{state="pending"\} \d+$/m);
  });

  it('are kept connected for longer than a load balancer keeps a connection that nobody uses', async () => {
    const { headers } = await fetch(new URL('/healthz', ready.mcp_url));
    const [, seconds] = /timeout=(\d+)/.exec(headers.get('keep-alive') ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThan(60);
  });

  it('refuses other hosts and origins (DNS rebinding)', async () => {
    expect((await post(tokenOf(ready, 'sales-bot'), '/mcp', { origin: 'https://evil.example' })).status).toBe(403);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(ready.mcp_url, { method: 'POST', headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end('{}');
    });
    expect(status).toBe(403);
  });

  it('answers broken requests plainly', async () => {
    const authorization = `Bearer ${tokenOf(ready, 'sales-bot')}`;
    const send = (body: string): Promise<Response> =>
      fetch(ready.mcp_url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body });
    expect((await send('{')).status).toBe(400);
    expect((await send('x'.repeat(5 * 1024 * 1024))).status).toBe(413);
    expect((await fetch(new URL('/nothing', ready.mcp_url))).status).toBe(404);
  });
});
