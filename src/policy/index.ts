export { bytesDenial, hides } from './decide/bytes.js';
export { needsConstraints } from './decide/constraints.js';
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
} from './decide/decide.js';
export { denyHash, trustIn } from './decide/merging.js';
export type { AppliedMask, AppliedRows, AppliedRule, Denial, DenialCode } from './decide/verdict.js';
export { describeStanding } from './decide/words.js';
export { DEFAULT_TIMES, type Held, heldWords, type Reloaded, type Times } from './files/follow.js';
export {
  distance,
  loadPolicies,
  type Policy,
  type PolicySet,
  policySums,
  type Tolerance,
} from './files/load.js';
export { type PolicyWatch, watchPolicies } from './files/watch.js';
export { ByColumn } from './masks/by-column.js';
export { masksOf } from './masks/masks.js';
export { type DescribedColumn, type Suggestion, suggestionsYaml, suggestMasks } from './masks/suggest.js';
export { issuerKey } from './rules/issuers.js';
export { PolicyProblems, type Problem } from './rules/problems.js';
export { policyJsonSchema } from './rules/schema.js';
