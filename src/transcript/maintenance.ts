/** What the store wants done from time to time, by whichever process comes first. */
import type { Pool } from 'pg';
import type { Checkpoints } from './checkpoints.js';
import { alone } from './lock.js';
import type { Recorder } from './recorder.js';
import type { Sessions } from './sessions.js';

const LOCK = 7_016_646;
/** Signs of life in the time after which a process is taken for dead. */
const HEARTBEATS = 6;
const WEEKS_AHEAD = 8;

export interface MaintenanceOptions {
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly sessions: Sessions;
  readonly checkpoints: Checkpoints;
  /** Milliseconds between checkpoints. */
  readonly everyMs: number;
  /** Milliseconds of silence after which others take this process for dead. */
  readonly silentMs: number;
  /** Settles statements of processes that are gone, and those that this process has lost. */
  readonly settle: () => Promise<void>;
  readonly onProblem: (problem: string, error: unknown) => void;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #round: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** The first round begins at once. */
  start(): void {
    const { everyMs, silentMs, recorder } = this.#options;
    void this.round();
    const beat = (): void => void this.#try('to say that this process is alive', () => recorder.heartbeat());
    beat();
    this.#timers.push(
      setInterval(() => void this.round(), everyMs),
      setInterval(beat, silentMs / HEARTBEATS),
    );
    for (const timer of this.#timers) timer.unref();
  }

  /** Everything once; a round that is under way is joined. */
  round(): Promise<void> {
    this.#round ??= this.#all().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #all(): Promise<void> {
    const { pool, sessions, checkpoints, settle } = this.#options;
    await this.#try('to make partitions', () => ensurePartitions(pool));
    await this.#try('to close quiet sessions', () => alone(pool, LOCK, () => sessions.closeQuiet()));
    if (!this.#isStopping) await this.#try('to settle statements', settle);
    await this.#try('to sign a checkpoint', () => checkpoints.make());
  }

  async #try(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onProblem(`The transcript store failed ${what}; it is tried again.`, error);
    }
  }

  /** The last checkpoint has everything that this process wrote. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#round;
    const { recorder, checkpoints } = this.#options;
    await recorder.close();
    await this.#try('to sign the last checkpoint', () => checkpoints.make());
  }
}

/** Last week's, for what comes late, up to some weeks ahead. */
export async function ensurePartitions(pool: Pool): Promise<void> {
  await pool.query("SELECT ensure_partitions(now() - interval '7 days', $1)", [WEEKS_AHEAD + 1]);
}
