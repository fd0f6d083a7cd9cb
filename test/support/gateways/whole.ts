/** A whole gateway in this process: store, embedded warehouse, real driver, judge; each part may be put in the place of another. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Approvals } from '../../../dist/approval/index.js';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../../dist/embedded/warehouse/index.js';

type EmbeddedOptions = Parameters<typeof Embedded.start>[0];

import { Gateway, type GatewayParts } from '../../../dist/gateway/gateway.js';
import { settle } from '../../../dist/gateway/record/settle.js';
import { loadPolicies } from '../../../dist/policy/index.js';
import type { TranscriptStore } from '../../../dist/transcript/index.js';
import type { Warehouse } from '../../../dist/warehouse/index.js';
import { ISSUER } from '../caller.mjs';
import { policyOf } from '../policies.mjs';
import { fail } from '../store/keeping.mjs';
import { startPostgres } from '../store/postgres.mjs';
import { openStore } from '../store/store.mjs';
import { warehouseAt } from '../warehouse.mjs';
import { GENEROUS } from './limits.mjs';

export const KEY = { role: 'R', warehouse: 'W' };

export class Whole {
  readonly #ends: (() => Promise<unknown>)[];
  readonly #folder: string;
  readonly adminUrl: string;
  readonly transcript: TranscriptStore;
  readonly approvals: Approvals;
  readonly warehouse: Warehouse;
  /** What the gateway has sent for itself, each by what it is. */
  readonly own: string[];

  private constructor(
    ends: (() => Promise<unknown>)[],
    folder: string,
    adminUrl: string,
    transcript: TranscriptStore,
    warehouse: Warehouse,
    own: string[],
  ) {
    this.own = own;
    this.#ends = ends;
    this.#folder = folder;
    this.adminUrl = adminUrl;
    this.transcript = transcript;
    this.approvals = new Approvals(transcript);
    this.warehouse = warehouse;
  }

  /** `seed`: statements in Snowflake's SQL, run one by one. `traits`: what is otherwise with the embedded warehouse; `seeder`: whose role runs them. */
  static async start(
    seed: readonly string[],
    traits: Partial<EmbeddedOptions> = {},
    seeder = KEY.role,
  ): Promise<Whole> {
    const ends: (() => Promise<unknown>)[] = [];
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-whole-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const postgres = await startPostgres();
    ends.push(() => postgres.end());
    const transcript = await openStore(postgres.url);
    ends.push(() => transcript[Symbol.asyncDispose]());
    const users = [{ name: 'SNOWFENCE', password: 'of-a-test' }];
    const embedded = await Embedded.start({ ...DEFAULT_OPTIONS, databases: ['DB'], seeds: [], users, ...traits });
    ends.push(() => embedded[Symbol.asyncDispose]());
    const own: string[] = [];
    const warehouse = warehouseAt(embedded.url, 'of-a-test', {
      confirm: 'cached',
      onOwnStatement: (what: string) => own.push(what),
    });
    ends.push(() => warehouse[Symbol.asyncDispose]());
    for (const sql of seed) await warehouse.ask({ ...KEY, role: seeder }, sql, 'seed');
    warehouse.catalog.invalidate();
    return new Whole(ends, folder, postgres.url, transcript, warehouse, own);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }

  /** One policy for the group `g`; parts of it, and of the warehouse, may be others. */
  async gateway(
    rules: string,
    over: Partial<Omit<GatewayParts, 'warehouse'>> & { warehouse?: Partial<Warehouse> } = {},
  ): Promise<{ gateway: Gateway; policies: string }> {
    const folder = join(await mkdtemp(join(this.#folder, 'of-')), 'policies');
    await mkdir(folder);
    await writeFile(join(folder, 'p.yaml'), policyOf(rules));
    const policies = await loadPolicies(folder, [ISSUER]);
    const parts: GatewayParts = {
      policies: () => policies,
      transcript: this.transcript,
      approvals: this.approvals,
      log: { warn: () => undefined, error: () => undefined },
      counters: { verdict: () => undefined, ran: () => undefined, disagreement: () => undefined },
      now: () => new Date(),
      notices: async () => [],
      limits: GENEROUS,
      ...over,
      warehouse: this.#with(over.warehouse ?? {}),
    };
    return { gateway: new Gateway(parts), policies: folder };
  }

  #with(over: Partial<Warehouse>): Warehouse {
    return new Proxy(this.warehouse, {
      get: (target, key) => {
        const own: unknown = Reflect.get(over, key);
        if (own !== undefined) return own;
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Settles what is left; as if so much time had passed since. */
  settled(afterMs = 0): Promise<number> {
    return settle({
      transcript: this.transcript,
      approvals: this.approvals,
      warehouse: this.warehouse,
      roles: () => [KEY],
      silentMs: 60_000,
      onProblem: fail,
      now: () => Date.now() + afterMs,
    });
  }

  async rows(sql: string): Promise<number> {
    const [row] = await this.warehouse.ask(KEY, sql, 'seed');
    return Number(Object.values(row ?? {})[0]);
  }

  /** Bodies of a statement's events by kind, in their order. */
  async events(session: string | null, statement: string) {
    const all = await this.transcript.reader.events(session ?? '');
    return all.filter((event) => event.statement === statement);
  }
}
