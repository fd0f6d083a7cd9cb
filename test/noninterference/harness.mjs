/**
 * Non-interference by experiment: two embedded warehouses that differ in hidden values alone, a whole gateway before each (judge, masks,
 * transcript, driver), and the same statements to both. Whatever an agent sees has to be equal, and so has what a change leaves behind.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Approvals } from '../../dist/approval/index.js';
import { Child, freePort } from '../../dist/demo/child.js';
import { Gateway } from '../../dist/gateway/gateway.js';
import { TOOLS } from '../../dist/mcp/tools.js';
import { loadPolicies } from '../../dist/policy/index.js';
import { Warehouse } from '../../dist/warehouse/index.js';
import { GENEROUS } from '../support/limits.mjs';
import { openStore } from '../support/store.mjs';
import { LEAKS } from './leaks.mjs';
import { TARGETS } from './make/changes.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const tool = (name) => TOOLS.find((entry) => entry.name === name);

/** The policies' groups, by the name that the harness has for them. */
const GROUPS = {
  readers: 'sales-agents',
  writers: 'sales-writers',
  stewards: 'sales-stewards',
  metered: 'sales-metered',
};

/** One client on each side: approvals of both are in one store. */
const callerOf = (as, side) => ({
  principal: {
    issuer: 'https://issuer.example',
    subject: as,
    clientId: `client-${side}`,
    groups: [GROUPS[as]],
    scopes: ['snowfence'],
    claims: {},
    tokenId: undefined,
    expiresAt: 4_102_444_800,
  },
  client: { transport: 'test', name: 'harness', version: '1', address: undefined },
});
const REVIEWER = { issuer: 'https://issuer.example', subject: 'steward', groups: ['data-stewards'], claims: {} };
const QUIET = { warn: () => undefined, error: () => undefined, info: () => undefined };
const MAX_RAW = 1000;

/** Both sides; `end` stops every process and removes every file. */
export class Harness {
  #ends = [];
  #sides = [];
  #door;
  #leak;

