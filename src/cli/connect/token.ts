/**
 * Where `connect` gets its access token: from the environment, a file, client credentials (RFC 6749, section 4.4; RFC 7523), GitHub
 * Actions, or a browser (RFC 8252: loopback redirect and PKCE). The gateway's metadata (RFC 9728) names the issuer, as far as that is
 * trusted (gateway-trust.ts).
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { decodeJwt, importPKCS8 } from 'jose';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  type Configuration,
  calculatePKCECodeChallenge,
  clientCredentialsGrant,
  customFetch,
  discovery,
  PrivateKeyJwt,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client';
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { metadataProblem, providerFetch } from '../../identity/index.js';
import { checkAddress, fetchHere, type ProtectedResource, protectedResource, trustedIssuer } from './gateway-trust.js';

export interface TokenOptions {
  readonly url: URL;
  readonly tokenEnv: string | undefined;
  readonly tokenFile: string | undefined;
  readonly clientId: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly clientSecretEnv: string | undefined;
  readonly githubActions: boolean;
  /** The only issuer to sign in at; the one of the first use if nothing is said. */
  readonly issuer: string | undefined;
  /** Whom tokens are for, where that is not the gateway's address. */
  readonly audience: string | undefined;
  readonly say: (text: string) => void;
}

export interface TokenSource {
  /** A token that is good for at least a little while. Throws SnowfenceError. */
  readonly token: () => Promise<string>;
  /** The last one was refused. */
  readonly refused: () => void;
}

const EARLY_MS = 30_000;
const LOGIN_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_BROWSER_CLIENT = 'snowfence-cli';

/** What openid-client says of metadata that name another issuer than the one that they were asked of. */
const isAnother = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED';

/** Discovers the provider. Throws a SnowfenceError where it calls itself something else (RFC 8414, section 3.3) or lacks TLS. */
async function configure(
  issuer: URL,
  clientId: string,
  authentication?: Parameters<typeof discovery>[3],
): Promise<Configuration> {
  const another = (named: string): SnowfenceError =>
    new SnowfenceError(
      'WRONG_ISSUER',
      `What answers at ${issuer.href} calls itself ${named}. Nothing was sent.`,
      'Ask whoever runs the gateway: it has to name the identity provider as that names itself.',
      1,
    );
  let configuration: Configuration;
  try {
    configuration = await discovery(issuer, clientId, undefined, authentication, {
      [customFetch]: providerFetch,
      // Of this machine only: the fetch above sees to that.
      execute: issuer.protocol === 'http:' ? [allowInsecureRequests] : [],
    });
  } catch (error) {
    if (isAnother(error)) throw another('something else');
    throw new SnowfenceError(
      'ISSUER_UNREACHABLE',
      `The identity provider ${issuer.href} can not be discovered: ${error instanceof Error ? error.message : ''}`,
      'Check that this machine reaches it, without a redirect.',
      1,
    );
  }
  const metadata = configuration.serverMetadata();
  if (metadata.issuer.replace(/\/$/, '') !== issuer.href.replace(/\/$/, '')) throw another(metadata.issuer);
  const problem = metadataProblem(metadata, issuer.href);
  if (problem !== undefined)
    throw new SnowfenceError(
      'TLS_MISSING',
      `What the identity provider ${issuer.href} says of itself does not hold: ${problem} Nothing was sent.`,
      'Ask whoever runs it.',
    );
  return configuration;
}

/** Where to get a token for the gateway, and what to ask for. */
async function authorizationOf({ url, issuer, say }: TokenOptions) {
  const found = await protectedResource(url);
  return { ...found, issuer: await trustedIssuer(url, found, issuer, say) };
}

/**
 * A token that was got for a gateway goes there only if it is for that gateway (RFC 9068, section 2.2). The scopes that are asked for are
 * the gateway's own word (RFC 9728, `scopes_supported`): a false one names another API's, and providers that go by scopes and not by
 * `resource` (RFC 8707) give a token for that one. Throws a SnowfenceError.
 */
