/**
 * A statement that is sent again while it waits for a person: it is the one that waits, and no other. Nothing is weighed or asked a second time,
 * and the record has the repetition with the statement that it repeats.
 */
import type { AnswerBuilder } from '../answer/answer.js';
import type { Whose } from '../judge/whose.js';
import type { Budgets } from '../record/budgets.js';
import { authorOf, Intent } from '../record/intent.js';
import { refuseAgain } from '../record/refuse.js';
import { type AskParts, matterOf, questionOf } from './ask.js';
import { standingWord } from './standing-word.js';
import { use } from './use.js';
import { answered, stillOpen, type Word } from './word.js';

const STOOD_FOR = 'it was sent once more, and a standing approval stands for it';

/** undefined where it is new, or would run under a word that was given for its shape. Throws RecorderUnavailable. */
export async function askedAgain(
  parts: AskParts & { readonly budgets: Budgets },
  answer: AnswerBuilder,
  intent: Intent,
  whose: Whose,
): Promise<Word | undefined> {
  const { approvals, transcript, budgets, counters } = parts;
  const { judged, request } = intent;
  const { verdict, denial } = judged;
  const matter = denial ? undefined : matterOf(intent);
  if (!matter || !verdict) return undefined;
  const { text, same: known, fits, requirements } = matter;
  const sought = { actor: whose.principal, text, same: known, fits, policyVersion: verdict.version };
  const found = await approvals.openFor(sought);
  if (!found) return undefined;
  if (found.state === 'approved') return use(parts, answer, found, whose, request);
  const word = await standingWord(approvals, questionOf(matter, whose), intent);
  if (word.standing) {
    // It runs under a word that was given meanwhile, so nobody is asked for it any more: a yes to what has run would let it run once more.
    const stands = { standing: word.standing.id, instead: intent.statementId };
    if (await approvals.withdraw(found.id, STOOD_FOR, stands)) return undefined;
    const since = await approvals.get(found.id);
    return since?.state === 'approved' ? use(parts, answer, since, whose, request) : undefined;
  }
  const { id, binding, session_id: session, statement_id: statementId } = found;
  answer.session = session;
  answer.statementId = statementId;
  await transcript.sessions.learnKey(session);
  const same = new Intent(authorOf(transcript, whose), session, statementId, request, judged);
  const event = same.event('approval_asked', {
    approval: id,
    binding,
    requirements,
    waiting: statementId,
    ...same.wordsBeside(found.statement),
  });
  // Whether it runs by now is not for this event to say.
  const over = await budgets.append(whose.principal, verdict, { ...event, runs: undefined });
  // A no to the repetition is none to what waits.
  if (over) return answered(await refuseAgain(parts, answer, same, id, over));
  counters.verdict('approve', undefined);
  return answered(await stillOpen(parts, answer, found));
}
