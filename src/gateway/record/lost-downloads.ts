/**
 * Downloads whose end nobody wrote down: their gateway was killed while it gave one out, or lost the store. Rows say where to look; that one
 * was opened, by which process, how many rows of it were about to leave, and that it has no end is what the record says.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import {
  EVENT_COLUMNS,
  isOurs,
  parsed,
  type RawEvent,
  type TranscriptStore,
  trustedKeys,
  withClient,
} from '../../transcript/index.js';

const OPENED = `
  SELECT t.id, t.session_id AS session, t.statement_id AS statement, t.opened_at AS opened FROM download t
  WHERE t.opened_at IS NOT NULL AND NOT (t.id = ANY($1)) ORDER BY t.opened_at`;
const openedRow = z.object({ id: z.string(), session: z.string(), statement: z.string(), opened: z.date() });
type Opened = z.infer<typeof openedRow>;

/** Whoever is at it holds the row: of all replicas one ends it. */
const LOCK = 'SELECT FROM download t WHERE t.id = $1 FOR UPDATE SKIP LOCKED';
/** No clock of ours is so far from the store's. */
const CLOCKS_DIFFER = "interval '5 minutes'";
const EVENTS = `
  SELECT ${EVENT_COLUMNS}, w.settled_at IS NOT NULL AS "isLost"
  FROM event e LEFT JOIN writer w ON w.id = e.writer
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.at >= $3::timestamptz - ${CLOCKS_DIFFER}
    AND e.kind IN ('download_opened', 'rows_fetched', 'download_ended') AND e.body->>'download' = $4
  ORDER BY e.position`;
type Told = RawEvent & { readonly isLost: boolean };

const bodyShape = z.object({
  format: z.string().nullish().catch(undefined),
  query_id: z.string().nullish().catch(undefined),
  rows: z.number().catch(0),
  bytes: z.number().catch(0),
});
/** Ids that are kept in memory. */
const MOST_KNOWN = 100_000;

const bodyOf = (event: RawEvent) => bodyShape.parse(parsed(event).body);

export class LostDownloads {
  readonly #transcript: TranscriptStore;
  readonly #silentMs: number;
  readonly #now: () => number;
  /** Those that have an end: nothing more comes of them. */
  #done = new Set<string>();

  /** `silentMs`: milliseconds of silence after which a process is taken for dead. */
  constructor(transcript: TranscriptStore, silentMs: number, now: () => number = Date.now) {
    this.#transcript = transcript;
    this.#silentMs = silentMs;
    this.#now = now;
  }

  /** Ends those of processes that were taken for dead. How many. Throws what the store does, and RecorderUnavailable. */
  async end(): Promise<number> {
    const { pool } = this.#transcript;
    const found = z.array(openedRow).parse((await pool.query(OPENED, [[...this.#done]])).rows);
    if (this.#done.size > MOST_KNOWN) this.#done = new Set();
    let ended = 0;
    for (const opened of found) {
      // Nobody can have been silent for longer than it is open.
      if (this.#now() - opened.opened.getTime() < this.#silentMs) continue;
      if (await this.#endOne(opened)) ended++;
    }
    return ended;
  }

  async #endOne(opened: Opened): Promise<boolean> {
    const { pool, recorder, sessions } = this.#transcript;
    const { id, session, statement } = opened;
    if ((await this.#lost(pool, opened)) === undefined) return false;
    return withClient(pool, async (client) => {
      await client.query('BEGIN');
      const isFree = (await client.query(LOCK, [id])).rowCount === 1;
      // Another may have ended it since.
      const lost = isFree ? await this.#lost(client, opened) : undefined;
      if (lost) {
        const { about, principal } = await this.#transcript.joined(session, statement);
        await sessions.learnKey(session);
        await recorder.append({
          kind: 'download_ended',
          sessionId: session,
          statementId: statement,
          body: { download: id, ...lost, end: 'unknown', about, principal },
        });
        this.#done.add(id);
      }
      await client.query('COMMIT');
      return lost !== undefined;
    });
  }

  /** What the record has of it; undefined where it has an end, or its process lives. */
  async #lost(queries: Pick<PoolClient, 'query'>, { id, session, statement, opened }: Opened) {
    const { pool, keys } = this.#transcript;
    const events = (await queries.query<Told>(EVENTS, [session, statement, opened, id])).rows;
    if (events.some(({ kind }) => kind === 'download_ended')) {
      this.#done.add(id);
      return undefined;
    }
    const trusted = { keys: trustedKeys(keys) };
    const begun = events.find(({ kind }) => kind === 'download_opened');
    if (!begun?.isLost || !(await isOurs(pool, begun, trusted))) return undefined;
    let [rows, bytes] = [0, 0];
    for (const event of events) {
      if (event.kind !== 'rows_fetched' || !(await isOurs(pool, event, trusted))) continue;
      const page = bodyOf(event);
      rows += page.rows;
      bytes += page.bytes;
    }
    const { format, query_id } = bodyOf(begun);
    return { format: format ?? null, query_id: query_id ?? null, rows, bytes };
  }
}
