/**
 * Judgements, remembered for a minute: by what each depends on, no more of them than fit into their memory. What is over is dropped when its
 * time has come, whether anybody asks for it or not.
 */
const MOST = 2000;
const MOST_BYTES = 64 * 1024 * 1024;
/** What takes more of it alone is judged anew each time: it would push out what others have. */
const MOST_BYTES_OF_ONE = MOST_BYTES / 8;
const LIFE_MS = 60_000;

interface Entry<T> {
  readonly value: Promise<T>;
  readonly until: number;
  bytes: number;
  isRenewing: boolean;
}

export class Judgements<T> {
  readonly #bytesOf: (judged: T) => number | undefined;
  /** The oldest first, and so the first to be over. */
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `bytesOf`: what one holds in memory; undefined where it is not to be remembered. */
  constructor(bytesOf: (judged: T) => number | undefined) {
    this.#bytesOf = bytesOf;
  }

  /** What all of them hold. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * What is known, or judged now. `length`: characters of the statement. `renew` judges what is known anew, while nobody waits for it; where that
   * fails, the statement is judged once its minute is over.
   */
  get(key: string, length: number, judge: () => Promise<T>, renew = judge): Promise<T> {
    const known = this.#entries.get(key);
    const left = (known?.until ?? 0) - Date.now();
    if (!known || left <= 0) return this.#remember(key, length, judge());
    // What is in use is judged anew before it is too old, so that nobody waits for it.
    if (left <= LIFE_MS / 2 && !known.isRenewing) {
      known.isRenewing = true;
      renew().then(
        (judged) => {
          if (this.#entries.get(key) === known) this.#remember(key, length, Promise.resolve(judged));
        },
        () => undefined,
      );
    }
    return known.value;
  }

  /** Objects may change without our knowing: a judgement holds no longer than the catalog's own memory. */
  #remember(key: string, length: number, value: Promise<T>): Promise<T> {
    this.#forget(key);
    const entry = { value, until: Date.now() + LIFE_MS, bytes: 2 * length, isRenewing: false };
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    this.#makeRoom();
    this.#sweepInTime();
    const forget = (): void => {
      if (this.#entries.get(key) === entry) this.#forget(key);
    };
    value.then((judged) => {
      if (this.#entries.get(key) !== entry) return;
      const bytes = this.#bytesOf(judged);
      if (bytes === undefined || bytes > MOST_BYTES_OF_ONE) return forget();
      this.#bytes += bytes - entry.bytes;
      entry.bytes = bytes;
      this.#makeRoom();
    }, forget);
    return value;
  }

  #makeRoom(): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST && this.#bytes <= MOST_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }

  /** One timer, for the oldest; it keeps no process from ending. */
  #sweepInTime(): void {
    const [oldest] = this.#entries.values();
    if (!oldest || this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        for (const [key, { until }] of this.#entries) {
          if (until > Date.now()) break;
          this.#forget(key);
        }
        this.#sweepInTime();
      },
      Math.max(0, oldest.until - Date.now()) + 1,
    );
    this.#timer.unref();
  }
}
