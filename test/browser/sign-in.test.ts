/**
 * `snowfence connect` from an empty configuration: a person signs in with a browser at the demo's identity provider, asks as themselves, and
 * what they type into a hook is told by that same sign-in. With SCREENSHOTS=FOLDER the pages are pictured.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bareEnv, cli, demoWith, MAIN, type QueryAnswer, query } from '../support/demo.js';
import { Browsing, picture } from '../support/outside/browsing.js';

const POLICY = `policy: sales
principals: { groups: [sales-agents] }
snowflake: { role: AGENT_SALES_RO, warehouse: AGENT_WH }
rules:
  - allow: [read]
    on: [ANALYTICS.SALES.*]
`;

let demo: Awaited<ReturnType<typeof demoWith>>;
let browsing: Browsing;
/** A home with nothing in it; of a short name, as the path of a socket has to be. */
let home: string;

beforeAll(async () => {
  demo = await demoWith({ 'sales.yaml': POLICY });
  browsing = await Browsing.start(demo.demo.ready);
  home = await realpath(await mkdtemp('/tmp/sf-home-'));
}, 120_000);
afterAll(async () => {
  await browsing?.[Symbol.asyncDispose]();
  await demo?.end();
  if (home) await rm(home, { recursive: true });
});

/** As a client's hook runs it: without a token. */
function typed(prompt: string): Promise<{ code: number | null; said: string }> {
  const { mcp_url: url } = demo.demo.ready;
  const child = execFile(process.execPath, [MAIN, 'prompt', '--url', url], { cwd: home, env: bareEnv({ HOME: home }) });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: string) => (said += text));
  child.stdin?.end(JSON.stringify({ prompt, session_id: 'one', hook_event_name: 'UserPromptSubmit' }));
  return new Promise((done) => child.once('exit', (code) => done({ code, said })));
}

describe.each([
  ['wide', 1440, 900],
  ['narrow', 390, 844],
] as const)('a sign-in in a browser that is %s', (size, width, height) => {
  it('lets whoever signed in ask as themselves, and tells what they type', async () => {
    const { ready } = demo.demo;
    const name = 'sales-bot';
    const secret = ready.agents.find((one) => one.name === name)?.client_secret ?? '';
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'connect', '--url', ready.mcp_url],
      env: bareEnv({ HOME: home }),
      cwd: home,
      stderr: 'pipe',
    });
    let said = '';
    transport.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const client = new Client({ name: 'claude-code', version: '1' });
    await client.connect(transport);
    const asked = client.callTool({ name: 'whoami', arguments: {} });
    const address = (): string => /Sign in to use snowfence: (\S+)/.exec(said)?.[1] ?? '';
    await expect.poll(address, { timeout: 30_000 }).not.toBe('');
    const page = await browsing.open({ width, height });
    await page.goto(address());
    await picture(page, `connect-sign-in-${size}`);
    await page.locator('#name').selectOption(name);
    await page.locator('#secret').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('You are signed in. You can close this window.').waitFor();
    await picture(page, `connect-signed-in-${size}`);
    expect((await asked).structuredContent).toMatchObject({ subject: name });
    const prompt = `How many customers are there? Seen from a ${size} window.`;
    expect(await typed(prompt)).toEqual({ code: 0, said: '' });
    const answer: QueryAnswer = await query(client, 'SELECT COUNT(*) FROM ANALYTICS.SALES.CUSTOMERS');
    expect(answer.status).toBe('ok');
    await client.close();
    const { out } = await cli(['sessions', 'search', `"${prompt}"`, '--json', '--config', ready.config_file]);
    expect(out).toContain(answer.statement_id);
    expect(browsing.complaints).toEqual([]);
  }, 90_000);
});
