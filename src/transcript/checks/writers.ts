/**
 * What each process wrote, in the order of writing: every number once and without a gap, every batch under one signature of ours. The
 * notary asks this of what is new, `verify` of everything.
 */
import { digestOf, isSignedBatch, MAX_UNSIGNED } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { VerifierKey } from '../form/keys.js';
import type { Breaks } from './breaks.js';

/** An outcome that could not be written in time keeps its own, so times of one writer do not only rise. */
const LATE_MS = 3_600_000;

/** Of an event what is needed here. */
export interface Written {
  readonly writer: string;
  readonly n: number;
  readonly session: string;
  readonly position: number;
  readonly at: string;
  /** Hexadecimal. */
  readonly hash: string;
  /** SHA-256 of its content. */
  readonly digest: Uint8Array;
  /** Base64, at the last event of a batch. */
  readonly signature: string | null;
}

interface Run {
  /** The number that has to come next. */
  next: number;
  at: string | undefined;
  /** The batch that is being read. */
  batch: Written[];
  /** Not all of it is here, so that its signature can't be checked: the rest may be archived, or was reported. */
  loose: 'archived' | 'reported' | undefined;
}

/** Numbers of a writer that may have gone to an archive, up to the last one, and the event after them; undefined where none is there. */
interface Gap {
  readonly upTo: number;
  readonly after: Written | undefined;
}

type Lasting = Pick<Written, 'session' | 'position' | 'at' | 'hash'>;

/** Of a writer that others have read the beginning of. */
interface Continued {
  /** What came before the end of a first batch: it may have begun earlier. */
  readonly lead: Written[];
  isLeadOver: boolean;
  readonly run: Run;
}

/** What one thread read, for the one that asked it. */
export interface WritersState {
  readonly continued: readonly (readonly [writer: string, continued: Continued])[];
  readonly gaps: readonly (readonly [writer: string, gap: Gap])[];
  readonly loose: readonly (readonly [session: string, event: Lasting])[];
}

export interface WritersOptions {
  readonly keys: readonly VerifierKey[];
  /** Hashes of events that are known to be none of ours: they are passed over. */
  readonly forged: ReadonlySet<string>;
  /** ISO 8601: what happened before may have gone to an archive, and leave a gap. */
  readonly archivedBefore: string | undefined;
  /** Others read what comes before. */
  readonly isContinued: boolean;
}

const writtenOf = (event: RawEvent): Written => ({
  writer: event.writer,
  n: event.n,
  session: event.session,
  position: event.position,
  at: event.at,
  hash: event.hash,
  digest: digestOf(event),
  signature: event.signature,
});

const missingBefore = (n: number): string => `What its writer wrote before this event is missing: number ${n}.`;

/** For transcript.forged. */
const named = ({ hash: of }: Written): string => ` (its hash is ${of})`;

const newRun = (next: number): Run => ({ next, at: undefined, batch: [], loose: undefined });

