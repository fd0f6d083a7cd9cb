export { type Approval, type ApprovalState, Approvals, DecisionRefused, type Reviewer } from './store.js';
