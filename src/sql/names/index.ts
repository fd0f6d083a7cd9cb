/**
 * Names: what each word of a statement means, in which scope, on which table. Answers objects, columns with how they are used, where results come
 * from, and every name that nobody owns. It knows no policy, and lets nothing pass that it does not know.
 */
export { byWhichever } from './outputs.js';
export { type Findings, Resolver } from './resolver.js';
