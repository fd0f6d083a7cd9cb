/**
 * What drivers ask for, by address (the driver's `lib/services/sf.js`, `lib/connection/statement.js` and `lib/connection/connection.js`).
 * Before a log-in there is no session: the first three go without one, a part of a result is protected by its address alone.
 */
export type Asked =
  | { readonly what: 'login' }
  | { readonly what: 'renewal' }
  | { readonly what: 'telemetry' }
  | { readonly what: 'chunk'; readonly path: string }
  | { readonly what: 'heartbeat' }
  | { readonly what: 'session'; readonly isEnded: boolean }
  | { readonly what: 'query'; readonly requestId: string | undefined }
  | { readonly what: 'abort by request' }
  | { readonly what: 'abort'; readonly queryId: string }
  | { readonly what: 'result'; readonly queryId: string }
  | { readonly what: 'status'; readonly queryId: string }
  | { readonly what: 'unknown'; readonly path: string };

export const CHUNKS_PATH = '/sf-chunks/';

const FIXED: Readonly<Record<string, (query: URLSearchParams) => Asked>> = {
  '/session/v1/login-request': () => ({ what: 'login' }),
  '/session/token-request': () => ({ what: 'renewal' }),
  '/telemetry/send': () => ({ what: 'telemetry' }),
  '/session/heartbeat': () => ({ what: 'heartbeat' }),
  '/session': (query) => ({ what: 'session', isEnded: query.get('delete') !== null }),
  '/queries/v1/query-request': (query) => ({ what: 'query', requestId: query.get('requestId') ?? undefined }),
  '/queries/v1/abort-request': () => ({ what: 'abort by request' }),
};

const OF_QUERY: readonly (readonly [RegExp, 'abort' | 'result' | 'status'])[] = [
  [/^\/queries\/([\w-]+)\/abort-request$/, 'abort'],
  [/^\/queries\/([\w-]+)\/result$/, 'result'],
  [/^\/monitoring\/queries\/([\w-]+)$/, 'status'],
];

export function askedOf(method: string | undefined, { pathname, searchParams }: URL): Asked {
  if (method === 'GET' && pathname.startsWith(CHUNKS_PATH)) return { what: 'chunk', path: pathname };
  const fixed = Object.hasOwn(FIXED, pathname) ? FIXED[pathname] : undefined;
  if (fixed) return fixed(searchParams);
  for (const [form, what] of OF_QUERY) {
    const queryId = form.exec(pathname)?.[1];
    if (queryId !== undefined) return { what, queryId };
  }
  return { what: 'unknown', path: pathname };
}
