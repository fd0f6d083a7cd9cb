/**
 * Gateways and PostgreSQL killed without warning while agents work. After each kill the chains have to verify, and what the warehouse's
 * own history shows has to have its intent; at the end no statement may have two outcomes, and none that ran may be without one.
 *
 * node test/transcript/write/kill.mjs GATEWAYS POSTGRES SEED
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { verifyConfigured } from '../../../dist/cli/record/verify.js';
import { loadConfig } from '../../../dist/config/config.js';
import { readTag, statementOfTag } from '../../../dist/gateway/record/traces.js';
import { storePool } from '../../../dist/transcript/index.js';
import { isOwnQuestion, SETUP_TAG, Warehouse } from '../../../dist/warehouse/index.js';
import { pause, restartPostgres, startGateway, startParts } from '../../support/gateways/replicas.mjs';
import { random } from '../../support/random.mjs';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

const AGENTS = [
  { name: 'sales-bot', groups: ['sales-agents'] },
  { name: 'pipeline-bot', groups: ['pipeline-agents'] },
];
const CALLERS = 8;

const STATEMENTS = [
  'SELECT COUNT(*) FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID > @',
  'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID > @ LIMIT 3',
  'SELECT * FROM ANALYTICS.HR.SALARIES WHERE 1 = @',
  'SELECT STATUS, COUNT(*) AS N FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID > @ GROUP BY STATUS',
  'INSERT INTO ANALYTICS.STAGING.IMPORTS (ID) SELECT @',
  // Of 200 KB: the warehouse's history keeps half of it.
  `INSERT INTO ANALYTICS.STAGING.IMPORTS (ID) SELECT @ WHERE '${'x'.repeat(200 * 1024)}' <> ''`,
  'SELEC @',
];

/** An agent that goes on whatever happens; how many of its calls were answered. */
async function work(mcpUrl, token, index, state) {
  const next = random(1000 + index);
  let client;
  while (!state.isOver) {
    try {
      if (!client) {
        client = new Client({ name: `caller-${index}`, version: '1' }, { versionNegotiation: { mode: 'auto' } });
        await client.connect(
          new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: { token: async () => token } }),
        );
      }
      const sql = (STATEMENTS[Math.floor(next() * STATEMENTS.length)] ?? '').replace('@', String(state.calls));
      state.calls++;
      const { structuredContent } = await client.callTool(
        { name: 'query', arguments: { sql, purpose: 'to be killed' } },
        { timeout: 60_000 },
      );
      const said = [structuredContent?.status, structuredContent?.denial?.code ?? structuredContent?.error?.code]
        .filter(Boolean)
        .join(' ');
      state.answers.set(said, (state.answers.get(said) ?? 0) + 1);
    } catch {
      // The gateway is gone, as it should be.
      await client?.close().catch(() => undefined);
      client = undefined;
      await pause(20);
    }
  }
  await client?.close().catch(() => undefined);
}

const INTENTS = `
  SELECT e.statement_id AS id FROM event e
  WHERE e.statement_id = ANY($1) AND e.kind IN ('statement_submitted', 'estimate_asked') GROUP BY 1`;
const OUTCOMES = `
  SELECT statement_id AS id, count(*)::int AS n FROM event
  WHERE kind IN ('statement_completed', 'statement_failed', 'statement_cancelled', 'statement_settled') GROUP BY 1 HAVING count(*) > 1`;

