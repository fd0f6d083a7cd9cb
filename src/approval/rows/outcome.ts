/**
 * What became of statements that approvals let run: the last event that ends each, where a gateway of ours wrote it. An outcome that
 * somebody else appended is none.
 */
import type { Pool, PoolClient } from 'pg';
import { z } from 'zod';
import { EVENT_COLUMNS, isOurs, type RawEvent, type RecordKeys, trustedKeys } from '../../transcript/index.js';
import type { Outcome } from '../values/state.js';

const KINDS = [
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
  'statement_refused',
] as const;

/** Of each statement the newest. */
const ENDED = `
  SELECT DISTINCT ON (e.session_id, e.statement_id) ${EVENT_COLUMNS}
  FROM unnest($1::uuid[], $2::uuid[]) AS t (session_id, statement_id)
  JOIN event e ON e.session_id = t.session_id AND e.statement_id = t.statement_id
  WHERE e.kind = ANY($3)
  ORDER BY e.session_id, e.statement_id, e.position DESC`;

const denial = z.object({ code: z.string(), message: z.string() });
const bodyShape = z.object({
  state: z.string().nullish().catch(undefined),
  rows: z.number().nullish().catch(undefined),
  rows_touched: z.number().nullish().catch(undefined),
  query_id: z.string().nullish().catch(undefined),
  code: z.string().nullish().catch(undefined),
  message: z.string().nullish().catch(undefined),
  reason: z.string().nullish().catch(undefined),
  denial: denial.nullish().catch(undefined),
});

const STATES: Readonly<Record<string, Outcome['state']>> = {
  statement_completed: 'ok',
  statement_failed: 'failed',
  statement_cancelled: 'cancelled',
  statement_refused: 'refused',
};
const SETTLED: Readonly<Record<string, Outcome['state']>> = { ok: 'ok', failed: 'failed', cancelled: 'cancelled' };

function outcomeIn({ kind, at, body: json }: RawEvent): Outcome {
  const body = bodyShape.parse(JSON.parse(json));
  const { code, message, reason, denial: refused } = body;
  const state = STATES[kind] ?? SETTLED[body.state ?? ''] ?? 'unknown';
  const parts = refused ? [refused.code, refused.message] : [code, message ?? reason];
  const problem = parts.filter((part) => typeof part === 'string' && part !== '').join(': ');
  return {
    state,
    at: new Date(at),
    // What was rolled back has changed nothing, whatever it touched.
    rows_changed: state === 'ok' ? (body.rows_touched ?? null) : null,
    rows_answered: state === 'ok' ? (body.rows ?? null) : null,
    query_id: body.query_id ?? null,
    problem: problem === '' ? null : problem,
    is_settled: kind === 'statement_settled',
  };
}

interface Ran {
  readonly session_id: string;
  readonly statement_id: string;
}

/** By the statement's id. */
export async function outcomesOf(
  queries: Pick<Pool | PoolClient, 'query'>,
  ran: readonly Ran[],
  keys: RecordKeys,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  if (ran.length === 0) return outcomes;
  const trusted = trustedKeys(keys);
  const places = [ran.map(({ session_id }) => session_id), ran.map(({ statement_id }) => statement_id)];
  const { rows } = await queries.query<RawEvent>(ENDED, [...places, KINDS]);
  for (const event of rows)
    if (event.statement !== null && (await isOurs(queries, event, { keys: trusted })))
      outcomes.set(event.statement, outcomeIn(event));
  return outcomes;
}