/** Ids of writers are UUIDs of version 7: the first 48 bits are milliseconds. */
const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export class WritersVerifier {
  readonly #breaks: Breaks;
  readonly #options: WritersOptions;
  readonly #runs = new Map<string, Run>();
  readonly #continued = new Map<string, Continued>();
  readonly #gaps = new Map<string, Gap>();
  /** Of each session the last event whose signature could not be checked, since a part of its batch may have gone to an archive. */
  readonly #loose = new Map<string, Lasting>();

  constructor(breaks: Breaks, options: WritersOptions) {
    this.#breaks = breaks;
    this.#options = options;
  }

  knows(writer: string): boolean {
    return this.#runs.has(writer);
  }

  /** All before this number was read earlier. */
  goesOn(writer: string, next: number): void {
    this.#runs.set(writer, newRun(next));
  }

  event(event: RawEvent): void {
    if (this.#options.forged.has(event.hash)) return;
    const written = writtenOf(event);
    if (this.#options.isContinued && this.#leads(written)) return;
    this.#take(written);
  }

  /** Whether it belongs to what others have to put together with what they read. */
  #leads(event: Written): boolean {
    const { writer, n, signature } = event;
    const known = this.#continued.get(writer);
    if (known?.isLeadOver) return false;
    const continued = known ?? { lead: [], isLeadOver: false, run: newRun(0) };
    if (!known) this.#continued.set(writer, continued);
    continued.lead.push(event);
    if (signature === null && continued.lead.length < MAX_UNSIGNED) return true;
    continued.isLeadOver = true;
    continued.run.next = n + 1;
    continued.run.at = event.at;
    continued.run.loose = signature === null ? 'reported' : undefined;
    this.#runs.set(writer, continued.run);
    return true;
  }

  #take(event: Written): void {
    const { writer, n, signature } = event;
    let run = this.#runs.get(writer);
    if (!run) {
      run = newRun(0);
      this.#runs.set(writer, run);
    }
    if (n !== run.next) {
      if (n > run.next && this.#mayBeArchived(writer, run.at)) {
        this.#noteGap(writer, { upTo: n - 1, after: event });
        this.#noteLoose(run.batch);
        run.loose = 'archived';
      } else {
        this.#breaks.report(
          n < run.next
            ? `Its writer had written number ${n} before: this event was put in, or comes twice${named(event)}.`
            : missingBefore(run.next),
          event,
        );
        run.loose = 'reported';
      }
      run.batch = [];
    }
    // Whoever writes begins by opening a session of its own, under its own name.
    if (n === 0 && (event.session !== writer || event.position !== 0))
      this.#breaks.report(`This event says that it is the first of its writer, and is not${named(event)}.`, event);
    run.next = Math.max(run.next, n + 1);
    run.at = event.at;
    run.batch.push(event);
    if (signature !== null) this.#endBatch(writer, run, signature);
    else if (run.batch.length > MAX_UNSIGNED) {
      if (run.loose === undefined) this.#reportUnsigned(run.batch[0]);
      else if (run.loose === 'archived') this.#noteLoose(run.batch);
      run.loose ??= 'reported';
      run.batch = [];
    }
  }

  #noteGap(writer: string, gap: Gap): void {
    if (gap.upTo > (this.#gaps.get(writer)?.upTo ?? -1)) this.#gaps.set(writer, gap);
  }

  /** Checkpoints have to cover these: what can have gone to an archive is old. */
  #noteLoose(events: readonly Lasting[]): void {
    for (const { session, position, at, hash } of events)
      if (position > (this.#loose.get(session)?.position ?? -1))
        this.#loose.set(session, { session, position, at, hash });
  }

  #endBatch(writer: string, run: Run, encoded: string): void {
    const { batch, loose } = run;
    const [first] = batch;
    run.batch = [];
    run.loose = undefined;
    if (loose === 'reported' || !first) return;
    const digests = batch.map(({ digest }) => digest);
    if (isSignedBatch({ writer, first: first.n, digests }, encoded, this.#options.keys)) return;
    // What came after a gap need not be all of a batch.
    if (loose === 'archived') this.#noteLoose(batch);
    else
      this.#breaks.report(
        `This event was not written by a gateway of ours: the signature over it and what came with it does not fit${named(first)}.`,
        first,
      );
  }

  #reportUnsigned(event: Written | undefined): void {
    this.#breaks.report(
      'This event is not signed: what was written together with it is missing, or no gateway of ours wrote it.',
      event,
    );
  }

  /** Whether what is missing after an event of this time, or before the first one, can have gone to an archive. */
  #mayBeArchived(writer: string, at: string | undefined): boolean {
    const { archivedBefore } = this.#options;
    if (archivedBefore === undefined) return false;
    const after = at === undefined ? timeOf(writer) : Date.parse(at);
    return after - LATE_MS < Date.parse(archivedBefore);
  }

  /** For the thread that reads what comes before. Only where `isContinued`. */
  state(): WritersState {
    return { continued: [...this.#continued], gaps: [...this.#gaps], loose: [...this.#loose] };
  }

  /** What comes after all that was read here so far. */
  merge({ continued, gaps, loose }: WritersState): void {
    for (const [writer, { lead, isLeadOver, run }] of continued) {
      for (const event of lead) this.#take(event);
      if (isLeadOver) this.#runs.set(writer, run);
    }
    for (const [writer, gap] of gaps) this.#noteGap(writer, gap);
    this.#noteLoose(loose.map(([, event]) => event));
  }

  /** After all events: no batch is open. */
  end(): void {
    for (const [writer, { batch, loose, next, at }] of this.#runs) {
      const [first] = batch;
      if (!first || loose === 'reported') continue;
      if (loose === 'archived') this.#noteLoose(batch);
      // The end of the batch, with its signature, may have gone, and nothing came after it.
      else if (this.#mayBeArchived(writer, at)) {
        this.#noteGap(writer, { upTo: next, after: undefined });
        this.#noteLoose(batch);
      } else this.#reportUnsigned(first);
    }
  }

  /**
   * Reports what passed for archived and can't be: only what a checkpoint covers goes to an archive, so that the chains of sessions tell
   * of each event that is gone. `notarised`: up to which number of each writer checkpoints cover what it wrote.
   */
  checkArchived(
    isCovered: (session: string, position: number) => boolean,
    notarised: ReadonlyMap<string, number>,
  ): void {
    for (const [writer, { upTo, after }] of this.#gaps)
      if (upTo > (notarised.get(writer) ?? -1)) this.#breaks.report(missingBefore(upTo), after ?? {});
    for (const event of this.#loose.values())
      if (!isCovered(event.session, event.position))
        this.#breaks.report(
          `This event is not signed, or not all of what was written together with it is here, and no checkpoint covers it (its hash is ${event.hash}).`,
          event,
        );
  }

  /** Writers of which numbers are missing that may have gone to an archive. */
  get withGaps(): ReadonlySet<string> {
    return new Set(this.#gaps.keys());
  }

  /** Whether what it wrote last can have gone to an archive. */
  mayHaveGone(writer: string): boolean {
    return this.#mayBeArchived(writer, this.#runs.get(writer)?.at);
  }

  /** The number that comes next of each writer. */
  get next(): ReadonlyMap<string, number> {
    return new Map([...this.#runs].map(([writer, { next }]) => [writer, next]));
  }
}
