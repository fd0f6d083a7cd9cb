/**
 * One of a process's ways into the store. Events that come at once share one call of the database and so one commit, and one
 * signature.
 *
 * A lane writes under an id of its own, and numbers what it writes. After a failure that leaves open whether something was written it
 * goes on under a new id, so that numbers have neither gaps nor doubles.
 */
import { hostname } from 'node:os';
import type { Pool } from 'pg';
import { z } from 'zod';
import { canonical, storable } from '../form/canonical.js';
import { batchMessage, contentOf, firstHash, nextHash } from '../form/chain.js';
import type { ActorKind, Event } from '../form/event.js';
import { timeOrderedId } from '../form/ids.js';
import { type RecordKeys, signWith } from '../form/keys.js';
import { outcomeRow, type StatementRow, sessionTerms, statementRow, UNSEARCHED } from '../form/projection.js';
import type { Vault } from './vault.js';

/** The store does not take events: no statement may run. */
export class RecorderUnavailable extends Error {
  constructor(cause: unknown) {
    super('The transcript store is not reachable.', { cause });
    this.name = 'RecorderUnavailable';
  }
}

/** The store is not what was written: nothing is run until somebody has looked into it. */
export class RecordInDoubt extends RecorderUnavailable {
  constructor(problem: string) {
    super(new Error(problem));
    this.name = 'RecordInDoubt';
  }
}

export interface Count {
  readonly principal: string;
}

/** A session that begins with the event that it comes with. */
export interface NewSession {
  readonly id: string;
  readonly actor: ActorKind;
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly tokenId: string | undefined;
  readonly transport: string;
  readonly client: { readonly name: string | null; readonly version: string | null };
  readonly address: string | undefined;
  readonly key: string;
}

