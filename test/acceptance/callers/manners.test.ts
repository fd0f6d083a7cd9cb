/** How the door bears with clients that exist: addresses, types, scopes, pages in browsers, schemas and arguments of models. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, startParts } from '../../support/gateways/replicas.mjs';

/** For clients that mix several servers' tools. */
const PREFIX = 'sf_';
const ORIGIN = 'https://inspector.example.com';
let parts: Awaited<ReturnType<typeof startParts>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let url: string;

beforeAll(async () => {
  const policies = fileURLToPath(new URL('../policies', import.meta.url));
  parts = await startParts({
    agents: [{ name: 'sales-bot', groups: ['sales-agents'] }],
    policies,
    server: { allowed_origins: [ORIGIN] },
    tools: { prefix: PREFIX },
  });
  url = parts.urls[0] ?? '';
  gateway = await startGateway(parts.configurations[0] ?? '', url);
});
afterAll(async () => {
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await parts.end();
});

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const call = (name: string, args: unknown) => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name: `${PREFIX}${name}`, arguments: args },
});

function post(body: object, headers: Record<string, string> = {}, path = '/mcp'): Promise<Response> {
  return fetch(new URL(path, url), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${parts.tokens[0]}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

interface Message {
  readonly id: number;
  readonly result: {
    readonly isError?: boolean;
    readonly tools: readonly Readonly<Record<string, unknown>>[];
    readonly content: readonly { readonly text: string }[];
    readonly structuredContent: { readonly rows: unknown };
  };
}

/** The message of an answer, in whichever form it comes. */
async function message(response: Response): Promise<Message> {
  const text = await response.text();
  const data = /^data: (.*)$/m.exec(text)?.[1];
  return JSON.parse(data ?? text) as Message;
}

async function tokenFor(scope: string): Promise<string> {
  const [{ client_id: id, client_secret: secret } = { client_id: '', client_secret: '' }] = parts.agents;
  const response = await fetch(new URL('/token', parts.issuer), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource: url }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

describe('addresses and types', () => {
  it.each(['/mcp', '/mcp/'])('%s is where the tools are', async (path) => {
    expect((await message(await post(LIST, {}, path))).result.tools.length).toBeGreaterThan(5);
  });

  it.each([
    'application/json, text/event-stream',
    '*/*',
    'text/event-stream',
    'application/json',
    'application/*;q=0.9, text/html',
    'TEXT/EVENT-STREAM; q=1',
  ])('Accept: %s is answered', async (accept) => {
    const response = await post(LIST, { accept });
    expect(response.status).toBe(200);
    expect((await message(response)).result.tools.length).toBeGreaterThan(5);
  });

  it.each([
    ['application/json', 'application/json'],
    ['application/json;q=1, text/html', 'application/json'],
    ['application/*', 'application/json'],
    ['application/json, text/event-stream', 'text/event-stream'],
    ['text/event-stream', 'text/event-stream'],
    ['*/*', 'text/event-stream'],
  ])('Accept: %s is answered as %s', async (accept, type) => {
    const progress = { ...call('query', { sql: 'SELECT 1' }), id: 8 };
    const withToken = { ...progress, params: { ...progress.params, _meta: { progressToken: 1 } } };
    for (const body of [LIST, call('whoami', {}), withToken, { ...LIST, method: 'no/such' }]) {
      const response = await post(body, { accept });
      expect([body.method, response.headers.get('content-type')]).toEqual([body.method, expect.stringContaining(type)]);
      expect(await message(response)).toMatchObject({ id: body.id });
    }
  });

  it('a client of 2026-07-28 that takes JSON alone has it too', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'curl', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
      progressToken: 1,
    };
    const body = {
      ...call('query', { sql: 'SELECT 1' }),
      params: { name: `${PREFIX}query`, arguments: { sql: 'SELECT 1' }, _meta: meta },
    };
    const response = await post(body, {
      accept: 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': `${PREFIX}query`,
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('application/json'),
    ]);
    expect(await message(response)).toMatchObject({ id: 7, result: {} });
  });

  it('a body of nothing is told as such', async () => {
    for (const body of [[null], [], [1, 'x'], { params: null }]) {
      const response = await post(body);
      expect(response.status).toBe(400);
      await response.text();
    }
  });

  it('a type that neither form is stays refused', async () => {
    expect((await post(LIST, { accept: 'image/png' })).status).toBe(406);
  });
});

describe('scopes', () => {
  it('are named where no token comes', async () => {
    const response = await fetch(url, { method: 'POST', body: '{}' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/scope="snowfence"/);
    expect(response.headers.get('www-authenticate')).toMatch(/resource_metadata="/);
  });

  it('that a sound token lacks are told with 403', async () => {
    const response = await post(LIST, { authorization: `Bearer ${await tokenFor('other')}` });
    expect(response.status).toBe(403);
    const challenge = response.headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/error="insufficient_scope"/);
    expect(challenge).toMatch(/scope="snowfence"/);
    expect(await response.json()).toMatchObject({ error: 'insufficient_scope' });
  });

  it('are not told of a token that is not sound', async () => {
    const response = await post(LIST, { authorization: 'Bearer nonsense' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/error="invalid_token"/);
  });
});

describe('pages in browsers', () => {
  const preflight = (origin: string, headers: string) =>
    fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
    });

  it('of a named origin may ask, with the protocol’s headers and no others', async () => {
    const asked = 'authorization,content-type,mcp-protocol-version,mcp-session-id,mcp-method,x-evil,cookie';
    const response = await preflight(ORIGIN, asked);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('access-control-allow-headers')?.split(', ')).toEqual(
      asked.split(',').filter((name) => name !== 'x-evil' && name !== 'cookie'),
    );
    expect(response.headers.get('vary')).toContain('Origin');
  });

  it('may read the answer, and what a refusal asks for', async () => {
    const answered = await post(LIST, { origin: ORIGIN });
    expect(answered.status).toBe(200);
    expect(answered.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    const refused = await post(LIST, { origin: ORIGIN, authorization: 'Bearer nonsense' });
    expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(refused.headers.get('access-control-expose-headers')).toMatch(
      /WWW-Authenticate.*Content-Disposition.*Snowfence-Rows/,
    );
  });

  it.each([
    'https://other.example.com',
    'https://inspector.example.com.evil.example',
    'http://inspector.example.com',
    'https://inspector.example.com:8443',
    'null',
  ])('of %s may not', async (origin) => {
    const asked = await preflight(origin, 'authorization');
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
    expect(asked.status).toBe(403);
    const response = await post(LIST, { origin });
    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

/** Every schema within a schema, with its path. */
function* within(schema: unknown, path = '$'): Generator<[string, Record<string, unknown>]> {
  if (typeof schema !== 'object' || schema === null) return;
  if (!Array.isArray(schema)) yield [path, schema as Record<string, unknown>];
  for (const [key, value] of Object.entries(schema)) yield* within(value, `${path}.${key}`);
}

describe('names of tools', () => {
  it('have the prefix of the configuration, and are known by no other name', async () => {
    const { tools } = (await message(await post(LIST))).result;
    expect(tools.map(({ name }) => name)).toEqual(
      ['query', 'fetch', 'describe', 'explain', 'approval', 'whoami'].map((name) => `${PREFIX}${name}`),
    );
    const plain = await message(await post({ ...call('', {}), params: { name: 'whoami', arguments: {} } }));
    expect(JSON.stringify(plain)).toMatch(/whoami not found/i);
  });

  it('stand in descriptions, hints, notices and errors as the client knows them', async () => {
    const { tools } = (await message(await post(LIST))).result;
    // None of these three is a word of anything else in a description.
    const bare = /(?<![\w"])(?:fetch|describe|whoami)\b(?!")|(?<!\w)(?:query|explain|approval) tool/;
    const opened = await post({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    });
    const { instructions } = (await message(opened)).result as unknown as { instructions: string };
    const described = [...within(tools)].flatMap(([, schema]) => schema['description'] ?? []);
    expect(described.length).toBeGreaterThan(30);
    for (const text of [instructions, ...described]) expect(text).not.toMatch(bare);
    expect(instructions).toContain('sf_describe first, then sf_query');
    expect(described.join(' ')).toMatch(/the sf_approval tool .* answers as the sf_query tool does/s);

    const mention =
      /(?<!\w)(?:query|fetch|describe|explain|approval|whoami) tool|\b(?:[Cc]all|[Aa]sk) (?:fetch|describe|approval|query|explain|whoami)\b/;
    const answers: string[] = [];
    const ask = async (name: string, args: object): Promise<Message['result']> => {
      const { result } = await message(await post(call(name, args)));
      answers.push(JSON.stringify(result));
      return result;
    };
    const many = await ask('query', { sql: 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS', max_rows: 2 });
    expect(many.content[0]?.text).toContain('call the sf_fetch tool with cursor');
    await ask('query', { sql: `SELECT REPEAT('x', 50000) AS LONG` });
    await ask('query', { sql: 'SELECT * FROM ANALYTICS.NOPE.X' });
    await ask('query', { sql: 'SELECT * FROM ORDERS' });
    await ask('query', { sql: 'SHOW TABLES' });
    await ask('query', { sql: 'SELECT NOTHING FROM ANALYTICS.SALES.ORDERS O, ANALYTICS.SALES.CUSTOMERS C' });
    await ask('explain', { sql: 'SELECT * FROM ANALYTICS.NOPE.X' });
    await ask('describe', { object: 'ANALYTICS.NOPE.X' });
    await ask('fetch', { cursor: '00000000-0000-0000-0000-000000000000' });
    expect(answers.join('\n')).toMatch(/sf_describe tool/);
    for (const answer of answers) expect(answer).not.toMatch(mention);
    // What stands in a table is left as it is.
    const row = await ask('query', { sql: `SELECT 'call the fetch tool' AS WORDS` });
    expect(row.structuredContent.rows).toEqual([['call the fetch tool']]);
  });

  it('stand in errors of ours outside of any fence, and the warehouse’s own within one', async () => {
    const ours = (await message(await post(call('fetch', { cursor: 'x' })))).result;
    expect(ours.content[0]?.text).toBe(
      'Error UNKNOWN_CURSOR: There is no such cursor of yours, or it is over. Send the statement again.',
    );
    const places = (result: object): readonly number[] =>
      ['"error":', '"untrusted":', '"untrusted_end":'].map((word) => JSON.stringify(result).indexOf(word));
    const [error = 0, from = 0] = places(ours.structuredContent);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(from);
    const theirs = (await message(await post(call('query', { sql: "SELECT TO_NUMBER('x') AS N" })))).result;
    expect(theirs.content[0]?.text).toMatch(/^Error \d+: <untrusted-data /);
    const [inside = 0, begin = 0, end = 0] = places(theirs.structuredContent);
    expect(begin).toBeLessThan(inside);
    expect(inside).toBeLessThan(end);
  });
});

describe('schemas', () => {
  it('say nothing that some model’s API does not take', async () => {
    const { tools } = (await message(await post(LIST))).result;
    const odd: string[] = [];
    for (const tool of tools)
      for (const form of ['inputSchema', 'outputSchema'])
        for (const [path, schema] of within(tool[form], `${tool['name']}.${form}`)) {
          for (const word of ['$schema', '$ref', 'exclusiveMinimum', 'exclusiveMaximum', 'const', 'patternProperties'])
            if (word in schema) odd.push(`${path}: ${word}`);
          if (Array.isArray(schema['type'])) odd.push(`${path}: a list of types`);
        }
    expect(odd).toEqual([]);
    for (const tool of tools) expect((tool['inputSchema'] as { type: string }).type).toBe('object');
  });

  /**
   * What APIs of models know of a schema of arguments: the Schema of Google's (ai.google.dev/api/caching, "Schema"), which knows least. One
   * word too many, or an argument without a type, and a client leaves the tool out or none of its requests passes: pizza-bot-app/pizza-bot#62,
   * router-for-me/CLIProxyAPI#97, openclaw/openclaw#990, arben-adm/mcp-sequential-thinking#12.
   */
  it('of arguments use the words alone that all models’ APIs know, each with a type', async () => {
    const known =
      /^(?:type|description|title|properties|required|items|anyOf|enum|nullable|minimum|maximum|minItems|maxItems|minLength|maxLength|default)$/;
    const { tools } = (await message(await post(LIST))).result;
    const odd: string[] = [];
    for (const tool of tools)
      for (const [path, schema] of within(tool['inputSchema'], String(tool['name']))) {
        // Names of arguments, and no schema.
        if (path.endsWith('.properties')) continue;
        for (const word of Object.keys(schema)) if (!known.test(word)) odd.push(`${path}: ${word}`);
        if (typeof schema['type'] !== 'string' && !Array.isArray(schema['anyOf'])) odd.push(`${path}: no type`);
        const values = schema['enum'];
        if (Array.isArray(values) && values.some((value) => typeof value !== 'string')) odd.push(`${path}: enum`);
      }
    expect(odd).toEqual([]);
  });
});

describe('arguments', () => {
  const ask = async (name: string, args: unknown) => (await message(await post(call(name, args)))).result;
  const sql = 'SELECT ORDER_ID FROM ANALYTICS.SALES.ORDERS ORDER BY 1';

  it.each([
    ['null for what may be left out', { sql, max_rows: null, purpose: null, binds: null, session: null }, 100],
    ['a number as a text', { sql, max_rows: '10' }, 10],
    ['a number as a text with space around', { sql, max_rows: ' 3 ' }, 3],
    ['a list as a text', { sql: 'SELECT ? AS A', binds: '["x"]' }, 1],
    ['numbers and null as binds', { sql: 'SELECT ? AS A, ? AS B', binds: [7, null] }, 1],
    ['more than there are', { sql, max_rows: 5, limit: 3, explanation: 'x' }, 5],
  ])('%s', async (_what, args, rows) => {
    const { structuredContent } = await ask('query', args);
    expect(structuredContent).toMatchObject({ status: 'ok', row_count: rows });
  });

  it('a boolean as a text', async () => {
    const { structuredContent } = await ask('approval', { id: 'none', withdraw: 'true', wait_seconds: '1' });
    expect(structuredContent).toMatchObject({ status: expect.stringMatching(/^(?:denied|error)$/) });
  });

  it('none at all, for a tool that needs none', async () => {
    for (const args of [undefined, {}, null]) expect((await ask('whoami', args)).isError ?? false).toBe(false);
  });

  it.each([
    ['null for what is needed', { sql: null }],
    ['a text that is no number', { sql, max_rows: 'ten' }],
    ['a half', { sql, max_rows: '1.5' }],
    ['none of it', {}],
  ])('%s is told, and nothing runs', async (_what, args) => {
    const answer = await message(await post(call('query', args)));
    const told = JSON.stringify(answer);
    expect(told).toMatch(/max_rows|sql/);
    expect(told).not.toMatch(/"status":"ok"/);
  });
});

describe('numbers in VARIANT', () => {
  it.each([
    ['9007199254740993', '"9007199254740993"'],
    ['9007199254740992', '9007199254740992'],
    ['-12345678901234567890', '"-12345678901234567890"'],
    [
      '{"a": [1, 12345678901234567891], "b": "12345678901234567891 \\\\" 1"}',
      '{"a":[1,"12345678901234567891"],"b":"12345678901234567891 \\" 1"}',
    ],
  ])('%s', async (json, shown) => {
    const sql = `SELECT PARSE_JSON('${json}') AS V`;
    const { structuredContent, content } = (await message(await post(call('query', { sql })))).result;
    expect(JSON.stringify(structuredContent.rows)).toBe(`[[${shown}]]`);
    expect(content[0]?.text).toContain(`[${shown}]`);
  });
});
