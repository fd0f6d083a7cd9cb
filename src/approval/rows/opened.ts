/**
 * An approval, read: its row, its texts and its decisions, in the state that the record has, which the row is brought to where it is behind.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import {
  type Event,
  endOf,
  type JsonRow,
  type OwnApprovals,
  ownRows,
  type TranscriptStore,
} from '../../transcript/index.js';
import {
  type Approval,
  type ApprovalState,
  approvalRow,
  decisionRow,
  type Ended,
  ERASED,
  sealedOfApproval,
} from '../values/state.js';
import { outcomesOf } from './outcome.js';
import { openedReason } from './reasons.js';
import { type Recorded, recordedOf, unusedIn } from './recorded.js';
import { heldOf } from './standing.js';
import type { Transactions } from './transactions.js';

/** Whose last state this process remembers. */
const LEFT_KEPT = 10_000;

/** A transaction has ended after so long: from then on a row says what the event before it says, unless its gateway died. */
const UNDER_WAY_MS = 60_000;

/** Each is read whole while others wait for the connection. */
export const READ_AT_ONCE = 10;

/** People's words that are shown on one page. */
const MAX_DECISIONS = 10_000;

/** In which state this process has left them, the last ones: a row that says what was before was put back. */
export class Left {
  readonly #states = new Map<string, ApprovalState>();

  stateOf(id: string): ApprovalState | undefined {
    return this.#states.get(id);
  }

