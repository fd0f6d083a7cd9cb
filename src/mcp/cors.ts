/**
 * Clients in browsers (Fetch standard, "CORS protocol"): pages of the origins that the configuration names, by its exact text, may ask and
 * read. No cookie is any use here, so credentials are never allowed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

const METHODS = 'GET, POST, OPTIONS';
/** What MCP clients send: the protocol's own headers, of all its revisions, and those of any JSON request; and ours, which say where a statement comes from. */
const HEADER =
  /^(?:accept|authorization|content-type|last-event-id|traceparent|mcp-[a-z-]{1,40}|snowfence-[a-z]{1,20})$/;
const MAX_HEADERS = 30;
/** What a page may read of an answer beside its body. */
const EXPOSED =
  'WWW-Authenticate, Retry-After, Mcp-Session-Id, Mcp-Protocol-Version, Content-Disposition, Snowfence-Rows, Snowfence-Truncated';
const PREFLIGHT_SECONDS = '600';

export const isNamed = (request: IncomingMessage, allowed: readonly string[]): boolean =>
  request.headers.origin !== undefined && allowed.includes(request.headers.origin);

/** Says who may read the answer. True where the request only asked for that, and has been answered: such a one carries no token. */
export function toldWhoMayRead(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  if (allowed.length === 0) return false;
  // Caches keep answers to different origins apart.
  response.setHeader('vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined || !isNamed(request, allowed)) return false;
  response.setHeader('access-control-allow-origin', origin);
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (!isPreflight) {
    response.setHeader('access-control-expose-headers', EXPOSED);
    return false;
  }
  const asked = String(request.headers['access-control-request-headers'] ?? '').toLowerCase();
  const headers = asked
    .split(',', MAX_HEADERS)
    .map((name) => name.trim())
    .filter((name) => HEADER.test(name));
  response.writeHead(204, {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': headers.join(', '),
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
  return true;
}
