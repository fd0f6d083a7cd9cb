/** The warehouse as the gateway sees it: run, explain, look up. Nothing else holds the credential. */
import { Catalog } from './catalog/catalog.js';
import type { CatalogName } from './catalog/objects.js';
import { Sizes } from './catalog/sizes.js';
import { type PoolKey, SETUP_TAG, type WarehouseConnection } from './connection/connection.js';
import type { WarehouseOptions } from './connection/options.js';
import { DATABASES } from './connection/own-questions.js';
import { WarehousePool } from './connection/pool.js';
import { SHOW_PARAMETERS, UNSET } from './connection/session-state.js';
import { StatementCancelled, StatementFailed } from './errors/failures.js';
import { explain, type Plan } from './run/confirm.js';
import { type HistoryEntry, type HistoryRange, readHistory } from './run/history.js';
import type { ResultReader } from './run/result.js';
import {
  type NextOptions,
  next,
  type ResumeOptions,
  type RunOptions,
  type RunResult,
  resume,
  run,
} from './run/statement.js';
import { type BoundedOptions, type BoundedResult, runBounded } from './run/transaction.js';

/** Streams that wait for their next page; what is not among them is read anew from where it stopped. */
const OPEN_READERS = 8;
const READER_IDLE_MS = 60_000;
const AHEAD_AFTER_MS = 15;
const SHARED = 'SNOWFLAKE';
/** Databases in which the history is sought. */
const DATABASES_TRIED = 20;

export class Warehouse implements AsyncDisposable {
  readonly options: WarehouseOptions;
  readonly catalog: Catalog;
  readonly #pool: WarehousePool;
  readonly #sizes: Sizes;
  readonly #readers = new Map<string, { readonly reader: ResultReader; readonly timer: NodeJS.Timeout }>();

