/** A PostgreSQL server of our own: made, started, stopped. Listens on 127.0.0.1 only. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { access, chmod, chown, constants, cp, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { commandOf, isAlive, takeFolder } from '../folder/index.js';
import { findBinaries } from './binaries.js';

export interface PostgresOptions {
  readonly dataFolder: string;
  readonly port: number;
  readonly password: string;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5000;
/** One that is told to end has this long for it, and is killed then. */
const END_OF_ANOTHER_MS = STOP_TIMEOUT_MS + 5000;

/** PostgreSQL refuses to run as root: then an ordinary account of the system owns the data and runs the server. */
function accountForRoot(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such account: the next one.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it as.');
}

/** Whether others may pass through every folder above a path. */
async function isReachable(path: string): Promise<boolean> {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (dirname(folder) === folder) return true;
  }
}

/** The programs where the account can run them: copied next to the data if the checkout is closed to others. */
async function reachableBinaries(
  account: Account | undefined,
  base: string,
): Promise<{ initdb: string; postgres: string }> {
  const binaries = await findBinaries();
  for (const program of Object.values(binaries)) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755));
  }
  if (!account || (await isReachable(dirname(binaries.postgres)))) return binaries;
  const copy = join(base, 'postgres-programs');
  await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}

/** What our servers are told, and nobody else's are. */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=60',
  'logging_collector=off',
  'log_min_messages=fatal',
  'timezone=UTC',
];

/** Whether a process is a server that we started on this very folder. */
async function isOurs(pid: number, dataFolder: string): Promise<boolean> {
  const command = await commandOf(pid);
  const named = command?.[command.indexOf('-D') + 1];
  if (command === undefined || named === undefined) return false;
  const [home, its] = await Promise.all([dataFolder, named].map((path) => realpath(path).catch(() => path)));
  return home === its && SETTINGS.every((setting) => command.includes(setting));
}

/**
 * A server that outlived its keeper (killed without warning) still holds the folder: it is ended first. Only for whoever has taken the
 * folder: then nobody keeps that server any more.
 */
async function endOrphan(dataFolder: string): Promise<void> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid) || !(await isOurs(pid, dataFolder))) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; waited < STOP_TIMEOUT_MS && isAlive(pid); waited += 50)
    await new Promise((done) => setTimeout(done, 50));
}

async function initialise(
  options: PostgresOptions,
  initdb: string,
  account: Account | undefined,
  base: string,
): Promise<void> {
  const passwordFile = join(base, `password-${process.pid}`);
  await writeFile(passwordFile, options.password, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  try {
    await new Promise<void>((done, fail) => {
      const child = spawn(
        initdb,
        [
          '-D',
          options.dataFolder,
          '-U',
          'snowfence',
          '-A',
          'scram-sha-256',
          `--pwfile=${passwordFile}`,
          '-E',
          'UTF8',
          '--locale=C',
          '--no-instructions',
        ],
        { ...account, cwd: base, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      let errors = '';
      child.stderr?.on('data', (text: Buffer) => {
        errors += text.toString();
      });
      child.on('error', fail);
      child.on('close', (code) =>
        code === 0 ? done() : fail(new Error(`PostgreSQL could not be set up: ${errors.trim().slice(0, 500)}`)),
      );
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

export class Postgres {
  readonly #child: ChildProcess;
  readonly #taken: AsyncDisposable;

  private constructor(child: ChildProcess, taken: AsyncDisposable) {
    this.#child = child;
    this.#taken = taken;
  }

  /** Answers connections when it resolves. Throws FolderInUse where another keeper has the folder, and goes on having it. */
  static async start(options: PostgresOptions): Promise<Postgres> {
    const base = dirname(options.dataFolder);
    await mkdir(base, { recursive: true, mode: 0o700 });
    const taken = await takeFolder(base, 'PostgreSQL', END_OF_ANOTHER_MS);
    try {
      return new Postgres(await startIn(options, base), taken);
    } catch (error) {
      await taken[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  onExit(listener: () => void): void {
    this.#child.once('exit', listener);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise<void>((done) => this.#child.once('exit', () => done()));
      this.#child.kill('SIGINT');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    await this.#taken[Symbol.asyncDispose]();
  }
}

async function startIn(options: PostgresOptions, base: string): Promise<ChildProcess> {
  const account = accountForRoot();
  await mkdir(options.dataFolder, { recursive: true, mode: 0o700 });
  if (account) {
    // The account has to pass through our folder, and nobody else has any business in it.
    await chmod(base, 0o711);
    await chown(options.dataFolder, account.uid, account.gid);
    if (!(await isReachable(base)))
      throw new Error(
        `PostgreSQL runs as another account here (it refuses root), and that account can not enter ${base}. Choose a folder whose parents are open to others (chmod o+x).`,
      );
  }
  const { initdb, postgres } = await reachableBinaries(account, base);
  await endOrphan(options.dataFolder);
  const isNew = !(await stat(join(options.dataFolder, 'PG_VERSION')).catch(() => undefined));
  if (isNew) await initialise(options, initdb, account, base);
  const child = spawn(
    postgres,
    ['-D', options.dataFolder, '-p', String(options.port), ...SETTINGS.flatMap((setting) => ['-c', setting])],
    {
      ...account,
      cwd: base,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  await started(child, options.dataFolder);
  return child;
}

/** `postmaster.pid` says "ready" in its last line once connections are answered. */
async function started(child: ChildProcess, dataFolder: string): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-2000);
  });
  let failed: Error | undefined;
  child.once('error', (error) => {
    failed = error;
  });
  const until = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < until) {
    if (failed) throw failed;
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended at once: ${errors.trim()}`);
    const lines = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (lines[0] === String(child.pid) && lines[7]?.trim() === 'ready') return;
    await new Promise((done) => setTimeout(done, 20));
  }
  child.kill('SIGKILL');
  throw new Error(`PostgreSQL did not start within ${START_TIMEOUT_MS} ms: ${errors.trim()}`);
}
