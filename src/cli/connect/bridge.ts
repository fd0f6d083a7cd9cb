/**
 * `snowfence connect`: the bridge that a stdio client starts. It speaks either generation of the protocol with the client and with
 * the gateway, forwards progress and cancellation, and holds nothing but an access token.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, ProtocolError, SdkError, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Server } from '@modelcontextprotocol/server';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { VERSION } from '../../config/version.js';
import { BY_CONNECT, BY_HEADER, headersOf, META_CONVERSATION, reportOf } from '../../reported/index.js';
import { serveUntilEnd } from '../../stdio/index.js';
import { fetchHere } from './gateway-trust.js';
import { type Said, takePrompts } from './handing-over.js';
import { postPrompt } from './prompt.js';
import type { TokenOptions, TokenSource } from './source.js';
import { tokenSource } from './token.js';

const CALL_TIMEOUT_MS = 15 * 60_000;
/** Who asks while somebody has to sign in hears where after so long; a sign-in that goes by itself is done by then. */
const SIGN_IN_PATIENCE_MS = 10_000;

/** One connection to the gateway, made when it is first needed and anew after it broke. */
class Remote {
  readonly #url: URL;
  readonly #source: TokenSource;
  readonly #headers: Readonly<Record<string, string>>;
  #client: Promise<Client> | undefined;
  #transport: StreamableHTTPClientTransport | undefined;
  /** Clients that were told to sign in, and how each is told that it may ask again. */
  readonly #told = new Set<() => void>();
  /** Why a request was not made, or its answer not followed; the protocol's own errors leave the remedy out. */
  #refusal: SnowfenceError | undefined;

  /** `headers`: of every request, beside the protocol's own. */
  constructor(url: URL, source: TokenSource, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#source = source;
    this.#headers = headers;
  }

