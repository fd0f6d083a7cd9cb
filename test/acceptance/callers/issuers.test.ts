/** Two issuers that know the same names, and a gateway that takes tokens of both: what one says never counts for the other. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort } from '../../../dist/demo/child.js';
import { bareEnv, MAIN, type QueryAnswer, query, tokenOf } from '../../support/demo.js';
import { Person } from '../../support/outside/person.js';

const ready = inject('ready');
const READ = 'SELECT COUNT(*) AS N FROM ANALYTICS.SALES.ORDERS';

let folder: string;
let provider: Server;
let issuer: string;
let key: CryptoKey;
let url: string;
let gateway: ChildProcess;
let sound: Record<string, Record<string, unknown>>;

/** A token of the second issuer. */
const token = (claims: Record<string, unknown>): Promise<string> =>
  new SignJWT({
    iss: issuer,
    aud: ready.audience,
    sub: 'pipeline-bot',
    client_id: 'pipeline-bot',
    groups: ['pipeline-agents'],
    repository_owner: 'acme',
    exp: Math.floor(Date.now() / 1000) + 600,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(key);

async function clientWith(text: string): Promise<Client> {
  const client = new Client({ name: 'tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => text } }));
  return client;
}

const RULES = `rules:
  - allow: [read]
    on: [ANALYTICS.SALES.*]
`;
const policyOf = (name: string, principals: string, rules = RULES): string =>
  `policy: ${name}\nprincipals: ${principals}\nsnowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }\n${rules}`;
const APPROVE = (by: string): string => `${RULES}  - approve: [delete]\n    on: [ANALYTICS.SALES.*]\n    by: ${by}\n`;

async function configured(
  name: string,
  more: Record<string, unknown>,
  policies: Record<string, string>,
): Promise<string> {
  const place = join(folder, name);
  await mkdir(join(place, 'policies'), { recursive: true });
  for (const [file, text] of Object.entries(policies)) await writeFile(join(place, 'policies', file), text);
  const file = join(place, 'snowfence.yaml');
  await writeFile(file, stringify({ ...sound, policies: join(place, 'policies'), ...more }));
  return file;
}

const cli = (args: readonly string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; said: string }>((done) => {
    execFile(process.execPath, [MAIN, ...args], { env: bareEnv(env), timeout: 120_000 }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, said: `${stdout}${stderr}`.replaceAll(/\s+/g, ' ') }),
    );
  });

let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-issuers-'));
  const pair = await generateKeyPair('ES256');
  key = pair.privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256', use: 'sig' };
  provider = createServer((request, response) => {
    const body = request.url === '/jwks' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/jwks` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((done) => provider.listen(0, '127.0.0.1', done));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;

  const listen = `127.0.0.1:${await freePort()}`;
  url = `http://${listen}/mcp`;
  const given = parse(await readFile(ready.config_file, 'utf8')) as typeof sound;
  const base = dirname(ready.config_file);
  const transcript = Object.fromEntries(
    Object.entries(given['transcript'] ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' && name.endsWith('_file') && !isAbsolute(value) ? join(base, value) : value,
    ]),
  );
  sound = {
    ...given,
    server: { listen, public_url: url },
    transcript: { ...transcript, checkpoints: {} },
    identity: {
      issuers: [
        ...((given['identity']?.['issuers'] ?? []) as object[]),
        {
          issuer,
          audience: ready.audience,
          algorithms: ['ES256'],
          required_claims: { repository_owner: ['acme', 'acme-labs'] },
        },
      ],
    },
    console: { ...given['console'], issuer: ready.issuer },
  };
  file = await configured(
    'sound',
    {},
    {
      'sales.yaml': policyOf(
        'sales',
        `{ issuer: ${ready.issuer}, groups: [pipeline-agents] }`,
        APPROVE(`{ issuer: ${ready.issuer}/, groups: [data-stewards] }`),
      ),
      'jobs.yaml': policyOf('jobs', `{ issuer: ${issuer}, subjects: ["job-*"] }`),
    },
  );
  gateway = spawn(process.execPath, [MAIN, 'serve', '--config', file], { stdio: 'ignore', env: bareEnv() });
  const isReady = (): Promise<boolean> =>
    fetch(new URL('/readyz', url)).then(
      (response) => response.ok,
      () => false,
    );
  for (const until = Date.now() + 120_000; !(await isReady()) && Date.now() < until; ) await sleep(200);
});
afterAll(async () => {
  gateway.kill('SIGTERM');
  await new Promise((done) => gateway.once('exit', done));
  provider.closeAllConnections();
  provider.close();
  await rm(folder, { recursive: true });
});

describe('a principal', () => {
  it('has what its own issuer says, and nothing that another says of the same name', async () => {
    const ours = await clientWith(tokenOf(ready, 'pipeline-bot'));
    expect((await query(ours, READ)).status).toBe('ok');
    const namesake = await clientWith(await token({}));
    expect(await query(namesake, READ)).toMatchObject({ status: 'denied', denial: { code: 'NO_POLICY' } });
    // Whoever looks before asking is told the same, in words and as data.
    for (const name of ['whoami', 'describe'])
      expect(JSON.stringify(await namesake.callTool({ name, arguments: {} }))).toMatch(
        /"text":"[^"]*No policy names you, so nothing is allowed\..*"(?:in_words|notices)":\["No policy names you/,
      );
    const job = await clientWith(await token({ sub: 'job-7', client_id: 'job-7', groups: [] }));
    expect((await query(job, READ)).status).toBe('ok');
    for (const client of [ours, namesake, job]) await client.close();
  });

  it('reads, asks and goes on with nothing of its namesake', async () => {
    const ours = await clientWith(tokenOf(ready, 'pipeline-bot'));
    const namesake = await clientWith(await token({ sub: 'pipeline-bot' }));
    const page = await query(ours, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY 1', { max_rows: 2 });
    expect(page.cursor).not.toBeNull();
    const fetched = await namesake.callTool({ name: 'fetch', arguments: { cursor: page.cursor } });
    expect(fetched.structuredContent).not.toMatchObject({ status: 'ok' });
    const theirs = await query(namesake, READ, { session: page.session });
    expect(theirs.session).not.toBe(page.session);
    const asked = await query(ours, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4900', {
      purpose: 'Clean up.',
    });
    expect(asked.status).toBe('approval_required');
    const resumed = (await namesake.callTool({ name: 'approval', arguments: { id: asked.approval?.id } }))
      .structuredContent as unknown as QueryAnswer;
    expect(resumed.status).not.toBe('approval_required');
    await ours.callTool({ name: 'approval', arguments: { id: asked.approval?.id, withdraw: true } });
    for (const client of [ours, namesake]) await client.close();
  });

  it('is two in the console where two issuers know the name', async () => {
    const namesake = await clientWith(await token({}));
    await query(namesake, READ);
    await namesake.close();
    const steward = new Person(ready);
    await steward.signIn('steward');
    const { agents } = (await steward.get('/agents')).body as {
      agents: { agent: string; issuer: string; statements: number; refused: number }[];
    };
    const both = agents.filter(({ agent }) => agent === 'pipeline-bot');
    expect(new Set(both.map((one) => one.issuer))).toEqual(new Set([ready.issuer, issuer]));
    const theirs = both.find((one) => one.issuer === issuer);
    // All that it asked was refused; what its namesake ran is not among it.
    expect(theirs?.statements).toBe(theirs?.refused);
    expect((await steward.get('/agent?name=pipeline-bot')).status).toBe(409);
    const one = await steward.get(`/agent?name=pipeline-bot&issuer=${encodeURIComponent(issuer)}`);
    expect(one.body).toMatchObject({ policies: [], tables: [], agent: { issuer } });
    const { statements } = (await steward.get(`/search?q=${encodeURIComponent(`agent:pipeline-bot issuer:${issuer}`)}`))
      .body as { statements: { verdict: string }[] };
    expect(statements.length).toBeGreaterThan(0);
    expect(new Set(statements.map(({ verdict }) => verdict))).toEqual(new Set(['denied']));
  });
});

describe('a reviewer', () => {
  it('is one of the issuer that the rule names', async () => {
    const pipeline = await clientWith(tokenOf(ready, 'pipeline-bot'));
    const asked = await query(pipeline, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 4901', {
      purpose: 'Clean up.',
    });
    const id = asked.approval?.id ?? '';
    const foreign = {
      SNOWFENCE_TOKEN: await token({ sub: 'steward', client_id: 'steward', groups: ['data-stewards', 'auditors'] }),
    };
    const refused = await cli(['approvals', 'approve', id, '--config', file], foreign);
    expect(refused).toMatchObject({ code: 1, said: expect.stringContaining('You are in none of the groups') });
    const look = await cli(['approvals', 'show', id, '--whole', '--config', file], foreign);
    expect(look).toMatchObject({ code: 1, said: expect.stringContaining('in none of the groups that may see') });
    const given = await cli(['approvals', 'approve', id, '--config', file], {
      SNOWFENCE_TOKEN: tokenOf(ready, 'steward'),
    });
    expect(given).toMatchObject({ code: 0, said: expect.stringContaining('approved') });
    await pipeline.callTool({ name: 'approval', arguments: { id, withdraw: true } });
    await pipeline.close();
  });
});

