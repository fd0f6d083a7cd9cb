/** Tokens by a sign-in in a browser (RFC 8252: loopback redirect and PKCE), renewed by what it leaves. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client';
import { SnowfenceError } from '../../config/problem.js';
import { authorizationOf, checkAudience, configure } from './provider.js';
import { cached, type TokenOptions, type TokenSource } from './source.js';

const LOGIN_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_BROWSER_CLIENT = 'snowfence-cli';

/**
 * What opens an address on a platform. Never a shell: an address comes from the provider's metadata, and `&` within it would begin
 * another command for one (so `cmd /c start` on Windows did in CVE-2025-6514 of mcp-remote).
 */
export function opener(platform: NodeJS.Platform, url: string): readonly [string, readonly string[]] {
  switch (platform) {
    case 'darwin':
      return ['open', [url]];
    case 'win32':
      return ['rundll32.exe', ['url.dll,FileProtocolHandler', url]];
    default:
      return ['xdg-open', [url]];
  }
}

function openBrowser(url: string): void {
  const [command, args] = opener(process.platform, url);
  const child = spawn(command, args, { stdio: 'ignore', detached: true, shell: false });
  // There may be no browser here: the address has been printed.
  child.on('error', () => undefined);
  child.unref();
}

/** Nothing of what came back stands in it; it asks for nothing, an icon included. */
const SIGNED_IN = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>snowfence: signed in</title><link rel="icon" href="data:,">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem;color:#16202c;background:#fff}@media(prefers-color-scheme:dark){body{color:#e8edf3;background:#10161d}}</style>
<h1>snowfence</h1><p>You are signed in. You can close this window.</p><p>What you asked goes on where you asked it.</p></html>
`;
const SIGNED_IN_MAY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

export function browser(options: TokenOptions): TokenSource {
  let refreshToken: string | undefined;
  let signInAt: string | undefined;
  const source = cached(async () => {
    const { resource, issuer, scopes } = await authorizationOf(options);
    const configuration = await configure(issuer, options.clientId ?? DEFAULT_BROWSER_CLIENT);
    if (refreshToken !== undefined) {
      const renewed = await refreshTokenGrant(configuration, refreshToken, { resource }).catch(() => undefined);
      if (renewed) {
        checkAudience(renewed.access_token, resource, options.audience);
        refreshToken = renewed.refresh_token ?? refreshToken;
        return { token: renewed.access_token, lifetimeMs: (renewed.expires_in ?? 60) * 1000 };
      }
    }
    const answer = await signIn(configuration, resource, ['openid', 'offline_access', ...scopes], options, (at) => {
      signInAt = at;
    });
    checkAudience(answer.access_token, resource, options.audience);
    refreshToken = answer.refresh_token;
    return { token: answer.access_token, lifetimeMs: (answer.expires_in ?? 60) * 1000 };
  });
  return { ...source, signInAt: () => signInAt };
}

/** `onWaiting`: hears where somebody has to sign in, and undefined once that is over. */
async function signIn(
  configuration: Configuration,
  resource: string,
  scopes: readonly string[],
  { say, ending }: Pick<TokenOptions, 'say' | 'ending'>,
  onWaiting: (address: string | undefined) => void,
) {
  ending?.throwIfAborted();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const redirect = new URL(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/callback`);
  const [verifier, state] = [randomPKCECodeVerifier(), randomState()];
  const url = buildAuthorizationUrl(configuration, {
    redirect_uri: redirect.href,
    scope: scopes.join(' '),
    resource,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    prompt: 'consent',
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    ending?.throwIfAborted();
    say(`Sign in to use snowfence: ${url.href}`);
    onWaiting(url.href);
    openBrowser(url.href);
    const callback = await new Promise<URL>((resolve, reject) => {
      ending?.addEventListener('abort', () => reject(ending.reason), { once: true });
      timer = setTimeout(
        () => reject(new SnowfenceError('SIGN_IN_TIMEOUT', 'Nobody signed in within five minutes.', 'Start again.', 1)),
        LOGIN_TIMEOUT_MS,
      );
      server.on('request', (request, response) => {
        const visited = new URL(request.url ?? '/', redirect);
        if (visited.pathname !== '/callback') {
          response.writeHead(404).end();
          return;
        }
        response
          .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': SIGNED_IN_MAY })
          .end(SIGNED_IN);
        resolve(visited);
      });
    });
    // With what came back compared: state, and the issuer where the provider says that it names it (RFC 9207).
    return await authorizationCodeGrant(
      configuration,
      callback,
      { pkceCodeVerifier: verifier, expectedState: state },
      { resource },
    );
  } catch (error) {
    if (error instanceof SnowfenceError || (ending?.aborted && error === ending.reason)) throw error;
    throw new SnowfenceError(
      'SIGN_IN_REFUSED',
      `What came back from the sign-in does not hold: ${error instanceof Error ? error.message : ''}. It was given to nobody.`,
      `Start again; it was begun at ${configuration.serverMetadata().issuer}.`,
      1,
    );
  } finally {
    clearTimeout(timer);
    onWaiting(undefined);
    server.closeAllConnections();
    server.close();
  }
}
