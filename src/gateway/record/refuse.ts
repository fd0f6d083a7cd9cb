/** A no, written down before it is told. */
import type { Denial } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import type { Answer, AnswerBuilder, EndedApproval } from '../answer/answer.js';
import type { Counters } from './counters.js';
import type { Intent } from './intent.js';

export interface RefuseParts {
  readonly transcript: TranscriptStore;
  readonly counters: Counters;
}

/** To a statement: that is its outcome. */
export async function refuse(
  { transcript, counters }: RefuseParts,
  answer: AnswerBuilder,
  intent: Intent,
  denial: Denial,
): Promise<Answer> {
  counters.verdict('deny', denial.code);
  await transcript.recorder.append(intent.event('statement_refused', { denial }));
  return answer.denied(denial);
}

/** To whoever asks for the statement of an approval; the statement itself, which another call may run, has its own outcome. */
export async function refuseAgain(
  { transcript, counters }: RefuseParts,
  answer: AnswerBuilder,
  intent: Intent,
  approval: string,
  denial: Denial,
  ended?: EndedApproval,
): Promise<Answer> {
  counters.verdict('deny', denial.code);
  await transcript.recorder.append(
    intent.event('approval_refused', { approval, denial, ...(ended === undefined ? {} : { was: ended.state }) }),
  );
  return answer.denied(denial, ended);
}
