/**
 * Snowflake's REST protocol, as the unmodified `snowflake-sdk` speaks it (its `lib/services/sf.js`,
 * `lib/connection/statement.js` and `lib/connection/result/`). A stand-in: it says so in its version text.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { z } from 'zod';
import {
  COMPILER_CODES,
  notRunning,
  Parameters,
  REQUEST_CODES,
  type Result,
  SESSION_CODES,
  SnowflakeError,
  unknownStatement,
} from '../../../protocol/index.js';
import { Engine, type EngineOptions } from '../engine/engine.js';
import { asSnowflakeError } from '../engine/errors.js';
import { setParameter } from '../statements/execute.js';
import { splitStatements } from '../syntax/parse.js';
import { authenticate, type LoginData, loginBody, type User } from './login.js';
import { Queries, type Query } from './queries.js';
import { type Session, Sessions } from './session.js';

export interface WarehouseOptions extends EngineOptions {
  readonly host: string;
  readonly port: number;
  readonly users: readonly User[];
  readonly defaultDatabase: string;
  readonly defaultSchema: string;
  /** The account's: what sessions have that say nothing else. */
  readonly timezone: string;
  /** Added to each query request, in milliseconds: what a warehouse far away would take. */
  readonly latencyMs: number;
  readonly inlineRows: number;
  readonly chunkRows: number;
  /** How long a query request waits before it answers "in progress", in milliseconds; below the driver's 90 s. */
  readonly syncWaitMs: number;
  readonly sessionSeconds: number;
  readonly masterSeconds: number;
}

export const DEFAULT_OPTIONS = {
  host: '127.0.0.1',
  port: 0,
  defaultDatabase: '',
  defaultSchema: 'PUBLIC',
  timezone: 'America/Los_Angeles',
  latencyMs: 0,
  inlineRows: 1000,
  chunkRows: 20_000,
  syncWaitMs: 45_000,
  sessionSeconds: 3600,
  masterSeconds: 14_400,
} as const;

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const unzip = promisify(gunzip);

const bind = z.object({
  type: z.string(),
  value: z.union([z.string(), z.null(), z.array(z.union([z.string(), z.null()]))]),
});

const queryBody = z.object({
  sqlText: z.string().default(''),
  asyncExec: z.boolean().nullish(),
  describeOnly: z.boolean().nullish(),
  bindings: z.record(z.string(), bind).nullish(),
  bindStage: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
});

type QueryBody = z.infer<typeof queryBody>;

interface Envelope {
  readonly success: boolean;
  readonly code: string | null;
  readonly message: string | null;
  readonly data: unknown;
}

const ok = (data: unknown): Envelope => ({ success: true, code: null, message: null, data });

const failure = (error: SnowflakeError, data: Readonly<Record<string, unknown>> = {}): Envelope => ({
  success: false,
  code: error.code,
  message: error.message,
  data: {
    internalError: false,
    errorCode: error.code,
    sqlState: error.sqlState,
    line: -1,
    pos: -1,
    type: 'COMPILATION',
    ...data,
  },
});

const bearer = (request: IncomingMessage): string | undefined =>
  /^Snowflake Token="(.+)"$/.exec(request.headers.authorization ?? '')?.[1];

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    const buffer = part as Buffer;
    size += buffer.length;
    if (size > MAX_BODY_BYTES) throw new SnowflakeError(REQUEST_CODES.requestTooLarge, 'Request is too large.');
    parts.push(buffer);
  }
  let body = Buffer.concat(parts);
  // The driver may announce gzip on a body that isn't (its pitfall 10): look at the bytes, not at the header.
  if (body[0] === 0x1f && body[1] === 0x8b) body = Buffer.from(await unzip(body, { maxOutputLength: MAX_BODY_BYTES }));
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new SnowflakeError(REQUEST_CODES.malformedRequest, 'Request body is not valid JSON.');
  }
}

