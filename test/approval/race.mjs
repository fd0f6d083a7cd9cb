/**
 * Two replicas race for one approval, and one of them is killed now and then in the middle of it. What was approved runs once: the
 * warehouse's own history says how often. An approval whose statement never left is given back, and runs after all.
 *
 * node test/approval/race.mjs ROUNDS SEED
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Approvals } from '../../dist/approval/index.js';
import { openStore } from '../../dist/cli/access/store.js';
import { verifyConfigured } from '../../dist/cli/record/verify.js';
import { loadConfig } from '../../dist/config/config.js';
import { tracesOf } from '../../dist/gateway/record/traces.js';
import { Warehouse } from '../../dist/warehouse/index.js';
import { pause, startGateway, startParts } from '../support/gateways/replicas.mjs';
import { random } from '../support/random.mjs';

const POLICY = `policy: pipeline
description: Changes wait for a steward.
principals:
  groups: [pipeline-agents]
snowflake: { role: AGENT_SALES_RW, warehouse: AGENT_WH }
rules:
  # What may be read is counted, and then changed in a transaction of its own.
  - allow: [select]
    on: [ANALYTICS.SALES.ORDERS]
  - approve: [delete]
    on: [ANALYTICS.SALES.ORDERS]
    by: { groups: [data-stewards], count: 1, within: 2h }
`;

/** One round in so many has a kill. */
const KILL_EVERY = 4;
/** What a killed gateway does not answer breaks off at once; one that lives is waited for. */
const ANSWERED_WITHIN_MS = 180_000;
const SETTLED_WITHIN_MS = 240_000;

/** Two gateways, and a client at each that finds its way back. */
class Replica {
  #parts;
  #index;
  #client;
  /** Why the last call had no answer. */
  problem;

  constructor(parts, index) {
    this.#parts = parts;
    this.#index = index;
  }