describe('a token of somebody else, of an issuer that serves many', () => {
  const post = async (text: string) =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${text}`, 'content-type': 'application/json' },
      body: '{}',
    });

  it.each([
    ['another owner', { repository_owner: 'mallory' }],
    ['no owner', { repository_owner: undefined }],
    ['an owner in another spelling', { repository_owner: 'Acme' }],
    ['an owner within a text', { repository_owner: 'acme/mallory' }],
    ['an owner in an object', { repository_owner: { acme: true } }],
  ])('is refused with %s, and told why', async (_name, claims) => {
    const response = await post(await token(claims));
    expect(response.status).toBe(403);
    const { error, error_description: why } = (await response.json()) as Record<string, string>;
    expect(error).toBe('access_denied');
    expect(why).toContain('required_claims');
    expect(why).not.toContain('acme');
    expect(response.headers.get('www-authenticate')).toBeNull();
  });

  it('is counted by its problem', async () => {
    expect(await (await fetch(new URL('/metrics', url))).text()).toContain('problem="not ours"');
  });

  it('is one of ours with any of the values', async () => {
    expect((await post(await token({ repository_owner: 'acme-labs' }))).status).not.toBe(403);
    expect((await post(await token({ repository_owner: ['other', 'acme'] }))).status).not.toBe(403);
  });
});

describe('a configuration or policies that leave open whose words count', () => {
  it.each([
    [
      'principals',
      { 'p.yaml': policyOf('p', '{ groups: [pipeline-agents] }') },
      /policies\/p\.yaml:2\b.*Add "issuer:"/,
    ],
    [
      'reviewers',
      { 'p.yaml': policyOf('p', '{ issuer: ISSUER, groups: [a] }', APPROVE('{ groups: [stewards] }')) },
      /policies\/p\.yaml:9\b.*Add "issuer:"/,
    ],
    [
      'an issuer that is not there',
      { 'p.yaml': policyOf('p', '{ issuer: "https://login.example.com", groups: [a] }') },
      /p\.yaml:2\b.*none of the issuers/,
    ],
  ])('is refused: %s', async (_name, policies, said) => {
    const text = Object.fromEntries(
      Object.entries(policies).map(([name, one]) => [name, one.replaceAll('ISSUER', issuer)]),
    );
    const own = await configured(`open-${Math.random()}`, {}, text);
    const checked = await cli(['policy', 'check', join(dirname(own), 'policies'), '--config', own]);
    expect(checked.code).not.toBe(0);
    expect(checked.said).toMatch(said);
    const started = await cli(['serve', '--config', own]);
    expect(started.code).not.toBe(0);
    expect(started.said).toMatch(said);
  });

  const entry = (more: object) => ({ audience: ready.audience, ...more });
  it.each([
    [
      'GitHub Actions',
      [entry({ issuer: 'https://token.actions.githubusercontent.com' })],
      /snowfence\.yaml:\d+:\d+ identity\.issuers\.0\.issuer: GitHub Actions .*required_claims: \{ repository_owner: acme \}/,
    ],
    [
      'its other spelling',
      [entry({ issuer: 'https://TOKEN.actions.githubusercontent.com/', required_claims: { ref: 'refs/heads/main' } })],
      /gives tokens to everybody/,
    ],
    ['GitLab.com', [entry({ issuer: 'https://gitlab.com' })], /namespace_path/],
    ['Google accounts', [entry({ issuer: 'https://accounts.google.com' })], /hd: acme\.com/],
    [
      'all tenants of Microsoft',
      [entry({ issuer: 'https://login.microsoftonline.com/common/v2.0', required_claims: { tid: 'x' } })],
      /Write your own tenant's issuer/,
    ],
    [
      'personal Microsoft accounts',
      [entry({ issuer: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0' })],
      /gives tokens to everybody/,
    ],
    ['HCP Terraform', [entry({ issuer: 'https://app.terraform.io' })], /terraform_organization_id/],
    ['Buildkite', [entry({ issuer: 'https://agent.buildkite.com' })], /organization_slug/],
    [
      'a claim without a value',
      [entry({ issuer: 'https://gitlab.com', required_claims: { namespace_path: [] } })],
      /required_claims/,
    ],
    [
      'one issuer twice',
      [entry({ issuer: 'https://login.example.com' }), entry({ issuer: 'https://login.example.com/' })],
      /stands here twice/,
    ],
  ] as [string, object[], RegExp][])('is refused: %s', async (_name, issuers, said) => {
    const own = await configured(`config-${Math.random()}`, { identity: { issuers }, console: undefined }, {});
    const { code, said: text } = await cli(['verify', '--config', own]);
    expect(code).toBe(2);
    expect(text).toMatch(said);
  });

  it.each([
    ['where people sign in', { console: { client_id: 'c' } }, /snowfence\.yaml:\d+:\d+ console: add "issuer:"/],
    [
      'whose auditors',
      { console: undefined },
      /transcript\.auditors\.0: whose group "data-stewards" is meant is open\. Write \{ issuer:/,
    ],
    [
      'a role of nobody',
      {
        console: {
          client_id: 'c',
          issuer: ready.issuer,
          reviewers: [{ issuer: 'https://login.example.com', groups: ['a'] }],
        },
      },
      /console\.reviewers\.0\.issuer: it is none/,
    ],
  ] as [string, object, RegExp][])('is refused where several issuers are there: %s', async (_name, more, said) => {
    const own = await configured(`roles-${Math.random()}`, { ...more }, {});
    const { code, said: text } = await cli(['verify', '--config', own]);
    expect(code).toBe(2);
    expect(text).toMatch(said);
  });
});
