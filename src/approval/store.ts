/**
 * Statements that wait for a person. States change in PostgreSQL alone, by compare-and-set under the row's lock, so that any replica can
 * decide and any can resume, and none runs a statement twice:
 *
 *     pending → approved | denied | expired | withdrawn        approved → used | expired        used → approved
 *
 * The last only where whoever used it died before the statement left. Each change is in the transcript before it holds: the event is
 * written while the row is locked. Dying in between leaves an event too many, never a change without one.
 */
import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import {
  APPROVAL_BYTES,
  asBytes,
  type Event,
  type JsonRow,
  OwnApprovals,
  ownRows,
  RecorderUnavailable,
  Strangers,
  type TranscriptStore,
  withClient,
} from '../transcript/index.js';
import { FairGate } from '../turns/index.js';
import { bindingsOf, isAmong, standingBindingsOf, type Terms } from './form/binding.js';
import { isAsked, type Requirement } from './form/enough.js';
import { missingOf, personsOf, reviewerNames } from './form/persons.js';
import {
  type Approval,
  type ApprovalState,
  approvalRow,
  type Decision,
  DecisionRefused,
  decisionRow,
  ERASED,
  type Request,
  type Reviewer,
  TooManyApprovals,
  textOfApproval,
} from './form/state.js';
import { type Found, isGranted, isOvertaken, saidOf, signed, standingOf, type Word } from './form/words.js';
import { endRevoked, rowsBehind } from './rows/mending.js';
import { type Recorded, recordedOf } from './rows/recorded.js';
import {
  listStanding,
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  nowOf,
  recordedUses,
  revoke,
  STANDING_USES,
  type Standing,
  type StandingQuestion,
  standingFor,
  standingRowOf,
} from './rows/standing.js';
import type { Wakeups } from './wakeups.js';

const DUE = `t.state IN ('pending', 'approved') AND t.expires_at <= now()`;
/** One that is past its time is over, whether or not anybody has written that down yet. Each by an index, however many there ever were. */
const IN_STATE: Readonly<Record<ApprovalState | 'all', string>> = {
  pending: `t.state = 'pending' AND t.expires_at > now()`,
  approved: `t.state = 'approved' AND t.expires_at > now()`,
  denied: `t.state = 'denied'`,
  expired: `(t.state = 'expired' OR (${DUE}))`,
  withdrawn: `t.state = 'withdrawn'`,
  used: `t.state = 'used'`,
  all: 'true',
};

const OPEN = `WHERE t.state IN ('pending', 'approved') AND t.issuer = $1 AND t.subject = $2 AND t.client_id = $3 AND t.digest = $4`;

/** The place of a page is a row of ours, not a time: times are shared, and lose their last digits on the way. */
const pageOf = (state: ApprovalState | undefined): string => `
  SELECT t.id, ${APPROVAL_BYTES} AS bytes FROM approval t
  WHERE ${IN_STATE[state ?? 'all']} AND ($1::text IS NULL OR (t.issuer = $1 AND t.subject = $2))
    AND ($3::uuid IS NULL OR (t.asked_at, t.id) < (SELECT p.asked_at, p.id FROM approval p WHERE p.id = $3))
  ORDER BY t.asked_at DESC, t.id DESC LIMIT $4`;
const BY_IDS = 'WHERE t.id = ANY($1) ORDER BY t.asked_at DESC, t.id DESC';
/** On a page: longer ones make shorter pages, and none keeps the others from being seen. */
const MAX_PAGE_BYTES = 4_000_000;

/** Whose last state this process remembers. */
const LEFT_KEPT = 10_000;
/** A transaction has ended after so long: from then on a row says what the event before it says, unless its gateway died. */
const UNDER_WAY_MS = 60_000;
/** Each is read whole while others wait for the connection. */
const READ_AT_ONCE = 10;
/** People's words that are shown on one page. */
const MAX_DECISIONS = 10_000;
/** What is said of more is that there are so many. */
const MAX_COUNTED = 1000;

/** What an event is about. */
interface Place {
  readonly id: string;
  readonly session_id: string;
  readonly statement_id: string;
}

/** An approval under its lock, with the row that it was read from. */
interface Locked {
  readonly approval: Approval;
  readonly row: JsonRow;
}

/** One that was read, and what the record has of it. */
interface Opened extends Locked {
  readonly recorded: Recorded;
}

/**
 * One at a time of each principal, over all replicas, so that no two are let through as the last one. By a row, which many principals share,
 * that the gateway's role alone may lock: an advisory lock may be taken by whoever connects.
 */
const ALONE = `SELECT FROM approval_turn t WHERE t.n = hashtextextended($1 || ' ' || $2, 0) & 255 FOR UPDATE`;

const COUNTED = `issuer = $1 AND subject = $2 AND (state IN ('pending', 'approved') OR asked_at > now() - interval '1 hour')`;

/** What a principal has open and has asked for, by rows of anybody's. */
const ASKED = `
  SELECT count(*) FILTER (WHERE state IN ('pending', 'approved') AND expires_at > now())::int AS open,
         count(*) FILTER (WHERE asked_at > now() - interval '1 hour')::int AS asked
  FROM approval WHERE ${COUNTED}`;

const askedRow = approvalRow.pick({ asked_at: true, expires_at: true, state: true });
const countedRow = approvalRow.pick({
  id: true,
  session_id: true,
  statement_id: true,
  state: true,
  requirements: true,
  binding: true,
  expires_at: true,
});
const HOUR_MS = 3_600_000;

const POLL_MS = 1000;

/**
 * Each holds a connection while the record is written over another: more at once could leave none for the record. Of one principal one at
 * a time, whatever it is about. Reviewers have places of their own: nobody's asking is before their word.
 */
