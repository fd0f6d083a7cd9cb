/**
 * Whether events bear the signature of the process that wrote them, found by its number. A batch is written in one transaction, so whoever
 * sees one of its events finds all of them: nothing is waited for. What was written with an event may be gone to an archive, though, and so
 * may the event itself by the time of this look.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { type Batch, digestOf, isSignedBatch, MAX_UNSIGNED } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { VerifierKey } from '../form/keys.js';
import { timeText } from './columns.js';

/** Of `event e` what `contentOf` makes, by nothing that could be replaced in the database's schema, and that readers may not call. */
const CONTENT = `'{"at":"' || ${timeText('e.at')} || '","body":' || e.body::text || ',"kind":"' || e.kind || '","n":' || e.n::text || ',"session":"' || e.session_id::text || '"'
           || CASE WHEN e.statement_id IS NULL THEN '' ELSE ',"statement":"' || e.statement_id::text || '"' END || ',"v":1,"writer":"' || e.writer::text || '"}'`;

/** Whether an earlier event of the same writer has this number: `p` was put in, or comes twice. */
const IS_DOUBLE = `
  EXISTS (SELECT FROM event t WHERE t.writer = p.writer AND t.n = p.n AND t.sequence < p.sequence AND encode(t.hash, 'hex') <> ALL($5))`;
const SIGNED_NEAR = `
  FROM event p WHERE p.writer = r.writer AND p.signature IS NOT NULL AND encode(p.hash, 'hex') <> ALL($5) AND NOT ${IS_DOUBLE}`;

/**
 * Whether the notary had read this number of its writer, and signed, while no leaf covers the event: it was put in later, in place of one
 * that went to an archive. Leaves of a session grow in the order of the tree.
 */
const IS_LATE = `
  EXISTS (SELECT FROM notarised w WHERE w.writer = e.writer AND w.n >= e.n)
  AND coalesce((SELECT l.length FROM leaf l WHERE l.session_id = e.session_id ORDER BY l.position DESC LIMIT 1), 0) <= e.position`;

/**
 * All that was written at once with some numbers ($2 to $3) of writers ($1): the first event of each number, those that are known to be none
 * of ours ($5) left out. Of those that whoever asks has read ($4: sequences) no digest is asked. A digest that PostgreSQL computes proves
 * nothing by itself: with another than the true one, the signature over the event that was read does not fit.
 */
const WRITTEN_WITH = `
  SELECT DISTINCT ON (e.writer, e.n) e.writer, e.n::float8 AS n, e.sequence::text AS sequence, encode(e.signature, 'base64') AS signature,
         CASE WHEN a.sequence IS NULL THEN sha256(convert_to(${CONTENT}, 'UTF8')) END AS digest,
         a.sequence IS NOT NULL AND ${IS_LATE} AS is_late
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS r (writer, low, high)
  CROSS JOIN LATERAL (
    SELECT coalesce((SELECT p.n ${SIGNED_NEAR} AND p.n < r.low AND p.n >= r.low - ${MAX_UNSIGNED} ORDER BY p.n DESC LIMIT 1), r.low - ${MAX_UNSIGNED}) AS after,
           coalesce((SELECT p.n ${SIGNED_NEAR} AND p.n >= r.high AND p.n < r.high + ${MAX_UNSIGNED} ORDER BY p.n LIMIT 1), r.high) AS upto
  ) b
  JOIN event e ON e.writer = r.writer AND e.n > b.after AND e.n <= b.upto
  LEFT JOIN unnest($4::bigint[]) AS a (sequence) ON a.sequence = e.sequence
  WHERE encode(e.hash, 'hex') <> ALL($5)
  ORDER BY e.writer, e.n, e.sequence`;

const writtenRow = z.object({
  writer: z.string(),
  n: z.number(),
  sequence: z.string(),
  signature: z.string().nullable(),
  digest: z.instanceof(Buffer).nullable(),
  is_late: z.boolean(),
});
type WrittenRow = z.infer<typeof writtenRow>;

/** Bounds what is asked at once: with each run of numbers come those before and after it that were written with it. */
const MAX_RUNS = 50;

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

/** A process of ours counts from 0 by ones, and gets nowhere near the end of what can be counted so. */
const isNumber = ({ n }: RawEvent): boolean => Number.isSafeInteger(n) && n >= 0;

/** Numbers of writers, those that follow on each other together: a session's events lie far apart, a page of all sessions' does not. */
class Runs {
  readonly #last = new Map<string, NumberRun>();
  readonly all: NumberRun[] = [];

  add({ writer, n }: RawEvent): void {
    const run = this.#last.get(writer);
    if (run && n === run.high + 1) run.high = n;
    else {
      const fresh = { writer, low: n, high: n };
      this.#last.set(writer, fresh);
      this.all.push(fresh);
    }
  }
}

/** In their order, as many at once as can be asked about at once. */
export function* slices(events: readonly RawEvent[]): Generator<readonly RawEvent[]> {
  let [slice, runs] = [[] as RawEvent[], new Runs()];
  for (const event of events) {
    slice.push(event);
    runs.add(event);
    if (runs.all.length < MAX_RUNS) continue;
    yield slice;
    [slice, runs] = [[], new Runs()];
  }
  if (slice.length > 0) yield slice;
}

/** Why an event passes for none of ours. */
export interface Doubt {
  readonly why: string;
  /** `unsigned`: what was written with it may be in an archive, so that a checkpoint has to tell; `double`: another has its number. */
  readonly kind: 'unsigned' | 'double' | 'late' | 'odd';
}

const UNSIGNED: Doubt = { why: 'no signature of ours fits it and what was written with it', kind: 'unsigned' };
const NO_NUMBER: Doubt = { why: 'no process of ours gives such a number', kind: 'odd' };
const LATE: Doubt = {
  why: 'it was put in, or comes twice, after the notary had read all that its writer wrote up to this number',
  kind: 'late',
};

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

  /** By one query, whatever their sessions; the right to read suffices. Throws where the store does not answer. */
  static async of(
    queries: Pick<Pool | PoolClient, 'query'>,
    events: readonly RawEvent[],
    { keys, forged }: BatchesOptions,
  ): Promise<Batches> {
    const known = events.filter(isNumber);
    const runs = new Runs();
    for (const event of known) runs.add(event);
    if (known.length === 0) return new Batches([], [], keys);
    const { rows } = await queries.query({
      name: 'written_with',
      text: WRITTEN_WITH,
      values: [
        runs.all.map(({ writer }) => writer),
        runs.all.map(({ low }) => low),
        runs.all.map(({ high }) => high),
        known.map(({ sequence }) => sequence),
        [...forged],
      ],
    });
    return new Batches(known, z.array(writtenRow).parse(rows), keys);
  }

  #at(writer: string, n: number): WrittenRow | undefined {
    return this.#rows.get(`${writer} ${n}`);
  }

  /** undefined where it is one of ours. */
  doubtOf(event: RawEvent): Doubt | undefined {
    if (!isNumber(event)) return NO_NUMBER;
    const { writer, n, sequence } = event;
    const row = this.#at(writer, n);
    if (!row) return UNSIGNED;
    if (row.sequence !== sequence)
      return { why: `its writer had written number ${n} before, so that one of both was put in`, kind: 'double' };
    if (row.is_late) return LATE;
    let first = n;
    while (this.#at(writer, first - 1)?.signature === null) first--;
    const key = `${writer} ${first}`;
    const isSigned = this.#signed.get(key) ?? this.#isSigned(writer, first);
    this.#signed.set(key, isSigned);
    return isSigned ? undefined : UNSIGNED;
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
