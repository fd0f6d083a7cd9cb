/**
 * Whether the gateway at an address is the one that was meant, before anything is given to it: a token, a client's secret, a sign-in. A
 * false gateway would name another's resource to be sent a token for that one, or an identity provider of its own to be sent a secret.
 */
import { z } from 'zod';
import { SnowfenceError } from '../../config/problem.js';
import { addressProblem, isLoopback, safeFetch } from '../../network/index.js';
import { moment } from '../../times/index.js';
import { readPin, writePin } from './pins.js';

const plain = (url: string): string => url.replace(/\/$/, '');

/** Throws a SnowfenceError for an address that others on the way could answer for. */
export function checkAddress(url: URL, what: string): void {
  const problem = addressProblem(url);
  if (problem === undefined) return;
  if (url.username !== '' || url.password !== '')
    throw new SnowfenceError('USAGE', `${what} has a user or a password in it.`, 'Leave both out.');
  throw new SnowfenceError(
    'TLS_MISSING',
    `${what} is ${url.href}: without TLS anybody on the way can answer in its name. Nothing was sent.`,
    url.protocol === 'https:'
      ? problem
      : 'Use its https address. Only on this machine (127.0.0.1, localhost) http will do.',
  );
}

const MAX_METADATA_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;

const metadataShape = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()).min(1).max(100),
  scopes_supported: z.array(z.string()).default([]),
});

/** What a gateway says of itself (RFC 9728), once it was held against its address. */
export interface ProtectedResource {
  readonly resource: string;
  readonly issuers: readonly string[];
  readonly scopes: readonly string[];
}

const redirected = (from: URL, to: string | null): SnowfenceError =>
  new SnowfenceError(
    'REDIRECTED',
    `${from.href} sends on to ${to ?? 'somewhere else'}. That is not followed: what is meant for this gateway is given to no other.`,
    'If it has moved, write its new address into --url.',
    1,
  );

/** `fetch` for requests with a token: an answer that sends on elsewhere is an error. */
export async function fetchHere(input: string | URL, init?: RequestInit): Promise<Response> {
  const response = await safeFetch(input, init);
  if (response.status < 300 || response.status >= 400 || response.status === 304) return response;
  await response.body?.cancel();
  throw redirected(new URL(input), response.headers.get('location'));
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_METADATA_BYTES) throw new Error(`it answers more than ${MAX_METADATA_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** RFC 9728, section 3.1: the well-known part stands between host and path; older gateways had it at the root alone. */
async function readMetadata(url: URL): Promise<z.infer<typeof metadataShape>> {
  const path = url.pathname === '/' ? '' : url.pathname;
  const addresses = [...new Set([path, ''])].map((end) => {
    const address = new URL(`/.well-known/oauth-protected-resource${end}`, url);
    address.search = end === '' ? '' : url.search;
    return address;
  });
  let problem = '';
  for (const address of addresses) {
    try {
      const response = await fetchHere(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      const text = await textOf(response);
      if (response.ok) return metadataShape.parse(JSON.parse(text));
      problem = `status ${response.status}`;
      if (response.status !== 404) break;
    } catch (error) {
      if (error instanceof SnowfenceError) throw error;
      problem = error instanceof z.ZodError ? 'its answer lacks what RFC 9728 asks for' : String(error);
      break;
    }
  }
  throw new SnowfenceError(
    'GATEWAY_UNREACHABLE',
    `No snowfence gateway answers at ${url.origin}.`,
    `Check --url; ${addresses[0]?.href ?? ''} should answer JSON. (${problem})`,
    1,
  );
}

/** Throws a SnowfenceError where the address is not safe, or something else answers there than what was meant. */
export async function protectedResource(url: URL): Promise<ProtectedResource> {
  checkAddress(url, 'The gateway’s address');
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = await readMetadata(url);
  // RFC 9728, section 3.3: what names another resource must not be used.
  const named = URL.canParse(resource) ? new URL(resource) : undefined;
  const isSame = named !== undefined && plain(named.href) === plain(url.href);
  if (named?.origin === url.origin && !isSame && url.pathname !== named.pathname)
    throw new SnowfenceError(
      'WRONG_GATEWAY',
      `${url.href} is an address of this gateway, and not the one for tools: that is ${named.href}. Nothing was sent.`,
      `Write ${named.href} into --url.`,
      1,
    );
  if (!isSame)
    throw new SnowfenceError(
      'WRONG_GATEWAY',
      `What answers at ${url.href} says that it is ${resource}. A token for that would be sent to this address, so none was asked for and nothing was sent.`,
      `If ${resource} is the gateway that you mean, write that into --url. Else ask whoever runs it: server.public_url of its configuration has to be the address that you use.`,
      1,
    );
  return { resource, issuers, scopes };
}

/**
 * Where to sign in for a gateway: the issuer that was said, else the one that was used before, else the first that the gateway names,
 * which is remembered. Throws a SnowfenceError where the gateway does not name it (any more).
 */
export async function trustedIssuer(
  url: URL,
  { issuers }: Pick<ProtectedResource, 'issuers'>,
  said: string | undefined,
  say: (text: string) => void,
): Promise<URL> {
  const found = said ?? (await remembered(url, issuers)) ?? issuers[0] ?? '';
  const named = issuers.find((issuer) => plain(issuer) === plain(found));
  if (named === undefined)
    throw new SnowfenceError(
      'WRONG_ISSUER',
      `The gateway at ${url.href} takes no tokens of ${found}: it names ${issuers.join(', ')}. Nothing was sent.`,
      'Check --issuer and --url.',
      1,
    );
  if (!URL.canParse(named))
    throw new SnowfenceError('WRONG_ISSUER', `The gateway at ${url.href} names "${named}", which is no address.`);
  const issuer = new URL(named);
  checkAddress(issuer, 'The identity provider that the gateway names');
  if (issuer.protocol === 'http:' && !isLoopback(url.hostname))
    throw new SnowfenceError(
      'WRONG_ISSUER',
      `The gateway at ${url.href} names an identity provider on this very machine, ${issuer.href}. Nothing was sent.`,
      'A gateway elsewhere has no business there. Ask whoever runs it.',
      1,
    );
  if (said === undefined && !(await readPin(url))) await remember(url, named, say);
  return issuer;
}

/** The issuer of the first use, which the gateway has to name still. */
async function remembered(url: URL, issuers: readonly string[]): Promise<string | undefined> {
  const pin = await readPin(url);
  if (!pin) return undefined;
  if (issuers.some((issuer) => plain(issuer) === plain(pin.issuer))) return pin.issuer;
  throw new SnowfenceError(
    'ISSUER_CHANGED',
    `The gateway at ${url.href} no longer names ${pin.issuer}, where tokens for it came from since ${moment(pin.since)} (${pin.file}). It names ${issuers.join(', ')} now. Nothing was sent: a false gateway would do just that.`,
    `Ask whoever runs it. If it is right, remove that file, or start with --issuer ${issuers[0] ?? 'ISSUER'}.`,
    1,
  );
}

async function remember(url: URL, issuer: string, say: (text: string) => void): Promise<void> {
  try {
    const file = await writePin(url, issuer);
    say(`Tokens for ${url.href} come from ${issuer}. From now on only from there: ${file}`);
  } catch (error) {
    if (error instanceof SnowfenceError) throw error;
    say(
      `It could not be remembered that tokens for ${url.href} come from ${issuer} (${error instanceof Error ? error.message : ''}), so each start trusts the gateway anew. Say --issuer ${issuer} to be sure.`,
    );
  }
}
