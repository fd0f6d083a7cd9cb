/**
 * `npm run bench:masking`: what masking costs, as ratios of one run, side by side.
 *
 * rewriting   the text with masks put in, to the primary parser's own time on the same statement; then with the proof that it reads as
 *             it should (every parser once more over the longer text), for the record.
 * by hand     a masked statement as snowfence sends it, to the same one masked by hand, both by the driver on the embedded warehouse.
 * detectors   megabytes of text a second on one core, all kinds wanted; and twice the text to once, on texts made to slow them down.
 * streamed    a million cells under masks and detectors through the gateway, page by page, to the driver alone reading the very text
 *             that the gateway sends, both into this process; the same to the official client over HTTP; and the memory of the gateway's
 *             own process while it serves that client.
 */
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import * as polyglot from '@polyglot-sql/sdk';
import { Approvals } from '../dist/approval/index.js';
import { Demo } from '../dist/demo/demo.js';
import { Gateway } from '../dist/gateway/gateway.js';
import { DETECTOR_KINDS, maskExpression, Scrubber } from '../dist/masking/index.js';
import { loadPolicies } from '../dist/policy/index.js';
import { analyse, objectKey, readStatement, rewrite } from '../dist/sql/index.js';
import { maskedText } from '../dist/sql/send/rewrite.js';
import { LABELLED } from '../test/masking/labelled.mjs';
import { catalog, read } from '../test/sql/corpus/describe.mjs';
import { callerOf } from '../test/support/caller.mjs';
import { GENEROUS } from '../test/support/gateways/limits.mjs';
import { connectDriver } from '../test/support/outside/driver.mjs';
import { openStore } from '../test/support/store/store.mjs';
import { warehouseAt } from '../test/support/warehouse.mjs';

const json = process.argv.includes('--json');
const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const results = [];
const report = (name, value, bound, isMet, detail) => {
  results.push({ name, value, bound, isMet });
  if (!json) console.log(`${isMet ? 'met   ' : 'missed'}  ${name}: ${value.toFixed(2)} (${bound})  ${detail}`);
};

// --- rewriting

const DEFAULTS = { database: 'DB', schema: 'S' };

/** Every first text column of a table is masked, and every table has a row predicate: all references are rewritten. */
function treatmentsFor(analysis) {
  const treatments = new Map();
  for (const { relation, object, access } of analysis.objects) {
    if (relation?.kind !== 'table' || access !== 'read') continue;
    const column = relation.columns.find(({ type }) => /^VARCHAR/.test(type)) ?? relation.columns[0];
    if (!column) continue;
    const { type, name } = column;
    const mask = (identifier) => maskExpression({ kind: 'redact' }, identifier, type);
    treatments.set(objectKey(object), { columns: new Map([[name, mask]]), predicate: undefined });
  }
  return treatments;
}

async function rewriting() {
  const prepared = [];
  for (const { sql, expected } of read()) {
    if (expected.startsWith('!')) continue;
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
    const treatments = treatmentsFor(analysis);
    try {
      if (treatments.size > 0 && rewrite(analysis, treatments).isChanged) prepared.push({ sql, analysis, treatments });
    } catch {
      // A name-only place: refused, so there is nothing to time.
    }
  }
  const times = { parse: [], text: [], whole: [] };
  for (let pass = 0; pass < 12; pass++) {
    let [parse, text, whole] = [0, 0, 0];
    for (const { sql, analysis, treatments } of prepared) {
      const start = performance.now();
      polyglot.parse(sql, polyglot.Dialect.Snowflake);
      const parsed = performance.now();
      maskedText(analysis, treatments);
      const written = performance.now();
      rewrite(analysis, treatments);
      parse += parsed - start;
      text += written - parsed;
      whole += performance.now() - written;
    }
    if (pass < 3) continue;
    times.parse.push(parse);
    times.text.push(text);
    times.whole.push(whole);
  }
  const [parse, text, whole] = [times.parse, times.text, times.whole].map(median);
  const each = (value) => `${(value / prepared.length).toFixed(3)} ms`;
  report(
    'rewriting to parsing',
    text / parse,
    'at most 1',
    text <= parse,
    `${each(text)} to ${each(parse)} over ${prepared.length} statements; with the proof ${each(whole)}, ${(whole / parse).toFixed(2)}`,
  );
}

