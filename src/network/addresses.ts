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

/**
 * Whose address it is, for whoever counts by it: of IPv6 the network of 64 bits that one interface is given (RFC 4291, section 2.5.1), so
 * that nobody has 2^64 shares; of IPv4, also as IPv6 writes it (section 2.5.5.2), the address.
 */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined || isIP(address) !== 6) return address;
  const [plain = ''] = address.split('%');
  // As the URL standard writes it: groups in hexadecimal, the longest run of zeros as "::".
  const [head = '', tail] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all = [
    ...front,
    ...Array.from({ length: tail === undefined ? 0 : 8 - front.length - back.length }, () => '0'),
    ...back,
  ];
  if (all.slice(0, 5).every((group) => group === '0') && all[5] === 'ffff') {
    const [high = 0, low = 0] = all.slice(6).map((group) => Number.parseInt(group, 16));
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return `${all.slice(0, 4).join(':')}::/64`;
}
