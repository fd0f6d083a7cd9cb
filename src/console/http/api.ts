/** /api: who may ask, how much, and the answers of its addresses. */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { JsonProblem, parseBounded } from '../../network/index.js';
import { ROUTES } from '../api/index.js';
import { type ApiParts, ApiProblem, openApi, type Route } from '../api/route.js';
import { type Door, type Env, isOurs, personKey, whoAsks } from '../people/visitor.js';
import { isWithin, type Limits } from './limits.js';

const MAX_BODY_BYTES = 256 * 1024;

/** `stream`: answers with what happens, as it happens. */
export function apiRoutes(
  app: Hono<Env>,
  door: Door,
  limits: Pick<Limits, 'calls' | 'changes'>,
  parts: ApiParts,
  stream: (context: Context<Env>) => Response,
): void {
  app.get('/api/openapi.json', (context) => context.json(openApi(ROUTES, parts.version)));
  app.use('/api/*', async (context, next) => {
    const who = await whoAsks(context, door);
    if (!who) return context.json({ error: 'You are not signed in.', hint: 'Sign in at /console/sign-in.' }, 401);
    if (who.roles.length === 0) return context.json({ error: 'None of your groups has a role in this console.' }, 403);
    const isChange = context.req.method !== 'GET';
    // By person: whoever signs in ten times has no more of it.
    if (!(await isWithin(isChange ? limits.changes : limits.calls, personKey(who))))
      return context.json({ error: 'That is too much at once.', hint: 'Wait a minute.' }, 429, {
        'retry-after': '60',
      });
    if (isChange && !(isOurs(context, door) && door.people.isCsrf(who, context.req.header('x-snowfence-csrf') ?? '')))
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
  app.get('/api/stream', stream);
  for (const route of ROUTES)
    app.on(route.method.toUpperCase(), `/api${route.path}`, (context) => answer(route, context, parts));
}

async function answer(route: Route, context: Context<Env>, parts: ApiParts): Promise<Response> {
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
  const answered = await route.handle({
    who,
    params: context.req.param() as Record<string, string>,
    query: context.req.query(),
    body,
    parts,
  });
  return context.json(answered as object);
}
