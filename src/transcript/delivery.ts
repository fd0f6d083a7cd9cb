/**
 * Webhooks after the Standard Webhooks specification (https://www.standardwebhooks.com): signed, in order for each session, at least
 * once, tried again for a day, then given up and kept as dead letters. A job of the queue says that a session has news for a webhook;
 * how far it has come is in `delivery`, which whoever delivers locks. A row there that is none of ours makes nothing be skipped: the
 * session is delivered again from where the webhook began, which the record says.
 */
import type { Pool, PoolClient } from 'pg';
import type PgBoss from 'pg-boss';
import { z } from 'zod';
import { storable } from './canonical.js';
import { withClient } from './client.js';
import { recordRetried } from './dead-letters.js';
import { beginningOf } from './delivery-beginning.js';
import type { StoredEvent } from './event.js';
import type { Proofs } from './proved.js';
import { DELIVER, makeQueue } from './queue.js';
import { EVENT_COLUMNS, type RawEvent } from './reader.js';
import type { Recorder } from './recorder.js';
import { asTime, type Found, type JsonRow, type SealedRows } from './sealed-rows.js';
import { type Payload, payloadOf, post, type Webhook } from './webhook.js';

const GIVE_UP_MS = 24 * 3_600_000;
/** Seconds until the next try, by the number of those that failed; the last goes on. */
const BACK_OFF: readonly number[] = [5, 15, 60, 300, 900, 1800, 3600];
/** Connections that the pool should have. */
export const DELIVERY_CONNECTIONS = 7;

const AT_ONCE = 50;
/** A job ends after so long, and the next one goes on. */
const JOB_MS = 60_000;
/** Where there is more, a job goes on for so long; others wait for this no longer than for the next look at the queue. */
const TURN_MS = 2000;
const RESTART_MS = 2000;
/** Sessions that one process delivers at the same time, each on a connection of its own. */
const CONCURRENCY = 4;
const job = z.object({ webhook: z.string(), session: z.string() });

/** Where a session begins for a webhook: with what came after the webhook was added. */
const BEGINNING = `
  SELECT (SELECT coalesce(min(e.position), c.length) FROM event e WHERE e.session_id = c.session_id AND e.at >= $2)::float8 AS position
  FROM chain c WHERE c.session_id = $1`;
