/**
 * Refused tokens and sign-ins for the transcript. Anybody can knock, from as many addresses as they like, so what that may write is
 * bounded over all of them: the first of each kind from a sender at once, some in a minute and more in an hour, the rest as numbers once a
 * minute, in the end as one.
 */
import { networkOf } from '../../network/index.js';

const WINDOW_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Senders, by kind, that are written down one by one within a minute. */
const MOST_AT_ONCE = 20;
/** Events that name a sender, within an hour. */
const MOST_AN_HOUR = 200;

interface Knock {
  readonly problem: string;
  readonly address: string | undefined;
  count: number;
}

export class Refusals {
  readonly #write: (body: Record<string, unknown>) => void;
  readonly #knocks = new Map<string, Knock>();
  #more = 0;
  #timer: NodeJS.Timeout | undefined;
  #hour = { since: 0, written: 0 };

  constructor(write: (body: Record<string, unknown>) => void) {
    this.#write = write;
  }

  /** True where this one was written down by itself. */
  add(problem: string, address: string | undefined): boolean {
    this.#timer ??= setTimeout(() => this.flush(), WINDOW_MS).unref();
    // Whoever has a network of IPv6 has more addresses in it than can be counted.
    const key = `${problem} ${networkOf(address) ?? ''}`;
    const known = this.#knocks.get(key);
    if (known) {
      known.count++;
      return false;
    }
    const isIn = this.#knocks.size < MOST_AT_ONCE && this.#put({ problem, address, count: 1 });
    if (isIn) this.#knocks.set(key, { problem, address, count: 0 });
    else this.#more++;
    return isIn;
  }

  /** False where an hour has had its share. */
  #put({ problem, address, count }: Knock): boolean {
    if (Date.now() - this.#hour.since >= HOUR_MS) this.#hour = { since: Date.now(), written: 0 };
    if (this.#hour.written >= MOST_AN_HOUR) return false;
    this.#hour.written++;
    this.#write({ problem, address: address ?? null, count });
    return true;
  }

  /** Writes what was only counted. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const knock of this.#knocks.values()) if (knock.count > 0 && !this.#put(knock)) this.#more += knock.count;
    if (this.#more > 0) this.#write({ problem: 'more', address: null, count: this.#more });
    this.#knocks.clear();
    this.#more = 0;
  }
}
