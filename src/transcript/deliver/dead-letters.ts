/** What webhooks did not take: what operators see of deliveries. What was given up is made from the record alone. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { RawEvent } from '../form/event.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import type { Proofs } from '../read/proved.js';
import type { Recorder } from '../write/recorder.js';
import { type Payload, post, type Webhook } from './webhook.js';

/** It was sent after all. */
export const recordRetried = (
  recorder: Pick<Recorder, 'append'>,
  webhook: string,
  session: string,
  position: number,
): Promise<unknown> =>
  recorder.append({
    kind: 'delivery_retried',
    sessionId: undefined,
    statementId: undefined,
    body: { webhook, session, position },
  });

/** What was given up and not sent after all, by the record alone. Found by the index event_of_webhook. */
const DEAD = `
  SELECT g.body->>'webhook' AS webhook, g.body->>'session' AS session_id, (g.body->>'position')::float8 AS position, max(g.at) AS given_up_at,
         (array_agg(g.body->>'problem' ORDER BY g.at DESC))[1] AS problem
  FROM event g
  WHERE g.kind = 'delivery_given_up' AND g.body->>'position' ~ '^[0-9]{1,15}$' AND g.body->>'session' ~ '^[0-9a-f-]{36}$'
    AND ($1::text IS NULL OR (left(g.body->>'webhook', 100) = left($1, 100) AND g.body->>'webhook' = $1))
    AND NOT EXISTS (
      SELECT FROM event r
      WHERE r.kind = 'delivery_retried' AND left(r.body->>'webhook', 100) = left(g.body->>'webhook', 100)
        AND left(r.body->>'session', 36) = left(g.body->>'session', 36) AND left(r.body->>'position', 20) = left(g.body->>'position', 20)
        AND r.body->>'webhook' = g.body->>'webhook' AND r.at >= g.at)
  GROUP BY 1, 2, 3`;

const ONE = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position = $2`;

const deadRow = z.object({
  webhook: z.string(),
  session_id: z.string(),
  position: z.coerce.number(),
  given_up_at: z.date(),
  problem: z.string(),
});
const stateRow = z.object({
  webhook: z.string(),
  sessions: z.coerce.number(),
  failing: z.coerce.number(),
  failing_since: z.date().nullable(),
  problem: z.string().nullable(),
  delivered_at: z.date().nullable(),
  dead: z.coerce.number(),
});

export type DeadLetter = z.infer<typeof deadRow>;
export type DeliveryState = z.infer<typeof stateRow>;

export async function deliveryStates(pool: Pool): Promise<readonly DeliveryState[]> {
  const { rows } = await pool.query(`
    SELECT w.name AS webhook, count(d.*) AS sessions, count(d.failing_since) AS failing, min(d.failing_since) AS failing_since,
           (array_agg(d.problem ORDER BY d.failing_since) FILTER (WHERE d.problem IS NOT NULL))[1] AS problem, max(d.delivered_at) AS delivered_at,
           (SELECT count(*) FROM (${DEAD.replaceAll('$1', 'w.name')}) l) AS dead
    FROM webhook w LEFT JOIN delivery d ON d.webhook = w.name GROUP BY w.name ORDER BY w.name`);
  return z.array(stateRow).parse(rows);
}

export async function deadLetters(pool: Pool, webhook: string | undefined): Promise<readonly DeadLetter[]> {
  const { rows } = await pool.query(`SELECT l.* FROM (${DEAD}) l ORDER BY l.given_up_at DESC LIMIT 1000`, [
    webhook ?? null,
  ]);
  return z.array(deadRow).parse(rows);
}

/** Sends dead letters once more, the oldest first; those that arrive are dead no more. Answers how many did, and the first problem. */
export async function retryDead(
  {
    pool,
    recorder,
    proofs,
  }: {
    readonly pool: Pool;
    readonly recorder: Pick<Recorder, 'append'>;
    readonly proofs: Proofs;
  },
  webhook: Webhook,
  payload: Payload,
): Promise<{ readonly sent: number; readonly problem: string | undefined }> {
  let sent = 0;
  const { rows } = await pool.query(`SELECT l.* FROM (${DEAD}) l ORDER BY l.session_id, l.position LIMIT 1000`, [
    webhook.name,
  ]);
  for (const { session_id: session, position } of z.array(deadRow).parse(rows)) {
    try {
      const { events, unproved } = await proofs.upTo((await pool.query<RawEvent>(ONE, [session, position])).rows);
      if (unproved) return { sent, problem: unproved.message };
      const event = events.find((one) => !proofs.isForged(one));
      const text = event && (await payload(event, webhook));
      if (text !== undefined) await post(webhook, `${session}.${position}`, text);
    } catch (error) {
      return { sent, problem: error instanceof Error ? error.message : String(error) };
    }
    await recordRetried(recorder, webhook.name, session, position);
    sent++;
  }
  return { sent, problem: undefined };
}
