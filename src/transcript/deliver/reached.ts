/**
 * Whom webhooks have told of something, as far as we know it: their receivers took it, it is on its way, or it was given up. What a receiver
 * does with it, and whether a person reads it, nobody knows here.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { EventKind } from '../form/event.js';
import type { SealedRows } from '../rows/sealed.js';
import type { Webhook } from './webhook.js';

export interface Reached {
  readonly webhook: string;
  readonly state: 'sent' | 'on its way' | 'given up';
}

const FIRST = `
  SELECT e.position::float8 AS position FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.kind = $3 ORDER BY e.position LIMIT 1`;
const PLACES = 'WHERE t.session_id = $1 AND t.webhook = ANY($2)';
/** What was said of it last, by the index event_of_webhook. */
const GIVEN_UP = `
  SELECT g.kind FROM event g
  WHERE g.kind IN ('delivery_given_up', 'delivery_retried') AND left(g.body->>'webhook', 100) = left($1, 100)
    AND left(g.body->>'session', 36) = $2 AND left(g.body->>'position', 20) = $3
  ORDER BY g.sequence DESC LIMIT 1`;
const kindRow = z.object({ kind: z.string() });

const firstRow = z.object({ position: z.number() });
const placeRow = z.object({ webhook: z.string(), position: z.number() });

/** Of the first event of a kind that a statement has; the webhooks are those that take such events. Throws where the store does not answer. */
export async function reached(
  {
    pool,
    rows,
    webhooks,
  }: { readonly pool: Pool; readonly rows: SealedRows; readonly webhooks: readonly Pick<Webhook, 'name'>[] },
  kind: EventKind,
  { session, statement }: { readonly session: string; readonly statement: string },
): Promise<readonly Reached[]> {
  const names = webhooks.map(({ name }) => name);
  const first = (await pool.query(FIRST, [session, statement, kind])).rows.map(
    (row) => firstRow.parse(row).position,
  )[0];
  const places = (await rows.select(pool, 'delivery', PLACES, [session, names])).map((row) => placeRow.parse(row));
  const all: Reached[] = [];
  for (const webhook of names) {
    const place = places.find((one) => one.webhook === webhook);
    const isPast = first !== undefined && place !== undefined && place.position > first;
    const last = isPast ? (await pool.query(GIVEN_UP, [webhook, session, String(first)])).rows[0] : undefined;
    const isGivenUp = last !== undefined && kindRow.parse(last).kind === 'delivery_given_up';
    all.push({ webhook, state: isGivenUp ? 'given up' : isPast ? 'sent' : 'on its way' });
  }
  return all;
}
