/**
 * Parts of a large result, each fetched by its own address: JSON rows joined by commas and gzipped, without the brackets around them (the
 * driver's `lib/connection/result/chunk.js` puts them there).
 */
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CHUNKS_PATH } from './addresses.js';

const zip = promisify(gzip);

export interface Chunk {
  readonly path: string;
  readonly body: Buffer;
  readonly rowCount: number;
  readonly uncompressedSize: number;
}

/** `rows`: each as JSON. */
export async function packChunk(queryId: string, index: number, rows: readonly string[]): Promise<Chunk> {
  const text = rows.join(',');
  const body = await zip(text, { level: 1 });
  // The driver sends no session token with this request: only the path protects the rows.
  const path = `${CHUNKS_PATH}${queryId}/${index}-${randomBytes(18).toString('base64url')}`;
  return { path, body, rowCount: rows.length, uncompressedSize: text.length };
}

/** Neither application/json nor application/xml: the driver would parse the one and take the other for a failure. */
export const chunkHeaders = ({ body }: Chunk): Readonly<Record<string, string | number>> => ({
  'content-type': 'application/octet-stream',
  'content-encoding': 'gzip',
  'content-length': body.length,
});
