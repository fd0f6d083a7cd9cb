/**
 * The chains of sessions, each from its first event, held against the leaves that cover them and against what the store says of their
 * ends; and the rows of search, summed up as they follow from the events.
 */
import { hash } from 'node:crypto';
import { misplaced, principalOf, strangerIn } from '../form/belonging.js';
import { contentOf, firstHash, nextHash } from '../form/chain.js';
import type { RawEvent } from '../form/event.js';
import {
  OPENING_KINDS,
  OUTCOME_KINDS,
  outcomeRow,
  sessionKey,
  statementRow,
  termsOfSession,
} from '../form/projection.js';
import type { Break, Breaks } from './breaks.js';

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

/** Rows as numbers that can be added up: equal sums, equal sets. With a key of the moment nobody can prepare rows that cancel out. */
interface RowSumState {
  readonly sum: readonly number[];
  readonly count: number;
}

class RowSum {
  readonly #key: string;
  readonly #sum = new Uint8Array(32);
  #count = 0;

  constructor(key: string) {
    this.#key = key;
  }

  add(row: string): void {
    // A text rather than a buffer: this is done for millions of rows, and a buffer is memory of its own each time.
    const digest = hash('sha256', this.#key + row, 'binary');
    for (let index = 0; index < 32; index++) this.#sum[index] = (this.#sum[index] ?? 0) ^ digest.charCodeAt(index);
    this.#count++;
  }

  /** With the same key: for what is to be compared. */
  twin(): RowSum {
    return new RowSum(this.#key);
  }

  /** For another thread, which has the same key. */
  get state(): RowSumState {
    return { sum: [...this.#sum], count: this.#count };
  }

  merge({ sum, count }: RowSumState): void {
    for (const [index, part] of sum.entries()) this.#sum[index] = (this.#sum[index] ?? 0) ^ part;
    this.#count += count;
  }

  equals(other: RowSum): boolean {
    return this.#count === other.#count && this.#sum.every((part, index) => part === other.#sum[index]);
  }
}

/** A row as one text: each part with its length before it, so that none can pass for another. */
export function joinedRow(parts: readonly (string | number | null)[]): string {
  let text = '';
  for (const part of parts) text += part === null ? '-' : `${String(part).length}:${part}`;
  return text;
}

export interface Projections {
  readonly sessions: RowSum;
  readonly statements: RowSum;
  readonly outcomes: RowSum;
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
  readonly sums: Readonly<Record<keyof Projections, RowSumState>>;
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
  readonly projections: Projections;
  /** Of sessions whose beginning is archived. */
  readonly openings = new Map<string, NonNullable<Start['opening']>>();
  /** Of the session that is being read. */
  #statements = new Set<string>();
  #outcomes = new Set<string>();
  /** The last number of each writer in it. */
  #numbers = new Map<string, number>();
  #session = '';
  #agent: string | null = null;
  #terms: readonly string[] = [];
  /** Whose the session is, if an agent's: canonical JSON. */
  #principal: string | undefined;
  #events = 0;
  #uncovered = 0;
  /** Of other threads. */
  #sessionsElsewhere = 0;

  constructor(breaks: Breaks, options: SessionsOptions) {
    this.#breaks = breaks;
    this.#options = options;
    const sum = (): RowSum => new RowSum(options.sumKey);
    this.projections = { sessions: sum(), statements: sum(), outcomes: sum() };
  }

  get #isComplete(): boolean {
    return this.#options.isComplete;
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
      this.#statements = new Set();
      this.#outcomes = new Set();
      this.#numbers = new Map();
      this.#opens({});
    }
    let state = this.#sessions.get(session);
    if (!state) {
      const start = this.#starts.get(session)?.find(({ length }) => length === position);
      if (position > 0 && start?.opening) {
        this.openings.set(session, start.opening);
        this.#opens(start.opening.body);
        this.projections.sessions.add(sessionText(session, start.opening.at, start.opening.body));
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
    this.#project(event);
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

  /** What every statement of the session that is being read has of it. */
  #opens(body: Readonly<Record<string, unknown>>): void {
    this.#agent = agentOf(body);
    this.#principal = principalOf(body);
    this.#terms = termsOfSession(body);
  }

  #project(event: RawEvent): void {
    const { kind } = event;
    if (!PROJECTED.has(kind)) return;
    const { at, session, statement } = event;
    const parsed = { at, session, statement, kind, body: JSON.parse(event.body) as Record<string, unknown> };
    if (kind === 'session_opened') {
      this.#opens(parsed.body);
      this.projections.sessions.add(sessionText(event.session, event.at, parsed.body));
      return;
    }
    const row = statementRow(parsed);
    if (row && !this.#statements.has(row.id)) {
      this.#statements.add(row.id);
      this.projections.statements.add(statementText(row, this.#agent, this.#terms));
    }
    const outcome = outcomeRow(parsed);
    if (outcome && !this.#statements.has(outcome.id))
      this.#breaks.report(
        `This event tells of the end of statement ${outcome.id}, which was not asked in this session.`,
        {
          session: event.session,
          position: event.position,
          at: event.at,
        },
      );
    if (outcome && !this.#outcomes.has(outcome.id)) {
      this.#outcomes.add(outcome.id);
      this.projections.outcomes.add(outcomeText(outcome));
    } else if (outcome && outcome.state !== 'denied')
      this.#breaks.report(`Statement ${outcome.id} has two outcomes.`, {
        session: event.session,
        position: event.position,
        at: event.at,
      });
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
        this.projections.sessions.add(sessionText(session, start.opening.at, start.opening.body));
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
    const { sessions, statements, outcomes } = this.projections;
    return {
      breaks: this.#breaks.sorted,
      isCut: this.#breaks.isCut,
      sessions: this.#sessions.size,
      events: this.#events,
      uncovered: this.#uncovered,
      writers: [...this.writers],
      sums: { sessions: sessions.state, statements: statements.state, outcomes: outcomes.state },
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
    for (const name of ['sessions', 'statements', 'outcomes'] as const) this.projections[name].merge(other.sums[name]);
    for (const [session, opening] of other.openings) this.openings.set(session, opening);
  }
}

const PROJECTED: ReadonlySet<string> = new Set(['session_opened', ...OPENING_KINDS, ...OUTCOME_KINDS]);

const list = (items: readonly string[]): string => items.join('\u001e');

/** What an agent's session is found by: see write/sessions.ts. */
function sessionKeyOf(body: Readonly<Record<string, unknown>>): string {
  if (body['actor'] !== 'agent') return '';
  const client = (body['client'] ?? {}) as Readonly<Record<string, unknown>>;
  const { issuer, subject, client_id: clientId, token_id: tokenId } = body;
  return sessionKey(String(issuer), String(subject), String(clientId), String(tokenId ?? client['name'] ?? ''));
}

/** The row of a session, from the event that opened it. */
export function sessionText(session: string, at: string, body: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const client = (body['client'] ?? {}) as Readonly<Record<string, unknown>>;
  const groups = Array.isArray(body['groups']) ? body['groups'].map(String) : [];
  return joinedRow([
    session,
    at,
    text(body['actor']),
    text(body['issuer']),
    text(body['subject']),
    text(body['client_id']),
    list(groups),
    text(body['token_id']),
    text(body['transport']),
    text(client['name']),
    text(client['version']),
    Object.keys(client).length,
    text(body['address']),
    sessionKeyOf(body),
    list(termsOfSession(body)),
  ]);
}

/** The name that a session's statements are listed under. */
export const agentOf = (opening: Readonly<Record<string, unknown>>): string | null =>
  typeof opening['subject'] === 'string' ? opening['subject'] : null;

/** The row of a statement; agent and the first terms are its session's. */
export const statementText = (
  row: NonNullable<ReturnType<typeof statementRow>>,
  agent: string | null,
  terms: readonly string[],
): string =>
  joinedRow([
    row.id,
    row.at,
    row.session_id,
    agent,
    row.kind,
    row.verdict,
    row.fingerprint,
    row.text,
    row.purpose,
    list([...terms, ...row.terms]),
  ]);

export const outcomeText = (row: NonNullable<ReturnType<typeof outcomeRow>>): string =>
  joinedRow([row.id, row.at, row.state, row.rows, row.bytes, row.duration_ms, row.query_id]);
