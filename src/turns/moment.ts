/** Long work of one in moments, so that nobody else waits for all of it. */
import { setImmediate } from 'node:timers/promises';

/** Others come to their turn so often, in milliseconds. */
const MOMENT_MS = 10;

export class Moment {
  #ends = performance.now() + MOMENT_MS;

  /** Whether it has been long enough for now. */
  get isOver(): boolean {
    return performance.now() >= this.#ends;
  }

  /** Once others had their turn. */
  async next(): Promise<void> {
    await setImmediate();
    this.#ends = performance.now() + MOMENT_MS;
  }
}
