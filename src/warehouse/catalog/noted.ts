/** Names of which one thing is known for a while, such as that they are not there; of too many the oldest is forgotten. */
export class Noted {
  readonly #most: number;
  readonly #ms: number;
  /** Until when, the oldest first. */
  readonly #until = new Map<string, number>();

  constructor(most: number, ms: number) {
    this.#most = most;
    this.#ms = ms;
  }

  has(name: string): boolean {
    return (this.#until.get(name) ?? 0) > Date.now();
  }

  add(name: string): void {
    this.#until.delete(name);
    const [oldest] = this.#until.keys();
    if (this.#until.size >= this.#most && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(name, Date.now() + this.#ms);
  }

  clear(): void {
    this.#until.clear();
  }
}
