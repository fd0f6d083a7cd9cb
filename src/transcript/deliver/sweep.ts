/**
 * What is behind is delivered whatever the queue holds. The queue's tables are the gateway role's: whoever has its password can take jobs
 * out, put some in that let no other wait, or put them off for years. So all sessions are gone through each minute, by their chains, which
 * that role can't write, and what has news goes out here. The queue only makes it quick.
 *
 * A session that has news for long and neither moves on nor fails is told of, and so is a round that does not come to its end.
 */
import { z } from 'zod';
import type { JsonRow } from '../rows/sealed.js';
import { type Deliverer, type DelivererOptions, keptMsOf, longestMs, type Outcome, spentMs } from './deliverer.js';
import type { Webhook } from './webhook.js';

const EVERY_MS = 60_000;
/** Sessions of one look into the store. */
const PART = 5000;
/** Sessions whose waiting is measured at a time. */
const REMEMBERED = 10_000;
/** A row with a longer text is none of ours, and is not read. */
const PROBLEM = 2000;
const STOP_MS = 5000;
const NO_SESSION = '00000000-0000-0000-0000-000000000000';

const ROW = `CASE WHEN length(coalesce(t.problem, '')) <= ${PROBLEM} THEN (to_jsonb(t) - 'mac')::text END AS text, t.mac`;
const END_OF_PART = `
  SELECT c.session_id AS session FROM chain c WHERE c.session_id > $1 ORDER BY c.session_id OFFSET ${PART - 1} LIMIT 1`;
/**
 * Of a part, what may have news. A position that the session has not come to yet is none that we wrote; and where something was written just
 * now, the row may have been set to its end since: its HMAC says whether we did that.
 */
const NEWS = `
  SELECT c.session_id AS session, c.length::float8 AS length, ${ROW}
  FROM chain c LEFT JOIN delivery t ON t.webhook = $1 AND t.session_id = c.session_id
  WHERE c.session_id > $3 AND ($4::uuid IS NULL OR c.session_id <= $4) AND (c.last_at >= $2 OR t.webhook IS NOT NULL)
    AND (c.length <> coalesce(t.position, 0) OR c.last_at > now() - interval '15 minutes')
  ORDER BY c.session_id`;
/** All others, so many with each round: of sessions that there are, so that rows of none put nothing off. */
const ROUND = `
  SELECT c.session_id AS session, c.length::float8 AS length, ${ROW}
  FROM chain c JOIN delivery t ON t.webhook = $1 AND t.session_id = c.session_id
  WHERE c.session_id > $2 ORDER BY c.session_id LIMIT ${PART}`;
const partRow = z.object({ session: z.string() });
const newsRow = z.object({
  session: z.string(),
  length: z.number(),
  text: z.string().nullable(),
  mac: z.instanceof(Buffer).nullable(),
});
type News = z.infer<typeof newsRow>;
const moment = z.string().transform((text) => new Date(text));
const placeRow = z.object({ position: z.number(), attempts: z.number(), failing_since: moment.nullable() });

export interface SweepOptions extends DelivererOptions {
  readonly webhook: Webhook;
  readonly deliverer: Deliverer;
  /** Hears how a delivery ended, so that a failure's next try can be queued. */
  readonly onOutcome: (session: string, outcome: Outcome) => void;
}

interface Waiting {
  readonly mark: string;
  readonly since: number;
  round: number;
}

