/**
 * `npm run bench:fairness -- [SECONDS] [ROUNDS]`: what 19 principals notice of a twentieth that floods: refusals, 250 KB texts, approvals,
 * streams, as many as it can, under the limits that hold where the configuration says nothing. Quiet times and floods take turns on
 * one gateway, so that both find the machine alike; the ratio of their 99th percentiles is the answer, and how much the store has grown.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { pause, startGateway, startParts } from '../test/support/gateways/replicas.mjs';

const [seconds = 10, rounds = 3] = process.argv.slice(2).map(Number);
const OTHERS = 19;
const PACE_MS = 500;

const POLICY = `policy: p
principals: { groups: [agents] }
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  - allow: [select]
    on: [ANALYTICS.SALES.ORDERS]
  - approve: [delete]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 15m }
`;

const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

async function timed(url, token, n) {
  const started = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: n,
      method: 'tools/call',
      params: {
        name: 'query',
        arguments: { sql: `SELECT ORDER_ID, STATUS FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${n % 400}` },
      },
    }),
  });
  const text = await response.text();
  if (!text.includes('"status":"ok"')) throw new Error(`${response.status} ${text.slice(0, 300)}`);
  return performance.now() - started;
}

/** All others, each at its own pace, whatever the answers take. */
async function others(url, tokens, ms) {
  const times = [];
  const until = performance.now() + ms;
  let n = 0;
  await Promise.all(
    tokens.map(async (token, index) => {
      await pause((index * PACE_MS) / tokens.length);
      while (performance.now() < until) {
        const next = performance.now() + PACE_MS;
        times.push(await timed(url, token, n++));
        await pause(Math.max(0, next - performance.now()));
      }
    }),
  );
  return times;
}

const sizeOf = async (client) => {
  const { rows } = await client.query(`SELECT pg_database_size(current_database())::float8 AS size`);
  return rows[0].size;
};

const folder = await mkdtemp(join(tmpdir(), 'snowfence-fairness-'));
await writeFile(join(folder, 'p.yaml'), POLICY);
const agents = Array.from({ length: OTHERS + 1 }, (_, at) => ({ name: `agent-${at}`, groups: ['agents'] }));
const parts = await startParts({ agents, policies: folder, limits: {} });
let gateway;
let flood;
try {
  const [url] = parts.urls;
  gateway = await startGateway(parts.configurations[0], url);
  const [flooder, ...tokens] = parts.tokens;
  const store = new pg.Client({ connectionString: parts.postgres.url });
  await store.connect();
  flood = fork(fileURLToPath(new URL('./flood.mjs', import.meta.url)), [url, flooder]);
  await others(url, tokens, 5000);
  const times = { quiet: [], flooded: [] };
  let grown = 0;
  for (let round = 0; round < rounds; round++) {
    times.quiet.push(...(await others(url, tokens, seconds * 1000)));
    const before = await sizeOf(store);
    flood.send('on');
    times.flooded.push(...(await others(url, tokens, seconds * 1000)));
    flood.send('off');
    grown += (await sizeOf(store)) - before;
    await pause(1000);
  }
  const flooded = new Promise((resolve) => flood.once('message', resolve));
  flood.send('end');
  const at = (share) => ({ quiet: percentile(times.quiet, share), flooded: percentile(times.flooded, share) });
  const [p50, p99] = [at(0.5), at(0.99)];
  console.log(JSON.stringify({ calls: [times.quiet.length, times.flooded.length], p50, p99, worst: at(1) }));
  console.log(`p99 with a flood, to the quiet one: ${(p99.flooded / p99.quiet).toFixed(2)}`);
  console.log(`the store grew by ${(grown / 1e6).toFixed(1)} MB; the flood: ${JSON.stringify(await flooded)}`);
  await store.end();
} finally {
  flood?.kill();
  gateway?.child.kill('SIGTERM');
  await gateway?.ended;
  await parts.end();
  await rm(folder, { recursive: true });
}
