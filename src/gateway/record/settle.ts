/**
 * Statements whose outcome nobody wrote down: their gateway was killed, or lost the store at the wrong moment. What became of them is
 * read from the warehouse's own history by the tag that each was sent with. Rows say where to look; that a statement was begun, when,
 * and that it has no outcome is what the record says (under-way.ts).
 */
import { z } from 'zod';
import type { Approvals } from '../../approval/index.js';
import { endsWithOurs, RecorderUnavailable, type TranscriptStore, trustedKeys } from '../../transcript/index.js';
import type { HistoryEntry, PoolKey, Warehouse } from '../../warehouse/index.js';
import { type Ending, endingOf, tracesOf } from './traces.js';
import { type UnderWay, underWay } from './under-way.js';

const AT_ONCE = 200;
/** Where the history can't be read for so long, it is said to be unknown. */
const GIVE_UP_MS = 3_600_000;
const CLOCKS_DIFFER_MS = 300_000;
/** For so long the history knows of a statement: Snowflake's function has seven days (documentation page functions/query_history). */
const REMEMBERED_MS = 6 * 86_400_000;
/** What the history lacks sooner after its beginning may only not be there yet. */
const NOT_YET_MS = 5000;
/** A COMMIT that nobody answered may still be on its way: the driver asks again for up to five minutes (its `retryTimeout`). */
const COMMIT_ON_ITS_WAY_MS = 600_000;

const LOST = `
  SELECT r.statement_id AS statement, r.session_id AS session, r.since::text AS since
  FROM running r LEFT JOIN writer w ON w.id = r.writer
  WHERE (w.settled_at IS NOT NULL OR r.statement_id = ANY($1)) AND (r.since, r.statement_id) > ($2::timestamptz, $3::uuid)
  ORDER BY r.since, r.statement_id LIMIT ${AT_ONCE}`;

const lostRow = z.object({ statement: z.string(), session: z.string(), since: z.string() });
type LostRow = z.infer<typeof lostRow>;

interface Lost extends UnderWay {
  readonly statement: string;
  readonly session: string;
}

export interface SettleParts {
  readonly transcript: TranscriptStore;
  readonly approvals: Approvals;
  readonly warehouse: Warehouse;
  /** With which roles the history may be asked: any of them will do. */
  readonly roles: () => readonly PoolKey[];
  /** Milliseconds of silence after which a process is taken for dead. */
  readonly silentMs: number;
  /** How long, beside that, a statement that was taken up may wait for a connection before it leaves. */
  readonly waitMs?: number;
  readonly onProblem: (problem: string, error: unknown) => void;
  /** Milliseconds since the epoch; this machine's clock if nothing is said. */
  readonly now?: () => number;
}

const LOST_WRITERS = `
  SELECT c.session_id AS id FROM settle_writer($1 * interval '1 millisecond') w JOIN chain c ON c.session_id = w.id WHERE c.is_open`;

/** Processes that are silent are taken for dead: their own sessions end here. Those that ended as they should have said so. */
async function closeLost({ pool, recorder, keys }: TranscriptStore, silentMs: number): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(LOST_WRITERS, [silentMs]);
  // Rows of processes that never were are nobody's sessions: nothing of ours is written into them.
  for (const { id } of rows)
    if (await endsWithOurs(pool, id, { keys: trustedKeys(keys) }))
      await recorder.append({
        kind: 'session_closed',
        sessionId: id,
        statementId: undefined,
        body: { reason: 'lost' },
      });
}

/** Those of the rows that the record knows as begun and not ended; the others count for nothing, and are told of. */
async function lostStatements(
  { pool, keys, onForged }: TranscriptStore,
  left: readonly string[],
): Promise<readonly Lost[]> {
  const lost: Lost[] = [];
  let [since, last] = ['-infinity', '00000000-0000-0000-0000-000000000000'];
  for (;;) {
    const page: LostRow[] = z.array(lostRow).parse((await pool.query(LOST, [left, since, last])).rows);
    for (const { statement, session } of page) {
      const state = await underWay(pool, statement, session, { keys: trustedKeys(keys) });
      if (state) lost.push({ ...state, statement, session });
      else if (await isStillThere(pool, statement))
        onForged(
          `The statement ${statement} passes for running, and the record does not say so. It counts for nothing.`,
        );
    }
    const end = page.at(-1);
    if (!end || page.length < AT_ONCE || lost.length >= AT_ONCE) return lost;
    [since, last] = [end.since, end.statement];
  }
}

