/** Connections by role and warehouse, each pool made when it is first asked for. */
import genericPool, { type Pool } from 'generic-pool';
import { type PoolKey, WarehouseConnection } from './connection.js';
import { type WarehouseOptions, WarehouseUnavailable } from './options.js';

const IDLE_MS = 10 * 60_000;
const MAX_POOLS = 64;
const MAX_WAITING = 256;

export class WarehousePool implements AsyncDisposable {
  readonly #options: WarehouseOptions;
  readonly #pools = new Map<string, Pool<WarehouseConnection>>();

  constructor(options: WarehouseOptions) {
    this.#options = options;
  }

  #pool(key: PoolKey): Pool<WarehouseConnection> {
    const name = JSON.stringify([key.role, key.warehouse]);
    const known = this.#pools.get(name);
    if (known) return known;
    if (this.#pools.size >= MAX_POOLS) throw new WarehouseUnavailable('Too many Snowflake roles are in use at once.');
    const options = this.#options;
    const pool = genericPool.createPool<WarehouseConnection>(
      {
        create: () => WarehouseConnection.open(options, key),
        destroy: async (connection) => connection.close(),
        validate: async (connection) => connection.isUsable,
      },
      {
        max: options.poolSize,
        min: 0,
        testOnBorrow: true,
        acquireTimeoutMillis: options.connectTimeoutMs,
        idleTimeoutMillis: IDLE_MS,
        evictionRunIntervalMillis: 60_000,
        maxWaitingClients: MAX_WAITING,
        autostart: false,
      },
    );
    // A failed log-in is retried by the pool for as long as somebody waits; without this pause it would do so without rest.
    pool.on('factoryCreateError', (error: Error) => this.#lastError.set(name, error));
    this.#pools.set(name, pool);
    return pool;
  }

  readonly #lastError = new Map<string, Error>();

  /** Lends a connection for some work. Throws WarehouseUnavailable where none is to be had in time. */
  async use<T>(key: PoolKey, work: (connection: WarehouseConnection) => Promise<T>): Promise<T> {
    const name = JSON.stringify([key.role, key.warehouse]);
    const pool = this.#pool(key);
    let connection: WarehouseConnection;
    try {
      this.#lastError.delete(name);
      connection = await pool.acquire();
    } catch (error) {
      const cause = this.#lastError.get(name);
      if (cause instanceof WarehouseUnavailable) throw cause;
      throw new WarehouseUnavailable('No connection to Snowflake was free in time.', cause ?? error);
    }
    try {
      return await work(connection);
    } finally {
      if (connection.isUsable) await pool.release(connection);
      else await pool.destroy(connection);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.#pools.values()].map(async (pool) => {
        await pool.drain();
        await pool.clear();
      }),
    );
  }
}
