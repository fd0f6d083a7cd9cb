/**
 * `npm run bench`: what the gateway adds, as ratios measured side by side in one run on one machine.
 *
 * latency     the same statements through the gateway and by the driver alone, with 100 ms of warehouse latency, taken in turns.
 * throughput  16 agents at once: calls per second of `query` through the gateway, and of a tool that does nothing but answer
 *             the same shape, behind the same HTTP server, the same token checks and the same protocol library; and, as what these
 *             cores can do at all, statements per second of the driver alone over as many connections as the gateway's pool has.
 */
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Demo } from '../dist/demo/demo.js';
import { GENEROUS_CONFIG } from '../test/support/gateways/limits.mjs';
import { connectDriver } from '../test/support/outside/driver.mjs';
import { startNothing } from './nothing.mjs';

const json = process.argv.includes('--json');
const folder = (name) => fileURLToPath(new URL(name, import.meta.url));
const base = {
  port: 0,
  data: undefined,
  seeds: [],
  policies: folder('./policies'),
  readyFile: undefined,
  tour: false,
  verbose: false,
  // One token stands for many agents.
  limits: GENEROUS_CONFIG,
};

const STATEMENTS = [
  'SELECT ORDER_ID, STATUS, TOTAL FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = 42',
  'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID = 7',
  'SELECT STATUS, COUNT(*) AS N FROM ANALYTICS.SALES.ORDERS GROUP BY STATUS',
];

/** Of `warehouse.pool`: what the demo's gateway opens at most. */
const POOL_SIZE = 8;

const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

async function agent(url, token) {
  const client = new Client({ name: 'bench', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: { token: async () => token } }));
  return client;
}

async function driverConnection({ warehouse }) {
  const connection = await connectDriver(warehouse, { role: 'AGENT', warehouse: 'WH' });
  return (sqlText) =>
    new Promise((resolve, reject) =>
      connection.execute({
        sqlText,
        rowMode: 'array',
        complete: (error, _statement, rows) => (error ? reject(error) : resolve(rows)),
      }),
    );
}

async function latency(rounds) {
  const demo = await Demo.start({ ...base, latencyMs: 100 }, () => undefined);
  try {
    const client = await agent(demo.ready.mcp_url, demo.ready.agents[0].token);
    const alone = await driverConnection(demo.ready);
    const through = (sql) => client.callTool({ name: 'query', arguments: { sql } });
    const times = { gateway: [], driver: [] };
    const timed = async (name, work) => {
      const started = performance.now();
      await work();
      times[name].push(performance.now() - started);
    };
    // Both are warmed up alike: a service is measured as it runs, not as it starts.
    for (let i = 0; i < 60; i++)
      await Promise.all(STATEMENTS.flatMap((sql) => [through(sql), through(sql), alone(sql), alone(sql)]));
    for (let i = 0; i < rounds; i++) {
      const sql = STATEMENTS[i % STATEMENTS.length];
      await timed('driver', () => alone(sql));
      await timed('gateway', () => through(sql));
    }
    await client.close();
    const at = (share) => ({
      driver_ms: percentile(times.driver, share),
      gateway_ms: percentile(times.gateway, share),
      ratio: percentile(times.gateway, share) / percentile(times.driver, share),
    });
    return { rounds, p50: at(0.5), p99: at(0.99) };
  } finally {
    await demo[Symbol.asyncDispose]();
  }
}

/** Calls per second over a fixed time, after a warm-up of the same kind. */
async function perSecond(clients, call, seconds) {
  let calls = 0;
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < until) {
        const result = await call(client);
        if (result.structuredContent?.status !== 'ok')
          throw new Error(`A call was answered with ${JSON.stringify(result).slice(0, 500)}`);
        calls++;
      }
    }),
  );
  return calls / ((performance.now() - started) / 1000);
}

async function throughput(rounds, seconds) {
  const demo = await Demo.start({ ...base, latencyMs: 0 }, () => undefined);
  const { token } = demo.ready.agents[0];
  const nothing = await startNothing({ issuer: demo.ready.issuer, audience: demo.ready.audience });
  try {
    const gateway = await Promise.all(Array.from({ length: 16 }, () => agent(demo.ready.mcp_url, token)));
    const idle = await Promise.all(Array.from({ length: 16 }, () => agent(nothing.url, token)));
    const query = (client) => client.callTool({ name: 'query', arguments: { sql: STATEMENTS[0] } });
    const connections = await Promise.all(Array.from({ length: POOL_SIZE }, () => driverConnection(demo.ready)));
    const alone = async (run) => {
      await run(STATEMENTS[0]);
      return { structuredContent: { status: 'ok' } };
    };
    for (const clients of [gateway, idle]) await perSecond(clients, query, 8);
    await perSecond(connections, alone, 4);
    const rates = { gateway: [], nothing: [], driver: [] };
    for (let i = 0; i < rounds; i++) {
      rates.nothing.push(await perSecond(idle, query, seconds));
      rates.gateway.push(await perSecond(gateway, query, seconds));
      rates.driver.push(await perSecond(connections, alone, seconds));
    }
    const [own, other, driver] = [rates.gateway, rates.nothing, rates.driver].map((values) => percentile(values, 0.5));
    return {
      rounds,
      agents: 16,
      gateway_per_second: own,
      nothing_per_second: other,
      driver_per_second: driver,
      ratio: own / other,
      ratio_to_driver: own / driver,
    };
  } finally {
    await nothing.stop();
    await demo[Symbol.asyncDispose]();
  }
}

const result = {
  machine: {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  latency: await latency(Number(process.env.BENCH_ROUNDS ?? 240)),
  throughput: await throughput(3, 5),
};
const targets = [
  [
    'latency p50, gateway to driver, 100 ms warehouse',
    result.latency.p50.ratio,
    '≤ 1.08',
    result.latency.p50.ratio <= 1.08,
  ],
  [
    'latency p99, gateway to driver, 100 ms warehouse',
    result.latency.p99.ratio,
    '≤ 1.15',
    result.latency.p99.ratio <= 1.15,
  ],
  [
    'throughput, gateway to a tool that does nothing, 16 agents',
    result.throughput.ratio,
    '≥ 0.50',
    result.throughput.ratio >= 0.5,
  ],
];
if (json) console.log(JSON.stringify(result, null, 2));
else {
  const { machine, latency: l, throughput: t } = result;
  console.log(`Machine     ${machine.cores} × ${machine.cpu}, ${machine.memory_gb} GB, Node ${machine.node}`);
  console.log(
    `Latency     p50 ${l.p50.gateway_ms.toFixed(1)} ms against ${l.p50.driver_ms.toFixed(1)} ms, p99 ${l.p99.gateway_ms.toFixed(1)} ms against ${l.p99.driver_ms.toFixed(1)} ms, ${l.rounds} calls each in turns`,
  );
  console.log(
    `Throughput  ${t.gateway_per_second.toFixed(0)} calls/s against ${t.nothing_per_second.toFixed(0)} calls/s of a tool that does nothing, 16 agents, median of ${t.rounds}; the driver alone ${t.driver_per_second.toFixed(0)} statements/s`,
  );
  for (const [name, ratio, target, isMet] of targets)
    console.log(`${isMet ? 'met   ' : 'missed'}  ${ratio.toFixed(3)} (${target})  ${name}`);
}
process.exit(targets.every(([, , , isMet]) => isMet) ? 0 : 1);
