/**
 * Which of many globs match a column of one object. A wide table has thousands of columns and a company's list of what it hides has hundreds
 * of entries: a column that none of them matches costs one look, not one for each.
 */
import type { Glob } from '../rules/globs.js';

interface Item<T> {
  readonly entry: T;
  readonly order: number;
}

/** Patterns that are looked for at once; the expression of more could be too long to be compiled. */
const AT_ONCE = 200;
/** A look for so many patterns is about one step: of those that begin with a wildcard, which look through the name, and of the others. */
const OPEN_A_STEP = 4;
const PATTERNS_A_STEP = 50;

function expressions(patterns: readonly string[]): readonly RegExp[] {
  const found: RegExp[] = [];
  for (let at = 0; at < patterns.length; at += AT_ONCE)
    found.push(new RegExp(`^(?:${patterns.slice(at, at + AT_ONCE).join('|')})$`, 's'));
  return found;
}

export class ColumnGlobs<T extends { readonly glob: Glob }> {
  readonly #spelled = new Map<string, Item<T>[]>();
  readonly #wild: Item<T>[] = [];
  /** Whether any of those matches: of the ones that begin with a wildcard, and of the others by the character that they begin with. */
  readonly #open: readonly RegExp[];
  readonly #by = new Map<string, readonly RegExp[]>();
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
    const open: string[] = [];
    const by = new Map<string, string[]>();
    for (const { entry } of this.#wild) {
      const { pattern } = entry.glob.last;
      // A wildcard, or a character that had to be escaped.
      const alike = /^\w/.test(pattern) ? (by.get(pattern.charAt(0)) ?? []) : open;
      alike.push(pattern);
      if (alike !== open) by.set(pattern.charAt(0), alike);
    }
    this.#open = expressions(open);
    for (const [first, patterns] of by) this.#by.set(first, expressions(patterns));
    this.steps =
      1 + Math.ceil(open.length / OPEN_A_STEP) + Math.ceil((this.#wild.length - open.length) / PATTERNS_A_STEP);
  }

  /** Those that match a column, in the order in which they were given. */
  of(column: string): readonly T[] {
    const spelled = this.#spelled.get(column) ?? [];
    const isNamed = (pattern: RegExp): boolean => pattern.test(column);
    if (!this.#open.some(isNamed) && !this.#by.get(column.charAt(0))?.some(isNamed))
      return spelled.map(({ entry }) => entry);
    const wild = this.#wild.filter(({ entry }) => entry.glob.last.matches(column));
    return [...spelled, ...wild].sort((one, other) => one.order - other.order).map(({ entry }) => entry);
  }
}
