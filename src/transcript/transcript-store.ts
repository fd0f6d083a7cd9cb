/** The store as one thing: connections, writer, sessions, reader. */
import type pg from 'pg';
import type { OutcomeState } from './form/end.js';
import { type RecordKeys, trustedKeys } from './form/keys.js';
import type { BatchesOptions } from './read/batches.js';
import { joinedFor } from './read/openings.js';
import { Proofs } from './read/proved.js';
import { TranscriptReader } from './read/reader.js';
import { SealedRows } from './rows/sealed.js';
import { storePool } from './store/pool.js';
import { type Content, Contents, keptContents } from './write/contents.js';
import { RecorderUnavailable, RecordInDoubt } from './write/failures.js';
import type { WriterIdentity } from './write/new-session.js';
import { Prompts } from './write/prompts.js';
import { Recorder } from './write/recorder.js';
import { Sessions } from './write/sessions.js';
import { type Masker, Vault } from './write/vault.js';

/** Ways into the store that a gateway writes by at once. */
const LANES = 3;

export interface StoreOptions {
  readonly keys: RecordKeys;
  /** Makes what finds personal data and secrets in agents' words. */
  readonly mask: () => Masker;
  readonly writer: WriterIdentity;
  /** Hears of connections that broke while idle. */
  readonly onError: (error: Error) => void;
  readonly onIntegrityProblem: (problem: string) => void;
  /** Hears of rows that are none of ours, and so treated as absent; `onIntegrityProblem` if nobody does. */
  readonly onForgedRow?: (problem: string) => void;
  /** Hears how each statement ended whose end this process has written down. */
  readonly onEnded?: (state: OutcomeState) => void;
  /** Hashes of events that are known to be none of ours. */
  readonly forged?: ReadonlySet<string>;
  /** Of the role that people's looks go by; the gateway's own does it if nothing is said. */
  readonly readerUrl?: string | undefined;
  /** Milliseconds that one statement may take; 5,000 if nothing is said. */
  readonly statementTimeoutMs?: number;
}

const TOLD = 1000;

/** What is found at each look is told once: the record is not filled by asking. */
function once(tell: (problem: string) => void): (problem: string) => void {
  const told = new Set<string>();
  return (problem) => {
    if (told.has(problem)) return;
    if (told.size >= TOLD) told.clear();
    told.add(problem);
    tell(problem);
  };
}

export class TranscriptStore implements AsyncDisposable {
  readonly pool: pg.Pool;
  /** For what people look at: it can't write. */
  readonly readPool: pg.Pool;
  readonly vault: Vault;
  readonly recorder: Recorder;
  readonly sessions: Sessions;
  readonly prompts: Prompts;
  /** What verdicts were made from. */
  readonly contents: Contents;
  readonly reader: TranscriptReader;
  /** What of the record is ours, before it is given on. */
  readonly proofs: Proofs;
  readonly keys: RecordKeys;
  /** Rows that decide something. */
  readonly rows: SealedRows;
  /** Hears of what is not as snowfence wrote it. */
  readonly onForged: (problem: string) => void;

  readonly #proving: BatchesOptions;
  #isSuspect = false;
  /** Why no statement may be recorded yet, although the store answers. */
  blocked: string | undefined;
  #finding: string | undefined;
  /** That nobody notarises; it ends where somebody does. */
  silence: string | undefined;
  /** Whether statements are run all the same. */
  goesOnInDoubt = false;

  constructor(url: string, options: StoreOptions) {
    this.pool = storePool(url, options.statementTimeoutMs);
    this.pool.on('error', (error) => {
      this.#isSuspect = true;
      options.onError(error);
    });
    this.readPool =
      options.readerUrl === undefined ? this.pool : storePool(options.readerUrl, options.statementTimeoutMs);
    this.keys = options.keys;
    this.onForged = once(options.onForgedRow ?? options.onIntegrityProblem);
    this.rows = new SealedRows(options.keys.sealing, this.onForged);
    this.vault = new Vault(options.keys, options.mask);
    this.recorder = new Recorder(
      this.pool,
      this.rows,
      { ...options, vault: this.vault },
      options.writer.actor === 'gateway' ? LANES : 1,
    );
    const proving = { keys: trustedKeys(options.keys), forged: options.forged ?? new Set<string>() };
    this.sessions = new Sessions(this.pool, this.recorder, this.vault, {
      ...proving,
      // A principal's acts in another's name are worse than a row that counts for nothing.
      onForged: options.onIntegrityProblem,
    });
    this.#proving = proving;
    this.contents = new Contents(this.pool, this.recorder, proving);
    this.prompts = new Prompts(this.pool, this.recorder, this.sessions, this.vault, proving);
    this.reader = new TranscriptReader(this.readPool);
    this.proofs = new Proofs(this.readPool, { ...proving, onUnproved: options.onIntegrityProblem });
  }

  /** What was found changed in the store by this process: it stays until somebody has looked into it, whatever else begins or ends. */
  found(problem: string): void {
    this.#finding ??= problem;
  }

  /** Why the record is in doubt: what was found first, else that nobody looks; undefined where nothing is wrong. */
  get integrityProblem(): string | undefined {
    return this.#finding ?? this.silence;
  }

  /** What the event that ends a statement says of it, by the one that began it; `approval` as the event has it. Throws RecorderUnavailable. */
  joined(session: string, statement: string, approval?: Readonly<Record<string, unknown>>) {
    return joinedFor(this.pool, session, statement, approval, this.#proving).catch((error: unknown) => {
      throw new RecorderUnavailable(error);
    });
  }

  /** What was kept by some hashes, those of ours. Throws where the store does not answer. */
  keptContents(digests: readonly string[]): Promise<ReadonlyMap<string, Content>> {
    return keptContents(this.pool, digests, this.#proving);
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
    if (this.blocked !== undefined) throw new RecorderUnavailable(new Error(this.blocked));
    if (this.integrityProblem !== undefined && !this.goesOnInDoubt) throw new RecordInDoubt(this.integrityProblem);
    if (!this.#isSuspect && this.recorder.isHealthy) return;
    try {
      await this.ping();
      this.#isSuspect = false;
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recorder.close();
    if (this.readPool !== this.pool) await this.readPool.end();
    await this.pool.end();
  }
}
