/** Steps taken of a judgement's budget, by whoever works on one statement. */
import { tooMuch } from '../text/refusal.js';
import { positionOf, type Statement } from '../text/statement.js';
import type { Budget, Count, Work } from './effort.js';

/** Throws a Refusal where they are more than is left. */
export const spending =
  (budget: Budget, statement: Statement, work: Work): Count =>
  (steps) => {
    const much = budget.spend(steps, work);
    if (much !== undefined) throw tooMuch(much, positionOf(statement, 0));
  };
