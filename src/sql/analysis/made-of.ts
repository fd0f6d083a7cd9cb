/**
 * What an expression in the catalog is made of: a virtual column's, or a CHECK constraint's (documentation pages virtual-columns,
 * sql/create-table-constraint). Both stand in Snowflake's own metadata and name columns of their own table alone: no sub-query, no other
 * table, no user's function, no bind or session variable. So any word that is a column's name counts as that column, whatever else it may
 * be there: more is found than is meant, never less. What can't be read is made of anything.
 */
import { isOperator, isWord, lex, type Token } from '../text/lex.js';
import type { ColumnInfo } from './catalog.js';

/** A column, or what is in it below these keys. */
export interface ColumnPart {
  readonly column: string;
  readonly path: readonly string[];
}

/** Every column, with all that is in it. */
type Anything = 'anything';

/** Longer ones are not read. */
const MAX_LENGTH = 10_000;

/** The column that each external table has, which is also `$1` there (documentation page user-guide/tables-external-intro). */
const RAW_ROW = 'VALUE';

/** Pseudo-columns that a virtual column of an external table may be made of (user-guide/tables-external-intro). */
const PSEUDO = /^METADATA\$/;

const unquoted = (text: string): string => text.slice(1, -1).replaceAll('""', '"');
const nameOf = ({ kind, text }: Token): string => (kind === 'quoted' ? unquoted(text) : text.toUpperCase());
const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted';

/** Keys behind a value: `:a.b`, `['a']` (documentation page user-guide/querying-semistructured). An index ends them: it stands for all below. */
function pathFrom(tokens: readonly Token[], from: number): { path: string[]; end: number } {
  const path: string[] = [];
  let at = from;
  for (;;) {
    const [sign, key, close] = [tokens[at], tokens[at + 1], tokens[at + 2]];
    const isDotted = isOperator(sign, ':') || (isOperator(sign, '.') && path.length > 0);
    if (isDotted && isName(key)) {
      path.push(key.kind === 'quoted' ? unquoted(key.text) : key.text);
      at += 2;
    } else if (isOperator(sign, '[') && key?.kind === 'string' && !/[\\$]/.test(key.text) && isOperator(close, ']')) {
      path.push(key.text.slice(1, -1).replaceAll("''", "'"));
      at += 3;
    } else return { path, end: at };
  }
}

const known = new WeakMap<readonly object[], ReadonlyMap<string, readonly string[]>>();

/** The names of columns by their capitals: of a table once, for all of its expressions. */
function spellings(columns: readonly Pick<ColumnInfo, 'name'>[]): ReadonlyMap<string, readonly string[]> {
  const found = known.get(columns);
  if (found) return found;
  const made = new Map<string, string[]>();
  for (const { name } of columns) {
    const capitals = name.toUpperCase();
    const names = made.get(capitals);
    if (names) names.push(name);
    else made.set(capitals, [name]);
  }
  known.set(columns, made);
  return made;
}

/** The columns that an expression of a table with these columns may name. */
export function madeOf(
  expression: string,
  columns: readonly Pick<ColumnInfo, 'name'>[],
): readonly ColumnPart[] | Anything {
  if (expression.trim() === '' || expression.length > MAX_LENGTH) return 'anything';
  let tokens: readonly Token[];
  try {
    tokens = lex(expression);
  } catch {
    return 'anything';
  }
  const spelled = spellings(columns);
  const parts = new Map<string, ColumnPart>();
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at];
    at++;
    if (!token) break;
    if (token.kind === 'bind' || isWord(token, 'SELECT')) return 'anything';
    // Other places have no names (virtual-columns, "Prohibited expressions"), and session variables have no place here.
    if (token.kind === 'variable' && (token.text !== '$1' || !spelled.has(RAW_ROW))) return 'anything';
    if (token.kind !== 'variable' && !isName(token)) continue;
    const name = token.kind === 'variable' ? RAW_ROW : nameOf(token);
    const meant = PSEUDO.test(name) ? [name] : (spelled.get(name.toUpperCase()) ?? []);
    if (meant.length === 0) continue;
    const { path, end } = pathFrom(tokens, at);
    for (const column of meant) parts.set(JSON.stringify([column, path]), { column, path });
    at = end;
  }
  return [...parts.values()];
}

const startsWith = (path: readonly string[], start: readonly string[]): boolean =>
  start.every((key, at) => key.toUpperCase() === path[at]?.toUpperCase());

/** Whether two parts have anything in common: one lies within the other. */
export const isTouching = (one: ColumnPart, other: ColumnPart): boolean =>
  one.column === other.column && (startsWith(one.path, other.path) || startsWith(other.path, one.path));

/** What a table's virtual columns are made of, read once for each table. */
export class Making {
  /** Each column, and each pseudo-column that one is made of, whole. */
  readonly #everything: readonly ColumnPart[];
  readonly #own = new Map<string, readonly ColumnPart[] | Anything>();

  static readonly #known = new WeakMap<readonly ColumnInfo[], Making>();

  static of(columns: readonly ColumnInfo[]): Making {
    const known = Making.#known.get(columns) ?? new Making(columns);
    Making.#known.set(columns, known);
    return known;
  }

  private constructor(columns: readonly ColumnInfo[]) {
    for (const { name, expression } of columns)
      if (expression !== undefined) this.#own.set(name, madeOf(expression, columns));
    const names = new Set(columns.map(({ name }) => name));
    const pseudo = [...this.#own.values()].flatMap((parts) =>
      parts === 'anything' ? [] : parts.map(({ column }) => column).filter((column) => !names.has(column)),
    );
    this.#everything = [...names, ...new Set(pseudo)].map((column) => ({ column, path: [] }));
  }

  /** Names of the virtual columns. */
  get virtual(): Iterable<string> {
    return this.#own.keys();
  }

  /**
   * Each column that is named on the way down to the stored ones; a virtual column may be made of virtual ones (virtual-columns, "Allowed
   * expressions"). One that `isWhole` answers true for is not followed further.
   */
  below(
    from: readonly ColumnPart[] | Anything,
    isWhole: (column: string) => boolean = () => false,
  ): readonly ColumnPart[] {
    const found: ColumnPart[] = [];
    const seen = new Set<string>();
    /** Whether all that is there was found: nothing can be added then. */
    const follow = (parts: readonly ColumnPart[] | Anything): boolean => {
      if (parts === 'anything') return true;
      for (const part of parts) {
        found.push(part);
        const own = seen.has(part.column) || isWhole(part.column) ? undefined : this.#own.get(part.column);
        seen.add(part.column);
        if (own !== undefined && follow(own)) return true;
      }
      return false;
    };
    return follow(from) ? this.#everything : found;
  }

  /** The same of one virtual column, itself not among them. */
  sourcesOf(column: string, isWhole?: (column: string) => boolean): readonly ColumnPart[] {
    const own = this.#own.get(column);
    return own === undefined ? [] : this.below(own, isWhole).filter((part) => part.column !== column);
  }
}
