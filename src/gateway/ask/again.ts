/**
 * A statement that is sent again while it waits for a person: it is the one that waits, and no other. Nothing is weighed or asked a second time,
 * and the record has the repetition with the statement that it repeats. Looked for before anything is weighed, so also where only its size
 * made a rule ask: what it was asked with is what it is held against.
 */
import type { Approval } from '../../approval/index.js';
import type { AnswerBuilder } from '../answer/answer.js';
import type { Judge } from '../judge/judge.js';
import type { Whose } from '../judge/whose.js';
import type { Budgets } from '../record/budgets.js';
import { authorOf, Intent } from '../record/intent.js';
import { refuseAgain } from '../record/refuse.js';
import { type AskParts, matterOf, openOf, questionOf } from './ask.js';
import { fitsOf } from './asking.js';
import { isMore, standingWord } from './standing-word.js';
import { use } from './use.js';
import { answered, stillOpen, type Word } from './word.js';

export interface AgainParts extends AskParts {
  readonly budgets: Budgets;
}

/** undefined where it is new, or may run under a word that was given for its shape. Throws RecorderUnavailable. */
export async function askedAgain(
  parts: AgainParts,
  answer: AnswerBuilder,
  intent: Intent,
  whose: Whose,
): Promise<Word | undefined> {
  const { transcript, budgets, counters } = parts;
  const { judged, request } = intent;
  const { verdict, denial } = judged;
  // Of all others no rule asks for anybody, whatever their size.
  if (denial || !verdict || !(verdict.decision === 'approve' || verdict.needs.bytes || verdict.needs.rows))
    return undefined;
  const found = await openOf(parts, intent, whose);
  // One of other rules, or of other tables, is over as soon as anybody asks for it.
  if (!found || found.policy_version !== verdict.version || found.fits !== fitsOf(judged)) return undefined;
  if (found.state === 'approved') return use(parts, answer, found, whose, request);
  if (await mayStand(parts, intent, whose, found)) return undefined;
  const { id, binding, requirements, session_id: session, statement_id: statementId } = found;
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

/**
 * Whether a word that was given for its shape may let it run, by the numbers that it waits with: only then is it weighed once more, and what
 * waits ends when that word is used for it, not before.
 */
async function mayStand(
  { approvals, judge }: AskParts & { readonly judge: Judge },
  intent: Intent,
  whose: Whose,
  { about }: Approval,
): Promise<boolean> {
  const { judged, request } = intent;
  const rows = about?.estimate.rows ?? undefined;
  const estimate = { bytes: about?.estimate.bytes ?? undefined, rows };
  // Rules that go by its size may ask others beside those that ask anyhow.
  const { bytes, rows: byRows } = judged.verdict?.needs ?? {};
  const asked =
    bytes || byRows ? intent.as(judge.weigh(judged, whose.principal, whose.policies, request, estimate)) : intent;
  const matter = matterOf(asked);
  if (!matter) return false;
  const word = await standingWord(approvals, questionOf(matter, whose), asked);
  return word.standing !== undefined && !isMore(word, rows, matter.verdict);
}
