/**
 * Access tokens verified against their issuers: JWT (RFC 7519) with the checks of RFC 9068 and RFC 8725, keys by OpenID Connect
 * Discovery (openid-client) and JWKS (jose), which fetches anew when an unknown key id turns up: a rotated key needs no restart.
 */
import { createHash } from 'node:crypto';
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { discover, IssuerUnfit, KEY_FETCH } from './discover.js';
import { type Principal, TokenRefused } from './principal.js';

export interface IssuerOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  /** The claim that holds the groups; a text is read as one group. */
  readonly groupsClaim: string;
  /** Further groups, by claims: whoever has the claim with this value is in the group. */
  readonly groupsFrom: readonly { readonly claim: string; readonly equals: string; readonly group: string }[];
  /** Claims that a token has to have, each with one of these values: what makes a token of an issuer that serves many one of ours. */
  readonly requiredClaims: readonly {
    readonly claim: string;
    readonly oneOf: readonly (string | number | boolean)[];
  }[];
  /** False where its tokens name no people, but what runs by itself. */
  readonly people?: boolean;
  /** Scopes that a token has to carry. */
  readonly requiredScopes: readonly string[];
  /** `at+jwt` refuses tokens that are not access tokens after RFC 9068. */
  readonly type: string | undefined;
  /** In seconds. */
  readonly clockSkew: number;
}

export const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

const MAX_TOKEN_LENGTH = 16_384;
const MAX_NAME_BYTES = 1000;
const FETCH_TIMEOUT_SECONDS = 5;
const KEY_COOLDOWN_MS = 5000;

interface Issuer {
  readonly options: IssuerOptions;
  keys: Promise<JWTVerifyGetKey> | undefined;
}

async function discoverKeys(options: IssuerOptions): Promise<JWTVerifyGetKey> {
  const configuration = await discover(options.issuer, { id: 'snowfence', secret: undefined }, FETCH_TIMEOUT_SECONDS);
  const { jwks_uri: uri } = configuration.serverMetadata();
  if (!uri) throw new IssuerUnfit('it names no keys');
  return createRemoteJWKSet(new URL(uri), {
    ...KEY_FETCH,
    cooldownDuration: KEY_COOLDOWN_MS,
    timeoutDuration: FETCH_TIMEOUT_SECONDS * 1000,
  });
}

/** The first claim that a token has to have and lacks, or has with another value. */
export const claimLacking = (claims: JWTPayload, { requiredClaims }: IssuerOptions): string | undefined =>
  requiredClaims.find(({ claim, oneOf }) => {
    const held: unknown = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
    const values: readonly unknown[] = Array.isArray(held) ? held : [held];
    return !oneOf.some((wanted) => values.includes(wanted));
  })?.claim;

/** Groups that claims name, and those that follow from them. */
export function groupsOf(claims: JWTPayload, options: IssuerOptions): string[] {
  const value = claims[options.groupsClaim];
  const own = Array.isArray(value)
    ? value.filter((group) => typeof group === 'string')
    : typeof value === 'string'
      ? [value]
      : [];
  const mapped = options.groupsFrom.filter(({ claim, equals }) => {
    const held = claims[claim];
    return Array.isArray(held) ? held.includes(equals) : held === equals;
  });
  return [...new Set([...own, ...mapped.map(({ group }) => group)])];
}

function scopesOf(claims: JWTPayload): string[] {
  const scope = claims['scope'] ?? claims['scp'];
  if (Array.isArray(scope)) return scope.filter((entry) => typeof entry === 'string');
  return typeof scope === 'string' ? scope.split(' ').filter((entry) => entry !== '') : [];
}

function refusalFor(error: unknown): TokenRefused {
  if (error instanceof TokenRefused) return error;
  if (error instanceof errors.JWTExpired) return new TokenRefused('expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new TokenRefused(
      error.claim === 'aud' ? 'wrong audience' : error.claim === 'iss' ? 'unknown issuer' : 'claims missing',
      error.claim,
    );
  if (error instanceof errors.JOSEAlgNotAllowed) return new TokenRefused('algorithm not allowed');
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
    return new TokenRefused('bad signature');
  if (error instanceof errors.JWKSTimeout)
    return new TokenRefused('issuer unreachable', 'its keys did not come in time');
  if (error instanceof errors.JOSEError) return new TokenRefused('malformed');
  return new TokenRefused('issuer unreachable', error instanceof Error ? error.message : '');
}

/** How long a token that was verified counts as verified: a key that an issuer takes back is out after that. */
const REMEMBER_MS = 30_000;
const REMEMBERED = 5000;

