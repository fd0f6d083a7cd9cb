/**
 * The console and its /api over HTTP. Pages are static; everything that they show comes from /api, which knows who is signed in by a cookie.
 * What changes something needs a token of that session besides, and comes from our own pages only.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { streamSSE } from 'hono/streaming';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { z } from 'zod';
import { type SignIn, type SignInFlow, SignInRefused } from '../../identity/index.js';
import { JsonProblem, networkOf, parseBounded, senderOf } from '../../network/index.js';
import { follow, newestSequence, RecorderUnavailable, type StoredEvent, Unproved } from '../../transcript/index.js';
import { ROUTES } from '../api/index.js';
import { type ApiParts, ApiProblem, openApi, type Route } from '../api/route.js';
import { People, type PeopleOptions, type SignedIn } from '../people.js';
import { Feed } from './feed.js';
import { landingPage, messagePage, type PageFacts } from './page.js';
import { Sealer } from './seal.js';

export interface ConsoleOptions extends ApiParts {
  readonly publicUrl: URL;
  /** Where a request comes from is then what the proxy says. */
  readonly isBehindProxy: boolean;
  readonly facts: PageFacts;
  /** undefined where the configuration has no console: then there is a page that says so, and nothing else. */
  readonly signIn: SignIn | undefined;
  /** Hears of each sign-in that was refused, and writes some of them down: anybody may begin one. True where this one was. */
  readonly refused: (problem: string, address: string | undefined) => boolean;
  readonly people: Pick<PeopleOptions, 'lifetimeMs' | 'idleMs' | 'roles'>;
  readonly log: {
    readonly warn: (data: object, message: string) => void;
    readonly error: (data: object, message: string) => void;
  };
}

interface Env {
  readonly Bindings: HttpBindings;
  readonly Variables: { who: SignedIn };
}

const MAX_BODY_BYTES = 256 * 1024;
const FLOW_SECONDS = 600;
const MAX_STREAMS = 200;
const MAX_STREAMS_EACH = 40;
/** Events that a slow reader's stream keeps. */
const MAX_WAITING = 500;
const STREAM_PING_MS = 15_000;

