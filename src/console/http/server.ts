/**
 * The console and its /api over HTTP. Pages are static; everything that they show comes from /api, which knows who is signed in by a cookie.
 * What changes something needs a token of that session besides, and comes from our own pages only.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { People } from '../people/people.js';
import { Sealer } from '../people/seal.js';
import { cookiesOf, type Door, type Env } from '../people/visitor.js';
import { apiRoutes } from './api.js';
import { assetRoutes, page } from './application.js';
import { failed, missing } from './failures.js';
import { Feed } from './feed.js';
import { headers } from './headers.js';
import { newLimits } from './limits.js';
import type { ConsoleOptions } from './options.js';
import { signInRoutes } from './sign-in.js';
import { streamEvents } from './stream.js';

export class Console implements AsyncDisposable {
  readonly #feed: Feed;
  readonly #listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly #ending = new AbortController();

  constructor(options: ConsoleOptions) {
    const { transcript, log } = options;
    this.#feed = new Feed({
      pool: transcript.readPool,
      proofs: transcript.proofs,
      onProblem: (problem, error) => log.warn({ err: error }, problem),
    });
    const app = routes(options, this.#feed, this.#ending.signal);
    this.#listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  }

  /** True where the address is one of ours. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (!/^\/(?:console|api)(?:\/|$)/.test(path)) return false;
    await this.#listener(request, response);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#feed.stop();
  }
}

/** All addresses of the console, in the order in which they are looked for. */
function routes(options: ConsoleOptions, feed: Feed, ending: AbortSignal): Hono<Env> {
  const { transcript, publicUrl, isBehindProxy, signIn, facts, refused, log } = options;
  const keys = transcript.keys.sealing.map(({ key }) => key);
  const sealer = new Sealer(keys);
  const people = new People({
    ...options.people,
    pool: transcript.pool,
    rows: transcript.rows,
    record: (kind, body) => transcript.recorder.append({ kind, sessionId: undefined, statementId: undefined, body }),
    secret: keys[0] ?? new Uint8Array(),
  });
  const { lifetimeMs } = options.people;
  const door: Door = { people, cookies: cookiesOf(publicUrl), lifetimeMs, publicUrl, isBehindProxy };
  const limits = newLimits();
  const app = new Hono<Env>();
  app.use(headers(publicUrl));
  app.onError((error, context) => failed(error, context, log));
  app.notFound(missing);
  assetRoutes(app);
  if (signIn) {
    signInRoutes(app, signIn, { door, limits, sealer, refused, log });
    const stream = { transcript, feed, people, ending, open: new Map<string, number>() };
    apiRoutes(app, door, limits, options, (context) => streamEvents(context, stream));
  }
  app.get('/console/*', (context) => page(context, door, signIn, facts));
  app.get('/console', (context) => page(context, door, signIn, facts));
  return app;
}
