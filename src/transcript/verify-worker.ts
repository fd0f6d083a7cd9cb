/** A thread that verifies some of the sessions, in the snapshot of the one that started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { withClient } from './client.js';
import { storePool } from './store.js';
import { Breaks } from './verify.js';
import { readRange, type SessionRange } from './verify-range.js';
import { type SessionsOptions, SessionsVerifier, type Start } from './verify-sessions.js';

/** What it is told. */
export interface WorkerTask {
  readonly url: string;
  readonly snapshot: string;
  readonly range: SessionRange;
  readonly options: SessionsOptions;
  readonly starts: readonly (readonly [string, Start])[];
}

const { url, snapshot, range, options, starts } = workerData as WorkerTask;
const pool = storePool(url, 0, 1);
try {
  const verifier = new SessionsVerifier(new Breaks(), options);
  for (const [session, start] of starts) verifier.startsAt(session, start);
  await withClient(pool, async (client) => {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    if (!/^[0-9A-F-]+$/i.test(snapshot)) throw new Error('The snapshot has an odd name.');
    await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
    await readRange(client, verifier, range, (events) => parentPort?.postMessage({ events }));
    await client.query('COMMIT');
  });
  parentPort?.postMessage({ state: verifier.state() });
} finally {
  await pool.end();
}
