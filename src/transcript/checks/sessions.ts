/**
 * The chains of sessions, each from its first event, held against the leaves that cover them and against what the store says of their
 * ends; with each event goes what search should have of it (search-rows.ts).
 */
import { misplaced, principalOf, strangerIn } from '../form/belonging.js';
import { contentOf, firstHash, nextHash } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import type { Break, Breaks } from './breaks.js';
import { type Projections, SearchRows, type SearchRowsState } from './search-rows.js';

interface SessionState {
  length: number;
  hash: string;
  sequence: bigint;
  at: string;
  isOpen: boolean;
}

interface Head {
  readonly length: number;
  /** Hexadecimal. */
  readonly hash: string;
}

/** Where a session goes on whose beginning was archived. */
export interface Start extends Head {
  /** The event that opened it. */
  readonly opening: { readonly at: string; readonly body: Readonly<Record<string, unknown>> } | undefined;
}

/** What the store keeps of a chain's end besides its length and hash. */
export interface HeadState {
  readonly lastAt: string;
  readonly isOpen: boolean;
  readonly isCovered: boolean;
}

export interface TailEvent {
  readonly n: number;
  readonly content: string;
  readonly signature: string | null;
  readonly session: string;
  readonly position: number;
  readonly at: string;
}

export interface WriterState {
  /** The highest number of what checkpoints cover; -1 before any. */
  covered: number;
  readonly tail: TailEvent[];
}

export interface SessionsOptions {
  /** Leaves before this one are covered by a checkpoint. */
  readonly largest: number;
  /** Everything there is was read, not some sessions of it: what is missing is missed. */
  readonly isComplete: boolean;
  /** Of the moment; the same for all threads of one verification. */
  readonly sumKey: string;
  /** Signatures of what no checkpoint covers are checked from what is kept here: for exports, whose events come by session only. */
  readonly keepsTails: boolean;
  /** Hashes of events that somebody has looked into. */
  readonly acknowledged: ReadonlySet<string>;
}

/** What one thread found, for the one that asked it. */
export interface SessionsState {
  readonly breaks: readonly Break[];
  readonly isCut: boolean;
  readonly sessions: number;
  readonly events: number;
  readonly uncovered: number;
  readonly writers: readonly (readonly [string, WriterState])[];
  readonly sums: SearchRowsState;
  readonly openings: readonly (readonly [string, NonNullable<Start['opening']>])[];
}

/** Takes leaves and starts first, then events, each session's together and in order, then heads, then the end. */
export class SessionsVerifier {
  readonly #breaks: Breaks;
  readonly #options: SessionsOptions;
  readonly #leaves = new Map<string, Head[]>();
  /** Up to which length checkpoints cover a session. */
  readonly #covered = new Map<string, number>();
  readonly #sessions = new Map<string, SessionState>();
  readonly #starts = new Map<string, Start[]>();
  readonly #heads = new Set<string>();
  readonly writers = new Map<string, WriterState>();
  readonly #rows: SearchRows;
  /** Of sessions whose beginning is archived. */
  readonly openings = new Map<string, NonNullable<Start['opening']>>();
  /** The session that is being read. */
  #session = '';
  /** The last number of each writer in it. */
  #numbers = new Map<string, number>();
  /** Whose the session is, if an agent's: canonical JSON. */
  #principal: string | undefined;
  #events = 0;
  #uncovered = 0;
  /** Of other threads. */
  #sessionsElsewhere = 0;

  constructor(breaks: Breaks, options: SessionsOptions) {
    this.#breaks = breaks;
    this.#options = options;
    this.#rows = new SearchRows(breaks, options.sumKey);
  }

