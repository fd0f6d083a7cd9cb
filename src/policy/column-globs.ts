/**
 * Which of many globs match a column of one object. A wide table has thousands of columns and a company's list of what it hides has hundreds
 * of entries: a column that none of them matches costs one look, not one for each.
 */
import type { Glob } from './globs.js';

interface Item<T> {
  readonly entry: T;
  readonly order: number;
}

/** Patterns that are looked for at once; the expression of more could be too long to be compiled. */
const AT_ONCE = 200;
/** A look for so many patterns is about one step. */
const PATTERNS_A_STEP = 50;

export class ColumnGlobs<T extends { readonly glob: Glob }> {
  readonly #spelled = new Map<string, Item<T>[]>();
  readonly #wild: Item<T>[] = [];
  readonly #any: readonly RegExp[];
  /** What each look-up of a column takes, in steps of a judgement's budget. */
  readonly steps: number;

  /** Entries whose globs match the object itself, by its parts: of a column only its own name is compared. */
  constructor(entries: readonly T[]) {
    entries.forEach((entry, order) => {
      const { spelling } = entry.glob.last;
      const item = { entry, order };
      if (spelling === undefined) this.#wild.push(item);
      else {
        const known = this.#spelled.get(spelling);
        if (known) known.push(item);
        else this.#spelled.set(spelling, [item]);
      }
    });
    const patterns = this.#wild.map(({ entry }) => entry.glob.last.pattern);
    const any: RegExp[] = [];
    for (let at = 0; at < patterns.length; at += AT_ONCE)
      any.push(new RegExp(`^(?:${patterns.slice(at, at + AT_ONCE).join('|')})$`, 's'));
    this.#any = any;
    this.steps = 1 + Math.ceil(patterns.length / PATTERNS_A_STEP);
  }

  /** Those that match a column, in the order in which they were given. */
  of(column: string): readonly T[] {
    const spelled = this.#spelled.get(column) ?? [];
    if (!this.#any.some((pattern) => pattern.test(column))) return spelled.map(({ entry }) => entry);
    const wild = this.#wild.filter(({ entry }) => entry.glob.last.matches(column));
    return [...spelled, ...wild].sort((one, other) => one.order - other.order).map(({ entry }) => entry);
  }
}
