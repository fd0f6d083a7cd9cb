/** Brings the store's tables up to date: numbered SQL files, each in a transaction, under one lock for all replicas. */
import { readdir, readFile } from 'node:fs/promises';
import type { Pool } from 'pg';
import { withClient } from './client.js';

const LOCK = 7_016_642;
const FOLDER = new URL('./migrations/', import.meta.url);

/** The extension may be in a schema of its own already; indexes are made with what it brings. */
const WITH_TRIGRAMS = `
  SELECT set_config('search_path', concat_ws(', ', 'public', (
    SELECT quote_ident(n.nspname) FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'pg_trgm' AND n.nspname <> 'public'
  )), false)`;

/** The names of those that were applied now. */
export async function migrate(pool: Pool): Promise<readonly string[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  return withClient(pool, async (client) => {
    const applied: string[] = [];
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(WITH_TRIGRAMS);
    await client.query(
      'CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const { rows } = await client.query<{ name: string }>('SELECT name FROM migration');
    const done = new Set(rows.map((row) => row.name));
    for (const file of files) {
      if (done.has(file)) continue;
      const sql = await readFile(new URL(file, FOLDER), 'utf8');
      await client.query('BEGIN');
      try {
        await client.query(sql);
        await client.query('INSERT INTO migration (name) VALUES ($1)', [file]);
        await client.query('COMMIT');
      } catch (error) {
        throw new Error(`The migration ${file} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      applied.push(file);
    }
    await client.query('RESET search_path');
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]);
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
