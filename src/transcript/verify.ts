/**
 * Proves that a transcript is whole. Everything is computed anew: each chain from its first event, the tree from its leaves, its roots
 * against the signed checkpoints, those kept elsewhere included, signatures of what no checkpoint covers yet, and the rows that search
 * goes by. Nothing that the store says of itself is believed.
 *
 * What a thief of the database's password can do within the time since the last checkpoint, and only in it, is cut off the end of what
 * a gateway wrote last; a gateway that still runs finds that at its next checkpoint.
 */
import { hash, randomBytes, verify as verifySignature } from 'node:crypto';
import { batchMessage, contentOf, firstHash, nextHash } from './chain.js';
import { type Leaf, leafText } from './checkpoints.js';
import { publicPart, type VerifierKey } from './keys.js';
import { openCheckpoint } from './note.js';
import { outcomeRow, statementRow, termsOfSession } from './projection.js';
import type { RawEvent } from './reader.js';
import { sessionKey } from './sessions.js';
import { Frontier, leafHash } from './tree.js';

/** A place where the transcript is not what was written. */
export interface Break {
  readonly session: string | undefined;
  readonly position: number | undefined;
  readonly at: string | undefined;
  /** In a sentence. */
  readonly what: string;
}

export interface VerifyReport {
  readonly isWhole: boolean;
  /** The first is where to look first: in the order of the sessions, then of their events. */
  readonly breaks: readonly Break[];
  /** There were more than are listed. */
  readonly isCut: boolean;
  readonly sessions: number;
  readonly events: number;
  readonly checkpoints: number;
  /** Checkpoints that were kept outside the database: without one a roll-back of the whole of it would not show. */
  readonly kept: number;
  /** Of the newest checkpoint. */
  readonly size: number;
  /** Events that came after it: their signatures were checked instead, unless `isSigned` is false. */
  readonly uncovered: number;
  readonly isTailSigned: boolean;
  /** Sessions that a proof of their own covers. */
  readonly proved: number;
}

export interface KeptCheckpoint {
  readonly note: string;
  /** Where it was kept, in words. */
  readonly where: string;
}

const MAX_BREAKS = 100;

interface SessionState {
  length: number;
  hash: string;
  sequence: bigint;
  at: string;
  isOpen: boolean;
}

/** Where a session goes on whose beginning was archived. */
export interface Start {
  readonly length: number;
  /** Hexadecimal. */
  readonly hash: string;
  /** The event that opened it. */
  readonly opening: { readonly at: string; readonly body: Readonly<Record<string, unknown>> } | undefined;
}

/** What the store keeps of a chain's end besides its length and hash. */
export interface HeadState {
  readonly lastAt: string;
  readonly isOpen: boolean;
  readonly isCovered: boolean;
}

interface TailEvent {
  readonly n: number;
  readonly content: string;
  readonly signature: string | null;
  readonly session: string;
  readonly position: number;
  readonly at: string;
}

interface WriterState {
  /** The highest number of what checkpoints cover; -1 before any. */
  covered: number;
  readonly tail: TailEvent[];
}

/** Rows as numbers that can be added up: equal sums, equal sets. With a key of the moment nobody can prepare rows that cancel out. */
class RowSum {
  readonly #key: string;
  readonly #sum = new Uint32Array(8);
  #count = 0;

  constructor(key = randomBytes(32).toString('base64')) {
    this.#key = key;
  }

