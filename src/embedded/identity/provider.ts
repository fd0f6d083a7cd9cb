/**
 * The demo's identity provider: `oidc-provider` with a few agents and reviewers. Agents get JWT access tokens (RFC 9068) by client
 * credentials; people sign in in the browser. For the demo and the tests only.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type { ClientMetadata, Configuration } from 'oidc-provider';
import type { Identity, IssuedClient } from './identity.js';
import { loginPage, logoutPage } from './pages.js';

export interface ProviderOptions {
  readonly port: number;
  /** The audience of access tokens: the gateway's MCP URL. */
  readonly audience: string;
  readonly agents: readonly Identity[];
  readonly reviewers: readonly Identity[];
  /** In seconds. */
  readonly tokenLifetime: number;
  /** Where people come back to after sign-in to the console, and after sign-out. */
  readonly console: { readonly callback: string; readonly home: string } | undefined;
}

export const SCOPE = 'snowfence';
export const CLI_CLIENT = 'snowfence-cli';
export const CONSOLE_CLIENT = 'snowfence-console';

const secret = (): string => randomBytes(24).toString('base64url');

async function signingKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: `demo-${randomBytes(4).toString('hex')}`, alg: 'ES256', use: 'sig' };
}

/**
 * The library warns on the console of Node 20 and of keeping everything in memory: both are right for a service, and neither says anything
 * to whoever tries the demo. Only its own warnings are kept back.
 */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...words: unknown[]): void => {
    if (!String(words[0]).includes('oidc-provider')) warn(...words);
  };
  try {
    return await work();
  } finally {
    console.warn = warn;
  }
}

export class IdentityProvider {
  readonly #server: Server;
  readonly issuer: string;
  readonly agents: readonly IssuedClient[];
  readonly reviewers: readonly IssuedClient[];

  private constructor(
    server: Server,
    issuer: string,
    agents: readonly IssuedClient[],
    reviewers: readonly IssuedClient[],
  ) {
    this.#server = server;
    this.issuer = issuer;
    this.agents = agents;
    this.reviewers = reviewers;
  }

  static async start(options: ProviderOptions): Promise<IdentityProvider> {
    const server = createServer();
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(options.port, '127.0.0.1', done);
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const issuer = `http://127.0.0.1:${port}`;
    const issue = (identity: Identity): IssuedClient => ({
      ...identity,
      client_id: identity.name,
      client_secret: secret(),
    });
    const agents = options.agents.map(issue);
    const reviewers = options.reviewers.map(issue);
    const Provider = await quietly(async () => (await import('oidc-provider')).default);
    const provider = await quietly(async () => new Provider(issuer, await configuration(options, agents, reviewers)));
    const callback = provider.callback();
    server.on('request', (request, response) => {
      if (request.url?.startsWith('/interaction/'))
        void loginPage(provider, request, response, [...agents, ...reviewers], {
          audience: options.audience,
          scope: SCOPE,
        });
      else void callback(request, response);
    });
    return new IdentityProvider(server, issuer, agents, reviewers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

/** People have one, what runs by itself has none. */
const mailOf = (name: string): string => `${name}@people.example`;

async function configuration(
  options: ProviderOptions,
  agents: readonly IssuedClient[],
  reviewers: readonly IssuedClient[],
): Promise<Configuration> {
  const identities = [...agents, ...reviewers];
  const people = new Set(reviewers.map(({ name }) => name));
  const groups = new Map(identities.map((identity) => [identity.name, identity.groups]));
  const clients: ClientMetadata[] = identities.map(({ client_id, client_secret }) => ({
    client_id,
    client_secret,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: SCOPE,
  }));
  // Native clients sign in with a browser and PKCE and hold no secret (RFC 8252).
  clients.push({
    client_id: CLI_CLIENT,
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/callback'],
    scope: `openid offline_access ${SCOPE}`,
  });
  if (options.console)
    clients.push({
      client_id: CONSOLE_CLIENT,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [options.console.callback],
      post_logout_redirect_uris: [options.console.home],
      scope: 'openid profile email',
    });
  return {
    clients,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [await signingKey()] },
    cookies: { keys: [secret()] },
    scopes: ['openid', 'offline_access', 'profile', 'email', SCOPE],
    claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email'] },
    // People's groups stand in the ID token, as they do at many providers.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: {
        logoutSource: (context, form) => {
          context.body = logoutPage(form);
        },
      },
      resourceIndicators: {
        enabled: true,
        // Who signs in to the console asks for no access to the gateway.
        defaultResource: (_context, client) => (client.clientId === CONSOLE_CLIENT ? [] : options.audience),
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => {
          if (resource !== options.audience) throw new Error(`unknown resource ${resource}`);
          return {
            scope: SCOPE,
            audience: options.audience,
            accessTokenTTL: options.tokenLifetime,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
    extraTokenClaims: (_context, token) => {
      const name = 'accountId' in token && typeof token.accountId === 'string' ? token.accountId : token.clientId;
      const mail = people.has(name ?? '') ? { email: mailOf(name ?? '') } : {};
      return { groups: groups.get(name ?? '') ?? [], ...mail };
    },
    findAccount: (_context, id) =>
      groups.has(id)
        ? {
            accountId: id,
            claims: () => ({
              sub: id,
              name: id,
              groups: groups.get(id) ?? [],
              ...(people.has(id) ? { email: mailOf(id) } : {}),
            }),
          }
        : undefined,
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: options.tokenLifetime,
      ClientCredentials: options.tokenLifetime,
      Interaction: 600,
      Session: 3600,
      Grant: 3600,
      IdToken: 3600,
      RefreshToken: 14 * 86_400,
    },
  };
}
