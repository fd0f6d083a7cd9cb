/**
 * What an expression can see, and what a name in it means: an inner query's names before the outer one's, sources before aliases
 * (documentation pages constructs/with, sql/select, constructs/group-by, object-identifiers, name-resolution).
 *
 * A look-up is total: it answers with columns or with `unowned`, never with nothing.
 */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import type { ObjectName } from '../analysis/catalog.js';
import type { Count } from '../analysis/effort.js';
import { folded, type Identifier } from '../text/tree.js';
import { columnsNamed, union } from './origins.js';

/** What a source offers to be named. */
export interface Source {
  readonly alias: string | undefined;
  readonly object: ObjectName | undefined;
  readonly columns: readonly OutputColumn[];
  /**
   * `missing`: nobody knows the table, so the statement is refused for that, and no name is held against it. `opaque`: a table function whose
   * columns nobody has documented; they can't be named.
   */
  readonly unknown?: 'missing' | 'opaque';
  /** For a recursive definition the token of its own name: it goes out under another. */
  readonly definition?: number;
  /** Columns that a USING or NATURAL join has merged into those of the sources before it, in the order of USING. */
  readonly shared?: ReadonlySet<string>;
  /** In which order a star shows them is not documented: NATURAL, or a join within another. */
  readonly isUnordered?: boolean;
  /** The table that the statement changes. */
  readonly isTarget?: boolean;
}

export interface Scope {
  readonly sources: Source[];
  readonly aliases: Map<string, readonly Origin[]>;
  readonly outer: Scope | undefined;
  readonly lambdaNames: ReadonlySet<string>;
  /** Columns that a construct makes, such as LEVEL of CONNECT BY (constructs/connect-by). */
  readonly made: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export const scopeOf = (sources: readonly Source[], outer: Scope | undefined, made = NONE): Scope => ({
  sources: [...sources],
  aliases: new Map(),
  outer,
  lambdaNames: NONE,
  made,
});

/** What stands where no column can be meant. */
export const NOWHERE: Scope = scopeOf([], undefined);

/** Whether an expression stands where Snowflake wants a constant. */
export const isNowhere = (scope: Scope | undefined): boolean =>
  scope !== undefined && (scope === NOWHERE || isNowhere(scope.outer));

export type Ctes = ReadonlyMap<string, Source>;

export type Resolution =
  | { readonly kind: 'found'; readonly origins: readonly Origin[] }
  /** `names`: those that are in sight, asked for only where they are told. */
  | { readonly kind: 'unowned'; readonly names: () => readonly string[]; readonly isOpaque: boolean };

/**
 * The columns that a name means, from the innermost scope outwards. Where only an alias of the SELECT list has the name, the next column further
 * out counts as well: which of the two Snowflake takes is not documented.
 */
export function lookUp(column: string, table: string | undefined, scope: Scope, count: Count): Resolution {
  const found: (readonly Origin[])[] = [];
  let [hasAlias, isOpaque] = [false, false];
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    count(1 + at.sources.length);
    let isMissing = false;
    const matches: (readonly Origin[])[] = [];
    for (const { alias, columns, unknown } of at.sources) {
      if (table !== undefined && alias !== table) continue;
      for (const { origins } of columnsNamed(columns, column, count)) matches.push(origins);
      if (unknown === 'missing') isMissing = true;
      if (unknown === 'opaque') isOpaque = true;
    }
    if (matches.length > 0) return { kind: 'found', origins: union([...found, ...matches], count) };
    if (isMissing) return { kind: 'found', origins: union(found, count) };
    const alias = table === undefined ? at.aliases.get(column) : undefined;
    if (alias) {
      hasAlias = true;
      found.push(alias);
    }
    // Which query of the statement makes it is not certain, so what an outer column of that name holds counts as well.
    if (table === undefined && at.made.has(column)) hasAlias = true;
  }
  if (hasAlias) return { kind: 'found', origins: union(found, count) };
  return { kind: 'unowned', names: () => namesIn(table, scope), isOpaque };
}

/** The names of all columns in sight, or of those of one source. */
export function namesIn(table: string | undefined, scope: Scope | undefined): readonly string[] {
  const names: string[] = [];
  for (let at = scope; at; at = at.outer)
    for (const { alias, columns } of at.sources)
      if (table === undefined || alias === table)
        for (const { name } of columns) if (name !== undefined) names.push(name);
  return names;
}

/** Whether a name that `lookUp` finds is a column of the table that is changed. */
export function isOfTarget(column: string, table: string | undefined, scope: Scope, count: Count): boolean {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    count(1 + at.sources.length);
    const found = at.sources.filter(
      ({ alias, columns }) =>
        (table === undefined || alias === table) && columnsNamed(columns, column, count).length > 0,
    );
    if (found.length > 0) return found.some(({ isTarget }) => isTarget === true);
  }
  return false;
}

/** The sources that `schema.table` or `db.schema.table` names (folded), of the innermost scope with any; a table with another alias is none. */
export function sourcesNamed(names: readonly string[], scope: Scope): readonly Source[] {
  if (names.length < 2 || names.length > 3) return [];
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const found = at.sources.filter(({ alias, object }) => {
      const full = object && [object.database, object.schema, object.name].slice(3 - names.length);
      return alias === names.at(-1) && full?.every((name, index) => name === names[index]);
    });
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * The sources that qualify a column, `schema.table` or `db.schema.table` before it: one, or several mentions of one table. What a column behind
 * such a qualifier means is theirs alone, whatever else is called like the table.
 */
export function qualifiedSources(
  parts: readonly Identifier[],
  scope: Scope,
): { source: Source; scope: Scope; width: number } | undefined {
  const found = sourcesNamed(parts.slice(0, -1).map(folded), scope);
  const [source] = found;
  return source && { source, scope: scopeOf(found, undefined), width: parts.length - 1 };
}

/** Whether a source's last name alone could mean another one: beside it, or in a query further in. */
export function hasNamesake(scope: Scope, source: Source): boolean {
  let count = 0;
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    count += at.sources.filter(({ alias }) => alias === source.alias).length;
    if (at.sources.includes(source)) break;
  }
  return count > 1;
}
