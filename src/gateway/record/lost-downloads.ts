/**
 * Downloads whose end nobody wrote down: their gateway was killed while it gave one out, or lost the store. That one was opened, by which
 * process, how many rows of it were about to leave and that it has no end is what the record says, in events that gateways of ours have
 * signed; no row has a say. What others put in is told of once, and costs no more than the time of one look.
 */
import type { PoolClient } from 'pg';
import { z } from 'zod';
import {
  EVENT_COLUMNS,
  oursAmong,
  parsed,
  type RawEvent,
  type TranscriptStore,
  trustedKeys,
  withClient,
} from '../../transcript/index.js';

/** Events that are read at once, and for how long a look goes on before the rest waits for the next one. */
const AT_ONCE = 200;
const LOOK_MS = 2000;
/** What is older went to an archive, or `verify` names it. */
const LOOK_BACK = "interval '31 days'";
/** Events are seen in another order than that of their numbers, but not for so long. */
const SETTLED_MS = 600_000;
/** Ends that are looked at of one download: it has one, and whoever puts in others is told of. */
const MOST_ENDS = 100;
/** What is kept in memory. */
const MOST_KNOWN = 100_000;

/** After $1, a sequence. A process that nobody knows is gone like one that was taken for dead. */
const OPENED = `
  SELECT ${EVENT_COLUMNS}, w.id IS NULL OR w.settled_at IS NOT NULL AS "isLost"
  FROM event e LEFT JOIN writer w ON w.id = e.writer
  WHERE e.kind = 'download_opened' AND e.sequence > $1::bigint AND e.at > now() - ${LOOK_BACK}
  ORDER BY e.sequence LIMIT ${AT_ONCE}`;
type Opened = RawEvent & { readonly isLost: boolean };

