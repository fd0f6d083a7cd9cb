/** Looking: one approval, pages of them, and how many there are. */
import { z } from 'zod';
import { type JsonRow, Strangers } from '../../transcript/index.js';
import { type ApprovalParts, readAll } from '../rows/opened.js';
import { recordedOf } from '../rows/recorded.js';
import { BY_IDS, IN_STATE, IS_DUE, MAX_PAGE_BYTES, pageOf } from '../rows/selecting.js';
import { nowOf, reading } from '../rows/transactions.js';
import { type Approval, type ApprovalState, approvalRow } from '../values/state.js';

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
  /** When the one of them that has waited longest was asked for; undefined where there is none. */
  readonly oldest: Date | undefined;
}

export interface ApprovalPage {
  readonly approvals: readonly Approval[];
  /** Asked with `after`, the next page; undefined at the end. */
  readonly next: string | undefined;
}

/** What is said of more is that there are so many. */
const MAX_COUNTED = 1000;

const countedRow = approvalRow.pick({
  id: true,
  session_id: true,
  statement_id: true,
  state: true,
  requirements: true,
  binding: true,
  expires_at: true,
  asked_at: true,
});

export const get = (parts: ApprovalParts, id: string): Promise<Approval | undefined> =>
  oneBy(parts, 'WHERE t.id = $1', id);

/** Of a statement the one that was asked for last. */
export const ofStatement = (parts: ApprovalParts, statementId: string): Promise<Approval | undefined> =>
  oneBy(parts, 'WHERE t.statement_id = $1 ORDER BY t.asked_at DESC, t.id DESC', statementId);

function oneBy(parts: ApprovalParts, where: string, id: string): Promise<Approval | undefined> {
  if (!z.uuid().safeParse(id).success) return Promise.resolve(undefined);
  return reading(async () => {
    const found = (await parts.store.rows.select(parts.store.pool, 'approval', where, [id])).slice(0, 1);
    if (found.length === 0) return undefined;
    const [approval] = await readAll(parts, parts.store.pool, found, await nowOf(parts.store.pool));
    return approval;
  });
}

/**
 * Something that differs once its row does, or it is over for its time or an erasure; undefined where there is none of that id. No more than that: whether
 * the row is ours is told by reading it.
 */
export function stamp(parts: ApprovalParts, id: string): Promise<string | undefined> {
  if (!z.uuid().safeParse(id).success) return Promise.resolve(undefined);
  return reading(async () => {
    const { rows } = await parts.store.pool.query<{ stamp: string }>(
      `SELECT encode(t.mac, 'hex') || CASE WHEN ${IS_DUE} THEN ' over' ELSE '' END AS stamp FROM approval t WHERE t.id = $1`,
      [id],
    );
    return rows[0]?.stamp;
  });
}

/** What is open the soonest end first, what is over the last to be so first; all states together the newest first. */
export async function list(
  parts: ApprovalParts,
  { state, agent, limit = 200, after }: ListOptions = {},
): Promise<ApprovalPage> {
  if (after !== undefined && !z.uuid().safeParse(after).success) return { approvals: [], next: undefined };
  const size = Math.min(limit, 200);
  const whose = [agent?.issuer ?? null, agent?.subject ?? null];
  // One that is none of ours takes no place, nor one of another state by the record: a page is full, or it is the last.
  const found: Approval[] = [];
  const strangers = new Strangers(parts.store.rows, 'approval');
  const now = await nowOf(parts.store.pool);
  let from = after ?? null;
  let [bytes, isEnd, isFull] = [0, false, false];
  while (found.length <= size && !isEnd && !isFull && !strangers.areTooMany) {
    const { rows: places } = await parts.store.pool.query<{ id: string; bytes: number }>(pageOf(state), [
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
    const rows = (await parts.store.rows.found(parts.store.pool, 'approval', BY_IDS, [ids])).flatMap(
      (one): JsonRow[] => {
        const own = strangers.open(one);
        return own ? [own] : [];
      },
    );
    const opened = await readAll(parts, parts.store.pool, rows, now);
    const order = new Map(ids.map((id, at) => [id, at]));
    const wanted = opened
      .filter((approval) => state === undefined || approval.state === state)
      .sort((left, right) => (order.get(left.id) ?? 0) - (order.get(right.id) ?? 0));
    const sizes = new Map(places.map((place) => [place.id, place.bytes]));
    bytes += wanted.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
    found.push(...wanted);
  }
  const approvals = found.slice(0, size);
  if (isEnd && found.length <= size) return { approvals, next: undefined };
  return { approvals, next: found.length > size ? approvals.at(-1)?.id : (from ?? undefined) };
}

function counted(those: readonly { readonly asked_at: Date }[], isMore: boolean): Counted {
  const times = those.map(({ asked_at: at }) => at.getTime());
  const oldest = times.length === 0 ? undefined : new Date(times.reduce((least, time) => Math.min(least, time)));
  return { count: those.length, isMore, oldest };
}

/**
 * Of one state by the record, or all: as many as MAX_COUNTED, and as were read of late. Rows of nobody's count for nothing. Throws
 * RecorderUnavailable.
 */
export function count(parts: ApprovalParts, state: ApprovalState | undefined): Promise<Counted> {
  return reading(async () => {
    const pool = parts.store.pool;
    const { own, unread } = await parts.own.first(pool, IN_STATE[state ?? 'all'], [], MAX_COUNTED);
    const isMore = unread > 0 || own.length === MAX_COUNTED;
    const shown = own.map((row) => countedRow.parse(row));
    if (state !== 'pending' && state !== 'approved') return counted(shown, isMore);
    const keyed = shown.map((one) => ({ ...one, binding: one.binding.toString('hex') }));
    const recorded = await recordedOf(pool, keyed, parts.store.keys);
    return counted(
      shown.filter(({ id }) => recorded.get(id)?.state === state),
      isMore,
    );
  });
}
