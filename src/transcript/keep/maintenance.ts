/** What the store wants done from time to time, by whichever process comes first. */
import type { Pool } from 'pg';
import { alone } from '../store/lock.js';
import type { Recorder } from '../write/recorder.js';
import type { Sessions } from '../write/sessions.js';
import type { Checkpoints } from './checkpoints.js';
import type { NotaryWatch } from './notary-watch.js';
import { ensurePartitions } from './partitions.js';

/** Signs of life in the time after which a process is taken for dead. */
const HEARTBEATS = 6;
/** How often the last checkpoint is tried for where another process has the turn, and how long that takes. */
const LAST_TRIES = 20;
const LAST_TRY_MS = 250;
/** Looks in a row at which another process was closing quiet sessions: that takes moments. */
const LONG_CLOSING = 10;

export interface MaintenanceOptions {
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly sessions: Sessions;
  readonly checkpoints: Checkpoints;
  /** Apart from all the rest: it has to be heard where that hangs. */
  readonly watch?: NotaryWatch | undefined;
  /** Milliseconds between checkpoints. */
  readonly everyMs: number;
  /** Milliseconds of silence after which others take this process for dead. */
  readonly silentMs: number;
  /** Settles statements of processes that are gone, and those that this process has lost. */
  readonly settle: () => Promise<void>;
  readonly onProblem: (problem: string, error?: unknown) => void;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #round: Promise<void> | undefined;
  /** What follows from the record takes as long as it does; the next checkpoint does not wait for it. */
  #settling: Promise<void> | undefined;
  #isStopping = false;
  #keptFromClosing = 0;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** The first round begins at once. */
  start(): void {
    const { everyMs, silentMs, recorder, watch } = this.#options;
    void this.round();
    const beat = (): void => void this.#try('to say that this process is alive', () => recorder.heartbeat());
    beat();
    this.#timers.push(
      setInterval(() => void this.round(), everyMs),
      setInterval(beat, silentMs / HEARTBEATS),
      setInterval(() => void this.#try('to say whether anybody notarises', async () => watch?.look()), everyMs),
    );
    for (const timer of this.#timers) timer.unref();
  }

  /** Everything once; a round that is under way is joined, and so is settling. */
  async round(): Promise<void> {
    this.#round ??= this.#all().finally(() => {
      this.#round = undefined;
    });
    await this.#round;
    await this.#settling;
  }

  /** The record is read first: nothing is done about what is in it before that. */
  async #all(): Promise<void> {
    const { pool, checkpoints, settle } = this.#options;
    await this.#try('to make partitions', () => ensurePartitions(pool));
    await this.#try('to sign a checkpoint', () => checkpoints.make());
    await this.#try('to close quiet sessions', () => this.#closeQuiet());
    if (this.#isStopping) return;
    this.#settling ??= this.#try('to settle statements', settle).finally(() => {
      this.#settling = undefined;
    });
  }

  async #closeQuiet(): Promise<void> {
    const { pool, sessions, onProblem } = this.#options;
    const closed = await alone(pool, 'closing_turn', () => sessions.closeQuiet());
    this.#keptFromClosing = closed === undefined ? this.#keptFromClosing + 1 : 0;
    if (this.#keptFromClosing === LONG_CLOSING)
      onProblem(`Quiet sessions are not closed: another holds the turn since ${LONG_CLOSING} looks.`);
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
    await this.#settling;
    await this.#options.recorder.close();
    await this.#try('to sign the last checkpoint', () => this.#signLast());
  }

  /** Another process may be at it, and have looked before our last events were there: its turn is waited for. */
  async #signLast(): Promise<void> {
    const { checkpoints, onProblem } = this.#options;
    for (let tries = 0; tries < LAST_TRIES; tries++) {
      await checkpoints.make();
      if (!checkpoints.isKeptWaiting) return;
      await new Promise((resolve) => setTimeout(resolve, LAST_TRY_MS));
    }
    onProblem('The last checkpoint was not signed: another holds the turn of the notary.');
  }
}
