/**
 * Where `connect` gets its access token: from the environment, a file, client credentials (RFC 6749, section 4.4; RFC 7523), GitHub
 * Actions, or a browser (RFC 8252: loopback redirect and PKCE). The gateway's metadata (RFC 9728) names the issuer.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { importPKCS8 } from 'jose';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretBasic,
  type Configuration,
  calculatePKCECodeChallenge,
  clientCredentialsGrant,
  discovery,
  PrivateKeyJwt,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
} from 'openid-client';
import { z } from 'zod';
import { SnowfenceError } from './problem.js';

export interface TokenOptions {
  readonly url: URL;
  readonly tokenEnv: string | undefined;
  readonly tokenFile: string | undefined;
  readonly clientId: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly clientSecretEnv: string | undefined;
  readonly githubActions: boolean;
  readonly say: (text: string) => void;
}

export interface TokenSource {
  /** A token that is good for at least a little while. Throws SnowfenceError. */
  readonly token: () => Promise<string>;
  /** The last one was refused. */
  readonly refused: () => void;
}

const metadataShape = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()).min(1),
  scopes_supported: z.array(z.string()).default([]),
});

const EARLY_MS = 30_000;
const LOGIN_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_BROWSER_CLIENT = 'snowfence-cli';

async function metadata(url: URL): Promise<z.infer<typeof metadataShape>> {
  const address = new URL('/.well-known/oauth-protected-resource', url);
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(10_000) });
    return metadataShape.parse(await response.json());
  } catch (error) {
    throw new SnowfenceError(
      'GATEWAY_UNREACHABLE',
      `No snowfence gateway answers at ${url.origin}.`,
      `Check --url; ${address.href} should answer JSON. (${error instanceof Error ? error.message : ''})`,
      1,
    );
  }
}

async function configure(
  issuer: string,
  clientId: string,
  authentication?: Parameters<typeof discovery>[3],
): Promise<Configuration> {
  const url = new URL(issuer);
  try {
    return await discovery(
      url,
      clientId,
      undefined,
      authentication,
      url.protocol === 'http:' ? { execute: [allowInsecureRequests] } : {},
    );
  } catch (error) {
    throw new SnowfenceError(
      'ISSUER_UNREACHABLE',
      `The identity provider ${issuer} can not be discovered: ${error instanceof Error ? error.message : ''}`,
      'Check that this machine reaches it.',
      1,
    );
  }
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
    const { resource, authorization_servers: issuers, scopes_supported: scopes } = await metadata(options.url);
    const authentication = await clientAuthentication(options);
    const configuration = await configure(issuers[0] ?? '', clientId, authentication);
    try {
      const answer = await clientCredentialsGrant(configuration, {
        resource,
        ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
      });
      return { token: answer.access_token, lifetimeMs: (answer.expires_in ?? 60) * 1000 };
    } catch (error) {
      throw new SnowfenceError(
        'TOKEN_NOT_GIVEN',
        `${issuers[0] ?? 'The identity provider'} gives no token to ${clientId}: ${error instanceof Error ? error.message : ''}`,
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
    const { resource } = await metadata(options.url);
    const address = new URL(url);
    address.searchParams.set('audience', resource);
    const response = await fetch(address, {
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
    return { token: githubAnswer.parse(await response.json()).value, lifetimeMs: 5 * 60_000 };
  });
}

function openBrowser(url: string): void {
  const [command, args] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', url]]
        : ['xdg-open', [url]];
  const child = spawn(command as string, args as string[], { stdio: 'ignore', detached: true });
  // There may be no browser here: the address has been printed.
  child.on('error', () => undefined);
  child.unref();
}

function browser(options: TokenOptions): TokenSource {
  let refreshToken: string | undefined;
  let configuration: Configuration | undefined;
  return cached(async () => {
    const { resource, authorization_servers: issuers, scopes_supported: scopes } = await metadata(options.url);
    configuration ??= await configure(issuers[0] ?? '', options.clientId ?? DEFAULT_BROWSER_CLIENT);
    if (refreshToken !== undefined) {
      const renewed = await refreshTokenGrant(configuration, refreshToken, { resource }).catch(() => undefined);
      if (renewed) {
        refreshToken = renewed.refresh_token ?? refreshToken;
        return { token: renewed.access_token, lifetimeMs: (renewed.expires_in ?? 60) * 1000 };
      }
    }
    const answer = await signIn(configuration, resource, ['openid', 'offline_access', ...scopes], options.say);
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
    return await authorizationCodeGrant(
      configuration,
      callback,
      { pkceCodeVerifier: verifier, expectedState: state },
      { resource },
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The source that the options ask for. */
export function tokenSource(options: TokenOptions): TokenSource {
  const { tokenFile, tokenEnv } = options;
  if (tokenFile !== undefined)
    return {
      token: async () => {
        const text = (await readFile(tokenFile, 'utf8').catch(() => '')).trim();
        if (!text)
          throw new SnowfenceError('SECRET_MISSING', `There is no token in ${tokenFile}.`, 'Check --token-file.');
        return text;
      },
      refused: () => undefined,
    };
  if (options.githubActions) return githubActions(options);
  if (options.clientId !== undefined && (options.privateKeyFile !== undefined || options.clientSecretEnv !== undefined))
    return clientCredentials(options, options.clientId);
  const name = tokenEnv ?? 'SNOWFENCE_TOKEN';
  if (tokenEnv !== undefined || process.env[name])
    return {
      token: async () => {
        const text = process.env[name];
        if (!text)
          throw new SnowfenceError(
            'SECRET_MISSING',
            `The environment variable ${name} is not set.`,
            'Put the access token into it.',
          );
        return text;
      },
      refused: () => undefined,
    };
  return browser(options);
}
