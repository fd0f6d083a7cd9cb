/** Who is calling: every request proves its caller anew (RFC 6750), and says where to get a token where it can't (RFC 9728). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AuthInfo,
  bearerAuthChallengeResponse,
  OAuthError,
  OAuthErrorCode,
  verifyBearerToken,
} from '@modelcontextprotocol/server';
import { type Principal, TokenRefused, type TokenVerifier } from '../identity/index.js';
import { senderOf } from '../network/index.js';

export interface BearerParts {
  readonly verifier: TokenVerifier;
  /** The address that clients use, such as `https://snowfence.example.com/mcp`: the audience of their tokens. */
  readonly publicUrl: URL;
  /** Where a request comes from is then what the proxy says. */
  readonly isBehindProxy: boolean;
  readonly log: { readonly warn: (data: object, message: string) => void };
  readonly onRefused: (problem: string, address: string | undefined) => void;
}

export interface Proved {
  readonly principal: Principal;
  readonly auth: AuthInfo;
}

const metadataUrl = ({ publicUrl }: BearerParts): string =>
  new URL('/.well-known/oauth-protected-resource/mcp', publicUrl).href;

/** undefined where the token does not hold, which has been answered. */
export async function authenticated(
  parts: BearerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Proved | undefined> {
  let principal: Principal | undefined;
  try {
    const auth = await verifyBearerToken(request.headers.authorization ?? null, {
      resourceMetadataUrl: metadataUrl(parts),
      verifier: {
        verifyAccessToken: async (token) => {
          try {
            principal = await parts.verifier.verify(token);
          } catch (error) {
            // Nothing to be had by signing in anew: whose token it is stays the same.
            if (error instanceof TokenRefused && error.problem === 'not ours') throw error;
            if (error instanceof TokenRefused && error.problem === 'scope missing')
              throw new OAuthError(OAuthErrorCode.InsufficientScope, error.message, error.problem);
            if (error instanceof TokenRefused)
              throw new OAuthError(OAuthErrorCode.InvalidToken, 'The access token is not accepted.', error.problem);
            throw error;
          }
          return {
            token: '',
            clientId: principal.clientId,
            scopes: [...principal.scopes],
            expiresAt: principal.expiresAt,
          };
        },
      },
    });
    if (!principal) throw new Error('A token was accepted without a principal.');
    return { principal, auth };
  } catch (error) {
    refuse(parts, request, response, error);
    return undefined;
  }
}

function refuse(parts: BearerParts, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const isTokenError = error instanceof OAuthError || error instanceof TokenRefused;
  const problem =
    error instanceof TokenRefused
      ? error.problem
      : error instanceof OAuthError
        ? String(error.errorUri ?? 'missing')
        : 'internal';
  const address = senderOf(request, parts.isBehindProxy);
  parts.onRefused(problem, address);
  parts.log.warn(
    {
      problem,
      address,
      path: request.url?.split('?')[0],
      ...(isTokenError ? {} : { err: error }),
    },
    'a request was refused: no valid access token',
  );
  if (error instanceof TokenRefused) {
    response.writeHead(403, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(
      JSON.stringify({
        error: 'access_denied',
        error_description:
          'The token is sound, and its issuer gives tokens to others than those whom this gateway serves: it asks for claims that this one does not have. Whoever runs the gateway finds them under identity.issuers, required_claims.',
      }),
    );
    return;
  }
  const requiredScopes = [...parts.verifier.scopes];
  const isScopeMissing = error instanceof OAuthError && error.code === OAuthErrorCode.InsufficientScope;
  // The caller hears that its token is not accepted, not which check failed; a sound one that lacks a scope is told which (RFC 6750, section 3.1).
  const known = isScopeMissing
    ? new OAuthError(
        OAuthErrorCode.InsufficientScope,
        `The access token lacks a scope that this gateway asks for: ${requiredScopes.join(', ')}.`,
      )
    : isTokenError
      ? new OAuthError(OAuthErrorCode.InvalidToken, 'A valid access token for this gateway is needed.')
      : error;
  const challenge = bearerAuthChallengeResponse(known, { resourceMetadataUrl: metadataUrl(parts), requiredScopes });
  response.writeHead(challenge.status, Object.fromEntries(challenge.headers));
  void challenge.text().then((text) => response.end(text));
}

/** RFC 9728: where a client gets a token for us. */
export function tellMetadata({ publicUrl, verifier }: BearerParts, response: ServerResponse): void {
  const body = JSON.stringify({
    resource: publicUrl.href,
    authorization_servers: verifier.issuers,
    bearer_methods_supported: ['header'],
    ...(verifier.scopes.length > 0 ? { scopes_supported: verifier.scopes } : {}),
    resource_name: 'snowfence',
  });
  response.writeHead(200, {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    'cache-control': 'public, max-age=300',
  });
  response.end(body);
}