  async start() {
    this.gateway = await startGateway(this.#parts.configurations[this.#index], this.#parts.urls[this.#index]);
  }

  async kill() {
    this.gateway.child.kill('SIGKILL');
    await this.gateway.ended;
    await this.#client?.close().catch(() => undefined);
    this.#client = undefined;
  }

  async stop() {
    await this.#client?.close().catch(() => undefined);
    this.gateway.child.kill('SIGTERM');
    this.gateway.child.disconnect();
    await this.gateway.ended;
  }

  /** What the tool answers; undefined where the gateway went away meanwhile. */
  async call(name, args) {
    try {
      if (!this.#client) {
        const client = new Client(
          { name: `racer-${this.#index}`, version: '1' },
          { versionNegotiation: { mode: 'auto' } },
        );
        const [token] = this.#parts.tokens;
        await client.connect(
          new StreamableHTTPClientTransport(new URL(this.#parts.urls[this.#index]), {
            authProvider: { token: async () => token },
          }),
          { timeout: ANSWERED_WITHIN_MS },
        );
        this.#client = client;
      }
      return (await this.#client.callTool({ name, arguments: args }, { timeout: ANSWERED_WITHIN_MS }))
        .structuredContent;
    } catch (error) {
      this.problem = `${error} ${error?.cause ?? ''}`;
      await this.#client?.close().catch(() => undefined);
      this.#client = undefined;
      return undefined;
    }
  }
}

export async function race(rounds, seed, say = () => undefined) {
  const policies = await mkdtemp(join(tmpdir(), 'snowfence-race-'));
  await writeFile(join(policies, 'pipeline.yaml'), POLICY);
  const parts = await startParts({
    agents: [{ name: 'pipeline-bot', groups: ['pipeline-agents'] }],
    policies,
    replicas: 2,
  });
  const replicas = [new Replica(parts, 0), new Replica(parts, 1)];
  const config = await loadConfig(parts.configurations[0]);
  const warehouse = new Warehouse(config.warehouse);
  const next = random(seed);
  const problems = [];
  const steward = { issuer: parts.issuer, subject: 'steward', groups: ['data-stewards'], claims: {} };
  const yes = { decision: 'approve', reason: undefined, standingMs: undefined, via: 'command line' };
  /** Approvals by id, with the statement of each. */
  const all = new Map();
  /** Their gateway died in the moment between the word that it commits and Snowflake's answer: nobody may send these again. */
  const unknown = new Set();
  let kills = 0;
  let lostAnswers = 0;
  try {
    await Promise.all(replicas.map((replica) => replica.start()));
    const store = await openStore(config);
    try {
      const approvals = new Approvals(store);
      const oneRound = async (round) => {
        // Every third of 200 KB: the warehouse's history keeps half of it.
        const long = round % 3 === 0 ? ` AND '${'x'.repeat(200 * 1024)}' <> ''` : '';
        const sql = `DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID = ${round}${long}`;
        const asked = await replicas[round % 2].call('query', { sql });
        if (asked?.status !== 'approval_required') {
          problems.push(
            `round ${round}: the statement was answered with ${JSON.stringify(asked) ?? replicas[round % 2].problem}`,
          );
          return;
        }
        const { id } = asked.approval;
        all.set(id, asked.statement_id);
        // Half of the time both wait for the decision, else both come after it.
        const early = next() < 0.5;
        const calls = () => replicas.map((replica) => replica.call('approval', { id, wait_seconds: 15 }));
        const waiting = early ? calls() : undefined;
        if (early) await pause(5 + next() * 20);
        await approvals.decide(id, steward, yes);
        const answers = waiting ?? calls();
        if (round % KILL_EVERY === 0) {
          const victim = replicas[Math.floor(next() * 2)];
          await pause(next() * 60);
          await victim.kill();
          kills++;
          lostAnswers += (await Promise.all(answers)).filter((answer) => answer === undefined).length;
          await victim.start();
          return;
        }
        const ran = (await Promise.all(answers)).filter((answer) => answer?.status === 'ok').length;
        if (ran !== 1) problems.push(`round ${round}: ${ran} calls of two were told that the statement ran`);
      };
      for (let round = 0; round < rounds; round++) {
        await oneRound(round);
        if ((round + 1) % 25 === 0) say(`${round + 1} of ${rounds}: ${kills} kills, ${problems.length} problems`);
      }
      // What a killed gateway had taken up is settled or given back; then the agent asks once more.
      const open = new Set(all.keys());
      for (const until = Date.now() + SETTLED_WITHIN_MS; open.size > 0 && Date.now() < until; await pause(500))
        for (const id of [...open]) {
          const approval = await approvals.get(id);
          if (approval?.state === 'approved') await replicas[0].call('approval', { id });
          else if (approval?.state === 'used') {
            const { rows } = await store.pool.query('SELECT state FROM outcome WHERE id = $1', [all.get(id)]);
            if (rows[0]?.state === 'unknown') unknown.add(all.get(id));
            if (rows.length > 0) open.delete(id);
          } else problems.push(`approval ${id} is ${approval?.state}`);
        }
      for (const id of open) problems.push(`approval ${id} was lost: its statement has no outcome`);
      const { rows } = await store.pool.query(
        `SELECT statement_id, count(*)::int AS n FROM event WHERE kind IN ('statement_completed', 'statement_failed', 'statement_cancelled', 'statement_settled') GROUP BY 1 HAVING count(*) > 1`,
      );
      for (const row of rows) problems.push(`statement ${row.statement_id} has ${row.n} outcomes`);
      const released = await store.pool.query(`SELECT count(*)::int AS n FROM event WHERE kind = 'approval_released'`);
      say(
        `${kills} kills, ${lostAnswers} calls without an answer, ${released.rows[0].n} approvals given back, ${unknown.size} not known to have run`,
      );
    } finally {
      await store[Symbol.asyncDispose]();
    }
    const history = await warehouse.history(
      { role: 'AGENT_SALES_RW', warehouse: 'AGENT_WH' },
      { since: new Date(Date.now() - 7_200_000) },
    );
    // What was taken back with its gateway is sent again: it may be committed once.
    const traces = tracesOf(history);
    for (const statement of all.values()) {
      const steps = traces.get(statement)?.steps ?? [];
      const commits = steps.filter(({ step, entry }) => step === 'commit' && entry.state === 'ok').length;
      if (commits !== 1 && !(commits === 0 && unknown.has(statement)))
        problems.push(`statement ${statement} was committed ${commits} times`);
    }
    const report = await verifyConfigured(config, { checkpoints: [], keys: [], onProgress: () => undefined });
    if (!report.isWhole) problems.push(`the transcript does not verify: ${report.breaks[0]?.what}`);
    await Promise.all(replicas.map((replica) => replica.stop()));
    return { problems, kills };
  } finally {
    for (const { gateway } of replicas)
      if (gateway && gateway.child.exitCode === null && gateway.child.signalCode === null) {
        gateway.child.kill('SIGKILL');
        await gateway.ended;
      }
    await warehouse[Symbol.asyncDispose]();
    await parts.end();
    await rm(policies, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rounds = '500', seed = '1'] = process.argv.slice(2);
  const started = Date.now();
  const { problems } = await race(Number(rounds), Number(seed), (text) => process.stdout.write(`${text}\n`));
  for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`);
  const failed = Math.min(Number(rounds), problems.length);
  process.stdout.write(
    `${Number(rounds) - failed} passed, ${failed} failed (${Math.round((Date.now() - started) / 1000)} s)\n`,
  );
  process.exitCode = failed === 0 ? 0 : 1;
}
