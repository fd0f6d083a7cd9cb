/** A verification in parts: ranges of sessions, and of the order of writing, in threads of their own where there is much to read. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import type { SessionsState } from '../checks/sessions.js';
import type { WritersState } from '../checks/writers.js';
import { rowsOf } from '../store/snapshot.js';
import type { SequenceRange, SessionRange } from './range.js';
import type { WorkerTask } from './worker.js';

/** Below so many events another thread is not worth its start. */
const WORTH_A_THREAD = 50_000;
const MAX_THREADS = 8;

export const threads = (): number => Math.min(MAX_THREADS, availableParallelism());

export interface Part {
  readonly sessions: SessionRange;
  readonly order: SequenceRange;
}

const BOUNDS = `SELECT coalesce(min(e.sequence), 0)::text AS least, coalesce(max(e.sequence), 0)::text AS most FROM event e`;
const boundsRow = z.object({ least: z.coerce.bigint(), most: z.coerce.bigint() });
/** Numbers that a `bigint` of PostgreSQL has and a sequence may have been changed to. */
const [LEAST, MOST] = ['-9223372036854775808', '9223372036854775807'];

/** Parts of about as many events each, by what the store says of the lengths of sessions. */
export async function partsOf(client: PoolClient, most: number): Promise<{ parts: Part[]; events: number }> {
  const { rows } = await client.query<{ n: number }>('SELECT coalesce(sum(length), 0)::float8 AS n FROM chain');
  const events = rows[0]?.n ?? 0;
  const count = Math.max(1, Math.min(most, Math.floor(events / WORTH_A_THREAD)));
  const bounds: string[] = [];
  let sum = 0;
  if (count > 1)
    for await (const chains of rowsOf<{ session: string; length: number }>(
      client,
      'SELECT session_id AS session, length::float8 AS length FROM chain ORDER BY session_id',
    ))
      for (const { session, length } of chains) {
        if (sum >= (events / count) * (bounds.length + 1) && bounds.length < count - 1) bounds.push(session);
        sum += length;
      }
  const orders = await ordersOf(client, bounds.length + 1);
  const parts = [null, ...bounds].map((from, index) => ({
    sessions: { from, to: bounds[index] ?? null },
    order: orders[index] ?? { from: MOST, to: MOST },
  }));
  return { parts, events };
}

async function ordersOf(client: PoolClient, count: number): Promise<SequenceRange[]> {
  const { least, most } = boundsRow.parse((await client.query(BOUNDS)).rows[0]);
  const step = (most - least) / BigInt(count) + 1n;
  const bounds = Array.from({ length: count - 1 }, (_, index) => (least + step * BigInt(index + 1)).toString());
  return [LEAST, ...bounds].map((from, index) => ({ from, to: bounds[index] ?? MOST }));
}

const workerWord = z.union([
  z.object({ events: z.number() }),
  z.object({ state: z.custom<SessionsState>(), writers: z.custom<WritersState>() }),
]);

export interface PartRead {
  readonly state: SessionsState;
  readonly writers: WritersState;
}

/** Each part in a thread of its own, begun at once; what is answered waits for them. */
export async function inThreads(
  client: PoolClient,
  parts: readonly Part[],
  task: Pick<WorkerTask, 'url' | 'options' | 'starts' | 'writers'>,
  onEvents: (events: number) => void,
): Promise<() => Promise<readonly PartRead[]>> {
  if (parts.length === 0) return async () => [];
  const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
  const snapshot = rows[0]?.snapshot ?? '';
  const working = parts.map(
    ({ sessions, order }) =>
      new Promise<PartRead>((resolve, reject) => {
        const workerData: WorkerTask = { ...task, range: sessions, order, snapshot };
        const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
        worker.on('message', (message: unknown) => {
          const word = workerWord.parse(message);
          if ('events' in word) onEvents(word.events);
          else resolve(word);
        });
        worker.once('error', reject);
        worker.once('exit', (code) => reject(new Error(`a thread of the verification ended with ${code}`)));
      }),
  );
  const all = Promise.all(working);
  // Who waits for it hears of a failure.
  all.catch(() => undefined);
  return () => all;
}
