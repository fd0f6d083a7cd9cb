/**
 * What is given on as ours, to followers, pages and webhooks, is what gateways of ours have signed. Whoever holds the password of the
 * gateway's role can append what they like; the notary finds that at its next look, and nobody may have heard of it as ours before then.
 */
import type { Pool } from 'pg';
import { Batches, type BatchesOptions } from './batches.js';
import { canonical } from './canonical.js';
import { isCovered } from './covered.js';
import type { StoredEvent } from './event.js';
import { parsed, type RawEvent } from './reader.js';

const TOLD = 1000;

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
  /** In their order, up to before the first that is none of ours. */
  readonly events: readonly StoredEvent[];
  /** Of that one; nothing after it is given either. */
  readonly unproved: Unproved | undefined;
}

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

  /** By one more query for all of them, whatever their order and sessions. Throws where the store does not answer. */
  async upTo(events: readonly RawEvent[]): Promise<Proved> {
    const given: StoredEvent[] = [];
    const wanted = events.filter((event) => !this.isForged(event));
    const batches = wanted.length === 0 ? undefined : await Batches.of(this.#pool, wanted, this.#options);
    for (const event of events) {
      const why = this.isForged(event) ? undefined : batches?.problemOf(event);
      // What was written with it may have gone to an archive; then a checkpoint covers it, since only what is covered goes.
      if (why !== undefined && !(await isCovered(this.#pool, event, this.#options.keys)))
        return { events: given, unproved: this.#tell(event, why) };
      given.push(parsed(event));
    }
    return { events: given, unproved: undefined };
  }

  /** The same of what was parsed already; those that are known to be none of ours are left out. Throws Unproved. */
  async own(events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const proved = await this.upTo(events.map((event) => ({ ...event, body: canonical(event.body) })));
    if (proved.unproved) throw proved.unproved;
    return proved.events.filter((event) => !this.isForged(event));
  }

  #tell(event: RawEvent, why: string): Unproved {
    const unproved = new Unproved(event, why);
    if (!this.#told.has(event.hash)) {
      if (this.#told.size >= TOLD) this.#told.clear();
      this.#told.add(event.hash);
      this.#options.onUnproved(unproved.message);
    }
    return unproved;
  }
}
