/**
 * Discovery of an issuer (OpenID Connect Discovery 1.0, section 4), the same for tokens of agents and for people who sign in. What it
 * says of itself is held against the configuration before it is used: it has to be the issuer that was asked (section 4.3), and each
 * address that it names is one of TLS. Only an issuer on this machine may name plain ones, and of this machine alone.
 */
import { customFetch as joseFetch } from 'jose';
import {
  allowInsecureRequests,
  type Configuration,
  type CustomFetch,
  customFetch,
  type DiscoveryRequestOptions,
  discovery,
  type ServerMetadata,
} from 'openid-client';
import { addressProblem, isLoopback, safeFetch } from '../network/index.js';

const plain = (issuer: string): string => issuer.replace(/\/$/, '');

/** Addresses of an issuer's metadata that anything of ours is sent to, keys come from, or a browser is sent to. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'jwks_uri',
  'userinfo_endpoint',
  'end_session_endpoint',
] as const;

/** What of an issuer's own words does not hold; undefined where all does. `issuer`: as it was asked. */
export function metadataProblem(metadata: ServerMetadata, issuer: string): string | undefined {
  if (plain(metadata.issuer) !== plain(issuer)) return `it calls itself ${metadata.issuer}`;
  const isHere = isLoopback(new URL(issuer).hostname);
  for (const name of ENDPOINTS) {
    const address = metadata[name];
    if (address === undefined) continue;
    const problem = addressProblem(address);
    if (problem !== undefined) return `its ${name}: ${problem}`;
    if (!isHere && new URL(address).protocol !== 'https:')
      return `its ${name}, ${address}, is plain http on this very machine. An issuer elsewhere has no business there.`;
  }
  return undefined;
}

/** For openid-client, discovery and whatever comes after it. */
export const providerFetch: CustomFetch = (address, { body, ...init }) =>
  safeFetch(address, body === undefined ? init : { ...init, body });

/** For jose's key sets: the same wall. */
export const KEY_FETCH = { [joseFetch]: (url: string, init: RequestInit) => safeFetch(url, init) };

/** An issuer that can't be trusted with anything. */
export class IssuerUnfit extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'IssuerUnfit';
  }
}

/** Throws IssuerUnfit, or what openid-client throws. */
export async function discover(
  issuer: string,
  client: { readonly id: string; readonly secret: string | undefined },
  timeoutSeconds: number,
  execute: NonNullable<DiscoveryRequestOptions['execute']> = [],
): Promise<Configuration> {
  const problem = addressProblem(issuer);
  if (problem !== undefined) throw new IssuerUnfit(problem);
  const url = new URL(issuer);
  const configuration = await discovery(url, client.id, client.secret, undefined, {
    timeout: timeoutSeconds,
    [customFetch]: providerFetch,
    // Of this machine only: addressProblem and safeFetch see to that.
    execute: [...execute, ...(url.protocol === 'http:' ? [allowInsecureRequests] : [])],
  });
  const unfit = metadataProblem(configuration.serverMetadata(), issuer);
  if (unfit !== undefined) throw new IssuerUnfit(unfit);
  return configuration;
}
