/**
 * What one judgement may cost, in steps that are counted alike everywhere: parts of the tree walked, columns and origins looked at, tokens
 * gone through. One budget holds for all walks of a statement (to find its tables, to judge it, to read what is sent once more), for the
 * views that it reads, and for every level of nesting: a bound for each of them would be multiplied by how many there are.
 */

/** What the steps are taken for; the refusal names the one that took most. */
export type Work = 'parts' | 'columns' | 'tokens';

const MAX_STEPS = 8_000_000;

const TOO_MUCH: Readonly<Record<Work, string>> = {
  parts: 'its queries and expressions hold too many parts',
  columns: 'its columns, followed through all of its queries and definitions, are too many',
  tokens: 'its text has to be gone through too often',
};

export class Budget {
  readonly #most: number;
  readonly #spent: Record<Work, number> = { parts: 0, columns: 0, tokens: 0 };

  constructor(most = MAX_STEPS) {
    this.#most = most;
  }

  get spent(): number {
    return this.#spent.parts + this.#spent.columns + this.#spent.tokens;
  }

  /** Takes the steps; where they are more than is left, answers what there was too much of. */
  spend(steps: number, work: Work): string | undefined {
    this.#spent[work] += steps;
    if (this.spent <= this.#most) return undefined;
    const { parts, columns, tokens } = this.#spent;
    const most = Math.max(parts, columns, tokens);
    return TOO_MUCH[most === columns ? 'columns' : most === parts ? 'parts' : 'tokens'];
  }
}
