/** What is answered where something went wrong, and where there is nothing: data to the API, a page to a browser. */
import type { Context } from 'hono';
import { isUnreachable, RecorderUnavailable } from '../../transcript/index.js';
import { ApiProblem } from '../api/route.js';
import type { Env } from '../people/visitor.js';
import type { ConsoleOptions } from './options.js';
import { messagePage } from './page.js';

const isApi = (context: Context<Env>): boolean => context.req.path.startsWith('/api');

export function failed(
  error: unknown,
  context: Context<Env>,
  log: ConsoleOptions['log'],
): Response | Promise<Response> {
  if (error instanceof ApiProblem)
    return context.json(
      { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
      error.status,
    );
  if (error instanceof RecorderUnavailable || isUnreachable(error)) {
    log.error(
      { err: error instanceof RecorderUnavailable ? error.cause : error },
      'the transcript store is not reachable',
    );
    return said(context, 503, 'The transcript store is not reachable.', 'Try again in a moment.');
  }
  log.error({ err: error, path: context.req.path }, 'the console failed for a reason of our own');
  return said(context, 500, 'Something went wrong inside snowfence; it has been logged.', undefined);
}

const said = (
  context: Context<Env>,
  status: 500 | 503,
  what: string,
  hint: string | undefined,
): Response | Promise<Response> =>
  isApi(context)
    ? context.json({ error: what, ...(hint === undefined ? {} : { hint }) }, status)
    : context.html(messagePage(what, hint ?? ''), status);

export const missing = (context: Context<Env>): Response | Promise<Response> =>
  isApi(context)
    ? context.json({ error: 'There is nothing at this address.', hint: '/api/openapi.json lists what there is.' }, 404)
    : context.html(messagePage('There is nothing here.', 'The address leads nowhere.'), 404);