/** An outcome takes the row with it: one that is there after its outcome was put in. */
async function isStillThere(pool: TranscriptStore['pool'], statement: string): Promise<boolean> {
  const { rowCount } = await pool.query('SELECT FROM running WHERE statement_id = $1', [statement]);
  return rowCount === 1;
}

/** Whether the history says all that it will ever say. `isLeft`: by this process, which lives and may have something on its way. */
function isKnown(ending: Ending, age: number, isLeft: boolean): boolean {
  switch (ending.kind) {
    case 'running':
      return false;
    case 'never left':
      return age >= NOT_YET_MS;
    case 'taken back':
      return ending.isSure || age >= (isLeft ? COMMIT_ON_ITS_WAY_MS : NOT_YET_MS);
    case 'ended':
      return true;
  }
}

function bodyOf(ending: Ending, hasHistory: boolean, mayBeCommitted: boolean): Readonly<Record<string, unknown>> {
  switch (ending.kind) {
    case 'never left':
    case 'running':
      return { state: 'unknown', found: hasHistory ? ending.kind === 'running' : null };
    case 'taken back':
      // Its COMMIT left, or was about to: that a history lacks it does not say that it never comes.
      if (mayBeCommitted && !ending.isSure) return { state: 'unknown', found: true, query_id: ending.entry.queryId };
      return { state: 'failed', found: true, query_id: ending.entry.queryId, rows: null, code: 'ROLLED_BACK' };
    case 'ended': {
      const { state, queryId, rows, durationMs, errorCode } = ending.entry;
      return { state, found: true, query_id: queryId, rows, duration_ms: durationMs, code: errorCode };
    }
  }
}

/** How many were settled. Throws RecorderUnavailable. */
export async function settle({
  transcript,
  approvals,
  warehouse,
  roles,
  silentMs,
  waitMs = 0,
  onProblem,
  now = Date.now,
}: SettleParts): Promise<number> {
  const { recorder, sessions } = transcript;
  await closeLost(transcript, silentMs);
  const left = recorder.takeLeft();
  const lost = await lostStatements(transcript, left);
  if (lost.length === 0) return 0;
  const oldest = now() - REMEMBERED_MS;
  const first = Math.max(oldest, Math.min(...lost.map(({ since }) => since.getTime())));
  let history: readonly HistoryEntry[] | undefined;
  let problem: unknown;
  for (const key of roles()) {
    try {
      history = await warehouse.history(key, { since: new Date(first - CLOCKS_DIFFER_MS) });
      break;
    } catch (error) {
      problem = error;
    }
  }
  if (!history) onProblem("The warehouse's history can't be read, so lost statements stay unsettled.", problem);
  const traces = tracesOf(history ?? []);
  let settled = 0;
  for (const { statement, session, since, use, useId, approval, wasSent, mayBeCommitted } of lost) {
    const ending = endingOf(traces.get(statement), useId);
    const age = now() - since.getTime();
    const isLeft = left.includes(statement);
    // Whoever it is that passes for dead: nobody can have been silent for longer than its statement is old. And what somebody said yes to
    // once may be on its way for a while, whatever became of its request.
    const isYoung = use === undefined ? age < silentMs && !isLeft : age < silentMs + waitMs;
    // What is not known yet is asked for again: by others, or by us.
    if ((isYoung || !(history && isKnown(ending, age, isLeft))) && age <= GIVE_UP_MS) {
      if (isLeft) recorder.leaveAgain(statement);
      continue;
    }
    const isSure = ending.kind === 'taken back' && ending.isSure;
    const isTakenBack = ending.kind === 'taken back' && (isSure || !mayBeCommitted);
    // What was sent, as the record says, has not "never left" because a history lacks it; nor has what is older than any history.
    const neverLeft = ending.kind === 'never left' && !wasSent && since.getTime() >= oldest;
    if (history && use !== undefined && (isTakenBack || neverLeft)) {
      // It changed nothing: whoever had a person's word for it may use that again, unless somebody has begun to already.
      const given = await approvals.release(statement, { use, isTakenBack, isSure });
      if (given === 'released') settled++;
      if (given !== 'none') continue;
    }
    const joined = await transcript.joined(session, statement, approval);
    const body = { ...bodyOf(ending, history !== undefined, mayBeCommitted), ...joined };
    await sessions.learnKey(session);
    // Another replica may have been quicker.
    await recorder.append({ kind: 'statement_settled', sessionId: session, statementId: statement, body }).then(
      () => settled++,
      (error: unknown) => {
        if (!(error instanceof RecorderUnavailable) || !recorder.isHealthy) throw error;
      },
    );
  }
  return settled;
}
