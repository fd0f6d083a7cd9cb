/**
 * A reload that somebody asks for: by SIGHUP, or over a socket that answers what came of it. The socket is a file of the gateway's own
 * user (mode 0600), so whoever may open it could send the signal as well; nothing can be asked there but this.
 */
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { z } from 'zod';
import type { Config } from '../../config/index.js';
import { because, SnowfenceError } from '../../config/problem.js';
import type { Reloaded } from '../../policy/index.js';

const PATH = '/policies/reload';
/** Of a path of a socket: sockaddr_un holds 108 bytes on Linux and 104 on macOS, its end included (unix(7)). */
const MAX_PATH_BYTES = 103;
const ASK_MS = 30_000;
const MAX_ANSWER = 1_000_000;

const answer = z.union([
  z.object({ taken: z.literal(true), version: z.string(), new: z.boolean(), opens: z.string().nullable() }),
  z.object({ taken: z.literal(false), version: z.string(), problem: z.string() }),
  z.object({ error: z.string() }),
]);

const answerOf = (done: Reloaded): z.input<typeof answer> =>
  done.isTaken
    ? { taken: true, version: done.version, new: done.isNew, opens: done.opens ?? null }
    : { taken: false, version: done.version, problem: done.problem };

/** Whether somebody answers there. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

/** Takes away what a gateway that was killed left there. Anything but a socket that nobody answers stays. */
async function clear(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket())
    throw new SnowfenceError(
      'SOCKET_TAKEN',
      `policies.reload_socket: ${path} is there, and is no socket.`,
      'Name a path where nothing is.',
    );
  if (await isAnswered(path))
    throw new SnowfenceError(
      'SOCKET_TAKEN',
      `policies.reload_socket: another process answers on ${path}.`,
      'Give each gateway a path of its own, or stop the other.',
    );
  await unlink(path);
}

/** Answers on the socket until it is disposed of. Throws SnowfenceError where it can't be made. */
export async function answerReloads(path: string, reload: () => Promise<Reloaded>): Promise<AsyncDisposable> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new SnowfenceError(
      'SOCKET_TAKEN',
      `policies.reload_socket: ${path} is longer than the ${MAX_PATH_BYTES} bytes that a socket's path may have.`,
      'Name a shorter one.',
    );
  await clear(path);
  const server = createServer((asked, response) => {
    const say = (status: number, body: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (asked.method !== 'POST' || asked.url !== PATH) return say(404, { error: `POST ${PATH} is all there is.` });
    reload().then(
      (done) => say(done.isTaken ? 200 : 409, answerOf(done)),
      () => say(500, { error: 'The reload failed; the log says why.' }),
    );
    return undefined;
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 10_000;
  await listen(server, path);
  await chmod(path, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Binds while no other user may open what is made; the socket is made before this returns to the loop of events. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new SnowfenceError(
          'SOCKET_TAKEN',
          `policies.reload_socket: can not listen on ${path}${because(error)}`,
          'Name a path in a folder that the gateway may write to.',
        ),
      ),
    );
    const mask = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(mask);
    }
  });
}

function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: PATH, method: 'POST', timeout: ASK_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > MAX_ANSWER) response.destroy(new Error('The answer is too long.'));
      });
      response.once('end', () => resolve(text));
      response.once('error', reject);
    });
    asked.once('timeout', () => asked.destroy(new Error(`No answer within ${ASK_MS / 1000} s.`)));
    asked.once('error', reject);
    asked.end();
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `snowfence policy reload`: what the running gateway says. Throws SnowfenceError where it refuses, or does not answer. */
export async function reloadRunning(config: Config): Promise<{ readonly text: string; readonly version: string }> {
  const { reloadSocket: path } = config;
  if (path === undefined)
    throw new SnowfenceError(
      'NO_SOCKET',
      'The configuration names no socket on which the gateway could be asked.',
      'Set policies.reload_socket and start the gateway anew; or send it SIGHUP and look at its log.',
    );
  const text = await ask(path).catch((error: unknown) => {
    throw new SnowfenceError(
      'NOT_RUNNING',
      `The gateway does not answer on ${path}${because(error)}`,
      'Is it running, on this machine, with this configuration, and are you its user?',
      1,
    );
  });
  const parsed = answer.safeParse(jsonOf(text));
  if (!parsed.success) throw new SnowfenceError('NOT_RUNNING', `What answers on ${path} is no gateway.`, undefined, 1);
  const { data } = parsed;
  if ('error' in data) throw new SnowfenceError('RELOAD_FAILED', data.error, undefined, 1);
  if (!data.taken)
    throw new SnowfenceError(
      'POLICIES_UNSOUND',
      `Version ${data.version} stays in force.\n${data.problem}`,
      undefined,
      1,
    );
  if (!data.new) return { version: data.version, text: `Nothing has changed: version ${data.version} is in force.` };
  const opens = data.opens === null ? '' : `\nIt opens what was not open. ${data.opens}`;
  return { version: data.version, text: `Version ${data.version} is in force.${opens}` };
}
