export { ByColumn } from './by-column.js';
export { bytesDenial, hides } from './bytes.js';
export { needsConstraints } from './constraints.js';
export {
  type Circumstances,
  decide,
  decideAgain,
  decideKind,
  decideNamed,
  detectRules,
  type Estimate,
  type InForce,
  inForce,
  type Limits,
  mayBeLookedUp,
  mayHold,
  mayRead,
  rowsFor,
  type Standing,
  type Subject,
  showRows,
  standing,
  type Verdict,
} from './decide.js';
export { DEFAULT_TIMES, type Held, heldWords, type Reloaded, type Times } from './follow.js';
export { issuerKey } from './issuers.js';
export {
  distance,
  loadPolicies,
  type Policy,
  type PolicySet,
  policySums,
  type Tolerance,
} from './load.js';
export { masksOf } from './masks.js';
export { denyHash, trustIn } from './merging.js';
export { PolicyProblems, type Problem } from './problems.js';
export { policyJsonSchema } from './schema.js';
export { type DescribedColumn, type Suggestion, suggestionsYaml, suggestMasks } from './suggest.js';
export type { AppliedMask, AppliedRows, AppliedRule, Denial, DenialCode } from './verdict.js';
export { type PolicyWatch, watchPolicies } from './watch.js';
export { describeStanding } from './words.js';
