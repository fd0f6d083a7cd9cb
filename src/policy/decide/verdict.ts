/** The pieces of a verdict, as plain data. */
import type { ObjectName, Position, StatementKind } from '../../sql/index.js';
import type { Place } from '../files/load.js';
import type { ColumnMask } from '../masks/masks.js';

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
  | 'WAREHOUSE_UNAVAILABLE';

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

export interface AppliedMask extends ColumnMask {
  readonly type: string;
}

export interface AppliedRows {
  readonly object: ObjectName;
  /** With the principal's values put in; undefined where a secure view stands for the table. */
  readonly where: string | undefined;
  readonly secureView: ObjectName | undefined;
  readonly policy: string;
  readonly rule: Place;
}
