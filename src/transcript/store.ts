/** The store as one thing: connections, writer, sessions, reader. */
import pg from 'pg';
import { TranscriptReader } from './reader.js';
import { Recorder, RecorderUnavailable } from './recorder.js';
import { Sessions } from './sessions.js';

const CONNECT_TIMEOUT_MS = 3000;
const STATEMENT_TIMEOUT_MS = 5000;

export class TranscriptStore implements AsyncDisposable {
  readonly pool: pg.Pool;
  readonly recorder: Recorder;
  readonly sessions: Sessions;
  readonly reader: TranscriptReader;

  #isSuspect = false;

  /** `onError` hears of connections that broke while idle. */
  constructor(url: string, onError: (error: Error) => void) {
    this.pool = new pg.Pool({
      connectionString: url,
      max: 8,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS + 1000,
      application_name: 'snowfence',
      // A record that is lost with the machine's power would be none.
      options: '-c synchronous_commit=on',
    });
    this.pool.on('error', (error) => {
      this.#isSuspect = true;
      onError(error);
    });
    this.recorder = new Recorder(this.pool);
    this.sessions = new Sessions(this.pool, this.recorder);
    this.reader = new TranscriptReader(this.pool);
  }

  /** Throws where the store does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('SELECT 1');
  }

  /**
   * Asked at the start of each statement: after a sign of trouble the store has to answer before anything, even a look into the
   * warehouse's catalog, goes on. Throws RecorderUnavailable.
   */
  async ensureAlive(): Promise<void> {
    if (!this.#isSuspect && this.recorder.isHealthy) return;
    try {
      await this.ping();
      this.#isSuspect = false;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.end();
  }
}
