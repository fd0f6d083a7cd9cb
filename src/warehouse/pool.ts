/**
 * Connections by role and warehouse. A pool of our own, for one reason: a log-in that fails has to reach whoever waits for it at
 * once, and must not be tried again without rest. Pools for general use retry for as long as somebody waits, and wrong credentials
 * tried in a loop lock a Snowflake user out.
 */
import { type PoolKey, WarehouseConnection } from './connection.js';
import { type WarehouseOptions, WarehouseUnavailable } from './options.js';

const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;
const MAX_POOLS = 64;
const MAX_WAITING = 256;
/** After a failure the next attempt waits, longer each time, up to the second number. */
const PAUSE_MS = [250, 15_000] as const;

interface Waiting {
  readonly resolve: (connection: WarehouseConnection | undefined) => void;
}

class Pool {
  readonly #options: WarehouseOptions;
  readonly #key: PoolKey;
  #idle: { readonly connection: WarehouseConnection; readonly since: number }[] = [];
  readonly #waiting: Waiting[] = [];
  #open = 0;
  #failures = 0;
  #blockedUntil = 0;
  #lastError: unknown;
  #isClosed = false;

  constructor(options: WarehouseOptions, key: PoolKey) {
    this.#options = options;
    this.#key = key;
  }

  async acquire(): Promise<WarehouseConnection> {
    const until = Date.now() + this.#options.connectTimeoutMs;
    for (;;) {
      if (this.#isClosed) throw new WarehouseUnavailable('snowfence is stopping.');
      const ready = this.#takeIdle();
      if (ready) return ready;
      if (this.#open < this.#options.poolSize) return this.#create();
      const handed = await this.#wait(until - Date.now());
      if (handed) return handed;
      if (Date.now() >= until) throw new WarehouseUnavailable('No connection to Snowflake was free in time.');
    }
  }

  #takeIdle(): WarehouseConnection | undefined {
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) {
      if (last.connection.isUsable) return last.connection;
      this.#discard(last.connection);
    }
    return undefined;
  }

  async #create(): Promise<WarehouseConnection> {
    if (Date.now() < this.#blockedUntil) throw this.#lastError;
    this.#open++;
    try {
      const connection = await WarehouseConnection.open(this.#options, this.#key);
      this.#failures = 0;
      return connection;
    } catch (error) {
      this.#open--;
      this.#failures++;
      this.#lastError = error;
      this.#blockedUntil = Date.now() + Math.min(PAUSE_MS[0] * 2 ** (this.#failures - 1), PAUSE_MS[1]);
      this.#wakeAll();
      throw error;
    }
  }

  /** A connection that was given back, or undefined when one may be opened, or the time is over. */
  #wait(ms: number): Promise<WarehouseConnection | undefined> {
    if (this.#waiting.length >= MAX_WAITING)
      throw new WarehouseUnavailable('Too many statements wait for a connection.');
    return new Promise((resolve) => {
      const waiting: Waiting = {
        resolve: (connection) => {
          clearTimeout(timer);
          resolve(connection);
        },
      };
      const timer = setTimeout(
        () => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          resolve(undefined);
        },
        Math.max(0, ms),
      );
      this.#waiting.push(waiting);
    });
  }

  #wakeAll(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(undefined);
  }

  release(connection: WarehouseConnection): void {
    if (!connection.isUsable || this.#isClosed) {
      this.#discard(connection);
      this.#waiting.shift()?.resolve(undefined);
      return;
    }
    const next = this.#waiting.shift();
    if (next) next.resolve(connection);
    else this.#idle.push({ connection, since: Date.now() });
  }

  #discard(connection: WarehouseConnection): void {
    this.#open--;
    connection.close();
  }

  sweep(): void {
    const old = this.#idle.filter(({ since }) => Date.now() - since > IDLE_MS);
    this.#idle = this.#idle.filter(({ since }) => Date.now() - since <= IDLE_MS);
    for (const { connection } of old) this.#discard(connection);
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
    for (const { connection } of this.#idle.splice(0)) this.#discard(connection);
  }
}

export class WarehousePool implements AsyncDisposable {
  readonly #options: WarehouseOptions;
  readonly #pools = new Map<string, Pool>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: WarehouseOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => {
      for (const pool of this.#pools.values()) pool.sweep();
    }, SWEEP_MS).unref();
  }

  #pool(key: PoolKey): Pool {
    const name = JSON.stringify([key.role, key.warehouse]);
    const known = this.#pools.get(name);
    if (known) return known;
    if (this.#pools.size >= MAX_POOLS) throw new WarehouseUnavailable('Too many Snowflake roles are in use at once.');
    const pool = new Pool(this.#options, key);
    this.#pools.set(name, pool);
    return pool;
  }

  /** Lends a connection for some work. Throws WarehouseUnavailable where none is to be had in time. */
  async use<T>(key: PoolKey, work: (connection: WarehouseConnection) => Promise<T>): Promise<T> {
    const pool = this.#pool(key);
    const connection = await pool.acquire();
    try {
      return await work(connection);
    } finally {
      pool.release(connection);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    for (const pool of this.#pools.values()) pool.close();
  }
}
