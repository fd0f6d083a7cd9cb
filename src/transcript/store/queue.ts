/** The job queue: pg-boss in a schema of its own. The administrator makes its tables, gateways use them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import PgBoss from 'pg-boss';

export const DELIVER = 'deliver';

const TURN_MS = 20;

const dbOf = (pool: Pool): PgBoss.Db => ({
  executeSql: async (text, values) => ({ rows: (await pool.query(text, values)).rows as unknown[] }),
});

/**
 * How a job ended: pg-boss (10.4, manager.js, `onFetch`) waits for neither of these two statements, so that one that fails while the store
 * is away would end the whole process. A job whose end is not told is tried again once it has run out.
 */
const TELLS_THE_END =
  /^\s*WITH (?:results AS \(\s*UPDATE \w+\.job\s+SET completed_on|deleted_jobs AS \(\s*DELETE FROM \w+\.job\s+WHERE name = \$1)/;

const patientDbOf = (pool: Pool, onError: (error: Error) => void, asked: Set<Promise<unknown>>): PgBoss.Db => ({
  executeSql: async (text, values) => {
    const asking = pool.query(text, values);
    asked.add(asking);
    try {
      return { rows: (await asking).rows as unknown[] };
    } catch (error) {
      if (!TELLS_THE_END.test(text)) throw error;
      onError(error instanceof Error ? error : new Error(String(error)));
      return { rows: [{ count: '0' }] };
    } finally {
      asked.delete(asking);
    }
  },
});

/** Makes or updates the queue's tables. */
export async function setUpQueue(admin: Pool): Promise<void> {
  const boss = new PgBoss({ db: dbOf(admin), migrate: true, supervise: false, schedule: false });
  boss.on('error', () => undefined);
  await boss.start();
  // At most one job waits for a session and a webhook.
  await boss.createQueue(DELIVER, {
    name: DELIVER,
    policy: 'short',
    retryLimit: 5,
    retryDelay: 5,
    expireInSeconds: 300,
  });
  await boss.stop({ graceful: false, close: false, wait: true });
}

export const QUEUE_GRANTS = (role: string): string => `
  GRANT USAGE ON SCHEMA pgboss TO ${role};
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO ${role};`;

export interface Queue {
  readonly boss: PgBoss;
  /**
   * Once it was stopped: resolves when it asks the pool for nothing any more, or after so many milliseconds. pg-boss (10.4, worker.js) waits
   * for no jobs that it was just looking for when it was told to stop, and tells their end behind that.
   */
  readonly quiet: (mostMs: number) => Promise<void>;
}

/** For a gateway. */
export function makeQueue(pool: Pool, onError: (error: Error) => void): Queue {
  const asked = new Set<Promise<unknown>>();
  const boss = new PgBoss({
    db: patientDbOf(pool, onError, asked),
    migrate: false,
    supervise: true,
    schedule: false,
    maintenanceIntervalSeconds: 300,
  });
  boss.on('error', onError);
  const quiet = async (mostMs: number): Promise<void> => {
    const until = Date.now() + mostMs;
    do {
      await Promise.race([
        Promise.allSettled(asked),
        sleep(Math.max(0, until - Date.now()), undefined, { ref: false }),
      ]);
      // What follows on an answer is asked at once, or not at all.
      await sleep(TURN_MS);
    } while (asked.size > 0 && Date.now() < until);
  };
  return { boss, quiet };
}
