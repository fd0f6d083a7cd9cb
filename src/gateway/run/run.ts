/** A statement that is cleared, run: confirmed by Snowflake's compiler, sent, and answered with what came of it. */
import type { Answer, AnswerBuilder } from '../answer/answer.js';
import { tooMany } from '../answer/denials.js';
import { NO_ROWS, pageSize } from '../answer/page.js';
import { keyOf, type Rules } from '../judge/whose.js';
import { refuse } from '../record/refuse.js';
import type { Cleared } from '../weigh/cleared.js';
import { NotSent } from '../weigh/overtaken.js';
import { leave, placeFor, type Running } from '../weigh/running.js';
import { boundedRun } from './bounded-run.js';
import { type CompleteParts, complete } from './complete.js';
import { type ConfirmParts, confirm } from './confirm.js';
import { failed, notSent } from './failed.js';
import { isKept } from './keep.js';
import { lastMoment, type StandParts } from './last-moment.js';

export interface RunParts extends CompleteParts, ConfirmParts, StandParts, Rules {
  readonly running: Running;
}

const PROGRESS_MS = 1000;

/** Within a place among the principal's statements, which is left whatever comes of it. */
export async function run(parts: RunParts, answer: AnswerBuilder, cleared: Cleared): Promise<Answer> {
  try {
    return await sentAndAnswered(parts, answer, cleared);
  } finally {
    leave(parts, cleared.intent.statementId);
  }
}

async function sentAndAnswered(
  parts: RunParts,
  answer: AnswerBuilder,
  { intent, whose, bound }: Cleared,
): Promise<Answer> {
  const { warehouse, running, counters } = parts;
  const { principal } = whose;
  const { request } = intent;
  const { verdict, sent, analysis } = intent.judged;
  if (!verdict || sent === undefined || !analysis) throw new Error('A statement without a verdict came to be run.');
  const signal = placeFor(running, intent, principal, verdict);
  if (!signal) return refuse(parts, answer, intent, tooMany(verdict));
  if (verdict.decision === 'allow') counters.verdict('allow', undefined);
  const progress = setInterval(
    () => request.onProgress?.(`running for ${Math.round(answer.elapsed / 1000)} s`),
    PROGRESS_MS,
  );
  const binds = request.binds ?? [];
  try {
    const unverified = await confirm(parts, intent, principal, binds);
    if (unverified) return await refuse(parts, answer, intent, unverified);
    const options = {
      before: () => lastMoment(parts, intent, whose, bound === undefined),
      binds,
      tag: intent.tag,
      maxResultRows: verdict.limits.rows,
      ...(isKept(request, intent.judged)
        ? NO_ROWS
        : pageSize(request.maxRows, verdict.limits.rows, verdict.limits.resultBytes)),
      timeoutMs: verdict.limits.timeoutMs,
      signal,
    };
    if (bound) return await boundedRun(parts, answer, intent, principal, options, bound);
    const result = await warehouse.run(keyOf(verdict, principal), sent, options);
    answer.hasRun = true;
    return await complete(parts, answer, intent, principal, verdict, result);
  } catch (error) {
    if (error instanceof NotSent) return await notSent(parts, answer, intent, error);
    return await failed(parts, answer, intent, verdict, error);
  } finally {
    clearInterval(progress);
    running.leave(intent.statementId);
  }
}