function checkAudience(token: string, resource: string, audience: string | undefined): void {
  let named: readonly string[];
  try {
    const { aud } = decodeJwt(token);
    named = [aud ?? []].flat();
  } catch {
    throw new SnowfenceError(
      'WRONG_AUDIENCE',
      'What the identity provider gave is no JWT, so whom it is for can not be told. It was sent to nobody.',
      'snowfence takes JWTs alone (RFC 9068): ask whoever runs the identity provider for those.',
      1,
    );
  }
  const plain = (text: string): string => text.replace(/\/$/, '');
  const wanted = plain(audience ?? resource);
  if (named.some((one) => plain(one) === wanted)) return;
  throw new SnowfenceError(
    'WRONG_AUDIENCE',
    `The identity provider gave a token for ${named.length === 0 ? 'nobody in particular' : named.join(', ')}, not for ${wanted}. It was sent to nobody: a false gateway would ask for just that.`,
    'Ask whoever runs the gateway which audience its tokens have (identity.issuers of its configuration), and say it with --audience.',
    1,
  );
}

/** Keeps a token until shortly before it ends. */
function cached(fetchToken: () => Promise<{ token: string; lifetimeMs: number }>): TokenSource {
  let held: { token: string; until: number } | undefined;
  let fetching: Promise<string> | undefined;
  return {
    token: async () => {
      if (held && held.until > Date.now()) return held.token;
      fetching ??= fetchToken()
        .then(({ token, lifetimeMs }) => {
          held = { token, until: Date.now() + Math.max(lifetimeMs - EARLY_MS, lifetimeMs / 2) };
          return token;
        })
        .finally(() => {
          fetching = undefined;
        });
      return fetching;
    },
    refused: () => {
      held = undefined;
    },
  };
}

function clientCredentials(options: TokenOptions, clientId: string): TokenSource {
  return cached(async () => {
    const { resource, issuer, scopes } = await authorizationOf(options);
    const authentication = await clientAuthentication(options);
    const configuration = await configure(issuer, clientId, authentication);
    try {
      const answer = await clientCredentialsGrant(configuration, {
        resource,
        ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
      });
      checkAudience(answer.access_token, resource, options.audience);
      return { token: answer.access_token, lifetimeMs: (answer.expires_in ?? 60) * 1000 };
    } catch (error) {
      if (error instanceof SnowfenceError) throw error;
      throw new SnowfenceError(
        'TOKEN_NOT_GIVEN',
        `${issuer.href} gives no token to ${clientId}: ${error instanceof Error ? error.message : ''}`,
        'Check the client id and its secret or key.',
        1,
      );
    }
  });
}

async function clientAuthentication(options: TokenOptions) {
  if (options.privateKeyFile !== undefined) {
    const pem = await readFile(options.privateKeyFile, 'utf8').catch(() => {
      throw new SnowfenceError(
        'SECRET_MISSING',
        `The private key ${options.privateKeyFile ?? ''} can not be read.`,
        'Check --private-key.',
      );
    });
    for (const algorithm of ['RS256', 'ES256']) {
      const key = await importPKCS8(pem, algorithm).catch(() => undefined);
      if (key) return PrivateKeyJwt(key);
    }
    throw new SnowfenceError(
      'SECRET_INVALID',
      'The private key is neither an RSA nor a P-256 key in PKCS#8 PEM form.',
      'Convert it with: openssl pkcs8 -topk8 -nocrypt -in key.pem',
    );
  }
  const name = options.clientSecretEnv ?? '';
  const secret = process.env[name];
  if (!secret)
    throw new SnowfenceError(
      'SECRET_MISSING',
      `The environment variable ${name} is not set.`,
      'Put the client secret into it.',
    );
  return ClientSecretBasic(secret);
}

const githubAnswer = z.object({ value: z.string() });

