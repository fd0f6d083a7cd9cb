/**
 * Refused sign-ins for the transcript: the first of each kind from an address at once, the rest counted and written once a minute, so
 * that nobody fills the store by knocking.
 */
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 1000;

interface Knock {
  readonly problem: string;
  readonly address: string | undefined;
  count: number;
}

export class Refusals {
  readonly #write: (body: Record<string, unknown>) => void;
  readonly #knocks = new Map<string, Knock>();
  #overflow = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (body: Record<string, unknown>) => void) {
    this.#write = write;
  }

  add(problem: string, address: string | undefined): void {
    const key = `${problem} ${address ?? ''}`;
    const known = this.#knocks.get(key);
    if (known) known.count++;
    else if (this.#knocks.size >= MAX_ADDRESSES) this.#overflow++;
    else {
      this.#knocks.set(key, { problem, address, count: 0 });
      this.#write({ problem, address: address ?? null, count: 1 });
    }
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref();
  }

  /** Writes what was only counted. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { problem, address, count } of this.#knocks.values())
      if (count > 0) this.#write({ problem, address: address ?? null, count });
    if (this.#overflow > 0) this.#write({ problem: 'more', address: null, count: this.#overflow });
    this.#knocks.clear();
    this.#overflow = 0;
  }
}
