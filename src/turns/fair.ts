/**
 * A gate that lets so many through at once, and whoever waits by turns: one of each, then the next of each. However many one of them
 * sends, the others wait for one of theirs and not for all. Where one may hold only some of the places, the others are for whoever
 * comes next, also while nobody does.
 */
export class FairGate {
  readonly #most: number;
  readonly #mostOfOne: number;
  /** Places taken, by whose they are. */
  readonly #held = new Map<string, number>();
  #inside = 0;
  /** Whoever waits, by whose it is; the first name that may is the next to go. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(most: number, mostOfOne = most) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  /** A place to be given back. */
  async enter(whose: string): Promise<Disposable> {
    if (this.#inside < this.#most && this.#mayHold(whose)) this.#take(whose);
    else
      await new Promise<void>((resolve) => {
        const line = this.#waiting.get(whose);
        if (line) line.push(resolve);
        else this.#waiting.set(whose, [resolve]);
      });
    let isLeft = false;
    return {
      [Symbol.dispose]: () => {
        if (isLeft) return;
        isLeft = true;
        this.#leave(whose);
      },
    };
  }

  #mayHold(whose: string): boolean {
    return (this.#held.get(whose) ?? 0) < this.#mostOfOne;
  }

  #take(whose: string): void {
    this.#inside++;
    this.#held.set(whose, (this.#held.get(whose) ?? 0) + 1);
  }

  /** Whoever is next, and may, takes the place over. */
  #leave(whose: string): void {
    this.#inside--;
    const held = (this.#held.get(whose) ?? 1) - 1;
    if (held > 0) this.#held.set(whose, held);
    else this.#held.delete(whose);
    for (const [next, line] of this.#waiting) {
      if (!this.#mayHold(next)) continue;
      const begin = line.shift();
      this.#waiting.delete(next);
      if (line.length > 0) this.#waiting.set(next, line);
      this.#take(next);
      begin?.();
      return;
    }
  }
}
