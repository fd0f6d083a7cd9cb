/** An approval, used once: for the very statement that was asked for, under the rules that it was asked for by. */
import { randomUUID } from 'node:crypto';
import type { Approval, Approvals } from '../../approval/index.js';
import type { Warehouse } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder, EndedApproval, QueryRequest } from '../answer/answer.js';
import { CHANGED_APPROVAL, endedOf, overDenial, TOKEN_ENDED, UNUSABLE_APPROVAL, usedUp } from '../answer/denials.js';
import { isOutage, NOTHING_JUDGED } from '../judge/judged.js';
import { type Caller, type Rules, type Whose, whoseOf } from '../judge/whose.js';
import type { Judging } from '../limits/judging.js';
import { authorOf, Intent } from '../record/intent.js';
import { type RefuseParts, refuse, refuseAgain } from '../record/refuse.js';
import { unmetRule } from '../weigh/bounded.js';
import { clearedBy } from '../weigh/cleared.js';
import { isTokenOver } from '../weigh/overtaken.js';
import { leave } from '../weigh/running.js';
import { type WeighParts, weigh } from '../weigh/weigh.js';
import { fitsOf } from './asking.js';
import { circumstancesOf } from './own.js';
import type { Pending } from './pending.js';
import { answered, grantedOf, type NoticesParts, reviewersOf, stillOpen, type Word } from './word.js';

export interface UseParts extends Rules, RefuseParts, WeighParts, NoticesParts {
  readonly approvals: Approvals;
  readonly judging: Judging;
  readonly pending: Pending;
  readonly warehouse: Warehouse;
}

const firstReported = ({ reported }: Approval): QueryRequest['reported'] =>
  reported && {
    prompt: reported.prompt,
    // Of earlier versions nobody said who tells it.
    job: reported.job && { source: reported.job_source ?? 'connection', parts: reported.job },
  };

/** Cleared for exactly one caller. Throws RecorderUnavailable. */
export async function use(
  parts: UseParts,
  answer: AnswerBuilder,
  approval: Approval,
  caller: Caller,
  request: Omit<QueryRequest, 'sql' | 'binds'> & Partial<Pick<QueryRequest, 'sql'>>,
): Promise<Word> {
  const { approvals, transcript, judging, pending } = parts;
  const { id, session_id: session, statement_id: statementId } = approval;
  const whose = whoseOf(parts, caller, answer.askedAt);
  const author = authorOf(transcript, whose);
  answer.session = session;
  answer.statementId = statementId;
  const full: QueryRequest = {
    ...request,
    sql: approval.statement,
    binds: approval.binds,
    purpose: approval.purpose ?? undefined,
    // What it was first asked with: of whoever asks for it now the event of its use tells.
    reported: firstReported(approval),
    goesOn: true,
    format: approval.format,
  };
  const ended = endedOf(approval);
  if (ended) {
    const intent = new Intent(author, session, statementId, full, NOTHING_JUDGED);
    return answered(await overAgain(parts, answer, intent, approval, ended));
  }
  const circumstances = circumstancesOf(parts, whose.policies);
  const judged = await judging.inTurn(whose, full);
  const intent = new Intent(author, session, statementId, full, judged);
  // Nothing of it is used up by whoever may no longer ask.
  if (isTokenOver(whose, parts.now())) return answered(await refuseAgain(parts, answer, intent, id, TOKEN_ENDED));
  // That the warehouse is away says nothing of the approval: it stays what it is.
  if (judged.denial && isOutage(judged.denial)) {
    const hint = `${judged.denial.hint ?? ''} The approval stays what it is: ask for it again.`;
    return answered(answer.stopped({ ...judged.denial, hint }));
  }
  const isOutdated =
    approval.policy_version !== judged.version || approval.sent !== judged.sent || approval.fits !== fitsOf(judged);
  if (judged.denial || isOutdated || !judged.verdict) {
    await approvals.outdate(id);
    return answered(await refuseAgain(parts, answer, intent, id, judged.denial ?? CHANGED_APPROVAL));
  }
  if (approval.state === 'pending') {
    pending.fits(id, circumstances);
    return answered(await stillOpen(parts, answer, approval));
  }
  const reviewers = reviewersOf(approval);
  const useId = randomUUID();
  // Whoever asks for it now may say another reason than it was first sent with.
  const asking = new Intent(
    author,
    session,
    statementId,
    { ...request, sql: request.sql ?? approval.statement },
    judged,
  );
  const begin = (): Promise<void> =>
    transcript.recorder
      .append(
        intent.event('approval_used', {
          approval: id,
          use: useId,
          reviewers,
          ...asking.wordsBeside(approval.statement),
        }),
      )
      .then(() => undefined);
  if (!(await approvals.use(id, begin))) {
    // Another call was quicker, or it is over since.
    const since = (await approvals.get(id)) ?? approval;
    return answered(await overAgain(parts, answer, intent, since, endedOf(since)));
  }
  let word: Word | undefined;
  try {
    word = await weighedAgain(parts, answer, intent, whose, approval, useId);
    return word;
  } finally {
    // What is cleared is left by whoever runs it.
    if (word?.kind !== 'cleared') leave(parts, statementId);
  }
}

/**
 * What became of it is in the record already, so that nothing is added but that it was asked for after its use: once, however often it is
 * asked for.
 */
async function overAgain(
  parts: UseParts,
  answer: AnswerBuilder,
  intent: Intent,
  approval: Approval,
  ended: EndedApproval | undefined,
): Promise<Answer> {
  const { id, decisions } = approval;
  if (!ended) return refuseAgain(parts, answer, intent, id, UNUSABLE_APPROVAL);
  const denial = overDenial(ended, decisions);
  if (ended.state === 'used')
    await parts.approvals.tellUsed(approval, () => refuseAgain(parts, answer, intent, id, denial, ended));
  return answer.denied(denial, ended);
}

/** What rules say of bytes and rows may have come true meanwhile, and a rule that asks others, too. */
async function weighedAgain(
  parts: UseParts,
  answer: AnswerBuilder,
  intent: Intent,
  whose: Whose,
  approval: Approval,
  useId: string,
): Promise<Word> {
  const { approvals } = parts;
  const granted = grantedOf(approval);
  const weighed = await weigh(parts, intent, whose);
  const { verdict, denial } = weighed.judged;
  const isUnmet = verdict && unmetRule(verdict, granted) !== undefined;
  const over = denial ?? (isUnmet ? CHANGED_APPROVAL : undefined);
  if (over) return answered(await refuse(parts, answer, intent, isOutage(over) ? usedUp(over) : over));
  const holds = (say: (() => Promise<void>) | undefined): Promise<boolean> =>
    say ? approvals.leaves(approval, useId, say) : approvals.isStillUsed(approval, useId);
  weighed.permit = { id: approval.id, use: useId, reviewers: reviewersOf(approval), holds };
  return clearedBy(parts, weighed, whose, granted);
}
