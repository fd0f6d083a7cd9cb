/** The transcript's reader: what the CLI and later the console show. */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { EventKind, StoredEvent } from './event.js';

const sessionRow = z.object({
  id: z.string(),
  opened_at: z.date(),
  subject: z.string(),
  client_id: z.string(),
  groups: z.array(z.string()),
  transport: z.string(),
  client: z.object({ name: z.string().nullable(), version: z.string().nullable() }),
  statements: z.coerce.number(),
  refused: z.coerce.number(),
  last_at: z.date().nullable(),
});

export type SessionSummary = z.infer<typeof sessionRow>;

const LIST = `
  SELECT s.id, s.opened_at, s.subject, s.client_id, s.groups, s.transport, s.client,
         count(e.*) FILTER (WHERE e.kind = 'statement_submitted') AS statements,
         count(e.*) FILTER (WHERE e.kind = 'statement_refused') AS refused,
         max(e.at) AS last_at
  FROM session s LEFT JOIN event e ON e.session_id = s.id
  WHERE $1::text IS NULL OR s.subject = $1 OR s.client_id = $1
  GROUP BY s.id ORDER BY s.opened_at DESC LIMIT $2`;

const EVENTS = `
  SELECT sequence::text, id, at, session_id AS session, statement_id AS statement, kind, body
  FROM event WHERE session_id = $1 ORDER BY sequence LIMIT $2`;

export class TranscriptReader {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async sessions(agent: string | undefined, limit: number): Promise<readonly SessionSummary[]> {
    const { rows } = await this.#pool.query(LIST, [agent ?? null, limit]);
    return z.array(sessionRow).parse(rows);
  }

  async events(session: string, limit = 10_000): Promise<readonly StoredEvent[]> {
    const { rows } = await this.#pool.query<Omit<StoredEvent, 'at' | 'kind'> & { at: Date; kind: EventKind }>(EVENTS, [
      session,
      limit,
    ]);
    return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
  }
}
