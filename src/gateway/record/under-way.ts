/**
 * What the record says of statements that rows call running. Rows are there to find them; whether a statement was begun, how long ago,
 * under which use of an approval, whether it was sent and how it ended is what its events say.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { isOvertaken } from '../../approval/index.js';
import { EVENT_COLUMNS, FirstOnly, isOurs, type Proving, type RawEvent, timeOfId } from '../../transcript/index.js';

export interface UnderWay {
  /** When it was begun, at the latest. */
  readonly since: Date;
  /** Which event of its session took an approval up for it. */
  readonly use: string | undefined;
  /** As that event names it. */
  readonly useId: string | undefined;
  /** Under which approval it runs, with who gave it. */
  readonly approval: Readonly<Record<string, unknown>> | undefined;
  /** It was handed to the warehouse. */
  readonly wasSent: boolean;
  /** So was its COMMIT, or was about to be. */
  readonly mayBeCommitted: boolean;
}

/** Clocks of two processes differ by less. */
const CLOCKS_DIFFER_MS = 300_000;

/** What has an outcome is not begun again, whatever is written of it later. */
const FINAL: ReadonlySet<string> = new Set([
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_refused',
  'statement_settled',
  'approval_expired',
  'approval_withdrawn',
]);
/** After these it may be begun again: it waits for a person, or its approval was given back. */
const PAUSES: ReadonlySet<string> = new Set(['approval_asked', 'approval_released']);
const SENT = 'statement_sent';

const KINDS = [...FINAL, ...PAUSES, 'statement_submitted', 'estimate_asked', 'approval_used', SENT];

const EVENTS = `
  SELECT ${EVENT_COLUMNS} FROM event e
  WHERE e.session_id = $1 AND e.statement_id = $2 AND e.at >= $3 AND e.kind = ANY($4) ORDER BY e.position`;

const bodyShape = z
  .looseObject({
    verdict: z.unknown(),
    explain: z.unknown(),
    approval: z.unknown(),
    reviewers: z.unknown(),
    standing: z.unknown(),
    use: z.unknown(),
    step: z.unknown(),
    found: z.unknown(),
    waiting: z.unknown(),
  })
  .partial()
  .catch({});
const bodyOf = ({ body }: RawEvent) => bodyShape.parse(JSON.parse(body));
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Whether an event begins a statement, or goes on with one that was begun: none of those that wait, or are explained. */
const isBeginning = (event: RawEvent): boolean => {
  if (event.kind !== 'statement_submitted') return true;
  const { verdict, explain } = bodyOf(event);
  return verdict === 'allow' && explain === false;
};

/** What was sent under a use of its approval that is over says nothing of the one after it. */
function sent(state: UnderWay | undefined, event: RawEvent): UnderWay | undefined {
  const { use, step } = bodyOf(event);
  if (!state || (use !== undefined && use !== state.useId)) return state;
  return { ...state, wasSent: true, mayBeCommitted: state.mayBeCommitted || step === 'commit' };
}

/** Whether an approval was given back too late, or for another use of it: the statement goes on (approval/values/words.ts). */
function isVoid(state: UnderWay | undefined, event: RawEvent): boolean {
  if (!state || event.kind !== 'approval_released') return false;
  const { use, found } = bodyOf(event);
  return isOvertaken({ use: textOf(use), found: textOf(found) }, state.use, state.wasSent, state.mayBeCommitted);
}

/**
 * undefined where it was not begun, or has ended. That it was begun, and when, is believed by the signature of the gateway that began it;
 * that it was sent, waits or has ended by whoever says so, since nothing is given back for that.
 */
export async function underWay(
  queries: Pick<Pool, 'query'>,
  statement: string,
  session: string,
  proving: Proving,
): Promise<UnderWay | undefined> {
  const from = new Date(Math.max(0, timeOfId(statement) - CLOCKS_DIFFER_MS));
  const { rows } = await queries.query<RawEvent>(EVENTS, [session, statement, from, KINDS]);
  let state: UnderWay | undefined;
  const first = new FirstOnly();
  for (const event of rows) {
    const { kind, position } = event;
    const isFirst = first.isFirst(event);
    if (FINAL.has(kind)) return undefined;
    // Asked for once more: that says nothing of how it stands.
    if (kind === 'approval_asked' && textOf(bodyOf(event).waiting) === statement) continue;
    if (PAUSES.has(kind) || !isBeginning(event)) state = isVoid(state, event) ? state : undefined;
    else if (kind === SENT) state = sent(state, event);
    else if (isFirst && (await isOurs(queries, event, proving))) {
      const at = new Date(event.at);
      const since = state && state.since < at ? state.since : at;
      const { approval, reviewers, standing, use } = bodyOf(event);
      const isUse = kind === 'approval_used' && typeof standing !== 'string';
      state = {
        since,
        use: isUse ? String(position) : state?.use,
        useId: isUse ? textOf(use) : state?.useId,
        approval:
          kind === 'approval_used'
            ? { id: approval, ...(reviewers === undefined ? {} : { reviewers }) }
            : state?.approval,
        wasSent: state?.wasSent ?? false,
        mayBeCommitted: state?.mayBeCommitted ?? false,
      };
    }
  }
  return state;
}
