/** A PostgreSQL server of our own: made, started, stopped. Listens on 127.0.0.1 only. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { access, chmod, chown, constants, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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

/** A server that outlived its parent (killed without warning) still holds the folder: it is ended first. */
async function endOrphan(dataFolder: string): Promise<void> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const isAlive = (): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'postgres');
  if (!isAlive() || !command.includes('postgres')) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; waited < STOP_TIMEOUT_MS && isAlive(); waited += 50)
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

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Answers connections when it resolves. */
  static async start(options: PostgresOptions): Promise<Postgres> {
    const account = accountForRoot();
    const base = dirname(options.dataFolder);
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
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=60',
      'logging_collector=off',
      'log_min_messages=fatal',
      'timezone=UTC',
    ];
    const child = spawn(
      postgres,
      ['-D', options.dataFolder, '-p', String(options.port), ...settings.flatMap((setting) => ['-c', setting])],
      {
        ...account,
        cwd: base,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    await started(child, options.dataFolder);
    return new Postgres(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  onExit(listener: () => void): void {
    this.#child.once('exit', listener);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((done) => this.#child.once('exit', () => done()));
    this.#child.kill('SIGINT');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
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
