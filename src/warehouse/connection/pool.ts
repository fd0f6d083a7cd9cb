/**
 * Connections by role and warehouse. A pool of our own, for one reason: a log-in that fails has to reach whoever waits for it at
 * once, and must not be tried again without rest. Pools for general use retry for as long as somebody waits, and wrong credentials
 * tried in a loop lock a Snowflake user out.
 */

import { LogInRefused, WarehouseUnavailable } from '../errors/failures.js';
import { type PoolKey, WarehouseConnection } from './connection.js';
import type { WarehouseOptions } from './options.js';

const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;
const MAX_POOLS = 64;
const MAX_WAITING = 256;
/** After a failure the next attempt waits, longer each time, up to the second number. */
const PAUSE_MS = [250, 15_000] as const;

/** Of its connections, what one principal leaves to the others, however much it has under way. */
const LEFT_PART = 4;

interface Waiting {
  readonly whose: string | undefined;
  readonly resolve: (connection: WarehouseConnection | undefined) => void;
}

/** What came of a log-in; undefined for a good end. */
type Opened = (error: unknown) => void;

class Pool {
  readonly #options: WarehouseOptions;
  readonly #key: PoolKey;
  #idle: { readonly connection: WarehouseConnection; readonly since: number }[] = [];
  readonly #waiting: Waiting[] = [];
  /** Connections that each principal has at work. */
  readonly #held = new Map<string, number>();
  #open = 0;
  #failures = 0;
  #blockedUntil = 0;
  #lastError: unknown;
  #isClosed = false;

  readonly #onOpened: Opened;
  readonly #refusal: () => string | undefined;

  /** `refusal`: why no log-in is tried at all for now. Whoever looks seldom finds out when it is over: tries by every role lock a user out. */
  constructor(options: WarehouseOptions, key: PoolKey, onOpened: Opened, refusal: () => string | undefined) {
    this.#options = options;
    this.#key = key;
    this.#onOpened = onOpened;
    this.#refusal = refusal;
  }

  get open(): number {
    return this.#open;
  }