const beginningRow = z.object({ position: z.number() });
const IS_THERE = 'SELECT FROM delivery t WHERE t.webhook = $1 AND t.session_id = $2';
const LOCK = 'WHERE t.webhook = $1 AND t.session_id = $2 FOR UPDATE OF t SKIP LOCKED';
const NEXT = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 ORDER BY e.position LIMIT ${AT_ONCE}`;
/** A position that the session has not come to yet is none that we wrote. */
const BEHIND = `
  SELECT c.session_id AS session FROM chain c LEFT JOIN delivery d ON d.webhook = $1 AND d.session_id = c.session_id
  WHERE c.last_at >= $2 AND c.length <> coalesce(d.position, 0) LIMIT 1000`;
const MAX_KEPT = 10_000;
/** Rows whose HMACs are looked at in each round. */
const LOOKED_AT = 1000;
const ROUND = `WHERE t.webhook = $1 AND t.session_id > $2 ORDER BY t.session_id LIMIT ${LOOKED_AT}`;
/** A delivery of ours ends within a minute, and what it did is to be seen then. */
const KEPT_MS = 300_000;
const POSITION = 'SELECT t.position::text AS position FROM delivery t WHERE t.webhook = $1 AND t.session_id = $2';
const NO_SESSION = '00000000-0000-0000-0000-000000000000';

const moment = z.string().transform((text) => new Date(text));
const lockRow = z.object({ position: z.number(), attempts: z.number(), failing_since: moment.nullable() });

const fresh = (webhook: string, session: string, position: number): JsonRow => ({
  webhook,
  session_id: session,
  position,
  attempts: 0,
  failing_since: null,
  problem: null,
  delivered_at: null,
});

export interface DeliveryOptions {
  /** Of its own, with at least as many connections as there are deliveries at once and some for the queue: the recorder must not wait. */
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly rows: SealedRows;
  readonly proofs: Proofs;
  readonly webhooks: readonly Webhook[];
  readonly onProblem: (problem: string, error: unknown) => void;
  /** That of the specification if nothing is said. */
  readonly payload?: Payload;
  /** Instead of a day, and of five seconds to an hour. */
  readonly patience?: {
    readonly giveUpMs: number;
    readonly backOffSeconds: readonly number[];
    /** How long a place may be locked without moving on; five minutes if nothing is said. */
    readonly keptMs?: number;
  };
}

export class Delivery {
  readonly #options: DeliveryOptions;
  /** A new one for each try to start: one that failed in starting says that it has started. */
  #boss: PgBoss;
  #worker: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;
  /** When each webhook began. */
  readonly #since = new Map<string, Date>();
  /** Places that somebody else had under a lock, and how far they were then. */
  readonly #kept = new Map<string, { readonly since: number; readonly position: string }>();
  /** The last session whose row was looked at, by webhook. */
  readonly #lookedAt = new Map<string, string>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#boss = this.#newBoss();
  }

  #newBoss(): PgBoss {
    const { pool, onProblem } = this.#options;
    return makeQueue(pool, (error) => onProblem('The queue of webhooks failed; it is tried again.', error));
  }

  /** Resolves once it has begun, or is stopped: where the store does not answer it is tried again, as nobody else would begin. */
  async start(): Promise<void> {
    const { webhooks, onProblem } = this.#options;
    if (webhooks.length === 0) return;
    while (!this.#isStopping)
      try {
        return await this.#tryToStart();
      } catch (error) {
        onProblem('Webhooks could not be started; it is tried again.', error);
        await this.#boss.stop({ graceful: false, close: false, wait: false }).catch(() => undefined);
        this.#boss = this.#newBoss();
        await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
      }
  }

  async #tryToStart(): Promise<void> {
    const { pool, webhooks, recorder, onProblem } = this.#options;
    for (const { name } of webhooks) this.#since.set(name, await beginningOf(pool, this.#options, name));
    await this.#boss.start();
    this.#worker = await this.#boss.work(DELIVER, { batchSize: CONCURRENCY, pollingIntervalSeconds: 2 }, (jobs) =>
      Promise.all(jobs.map((entry) => this.#deliver(job.parse(entry.data)))).then(() => undefined),
    );
    recorder.onWritten((sessions) => {
      void this.#announce(sessions).catch((error: unknown) =>
        onProblem('News for webhooks could not be queued; the next look finds them.', error),
      );
    });
    const sweep = (): void =>
      void this.#sweep().catch((error: unknown) =>
        onProblem('Webhooks could not be looked after; it is tried again.', error),
      );
    this.#timer = setInterval(sweep, 60_000).unref();
    sweep();
  }

  async #announce(sessions: readonly string[]): Promise<void> {
    if (this.#isStopping) return;
    for (const { name } of this.#options.webhooks) for (const session of sessions) await this.#send(name, session, 0);
    if (this.#worker) this.#boss.notifyWorker(this.#worker);
  }

  async #send(webhook: string, session: string, afterSeconds: number): Promise<void> {
    await this.#boss.send(
      DELIVER,
      { webhook, session },
      { singletonKey: `${webhook} ${session}`, ...(afterSeconds > 0 ? { startAfter: afterSeconds } : {}) },
    );
  }

  /** What was written by processes that died before they could say so, and rows that are not as we wrote them. */
  async #sweep(): Promise<void> {
    const { pool } = this.#options;
    for (const [name, since] of this.#since) {
      const { rows } = await pool.query<{ session: string }>(BEHIND, [name, since]);
      for (const { session } of rows) await this.#send(name, session, 0);
      for (const session of await this.#forged(name)) await this.#send(name, session, 0);
    }
  }

  /** A thousand rows on with each round: sessions whose row is none of ours. */
  async #forged(name: string): Promise<readonly string[]> {
    const { pool, rows } = this.#options;
    const read = await rows.read(pool, 'delivery', ROUND, [name, this.#lookedAt.get(name) ?? NO_SESSION]);
    const sessions = read.map(({ found }) => sessionOf.parse(JSON.parse(found.text)).session_id);
    this.#lookedAt.set(name, read.length < LOOKED_AT ? NO_SESSION : (sessions.at(-1) ?? NO_SESSION));
    return sessions.filter((_, index) => read[index]?.own === undefined);
  }

  /** Delivers what is new, in order, until something fails. */
  async #deliver({ webhook: name, session }: z.infer<typeof job>): Promise<void> {
    const webhook = this.#options.webhooks.find((entry) => entry.name === name);
    if (!webhook || this.#isStopping) return;
    const turnEnds = Date.now() + TURN_MS;
    const after = await withClient(this.#options.pool, async (client) => {
      await this.#begin(client, name, session);
      for (;;) {
        await client.query('BEGIN');
        const seconds = await this.#deliverLocked(client, webhook, session);
        await client.query('COMMIT');
        if (seconds !== 0 || Date.now() > turnEnds || this.#isStopping) return seconds;
      }
    });
    if (after !== undefined) await this.#send(name, session, after);
  }

  async #begin(client: PoolClient, webhook: string, session: string): Promise<void> {
    if ((await client.query(IS_THERE, [webhook, session])).rowCount !== 0) return;
    const position = await this.#beginning(client, webhook, session);
    if (position !== undefined) await this.#options.rows.put(client, 'delivery', fresh(webhook, session, position));
  }

  /** undefined where there is no such session. */
  async #beginning(client: PoolClient, webhook: string, session: string): Promise<number | undefined> {
    const { rows } = await client.query(BEGINNING, [session, this.#since.get(webhook)]);
    return rows[0] === undefined ? undefined : beginningRow.parse(rows[0]).position;
  }

  /** Seconds until it should be looked at again, 0 if there is more already; undefined if there is no more. */
  async #deliverLocked(client: PoolClient, webhook: Webhook, session: string): Promise<number | undefined> {
    const { name } = webhook;
    const [read] = await this.#options.rows.read(client, 'delivery', LOCK, [name, session]);
    // Somebody else is at it: they see what is new, or the next look does.
    if (read === undefined) {
      await this.#passOver(client, name, session);
      return undefined;
    }
    this.#kept.delete(`${name} ${session}`);
    const row = read.own ?? fresh(name, session, (await this.#beginning(client, name, session)) ?? 0);
    const { position, attempts, failing_since: failingSince } = lockRow.parse(row);
    const { rows: stored } = await client.query<RawEvent>(NEXT, [session, position]);
    // Our signature on a delivery says that an event is ours. The session waits before one that is not, and whoever is told looks into it.
    const { proofs } = this.#options;
    const { events } = await proofs.upTo(stored);
    const at = new Place(client, this.#options.rows, read.found, row);
    // What is none of ours is mended before anything else.
    if (!read.own) await at.write({});
    let next = position;
    const until = Date.now() + JOB_MS;
    const { giveUpMs, backOffSeconds } = this.#options.patience ?? { giveUpMs: GIVE_UP_MS, backOffSeconds: BACK_OFF };
    const isOverdue = failingSince !== null && Date.now() - failingSince.getTime() >= giveUpMs;
    for (const event of events) {
      if (Date.now() > until || this.#isStopping) break;
      const isWanted = (webhook.kinds?.has(event.kind) ?? true) && !proofs.isForged(event);
      try {
        if (isWanted) await this.#post(webhook, event);
      } catch (error) {
        const problem = wellFormed(error instanceof Error ? error.message : String(error));
        if (next > position) await at.move(next);
        const isFirst = next > position || failingSince === null;
        if (isFirst || !isOverdue) {
          await at.fail(problem);
          return backOffSeconds[Math.min(isFirst ? 0 : attempts, backOffSeconds.length - 1)] ?? 5;
        }
        await at.move(event.position + 1);
        await this.#giveUp(name, event, problem);
        return 1;
      }
      // It was due to be given up, and may be in the record as such by a process that died in doing so.
      if (isWanted && isOverdue && next === position)
        await recordRetried(this.#options.recorder, name, session, event.position);
      next = event.position + 1;
    }
    if (next > position) await at.move(next);
    return events.length === AT_ONCE || next <= (events.at(-1)?.position ?? -1) ? 0 : undefined;
  }

  /** Whoever has the password of a gateway's role can keep a place locked, and so a receiver in the dark: that is told. */
  async #passOver(client: PoolClient, webhook: string, session: string): Promise<void> {
    const key = `${webhook} ${session}`;
    const { rows } = await client.query<{ position: string }>(POSITION, [webhook, session]);
    const position = rows[0]?.position ?? '';
    const known = this.#kept.get(key);
    if (known?.position !== position) {
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
      this.#kept.set(key, { since: performance.now(), position });
      return;
    }
    const keptMs = performance.now() - known.since;
    if (keptMs < (this.#options.patience?.keptMs ?? KEPT_MS)) return;
    this.#options.onProblem(
      `Webhook ${webhook}: somebody has kept its place in session ${session} locked for ${Math.round(keptMs / 1000)} s, and nothing of it is delivered meanwhile. No gateway of ours does that: look who holds a lock on the table delivery (pg_locks).`,
      undefined,
    );
  }

  async #post(webhook: Webhook, event: StoredEvent): Promise<void> {
    const { payload } = this.#options;
    const text = payload ? await payload(event, webhook) : payloadOf(event);
    if (text !== undefined) await post(webhook, `${event.session}.${event.position}`, text);
  }

  async #giveUp(webhook: string, event: StoredEvent, problem: string): Promise<void> {
    this.#options.onProblem(
      `Webhook ${webhook}: event ${event.position} of session ${event.session} is given up after a day: ${problem}.`,
      undefined,
    );
    await this.#options.recorder.append({
      kind: 'delivery_given_up',
      sessionId: undefined,
      statementId: undefined,
      body: { webhook, session: event.session, position: event.position, problem },
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    if (this.#worker) await this.#boss.stop({ graceful: true, timeout: 5000, close: false, wait: true });
  }
}

const sessionOf = z.object({ session_id: z.string() });

/** PostgreSQL's JSON takes neither halves of characters nor NUL. */
const wellFormed = (text: string): string => storable(Buffer.from(text).toString());

/** Under its lock: how far a webhook has come in a session. */
class Place {
  readonly #client: PoolClient;
  readonly #rows: SealedRows;
  #found: Found;
  #row: JsonRow;

  constructor(client: PoolClient, rows: SealedRows, found: Found, row: JsonRow) {
    this.#client = client;
    this.#rows = rows;
    this.#found = found;
    this.#row = row;
  }

  async write(changes: JsonRow): Promise<void> {
    this.#row = { ...this.#row, ...changes };
    const found = await this.#rows.swap(this.#client, 'delivery', this.#found, this.#row);
    if (!found) throw new Error('A row of delivery was changed under its lock.');
    this.#found = found;
  }

  move(position: number): Promise<void> {
    return this.write({ position, attempts: 0, failing_since: null, problem: null, delivered_at: asTime(new Date()) });
  }

  fail(problem: string): Promise<void> {
    const { attempts, failing_since: since } = this.#row;
    return this.write({
      attempts: typeof attempts === 'number' ? attempts + 1 : 1,
      failing_since: since ?? asTime(new Date()),
      problem,
    });
  }
}
