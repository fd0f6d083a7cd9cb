/**
 * Names: what each word of a statement means, in which scope, on which table. Answers objects, columns with how they are used, where results come
 * from, and every name that nobody owns. It knows no policy, and lets nothing pass that it does not know.
 */
export { isName, nameOf } from './claims.js';
export { isReserved } from './keywords.js';
export { byWhichever } from './outputs.js';
export { Relations } from './relations.js';
export { type Findings, Resolver } from './resolver.js';
export { type Count, isUnknown, union } from './scope.js';
