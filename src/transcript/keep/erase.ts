/** The keys of sessions: encrypting them anew, and doing away with them. Both need the administrator's rights. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Vault } from '../write/vault.js';

const keyRow = z.object({ session_id: z.string(), key_id: z.string(), wrapped: z.instanceof(Buffer) });
const AT_ONCE = 1000;

/** How many keys each of the operator's keys holds. */
export async function keyCounts(pool: Pool): Promise<readonly { readonly keyId: string; readonly sessions: number }[]> {
  const { rows } = await pool.query(
    'SELECT key_id, count(*)::int AS sessions FROM session_key GROUP BY key_id ORDER BY key_id',
  );
  return z
    .array(z.object({ key_id: z.string(), sessions: z.number() }))
    .parse(rows)
    .map(({ key_id: keyId, sessions }) => ({ keyId, sessions }));
}

/** Encrypts all sessions' keys with the first of the vault's keys; how many it changed. Throws where one can't be opened. */
export async function rotateKeys(admin: Pool, vault: Vault): Promise<number> {
  let changed = 0;
  for (;;) {
    const { rows } = await admin.query('SELECT * FROM session_key WHERE key_id <> $1 ORDER BY session_id LIMIT $2', [
      vault.currentKeyId,
      AT_ONCE,
    ]);
    const keys = z.array(keyRow).parse(rows);
    for (const { session_id: session, key_id: keyId, wrapped } of keys) {
      const next = vault.rewrap(session, { keyId, wrapped });
      await admin.query('UPDATE session_key SET key_id = $2, wrapped = $3 WHERE session_id = $1 AND key_id = $4', [
        session,
        next.keyId,
        next.wrapped,
        keyId,
      ]);
      changed++;
    }
    if (keys.length < AT_ONCE) return changed;
  }
}

export interface Erasure {
  readonly sessions: readonly string[];
  readonly subject: string | undefined;
  /** Whose; of every issuer's where nothing is said. */
  readonly issuer?: string | undefined;
  readonly before: Date | undefined;
}

const WHICH = `
  k.session_id = s.id AND ($1::uuid[] IS NULL OR s.id = ANY($1)) AND ($2::text IS NULL OR s.subject = $2 OR s.client_id = $2) AND ($4::text IS NULL OR s.issuer = $4)
  AND ($3::timestamptz IS NULL OR (SELECT c.last_at FROM chain c WHERE c.session_id = s.id) < $3)`;

const valuesOf = ({ sessions, subject, issuer, before }: Erasure): unknown[] => [
  sessions.length === 0 ? null : sessions,
  subject ?? null,
  before ?? null,
  issuer ?? null,
];

/** Whose sessions an erasure would take. */
export async function issuersToErase(pool: Pool, erasure: Erasure): Promise<readonly string[]> {
  const { rows } = await pool.query(
    `SELECT DISTINCT s.issuer FROM session_key k, session s WHERE ${WHICH} ORDER BY 1`,
    valuesOf(erasure),
  );
  return z
    .array(z.object({ issuer: z.string() }))
    .parse(rows)
    .map(({ issuer }) => issuer);
}

/** How many sessions' texts an erasure would take. */
export async function countKeys(pool: Pool, erasure: Erasure): Promise<number> {
  const { rows } = await pool.query(
    `SELECT count(*)::int AS n FROM session_key k, session s WHERE ${WHICH}`,
    valuesOf(erasure),
  );
  return z.object({ n: z.number() }).parse(rows[0]).n;
}

const NOT_HELD =
  'NOT EXISTS (SELECT FROM hold h WHERE h.lifted_at IS NULL AND (h.session_id = s.id OR (h.subject = s.subject AND coalesce(h.issuer = s.issuer, true))))';
const ERASED_AT_ONCE = 2000;

/**
 * Takes the keys away, for good; how many. What is under a legal hold stays. `record` hears before each step which sessions it is
 * about, and has to have that written down.
 */
export async function eraseKeys(
  admin: Pool,
  erasure: Erasure,
  record: (sessions: readonly string[]) => Promise<void>,
): Promise<number> {
  let erased = 0;
  for (;;) {
    const { rows } = await admin.query<{ id: string }>(
      `SELECT s.id FROM session_key k, session s WHERE ${WHICH} AND ${NOT_HELD} ORDER BY s.id LIMIT ${ERASED_AT_ONCE}`,
      valuesOf(erasure),
    );
    const sessions = rows.map(({ id }) => id);
    if (sessions.length === 0) return erased;
    await record(sessions);
    await admin.query('DELETE FROM session_key WHERE session_id = ANY($1)', [sessions]);
    erased += sessions.length;
  }
}
