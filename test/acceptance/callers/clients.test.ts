import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, inject, it } from 'vitest';
import { agent, bareEnv, MAIN, query, tokenOf } from '../../support/demo.js';

const ready = inject('ready');
const SQL = 'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 5';
const TOOLS = ['approval', 'describe', 'explain', 'fetch', 'query', 'whoami'];

function expectMasked(result: unknown): void {
  const { structuredContent } = result as { structuredContent: unknown };
  const answer = structuredContent as {
    status: string;
    rows: unknown[][];
    columns: { name: string; mask: string | null }[];
  };
  expect(answer.status).toBe('ok');
  expect(answer.rows).toHaveLength(5);
  expect(answer.columns.map((column) => column.mask)).toEqual([null, 'email']);
  for (const [name, email] of answer.rows) {
    expect(name).toMatch(/^Customer \d+$/);
    expect(email).toMatch(/^\*\*\*@mail\d\.example$/);
  }
}

const headers = () => ({ headers: { authorization: `Bearer ${tokenOf(ready, 'sales-bot')}` } });

describe('clients of both generations', () => {
  it('speaks 2026-07-28 over Streamable HTTP', async () => {
    const client = await agent(ready, 'sales-bot');
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(TOOLS);
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
  });

  it('speaks older revisions over Streamable HTTP', async () => {
    const client = new ClientV1({ name: 'older', version: '1' });
    await client.connect(new HttpV1(new URL(ready.mcp_url), { requestInit: headers() }));
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(TOOLS);
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
  });

  it('speaks HTTP+SSE', async () => {
    const client = new ClientV1({ name: 'oldest', version: '1' });
    const transport = new SSEClientTransport(new URL(ready.sse_url), {
      requestInit: headers(),
      eventSourceInit: {
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...headers().headers } }),
      },
    });
    await client.connect(transport);
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(TOOLS);
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
  });
});

describe('over stdio', () => {
  const env = () => bareEnv({ SNOWFENCE_TOKEN: tokenOf(ready, 'sales-bot') });

  it('bridges an older client by "connect"', async () => {
    const client = new ClientV1({ name: 'desktop', version: '1' });
    await client.connect(
      new StdioV1({ command: process.execPath, args: [MAIN, 'connect', '--url', ready.mcp_url], env: env() }),
    );
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(TOOLS);
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
  });

  it('bridges a current client by "connect", with client credentials', async () => {
    const sales = ready.agents.find((entry) => entry.name === 'sales-bot');
    const client = new Client({ name: 'current', version: '1' });
    const state = await mkdtemp(join(tmpdir(), 'snowfence-state-'));
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [
        MAIN,
        'connect',
        '--url',
        ready.mcp_url,
        '--client-id',
        sales?.client_id ?? '',
        '--client-secret-env',
        'SECRET',
      ],
      env: bareEnv({
        SECRET: sales?.client_secret ?? '',
        XDG_STATE_HOME: state,
      }),
    });
    await client.connect(transport);
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
    await rm(state, { recursive: true, force: true });
  });

  it('serves the client that started it by "serve --stdio", with nothing but the protocol on standard output', async () => {
    const client = new ClientV1({ name: 'developer', version: '1' });
    await client.connect(
      new StdioV1({
        command: process.execPath,
        args: [MAIN, 'serve', '--stdio', '--config', ready.config_file],
        env: env(),
        stderr: 'ignore',
      }),
    );
    expectMasked(await client.callTool({ name: 'query', arguments: { sql: SQL } }));
    await client.close();
  });

  it('says before anything runs that files need a gateway that serves HTTP', async () => {
    const client = new ClientV1({ name: 'developer', version: '1' });
    await client.connect(
      new StdioV1({
        command: process.execPath,
        args: [MAIN, 'serve', '--stdio', '--config', ready.config_file],
        env: env(),
        stderr: 'ignore',
      }),
    );
    const answer = await client.callTool({ name: 'query', arguments: { sql: SQL, format: 'csv' } });
    expect(answer.structuredContent).toMatchObject({
      status: 'error',
      query_id: null,
      error: { code: 'NO_DOWNLOADS' },
    });
    expect(JSON.stringify(answer.content)).toContain('Nothing has run');
    expect(JSON.stringify(answer.content)).not.toContain('untrusted-data');
    await client.close();
  });

  it('says plainly what is wrong with a token', async () => {
    const child = spawn(process.execPath, [MAIN, 'serve', '--stdio', '--config', ready.config_file], {
      env: bareEnv({ SNOWFENCE_TOKEN: 'nonsense' }),
    });
    let said = '';
    child.stderr.on('data', (text: Buffer) => {
      said += text.toString();
    });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(2);
    expect(said).toContain('TOKEN_REFUSED');
    expect(said).not.toContain('    at ');
  });
});

describe('long statements', () => {
  const LONG = 'SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 100000)) a, TABLE(GENERATOR(ROWCOUNT => 100000)) b';

  it('tell how they get on', async () => {
    const client = await agent(ready, 'sales-bot');
    const heard: string[] = [];
    const controller = new AbortController();
    const call = client.callTool(
      { name: 'query', arguments: { sql: LONG } },
      { signal: controller.signal, onprogress: (update) => heard.push(update.message ?? '') },
    );
    call.catch(() => undefined);
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    controller.abort();
    await expect(call).rejects.toThrow();
    await client.close();
  });

  it.each(['current', 'older'])('are cancelled in the warehouse when a %s client cancels', async (generation) => {
    const watcher = await agent(ready, 'sales-bot');
    const marked = LONG.replace('COUNT(*)', `COUNT(*) AS ${generation.toUpperCase()}_${Date.now()}`);
    const controller = new AbortController();
    let close: () => Promise<void>;
    if (generation === 'current') {
      const client = await agent(ready, 'sales-bot');
      client
        .callTool({ name: 'query', arguments: { sql: marked } }, { signal: controller.signal })
        .catch(() => undefined);
      close = () => client.close();
    } else {
      const client = new ClientV1({ name: 'older', version: '1' });
      await client.connect(new HttpV1(new URL(ready.mcp_url), { requestInit: headers() }));
      client
        .callTool({ name: 'query', arguments: { sql: marked } }, undefined, { signal: controller.signal })
        .catch(() => undefined);
      close = () => client.close();
    }
    const { Client: Postgres } = (await import('pg')).default;
    const database = new Postgres({ connectionString: ready.database_url });
    await database.connect();
    const kinds = async (): Promise<string[]> => {
      const found = await database.query(
        "SELECT o.kind FROM event s JOIN event o USING (statement_id) WHERE s.kind = 'statement_submitted' AND s.body->>'statement' = $1",
        [marked],
      );
      return found.rows.map(({ kind }) => kind);
    };
    const outcome = async (): Promise<string | undefined> =>
      (await kinds()).find((kind) => kind !== 'statement_submitted' && kind !== 'statement_sent');
    await expect.poll(kinds).toContain('statement_submitted');
    // It has left by then, for all that a busy machine may be late; it is cancelled wherever it is on its way.
    await new Promise((resolve) => setTimeout(resolve, 500));
    controller.abort();
    await expect.poll(outcome).toBe('statement_cancelled');
    await database.end();
    await close();
    expect((await query(watcher, 'SELECT 1 AS ONE')).rows).toEqual([[1]]);
    await watcher.close();
  });
});
