/**
 * `npm run bench:first -- [ROUNDS]`: what an agent's first query after "Ready" takes, held against its third on the same demo; each a new
 * text. A demo is started anew for each round; the answer is the median of the ratios.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Demo } from '../dist/demo/demo.js';

const [rounds = 5] = process.argv.slice(2).map(Number);

const TEXTS = {
  'sales-bot': (n) =>
    `SELECT NAME, EMAIL, REGION, ${n} AS N FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT ${n + 3}`,
  'pipeline-bot': (n) => `SELECT ORDER_ID, STATUS, ${n} AS N FROM ANALYTICS.SALES.ORDERS ORDER BY ORDER_ID LIMIT ${n}`,
};

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function timesOf(ready, { name, token }) {
  const client = new Client({ name: 'snowfence-bench', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(ready.mcp_url), { authProvider: { token: async () => token } }),
  );
  const times = [];
  for (const n of [1, 2, 3]) {
    const started = performance.now();
    const { structuredContent } = await client.callTool({
      name: 'query',
      arguments: { sql: TEXTS[name](n), purpose: 'measuring' },
    });
    if (structuredContent.status !== 'ok') throw new Error(JSON.stringify(structuredContent));
    times.push(performance.now() - started);
  }
  await client.close();
  return times;
}

const found = new Map(Object.keys(TEXTS).map((name) => [name, []]));
const starts = [];
for (let round = 0; round < rounds; round++) {
  const data = await mkdtemp(join(tmpdir(), 'snowfence-first-'));
  const began = performance.now();
  const demo = await Demo.start({ port: 0, data, seeds: [], tour: false, latencyMs: 0, verbose: false }, () => {});
  starts.push(performance.now() - began);
  for (const agent of demo.ready.agents) found.get(agent.name)?.push(await timesOf(demo.ready, agent));
  await demo[Symbol.asyncDispose]();
  await rm(data, { recursive: true, force: true });
}
console.log(`${rounds} demos; until ready, median: ${(median(starts) / 1000).toFixed(1)} s`);
for (const [name, rows] of found) {
  const [first, second, third] = [0, 1, 2].map((at) => median(rows.map((row) => row[at])).toFixed(0));
  console.log(
    `${name}: ${first}, ${second}, ${third} ms; first to third ${median(rows.map((row) => row[0] / row[2])).toFixed(2)}`,
  );
}