interface Waiting {
  readonly event: Event;
  readonly at: Date;
  readonly opens: NewSession | undefined;
  readonly count: Count | undefined;
  /** What can be done before it is its turn; undefined for this process's own session, which is known only then. */
  readonly prepared: Prepared | undefined;
  readonly resolve: (statements: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** An event as it goes to the store, but for its number and signature: JSON in pieces. */
interface Prepared {
  readonly session: string;
  readonly at: string;
  readonly body: string;
  /** The row of `events` without its end. */
  readonly row: string;
  readonly opens: string | undefined;
  readonly statement: string | undefined;
  readonly outcome: string | undefined;
  readonly begins: string | undefined;
  readonly ends: string | undefined;
}

/** Who writes: a gateway, or somebody at the command line. */
export interface WriterIdentity {
  readonly actor: 'gateway' | 'operator';
  readonly subject: string;
  readonly groups: readonly string[];
}

export interface RecorderOptions {
  readonly keys: RecordKeys;
  readonly vault: Vault;
  readonly writer: WriterIdentity;
  /** Hears that what is stored is not what was written. */
  readonly onIntegrityProblem: (problem: string) => void;
}

const MAX_BATCH = 200;
/** Characters, about. */
const MAX_BATCH_SIZE = 4_000_000;
const MAX_WAITING = 10_000;
const MAX_OWED = 10_000;
const MAX_HEADS = 100_000;
const OWED_RETRY_MS = 1000;

/** An SQLSTATE that append() raises. */
const TAKEN_FOR_DEAD = 'SF001';

/** Events that say how a statement that ran has ended: they are written later if they can't be now. */
const OUTCOMES: ReadonlySet<string> = new Set(['statement_completed', 'statement_failed', 'statement_cancelled']);
const ENDS: ReadonlySet<string> = new Set([...OUTCOMES, 'statement_refused', 'statement_settled']);

const APPEND = 'SELECT append($1, $2, $3, $4, $5, $6, $7, $8, $9) AS answer';

const answerOf = z.object({
  heads: z.array(z.tuple([z.string(), z.number(), z.string(), z.number(), z.string(), z.array(z.number())])),
  counts: z.record(z.string(), z.number()).nullable(),
});

interface Written {
  readonly content: string;
  /** Base64, at the last one. */
  signature: string | null;
}

export interface Head {
  readonly length: number;
  readonly hash: string;
}

const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/**
 * It lies with an event, not with the store: data exceptions, integrity, limits, and what append() itself refuses (classes of SQLSTATE,
 * PostgreSQL's appendix A). Nothing was written then. With any other failure that stays open, and the store counts as unreachable.
 */
const isOfAnEvent = (error: unknown): boolean => /^(?:22|23|54|SF)[0-9A-Z]{3}$/.test(codeOf(error) ?? '');

/**
 * It took longer than a statement may, and PostgreSQL has taken it back (query_canceled): nothing was written. One event may be what took
 * so long, or the store.
 */
const isTooLong = (error: unknown): boolean => codeOf(error) === '57014';

/** Events of one batch that take too long by themselves: with that many it is the store. */
const MAX_STUCK = 2;
/** Characters of what a statement is searched by, from which on that may be what takes so long. */
const LARGE = 16_384;

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
  /** What this process knows to be stored, since the last look. */
  #heads = new Map<string, Head>();
  /** Statements that this process runs, and under which of its ids they were begun. */
  readonly #underWay = new Map<string, string>();
  /** Of these names, those that others took for dead: what was begun under them they have settled, or will. */
  readonly #dead = new Set<string>();
  /** Statements that this process has begun and lost: nobody will say how they ended. */
  #left = new Set<string>();
  readonly #listeners = new Set<(sessions: readonly string[]) => void>();

  constructor(pool: Pool, options: RecorderOptions) {
    this.#pool = pool;
    this.#options = options;
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
    return new Promise((resolve, reject) => {
      const at = event.at ?? new Date();
      const prepared = event.sessionId === undefined ? undefined : this.#prepare(event, at, opens, event.sessionId);
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
      if (codeOf(error) === TAKEN_FOR_DEAD) return this.#asNewWriter(batch);
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
      if (codeOf(error) !== TAKEN_FOR_DEAD) return error;
      await this.#asNewWriter([one]);
      return undefined;
    }
  }

  /** We were away for so long that others have settled our statements: what still comes is written in another name. */
  async #asNewWriter(batch: readonly Waiting[]): Promise<void> {
    if (this.#writer !== undefined) this.#dead.add(this.#writer);
    this.#writer = undefined;
    try {
      this.#written(batch, await this.#insert(batch));
    } catch (error) {
      if (batch.length > 1 && (isOfAnEvent(error) || isTooLong(error))) return this.#oneByOne(batch, error);
      for (const { reject } of batch) reject(new RecorderUnavailable(error));
    }
  }

  #written(batch: readonly Waiting[], counts: Readonly<Record<string, number>> | null): void {
    for (const { event, count, resolve } of batch) {
      const { statementId } = event;
      if (statementId !== undefined && event.runs === 'begins') this.#underWay.set(statementId, this.#writer ?? '');
      else if (statementId !== undefined && (event.runs === 'pauses' || ENDS.has(event.kind)))
        this.#underWay.delete(statementId);
      resolve(count ? counts?.[count.principal] : undefined);
    }
    if (this.#listeners.size === 0) return;
    const sessions = [...new Set(batch.map(({ event }) => event.sessionId ?? this.#writer ?? ''))];
    for (const listener of this.#listeners) listener(sessions);
  }

  /** Says that this process no longer runs a statement: if it has no outcome by now, or one that waits, it has to be settled. */
  leave(statementId: string): void {
    if (!this.#underWay.has(statementId) || this.#owed.some(({ event }) => event.statementId === statementId)) return;
    this.#underWay.delete(statementId);
    this.#left.add(statementId);
  }

  /** Statements that were left since this was last asked. */
  takeLeft(): readonly string[] {
    const left = [...this.#left];
    this.#left = new Set();
    return left;
  }

  /** One of those that could not be settled yet. */
  leaveAgain(statementId: string): void {
    this.#left.add(statementId);
  }

  /** Under which this process has something to do with the store: the present one, and those that statements were begun under. */
  names(): readonly string[] {
    return [...(this.#writer === undefined ? [] : [this.#writer]), ...this.#underWay.values()];
  }

  /** Hears which names others have taken for dead. */
  takenForDead(names: ReadonlySet<string>): void {
    const known = new Set(this.names());
    for (const name of this.#dead) if (!known.has(name)) this.#dead.delete(name);
    for (const name of known) if (names.has(name)) this.#dead.add(name);
  }

  /** Whether this process runs the statement, and nobody took it for dead under the name that it was begun with. */
  isHeard(statementId: string): boolean {
    const name = this.#underWay.get(statementId);
    return name !== undefined && !this.#dead.has(name);
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

  #own(): NewSession {
    const { actor, subject, groups } = this.#options.writer;
    return {
      id: timeOrderedId(),
      actor,
      issuer: 'snowfence',
      subject,
      clientId: `${hostname()}:${process.pid}`,
      groups,
      tokenId: undefined,
      transport: 'none',
      client: { name: null, version: null },
      address: undefined,
      key: '',
    };
  }

  async #insert(given: readonly Waiting[]): Promise<Readonly<Record<string, number>> | null> {
    const batch = [...given];
    let writer = this.#writer;
    let n = this.#n;
    if (writer === undefined) {
      const own = this.#own();
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
    const { values, contents } = this.#encode(batch, writer, n);
    const { rows } = await this.#pool.query<{ answer: unknown }>({ name: 'append', text: APPEND, values: [...values] });
    const { heads, counts } = answerOf.parse(rows[0]?.answer);
    this.#writer = writer;
    this.#n = n + batch.length;
    this.#check(heads, contents);
    return counts;
  }

  /** What the database says that it has hung on is what we gave it. Throws where it is not. */
  #check(heads: z.infer<typeof answerOf>['heads'], contents: ReadonlyMap<string, readonly Written[]>): void {
    for (const [session, before, beforeHash, length, hash, sequences] of heads) {
      const known = this.#heads.get(session);
      if (before === 0 ? beforeHash !== firstHash(session) : known?.length === before && known.hash !== beforeHash)
        this.#options.onIntegrityProblem(`The end of session ${session} was changed in the store.`);
      if (known && before < known.length)
        this.#options.onIntegrityProblem(
          `Session ${session} was cut off in the store: ${before} events of ${known.length}.`,
        );
      let expected = beforeHash;
      const written = contents.get(session) ?? [];
      for (const [index, { content, signature }] of written.entries())
        expected = nextHash(expected, content, BigInt(sequences[index] ?? -1), signature);
      if (expected !== hash || length !== before + written.length) {
        this.#options.onIntegrityProblem(
          `The store has written something else into session ${session} than it was given.`,
        );
        throw new Error('the store has written something else than it was given');
      }
      if (this.#heads.size < MAX_HEADS || known) this.#heads.set(session, { length, hash });
    }
  }

  #prepare(event: Event, time: Date, opens: NewSession | undefined, session: string): Prepared {
    const { vault } = this.#options;
    const opening = opens && JSON.stringify(sessionRow(opens, time, vault));
    const { kind, runs } = event;
    const statement = event.statementId ?? null;
    const sealed = vault.seal(session, event.statementId, event.body);
    const [at, body] = [time.toISOString(), canonical(sealed)];
    const projected = { at, session, statement, kind, body: sealed };
    const row = statementRow(projected);
    const outcome = outcomeRow(projected);
    return {
      session,
      at,
      body,
      row: `{"s":"${session}","at":"${at}","st":${JSON.stringify(statement)},"k":"${kind}","body":${body}`,
      opens: opening,
      statement: row && JSON.stringify(storableRow(row)),
      outcome: outcome && JSON.stringify(outcome),
      begins: runs === 'begins' ? JSON.stringify({ statement_id: statement, session_id: session }) : undefined,
      ends: outcome || runs === 'pauses' ? JSON.stringify({ id: statement }) : undefined,
    };
  }

  #encode(
    batch: readonly Waiting[],
    writer: string,
    firstN: number,
  ): { readonly values: readonly unknown[]; readonly contents: ReadonlyMap<string, readonly Written[]> } {
    const contents = new Map<string, Written[]>();
    const all: Written[] = [];
    const entries = batch.map(
      ({ event, at, opens, prepared }) => prepared ?? this.#prepare(event, at, opens, event.sessionId ?? writer),
    );
    for (const [index, { session, at, body }] of entries.entries()) {
      const { kind, statementId } = batch[index]?.event ?? { kind: '', statementId: undefined };
      const statement = statementId ?? null;
      const content = contentOf({ session, at, writer, n: firstN + index, statement, kind, body });
      const written: Written = { content, signature: null };
      const known = contents.get(session);
      if (known) known.push(written);
      else contents.set(session, [written]);
      all.push(written);
    }
    const message = batchMessage(
      writer,
      firstN,
      all.map(({ content }) => content),
    );
    const last = all.at(-1);
    if (last) last.signature = signWith(this.#options.keys.signing, message).toString('base64');
    const listOf = (rows: readonly (string | undefined)[]): string | null => {
      const some = rows.filter((row) => row !== undefined);
      return some.length === 0 ? null : `[${some.join(',')}]`;
    };
    const counted = batch.flatMap(({ count }) => (count ? [count.principal] : []));
    const values = [
      writer,
      listOf(entries.map(({ opens }) => opens)),
      [...contents.keys()],
      listOf(
        entries.map(
          ({ row }, index) => `${row},"n":${firstN + index},"sig":${JSON.stringify(all[index]?.signature ?? null)}}`,
        ),
      ),
      listOf(entries.map(({ statement }) => statement)),
      listOf(entries.map(({ outcome }) => outcome)),
      listOf(entries.map(({ begins }) => begins)),
      listOf(entries.map(({ ends }) => ends)),
      counted.length === 0 ? null : counted,
    ];
    return { values, contents };
  }

  /** Heads that this process has written since it was last asked. */
  takeHeads(): ReadonlyMap<string, Head> {
    const heads = this.#heads;
    this.#heads = new Map();
    return heads;
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

/**
 * The same event with the mark that it is not searched by what stands in it, where that may be what the store does not take: an attempt is
 * in the record, whatever its text is made of. undefined of any other.
 */
function withoutSearch(one: Waiting, error: unknown): Waiting | undefined {
  const { event, prepared } = one;
  const isLarge = (prepared?.statement?.length ?? 0) >= LARGE;
  // What append() itself refuses is no matter of search.
  if (prepared?.statement === undefined || codeOf(error)?.startsWith('SF') || !(isLarge || isOfAnEvent(error)))
    return undefined;
  return { ...one, event: { ...event, body: { ...event.body, [UNSEARCHED]: true } }, prepared: undefined };
}

/** About how many characters the large parts of an event have. */
function sizeOf(event: Event | undefined): number {
  const { statement, sent, result, bytes } = event?.body ?? {};
  const length = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
  return length(statement) + length(sent) + (result !== undefined && typeof bytes === 'number' ? bytes : 0);
}

/** PostgreSQL's text has no NUL. */
const storableRow = (row: StatementRow): object => ({
  ...row,
  text: storable(row.text),
  purpose: row.purpose === null ? null : storable(row.purpose),
  // One text is read faster than a list of many.
  terms: storable(row.terms.join('\u001e')),
});

const openingOf = (session: NewSession): Event => ({
  kind: 'session_opened',
  sessionId: session.id,
  statementId: undefined,
  body: {
    actor: session.actor,
    issuer: session.issuer,
    subject: session.subject,
    client_id: session.clientId,
    groups: session.groups,
    token_id: session.tokenId ?? null,
    transport: session.transport,
    client: session.client,
    address: session.address ?? null,
  },
});

function sessionRow(session: NewSession, at: Date, vault: Vault): object {
  const { keyId, wrapped } = vault.make(session.id);
  return {
    id: session.id,
    opened_at: at,
    actor: session.actor,
    issuer: storable(session.issuer),
    subject: storable(session.subject),
    client_id: storable(session.clientId),
    groups: session.groups.map(storable),
    token_id: session.tokenId === undefined ? null : storable(session.tokenId),
    transport: session.transport,
    client: {
      name: session.client.name && storable(session.client.name),
      version: session.client.version && storable(session.client.version),
    },
    address: session.address === undefined ? null : storable(session.address),
    key: session.key,
    terms: sessionTerms({
      subject: session.subject,
      clientId: session.clientId,
      groups: session.groups,
      client: session.client.name ?? undefined,
    }).map(storable),
    key_id: keyId,
    wrapped: wrapped.toString('base64'),
  };
}
