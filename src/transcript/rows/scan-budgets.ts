/**
 * Bytes that a principal's statements scan in one day (UTC, by the store's clock), in a row that all replicas share. The row carries an
 * HMAC; what was taken is an event as well, written after it. So a row that is none of ours, that is gone, or that was put back as it was
 * gives nothing back: the day's bytes are then those of the record, or what this process knows of, whichever is more.
 *
 * The event says to how much the bytes came with it. So a row of before is known for one by whoever did not write what came after it, and
 * two takings of the same bytes, which a row that is put back before the event is there brings about, are found once both are written down.
 *
 * Usually one round trip: the row is changed if it stands there as this process left it, and no event says more.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import type { Found, SealedRows } from './sealed.js';

/** What was taken, as the record has it. */
export interface Taken {
  readonly principal: string;
  /** UTC, as YYYY-MM-DD. */
  readonly day: string;
  readonly bytes: number;
  /** The day's, with these. */
  readonly after: number;
}

interface Known {
  readonly day: string;
  /** The row says no less as long as it is that day. */
  readonly bytes: number;
  /** The row as it stands there; undefined where that is not known, or there is none. */
  readonly found: Found | undefined;
}

const TODAY = `(now() AT TIME ZONE 'UTC')::date`;
/** A number of an event, whatever stands there. By the index event_bytes_after. */
const numberIn = (name: 'after' | 'bytes'): string =>
  `(CASE WHEN e.body->>'${name}' ~ '^[0-9]{1,16}$' THEN (e.body->>'${name}')::numeric END)`;
const takenOf = (principal: string, day: string): string =>
  `e.kind = 'bytes_taken' AND left(e.body->>'principal', 200) = left(${principal}, 200) AND left(e.body->>'day', 10) = ${day}
    AND e.body->>'principal' = ${principal}`;
const LOOK = `
  SELECT ${TODAY}::text AS day, (to_jsonb(t) - 'mac')::text AS text, t.mac,
         (SELECT ${numberIn('after')}::float8 FROM event e WHERE ${takenOf('$1', `${TODAY}::text`)} AND ${numberIn('after')} > 0
          ORDER BY ${numberIn('after')} DESC LIMIT 1) AS after
  FROM (SELECT 1) one LEFT JOIN scan_budget t ON t.principal = $1 AND t.day = ${TODAY}`;
const lookRow = z.object({
  day: z.string(),
  text: z.string().nullable(),
  mac: z.instanceof(Buffer).nullable(),
  after: z.number().nullable(),
});
/** What was taken before is all that there is: no event says more, whatever the row says. */
const IS_NEWEST = `AND t.day = ${TODAY} AND NOT EXISTS (
  SELECT FROM event e WHERE ${takenOf('t.principal', 't.day::text')} AND ${numberIn('after')} > $5::numeric)`;
/** Takings that share bytes with one, and that one. */
const SAME = `
  SELECT FROM event e
  WHERE ${takenOf('$1::text', '$2::text')} AND ${numberIn('after')} > $3::numeric AND ${numberIn('after')} - ${numberIn('bytes')} < $4::numeric LIMIT 2`;

/** By the record: found by the index event_bytes_taken. A process's clock may be off by some hours, the day itself is the store's. */
const RECORDED = `
  SELECT coalesce(sum((e.body->>'bytes')::numeric), 0)::float8 AS bytes,
         EXISTS (SELECT FROM migration m WHERE m.name = '023_state_macs.sql' AND (m.applied_at AT TIME ZONE 'UTC')::date = $2::text::date) AS is_update
  FROM event e
  WHERE e.kind = 'bytes_taken' AND left(e.body->>'principal', 200) = left($1, 200) AND e.body->>'principal' = $1
    AND e.body->>'day' = $2::text AND e.body->>'bytes' ~ '^[0-9]{1,16}$' AND e.at >= $2::text::date - interval '12 hours'`;
const recordedRow = z.object({ bytes: z.number(), is_update: z.boolean() });

const budgetRow = z.object({ bytes: z.number().nonnegative() });

/** Principals whose rows this process knows. */
const REMEMBERED = 10_000;
/** Others may be quicker a few times; who never gets its turn is told that the store does not answer. */
const TRIES = 50;

