/** The ends of sessions, as far as one process has lengthened them: what the store says of them is held against what was written. */
import { z } from 'zod';
import { firstHash, nextHash } from '../form/chain.js';
import type { Written } from './batch.js';

const MAX_HEADS = 100_000;

export interface Head {
  readonly length: number;
  readonly hash: string;
}

/** What append() says of a session: where it ended before, where it ends now, and what places the new events have in the order of writing. */
export const lengthened = z.tuple([z.string(), z.number(), z.string(), z.number(), z.string(), z.array(z.number())]);

export class Heads {
  readonly #onIntegrityProblem: (problem: string) => void;
  /** What this process knows to be stored, since the last look. */
  #heads = new Map<string, Head>();

  /** `onIntegrityProblem` hears that what is stored is not what was written. */
  constructor(onIntegrityProblem: (problem: string) => void) {
    this.#onIntegrityProblem = onIntegrityProblem;
  }

  /** What the database says that it has hung on is what we gave it. Throws where it is not. */
  check(heads: readonly z.infer<typeof lengthened>[], contents: ReadonlyMap<string, readonly Written[]>): void {
    for (const [session, before, beforeHash, length, hash, sequences] of heads) {
      const known = this.#heads.get(session);
      if (before === 0 ? beforeHash !== firstHash(session) : known?.length === before && known.hash !== beforeHash)
        this.#onIntegrityProblem(`The end of session ${session} was changed in the store.`);
      if (known && before < known.length)
        this.#onIntegrityProblem(`Session ${session} was cut off in the store: ${before} events of ${known.length}.`);
      let expected = beforeHash;
      const written = contents.get(session) ?? [];
      for (const [index, { content, signature }] of written.entries())
        expected = nextHash(expected, content, BigInt(sequences[index] ?? -1), signature);
      if (expected !== hash || length !== before + written.length) {
        this.#onIntegrityProblem(`The store has written something else into session ${session} than it was given.`);
        throw new Error('the store has written something else than it was given');
      }
      if (this.#heads.size < MAX_HEADS || known) this.#heads.set(session, { length, hash });
    }
  }

  /** Heads that this process has written since it was last asked. */
  take(): ReadonlyMap<string, Head> {
    const heads = this.#heads;
    this.#heads = new Map();
    return heads;
  }
}
