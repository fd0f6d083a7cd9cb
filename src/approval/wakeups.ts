/**
 * Hears of approvals that change, on whichever replica: LISTEN on a connection of its own, and a look every few seconds behind it, since
 * a notification that comes while the connection is broken is lost.
 */
import pg from 'pg';
import { connectionTo } from '../transcript/index.js';

export interface WakeupOptions {
  readonly url: string;
  readonly onProblem: (problem: string, error: unknown) => void;
}

const CHANNEL = 'snowfence_approval';
const POLL_MS = 3000;
const CONNECT_TIMEOUT_MS = 10_000;
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;

export class Wakeups {
  readonly #options: WakeupOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #listeners = new Set<(id: string) => void>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FIRST_MS;
  #isClosed = false;

  constructor(options: WakeupOptions) {
    this.#options = options;
  }

  /** Resolves once it listens, or has failed to for the first time; it goes on trying. */
  async start(): Promise<void> {
    const client = new pg.Client({
      ...connectionTo(this.#options.url),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'snowfence',
      keepAlive: true,
    });
    this.#client = client;
    let isOver = false;
    const again = (error?: unknown): void => {
      if (isOver || this.#isClosed) return;
      isOver = true;
      if (error !== undefined && this.#retryMs === RETRY_FIRST_MS)
        this.#options.onProblem(
          'Approvals are looked for every few seconds: the connection that hears of them broke.',
          error,
        );
      client.end().catch(() => undefined);
      this.#timer = setTimeout(() => void this.start(), this.#retryMs);
      this.#timer.unref();
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LONGEST_MS);
    };
    client.on('error', again);
    client.on('end', () => again());
    client.on('notification', ({ payload }) => this.#wake(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.#retryMs = RETRY_FIRST_MS;
      // What happened before we listened.
      for (const id of [...this.#waiting.keys()]) this.#wake(id);
    } catch (error) {
      again(error);
    }
  }

  #wake(id: string): void {
    for (const wake of [...(this.#waiting.get(id) ?? [])]) wake();
    for (const listener of this.#listeners) listener(id);
  }

  /** Hears of every approval that changes, by its id; until what is answered is called. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when this approval may have changed: looking again is up to the caller. At the latest after so many milliseconds. */
  next(id: string, mostMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(mostMs, POLL_MS));
      signal?.addEventListener('abort', wake);
      waiting.add(wake);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const id of [...this.#waiting.keys()]) this.#wake(id);
    await this.#client?.end().catch(() => undefined);
  }
}
