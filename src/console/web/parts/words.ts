/** Numbers, times and states as people read them. */
import type { ApprovalEnd, Sums } from '../requests/answers.ts';

const SPANS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

export function span(ms: number): string {
  const [size, unit] = SPANS.find(([least]) => ms >= least) ?? [1, 'ms'];
  const value = ms / size;
  return `${value < 10 && size > 1 ? Math.round(value * 10) / 10 : Math.round(value)} ${unit}`;
}

export const ago = (iso: string, now: number): string => {
  const ms = now - Date.parse(iso);
  return ms < 5000 ? 'now' : `${span(Math.floor(ms / 1000) * 1000)} ago`;
};
export const until = (iso: string, now: number): string => {
  const ms = Date.parse(iso) - now;
  return ms <= 0 ? 'over' : span(Math.floor(ms / 1000) * 1000);
};

export const count = (value: number): string => value.toLocaleString();

export function bytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

export const plural = (value: number, one: string): string => `${count(value)} ${one}${value === 1 ? '' : 's'}`;

/** What statements come to: how many, how many of them refused, what was answered and changed. */
export function sumsWords({
  statements,
  refused,
  rows,
  rows_later: later,
  rows_changed: changed,
  bytes: given,
}: Sums): string {
  const answered = later === 0 ? '' : ` (${count(later)} of them by later pages and files)`;
  return [
    plural(statements, 'statement'),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    `${plural(rows, 'row')} answered${answered}, ${bytes(given)}`,
    ...(changed > 0 ? [`${plural(changed, 'row')} changed`] : []),
  ].join('; ');
}

export type Tone = 'good' | 'bad' | 'wait' | 'lead' | '';

const ENDED: Readonly<Record<ApprovalEnd, { readonly tone: Tone; readonly word: string }>> = {
  denied: { tone: 'bad', word: 'denied by a person' },
  expired: { tone: '', word: 'expired' },
  withdrawn: { tone: '', word: 'withdrawn' },
};

/** How a statement stands: its verdict before it ran, its outcome after. */
export function standingOf(
  verdict: string,
  state: string | null,
  isExplained: boolean,
  approvalEnd: ApprovalEnd | null,
): { readonly tone: Tone; readonly word: string } {
  if (isExplained) return { tone: verdict === 'denied' ? 'bad' : '', word: 'explained' };
  // Nobody's word in time is no person's no.
  if (approvalEnd) return ENDED[approvalEnd];
  if (verdict === 'denied' || state === 'denied') return { tone: 'bad', word: 'denied' };
  if (state === 'ok') return { tone: 'good', word: verdict === 'asked' ? 'approved' : 'ran' };
  if (state === 'failed') return { tone: 'bad', word: 'failed' };
  if (state === 'cancelled') return { tone: '', word: 'cancelled' };
  if (state === 'unknown') return { tone: 'bad', word: 'unknown' };
  return verdict === 'asked' ? { tone: 'wait', word: 'waits' } : { tone: 'lead', word: 'running' };
}

const STATES: Readonly<Record<string, Tone>> = {
  pending: 'wait',
  approved: 'good',
  used: 'good',
  denied: 'bad',
  expired: '',
  withdrawn: '',
};
export const toneOf = (state: string): Tone => STATES[state] ?? '';

const KINDS: Readonly<Record<string, readonly [string, Tone]>> = {
  session_opened: ['Session opened', ''],
  session_closed: ['Session closed', ''],
  prompt_reported: ['A person typed', 'lead'],
  content_kept: ['Kept by its hash', ''],
  statement_submitted: ['Asked', 'lead'],
  statement_refused: ['Refused', 'bad'],
  estimate_asked: ['Size estimated', ''],
  bytes_taken: ['Taken from the day’s bytes', ''],
  approval_asked: ['A person was asked', 'wait'],
  approval_decided: ['A person decided', 'lead'],
  approval_used: ['Approval used', 'good'],
  approval_expired: ['Approval expired', ''],
  approval_refused: ['Approval not usable', 'bad'],
  approval_withdrawn: ['Withdrawn', ''],
  approval_released: ['Approval given back', ''],
  standing_revoked: ['Standing approval ended', ''],
  statement_sent: ['Sent to Snowflake', 'lead'],
  statement_completed: ['Ran', 'good'],
  statement_failed: ['Failed', 'bad'],
  statement_cancelled: ['Cancelled', ''],
  statement_settled: ['Settled from the history', ''],
  rows_fetched: ['Rows read on', 'good'],
  download_opened: ['Download opened', 'lead'],
  download_ended: ['Download ended', ''],
  webhook_added: ['Webhook added', ''],
  delivery_given_up: ['Given up by a webhook', 'bad'],
  delivery_retried: ['Sent to a webhook after all', ''],
  integrity_problem: ['Integrity problem', 'bad'],
  notary_started: ['Notary began anew', 'wait'],
  record_verified: ['Verified', 'good'],
  record_viewed: ['Seen whole', 'wait'],
  record_exported: ['Exported', 'wait'],
  events_archived: ['Archived', ''],
  keys_rotated: ['Keys rotated', ''],
  keys_erased: ['Keys erased', 'wait'],
  hold_placed: ['Legal hold placed', ''],
  hold_lifted: ['Legal hold lifted', ''],
};
/** What an event is called, and its tone; `isExplained`: of a statement that was only explained. */
export const eventWords = (kind: string, isExplained = false): readonly [string, Tone] =>
  isExplained ? ['Explained', ''] : (KINDS[kind] ?? [kind.replaceAll('_', ' '), '']);