// --- detectors

function detectors() {
  const scrubber = () =>
    new Scrubber(DETECTOR_KINDS.map((name) => ({ name, pattern: undefined, mask: { kind: 'redact' } })));
  const prose =
    'The parcel for order 1234567 came late on 2026-03-14 at 12:30, the box was open but all was there, so no refund is due; see ticket TCK-48213. ';
  const rate = (texts) => {
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const rates = [];
    for (let pass = 0; pass < 5; pass++) {
      const own = scrubber();
      const before = process.cpuUsage();
      for (const text of texts) own.text(text);
      const { user, system } = process.cpuUsage(before);
      rates.push(bytes / (user + system));
    }
    return median(rates);
  };
  const sets = {
    'one long text': [prose.repeat(40_000)],
    'comments of 140 characters': Array.from({ length: 40_000 }, (_, at) => `${prose}${at}`),
    names: Array.from({ length: 200_000 }, (_, at) => `Customer ${at} of Example Street`),
    'comments with a finding in every tenth': Array.from({ length: 40_000 }, (_, at) =>
      at % 10 === 0 ? `${prose} ${LABELLED[at % LABELLED.length].text}` : `${prose}${at}`,
    ),
  };
  for (const [name, texts] of Object.entries(sets)) {
    const value = rate(texts);
    report(`detectors, ${name}, MB/s`, value, 'at least 20', value >= 20, '');
  }
  const worst = [
    'a',
    '1',
    '1 ',
    'a@',
    'eyJ',
    'AB12 ',
    '.',
    '+1',
    'key: ',
    '-----BEGIN ',
    'DE89 ',
    ':',
    '0049 ',
    '://',
    'sk-',
  ].map((unit) => {
    const time = (size) => {
      const text = unit.repeat(size / unit.length);
      const own = scrubber();
      own.text(text);
      const runs = Array.from({ length: 5 }, () => {
        const start = process.cpuUsage();
        own.text(text);
        const { user, system } = process.cpuUsage(start);
        return user + system;
      });
      return median(runs);
    };
    time(100_000);
    return { unit, ratio: time(4_000_000) / time(1_000_000) };
  });
  const slowest = worst.sort((left, right) => right.ratio - left.ratio)[0];
  report(
    'detectors, four times the text to once',
    slowest.ratio,
    'at most 8',
    slowest.ratio <= 8,
    `worst: ${JSON.stringify(slowest.unit)}`,
  );
}

// --- against the warehouse

const BY_HAND = [
  [
    "SELECT NAME, EMAIL, PHONE FROM ANALYTICS.SALES.CUSTOMERS WHERE SEGMENT = 'smb'",
    "SELECT NAME, CASE WHEN CONTAINS(EMAIL, '@') THEN '***@' || SPLIT_PART(EMAIL, '@', -1) ELSE '***' END AS EMAIL, CASE WHEN LENGTH(PHONE) > 4 THEN '***' || RIGHT(PHONE, 4) ELSE '***' END AS PHONE FROM ANALYTICS.SALES.CUSTOMERS WHERE REGION = 'EU' AND SEGMENT = 'smb'",
  ],
  [
    'SELECT c.COUNTRY_CODE, COUNT(*) AS N, SUM(o.TOTAL) AS T FROM ANALYTICS.SALES.CUSTOMERS c JOIN ANALYTICS.SALES.ORDERS o ON o.CUSTOMER_ID = c.CUSTOMER_ID GROUP BY c.COUNTRY_CODE ORDER BY 1',
    "SELECT c.COUNTRY_CODE, COUNT(*) AS N, SUM(o.TOTAL) AS T FROM ANALYTICS.SALES.CUSTOMERS c JOIN ANALYTICS.SALES.ORDERS o ON o.CUSTOMER_ID = c.CUSTOMER_ID WHERE c.REGION = 'EU' GROUP BY c.COUNTRY_CODE ORDER BY 1",
  ],
  [
    'SELECT EMAIL, COUNT(*) AS N, SUM(TOTAL) AS T FROM ANALYTICS.BENCH.BIG GROUP BY EMAIL ORDER BY N DESC LIMIT 10',
    "SELECT CASE WHEN CONTAINS(EMAIL, '@') THEN '***@' || SPLIT_PART(EMAIL, '@', -1) ELSE '***' END AS E, COUNT(*) AS N, SUM(FLOOR(TOTAL / 10) * 10) AS T FROM ANALYTICS.BENCH.BIG GROUP BY 1 ORDER BY N DESC LIMIT 10",
  ],
];
const STREAMED = 'SELECT * FROM ANALYTICS.BENCH.BIG';

