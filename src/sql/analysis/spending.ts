/** Steps taken of what a judgement may cost, by whoever works on one statement. */
import { tooMuch } from '../text/refusal.js';
import { positionOf, type Statement } from '../text/statement.js';
import type { Count, Effort, Work } from './effort.js';

/** Throws a Refusal where they are more than is left. */
export const spending =
  (effort: Effort, statement: Statement, work: Work): Count =>
  (steps) => {
    const much = effort.spend(steps, work);
    if (much !== undefined) throw tooMuch(much, positionOf(statement, 0));
  };