/** Of all replicas one ends it: a place of its own, whatever becomes of its row. */
const ALONE = 'SELECT FROM approval_turn t WHERE t.n = hashtextextended($1, 0) & 255 FOR UPDATE SKIP LOCKED';
/** Of what came after it was opened; one that was not opened for a denial has an end before. */
const AFTER = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.position > $3 AND e.kind = $4 AND e.body->>'download' = $5
  ORDER BY e.position`;

const bodyShape = z.object({
  download: z.string(),
  format: z.string().nullish().catch(undefined),
  query_id: z.string().nullish().catch(undefined),
  rows: z.number().catch(0),
  bytes: z.number().catch(0),
});
const bodyOf = (event: RawEvent) => bodyShape.safeParse(parsed(event).body).data;

/** One that was opened, as its event says. */
interface Begun {
  readonly event: Opened;
  readonly statement: string;
  readonly body: z.infer<typeof bodyShape>;
}

type State = 'ended' | 'open' | 'in doubt';

export class LostDownloads {
  readonly #transcript: TranscriptStore;
  readonly #silentMs: number;
  readonly #now: () => number;
  /** By the hash of their event: those that have an end, and those that are none of ours. Nothing more comes of them. */
  #ended = new Set<string>();
  #strangers = new Set<string>();
  /** Up to here all of ours are ended. */
  #behind = 0n;
  /** Where the next look goes on; undefined at the beginning of a round. */
  #at: bigint | undefined;
  #isWhole = true;

  /** `silentMs`: milliseconds of silence after which a process is taken for dead. */
  constructor(transcript: TranscriptStore, silentMs: number, now: () => number = Date.now) {
    this.#transcript = transcript;
    this.#silentMs = silentMs;
    this.#now = now;
  }

  /**
   * Ends those of processes that were taken for dead, for two seconds at most: what is left is looked at the next time. How many. Throws what
   * the store does, and RecorderUnavailable.
   */
  async end(): Promise<number> {
    const until = performance.now() + LOOK_MS;
    let ended = 0;
    for (;;) {
      if (this.#at === undefined) {
        this.#at = this.#behind;
        this.#isWhole = true;
      }
      const { rows } = await this.#transcript.pool.query<Opened>(OPENED, [this.#at.toString()]);
      const unknown = rows.filter((event) => this.#isUnknown(event));
      const ours = await this.#oursAmong(this.#transcript.pool, unknown);
      for (const event of unknown) if (!ours.has(event)) this.#isNobodys(event);
      for (const event of rows) {
        if (await this.#look(event)) ended++;
        this.#at = BigInt(event.sequence);
        if (performance.now() > until) return ended;
      }
      if (rows.length < AT_ONCE) {
        this.#at = undefined;
        return ended;
      }
    }
  }

  /** Whether it was ended now. */
  async #look(event: Opened): Promise<boolean> {
    if (this.#strangers.has(event.hash)) return false;
    const hasEnded = this.#isUnknown(event) && (await this.#endOne(event));
    if (this.#strangers.has(event.hash)) return false;
    if (!this.#ended.has(event.hash)) this.#isWhole = false;
    else if (this.#isWhole && this.#now() - Date.parse(event.at) > SETTLED_MS) this.#behind = BigInt(event.sequence);
    return hasEnded;
  }

  /** Whether it may have to be ended: nobody can have been silent for longer than it is open. */
  #isUnknown({ hash, at }: RawEvent): boolean {
    const isKnown = this.#ended.has(hash) || this.#strangers.has(hash);
    return !isKnown && this.#now() - Date.parse(at) >= this.#silentMs;
  }

  async #endOne(event: Opened): Promise<boolean> {
    const { pool, recorder, sessions } = this.#transcript;
    const begun = this.#begun(event);
    if (!begun || (await this.#stateOf(pool, begun)) !== 'open' || !event.isLost) return false;
    const { statement, body } = begun;
    return withClient(pool, async (client) => {
      await client.query('BEGIN');
      const isAlone = (await client.query(ALONE, [body.download])).rowCount === 1;
      // Another may have ended it since.
      const isOpen = isAlone && (await this.#stateOf(client, begun)) === 'open';
      if (isOpen) {
        const { about, principal } = await this.#transcript.joined(event.session, statement);
        await sessions.learnKey(event.session);
        await recorder.append({
          kind: 'download_ended',
          sessionId: event.session,
          statementId: statement,
          body: {
            download: body.download,
            format: body.format ?? null,
            query_id: body.query_id ?? null,
            ...(await this.#left(client, begun)),
            end: 'unknown',
            about,
            principal,
          },
        });
        this.#remember(this.#ended, event);
      }
      await client.query('COMMIT');
      return isOpen;
    });
  }

  #begun(event: Opened): Begun | undefined {
    const body = bodyOf(event);
    if (body && event.statement !== null) return { event, statement: event.statement, body };
    this.#isNobodys(event);
    return undefined;
  }

  #isNobodys(event: RawEvent): void {
    this.#remember(this.#strangers, event);
    this.#transcript.onForged(
      'Downloads pass for opened, and no gateway of ours has written so. They count for nothing.',
    );
  }

  #oursAmong(queries: Pick<PoolClient, 'query'>, events: readonly RawEvent[]): Promise<ReadonlySet<RawEvent>> {
    return oursAmong(queries, events, { keys: trustedKeys(this.#transcript.keys) });
  }

  async #after(queries: Pick<PoolClient, 'query'>, { event, statement, body }: Begun, kind: string, most = '') {
    const values = [event.session, statement, event.position, kind, body.download];
    return (await queries.query<RawEvent>(`${AFTER} ${most}`, values)).rows;
  }

  /** An end counts where a gateway of ours has signed it. */
  async #stateOf(queries: Pick<PoolClient, 'query'>, begun: Begun): Promise<State> {
    const ends = await this.#after(queries, begun, 'download_ended', `LIMIT ${MOST_ENDS}`);
    if ((await this.#oursAmong(queries, ends)).size > 0) {
      this.#remember(this.#ended, begun.event);
      return 'ended';
    }
    if (ends.length > 0)
      this.#transcript.onForged(
        `The download ${begun.body.download} passes for ended, and no gateway of ours has written so. That counts for nothing.`,
      );
    if (ends.length < MOST_ENDS) return 'open';
    this.#remember(this.#strangers, begun.event);
    return 'in doubt';
  }

  /** What was about to leave. */
  async #left(queries: Pick<PoolClient, 'query'>, begun: Begun): Promise<{ rows: number; bytes: number }> {
    const left = { rows: 0, bytes: 0 };
    const pages = await this.#after(queries, begun, 'rows_fetched');
    for (const event of await this.#oursAmong(queries, pages)) {
      const { rows = 0, bytes = 0 } = bodyOf(event) ?? {};
      left.rows += rows;
      left.bytes += bytes;
    }
    return left;
  }

  #remember(events: Set<string>, { hash }: RawEvent): void {
    const [oldest] = events;
    if (events.size >= MOST_KNOWN && oldest !== undefined) events.delete(oldest);
    events.add(hash);
  }
}
