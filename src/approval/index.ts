/**
 * A person's word on a statement: asked for, given, used once, or standing for a while, each change in the record before it holds. It never runs
 * anything (the gateway does), and believes no row that signed words do not bear out.
 */

export { approvalMessage, MESSAGE_KINDS, type MessageKind } from './message.js';
export {
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  STANDING_USES,
  type Standing,
  type StandingQuestion,
} from './rows/standing.js';
export { hasDecided, isOwn, mayDecide } from './steps/deciding.js';
export type { ShownStanding } from './steps/standing-list.js';
export { Approvals } from './store.js';
export type { Member, Requirement } from './values/enough.js';
export { isAsked, isEnough } from './values/enough.js';
export {
  CHANGED_POLICIES,
  decidedWords,
  type Fact,
  factsOf,
  isOutdated,
  type Known,
  knownOf,
  neededOf,
  type ShownApproval,
  standingFacts,
} from './values/known.js';
export { shapeText } from './values/shape.js';
export {
  type AboutApproval,
  APPROVAL_STATES,
  type Approval,
  type ApprovalState,
  type ApprovalText,
  aboutApproval,
  type Decision,
  DecisionRefused,
  type Ended,
  type Outcome,
  type Reviewer,
  TooManyApprovals,
} from './values/state.js';
export { isOvertaken } from './values/words.js';
export { Wakeups } from './wakeups.js';
