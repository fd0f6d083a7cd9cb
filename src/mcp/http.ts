/**
 * MCP over HTTP: Streamable HTTP at `/mcp`, HTTP+SSE at `/sse` and `/messages`; results as files at `/downloads`, what hooks report at `/prompts`.
 * Every request proves its caller anew (RFC 6750, RFC 9728);
 * Host and Origin are checked against DNS rebinding.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostHeaderValidation, originValidation } from '@modelcontextprotocol/node';
import type { Caller } from '../gateway/index.js';
import { senderOf } from '../network/index.js';
import { authenticated, type BearerParts, type Proved, tellMetadata } from './bearer.js';
import { isNamed, toldWhoMayRead } from './cors.js';
import { Downloads, downloadOf } from './plain/downloads.js';
import { answerReport } from './plain/prompts.js';
import { turnAway } from './reading.js';
import type { ServerParts } from './server.js';
import { SseStreams } from './sse.js';
import { Streamable } from './streamable.js';

export interface HttpOptions extends ServerParts, BearerParts {
  readonly allowedHosts: readonly string[];
  /** Whose pages may ask: origins as browsers send them, such as `https://inspector.example.com`. */
  readonly allowedOrigins: readonly string[];
}

const callerOf = ({ principal }: Proved, address: string | undefined): Caller => ({
  principal,
  client: { transport: 'download', address, name: undefined, version: undefined },
});

export class McpHttp {
  readonly #options: HttpOptions;
  readonly #streamable: Streamable;
  readonly #sse: SseStreams;
  readonly #downloads: Downloads;
  readonly #isHostAllowed: ReturnType<typeof hostHeaderValidation>;
  readonly #isOriginAllowed: ReturnType<typeof originValidation>;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#streamable = new Streamable(options);
    this.#sse = new SseStreams(options);
    this.#downloads = new Downloads(options.gateway);
    this.#isHostAllowed = hostHeaderValidation([...options.allowedHosts]);
    this.#isOriginAllowed = originValidation([...options.allowedHosts]);
  }

  /** True where the request was one of ours and has been answered. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', this.#options.publicUrl);
    // Clients' settings are typed by hand: with a slash at the end the same is meant.
    const pathname = url.pathname.replace(/(?<=.)\/$/, '');
    const download = downloadOf(pathname);
    const isOurs =
      download !== undefined ||
      ['/mcp', '/sse', '/messages', '/prompts'].includes(pathname) ||
      pathname.startsWith('/.well-known/oauth-protected-resource');
    if (!isOurs) return false;
    const { allowedOrigins } = this.#options;
    if (!this.#isHostAllowed(request, response)) return true;
    if (!isNamed(request, allowedOrigins) && !this.#isOriginAllowed(request, response)) return true;
    if (toldWhoMayRead(request, response, allowedOrigins)) return true;
    if (pathname.startsWith('/.well-known/')) {
      tellMetadata(this.#options, response);
      return true;
    }
    const caller = await authenticated(this.#options, request, response);
    if (!caller) return true;
    const { admission } = this.#options.gateway;
    // Of a body nothing is read yet: whoever sends too much is told so before it costs anything.
    const place = await admission.request(caller.principal);
    if (!(Symbol.dispose in place)) {
      await turnAway(admission, request, response, place);
      return true;
    }
    try {
      const address = senderOf(request, this.#options.isBehindProxy);
      if (download !== undefined) await this.#downloads.answer(request, response, callerOf(caller, address), download);
      else if (pathname === '/sse') await this.#sse.open(request, response, caller.principal, address);
      else if (pathname === '/prompts')
        await answerReport(this.#options.gateway, request, response, caller.principal, address);
      else if (pathname === '/messages') await this.#sse.message(request, response, url, caller.principal);
      else await this.#streamable.answer(request, response, caller, address);
    } finally {
      place[Symbol.dispose]();
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#downloads[Symbol.asyncDispose]();
    await this.#sse[Symbol.asyncDispose]();
    await this.#streamable[Symbol.asyncDispose]();
  }
}
