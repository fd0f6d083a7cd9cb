/**
 * `snowfence connect`: the bridge that a stdio client starts. It speaks either generation of the protocol with the client and with
 * the gateway, forwards progress and cancellation, and holds nothing but an access token.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Server } from '@modelcontextprotocol/server';
import { SnowfenceError } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import { serveUntilEnd } from '../../stdio/index.js';
import { fetchHere } from './gateway-trust.js';
import type { TokenOptions, TokenSource } from './source.js';
import { tokenSource } from './token.js';

const CALL_TIMEOUT_MS = 15 * 60_000;

/** One connection to the gateway, made when it is first needed and anew after it broke. */
class Remote {
  readonly #url: URL;
  readonly #source: TokenSource;
  #client: Promise<Client> | undefined;
  /** Why a request was not made, or its answer not followed; the protocol's own errors leave the remedy out. */
  #refusal: SnowfenceError | undefined;

  constructor(url: URL, source: TokenSource) {
    this.#url = url;
    this.#source = source;
  }

  async #open(name: string | undefined): Promise<Client> {
    const client = new Client(
      { name: name ? `${name} (snowfence connect)` : 'snowfence connect', version: VERSION },
      { versionNegotiation: { mode: 'auto' } },
    );
    const transport = new StreamableHTTPClientTransport(this.#url, {
      fetch: async (input, init) => {
        try {
          return await fetchHere(input, init);
        } catch (error) {
          if (error instanceof SnowfenceError) this.#refusal = error;
          throw error;
        }
      },
      authProvider: {
        token: () => this.#source.token(),
        onUnauthorized: async () => this.#source.refused(),
      },
    });
    await client.connect(transport);
    return client;
  }

  /** Throws with words that help whoever reads the client's log. */
  async client(name: string | undefined): Promise<Client> {
    this.#client ??= this.#open(name);
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      const refusal = this.#refusal;
      this.#refusal = undefined;
      throw explained(refusal ?? error, this.#url);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#client?.catch(() => undefined))?.close();
  }
}

function explained(error: unknown, url: URL): Error {
  if (error instanceof SnowfenceError) return new Error(error.hint ? `${error.message} ${error.hint}` : error.message);
  const text = error instanceof Error ? error.message : String(error);
  if (/401|nauthorized/.test(text))
    return new Error(
      `The gateway at ${url.href} does not accept this access token. Get a new one for the audience ${url.href}.`,
    );
  if (/access_denied|\b403\b/.test(text))
    return new Error(
      `The gateway at ${url.href} does not serve this token’s holder: its issuer gives tokens to others as well, and the gateway asks for claims that this one does not have. (${text})`,
    );
  if (/fetch failed|ECONNREFUSED|ENOTFOUND/.test(text))
    return new Error(`No gateway answers at ${url.href}. Check --url and that it is running.`);
  return new Error(text);
}

/** Runs until the client closes standard input. */
export async function connect(options: TokenOptions): Promise<void> {
  const source = tokenSource(options);
  // Said at once, on standard error, rather than with the first call.
  await source.token();
  await using remote = new Remote(options.url, source);
  await serveUntilEnd(() => {
    const server = new Server({ name: 'snowfence', version: VERSION }, { capabilities: { tools: {} } });
    const name = (): string | undefined => server.getClientVersion()?.name;
    server.setRequestHandler('tools/list', async () => ({
      tools: (await (await remote.client(name())).listTools()).tools,
    }));
    server.setRequestHandler('tools/call', async (request, context) => {
      const { mcpReq } = context;
      const progressToken = mcpReq._meta?.progressToken;
      const client = await remote.client(name());
      return client.callTool(
        { name: request.params.name, ...(request.params.arguments ? { arguments: request.params.arguments } : {}) },
        {
          signal: mcpReq.signal,
          timeout: CALL_TIMEOUT_MS,
          resetTimeoutOnProgress: true,
          ...(progressToken === undefined
            ? {}
            : {
                onprogress: (update) => {
                  mcpReq
                    .notify({ method: 'notifications/progress', params: { progressToken, ...update } })
                    .catch(() => undefined);
                },
              }),
        },
      );
    });
    return server;
  });
}