  get #isComplete(): boolean {
    return this.#options.isComplete;
  }

  /** What search should have. */
  get projections(): Projections {
    return this.#rows.sums;
  }

  get sessions(): number {
    return this.#sessions.size + this.#sessionsElsewhere;
  }

  get events(): number {
    return this.#events;
  }

  get uncovered(): number {
    return this.#uncovered;
  }

  /** Of one of the sessions that are read here. */
  leaf(position: number, session: string, length: number, leafHash: string): void {
    const known = this.#leaves.get(session);
    const leaf = { length, hash: leafHash };
    if (known) known.push(leaf);
    else this.#leaves.set(session, [leaf]);
    for (const start of this.#starts.get(session) ?? []) this.#compareStart(session, leaf, start);
    if (position < this.#options.largest) this.#covered.set(session, length);
  }

  /** A session whose beginning was archived, as the signed record of that says. */
  startsAt(session: string, start: Start): void {
    this.#starts.set(session, [...(this.#starts.get(session) ?? []), start]);
    for (const leaf of this.#leaves.get(session) ?? []) this.#compareStart(session, leaf, start);
  }

  /** What is archived is what checkpoints cover. */
  #compareStart(session: string, leaf: Head, start: Head): void {
    if (leaf.length === start.length && leaf.hash !== start.hash)
      this.#breaks.report(`What was archived of this session is not what checkpoints cover.`, {
        session,
        position: start.length - 1,
      });
  }

  event(event: RawEvent): void {
    const { session, position } = event;
    this.#events++;
    if (session !== this.#session) {
      this.#session = session;
      this.#numbers = new Map();
      this.#rows.begin();
      this.#opens({});
    }
    let state = this.#sessions.get(session);
    if (!state) {
      const start = this.#starts.get(session)?.find(({ length }) => length === position);
      if (position > 0 && start?.opening) {
        this.openings.set(session, start.opening);
        this.#opens(start.opening.body);
        this.#rows.opened(session, start.opening.at, start.opening.body);
      }
      state = {
        length: start?.length ?? 0,
        hash: start?.hash ?? firstHash(session),
        sequence: -1n,
        at: event.at,
        isOpen: true,
      };
      this.#sessions.set(session, state);
    }
    const content = contentOf(event);
    if (position !== state.length) {
      const what =
        position > state.length
          ? `Events ${state.length} to ${position - 1} are missing.`
          : `Event ${position} comes again, or out of order.`;
      this.#breaks.report(what, { session, position: Math.min(position, state.length), at: event.at });
      state.length = position;
    } else {
      const expected = nextHash(state.hash, content, BigInt(event.sequence), event.signature);
      if (expected !== event.hash)
        this.#breaks.report(
          `Event ${position} is not what was written, or not where it was written: its hash does not follow.`,
          {
            session,
            position,
            at: event.at,
          },
        );
    }
    if (BigInt(event.sequence) <= state.sequence)
      this.#breaks.report(`Event ${position} stands before an earlier one in the order of writing.`, {
        session,
        position,
        at: event.at,
      });
    state.sequence = BigInt(event.sequence);
    state.hash = event.hash;
    state.length = position + 1;
    state.at = event.at;
    if (event.kind === 'session_closed') state.isOpen = false;
    if (event.kind === 'integrity_problem' && !this.#options.acknowledged.has(event.hash)) this.#reportProblem(event);
    this.#comparePlace(event);
    this.#compareLeaf(event);
    this.#noteWriter(event, content, position < (this.#covered.get(session) ?? 0));
    if (event.kind === 'session_opened') {
      const body = JSON.parse(event.body) as Record<string, unknown>;
      this.#opens(body);
      this.#rows.opened(session, event.at, body);
    } else this.#rows.event(event);
  }

  /** A session begins with the event that opens it, and what is in it is its principal's. */
  #comparePlace(event: RawEvent): void {
    const { session, position, at } = event;
    const problem =
      misplaced(event) ?? (event.kind === 'session_opened' ? undefined : strangerIn(event, this.#principal));
    if (problem !== undefined) this.#breaks.report(problem, { session, position, at });
  }

  /** What a gateway found while it ran stays found until somebody says that they have looked into it. */
  #reportProblem({ session, position, at, body, hash }: RawEvent): void {
    const { problem } = JSON.parse(body) as { readonly problem?: unknown };
    this.#breaks.report(
      `A gateway found the record changed: ${typeof problem === 'string' ? problem : 'it does not say where'} (Once looked into: transcript.acknowledged with ${hash}.)`,
      { session, position, at },
    );
  }

  /** Compares with the leaf of this length, if there is one. */
  #compareLeaf({ session, position, hash, at }: RawEvent): void {
    const leaves = this.#leaves.get(session);
    // Leaves within what was archived, or skipped over, are met no more.
    while (leaves?.[0] && leaves[0].length <= position) leaves.shift();
    const next = leaves?.[0];
    if (next?.length !== position + 1) return;
    if (next.hash !== hash)
      this.#breaks.report(`Event ${position} is not the one that checkpoints cover: the chain was computed anew.`, {
        session,
        position,
        at,
      });
    leaves?.shift();
  }

  #noteWriter(event: RawEvent, content: string, isCovered: boolean): void {
    const { writer, n, signature, session, position, at } = event;
    if (!isCovered) this.#uncovered++;
    if (!this.#options.keepsTails) return;
    // In the store the order of writing tells; here that is a number in a file.
    if (n <= (this.#numbers.get(writer) ?? -1))
      this.#breaks.report(`Event ${position} stands behind a later one of its writer.`, { session, position, at });
    this.#numbers.set(writer, n);
    let state = this.writers.get(writer);
    if (!state) {
      state = { covered: -1, tail: [] };
      this.writers.set(writer, state);
    }
    if (isCovered) state.covered = Math.max(state.covered, n);
    else state.tail.push({ n, content, signature, session, position, at });
  }

  /** Whose the session is that is being read, and what every statement has of it. */
  #opens(body: Readonly<Record<string, unknown>>): void {
    this.#principal = principalOf(body);
    this.#rows.opens(body);
  }

  /** What a session's head says, where there is one to ask. */
  head(session: string, length: number, hash: string, more?: HeadState): void {
    this.#heads.add(session);
    if (more) this.#checkHead(session, length, more);
    const state = this.#sessions.get(session);
    const starts = this.#starts.get(session) ?? [];
    const start = starts.find((entry) => entry.length === length && entry.hash === hash);
    if (!state && start) {
      if (start.opening) {
        this.openings.set(session, start.opening);
        this.#rows.opened(session, start.opening.at, start.opening.body);
      }
      return;
    }
    if (!state) {
      this.#breaks.report('All events of this session are missing.', { session, position: 0 });
      this.#leaves.delete(session);
    } else if (state.length !== length || state.hash !== hash)
      this.#breaks.report(
        state.length < length
          ? `Events ${state.length} to ${length - 1} are missing: the session was cut off.`
          : 'The head of this session is not its last event.',
        { session, position: state.length, at: state.at },
      );
  }

  #checkHead(session: string, length: number, { lastAt, isOpen, isCovered }: HeadState): void {
    const state = this.#sessions.get(session);
    if (!state) return;
    if (state.at !== lastAt || state.isOpen !== isOpen)
      this.#breaks.report('What the store says of the end of this session is not what its events say.', {
        session,
        position: state.length,
      });
    const covered = this.#covered.get(session) ?? 0;
    if (isCovered !== covered >= length)
      this.#breaks.report(
        isCovered
          ? 'This session passes for covered by checkpoints, and is not.'
          : 'This session passes for not covered by checkpoints, and is.',
        { session, position: covered },
      );
  }

  /** After all events. */
  endOfEvents(): void {
    if (this.#isComplete)
      for (const [session, { length, at }] of this.#sessions)
        if (!this.#heads.has(session))
          this.#breaks.report('The head of this session is missing.', { session, position: length, at });
    for (const [session, leaves] of this.#leaves) {
      const state = this.#sessions.get(session);
      const archived = Math.max(0, ...(this.#starts.get(session) ?? []).map(({ length }) => length));
      const next = leaves.find(({ length }) => length > archived);
      if (!this.#isComplete && !state) continue;
      if (!next || (state?.length ?? archived) >= next.length) continue;
      this.#breaks.report(
        state
          ? `Events ${state.length} to ${next.length - 1}, which a checkpoint covers, are missing: the session was cut off.`
          : 'All events of this session, which checkpoints cover, are missing.',
        { session, position: state?.length ?? 0, at: state?.at },
      );
    }
  }

  /** A proof that came with the session covers it up to here. */
  proved(session: string, length: number): void {
    this.#uncovered -= Math.min(length, this.#sessions.get(session)?.length ?? 0);
  }

  state(): SessionsState {
    return {
      breaks: this.#breaks.sorted,
      isCut: this.#breaks.isCut,
      sessions: this.#sessions.size,
      events: this.#events,
      uncovered: this.#uncovered,
      writers: [...this.writers],
      sums: this.#rows.state(),
      openings: [...this.openings],
    };
  }

  merge(other: SessionsState): void {
    this.#breaks.add(other.breaks, other.isCut);
    this.#sessionsElsewhere += other.sessions;
    this.#events += other.events;
    this.#uncovered += other.uncovered;
    for (const [writer, { covered, tail }] of other.writers) {
      const known = this.writers.get(writer) ?? { covered: -1, tail: [] };
      known.covered = Math.max(known.covered, covered);
      known.tail.push(...tail);
      this.writers.set(writer, known);
    }
    this.#rows.merge(other.sums);
    for (const [session, opening] of other.openings) this.openings.set(session, opening);
  }
}
