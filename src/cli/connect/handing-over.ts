/**
 * How the hook of a client hands what a person typed to the `connect` that the same client started: a socket for each `connect`, in a folder
 * of this user alone. After a sign-in in the browser only that one has a token; the hook, a process of a moment, asks nobody to sign in. Which
 * of several is its own client's it can't tell, so each identity that is signed in here is told once.
 */
import { createHash } from 'node:crypto';
import { chmod, readdir, rename, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { isOwn, makeStateFolder, stateFolder } from './state.js';

const FOLDER = 'hooks';
/** Longer paths are none for a socket: unix(7) has 108 bytes with the zero at the end, and others have 104. */
const MAX_PATH = 103;
/** Two windows of one project have two; more than that are those of processes that were killed. */
const MAX_TRIED = 100;
/** How long a `connect` is asked as whom it is signed in: one that needs more is not. */
const IDENTITY_MS = 2000;
const MAX_BODY_BYTES = 2_000_000;
/** A header with what is handed over: one `connect` alone was found. */
const ALONE = 'snowfence-alone';

/** What a gateway, or whoever stands between, said. */
export interface Said {
  readonly status: number;
  readonly body: unknown;
}

const said = z.object({ status: z.number(), body: z.unknown() });
const identityShape = z.object({ identity: z.string() });

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

/** What a `connect` does for hooks. */
export interface Taking {
  /** Tells the gateway, and throws nothing. `isAlone`: no other `connect` ran here when it was handed over, so it is our own client's. */
  readonly forward: (body: string, isAlone: boolean) => Promise<Said>;
  /** As whom, by a digest; undefined where nobody is signed in yet. Throws nothing. */
  readonly identity: () => Promise<string | undefined>;
}

/**
 * Takes what hooks hand over until it is disposed of. Undefined where there can be no such
 * socket: on Windows, whose pipes have no folder to keep others out, in a folder that others may use, or too far down.
 */
export async function takePrompts(where: Where, { forward, identity }: Taking): Promise<AsyncDisposable | undefined> {
  if (process.platform === 'win32') return undefined;
  const folder = await makeStateFolder(FOLDER);
  const path = join(folder, `${beginOf(where)}-${process.pid}`);
  // No hook looks for that name: one that it finds and that refuses is of a process that was killed, never of one that is about to listen.
  const beginning = join(folder, `.${beginOf(where)}-${process.pid}`);
  if (Buffer.byteLength(beginning) > MAX_PATH || !(await isOwn(folder))) return undefined;
  const server = createServer((incoming, response) => {
    const answer = async (): Promise<Said> => {
      if (incoming.method === 'GET' && incoming.url === '/identity')
        return { status: 200, body: { identity: await identity() } };
      if (incoming.method !== 'POST' || incoming.url !== '/prompts') return { status: 404, body: undefined };
      return forward(await textOf(incoming), incoming.headers[ALONE] === '1');
    };
    answer().then(
      (words) => response.end(JSON.stringify(words)),
      () => response.destroy(),
    );
  });
  server.maxConnections = 8;
  // Whoever had this number before was killed.
  await rm(beginning, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(beginning, resolve);
  });
  await chmod(beginning, 0o600);
  await rename(beginning, path);
  server.unref();
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }).then(() => rm(path, { force: true })),
  };
}

/** One of them; undefined where nobody listens any more. Throws where it takes longer than `timeoutMs`. `body`: without it, as whom it is. */
function askOne(path: string, timeoutMs: number, body?: string, isAlone = false): Promise<Said | undefined> {
  const [method, address] = body === undefined ? ['GET', '/identity'] : ['POST', '/prompts'];
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        socketPath: path,
        path: address,
        method,
        headers: isAlone ? { [ALONE]: '1' } : {},
        signal: AbortSignal.timeout(timeoutMs),
      },
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

/** Where somebody listens, by the identity that is signed in there; '' where that is not known, or nobody is yet. */
async function listening(folder: string, begin: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = (await readdir(folder)).filter((name) => name.startsWith(`${begin}-`)).slice(0, MAX_TRIED);
  const paths = new Map<string, string[]>();
  const ask = async (path: string): Promise<void> => {
    const words = await askOne(path, IDENTITY_MS).catch((): Said => ({ status: 504, body: undefined }));
    // Whoever had it was killed.
    if (!words) return rm(path, { force: true });
    const { identity = '' } = identityShape.safeParse(words.body).data ?? {};
    paths.set(identity, [...(paths.get(identity) ?? []), path]);
  };
  await Promise.all(found.map((name) => ask(join(folder, name))));
  return paths;
}

const isTaken = ({ status }: Said): boolean => status >= 200 && status < 300;

/**
 * What the gateway said: each identity that is signed in for this gateway and place is told once, and a no to one of them is the answer.
 * Where nobody is, whoever signs in within `timeoutMs`; undefined where no `connect` runs. Throws where none of them answers in time.
 */
export async function handOver(where: Where, body: string, timeoutMs: number): Promise<Said | undefined> {
  const folder = stateFolder(FOLDER);
  if (process.platform === 'win32' || !(await isOwn(folder))) return undefined;
  const found = await listening(folder, beginOf(where));
  const signedIn = [...found].flatMap(([identity, [path]]) => (identity === '' || path === undefined ? [] : [path]));
  const asked = signedIn.length > 0 ? signedIn : (found.get('') ?? []);
  if (asked.length === 0) return undefined;
  const isAlone = [...found.values()].flat().length === 1;
  const answers = await Promise.allSettled(asked.map((path) => askOne(path, timeoutMs, body, isAlone)));
  const words = answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value ? [answer.value] : []));
  const [failed] = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
  if (failed && (words.length === 0 || signedIn.length > 0)) throw failed;
  return words.find((one) => !isTaken(one)) ?? words[0];
}
