/**
 * HTTP+SSE of protocol 2024-11-05, for the oldest clients: a stream that carries answers, and messages that ask for them, each of which proves
 * its caller anew.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse';
import type { Principal } from '../identity/index.js';
import { type ConnectionReport, reportIn } from '../reported/index.js';
import { bodyInTurn, turnAway } from './reading.js';
import { makeServer, type ServerParts } from './server.js';

const MAX_CONNECTIONS = 1000;
const EXPIRY_MS = 30_000;

interface Connection {
  readonly transport: SSEServerTransport;
  principal: Principal;
  report: ConnectionReport;
}

const samePrincipal = (left: Principal, right: Principal): boolean =>
  left.issuer === right.issuer && left.subject === right.subject && left.clientId === right.clientId;

const reportOfRequest = ({ headers }: IncomingMessage): ConnectionReport =>
  reportIn((name) => [headers[name]].flat()[0]);

export class SseStreams {
  readonly #parts: ServerParts;
  readonly #connections = new Map<string, Connection>();
  readonly #expiry: NodeJS.Timeout;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#expiry = setInterval(() => void this.#closeExpired(), EXPIRY_MS).unref();
  }

  /** `GET /sse`. */
  async open(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
    address: string | undefined,
  ): Promise<void> {
    if (request.method !== 'GET' || this.#connections.size >= MAX_CONNECTIONS) {
      response.writeHead(request.method === 'GET' ? 503 : 405).end();
      return;
    }
    if (response.destroyed) return;
    const { admission } = this.#parts.gateway;
    const place = admission.stream(principal);
    if (!(Symbol.dispose in place)) {
      await turnAway(admission, request, response, place);
      return;
    }
    const transport = new SSEServerTransport('/messages', response);
    const connection: Connection = { transport, principal, report: reportOfRequest(request) };
    this.#connections.set(transport.sessionId, connection);
    const server = makeServer(this.#parts, {
      principal: () => connection.principal,
      transport: 'sse',
      address,
      report: () => connection.report,
      // A message is answered before its call is done.
      onCall: () => {
        const call = admission.call(connection.principal);
        if (Symbol.dispose in call) return call;
        throw new Error(`${call.message} Wait for one of them to end.`);
      },
      work: () => admission.turn(connection.principal),
    });
    // The stream carries answers only: each message that asks for one proves its caller anew.
    response.once('close', () => {
      this.#connections.delete(transport.sessionId);
      place[Symbol.dispose]();
    });
    await server.connect(transport);
  }

  /** `POST /messages?sessionId=…`. */
  async message(request: IncomingMessage, response: ServerResponse, url: URL, principal: Principal): Promise<void> {
    const connection = this.#connections.get(url.searchParams.get('sessionId') ?? '');
    // Somebody else's stream does not exist for this caller.
    if (!connection || !samePrincipal(connection.principal, principal)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Unknown session."}');
      return;
    }
    const read = await bodyInTurn(this.#parts.gateway.admission, request, response, principal);
    if (read === undefined) return;
    // Its call takes a turn of its own.
    read.turn[Symbol.dispose]();
    connection.principal = principal;
    connection.report = reportOfRequest(request);
    await connection.transport.handlePostMessage(
      request as Parameters<SSEServerTransport['handlePostMessage']>[0],
      response,
      read.body,
    );
  }

  /** A stream ends with the token that it was opened, or last used, by. */
  async #closeExpired(): Promise<void> {
    const now = Date.now() / 1000;
    for (const { transport, principal } of [...this.#connections.values()])
      if (principal.expiresAt < now) await transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#expiry);
    for (const { transport } of this.#connections.values()) await transport.close();
  }
}