  add(row: string): void {
    const digest = hash('sha256', this.#key + row, 'buffer');
    for (let index = 0; index < 8; index++) this.#sum[index] = (this.#sum[index] ?? 0) ^ digest.readUInt32LE(index * 4);
    this.#count++;
  }

  /** With the same key: for what is to be compared. */
  twin(): RowSum {
    return new RowSum(this.#key);
  }

  equals(other: RowSum): boolean {
    return this.#count === other.#count && this.#sum.every((part, index) => part === other.#sum[index]);
  }
}

/** A row as one text: each part with its length in bytes before it, so that none can pass for another. */
const joinedRow = (parts: readonly (string | number | null)[]): string =>
  parts.map((part) => (part === null ? '-' : `${Buffer.byteLength(String(part))}:${part}`)).join('');

export interface Projections {
  readonly sessions: RowSum;
  readonly statements: RowSum;
  readonly outcomes: RowSum;
}

/** Takes what there is, piece by piece, and tells at the end. Leaves and checkpoints come first, then events, each session's in order. */
export class Verifier {
  readonly #keys: readonly VerifierKey[];
  readonly #frontier = Frontier.empty();
  readonly #checkpoints = new Map<
    number,
    { readonly root: Buffer; readonly where: string; readonly frontier: Buffer | undefined }[]
  >();
  readonly #leaves = new Map<string, { readonly length: number; readonly hash: string; readonly leaf: number }[]>();
  readonly #sessions = new Map<string, SessionState>();
  readonly #starts = new Map<string, Start[]>();
  readonly #writers = new Map<string, WriterState>();
  readonly #leafLengths = new Map<string, number>();
  /** Up to which length checkpoints cover a session. */
  readonly #covered = new Map<string, number>();
  /** Everything there is, not some sessions of it: what is missing is missed. */
  readonly #isComplete: boolean;
  readonly #breaks: Break[] = [];
  /** Of the session that is being read. */
  #statements = new Set<string>();
  #outcomes = new Set<string>();
  #session = '';
  #terms: readonly string[] = [];
  readonly projections: Projections;
  /** Of sessions whose beginning is archived. */
  readonly openings = new Map<string, NonNullable<Start['opening']>>();
  /** Sessions whose keys were erased, as the record says. */
  readonly erased = new Set<string>();
  #isCut = false;
  #isTailSigned = true;
  #events = 0;
  #count = 0;
  #kept = 0;
  /** Of the checkpoints in the store, the largest; and all. */
  #stored = 0;
  readonly #sizes = new Set<number>();
  readonly #keptSizes = new Map<number, string>();
  readonly #heads = new Set<string>();
  #largest = 0;
  #uncovered = 0;
  #proved = 0;

  constructor(keys: readonly VerifierKey[], isComplete: boolean) {
    this.#keys = keys;
    this.#isComplete = isComplete;
    this.projections = { sessions: new RowSum(), statements: new RowSum(), outcomes: new RowSum() };
  }

  report(what: string, place: Partial<Pick<Break, 'session' | 'position' | 'at'>> = {}): void {
    if (this.#breaks.length >= MAX_BREAKS) {
      this.#isCut = true;
      return;
    }
    this.#breaks.push({ session: place.session, position: place.position, at: place.at, what });
  }

  // --- the tree

  /** `where`: whence it comes, in words; `isKept`: not from the store itself; `frontier`: what the store would go on from. */
  checkpoint(note: string, where: string, isKept: boolean, frontier?: Buffer): void {
    if (isKept) this.#kept++;
    try {
      const { size, root } = openCheckpoint(note, this.#keys);
      if (isKept) this.#keptSizes.set(size, where);
      else {
        this.#sizes.add(size);
        this.#stored = Math.max(this.#stored, size);
      }
      const known = this.#checkpoints.get(size) ?? [];
      known.push({ root, where, frontier });
      this.#checkpoints.set(size, known);
      this.#count++;
      this.#largest = Math.max(this.#largest, size);
    } catch (error) {
      this.report(`A checkpoint of ${where} is not valid: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }

  leaf(position: number, leaf: Leaf): void {
    const expected = this.#frontier.size;
    if (position !== expected) {
      this.report(`Leaf ${expected} of the tree is missing.`, { session: leaf.session });
      return;
    }
    this.#frontier.push(leafHash(leafText(leaf)));
    const known = this.#leaves.get(leaf.session) ?? [];
    const before = known.at(-1);
    if (before && leaf.length <= before.length)
      this.report(`Leaf ${position} of the tree goes back behind an earlier one.`, {
        session: leaf.session,
        position: leaf.length,
      });
    known.push({ length: leaf.length, hash: leaf.hash, leaf: position });
    this.#leafLengths.set(leaf.session, leaf.length);
    this.#leaves.set(leaf.session, known);
    this.#checkRoot(this.#frontier.size);
  }

  #checkRoot(size: number): void {
    for (const { root, where, frontier } of this.#checkpoints.get(size) ?? [])
      if (!this.#frontier.root().equals(root) || (frontier && !frontier.equals(this.#frontier.encode())))
        this.report(
          `The first ${size} leaves of the tree are not those that the checkpoint of ${where} was signed over.`,
        );
    this.#checkpoints.delete(size);
  }

  /** After all leaves, before the first event. */
  endOfTree(): void {
    for (const [size, entries] of [...this.#checkpoints].sort(([left], [right]) => left - right))
      for (const { where } of entries)
        if (size > 0)
          this.report(
            `The checkpoint of ${where} covers ${size} leaves, and there are only ${this.#frontier.size}: the transcript was cut off or rolled back.`,
          );
    for (const [session, leaves] of this.#leaves) {
      const last = leaves.findLast(({ leaf }) => leaf < this.#largest);
      if (last) this.#covered.set(session, last.length);
    }
    // They come together; where not, the checkpoint was taken away.
    if (this.#frontier.size > this.#stored)
      this.report(
        `The checkpoint over all ${this.#frontier.size} leaves is gone from the store: its newest covers ${this.#stored}.`,
      );
    if (this.#isComplete)
      for (const [size, where] of this.#keptSizes)
        if (!this.#sizes.has(size)) this.report(`The checkpoint of ${where} is gone from the store.`);
  }

  // --- chains

  /** A session whose beginning was archived, as the signed record of that says. */
  startsAt(session: string, start: Start): void {
    this.#starts.set(session, [...(this.#starts.get(session) ?? []), start]);
  }

  event(event: RawEvent): void {
    const { session, position } = event;
    this.#events++;
    if (session !== this.#session) {
      this.#session = session;
      this.#statements = new Set();
      this.#outcomes = new Set();
      this.#terms = [];
    }
    let state = this.#sessions.get(session);
    if (!state) {
      const start = this.#starts.get(session)?.find(({ length }) => length === position);
      if (position > 0 && start?.opening) {
        this.openings.set(session, start.opening);
        this.#terms = termsOfSession(start.opening.body);
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
      this.report(what, { session, position: Math.min(position, state.length), at: event.at });
      state.length = position;
    } else {
      const expected = nextHash(state.hash, content, BigInt(event.sequence), event.signature);
      if (expected !== event.hash)
        this.report(
          `Event ${position} is not what was written, or not where it was written: its hash does not follow.`,
          {
            session,
            position,
            at: event.at,
          },
        );
    }
    if (BigInt(event.sequence) <= state.sequence)
      this.report(`Event ${position} stands before an earlier one in the order of writing.`, {
        session,
        position,
        at: event.at,
      });
    state.sequence = BigInt(event.sequence);
    state.hash = event.hash;
    state.length = position + 1;
    state.at = event.at;
    if (event.kind === 'session_closed') state.isOpen = false;
    this.#compareLeaf(event);
    this.#noteWriter(event, content, position < (this.#covered.get(session) ?? 0));
    this.#project(event);
  }

  /** Compares with the leaf of this length, if there is one. */
  #compareLeaf({ session, position, hash, at }: RawEvent): void {
    const leaves = this.#leaves.get(session);
    // Leaves within what was archived, or skipped over, are met no more.
    while (leaves?.[0] && leaves[0].length <= position) leaves.shift();
    const next = leaves?.[0];
    if (next?.length !== position + 1) return;
    if (next.hash !== hash)
      this.report(`Event ${position} is not the one that checkpoints cover: the chain was computed anew.`, {
        session,
        position,
        at,
      });
    leaves?.shift();
  }

  #noteWriter(event: RawEvent, content: string, isCovered: boolean): void {
    const { writer, n, signature, session, position, at } = event;
    let state = this.#writers.get(writer);
    if (!state) {
      state = { covered: -1, tail: [] };
      this.#writers.set(writer, state);
    }
    if (isCovered) state.covered = Math.max(state.covered, n);
    else {
      this.#uncovered++;
      state.tail.push({ n, content, signature, session, position, at });
    }
  }

  #project(event: RawEvent): void {
    const { kind } = event;
    if (!PROJECTED.has(kind)) return;
    const parsed = { ...event, body: JSON.parse(event.body) as Record<string, unknown> };
    if (kind === 'session_opened') {
      this.#terms = termsOfSession(parsed.body);
      this.projections.sessions.add(sessionText(event.session, event.at, parsed.body));
      return;
    }
    if (kind === 'keys_erased') {
      const { sessions } = parsed.body;
      for (const session of Array.isArray(sessions) ? sessions : []) this.erased.add(String(session));
      return;
    }
    const row = statementRow(parsed);
    if (row && !this.#statements.has(row.id)) {
      this.#statements.add(row.id);
      this.projections.statements.add(statementText({ ...row, terms: [...this.#terms, ...row.terms] }));
    }
    const outcome = outcomeRow(parsed);
    if (outcome && !this.#outcomes.has(outcome.id)) {
      this.#outcomes.add(outcome.id);
      this.projections.outcomes.add(outcomeText(outcome));
    } else if (outcome && outcome.state !== 'denied')
      this.report(`Statement ${outcome.id} has two outcomes.`, {
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
      this.report('All events of this session are missing.', { session, position: 0 });
      this.#leaves.delete(session);
    } else if (state.length !== length || state.hash !== hash)
      this.report(
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
      this.report('What the store says of the end of this session is not what its events say.', {
        session,
        position: state.length,
      });
    if (isCovered && (this.#leafLengths.get(session) ?? 0) < length)
      this.report('This session passes for covered by checkpoints, and is not.', {
        session,
        position: this.#leafLengths.get(session) ?? 0,
      });
  }

  /** After all events. */
  endOfEvents(): void {
    if (this.#isComplete)
      for (const [session, { length, at }] of this.#sessions)
        if (!this.#heads.has(session))
          this.report('The head of this session is missing.', { session, position: length, at });
    for (const [session, leaves] of this.#leaves) {
      const state = this.#sessions.get(session);
      const archived = Math.max(0, ...(this.#starts.get(session) ?? []).map(({ length }) => length));
      const next = leaves.find(({ length }) => length > archived);
      if (!this.#isComplete && !state) continue;
      if (!next || (state?.length ?? archived) >= next.length) continue;
      this.report(
        state
          ? `Events ${state.length} to ${next.length - 1}, which a checkpoint covers, are missing: the session was cut off.`
          : 'All events of this session, which checkpoints cover, are missing.',
        { session, position: state?.length ?? 0, at: state?.at },
      );
    }
    this.#isTailSigned = this.#checkTails();
  }

  /** What no checkpoint covers has been signed by the process that wrote it, without a gap. False where that can't be told. */
  #checkTails(): boolean {
    let isSigned = true;
    for (const [writer, { covered, tail }] of this.#writers) {
      const events = tail.sort((left, right) => left.n - right.n);
      const [first] = events;
      if (!first) continue;
      if (!this.#isComplete) {
        isSigned = false;
        continue;
      }
      // What checkpoints cover of this writer may have been archived.
      const expected = covered === -1 && this.#starts.size > 0 ? first.n : covered + 1;
      this.#checkTail(writer, expected, events);
    }
    return isSigned;
  }

  #checkTail(writer: string, from: number, events: readonly TailEvent[]): void {
    let expected = from;
    let batch: TailEvent[] = [];
    for (const event of events) {
      if (event.n !== expected) {
        this.report(
          `What its writer wrote before this event is missing, or was written twice: number ${expected}.`,
          event,
        );
        return;
      }
      expected++;
      batch.push(event);
      if (event.signature === null) continue;
      this.#checkBatch(writer, batch, event.signature);
      batch = [];
    }
    const [loose] = batch;
    if (loose)
      this.report(
        'This event is not signed: what was written together with it is missing, or no gateway of ours wrote it.',
        loose,
      );
  }

  #checkBatch(writer: string, batch: readonly TailEvent[], encoded: string): void {
    const [first] = batch;
    if (!first) return;
    const message = batchMessage(
      writer,
      first.n,
      batch.map(({ content }) => content),
    );
    const signature = Buffer.from(encoded, 'base64');
    if (!this.#keys.some(({ key }) => verifySignature(null, message, publicPart(key), signature)))
      this.report(
        'This event was not written by a gateway of ours: the signature over it and what came with it does not fit.',
        first,
      );
  }

  /** A proof that came with the session covers it up to here. */
  proved(session: string, length: number): void {
    this.#count++;
    this.#uncovered -= Math.min(length, this.#sessions.get(session)?.length ?? 0);
    this.#proved++;
  }

  result(): VerifyReport {
    const order = (entry: Break): string => entry.session ?? '';
    const breaks = [...this.#breaks].sort((left, right) =>
      order(left) === order(right) ? (left.position ?? 0) - (right.position ?? 0) : order(left) < order(right) ? -1 : 1,
    );
    return {
      isWhole: breaks.length === 0,
      breaks,
      isCut: this.#isCut,
      sessions: this.#sessions.size,
      events: this.#events,
      checkpoints: this.#count,
      kept: this.#kept,
      size: this.#largest,
      uncovered: this.#uncovered,
      isTailSigned: this.#isTailSigned,
      proved: this.#proved,
    };
  }
}

const PROJECTED: ReadonlySet<string> = new Set([
  'session_opened',
  'keys_erased',
  'statement_submitted',
  'statement_refused',
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
  'approval_decided',
  'approval_expired',
]);

const list = (items: readonly string[]): string => items.join('\u001e');

/** What an agent's session is found by: see sessions.ts. */
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
    text(body['address']),
    sessionKeyOf(body),
    list(termsOfSession(body)),
  ]);
}

export const statementText = (row: NonNullable<ReturnType<typeof statementRow>>): string =>
  joinedRow([
    row.id,
    row.at,
    row.session_id,
    row.kind,
    row.verdict,
    row.fingerprint,
    row.text,
    row.purpose,
    list(row.terms),
  ]);

export const outcomeText = (row: NonNullable<ReturnType<typeof outcomeRow>>): string =>
  joinedRow([row.id, row.at, row.state, row.rows, row.bytes, row.duration_ms, row.query_id]);