  async #open(name: string | undefined): Promise<Client> {
    const client = new Client(
      { name: name ? `${name} (snowfence connect)` : 'snowfence connect', version: VERSION },
      { versionNegotiation: { mode: 'auto' } },
    );
    const transport = new StreamableHTTPClientTransport(this.#url, {
      requestInit: { headers: this.#headers },
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
    this.#transport = transport;
    await client.connect(transport);
    return client;
  }

  /**
   * A token is there, so that nothing that was asked is sent after its client heard that it was not. Throws SIGN_IN_NEEDED with the address
   * where somebody has to sign in first; `onSignedIn` is called once that is done.
   */
  async #signedIn(onSignedIn: () => void): Promise<void> {
    const token = this.#source.token();
    token.catch(() => undefined);
    for (;;) {
      const late = sleep(SIGN_IN_PATIENCE_MS, 'late', { ref: false });
      if ((await Promise.race([token, late])) !== 'late') return;
      const address = this.#source.signInAt?.();
      if (address === undefined) continue;
      if (!this.#told.has(onSignedIn)) {
        this.#told.add(onSignedIn);
        const again = (): void => {
          this.#told.delete(onSignedIn);
          onSignedIn();
        };
        token.then(again, () => this.#told.delete(onSignedIn));
      }
      throw new SnowfenceError(
        'SIGN_IN_NEEDED',
        `Nobody has signed in to use snowfence yet. Sign in here: ${address}`,
        'Tell the person; then ask again.',
        1,
      );
    }
  }

  /** Throws with words that help whoever reads what their client shows. */
  async ask<T>(name: string | undefined, question: (client: Client) => Promise<T>, onSignedIn: () => void): Promise<T> {
    let opened: Promise<Client> | undefined;
    let isOpen = false;
    try {
      await this.#signedIn(onSignedIn);
      this.#client ??= this.#open(name);
      opened = this.#client;
      const client = await opened;
      isOpen = true;
      return await question(client);
    } catch (error) {
      if (!isOpen && opened !== undefined && this.#client === opened) this.#client = undefined;
      const refusal = this.#refusal;
      this.#refusal = undefined;
      throw explained(refusal ?? error, this.#url);
    }
  }

  /** One that is being opened is broken off: whoever waited for it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#client?.catch(() => undefined);
    await this.#transport?.close().catch(() => undefined);
    const late = sleep(LAST_CLOSE_MS, undefined, { ref: false });
    await (await Promise.race([opened, late]))?.close();
  }
}

function explained(error: unknown, url: URL): Error {
  if (error instanceof SnowfenceError) return new Error(error.hint ? `${error.message} ${error.hint}` : error.message);
  const text = error instanceof Error ? error.message : String(error);
  // What the gateway says of a call, in the protocol's words, is handed on as it is.
  if (error instanceof ProtocolError) return error;
  if (/401|nauthorized/.test(text))
    return new Error(
      `The gateway at ${url.href} does not accept this access token. Get a new one for the audience ${url.href}.`,
    );
  if (/insufficient_scope/.test(text))
    return new Error(
      `The access token lacks a scope that the gateway at ${url.href} asks for. Get one with the scopes that ${new URL(`/.well-known/oauth-protected-resource${url.pathname}`, url).href} names.`,
    );
  if (/access_denied|\b403\b/.test(text))
    return new Error(
      `The gateway at ${url.href} does not serve this token’s holder: its issuer gives tokens to others as well, and the gateway asks for claims that this one does not have. (${text})`,
    );
  if (/fetch failed|ECONNREFUSED|ECONNRESET|ENOTFOUND|socket hang up|terminated/.test(text))
    return new Error(`No gateway answers at ${url.href}. Check --url and that it is running.`);
  // What the protocol's library says is of the exchange; what anything below it says may quote what was sent, the token among it.
  if (error instanceof SdkError) return error;
  return new Error(
    `The gateway at ${url.href} could not be asked (${error instanceof Error ? error.name : 'unknown'}).`,
  );
}

/** How long a connection that does not close is waited for. */
const LAST_CLOSE_MS = 500;

/** How long somebody who has gone already is waited for with what is wrong. */
const LAST_WORDS_MS = 15_000;

/**
 * Runs until the client closes standard input, or a signal comes, and answers which. What is wrong is said to `onProblem` at once, and to the client as the answer to each request,
 * which it shows; a process that ends is "Connection closed" to it, whatever it said before.
 */
export async function connect(
  options: TokenOptions,
  onProblem: (error: unknown) => void,
): Promise<'client' | 'signal'> {
  const ending = new AbortController();
  const source = tokenSource({ ...options, ending: ending.signal });
  const checked = source.token().then(
    () => undefined,
    (error: unknown) => {
      // That nobody signed in who has gone is no problem of anybody's.
      if (!ending.signal.aborted || error !== ending.signal.reason) onProblem(error);
    },
  );
  const report = reportOf(process.env, process.cwd());
  const conversation = new OwnConversation();
  await using remote = new Remote(options.url, source, headersOf(report));
  // Without it a hook needs a token of its own, and says so; nothing else does.
  await using _hooks =
    report.place === undefined
      ? undefined
      : await takePrompts(
          { url: options.url, place: report.place },
          {
            forward: async (body, isAlone) => {
              const said = await forwarded(options.url, source, body);
              if (said.status < 300) conversation.handed(body, isAlone);
              return said;
            },
            identity: () => identityOf(source),
          },
        ).catch(() => undefined);
  const by = await serveBridge(remote, report.conversation === undefined ? conversation : undefined, () =>
    ending.abort(),
  );
  if (by === 'signal') return by;
  const waits = new AbortController();
  const { signal } = waits;
  await Promise.race([checked, sleep(LAST_WORDS_MS, undefined, { signal }).catch(() => undefined)]);
  waits.abort();
  return by;
}

/** How long a token is waited for, where a hook asks whose it is. */
const SIGNED_IN_MS = 1000;

/** Whoever signed in for this bridge, as a digest by which hooks tell two of them apart; undefined where nobody has. */
async function identityOf(source: TokenSource): Promise<string | undefined> {
  const waits = new AbortController();
  const { signal } = waits;
  try {
    const late = sleep(SIGNED_IN_MS, undefined, { signal }).catch(() => undefined);
    const token = await Promise.race([source.token(), late]);
    if (token === undefined) return undefined;
    const { iss, sub, azp, client_id: client } = decodeJwt(token);
    return createHash('sha256')
      .update(JSON.stringify([iss, sub, client ?? azp]))
      .digest('hex');
  } catch {
    // No token, or none that tells: what is wrong with it is said where the prompt is handed on.
    return undefined;
  } finally {
    waits.abort();
  }
}

/** What a hook hands over, told as whoever signed in for this bridge. */
async function forwarded(url: URL, source: TokenSource, body: string): Promise<Said> {
  try {
    const words = await postPrompt(url, await source.token(), body, { [BY_HEADER]: BY_CONNECT });
    if (words.status === 401) source.refused();
    return words;
  } catch (error) {
    const message = error instanceof SnowfenceError ? error.message : 'It could not be told.';
    return { status: 502, body: { error: message } };
  }
}

/** What a client says of a call in fields of ours is handed on; other fields are between it and us. */
function reportedFields(meta: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> | undefined {
  const ours = Object.entries(meta ?? {}).filter(([key]) => key.startsWith('snowfence/'));
  return ours.length === 0 ? undefined : Object.fromEntries(ours);
}

const handedShape = z.object({ conversation: z.string() });

/**
 * Which conversation of its client a bridge belongs to: the last that was handed over while no other bridge ran here. One that another may be meant
 * by makes that unknown again.
 */
class OwnConversation {
  name: string | undefined;

  handed(body: string, isAlone: boolean): void {
    const { conversation } = handedShape.safeParse(JSON.parse(body)).data ?? {};
    this.name = isAlone || conversation === this.name ? conversation : undefined;
  }
}

function serveBridge(
  remote: Remote,
  own: OwnConversation | undefined,
  onEnd: () => void,
): Promise<'client' | 'signal'> {
  return serveUntilEnd(() => {
    const server = new Server(
      { name: 'snowfence', version: VERSION },
      { capabilities: { tools: { listChanged: true } } },
    );
    // Whoever heard that somebody has to sign in first has no tools yet.
    const onSignedIn = (): void => void server.sendToolListChanged().catch(() => undefined);
    const name = (): string | undefined => server.getClientVersion()?.name;
    server.setRequestHandler('tools/list', async () => ({
      tools: (await remote.ask(name(), (client) => client.listTools(), onSignedIn)).tools,
    }));
    server.setRequestHandler('tools/call', async (request, context) => {
      const { mcpReq } = context;
      const progressToken = mcpReq._meta?.progressToken;
      const _meta = reportedFields({
        ...(own?.name === undefined ? {} : { [META_CONVERSATION]: own.name }),
        ...mcpReq._meta,
      });
      const call = (client: Client) =>
        client.callTool(
          {
            name: request.params.name,
            ...(request.params.arguments ? { arguments: request.params.arguments } : {}),
            ...(_meta ? { _meta } : {}),
          },
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
      return remote.ask(name(), call, onSignedIn);
    });
    return server;
  }, onEnd);
}
