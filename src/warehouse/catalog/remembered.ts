/**
 * What was asked of the warehouse, by key: for a minute, read anew shortly before that is over if it is asked for then, so that nobody waits for
 * what is in use and nothing is read that nobody asks for; and never more than so much. What is not there is remembered apart, and for a short
 * while.
 */
import { Noted } from './noted.js';

const CACHE_MS = 60_000;
/** So long before its time is over: longer than reading takes, and else as late as can be, for each reading is paid. */
const RENEWED_MS = 15_000;
const CACHE_SIZE = 20_000;
/** Whoever asks for thousands of names takes the place of nothing that is there. */
const MISSES_SIZE = 2000;
const MISSED_MS = 10_000;

interface Entry<T> {
  readonly value: T;
  readonly until: number;
  readonly bytes: number;
  isRenewing: boolean;
}

/** Reads what it is called for. `before`: what was found the last time, if that is still known; it may be of any age. */
type Read<T> = (before: T | undefined) => Promise<T | undefined>;

export class Remembered<T> {
  readonly #weigh: (value: T) => number;
  readonly #most: number;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #misses = new Noted(MISSES_SIZE, MISSED_MS);
  /** Questions that are under way, so that none is asked twice at a time. */
  readonly #asking = new Map<string, Promise<T | undefined>>();
  #bytes = 0;

  /** `weigh`: about how many bytes a value holds; `most`: how many all of them may. */
  constructor(weigh: (value: T) => number, most: number) {
    this.#weigh = weigh;
    this.#most = most;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#misses.clear();
    this.#asking.clear();
  }

  async get(name: string, read: Read<T>): Promise<T | undefined> {
    const known = this.#entries.get(name);
    const left = (known?.until ?? 0) - Date.now();
    if (known && left > 0) {
      if (left < RENEWED_MS && !known.isRenewing) {
        known.isRenewing = true;
        this.#renew(name, known, read);
      }
      return known.value;
    }
    if (this.#misses.has(name)) return undefined;
    const asking = this.#asking.get(name);
    if (asking) return asking;
    const until = Date.now() + CACHE_MS;
    const value = read(known?.value).then(
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
    this.#drop(name);
    if (value === undefined) {
      this.#misses.add(name);
      return;
    }
    const bytes = this.#weigh(value) + 2 * name.length;
    this.#entries.set(name, { value, until, bytes, isRenewing: false });
    this.#bytes += bytes;
    // The oldest alone: whoever asks for thousands of names must not make the others ask for theirs again.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= 1 || (this.#entries.size <= CACHE_SIZE && this.#bytes <= this.#most)) return;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#bytes -= this.#entries.get(name)?.bytes ?? 0;
    this.#entries.delete(name);
  }

  #renew(name: string, old: Entry<T>, read: Read<T>): void {
    const until = Date.now() + CACHE_MS;
    read(old.value).then(
      (value) => {
        // Unless all was forgotten meanwhile: what was read may be from before the change.
        if (this.#entries.get(name) === old) this.#keep(name, value, until);
      },
      // The old one is used until its time is over; then whoever asks hears of the failure.
      () => undefined,
    );
  }
}
