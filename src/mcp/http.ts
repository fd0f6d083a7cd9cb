/**
 * MCP over HTTP: Streamable HTTP of 2026-07-28 and of older clients at one address, HTTP+SSE for the oldest. Every request proves its
 * caller anew (RFC 6750, RFC 9728); Host and Origin are checked against DNS rebinding.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostHeaderValidation, originValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { type AuthInfo, createMcpHandler } from '@modelcontextprotocol/server';
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse';
import { z } from 'zod';
import type { TurnedAway } from '../gateway/index.js';
import type { Principal } from '../identity/index.js';
import { JsonProblem, parseBounded, senderOf } from '../network/index.js';
import { authenticated, type BearerParts, type Proved, tellMetadata } from './bearer.js';
import { drain, MAX_BODY_BYTES, readBody } from './bodies.js';
import { CallsUnderWay } from './calls.js';
import { makeServer, type ServerParts } from './server.js';

export interface HttpOptions extends ServerParts, BearerParts {
  readonly allowedHosts: readonly string[];
}

const MAX_SSE_CONNECTIONS = 1000;
const EXPIRY_MS = 30_000;

/** Every problem is told in the form that the caller's protocol has for it. */
const problem = (message: string, code = -32000): string =>
  JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });

const toolCall = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) });

interface SseConnection {
  readonly transport: SSEServerTransport;
  principal: Principal;
}

const samePrincipal = (left: Principal, right: Principal): boolean =>
  left.issuer === right.issuer && left.subject === right.subject && left.clientId === right.clientId;

