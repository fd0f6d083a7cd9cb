/**
 * Webhooks after the Standard Webhooks specification (https://www.standardwebhooks.com): signed, in order for each session, at least
 * once, tried again for a day, then given up and kept as dead letters. A job of the queue says that a session has news for a webhook;
 * how far it has come is in `delivery`, which whoever delivers locks.
 */
import { createHmac } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type PgBoss from 'pg-boss';
import { z } from 'zod';
import { withClient } from './client.js';
import type { EventKind, StoredEvent } from './event.js';
import { eventLine } from './export.js';
import { DELIVER, makeQueue } from './queue.js';
import { EVENT_COLUMNS, parsed, type RawEvent } from './reader.js';
import type { Recorder } from './recorder.js';

export interface Webhook {
  readonly name: string;
  readonly url: string;
  /** The bytes behind `whsec_`. */
  readonly secret: Buffer;
  /** Those kinds only; undefined for all. */
  readonly kinds: ReadonlySet<EventKind> | undefined;
  /** Signed checkpoints as well. */
  readonly checkpoints: boolean;
  /** A chat's own form of message rather than that of the specification. */
  readonly format: 'standard' | 'slack' | 'teams';
}

/** What is sent of an event; undefined for nothing. */
export type Payload = (event: StoredEvent, webhook: Webhook) => Promise<string | undefined>;

const TIMEOUT_MS = 10_000;
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
/** Sessions that one process delivers at the same time, each on a connection of its own. */
const CONCURRENCY = 4;
const MAX_ANSWER = 300;

