/** What a statement does, as plain data. */
import type { Danger } from '../functions/danger.js';
import type { StatementKind } from '../text/kind.js';
import type { Position } from '../text/refusal.js';
import type { ParsedStatement, ParsedWording } from '../text/statement.js';
import { type Constraints, type Defaults, type ObjectName, type RelationInfo, showObject } from './catalog.js';

export type Access = 'read' | 'write';

/** An object that the statement names, or that a view which it names reads. */
export interface ObjectUse {
  readonly object: ObjectName;
  readonly access: Access;
  /** undefined where no such object is visible to the gateway. */
  readonly relation: RelationInfo | undefined;
  readonly position: Position | undefined;
  /** Views on the way from the statement to this object, outermost first; empty where the statement names it. */
  readonly via: readonly ObjectName[];
  /** Views that every way to it leads through; none where the statement names it. */
  readonly through: readonly ObjectName[];
  /** What the statement names by which it is reached: itself, views. */
  readonly by: readonly ObjectName[];
}

export type ColumnUsage =
  | 'projected'
  | 'predicate'
  | 'join'
  | 'group'
  | 'order'
  | 'window'
  | 'argument'
  | 'star'
  | 'assigned';

export interface Origin {
  readonly object: ObjectName;
  readonly column: string;
}

/** Each column once for each of its usages: where it is used so first. */
export interface ColumnUse extends Origin {
  readonly usage: ColumnUsage;
  readonly position: Position | undefined;
  readonly via: readonly ObjectName[];
}

/** Where a name in the statement's own text stands for columns. Unlike `ColumnUse` there is one for each such place, and the list is shared. */
export interface ColumnPlace {
  readonly origins: readonly Origin[];
  readonly usage: ColumnUsage;
  readonly token: number;
}

export interface FunctionUse {
  readonly name: string;
  /** Pure built-ins, table functions of their arguments alone, a user's own, and Snowflake's that do more than compute. */
  readonly class: 'pure' | 'table' | 'user-defined' | Danger;
  readonly reason: string | undefined;
  readonly position: Position | undefined;
  /** It stands in the text of a view that the statement reads. */
  readonly isOfView?: boolean;
}

export interface OutputColumn {
  /** undefined where Snowflake names it after its text. */
  readonly name: string | undefined;
  readonly origins: readonly Origin[];
  /** As many columns as there are values in the data, named after them (PIVOT with ANY). */
  readonly isMany?: boolean;
  /** Where among the others it stands is not certain: a star over a join that merges columns, by NATURAL or with another such join. */
  readonly isUnplaced?: boolean;
}

/** A place in the text where a table or view is named and can be replaced by a masked sub-query. */
export interface TableReference {
  readonly relation: RelationInfo;
  /** Tokens of the dotted name: from, up to and without to. */
  readonly from: number;
  readonly to: number;
  readonly hasAlias: boolean;
  /** What follows the name and binds to a named object only (AT, SAMPLE with SEED, …), in words; undefined if nothing does. */
  readonly nameOnly: string | undefined;
  /** True where no alias may be put behind (before PIVOT and UNPIVOT). */
  readonly pivoted: boolean;
  /** Where AT or BEFORE follows the name: the first token behind it. */
  readonly point: number | undefined;
}

/** `db.schema.table.column`: the tokens of the qualifiers before the table's own name. */
export interface LongColumnReference {
  readonly object: ObjectName;
  readonly from: number;
  readonly to: number;
  /** Another source in sight has the same last name, so that alone would not say which is meant. */
  readonly hasNamesake: boolean;
}

/**
 * A recursive definition's name, where it is defined and wherever it is meant. Within its own text it could be read as a table as well
 * (constructs/with says only in which form a definition is recursive), so it goes out under a name that no table has.
 */
export interface OwnName {
  /** The token at which the definition has its name: the same for each mention. */
  readonly definition: number;
  readonly token: number;
  /** A mention without an alias keeps its name as one; the definition itself, and what stands before PIVOT, can have none. */
  readonly needsAlias: boolean;
}

/** A column that a star leaves out, `* EXCLUDE (name)`. */
export interface ExcludedName {
  /** Folded. */
  readonly name: string;
  readonly token: number;
  /** The tables in the star's sight that have it by themselves; undefined for a source of another kind. */
  readonly objects: readonly (ObjectName | undefined)[];
}

