/**
 * Which approvals are ours, for whoever counts them again and again, without their texts. Each is read whole once: from then on it is
 * known by which version of its row stands there, as PostgreSQL itself numbers them. Whoever changes a row makes another version of it. A
 * look reads so many bytes at most, and says how many rows it left unread.
 */
import { z } from 'zod';
import { Strangers } from './own.js';
import type { JsonRow, Queries, SealedRows } from './sealed.js';

/** What is read of a row besides some short columns, as far as PostgreSQL knows it without reading it. On `t`. */
export const APPROVAL_BYTES = `(octet_length(t.sealed) + coalesce(pg_column_size(t.about), 0) + pg_column_size(t.requirements)
  + pg_column_size(t.persons))::float8`;

/**
 * Numbers of transactions come again after four thousand millions, so the place and the HMAC are part of it: nothing else has all of them.
 * One of another length is nobody's (https://www.postgresql.org/docs/current/ddl-system-columns.html).
 */
const VERSION = `t.id || ' ' || t.ctid::text || ' ' || t.xmin::text || ' ' || encode(substring(t.mac FROM 1 FOR 33), 'hex')`;

const PLACES = `SELECT t.id::text AS id, t.asked_at::text AS asked_at, ${VERSION} AS version, ${APPROVAL_BYTES} AS bytes FROM approval t`;
const placeRow = z.object({ id: z.string(), asked_at: z.string(), version: z.string(), bytes: z.number() });
type Place = z.infer<typeof placeRow>;

const REMEMBERED = 20_000;
const PLACES_AT_ONCE = 1000;
/** Of one look, and of one query of it: each is read while others wait. */
const MAX_READ_BYTES = 4_000_000;
const MAX_READ_AT_ONCE = 1_000_000;
const READ_AT_ONCE = 50;

export interface OwnFound {
  /** The newest first, as they were read: no more than was asked for. */
  readonly own: readonly JsonRow[];
  /** Rows before the last of these, of whoever's, that were too many to be read in one look. Later looks read on. */
  readonly unread: number;
}

export class OwnApprovals {
  readonly #rows: SealedRows;
  /** By version, the last ones asked for; undefined is nobody's. */
  readonly #known = new Map<string, JsonRow | undefined>();

  constructor(rows: SealedRows) {
    this.#rows = rows;
  }

  /** The newest of ours that a condition on `t` finds. */
  async first(queries: Queries, condition: string, values: readonly unknown[], most: number): Promise<OwnFound> {
    const own: JsonRow[] = [];
    const strangers = new Strangers(this.#rows, 'approval');
    let [unread, left] = [0, MAX_READ_BYTES];
    let last: Place | undefined;
    for (;;) {
      const { rows } = await queries.query(
        `${PLACES} WHERE (${condition}) AND ($${values.length + 1}::timestamptz IS NULL
           OR (t.asked_at, t.id) < ($${values.length + 1}::timestamptz, $${values.length + 2}::uuid))
         ORDER BY t.asked_at DESC, t.id DESC LIMIT ${PLACES_AT_ONCE}`,
        [...values, last?.asked_at ?? null, last?.id ?? null],
      );
      const page = z.array(placeRow).parse(rows);
      for (let at = 0; at < page.length; at += READ_AT_ONCE) {
        const some = page.slice(at, at + READ_AT_ONCE);
        left -= await this.#learn(queries, some, left, strangers);
        for (const { version } of some) {
          const row = this.#known.get(version);
          if (row) own.push(row);
          else if (!this.#known.has(version)) unread++;
          if (own.length === most) return { own, unread };
        }
      }
      last = page.at(-1);
      if (page.length < PLACES_AT_ONCE || strangers.areTooMany) return { own, unread };
    }
  }

  /** Reads those that are not known, as many as there is room for; answers how many bytes that were. */
  async #learn(queries: Queries, some: readonly Place[], room: number, strangers: Strangers): Promise<number> {
    let [read, inBatch] = [0, 0];
    let batch: Place[] = [];
    for (const place of some) {
      if (this.#isKnown(place.version)) continue;
      // The first of a look is read however long it is: else nobody would ever have read it.
      if (read + place.bytes > room && !(read === 0 && room === MAX_READ_BYTES)) continue;
      if (batch.length > 0 && inBatch + place.bytes > MAX_READ_AT_ONCE) {
        await this.#read(queries, batch, strangers);
        [batch, inBatch] = [[], 0];
      }
      batch.push(place);
      inBatch += place.bytes;
      read += place.bytes;
    }
    if (batch.length > 0) await this.#read(queries, batch, strangers);
    return read;
  }

  /** One that is asked for stays known longer than others. */
  #isKnown(version: string): boolean {
    if (!this.#known.has(version)) return false;
    const row = this.#known.get(version);
    this.#known.delete(version);
    this.#known.set(version, row);
    return true;
  }

  /** A row that has gone on in between is none of these, and is found by its new version. */
  async #read(queries: Queries, batch: readonly Place[], strangers: Strangers): Promise<void> {
    const ids = batch.map(({ id }) => id);
    for (const found of await this.#rows.found(queries, 'approval', 'WHERE t.id = ANY($1)', [ids], VERSION)) {
      const row = strangers.open(found);
      const { sealed: _sealed, about: _about, ...rest } = row ?? {};
      const [oldest] = this.#known.keys();
      if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
      this.#known.set(found.key, row && rest);
    }
  }
}
