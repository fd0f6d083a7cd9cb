/**
 * Brings the store's tables up to date: numbered SQL files, each in a transaction, one after the other whoever else is at it. The lock is
 * one on a table that only its owner may take: whoever connects may take an advisory one, and a migration would wait for them for good.
 */
import { readdir, readFile } from 'node:fs/promises';
import { DatabaseError, type Pool } from 'pg';
import { withClient } from './client.js';

/** For what others have locked: while a change of a table waits, whoever writes waits behind it. */
const LOCK_TIMEOUT = '20s';
/** The names of a table are taken already: by another who has made it meanwhile. */
const MADE_MEANWHILE = ['23505', '42P07'];
const FOLDER = new URL('./migrations/', import.meta.url);

/** The extension may be in a schema of its own already; indexes are made with what it brings. */
const WITH_TRIGRAMS = `
  SELECT set_config('search_path', concat_ws(', ', 'public', (
    SELECT quote_ident(n.nspname) FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'pg_trgm' AND n.nspname <> 'public'
  )), false)`;

const TABLE =
  'CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())';
const DONE = 'SELECT FROM migration m WHERE m.name = $1';

/** The names of those that were applied now. */
export async function migrate(pool: Pool): Promise<readonly string[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  return withClient(pool, async (client) => {
    const applied: string[] = [];
    await client.query(WITH_TRIGRAMS);
    await client.query(TABLE).catch((error: unknown) => {
      if (!(error instanceof DatabaseError) || !MADE_MEANWHILE.includes(error.code ?? '')) throw error;
    });
    for (const file of files) {
      if ((await client.query(DONE, [file])).rowCount === 1) continue;
      const sql = await readFile(new URL(file, FOLDER), 'utf8');
      try {
        await client.query('BEGIN');
        await client.query('LOCK TABLE migration IN SHARE ROW EXCLUSIVE MODE');
        // Another may have been quicker.
        if ((await client.query(DONE, [file])).rowCount === 0) {
          await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
          await client.query(sql);
          await client.query('INSERT INTO migration (name) VALUES ($1)', [file]);
          applied.push(file);
        }
        await client.query('COMMIT');
      } catch (error) {
        throw new Error(`The migration ${file} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await client.query('RESET search_path');
    return applied;
  });
}

/** Migrations that the store still lacks. */
export async function pendingMigrations(pool: Pool): Promise<readonly string[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  const { rows } = await pool.query<{ found: string | null }>("SELECT to_regclass('migration')::text AS found");
  if (!rows[0]?.found) return files;
  const done = await pool.query<{ name: string }>('SELECT name FROM migration');
  const names = new Set(done.rows.map((row) => row.name));
  return files.filter((file) => !names.has(file));
}