  constructor(options: WarehouseOptions) {
    this.options = options;
    this.#pool = new WarehousePool(options);
    this.catalog = new Catalog(this.#pool);
    this.#sizes = new Sizes(this.#pool, this.catalog);
  }

  /**
   * What sessions would have if the gateway set nothing: value by parameter's name, as SHOW PARAMETERS writes it. The connection that was asked
   * is used by nobody else. Throws StatementFailed and WarehouseUnavailable.
   */
  parametersOfAccount(key: PoolKey): Promise<ReadonlyMap<string, string>> {
    return this.#pool.use(key, async (connection) => {
      connection.markBroken();
      await connection.simple(UNSET, SETUP_TAG);
      const rows = await connection.simple(SHOW_PARAMETERS, SETUP_TAG);
      return new Map(rows.map(({ key: name, value }) => [String(name), String(value ?? '')]));
    });
  }

  /** A connection for something that may have become wrong while it waited for one. Whoever has gone meanwhile is asked nothing. */
  #sending<T>(
    key: PoolKey,
    { before, signal }: Pick<RunOptions, 'before' | 'signal'>,
    send: (connection: WarehouseConnection) => Promise<T>,
  ): Promise<T> {
    return this.#pool.use(key, async (connection) => {
      if (signal?.aborted) throw new StatementCancelled('caller');
      await before?.();
      return send(connection);
    });
  }

  /** Throws StatementFailed, StatementCancelled or WarehouseUnavailable, and what `before` throws. */
  run(key: PoolKey, sqlText: string, options: RunOptions): Promise<RunResult> {
    return this.#sending(key, options, (connection) => run(connection, sqlText, options));
  }

  /** A change that is only kept where `mayStay` says so. Throws as `run` does, and CommitUnknown. */
  runBounded(key: PoolKey, sqlText: string, options: BoundedOptions): Promise<BoundedResult> {
    return this.#sending(key, options, (connection) => runBounded(connection, sqlText, options));
  }

  /** Keeps a result open for whoever asks for the rows after these; `isAwaited`: it is likely that somebody will. */
  hold(reader: ResultReader, isAwaited: boolean): void {
    // Once the page before is on its way: these rows take the processor for a tenth of a second.
    if (isAwaited) setTimeout(() => reader.readAhead(), AHEAD_AFTER_MS).unref();
    const name = `${reader.queryId} ${reader.position}`;
    this.#take(name)?.close();
    const [oldest] = this.#readers.keys();
    if (this.#readers.size >= OPEN_READERS && oldest !== undefined) this.#take(oldest)?.close();
    const timer = setTimeout(() => this.#take(name)?.close(), READER_IDLE_MS).unref();
    this.#readers.set(name, { reader, timer });
  }

  #take(name: string): ResultReader | undefined {
    const held = this.#readers.get(name);
    if (!held) return undefined;
    clearTimeout(held.timer);
    this.#readers.delete(name);
    return held.reader;
  }

  /**
   * Rows of an earlier statement's result: from the stream that is still open, else from what Snowflake keeps. Throws as `run`
   * does, StatementFailed where the result is gone.
   */
  async resume(key: PoolKey, options: ResumeOptions): Promise<RunResult> {
    const reader = this.#take(`${options.queryId} ${options.from}`);
    if (reader) {
      try {
        await options.before?.();
      } catch (error) {
        reader.close();
        throw error;
      }
      try {
        return await next(reader, options);
      } catch (error) {
        if (error instanceof StatementCancelled) throw error;
        // Links to a result's parts hold for some hours only; asked anew, they are fresh.
      }
    }
    return this.#sending(key, options, (connection) => resume(connection, options));
  }

  /** The next page of a result that whoever asks has open. Throws as `run` does, and then it is closed. */
  next(reader: ResultReader, options: NextOptions): Promise<RunResult> {
    return next(reader, options);
  }

  explain(key: PoolKey, sqlText: string, binds: RunOptions['binds'], tag: string): Promise<Plan> {
    return this.#pool.use(key, (connection) => explain(connection, sqlText, binds, tag));
  }

  /** Why Snowflake refused the gateway's own log-in the last time; undefined where it did not. */
  get refusal(): string | undefined {
    return this.#pool.refusal;
  }

  /** Whether Snowflake answered the last time that this process asked it, and when that was; undefined where it has not. */
  get reached(): { readonly isThere: boolean; readonly at: Date } | undefined {
    return this.#pool.reached;
  }

  /** A log-in for its own sake. Throws WarehouseUnavailable, LogInRefused among them. */
  logIn(): Promise<void> {
    return this.#pool.logIn();
  }

  /** Connections that are open or being opened. */
  get connections(): number {
    return this.#pool.open;
  }

  /**
   * The first connection of a role, opened and read from before anybody waits for it. The question is one of our own that needs no running
   * warehouse (documentation page sql/show-databases), so that none is woken by it. Throws as `run` does.
   */
  async warm(key: PoolKey): Promise<void> {
    const { reader } = await this.run(key, DATABASES.of(), {
      binds: [],
      tag: SETUP_TAG,
      maxResultRows: 1,
      maxRows: 1,
      maxBytes: 10_000,
      timeoutMs: this.options.connectTimeoutMs,
      signal: undefined,
    });
    reader?.close();
  }

  /** Bytes of a whole table, whatever is asked of it; undefined where Snowflake does not say. Throws WarehouseUnavailable. */
  wholeSize(key: PoolKey, object: CatalogName): Promise<number | undefined> {
    return this.#sizes.of(key, object);
  }

  /**
   * What the warehouse remembers of this user's statements, newest first. The function is in every database's INFORMATION_SCHEMA: the configured
   * one, else the first that answers, for a role may see a database whose schemas it may not use. Throws StatementFailed or
   * WarehouseUnavailable, and where the role may use no database at all.
   */
  async history(key: PoolKey, range: HistoryRange): Promise<readonly HistoryEntry[]> {
    const own = this.options.database;
    const shown = own === undefined ? await this.catalog.databases(key) : [own];
    // Snowflake's own is a share, in which less may be used than in one's own.
    const databases = [...shown.filter((name) => name !== SHARED), ...shown.filter((name) => name === SHARED)];
    let problem: unknown = new Error(`The role ${key.role} may use no database, so the history can't be read.`);
    for (const database of databases.slice(0, DATABASES_TRIED)) {
      try {
        return await this.#pool.use(key, (connection) => readHistory(connection, database, range, SETUP_TAG));
      } catch (error) {
        if (!(error instanceof StatementFailed)) throw error;
        problem = error;
      }
    }
    throw problem;
  }

  /** A question of our own, such as doctor's. */
  ask(key: PoolKey, sqlText: string, tag: string): Promise<Record<string, unknown>[]> {
    return this.#pool.use(key, (connection) => connection.simple(sqlText, tag));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#readers.keys()]) this.#take(name)?.close();
    await this.#pool[Symbol.asyncDispose]();
  }
}
