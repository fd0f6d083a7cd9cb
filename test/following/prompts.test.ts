/** What a person typed, from where it was typed to where an auditor reads it: hook, call, connection; job in CI; and what it is tied to. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storePool } from '../../dist/transcript/index.js';
import { bareEnv, cli, MAIN, type QueryAnswer, query } from '../support/demo.js';
import { type Parts, pause, type StartedGateway, startGateway, startParts } from '../support/gateways/replicas.mjs';
import { Receiver } from '../support/outside/receiver.js';

const POLICY = (name: string, more: string): string => `policy: ${name}
principals: { groups: [${name}] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.ORDERS]
  - approve: [delete]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 15m }
${more}`;
const SQL = 'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS';

let folder: string;
let parts: Parts;
let gateways: StartedGateway[];
let receiver: Receiver;
let work: string;
const secret = randomBytes(32);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-prompts-'));
  work = await realpath(await mkdtemp(join(tmpdir(), 'snowfence-project-')));
  await writeFile(join(folder, 'open.yaml'), POLICY('open', ''));
  await writeFile(join(folder, 'strict.yaml'), POLICY('strict', 'record: { purpose: reported }\n'));
  receiver = await Receiver.start(secret);
  const secretFile = join(work, 'webhook-secret');
  await writeFile(secretFile, `whsec_${secret.toString('base64')}`);
  parts = await startParts({
    agents: ['typist', 'silent', 'two-rooms', 'caller', 'runner', 'flood', 'windows']
      .map((name) => ({ name, groups: ['open'] }))
      .concat(['strict-bot', 'strict-windows'].map((name) => ({ name, groups: ['strict'] }))),
    policies: folder,
    replicas: 2,
    sections: { webhooks: [{ name: 'siem', url: receiver.url, secret_file: secretFile }] },
  });
  gateways = await Promise.all(
    parts.configurations.map((config, index) => startGateway(config, parts.urls[index] ?? '')),
  );
}, 180_000);

afterAll(async () => {
  for (const { child } of gateways) child.kill('SIGTERM');
  await Promise.all(gateways.map(({ ended }) => ended));
  await parts.end();
  await receiver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
  await rm(work, { recursive: true });
});

const NAMES = ['typist', 'silent', 'two-rooms', 'caller', 'runner', 'flood', 'windows', 'strict-bot', 'strict-windows'];
const tokenOf = (name: string): string => parts.tokens[NAMES.indexOf(name)] ?? '';

async function agent(name: string, replica = 0, headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client({ name: 'tests', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(parts.urls[replica] ?? ''), {
      authProvider: { token: async () => tokenOf(name) },
      requestInit: { headers },
    }),
  );
  return client;
}

async function asked(name: string, sql = SQL, replica = 0, headers: Record<string, string> = {}): Promise<QueryAnswer> {
  const client = await agent(name, replica, headers);
  return query(client, sql, { purpose: 'In the agent’s words.' }).finally(() => client.close());
}

const report = (name: string, body: unknown, replica = 0, method = 'POST'): Promise<Response> =>
  fetch(new URL('/prompts', parts.urls[replica]), {
    method,
    headers: { authorization: `Bearer ${tokenOf(name)}`, 'content-type': 'application/json' },
    ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  });

const here = (): string[] => ['--config', parts.configurations[0] ?? ''];

interface Line {
  readonly type: string;
  readonly kind?: string;
  readonly statement?: string;
  readonly body: Record<string, unknown> & {
    prompt?: { source: string; text: string; length: number; id?: string };
    job?: Record<string, string>;
    sealed?: object;
  };
}

async function openingOf({ session, statement_id: id }: QueryAnswer): Promise<Line['body']> {
  const { out } = await cli(['sessions', 'export', session ?? '', ...here()]);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const opening = lines.find(
    ({ statement, kind }) => statement === id && /^statement_(?:submitted|refused)$/.test(kind ?? ''),
  );
  if (!opening) throw new Error('The statement is not in its session.');
  return opening.body;
}

/** The hook of examples/, run as Claude Code runs it: by a shell, with JSON on standard input. */
async function hook(name: string, input: object, more: readonly string[] = []) {
  const settings = JSON.parse(
    await readFile(fileURLToPath(new URL('../../examples/claude-code-settings.json', import.meta.url)), 'utf8'),
  ) as { hooks: { UserPromptSubmit: [{ hooks: [{ command: string }] }] } };
  const home = await mkdtemp(join(tmpdir(), 'snowfence-home-'));
  await writeFile(join(home, '.snowfence-token'), tokenOf(name), { mode: 0o600 });
  await writeFile(join(home, 'snowfence'), `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
  await chmod(join(home, 'snowfence'), 0o755);
  const [
    {
      hooks: [{ command }],
    },
  ] = settings.hooks.UserPromptSubmit;
  const child = execFile(
    'sh',
    ['-c', [command.replace('https://snowfence.example.com/mcp', parts.urls[0] ?? ''), ...more].join(' ')],
    {
      cwd: work,
      env: bareEnv({ HOME: home, CLAUDE_PROJECT_DIR: work, PATH: `${home}:${process.env['PATH'] ?? ''}` }),
    },
  );
  let [out, said] = ['', ''];
  child.stdout?.on('data', (text: string) => (out += text));
  child.stderr?.on('data', (text: string) => (said += text));
  child.stdin?.end(JSON.stringify({ session_id: 'c0ffee', hook_event_name: 'UserPromptSubmit', cwd: work, ...input }));
  const code = await new Promise<number | null>((done) => child.once('exit', (status) => done(status)));
  await rm(home, { recursive: true });
  return { code, out, said };
}

describe('a prompt that a hook reports', () => {
  it('is found by its first 2,000 characters and the statements after it, as search says itself; an export has all of it', async () => {
    await hook('typist', { prompt: 'Ask about the okapi that nothing follows.' });
    await hook('typist', { prompt: `Of the quagga: ${'and so on '.repeat(250)}, ending with a dodo.` });
    const answer = await asked('typist', SQL, 1);
    const found = async (term: string): Promise<boolean> =>
      (await cli(['sessions', 'search', term, '--json', ...here()])).out.includes(answer.statement_id);
    expect([await found('quagga'), await found('prompt:quagga')]).toEqual([true, true]);
    for (const word of ['dodo', 'okapi']) expect([word, await found(word)]).toEqual([word, false]);
    expect((await cli(['sessions', 'search', '--help'])).out).toContain('first 2,000 characters');
    const { out } = await cli(['sessions', 'export', ...here()]);
    const prompts = out.split('\n').filter((line) => line.includes('"prompt_reported"'));
    for (const word of ['dodo', 'okapi']) expect(prompts.some((line) => line.includes(word))).toBe(true);
  }, 120_000);

  it('is found by search, and stands beside the statement in replay, export, OCSF and webhook', async () => {
    const typed = 'Which quarter lost the zebra customers, and why?';
    expect(await hook('typist', { prompt: typed })).toEqual({ code: 0, out: '', said: '' });
    // Another replica than it was reported to.
    const answer = await asked('typist', SQL, 1);
    expect(answer.status).toBe('ok');

    const { prompt, purpose } = await openingOf(answer);
    expect(prompt).toMatchObject({ source: 'hook', text: typed, length: typed.length });
    expect(purpose).toBe('In the agent’s words.');
    for (const terms of [
      ['zebra'],
      ['"zebra customers"'],
      ['prompt:"lost the zebra"'],
      ['prompt:/zebra.*why/'],
      ['is:reported', 'agent:typist'],
    ]) {
      const { out } = await cli(['sessions', 'search', ...terms, '--json', ...here()]);
      expect([terms, out.includes(answer.statement_id)]).toEqual([terms, true]);
    }
    const missed = await cli(['sessions', 'search', '"customers zebra"', '--json', ...here()]);
    expect(missed.out).not.toContain(answer.statement_id);
    const replay = await cli([
      'sessions',
      'replay',
      answer.session ?? '',
      '--speed',
      '1000',
      '--max-pause',
      '0.001',
      ...here(),
    ]);
    expect(replay.said.replaceAll(/\s+/g, ' ')).toContain(`reported by the client's hook: ${typed}`);
    const ocsf = await cli(['sessions', 'export', answer.session ?? '', '--format', 'ocsf', ...here()]);
    expect(ocsf.out).toContain(JSON.stringify(typed));

    const beside = () =>
      receiver.received.find(
        ({ payload: { data } }) => data['statement'] === answer.statement_id && data['kind'] === 'statement_submitted',
      );
    for (const until = Date.now() + 60_000; !beside() && Date.now() < until; ) await pause(100);
    expect(beside()?.payload.data).toMatchObject({ body: { prompt: { source: 'hook', text: typed } } });
    expect(receiver.problems).toEqual([]);
  }, 120_000);

  it('with something to hide in it is sealed like a statement, wherever it stands', async () => {
    await hook('typist', { prompt: 'Does anna.berg@example.com owe us, card 4111 1111 1111 1111?' });
    const answer = await asked('typist');
    const body = await openingOf(answer);
    expect(body.prompt?.text).toBe('Does [email] owe us, card [credit_card]?');
    // What is masked in it makes it no shorter: it is told whole, in the session of prompts too.
    const shown = (await cli(['sessions', 'show', answer.session ?? '', ...here()])).out.replaceAll(/\s+/g, ' ');
    expect(shown).toContain("reported by the client's hook: Does [email] owe us, card [credit_card]?");
    const list = await cli(['sessions', 'list', '--agent', 'typist', '--json', ...here()]);
    const prompts = (JSON.parse(list.out) as { id: string; client: { name: string } }[]).find(
      ({ client: { name } }) => name === 'reported prompts',
    );
    const told = (await cli(['sessions', 'show', prompts?.id ?? '', ...here()])).out.replaceAll(/\s+/g, ' ');
    expect(told).toContain("reported by the client's hook: Does [email] owe us, card [credit_card]?");
    expect(Object.keys(body.sealed ?? {})).toContain('prompt');
    const admin = storePool(parts.postgres.url, 30_000, 1);
    const { rows } = await admin
      .query(
        "SELECT (SELECT string_agg(body::text, ' ') FROM event) || (SELECT string_agg(s::text, ' ') FROM statement s) AS text",
      )
      .finally(() => admin.end());
    const text = String((rows[0] as { text: string }).text);
    expect(text).toContain('[email] owe us');
    expect(text).not.toContain('anna.berg');
    expect(text).not.toMatch(/4111 ?1111/);
    for (const { words } of gateways) expect(words()).not.toContain('anna.berg');
    expect(receiver.received.map(({ body: sent }) => sent).join('\n')).not.toContain('anna.berg');
  }, 60_000);

  it('is looked through before it is cut, and so are purposes: half a value is nowhere', async () => {
    const at = (length: number, value: string): string => `${'x '.repeat(length / 2)}${value} and more`;
    await hook('typist', { prompt: at(1985, 'alice.bigsecret@example.com') });
    const first = await openingOf(await asked('typist'));
    expect(JSON.stringify({ ...first, sealed: undefined })).not.toContain('alice');
    await hook('typist', { prompt: at(65_520, '4111 1111 1111 1111') });
    const client = await agent('typist');
    const purpose = await query(client, SQL, { purpose: at(1985, 'carl.bigsecret@example.com') });
    const { structuredContent } = await client.callTool({
      name: 'query',
      arguments: { sql: SQL },
      _meta: {
        'snowfence/prompt': at(1985, 'dora.bigsecret@example.com'),
        'snowfence/job': { password: 'Sup3rS3cretValue99' },
      },
    });
    await client.close();
    const called = structuredContent as unknown as QueryAnswer;
    expect(await openingOf(called)).toMatchObject({ job: { password: '[secret]' } });
    const admin = storePool(parts.postgres.url, 30_000, 1);
    const { rows } = await admin
      .query(
        "SELECT (SELECT string_agg(body::text, ' ') FROM event) || (SELECT string_agg(s::text, ' ') FROM statement s) AS text",
      )
      .finally(() => admin.end());
    const text = String((rows[0] as { text: string }).text);
    expect(text).not.toMatch(/bigsecret|4111 1111|sup3rs3cret/i);
    expect(purpose.status).toBe('ok');
  }, 60_000);

  it('is not tied to what others do, to what came before it, or to another project', async () => {
    expect((await openingOf(await asked('silent'))).prompt).toBeUndefined();
    const before = await asked('two-rooms');
    expect((await report('two-rooms', { prompt: 'Of the first room.', place: '11'.repeat(16) })).status).toBe(200);
    expect((await openingOf(before)).prompt).toBeUndefined();
    // While all prompts come from one place, whoever says none is meant.
    expect((await openingOf(await asked('two-rooms'))).prompt?.text).toBe('Of the first room.');
    await report('two-rooms', { prompt: 'Of the second room.', place: '22'.repeat(16) });
    const from = async (place: string | undefined) =>
      (await openingOf(await asked('two-rooms', SQL, 0, place === undefined ? {} : { 'snowfence-place': place })))
        .prompt?.text;
    expect(await from('11'.repeat(16))).toBe('Of the first room.');
    expect(await from('22'.repeat(16))).toBe('Of the second room.');
    expect(await from('33'.repeat(16))).toBeUndefined();
    expect(await from(undefined)).toBeUndefined();
    for (let n = 0; n < 6; n++)
      await report('two-rooms', { prompt: `More of the second, ${n}.`, place: '22'.repeat(16) });
    expect(await from(undefined)).toBeUndefined();
    expect(await from('11'.repeat(16))).toBe('Of the first room.');
  }, 60_000);

  it('is tied to no statement while several conversations of its place report, unless that says which it belongs to', async () => {
    const place = '44'.repeat(16);
    const headers = { 'snowfence-place': place };
    const typed = (prompt: string, conversation?: string) =>
      report('windows', { prompt, place, ...(conversation === undefined ? {} : { conversation }) });
    const whose = async (more: Record<string, string> = {}) =>
      openingOf(await asked('windows', SQL, 0, { ...headers, ...more }));

    await typed('Of the first window.', 'window-1');
    expect((await whose()).prompt?.text).toBe('Of the first window.');
    await typed('Of the first window, later.', 'window-1');
    expect((await whose()).prompt?.text).toBe('Of the first window, later.');
    await typed('Of the second window.', 'window-2');
    const untied = await asked('windows', SQL, 0, headers);
    const opening = await openingOf(untied);
    expect(opening.prompt).toBeUndefined();
    expect(opening['prompt_untied']).toBe('conversations');
    // Whoever says no place is meant by the one that all come from, and no more of it is known then.
    expect(await openingOf(await asked('windows'))).toMatchObject({ prompt_untied: 'conversations' });
    expect((await whose({ 'snowfence-conversation': 'window-1' })).prompt?.text).toBe('Of the first window, later.');
    expect((await whose({ 'snowfence-conversation': 'window-2' })).prompt?.text).toBe('Of the second window.');
    expect((await whose({ 'snowfence-conversation': 'window-3' })).prompt).toBeUndefined();
    const client = await agent('windows', 1, headers);
    const called = await client.callTool({
      name: 'query',
      arguments: { sql: SQL },
      _meta: { 'snowfence/conversation': 'window-1' },
    });
    await client.close();
    expect((await openingOf(called.structuredContent as unknown as QueryAnswer)).prompt?.text).toBe(
      'Of the first window, later.',
    );
    const { out } = await cli(['sessions', 'show', untied.session ?? '', ...here()]);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('several conversations of its place have reported prompts');
    const ocsf = await cli(['sessions', 'export', untied.session ?? '', '--format', 'ocsf', ...here()]);
    expect(ocsf.out).toContain('"prompt_untied":"conversations"');
    // One that says no conversation is one of its own.
    await report('windows', { prompt: 'Of another place.', place: '55'.repeat(16), conversation: 'window-9' });
    await report('windows', { prompt: 'Of no conversation.', place: '55'.repeat(16) });
    expect(await openingOf(await asked('windows', SQL, 0, { 'snowfence-place': '55'.repeat(16) }))).toMatchObject({
      prompt_untied: 'conversations',
    });
    expect(await openingOf(await asked('windows'))).toMatchObject({ prompt_untied: 'places' });
  }, 120_000);

  it('is kept in bounds, and says so', async () => {
    const told = await hook('flood', { prompt: 'long '.repeat(20_000) });
    expect(told).toMatchObject({
      code: 0,
      out: '',
      said: expect.stringContaining('first 65536 of the 99999 characters'),
    });
    const { prompt } = await openingOf(await asked('flood'));
    expect(prompt).toMatchObject({ length: 99_999 });
    expect(prompt?.text).toHaveLength(2000);
  }, 60_000);

  it.each([
    ['{"prompt":""}', 400],
    ['{"prompt":" \\n "}', 400],
    ['{"prompt":"\\u200b"}', 400],
    ['{"prompt":"{{prompt}}"}', 400],
    ['{}', 400],
    ['[]', 400],
    ['{"prompt":"x","place":"../.."}', 400],
    ['{"prompt":"x","more":1}', 400],
    ['nonsense', 400],
    [JSON.stringify({ prompt: 'x'.repeat(1_100_000) }), 400],
  ])('%.40s is refused', async (body, status) => {
    const response = await report('silent', body);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/error/);
  });

  it('needs a token, and to be sent', async () => {
    const url = new URL('/prompts', parts.urls[0]);
    const response = await fetch(url, { method: 'POST', body: '{"prompt":"x"}' });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('resource_metadata'),
    ]);
    expect((await report('silent', '', 0, 'GET')).status).toBe(405);
  });

  it('that could not be recorded is told to the person, and kept from the agent only where that is asked for', async () => {
    const broken = { prompt: 'Nobody hears this.' };
    const away = ['--url', 'http://127.0.0.1:9/mcp'];
    expect(await hook('typist', broken, away)).toMatchObject({
      code: 1,
      out: '',
      said: expect.stringMatching(/^GATEWAY_UNREACHABLE/),
    });
    expect(await hook('typist', broken, [...away, '--required'])).toMatchObject({ code: 2, out: '' });
  }, 30_000);
});