/** Throws where it is none: 24 to 64 bytes in base64 after `whsec_`. */
export function readWebhookSecret(text: string): Buffer {
  const [, encoded = ''] = /^(?:whsec_)?([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? [];
  const secret = Buffer.from(encoded, 'base64');
  if (secret.length < 24 || secret.length > 64) throw new Error('it has to be 24 to 64 bytes in base64 after whsec_');
  return secret;
}

/** The headers of a delivery. `payload` is signed to the letter. */
function signedHeaders(secret: Uint8Array, id: string, at: Date, payload: string): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${payload}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': 'snowfence',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

/** Throws what went wrong, without what was sent. */
export async function post(webhook: Pick<Webhook, 'url' | 'secret'>, id: string, payload: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(webhook.url, {
      method: 'POST',
      headers: signedHeaders(webhook.secret, id, new Date(), payload),
      body: payload,
      // Whoever answers with another address does not get the record sent there.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const cause =
      error instanceof Error && error.cause instanceof Error
        ? error.cause.message
        : error instanceof Error
          ? error.message
          : '';
    throw new Error(`no answer: ${cause}`.slice(0, MAX_ANSWER));
  }
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered ${response.status}`);
}

/** The type of an event as webhooks name it: dots between its parts. */
const typeOf = (kind: string): string => kind.replace('_', '.');

export const payloadOf = (event: StoredEvent): string =>
  JSON.stringify({ type: typeOf(event.kind), timestamp: event.at, data: eventLine(event) });

const job = z.object({ webhook: z.string(), session: z.string() });

const START = `
  INSERT INTO delivery (webhook, session_id, position)
  SELECT w.name, $2::uuid, (SELECT coalesce(min(e.position), c.length) FROM event e WHERE e.session_id = c.session_id AND e.at >= w.since)
  FROM webhook w, chain c WHERE w.name = $1 AND c.session_id = $2
  ON CONFLICT DO NOTHING`;
const LOCK = `
  SELECT position::float8 AS position, attempts, failing_since FROM delivery WHERE webhook = $1 AND session_id = $2 FOR UPDATE SKIP LOCKED`;
const NEXT = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 ORDER BY e.position LIMIT ${AT_ONCE}`;
const MOVE = `
  UPDATE delivery SET position = $3, attempts = 0, failing_since = NULL, problem = NULL, delivered_at = now()
  WHERE webhook = $1 AND session_id = $2`;
const FAIL = `
  UPDATE delivery SET attempts = attempts + 1, failing_since = coalesce(failing_since, now()), problem = $3
  WHERE webhook = $1 AND session_id = $2`;
const BURY = `INSERT INTO dead_letter (webhook, session_id, position, problem) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`;
const BEHIND = `
  SELECT c.session_id AS session FROM chain c JOIN webhook w ON w.name = $1 LEFT JOIN delivery d ON d.webhook = w.name AND d.session_id = c.session_id
  WHERE c.last_at >= w.since AND c.length > coalesce(d.position, 0) LIMIT 1000`;

const lockRow = z.object({ position: z.number(), attempts: z.number(), failing_since: z.date().nullable() });

export interface DeliveryOptions {
  /** Of its own, with at least as many connections as there are deliveries at once and some for the queue: the recorder must not wait. */
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly webhooks: readonly Webhook[];
  readonly onProblem: (problem: string, error: unknown) => void;
  /** That of the specification if nothing is said. */
  readonly payload?: Payload;
  /** Instead of a day, and of five seconds to an hour. */
  readonly patience?: { readonly giveUpMs: number; readonly backOffSeconds: readonly number[] };
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #boss: PgBoss;
  #worker: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#boss = makeQueue(options.pool, (error) =>
      options.onProblem('The queue of webhooks failed; it is tried again.', error),
    );
  }

  async start(): Promise<void> {
    const { pool, webhooks, recorder, onProblem } = this.#options;
    if (webhooks.length === 0) return;
    for (const { name } of webhooks)
      await pool.query('INSERT INTO webhook (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
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

  /** What was written by processes that died before they could say so. */
  async #sweep(): Promise<void> {
    for (const { name } of this.#options.webhooks) {
      const { rows } = await this.#options.pool.query<{ session: string }>(BEHIND, [name]);
      for (const { session } of rows) await this.#send(name, session, 0);
    }
  }

  /** Delivers what is new, in order, until something fails. */
  async #deliver({ webhook: name, session }: z.infer<typeof job>): Promise<void> {
    const webhook = this.#options.webhooks.find((entry) => entry.name === name);
    if (!webhook || this.#isStopping) return;
    const turnEnds = Date.now() + TURN_MS;
    const after = await withClient(this.#options.pool, async (client) => {
      await client.query(START, [name, session]);
      for (;;) {
        await client.query('BEGIN');
        const seconds = await this.#deliverLocked(client, webhook, session);
        await client.query('COMMIT');
        if (seconds !== 0 || Date.now() > turnEnds || this.#isStopping) return seconds;
      }
    });
    if (after !== undefined) await this.#send(name, session, after);
  }

  /** Seconds until it should be looked at again, 0 if there is more already; undefined if there is no more. */
  async #deliverLocked(client: PoolClient, webhook: Webhook, session: string): Promise<number | undefined> {
    const key = [webhook.name, session];
    const locked = (await client.query(LOCK, key)).rows[0];
    // Somebody else is at it: they see what is new, or the next look does.
    if (locked === undefined) return undefined;
    const { position, attempts, failing_since: failingSince } = lockRow.parse(locked);
    const events = (await client.query<RawEvent>(NEXT, [session, position])).rows.map(parsed);
    let next = position;
    const until = Date.now() + JOB_MS;
    for (const event of events) {
      if (Date.now() > until || this.#isStopping) break;
      const isWanted = webhook.kinds === undefined || webhook.kinds.has(event.kind);
      try {
        if (isWanted) await this.#post(webhook, event);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        if (next > position) await client.query(MOVE, [...key, next]);
        const { giveUpMs, backOffSeconds } = this.#options.patience ?? {
          giveUpMs: GIVE_UP_MS,
          backOffSeconds: BACK_OFF,
        };
        const isFirst = next > position || failingSince === null;
        if (isFirst || Date.now() - failingSince.getTime() < giveUpMs) {
          await client.query(FAIL, [...key, problem]);
          return backOffSeconds[Math.min(isFirst ? 0 : attempts, backOffSeconds.length - 1)] ?? 5;
        }
        await client.query(BURY, [...key, event.position, problem]);
        await client.query(MOVE, [...key, event.position + 1]);
        await this.#giveUp(webhook.name, event, problem);
        return 1;
      }
      next = event.position + 1;
    }
    if (next > position) await client.query(MOVE, [...key, next]);
    return events.length === AT_ONCE || next <= (events.at(-1)?.position ?? -1) ? 0 : undefined;
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

// --- what operators see

const deadRow = z.object({
  webhook: z.string(),
  session_id: z.string(),
  position: z.coerce.number(),
  given_up_at: z.date(),
  problem: z.string(),
});
const stateRow = z.object({
  webhook: z.string(),
  sessions: z.coerce.number(),
  failing: z.coerce.number(),
  failing_since: z.date().nullable(),
  problem: z.string().nullable(),
  delivered_at: z.date().nullable(),
  dead: z.coerce.number(),
});

export type DeadLetter = z.infer<typeof deadRow>;
export type DeliveryState = z.infer<typeof stateRow>;

export async function deliveryStates(pool: Pool): Promise<readonly DeliveryState[]> {
  const { rows } = await pool.query(`
    SELECT w.name AS webhook, count(d.*) AS sessions, count(d.failing_since) AS failing, min(d.failing_since) AS failing_since,
           (array_agg(d.problem ORDER BY d.failing_since) FILTER (WHERE d.problem IS NOT NULL))[1] AS problem, max(d.delivered_at) AS delivered_at,
           (SELECT count(*) FROM dead_letter l WHERE l.webhook = w.name) AS dead
    FROM webhook w LEFT JOIN delivery d ON d.webhook = w.name GROUP BY w.name ORDER BY w.name`);
  return z.array(stateRow).parse(rows);
}

export async function deadLetters(pool: Pool, webhook: string | undefined): Promise<readonly DeadLetter[]> {
  const { rows } = await pool.query(
    'SELECT * FROM dead_letter WHERE $1::text IS NULL OR webhook = $1 ORDER BY given_up_at DESC LIMIT 1000',
    [webhook ?? null],
  );
  return z.array(deadRow).parse(rows);
}

/** Sends dead letters once more, the oldest first; those that arrive are dead no more. Answers how many did, and the first problem. */
export async function retryDead(
  pool: Pool,
  webhook: Webhook,
  payload: Payload,
): Promise<{ readonly sent: number; readonly problem: string | undefined }> {
  let sent = 0;
  const { rows } = await pool.query(
    'SELECT * FROM dead_letter WHERE webhook = $1 ORDER BY session_id, position LIMIT 1000',
    [webhook.name],
  );
  for (const { session_id: session, position } of z.array(deadRow).parse(rows)) {
    const event = (await pool.query<RawEvent>(NEXT, [session, position])).rows.map(parsed)[0];
    try {
      const text = event?.position === position ? await payload(event, webhook) : undefined;
      if (text !== undefined) await post(webhook, `${session}.${position}`, text);
    } catch (error) {
      return { sent, problem: error instanceof Error ? error.message : String(error) };
    }
    await pool.query('DELETE FROM dead_letter WHERE webhook = $1 AND session_id = $2 AND position = $3', [
      webhook.name,
      session,
      position,
    ]);
    sent++;
  }
  return { sent, problem: undefined };
}
