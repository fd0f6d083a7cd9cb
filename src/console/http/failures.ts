/** What is answered where something went wrong, and where there is nothing. */
import type { Context } from 'hono';
import { z } from 'zod';
import { RecorderUnavailable } from '../../transcript/index.js';
import { ApiProblem } from '../api/route.js';
import type { Env } from '../people/visitor.js';
import type { ConsoleOptions } from './options.js';
import { messagePage } from './page.js';

export function failed(error: unknown, context: Context<Env>, log: ConsoleOptions['log']): Response {
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
    log.error({ err: error.cause }, 'the transcript store is not reachable');
    return context.json({ error: 'The transcript store is not reachable.', hint: 'Try again in a moment.' }, 503);
  }
  log.error({ err: error, path: context.req.path }, 'the console failed for a reason of our own');
  return context.json({ error: 'Something went wrong inside snowfence; it has been logged.' }, 500);
}

export const missing = (context: Context<Env>): Response | Promise<Response> =>
  context.req.path.startsWith('/api')
    ? context.json({ error: 'There is nothing at this address.', hint: '/api/openapi.json lists what there is.' }, 404)
    : context.html(messagePage('There is nothing here.', 'The address leads nowhere.'), 404);
