/** Numbers as their sender wrote them: what a reader of JSON would change is refused, and nothing else stands in its place. */

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, bareEnv, cli, MAIN, type QueryAnswer, query, tokenOf } from '../../support/demo.js';
import { Person } from '../../support/outside/person.js';

const ready = inject('ready');
const ORDERS = 'ANALYTICS.SALES.ORDERS';
const SENTENCE = /is a number that would be read as another.*Send it as a text\./s;

let pipeline: Client;
beforeAll(async () => {
  pipeline = await agent(ready, 'pipeline-bot');
});
afterAll(() => pipeline.close());

/** A call whose arguments stand there as a text: a client's own JSON would have changed them before. */
async function called(tool: string, args: string): Promise<{ text: string; structured: QueryAnswer | undefined }> {
  const response = await fetch(ready.mcp_url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokenOf(ready, 'pipeline-bot')}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
    },
    body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`,
  });
  const text = await response.text();
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return {
    text,
    structured: (JSON.parse(json) as { result?: { structuredContent?: QueryAnswer } }).result?.structuredContent,
  };
}
const SQL = `"sql":"SELECT COUNT(*) FROM ${ORDERS} WHERE ORDER_ID = ?","purpose":"To count."`;

describe('a number that JSON readers change', () => {
  it.each([
    '9007199254740993',
    '9007199254740992',
    '-9007199254740993',
    '123456789012345678901234567890',
    '1e400',
    '0.12345678901234567890',
    '1.00000000000000000001',
  ])('is bound by nobody: %s', async (number) => {
    for (const binds of [`[${number}]`, `"[${number}]"`]) {
      const { text } = await called('query', `{${SQL},"binds":${binds}}`);
      expect(text).toMatch(SENTENCE);
      expect(text).toContain('binds.0');
      expect(text).not.toContain(number);
    }
  });

  it('is none of a tool’s other arguments', async () => {
    expect((await called('query', `{${SQL},"binds":[1],"max_rows":9007199254740993}`)).text).toMatch(SENTENCE);
    expect((await called('query', `{${SQL},"binds":[1],"max_rows":"9007199254740993"}`)).text).toMatch(SENTENCE);
    expect((await called('approval', '{"id":"x","wait_seconds":1.00000000000000000001}')).text).toMatch(SENTENCE);
  });

  it.each(['1', '-0.5', '1.10', '9007199254740991', '0.30000000000000004', '1e3', '5E-3'])(
    'is not what a double gives back as it stands: %s',
    async (number) => {
      const { text, structured } = await called('query', `{${SQL},"binds":[${number}]}`);
      expect(structured?.status, text).toBe('ok');
    },
  );

  it('is exact as a text', async () => {
    const asked = await query(pipeline, `DELETE FROM ${ORDERS} WHERE ORDER_ID = ?`, {
      purpose: 'To tidy up.',
      binds: ['9007199254740993'],
    });
    const shown = await cli(['approvals', 'show', asked.approval?.id ?? '', '--config', ready.config_file]);
    expect(shown.said).toContain('Binds          ["9007199254740993"]');
  });

  it('is told to a client of standard input and output as well', async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'connect', '--url', ready.mcp_url],
      env: bareEnv({ SNOWFENCE_TOKEN: tokenOf(ready, 'pipeline-bot') }),
      stderr: 'ignore',
    });
    const client = new Client({ name: 'tests', version: '1' });
    await client.connect(transport);
    const [sql, written] = [`SELECT COUNT(*) FROM ${ORDERS} WHERE ORDER_ID = ?`, JSON.stringify];
    // A client that writes all digits, as those of other languages do.
    JSON.stringify = ((...given: Parameters<typeof written>) =>
      written(...given)?.replace('"digits"', '9007199254740993')) as typeof written;
    try {
      const { content, isError } = await client.callTool({
        name: 'query',
        arguments: { sql, purpose: 'To count.', binds: ['digits'] },
      });
      expect(isError).toBe(true);
      expect(written(content)).toMatch(SENTENCE);
    } finally {
      JSON.stringify = written;
      await client.close();
    }
  });

  it('is none in a request of the console, also where anything may stand', async () => {
    const person = new Person(ready);
    await person.signIn('platform');
    const response = await person.fetch('/api/policies/try', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-snowfence-csrf': person.csrf },
      body: '{"subject":"sales-bot","groups":["sales-agents"],"sql":"SELECT 1","claims":{"region":9007199254740993}}',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/claims\.region is a number that would be read as another/);
  });
});

it('a shape’s hole that takes numbers is shown as a number, and one that takes texts as a text', async () => {
  const asked = await query(pipeline, `DELETE FROM ${ORDERS} WHERE ORDER_ID = ? AND STATUS = 'gone'`, {
    purpose: 'To tidy up.',
    binds: [7_654_321],
  });
  const { said } = await cli(['approvals', 'show', asked.approval?.id ?? '', '--config', ready.config_file]);
  expect(said).toMatch(/ORDER_ID = ⟨number⟩ AND STATUS = '⟨text⟩'/);
});
