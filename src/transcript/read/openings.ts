/** The event that began a statement, for whoever ends it without having begun it: after a crash, or where a person's word ends it. */
import type { Pool } from 'pg';
import { joinedOf } from '../form/end.js';
import type { RawEvent } from '../form/event.js';
import type { BatchesOptions } from './batches.js';
import { EVENT_COLUMNS } from './columns.js';
import { isOurs } from './signed-events.js';

const OPENING = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.statement_id = $1 AND e.session_id = $2 AND e.kind IN ('statement_submitted', 'statement_refused') ORDER BY e.sequence LIMIT 1`;

/** As `joinedOf`, or nothing where no event of ours began it. Throws where the store does not answer. */
export async function joinedFor(
  pool: Pool,
  session: string,
  statement: string,
  approval: Readonly<Record<string, unknown>> | undefined,
  proving: BatchesOptions,
): Promise<{ readonly about?: Readonly<Record<string, unknown>>; readonly principal?: unknown }> {
  const { rows } = await pool.query<RawEvent>({ name: 'opening_of', text: OPENING, values: [statement, session] });
  const [event] = rows;
  if (!event || !(await isOurs(pool, event, proving))) return {};
  const body = JSON.parse(event.body) as Readonly<Record<string, unknown>>;
  return { about: joinedOf(body, approval), principal: body['principal'] };
}
