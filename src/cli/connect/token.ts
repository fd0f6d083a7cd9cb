/**
 * Where `connect` gets its access token: from the environment, a file, client credentials (RFC 6749, section 4.4; RFC 7523), GitHub
 * Actions, or a browser (RFC 8252: loopback redirect and PKCE). The gateway's metadata (RFC 9728) names the issuer, as far as that is
 * trusted (gateway-trust.ts).
 */
import { readFile } from 'node:fs/promises';
import { decodeJwt } from 'jose';
import { SnowfenceError, unusable } from '../../config/problem.js';
import { moment } from '../../times/index.js';
import { browser } from './browser.js';
import { clientCredentials } from './client-credentials.js';
import { type ProtectedResource, protectedResource, trustedIssuer } from './gateway-trust.js';
import { githubActions } from './github-actions.js';
import { fromEnvironment, type TokenOptions, type TokenSource } from './source.js';

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
      const token = await read();
      checkForm(token);
      checkEnd(token);
      return token;
    },
    refused: () => {
      checked = undefined;
    },
  };
}

/** What may stand in a header (RFC 6750, section 2.1). Nothing of another text is said: it holds a token, perhaps. */
function checkForm(token: string): void {
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return;
  throw new SnowfenceError(
    'TOKEN_MALFORMED',
    'What stands where the access token is expected is no access token: it has several lines, spaces or other characters in it.',
    'It is one word, and nothing else may stand beside it.',
    1,
  );
}

/** Throws a SnowfenceError for a token that is over: a gateway does not tell which of its checks failed. */
function checkEnd(token: string): void {
  let ends: number | undefined;
  try {
    ({ exp: ends } = decodeJwt(token));
  } catch {
    // The gateway says what it thinks of it.
  }
  if (ends === undefined || ends * 1000 > Date.now()) return;
  throw new SnowfenceError(
    'TOKEN_EXPIRED',
    `The access token ended at ${moment(new Date(ends * 1000))}.`,
    'Get a new one; --client-id or a sign-in in the browser renew theirs by themselves.',
    1,
  );
}

/** What is wrong with options of which one would be ignored: each but a client's id names a place that the token comes from. */
function apart(options: TokenOptions): SnowfenceError | undefined {
  const { tokenFile, tokenEnv, githubActions: isJob, privateKeyFile, clientSecretEnv, clientId } = options;
  const ofClient = [
    ...(privateKeyFile === undefined ? [] : ['--private-key']),
    ...(clientSecretEnv === undefined ? [] : ['--client-secret-env']),
  ];
  const others = [
    ...(tokenFile === undefined ? [] : ['--token-file']),
    ...(tokenEnv === undefined ? [] : ['--token-env']),
    ...(isJob ? ['--github-actions'] : []),
  ];
  const [first, ...more] = [...others, ...ofClient];
  if (first === undefined) return undefined;
  if (more.length > 0)
    return new SnowfenceError(
      'USAGE',
      `${first} and ${more.join(' and ')} can not stand together: a token comes from one place, and each of them names one.`,
      'Leave out all but one.',
    );
  if (clientId !== undefined && others.length > 0)
    return new SnowfenceError(
      'USAGE',
      `${first} and --client-id can not stand together: where a token comes from elsewhere, no client gets one.`,
      'Leave out one of them.',
    );
  return clientId === undefined && ofClient.length > 0
    ? new SnowfenceError('USAGE', `${first} belongs to --client-id, which is not given.`, 'Name the client.')
    : undefined;
}

/** One that asks nobody; undefined where somebody has to sign in. */
export function ownSource(options: TokenOptions): TokenSource | undefined {
  const { tokenFile, tokenEnv } = options;
  const problem = apart(options);
  if (problem) return { token: () => Promise.reject(problem), refused: () => undefined };
  if (tokenFile !== undefined)
    return held(options, async () => {
      const read = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
        throw unusable('--token-file', tokenFile, 'read', error, 'Name the file that holds the access token.');
      });
      const text = read.trim();
      if (!text)
        throw new SnowfenceError('SECRET_MISSING', `There is no token in ${tokenFile}.`, 'Check --token-file.');
      return text;
    });
  if (options.githubActions) return githubActions(options);
  if (options.clientId !== undefined && (options.privateKeyFile !== undefined || options.clientSecretEnv !== undefined))
    return clientCredentials(options, options.clientId);
  const name = tokenEnv ?? 'SNOWFENCE_TOKEN';
  if (tokenEnv !== undefined || process.env[name])
    return held(options, async () => fromEnvironment(name, 'Put the access token into it.'));
  return undefined;
}

/** The source that the options ask for. */
export const tokenSource = (options: TokenOptions): TokenSource => ownSource(options) ?? browser(options);
