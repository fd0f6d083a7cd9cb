/** What the console shows at a glance: what is going on, who the agents are, how the record itself is doing. */
import type { Pool } from 'pg';
import { z } from 'zod';
import { parsed, type RawEvent, type StoredEvent } from '../form/event.js';
import { EVENT_COLUMNS } from './columns.js';
import { EXPLAINED, IS_CHANGE, LATER, LATER_OF_STATEMENT, REFUSED } from './counted.js';
import { APPROVAL_END, IS_EXPLAINED, idAt, shownStatement } from './search.js';

export type ShownStatement = z.infer<typeof shownStatement>;

/** Lists show the beginning of a text; the statement's own page has all of it. */
const SHOWN_TEXT = 300;

const STATEMENT = `s.id, s.at, s.session_id, s.agent, s.kind, s.verdict, s.fingerprint, left(s.text, ${SHOWN_TEXT}) AS text, left(s.purpose, ${SHOWN_TEXT}) AS purpose, ${IS_EXPLAINED},
         o.state, ${APPROVAL_END} AS approval_end, o.rows, o.bytes, o.duration_ms, later.rows_later, later.bytes_later`;

const OF_SESSION = `
  SELECT ${STATEMENT} FROM statement s LEFT JOIN outcome o ON o.id = s.id ${LATER_OF_STATEMENT}
  WHERE s.session_id = $1 AND ($2::uuid IS NULL OR s.id > $2) ORDER BY s.id LIMIT $3`;
const OF_AGENT = `
  SELECT ${STATEMENT} FROM statement s JOIN session n ON n.id = s.session_id LEFT JOIN outcome o ON o.id = s.id ${LATER_OF_STATEMENT}
  WHERE s.agent = $1 AND n.issuer = $2 AND s.id < $3 ORDER BY s.id DESC LIMIT $4`;
const NEWEST = `SELECT ${STATEMENT} FROM statement s LEFT JOIN outcome o ON o.id = s.id ${LATER_OF_STATEMENT} WHERE s.id >= $1 ORDER BY s.id DESC LIMIT $2`;
const ONE = `SELECT session_id FROM statement WHERE id = $1`;
/** Of each kind so many of the first and as many of the last: whoever repeats one thing pushes nothing else out of sight. */
const OF_A_KIND = 25;
const MAX_EVENTS = 2000;
const EVENTS_OF = `
  WITH found AS MATERIALIZED (
    SELECT e.position, row_number() OVER of_kind AS nth, row_number() OVER (PARTITION BY e.kind ORDER BY e.position DESC) AS last,
           count(*) OVER () AS total
    FROM event e WHERE e.session_id = $1 AND e.statement_id = $2 WINDOW of_kind AS (PARTITION BY e.kind ORDER BY e.position)
  )
  SELECT ${EVENT_COLUMNS}, f.total::float8 AS total FROM found f JOIN event e ON e.session_id = $1 AND e.position = f.position
  WHERE least(f.nth, f.last) <= ${OF_A_KIND} ORDER BY e.position LIMIT ${MAX_EVENTS}`;

/** At most ten of each agent, so that none fills the page alone. */
const LIVE = `
  SELECT s.id, s.issuer, s.subject AS agent, s.groups, s.transport, s.client, s.opened_at, c.last_at, counted.statements, counted.refused, latest.text, latest.purpose, latest.verdict
  FROM (
    SELECT c.session_id, c.last_at, row_number() OVER (PARTITION BY s.issuer, s.subject ORDER BY c.last_at DESC) AS nth
    FROM chain c JOIN session s ON s.id = c.session_id WHERE c.is_open AND s.actor = 'agent' AND c.last_at > $1
  ) c
  JOIN session s ON s.id = c.session_id
  CROSS JOIN LATERAL (
    SELECT count(*) AS statements, count(*) FILTER (WHERE ${REFUSED}) AS refused FROM statement t LEFT JOIN outcome o ON o.id = t.id WHERE t.session_id = s.id
  ) counted
  LEFT JOIN LATERAL (
    SELECT left(t.text, ${SHOWN_TEXT}) AS text, t.purpose, t.verdict FROM statement t WHERE t.session_id = s.id ORDER BY t.id DESC LIMIT 1
  ) latest ON true
  WHERE c.nth <= 10 ORDER BY c.last_at DESC LIMIT 100`;

