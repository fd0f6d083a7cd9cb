/** Streamable HTTP, of 2026-07-28 and of older clients: every request is a call of its own, and no state is kept between two of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  type AuthInfo,
  createMcpHandler,
  isLegacyRequest,
  type McpHandlerRequestOptions,
  type McpHttpHandler,
  type McpServerFactory,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { TurnedAway } from '../gateway/index.js';
import type { Principal } from '../identity/index.js';
import { reportIn } from '../reported/index.js';
import type { Proved } from './bearer.js';
import { MAX_BODY_BYTES } from './bodies.js';
import { CallsUnderWay } from './calls.js';
import { bodyInTurn, problem, turnAway } from './reading.js';
import { makeServer, type ServerParts } from './server.js';

const toolCall = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) });

/**
 * The protocol asks clients to name both forms of an answer; `curl` and hand-made clients name one, or anything. Whoever takes one of them
 * is answered; other types stay as they are, and are refused.
 */
function bothForms(accept: string | undefined): string {
  const types = (accept?.trim() || '*/*').split(',').map((type) => type.split(';')[0]?.trim().toLowerCase());
  const takes = ['*/*', 'application/*', 'application/json', 'text/*', 'text/event-stream'];
  return types.some((type) => takes.includes(type ?? '')) ? 'application/json, text/event-stream' : (accept ?? '');
}

/** Whether whoever asks takes an answer as JSON alone, and no stream. */
function takesJsonAlone(accept: string | undefined): boolean {
  const types = (accept?.trim() || '*/*').split(',').map((type) => type.split(';')[0]?.trim().toLowerCase() ?? '');
  const isTaken = (...names: readonly string[]): boolean => names.some((name) => types.includes(name));
  return isTaken('application/json', 'application/*') && !isTaken('*/*', 'text/*', 'text/event-stream');
}

/**
 * A request of an older client, answered by one body of JSON: the handler above answers those by a stream alone, so that this is its way
 * (a server and a transport without a session for each request) with the transport's other form.
 */
async function answeredAsJson(
  make: McpServerFactory,
  request: Request,
  { authInfo, parsedBody }: McpHandlerRequestOptions,
): Promise<Response> {
  const server = await make({ era: 'legacy', ...(authInfo ? { authInfo } : {}), requestInfo: request });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const end = (): void => {
    transport.close().catch(() => undefined);
    server.close().catch(() => undefined);
  };
  request.signal.addEventListener('abort', end, { once: true });
  try {
    return await transport.handleRequest(request, {
      ...(authInfo ? { authInfo } : {}),
      ...(parsedBody === undefined ? {} : { parsedBody }),
    });
  } finally {
    end();
  }
}

export class Streamable {
  readonly #parts: ServerParts;
  readonly #principals = new WeakMap<AuthInfo, Principal>();
  readonly #tools = new WeakMap<AuthInfo, string>();
  /** A request's turn, which its first call takes over. */
  readonly #turns = new WeakMap<AuthInfo, Disposable>();
  /** Requests that are answered by JSON alone. */
  readonly #plain = new WeakSet<AuthInfo>();
  readonly #calls = new CallsUnderWay();
  readonly #handler: ReturnType<typeof createMcpHandler>;
  readonly #node: ReturnType<typeof toNodeHandler>;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    const make: McpServerFactory = (context) => {
      const principal = context.authInfo ? this.#principals.get(context.authInfo) : undefined;
      if (!principal) throw new Error('A request came through without a principal.');
      const address = context.requestInfo?.headers.get('x-snowfence-address') ?? undefined;
      const headers = context.requestInfo?.headers;
      return makeServer(parts, {
        principal: () => principal,
        transport: 'streamable-http',
        tool: context.authInfo ? this.#tools.get(context.authInfo) : undefined,
        address,
        report: () => reportIn((name) => headers?.get(name)),
        onCall: (id, controller) => this.#calls.register(principal, address, id, controller),
        // A message before the result would make a stream of the answer.
        hasProgress: !(context.authInfo && this.#plain.has(context.authInfo)),
        work: async () => this.#takenOver(context.authInfo) ?? (await parts.gateway.admission.turn(principal)),
      });
    };
    this.#handler = createMcpHandler(make);
    const fetch: McpHttpHandler['fetch'] = async (request, options) => {
      const isPlain = options?.authInfo !== undefined && this.#plain.has(options.authInfo);
      return isPlain && (await isLegacyRequest(request, options.parsedBody))
        ? answeredAsJson(make, request, options)
        : this.#handler.fetch(request, options);
    };
    this.#node = toNodeHandler({ fetch }, { maxRequestBodySize: MAX_BODY_BYTES });
  }

  #takenOver(auth: AuthInfo | undefined): Disposable | undefined {
    const turn = auth && this.#turns.get(auth);
    if (auth) this.#turns.delete(auth);
    return turn;
  }

  /** `POST /mcp`. */
  async answer(
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
    const read = await bodyInTurn(this.#parts.gateway.admission, request, response, caller.principal);
    if (read === undefined) return;
    const { body, turn } = read;
    try {
      const others = await this.#others(caller.principal, body);
      if (!('places' in others)) {
        turn[Symbol.dispose]();
        await turnAway(this.#parts.gateway.admission, request, response, others);
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
      const place = await this.#parts.gateway.admission.request(principal);
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
    this.#principals.set(caller.auth, caller.principal);
    this.#calls.cancel(caller.principal, address, body);
    const call = toolCall.safeParse(body);
    if (call.success) this.#tools.set(caller.auth, call.data.params.name);
    if (takesJsonAlone(request.headers.accept)) this.#plain.add(caller.auth);
    request.headers.accept = bothForms(request.headers.accept);
    // Ours alone: a caller can't set it.
    request.headers['x-snowfence-address'] = address ?? '';
    // Node's request has all that the handler's narrower type asks for.
    const proved = Object.assign(request, { auth: caller.auth }) as Parameters<ReturnType<typeof toNodeHandler>>[0];
    await this.#node(proved, response, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handler.close();
  }
}
