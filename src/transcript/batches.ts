/**
 * Whether events bear the signature of the process that wrote them, found by its number. A batch is written in one transaction, so whoever
 * sees one of its events finds all of them: nothing is waited for.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { type Batch, digestOf, isSignedBatch } from './chain.js';
import type { VerifierKey } from './keys.js';
import { type RawEvent, timeText } from './reader.js';

/** Further than any process writes at once. */
const MAX_UNSIGNED = 1000;

/** Of `event e` what `contentOf` makes, by nothing that could be replaced in the database's schema, and that readers may not call. */
const CONTENT = `'{"at":"' || ${timeText('e.at')} || '","body":' || e.body::text || ',"kind":"' || e.kind || '","n":' || e.n::text || ',"session":"' || e.session_id::text || '"'
           || CASE WHEN e.statement_id IS NULL THEN '' ELSE ',"statement":"' || e.statement_id::text || '"' END || ',"v":1,"writer":"' || e.writer::text || '"}'`;

/** Whether an earlier event of the same writer has this number: `p` was put in, or comes twice. */
const IS_DOUBLE = `
  EXISTS (SELECT FROM event t WHERE t.writer = p.writer AND t.n = p.n AND t.sequence < p.sequence AND encode(t.hash, 'hex') <> ALL($5))`;
const SIGNED_NEAR = `
  FROM event p WHERE p.writer = r.writer AND p.signature IS NOT NULL AND encode(p.hash, 'hex') <> ALL($5) AND NOT ${IS_DOUBLE}`;

/**
 * All that was written at once with some numbers ($2 to $3) of writers ($1): the first event of each number, those that are known to be none
 * of ours ($5) left out. Of those that whoever asks has read ($4: sequences) no digest is asked. A digest that PostgreSQL computes proves
 * nothing by itself: with another than the true one, the signature over the event that was read does not fit.
 */
const WRITTEN_WITH = `
  SELECT DISTINCT ON (e.writer, e.n) e.writer, e.n::float8 AS n, e.sequence::text AS sequence, encode(e.signature, 'base64') AS signature,
         CASE WHEN e.sequence <> ALL($4) THEN
           sha256(convert_to(${CONTENT}, 'UTF8'))
         END AS digest
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS r (writer, low, high)
  CROSS JOIN LATERAL (
    SELECT coalesce((SELECT p.n ${SIGNED_NEAR} AND p.n < r.low AND p.n >= r.low - ${MAX_UNSIGNED} ORDER BY p.n DESC LIMIT 1), r.low - ${MAX_UNSIGNED}) AS after,
           coalesce((SELECT p.n ${SIGNED_NEAR} AND p.n >= r.high AND p.n < r.high + ${MAX_UNSIGNED} ORDER BY p.n LIMIT 1), r.high) AS upto
  ) b
  JOIN event e ON e.writer = r.writer AND e.n > b.after AND e.n <= b.upto
  WHERE encode(e.hash, 'hex') <> ALL($5)
  ORDER BY e.writer, e.n, e.sequence`;

const writtenRow = z.object({
  writer: z.string(),
  n: z.number(),
  sequence: z.string(),
  signature: z.string().nullable(),
  digest: z.instanceof(Buffer).nullable(),
});
type WrittenRow = z.infer<typeof writtenRow>;

export interface BatchesOptions {
  /** Our own key, and those before it. */
  readonly keys: readonly VerifierKey[];
  /** Hashes of events that are known to be none of ours: they are passed over, and given to nobody. */
  readonly forged: ReadonlySet<string>;
}

interface NumberRun {
  readonly writer: string;
  readonly low: number;
  high: number;
}

/** Numbers of writers, those that follow on each other together: a session's events lie far apart, a page of all sessions' does not. */
function runsOf(events: readonly RawEvent[]): readonly NumberRun[] {
  const runs = new Map<string, NumberRun>();
  const all: NumberRun[] = [];
  for (const { writer, n } of events) {
    const run = runs.get(writer);
    if (run && n === run.high + 1) run.high = n;
    else {
      const fresh = { writer, low: n, high: n };
      runs.set(writer, fresh);
      all.push(fresh);
    }
  }
  return all;
}

/** What was written at once with some events. */
export class Batches {
  readonly #keys: readonly VerifierKey[];
  readonly #digests: ReadonlyMap<string, Uint8Array>;
  readonly #rows: ReadonlyMap<string, WrittenRow>;
  /** Whether a batch is signed, by its writer and first number. */
  readonly #signed = new Map<string, boolean>();

  /** `rows`: the first event of each number of a writer. */
  private constructor(events: readonly RawEvent[], rows: readonly WrittenRow[], keys: readonly VerifierKey[]) {
    this.#keys = keys;
    this.#digests = new Map(events.map((event) => [event.sequence, digestOf(event)]));
    this.#rows = new Map(rows.map((row) => [`${row.writer} ${row.n}`, row]));
  }

  /** By one query, whatever their order and sessions; the right to read suffices. Throws where the store does not answer. */
  static async of(pool: Pool, events: readonly RawEvent[], { keys, forged }: BatchesOptions): Promise<Batches> {
    const runs = runsOf(events);
    const { rows } = await pool.query({
      name: 'written_with',
      text: WRITTEN_WITH,
      values: [
        runs.map(({ writer }) => writer),
        runs.map(({ low }) => low),
        runs.map(({ high }) => high),
        events.map(({ sequence }) => sequence),
        [...forged],
      ],
    });
    return new Batches(events, z.array(writtenRow).parse(rows), keys);
  }

  #at(writer: string, n: number): WrittenRow | undefined {
    return this.#rows.get(`${writer} ${n}`);
  }

  /** Why an event passes for none of ours; undefined where it is. */
  problemOf({ writer, n, sequence }: RawEvent): string | undefined {
    if (this.#at(writer, n)?.sequence !== sequence)
      return `its writer had written number ${n} before, so that this event was put in, or comes twice`;
    let first = n;
    for (let before = this.#at(writer, n - 1); before?.signature === null; before = this.#at(writer, first - 1))
      first--;
    const key = `${writer} ${first}`;
    const isSigned = this.#signed.get(key) ?? this.#isSigned(writer, first);
    this.#signed.set(key, isSigned);
    return isSigned ? undefined : 'no signature of ours fits it and what was written with it';
  }

  #isSigned(writer: string, first: number): boolean {
    const digests: Uint8Array[] = [];
    for (let n = first; n < first + MAX_UNSIGNED; n++) {
      const row = this.#at(writer, n);
      const digest = row && (this.#digests.get(row.sequence) ?? row.digest);
      if (!row || !digest) return false;
      digests.push(digest);
      const batch: Batch = { writer, first, digests };
      if (row.signature !== null) return isSignedBatch(batch, row.signature, this.#keys);
    }
    return false;
  }
}