const liveRow = z.object({
  id: z.string(),
  issuer: z.string(),
  agent: z.string(),
  groups: z.array(z.string()),
  transport: z.string(),
  client: z.object({ name: z.string().nullable(), version: z.string().nullable() }),
  opened_at: z.date(),
  last_at: z.date(),
  statements: z.coerce.number(),
  refused: z.coerce.number(),
  text: z.string().nullable(),
  purpose: z.string().nullable(),
  verdict: z.string().nullable(),
});

const VERDICTS = `
  SELECT to_timestamp(floor(extract(epoch FROM s.at) / $2) * $2) AS at,
         CASE WHEN ${REFUSED} THEN 'denied' ELSE s.verdict END AS verdict,
         count(*) AS statements
  FROM statement s LEFT JOIN outcome o ON o.id = s.id WHERE s.id >= $1 AND NOT ${EXPLAINED} GROUP BY 1, 2 ORDER BY 1`;
const verdictRow = z.object({ at: z.date(), verdict: z.string(), statements: z.coerce.number() });

/** By when it was given out: a page of today is today's, whenever its statement was sent. */
const BYTES = `
  WITH given AS (
    SELECT n.issuer, s.agent, coalesce(o.bytes, 0) AS bytes, CASE WHEN ${IS_CHANGE} THEN 0 ELSE coalesce(o.rows, 0) END AS rows, 1 AS statements
    FROM statement s JOIN session n ON n.id = s.session_id LEFT JOIN outcome o ON o.id = s.id WHERE s.id >= $1
    UNION ALL
    SELECT n.issuer, n.subject, later.bytes_later, later.rows_later, 0
    FROM (SELECT e.session_id, ${LATER} FROM event e WHERE e.kind = 'rows_fetched' AND e.at >= $2 GROUP BY 1) later
    JOIN session n ON n.id = later.session_id
  )
  SELECT issuer, agent, sum(bytes) AS bytes, sum(rows) AS rows, sum(statements) AS statements
  FROM given GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 8`;
const bytesRow = z.object({
  issuer: z.string(),
  agent: z.string(),
  bytes: z.coerce.number(),
  rows: z.coerce.number(),
  statements: z.coerce.number(),
});

/** Counted once for each agent, not for each of its sessions: whoever opens many makes no more work by that. */
const AGENTS = `
  SELECT newest.*, counted.statements, counted.refused, counted.first_at
  FROM (
    SELECT DISTINCT ON (s.issuer, s.subject) s.issuer, s.subject AS agent, s.client_id, s.groups, c.last_at
    FROM session s JOIN chain c ON c.session_id = s.id WHERE s.actor = 'agent' AND s.opened_at > $2
    ORDER BY s.issuer, s.subject, c.last_at DESC
  ) newest
  CROSS JOIN LATERAL (
    SELECT count(*) AS statements, count(*) FILTER (WHERE ${REFUSED}) AS refused, min(t.at) AS first_at
    FROM statement t JOIN session n ON n.id = t.session_id LEFT JOIN outcome o ON o.id = t.id WHERE t.agent = newest.agent AND n.issuer = newest.issuer AND t.id >= $1
  ) counted
  ORDER BY newest.issuer, newest.agent`;
const agentRow = z.object({
  issuer: z.string(),
  agent: z.string(),
  client_id: z.string(),
  groups: z.array(z.string()),
  last_at: z.date(),
  statements: z.coerce.number(),
  refused: z.coerce.number(),
  first_at: z.date().nullable(),
});
export type AgentSummary = z.infer<typeof agentRow>;

