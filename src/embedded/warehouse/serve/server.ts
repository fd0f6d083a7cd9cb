/**
 * Snowflake's REST protocol, as the unmodified `snowflake-sdk` speaks it (its `lib/services/sf.js`,
 * `lib/connection/statement.js` and `lib/connection/result/`). A stand-in: it says so in its version text.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type Asked,
  askedOf,
  bodyOf,
  chunkHeaders,
  type Envelope,
  failure,
  REQUEST_CODES,
  readBody,
  SnowflakeError,
  sessionFailure,
  statusAnswer,
  statusOf,
  success,
  tokenOf,
  unknownStatement,
} from '../../../protocol/index.js';
import { Engine } from '../engine/engine.js';
import { asSnowflakeError } from '../engine/errors.js';
import type { WarehouseOptions } from './options.js';
import { Queries } from './queries.js';
import { abort, abortByRequest, outcome, ownQuery, runQuery } from './query-requests.js';
import { type OpenSession, Sessions } from './session.js';
import { logIn, logOut, renew, type SessionHouse, usersByName } from './session-requests.js';
import { warmUp } from './warm.js';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

type OfSession = Exclude<Asked, { readonly what: 'login' | 'renewal' | 'telemetry' | 'chunk' }>;

export class Warehouse {
  readonly #house: SessionHouse;
  readonly #server: Server;
  readonly #sessionsOf = new WeakMap<Socket, Set<OpenSession>>();

  private constructor(options: WarehouseOptions, engine: Engine) {
    this.#house = {
      options,
      engine,
      sessions: new Sessions(options),
      queries: new Queries(engine, options),
      users: usersByName(options.users),
    };
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => send(response, failure(asSnowflakeError(error))));
    });
    this.#server.keepAliveTimeout = 65_000;
  }

  /** Listening when it resolves. */
  static async start(options: WarehouseOptions): Promise<Warehouse> {
    const engine = await Engine.start(options);
    await warmUp(engine, options);
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
    return `http://${this.#house.options.host}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { engine, sessions, queries } = this.#house;
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of sessions.all()) queries.endSession(session);
    engine.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const asked = askedOf(request.method, url);
    if (asked.what === 'chunk') this.#sendChunk(asked.path, response);
    else send(response, await this.#answer(asked, request, url, await readBody(request, MAX_BODY_BYTES)));
  }

  #sendChunk(path: string, response: ServerResponse): void {
    const chunk = this.#house.queries.chunk(path);
    if (!chunk) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, chunkHeaders(chunk));
    response.end(chunk.body);
  }

  async #answer(
    asked: Exclude<Asked, { readonly what: 'chunk' }>,
    request: IncomingMessage,
    url: URL,
    body: unknown,
  ): Promise<Envelope> {
    switch (asked.what) {
      case 'login':
        return logIn(this.#house, url, body);
      case 'renewal':
        return renew(this.#house, tokenOf(request.headers.authorization));
      case 'telemetry':
        return success('Log Received');
      default:
        return this.#answerSession(asked, request, body);
    }
  }

  /** What only somebody who is logged in may ask for. */
  async #answerSession(asked: OfSession, request: IncomingMessage, body: unknown): Promise<Envelope> {
    const house = this.#house;
    let session: OpenSession;
    try {
      session = house.sessions.byToken(tokenOf(request.headers.authorization));
    } catch (error) {
      return sessionFailure(asSnowflakeError(error));
    }
    const base = `http://${request.headers.host ?? new URL(this.url).host}`;
    switch (asked.what) {
      case 'heartbeat':
        return success(null);
      case 'session':
        return asked.isEnded ? logOut(house, session) : success(null);
      case 'query':
        return runQuery(house, session, asked.requestId, body, base, () => this.#follow(request.socket, session));
      case 'abort by request':
        return abortByRequest(house, session, body);
      case 'abort':
        return abort(house, ownQuery(house, session, asked.queryId));
      case 'result': {
        const query = ownQuery(house, session, asked.queryId);
        return query ? outcome(house, query, base) : failure(unknownStatement(asked.queryId));
      }
      case 'status':
        return statusAnswer(ownQuery(house, session, asked.queryId));
      case 'unknown':
        return failure(new SnowflakeError(REQUEST_CODES.noSuchResource, `No such resource: ${asked.path}`));
    }
  }

  /** A session whose last connection breaks is left to itself. */
  #follow(socket: Socket, session: OpenSession): void {
    session.socket = socket;
    const known = this.#sessionsOf.get(socket);
    const sessions = known ?? new Set();
    sessions.add(session);
    if (known) return;
    this.#sessionsOf.set(socket, sessions);
    socket.once('close', () => {
      for (const one of sessions) if (one.socket === socket) this.#house.queries.detach(one);
    });
  }
}

function send(response: ServerResponse, envelope: Envelope): void {
  if (response.headersSent) return;
  const body = bodyOf(envelope);
  response.writeHead(statusOf(envelope), { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}
