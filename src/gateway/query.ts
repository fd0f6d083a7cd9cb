/** A statement's way through snowfence: each step is one call into one part, and none reaches back. */
import { timeOrderedId } from '../transcript/index.js';
import { type Answer, AnswerBuilder, type QueryRequest } from './answer/answer.js';
import { askedAgain } from './ask/again.js';
import { type AskParts, ask } from './ask/ask.js';
import type { Caller } from './judge/whose.js';
import { type AdmittedParts, admitted } from './limits/admitted.js';
import { type DownloadableParts, undownloadable } from './limits/downloadable.js';
import type { Budgets } from './record/budgets.js';
import { keepCatalog } from './record/catalog.js';
import { type FailureParts, failure } from './record/failure.js';
import { authorOf, Intent } from './record/intent.js';
import { refuse } from './record/refuse.js';
import { submit } from './record/submit.js';
import { type RunParts, run } from './run/run.js';
import type { Nearest } from './show/nearest.js';
import { leave } from './weigh/running.js';
import { weigh } from './weigh/weigh.js';

export interface QueryParts extends AdmittedParts, DownloadableParts, AskParts, RunParts, FailureParts {
  readonly budgets: Budgets;
  readonly nearest: Nearest;
}

/** The way: who, what, may it, write it down, ask a person, run it, write down what came of it, answer. */
export async function query(parts: QueryParts, caller: Caller, request: QueryRequest): Promise<Answer> {
  const statementId = timeOrderedId();
  const answer = new AnswerBuilder(statementId, performance.now(), parts.now());
  const { principal } = caller;
  try {
    const { session, whose, asked } = await admitted(parts, caller, request, answer.askedAt);
    answer.session = session;
    const unasked = await undownloadable(parts, principal, asked);
    if (unasked) return answer.finish({ status: 'error', error: unasked });
    const judged = await parts.judging.inTurn(whose, asked);
    const [hinted] = await Promise.all([
      parts.nearest.of(principal, whose.policies, judged),
      keepCatalog(parts.transcript, judged),
    ]);
    const fresh = new Intent(authorOf(parts.transcript, whose), session, statementId, asked, hinted);
    const again = await askedAgain(parts, answer, fresh, whose);
    if (again) return again.kind === 'answered' ? again.answer : await run(parts, answer, again);
    const intent = await weigh(parts, fresh, whose);
    const denial = intent.judged.denial ?? (await submit(parts, principal, intent));
    if (denial) return await refuse(parts, answer, intent, denial);
    const word = await ask(parts, answer, intent, whose);
    return word.kind === 'answered' ? word.answer : await run(parts, answer, word);
  } catch (error) {
    return failure(parts, answer, error);
  } finally {
    leave(parts, statementId);
  }
}
