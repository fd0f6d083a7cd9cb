/** What is wrong with a folder of policies. */

import type { Place, Problem } from '../../mistakes/index.js';

export type { Place, Problem };

/** All that is wrong with a folder of policies, each with file, line and column. */
export class PolicyProblems extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => `${problem.place}:${problem.column} ${problem.message}`).join('\n'));
    this.name = 'PolicyProblems';
    this.problems = problems;
  }
}