  /** `hasOtherRows`: also how many rows are hidden differs between the two. */
  static async start({ hasOtherRows = true } = {}) {
    const harness = new Harness();
    try {
      await harness.#start(
        hasOtherRows ? [file('./data/twist.sql'), file('./data/rows.sql')] : [file('./data/twist.sql')],
      );
      return harness;
    } catch (error) {
      await harness.end();
      throw error;
    }
  }

  async #start(twists) {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-noninterference-'));
    this.#ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    await cp(file('./policies'), join(folder, 'policies'), { recursive: true });
    const policies = await loadPolicies(join(folder, 'policies'), ['https://issuer.example']);
    const [port, secret] = [await freePort(), randomBytes(18).toString('hex')];
    const postgres = await Child.start('../embedded/postgres/main.js', {
      dataFolder: join(folder, 'postgres'),
      port,
      password: secret,
    });
    this.#ends.push(() => postgres.stop());
    const url = `postgres://snowfence:${secret}@127.0.0.1:${port}/postgres`;
    const transcript = await openStore(url);
    this.#ends.push(() => transcript[Symbol.asyncDispose]());
    const approvals = new Approvals(transcript);
    const seeds = ['../acceptance/seed.sql', './data/targets.sql', './data/small.sql'].map(file);
    const users = [{ name: 'SNOWFENCE', password: secret }];
    const both = [[], twists].map((more) => ({ seeds: [...seeds, ...more], databases: ['ANALYTICS'], users }));
    const child = await Child.start(
      '../../test/noninterference/warehouses.mjs',
      { warehouses: both },
      { UV_THREADPOOL_SIZE: '16' },
    );
    this.#ends.push(() => child.stop());
    this.#door = child.answer.door;
    for (const [of, accessUrl] of child.answer.urls.entries()) {
      const raw = new Map();
      const warehouse = new Warehouse({
        account: 'demo',
        accessUrl,
        username: 'SNOWFENCE',
        auth: { kind: 'password', password: secret },
        database: undefined,
        schema: undefined,
        poolSize: 8,
        connectTimeoutMs: 60_000,
        // EXPLAIN sees objects, no values: it can hide no difference and show none.
        confirm: 'off',
      });
      this.#ends.push(() => warehouse[Symbol.asyncDispose]());
      const gateway = new Gateway({
        policies: () => policies,
        transcript,
        approvals,
        warehouse: overheard(warehouse, raw),
        log: QUIET,
        counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
        now: () => new Date(),
        limits: GENEROUS,
      });
      await this.#order({ do: 'keep', of, tables: [...new Set(TARGETS)] });
      const [[hiddenRows]] = await this.#order({
        do: 'rows',
        of,
        sql: 'SELECT count(*) FROM ANALYTICS.SALES.CUSTOMERS',
      });
      this.#sides.push({ of, gateway, approvals, raw, catalog: warehouse.catalog, hiddenRows: Number(hiddenRows) });
    }
  }

  /** Says something to the experimenter's door of the warehouses. */
  async #order(order) {
    const response = await fetch(this.#door, { method: 'POST', body: JSON.stringify(order) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${JSON.stringify(order)}: ${answer}`);
    return answer;
  }

  /** By its name in LEAKS; undefined takes it out again. */
  async plant(name) {
    this.#leak = name === undefined ? undefined : LEAKS[name];
    // What is known of tables may be what a leak spoiled, or will spoil.
    for (const { catalog } of this.#sides) catalog.invalidate();
    await this.#order({ do: 'plant', leak: name ?? null });
  }

  /** The same on both sides. */
  #both(ask) {
    return Promise.all(this.#sides.map(ask));
  }

  /** What a planted leak makes of an answer. */
  #told(answer, { raw }) {
    return this.#leak?.answered?.(answer, raw.get(answer.queryId)) ?? answer;
  }

  /** `pageRows`: a few rows at a time, the others by cursor, as one answer with the notices of all of them. */
  ask(sql, { as = 'readers', pageRows } = {}) {
    return this.#both(async (side) => {
      const caller = callerOf(as, side.of);
      const first = await side.gateway.query(caller, { sql, maxRows: pageRows });
      const pages = [first];
      for (let last = first; last.cursor !== null && pages.length < 50; pages.push(last))
        last = await side.gateway.fetch(caller, last.cursor, { maxRows: pageRows });
      const last = pages.at(-1);
      const whole = {
        ...first,
        status: last.status,
        error: last.error,
        denial: last.denial,
        isTruncated: last.isTruncated,
        rows: pages.flatMap(({ rows }) => rows),
        notices: pages.flatMap(({ notices }) => notices),
      };
      return this.#told(whole, side);
    });
  }

  #context(side, as) {
    const { gateway } = side;
    const signal = new AbortController().signal;
    return {
      gateway,
      caller: callerOf(as, side.of),
      consoleUrl: 'https://console.example',
      signal,
      onProgress: () => undefined,
    };
  }

  /** What the tools say of a statement or an object, without what differs by nature. */
  explain(sql, as = 'readers') {
    return this.#both(async (side) => {
      const { text, structured } = await tool('explain').call({ sql }, this.#context(side, as));
      const { statement_id: _id, session: _session, ...out } = structured;
      return { text, out: this.#leak?.explained?.(out, side) ?? out };
    });
  }

  describe(object, as = 'readers') {
    return this.#both(async (side) => {
      const { text, structured } = await tool('describe').call(
        object === undefined ? {} : { object },
        this.#context(side, as),
      );
      return { text, out: this.#leak?.described?.(structured, side) ?? structured };
    });
  }

  whoami(as) {
    return this.#both(async (side) => {
      const { structured } = await tool('whoami').call({}, this.#context(side, as));
      const { client_id: _client, ...out } = structured;
      return out;
    });
  }

  /** A reviewer's yes to what waits on both sides, and what comes of it. Also how many rows the reviewer was told of. */
  approve(answers, as) {
    return this.#both(async (side, index) => {
      const { id } = answers[index].approval;
      const { about } = await side.approvals.get(id);
      await side.approvals.decide(id, REVIEWER, {
        decision: 'approve',
        reason: undefined,
        standingMs: undefined,
        via: 'console',
      });
      const answer = await side.gateway.resume(callerOf(as, side.of), id, { waitMs: 0 });
      return { ...this.#told(answer, side), shownRows: about.estimate.rows };
    });
  }

  /** Nothing waits on either side any more, else the same statement would be the same approval later. */
  withdraw(answers, as) {
    return this.#both((side, index) =>
      side.gateway.withdraw(callerOf(as, side.of), answers[index].approval.id, undefined),
    );
  }

  /** What stands in a table on both sides, read above all policies. */
  rows(sql) {
    return this.#both(({ of }) => this.#order({ do: 'rows', of, sql }));
  }

  /** How many rows of a table are not what they were, on both sides. */
  async changed(table) {
    const counts = await this.#both(({ of }) => this.#order({ do: 'changed', of, table }));
    return counts.map(([[count]]) => Number(count));
  }

  restore(table) {
    return this.#both(({ of }) => this.#order({ do: 'restore', of, table }));
  }

  async end() {
    for (const end of this.#ends.reverse()) await end();
    this.#ends = [];
  }
}

/** The same warehouse; its own words for what went wrong are kept, by query. */
function overheard(warehouse, raw) {
  const keep = (error) => {
    if (raw.size >= MAX_RAW) raw.clear();
    if (error?.queryId !== undefined) raw.set(error.queryId, error.message);
    throw error;
  };
  return new Proxy(warehouse, {
    get: (target, key) => {
      const value = target[key];
      if (typeof value !== 'function') return value;
      return (...args) => {
        const result = value.apply(target, args);
        return result instanceof Promise ? result.catch(keep) : result;
      };
    },
  });
}
