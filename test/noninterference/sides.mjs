/**
 * What numbers tell, by experiment: two embedded warehouses that differ in hidden values alone, a whole gateway before each (judge, masks,
 * transcript, driver), and one set of rules for the test at hand.
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Approvals } from '../../dist/approval/index.js';
import { Child, freePort } from '../../dist/demo/child.js';
import { Gateway } from '../../dist/gateway/gateway.js';
import { loadPolicies } from '../../dist/policy/index.js';
import { Warehouse } from '../../dist/warehouse/index.js';
import { GENEROUS } from '../support/limits.mjs';
import { openStore } from '../support/store.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const PRINCIPAL = {
  issuer: 'https://issuer.example',
  subject: 'sales-bot',
  clientId: 'sales-bot',
  groups: ['sales-agents'],
  scopes: ['snowfence'],
  claims: {},
  tokenId: undefined,
  expiresAt: 4_102_444_800,
};
const CALLER = {
  principal: PRINCIPAL,
  client: { transport: 'test', name: 'harness', version: '1', address: undefined },
};
/** The same agent on each side, but two for the store, so that neither side's approval stands for the other's. */
const callerOf = (side) => ({ ...CALLER, principal: { ...PRINCIPAL, clientId: `side-${side}` } });
const QUIET = { warn: () => undefined, error: () => undefined, info: () => undefined };

/** Both sides; `end` stops every process and removes every file. */
export class Sides {
  #ends = [];
  #sides = [];
  #leak;
  #pruning;
  #approvals;

  /** `hasOtherRows`: also how many rows are hidden differs between the two. `policy`: another file of rules. */
  static async start({ hasOtherRows = true, policy }) {
    const harness = new Sides();
    try {
      await harness.#start(
        policy,
        hasOtherRows ? [file('./data/twist.sql'), file('./data/rows.sql')] : [file('./data/twist.sql')],
      );
      return harness;
    } catch (error) {
      await harness.end();
      throw error;
    }
  }

  async #start(policy, twists) {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-noninterference-'));
    this.#ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    await mkdir(join(folder, 'policies'));
    await copyFile(policy, join(folder, 'policies', 'policy.yaml'));
    const policies = await loadPolicies(join(folder, 'policies'), [PRINCIPAL.issuer]);
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
    const seeds = [file('../acceptance/seed.sql'), file('./data/targets.sql'), file('./data/small.sql')];
    const users = [{ name: 'SNOWFENCE', password: secret }];
    const both = [[], twists].map((more) => ({ seeds: [...seeds, ...more], databases: ['ANALYTICS'], users }));
    const child = await Child.start(
      '../../test/noninterference/warehouses.mjs',
      { warehouses: both },
      { UV_THREADPOOL_SIZE: '16' },
    );
    this.#ends.push(() => child.stop());
    this.#approvals = new Approvals(transcript);
    for (const [side, url] of child.answer.urls.entries()) {
      const warehouse = new Warehouse({
        account: 'demo',
        accessUrl: url,
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
      this.#sides.push(
        new Gateway({
          policies: () => policies,
          transcript,
          approvals: this.#approvals,
          warehouse: this.#leaky(warehouse, side),
          log: QUIET,
          counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
          now: () => new Date(),
          limits: GENEROUS,
        }),
      );
    }
  }

  /** The same warehouse; while a leak is planted, what is sent to it is spoiled. */
  #leaky(warehouse, side) {
    return new Proxy(warehouse, {
      get: (target, key) => {
        if (key === 'run')
          return (pool, sent, options) => target.run(pool, this.#leak ? this.#leak(sent) : sent, options);
        if (key === 'explain' && this.#pruning)
          return async (...args) => this.#pruning(await target.explain(...args), args[1], side);
        const value = target[key];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** What EXPLAIN answers, as partitions left over by a predicate on hidden values would make it: other on each side. */
  prune(pruning) {
    this.#pruning = pruning;
  }

  /** What both sides say to a question of any kind. */
  both(question) {
    return Promise.all(this.#sides.map((gateway, side) => question(gateway, callerOf(side))));
  }

  /** What the reviewers of each side are told of how much is touched, in the order of the statements' texts. */
  async estimates() {
    const { approvals: all } = await this.#approvals.list({ state: 'pending' });
    return this.#sides.map((_, side) =>
      all
        .filter(({ client_id: client }) => client === `side-${side}`)
        .map(({ statement, about }) => ({ statement, ...about?.estimate }))
        .sort((left, right) => (left.statement < right.statement ? -1 : 1)),
    );
  }

  /** undefined takes it out again. */
  plant(leak) {
    this.#leak = leak;
  }

  async end() {
    for (const end of this.#ends.reverse()) await end();
    this.#ends = [];
  }
}
