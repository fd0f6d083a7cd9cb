/** A PostgreSQL of a test's own. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Child, freePort } from '../../../dist/demo/child.js';

const run = promisify(execFile);
const temporary = () => mkdtemp(join(tmpdir(), 'snowfence-postgres-'));
/** Names the folder of `makeCluster` for processes that are started later; without it each server is set up from nothing. */
const CLUSTER = 'SNOWFENCE_TEST_CLUSTER';

const startIn = (folder, port, password) =>
  Child.start('../embedded/postgres/main.js', { dataFolder: join(folder, 'postgres'), port, password });

/** An empty server's files, set up once (`initdb` takes two seconds of a processor) and copied for each test. Answers what removes them. */
export async function makeCluster() {
  const folder = await temporary();
  const password = randomBytes(12).toString('hex');
  const child = await startIn(folder, await freePort(), password);
  await child.stop();
  await writeFile(join(folder, 'password'), password);
  process.env[CLUSTER] = folder;
  return async () => {
    delete process.env[CLUSTER];
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
}

/** Puts the files of a server that was set up before into a folder, with its owner. Answers its password, or nothing where there is none. */
export async function copyCluster(folder) {
  const cluster = process.env[CLUSTER];
  if (cluster === undefined) return undefined;
  // The server's account passes through.
  await chmod(folder, 0o711);
  await run('cp', ['-a', join(cluster, 'postgres'), folder]);
  return readFile(join(cluster, 'password'), 'utf8');
}

/** Answers the administrator's URL, the server's process id, and what ends it. */
export async function startPostgres() {
  const folder = await temporary();
  const copied = await copyCluster(folder);
  // Processes are killed here, and what they wrote is still the system's; no test takes the power away.
  if (copied !== undefined) await appendFile(join(folder, 'postgres', 'postgresql.conf'), '\nfsync = off\n');
  const [port, password] = [await freePort(), copied ?? randomBytes(12).toString('hex')];
  let child = await startIn(folder, port, password);
  return {
    url: `postgres://snowfence:${password}@127.0.0.1:${port}/postgres`,
    get pid() {
      return Number(child.answer['pid']);
    },
    /** Starts the server again after it was killed. */
    async restart() {
      await child.stop();
      child = await startIn(folder, port, password);
    },
    async end() {
      await child.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
