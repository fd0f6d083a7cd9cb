/**
 * Non-interference by experiment: two embedded warehouses that differ in hidden values alone, a whole gateway before each (judge, masks,
 * transcript, driver), and the same statements to both. Whatever an agent sees has to be equal, and so has what a change leaves behind.
 */
import { fileURLToPath } from 'node:url';
import { TOOLS } from '../../dist/mcp/tools.js';
import { WarehouseUnavailable } from '../../dist/warehouse/index.js';
import { callerOf } from '../support/caller.mjs';
import { startBoth } from './both.mjs';
import { LEAKS } from './leaks.mjs';
import { TARGETS } from './make/changes.mjs';

const POLICIES = fileURLToPath(new URL('./policies', import.meta.url));
const tool = (name) => TOOLS.find((entry) => entry.name === name);

/** The policies' groups, by the name that the harness has for them. */
const GROUPS = {
  readers: 'sales-agents',
  writers: 'sales-writers',
  stewards: 'sales-stewards',
  metered: 'sales-metered',
};

/** One client on each side: approvals of both are in one store. */
const callerOn = (as, side) => callerOf(as, [GROUPS[as]], { clientId: `client-${side}`, scopes: ['snowfence'] });
const REVIEWER = { issuer: 'https://issuer.example', subject: 'steward', groups: ['data-stewards'], claims: {} };
const MAX_RAW = 1000;

/** A warehouse that is away, as an answer that is asked for again. Anything else is thrown on. */
function outage(error) {
  if (!(error instanceof WarehouseUnavailable)) throw error;
  return { text: '', structured: { error: { code: 'WAREHOUSE_UNAVAILABLE' } } };
}
/** More than any answer has: rows come in one page unless pages are what is tried. */
const ALL_ROWS = 10_000;

/** Both sides; `end` stops every process and removes every file. */
export class Harness {
  #end;
  #sides = [];
  #door;
  #leak;

  /** `hasOtherRows`: also how many rows are hidden differs between the two. */
  static async start({ hasOtherRows = true } = {}) {
    const harness = new Harness();
    try {
      await harness.#start(hasOtherRows);
      return harness;
    } catch (error) {
      await harness.end();
      throw error;
    }
  }

  async #start(hasOtherRows) {
    const raws = [new Map(), new Map()];
    const between = (warehouse, of) => overheard(warehouse, raws[of]);
    const { sides, approvals, door, end } = await startBoth({ policies: POLICIES, hasOtherRows, between });
    this.#end = end;
    this.#door = door;
    for (const [of, { gateway, warehouse }] of sides.entries()) {
      await this.#order({ do: 'keep', of, tables: [...new Set(TARGETS)] });
      const [[hiddenRows]] = await this.#order({
        do: 'rows',
        of,
        sql: 'SELECT count(*) FROM ANALYTICS.SALES.CUSTOMERS',
      });
      const { catalog } = warehouse;
      this.#sides.push({ of, gateway, approvals, raw: raws[of], catalog, hiddenRows: Number(hiddenRows) });
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
      const caller = callerOn(as, side.of);
      const first = await side.gateway.query(caller, { sql, maxRows: pageRows ?? ALL_ROWS });
      const pages = [first];
      for (let last = first; last.cursor !== null && pages.length < 50; pages.push(last))
        last = await side.gateway.fetch(caller, last.cursor, { maxRows: pageRows ?? ALL_ROWS });
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
      caller: callerOn(as, side.of),
      consoleUrl: 'https://console.example',
      toolPrefix: '',
      downloadsUrl: undefined,
      gatewayUrl: '',
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
      const asked = tool('describe').call(object === undefined ? {} : { object }, this.#context(side, as));
      const { text, structured } = await asked.catch(outage);
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
      const answer = await side.gateway.resume(callerOn(as, side.of), id, { waitMs: 0 });
      return { ...this.#told(answer, side), shownRows: about.estimate.rows };
    });
  }

  /** Nothing waits on either side any more, else the same statement would be the same approval later. */
  withdraw(answers, as) {
    return this.#both((side, index) =>
      side.gateway.withdraw(callerOn(as, side.of), answers[index].approval.id, undefined),
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
    await this.#end?.();
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
