/**
 * One of a process's ways into the store. Events that come at once share one call of the database and so one commit, and one
 * signature.
 *
 * A lane writes under an id of its own, and numbers what it writes. After a failure that leaves open whether something was written it
 * goes on under a new id, so that numbers have neither gaps nor doubles.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { endOf, type OutcomeState } from '../form/end.js';
import type { Event, Lease } from '../form/event.js';
import type { RecordKeys } from '../form/keys.js';
import { type Count, type Entry, encode, prepare, sizeOf, withoutSearch } from './batch.js';
import { isOfAnEvent, isTakenForDead, isTooLong, RecorderUnavailable } from './failures.js';
import { type Head, Heads, lengthened } from './heads.js';
import { type NewSession, openingOf, ownSession, type WriterIdentity } from './new-session.js';
import { OUTCOMES, UnderWay } from './under-way.js';
import type { Vault } from './vault.js';

interface Waiting extends Entry {
  readonly resolve: (statements: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

export interface RecorderOptions {
  readonly keys: RecordKeys;
  readonly vault: Vault;
  readonly writer: WriterIdentity;
  /** Hears that what is stored is not what was written. */
  readonly onIntegrityProblem: (problem: string) => void;
  /** Hears how each statement ended whose end this process has written down. */
  readonly onEnded?: (state: OutcomeState) => void;
}

const MAX_BATCH = 200;
/** Characters, about. */
const MAX_BATCH_SIZE = 4_000_000;
const MAX_WAITING = 10_000;
const MAX_OWED = 10_000;
const OWED_RETRY_MS = 1000;
const TAKEN_FOR_DEAD = 'this process was taken for dead, and others say how it ended';

const APPEND = 'SELECT append($1, $2, $3, $4, $5, $6, $7, $8, $9) AS answer';

const answerOf = z.object({
  heads: z.array(lengthened),
  counts: z.record(z.string(), z.number()).nullable(),
});

/** Events of one batch that take too long by themselves: with that many it is the store. */
const MAX_STUCK = 2;

export class Lane {
  readonly #pool: Pool;
  readonly #options: RecorderOptions;
  #writer: string | undefined;
  #n = 0;
  #waiting: Waiting[] = [];
  #owed: { event: Event; at: Date }[] = [];
  #owedTimer: NodeJS.Timeout | undefined;
  #isFlushing = false;
  #failed = 0;
  #isClosed = false;
  readonly #heads: Heads;
  readonly #underWay = new UnderWay();
  readonly #leases = new Set<Lease>();
  readonly #listeners = new Set<(sessions: readonly string[]) => void>();

  constructor(pool: Pool, options: RecorderOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#heads = new Heads((problem) => options.onIntegrityProblem(problem));
  }

  /** Whether the last write worked. */
  get isHealthy(): boolean {
    return this.#failed === 0;
  }

  /** The session of this process's own events; undefined before the first write. */
  get writer(): string | undefined {
    return this.#writer;
  }

