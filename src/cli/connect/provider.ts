/** The identity provider that a gateway's tokens come from: discovered, held against its name, and the tokens that it gave against the gateway. */
import { decodeJwt } from 'jose';
import { allowInsecureRequests, type Configuration, customFetch, discovery } from 'openid-client';
import { SnowfenceError } from '../../config/problem.js';
import { metadataProblem, providerFetch } from '../../identity/index.js';
import { protectedResource, trustedIssuer } from './gateway-trust.js';
import type { TokenOptions } from './source.js';

/** What openid-client says of metadata that name another issuer than the one that they were asked of. */
const isAnother = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED';

/** Discovers the provider. Throws a SnowfenceError where it calls itself something else (RFC 8414, section 3.3) or lacks TLS. */
export async function configure(
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
export async function authorizationOf({ url, issuer, say }: TokenOptions) {
  const found = await protectedResource(url);
  return { ...found, issuer: await trustedIssuer(url, found, issuer, say) };
}

/**
 * A token that was got for a gateway goes there only if it is for that gateway (RFC 9068, section 2.2). The scopes that are asked for are
 * the gateway's own word (RFC 9728, `scopes_supported`): a false one names another API's, and providers that go by scopes and not by
 * `resource` (RFC 8707) give a token for that one. Throws a SnowfenceError.
 */
export function checkAudience(token: string, resource: string, audience: string | undefined): void {
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