describe('a hook without a token', () => {
  const url = (): string => parts.urls[0] ?? '';
  /** As a client starts it in a folder: it alone has a token. */
  async function connected(state: string, cwd: string, token = tokenOf('silent')): Promise<Client> {
    const client = new Client({ name: 'desk', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [MAIN, 'connect', '--url', url()],
        env: bareEnv({ SNOWFENCE_TOKEN: token, XDG_STATE_HOME: state }),
        cwd,
        stderr: 'ignore',
      }),
    );
    return client;
  }
  function typed(prompt: string, state: string, cwd: string, ...more: string[]) {
    const isHook = more.includes('--hook');
    const rest = isHook ? more.filter((word) => word !== '--hook') : ['--text', ...more];
    const child = execFile(process.execPath, [MAIN, 'prompt', '--url', url(), ...rest], {
      cwd,
      env: bareEnv({ XDG_STATE_HOME: state }),
    });
    let said = '';
    child.stderr?.on('data', (text: string) => (said += text));
    child.stdin?.end(prompt);
    return new Promise<{ code: number | null; said: string }>((done) =>
      child.once('exit', (code) => done({ code, said })),
    );
  }
  const sockets = async (state: string): Promise<readonly string[]> => readdir(join(state, 'snowfence', 'hooks'));

  it('hands the prompt to the connect of its folder, that of another or none gets nothing', async () => {
    // The path of a socket may have some hundred bytes.
    const state = await realpath(await mkdtemp('/tmp/sf-'));
    const [mine, other] = [join(state, 'mine'), join(state, 'other')];
    await Promise.all([mine, other].map((path) => mkdir(path)));
    const alone = await typed('Nobody is here.', state, mine);
    expect(alone).toMatchObject({ code: 1, said: expect.stringMatching(/^NO_TOKEN\s+No snowfence connect\s+for/) });
    expect(alone.said).toContain('--token-file');
    const client = await connected(state, mine);
    await client.listTools();
    const [name = ''] = await sockets(state);
    const { mode } = await stat(join(state, 'snowfence', 'hooks', name));
    expect(mode & 0o777).toBe(0o600);
    expect((await stat(join(state, 'snowfence', 'hooks'))).mode & 0o777).toBe(0o700);
    expect(await typed('Handed over to connect.', state, other)).toMatchObject({ code: 1 });
    expect(await typed('Handed over to connect.', state, mine)).toEqual({ code: 0, said: '' });
    expect((await openingOf(await query(client, SQL))).prompt).toMatchObject({
      source: 'hook',
      text: 'Handed over to connect.',
    });
    // Another client of the same principal says no place: it is not of this folder.
    expect((await openingOf(await asked('silent'))).prompt).toBeUndefined();
    expect(await typed('Nothing follows this.', state, mine)).toEqual({ code: 0, said: '' });
    const list = await cli(['sessions', 'list', '--agent', 'silent', '--json', ...here()]);
    const prompts = (JSON.parse(list.out) as { id: string; client: { name: string } }[]).find(
      ({ client: { name } }) => name === 'reported prompts',
    );
    const shown = (await cli(['sessions', 'show', prompts?.id ?? '', ...here()])).out;
    expect(shown).toMatch(/Handed over to connect\.\n +tied to 1 statement\n/);
    expect(shown).toMatch(/Nothing follows this\.\n +reported, tied to no statement\n/);
    await client.close();
    await expect.poll(() => sockets(state)).toEqual([]);
    expect(await typed('Gone again.', state, mine, '--required')).toMatchObject({ code: 2 });
    await rm(state, { recursive: true });
  }, 60_000);

  it('ties the prompts of one conversation after another to the statements of their own', async () => {
    const state = await realpath(await mkdtemp('/tmp/sf-'));
    /** As Claude Code runs it (documentation of its hooks: session_id, prompt, cwd). */
    const hooked = (conversation: string, prompt: string) =>
      typed(
        JSON.stringify({ session_id: conversation, prompt, cwd: state, hook_event_name: 'UserPromptSubmit' }),
        state,
        state,
        '--hook',
      );
    const promptOf = async (client: Client) => (await openingOf(await query(client, SQL))).prompt?.text;
    const first = await connected(state, state);
    await first.listTools();
    expect(await hooked('one', 'Of the first session.')).toEqual({ code: 0, said: '' });
    expect(await promptOf(first)).toBe('Of the first session.');
    await first.close();
    await expect.poll(() => sockets(state)).toEqual([]);
    const second = await connected(state, state);
    await second.listTools();
    expect(await hooked('two', 'Of the second session.')).toEqual({ code: 0, said: '' });
    expect(await promptOf(second)).toBe('Of the second session.');
    expect(await hooked('three', 'After its client began anew.')).toEqual({ code: 0, said: '' });
    expect(await promptOf(second)).toBe('After its client began anew.');
    const beside = await connected(state, state);
    await beside.listTools();
    expect(await hooked('four', 'Of one of two windows.')).toEqual({ code: 0, said: '' });
    expect(await promptOf(beside)).toBeUndefined();
    await Promise.all([second.close(), beside.close()]);
    await expect.poll(() => sockets(state)).toEqual([]);
    await rm(state, { recursive: true });
  }, 60_000);

  it('tells each identity that is signed in there, once: the statements of all are tied to it', async () => {
    const state = await realpath(await mkdtemp('/tmp/sf-'));
    const names = ['silent', 'typist', 'silent'];
    const clients: Client[] = [];
    for (const name of names) clients.push(await connected(state, state, tokenOf(name)));
    await Promise.all(clients.map((client) => client.listTools()));
    expect(await sockets(state)).toHaveLength(3);
    const text = 'Told to whoever is signed in here.';
    expect(await typed(text, state, state)).toEqual({ code: 0, said: '' });
    const ids = new Map<string, unknown>();
    for (const [at, client] of clients.entries()) {
      const { prompt } = await openingOf(await query(client, SQL));
      expect(prompt).toMatchObject({ source: 'hook', text });
      const name = names[at] ?? '';
      // Two windows of one identity are told of one prompt.
      expect(ids.get(name) ?? prompt?.id).toBe(prompt?.id);
      ids.set(name, prompt?.id);
    }
    expect(new Set(ids.values()).size).toBe(2);
    // Behind one that is not signed in nobody waits.
    clients.push(await connected(state, state, 'no-token-at-all'));
    expect(await typed('And once more.', state, state)).toEqual({ code: 0, said: '' });
    for (const client of clients) await client.close();
    await expect.poll(() => sockets(state)).toEqual([]);
    await rm(state, { recursive: true });
  }, 90_000);

  it('passes by what was left of a connect that was killed, and hears why a gateway says no', async () => {
    const state = await realpath(await mkdtemp('/tmp/sf-'));
    const client = await connected(state, state, tokenOf('silent').replace(/.{8}$/, 'AAAAAAAA'));
    await expect.poll(() => sockets(state).catch(() => [])).toHaveLength(1);
    expect(await typed('With a token that does not hold.', state, state)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^TOKEN_REFUSED/),
    });
    const { pid } = client.transport as StdioClientTransport;
    process.kill(pid ?? 0, 'SIGKILL');
    await client.close();
    expect(await sockets(state)).toHaveLength(1);
    expect(await typed('To nobody.', state, state)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^NO_TOKEN/),
    });
    expect(await sockets(state)).toEqual([]);
    await rm(state, { recursive: true });
  }, 60_000);

  it('gives nothing to a folder that others can use, nor takes anything there', async () => {
    const state = await realpath(await mkdtemp('/tmp/sf-'));
    const open = join(state, 'snowfence', 'hooks');
    await mkdir(open, { recursive: true });
    await chmod(open, 0o777);
    const client = await connected(state, state);
    await client.listTools();
    expect(await sockets(state)).toEqual([]);
    expect(await typed('Into the open.', state, state)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^NO_TOKEN/),
    });
    await client.close();
    await rm(state, { recursive: true });
  }, 60_000);
});

