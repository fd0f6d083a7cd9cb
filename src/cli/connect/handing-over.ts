/**
 * How the hook of a client hands what a person typed to the `connect` that the same client started: a socket for each `connect`, in a folder
 * of this user alone. After a sign-in in the browser only that one has a token; the hook, a process of a moment, asks nobody to sign in.
 */
import { createHash } from 'node:crypto';
import { chmod, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { isOwn, makeStateFolder, stateFolder } from './state.js';

const FOLDER = 'hooks';
/** Longer paths are none for a socket: unix(7) has 108 bytes with the zero at the end, and others have 104. */
const MAX_PATH = 103;
/** Two windows of one project have two; more than that are those of processes that were killed. */
const MAX_TRIED = 20;
const MAX_BODY_BYTES = 2_000_000;

/** What a gateway, or whoever stands between, said. */
export interface Said {
  readonly status: number;
  readonly body: unknown;
}

const said = z.object({ status: z.number(), body: z.unknown() });

/** Which gateway, and where on this machine. */
export interface Where {
  readonly url: URL;
  /** Of the client, as a digest. */
  readonly place: string;
}

/** All of one gateway and one place begin alike. */
const beginOf = ({ url, place }: Where): string =>
  createHash('sha256')
    .update(JSON.stringify([url.href, place]))
    .digest('hex')
    .slice(0, 24);

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of message) {
    size += (part as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new Error('It is too long.');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

/**
 * Takes what hooks hand over until it is disposed of; `forward` tells the gateway, and throws nothing. Undefined where there can be no such
 * socket: on Windows, whose pipes have no folder to keep others out, in a folder that others may use, or too far down.
 */
export async function takePrompts(
  where: Where,
  forward: (body: string) => Promise<Said>,
): Promise<AsyncDisposable | undefined> {
  if (process.platform === 'win32') return undefined;
  const folder = await makeStateFolder(FOLDER);
  const path = join(folder, `${beginOf(where)}-${process.pid}`);
  if (Buffer.byteLength(path) > MAX_PATH || !(await isOwn(folder))) return undefined;
  const server = createServer((incoming, response) => {
    const answer = async (): Promise<Said> => {
      if (incoming.method !== 'POST' || incoming.url !== '/prompts') return { status: 404, body: undefined };
      return forward(await textOf(incoming));
    };
    answer().then(
      (words) => response.end(JSON.stringify(words)),
      () => response.destroy(),
    );
  });
  server.maxConnections = 8;
  // Whoever had this number before was killed.
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  server.unref();
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** One of them; undefined where nobody listens any more. Throws where it takes longer than `timeoutMs`. */
function askOne(path: string, body: string, timeoutMs: number): Promise<Said | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { socketPath: path, path: '/prompts', method: 'POST', signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        textOf(response)
          .then((text) => said.parse(JSON.parse(text)))
          .then(({ status, body: words }) => resolve({ status, body: words }), reject);
      },
    );
    asking.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else reject(error);
    });
    asking.end(body);
  });
}

/** What the gateway said to the first `connect` that took it; undefined where none runs for this gateway and place. */
export async function handOver(where: Where, body: string, timeoutMs: number): Promise<Said | undefined> {
  const folder = stateFolder(FOLDER);
  if (process.platform === 'win32' || !(await isOwn(folder))) return undefined;
  const begin = beginOf(where);
  const found = (await readdir(folder)).filter((name) => name.startsWith(`${begin}-`)).slice(0, MAX_TRIED);
  for (const name of found) {
    const path = join(folder, name);
    const words = await askOne(path, body, timeoutMs);
    if (words) return words;
    await rm(path, { force: true });
  }
  return undefined;
}