  async acquire(whose: string | undefined): Promise<WarehouseConnection> {
    const until = Date.now() + this.#options.connectTimeoutMs;
    for (;;) {
      if (this.#isClosed) throw new WarehouseUnavailable('snowfence is stopping.');
      if (this.#mayHold(whose)) {
        const ready = this.#takeIdle();
        if (ready) {
          this.#hold(whose, 1);
          return ready;
        }
        if (this.#open < this.#options.poolSize) return this.#create(whose);
      }
      const handed = await this.#wait(whose, until - Date.now());
      if (handed) return handed;
      if (Date.now() >= until) throw new WarehouseUnavailable('No connection to Snowflake was free in time.');
    }
  }

  #mayHold(whose: string | undefined): boolean {
    if (whose === undefined) return true;
    const { poolSize } = this.#options;
    const most = Math.max(1, poolSize - Math.max(1, Math.floor(poolSize / LEFT_PART)));
    return (this.#held.get(whose) ?? 0) < most;
  }

  #hold(whose: string | undefined, more: 1 | -1): void {
    if (whose === undefined) return;
    const held = (this.#held.get(whose) ?? 0) + more;
    if (held > 0) this.#held.set(whose, held);
    else this.#held.delete(whose);
  }

  /** Whoever has the fewest at work; of these, who has waited longest. undefined where nobody that waits may have one more. */
  #nextWaiting(): Waiting | undefined {
    let next = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [at, { whose }] of this.#waiting.entries()) {
      const held = this.#held.get(whose ?? '') ?? 0;
      if (held >= fewest || !this.#mayHold(whose)) continue;
      next = at;
      fewest = held;
    }
    return next < 0 ? undefined : this.#waiting.splice(next, 1)[0];
  }

  #takeIdle(): WarehouseConnection | undefined {
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) {
      if (last.connection.isUsable) return last.connection;
      this.#discard(last.connection);
    }
    return undefined;
  }

  async #create(whose: string | undefined): Promise<WarehouseConnection> {
    if (Date.now() < this.#blockedUntil) throw this.#lastError;
    const refusal = this.#refusal();
    if (refusal !== undefined) throw new LogInRefused(refusal, false);
    this.#open++;
    this.#hold(whose, 1);
    try {
      const connection = await WarehouseConnection.open(this.#options, this.#key);
      this.#failures = 0;
      this.#onOpened(undefined);
      return connection;
    } catch (error) {
      this.#open--;
      this.#hold(whose, -1);
      this.#failures++;
      this.#lastError = error;
      this.#onOpened(error);
      this.#blockedUntil = Date.now() + Math.min(PAUSE_MS[0] * 2 ** (this.#failures - 1), PAUSE_MS[1]);
      this.#wakeAll();
      throw error;
    }
  }

  /** A connection that was given back, or undefined when one may be opened, or the time is over. */
  #wait(whose: string | undefined, ms: number): Promise<WarehouseConnection | undefined> {
    if (this.#waiting.length >= MAX_WAITING)
      throw new WarehouseUnavailable('Too many statements wait for a connection.');
    return new Promise((resolve) => {
      const waiting: Waiting = {
        whose,
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

  release(connection: WarehouseConnection, whose: string | undefined): void {
    this.#hold(whose, -1);
    if (!connection.isUsable || this.#isClosed) {
      this.#discard(connection);
      this.#nextWaiting()?.resolve(undefined);
      return;
    }
    const next = this.#nextWaiting();
    if (next) {
      this.#hold(next.whose, 1);
      next.resolve(connection);
    } else this.#idle.push({ connection, since: Date.now() });
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
  /** Why the gateway's own log-in was refused the last time, whatever the role; undefined where it was not. */
  refusal: string | undefined;

  constructor(options: WarehouseOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => {
      for (const pool of this.#pools.values()) pool.sweep();
    }, SWEEP_MS).unref();
  }

  /** Whether Snowflake answered the last time that it was asked, and when that was; undefined where nobody has asked yet. */
  reached: { readonly isThere: boolean; readonly at: Date } | undefined;

  #heard(isThere: boolean): void {
    this.reached = { isThere, at: new Date() };
  }

  readonly #onOpened: Opened = (error) => {
    // A no is an answer.
    this.#heard(error === undefined || error instanceof LogInRefused);
    if (error === undefined) this.refusal = undefined;
    else if (error instanceof LogInRefused && !error.isOfRole) this.refusal = error.message;
  };

  /** A log-in for its own sake, with the user's default role. Throws as `WarehouseConnection.open` does. */
  async logIn(): Promise<void> {
    try {
      const connection = await WarehouseConnection.open(this.#options, undefined);
      connection.close();
      this.#onOpened(undefined);
    } catch (error) {
      this.#onOpened(error);
      throw error;
    }
  }

  /** Connections that are open or being opened. */
  get open(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.open, 0);
  }

  #pool(key: PoolKey): Pool {
    const name = JSON.stringify([key.role, key.warehouse]);
    const known = this.#pools.get(name);
    if (known) return known;
    if (this.#pools.size >= MAX_POOLS) throw new WarehouseUnavailable('Too many Snowflake roles are in use at once.');
    const pool = new Pool(this.#options, key, this.#onOpened, () => this.refusal);
    this.#pools.set(name, pool);
    return pool;
  }

  /** Lends a connection for some work. Throws WarehouseUnavailable where none is to be had in time. */
  async use<T>(key: PoolKey, work: (connection: WarehouseConnection) => Promise<T>): Promise<T> {
    const pool = this.#pool(key);
    const connection = await pool.acquire(key.whose);
    try {
      const done = await work(connection);
      this.#heard(true);
      return done;
    } catch (error) {
      if (error instanceof WarehouseUnavailable) this.#heard(error instanceof LogInRefused);
      throw error;
    } finally {
      pool.release(connection, key.whose);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweeper);
    for (const pool of this.#pools.values()) pool.close();
  }
}