export class ScanBudgets {
  readonly #pool: Pool;
  readonly #rows: SealedRows;
  readonly #known = new Map<string, Known>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(pool: Pool, rows: SealedRows) {
    this.#pool = pool;
    this.#rows = rows;
  }

  /**
   * Takes bytes from the day's, unless that would pass the limit: undefined then, and nothing is taken. Whoever takes them has to write
   * what was taken into the record.
   */
  take(principal: string, bytes: number, limit: number): Promise<Taken | undefined> {
    // A principal's statements take one after the other: they would be in each other's way otherwise.
    const before = this.#turns.get(principal) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#take(principal, Math.ceil(bytes), limit));
    this.#turns.set(principal, turn);
    const leave = (): void => {
      if (this.#turns.get(principal) === turn) this.#turns.delete(principal);
    };
    turn.then(leave, leave);
    return turn;
  }

  async #take(principal: string, bytes: number, limit: number): Promise<Taken | undefined> {
    const known = this.#known.get(principal);
    if (known?.found && known.bytes + bytes <= limit && (await this.#add(principal, known, bytes)))
      return { principal, day: known.day, bytes, after: known.bytes + bytes };
    for (let tries = 0; tries < TRIES; tries++) {
      const seen = await this.#look(principal);
      if (seen === undefined) continue;
      this.#remember(principal, seen);
      if (seen.bytes + bytes > limit) return undefined;
      if (await this.#add(principal, seen, bytes))
        return { principal, day: seen.day, bytes, after: seen.bytes + bytes };
    }
    throw new Error('Too many change the bytes of one principal at once.');
  }

  /** False where the row stands there otherwise, or the day is over. */
  async #add(principal: string, { day, bytes: before, found }: Known, bytes: number): Promise<boolean> {
    const after = { principal, day, bytes: before + bytes };
    // Whether it was changed is not known where the answer does not come: the next look tells.
    this.#remember(principal, { day, bytes: before, found: undefined });
    const changed = found
      ? await this.#rows.swap(this.#pool, 'scan_budget', found, after, IS_NEWEST, [before])
      : await this.#rows.put(this.#pool, 'scan_budget', after);
    if (!changed) return false;
    this.#remember(principal, { day, bytes: after.bytes, found: changed });
    return true;
  }

  #remember(principal: string, known: Known): void {
    if (!this.#known.has(principal) && this.#known.size >= REMEMBERED) {
      const [oldest] = this.#known.keys();
      // What is forgotten is counted again from the record.
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(principal, known);
  }

  /**
   * Whether another taking had the same bytes; asked once it is in the record. Each replica may have found the row as it was put back for
   * it: whoever writes second sees both.
   */
  async isTwice({ principal, day, bytes, after }: Taken): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'same_bytes',
      text: SAME,
      values: [principal, day, after - bytes, after],
    });
    if (rowCount !== 2) return false;
    this.#known.delete(principal);
    this.#rows.tell(
      `The row of the bytes that ${principal} took on ${day} was put back while they were taken: more than one statement had the same ones.`,
    );
    return true;
  }

  /** `after`: the most that an event says. */
  async #row(
    principal: string,
  ): Promise<{ readonly day: string; readonly found: Found | undefined; readonly after: number }> {
    const { rows } = await this.#pool.query({ name: 'look_scan_budget', text: LOOK, values: [principal] });
    const { day, text, mac, after } = lookRow.parse(rows[0]);
    return { day, found: text === null || mac === null ? undefined : { text, mac }, after: after ?? 0 };
  }

  /** The row and what it counts for; undefined where the day has changed meanwhile. */
  async #look(principal: string): Promise<Known | undefined> {
    const { day, found, after } = await this.#row(principal);
    const known = this.#known.get(principal);
    const least = known?.day === day ? known.bytes : undefined;
    const isOurs = found !== undefined && this.#rows.isOurs('scan_budget', found.text, found.mac);
    const said = isOurs ? budgetRow.parse(JSON.parse(found.text)).bytes : 0;
    if (isOurs && least !== undefined && said >= Math.max(least, after)) return { day, bytes: said, found };
    return this.#count(principal, day, Math.max(least ?? 0, after));
  }

  /** By the record, where this process sees the day's row for the first time, or it is not as it should be. */
  async #count(principal: string, day: string, least: number): Promise<Known | undefined> {
    const { rows } = await this.#pool.query(RECORDED, [principal, day]);
    const { bytes: recorded, is_update: isUpdate } = recordedRow.parse(rows[0]);
    const floor = Math.max(recorded, least);
    // Once more: what others took before they wrote it down is in the row first.
    const { day: today, found } = await this.#row(principal);
    if (today !== day) return undefined;
    if (!found) {
      if (floor > 0)
        this.#rows.tell(`The row of the bytes that ${principal} took on ${day} is gone. The record has ${floor}.`);
      return { day, bytes: floor, found };
    }
    // Of before the update that brought HMACs: it counts as what takes away most.
    if (isUpdate && found.mac.length === 0)
      return { day, bytes: Math.max(floor, budgetRow.parse(JSON.parse(found.text)).bytes), found };
    const own = this.#rows.open('scan_budget', found);
    const said = own ? budgetRow.parse(own).bytes : 0;
    if (own && said < floor) this.#rows.tellOld('scan_budget', own, `it says ${said} bytes, and ${floor} were taken`);
    return { day, bytes: Math.max(said, floor), found };
  }
}