/** Of one webhook. */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #everyMs: number;
  readonly #keptMs: number;
  #round = 0;
  /** When the last round ended, or the first was due. */
  #endedAt = performance.now();
  /** When sessions that fail were last tried whatever their rows say of the next time. */
  #allAt = performance.now();
  /** Up to which session the rows of those without news were looked at. */
  #lookedAt = NO_SESSION;
  #toldAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#everyMs = options.patience?.sweepMs ?? EVERY_MS;
    this.#keptMs = keptMsOf(options);
  }

  /** From now on it has to be looked after. */
  watch(): void {
    this.#endedAt = performance.now();
    this.#timer = setInterval(() => this.#tell(), Math.min(this.#everyMs, this.#keptMs)).unref();
  }

  /** `since`: events from then on are this webhook's. */
  start(since: Date): void {
    this.#running = this.#goOn(since);
  }

  /** What is wrong with it, in a sentence; undefined where nothing is. */
  problem(): string | undefined {
    const { name } = this.#options.webhook;
    const now = performance.now();
    const [first, ...others] = [...this.#waiting].filter(([, { since }]) => now - since >= this.#keptMs);
    if (first) {
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      return `Webhook ${name}: session ${first[0]}${more} has had news for ${seconds(now - first[1].since)} s and nothing of it was delivered, although nothing failed. Look whether its receiver is slow, an event was not written by snowfence, or somebody holds a lock on the table delivery (pg_locks).`;
    }
    if (now - this.#endedAt < this.#keptMs) return undefined;
    return `Webhook ${name}: its sessions have not been gone through for ${seconds(now - this.#endedAt)} s. What is new may be delivered late or not at all meanwhile: the store does not answer, its tables are locked (pg_locks), or its receiver is slow.`;
  }

  #tell(): void {
    const problem = this.problem();
    const now = performance.now();
    if (problem === undefined) this.#toldAt = undefined;
    else if (this.#toldAt === undefined || now - this.#toldAt >= this.#keptMs) {
      this.#toldAt = now;
      this.#options.onProblem(problem, undefined);
    }
  }

  async #goOn(since: Date): Promise<void> {
    while (!this.#isStopping) {
      const isMore = await this.#goThrough(since).catch((error: unknown) => {
        this.#options.onProblem('Webhooks could not be looked after; it is tried again.', error);
        return false;
      });
      if (!isMore && !this.#isStopping)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, this.#everyMs);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  }

  /** All sessions, once. Whether something moved on that has more. */
  async #goThrough(since: Date): Promise<boolean> {
    const { pool, webhook } = this.#options;
    this.#round++;
    const isAll = performance.now() - this.#allAt >= longestMs(this.#options);
    if (isAll) this.#allAt = performance.now();
    let isMore = false;
    let [after, end]: [string, string | undefined] = [NO_SESSION, undefined];
    do {
      const ends = await pool.query(END_OF_PART, [after]);
      end = ends.rows[0] === undefined ? undefined : partRow.parse(ends.rows[0]).session;
      const { rows } = await pool.query(NEWS, [webhook.name, since, after, end ?? null]);
      for (const row of rows) {
        if (this.#isStopping) return false;
        if ((await this.#lookAt(newsRow.parse(row), since, isAll)) === 'more') isMore = true;
      }
      after = end ?? after;
    } while (end !== undefined);
    await this.#lookOn(since);
    for (const [session, { round }] of this.#waiting) if (round !== this.#round) this.#waiting.delete(session);
    this.#endedAt = performance.now();
    return isMore;
  }

  /** Rows of sessions that have no news by what they say. */
  async #lookOn(since: Date): Promise<void> {
    const { pool, webhook } = this.#options;
    const { rows } = await pool.query(ROUND, [webhook.name, this.#lookedAt]);
    for (const row of rows) {
      if (this.#isStopping) return;
      const news = newsRow.parse(row);
      this.#lookedAt = news.session;
      if (this.#own(news) === undefined) await this.#deliver(news.session, 'none', since);
    }
    if (rows.length < PART) this.#lookedAt = NO_SESSION;
  }

  /** The row, where there is one and it is ours. */
  #own({ text, mac }: News): JsonRow | undefined {
    return text === null || mac === null ? undefined : this.#options.rows.open('delivery', { text, mac });
  }

  async #lookAt(news: News, since: Date, isAll: boolean): Promise<Outcome | undefined> {
    const own = this.#own(news);
    if (own === undefined) return this.#deliver(news.session, 'none', since);
    const { position, attempts, failing_since: failingSince } = placeRow.parse(own);
    if (position === news.length) return undefined;
    if (failingSince === null) return this.#deliver(news.session, String(position), since);
    // It fails, and says so. The queue has its next try; where it has not, that comes from here, and no later than the longest pause.
    this.#waiting.delete(news.session);
    const isDue = isAll || Date.now() >= failingSince.getTime() + spentMs(this.#options, attempts);
    return isDue ? this.#deliver(news.session, String(position), since) : undefined;
  }

  async #deliver(session: string, mark: string, since: Date): Promise<Outcome | undefined> {
    const { deliverer, webhook, onOutcome, onProblem } = this.#options;
    const known = this.#waiting.get(session);
    if (known?.mark === mark) known.round = this.#round;
    else if (known || this.#waiting.size < REMEMBERED)
      this.#waiting.set(session, { mark, since: performance.now(), round: this.#round });
    try {
      const outcome = await deliverer.deliver(webhook, since, session);
      if (outcome !== 'waiting' && outcome !== 'locked') this.#waiting.delete(session);
      onOutcome(session, outcome);
      return outcome;
    } catch (error) {
      // One session that the store has trouble with keeps no other from being delivered.
      onProblem(`Webhook ${webhook.name}: session ${session} could not be delivered; it is tried again.`, error);
      return undefined;
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#wake();
    // A receiver that takes its time keeps nobody from ending.
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#running, new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_MS)))]);
    clearTimeout(timer);
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000);
