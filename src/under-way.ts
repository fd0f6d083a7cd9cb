/**
 * What the record says of statements that rows call running. Rows are there to find them; whether a statement was begun, how long ago,
 * under which use of an approval, whether it was sent and how it ended is what its events say.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { timeOfId } from './transcript/index.js';

export interface UnderWay {
  /** When it was begun, at the latest. */
  readonly since: Date;
  /** Which event of its session took an approval up for it. */
  readonly use: string | undefined;
  /** It was handed to the warehouse. */
  readonly wasSent: boolean;
}

/** Clocks of two processes differ by less. */
const CLOCKS_DIFFER_MS = 300_000;

const OVER: ReadonlySet<string> = new Set([
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_refused',
  'statement_settled',
  'approval_asked',
  'approval_released',
  'approval_expired',
  'approval_withdrawn',
]);

const KINDS = [...OVER, 'statement_submitted', 'estimate_asked', 'approval_used', 'statement_sent'];

const EVENTS = `
  SELECT e.position::text AS position, e.at, e.kind, e.body->>'verdict' = 'allow' AND e.body->>'explain' <> 'true' AS runs,
         e.body->>'standing' AS standing
  FROM event e WHERE e.session_id = $1 AND e.statement_id = $2 AND e.at >= $3 AND e.kind = ANY($4) ORDER BY e.position`;

const eventRow = z.object({
  position: z.string(),
  at: z.date(),
  kind: z.string(),
  runs: z.boolean().nullable(),
  standing: z.string().nullable(),
});

/** undefined where it was not begun, or has ended. */
export async function underWay(
  queries: Pick<Pool, 'query'>,
  statement: string,
  session: string,
): Promise<UnderWay | undefined> {
  const from = new Date(Math.max(0, timeOfId(statement) - CLOCKS_DIFFER_MS));
  const { rows } = await queries.query(EVENTS, [session, statement, from, KINDS]);
  let state: UnderWay | undefined;
  for (const { position, at, kind, runs, standing } of z.array(eventRow).parse(rows)) {
    if (OVER.has(kind) || (kind === 'statement_submitted' && runs !== true)) state = undefined;
    else if (kind === 'statement_sent') state = state && { ...state, wasSent: true };
    else {
      const since = state && state.since < at ? state.since : at;
      const use = kind === 'approval_used' && standing === null ? position : state?.use;
      state = { since, use, wasSent: state?.wasSent ?? false };
    }
  }
  return state;
}
