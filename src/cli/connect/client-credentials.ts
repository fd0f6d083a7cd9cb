/** Tokens by client credentials (RFC 6749, section 4.4), the client proved by its key (RFC 7523) or its secret. */
import { readFile } from 'node:fs/promises';
import { importPKCS8 } from 'jose';
import { ClientSecretBasic, clientCredentialsGrant, PrivateKeyJwt } from 'openid-client';
import { because, SnowfenceError } from '../../config/problem.js';
import { authorizationOf, checkAudience, configure } from './provider.js';
import { cached, fromEnvironment, type TokenOptions, type TokenSource } from './source.js';

export function clientCredentials(options: TokenOptions, clientId: string): TokenSource {
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
    const pem = await readFile(options.privateKeyFile, 'utf8').catch((error: unknown) => {
      throw new SnowfenceError(
        'SECRET_MISSING',
        `The private key ${options.privateKeyFile ?? ''} can not be read${because(error)}`,
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
  return ClientSecretBasic(fromEnvironment(options.clientSecretEnv ?? '', 'Put the client secret into it.'));
}