/** `{"1": {type, value}}`, or columns of values for a bulk insert, as rows of binds. */
function bindRows(bindings: QueryBody['bindings']): { type: string; value: string | null }[][] {
  if (!bindings) return [];
  const keys = Object.keys(bindings).sort((a, b) => Number(a) - Number(b));
  const columns = keys.map((key) => bindings[key]).filter((column) => column !== undefined);
  const depth = columns.reduce(
    (most, column) => (Array.isArray(column.value) ? Math.max(most, column.value.length) : most),
    0,
  );
  if (depth === 0)
    return [columns.map((column) => ({ type: column.type, value: Array.isArray(column.value) ? null : column.value }))];
  return Array.from({ length: depth }, (_, row) =>
    columns.map((column) => ({
      type: column.type,
      value: Array.isArray(column.value) ? (column.value[row] ?? null) : column.value,
    })),
  );
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Warehouse {
  readonly #options: WarehouseOptions;
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  readonly #queries: Queries;
  readonly #users: ReadonlyMap<string, User>;
  readonly #server: Server;
  readonly #sessionsOf = new WeakMap<Socket, Set<Session>>();

  private constructor(options: WarehouseOptions, engine: Engine) {
    this.#options = options;
    this.#engine = engine;
    this.#sessions = new Sessions(options);
    this.#queries = new Queries(engine, options);
    this.#users = new Map(
      options.users.map((user) => [user.name.toUpperCase(), { ...user, name: user.name.toUpperCase() }]),
    );
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) =>
        this.#answer(response, failure(asSnowflakeError(error))),
      );
    });
    this.#server.keepAliveTimeout = 65_000;
  }

  /** Listening when it resolves. */
  static async start(options: WarehouseOptions): Promise<Warehouse> {
    const engine = await Engine.start(options);
    const warehouse = new Warehouse(options, engine);
    await new Promise<void>((resolve, reject) => {
      warehouse.#server.once('error', reject);
      warehouse.#server.listen(options.port, options.host, resolve);
    });
    return warehouse;
  }

  get url(): string {
    const address = this.#server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    return `http://${this.#options.host}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions.all()) this.#queries.endSession(session);
    this.#engine.close();
  }

  #answer(response: ServerResponse, envelope: Envelope, status = 200): void {
    if (response.headersSent) return;
    const body = Buffer.from(JSON.stringify({ ...envelope, headers: null }));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = url.pathname;
    if (request.method === 'GET' && path.startsWith('/sf-chunks/')) {
      this.#sendChunk(path, response);
      return;
    }
    const body = await readBody(request);
    const envelope = await this.#route(request, url, path, body);
    // An unknown session token is the one failure with a status of its own (the driver's lib/services/sf.js).
    this.#answer(response, envelope, envelope.code === '390104' ? 401 : 200);
  }

  #sendChunk(path: string, response: ServerResponse): void {
    const chunk = this.#queries.chunk(path);
    if (!chunk) {
      response.writeHead(404).end();
      return;
    }
    // Neither application/json nor application/xml: the driver would parse the one and take the other for a failure.
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-encoding': 'gzip',
      'content-length': chunk.body.length,
    });
    response.end(chunk.body);
  }

  async #route(request: IncomingMessage, url: URL, path: string, body: unknown): Promise<Envelope> {
    switch (path) {
      case '/session/v1/login-request':
        return this.#login(url, body);
      case '/session/token-request':
        return this.#renew(request);
      case '/telemetry/send':
        return ok('Log Received');
      default:
    }
    let session: Session;
    try {
      session = this.#sessions.byToken(bearer(request));
    } catch (error) {
      return { ...failure(asSnowflakeError(error)), data: null };
    }
    if (path === '/session/heartbeat') return ok(null);
    if (path === '/session') return this.#logout(url, session);
    if (path === '/queries/v1/query-request') return this.#query(request, url, session, body);
    if (path === '/queries/v1/abort-request') return this.#abort(session, body);
    const abort = /^\/queries\/([\w-]+)\/abort-request$/.exec(path);
    if (abort) return this.#abortQuery(this.#own(session, abort[1]));
    const result = /^\/queries\/([\w-]+)\/result$/.exec(path);
    if (result) {
      const query = this.#own(session, result[1]);
      if (!query) return failure(unknownStatement(result[1] ?? ''));
      return this.#outcome(query, request);
    }
    const monitoring = /^\/monitoring\/queries\/([\w-]+)$/.exec(path);
    if (monitoring) return this.#status(this.#own(session, monitoring[1]));
    return failure(new SnowflakeError(REQUEST_CODES.noSuchResource, `No such resource: ${path}`));
  }

  /** Queries of a user are visible to that user's sessions only. */
  #own(session: Session, id: string | undefined): Query | undefined {
    const query = id === undefined ? undefined : this.#queries.byId(id);
    return query?.session.user === session.user ? query : undefined;
  }

  async #login(url: URL, body: unknown): Promise<Envelope> {
    const parsed = loginBody.safeParse(body);
    if (!parsed.success)
      return failure(new SnowflakeError(SESSION_CODES.malformedLogin, 'The login request is malformed.'));
    const { data } = parsed.data;
    let user: User;
    try {
      user = await authenticate(data, this.#users);
    } catch (error) {
      return failure(asSnowflakeError(error), {
        authnMethod: data.AUTHENTICATOR ?? 'SNOWFLAKE',
        nextAction: 'RETRY_LOGIN',
      });
    }
    const session = await this.#openSession(url, data, user);
    return ok({
      token: session.token,
      masterToken: session.masterToken,
      validityInSeconds: this.#options.sessionSeconds,
      masterValidityInSeconds: this.#options.masterSeconds,
      displayUserName: user.name,
      serverVersion: '9.30.0 (snowfence embedded warehouse)',
      firstLogin: false,
      healthCheckInterval: 45,
      sessionId: session.id,
      parameters: session.parameters.toWire(),
      sessionInfo: {
        databaseName: session.database || null,
        schemaName: session.schema || null,
        warehouseName: session.warehouse || null,
        roleName: session.role,
      },
    });
  }

  async #openSession(url: URL, data: LoginData, user: User): Promise<Session> {
    const query = url.searchParams;
    const named = (name: string, fallback: string): string =>
      (query.get(name) ?? fallback).replace(/^"(.*)"$/, '$1').toUpperCase();
    const session: Session = {
      id: this.#sessions.nextId(),
      user: user.name,
      account: data.ACCOUNT_NAME,
      connection: await this.#engine.connect(),
      parameters: new Parameters({ TIMEZONE: this.#options.timezone }),
      variables: new Map(),
      temporary: new Set(),
      database: named('databaseName', this.#options.defaultDatabase),
      schema: named('schemaName', this.#options.defaultSchema),
      role: named('roleName', 'PUBLIC'),
      warehouse: named('warehouse', 'COMPUTE_WH'),
      secondaryRoles: 'ALL',
      token: '',
      masterToken: '',
      expires: 0,
      masterExpires: 0,
      inTransaction: false,
      idle: undefined,
      socket: undefined,
      tail: Promise.resolve(),
    };
    await setParameter(session, 'TIMEZONE', session.parameters.text('TIMEZONE'));
    for (const [name, value] of Object.entries(data.SESSION_PARAMETERS ?? {})) await setParameter(session, name, value);
    this.#sessions.open(session);
    return session;
  }

  #renew(request: IncomingMessage): Envelope {
    try {
      const session = this.#sessions.renew(bearer(request));
      return ok({
        sessionToken: session.token,
        masterToken: session.masterToken,
        validityInSecondsST: this.#options.sessionSeconds,
        validityInSecondsMT: this.#options.masterSeconds,
        sessionId: session.id,
      });
    } catch (error) {
      return { ...failure(asSnowflakeError(error)), data: null };
    }
  }

  #logout(url: URL, session: Session): Envelope {
    if (url.searchParams.get('delete') === null) return ok(null);
    this.#sessions.close(session);
    this.#queries.endSession(session);
    void session.tail.finally(async () => {
      for (const table of session.temporary) await session.connection.run(`DROP TABLE IF EXISTS ${table}`);
      if (session.temporary.size > 0) await this.#engine.catalog.refresh();
      session.connection.closeSync();
    });
    return ok(null);
  }

  async #query(request: IncomingMessage, url: URL, session: Session, body: unknown): Promise<Envelope> {
    const parsed = queryBody.safeParse(body);
    if (!parsed.success)
      return failure(new SnowflakeError(REQUEST_CODES.malformedRequest, 'The query request is malformed.'));
    const { sqlText, bindings, parameters, asyncExec, describeOnly, bindStage } = parsed.data;
    if (bindStage)
      return failure(
        new SnowflakeError(COMPILER_CODES.unsupportedFeature, "Unsupported feature 'bind through a stage'."),
      );
    this.#follow(request.socket, session);
    if (this.#options.latencyMs > 0) await delay(this.#options.latencyMs);
    let statements: string[];
    try {
      statements = splitStatements(sqlText);
    } catch {
      // What can't be split is one statement; running it gives the syntax error with a query id.
      statements = [sqlText];
    }
    const query = this.#queries.start(
      session,
      url.searchParams.get('requestId') ?? crypto.randomUUID(),
      { sql: sqlText, binds: bindRows(bindings), parameters: parameters ?? {}, describeOnly: describeOnly === true },
      statements,
    );
    if (asyncExec === true) return this.#inProgress(query, '333334');
    return this.#outcome(query, request);
  }

  /** A session whose last connection breaks is left to itself. */
  #follow(socket: Socket, session: Session): void {
    session.socket = socket;
    const known = this.#sessionsOf.get(socket);
    const sessions = known ?? new Set();
    sessions.add(session);
    if (known) return;
    this.#sessionsOf.set(socket, sessions);
    socket.once('close', () => {
      for (const one of sessions) if (one.socket === socket) this.#queries.detach(one);
    });
  }

  #inProgress(query: Query, code: string): Envelope {
    return {
      success: true,
      code,
      message: 'Query execution in progress. Please wait.',
      data: { queryId: query.id, getResultUrl: `/queries/${query.id}/result`, queryAbortsAfterSecs: 300 },
    };
  }

  async #outcome(query: Query, request: IncomingMessage): Promise<Envelope> {
    const pending = Symbol('pending');
    let timer: NodeJS.Timeout | undefined;
    try {
      const result = await Promise.race([
        query.done,
        new Promise<typeof pending>((resolve) => {
          timer = setTimeout(() => resolve(pending), this.#options.syncWaitMs);
        }),
      ]);
      if (result === pending) return this.#inProgress(query, '333333');
      return this.#success(query, result, `http://${request.headers.host ?? new URL(this.url).host}`);
    } catch (error) {
      return failure(asSnowflakeError(error), { queryId: query.id });
    } finally {
      clearTimeout(timer);
    }
  }

  #success(query: Query, result: Result, base: string): Envelope {
    const { session } = query;
    return ok({
      parameters: session.parameters.toWire(),
      rowtype: result.columns,
      rowset: result.rows,
      total: result.total,
      returned: result.total,
      queryId: query.id,
      version: 1,
      statementTypeId: result.statementType,
      databaseProvider: null,
      finalDatabaseName: session.database || null,
      finalSchemaName: session.schema || null,
      finalWarehouseName: session.warehouse,
      finalRoleName: session.role,
      numberOfBinds: 0,
      arrayBindSupported: false,
      queryResultFormat: 'json',
      sendResultTime: Date.now(),
      ...(query.children.length > 0
        ? {
            resultIds: query.children.map((child) => child.id).join(','),
            resultTypes: query.children.map(() => '4096').join(','),
          }
        : {}),
      ...(result.chunks.length > 0
        ? {
            chunks: result.chunks.map((chunk) => ({
              url: `${base}${chunk.path}`,
              rowCount: chunk.rowCount,
              uncompressedSize: chunk.uncompressedSize,
              compressedSize: chunk.body.length,
            })),
            chunkHeaders: {},
            qrmk: null,
          }
        : {}),
    });
  }

  #abort(session: Session, body: unknown): Envelope {
    const { requestId } = z
      .object({ requestId: z.string().default('') })
      .catch({ requestId: '' })
      .parse(body);
    return this.#abortQuery(this.#queries.byRequest(session, requestId));
  }

  #abortQuery(query: Query | undefined): Envelope {
    if (query && this.#queries.cancel(query)) return ok(null);
    return failure(notRunning());
  }

  #status(query: Query | undefined): Envelope {
    if (!query) return ok({ queries: [] });
    return ok({
      queries: [
        {
          id: query.id,
          status: query.status,
          state: query.status,
          sqlText: query.sql,
          startTime: query.started,
          endTime: query.ended ?? 0,
          errorCode: query.error?.code ?? null,
          errorMessage: query.error?.message ?? null,
        },
      ],
    });
  }
}
