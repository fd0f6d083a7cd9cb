/** The transcript's reader: what the CLI and later the console show. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { parsed, type RawEvent, type StoredEvent } from '../form/event.js';
import { OPENING_KINDS } from '../form/projection.js';
import { EVENT_COLUMNS } from './columns.js';

/** A session as lists show it. */
export const sessionSummary = z.object({
  id: z.string(),
  opened_at: z.date(),
  last_at: z.date(),
  is_open: z.boolean(),
  actor: z.enum(['agent', 'gateway', 'operator']),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  groups: z.array(z.string()),
  transport: z.string(),
  address: z.string().nullable(),
  client: z.object({ name: z.string().nullable(), version: z.string().nullable() }),
  events: z.coerce.number(),
  statements: z.coerce.number(),
  refused: z.coerce.number(),
});

export type SessionSummary = z.infer<typeof sessionSummary>;

const SUMMARY = `
  SELECT s.id, s.opened_at, c.last_at, c.is_open, s.actor, s.issuer, s.subject, s.client_id, s.groups, s.transport, s.address, s.client,
         c.length AS events, counted.statements, counted.refused
  FROM (SELECT * FROM session WHERE WHICH) s
  JOIN chain c ON c.session_id = s.id
  CROSS JOIN LATERAL (
    SELECT count(*) AS statements, count(*) FILTER (WHERE t.verdict = 'denied') AS refused FROM statement t WHERE t.session_id = s.id
  ) counted
  ORDER BY s.opened_at DESC, s.id DESC`;

const LIST = SUMMARY.replace(
  'WHICH',
  `($1::text IS NULL OR subject = $1 OR client_id = $1) AND (actor = 'agent' OR $3)
   AND ($4::uuid IS NULL OR (opened_at, id) < (SELECT p.opened_at, p.id FROM session p WHERE p.id = $4)) ORDER BY opened_at DESC, id DESC LIMIT $2`,
);
const ONE = SUMMARY.replace('WHICH', 'id = $1');

const EVENTS = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 ORDER BY e.position LIMIT $3`;

/** Of a statement, those that may have opened it; a session may have many other events between them and the statement's end. */
const OPENINGS = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.kind = ANY($3) AND ($4::timestamptz IS NULL OR e.at = $4) ORDER BY e.position LIMIT 100`;
/** The moment stands in the keys of events, so that nothing else of the session is read. */
const OPENED_AT = 'SELECT s.at FROM statement s WHERE s.id = $1 AND s.session_id = $2';
const openedAt = z.object({ at: z.date() });

export class TranscriptReader {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The newest, or those that began before one of them. `all`: the gateway's own and operators' too. */
  async sessions(
    agent: string | undefined,
    limit: number,
    { all = false, after }: { readonly all?: boolean; readonly after?: string | undefined } = {},
  ): Promise<{ readonly sessions: readonly SessionSummary[]; readonly next: string | undefined }> {
    const { rows } = await this.#pool.query(LIST, [agent ?? null, limit + 1, all, after ?? null]);
    const sessions = z.array(sessionSummary).parse(rows.slice(0, limit));
    return { sessions, next: rows.length > limit ? sessions.at(-1)?.id : undefined };
  }

  async session(id: string): Promise<SessionSummary | undefined> {
    const { rows } = await this.#pool.query(ONE, [id]);
    return rows[0] === undefined ? undefined : sessionSummary.parse(rows[0]);
  }

  /**
   * What opened a statement, before anything of it is proved: in most cases one event. By the row that search has of it, and only where that
   * leads nowhere by looking the session through, in the database.
   */
  async openingsOf(session: string, statement: string): Promise<readonly StoredEvent[]> {
    const row = (await this.#pool.query(OPENED_AT, [statement, session])).rows[0];
    const look = async (at: Date | null): Promise<readonly StoredEvent[]> =>
      (await this.#pool.query<RawEvent>(OPENINGS, [session, statement, [...OPENING_KINDS], at])).rows.map(parsed);
    const found = row === undefined ? [] : await look(openedAt.parse(row).at);
    return found.length > 0 ? found : look(null);
  }

  /** Of one session, from a position on. */
  async events(session: string, from = 0, limit = 10_000): Promise<readonly StoredEvent[]> {
    const { rows } = await this.#pool.query<RawEvent>({
      name: 'session_events',
      text: EVENTS,
      values: [session, from, limit],
    });
    return rows.map(parsed);
  }
}