export class TokenVerifier {
  readonly #verified = new Map<string, { readonly principal: Principal; readonly until: number }>();
  readonly #issuers: ReadonlyMap<string, Issuer>;

  constructor(issuers: readonly IssuerOptions[]) {
    this.#issuers = new Map(
      issuers.map((options) => [options.issuer.replace(/\/$/, ''), { options, keys: undefined }]),
    );
  }

  get issuers(): readonly string[] {
    return [...this.#issuers.values()].map(({ options }) => options.issuer);
  }

  /** Scopes that tokens have to carry, of all issuers. */
  get scopes(): readonly string[] {
    return [...new Set([...this.#issuers.values()].flatMap(({ options }) => options.requiredScopes))];
  }

  /** Fetches an issuer's keys; a failure is tried anew with the next token. */
  #keys(issuer: Issuer): Promise<JWTVerifyGetKey> {
    issuer.keys ??= discoverKeys(issuer.options).catch((error: unknown) => {
      issuer.keys = undefined;
      throw refusalFor(error);
    });
    return issuer.keys;
  }

  /** Tries each issuer's discovery; what is wrong, by issuer. */
  async check(): Promise<readonly { issuer: string; problem: string | undefined }[]> {
    return Promise.all(
      [...this.#issuers.values()].map(async (issuer) => {
        try {
          await this.#keys(issuer);
          return { issuer: issuer.options.issuer, problem: undefined };
        } catch (error) {
          return { issuer: issuer.options.issuer, problem: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
  }

  /** The principal that a bearer token proves. Throws TokenRefused. */
  async verify(token: string | undefined): Promise<Principal> {
    if (!token) throw new TokenRefused('missing');
    if (token.length > MAX_TOKEN_LENGTH) throw new TokenRefused('malformed', 'too long');
    // By a digest, so that no token lies about in memory as a key.
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#verified.get(digest);
    if (known && known.until > Date.now()) return known.principal;
    const principal = await this.#verify(token);
    if (this.#verified.size >= REMEMBERED) this.#verified.clear();
    this.#verified.set(digest, { principal, until: Math.min(Date.now() + REMEMBER_MS, principal.expiresAt * 1000) });
    return principal;
  }

  async #verify(token: string): Promise<Principal> {
    try {
      const header = headerOf(token);
      // The issuer is looked up, never taken on trust: an unknown one gets no request from us.
      const issuer = this.#issuers.get(String(decodeJwt(token).iss ?? '').replace(/\/$/, ''));
      if (!issuer) throw new TokenRefused('unknown issuer');
      const { options } = issuer;
      if (!options.algorithms.includes(header.alg ?? ''))
        throw new TokenRefused('algorithm not allowed', header.alg ?? 'none');
      const { payload } = await jwtVerify(token, await this.#keys(issuer), {
        issuer: [options.issuer, options.issuer.replace(/\/$/, ''), `${options.issuer.replace(/\/$/, '')}/`],
        audience: options.audience,
        algorithms: [...options.algorithms],
        clockTolerance: options.clockSkew,
        requiredClaims: ['sub', 'exp'],
        ...(options.type ? { typ: options.type } : {}),
      });
      return principalOf(payload, options);
    } catch (error) {
      throw refusalFor(error);
    }
  }
}

/** jose throws a plain TypeError on what is no JWT at all. */
function headerOf(token: string): ReturnType<typeof decodeProtectedHeader> {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw new TokenRefused('malformed');
  }
}

function principalOf(claims: JWTPayload, options: IssuerOptions): Principal {
  // First of all: whose token it is.
  const foreign = claimLacking(claims, options);
  if (foreign !== undefined)
    throw new TokenRefused('not ours', `its claim ${foreign} has no value that the configuration requires`);
  const scopes = scopesOf(claims);
  const lacking = options.requiredScopes.find((scope) => !scopes.includes(scope));
  if (lacking !== undefined) throw new TokenRefused('scope missing', lacking);
  const subject = claims.sub ?? '';
  const client = claims['client_id'] ?? claims['azp'] ?? subject;
  // They stand in keys of the store's indexes, which take no more than 2,704 bytes for all of a key.
  if ([subject, client].some((name) => Buffer.byteLength(String(name)) > MAX_NAME_BYTES))
    throw new TokenRefused('malformed', `its sub or client_id has more than ${MAX_NAME_BYTES} bytes`);
  return Object.freeze({
    issuer: options.issuer,
    subject,
    clientId: typeof client === 'string' ? client : subject,
    groups: groupsOf(claims, options),
    scopes,
    tokenId: claims.jti,
    expiresAt: claims.exp ?? 0,
    claims,
    ...(options.people === false ? { isWorkload: true } : {}),
  });
}
