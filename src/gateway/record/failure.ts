/** What could not be done at all, said plainly; a bug is logged whole and answered without its text. */
import { RecorderUnavailable, RecordInDoubt } from '../../transcript/index.js';
import { WarehouseUnavailable } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder } from '../answer/answer.js';
import { IN_DOUBT, INTERNAL, unrecordedDenial } from '../answer/denials.js';
import { unreachable } from '../judge/judged.js';
import { NotAdmitted } from '../limits/admission.js';
import type { Refusals } from '../limits/refusals.js';
import type { Counters, Log } from './counters.js';

export interface FailureParts {
  readonly log: Log;
  readonly counters: Counters;
  readonly refusals: Refusals;
}

export function failure({ log, counters, refusals }: FailureParts, answer: AnswerBuilder, error: unknown): Answer {
  if (error instanceof NotAdmitted) {
    // What was turned away is in the record as a number: whoever floods it fills it with nothing.
    counters.verdict('deny', error.denial.code);
    refusals.turnedAway(error.denial);
    return answer.denied(error.denial);
  }
  if (error instanceof RecordInDoubt) {
    counters.verdict('deny', 'RECORD_IN_DOUBT');
    return answer.denied(IN_DOUBT);
  }
  if (error instanceof RecorderUnavailable) {
    log.error({ err: error.cause }, 'the transcript store is not reachable');
    const denial = unrecordedDenial(answer.hasRun);
    // It ran, so that nobody refused it.
    if (answer.hasRun) return answer.stopped(denial);
    counters.verdict('deny', denial.code);
    return answer.denied(denial);
  }
  if (error instanceof WarehouseUnavailable) {
    log.error({ err: error }, 'the warehouse is not reachable');
    const denial = unreachable(error);
    counters.verdict('deny', denial.code);
    return answer.denied(denial);
  }
  log.error({ err: error }, 'a statement failed for a reason of our own');
  return answer.finish({ status: 'error', error: INTERNAL });
}
