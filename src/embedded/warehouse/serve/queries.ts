/**
 * The life of a query: started once for each request id, waited for, polled, cancelled, timed out, kept in the
 * history. Finished results are kept for a bounded time and size, since the driver may ask again.
 */
import { randomUUID } from 'node:crypto';
import {
  type Bind,
  type Chunk,
  cancelled,
  localResult,
  packChunk,
  type Result,
  STATEMENT_TYPE,
  statementCount,
  timedOut,
} from '../../../protocol/index.js';
import type { Engine } from '../engine/engine.js';
import { asSnowflakeError } from '../engine/errors.js';
import { execute } from '../statements/execute.js';
import type { Limits } from '../statements/execution.js';
import { writeHistory } from './history.js';
import type { Query } from './query.js';
import type { OpenSession } from './session.js';

export interface Request {
  readonly sql: string;
  readonly binds: readonly (readonly Bind[])[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly describeOnly: boolean;
}

const HISTORY_LIMIT = 100_000;
const KEPT_RESULTS = 512;
/**
 * A transaction whose session is gone is taken back after five minutes where it keeps others from a table (documentation page transactions,
 * "Aborting transactions"); here always, and soon where its client's connection broke: others do not wait for its rows, as they would there.
 */
const TRANSACTION_IDLE_MS = 300_000;
const TRANSACTION_DETACHED_MS = 1000;
const KEPT_CHUNK_BYTES = 512 * 1024 * 1024;

export class Queries {
  readonly #engine: Engine;
  readonly #limits: Limits;
  readonly #byId = new Map<string, Query>();
  readonly #byRequest = new Map<string, Query>();
  readonly #chunks = new Map<string, Chunk>();
  readonly #history: Query[] = [];
  #unsynced: Query[] = [];
  #chunkBytes = 0;

  constructor(engine: Engine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  byId(id: string): Query | undefined {
    return this.#byId.get(id);
  }

  byRequest(session: OpenSession, requestId: string): Query | undefined {
    return this.#byRequest.get(`${session.id}/${requestId}`);
  }

  chunk(path: string): Chunk | undefined {
    return this.#chunks.get(path);
  }

  history(): readonly Query[] {
    return this.#history;
  }

  /** The query of this request; a repeated request id answers with the first one's, so that a retry runs nothing twice. */
  start(session: OpenSession, requestId: string, request: Request, statements: readonly string[]): Query {
    const known = this.byRequest(session, requestId);
    if (known) return known;
    const wanted = Number(
      request.parameters['MULTI_STATEMENT_COUNT'] ?? session.parameters.number('MULTI_STATEMENT_COUNT'),
    );
    let query: Query;
    if (statements.length > 1 && wanted !== 0 && wanted !== statements.length) {
      const error = statementCount(statements.length, wanted);
      query = this.#query(session, request, [], () => Promise.reject(error));
    } else if (statements.length > 1) {
      const children = statements.map((sql) => {
        const part = { ...request, sql };
        return this.#query(session, part, [], (self) => this.#enqueue(self, part));
      });
      query = this.#query(session, request, children, async () => {
        for (const child of children) await child.done.catch(() => undefined);
        return localResult(
          ['multiple statement execution'],
          [['Multiple statements executed successfully.']],
          STATEMENT_TYPE.multi,
        );
      });
    } else {
      query = this.#query(session, request, [], (self) => this.#enqueue(self, request));
    }
    this.#byRequest.set(`${session.id}/${requestId}`, query);
    return query;
  }

