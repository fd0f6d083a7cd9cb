/**
 * What one judgement may cost, in steps that are counted alike everywhere: parts of the tree walked, columns and origins looked at, tokens
 * gone through. One `Effort` holds for all walks of a statement (to find its tables, to judge it, to read what is sent once more), for the
 * views that it reads, and for every level of nesting: a bound for each of them would be multiplied by how many there are.
 *
 * A step is what takes no longer than some hundred nanoseconds; what takes longer counts as several. Should something cost more than it is
 * counted for all the same, the clock ends the judgement: one thread judges for everybody.
 */

/** What the steps are taken for; the refusal names the one that took most. */
export type Work = 'parts' | 'columns' | 'tokens';

/** Counts what is looked at. */
export type Count = (steps: number) => void;

const MAX_STEPS = 8_000_000;
/** Milliseconds of work on one judgement. */
const MAX_MS = 2500;
/** Steps between two looks at the clock. */
const STEPS_A_LOOK = 20_000;
/** One part of the tree: its fields are listed, each is looked at, what comes of them is put together. */
export const PART = 10;

const TOO_MUCH: Readonly<Record<Work, string>> = {
  parts: 'its queries and expressions hold too many parts',
  columns: 'its columns, followed through all of its queries and definitions, are too many',
  tokens: 'its text has to be gone through too often',
};
const TOO_LONG = 'to read it took too long';

/** Milliseconds since some beginning, as the wall's clock has them, and of the processor's time that the process has taken. */
export type Clock = () => { readonly wall: number; readonly processor: number };

/** The processor's time is asked for no more often: where system calls are dear, it would be a part of what it measures. */
const FRESH_MS = 20;
let known = { at: Number.NEGATIVE_INFINITY, processor: 0 };

const CLOCK: Clock = () => {
  const wall = performance.now();
  if (wall - known.at > FRESH_MS) {
    const { user, system } = process.cpuUsage();
    known = { at: wall, processor: (user + system) / 1000 };
  }
  return { wall, processor: known.processor };
};

export class Effort {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #spent: Record<Work, number> = { parts: 0, columns: 0, tokens: 0 };
  #total = 0;
  #nextLook = STEPS_A_LOOK;
  #begun: ReturnType<Clock>;

  constructor(most = MAX_STEPS, clock = CLOCK) {
    this.#most = most;
    this.#clock = clock;
    this.#begun = clock();
  }

  get spent(): number {
    return this.#total;
  }

  /** Takes the steps; where they are more than is left, answers what there was too much of. */
  spend(steps: number, work: Work): string | undefined {
    this.#spent[work] += steps;
    this.#total += steps;
    if (this.#total <= this.#most) return this.#total < this.#nextLook ? undefined : this.look();
    const { parts, columns, tokens } = this.#spent;
    const most = Math.max(parts, columns, tokens);
    return TOO_MUCH[most === columns ? 'columns' : most === parts ? 'parts' : 'tokens'];
  }

  /** Looks at the clock: for what can't be counted while it works, such as the parsers of others. */
  look(): string | undefined {
    this.#nextLook = this.#total + STEPS_A_LOOK;
    const now = this.#clock();
    // This thread has taken no more than the shorter of both: others wait for the processor as well, and other threads take it.
    const taken = Math.min(now.wall - this.#begun.wall, now.processor - this.#begun.processor);
    return taken > MAX_MS ? TOO_LONG : undefined;
  }

  /** Waits for something, which is no work on this judgement. */
  async waitFor<T>(value: Promise<T>): Promise<T> {
    const before = this.#clock();
    try {
      return await value;
    } finally {
      const after = this.#clock();
      this.#begun = {
        wall: this.#begun.wall + after.wall - before.wall,
        processor: this.#begun.processor + after.processor - before.processor,
      };
    }
  }
}
