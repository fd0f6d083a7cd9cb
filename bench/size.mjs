/**
 * `npm run bench:size -- [ROUNDS] [OBJECTS]`: what a database of 50,000 objects costs, held against the driver's own SHOW of it in the same run:
 * the first query over one of its tables, its first 500 objects, all of them by the cursor, and a name that nothing has. A gateway is started
 * anew for each round; the answers are medians of the ratios.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { parse } from 'yaml';
import { loadDriver } from '../dist/warehouse/index.js';
import { manyObjects, policyOverMany } from '../test/support/gateways/many-objects.mjs';
import { startGateway, startParts } from '../test/support/gateways/replicas.mjs';

const [rounds = 5, objects = 50_000] = process.argv.slice(2).map(Number);

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function timed(work) {
  const started = performance.now();
  const answer = await work();
  return { ms: performance.now() - started, answer };
}

const folder = await mkdtemp(join(tmpdir(), 'snowfence-size-'));
await writeFile(join(folder, 'p.yaml'), policyOverMany('agents', 'AGENT'));
const parts = await startParts({
  agents: [{ name: 'bot', groups: ['agents'] }],
  policies: folder,
  seeds: [await manyObjects(folder, objects)],
});
const [config, url] = [parts.configurations[0], parts.urls[0]];

const driver = await loadDriver();
const connection = driver.createConnection({
  account: 'demo',
  username: 'SNOWFENCE',
  password: 'of-the-warehouse',
  role: 'AGENT',
  accessUrl: parse(await readFile(config, 'utf8')).snowflake.access_url,
});
await new Promise((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
const shown = (sqlText) =>
  new Promise((resolve, reject) =>
    connection.execute({ sqlText, complete: (error, _, rows) => (error ? reject(error) : resolve(rows)) }),
  );

const found = [];
for (let round = 0; round < rounds; round++) {
  const gateway = await startGateway(config, url);
  const client = new Client({ name: 'snowfence-bench', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const authProvider = { token: async () => parts.tokens[0] };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider }));
  const call = async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent;
  const show = [];
  for (let times = 0; times < 3; times++) show.push((await timed(() => shown('SHOW OBJECTS IN DATABASE BIG'))).ms);
  // What is asked of the whole database comes first: a table's own look must not find it known.
  const query = await timed(() => call('query', { sql: 'SELECT ID FROM BIG.MARTS.EVENTS_000003' }));
  if (query.answer.status !== 'ok') throw new Error(JSON.stringify(query.answer));
  const second = await timed(() => call('query', { sql: 'SELECT ID FROM BIG.MARTS.EVENTS_000008' }));
  const unknown = await timed(() => call('query', { sql: 'SELECT ID FROM BIG.MARTS.EVNTS_000003' }));
  const again = await timed(() => call('query', { sql: 'SELECT ID FROM BIG.MARTS.EVNTS_000004' }));
  const first = await timed(() => call('describe', { object: 'BIG' }));
  const all = await timed(async () => {
    let count = 0;
    for (let cursor; cursor !== null; ) {
      const answer = await call('describe', { object: 'BIG', ...(cursor === undefined ? {} : { cursor }) });
      count += answer.objects.length;
      cursor = answer.cursor;
    }
    return count;
  });
  if (all.answer !== objects) throw new Error(`${all.answer} of ${objects} were listed.`);
  found.push({ show: median(show), query, second, unknown, again, first, all });
  await client.close();
  gateway.child.kill('SIGKILL');
  await gateway.ended;
}
connection.destroy(() => {});
await parts.end();
await rm(folder, { recursive: true, force: true });

console.log(
  `${objects} objects, ${rounds} rounds; the driver's own SHOW (10,000 rows): ${median(found.map(({ show }) => show)).toFixed(0)} ms`,
);
for (const [what, key] of [
  ['first query over one of its tables', 'query'],
  ['the next, over another', 'second'],
  ['first name that nothing has', 'unknown'],
  ['the next', 'again'],
  ['first 500 objects', 'first'],
  ['all of them, by the cursor', 'all'],
])
  console.log(
    `${what}: ${median(found.map((one) => one[key].ms)).toFixed(0)} ms, ${median(found.map((one) => one[key].ms / one.show)).toFixed(2)} of it`,
  );