const LOCKED_AT_ONCE = 2;
const DECIDED_AT_ONCE = 2;

/** What a statement waits for. */
export interface Asked {
  readonly approval: Approval;
  readonly isNew: boolean;
}
const noted = (): Promise<void> => Promise.resolve();

/** A use of an approval that came to nothing. */
export interface Lost {
  /** The place of its event in the session, as it was when the warehouse's history was asked. */
  readonly use: string;
  /** The history shows that the statement was sent and taken back; else it shows nothing of it. */
  readonly isTakenBack: boolean;
  /** And that it can't be committed any more. */
  readonly isSure?: boolean;
}

const foundOf = ({ isTakenBack, isSure = false }: Lost): Found => {
  if (!isTakenBack) return 'never left';
  return isSure ? 'rolled back' : 'taken back';
};

export type ShownStanding = Omit<Standing, 'row' | 'binding'> & { readonly shape: string };

export interface StandingPage {
  readonly standing: readonly ShownStanding[];
  /** Asked with it, the next page; undefined at the end. */
  readonly next: string | undefined;
}

export interface ListOptions {
  readonly state?: ApprovalState | undefined;
  /** Only of this agent. */
  readonly agent?: { readonly issuer: string; readonly subject: string } | undefined;
  /** At most 200. */
  readonly limit?: number;
  /** The last one of the page before. */
  readonly after?: string | undefined;
}

export interface Counted {
  readonly count: number;
  /** There may be more. */
  readonly isMore: boolean;
}

export interface ApprovalPage {
  readonly approvals: readonly Approval[];
  /** Asked with `after`, the next page; undefined at the end. */
  readonly next: string | undefined;
}

export class Approvals {
  readonly #store: TranscriptStore;
  readonly #locked = new FairGate(LOCKED_AT_ONCE, 1);
  readonly #decided = new FairGate(DECIDED_AT_ONCE, 1);
  readonly #wakeups: Wakeups | undefined;
  readonly #own: OwnApprovals;
  /** In which state this process has left them, the last ones: a row that says what was before was put back. */
  readonly #left = new Map<string, ApprovalState>();
  /** Whether rows that gateways which died left behind were mended since this process is there. */
  #isMended = false;

  /** Without `wakeups` whoever waits looks again every second. */
  constructor(store: TranscriptStore, wakeups?: Wakeups) {
    this.#store = store;
    this.#wakeups = wakeups;
    this.#own = new OwnApprovals(store.rows);
  }

  /** Resolves when this approval may have changed, after so many milliseconds at the latest, or once the signal aborts. */
  changed(id: string, mostMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#wakeups) return this.#wakeups.next(id, mostMs, signal);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(mostMs, POLL_MS)));
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  get #pool(): Pool {
    return this.#store.pool;
  }