const connect = ({ warehouse }) => connectDriver(warehouse, { role: 'AGENT', warehouse: 'WH' });

/** Every cell of a result, as the driver streams it. */
const stream = (connection, sqlText) =>
  new Promise((resolve, reject) => {
    connection.execute({
      sqlText,
      streamResult: true,
      complete: (error, statement) => {
        if (error) return reject(error);
        let cells = 0;
        statement
          .streamRows()
          .on('data', (row) => {
            cells += Object.keys(row).length;
          })
          .on('error', reject)
          .on('end', () => resolve(cells));
      },
    });
  });

/** The text that the gateway sent for a statement, from its own record. */
async function sentFor(client, sql) {
  const { structuredContent } = await client.callTool({ name: 'query', arguments: { sql, max_rows: 1 } });
  if (structuredContent.status !== 'ok')
    throw new Error(JSON.stringify(structuredContent.denial ?? structuredContent.error));
  return structuredContent.statement_id;
}

/** As many at a time as an answer holds. */
const ROWS = 10_000;

/** Every cell of a result, page by page. `first` and `next` answer as the query and fetch tools do. */
async function pages(first, next) {
  let cells = 0;
  for (let page = await first(); ; page = await next(page.cursor)) {
    if (page.status !== 'ok') throw new Error(JSON.stringify(page.denial ?? page.error));
    cells += page.rows.length * page.columns.length;
    if (page.cursor === null) return cells;
  }
}

const throughClient = (client) => {
  const call = async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent;
  return pages(
    () => call('query', { sql: STREAMED, max_rows: ROWS }),
    (cursor) => call('fetch', { cursor, max_rows: ROWS }),
  );
};

/** A gateway in this process, before the same warehouse and store. */
async function gatewayOf(
  { warehouse: { account, access_url: accessUrl, username, password }, database_url: url },
  folder,
) {
  const policies = await loadPolicies(folder);
  const transcript = await openStore(url);
  const warehouse = warehouseAt(accessUrl, password, { account, username, poolSize: 2, confirm: 'cached' });
  const quiet = () => undefined;
  const gateway = new Gateway({
    policies: () => policies,
    transcript,
    approvals: new Approvals(transcript),
    warehouse,
    log: { info: quiet, warn: quiet, error: console.error },
    counters: { verdict: quiet, ran: quiet, disagreement: quiet },
    now: () => new Date(),
    notices: async () => [],
    limits: GENEROUS,
  });
  const caller = callerOf('sales-bot', ['sales-agents']);
  const end = async () => {
    await warehouse[Symbol.asyncDispose]();
    await transcript[Symbol.asyncDispose]();
  };
  const read = () =>
    pages(
      () => gateway.query(caller, { sql: STREAMED, maxRows: ROWS }),
      (cursor) => gateway.fetch(caller, cursor, { maxRows: ROWS }),
    );
  return { read, end };
}

const memory = (pid) => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mega = (key) => Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  return { now: mega('VmRSS'), peak: mega('VmHWM') };
};

