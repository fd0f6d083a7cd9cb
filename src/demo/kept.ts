/** Parts of the demo that come back by themselves when they end before their time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.js';

/** Ended by the signal when the demo ends. */
export type Pause = (signal: AbortSignal) => Promise<void>;

/** A part that was stopped comes back after this long: time to watch the gateway refuse, and then recover. */
const RESTART_AFTER_MS = 15_000;
export const pauseForPeople: Pause = (signal) => sleep(RESTART_AFTER_MS, undefined, { signal });

/** Parts that come back by themselves when they end before their time. */
export class Kept {
  #child: Child;
  readonly #end = new AbortController();
  readonly #start: () => Promise<Child>;
  readonly #say: (text: string) => void;
  readonly #name: string;
  readonly #pause: Pause;
  readonly #onRestart: (child: Child) => void;

  private constructor(
    name: string,
    child: Child,
    start: () => Promise<Child>,
    say: (text: string) => void,
    pause: Pause,
    onRestart: (child: Child) => void,
  ) {
    this.#name = name;
    this.#child = child;
    this.#start = start;
    this.#say = say;
    this.#pause = pause;
    this.#onRestart = onRestart;
    this.#watch();
  }

  static async start(
    name: string,
    start: () => Promise<Child>,
    say: (text: string) => void,
    pause: Pause,
    onRestart: (child: Child) => void,
  ): Promise<Kept> {
    return new Kept(name, await start(), start, say, pause, onRestart);
  }

  #watch(): void {
    const { signal } = this.#end;
    this.#child.onExit(() => {
      if (signal.aborted) return;
      this.#say(
        `${this.#name} has stopped. Statements are refused until it is back, in ${RESTART_AFTER_MS / 1000} seconds.`,
      );
      void this.#pause(signal).then(
        () => this.#restart(),
        // The demo has ended.
        () => undefined,
      );
    });
  }

  async #restart(): Promise<void> {
    if (this.#end.signal.aborted) return;
    try {
      this.#child = await this.#start();
      this.#say(`${this.#name} is back.`);
      this.#onRestart(this.#child);
      this.#watch();
    } catch (error) {
      this.#say(`${this.#name} could not be started again: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  get child(): Child {
    return this.#child;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#child.stop();
  }
}
