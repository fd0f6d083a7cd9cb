/** What policies say, as plain data: rules, masks, rows, detections, each with its file and line. */
import type { DetectRule, MaskMethod } from '../../masking/index.js';
import type { ObjectName, StatementKind } from '../../sql/index.js';
import type { Glob, GlobIndex } from './globs.js';
import type { Predicate } from './predicate.js';
import type { Place } from './problems.js';
import type { PolicyFile } from './schema.js';

/** What a change may touch beyond the rows that its reviewers were told of: so many, and such a share of those. */
export interface Tolerance {
  readonly rows: number;
  readonly share: number;
}

export interface Rule {
  readonly effect: 'allow' | 'deny' | 'approve';
  readonly kinds: ReadonlySet<StatementKind>;
  readonly on: readonly Glob[];
  readonly reason: string | undefined;
  readonly place: Place;
  readonly by:
    | {
        /** Whose groups they are; nobody's where that is open, which a set with known issuers never is. */
        readonly issuers: readonly string[];
        readonly groups: readonly string[];
        readonly count: number;
        readonly within: number;
        readonly tolerance: Tolerance;
      }
    | undefined;
  readonly when:
    | {
        readonly noWhere: boolean;
        readonly purposeMissing: boolean;
        /** In capitals. */
        readonly functions: readonly string[];
        readonly bytesOver: number | undefined;
        readonly rowsOver: number | undefined;
      }
    | undefined;
}

export interface ColumnRule {
  readonly match: readonly Glob[];
  readonly mask: MaskMethod;
  readonly reason: string | undefined;
  readonly place: Place;
}

/** Which rows are there: those of a predicate, or those of a secure view that is read in the table's place. */
export interface RowRule {
  readonly on: Glob;
  readonly where: Predicate | undefined;
  readonly secureView: ObjectName | undefined;
  readonly place: Place;
}

/** What to look for in texts that leave, and the columns whose texts are left alone. */
export interface Detection {
  readonly rules: readonly DetectRule[];
  readonly except: readonly Glob[];
  readonly place: Place;
}

export interface Policy {
  readonly name: string;
  readonly description: string;
  readonly file: string;
  readonly principals: PolicyFile['principals'];
  /** Whose principals they are; undefined where no issuer is known: policies tried without a configuration. */
  readonly issuers: readonly string[] | undefined;
  readonly subjectGlobs: readonly ((text: string) => boolean)[] | undefined;
  readonly exceptGlobs: readonly ((text: string) => boolean)[] | undefined;
  readonly role: string;
  readonly warehouse: string;
  readonly rules: readonly Rule[];
  readonly columns: readonly ColumnRule[];
  readonly rows: readonly RowRule[];
  readonly functions: readonly Glob[];
  /** Views that stand for themselves. */
  readonly trustedViews: readonly Glob[];
  /** Virtual columns that are not hidden with what they are made of. */
  readonly trustedColumns: readonly Glob[];
  readonly detect: readonly Detection[];
  /** A change may copy what is masked, as it is masked. */
  readonly writeMasked: boolean;
  readonly limits: PolicyFile['limits'];
  readonly record: PolicyFile['record'];
  /** As it was written, for telling what another version of it would open. */
  readonly written: PolicyFile;
  /** Kinds that some rule allows, or allows with approval. */
  readonly kinds: ReadonlySet<StatementKind>;
  /** The same rules, masks and row predicates, to be found by name. */
  readonly index: {
    readonly rules: GlobIndex<Rule>;
    readonly columns: GlobIndex<ColumnRule>;
    readonly rows: GlobIndex<RowRule>;
  };
}

export interface PolicySet {
  readonly folder: string;
  readonly policies: readonly Policy[];
  /** That principals can come from; none where no configuration and no file names any. */
  readonly issuers: readonly string[];
  /** As they were read, by name. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** SHA-256, hexadecimal, over names and contents of all files: which set of rules made a verdict. */
  readonly version: string;
}

/** Limits that hold where no policy in force names them, as files write them: rows, bytes, milliseconds. */
export const DEFAULT_LIMITS = { rows: 10_000, result_bytes: 10_000_000, timeout: 60_000 } as const satisfies Partial<
  Record<keyof PolicyFile['limits'], number>
>;
