/** A change that stays only if it touched no more rows than it may: else it is rolled back, and that is its outcome. */
import type { Principal } from '../../identity/index.js';
import type { Denial } from '../../policy/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder } from '../answer/answer.js';
import { STANDING_ENDED, STOOD_STILL } from '../answer/denials.js';
import { keyOf } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';
import type { Bound } from '../weigh/bounded.js';
import { NotSent } from '../weigh/overtaken.js';
import { type CompleteParts, complete } from './complete.js';
import { isTheirs, type StandParts, stand } from './last-moment.js';

export async function boundedRun(
  parts: CompleteParts & StandParts,
  answer: AnswerBuilder,
  intent: Intent,
  principal: Principal,
  options: Parameters<Warehouse['run']>[2],
  bound: Bound,
): Promise<Answer> {
  const { warehouse, transcript } = parts;
  const { verdict, sent } = intent.judged;
  if (!verdict || sent === undefined) throw new Error('A statement without a verdict came to be run.');
  let denial: Denial | undefined;
  const { isCommitted, result, rows } = await warehouse.runBounded(keyOf(verdict, principal), sent, {
    ...options,
    tags: { begin: intent.tagOf('begin'), commit: intent.tagOf('commit'), rollback: intent.tagOf('rollback') },
    mayStay: async (changed, queryId) => {
      denial = bound(changed);
      if (denial && !(await isTheirs(intent))) denial = STOOD_STILL;
      if (denial) return false;
      try {
        // Whoever took this process for dead has read in the history that nothing was committed.
        await stand(parts, intent, true, { queryId });
      } catch (error) {
        if (!(error instanceof NotSent)) throw error;
        denial = error.denial === STANDING_ENDED ? STANDING_ENDED : STOOD_STILL;
      }
      return denial === undefined;
    },
  });
  if (isCommitted) {
    answer.hasRun = true;
    return complete(parts, answer, intent, principal, verdict, result);
  }
  const refused = denial ?? STOOD_STILL;
  const sentEvents = intent.sent(result.queryId);
  // Without an outcome: this process, or whoever was quicker, settles what the history says.
  if (refused === STOOD_STILL) await transcript.recorder.appendAll(sentEvents);
  else
    await transcript.recorder.appendAll([
      ...sentEvents,
      intent.event('statement_failed', {
        code: refused.code,
        sql_state: null,
        message: refused.message,
        query_id: result.queryId,
        duration_ms: Math.round(answer.elapsed),
        rolled_back: true,
        rows_touched: rows ?? null,
      }),
    ]);
  return answer.stopped(refused);
}
