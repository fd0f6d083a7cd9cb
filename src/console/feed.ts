/** Events as they are written, for everybody who looks: the store is asked once, however many look. */
import { follow, type Overview, type StoredEvent } from '../transcript/index.js';

export interface FeedOptions {
  readonly pool: Parameters<typeof follow>[0];
  readonly overview: Pick<Overview, 'lastSequence'>;
  readonly onProblem: (problem: string, error: unknown) => void;
}

const POLL_MS = 400;
const RETRY_MS = 3000;

type Listener = (events: readonly StoredEvent[]) => void;

export class Feed {
  readonly #options: FeedOptions;
  readonly #listeners = new Set<Listener>();
  #stopping: AbortController | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Hears of events from now on, until what is answered is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (!this.#stopping) void this.#run();
    return () => {
      this.#listeners.delete(listener);
      // Nobody looks: nothing is asked.
      if (this.#listeners.size === 0) this.stop();
    };
  }

  async #run(): Promise<void> {
    const stopping = new AbortController();
    this.#stopping = stopping;
    while (!stopping.signal.aborted) {
      try {
        const last = await this.#options.overview.lastSequence();
        for await (const events of follow(this.#options.pool, last, stopping.signal, POLL_MS))
          for (const listener of this.#listeners) listener(events);
      } catch (error) {
        this.#options.onProblem('What happens now can not be shown; it is tried again.', error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  stop(): void {
    this.#stopping?.abort();
    this.#stopping = undefined;
  }
}
