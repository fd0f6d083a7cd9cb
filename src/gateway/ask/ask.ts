/** A person's word, where a rule asks for one: one that was given before, one that is there already, or a new question. */
import {
  type Approval,
  type ApprovalText,
  type Requirement,
  type StandingQuestion,
  TooManyApprovals,
} from '../../approval/index.js';
import type { Estimate, Verdict } from '../../policy/index.js';
import type { AnswerBuilder } from '../answer/answer.js';
import { NO_REVIEWER, tooMany } from '../answer/denials.js';
import { isChange } from '../judge/judged.js';
import type { Whose } from '../judge/whose.js';
import type { Admission } from '../limits/admission.js';
import type { Intent } from '../record/intent.js';
import { type RefuseParts, refuse } from '../record/refuse.js';
import { clearedBy } from '../weigh/cleared.js';
import { aboutOf, DOOR, fitsOf, textOf } from './asking.js';
import { sameAs } from './same.js';
import { type SizeParts, sizeOf } from './size.js';
import { standingWord, usesStanding } from './standing-word.js';
import { type UseParts, use } from './use.js';
import { answered, stillOpen, type Word } from './word.js';

export interface AskParts extends UseParts, SizeParts, RefuseParts {
  readonly admission: Admission;
}

/** What people are asked. */
interface Matter {
  readonly text: ApprovalText;
  readonly same: string;
  readonly fits: string;
  readonly requirements: readonly Requirement[];
  readonly verdict: Verdict;
  readonly withinMs: number;
}

/** Cleared at once where no rule asks for anybody. Throws RecorderUnavailable, WarehouseUnavailable. */
export async function ask(parts: AskParts, answer: AnswerBuilder, intent: Intent, whose: Whose): Promise<Word> {
  const { verdict } = intent.judged;
  if (verdict?.decision !== 'approve') {
    // A read that runs once more changes nothing.
    if (isChange(intent.judged)) await endsWaiting(parts, intent, whose);
    return clearedBy(parts, intent, whose);
  }
  const matter = matterOf(intent);
  if (!matter) return answered(await refuse(parts, answer, intent, NO_REVIEWER));
  const question = questionOf(matter, whose);
  const found = await standingWord(parts.approvals, question, intent);
  const size =
    found.standing && found.isUnbound
      ? { bytes: undefined, rows: undefined, uncounted: 'no_change' as const }
      : await sizeOf(parts, intent, whose, verdict);
  if (!size) return answered(await refuse(parts, answer, intent, tooMany(verdict)));
  // Nothing of it is under way while it waits.
  parts.running.leave(intent.statementId);
  if (await usesStanding(parts, found, question, intent, size, verdict))
    return clearedBy(parts, intent, whose, found.granted);
  return askAnew(parts, answer, intent, whose, matter, size);
}

/** The open approval of the same statement, under whichever rules it was asked for. */
export const openOf = (
  { approvals }: Pick<AskParts, 'approvals'>,
  { judged, request }: Intent,
  { principal: { issuer, subject, clientId } }: Whose,
): Promise<Approval | undefined> =>
  approvals.openFor({ issuer, subject, client_id: clientId, door: DOOR, same: sameAs(judged, request) });

/** What may run without anybody's word, and waits for one all the same: it waits no more once this leaves. */
async function endsWaiting(parts: AskParts, intent: Intent, whose: Whose): Promise<void> {
  const waiting = await openOf(parts, intent, whose);
  if (!waiting) return;
  const replacement = { code: 'RAN_AS_ALLOWED', instead: intent.statementId } as const;
  intent.replaces = (say) => parts.approvals.replace(waiting.id, replacement, say);
}

/** undefined where no rule asks for anybody, or nobody could be asked. */
export function matterOf(intent: Intent): Matter | undefined {
  const { verdict } = intent.judged;
  if (verdict?.decision !== 'approve' || !verdict.approval) return undefined;
  const { requirements, within } = verdict.approval;
  return {
    text: textOf(intent),
    same: sameAs(intent.judged, intent.request),
    fits: fitsOf(intent.judged),
    requirements: requirements.map(({ issuers, groups, count, rule }) => ({ issuers, groups, count, rule })),
    verdict,
    withinMs: within,
  };
}

/** Which words that were given before would do. */
export const questionOf = (
  { text, same, fits, requirements, verdict }: Matter,
  { principal }: Whose,
): StandingQuestion & { readonly same: string } => ({
  issuer: principal.issuer,
  subject: principal.subject,
  client_id: principal.clientId,
  door: DOOR,
  fits,
  policy_version: verdict.version,
  requirements,
  shape: text.shape.key,
  same,
});

/** Reviewers are asked; whoever repeats a statement that waits is told of the same approval. */
async function askAnew(
  parts: AskParts,
  answer: AnswerBuilder,
  intent: Intent,
  { principal, client }: Whose,
  { text, same, fits, requirements, verdict, withinMs }: Matter,
  size: Estimate,
): Promise<Word> {
  const { approvals, transcript, counters, admission } = parts;
  const { judged, request, fingerprint } = intent;
  counters.verdict('approve', undefined);
  const { openApprovals: open, approvalsPerHour: perHour } = admission.limits;
  const asking = await approvals.ask(
    {
      bounds: { open, perHour },
      statementId: intent.statementId,
      sessionId: intent.session,
      actor: principal,
      text,
      same,
      fits,
      fingerprint,
      about: aboutOf(judged, size),
      policyVersion: verdict.version,
      requirements,
      withinMs,
    },
    ({ approval: { id, binding, statement_id: waiting }, isNew }) =>
      transcript.recorder.append(
        intent.event('approval_asked', {
          approval: id,
          binding,
          requirements,
          ...(isNew ? {} : { waiting, repeats: waiting }),
        }),
      ),
  );
  if (asking instanceof TooManyApprovals)
    return answered(await refuse(parts, answer, intent, admission.approvals(principal, asking.retryAfterSeconds)));
  const { approval, isNew } = asking;
  if (!isNew) {
    answer.session = approval.session_id;
    answer.statementId = approval.statement_id;
  }
  // Whoever repeats a statement that was approved meanwhile need not know of the other tool.
  if (approval.state === 'approved') return use(parts, answer, approval, { principal, client }, request);
  return answered(await stillOpen(parts, answer, approval));
}
