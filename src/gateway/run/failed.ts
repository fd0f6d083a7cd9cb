/** What came of a statement that did not run to its end, or never left. */
import type { Denial, Verdict } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { CommitUnknown, StatementCancelled, StatementFailed, WarehouseUnavailable } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder } from '../answer/answer.js';
import {
  COMMIT_UNKNOWN,
  cutOffDenial,
  GIVEN_BACK,
  LOOK,
  STILL,
  STOOD_STILL,
  tooSlow,
  usedUp,
} from '../answer/denials.js';
import { errorText } from '../answer/own-words.js';
import { isChange, unreachable } from '../judge/judged.js';
import type { Counters, Log } from '../record/counters.js';
import type { Intent } from '../record/intent.js';
import { refuse, refuseAgain } from '../record/refuse.js';
import type { NotSent } from '../weigh/overtaken.js';
import { isTheirs } from './last-moment.js';

export interface FailedParts {
  readonly transcript: TranscriptStore;
  readonly counters: Counters;
  readonly log: Log;
}

/**
 * Nothing of it left. Where the rules are others it is over; else no outcome is written: whoever has taken the approval up meanwhile has
 * the statement, or it is given back, or settled as what it is.
 */
export async function notSent(
  parts: FailedParts,
  answer: AnswerBuilder,
  intent: Intent,
  { denial }: NotSent,
): Promise<Answer> {
  const { permit } = intent;
  if (permit?.use !== undefined && GIVEN_BACK.has(denial)) return refuseAgain(parts, answer, intent, permit.id, denial);
  if (denial !== STILL) return refuse(parts, answer, intent, denial);
  parts.counters.verdict('deny', denial.code);
  return answer.denied(denial);
}

/** Throws what is no outcome of the statement. */
export async function failed(
  parts: FailedParts,
  answer: AnswerBuilder,
  intent: Intent,
  verdict: Verdict,
  error: unknown,
): Promise<Answer> {
  const { recorder } = parts.transcript;
  const duration = { duration_ms: Math.round(answer.elapsed) };
  const isCutOff = error instanceof StatementCancelled || error instanceof WarehouseUnavailable;
  if (intent.permit && intent.sentAt && !(await isTheirs(intent)))
    return refuseAgain(parts, answer, intent, intent.permit.id, STOOD_STILL);
  if (isCutOff && intent.sentAt && isChange(intent.judged)) {
    // It may have been made, whatever cut us off from hearing so: its outcome is what the warehouse's history says of it.
    await recorder.appendAll(intent.sent(undefined));
    if (error instanceof WarehouseUnavailable) {
      logOutage(parts, error);
      return answer.stopped(outOfReach(error, intent, true));
    }
    return answer.stopped(cutOffDenial(error.reason === 'timeout' ? verdict : undefined));
  }
  if (error instanceof StatementCancelled) {
    await recorder.appendAll([
      ...intent.sent(undefined),
      intent.event('statement_cancelled', { reason: error.reason, ...duration }),
    ]);
    if (error.reason === 'timeout') return answer.stopped(tooSlow(verdict));
    return answer.finish({ status: 'error', error: { code: 'CANCELLED', message: error.message, isOurs: true } });
  }
  if (error instanceof StatementFailed) {
    const message = errorText(error, intent.judged, verdict);
    await recorder.appendAll([
      ...intent.sent(error.queryId),
      intent.event('statement_failed', {
        code: error.code,
        sql_state: error.sqlState ?? null,
        message,
        query_id: error.queryId ?? null,
        ...duration,
      }),
    ]);
    return answer.finish({ status: 'error', error: { code: error.code, message }, queryId: error.queryId ?? null });
  }
  // Without an outcome: it is settled from the warehouse's history.
  if (error instanceof CommitUnknown) {
    parts.log.error({ err: error, statement: intent.statementId }, 'a COMMIT was not answered');
    await recorder.appendAll(intent.sent(error.queryId));
    return answer.stopped(COMMIT_UNKNOWN);
  }
  if (error instanceof WarehouseUnavailable) {
    logOutage(parts, error);
    const denial = outOfReach(error, intent, false);
    await recorder.append(intent.event('statement_failed', { code: denial.code, message: error.message, ...duration }));
    return answer.stopped(denial);
  }
  throw error;
}

const logOutage = ({ log }: FailedParts, error: WarehouseUnavailable): void =>
  log.error({ err: error }, 'the warehouse is not reachable');

/** It was let run, and the warehouse was away: what became of it, and whether the approval that it ran under is used up by that. */
function outOfReach(error: WarehouseUnavailable, { permit }: Intent, mayHaveRun: boolean): Denial {
  const { code, message, hint } = unreachable(error);
  if (mayHaveRun)
    return { code, message: `${message} The change was sent before, and may have been made.`, hint: LOOK };
  const denial = { code, message: `${message} The statement was not run to its end.`, hint };
  return permit?.use === undefined ? denial : usedUp(denial);
}
