/** What a walk has found so far. */
import type {
  Access,
  ColumnUsage,
  ExcludedName,
  LongColumnReference,
  Origin,
  OwnName,
  TableReference,
  Target,
  Unowned,
} from '../analysis/analysis.js';
import type { ObjectName } from '../analysis/catalog.js';

export interface TableUse {
  readonly object: ObjectName;
  readonly access: Access;
  readonly token: number;
}

/** Where an expression goes by columns: those that it names, or that stand behind what it names. The list is shared. */
export interface ColumnFinding {
  readonly origins: readonly Origin[];
  readonly usage: ColumnUsage;
  /** -1 where no token of its own names them. */
  readonly token: number;
}

/** A column that a change gives a value to. */
export interface AssignedToken {
  /** Folded. */
  readonly column: string;
  readonly token: number;
}

export interface Findings {
  readonly tables: TableUse[];
  readonly uses: ColumnFinding[];
  readonly references: TableReference[];
  readonly longColumns: LongColumnReference[];
  readonly columnNames: Set<string>;
  readonly unowned: Unowned[];
  readonly assignments: AssignedToken[];
  readonly targets: Target[];
  /** Tokens of columns of the table that is changed, in expressions. */
  readonly ofTarget: Set<number>;
  /** Names, in capitals, that the parser takes for calls: a word of the grammar among them is none there. */
  readonly calls: Set<string>;
  readonly ownNames: OwnName[];
  readonly excluded: (readonly ExcludedName[])[];
  hasStar: boolean;
}

export const nothingFound = (): Findings => ({
  tables: [],
  uses: [],
  references: [],
  longColumns: [],
  columnNames: new Set(),
  unowned: [],
  assignments: [],
  targets: [],
  ofTarget: new Set(),
  calls: new Set(),
  ownNames: [],
  excluded: [],
  hasStar: false,
});
