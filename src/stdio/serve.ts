/** Serving over standard input and output until the client or a signal ends it. */
import { Transform, type TransformCallback } from 'node:stream';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { exactJson, marked } from '../exact-json/index.js';

/** A line longer than this is handed on as it is: whoever reads behind us takes no more either. */
const MAX_LINE = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** Numbers that the reader behind it would change are told apart: what is no JSON goes on as it came, to be refused there. */
function exactLine(line: string): string {
  try {
    exactJson(line);
  } catch {
    return line;
  }
  return marked(line);
}

/** Messages as they come in, one a line. */
class Lines extends Transform {
  #parts: Buffer[] = [];
  #size = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#parts.push(chunk.subarray(from, at + 1));
      from = at + 1;
      this.push(exactLine(this.#taken().toString('utf8')));
    }
    this.#parts.push(chunk.subarray(from));
    this.#size += chunk.length - from;
    if (this.#size > MAX_LINE) this.push(this.#taken());
    done();
  }

  override _flush(done: TransformCallback): void {
    this.push(this.#taken());
    done();
  }

  #taken(): Buffer {
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return whole;
  }
}

/**
 * `make`: a server for the client; `onEnd`: hears at once that nobody is served any more. Answers who ended it, once the client is gone, or a
 * signal has come, and the connection is closed.
 */
export async function serveUntilEnd(
  make: Parameters<typeof serveStdio>[0],
  onEnd: () => void = () => undefined,
): Promise<'client' | 'signal'> {
  const handle = serveStdio(make, { transport: new StdioServerTransport(process.stdin.pipe(new Lines())) });
  const by = await new Promise<'client' | 'signal'>((resolve) => {
    process.once('SIGTERM', () => resolve('signal'));
    process.once('SIGINT', () => resolve('signal'));
    process.stdin.once('end', () => resolve('client'));
    process.stdin.once('close', () => resolve('client'));
  });
  onEnd();
  await handle.close();
  return by;
}