export async function kill(gateways, postgresKills, seed, say = () => undefined) {
  const parts = await startParts({ agents: AGENTS, policies: file('../../acceptance/policies') });
  const [configFile] = parts.configurations;
  const [mcpUrl] = parts.urls;
  const problems = [];
  const next = random(seed);
  const config = await loadConfig(configFile);
  const warehouse = new Warehouse(config.warehouse);
  const state = { isOver: false, calls: 0, answers: new Map() };
  let gateway;
  let seen = 0;
  const check = async (when) => {
    // One that is killed right after its first checkpoint has not kept it elsewhere yet: the next gateway does.
    for (let tries = 0; tries < 600 && !config.checkpoints.files.every((kept) => existsSync(kept)); tries++)
      await pause(100);
    const report = await verifyConfigured(config, { checkpoints: [], keys: [], onProgress: () => undefined });
    if (!report.isWhole) problems.push(`${when}: ${JSON.stringify(report.breaks.slice(0, 3))}`);
    const history = await warehouse.history(
      { role: 'AGENT_SALES_RO', warehouse: 'AGENT_WH' },
      { since: new Date(Date.now() - 3_600_000) },
    );
    const pool = storePool(config.databaseUrl, 30_000, 1);
    const ids = [...new Set(history.flatMap(({ tag }) => statementOfTag(tag) ?? []))];
    const { rows } = await pool.query(INTENTS, [ids]);
    const known = new Set(rows.map(({ id }) => id));
    for (const id of ids) if (!known.has(id)) problems.push(`${when}: statement ${id} ran without an intent`);
    for (const { tag, text } of history)
      if (statementOfTag(tag) === undefined && !(tag === SETUP_TAG && isOwnQuestion(text)))
        problems.push(`${when}: this ran and is nobody's: ${text.slice(0, 100)}`);
    const doubled = (await pool.query(OUTCOMES)).rows;
    for (const { id, n } of doubled) problems.push(`${when}: statement ${id} has ${n} outcomes`);
    await pool.end();
    seen = ids.length;
    return history;
  };
  try {
    gateway = await startGateway(configFile, mcpUrl);
    const callers = Array.from({ length: CALLERS }, (_, index) =>
      work(mcpUrl, parts.tokens[index % parts.tokens.length], index, state),
    );
    const total = gateways + postgresKills;
    for (let round = 0; round < total; round++) {
      // Postgres in between, evenly.
      const isPostgres =
        Math.floor(((round + 1) * postgresKills) / total) > Math.floor((round * postgresKills) / total);
      await pause(50 + next() * 600);
      if (isPostgres) {
        process.kill(parts.postgres.pid, 'SIGKILL');
        await pause(next() * 300);
        await restartPostgres(parts.postgres);
        await untilReady(mcpUrl).catch((error) => {
          throw new Error(`${error.message} (exit ${gateway.child.exitCode}) ${gateway.words()}`);
        });
      } else {
        gateway.child.kill('SIGKILL');
        await gateway.ended;
        gateway = await startGateway(configFile, mcpUrl);
      }
      await check(`kill ${round + 1} (${isPostgres ? 'PostgreSQL' : 'gateway'})`);
      say(
        `${round + 1} of ${total}: ${isPostgres ? 'PostgreSQL' : 'gateway'}, ${state.calls} calls, ${seen} statements in the history, ${problems.length} problems`,
      );
    }
    state.isOver = true;
    await Promise.all(callers);
    await settled(config, problems);
    gateway.child.kill('SIGTERM');
    gateway.child.disconnect();
    await gateway.ended;
    const history = await check('at the end');
    await compareOutcomes(config, history, problems);
    return { rounds: total, problems, calls: state.calls, seen, answers: Object.fromEntries(state.answers) };
  } finally {
    state.isOver = true;
    if (gateway && gateway.child.exitCode === null && gateway.child.signalCode === null) {
      gateway.child.kill('SIGKILL');
      await gateway.ended;
    }
    await warehouse[Symbol.asyncDispose]();
    await parts.end();
  }
}

async function untilReady(mcpUrl) {
  for (const until = Date.now() + 120_000; Date.now() < until; await pause(50)) {
    const isReady = await fetch(new URL('/readyz', mcpUrl), { headers: { connection: 'close' } }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
  }
  throw new Error('The gateway did not find its way back to PostgreSQL.');
}

/** In the end nothing that was begun is left without an outcome. */
async function settled(config, problems) {
  const pool = storePool(config.databaseUrl, 30_000, 1);
  try {
    let left = [];
    for (const until = Date.now() + 120_000; Date.now() < until; await pause(500)) {
      left = (await pool.query('SELECT statement_id FROM running')).rows;
      if (left.length === 0) return;
    }
    problems.push(`${left.length} statements were never settled`);
  } finally {
    await pool.end();
  }
}

/** What the history says became of a statement is what the transcript says, wherever the transcript knows. */
async function compareOutcomes(config, history, problems) {
  const pool = storePool(config.databaseUrl, 30_000, 1);
  const { rows } = await pool.query('SELECT id, state FROM outcome');
  await pool.end();
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  for (const { tag, state } of history) {
    const id = statementOfTag(tag);
    if (id === undefined || readTag(tag)?.step !== undefined) continue;
    const recorded = states.get(id);
    if (recorded === undefined) problems.push(`statement ${id} ran and has no outcome`);
    // A gateway that lost its store stops what it runs: the warehouse may have been quicker.
    else if (recorded !== state && recorded !== 'cancelled' && !(recorded === 'failed' && state === 'ok'))
      problems.push(`statement ${id} is ${recorded} in the transcript, and ${state} in the history`);
  }
}

if (process.argv[1] === file('./kill.mjs')) {
  const [gateways = '30', postgres = '5', seed = '1'] = process.argv.slice(2);
  const started = Date.now();
  const { rounds, problems, calls, seen, answers } = await kill(
    Number(gateways),
    Number(postgres),
    Number(seed),
    (text) => process.stdout.write(`${text}\n`),
  );
  for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  process.stdout.write(`${calls} calls, ${JSON.stringify(answers)}, ${seen} statements in the history\n`);
  const failed = new Set(problems.map((problem) => problem.split(':')[0])).size;
  process.stdout.write(
    `${rounds + 1 - Math.min(failed, rounds + 1)} passed, ${failed} failed (${Math.round((Date.now() - started) / 1000)} s)\n`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}