/** By their code: what was let wait or run at first has that of its end. */
const REFUSED_BY = `
  SELECT term, count(*) AS n FROM (
    SELECT coalesce((SELECT one FROM unnest(s.terms) AS one WHERE one LIKE 'code:%' LIMIT 1), (
      SELECT 'code:' || CASE e.kind WHEN 'approval_decided' THEN 'APPROVAL_DENIED' WHEN 'approval_expired' THEN 'APPROVAL_EXPIRED'
                             ELSE left(e.body->'denial'->>'code', 64) END
      FROM event e WHERE e.statement_id = s.id AND e.kind IN ('statement_refused', 'approval_decided', 'approval_expired')
      ORDER BY e.sequence DESC LIMIT 1), 'code:UNKNOWN') AS term
    FROM statement s JOIN session n ON n.id = s.session_id JOIN outcome o ON o.id = s.id
    WHERE s.agent = $1 AND n.issuer = $2 AND s.id >= $3 AND ${REFUSED}
  ) ended GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30`;
const READS = `
  SELECT term, count(*) AS n FROM statement s JOIN session n ON n.id = s.session_id CROSS JOIN LATERAL unnest(s.terms) AS term
  WHERE s.agent = $1 AND n.issuer = $2 AND s.id >= $3 AND s.verdict <> 'denied' AND term LIKE 'table:%.%.%' GROUP BY 1 ORDER BY 2 DESC LIMIT 10`;
const termRow = z.object({ term: z.string(), n: z.coerce.number() });

const INTEGRITY = `
  SELECT (SELECT coalesce(sum(length), 0) FROM chain) AS events, (SELECT count(*) FROM chain) AS sessions, (SELECT count(*) FROM chain WHERE NOT is_covered) AS uncovered,
         (SELECT count(*) FROM running) AS running, (SELECT coalesce(max(size), 0) FROM checkpoint) AS size`;
const integrityRow = z.object({
  events: z.coerce.number(),
  sessions: z.coerce.number(),
  uncovered: z.coerce.number(),
  running: z.coerce.number(),
  size: z.coerce.number(),
});
const CHECKPOINTS = `
  SELECT c.size::float8 AS size, c.note, l.at FROM checkpoint c LEFT JOIN leaf l ON l.position = c.size - 1 ORDER BY c.size DESC LIMIT 20`;
const checkpointRow = z.object({ size: z.number(), note: z.string(), at: z.date().nullable() });

/** The newest of each kind: a hundred looks at the record leave what was erased from it in sight. */
const ACTS_OF_A_KIND = 50;
const ABOUT_RECORD = `
  WITH found AS MATERIALIZED (
    SELECT e.session_id, e.position, row_number() OVER (PARTITION BY e.kind ORDER BY e.sequence DESC) AS nth, count(*) OVER () AS total
    FROM event e
    WHERE e.kind IN ('integrity_problem', 'notary_started', 'record_verified', 'events_archived', 'keys_rotated', 'keys_erased', 'record_exported', 'record_viewed', 'hold_placed', 'hold_lifted')
      AND e.at > $1
  )
  SELECT ${EVENT_COLUMNS}, f.total::float8 AS total, n.actor AS writer_is, n.subject AS writer_name
  FROM found f JOIN event e ON e.session_id = f.session_id AND e.position = f.position JOIN session n ON n.id = f.session_id
  WHERE f.nth <= ${ACTS_OF_A_KIND} ORDER BY e.sequence DESC`;

/** An act on the record, and whose session it stands in: a gateway's own, or that of somebody at the command line. */
export interface Act extends StoredEvent {
  readonly by: { readonly is: string; readonly name: string };
}
type RawAct = RawEvent & { readonly total: number; readonly writer_is: string; readonly writer_name: string };

/** Events, and how many more there are that are not among them. */
export interface Extract {
  readonly events: readonly StoredEvent[];
  readonly leftOut: number;
}

