/**
 * What was asked of the warehouse, by key: for a minute, read anew while it is in use so that nobody waits, and never more than so many. What
 * is not there is remembered apart, and for a short while.
 */
import { Misses } from './misses.js';

const CACHE_MS = 60_000;
const CACHE_SIZE = 20_000;
/** Whoever asks for thousands of names takes the place of nothing that is there. */
const MISSES_SIZE = 2000;
const MISSED_MS = 10_000;

interface Entry<T> {
  readonly value: Promise<T>;
  readonly until: number;
  isRenewing: boolean;
}

export class Remembered<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #misses = new Misses(MISSES_SIZE, MISSED_MS);
  /** Questions that are under way, so that none is asked twice at a time. */
  readonly #asking = new Map<string, Promise<T | undefined>>();

  clear(): void {
    this.#entries.clear();
    this.#misses.clear();
    this.#asking.clear();
  }

  get(name: string, read: () => Promise<T | undefined>): Promise<T | undefined> {
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
    if (this.#misses.has(name)) return Promise.resolve(undefined);
    const asking = this.#asking.get(name);
    if (asking) return asking;
    const until = Date.now() + CACHE_MS;
    const value = read().then(
      (found) => {
        // Unless all was forgotten meanwhile: what was read may be from before the change.
        if (this.#asking.get(name) === value) this.#keep(name, found, until);
        return found;
      },
      (error: unknown) => {
        // A failure is not remembered.
        if (this.#asking.get(name) === value) this.#asking.delete(name);
        throw error;
      },
    );
    this.#asking.set(name, value);
    return value;
  }

  #keep(name: string, value: T | undefined, until: number): void {
    this.#asking.delete(name);
    this.#entries.delete(name);
    if (value === undefined) {
      this.#misses.add(name);
      return;
    }
    // The oldest alone: whoever asks for thousands of names must not make the others ask for theirs again.
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= CACHE_SIZE && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(name, { value: Promise.resolve(value), until, isRenewing: false });
  }

  #renew(name: string, old: Entry<T>, read: () => Promise<T | undefined>): void {
    const until = Date.now() + CACHE_MS;
    read().then(
      (value) => {
        // Unless all was forgotten meanwhile: what was read may be from before the change.
        if (this.#entries.get(name) === old) this.#keep(name, value, until);
      },
      // The old one is used until its time is over; then whoever asks hears of the failure.
      () => undefined,
    );
  }
}
