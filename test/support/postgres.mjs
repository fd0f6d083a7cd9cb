/** A PostgreSQL of a test's own. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, freePort } from '../../dist/cli/child.js';

/** Answers the administrator's URL, the server's process id, and what ends it. */
export async function startPostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'snowfence-postgres-'));
  const [port, password] = [await freePort(), randomBytes(12).toString('hex')];
  const start = () =>
    Child.start('../embedded/postgres/main.js', { dataFolder: join(folder, 'postgres'), port, password });
  let child = await start();
  return {
    url: `postgres://snowfence:${password}@127.0.0.1:${port}/postgres`,
    get pid() {
      return Number(child.answer['pid']);
    },
    /** Starts the server again after it was killed. */
    async restart() {
      await child.stop();
      child = await start();
    },
    async end() {
      await child.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
