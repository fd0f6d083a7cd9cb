/** What was asked before a wait is asked again after it, with the connection in hand: then the statement leaves. */
import type { TranscriptStore } from '../../transcript/index.js';
import { CHANGED_APPROVAL, RAN_MEANWHILE, RULES_CHANGED, STANDING_ENDED, STILL, UNHEARD } from '../answer/denials.js';
import { isChange } from '../judge/judged.js';
import type { Rules, Whose } from '../judge/whose.js';
import type { Intent } from '../record/intent.js';
import { NotSent, notOvertaken } from '../weigh/overtaken.js';

export interface StandParts {
  readonly transcript: TranscriptStore;
  /**
   * Whether others hear that this process is alive, and none of them took it for dead while it runs this statement. One that stood still
   * for long may have been, and what was approved given to another.
   */
  readonly isHeard?: (statementId: string) => boolean;
}

/**
 * Whether nobody took this process for dead, and the approval is this statement's still; a change, and what a person said yes to, is said
 * to leave before it does (to be committed, where it is told so). Throws NotSent.
 */
export async function stand(
  parts: StandParts,
  intent: Intent,
  isLast: boolean,
  commits?: { readonly queryId: string | undefined },
): Promise<void> {
  const { permit, statementId } = intent;
  const isSaid = isLast && (permit !== undefined || isChange(intent.judged));
  const say = async (): Promise<void> => {
    await parts.transcript.recorder.append(intent.leaving(commits));
    intent.isSentRecorded = true;
  };
  const isDead = (): boolean => parts.isHeard?.(statementId) === false;
  const unheard = permit?.use === undefined ? STILL : UNHEARD;
  if (isDead()) throw new NotSent(unheard);
  let holds = true;
  if (permit) holds = await permit.holds(isSaid ? say : undefined);
  else if (isSaid && intent.replaces) {
    if (!(await intent.replaces(say))) throw new NotSent(RAN_MEANWHILE);
  } else if (isSaid) await say();
  if (!holds) throw new NotSent(permit?.use === undefined ? STANDING_ENDED : UNHEARD);
  // And again: whoever writes under a name that was taken for dead hears so.
  if (isDead()) throw new NotSent(unheard);
}

/** Whether what came of it may be written down: of a use that was given back meanwhile the outcome is another's. */
export async function isTheirs({ permit, isSentRecorded }: Intent): Promise<boolean> {
  return permit?.use === undefined || isSentRecorded || permit.holds(undefined);
}

/** `isFree`: nothing is asked again before what it does holds. Throws NotSent. */
export async function lastMoment(
  parts: StandParts & Rules,
  intent: Intent,
  whose: Whose,
  isFree: boolean,
): Promise<void> {
  await notOvertaken(parts, whose, intent.permit === undefined ? RULES_CHANGED : CHANGED_APPROVAL);
  await stand(parts, intent, isFree);
  intent.sentAt = new Date();
}