async function warehouse() {
  const folder = await mkdtemp(join(tmpdir(), 'snowfence-bench-'));
  await copyFile(file('./masking/policy.yaml'), join(folder, 'policy.yaml'));
  const demo = await Demo.start(
    {
      port: 0,
      data: undefined,
      seeds: [file('../test/acceptance/seed.sql'), file('./masking/big.sql')],
      policies: folder,
      readyFile: undefined,
      tour: false,
      latencyMs: 0,
      verbose: false,
    },
    () => undefined,
  );
  try {
    const token = demo.ready.agents.find(({ name }) => name === 'sales-bot').token;
    const client = new Client({ name: 'bench', version: '1' }, { versionNegotiation: { mode: 'auto' } });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(demo.ready.mcp_url), { authProvider: { token: async () => token } }),
    );
    const connection = await connect(demo.ready);
    const pg = (await import('pg')).default;
    const database = new pg.Client({ connectionString: demo.ready.database_url });
    // It is ended with the demo where something fails before.
    database.on('error', () => undefined);
    await database.connect();
    const sent = async (sql) => {
      const id = await sentFor(client, sql);
      const { rows } = await database.query(
        "SELECT body->>'sent' AS sent FROM event WHERE statement_id = $1 AND kind = 'statement_submitted'",
        [id],
      );
      return rows[0].sent;
    };
    const ratios = [];
    for (const [sql, byHand] of BY_HAND) {
      const rewritten = await sent(sql);
      const times = { rewritten: [], byHand: [] };
      for (let pass = 0; pass < 120; pass++) {
        for (const [name, text] of pass % 2 === 0
          ? [
              ['rewritten', rewritten],
              ['byHand', byHand],
            ]
          : [
              ['byHand', byHand],
              ['rewritten', rewritten],
            ]) {
          const start = performance.now();
          await stream(connection, text);
          if (pass >= 20) times[name].push(performance.now() - start);
        }
      }
      ratios.push(median(times.rewritten) / median(times.byHand));
    }
    const product = ratios.reduce((all, ratio) => all * ratio, 1) ** (1 / ratios.length);
    report(
      'masked to masked by hand',
      product,
      'at most 1.1',
      product <= 1.1,
      `each: ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}`,
    );

    const whole = await sent(STREAMED);
    const pid = demo.ready.pids.gateway;
    // At rest, after it has served: what it loads once is loaded.
    await client.callTool({ name: 'query', arguments: { sql: `${STREAMED} LIMIT 1000`, max_rows: ROWS } });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const idle = memory(pid).now;
    const own = await gatewayOf(demo.ready, folder);
    const ways = {
      gateway: own.read,
      driver: () => stream(connection, whole),
      client: () => throughClient(client),
    };
    const times = { gateway: [], driver: [], client: [] };
    let cells = 0;
    for (let pass = 0; pass < 8; pass++)
      for (const [name, read] of Object.entries(ways)) {
        const start = performance.now();
        cells = await read();
        // The first two are everybody's warm-up.
        if (pass >= 2) times[name].push(performance.now() - start);
      }
    await own.end();
    const [gateway, alone, http] = [times.gateway, times.driver, times.client].map(median);
    report(
      `${cells} cells streamed, gateway to driver`,
      gateway / alone,
      'at most 1.3',
      gateway / alone <= 1.3,
      `${Math.round(gateway)} to ${Math.round(alone)} ms, both in one process; to the official client over HTTP, as JSON, in another: ${Math.round(http)} ms, ${(http / alone).toFixed(2)}`,
    );
    const above = memory(pid).peak - idle;
    report('gateway, MB above idle while streaming', above, 'at most 150', above <= 150, `idle ${Math.round(idle)} MB`);
    await database.end();
    await client.close();
    connection.destroy(() => undefined);
  } finally {
    await demo[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7);
for (const [name, run] of Object.entries({ rewriting, detectors, warehouse })) if (!only || only === name) await run();
if (json) console.log(JSON.stringify(results, null, 2));
process.exit(results.every(({ isMet }) => isMet) ? 0 : 1);