  /** Once it holds. */
  leave(id: string, state: ApprovalState): void {
    const [oldest] = this.#states.keys();
    if (this.#states.size >= LEFT_KEPT && oldest !== undefined) this.#states.delete(oldest);
    this.#states.delete(id);
    this.#states.set(id, state);
  }
}

/** What every step on approvals goes by. */
export interface ApprovalParts {
  readonly store: TranscriptStore;
  readonly transactions: Transactions;
  readonly own: OwnApprovals;
  readonly left: Left;
}

/** What an event is about. */
export interface Place {
  readonly id: string;
  readonly session_id: string;
  readonly statement_id: string;
}

/** An approval under its lock, with the row that it was read from. */
export interface Locked {
  readonly approval: Approval;
  readonly row: JsonRow;
}

/** One that was read, and what the record has of it. */
interface Opened extends Locked {
  readonly recorded: Recorded;
}

export async function readAll(
  parts: ApprovalParts,
  queries: Pick<Pool, 'query'>,
  found: readonly JsonRow[],
  now: string,
): Promise<readonly Approval[]> {
  return (await openAll(parts, queries, found, now)).map(({ approval }) => approval);
}

/**
 * Their texts opened, their decisions beside them, in the state that the record has; `now`: the store's clock. Rows and events are read
 * one after the other, so what is not under a lock may have gone on in between.
 */
export async function openAll(
  parts: ApprovalParts,
  queries: Pick<Pool, 'query'>,
  found: readonly JsonRow[],
  now: string,
): Promise<readonly Opened[]> {
  const { rows, sessions, vault, keys } = parts.store;
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
  const used = shown.filter(({ id }) => all.get(id)?.state === 'used');
  const outcomes = await outcomesOf(queries, used, keys);
  const held = await heldOf(
    queries,
    rows,
    shown.filter(({ id }) => decisions.some((one) => one.approval_id === id && one.standing_ms !== null)),
  );
  // By what the store has now: what was erased opens nowhere, whoever has read it before.
  await sessions.learnKeys(
    parsed.map(({ read }) => read.session_id),
    queries,
  );
  const opened: Opened[] = [];
  for (const { row, read } of parsed) {
    const { sealed, fits, binding, standing: _standing, ...approval } = read;
    const { id, session_id: session } = approval;
    const recorded = all.get(id);
    if (!recorded) continue;
    const { state } = recorded;
    const isErased = !vault.knows(session);
    const { about = isErased ? null : approval.about, ...text } = !isErased
      ? sealedOfApproval.parse(JSON.parse(vault.openText(session, `approval ${id}`, sealed)))
      : { ...ERASED, about: undefined };
    const why = whyNow(approval, state, isErased, now);
    const outcome = outcomes.get(approval.statement_id) ?? null;
    opened.push({
      approval: {
        ...approval,
        ...text,
        about,
        is_erased: isErased,
        state: why === undefined ? state : 'expired',
        fits: fits.toString('hex'),
        binding: binding.toString('hex'),
        decisions: decisions.flatMap((one) =>
          one.approval_id === id ? [{ ...one, reason: openedReason(vault, read, one) }] : [],
        ),
        outcome,
        ended: endedOf(approval, recorded, why, outcome),
        held: held.get(id) ?? null,
      },
      row,
      recorded,
    });
  }
  return opened;
}

/** Why an open one is over as of now, whether or not that is written down yet: its time is, or nobody can be shown what it is about. */
function whyNow(
  { expires_at: until }: Pick<Approval, 'expires_at'>,
  state: ApprovalState,
  isErased: boolean,
  now: string,
): Ended['why'] {
  if (!isOpen({ state })) return undefined;
  if (until.getTime() <= Date.parse(now)) return unusedIn(state);
  return isErased ? 'erased' : undefined;
}

function endedOf(
  { expires_at: until }: Pick<Approval, 'expires_at'>,
  { state, at, why, instead }: Recorded,
  whyIsOver: Ended['why'],
  outcome: Approval['outcome'],
): Ended | null {
  if (whyIsOver !== undefined) {
    const since = whyIsOver === 'erased' ? undefined : until;
    return { state: 'expired', at: since, why: whyIsOver, instead: undefined, outcome: undefined };
  }
  if (state === 'pending' || state === 'approved') return null;
  return { state, at, why, instead, outcome: outcome ?? undefined };
}

/** One that nobody else changes until the transaction ends; undefined where there is none of ours. */
export async function lock(
  parts: ApprovalParts,
  client: PoolClient,
  id: string,
  now: string,
): Promise<Locked | undefined> {
  if (!z.uuid().safeParse(id).success) return undefined;
  const found = await parts.store.rows.select(client, 'approval', 'WHERE t.id = $1 FOR UPDATE', [id]);
  const [opened] = await openAll(parts, client, found, now);
  return opened && hold(parts, client, opened, now);
}

/**
 * A row under its lock, brought to where the record is: who writes an event holds the lock until its row says so. One that is behind was
 * put back, or its gateway died in between, which is never long ago. `isFirst`: nobody may have looked for long.
 */
export async function hold(
  parts: ApprovalParts,
  client: PoolClient,
  opened: Opened,
  now: string,
  isFirst = false,
): Promise<Locked> {
  const { approval, row, recorded } = opened;
  const { state, at, isUnsaid } = recorded;
  const { rows, onForged } = parts.store;
  if (isUnsaid)
    onForged(
      `The approval ${approval.id} stands there as given, and the record has no signed words for it. It is not used.`,
    );
  // One that was given back is used again from where it stands.
  if (isUnsaid || row['state'] === state || row['state'] === 'used') return { approval, row };
  const isYoung = at !== undefined && Date.now() - at.getTime() < UNDER_WAY_MS;
  const isExplained = parts.left.stateOf(approval.id) !== state && (isYoung || isFirst);
  if (!isExplained) rows.tellOld('approval', row, `the record says ${state}`);
  await move(parts, client, row, state, now);
  return { approval, row: { ...row, state, changed_at: now } };
}

export async function move(
  parts: ApprovalParts,
  client: PoolClient,
  row: JsonRow,
  state: ApprovalState,
  now: string,
): Promise<void> {
  await parts.store.rows.update(client, 'approval', row, { state, changed_at: now });
}

/** Throws RecorderUnavailable. */
export async function record(
  parts: ApprovalParts,
  kind: Event['kind'],
  about: Omit<Place, 'id'>,
  body: Event['body'],
  runs?: Event['runs'],
): Promise<void> {
  const { store } = parts;
  const { session_id: session, statement_id: statement } = about;
  await store.sessions.learnKey(session);
  // Whoever is told of an end hears what it is the end of.
  const isEnd = endOf({ statement, kind, body }) !== undefined;
  const joined = isEnd ? await store.joined(session, statement, { id: body['approval'] }) : {};
  await store.recorder.append({
    kind,
    sessionId: session,
    statementId: statement,
    body: { ...body, ...joined },
    ...(runs === undefined ? {} : { runs }),
  });
}

/** It is over: its row says so, and the record why. */
export async function expire(
  parts: ApprovalParts,
  client: PoolClient,
  { row, approval }: Locked,
  why: string,
  now: string,
): Promise<void> {
  await move(parts, client, row, 'expired', now);
  await record(parts, 'approval_expired', approval, { approval: approval.id, was: row['state'], reason: why });
}

export const isOpen = ({ state }: Pick<Approval, 'state'>): boolean => state === 'pending' || state === 'approved';

export const placeOf = ({ id, session_id, statement_id }: Place): Place => ({ id, session_id, statement_id });
