/**
 * JSON whose numbers are the ones that were written: one that a double does not hold as it stands is told apart instead of becoming another.
 * It changes no text, and says nothing to anybody.
 */
export { exactJson, isInexact, marked, numberIn } from './exact-json.js';
