/**
 * What each process wrote, in the order of writing: every number once and without a gap, every batch under one signature of ours. The
 * notary asks this of what is new, `verify` of everything.
 */
import { hash, verify as verifySignature } from 'node:crypto';
import { batchMessageOf, contentOf } from './chain.js';
import { publicPart, type VerifierKey } from './keys.js';
import type { RawEvent } from './reader.js';
import type { Breaks } from './verify.js';

/** Further than any gateway writes at once; whoever goes on without a signature is none of ours. */
const MAX_UNSIGNED = 1000;
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
  /** Where the batch begins that is being read. */
  first: Written | undefined;
  digests: Uint8Array[];
  /** Its beginning is not here, so that its signature can't be checked. */
  isLoose: boolean;
}

/** Of a writer that others have read the beginning of. */
interface Continued {
  /** What came before the end of a first batch: it may have begun earlier. */
  readonly lead: Written[];
  isLeadOver: boolean;
  readonly run: Run;
}

/** What one thread read, for the one that asked it. */
export type WritersState = readonly (readonly [writer: string, continued: Continued])[];

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
  digest: hash('sha256', contentOf(event), 'buffer'),
  signature: event.signature,
});

/** For transcript.forged. */
const named = ({ hash: of }: Written): string => ` (its hash is ${of})`;

const newRun = (next: number): Run => ({ next, at: undefined, first: undefined, digests: [], isLoose: false });

/** Ids of writers are UUIDs of version 7: the first 48 bits are milliseconds. */
const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export class WritersVerifier {
  readonly #breaks: Breaks;
  readonly #options: WritersOptions;
  readonly #runs = new Map<string, Run>();
  readonly #continued = new Map<string, Continued>();

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
    continued.run.isLoose = signature === null;
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
      if (n < run.next || !this.#mayBeArchived(writer, run.at))
        this.#breaks.report(
          n < run.next
            ? `Its writer had written number ${n} before: this event was put in, or comes twice${named(event)}.`
            : `What its writer wrote before this event is missing: number ${run.next}.`,
          event,
        );
      run.isLoose = true;
      run.first = undefined;
      run.digests = [];
    }
    // Whoever writes begins by opening a session of its own, under its own name.
    if (n === 0 && (event.session !== writer || event.position !== 0))
      this.#breaks.report(`This event says that it is the first of its writer, and is not${named(event)}.`, event);
    run.next = Math.max(run.next, n + 1);
    run.at = event.at;
    run.first ??= event;
    run.digests.push(event.digest);
    if (signature !== null) this.#endBatch(writer, run, signature);
    else if (run.digests.length > MAX_UNSIGNED) {
      if (!run.isLoose) this.#reportUnsigned(run.first);
      run.isLoose = true;
      run.digests = [];
    }
  }

  #endBatch(writer: string, run: Run, encoded: string): void {
    const { first, digests, isLoose } = run;
    run.first = undefined;
    run.digests = [];
    run.isLoose = false;
    if (isLoose || !first) return;
    const message = batchMessageOf(writer, first.n, digests);
    const signature = Buffer.from(encoded, 'base64');
    if (!this.#options.keys.some(({ key }) => verifySignature(null, message, publicPart(key), signature)))
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
    return [...this.#continued];
  }

  /** What comes after all that was read here so far. */
  merge(state: WritersState): void {
    for (const [writer, { lead, isLeadOver, run }] of state) {
      for (const event of lead) this.#take(event);
      if (isLeadOver) this.#runs.set(writer, run);
    }
  }

  /** After all events: no batch is open. */
  end(): void {
    for (const { first, isLoose } of this.#runs.values()) if (first && !isLoose) this.#reportUnsigned(first);
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