export class McpHttp {
  readonly #options: HttpOptions;
  readonly #principals = new WeakMap<AuthInfo, Principal>();
  readonly #tools = new WeakMap<AuthInfo, string>();
  /** A request's turn, which its first call takes over. */
  readonly #turns = new WeakMap<AuthInfo, Disposable>();
  readonly #sse = new Map<string, SseConnection>();
  readonly #calls = new CallsUnderWay();
  readonly #handler: ReturnType<typeof createMcpHandler>;
  readonly #node: ReturnType<typeof toNodeHandler>;
  readonly #isHostAllowed: ReturnType<typeof hostHeaderValidation>;
  readonly #isOriginAllowed: ReturnType<typeof originValidation>;
  readonly #expiry: NodeJS.Timeout;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#isHostAllowed = hostHeaderValidation([...options.allowedHosts]);
    this.#isOriginAllowed = originValidation([...options.allowedHosts]);
    this.#handler = createMcpHandler((context) => {
      const principal = context.authInfo ? this.#principals.get(context.authInfo) : undefined;
      if (!principal) throw new Error('A request came through without a principal.');
      const address = context.requestInfo?.headers.get('x-snowfence-address') ?? undefined;
      return makeServer(options, {
        principal: () => principal,
        transport: 'streamable-http',
        tool: context.authInfo ? this.#tools.get(context.authInfo) : undefined,
        address,
        onCall: (id, controller) => this.#calls.register(principal, address, id, controller),
        work: async () => this.#takenOver(context.authInfo) ?? (await options.gateway.admission.turn(principal)),
      });
    });
    this.#node = toNodeHandler(this.#handler, { maxRequestBodySize: MAX_BODY_BYTES });
    this.#expiry = setInterval(() => void this.#closeExpired(), EXPIRY_MS).unref();
  }

  readonly #senderOf = (request: IncomingMessage): string | undefined => senderOf(request, this.#options.isBehindProxy);

  #takenOver(auth: AuthInfo | undefined): Disposable | undefined {
    const turn = auth && this.#turns.get(auth);
    if (auth) this.#turns.delete(auth);
    return turn;
  }

  // --- routes

  /** True where the request was one of ours and has been answered. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', this.#options.publicUrl);
    const { pathname } = url;
    const isOurs =
      ['/mcp', '/sse', '/messages'].includes(pathname) || pathname.startsWith('/.well-known/oauth-protected-resource');
    if (!isOurs) return false;
    if (!this.#isHostAllowed(request, response) || !this.#isOriginAllowed(request, response)) return true;
    if (pathname.startsWith('/.well-known/')) {
      tellMetadata(this.#options, response);
      return true;
    }
    const caller = await authenticated(this.#options, request, response);
    if (!caller) return true;
    this.#principals.set(caller.auth, caller.principal);
    // Of a body nothing is read yet: whoever sends too much is told so before it costs anything.
    const place = await this.#options.gateway.admission.request(caller.principal);
    if (!(Symbol.dispose in place)) {
      await this.#turnAway(request, response, place);
      return true;
    }
    try {
      const address = this.#senderOf(request);
      if (pathname === '/sse') await this.#openSse(request, response, caller.principal, address);
      else if (pathname === '/messages') await this.#message(request, response, url, caller);
      else await this.#streamable(request, response, caller, address);
    } finally {
      place[Symbol.dispose]();
    }
    return true;
  }

  /** RFC 6585, section 4. Whoever asks again and again without a pause is given one. */
  async #turnAway(
    request: IncomingMessage,
    response: ServerResponse,
    { message, retryAfterSeconds }: TurnedAway,
  ): Promise<void> {
    const hasBody =
      request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
    await this.#options.gateway.admission.pause();
    response.writeHead(429, {
      'content-type': 'application/json',
      'retry-after': String(retryAfterSeconds),
      // What was not read stays unread, so this connection is good for nothing more.
      ...(hasBody ? { connection: 'close' } : {}),
    });
    response.end(problem(`${message} Try again in ${retryAfterSeconds} s.`));
  }

  /**
   * Read and parsed, in the caller's turn, which is to be given back; undefined where it can't be, which has been answered and counts as a
   * refusal.
   */
  async #body(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
  ): Promise<{ readonly body: object; readonly turn: Disposable } | undefined> {
    const size = Number(request.headers['content-length'] ?? 0);
    if (size > MAX_BODY_BYTES) await drain(request);
    const raw = size > MAX_BODY_BYTES ? undefined : await readBody(request);
    const turn = await this.#options.gateway.admission.turn(principal);
    let told: string;
    if (raw === undefined) {
      response.writeHead(413, { 'content-type': 'application/json', connection: 'close' });
      told = problem(`The request is larger than ${MAX_BODY_BYTES} bytes.`);
    } else
      try {
        return { body: parseBounded(raw), turn };
      } catch (error) {
        turn[Symbol.dispose]();
        if (!(error instanceof JsonProblem)) throw error;
        response.writeHead(400, { 'content-type': 'application/json' });
        told = problem(error.message, -32700);
      }
    turn[Symbol.dispose]();
    await this.#options.gateway.admission.refused(principal);
    response.end(told);
    return undefined;
  }

  async #streamable(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Proved,
    address: string | undefined,
  ): Promise<void> {
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST', 'content-type': 'application/json' });
      response.end(problem('Method not allowed. Send POST.'));
      return;
    }
    const read = await this.#body(request, response, caller.principal);
    if (read === undefined) return;
    const { body, turn } = read;
    try {
      const others = await this.#others(caller.principal, body);
      if (!('places' in others)) {
        turn[Symbol.dispose]();
        await this.#turnAway(request, response, others);
        return;
      }
      try {
        this.#turns.set(caller.auth, turn);
        await this.#call(request, response, caller, address, body);
      } finally {
        for (const place of others.places) place[Symbol.dispose]();
      }
    } finally {
      turn[Symbol.dispose]();
    }
  }

  /** Older clients may send several calls at once: each is a request of its own, beside the one that brought them. */
  async #others(principal: Principal, body: object): Promise<{ readonly places: readonly Disposable[] } | TurnedAway> {
    const places: Disposable[] = [];
    for (let more = Array.isArray(body) ? body.length - 1 : 0; more > 0; more--) {
      const place = await this.#options.gateway.admission.request(principal);
      if (!(Symbol.dispose in place)) {
        for (const taken of places) taken[Symbol.dispose]();
        return place;
      }
      places.push(place);
    }
    return { places };
  }

  async #call(
    request: IncomingMessage,
    response: ServerResponse,
    caller: Proved,
    address: string | undefined,
    body: object,
  ): Promise<void> {
    this.#calls.cancel(caller.principal, address, body);
    const call = toolCall.safeParse(body);
    if (call.success) this.#tools.set(caller.auth, call.data.params.name);
    // Ours alone: a caller can't set it.
    request.headers['x-snowfence-address'] = address ?? '';
    // Node's request has all that the handler's narrower type asks for.
    const proved = Object.assign(request, { auth: caller.auth }) as Parameters<ReturnType<typeof toNodeHandler>>[0];
    await this.#node(proved, response, body);
  }

  async #openSse(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
    address: string | undefined,
  ): Promise<void> {
    if (request.method !== 'GET' || this.#sse.size >= MAX_SSE_CONNECTIONS) {
      response.writeHead(request.method === 'GET' ? 503 : 405).end();
      return;
    }
    if (response.destroyed) return;
    const place = this.#options.gateway.admission.stream(principal);
    if (!(Symbol.dispose in place)) {
      await this.#turnAway(request, response, place);
      return;
    }
    const transport = new SSEServerTransport('/messages', response);
    const connection: SseConnection = { transport, principal };
    this.#sse.set(transport.sessionId, connection);
    const server = makeServer(this.#options, {
      principal: () => connection.principal,
      transport: 'sse',
      address,
      // A message is answered before its call is done.
      onCall: () => {
        const call = this.#options.gateway.admission.call(connection.principal);
        if (Symbol.dispose in call) return call;
        throw new Error(`${call.message} Wait for one of them to end.`);
      },
      work: () => this.#options.gateway.admission.turn(connection.principal),
    });
    // The stream carries answers only: each message that asks for one proves its caller anew.
    response.once('close', () => {
      this.#sse.delete(transport.sessionId);
      place[Symbol.dispose]();
    });
    await server.connect(transport);
  }

  /** A stream ends with the token that it was opened, or last used, by. */
  async #closeExpired(): Promise<void> {
    const now = Date.now() / 1000;
    for (const { transport, principal } of [...this.#sse.values()])
      if (principal.expiresAt < now) await transport.close();
  }

  async #message(request: IncomingMessage, response: ServerResponse, url: URL, caller: Proved): Promise<void> {
    const connection = this.#sse.get(url.searchParams.get('sessionId') ?? '');
    // Somebody else's stream does not exist for this caller.
    if (!connection || !samePrincipal(connection.principal, caller.principal)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Unknown session."}');
      return;
    }
    const read = await this.#body(request, response, caller.principal);
    if (read === undefined) return;
    // Its call takes a turn of its own.
    read.turn[Symbol.dispose]();
    connection.principal = caller.principal;
    await connection.transport.handlePostMessage(
      request as Parameters<SSEServerTransport['handlePostMessage']>[0],
      response,
      read.body,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#expiry);
    for (const { transport } of this.#sse.values()) await transport.close();
    await this.#handler.close();
  }
}
