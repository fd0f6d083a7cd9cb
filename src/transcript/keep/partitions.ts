/** The partitions of weeks: made ahead, and made anew with what stays of them. */
import type { Pool, PoolClient } from 'pg';
import { OPENING_KINDS, OUTCOME_KINDS } from '../form/projection.js';

const WEEKS_AHEAD = 8;

/** Last week's, for what comes late, up to some weeks ahead. */
export async function ensurePartitions(pool: Pool): Promise<void> {
  await pool.query("SELECT ensure_partitions(now() - interval '7 days', $1)", [WEEKS_AHEAD + 1]);
}

/** The partition of a week is made anew with what stays of it. */
export async function remake(client: PoolClient, parent: string, suffix: string, stays: string): Promise<void> {
  const table = `${parent}_${suffix}`;
  const { rows } = await client.query<{ bounds: string }>(
    'SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class WHERE oid = $1::regclass',
    [table],
  );
  await client.query(`ALTER TABLE ${parent} DETACH PARTITION ${table}`);
  await client.query(`ALTER TABLE ${table} RENAME TO ${parent}_going`);
  await client.query(`CREATE TABLE ${table} PARTITION OF ${parent} ${rows[0]?.bounds ?? ''}`);
  await client.query(`INSERT INTO ${parent} SELECT * FROM ${parent}_going t WHERE ${stays}`);
  await client.query(`DROP TABLE ${parent}_going`);
}

const listOf = (kinds: readonly string[]): string => kinds.map((kind) => `'${kind}'`).join(', ');

/** A row of search stays where the event that it follows from does: asked once all events that go are gone. */
export async function remakeSearch(client: PoolClient, suffix: string): Promise<void> {
  await client.query(`
    CREATE TEMP TABLE staying ON COMMIT DROP AS
    SELECT statement_id AS id, bool_or(kind IN (${listOf(OPENING_KINDS)})) AS opens,
           bool_or(kind IN (${listOf(OUTCOME_KINDS)})) AS ends
    FROM event WHERE statement_id IN (SELECT id FROM statement_${suffix} UNION ALL SELECT id FROM outcome_${suffix}) GROUP BY statement_id`);
  await remake(client, 'statement', suffix, 't.id IN (SELECT id FROM staying WHERE opens)');
  await remake(client, 'outcome', suffix, 't.id IN (SELECT id FROM staying WHERE ends)');
  await client.query('DROP TABLE staying');
}
