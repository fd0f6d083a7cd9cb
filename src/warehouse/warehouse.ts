/** The warehouse as the gateway sees it: run, explain, look up. Nothing else holds the credential. */
import { Catalog } from './catalog.js';
import { explain, type Plan } from './confirm.js';
import type { PoolKey } from './connection.js';
import type { WarehouseOptions } from './options.js';
import { WarehousePool } from './pool.js';
import { type RunOptions, type RunResult, run } from './run.js';

export class Warehouse implements AsyncDisposable {
  readonly options: WarehouseOptions;
  readonly catalog: Catalog;
  readonly #pool: WarehousePool;

  constructor(options: WarehouseOptions) {
    this.options = options;
    this.#pool = new WarehousePool(options);
    this.catalog = new Catalog(this.#pool);
  }

  /** Throws StatementFailed, StatementCancelled or WarehouseUnavailable. */
  run(key: PoolKey, sqlText: string, options: RunOptions): Promise<RunResult> {
    return this.#pool.use(key, (connection) => run(connection, sqlText, options));
  }

  explain(key: PoolKey, sqlText: string, binds: RunOptions['binds'], tag: string): Promise<Plan> {
    return this.#pool.use(key, (connection) => explain(connection, sqlText, binds, tag));
  }

  /** A question of our own, such as doctor's. */
  ask(key: PoolKey, sqlText: string, tag: string): Promise<Record<string, unknown>[]> {
    return this.#pool.use(key, (connection) => connection.simple(sqlText, tag));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}
