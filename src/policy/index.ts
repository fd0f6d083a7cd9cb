/**
 * Policies: what a folder of files says of whom, and what follows from it for one statement. Answers which policies are in force, a verdict that
 * names policy, rule and line for each of its parts, and the masks and predicates that hold. It reads files and nothing else from outside,
 * asks no warehouse, and allows nothing that no rule allows.
 */
export { bytesDenial, hides } from './decide/bytes.js';
export { needsConstraints } from './decide/constraints.js';
export { decide, decideAgain, decideNamed } from './decide/decide.js';
export { denyHash } from './decide/key.js';
export { decideKind, decideStanding } from './decide/kind.js';
export { trustIn } from './decide/merging.js';
export type { Circumstances } from './decide/question.js';
export { rowsFor } from './decide/rows.js';
export type { AppliedRows, AppliedRule, Denial, DenialCode, Estimate, Uncounted, Verdict } from './decide/verdict.js';
export { mayBeLookedUp, mayHold, mayRead } from './decide/visible.js';
export { DEFAULT_TIMES, type Held, heldWords, type Reloaded, type Times } from './files/follow.js';
export { loadPolicies, policiesFrom, policySums } from './files/load.js';
export { type PolicyWatch, watchPolicies } from './files/watch.js';
export type { AppliedMask } from './masks/applied-masks.js';
export { ByColumn } from './masks/by-column.js';
export { masksOf } from './masks/masks.js';
export { readMasks } from './masks/read-masks.js';
export { type DescribedColumn, type Suggestion, suggestionsYaml, suggestMasks } from './masks/suggest.js';
export { issuerKey } from './rules/issuers.js';
export type { Policy, PolicySet, Tolerance } from './rules/policy.js';
export { PolicyProblems, type Problem } from './rules/problems.js';
export { policyJsonSchema } from './rules/schema.js';
export { type InForce, inForce, type Subject } from './standing/in-force.js';
export { type JudgedAs, judgedAs } from './standing/judged-as.js';
export { detectRules, type Limits, type Standing, standing } from './standing/standing.js';
export { describeStanding, showRows } from './standing/words.js';
