/** The transcript's reader: what the CLI and later the console show. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { parsed, type RawEvent, type StoredEvent } from '../form/event.js';
import { OPENING_KINDS, REPORTED } from '../form/projection.js';
import { EVENT_COLUMNS } from './columns.js';
import { IS_CHANGE, LATER, REFUSED, type Sums, sums } from './counted.js';
import { idAt } from './search.js';

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
    SELECT count(*) AS statements, count(*) FILTER (WHERE ${REFUSED}) AS refused FROM statement t LEFT JOIN outcome o ON o.id = t.id WHERE t.session_id = s.id
  ) counted
  ORDER BY s.opened_at DESC, s.id DESC`;

const LIST = SUMMARY.replace(
  'WHICH',
  `($1::text IS NULL OR subject = $1 OR client_id = $1) AND (actor = 'agent' OR $3)
   AND ($4::uuid IS NULL OR (opened_at, id) < (SELECT p.opened_at, p.id FROM session p WHERE p.id = $4)) ORDER BY opened_at DESC, id DESC LIMIT $2`,
);
/** Of all statements of a session. */
const SUMS = `
  SELECT own.statements, own.refused, own.rows + later.rows_later AS rows, later.rows_later, own.rows_changed, own.bytes + later.bytes_later AS bytes
  FROM (
    SELECT count(*)::float8 AS statements, count(*) FILTER (WHERE ${REFUSED})::float8 AS refused,
           coalesce(sum(o.rows) FILTER (WHERE NOT ${IS_CHANGE}), 0)::float8 AS rows,
           coalesce(sum(o.rows) FILTER (WHERE ${IS_CHANGE}), 0)::float8 AS rows_changed, coalesce(sum(o.bytes), 0)::float8 AS bytes
    FROM statement s LEFT JOIN outcome o ON o.id = s.id WHERE s.session_id = $1
  ) own, (SELECT ${LATER} FROM event e WHERE e.session_id = $1 AND e.kind = 'rows_fetched') later`;
const ONE = SUMMARY.replace('WHICH', 'id = $1');

/** A prompt is tied to what its principal does for so long: what an agent does in one go. */
export const TIED_MS = 4 * 3_600_000;
/** By which clocks of two gateways may differ. */
const CLOCKS_MS = 3_600_000;

const EVENTS = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 ORDER BY e.position LIMIT $3`;

/** Of a statement, those that may have opened it; a session may have many other events between them and the statement's end. */
const OPENINGS = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.kind = ANY($3) AND ($4::timestamptz IS NULL OR e.at = $4) ORDER BY e.position LIMIT 100`;
/** Statements that these prompts (ids, times) were tied to: of the principal of their session, within the hours that a prompt outlasts. */
const TIED = `
  SELECT t.id, count(s.id)::int AS statements
  FROM unnest($2::text[], $3::uuid[], $4::uuid[]) AS t (id, from_id, to_id) JOIN session n ON n.id = $1
  LEFT JOIN statement s ON s.id >= t.from_id AND s.id < t.to_id AND s.terms @> ARRAY['is:${REPORTED}'] AND s.agent = n.subject AND EXISTS (
    SELECT FROM event e WHERE e.statement_id = s.id AND e.kind = ANY($5) AND e.body #>> '{prompt,id}' = t.id)
  GROUP BY 1`;
const tiedRow = z.object({ id: z.string(), statements: z.number() });

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

  /** What a session's statements come to, with the rows of later pages and files. */
  async sums(session: string): Promise<Sums> {
    const { rows } = await this.#pool.query(SUMS, [session]);
    return sums.parse(rows[0]);
  }

  /** How many statements prompts of a session were tied to, by the ids of the prompts. */
  async tied(
    session: string,
    prompts: readonly { readonly id: string; readonly at: Date }[],
  ): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#pool.query(TIED, [
      session,
      prompts.map(({ id }) => id),
      prompts.map(({ at }) => idAt(at)),
      prompts.map(({ at }) => idAt(new Date(at.getTime() + TIED_MS + CLOCKS_MS))),
      [...OPENING_KINDS],
    ]);
    return new Map(rows.map((row) => tiedRow.parse(row)).map(({ id, statements }) => [id, statements]));
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
