/**
 * Whether anybody notarises. What was put into the record is found by a notary that reads it, and by nobody while none does: whoever keeps
 * the notary from reading, by a lock, by a right that is gone or by whatever else, must not keep that to themselves. So each gateway looks,
 * apart from its own notary and over another connection, whether checkpoints go on where there is something to sign.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { moment } from '../../times/index.js';
import type { Checkpoints } from './checkpoints.js';

/** The newest checkpoint, the end of the tree, and whether anything was written that is not in it. */
const LOOK = `
  SELECT (SELECT c.note FROM checkpoint c ORDER BY c.size DESC LIMIT 1) AS note,
         (SELECT coalesce(max(l.position) + 1, 0)::float8 FROM leaf l) AS leaves,
         EXISTS (SELECT FROM chain c WHERE NOT c.is_covered) AS is_uncovered`;
const lookRow = z.object({ note: z.string().nullable(), leaves: z.number(), is_uncovered: z.boolean() });

/** Looks in a row at which nothing has moved. */
const ROUNDS = 5;
/** And no sooner than that: a store that is slow is none that is silenced. */
const LEAST_MS = 30_000;

export interface NotaryWatchOptions {
  readonly pool: Pool;
  /** Of this process: as long as it gets on with reading, nobody is silent. */
  readonly checkpoints: Pick<Checkpoints, 'pulse' | 'sizeOf' | 'stopped'>;
  /** Milliseconds between checkpoints, and so between looks. */
  readonly everyMs: number;
  /** At least so long nothing has to move; 30 seconds if nothing is said. */
  readonly leastMs?: number;
  /** Hears that nobody notarises, once until somebody does. */
  readonly onSilence: (problem: string) => void;
  /** Hears that what there was has been read to its end and signed, with what `onSilence` had heard. */
  readonly onEnd: (problem: string) => void;
}

export class NotaryWatch {
  readonly #options: NotaryWatchOptions;
  readonly #rounds: number;
  #state = '';
  /** Since when nothing has moved, and at how many looks. */
  #since = new Date();
  #looks = 0;
  #problem: string | undefined;
  /** What was signed when nobody notarised any more. */
  #silentAt = 0;

  constructor(options: NotaryWatchOptions) {
    this.#options = options;
    this.#rounds = Math.max(ROUNDS, Math.ceil((options.leastMs ?? LEAST_MS) / options.everyMs));
  }

  /** Throws where the store does not answer: then there is nothing to be said, and statements are refused. */
  async look(): Promise<void> {
    const { pool, checkpoints, onSilence } = this.#options;
    let row: z.infer<typeof lookRow>;
    try {
      row = lookRow.parse((await pool.query({ name: 'notary_watch', text: LOOK })).rows[0]);
    } catch (error) {
      this.#looks = 0;
      throw error;
    }
    // A checkpoint that we have not signed is none, and covers nothing.
    const size = (row.note === null ? 0 : checkpoints.sizeOf(row.note)) ?? 0;
    const state = `${size} ${checkpoints.pulse}`;
    const isAllSigned = !row.is_uncovered && row.leaves <= size;
    // Reading is no end of it: the very look that has begun may find what was put in meanwhile. One that ends signs.
    if ((isAllSigned || size > this.#silentAt) && checkpoints.stopped === undefined) this.#end();
    if (state !== this.#state || isAllSigned) {
      this.#state = state;
      this.#since = new Date();
      this.#looks = 0;
      return;
    }
    this.#looks++;
    if (this.#looks < this.#rounds || this.#problem !== undefined) return;
    this.#silentAt = size;
    this.#problem = `Nobody has notarised since ${moment(this.#since)}, though there is something to sign: what was put into the record since then is not found. Somebody keeps the notary from it, or it does not run.`;
    onSilence(this.#problem);
  }

  #end(): void {
    if (this.#problem === undefined) return;
    const problem = this.#problem;
    this.#problem = undefined;
    this.#options.onEnd(problem);
  }
}
