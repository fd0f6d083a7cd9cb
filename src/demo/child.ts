/** A process of the demo's: started with options on its standard input, ready when it answers with a line, ended with its parent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** What fails says so at once; this is for what hangs, and a machine may be busy with other things. */
const START_TIMEOUT_MS = 120_000;

const answer = z.union([z.object({ error: z.string() }), z.record(z.string(), z.unknown())]);

export class Child {
  readonly #process: ChildProcess;
  readonly answer: Readonly<Record<string, unknown>>;

  private constructor(child: ChildProcess, line: Readonly<Record<string, unknown>>) {
    this.#process = child;
    this.answer = line;
  }

  /** Throws what the child said was wrong. `script` is relative to this file's folder. */
  static async start(script: string, options: object, env: Readonly<Record<string, string>> = {}): Promise<Child> {
    const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url))], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    const { stdin, stdout } = child;
    if (!stdin || !stdout) throw new Error('A part of the demo has no standard streams.');
    stdin.on('error', () => undefined);
    stdin.write(`${JSON.stringify(options)}\n`);
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`${script} did not start in time.`));
      }, START_TIMEOUT_MS);
      const settle = (): void => clearTimeout(timer);
      createInterface({ input: stdout }).once('line', (text) => {
        settle();
        resolve(text);
      });
      child.once('error', (error) => {
        settle();
        reject(error);
      });
      child.once('exit', (code) => {
        settle();
        // What it printed may still be on its way.
        setImmediate(() => reject(new Error(`${script} ended with code ${code ?? 'none'} before it was ready.`)));
      });
    });
    const parsed = answer.parse(JSON.parse(line));
    if ('error' in parsed && typeof parsed.error === 'string') throw new Error(parsed.error);
    return new Child(child, parsed);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  onExit(listener: () => void): void {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) listener();
    else this.#process.once('exit', listener);
  }

  async stop(): Promise<void> {
    await endProcess(this.#process, () => this.#process.stdin?.end());
  }
}

const STOP_TIMEOUT_MS = 8000;

/** Asks a process to end, and makes it end where it does not. */
export async function endProcess(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // One that was stopped (SIGSTOP) hears nothing until it goes on.
  child.kill('SIGCONT');
  ask();
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

/** Below what systems take for outgoing connections (Linux from 32768, others from 49152): what is free now is not lent out meanwhile. */
const FIRST_PORT = 15_000;
const LAST_PORT = 31_999;
const PORT_TRIES = 50;
/** What this process was given before: whoever asked may not listen there yet. */
const given = new Set<number>();

/** A port of 127.0.0.1 that is free now, and that nobody in this process has asked for before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`There is no free port between ${FIRST_PORT} and ${LAST_PORT}.`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
