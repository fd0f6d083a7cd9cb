/** A thread that verifies some of the sessions, then some of what was written one after the other, in the snapshot of who started it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Breaks } from '../checks/breaks.js';
import { type SessionsOptions, SessionsVerifier, type Start } from '../checks/sessions.js';
import { type WritersOptions, WritersVerifier } from '../checks/writers.js';
import { withClient } from '../store/client.js';
import { storePool } from '../store/pool.js';
import { readInOrder, readRange, type SequenceRange, type SessionRange } from './range.js';

/** What it is told. */
export interface WorkerTask {
  readonly url: string;
  readonly snapshot: string;
  readonly range: SessionRange;
  readonly options: SessionsOptions;
  readonly starts: readonly (readonly [string, Start])[];
  readonly order: SequenceRange;
  readonly writers: WritersOptions;
}

const { url, snapshot, range, options, starts, order, writers: shape } = workerData as WorkerTask;
const pool = storePool(url, 0, 1);
try {
  const breaks = new Breaks();
  const verifier = new SessionsVerifier(breaks, options);
  const writers = new WritersVerifier(breaks, shape);
  for (const [session, start] of starts) verifier.startsAt(session, start);
  await withClient(pool, async (client) => {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    if (!/^[0-9A-F-]+$/i.test(snapshot)) throw new Error('The snapshot has an odd name.');
    await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
    const onProgress = (events: number): void => parentPort?.postMessage({ events });
    await readRange(client, verifier, range, onProgress);
    await readInOrder(client, writers, order, onProgress);
    await client.query('COMMIT');
  });
  parentPort?.postMessage({ state: verifier.state(), writers: writers.state() });
} finally {
  await pool.end();
}
