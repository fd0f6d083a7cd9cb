/**
 * What is given on as ours, to followers, pages and webhooks, is what gateways of ours have signed. Whoever holds the password of the
 * gateway's role can append what they like; the notary finds that at its next look, and nobody may have heard of it as ours before then.
 */
import type { Pool, PoolClient } from 'pg';
import { canonical } from '../form/canonical.js';
import { parsed, type RawEvent, type StoredEvent } from '../form/event.js';
import { inSnapshot } from '../store/snapshot.js';
import { Batches, type BatchesOptions, type Doubt, slices } from './batches.js';
import { coveredOf } from './covered.js';

const TOLD = 1000;

/** Of these places those where the event still stands that was read there. */
const STILL_THERE = `
  SELECT e.sequence::text AS sequence FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS r (session, position, sequence)
  JOIN event e ON e.session_id = r.session AND e.position = r.position AND e.sequence = r.sequence`;
/** Which event had a number before another one. */
const EARLIER = `
  SELECT e.session_id AS session, e.position::float8 AS position, encode(e.hash, 'hex') AS hash FROM event e
  WHERE e.writer = $1 AND e.n = $2 AND e.sequence < $3 AND encode(e.hash, 'hex') <> ALL($4) ORDER BY e.sequence LIMIT 1`;

/** An event that nothing proves to be ours. */
export class Unproved extends Error {
  constructor({ session, position, at, writer, n, hash }: RawEvent, why: string) {
    super(
      `Event ${position} of session ${session} (${at}, number ${n} of writer ${writer}) was not written by a gateway of ours: ${why} (its hash is ${hash}).`,
    );
    this.name = 'Unproved';
  }
}

export interface ProofsOptions extends BatchesOptions {
  /** Hears once of each event that nothing proves. */
  readonly onUnproved: (problem: string) => void;
}

export interface Proved {
  /**
   * In their order, up to before the first that is none of ours, or that is not there any more, since it went to an archive after it was
   * read: whoever reads on reads what is there then.
   */
  readonly events: readonly StoredEvent[];
  /** Of the first that is none of ours; nothing after it is given either. */
  readonly unproved: Unproved | undefined;
}

/** Why some events, by their sequences, can't be given: they are gone, or nothing proves them. */
type Held = ReadonlyMap<string, Doubt | 'gone'>;

export class Proofs {
  readonly #pool: Pool;
  readonly #options: ProofsOptions;
  readonly #told = new Set<string>();

  /** `pool`: the right to read suffices. */
  constructor(pool: Pool, options: ProofsOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** Whether somebody has looked into it, and it is none of ours. */
  isForged({ hash }: Pick<StoredEvent, 'hash'>): boolean {
    return this.#options.forged.has(hash);
  }

  /**
   * By few more queries, one for most pages, whatever their order and sessions. Those that are known to be none of ours are among them, so
   * that whoever asks gets past them. Throws where the store does not answer.
   */
  async upTo(events: readonly RawEvent[]): Promise<Proved> {
    const given: StoredEvent[] = [];
    for (const slice of slices(events)) {
      const held = await this.#heldOf(slice.filter((event) => !this.isForged(event)));
      for (const event of slice) {
        const why = held.get(event.sequence);
        if (why !== undefined)
          return { events: given, unproved: why === 'gone' ? undefined : await this.#tell(event, why) };
        given.push(parsed(event));
      }
    }
    return { events: given, unproved: undefined };
  }

  /** The same of what was parsed already. */
  ofParsed(events: readonly StoredEvent[]): Promise<Proved> {
    return this.upTo(events.map((event) => ({ ...event, body: canonical(event.body) })));
  }

  /** Of pages, all that is ours; those that are known to be none of ours are left out. Throws Unproved at the first other one. */
  async *own(pages: AsyncIterable<readonly StoredEvent[]>): AsyncGenerator<StoredEvent> {
    for await (const page of pages) {
      const { events, unproved } = await this.ofParsed(page);
      for (const event of events) if (!this.isForged(event)) yield event;
      if (unproved) throw unproved;
      if (events.length < page.length) throw new Error('What is read here went to an archive meanwhile. Try it again.');
    }
  }

  async #heldOf(events: readonly RawEvent[]): Promise<Held> {
    if (events.length === 0) return new Map();
    const batches = await Batches.of(this.#pool, events, this.#options);
    const doubtful = events.filter((event) => batches.doubtOf(event) !== undefined);
    return doubtful.length === 0
      ? new Map()
      : inSnapshot(this.#pool, (snapshot) => this.#lookAgain(snapshot, doubtful));
  }

  /**
   * Between two queries an archive may have taken an event, or what was written with it; so what counts is one moment. Where that leaves
   * nothing to check a signature by, a checkpoint covers the event, since only what is covered goes.
   */
  async #lookAgain(snapshot: PoolClient, doubtful: readonly RawEvent[]): Promise<Held> {
    const { rows } = await snapshot.query<{ sequence: string }>(STILL_THERE, [
      doubtful.map(({ session }) => session),
      doubtful.map(({ position }) => position),
      doubtful.map(({ sequence }) => sequence),
    ]);
    const there = new Set(rows.map(({ sequence }) => sequence));
    const present = doubtful.filter(({ sequence }) => there.has(sequence));
    const batches = await Batches.of(snapshot, present, this.#options);
    const unsigned = present.filter((event) => batches.doubtOf(event)?.kind === 'unsigned');
    const covered = await coveredOf(snapshot, unsigned, this.#options.keys);
    const held = new Map<string, Doubt | 'gone'>();
    for (const event of doubtful) {
      const { sequence } = event;
      const doubt = there.has(sequence) ? batches.doubtOf(event) : 'gone';
      if (doubt === undefined || covered.has(sequence)) continue;
      held.set(sequence, doubt);
      // What comes after the first is not given anyway.
      break;
    }
    return held;
  }

  async #tell(event: RawEvent, { why, kind }: Doubt): Promise<Unproved> {
    const earlier = kind === 'double' ? await this.#earlierThan(event) : '';
    const unproved = new Unproved(event, `${why}${earlier}`);
    if (!this.#told.has(event.hash)) {
      if (this.#told.size >= TOLD) this.#told.clear();
      this.#told.add(event.hash);
      this.#options.onUnproved(unproved.message);
    }
    return unproved;
  }

  /** Whoever looks into it has to see both: the earlier one may be the one that was put in. */
  async #earlierThan({ writer, n, sequence }: RawEvent): Promise<string> {
    const { rows } = await this.#pool.query<{ session: string; position: number; hash: string }>(EARLIER, [
      writer,
      n,
      sequence,
      [...this.#options.forged],
    ]);
    const [other] = rows;
    return other ? `; the other is event ${other.position} of session ${other.session}, hash ${other.hash}` : '';
  }
}
