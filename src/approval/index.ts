export type { Member, Requirement } from './enough.js';
export { isAsked, isEnough } from './enough.js';
export { approvalMessage, MESSAGE_KINDS, type MessageKind } from './message.js';
export {
  MAX_STANDING_MS,
  MAX_STANDING_USES,
  STANDING_USES,
  type Standing,
  type StandingQuestion,
} from './standing.js';
export {
  type AboutApproval,
  APPROVAL_STATES,
  type Approval,
  type ApprovalState,
  type ApprovalText,
  aboutApproval,
  type Decision,
  DecisionRefused,
  type Reviewer,
  TooManyApprovals,
} from './state.js';
export { Approvals, hasDecided, isOwn, mayDecide, type ShownStanding } from './store.js';
export { Wakeups } from './wakeups.js';
export { isOvertaken } from './words.js';
