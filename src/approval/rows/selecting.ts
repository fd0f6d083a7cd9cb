/** Which rows are meant, by where they stand. */
import { APPROVAL_BYTES } from '../../transcript/index.js';
import type { ApprovalState } from '../values/state.js';

/** Without its session's key nobody can be shown what it is about, and so nobody decides on it or uses it. */
const KEYED = 'EXISTS (SELECT FROM session_key k WHERE k.session_id = t.session_id)';
const LASTS = `(t.expires_at > now() AND ${KEYED})`;

export const IS_DUE = `(t.expires_at <= now() OR NOT ${KEYED})`;
export const DUE = `t.state IN ('pending', 'approved') AND ${IS_DUE}`;
/** One that is past its time, or was erased, is over, whether or not anybody has written that down yet. Each by an index, however many there ever were. */
export const IN_STATE: Readonly<Record<ApprovalState | 'all', string>> = {
  pending: `t.state = 'pending' AND ${LASTS}`,
  approved: `t.state = 'approved' AND ${LASTS}`,
  denied: `t.state = 'denied'`,
  expired: `(t.state = 'expired' OR (${DUE}))`,
  withdrawn: `t.state = 'withdrawn'`,
  used: `t.state = 'used'`,
  all: 'true',
};

export const BY_IDS = 'WHERE t.id = ANY($1)';

/** On a page: longer ones make shorter pages, and none keeps the others from being seen. */
export const MAX_PAGE_BYTES = 4_000_000;

/**
 * What is open is listed by when it ends, the soonest first: it is lost to whoever sees it last. What is over by when it came to be so, the last
 * first; all states together by when they were asked for.
 */
const ORDERS = {
  open: { column: 'expires_at', way: 'ASC', behind: '>' },
  over: { column: 'changed_at', way: 'DESC', behind: '<' },
  all: { column: 'asked_at', way: 'DESC', behind: '<' },
} as const;

/** The place of a page is a row of ours, not a time: times are shared, and lose their last digits on the way. */
export function pageOf(state: ApprovalState | undefined): string {
  const { column, way, behind } =
    ORDERS[state === undefined ? 'all' : state === 'pending' || state === 'approved' ? 'open' : 'over'];
  return `
  SELECT t.id, ${APPROVAL_BYTES} AS bytes FROM approval t
  WHERE ${IN_STATE[state ?? 'all']} AND ($1::text IS NULL OR (t.issuer = $1 AND t.subject = $2))
    AND ($3::uuid IS NULL OR (t.${column}, t.id) ${behind} (SELECT p.${column}, p.id FROM approval p WHERE p.id = $3))
  ORDER BY t.${column} ${way}, t.id ${way} LIMIT $4`;
}
