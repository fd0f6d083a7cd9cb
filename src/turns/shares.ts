/**
 * How many requests of one principal are worked on at a time. A request takes the one thread until it waits for the warehouse or for a
 * person; whoever has sixteen of them under way would have sixteen times the share of whoever has one. So the more principals are here,
 * the fewer of each are worked on at once, down to one by one; whoever is alone here may have them all. What waits, waits for the same
 * principal's own.
 */

/** Requests worked on at once, of all who are here. */
const AT_ONCE = 8;
/** Whoever was here so long ago, may be here again at once. */
const HERE_MS = 10_000;
const MAX_REMEMBERED = 10_000;

interface Line {
  inside: number;
  readonly waiting: (() => void)[];
}

export class Shares {
  readonly #lines = new Map<string, Line>();
  /** When each was here last; the one who was here last stands last. */
  readonly #seen = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** A place to be given back; giving it back twice is once. How many wait is for the caller to bound. */
  async enter(whose: string): Promise<Disposable> {
    this.#saw(whose);
    const line = this.#lines.get(whose) ?? { inside: 0, waiting: [] };
    this.#lines.set(whose, line);
    if (line.inside < this.#mostOfOne() && line.waiting.length === 0) line.inside++;
    else await new Promise<void>((resolve) => line.waiting.push(resolve));
    let isLeft = false;
    return {
      [Symbol.dispose]: () => {
        if (isLeft) return;
        isLeft = true;
        line.inside--;
        this.#admit(line);
        if (line.inside === 0) this.#lines.delete(whose);
      },
    };
  }

  /** One at least: whoever waits has one of theirs inside, which lets the next in when it leaves. */
  #mostOfOne(): number {
    this.#forget();
    return Math.max(1, Math.floor(AT_ONCE / Math.max(1, this.#seen.size)));
  }

  #admit(line: Line): void {
    const most = this.#mostOfOne();
    while (line.inside < most) {
      const begin = line.waiting.shift();
      if (!begin) return;
      line.inside++;
      // Whatever else has come meanwhile goes first: a line that went on by itself would be one long turn of the thread.
      setImmediate(begin);
    }
  }

  #saw(whose: string): void {
    this.#seen.delete(whose);
    this.#seen.set(whose, this.#now());
  }

  #forget(): void {
    for (const [oldest, at] of this.#seen) {
      if (this.#seen.size <= MAX_REMEMBERED && this.#now() - at <= HERE_MS) return;
      this.#seen.delete(oldest);
    }
  }
}
