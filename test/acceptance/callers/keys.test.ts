/** Tokens of an issuer whose key the test holds: what is wrong with them is one thing at a time. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TokenRefused, TokenVerifier } from '../../../dist/identity/index.js';
import { issuerOptions, metadataOf } from '../../support/outside/issuer.mjs';

const AUDIENCE = 'https://snowfence.example.com/mcp';
let server: Server;
let issuer: string;
let keys: JWK[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify(metadataOf(issuer)));
    else response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

async function newKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  keys.push({ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' });
  return privateKey;
}

const options = (more: object = {}) => issuerOptions(issuer, AUDIENCE, more);

interface Parts {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly kid?: string;
}

const sign = (
  key: Awaited<ReturnType<typeof newKey>>,
  { claims = {}, header = {}, kid = 'one' }: Parts = {},
): Promise<string> =>
  new SignJWT({
    iss: issuer,
    aud: AUDIENCE,
    sub: 'agent-7',
    client_id: 'client-7',
    groups: ['a', 'b'],
    scope: 'snowfence other',
    jti: 'id-1',
    iat: now(),
    exp: now() + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
    .sign(key);

const now = (): number => Math.floor(Date.now() / 1000);
const problemOf = (verifier: TokenVerifier, token: string): Promise<unknown> =>
  verifier.verify(token).then(
    () => 'accepted',
    (error: unknown) => (error instanceof TokenRefused ? error.problem : error),
  );

describe('an access token', () => {
  it('proves its principal', async () => {
    keys = [];
    const key = await newKey('one');
    const principal = await new TokenVerifier([options()]).verify(await sign(key));
    expect(principal).toMatchObject({
      issuer,
      subject: 'agent-7',
      clientId: 'client-7',
      groups: ['a', 'b'],
      scopes: ['snowfence', 'other'],
      tokenId: 'id-1',
    });
  });

  it('is refused for each thing that is wrong with it', async () => {
    keys = [];
    const key = await newKey('one');
    const verifier = new TokenVerifier([options()]);
    expect(await problemOf(verifier, await sign(key, { claims: { exp: now() - 60 } }))).toBe('expired');
    expect(await problemOf(verifier, await sign(key, { claims: { aud: 'https://other.example.com' } }))).toBe(
      'wrong audience',
    );
    expect(await problemOf(verifier, await sign(key, { claims: { iss: 'https://other.example.com' } }))).toBe(
      'unknown issuer',
    );
    expect(await problemOf(verifier, await sign(key, { claims: { scope: 'other' } }))).toBe('scope missing');
    expect(await problemOf(verifier, await sign(key, { claims: { sub: undefined } }))).toBe('claims missing');
    expect(await problemOf(verifier, await sign(key, { claims: { exp: undefined } }))).toBe('claims missing');
    expect(await problemOf(verifier, await sign(key, { header: { typ: 'JWT' } }))).toBe('claims missing');
    expect(await problemOf(verifier, await sign(key, { claims: { nbf: now() + 120 } }))).toBe('claims missing');
    expect(await problemOf(verifier, 'x'.repeat(20_000))).toBe('malformed');
    // The store would find no place for its sessions.
    for (const name of ['sub', 'client_id']) {
      expect(await problemOf(verifier, await sign(key, { claims: { [name]: 'é'.repeat(500) } }))).toBe('accepted');
      expect(await problemOf(verifier, await sign(key, { claims: { [name]: 'é'.repeat(501) } }))).toBe('malformed');
    }
  });

  it('is refused where a claim that is required is another, or not the token’s own', async () => {
    keys = [];
    const key = await newKey('one');
    const verifier = new TokenVerifier([
      options({
        requiredClaims: [
          { claim: 'owner', oneOf: ['acme', 7] },
          { claim: 'constructor', oneOf: ['x'] },
        ],
      }),
    ]);
    const rest = { constructor: 'x' };
    expect(await problemOf(verifier, await sign(key, { claims: { owner: 'acme', ...rest } }))).toBe('accepted');
    expect(await problemOf(verifier, await sign(key, { claims: { owner: ['other', 7], ...rest } }))).toBe('accepted');
    for (const owner of [undefined, null, 'other', '7', 'acme ', { acme: 1 }, [['acme']]])
      expect(await problemOf(verifier, await sign(key, { claims: { owner, ...rest } }))).toBe('not ours');
    expect(await problemOf(verifier, await sign(key, { claims: { owner: 'acme' } }))).toBe('not ours');
  });

  it('tolerates the clock skew that is configured, and no more', async () => {
    keys = [];
    const key = await newKey('one');
    const verifier = new TokenVerifier([options()]);
    expect(await problemOf(verifier, await sign(key, { claims: { exp: now() - 10 } }))).toBe('accepted');
    expect(await problemOf(verifier, await sign(key, { claims: { exp: now() - 40 } }))).toBe('expired');
  });

  it('may be signed by a key that was rotated in while we run', async () => {
    keys = [];
    const first = await newKey('one');
    const verifier = new TokenVerifier([options()]);
    expect(await problemOf(verifier, await sign(first))).toBe('accepted');
    const second = await newKey('two');
    // The set is fetched anew for an unknown key id, though not more often than every few seconds.
    await expect
      .poll(async () => problemOf(verifier, await sign(second, { kid: 'two', claims: { jti: Math.random() } })), {
        interval: 1000,
      })
      .toBe('accepted');
  });

  it('is mapped to groups by other claims', async () => {
    keys = [];
    const key = await newKey('one');
    const verifier = new TokenVerifier([
      options({
        groupsClaim: 'roles',
        groupsFrom: [{ claim: 'repository', equals: 'acme/etl', group: 'pipeline-agents' }],
      }),
    ]);
    const principal = await verifier.verify(await sign(key, { claims: { roles: 'solo', repository: 'acme/etl' } }));
    expect(principal.groups).toEqual(['solo', 'pipeline-agents']);
  });

  it('is refused while its issuer is down, and accepted when it is back', async () => {
    const verifier = new TokenVerifier([options({ issuer: 'http://127.0.0.1:9' })]);
    const { privateKey } = await generateKeyPair('ES256');
    expect(await problemOf(verifier, await sign(privateKey, { claims: { iss: 'http://127.0.0.1:9' } }))).toBe(
      'issuer unreachable',
    );
  });
});
