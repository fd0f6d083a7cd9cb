export type { Requirement } from './enough.js';
export { isEnough } from './enough.js';
export { type Approval, type ApprovalState, Approvals, DecisionRefused, type Reviewer } from './store.js';