const ASSETS = new URL('../assets/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** No inline script or style anywhere, nothing from elsewhere, no frame around us (Content Security Policy Level 3). */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const flowShape = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), to: z.string() });

const personKey = ({ person }: SignedIn): string => `${person.issuer} ${person.subject}`;

/** Somewhere within the console, and nowhere else. */
function safeReturn(to: string | undefined): string {
  if (to === undefined || to.length > 500 || !/^\/console(?:[/?][\w\-./?=&%:+,~*"@]*)?$/.test(to)) return '/console';
  return to.includes('//') || to.includes('..') || to.startsWith('/console/sign-') ? '/console' : to;
}

export class Console implements AsyncDisposable {
  readonly #options: ConsoleOptions;
  readonly #people: People;
  readonly #sealer: Sealer;
  readonly #feed: Feed;
  readonly #app: Hono<Env>;
  readonly #listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly #isSecure: boolean;
  readonly #calls = new RateLimiterMemory({ points: 600, duration: 60 });
  readonly #changes = new RateLimiterMemory({ points: 60, duration: 60 });
  /** What was begun here and comes back, and what comes back that was not, by address: nobody's share is used up by the other kind. */
  readonly #exchanges = new RateLimiterMemory({ points: 120, duration: 60 });
  readonly #strays = new RateLimiterMemory({ points: 120, duration: 60 });
  readonly #streams = new Map<string, number>();
  readonly #ending = new AbortController();

  constructor(options: ConsoleOptions) {
    this.#options = options;
    const { transcript, publicUrl, people, log } = options;
    const keys = transcript.keys.sealing.map(({ key }) => key);
    this.#sealer = new Sealer(keys);
    this.#people = new People({
      ...people,
      pool: transcript.pool,
      rows: transcript.rows,
      record: (kind, body) => this.#note(kind, body),
      secret: keys[0] ?? new Uint8Array(),
    });
    this.#feed = new Feed({
      pool: transcript.readPool,
      proofs: transcript.proofs,
      onProblem: (problem, error) => log.warn({ err: error }, problem),
    });
    this.#isSecure = publicUrl.protocol === 'https:';
    this.#app = this.#routes();
    this.#listener = getRequestListener(this.#app.fetch, { overrideGlobalObjects: false });
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

  // --- cookies

  get #cookie(): string {
    return this.#isSecure ? '__Host-snowfence' : 'snowfence';
  }

  get #flowCookie(): string {
    return this.#isSecure ? '__Host-snowfence-sign-in' : 'snowfence-sign-in';
  }

  #set(context: Context<Env>, name: string, value: string, seconds: number): void {
    // Lax, not Strict: whoever follows a link in a message to an approval is signed in there.
    setCookie(context, name, value, {
      httpOnly: true,
      sameSite: 'Lax',
      secure: this.#isSecure,
      path: '/',
      maxAge: seconds,
    });
  }

  #drop(context: Context<Env>, name: string): void {
    deleteCookie(context, name, { path: '/', secure: this.#isSecure });
  }

  /** Who is asking; renews their cookie where it is time. */
  async #who(context: Context<Env>): Promise<SignedIn | undefined> {
    const token = getCookie(context, this.#cookie);
    if (token === undefined) return undefined;
    const found = await this.#people.find(token);
    if (found?.next !== undefined)
      this.#set(context, this.#cookie, found.next, Math.floor(this.#options.people.lifetimeMs / 1000));
    return found?.who;
  }

  // --- routes

  #routes(): Hono<Env> {
    const app = new Hono<Env>();
    const { publicUrl } = this.#options;
    app.use(async (context, next) => {
      context.header('content-security-policy', POLICY);
      context.header('x-content-type-options', 'nosniff');
      // Not no-referrer: forms of ours would come without their origin then.
      context.header('referrer-policy', 'same-origin');
      context.header('cross-origin-opener-policy', 'same-origin');
      context.header('cross-origin-resource-policy', 'same-origin');
      context.header('permissions-policy', 'camera=(), microphone=(), geolocation=()');
      context.header('cache-control', 'no-store');
      if (this.#isSecure) context.header('strict-transport-security', 'max-age=31536000');
      // Another name for this machine has other cookies: the one that the provider knows is the one to use.
      if (context.req.header('host') !== publicUrl.host) {
        if (context.req.method === 'GET' && context.req.path.startsWith('/console'))
          return context.redirect(new URL(safeReturn(context.req.path), publicUrl).href);
        return context.json({ error: `This gateway is at ${publicUrl.host}.` }, 421);
      }
      return next();
    });
    app.onError((error, context) => this.#failed(error, context));
    app.notFound((context) =>
      context.req.path.startsWith('/api')
        ? context.json(
            { error: 'There is nothing at this address.', hint: '/api/openapi.json lists what there is.' },
            404,
          )
        : context.html(messagePage('There is nothing here.', 'The address leads nowhere.'), 404),
    );
    this.#assets(app);
    if (this.#options.signIn) {
      this.#signInRoutes(app, this.#options.signIn);
      this.#api(app);
    }
    app.get('/console/*', (context) => this.#page(context));
    app.get('/console', (context) => this.#page(context));
    return app;
  }

  #failed(error: unknown, context: Context<Env>): Response {
    if (error instanceof ApiProblem)
      return context.json(
        { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
        error.status,
      );
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      return context.json({ error: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not in that form'}` }, 400);
    }
    if (error instanceof RecorderUnavailable) {
      this.#options.log.error({ err: error.cause }, 'the transcript store is not reachable');
      return context.json({ error: 'The transcript store is not reachable.', hint: 'Try again in a moment.' }, 503);
    }
    this.#options.log.error({ err: error, path: context.req.path }, 'the console failed for a reason of our own');
    return context.json({ error: 'Something went wrong inside snowfence; it has been logged.' }, 500);
  }

  #assets(app: Hono<Env>): void {
    app.get('/console/assets/:name', async (context) => {
      const name = context.req.param('name');
      const type = TYPES[name.split('.').at(-1) ?? ''];
      if (type === undefined || !/^[a-z][a-z-]*\.(?:js|css|svg)$/.test(name)) return context.notFound();
      try {
        const text = await readFile(new URL(name, ASSETS), 'utf8');
        context.header('cache-control', 'no-cache');
        return context.body(text, 200, { 'content-type': type });
      } catch {
        return context.notFound();
      }
    });
  }

  /** The application for whoever is signed in, the way to sign in for everybody else. */
  async #page(context: Context<Env>): Promise<Response> {
    const { signIn, facts } = this.#options;
    const who = signIn ? await this.#who(context) : undefined;
    const path = context.req.path;
    if (who && who.roles.length > 0) {
      const text = await readFile(new URL('index.html', ASSETS), 'utf8');
      return context.html(text.replace('{csrf}', this.#people.csrfOf(who)));
    }
    if (who)
      return context.html(
        messagePage(
          `You are signed in as ${who.person.name}.`,
          'None of your groups has a role in this console. Ask whoever runs snowfence for one of: reviewers, auditors, administrators.',
          { href: '/console/sign-out', text: 'Sign out' },
        ),
        403,
      );
    if (signIn && path !== '/console')
      return context.redirect(
        `/console/sign-in?to=${encodeURIComponent(safeReturn(`${path}${new URL(context.req.url).search}`))}`,
      );
    return context.html(landingPage(facts, signIn !== undefined));
  }

  async #isWithin(limiter: RateLimiterMemory, key: string): Promise<boolean> {
    try {
      await limiter.consume(key);
      return true;
    } catch (error) {
      if (error instanceof Error) throw error;
      return false;
    }
  }

  #address(context: Context<Env>): string {
    return senderOf(context.env.incoming, this.#options.isBehindProxy) ?? '';
  }

  /** By which senders are counted. */
  #network(context: Context<Env>): string {
    return networkOf(this.#address(context)) ?? '';
  }

  #signInRoutes(app: Hono<Env>, signIn: SignIn): void {
    const { log, publicUrl } = this.#options;
    const refused = async (context: Context<Env>, problem: string): Promise<Response> => {
      if (!(await this.#isWithin(this.#strays, this.#network(context))))
        return context.html(messagePage('Too many sign-ins from here.', 'Wait a minute and try again.'), 429);
      const address = this.#address(context);
      if (this.#options.refused(problem.slice(0, 200), address))
        log.warn({ problem, address }, 'a sign-in was refused');
      this.#drop(context, this.#flowCookie);
      return context.html(
        messagePage('You could not be signed in.', 'The sign-in is over, or was not begun in this browser.', {
          href: '/console/sign-in',
          text: 'Sign in again',
        }),
        400,
      );
    };
    // To begin costs nothing that had to be counted; to count it would let anybody keep others out who share a proxy.
    app.get('/console/sign-in', async (context) => {
      try {
        const { url, flow } = await signIn.begin();
        const to = safeReturn(context.req.query('to'));
        this.#set(
          context,
          this.#flowCookie,
          await this.#sealer.seal('sign-in', { ...flow, to }, FLOW_SECONDS),
          FLOW_SECONDS,
        );
        return context.redirect(url.href);
      } catch (error) {
        if (!(error instanceof SignInRefused)) throw error;
        log.error({ err: error }, 'nobody can sign in');
        return context.html(
          messagePage('Nobody can sign in at the moment.', `The identity provider ${signIn.issuer} is not reachable.`, {
            href: '/console/sign-in',
            text: 'Try again',
          }),
          502,
        );
      }
    });
    app.get('/console/callback', async (context) => {
      const flow = flowShape.safeParse(await this.#sealer.open('sign-in', getCookie(context, this.#flowCookie) ?? ''));
      if (!flow.success) return refused(context, 'no sign-in was begun in this browser');
      // Each asks the identity provider.
      if (!(await this.#isWithin(this.#exchanges, this.#network(context))))
        return context.html(messagePage('Too many sign-ins from here.', 'Wait a minute and try again.'), 429);
      try {
        const { to, ...begun } = flow.data;
        const person = await signIn.finish(new URL(context.req.url).searchParams, begun satisfies SignInFlow);
        const { lifetimeMs } = this.#options.people;
        // What this browser held until now is worth nothing from here on.
        const before = await this.#who(context);
        if (before) await this.#people.close(before, 'again');
        const token = await this.#people.open(person, { address: this.#address(context) });
        this.#drop(context, this.#flowCookie);
        this.#set(context, this.#cookie, token, Math.floor(lifetimeMs / 1000));
        return context.redirect(safeReturn(to));
      } catch (error) {
        if (!(error instanceof SignInRefused)) throw error;
        return refused(context, error.message);
      }
    });
    // A page with a button: what ends a session must not be a link that others can make somebody follow.
    app.get('/console/sign-out', async (context) => {
      const who = await this.#who(context);
      if (!who) return context.redirect('/console');
      // The provider ends its own session, too: the form may lead there.
      const { origin } = new URL(signIn.issuer);
      context.header('content-security-policy', POLICY.replace("form-action 'self'", `form-action 'self' ${origin}`));
      return context.html(
        messagePage(`Signed in as ${who.person.name}.`, '', {
          href: '/console/sign-out',
          text: 'Sign out',
          csrf: this.#people.csrfOf(who),
        }),
      );
    });
    app.post('/console/sign-out', async (context, next) => {
      const who = await this.#who(context);
      if (!who) return context.redirect('/console', 303);
      context.set('who', who);
      return next();
    });
    app.post('/console/sign-out', bodyLimit({ maxSize: 10_000 }), async (context) => {
      const who = context.get('who');
      const form = await context.req.parseBody();
      if (!this.#isOurs(context) || !this.#people.isCsrf(who, String(form['csrf'] ?? '')))
        return context.html(messagePage('That did not come from a page of ours.', 'You are still signed in.'), 403);
      await this.#people.close(who, 'asked');
      this.#drop(context, this.#cookie);
      const end = await signIn.endUrl(new URL('/console', publicUrl)).catch(() => undefined);
      return context.redirect(end?.href ?? '/console', 303);
    });
  }

  #note(kind: Parameters<PeopleOptions['record']>[0], body: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { recorder } = this.#options.transcript;
    return recorder.append({ kind, sessionId: undefined, statementId: undefined, body });
  }

  /** Sent by a page of ours (Fetch Metadata, and Origin where a browser has none of that). */
  #isOurs(context: Context<Env>): boolean {
    const site = context.req.header('sec-fetch-site');
    const origin = context.req.header('origin');
    if (site !== undefined && site !== 'same-origin') return false;
    return origin === undefined || origin === this.#options.publicUrl.origin;
  }

  // --- /api

  #api(app: Hono<Env>): void {
    app.get('/api/openapi.json', (context) => context.json(openApi(ROUTES, this.#options.version)));
    app.use('/api/*', async (context, next) => {
      const who = await this.#who(context);
      if (!who) return context.json({ error: 'You are not signed in.', hint: 'Sign in at /console/sign-in.' }, 401);
      if (who.roles.length === 0)
        return context.json({ error: 'None of your groups has a role in this console.' }, 403);
      const isChange = context.req.method !== 'GET';
      // By person: whoever signs in ten times has no more of it.
      if (!(await this.#isWithin(isChange ? this.#changes : this.#calls, personKey(who))))
        return context.json({ error: 'That is too much at once.', hint: 'Wait a minute.' }, 429, {
          'retry-after': '60',
        });
      if (
        isChange &&
        !(this.#isOurs(context) && this.#people.isCsrf(who, context.req.header('x-snowfence-csrf') ?? ''))
      )
        return context.json({ error: 'That did not come from a page of ours.', hint: 'Load the page again.' }, 403);
      context.set('who', who);
      return next();
    });
    // Nothing of a body is read before it is known whose it is.
    app.use(
      '/api/*',
      bodyLimit({
        maxSize: MAX_BODY_BYTES,
        // The rest of it is not read, so this connection is good for nothing more.
        onError: (context) => context.json({ error: 'That is too large.' }, 413, { connection: 'close' }),
      }),
    );
    app.get('/api/stream', (context) => this.#stream(context));
    for (const route of ROUTES)
      app.on(route.method.toUpperCase(), `/api${route.path}`, (context) => this.#answer(route, context));
  }

  async #answer(route: Route, context: Context<Env>): Promise<Response> {
    const who = context.get('who');
    if (route.roles && !route.roles.some((role) => who.roles.includes(role)))
      throw new ApiProblem(403, `Only for: ${route.roles.join(', ')}.`);
    let body: unknown;
    if (route.body) {
      try {
        body = parseBounded(Buffer.from(await context.req.arrayBuffer()));
      } catch (error) {
        if (error instanceof JsonProblem) throw new ApiProblem(400, error.message);
        throw error;
      }
    }
    const answer = await route.handle({
      who,
      params: context.req.param() as Record<string, string>,
      query: context.req.query(),
      body,
      parts: this.#options,
    });
    return context.json(answer as object);
  }

  /** What happens, as it happens: events without their long parts, and approvals that change. */
  #stream(context: Context<Env>): Response {
    const who = context.get('who');
    const whose = personKey(who);
    const each = this.#streams.get(whose) ?? 0;
    if (this.#feed.listeners >= MAX_STREAMS || each >= MAX_STREAMS_EACH)
      return context.json({ error: 'Too many pages are open.', hint: 'Close some of them.' }, 429, {
        'retry-after': '60',
      });
    this.#streams.set(whose, each + 1);
    const from = /^\d{1,18}$/.exec(context.req.header('last-event-id') ?? '')?.[0];
    return streamSSE(context, async (stream) => {
      const { pool, proofs } = this.#options.transcript;
      let waiting: readonly StoredEvent[] = [];
      let wake = (): void => undefined;
      // Who comes back goes on from what they have; who reads too slowly is told the rest out of the store.
      let hasMissed = from !== undefined;
      const { begun, stop } = this.#feed.listen((events) => {
        hasMissed ||= waiting.length + events.length > MAX_WAITING;
        waiting = hasMissed ? [] : [...waiting, ...events];
        wake();
      });
      const over = new AbortController();
      const end = (): void => {
        over.abort();
        wake();
      };
      stream.onAbort(end);
      this.#ending.signal.addEventListener('abort', end);
      try {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        // Whoever asks, after the first word, for what they show misses nothing that happens to it.
        await Promise.race([begun, woken]);
        let last = from === undefined ? await newestSequence(pool) : BigInt(from);
        await stream.writeSSE({ event: 'hello', data: '{}' });
        const tell = async (events: readonly StoredEvent[]): Promise<void> => {
          const news = events.filter(({ sequence }) => BigInt(sequence) > last);
          const newest = news.at(-1);
          if (!newest) return;
          last = BigInt(newest.sequence);
          await stream.writeSSE({ event: 'events', id: newest.sequence, data: JSON.stringify(news.map(brief)) });
        };
        let seen = Date.now();
        let isTold = false;
        while (!stream.aborted && !this.#ending.signal.aborted) {
          // Whoever signed out, or was signed out, sees no more.
          if (Date.now() - seen > STREAM_PING_MS) {
            if (!(await this.#people.isOpen(who.id))) break;
            seen = Date.now();
          }
          if (hasMissed) {
            hasMissed = false;
            const target = await newestSequence(pool);
            try {
              if (target > last)
                for await (const events of follow({ pool, proofs }, last, over.signal)) {
                  await tell(events);
                  if (last >= target) break;
                }
            } catch (error) {
              if (!(error instanceof Unproved)) throw error;
              this.#feed.end();
            }
          }
          const events = waiting;
          waiting = [];
          await tell(events);
          if (this.#feed.isOver && !isTold) {
            isTold = true;
            await stream.writeSSE({ event: 'stopped', data: '{}' });
          }
          if (waiting.length > 0 || hasMissed) continue;
          const isWoken = await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), STREAM_PING_MS);
            wake = () => {
              clearTimeout(timer);
              resolve(true);
            };
          });
          if (!isWoken) await stream.writeSSE({ event: 'ping', data: '' });
        }
      } finally {
        stop();
        this.#ending.signal.removeEventListener('abort', end);
        const left = (this.#streams.get(whose) ?? 1) - 1;
        if (left > 0) this.#streams.set(whose, left);
        else this.#streams.delete(whose);
      }
    });
  }
}

const SHOWN_TEXT = 300;
const text = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, SHOWN_TEXT) : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** What a list shows of an event. */
const brief = ({ sequence, at, session, statement, kind, body }: StoredEvent) => ({
  sequence,
  at,
  session,
  statement,
  kind,
  text: text(body['statement']),
  purpose: text(body['purpose']),
  verdict: text(body['verdict']),
  statement_kind: text(body['kind']),
  rows: number(body['rows']),
  bytes: number(body['bytes']),
  duration_ms: number(body['duration_ms']),
  approval: text(body['approval']),
  state: text(body['state']),
});
