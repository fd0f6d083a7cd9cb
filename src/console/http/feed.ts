/** Events as they are written, for everybody who looks: the store is asked once, however many look. */
import { type Followed, follow, newestSequence, type StoredEvent, Unproved } from '../../transcript/index.js';

export interface FeedOptions extends Followed {
  readonly onProblem: (problem: string, error: unknown) => void;
}

const POLL_MS = 400;
const RETRY_MS = 3000;

type Listener = (events: readonly StoredEvent[]) => void;

/** While somebody listens. */
interface Run {
  readonly stopping: AbortController;
  /** Resolves once it is settled from where on events are heard of: whatever is written after that is. */
  readonly begun: Promise<void>;
}

export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<Listener>();
  #run: Run | undefined;
  #isOver = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Somebody has put an event into the record that is none of ours: nothing is shown as what happens now from there on. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** From then on nobody hears of anything. */
  end(): void {
    this.#isOver = true;
    this.stop();
    // Whoever listens says so to whom they show it.
    for (const listener of this.#listeners) listener([]);
  }

  /** Hears of events from when `begun` resolves, if not before, until `stop` is called. */
  listen(listener: Listener): { readonly begun: Promise<void>; readonly stop: () => void } {
    this.#listeners.add(listener);
    if (!this.#isOver) this.#run ??= this.#begin();
    return {
      begun: this.#run?.begun ?? Promise.resolve(),
      stop: () => {
        this.#listeners.delete(listener);
        // Nobody looks: nothing is asked.
        if (this.#listeners.size === 0) this.stop();
      },
    };
  }

  #begin(): Run {
    const stopping = new AbortController();
    const begun = new Promise<void>((resolve) => void this.#follow(stopping.signal, resolve));
    return { stopping, begun };
  }

  /** A store that does not answer for a while loses nobody an event: it goes on from the last one. */
  async #follow(signal: AbortSignal, onBegun: () => void): Promise<void> {
    const { pool, proofs, onProblem } = this.#options;
    let last: bigint | undefined;
    while (!signal.aborted) {
      try {
        last ??= await newestSequence(pool);
        onBegun();
        for await (const events of follow({ pool, proofs, onProblem }, last, signal, POLL_MS)) {
          last = BigInt(events.at(-1)?.sequence ?? last);
          // Those who came after this run was stopped have another.
          if (!signal.aborted) for (const listener of this.#listeners) listener(events);
        }
      } catch (error) {
        if (error instanceof Unproved) return this.end();
        onProblem('What happens now can not be shown; it is tried again.', error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  stop(): void {
    this.#run?.stopping.abort();
    this.#run = undefined;
  }
}
