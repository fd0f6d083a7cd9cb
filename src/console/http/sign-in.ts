/** Signing in with the identity provider, and out again. */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie } from 'hono/cookie';
import { z } from 'zod';
import { type SignIn, type SignInFlow, SignInRefused } from '../../identity/index.js';
import { networkOf } from '../../network/index.js';
import type { Sealer } from '../people/seal.js';
import {
  addressOf,
  type Door,
  dropCookie,
  type Env,
  isOurs,
  keepCookie,
  keepSession,
  safeReturn,
  whoAsks,
} from '../people/visitor.js';
import { POLICY } from './headers.js';
import { isWithin, type Limits } from './limits.js';
import type { ConsoleOptions } from './options.js';
import { messagePage } from './page.js';

const FLOW_SECONDS = 600;

const flowShape = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), to: z.string() });

interface SignInParts {
  readonly door: Door;
  readonly limits: Pick<Limits, 'exchanges' | 'strays'>;
  readonly sealer: Sealer;
  readonly refused: ConsoleOptions['refused'];
  readonly log: ConsoleOptions['log'];
}

export function signInRoutes(app: Hono<Env>, signIn: SignIn, parts: SignInParts): void {
  const { door, limits, sealer, log } = parts;
  const { cookies, people, publicUrl } = door;
  /** By which senders are counted. */
  const network = (context: Context<Env>): string => networkOf(addressOf(context, door)) ?? '';
  const refused = async (context: Context<Env>, problem: string): Promise<Response> => {
    if (!(await isWithin(limits.strays, network(context))))
      return context.html(messagePage('Too many sign-ins from here.', 'Wait a minute and try again.'), 429);
    const address = addressOf(context, door);
    if (parts.refused(problem.slice(0, 200), address)) log.warn({ problem, address }, 'a sign-in was refused');
    dropCookie(context, cookies, cookies.flow);
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
      keepCookie(
        context,
        cookies,
        cookies.flow,
        await sealer.seal('sign-in', { ...flow, to }, FLOW_SECONDS),
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
    const flow = flowShape.safeParse(await sealer.open('sign-in', getCookie(context, cookies.flow) ?? ''));
    if (!flow.success) return refused(context, 'no sign-in was begun in this browser');
    // Each asks the identity provider.
    if (!(await isWithin(limits.exchanges, network(context))))
      return context.html(messagePage('Too many sign-ins from here.', 'Wait a minute and try again.'), 429);
    try {
      const { to, ...begun } = flow.data;
      const person = await signIn.finish(new URL(context.req.url).searchParams, begun satisfies SignInFlow);
      // What this browser held until now is worth nothing from here on.
      const before = await whoAsks(context, door);
      if (before) await people.close(before, 'again');
      const token = await people.open(person, { address: addressOf(context, door) });
      dropCookie(context, cookies, cookies.flow);
      keepSession(context, door, token);
      return context.redirect(safeReturn(to));
    } catch (error) {
      if (!(error instanceof SignInRefused)) throw error;
      return refused(context, error.message);
    }
  });
  // A page with a button: what ends a session must not be a link that others can make somebody follow.
  app.get('/console/sign-out', async (context) => {
    const who = await whoAsks(context, door);
    if (!who) return context.redirect('/console');
    // The provider ends its own session, too: the form may lead there.
    const { origin } = new URL(signIn.issuer);
    context.header('content-security-policy', POLICY.replace("form-action 'self'", `form-action 'self' ${origin}`));
    return context.html(
      messagePage(`Signed in as ${who.person.name}.`, '', {
        href: '/console/sign-out',
        text: 'Sign out',
        csrf: people.csrfOf(who),
      }),
    );
  });
  app.post('/console/sign-out', async (context, next) => {
    const who = await whoAsks(context, door);
    if (!who) return context.redirect('/console', 303);
    context.set('who', who);
    return next();
  });
  app.post('/console/sign-out', bodyLimit({ maxSize: 10_000 }), async (context) => {
    const who = context.get('who');
    const form = await context.req.parseBody();
    if (!isOurs(context, door) || !people.isCsrf(who, String(form['csrf'] ?? '')))
      return context.html(messagePage('That did not come from a page of ours.', 'You are still signed in.'), 403);
    await people.close(who, 'asked');
    dropCookie(context, cookies, cookies.session);
    const end = await signIn.endUrl(new URL('/console', publicUrl)).catch(() => undefined);
    return context.redirect(end?.href ?? '/console', 303);
  });
}
