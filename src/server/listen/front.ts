/**
 * What a request has to look like before anybody reads it. An address that two readers could take apart in two ways is answered with a
 * plain no: the one that checks and the one that answers would else mean different ones.
 */
import type { IncomingMessage } from 'node:http';

const MAX_TARGET = 8192;

export interface Oddity {
  readonly status: 400 | 414;
  readonly error: string;
}

const odd = (error: string): Oddity => ({ status: 400, error });

/** Printable ASCII but what has no place in an address (RFC 3986, 2). */
const PLAIN = /^[!#$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z~|]*$/;

const isEncoded = (part: string): boolean => {
  try {
    return !decodeURIComponent(part).includes('\0');
  } catch {
    return false;
  }
};

/** What is wrong with it; undefined where nothing is. */
export function oddityOf({ url = '' }: Pick<IncomingMessage, 'url'>): Oddity | undefined {
  if (url.length > MAX_TARGET) return { status: 414, error: 'The address is too long.' };
  const [path = '', ...query] = url.split('?');
  if (!path.startsWith('/')) return odd('The address has to begin with a slash.');
  if (path.includes('//')) return odd('The address has two slashes in a row.');
  if (path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) return odd('The address leads back.');
  if (!PLAIN.test(url)) return odd('The address has characters that have no place in it.');
  if (!isEncoded(path) || !isEncoded(query.join('?'))) return odd('The address is not encoded as addresses are.');
  return undefined;
}