/** A name that nothing in sight has: a value of its own, so that nobody takes it for a name without columns behind it. */
export interface Unowned {
  /** In words. */
  readonly what: string;
  /** Folded. */
  readonly name: string;
  readonly position: Position | undefined;
  readonly hint: string | undefined;
}

/** The table that a change is made to, as it stands in the text. */
export interface Target {
  readonly object: ObjectName;
  readonly relation: RelationInfo | undefined;
  /** Tokens of its dotted name: from, up to and without to. */
  readonly from: number;
  readonly to: number;
  readonly alias: string;
  /** What the warehouse holds against the change: undefined where nobody has asked. */
  readonly constraints?: Constraints | 'unreadable';
}

/** A name in a change's text, as a look sees it that knows nothing of scopes. */
export interface NameInText {
  /** Folded; of a column by its place, such as `$3`. */
  readonly name: string;
  readonly isPlace: boolean;
  readonly position: Position | undefined;
  /** Provably no column of the statement's target. */
  readonly isForeign: boolean;
}

/** What decisions, counts and the record go by. */
export interface Analysis {
  readonly statement: ParsedWording;
  readonly kind: StatementKind;
  /** Whether the catalog was asked; before, no object has a relation. */
  readonly isLookedUp: boolean;
  readonly objects: readonly ObjectUse[];
  readonly columns: readonly ColumnUse[];
  readonly places: readonly ColumnPlace[];
  readonly functions: readonly FunctionUse[];
  /** Every word before an opening bracket, views included, in capitals: all function names, and some keywords. */
  readonly called: ReadonlySet<string>;
  readonly hasWhere: boolean;
  /** Names that nobody owns: with one of them the statement is refused, by whoever knows whether its tables may be seen at all. */
  readonly unowned: readonly Unowned[];
  /** What a change does to its target, by the kinds that rules name; its own kind first. */
  readonly changes: readonly StatementKind[];
  readonly target: Target | undefined;
  /** The columns of the target that are given a value, all of them where an INSERT names none. */
  readonly assignments: readonly {
    readonly column: string;
    readonly position: Position | undefined;
  }[];
  /** Of a change: the names in its text, as a second look sees them. */
  readonly words: readonly NameInText[];
}

/** The whole of it, with the tree and all that writes the text to send. */
export interface FullAnalysis extends Analysis {
  readonly statement: ParsedStatement;
  readonly defaults: Defaults;
  readonly outputs: readonly OutputColumn[];
  readonly references: readonly TableReference[];
  readonly longColumns: readonly LongColumnReference[];
  readonly ownNames: readonly OwnName[];
  /** The names of each EXCLUDE, in the order of the text. */
  readonly excluded: readonly (readonly ExcludedName[])[];
  /** Every column name that stands anywhere in the statement, folded. */
  readonly columnNames: ReadonlySet<string>;
  readonly hasStar: boolean;
  /** Relations by key, views opened. */
  readonly views: ReadonlyMap<string, FullAnalysis>;
}

/** An analysis without what only the texts of views name: of a statement that is refused, nobody is shown more. */
export const withoutViews = (analysis: Analysis): Pick<Analysis, 'objects' | 'columns'> => ({
  objects: analysis.objects.filter(({ via }) => via.length === 0),
  columns: analysis.columns.filter(({ via }) => via.length === 0),
});

/** Objects and columns of an analysis as they are shown and recorded; none where there is no analysis. */
export const shownUses = (
  analysis: Pick<Analysis, 'objects' | 'columns'> | undefined,
): { objects: { object: string; access: Access; via: string[] }[]; columns: string[] } => ({
  objects: (analysis?.objects ?? []).map((use) => ({
    object: showObject(use.object),
    access: use.access,
    via: use.via.map(showObject),
  })),
  columns: [...new Set((analysis?.columns ?? []).map((use) => `${showObject(use.object)}.${use.column}`))],
});

/** The columns of its target that a change writes. */
export const shownWrites = (analysis: Pick<Analysis, 'target' | 'assignments'> | undefined): string[] => {
  const { target, assignments = [] } = analysis ?? {};
  if (!target) return [];
  return [...new Set(assignments.map(({ column }) => `${showObject(target.object)}.${column}`))];
};