  #query(
    session: OpenSession,
    request: Request,
    children: readonly Query[],
    work: (query: Query) => Promise<Result>,
  ): Query {
    const query: Query = {
      id: randomUUID(),
      session,
      sql: request.sql,
      tag: String(request.parameters['QUERY_TAG'] ?? session.parameters.text('QUERY_TAG')),
      started: Date.now(),
      database: session.database,
      schema: session.schema,
      status: 'RUNNING',
      ended: undefined,
      rows: 0,
      error: undefined,
      isCancelled: false,
      isRunning: false,
      children,
      done: Promise.resolve(localResult([], [])),
    };
    this.#byId.set(query.id, query);
    if (children.length === 0) this.#history.push(query);
    this.#trim();
    query.done = work(query).then(
      (result) => {
        query.status = 'SUCCESS';
        query.rows = result.total;
        query.ended = Date.now();
        this.#unsynced.push(query);
        return result;
      },
      (error: unknown) => {
        query.error = asSnowflakeError(error);
        query.status = query.isCancelled ? 'ABORTED' : 'FAILED_WITH_ERROR';
        query.ended = Date.now();
        this.#unsynced.push(query);
        throw query.error;
      },
    );
    // The answer may be fetched later or never: a rejection without a listener must not end the process.
    query.done.catch(() => undefined);
    return query;
  }

  #enqueue(query: Query, request: Request): Promise<Result> {
    const { session } = query;
    const next = session.tail.then(() => this.#run(query, request));
    session.tail = next.catch(() => undefined).then(() => this.#watch(session, TRANSACTION_IDLE_MS));
    return next;
  }

  /** The session's client is gone. */
  detach(session: OpenSession): void {
    session.tail = session.tail.then(() => this.#watch(session, TRANSACTION_DETACHED_MS));
  }

  #watch(session: OpenSession, ms: number): void {
    clearTimeout(session.idle);
    if (!session.inTransaction) return;
    session.idle = setTimeout(() => {
      session.tail = session.tail.then(async () => {
        if (!session.inTransaction) return;
        session.inTransaction = false;
        await session.connection.run('ROLLBACK').catch(() => undefined);
      });
    }, ms).unref();
  }

  async #run(query: Query, request: Request): Promise<Result> {
    const { session } = query;
    if (query.isCancelled) throw cancelled();
    const limit = Number(
      request.parameters['STATEMENT_TIMEOUT_IN_SECONDS'] ?? session.parameters.number('STATEMENT_TIMEOUT_IN_SECONDS'),
    );
    const maxRows = Number(request.parameters['ROWS_PER_RESULTSET'] ?? session.parameters.number('ROWS_PER_RESULTSET'));
    let isTimedOut = false;
    const timer =
      limit > 0 && limit < 86_400
        ? setTimeout(() => {
            isTimedOut = true;
            this.#interrupt(query);
          }, limit * 1000)
        : undefined;
    try {
      return await execute(query.sql, request.binds, {
        session,
        engine: this.#engine,
        limits: this.#limits,
        queryId: query.id,
        describeOnly: request.describeOnly,
        maxRows,
        isCancelled: () => query.isCancelled || isTimedOut,
        setRunning: (running) => {
          query.isRunning = running;
        },
        syncHistory: () => this.#sync(),
        makeChunk: (index, rows) => this.#makeChunk(query.id, index, rows),
      });
    } catch (error) {
      if (isTimedOut) throw timedOut(limit);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #makeChunk(queryId: string, index: number, rows: readonly string[]): Promise<Chunk> {
    const chunk = await packChunk(queryId, index, rows);
    this.#chunks.set(chunk.path, chunk);
    this.#chunkBytes += chunk.body.length;
    return chunk;
  }

  #interrupt(query: Query): void {
    if (query.isRunning) query.session.connection.interrupt();
  }

  /** True where it was still running. */
  cancel(query: Query): boolean {
    if (query.ended !== undefined) return false;
    for (const child of query.children) this.cancel(child);
    query.isCancelled = true;
    this.#interrupt(query);
    return true;
  }

  endSession(session: OpenSession): void {
    clearTimeout(session.idle);
    for (const query of this.#byId.values()) if (query.session === session) this.cancel(query);
  }

  /** Oldest results and chunks go first; a driver that asks for one later gets "not found", as from Snowflake. */
  #trim(): void {
    for (const [id, query] of this.#byId) {
      if (this.#byId.size <= KEPT_RESULTS) break;
      if (query.ended !== undefined) this.#byId.delete(id);
    }
    for (const [id, query] of this.#byRequest) {
      if (this.#byRequest.size <= KEPT_RESULTS) break;
      if (query.ended !== undefined) this.#byRequest.delete(id);
    }
    for (const [path, chunk] of this.#chunks) {
      if (this.#chunkBytes <= KEPT_CHUNK_BYTES) break;
      this.#chunks.delete(path);
      this.#chunkBytes -= chunk.body.length;
    }
    if (this.#history.length > HISTORY_LIMIT) this.#history.splice(0, this.#history.length - HISTORY_LIMIT);
  }

  /** Finished statements go into the history's table only when somebody reads it. */
  #sync(): Promise<void> {
    return writeHistory(this.#engine.control, this.#unsynced.splice(0));
  }
}
