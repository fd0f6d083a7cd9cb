/** `snowfence connect` with nothing but the gateway's address: a sign-in in the browser at the demo's identity provider. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bareEnv, MAIN } from '../../support/demo.js';
import { Person } from '../../support/outside/person.js';

const ready = inject('ready');
let state: string;
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'snowfence-sign-in-'));
});
afterAll(() => rm(state, { recursive: true }));

/** Started as a client starts it; `address`: what it says is to be opened. */
function start(...more: string[]) {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'connect', '--url', ready.mcp_url, ...more],
    env: bareEnv({ XDG_STATE_HOME: state }),
    stderr: 'pipe',
  });
  let said = '';
  const address = new Promise<string>((resolve) => {
    transport.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
      const found = /Sign in to use snowfence: (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return { client, transport, address, said: () => said };
}

/** Opens the address, signs in by the form once, and follows what comes back. */
async function signIn(address: string, name: string) {
  const person = new Person(ready);
  const form = await person.follow(address);
  const secret = [...ready.agents, ...ready.reviewers].find((one) => one.name === name)?.client_secret ?? '';
  const body = new URLSearchParams({ name, secret });
  const sent = await person.fetch(form.url, { method: 'POST', body });
  const back = await person.follow(new URL(sent.headers.get('location') ?? '', form.url));
  return { url: back.url, status: back.response.status, text: await back.response.text() };
}

describe('a sign-in in the browser', () => {
  it.each(['sales-bot', ready.reviewers[0]?.name ?? ''])(
    'is done with one form, and whoever signed in asks as themselves: %s',
    async (name) => {
      const { client, transport, address } = start();
      await client.connect(transport);
      const asked = client.callTool({ name: 'whoami', arguments: {} }, undefined, { timeout: 120_000 });
      const back = await signIn(await address, name);
      expect(back).toMatchObject({
        status: 200,
        text: expect.stringContaining('You are signed in. You can close this window.'),
      });
      expect(back.url.pathname).toBe('/callback');
      expect((await asked).structuredContent).toMatchObject({ subject: name });
      // Once for all that follows.
      expect((await client.listTools()).tools.length).toBeGreaterThan(5);
      await client.close();
    },
  );

  it('that nobody does is told to whoever asks, with its address; once it is done they may ask', async () => {
    const { client, transport, address } = start();
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      changes++;
    });
    await client.connect(transport);
    const [listed, called] = await Promise.all([
      client.listTools().then(String, String),
      client.callTool({ name: 'whoami', arguments: {} }).then(String, String),
    ]);
    for (const answer of [listed, called]) expect(answer).toContain(`Sign in here: ${await address}`);
    expect(changes).toBe(0);
    await signIn(await address, 'sales-bot');
    await expect.poll(() => changes, { timeout: 20_000 }).toBe(1);
    expect((await client.listTools()).tools.length).toBeGreaterThan(5);
    await client.close();
  }, 60_000);

  it.each(['the end of standard input', 'SIGTERM', 'SIGINT'] as const)(
    'that nobody does ends with its client, at once: by %s',
    async (way) => {
      const child = spawn(process.execPath, [MAIN, 'connect', '--url', ready.mcp_url], {
        env: bareEnv({ XDG_STATE_HOME: state }),
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
      child.stdout.resume();
      let said = '';
      await new Promise<void>((resolve) => {
        child.stderr.on('data', (text: Buffer) => {
          said += text.toString();
          if (/Sign in to use snowfence: \S+\n/.test(said)) resolve();
        });
      });
      child.stdin.write(
        `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } } })}\n${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' })}\n`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const redirect = new URL(/redirect_uri=([^&\s]+)/.exec(said)?.[1]?.replace(/.*/, decodeURIComponent) ?? '');
      const begun = performance.now();
      if (way === 'the end of standard input') child.stdin.end();
      else child.kill(way);
      expect(await closed).toBe(0);
      expect(performance.now() - begun).toBeLessThan(1500);
      expect(said.trim().split('\n')).toHaveLength(1);
      await expect(fetch(redirect)).rejects.toThrow();
    },
    30_000,
  );

  it('that goes wrong is shown by the client', async () => {
    const { client, transport, address } = start();
    await client.connect(transport);
    const asked = client.listTools(undefined, { timeout: 120_000 }).then(String, String);
    const redirect = new URL(new URL(await address).searchParams.get('redirect_uri') ?? '');
    await fetch(new URL('?error=access_denied&state=another', redirect));
    expect(await asked).toMatch(/does not hold.*Start again/s);
    await client.close();
  });
});