function extractOf(rows: readonly (RawEvent & { readonly total: number })[]): Extract {
  const events = rows.map(({ total: _, ...row }) => parsed(row));
  return { events, leftOut: (rows[0]?.total ?? 0) - events.length };
}

function actsOf(rows: readonly RawAct[]): { readonly events: readonly Act[]; readonly leftOut: number } {
  const events = rows.map(({ total: _, writer_is: is, writer_name: name, ...row }) => ({
    ...parsed(row),
    by: { is, name },
  }));
  return { events, leftOut: (rows[0]?.total ?? 0) - events.length };
}

/** A principal. */
interface Whose {
  readonly issuer: string;
  readonly subject: string;
}

export class Overview {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async #rows<T>(shape: z.ZodType<T>, sql: string, values: readonly unknown[]): Promise<readonly T[]> {
    return z.array(shape).parse((await this.#pool.query(sql, [...values])).rows);
  }

  /** Of one session, in order, from after a statement on. */
  statements(session: string, after: string | undefined, limit: number): Promise<readonly ShownStatement[]> {
    return this.#rows(shownStatement, OF_SESSION, [session, after ?? null, limit]);
  }

  /** Of one agent, newest first, from before a statement or a time on. */
  history({ issuer, subject }: Whose, before: string | Date, limit: number): Promise<readonly ShownStatement[]> {
    return this.#rows(shownStatement, OF_AGENT, [
      subject,
      issuer,
      typeof before === 'string' ? before : idAt(before),
      limit,
    ]);
  }

  newest(since: Date, limit: number): Promise<readonly ShownStatement[]> {
    return this.#rows(shownStatement, NEWEST, [idAt(since), limit]);
  }

  /** What happened to one statement; empty where there is none. */
  async eventsOf(statement: string): Promise<Extract> {
    const { rows } = await this.#pool.query<{ session_id: string }>(ONE, [statement]);
    const session = rows[0]?.session_id;
    if (session === undefined) return { events: [], leftOut: 0 };
    return extractOf((await this.#pool.query<RawEvent & { total: number }>(EVENTS_OF, [session, statement])).rows);
  }

  /** Agents' sessions that are open and were used since then. */
  live(since: Date) {
    return this.#rows(liveRow, LIVE, [since]);
  }

  /** How many statements had which verdict, in spans of so many seconds; those that were only explained are none of them. */
  verdicts(since: Date, seconds: number) {
    return this.#rows(verdictRow, VERDICTS, [idAt(since), seconds]);
  }

  /** Who read most. */
  bytesByAgent(since: Date) {
    return this.#rows(bytesRow, BYTES, [idAt(since), since]);
  }

  /** Whoever was here since `active`; their statements since `counted`. */
  agents(active: Date, counted: Date): Promise<readonly AgentSummary[]> {
    return this.#rows(agentRow, AGENTS, [idAt(counted), active]);
  }

  async habits({ issuer, subject }: Whose, since: Date) {
    const values = [subject, issuer, idAt(since)];
    // Codes and plain names are written in capitals; terms are kept in small letters.
    const plain = ({ term, n }: z.infer<typeof termRow>) => ({
      name: term.slice(term.indexOf(':') + 1).toUpperCase(),
      count: n,
    });
    return {
      refused: (await this.#rows(termRow, REFUSED_BY, values)).map(plain),
      tables: (await this.#rows(termRow, READS, values)).map(plain),
    };
  }

  async integrity(since: Date) {
    const [counts] = await this.#rows(integrityRow, INTEGRITY, []);
    return {
      ...(counts ?? { events: 0, sessions: 0, uncovered: 0, running: 0, size: 0 }),
      checkpoints: await this.#rows(checkpointRow, CHECKPOINTS, []),
      acts: actsOf((await this.#pool.query<RawAct>(ABOUT_RECORD, [since])).rows),
    };
  }
}
