/**
 * A gate that lets so many through at once, and whoever waits by turns: one of each, then the next of each. However many one of them
 * sends, the others wait for one of theirs and not for all.
 */
export class FairGate {
  readonly #most: number;
  #inside = 0;
  /** Whoever waits, by whose it is; the first name is the next to go. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(most: number) {
    this.#most = most;
  }

  /** A place to be given back. */
  async enter(whose: string): Promise<Disposable> {
    if (this.#inside < this.#most) this.#inside++;
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
        this.#leave();
      },
    };
  }

  /** Whoever is next takes the place over. */
  #leave(): void {
    const [first] = this.#waiting;
    if (!first) {
      this.#inside--;
      return;
    }
    const [whose, line] = first;
    const next = line.shift();
    this.#waiting.delete(whose);
    if (line.length > 0) this.#waiting.set(whose, line);
    next?.();
  }
}