  /** Hears which sessions have new events. */
  onWritten(listener: (sessions: readonly string[]) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Resolves once the event is durable: with the number of statements of this hour where a principal is given to count, else with
   * undefined. Throws RecorderUnavailable.
   */
  append(event: Event, count?: Count): Promise<number | undefined> {
    return this.#add(event, undefined, count);
  }

  /** Several events that belong together, written at once. Throws RecorderUnavailable. */
  async appendAll(events: readonly Event[]): Promise<void> {
    await Promise.all(events.map((event) => this.#add(event, undefined, undefined)));
  }

  /** A new session with its first event. Throws RecorderUnavailable. */
  async open(session: NewSession): Promise<void> {
    await this.#add(openingOf(session), session, undefined);
  }

  #add(event: Event, opens: NewSession | undefined, count: Count | undefined): Promise<number | undefined> {
    if (this.#isClosed) return Promise.reject(new RecorderUnavailable(new Error('the recorder is closed')));
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(new RecorderUnavailable(new Error('too many events wait')));
    if (event.by?.isDead) return Promise.reject(new RecorderUnavailable(new Error(TAKEN_FOR_DEAD)));
    return new Promise((resolve, reject) => {
      const at = event.at ?? new Date();
      const { sessionId } = event;
      const prepared = sessionId === undefined ? undefined : prepare(event, at, opens, sessionId, this.#options.vault);
      this.#waiting.push({ event, at, opens, count, prepared, resolve, reject });
      // Events that come while one write is under way go together with the next.
      if (!this.#isFlushing) {
        this.#isFlushing = true;
        queueMicrotask(() => void this.#flush());
      }
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#write(this.#waiting.splice(0, this.#fitting()));
    }
    this.#isFlushing = false;
  }

  /** How many of those that wait go into one batch. */
  #fitting(): number {
    let size = 0;
    for (let count = 0; count < Math.min(MAX_BATCH, this.#waiting.length); count++) {
      size += sizeOf(this.#waiting[count]?.event);
      if (size > MAX_BATCH_SIZE) return Math.max(1, count);
    }
    return MAX_BATCH;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const counts = await this.#insert(batch);
      this.#failed = 0;
      this.#written(batch, counts);
    } catch (error) {
      if (isTakenForDead(error)) return this.#asNewWriter(batch);
      if (isOfAnEvent(error) || isTooLong(error)) return this.#oneByOne(batch, error);
      this.#fail(batch, error);
    }
  }

  #fail(batch: readonly Waiting[], error: unknown): void {
    if (!isOfAnEvent(error)) {
      this.#failed++;
      // Where nothing was written no number was used.
      if (!isTooLong(error)) this.#writer = undefined;
      this.#owe(batch);
    }
    for (const { reject } of batch) reject(new RecorderUnavailable(error));
  }

  /** One event that can't be stored must not keep the others out, nor itself. */
  async #oneByOne(batch: readonly Waiting[], error: unknown): Promise<void> {
    let stuck = 0;
    for (const [index, one] of batch.entries()) {
      if (stuck >= MAX_STUCK) return this.#fail(batch.slice(index), error);
      const last = batch.length > 1 ? await this.#alone(one) : error;
      if (last === undefined) continue;
      if (isTooLong(last)) stuck++;
      const again = withoutSearch(one, last);
      const failure = again ? await this.#alone(again) : last;
      if (failure !== undefined) this.#fail([one], failure);
    }
  }

  /** What it failed by; undefined where it was written, or is told already. */
  async #alone(one: Waiting): Promise<unknown> {
    try {
      const counts = await this.#insert([one]);
      this.#failed = 0;
      this.#written([one], counts);
      return undefined;
    } catch (error) {
      if (!isTakenForDead(error)) return error;
      await this.#asNewWriter([one]);
      return undefined;
    }
  }

  /** We were away for so long that others have settled our statements: what still comes is written in another name. */
  async #asNewWriter(given: readonly Waiting[]): Promise<void> {
    if (this.#writer !== undefined) this.#underWay.dies(this.#writer);
    this.#writer = undefined;
    // Whatever name it is of: we were silent under each.
    for (const lease of this.#leases) lease.isDead = true;
    const batch = given.filter(({ event }) => !event.by?.isDead);
    for (const { event, reject } of given)
      if (event.by?.isDead) reject(new RecorderUnavailable(new Error(TAKEN_FOR_DEAD)));
    if (batch.length === 0) return;
    try {
      this.#written(batch, await this.#insert(batch));
    } catch (error) {
      if (batch.length > 1 && (isOfAnEvent(error) || isTooLong(error))) return this.#oneByOne(batch, error);
      for (const { reject } of batch) reject(new RecorderUnavailable(error));
    }
  }

  #written(batch: readonly Waiting[], counts: Readonly<Record<string, number>> | null): void {
    for (const { event, count, resolve } of batch) {
      this.#underWay.written(event, this.#writer ?? '');
      const { kind, body, statementId } = event;
      const state = endOf({ kind, body, statement: statementId ?? null });
      if (state !== undefined) this.#options.onEnded?.(state);
      resolve(count ? counts?.[count.principal] : undefined);
    }
    if (this.#listeners.size === 0) return;
    const sessions = [...new Set(batch.map(({ event }) => event.sessionId ?? this.#writer ?? ''))];
    for (const listener of this.#listeners) listener(sessions);
  }

  /** Says that this process no longer runs a statement: if it has no outcome by now, or one that waits, it has to be settled. */
  leave(statementId: string): void {
    if (!this.#underWay.has(statementId) || this.#owed.some(({ event }) => event.statementId === statementId)) return;
    this.#underWay.lose(statementId);
  }

  /** Statements that were left since this was last asked. */
  takeLeft(): readonly string[] {
    return this.#underWay.takeLeft();
  }

  /** One of those that could not be settled yet. */
  leaveAgain(statementId: string): void {
    this.#underWay.leaveAgain(statementId);
  }

  /** Under which this process has something to do with the store: the present one, and those that statements were begun under. */
  names(): readonly string[] {
    const held = [...this.#leases].map(({ name }) => name);
    return [...(this.#writer === undefined ? [] : [this.#writer]), ...this.#underWay.names(), ...held];
  }

  /** The name that the last event was written under is said to be alive until it is let go. */
  lease(): Lease {
    const lease = { name: this.#writer ?? '', isDead: this.#writer === undefined };
    this.#leases.add(lease);
    return lease;
  }

  /** What it was taken for has ended. Where nobody could write that down, the name is not used any more: others hear that by its silence. */
  letGo(lease: Lease, isEnded: boolean): void {
    if (this.#leases.delete(lease) && !isEnded && this.#writer === lease.name) this.#writer = undefined;
  }

  /** Hears which names others have taken for dead. */
  takenForDead(names: ReadonlySet<string>): void {
    this.#underWay.takenForDead(names, new Set(this.names()));
    for (const lease of this.#leases) if (names.has(lease.name)) lease.isDead = true;
  }

  /** Whether this process runs the statement, and nobody took it for dead under the name that it was begun with. */
  isHeard(statementId: string): boolean {
    return this.#underWay.isHeard(statementId);
  }

  /** Outcomes are written as soon as the store takes them again. */
  #owe(batch: readonly Waiting[]): void {
    for (const { event, at } of batch)
      if (OUTCOMES.has(event.kind) && this.#owed.length < MAX_OWED) this.#owed.push({ event, at });
    if (this.#owed.length === 0 || this.#owedTimer || this.#isClosed) return;
    this.#owedTimer = setTimeout(() => {
      this.#owedTimer = undefined;
      const owed = this.#owed.splice(0);
      // What fails again is owed again; what has an outcome already was written after all.
      for (const { event, at } of owed)
        this.#add({ ...event, at }, undefined, undefined).catch(() => {
          if (event.statementId !== undefined) this.leave(event.statementId);
        });
    }, OWED_RETRY_MS);
    this.#owedTimer.unref();
  }

  async #insert(given: readonly Waiting[]): Promise<Readonly<Record<string, number>> | null> {
    const batch = [...given];
    let writer = this.#writer;
    let n = this.#n;
    if (writer === undefined) {
      const own = ownSession(this.#options.writer);
      writer = own.id;
      n = 0;
      const nobody = (): void => undefined;
      batch.unshift({
        event: openingOf(own),
        at: new Date(),
        opens: own,
        count: undefined,
        prepared: undefined,
        resolve: nobody,
        reject: nobody,
      });
    }
    const { values, contents } = encode(batch, writer, n, this.#options);
    const { rows } = await this.#pool.query<{ answer: unknown }>({ name: 'append', text: APPEND, values: [...values] });
    const { heads, counts } = answerOf.parse(rows[0]?.answer);
    this.#writer = writer;
    this.#n = n + batch.length;
    this.#heads.check(heads, contents);
    return counts;
  }

  /** Heads that this process has written since it was last asked. */
  takeHeads(): ReadonlyMap<string, Head> {
    return this.#heads.take();
  }

  /** The last event of this process. What is still owed gets one more try. */
  async close(): Promise<void> {
    clearTimeout(this.#owedTimer);
    const owed = this.#owed.splice(0);
    await Promise.all(
      owed.map(({ event, at }) => this.#add({ ...event, at }, undefined, undefined).catch(() => undefined)),
    );
    if (this.#writer !== undefined && this.isHealthy)
      await this.append({
        kind: 'session_closed',
        sessionId: undefined,
        statementId: undefined,
        body: { reason: 'ended' },
      }).catch(() => undefined);
    this.#isClosed = true;
  }
}
