/** A statement that waits for a person: what has become of it, and how its agent takes it back. */
import { randomUUID } from 'node:crypto';
import { type Answer, AnswerBuilder } from './answer/answer.js';
import { endedOf, NO_APPROVAL, overDenial, UNUSABLE_APPROVAL } from './answer/denials.js';
import { awaited, circumstancesOf, ownApproval, type Waiting, wholeOf } from './ask/own.js';
import { type UseParts, use } from './ask/use.js';
import { stillOpen } from './ask/word.js';
import { type Caller, rulesFor } from './judge/whose.js';
import { type DownloadableParts, undownloadable } from './limits/downloadable.js';
import { type FailureParts, failure } from './record/failure.js';
import { type RunParts, run } from './run/run.js';

export type ResumeParts = UseParts & RunParts & FailureParts & DownloadableParts;

/** Once it is approved, runs the statement, exactly once. Waits for a decision as long as it is told to. */
export async function resume(parts: ResumeParts, caller: Caller, id: string, request: Waiting): Promise<Answer> {
  const { principal } = caller;
  const answer = new AnswerBuilder(randomUUID(), performance.now(), parts.now());
  try {
    await parts.transcript.ensureAlive();
    const seen = await awaited(parts, principal, id, request);
    if (!seen) return answer.finish({ status: 'error', error: NO_APPROVAL });
    answer.session = seen.session_id;
    answer.statementId = seen.statement_id;
    if (seen.state === 'pending' && parts.pending.isFitting(id, circumstancesOf(parts, rulesFor(parts, principal))))
      return await stillOpen(parts, answer, seen);
    const approval = await wholeOf(parts.approvals, principal, seen);
    if (!approval) return answer.finish({ status: 'error', error: NO_APPROVAL });
    const { format } = approval;
    const isLeft = approval.state === 'pending' || approval.state === 'approved';
    const unasked = isLeft ? await undownloadable(parts, principal, { ...request, format }) : undefined;
    if (unasked) return answer.finish({ status: 'error', error: unasked });
    const word = await use(parts, answer, approval, caller, request);
    return word.kind === 'answered' ? word.answer : await run(parts, answer, word);
  } catch (error) {
    return failure(parts, answer, error);
  }
}

/** The agent no longer wants what it asked for. */
export async function withdraw(
  parts: ResumeParts,
  { principal }: Caller,
  id: string,
  reason: string | undefined,
): Promise<Answer> {
  const { approvals } = parts;
  const answer = new AnswerBuilder(randomUUID(), performance.now(), parts.now());
  try {
    await parts.transcript.ensureAlive();
    const approval = await ownApproval(approvals, principal, id);
    if (!approval) return answer.finish({ status: 'error', error: NO_APPROVAL });
    answer.session = approval.session_id;
    answer.statementId = approval.statement_id;
    await approvals.withdraw(id, reason);
    const after = (await ownApproval(approvals, principal, id)) ?? approval;
    const ended = endedOf(after);
    return ended ? answer.denied(overDenial(ended, after.decisions), ended) : answer.denied(UNUSABLE_APPROVAL);
  } catch (error) {
    return failure(parts, answer, error);
  }
}
