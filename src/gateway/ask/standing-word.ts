/** A word that was given before for statements of this shape. */
import type { Approval, Approvals, Standing, StandingQuestion } from '../../approval/index.js';
import type { Estimate, Verdict } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { isChange } from '../judge/judged.js';
import type { Intent } from '../record/intent.js';
import { type Granted, mostRows } from '../weigh/bounded.js';
import { grantedOf, reviewersOf } from './word.js';

export interface StandingWord {
  /** undefined where there is none that could let this statement run. */
  readonly standing: Standing | undefined;
  /** The approval that it came of. */
  readonly given: Approval | undefined;
  readonly granted: Granted | undefined;
  /** Nobody was told how many rows. */
  readonly isUnbound: boolean;
}

export async function standingWord(
  approvals: Approvals,
  question: StandingQuestion,
  { judged }: Intent,
): Promise<StandingWord> {
  const found = await approvals.standing(question);
  const given = found && (await approvals.get(found.approval_id));
  const granted = given && grantedOf(given);
  const isUnbound = found !== undefined && granted?.rows === undefined;
  // Nobody was told how many rows: a yes to one such change is none to others, which may touch any number.
  return { standing: isUnbound && isChange(judged) ? undefined : found, given, granted, isUnbound };
}

/** Whether so many rows are more than its reviewers were told of: that is a new question. */
export const isMore = ({ granted }: StandingWord, rows: number | undefined, verdict: Verdict): boolean =>
  granted?.rows !== undefined && rows !== undefined && rows > mostRows(granted.rows, verdict);

/** Whether the statement runs under it: one more use of it is counted then, and the statement bears its permit. */
export async function usesStanding(
  { approvals, transcript }: { readonly approvals: Approvals; readonly transcript: TranscriptStore },
  word: StandingWord,
  question: StandingQuestion & { readonly same: string },
  intent: Intent,
  size: Estimate,
  verdict: Verdict,
): Promise<boolean> {
  const { standing, given } = word;
  if (!standing || !given || isMore(word, size.rows, verdict)) return false;
  const begin = async (): Promise<void> => {
    const { approval_id: approval, id } = standing;
    await transcript.recorder.append(
      intent.event('approval_used', { approval, standing: id, reviewers: reviewersOf(given) }),
    );
  };
  if (!(await approvals.useStanding(standing.id, question, intent.statementId, begin))) return false;
  intent.permit = {
    id: given.id,
    use: undefined,
    reviewers: reviewersOf(given),
    holds: async (say) => {
      const holds = await approvals.isStillStanding(given, standing.id);
      if (holds) await say?.();
      return holds;
    },
  };
  return true;
}
