/** What was asked of the warehouse, by key: for a minute, read anew while it is in use so that nobody waits, and never more than so many. */

const CACHE_MS = 60_000;
const CACHE_SIZE = 20_000;

interface Entry<T> {
  readonly value: Promise<T>;
  readonly until: number;
  isRenewing: boolean;
}

export class Remembered<T> {
  readonly #entries = new Map<string, Entry<T>>();

  clear(): void {
    this.#entries.clear();
  }

  get(name: string, read: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(name);
    const left = (known?.until ?? 0) - Date.now();
    if (known && left > 0) {
      // What is in use is read anew before it is too old, so that nobody waits for it.
      if (left < CACHE_MS / 2 && !known.isRenewing) {
        known.isRenewing = true;
        this.#renew(name, known, read);
      }
      return known.value;
    }
    const value = read();
    // The oldest alone: whoever asks for thousands of names must not make the others ask for theirs again.
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= CACHE_SIZE && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(name, { value, until: Date.now() + CACHE_MS, isRenewing: false });
    // A failure is not remembered.
    value.catch(() => this.#entries.delete(name));
    return value;
  }

  #renew(name: string, old: Entry<T>, read: () => Promise<T>): void {
    const until = Date.now() + CACHE_MS;
    read().then(
      (value) => {
        // Unless all was forgotten meanwhile: what was read may be from before the change.
        if (this.#entries.get(name) === old)
          this.#entries.set(name, { value: Promise.resolve(value), until, isRenewing: false });
      },
      // The old one is used until its time is over; then whoever asks hears of the failure.
      () => undefined,
    );
  }
}