  /**
   * A transaction that writes to the record as well. Those that wait for one go by turns, so that nobody who asks without end keeps the
   * others waiting. Throws what the work throws; RecorderUnavailable where the store fails.
   */
  async #locking<T>(whose: string, work: (client: PoolClient) => Promise<T>, gate = this.#locked): Promise<T> {
    const place = await gate.enter(whose);
    try {
      return await withClient(this.#pool, async (client) => {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      });
    } catch (error) {
      if (error instanceof DecisionRefused || error instanceof RecorderUnavailable) throw error;
      throw new RecorderUnavailable(error);
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** The same for the principal of an approval, as far as its row tells before it is read. */
  async #lockingOf<T>(id: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const whose = await this.#reading(async () => {
      if (!z.uuid().safeParse(id).success) return '';
      const { rows } = await this.#pool.query<{ whose: string }>(
        `SELECT t.issuer || ' ' || t.subject AS whose FROM approval t WHERE t.id = $1`,
        [id],
      );
      return rows[0]?.whose ?? '';
    });
    return this.#locking(whose, work);
  }

  /** The same for a reviewer. */
  #deciding<T>({ issuer, subject }: Reviewer, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#locking(`${issuer} ${subject}`, work, this.#decided);
  }

  /** Throws RecorderUnavailable. */
  async #record(
    kind: Event['kind'],
    about: Omit<Place, 'id'>,
    body: Event['body'],
    runs?: Event['runs'],
  ): Promise<void> {
    await this.#store.sessions.learnKey(about.session_id);
    await this.#store.recorder.append({
      kind,
      sessionId: about.session_id,
      statementId: about.statement_id,
      body,
      ...(runs === undefined ? {} : { runs }),
    });
  }

  async #readAll(queries: Pick<Pool, 'query'>, found: readonly JsonRow[], now: string): Promise<readonly Approval[]> {
    return (await this.#openAll(queries, found, now)).map(({ approval }) => approval);
  }

  /**
   * Their texts opened, their decisions beside them, in the state that the record has; `now`: the store's clock. Rows and events are read
   * one after the other, so what is not under a lock may have gone on in between.
   */
  async #openAll(queries: Pick<Pool, 'query'>, found: readonly JsonRow[], now: string): Promise<readonly Opened[]> {
    const { rows, sessions, vault, keys } = this.#store;
    const parsed = found.map((row) => ({ row, read: approvalRow.parse(row) }));
    const decisions = (
      await ownRows(rows, queries, 'approval_decision', {
        condition: 't.approval_id = ANY($1)',
        values: [parsed.map(({ read }) => read.id)],
        order: 't.decided_at, t.reviewer',
        most: MAX_DECISIONS,
      })
    ).map((row) => decisionRow.parse(row));
    const shown = parsed.map(({ read }) => ({ ...read, binding: read.binding.toString('hex') }));
    const all = await recordedOf(queries, shown, keys);
    const opened: Opened[] = [];
    for (const { row, read } of parsed) {
      const { sealed, fits, binding, standing: _standing, ...approval } = read;
      const { id, session_id: session } = approval;
      const recorded = all.get(id);
      if (!recorded) continue;
      const { state } = recorded;
      await sessions.learnKey(session);
      const text = vault.knows(session)
        ? textOfApproval.parse(JSON.parse(vault.openText(session, `approval ${id}`, sealed)))
        : ERASED;
      const isOver = (state === 'pending' || state === 'approved') && approval.expires_at.getTime() <= Date.parse(now);
      opened.push({
        approval: {
          ...approval,
          ...text,
          state: isOver ? 'expired' : state,
          fits: fits.toString('hex'),
          binding: binding.toString('hex'),
          decisions: decisions.filter(({ approval_id: of }) => of === id),
        },
        row,
        recorded,
      });
    }
    return opened;
  }

  /** One that nobody else changes until the transaction ends; undefined where there is none of ours. */
  async #lock(client: PoolClient, id: string, now: string): Promise<Locked | undefined> {
    if (!z.uuid().safeParse(id).success) return undefined;
    const found = await this.#store.rows.select(client, 'approval', 'WHERE t.id = $1 FOR UPDATE', [id]);
    const [opened] = await this.#openAll(client, found, now);
    return opened && this.#hold(client, opened, now);
  }

  /**
   * A row under its lock, brought to where the record is: who writes an event holds the lock until its row says so. One that is behind was
   * put back, or its gateway died in between, which is never long ago. `isFirst`: nobody may have looked for long.
   */
  async #hold(client: PoolClient, opened: Opened, now: string, isFirst = false): Promise<Locked> {
    const { approval, row, recorded } = opened;
    const { state, at, isUnsaid } = recorded;
    const { rows, onForged } = this.#store;
    if (isUnsaid)
      onForged(
        `The approval ${approval.id} stands there as given, and the record has no signed words for it. It is not used.`,
      );
    // One that was given back is used again from where it stands.
    if (isUnsaid || row['state'] === state || row['state'] === 'used') return { approval, row };
    const isYoung = at !== undefined && Date.now() - at.getTime() < UNDER_WAY_MS;
    const isExplained = this.#left.get(approval.id) !== state && (isYoung || isFirst);
    if (!isExplained) rows.tellOld('approval', row, `the record says ${state}`);
    await this.#move(client, row, state, now);
    return { approval, row: { ...row, state, changed_at: now } };
  }

  /** Once it holds. */
  #leave(id: string, state: ApprovalState): void {
    const [oldest] = this.#left.keys();
    if (this.#left.size >= LEFT_KEPT && oldest !== undefined) this.#left.delete(oldest);
    this.#left.delete(id);
    this.#left.set(id, state);
  }

  async #move(client: PoolClient, row: JsonRow, state: ApprovalState, now: string): Promise<void> {
    await this.#store.rows.update(client, 'approval', row, { state, changed_at: now });
  }

  // --- asking

  /**
   * The approval that this very statement waits for, or that it may run under: a new one, or the one there is already. One that was asked
   * under other rules, or of other objects, is over. TooManyApprovals where another would be one too many of this principal's. `record`
   * writes down that it was asked for, before anybody else can know: where it fails, nothing was. Throws RecorderUnavailable.
   */
  async ask(request: Request, record: (asked: Asked) => Promise<unknown> = noted): Promise<Asked | TooManyApprovals> {
    let asked: Asked | undefined;
    try {
      return await this.#ask(request, (found) => {
        asked = found;
        return record(found);
      });
    } catch (error) {
      if (asked?.isNew) await this.#takeBack(asked.approval);
      throw error;
    }
  }

  /** The record may have it as asked for, and there is no row of it: it says so itself, if it can, and is mended by nobody. */
  async #takeBack(approval: Approval): Promise<void> {
    const body = { approval: approval.id, was: 'pending', reason: 'it could not be kept', unkept: true };
    try {
      await this.#record('approval_expired', approval, body);
    } catch (error) {
      if (!(error instanceof RecorderUnavailable)) throw error;
    }
  }

  async #ask(request: Request, record: (asked: Asked) => Promise<unknown>): Promise<Asked | TooManyApprovals> {
    const { actor, text, policyVersion, fits } = request;
    const told = async (asked: Asked): Promise<Asked> => {
      await record(asked);
      return asked;
    };
    const { sessions, vault, rows } = this.#store;
    await this.#reading(() => sessions.learnKey(request.sessionId));
    const digest = vault.digest(JSON.stringify([text.sent, text.binds, text.door]));
    const whose = [actor.issuer, actor.subject, actor.clientId, digest];
    return this.#locking(`${actor.issuer} ${actor.subject}`, async (client) => {
      const now = await nowOf(client);
      const open = await rows.select(client, 'approval', `${OPEN} FOR UPDATE`, whose);
      for (const opened of await this.#openAll(client, open, now)) {
        const held = await this.#hold(client, opened, now);
        const { approval } = held;
        // By the record it waits no longer, and its row says so from now on.
        if (!isOpen(opened.recorded)) continue;
        const isSame =
          approval.policy_version === policyVersion && approval.fits === fits && approval.state !== 'expired';
        if (isSame) return told({ approval, isNew: false });
        await this.#expire(client, held, 'the rules, what it reads or its time', now);
      }
      const tooMany = await this.#tooMany(client, request);
      if (tooMany) return tooMany;
      const row = this.#newRow(request, digest, now);
      const isIn = await rows.insert(client, 'approval', row, 'ON CONFLICT DO NOTHING');
      if (!isIn) {
        // What keeps its place is none of ours, or another replica's of this moment: the former is out of the way, the latter is found.
        const [other] = await rows.select(client, 'approval', OPEN, whose);
        const [approval] = other ? await this.#readAll(client, [other], now) : [];
        if (approval) return told({ approval, isNew: false });
        await client.query(`UPDATE approval t SET state = 'expired' ${OPEN}`, whose);
        await rows.insert(client, 'approval', row);
      }
      const [approval] = await this.#readAll(client, [row], now);
      if (!approval) throw new Error('An approval that was just asked for is gone.');
      return told({ approval, isNew: true });
    });
  }

  #newRow(request: Request, digest: Buffer, now: string): JsonRow {
    const { actor, text } = request;
    const { rows, vault } = this.#store;
    const id = randomUUID();
    const persons = personsOf(actor);
    const expiresAt = new Date(Date.parse(now) + request.withinMs).toISOString();
    const terms = termsOf(actor, request);
    const place = { id, statement_id: request.statementId, session_id: request.sessionId };
    const [binding] = bindingsOf(rows, { ...terms, ...place, text, persons, expires_at: expiresAt });
    const [standing] = standingBindingsOf(rows, text.shape.key, terms);
    return {
      ...place,
      asked_at: now,
      changed_at: now,
      expires_at: expiresAt,
      state: 'pending',
      issuer: actor.issuer,
      subject: actor.subject,
      client_id: actor.clientId,
      sealed: asBytes(vault.sealText(request.sessionId, `approval ${id}`, JSON.stringify(text))),
      digest: asBytes(digest),
      policy_version: request.policyVersion,
      requirements: request.requirements,
      fits: asBytes(Buffer.from(request.fits, 'hex')),
      fingerprint: request.fingerprint,
      about: request.about,
      persons,
      binding: asBytes(binding),
      standing: asBytes(standing),
    };
  }

  async #tooMany(client: PoolClient, { actor, bounds }: Request): Promise<TooManyApprovals | undefined> {
    const whose = [actor.issuer, actor.subject];
    if ((await client.query(ALONE, whose)).rowCount !== 1) throw new Error('A row of approval_turn is gone.');
    const { rows } = await client.query<{ open: number; asked: number }>(ASKED, whose);
    const { open = 0, asked = 0 } = rows[0] ?? {};
    if (asked < bounds.perHour && open < bounds.open) return undefined;
    return this.#tooManyOfOurs(client, whose, bounds);
  }

  /** Rows of nobody's count for nothing, as soon as they were read: until then they count, and the next look reads on. */
  async #tooManyOfOurs(
    client: PoolClient,
    whose: readonly string[],
    bounds: Request['bounds'],
  ): Promise<TooManyApprovals | undefined> {
    const now = Date.parse(await nowOf(client));
    const { own: found, unread } = await this.#own.first(client, COUNTED, whose, bounds.open + bounds.perHour);
    const own = found.map((row) => askedRow.parse(row));
    const asked = own.map(({ asked_at: at }) => at.getTime()).filter((at) => at > now - HOUR_MS);
    if (asked.length >= bounds.perHour)
      return new TooManyApprovals(Math.max(1, Math.ceil((Math.min(...asked) + HOUR_MS - now) / 1000)));
    const open = own.filter((one) => isOpen(one) && one.expires_at.getTime() > now);
    return open.length + unread >= bounds.open || asked.length + unread >= bounds.perHour
      ? new TooManyApprovals(60)
      : undefined;
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new RecorderUnavailable(error);
    }
  }

  // --- looking

  get(id: string): Promise<Approval | undefined> {
    if (!z.uuid().safeParse(id).success) return Promise.resolve(undefined);
    return this.#reading(async () => {
      const found = await this.#store.rows.select(this.#pool, 'approval', 'WHERE t.id = $1', [id]);
      if (found.length === 0) return undefined;
      const [approval] = await this.#readAll(this.#pool, found, await nowOf(this.#pool));
      return approval;
    });
  }

  /**
   * Something that differs once its row does, or its time is over; undefined where there is none of that id. No more than that: whether
   * the row is ours is told by reading it.
   */
  stamp(id: string): Promise<string | undefined> {
    if (!z.uuid().safeParse(id).success) return Promise.resolve(undefined);
    return this.#reading(async () => {
      const { rows } = await this.#pool.query<{ stamp: string }>(
        `SELECT encode(t.mac, 'hex') || CASE WHEN t.expires_at <= now() THEN ' over' ELSE '' END AS stamp FROM approval t WHERE t.id = $1`,
        [id],
      );
      return rows[0]?.stamp;
    });
  }

  /** Newest first. */
  async list({ state, agent, limit = 200, after }: ListOptions = {}): Promise<ApprovalPage> {
    if (after !== undefined && !z.uuid().safeParse(after).success) return { approvals: [], next: undefined };
    const size = Math.min(limit, 200);
    const whose = [agent?.issuer ?? null, agent?.subject ?? null];
    // One that is none of ours takes no place, nor one of another state by the record: a page is full, or it is the last.
    const found: Approval[] = [];
    const strangers = new Strangers(this.#store.rows, 'approval');
    const now = await nowOf(this.#pool);
    let from = after ?? null;
    let [bytes, isEnd, isFull] = [0, false, false];
    while (found.length <= size && !isEnd && !isFull && !strangers.areTooMany) {
      const { rows: places } = await this.#pool.query<{ id: string; bytes: number }>(pageOf(state), [
        ...whose,
        from,
        size + 1,
      ]);
      const ids: string[] = [];
      let read = bytes;
      for (const place of places) {
        if ((ids.length > 0 || found.length > 0) && read + place.bytes > MAX_PAGE_BYTES) break;
        ids.push(place.id);
        read += place.bytes;
      }
      isFull = ids.length === 0 && places.length > 0;
      isEnd = ids.length === places.length && places.length <= size;
      from = ids.at(-1) ?? from;
      const rows = (await this.#store.rows.found(this.#pool, 'approval', BY_IDS, [ids])).flatMap((one): JsonRow[] => {
        const own = strangers.open(one);
        return own ? [own] : [];
      });
      const opened = await this.#readAll(this.#pool, rows, now);
      const wanted = opened.filter((approval) => state === undefined || approval.state === state);
      const sizes = new Map(places.map((place) => [place.id, place.bytes]));
      bytes += wanted.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
      found.push(...wanted);
    }
    const approvals = found.slice(0, size);
    if (isEnd && found.length <= size) return { approvals, next: undefined };
    return { approvals, next: found.length > size ? approvals.at(-1)?.id : (from ?? undefined) };
  }

  /**
   * Of one state by the record, or all: as many as MAX_COUNTED, and as were read of late. Rows of nobody's count for nothing. Throws
   * RecorderUnavailable.
   */
  count(state: ApprovalState | undefined): Promise<Counted> {
    return this.#reading(async () => {
      const pool = this.#pool;
      const { own, unread } = await this.#own.first(pool, IN_STATE[state ?? 'all'], [], MAX_COUNTED);
      const isMore = unread > 0 || own.length === MAX_COUNTED;
      if (state !== 'pending' && state !== 'approved') return { count: own.length, isMore };
      const shown = own.map((row) => countedRow.parse(row));
      const keyed = shown.map((one) => ({ ...one, binding: one.binding.toString('hex') }));
      const recorded = await recordedOf(pool, keyed, this.#store.keys);
      return { count: shown.filter(({ id }) => recorded.get(id)?.state === state).length, isMore };
    });
  }

  // --- deciding

  /** One reviewer's word. Throws DecisionRefused, RecorderUnavailable. */
  async decide(id: string, reviewer: Reviewer, decision: Decision): Promise<Approval> {
    const { standingMs, standingUses = STANDING_USES } = decision;
    if (
      standingMs !== undefined &&
      !(
        decision.decision === 'approve' &&
        standingMs > 0 &&
        standingMs <= MAX_STANDING_MS &&
        Number.isInteger(standingUses) &&
        standingUses > 0 &&
        standingUses <= MAX_STANDING_USES
      )
    )
      throw new DecisionRefused('not in that form');
    const state = await this.#deciding(reviewer, (client) => this.#decide(client, id, reviewer, decision));
    // Thrown once what was found of its row holds.
    if (state === 'not pending') throw new DecisionRefused(state);
    this.#leave(id, state);
    const after = await this.get(id);
    if (!after) throw new DecisionRefused('not found');
    return after;
  }

  async #decide(
    client: PoolClient,
    id: string,
    reviewer: Reviewer,
    given: Decision,
  ): Promise<ApprovalState | 'not pending'> {
    const now = await nowOf(client);
    // The lock makes two reviewers at once wait for each other, so that N of M counts right.
    const locked = await this.#lock(client, id, now);
    if (!locked) throw new DecisionRefused('not found');
    const { approval, row } = locked;
    const { requirements } = approval;
    if (isOwn(approval.persons, reviewer)) throw new DecisionRefused('own statement');
    if (!mayDecide(requirements, reviewer)) throw new DecisionRefused('not a reviewer');
    if (approval.state !== 'pending') return 'not pending';
    // Who can't be told from others may still say no: that lets nothing run.
    const missing = given.decision === 'approve' ? missingOf(approval, reviewer) : undefined;
    if (missing !== undefined) throw new DecisionRefused(missing);
    const word = this.#wordOf(approval, row, reviewer, given, now);
    const said = await saidOf(client, approval, this.#store.keys);
    if (said.words.some(({ names }) => names.some((name) => word.names.includes(name))))
      throw new DecisionRefused('decided before');
    const { decision, reason, standingMs, standingUses = STANDING_USES, via } = given;
    // Words whose gateway lost the store before their rows held: they count by the record, and are shown from now on.
    for (const earlier of said.words.filter((one) => !isShown(approval, one)))
      await this.#store.rows.insert(client, 'approval_decision', {
        approval_id: id,
        reviewer: `${earlier.issuer} ${earlier.reviewer}`,
        issuer: earlier.issuer,
        persons: reviewerNames({ issuer: earlier.issuer, subject: earlier.reviewer, claims: {} }),
        decided_at: now,
        decision: earlier.decision,
        reason: null,
        groups: earlier.groups,
        standing_ms: null,
        standing_uses: null,
      });
    await this.#store.rows.insert(client, 'approval_decision', {
      approval_id: id,
      reviewer: `${reviewer.issuer} ${reviewer.subject}`,
      issuer: reviewer.issuer,
      persons: reviewerNames(reviewer),
      decided_at: now,
      decision,
      reason: reason ?? null,
      groups: reviewer.groups,
      standing_ms: standingMs ?? null,
      standing_uses: standingMs === undefined ? null : standingUses,
    });
    const words = [...said.words, word];
    const state = decision === 'deny' ? 'denied' : isGranted(words, requirements) ? 'approved' : 'pending';
    if (state !== 'pending') await this.#move(client, row, state, now);
    const standing = state === 'approved' ? standingOf(words, requirements) : null;
    if (standing)
      await this.#store.rows.insert(
        client,
        'standing_approval',
        standingRowOf({
          id: randomUUID(),
          approvalId: id,
          terms: termsOf(
            { issuer: approval.issuer, subject: approval.subject, clientId: approval.client_id },
            { text: approval, fits: approval.fits, policyVersion: approval.policy_version, requirements },
          ),
          binding: Buffer.from(standing.binding, 'hex'),
          until: standing.until,
          uses: standing.uses,
          now,
        }),
      );
    await this.#record('approval_decided', approval, {
      ...word,
      signature: signed(word, this.#store.keys),
      reason: reason ?? null,
      state,
      rules: requirements.map(({ rule }) => rule),
      via,
      standing_ms: standing ? Date.parse(standing.until) - Date.parse(now) : null,
    });
    return state;
  }

  #wordOf(
    approval: Approval,
    row: JsonRow,
    reviewer: Reviewer,
    { decision, standingMs, standingUses }: Decision,
    now: string,
  ): Word {
    const { rows } = this.#store;
    return {
      approval: approval.id,
      binding: approval.binding,
      decision,
      issuer: reviewer.issuer,
      reviewer: reviewer.subject,
      groups: [...reviewer.groups],
      // A mail address is nobody's business in the record: only whether two are the same is. By every key that reads: a word that was said
      // before a rotation has the digests of the keys of then.
      names: reviewerNames(reviewer).flatMap((name) =>
        rows.digests('person', name).map((digest) => digest.toString('hex')),
      ),
      standing:
        standingMs === undefined
          ? null
          : {
              binding: String(row['standing']).slice(2),
              until: new Date(Date.parse(now) + standingMs).toISOString(),
              uses: standingUses ?? STANDING_USES,
            },
    };
  }

  /** The agent no longer wants it. False where there is nothing to withdraw. Throws RecorderUnavailable. */
  async withdraw(id: string, reason: string | undefined): Promise<boolean> {
    const isWithdrawn = await this.#lockingOf(id, async (client) => {
      const now = await nowOf(client);
      const locked = await this.#lock(client, id, now);
      if (!locked || !isOpen(locked.approval)) return false;
      await this.#move(client, locked.row, 'withdrawn', now);
      await this.#record('approval_withdrawn', locked.approval, { approval: id, reason: reason ?? null });
      return true;
    });
    if (isWithdrawn) this.#leave(id, 'withdrawn');
    return isWithdrawn;
  }

  // --- time

  async #expire(client: PoolClient, { row, approval }: Locked, why: string, now: string): Promise<void> {
    await this.#move(client, row, 'expired', now);
    await this.#record('approval_expired', approval, { approval: approval.id, was: row['state'], reason: why });
  }

  /** It no longer fits what it was asked for. Throws RecorderUnavailable. */
  async outdate(id: string): Promise<boolean> {
    const isOver = await this.#lockingOf(id, async (client) => {
      const now = await nowOf(client);
      const locked = await this.#lock(client, id, now);
      if (!locked || !isOpen(locked.approval)) return false;
      await this.#expire(client, locked, 'the rules or what it reads have changed', now);
      return true;
    });
    if (isOver) this.#leave(id, 'expired');
    return isOver;
  }

  /**
   * Writes down which ones are past their time; how many. Any replica may; each is done once. Before that, rows that are behind their events
   * are brought to where these are. Throws RecorderUnavailable.
   */
  async expireDue(): Promise<number> {
    await this.#mend();
    let expired = 0;
    for (;;) {
      const some = await this.#expireSome();
      expired += some.expired;
      if (some.read < READ_AT_ONCE) return expired;
    }
  }

  /** What is not found before the first time may have been left so by gateways that died. */
  async #mend(): Promise<void> {
    const isFirst = !this.#isMended;
    await this.#locking('', async (client) => {
      const now = await nowOf(client);
      const { rows } = this.#store;
      for (const opened of await this.#openAll(client, await rowsBehind(client, rows), now))
        await this.#hold(client, opened, now, isFirst);
      await endRevoked(client, rows, now, isFirst);
    });
    this.#isMended = true;
  }

  async #expireSome(): Promise<{ readonly read: number; readonly expired: number }> {
    const { rows } = this.#store;
    const { read, expired } = await this.#locking('', async (client) => {
      const now = await nowOf(client);
      const due = await ownRows(rows, client, 'approval', {
        condition: DUE,
        values: [],
        order: 't.expires_at, t.id',
        most: READ_AT_ONCE,
        atOnce: READ_AT_ONCE,
        lock: 'FOR UPDATE SKIP LOCKED',
      });
      const over: string[] = [];
      for (const opened of await this.#openAll(client, due, now)) {
        const held = await this.#hold(client, opened, now);
        if (!isOpen(opened.recorded)) continue;
        await this.#expire(client, held, 'time', now);
        over.push(held.approval.id);
      }
      return { read: due.length, expired: over };
    });
    for (const id of expired) this.#leave(id, 'expired');
    return { read, expired: expired.length };
  }

  // --- using

  /**
   * True for exactly one caller: the one that may run the statement now. What people said is counted again, from their signed words over
   * this very statement. `begin` writes down that it runs, before anybody else can know; where it fails, nothing was used. Throws
   * RecorderUnavailable.
   */
  async use(id: string, begin: () => Promise<void>): Promise<boolean> {
    const isUsed = await this.#lockingOf(id, async (client) => {
      const now = await nowOf(client);
      const locked = await this.#lock(client, id, now);
      if (locked?.approval.state !== 'approved') return false;
      const { approval, row } = locked;
      const terms = termsOf(
        { issuer: approval.issuer, subject: approval.subject, clientId: approval.client_id },
        {
          text: approval,
          fits: approval.fits,
          policyVersion: approval.policy_version,
          requirements: approval.requirements,
        },
      );
      const { statement, sent, binds, purpose, door, shape } = approval;
      const bindings = bindingsOf(this.#store.rows, {
        ...terms,
        ...placeOf(approval),
        persons: approval.persons,
        expires_at: approval.expires_at.toISOString(),
        text: { statement, sent, binds, purpose, door, shape },
      });
      const said = await saidOf(client, approval, this.#store.keys);
      const isGiven = isAmong(bindings, row['binding']) && isGranted(said.words, approval.requirements);
      if (isGiven && said.isOver) {
        await this.#expire(client, locked, 'its statement has ended', now);
        return false;
      }
      if (!isGiven) {
        this.#store.onForged(
          `The approval ${id} stands there as given, and the record has no signed words for it. It is not used.`,
        );
        return false;
      }
      await this.#move(client, row, 'used', now);
      await begin();
      return true;
    });
    if (isUsed) this.#leave(id, 'used');
    return isUsed;
  }

  /** Whether the record still says that it is this use of it that runs. Throws RecorderUnavailable. */
  isStillUsed(approval: Pick<Approval, 'binding' | keyof Place>, use: string): Promise<boolean> {
    return this.#reading(() => this.#isUseOf(this.#pool, approval, use));
  }

  async #isUseOf(
    queries: Pick<Pool, 'query'>,
    approval: Pick<Approval, 'binding' | keyof Place>,
    use: string,
  ): Promise<boolean> {
    const said = await saidOf(queries, approval, this.#store.keys);
    return said.use?.id === use && !said.use.hasEnded;
  }

  /**
   * Whether the statement may leave now under this use: `say` writes down that it does. Nobody gives the approval back meanwhile, since its
   * row is locked; who breaks that lock gains nothing, since it is asked again behind the word, and a release behind it is void. Where
   * this is false or throws, nothing may be sent. Throws RecorderUnavailable.
   */
  leaves(approval: Pick<Approval, 'binding' | keyof Place>, use: string, say: () => Promise<void>): Promise<boolean> {
    return this.#lockingOf(approval.id, async (client) => {
      const found = await this.#store.rows.select(client, 'approval', 'WHERE t.id = $1 FOR UPDATE', [approval.id]);
      if (found.length === 0 || !(await this.#isUseOf(client, approval, use))) return false;
      await say();
      return this.#isUseOf(client, approval, use);
    });
  }

  /** Whether nobody has ended a standing approval that came of this one, and its time is not over. Throws RecorderUnavailable. */
  isStillStanding(approval: Pick<Approval, 'binding' | 'requirements' | keyof Place>, id: string): Promise<boolean> {
    return this.#reading(async () => {
      const { words, revoked } = await saidOf(this.#pool, approval, this.#store.keys);
      const given = standingOf(words, approval.requirements);
      return given !== null && !revoked.has(id) && Date.parse(given.until) > Date.parse(await nowOf(this.#pool));
    });
  }

  /**
   * Gives an approval back whose statement changed nothing. Rows decide nothing of it: the record has to say that this use of it, which
   * was looked into, is the last one and has no outcome. `taken`: it says otherwise; `none`: the statement has no approval that could be
   * used. Throws RecorderUnavailable.
   */
  async release(statementId: string, lost: Lost): Promise<'released' | 'taken' | 'none'> {
    let released: string | undefined;
    const outcome = await this.#locking('', async (client) => {
      const now = await nowOf(client);
      const rows = await ownRows(this.#store.rows, client, 'approval', {
        condition: `t.statement_id = $1 AND t.state IN ('pending', 'approved', 'used')`,
        values: [statementId],
        order: 't.asked_at, t.id',
        most: 1,
        lock: 'FOR UPDATE',
      });
      const [opened] = await this.#openAll(client, rows, now);
      if (!opened) return 'none';
      const { approval, row } = await this.#hold(client, opened, now);
      const { use } = await saidOf(client, approval, this.#store.keys);
      const found = foundOf(lost);
      if (!use || use.hasEnded || isOvertaken({ use: lost.use, found }, use.position, use.hasLeft, use.mayBeCommitted))
        return 'taken';
      const release = { approval: approval.id, binding: approval.binding, released: now, use: lost.use, found };
      await this.#record(
        'approval_released',
        approval,
        { ...release, signature: signed(release, this.#store.keys) },
        'pauses',
      );
      // Whoever broke the lock may have let it leave before this word, which is void then.
      if ((await saidOf(client, approval, this.#store.keys)).use !== undefined) return 'taken';
      await this.#move(client, row, 'approved', now);
      released = approval.id;
      return 'released';
    });
    if (released !== undefined) this.#leave(released, 'approved');
    return outcome;
  }

  // --- standing approvals

  /** One that may let this statement run; undefined if none does. Throws RecorderUnavailable. */
  standing(question: StandingQuestion): Promise<Standing | undefined> {
    return this.#reading(async () => {
      const now = await nowOf(this.#pool);
      for (const standing of await standingFor(this.#pool, this.#store.rows, question))
        if (await this.#given(this.#pool, standing, question, now)) return standing;
      return undefined;
    });
  }

  /** What a standing approval is still good for, by the reviewers' signed words and the record of its uses. */
  async #given(
    queries: Pick<Pool, 'query'>,
    standing: Standing,
    question: StandingQuestion,
    now: string,
  ): Promise<{ readonly approval: Approval; readonly used: number } | undefined> {
    const { rows, keys } = this.#store;
    const { id, approval_id: of } = standing;
    const found = await rows.select(queries, 'approval', 'WHERE t.id = $1', [of]);
    const [approval] = await this.#readAll(queries, found, now);
    if (!approval) return undefined;
    const said = await saidOf(queries, approval, keys);
    const given = standingOf(said.words, approval.requirements);
    const bindings = standingBindingsOf(rows, question.shape, question);
    const used = Math.max(standing.uses, said.uses.get(id) ?? 0);
    const isGiven =
      given !== null &&
      isAmong(bindings, `\\x${given.binding}`) &&
      !said.revoked.has(id) &&
      Date.parse(given.until) > Date.parse(now) &&
      used < given.uses;
    return isGiven ? { approval, used } : undefined;
  }

  /**
   * Counts one more use, against what the reviewers' signed words allow and the record says was used. False where it no longer lets this
   * statement run. `begin` as in `use`. Throws RecorderUnavailable.
   */
  useStanding(
    id: string,
    question: StandingQuestion,
    statementId: string,
    begin: () => Promise<void>,
  ): Promise<boolean> {
    const { rows } = this.#store;
    return this.#locking(`${question.issuer} ${question.subject}`, async (client) => {
      const now = await nowOf(client);
      const [standing] = await standingFor(client, rows, question, id);
      const given = standing && (await this.#given(client, standing, question, now));
      if (!given) return false;
      const { approval, used } = given;
      await this.#record('standing_used', approval, { approval: approval.id, standing: id, statement: statementId });
      await rows.update(client, 'standing_approval', standing.row, { uses: used + 1 });
      await begin();
      return true;
    });
  }

  /** A page of those in force, the longest first, with the shape that each lets pass. Throws RecorderUnavailable. */
  listStanding(after?: string): Promise<StandingPage> {
    if (after !== undefined && !z.uuid().safeParse(after).success)
      return Promise.resolve({ standing: [], next: undefined });
    return this.#reading(async () => {
      const { rows } = this.#store;
      const { page, isEnd } = await listStanding(this.#pool, rows, after, MAX_PAGE_BYTES);
      const ids = page.map(({ approval_id: id }) => id);
      const found: JsonRow[] = [];
      for (let at = 0; at < ids.length; at += READ_AT_ONCE)
        found.push(...(await rows.select(this.#pool, 'approval', BY_IDS, [ids.slice(at, at + READ_AT_ONCE)])));
      const approvals = await this.#readAll(this.#pool, found, await nowOf(this.#pool));
      const recorded = await recordedUses(this.#pool, approvals);
      const standing = page.flatMap(({ row: _row, binding: _binding, ...entry }) => {
        const approval = approvals.find(({ id }) => id === entry.approval_id);
        const { uses = 0, is_revoked: isRevoked = false } = recorded.get(entry.id) ?? {};
        return approval && !isRevoked
          ? [{ ...entry, uses: Math.max(entry.uses, uses), shape: approval.shape.text }]
          : [];
      });
      return { standing, next: isEnd ? undefined : page.at(-1)?.id };
    });
  }

  /** By one who could have given it. Throws DecisionRefused, RecorderUnavailable. */
  async revoke(id: string, reviewer: Reviewer, via: Decision['via']): Promise<void> {
    if (!z.uuid().safeParse(id).success) throw new DecisionRefused('not found');
    await this.#deciding(reviewer, async (client) => {
      const standing = await revoke(client, this.#store.rows, id);
      if (!standing) throw new DecisionRefused('not found');
      if (!mayDecide(standing.requirements, reviewer)) throw new DecisionRefused('not a reviewer');
      const [row] = await this.#store.rows.select(client, 'approval', 'WHERE t.id = $1', [standing.approval_id]);
      if (!row) throw new DecisionRefused('not found');
      await this.#record('standing_revoked', approvalRow.parse(row), {
        standing: id,
        approval: standing.approval_id,
        reviewer: reviewer.subject,
        issuer: reviewer.issuer,
        via,
      });
    });
  }
}

const isOpen = ({ state }: Pick<Approval, 'state'>): boolean => state === 'pending' || state === 'approved';

const placeOf = ({ id, session_id, statement_id }: Place): Place => ({ id, session_id, statement_id });

const termsOf = (
  { issuer, subject, clientId }: { readonly issuer: string; readonly subject: string; readonly clientId: string },
  {
    text,
    fits,
    policyVersion,
    requirements,
  }: Pick<Request, 'fits' | 'policyVersion' | 'requirements'> & {
    readonly text: { readonly door: string };
  },
): Terms => ({
  issuer,
  subject,
  client_id: clientId,
  door: text.door,
  fits,
  policy_version: policyVersion,
  requirements,
});

/** Whether one of the groups that are asked is this person's. */
export const mayDecide = (
  requirements: readonly Requirement[],
  reviewer: Pick<Reviewer, 'issuer' | 'groups'>,
): boolean => requirements.some((requirement) => isAsked(requirement, reviewer));

const isShown = ({ decisions }: Pick<Approval, 'decisions'>, { issuer, reviewer }: Word): boolean =>
  decisions.some((shown) => shown.reviewer === `${issuer} ${reviewer}`);

/** Whether this person has decided on it, under whatever name of theirs. */
export const hasDecided = ({ decisions }: Pick<Approval, 'decisions'>, reviewer: Reviewer): boolean =>
  decisions.some(({ persons }) => reviewerNames(reviewer).some((name) => persons.includes(name)));

/** Whether the statement is this person's own, or sent for them. */
export const isOwn = (persons: readonly string[], reviewer: Reviewer): boolean =>
  reviewerNames(reviewer).some((name) => persons.includes(name));