/** https://docs.github.com/actions/security-for-github-actions: the job's own OIDC token, for our audience. */
function githubActions(options: TokenOptions): TokenSource {
  return cached(async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env;
    if (!url || !token)
      throw new SnowfenceError(
        'NOT_IN_ACTIONS',
        'This is no GitHub Actions job that may ask for an identity token.',
        'Give the job "permissions: id-token: write".',
      );
    const { resource } = await protectedResource(options.url);
    const address = new URL(url);
    checkAddress(address, 'The address of GitHub’s identity tokens');
    address.searchParams.set('audience', resource);
    const response = await fetchHere(address, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok)
      throw new SnowfenceError(
        'TOKEN_NOT_GIVEN',
        `GitHub gives no identity token (status ${response.status}).`,
        undefined,
        1,
      );
    const { value } = githubAnswer.parse(await response.json());
    checkAudience(value, resource, undefined);
    return { token: value, lifetimeMs: 5 * 60_000 };
  });
}

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

function browser(options: TokenOptions): TokenSource {
  let refreshToken: string | undefined;
  return cached(async () => {
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
    const answer = await signIn(configuration, resource, ['openid', 'offline_access', ...scopes], options.say);
    checkAudience(answer.access_token, resource, options.audience);
    refreshToken = answer.refresh_token;
    return { token: answer.access_token, lifetimeMs: (answer.expires_in ?? 60) * 1000 };
  });
}

async function signIn(
  configuration: Configuration,
  resource: string,
  scopes: readonly string[],
  say: (text: string) => void,
) {
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
  say(`Sign in to use snowfence: ${url.href}`);
  openBrowser(url.href);
  try {
    const callback = await new Promise<URL>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new SnowfenceError('SIGN_IN_TIMEOUT', 'Nobody signed in within five minutes.', 'Start again.', 1)),
        LOGIN_TIMEOUT_MS,
      );
      server.on('request', (request, response) => {
        const visited = new URL(request.url ?? '/', redirect);
        if (visited.pathname !== '/callback') {
          response.writeHead(404).end();
          return;
        }
        clearTimeout(timer);
        response
          .writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
          .end('You are signed in. You can close this window.');
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
    if (error instanceof SnowfenceError) throw error;
    throw new SnowfenceError(
      'SIGN_IN_REFUSED',
      `What came back from the sign-in does not hold: ${error instanceof Error ? error.message : ''}. It was given to nobody.`,
      `Start again; it was begun at ${configuration.serverMetadata().issuer}.`,
      1,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A token that is there already goes to no gateway that calls itself something else, either. */
function held(options: TokenOptions, read: () => Promise<string>): TokenSource {
  let checked: Promise<ProtectedResource> | undefined;
  return {
    token: async () => {
      checked ??= protectedResource(options.url).catch((error: unknown) => {
        checked = undefined;
        throw error;
      });
      const { issuers } = await checked;
      if (options.issuer !== undefined) await trustedIssuer(options.url, { issuers }, options.issuer, options.say);
      return read();
    },
    refused: () => {
      checked = undefined;
    },
  };
}

/** The source that the options ask for. */
export function tokenSource(options: TokenOptions): TokenSource {
  const { tokenFile, tokenEnv } = options;
  if (tokenFile !== undefined)
    return held(options, async () => {
      const text = (await readFile(tokenFile, 'utf8').catch(() => '')).trim();
      if (!text)
        throw new SnowfenceError('SECRET_MISSING', `There is no token in ${tokenFile}.`, 'Check --token-file.');
      return text;
    });
  if (options.githubActions) return githubActions(options);
  if (options.clientId !== undefined && (options.privateKeyFile !== undefined || options.clientSecretEnv !== undefined))
    return clientCredentials(options, options.clientId);
  const name = tokenEnv ?? 'SNOWFENCE_TOKEN';
  if (tokenEnv !== undefined || process.env[name])
    return held(options, async () => {
      const text = process.env[name];
      if (!text)
        throw new SnowfenceError(
          'SECRET_MISSING',
          `The environment variable ${name} is not set.`,
          'Put the access token into it.',
        );
      return text;
    });
  return browser(options);
}
