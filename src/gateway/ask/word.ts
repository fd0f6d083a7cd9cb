/** What came of asking a person: the statement may run, or the agent has its answer for now. */
import type { Approval } from '../../approval/index.js';
import { type Answer, type AnswerBuilder, type Notice, openApproval } from '../answer/answer.js';
import type { Granted } from '../weigh/bounded.js';
import type { Cleared } from '../weigh/cleared.js';

interface Answered {
  readonly kind: 'answered';
  readonly answer: Answer;
}

export type Word = Cleared | Answered;

export const answered = (answer: Answer): Answered => ({ kind: 'answered', answer });

export interface NoticesParts {
  /** Who was told that a statement waits, as far as that is known. */
  readonly notices: (approval: Pick<Approval, 'session_id' | 'statement_id'>) => Promise<readonly Notice[]>;
}

/** Nobody has decided yet. */
export const stillOpen = async (
  { notices }: NoticesParts,
  answer: AnswerBuilder,
  approval: Parameters<typeof openApproval>[0] & Pick<Approval, 'session_id' | 'statement_id'>,
): Promise<Answer> =>
  answer.finish({ status: 'approval_required', approval: openApproval(approval, await notices(approval)) });

/** What an approval's reviewers said yes to. */
export const grantedOf = ({ requirements, about }: Approval): Granted => ({
  rules: new Set(requirements.map(({ rule }) => rule)),
  rows: about?.estimate.rows ?? undefined,
});

/** Who said yes, by the name that the record has for each. */
export const reviewersOf = ({ decisions }: Pick<Approval, 'decisions'>): string[] =>
  decisions.filter(({ decision }) => decision === 'approve').map(({ reviewer }) => reviewer);
