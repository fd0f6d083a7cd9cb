/**
 * One session on to one webhook, in order, until something fails. How far it has come is in `delivery`, which whoever delivers locks. A row
 * there that is none of ours makes nothing be skipped: the session is delivered again from where the webhook began, which the record says.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { storable } from '../form/canonical.js';
import type { RawEvent, StoredEvent } from '../form/event.js';
import { EVENT_COLUMNS } from '../read/columns.js';
import type { Proofs } from '../read/proved.js';
import { asTime, type Found, type JsonRow, type SealedRows } from '../rows/sealed.js';
import { withClient } from '../store/client.js';
import type { Recorder } from '../write/recorder.js';
import { recordRetried } from './dead-letters.js';
import { type Payload, payloadOf, post, type Webhook } from './webhook.js';

const GIVE_UP_MS = 24 * 3_600_000;
/** Seconds until the next try, by the number of those that failed; the last goes on. */
const BACK_OFF: readonly number[] = [5, 15, 60, 300, 900, 1800, 3600];
const AT_ONCE = 50;
/** A job ends after so long, and the next one goes on. */
const JOB_MS = 60_000;
/** Where there is more, a job goes on for so long; others wait for this no longer than for the next look at the queue. */
const TURN_MS = 2000;
/** A delivery of ours ends within a minute, and what it did is to be seen then. */
const KEPT_MS = 300_000;
const MAX_KEPT = 10_000;
/** Characters of what went wrong that a row keeps. */
const MAX_PROBLEM = 1000;

/** Where a session begins for a webhook: with what came after the webhook was added. */
const BEGINNING = `
  SELECT (SELECT coalesce(min(e.position), c.length) FROM event e WHERE e.session_id = c.session_id AND e.at >= $2)::float8 AS position
  FROM chain c WHERE c.session_id = $1`;
const beginningRow = z.object({ position: z.number() });
const IS_THERE = 'SELECT FROM delivery t WHERE t.webhook = $1 AND t.session_id = $2';
const LOCK = 'WHERE t.webhook = $1 AND t.session_id = $2 FOR UPDATE OF t SKIP LOCKED';
const NEXT = `SELECT ${EVENT_COLUMNS} FROM event e WHERE e.session_id = $1 AND e.position >= $2 ORDER BY e.position LIMIT ${AT_ONCE}`;
const POSITION = 'SELECT t.position::text AS position FROM delivery t WHERE t.webhook = $1 AND t.session_id = $2';

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

export interface Patience {
  /** Instead of a day, and of five seconds to an hour. */
  readonly giveUpMs?: number;
  readonly backOffSeconds?: readonly number[];
  /** How long a place may be locked, or have news, without moving on; five minutes if nothing is said. */
  readonly keptMs?: number;
  /** Between two looks at all sessions: a minute. */
  readonly sweepMs?: number;
}

export interface DelivererOptions {
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly rows: SealedRows;
  readonly proofs: Proofs;
  readonly onProblem: (problem: string, error: unknown) => void;
  /** That of the specification if nothing is said. */
  readonly payload?: Payload;
  readonly patience?: Patience;
}

/**
 * Where it ended: at the end; before more that can go on at once; before an event that is somebody else's; at once, since somebody
 * else delivers it or has it locked; or, as a number, with
 * a failure that is in its row, to be tried again after so many seconds.
 */
export type Outcome = 'done' | 'more' | 'waiting' | 'locked' | number;

export const keptMsOf = ({ patience }: Pick<DelivererOptions, 'patience'>): number => patience?.keptMs ?? KEPT_MS;

/** Milliseconds that so many failures are apart, at least, from the first to the next try. */
export function spentMs({ patience }: Pick<DelivererOptions, 'patience'>, attempts: number): number {
  const steps = patience?.backOffSeconds ?? BACK_OFF;
  const last = steps.at(-1) ?? 5;
  const within = steps.slice(0, attempts).reduce((sum, seconds) => sum + seconds, 0);
  return (within + Math.max(0, attempts - steps.length) * last) * 1000;
}

/** The longest between two tries. */
export const longestMs = ({ patience }: Pick<DelivererOptions, 'patience'>): number =>
  Math.max(...(patience?.backOffSeconds ?? BACK_OFF)) * 1000;

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #isStopping: () => boolean;
  /** Places that somebody else had under a lock, and how far they were then. */
  readonly #kept = new Map<string, { readonly since: number; readonly position: string }>();

  constructor(options: DelivererOptions, isStopping: () => boolean) {
    this.#options = options;
    this.#isStopping = isStopping;
  }

  /** `since`: events from then on are this webhook's. Throws where the store does not answer. */
  deliver(webhook: Webhook, since: Date, session: string): Promise<Outcome> {
    const turnEnds = Date.now() + TURN_MS;
    return withClient(this.#options.pool, async (client) => {
      await this.#begin(client, webhook.name, since, session);
      for (;;) {
        await client.query('BEGIN');
        const outcome = await this.#deliverLocked(client, webhook, since, session);
        await client.query('COMMIT');
        if (outcome !== 'more' || Date.now() > turnEnds || this.#isStopping()) return outcome;
      }
    });
  }

  async #begin(client: PoolClient, webhook: string, since: Date, session: string): Promise<void> {
    if ((await client.query(IS_THERE, [webhook, session])).rowCount !== 0) return;
    const position = await this.#beginning(client, since, session);
    if (position !== undefined) await this.#options.rows.put(client, 'delivery', fresh(webhook, session, position));
  }

  /** undefined where there is no such session. */
  async #beginning(client: PoolClient, since: Date, session: string): Promise<number | undefined> {
    const { rows } = await client.query(BEGINNING, [session, since]);
    return rows[0] === undefined ? undefined : beginningRow.parse(rows[0]).position;
  }

  async #deliverLocked(client: PoolClient, webhook: Webhook, since: Date, session: string): Promise<Outcome> {
    const { name } = webhook;
    const [read] = await this.#options.rows.read(client, 'delivery', LOCK, [name, session]);
    // Somebody else is at it: they see what is new, or the next look does.
    if (read === undefined) {
      await this.#passOver(client, name, session);
      return 'locked';
    }
    this.#kept.delete(`${name} ${session}`);
    const row = read.own ?? fresh(name, session, (await this.#beginning(client, since, session)) ?? 0);
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
    const { giveUpMs = GIVE_UP_MS, backOffSeconds = BACK_OFF } = this.#options.patience ?? {};
    const isOverdue = failingSince !== null && Date.now() - failingSince.getTime() >= giveUpMs;
    for (const event of events) {
      if (Date.now() > until || this.#isStopping()) break;
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
    if (events.length === AT_ONCE || next <= (events.at(-1)?.position ?? -1)) return 'more';
    return events.length < stored.length ? 'waiting' : 'done';
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
    if (keptMs < keptMsOf(this.#options)) return;
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
}

/** PostgreSQL's JSON takes neither halves of characters nor NUL. */
const wellFormed = (text: string): string => storable(Buffer.from(text.slice(0, MAX_PROBLEM)).toString());

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
