/** What an issuer says of itself is held against the configuration, for agents' tokens and people's sign-in alike. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metadataProblem, SignIn, TokenVerifier } from '../../dist/identity/index.js';
import { issuerOptions } from '../support/outside/issuer.mjs';

let server: Server;
let port: number;
let asked: string[] = [];
/** What the issuer answers, by its own address. */
let told: (issuer: string) => Record<string, unknown>;

/** What it answers elsewhere; undefined for the same. */
let answer: (path: string) => Promise<Record<string, unknown>> | undefined = () => undefined;

const honest = (issuer: string): Record<string, unknown> => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  userinfo_endpoint: `${issuer}/me`,
  end_session_endpoint: `${issuer}/end`,
  response_types_supported: ['code'],
  id_token_signing_alg_values_supported: ['ES256'],
});

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'application/json');
    void Promise.resolve(answer(request.url ?? '') ?? told(`http://${request.headers.host}`)).then((body) =>
      response.end(JSON.stringify(body)),
    );
  });
  await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const options = (issuer: string) => issuerOptions(issuer, 'a', { requiredScopes: [], type: undefined });

/** By both doors. */
async function tried(issuer: string): Promise<readonly (string | undefined)[]> {
  asked = [];
  const [checked] = await new TokenVerifier([options(issuer)]).check();
  const signIn = new SignIn({
    issuer: options(issuer),
    clientId: 'c',
    clientSecret: 's',
    redirectUri: new URL('https://gateway.example.com/console/callback'),
    scopes: ['openid'],
  });
  const begun = await signIn.begin().then(
    () => undefined,
    (error: Error) => error.message,
  );
  return [checked?.problem, begun];
}

describe('an issuer', () => {
  it('is taken on this machine as it is', async () => {
    told = honest;
    expect(await tried(`http://127.0.0.1:${port}`)).toEqual([undefined, undefined]);
  });

  it('is not even asked elsewhere without TLS', async () => {
    told = honest;
    const elsewhere = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    for (const host of ['0.0.0.0', ...(elsewhere === undefined ? [] : [elsewhere])]) {
      for (const problem of await tried(`http://${host}:${port}`)) expect(problem).toMatch(/without TLS/);
      expect(asked).toEqual([]);
    }
  });

  const ENDPOINTS = [
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'userinfo_endpoint',
    'end_session_endpoint',
  ];
  it.each(ENDPOINTS)('is not trusted where its %s is plain and elsewhere', async (name) => {
    told = (issuer) => ({ ...honest(issuer), [name]: `http://idp.example.com/${name}` });
    for (const problem of await tried(`http://127.0.0.1:${port}`))
      expect(problem).toMatch(new RegExp(`${name}: http://idp\\.example\\.com is reached without TLS`));
  });

  it.each(ENDPOINTS)('is not trusted elsewhere where its %s is plain, on this machine or not', (name) => {
    const issuer = 'https://idp.example.com';
    const of = (address: string) => metadataProblem({ issuer, [name]: address }, issuer);
    expect(of('http://idp.example.com/x')).toContain('without TLS');
    expect(of('http://127.0.0.1/x')).toContain('on this very machine');
    expect(of('javascript:alert(1)')).toContain('without TLS');
    expect(of('data:text/html,x')).toContain('without TLS');
    expect(of('/relative')).toContain('no URL');
    expect(of('https://keys.example.com/x')).toBeUndefined();
  });

  it('is not trusted under another name', async () => {
    told = (issuer) => ({ ...honest(issuer), issuer: 'https://other.example.com' });
    for (const problem of await tried(`http://127.0.0.1:${port}`)) expect(problem).toBeTypeOf('string');
  });
});

describe('somebody who signs in', () => {
  it.each([
    ['has the groups, and no mail address', { groups: ['data-stewards'] }],
    ['has neither', {}],
    ['has a mail address of which nothing is said', { groups: ['data-stewards'], email: 'ana@acme.com' }],
  ])('is asked of at the userinfo endpoint where the ID token %s', async (_name, claims) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const issuer = `http://127.0.0.1:${port}`;
    let nonce = '';
    const idToken = () =>
      new SignJWT({ nonce, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(issuer)
        .setSubject('ana')
        .setAudience('c')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey);
    const answers: Record<string, () => Promise<Record<string, unknown>>> = {
      '/jwks': async () => ({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }),
      '/token': async () => ({ access_token: 'x', token_type: 'Bearer', id_token: await idToken() }),
      '/me': async () => ({ sub: 'ana', groups: ['other'], email: 'ana@acme.com', email_verified: true }),
    };
    told = honest;
    answer = (path) => answers[path]?.();
    const signIn = new SignIn({
      issuer: options(issuer),
      clientId: 'c',
      clientSecret: 's',
      redirectUri: new URL('https://gateway.example.com/console/callback'),
      scopes: ['openid', 'profile', 'email'],
    });
    const { flow } = await signIn.begin();
    nonce = flow.nonce;
    const person = await signIn.finish(new URLSearchParams({ code: '1', state: flow.state, iss: issuer }), flow);
    expect(person.claims).toEqual({ email: 'ana@acme.com', email_verified: true });
    expect(person.groups).toEqual('groups' in claims ? ['data-stewards'] : ['other']);
  });
});
