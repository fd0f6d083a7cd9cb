/**
 * Whether an address may be spoken to: with TLS whose certificate is checked, or plainly on this very machine, where nobody is in
 * between. Anywhere else whoever is on the way reads tokens, passwords and the record, or answers in another's name: keys of an issuer,
 * rows of a warehouse, policies of nobody. The configuration asks for each address in it, and each connection asks once more, since
 * discovery tells addresses that no file names.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';

/** A host of this machine (RFC 6761, section 6.3; RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname === '[::1]' ||
  hostname === '::1' ||
  (hostname.startsWith('127.') && isIPv4(hostname));

/** Node checks no certificate at all then, of anybody. */
export const checksCertificates = (): boolean => process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0';

const NO_CHECKS =
  'NODE_TLS_REJECT_UNAUTHORIZED=0 is set, so no certificate would be checked. Unset it; NODE_EXTRA_CA_CERTS names certificates of your own.';

/** Why nothing may be sent to an address; undefined where it may. */
export function addressProblem(address: string | URL): string | undefined {
  if (!URL.canParse(String(address))) return 'it is no URL. Write https://…';
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') return 'it has a user or a password in it. Leave both out.';
  if (isLoopback(url.hostname) && (url.protocol === 'http:' || url.protocol === 'https:')) return undefined;
  if (url.protocol !== 'https:')
    return `${url.protocol}//${url.host} is reached without TLS: whoever is on the way can read what goes there and answer in its name. Use its https address; without TLS only this machine (127.0.0.1, [::1], localhost) will do.`;
  return checksCertificates() ? undefined : NO_CHECKS;
}

/** An address that nothing may be sent to. */
class UnsafeAddress extends Error {
  constructor(what: string, problem: string) {
    super(`${what}: ${problem}`);
    this.name = 'UnsafeAddress';
  }
}

/** `fetch`, to addresses that may be spoken to alone. Throws UnsafeAddress. Follows nothing elsewhere: an answer that does is given as it is. */
export async function safeFetch(input: string | URL, init?: RequestInit): Promise<Response> {
  const problem = addressProblem(input);
  if (problem !== undefined) throw new UnsafeAddress(new URL(input).host, problem);
  return fetch(input, { ...init, redirect: 'manual' });
}

/**
 * Where a request comes from. Behind a proxy that is what the proxy has added itself: the last address of `X-Forwarded-For`, since all
 * before it is what the sender wrote (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For, "Selecting an IP
 * address"); the proxy's own where it adds none.
 */
export function senderOf(request: IncomingMessage, isBehindProxy: boolean): string | undefined {
  const own = request.socket.remoteAddress;
  if (!isBehindProxy) return own;
  const told = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)?.trim() ?? '';
  return isIP(told) === 0 ? own : told;
}
