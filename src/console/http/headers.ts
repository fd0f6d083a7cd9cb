/** What every answer of ours says to browsers, and the one name under which it is given. */
import type { MiddlewareHandler } from 'hono';
import { type Env, safeReturn } from '../people/visitor.js';

/** No inline script or style anywhere, nothing from elsewhere, no frame around us (Content Security Policy Level 3). */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

export const headers =
  (publicUrl: URL): MiddlewareHandler<Env> =>
  async (context, next) => {
    context.header('content-security-policy', POLICY);
    context.header('x-content-type-options', 'nosniff');
    // Not no-referrer: forms of ours would come without their origin then.
    context.header('referrer-policy', 'same-origin');
    context.header('cross-origin-opener-policy', 'same-origin');
    context.header('cross-origin-resource-policy', 'same-origin');
    context.header('permissions-policy', 'camera=(), microphone=(), geolocation=()');
    context.header('cache-control', 'no-store');
    if (publicUrl.protocol === 'https:') context.header('strict-transport-security', 'max-age=31536000');
    // Another name for this machine has other cookies: the one that the provider knows is the one to use.
    if (context.req.header('host') !== publicUrl.host) {
      if (context.req.method === 'GET' && context.req.path.startsWith('/console'))
        return context.redirect(new URL(safeReturn(context.req.path), publicUrl).href);
      return context.json({ error: `This gateway is at ${publicUrl.host}.` }, 421);
    }
    return next();
  };
