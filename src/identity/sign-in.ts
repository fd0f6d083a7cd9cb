/**
 * People sign in through the same identity providers as agents: authorization code with PKCE (RFC 7636), state and nonce (OpenID Connect
 * Core 1.0, section 3.1). What comes back is who they are; no token is kept.
 */
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { discover, IssuerUnfit } from './discover.js';
import { claimLacking, groupsOf, type IssuerOptions } from './verifier.js';

export interface SignInOptions {
  readonly issuer: IssuerOptions;
  readonly clientId: string;
  /** undefined for a public client: PKCE alone. */
  readonly clientSecret: string | undefined;
  readonly redirectUri: URL;
  readonly scopes: readonly string[];
}

/** What one sign-in has to come back with; kept by the browser that began it, encrypted. */
export interface SignInFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Somebody whom the provider knows. */
export interface Person {
  readonly issuer: string;
  readonly subject: string;
  /** To be shown: their name, else their subject. */
  readonly name: string;
  readonly groups: readonly string[];
  /** Of the claims only those that tell people apart: `email`, and what the provider says of whether it is verified. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The provider, or whoever came back in its name, said something that does not hold. The text is for the log. */
export class SignInRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'SignInRefused';
  }
}

const TIMEOUT_SECONDS = 10;

export class SignIn {
  readonly #options: SignInOptions;
  #configuration: Promise<Configuration> | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  get issuer(): string {
    return this.#options.issuer.issuer;
  }

  /** Discovers the provider; a failure is tried anew with the next sign-in. */
  #discovered(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    this.#configuration ??= discover(issuer.issuer, { id: clientId, secret: clientSecret }, TIMEOUT_SECONDS, [
      enableNonRepudiationChecks,
    ]).catch((error: unknown) => {
      this.#configuration = undefined;
      throw new SignInRefused(
        error instanceof IssuerUnfit
          ? `the identity provider is not trusted: ${error.message}`
          : 'the identity provider is not reachable',
        error,
      );
    });
    return this.#configuration;
  }

  /** Where the browser goes. Throws SignInRefused. */
  async begin(): Promise<{ readonly url: URL; readonly flow: SignInFlow }> {
    const configuration = await this.#discovered();
    const flow = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: this.#options.redirectUri.href,
      scope: this.#options.scopes.join(' '),
      code_challenge: await calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: 'S256',
      state: flow.state,
      nonce: flow.nonce,
    });
    return { url, flow };
  }

  /**
   * Whether the provider may know more than the ID token says. What the scopes `profile` and `email` stand for is answered by its
   * userinfo endpoint in this flow (OpenID Connect Core 1.0, section 5.4), and without a mail address nobody would be known as the one
   * that another issuer knows.
   */
  #lacks(claims: Readonly<Record<string, unknown>>): boolean {
    const { issuer, scopes } = this.#options;
    const wanted = [
      issuer.groupsClaim,
      ...issuer.groupsFrom.map(({ claim }) => claim),
      ...issuer.requiredClaims.map(({ claim }) => claim),
      ...(scopes.includes('email') ? ['email', 'email_verified'] : []),
    ];
    return wanted.some((claim) => claims[claim] === undefined);
  }

  /** Who came back. `query`: of the address that the provider sent the browser to. Throws SignInRefused. */
  async finish(query: URLSearchParams, flow: SignInFlow): Promise<Person> {
    const configuration = await this.#discovered();
    const { issuer, redirectUri } = this.#options;
    const current = new URL(redirectUri);
    current.search = query.toString();
    try {
      const tokens = await authorizationCodeGrant(configuration, current, {
        pkceCodeVerifier: flow.verifier,
        expectedState: flow.state,
        expectedNonce: flow.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new SignInRefused('the provider gave no ID token');
      const isAsked = this.#lacks(claims) && configuration.serverMetadata().userinfo_endpoint !== undefined;
      const info = isAsked ? await fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
      const all = { ...info, ...claims };
      const foreign = claimLacking(all, issuer);
      if (foreign !== undefined)
        throw new SignInRefused(`the claim ${foreign} has no value that the configuration requires`);
      return personOf(all, issuer);
    } catch (error) {
      if (error instanceof SignInRefused) throw error;
      throw new SignInRefused(error instanceof Error ? error.message : String(error), error);
    }
  }

  /** Where the provider's own session ends, if it offers that. Without a hint of whose: an ID token has no place in an address. */
  async endUrl(backTo: URL): Promise<URL | undefined> {
    const configuration = await this.#discovered();
    if (!configuration.serverMetadata().end_session_endpoint) return undefined;
    return buildEndSessionUrl(configuration, { post_logout_redirect_uri: backTo.href });
  }
}

const MAX_NAME = 200;

function personOf(claims: Readonly<Record<string, unknown>> & { readonly sub: string }, issuer: IssuerOptions): Person {
  const { sub, name, preferred_username: username, email, email_verified: isVerified } = claims;
  const shown = [name, username].find((text): text is string => typeof text === 'string' && text.trim() !== '');
  return {
    issuer: issuer.issuer,
    subject: sub,
    name: (shown ?? sub).slice(0, MAX_NAME),
    groups: groupsOf(claims, issuer),
    claims:
      typeof email === 'string' ? { email, ...(isVerified === undefined ? {} : { email_verified: isVerified }) } : {},
  };
}