describe('a policy that asks for what the person typed', () => {
  it('is not met by the prompt of another conversation, and says what to do', async () => {
    const headers = { 'snowfence-place': '66'.repeat(16) };
    const typed = (prompt: string, conversation: string) =>
      report('strict-windows', { prompt, place: '66'.repeat(16), conversation });
    await typed('Count them.', 'window-1');
    expect((await asked('strict-windows', SQL, 0, headers)).status).toBe('ok');
    await typed('Something else entirely.', 'window-2');
    expect((await asked('strict-windows', SQL, 0, headers)).denial).toMatchObject({
      code: 'PURPOSE_REQUIRED',
      message: expect.stringContaining('Several conversations of this place'),
      hint: expect.stringContaining('Snowfence-Conversation'),
    });
    const which = { ...headers, 'snowfence-conversation': 'window-1' };
    expect((await asked('strict-windows', SQL, 0, which)).status).toBe('ok');
  }, 60_000);

  it('takes no purpose of the agent’s own for it; then lets each step of the statement pass', async () => {
    const before = await asked('strict-bot');
    expect(before.denial).toMatchObject({ code: 'PURPOSE_REQUIRED', hint: expect.stringContaining('hook') });
    // Nothing was typed in any of these.
    for (const header of ['%E2%80%8B', '%E3%85%A4', '%00', '%', '%24%7BPROMPT%7D'])
      expect([header, (await asked('strict-bot', SQL, 0, { 'snowfence-prompt': header })).denial?.code]).toEqual([
        header,
        'PURPOSE_REQUIRED',
      ]);
    const unfilled = await agent('strict-bot');
    for (const prompt of ['\u200b', '\u3164', '   ', `\${PROMPT}`, '{{prompt}}']) {
      const call = { name: 'query', arguments: { sql: SQL }, _meta: { 'snowfence/prompt': prompt } };
      const { denial } = (await unfilled.callTool(call)).structuredContent as unknown as QueryAnswer;
      expect([prompt, denial?.code]).toEqual([prompt, 'PURPOSE_REQUIRED']);
    }
    await unfilled.close();
    expect(await hook('strict-bot', { prompt: '\u200b' })).toEqual({ code: 0, out: '', said: '' });
    expect((await asked('strict-bot')).denial?.code).toBe('PURPOSE_REQUIRED');
    await hook('strict-bot', { prompt: 'Count the orders, and drop number 3901.' });
    const client = await agent('strict-bot');
    const rows = await query(client, 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS', { max_rows: 5 });
    expect(rows.status).toBe('ok');
    const more = await client.callTool({ name: 'fetch', arguments: { cursor: rows.cursor, max_rows: 5 } });
    expect(more.structuredContent).toMatchObject({ status: 'ok', row_count: 5 });
    const change = await query(client, 'DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 3901');
    expect(change.status).toBe('approval_required');
    const state = await client.callTool({ name: 'approval', arguments: { id: change.approval?.id } });
    expect(state.structuredContent).toMatchObject({ status: 'approval_required' });
    await client.close();
  }, 60_000);
});

describe('what comes with a call or a connection', () => {
  it('is told as theirs: the call’s own words come first', async () => {
    const client = await agent('caller', 0, {
      'snowfence-prompt': 'Asked%20at%20the%20start',
      'snowfence-job': 'run=17; commit=0a1b',
    });
    const call = async (_meta?: Record<string, unknown>) => {
      const { structuredContent } = await client.callTool({
        name: 'query',
        arguments: { sql: SQL },
        ...(_meta ? { _meta } : {}),
      });
      return openingOf(structuredContent as unknown as QueryAnswer);
    };
    expect(await call()).toMatchObject({
      prompt: { source: 'connection', text: 'Asked at the start' },
      job: { run: '17', commit: '0a1b' },
      job_source: 'connection',
    });
    expect(await call({ 'snowfence/prompt': 'Asked just now', 'snowfence/job': { run: '18' } })).toMatchObject({
      prompt: { source: 'call', text: 'Asked just now' },
      job: { run: '18' },
      job_source: 'call',
    });
    await client.close();
  }, 60_000);

  it('of a job in CI comes through connect, and finds its statements', async () => {
    const client = new Client({ name: 'ci', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [MAIN, 'connect', '--url', parts.urls[0] ?? ''],
        env: bareEnv({
          SNOWFENCE_TOKEN: tokenOf('runner'),
          GITHUB_ACTIONS: 'true',
          GITHUB_REPOSITORY: 'acme/models',
          GITHUB_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
          GITHUB_REF: 'refs/pull/4711/merge',
          GITHUB_RUN_ID: '1658821493',
          SNOWFENCE_PROMPT: 'Check the models of this pull request.',
        }),
        stderr: 'ignore',
      }),
    );
    const { structuredContent } = await client.callTool({
      name: 'query',
      arguments: { sql: SQL },
      _meta: { 'snowfence/job': { step: 'count' }, other: 'not ours' },
    });
    const plain = await query(client, SQL);
    await client.close();
    const answer = structuredContent as unknown as QueryAnswer;
    expect((await openingOf(answer)).job).toEqual({ step: 'count' });
    expect(await openingOf(plain)).toMatchObject({
      prompt: { source: 'connection', text: 'Check the models of this pull request.' },
      job: { system: 'github-actions', repository: 'acme/models', pull_request: '4711', run: '1658821493' },
    });
    for (const terms of [
      'pr:4711',
      'run:1658821493',
      'commit:ffac537e6cbbf934b08745a378932722df287a53',
      'repository:acme/models',
    ]) {
      const { out } = await cli(['sessions', 'search', terms, '--json', ...here()]);
      expect([terms, out.includes(plain.statement_id), out.includes(answer.statement_id)]).toEqual([
        terms,
        true,
        false,
      ]);
    }
  }, 60_000);

  it('is looked through like all that comes from outside: in no row of the store does any of it stand in clear', async () => {
    const card = '4000 0566 5566 5556';
    const client = new Client(
      { name: `carol.outside@example.com ${card}`, version: `1 password=Outs1deValue77 ${card}` },
      { versionNegotiation: { mode: 'auto' } },
    );
    const transport = () =>
      new StreamableHTTPClientTransport(new URL(parts.urls[0] ?? ''), {
        authProvider: { token: async () => tokenOf('caller') },
        requestInit: { headers: { 'snowfence-prompt': card, 'snowfence-job': `note=${card}` } },
      });
    await client.connect(transport());
    await report('caller', { prompt: `Hook ${card}`, conversation: card });
    const call = async (name: string, args: object, meta?: object): Promise<QueryAnswer> =>
      (
        await client.callTool({
          name,
          arguments: { ...args },
          _meta: { 'snowfence/prompt': `Call ${card}`, 'snowfence/job': { note: card }, ...meta },
        })
      ).structuredContent as unknown as QueryAnswer;
    const purpose = `Why ${card}`;
    const first = await call('query', {
      sql: `SELECT '${card}' AS "${card}", ? AS B, ? AS C`,
      purpose,
      binds: [4000056655665556, card],
    });
    expect(first.status).toBe('ok');
    expect((await call('query', { sql: `SELECT "${card}" FROM "${card}"."${card}"."${card}"`, purpose })).status).toBe(
      'denied',
    );
    await call('explain', { sql: `SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS WHERE STATUS = '${card}'` });
    const waiting = await call('query', {
      sql: `DELETE FROM ANALYTICS.SALES.ORDERS WHERE STATUS = '${card}' -- ${card}`,
      purpose,
    });
    const id = waiting.approval?.id;
    await call('approval', { id, withdraw: true, reason: `No more, ${card}` });
    // The same session again: it is found by what the record has of the client's name.
    expect((await call('query', { sql: SQL })).session).toBe(first.session);
    await client.close();
    const other = await agent('caller');
    expect((await query(other, SQL)).session).not.toBe(first.session);
    await other.close();

    const body = await openingOf(first);
    expect(body['connection']).toMatchObject({ client: '[email] [credit_card]' });
    expect(body.sealed).toHaveProperty('connection');
    const shown = await cli(['sessions', 'show', first.session ?? '', ...here()]);
    expect(shown.out).toContain('[email] [credit_card]');
    const admin = storePool(parts.postgres.url, 30_000, 1);
    try {
      const { rows: tables } = await admin.query<{ name: string }>(
        "SELECT table_schema || '.' || quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'",
      );
      expect(tables.length).toBeGreaterThan(15);
      for (const { name } of tables) {
        const { rows } = await admin.query<{ text: string }>(
          `SELECT t::text AS text FROM ${name} t WHERE t::text ~* '4000 ?0566 ?5566 ?5556|carol.outside|outs1de'`,
        );
        expect([name, rows.map(({ text }) => text.slice(0, 2000))]).toEqual([name, []]);
      }
    } finally {
      await admin.end();
    }
  }, 60_000);

  it('is no way around: whole records still verify', async () => {
    const { said, code } = await cli(['verify', ...here()]);
    expect([code, said]).toEqual([0, expect.stringContaining('whole')]);
  }, 60_000);
});
