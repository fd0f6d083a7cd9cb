/**
 * The transcript's writer. `append` resolves when the event is durable (committed with `synchronous_commit` on), and not before;
 * events that come at once share one statement and so one commit.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Event } from './event.js';

/** The store does not take events: no statement may run. */
export class RecorderUnavailable extends Error {
  constructor(cause: unknown) {
    super('The transcript store is not reachable.', { cause });
    this.name = 'RecorderUnavailable';
  }
}

const TAKE_BYTES = `
  INSERT INTO scan_budget (principal, day, bytes) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)
  ON CONFLICT (principal, day) DO UPDATE SET bytes = scan_budget.bytes + excluded.bytes
  WHERE scan_budget.bytes + excluded.bytes <= $3
  RETURNING 1`;

export interface Count {
  readonly principal: string;
}

interface Waiting {
  readonly event: Event;
  readonly at: Date;
  readonly count: Count | undefined;
  readonly resolve: (statements: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

const MAX_BATCH = 200;
const MAX_WAITING = 10_000;

/** Adds events; counts statements of principals that have a limit on them. Paste into psql with a JSON array in place of $1. */
const INSERT_EVENTS = `
  INSERT INTO event (id, at, session_id, statement_id, kind, body)
  SELECT id, at, session_id, statement_id, kind, body
  FROM json_to_recordset($1::json) AS added (id uuid, at timestamptz, session_id uuid, statement_id uuid, kind text, body jsonb)`;

const INSERT_AND_COUNT = `
  WITH added AS (${INSERT_EVENTS} RETURNING 1)
  INSERT INTO statement_count (principal, hour, statements)
  SELECT principal, date_trunc('hour', now()), count(*) FROM unnest($2::text[]) AS counted (principal) GROUP BY principal
  ON CONFLICT (principal, hour) DO UPDATE SET statements = statement_count.statements + excluded.statements
  RETURNING principal, statements`;

export class Recorder {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #isFlushing = false;
  #failed = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Whether the last write worked. */
  get isHealthy(): boolean {
    return this.#failed === 0;
  }

  /**
   * Resolves once the event is durable: with the number of statements of this hour where a principal is given to count, else with
   * undefined. Throws RecorderUnavailable.
   */
  append(event: Event, count?: Count): Promise<number | undefined> {
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(new RecorderUnavailable(new Error('too many events wait')));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ event, at: new Date(), count, resolve, reject });
      // Events that come while one write is under way go together with the next.
      if (!this.#isFlushing) {
        this.#isFlushing = true;
        queueMicrotask(() => void this.#flush());
      }
    });
  }

  /**
   * Adds to the bytes that the principal scans today (UTC), unless that would pass the limit: then nothing is taken and the answer is
   * false. Throws RecorderUnavailable.
   */
  async takeBytes(principal: string, bytes: number, limit: number): Promise<boolean> {
    if (bytes > limit) return false;
    try {
      const { rowCount } = await this.#pool.query({
        name: 'take_bytes',
        text: TAKE_BYTES,
        values: [principal, Math.ceil(bytes), limit],
      });
      return rowCount === 1;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        const counts = await this.#insert(batch);
        this.#failed = 0;
        for (const { count, resolve } of batch) resolve(count ? counts.get(count.principal) : undefined);
      } catch (error) {
        this.#failed++;
        for (const { reject } of batch) reject(new RecorderUnavailable(error));
      }
    }
    this.#isFlushing = false;
  }

  async #insert(batch: readonly Waiting[]): Promise<ReadonlyMap<string, number>> {
    const values: unknown[] = [
      storable(
        batch.map(({ event, at }) => ({
          id: randomUUID(),
          at,
          session_id: event.sessionId ?? null,
          statement_id: event.statementId ?? null,
          kind: event.kind,
          body: event.body,
        })),
      ),
    ];
    const counted = batch.flatMap(({ count }) => (count ? [count.principal] : []));
    if (counted.length === 0) {
      await this.#pool.query({ name: 'insert_events', text: INSERT_EVENTS, values });
      return new Map();
    }
    const { rows } = await this.#pool.query<{ principal: string; statements: number }>({
      name: 'insert_and_count',
      text: INSERT_AND_COUNT,
      values: [...values, counted],
    });
    return new Map(rows.map((row) => [row.principal, row.statements]));
  }
}

/** JSON text for a jsonb column, which takes no NUL: one in a literal must not keep an attempt out of the record. */
const storable = (events: readonly object[]): string =>
  JSON.stringify(events).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, '$1\\ufffd');
