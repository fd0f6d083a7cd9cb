/** Bodies of requests: JSON, mostly gzipped. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { REQUEST_CODES } from './codes.js';
import { SnowflakeError } from './errors.js';

const unzip = promisify(gunzip);

/** The JSON of a body of at most so many bytes, and no more than that unzipped; an empty one is an empty object. Throws SnowflakeError. */
export async function readBody(parts: AsyncIterable<Uint8Array>, maxBytes: number): Promise<unknown> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const part of parts) {
    size += part.length;
    if (size > maxBytes) throw new SnowflakeError(REQUEST_CODES.requestTooLarge, 'Request is too large.');
    read.push(part);
  }
  let body = Buffer.concat(read);
  // The driver may announce gzip on a body that isn't (its pitfall 10): look at the bytes, not at the header.
  if (body[0] === 0x1f && body[1] === 0x8b) body = Buffer.from(await unzip(body, { maxOutputLength: maxBytes }));
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new SnowflakeError(REQUEST_CODES.malformedRequest, 'Request body is not valid JSON.');
  }
}
