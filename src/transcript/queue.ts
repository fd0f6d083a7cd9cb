/** The job queue: pg-boss in a schema of its own. The administrator makes its tables, gateways use them. */
import type { Pool } from 'pg';
import PgBoss from 'pg-boss';

export const DELIVER = 'deliver';

const dbOf = (pool: Pool): PgBoss.Db => ({
  executeSql: async (text, values) => ({ rows: (await pool.query(text, values)).rows as unknown[] }),
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

/** For a gateway. */
export function makeQueue(pool: Pool, onError: (error: Error) => void): PgBoss {
  const boss = new PgBoss({
    db: dbOf(pool),
    migrate: false,
    supervise: true,
    schedule: false,
    maintenanceIntervalSeconds: 300,
  });
  boss.on('error', onError);
  return boss;
}
