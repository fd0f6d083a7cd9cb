/**
 * What became of statements that approvals let run: the last event that ends each, where a gateway of ours wrote it. An outcome that
 * somebody else appended is none.
 */
import type { Pool, PoolClient } from 'pg';
import {
  EVENT_COLUMNS,
  isOurs,
  parsed,
  type RawEvent,
  type RecordKeys,
  readEnd,
  trustedKeys,
} from '../../transcript/index.js';
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

/** undefined for an event that ends nothing. */
function outcomeIn(event: RawEvent): Outcome | undefined {
  const end = readEnd(parsed(event));
  if (!end) return undefined;
  // Its reviewers said yes: that it was refused all the same is another thing than their no.
  const state = end.state === 'denied' ? 'refused' : end.state;
  const isDone = state === 'ok';
  return {
    state,
    at: new Date(event.at),
    rows_changed: isDone ? (end.rowsChanged ?? null) : null,
    rows_answered: isDone ? (end.rowsAnswered ?? null) : null,
    query_id: end.queryId ?? null,
    problem: [end.code, end.detail].filter((part) => part !== undefined).join(': ') || null,
    code: end.code ?? null,
    is_settled: event.kind === 'statement_settled',
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
    if (event.statement !== null && (await isOurs(queries, event, { keys: trusted }))) {
      const outcome = outcomeIn(event);
      if (outcome) outcomes.set(event.statement, outcome);
    }
  return outcomes;
}
