/**
 * What is counted, once for all who count: which statements were refused, and how many rows and bytes were given out. Of a statement `s` with
 * its outcome `o`.
 */
import { z } from 'zod';
import type { OutcomeState } from '../form/end.js';

const REFUSED_STATE: OutcomeState = 'denied';

/**
 * Refused is what ended as `denied`: by a rule, a limit or the gateway, by a person's no, or because nobody decided in time. What was
 * withdrawn, what repeats another statement, what was only explained (it has no end), and what failed or was rolled back after it had begun is
 * not. Metrics count the same ends
 * (`snowfence_statements_ended_total{state="denied"}`), and so do OCSF (`action: Denied`) and `verdict:denied` in a search.
 */
export const isRefused = (state: string | null): boolean => state === REFUSED_STATE;
export const REFUSED = `coalesce(o.state = '${REFUSED_STATE}', false)`;

/** Of a statement `s` that was only explained. */
export const EXPLAINED = `(s.terms @> ARRAY['is:explain'])`;

/** Of statements of these an answer is one row of numbers, and `rows` of their outcome those that they changed. */
const CHANGES = ['insert', 'update', 'delete', 'merge'];
export const IS_CHANGE = `coalesce(s.kind IN (${CHANGES.map((kind) => `'${kind}'`).join(', ')}), false)`;

/** A number in an event `e`; nothing proves these events, so that anything may stand there. */
const numberIn = (key: string): string =>
  `CASE WHEN e.body->>'${key}' ~ '^\\d{1,15}$' THEN (e.body->>'${key}')::bigint ELSE 0 END`;
/** Of pages after the first, and of files: both are read by such events, each before it leaves. A cell that is read whole is no row more. */
export const LATER = `
  coalesce(sum(CASE WHEN e.body->>'column' IS NULL THEN ${numberIn('rows')} ELSE 0 END), 0)::float8 AS rows_later,
  coalesce(sum(${numberIn('bytes')}), 0)::float8 AS bytes_later`;
/** Nothing of a statement is older than it is, but for clocks of two gateways that differ: partitions before that are not looked at. */
export const LATER_OF_STATEMENT = `
  CROSS JOIN LATERAL (
    SELECT ${LATER} FROM event e WHERE e.statement_id = s.id AND e.kind = 'rows_fetched' AND e.at >= s.at - interval '1 hour'
  ) later`;

/** What statements come to together. */
export const sums = z.object({
  statements: z.number(),
  refused: z.number(),
  /** Rows that were answered: first pages, later pages and files. */
  rows: z.number(),
  /** Those of later pages and files among them. */
  rows_later: z.number(),
  rows_changed: z.number(),
  /** Of all that was answered. */
  bytes: z.number(),
});
export type Sums = z.infer<typeof sums>;

interface Counted {
  readonly kind: string | null;
  readonly state: string | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly rows_later: number;
  readonly bytes_later: number;
}

export function sumsOf(statements: readonly Counted[]): Sums {
  const sum = (of: (statement: Counted) => number): number => statements.reduce((all, one) => all + of(one), 0);
  const isChange = ({ kind }: Counted): boolean => kind !== null && CHANGES.includes(kind);
  const later = sum((one) => one.rows_later);
  return {
    statements: statements.length,
    refused: sum(({ state }) => Number(isRefused(state))),
    rows: later + sum((one) => (isChange(one) ? 0 : (one.rows ?? 0))),
    rows_later: later,
    rows_changed: sum((one) => (isChange(one) ? (one.rows ?? 0) : 0)),
    bytes: sum((one) => (one.bytes ?? 0) + one.bytes_later),
  };
}
