/** Legal holds: what is under one is neither archived nor erased. Placing and lifting one needs the administrator's rights. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { z } from 'zod';
import { actOf, type RecordAct } from './acts.js';

export interface Hold {
  readonly id: string;
  readonly session_id: string | null;
  readonly subject: string | null;
  /** Whose subject; of every issuer's where nothing is said. */
  readonly issuer: string | null;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: Date;
  readonly lifted_at: Date | null;
}

const holdRow = z.object({
  id: z.string(),
  session_id: z.string().nullable(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  reason: z.string(),
  placed_by: z.string(),
  placed_at: z.date(),
  lifted_at: z.date().nullable(),
});

export async function holds(pool: Pool): Promise<readonly Hold[]> {
  return z.array(holdRow).parse((await pool.query('SELECT * FROM hold ORDER BY placed_at')).rows);
}

/** On a session, or on everything of a principal (of all who bear the name, where no issuer is named). Answers its id. */
export async function placeHold(
  admin: Pool,
  what: { readonly session: string } | { readonly subject: string; readonly issuer?: string | undefined },
  reason: string,
  by: string,
  record: RecordAct,
): Promise<string> {
  const id = randomUUID();
  const [session, subject, issuer] =
    'session' in what ? [what.session, null, null] : [null, what.subject, what.issuer ?? null];
  await record(actOf('hold_placed', { hold: id, session, subject, issuer, reason, by }));
  await admin.query(
    'INSERT INTO hold (id, session_id, subject, issuer, reason, placed_by) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, session, subject, issuer, reason, by],
  );
  return id;
}

/** False where there is no such hold in force. */
export async function liftHold(admin: Pool, id: string, by: string, record: RecordAct): Promise<boolean> {
  const { rows } = await admin.query('SELECT FROM hold WHERE id = $1 AND lifted_at IS NULL', [id]);
  if (rows.length === 0) return false;
  await record(actOf('hold_lifted', { hold: id, by }));
  await admin.query('UPDATE hold SET lifted_at = now() WHERE id = $1', [id]);
  return true;
}
