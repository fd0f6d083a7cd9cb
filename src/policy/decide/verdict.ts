/** A verdict and its pieces, as plain data. */
import type { ObjectName, Position, StatementKind } from '../../sql/index.js';
import type { AppliedMask } from '../masks/applied-masks.js';
import type { Tolerance } from '../rules/policy.js';
import type { Place } from '../rules/problems.js';
import type { Standing } from '../standing/standing.js';

export type DenialCode =
  | 'NOT_UNDERSTOOD'
  | 'KIND_DENIED'
  | 'OBJECT_DENIED'
  | 'COLUMN_DENIED'
  | 'FUNCTION_DENIED'
  | 'MULTIPLE_STATEMENTS'
  | 'LIMIT_REACHED'
  | 'NO_POLICY'
  | 'PURPOSE_REQUIRED'
  | 'APPROVAL_DENIED'
  | 'APPROVAL_EXPIRED'
  | 'NOT_VERIFIED'
  | 'RECORDER_UNAVAILABLE'
  | 'RECORD_IN_DOUBT'
  | 'WAREHOUSE_UNAVAILABLE'
  | 'MISCONFIGURED';

export interface Denial {
  readonly code: DenialCode;
  readonly message: string;
  readonly policy?: string | undefined;
  readonly rule?: Place | undefined;
  readonly position?: Position | undefined;
  readonly hint?: string | undefined;
}

export interface AppliedRule {
  readonly effect: 'allow' | 'deny' | 'approve';
  readonly kind: StatementKind;
  readonly object: string;
  readonly policy: string;
  readonly rule: Place;
}

export interface AppliedRows {
  readonly object: ObjectName;
  /** With the principal's values put in; undefined where a secure view stands for the table. */
  readonly where: string | undefined;
  readonly secureView: ObjectName | undefined;
  readonly policy: string;
  readonly rule: Place;
}

/** What the warehouse says of a statement before it runs; undefined where it can't say. */
/** Why rows were not counted. */
export type Uncounted =
  /** It changes none. */
  | 'no_change'
  | 'binds'
  /** No one query tells which rows it means. */
  | 'form'
  /** The principal may not read what would be counted. */
  | 'unreadable'
  /** A limit of the principal's is used up. */
  | 'limit'
  | 'too_long'
  | 'failed'
  | 'unreachable'
  /** Other rules came into force meanwhile. */
  | 'overtaken';

export interface Estimate {
  readonly bytes: number | undefined;
  readonly rows: number | undefined;
  /** Why rows are undefined, where they were asked for. */
  readonly uncounted?: Uncounted | undefined;
}

export interface Verdict extends Standing {
  readonly decision: 'allow' | 'deny' | 'approve';
  readonly version: string;
  readonly denial: Denial | undefined;
  readonly approval:
    | {
        /** One for each `approve` rule that applies: all have to be met. */
        readonly requirements: readonly {
          /** Whose groups they are. */
          readonly issuers: readonly string[];
          readonly groups: readonly string[];
          readonly count: number;
          readonly rule: Place;
          /** What the rule says about itself. */
          readonly reason: string | undefined;
          readonly tolerance: Tolerance;
        }[];
        /** Milliseconds, of the shortest. */
        readonly within: number;
      }
    | undefined;
  /** What has to be asked of the warehouse before this verdict is the last word. */
  readonly needs: { readonly bytes: boolean; readonly rows: boolean };
  /** What the warehouse said, where it was asked. */
  readonly estimate: Estimate | undefined;
  readonly rules: readonly AppliedRule[];
  readonly masks: readonly AppliedMask[];
  readonly rows: readonly AppliedRows[];
}
