/** What is wrong with a folder of policies. */

/** Where something stands, such as `policies/sales-readers.yaml:11`. */
export type Place = string;

export interface Problem {
  readonly place: Place;
  readonly column: number;
  readonly message: string;
}

/** All that is wrong with a folder of policies, each with file, line and column. */
export class PolicyProblems extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => `${problem.place}:${problem.column} ${problem.message}`).join('\n'));
    this.name = 'PolicyProblems';
    this.problems = problems;
  }
}
