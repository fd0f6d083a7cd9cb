/** What is decided about: who asks, what the statement does, and what is known of it besides. */
import type { Analysis, ObjectUse, StatementKind } from '../../sql/index.js';
import type { InForce, Subject } from '../standing/in-force.js';
import { isRead } from './change.js';
import type { Estimate } from './verdict.js';

export interface Circumstances {
  readonly hasPurpose: boolean;
  /** What a person typed was reported, by whom else than the agent. */
  readonly isReported: boolean;
  /** Prompts were reported, and why none of them is tied to the statement: of several conversations or places it says none. */
  readonly untied?: 'conversations' | 'places' | undefined;
  readonly hasWhere: boolean;
  /** Names of the functions called, in capitals. */
  readonly functions: ReadonlySet<string>;
  /** undefined as long as nobody has asked. */
  readonly estimate: Estimate | undefined;
}

export interface Question extends InForce {
  readonly subject: Subject;
  readonly analysis: Analysis;
  readonly circumstances: Circumstances;
}

/**
 * Sources of a change are read; its target is changed, in every way that the statement has (`MERGE … DELETE` deletes as well), and read where
 * its columns stand in an expression: the number of rows that it touches would answer any predicate.
 */
export const kindsOn = (analysis: Analysis, use: ObjectUse): readonly StatementKind[] => {
  if (analysis.kind === 'describe') return ['describe'];
  if (use.access === 'read') return ['select'];
  return isRead(analysis) ? [...analysis.changes, 'select'] : analysis.changes;
};
