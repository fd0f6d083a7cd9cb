/**
 * What is left of an analysis once the text to send is written: no tree, no tokens, nothing that only reading and rewriting go by. A tree takes
 * some hundred times the memory of its text, and judgements are remembered by the thousand.
 */
import type { ParsedWording, Statement, Wording } from '../text/statement.js';
import type { Analysis, FullAnalysis } from './analysis.js';
import { type Scan, scansOf } from './scans.js';

/** Members that a text's wording has while it is read; none of them may be kept. */
type Unkept = Partial<Record<'tokens' | 'text' | 'tree' | 'pairs' | 'clauses' | 'tokenAt' | 'offsetOf', never>>;

/** A statement as it may be kept. Its tokens are read anew where somebody asks for them (`tokensOf`). */
export type KeptStatement = Wording & Unkept;

/** An analysis as it may be kept: the whole one does not pass for it. */
export interface KeptAnalysis extends Analysis {
  readonly statement: ParsedWording & Unkept;
  /** Which tables it would read, views opened. */
  readonly scans: readonly Scan[];
  readonly views?: never;
  readonly outputs?: never;
  readonly references?: never;
}

export const keptStatement = ({ source, kind }: Statement): KeptStatement => ({ source, kind });

const parsedWording = ({ source, kind, isResampled, isNarrowed }: ParsedWording): KeptAnalysis['statement'] => ({
  source,
  kind,
  isResampled,
  isNarrowed,
});

/** Of a statement that may run. */
export const keptAnalysis = (analysis: FullAnalysis): KeptAnalysis => ({
  statement: parsedWording(analysis.statement),
  kind: analysis.kind,
  isLookedUp: analysis.isLookedUp,
  objects: analysis.objects,
  columns: analysis.columns,
  places: analysis.places,
  functions: analysis.functions,
  called: analysis.called,
  hasWhere: analysis.hasWhere,
  unowned: analysis.unowned,
  changes: analysis.changes,
  target: analysis.target,
  assignments: analysis.assignments,
  words: analysis.words,
  scans: scansOf(analysis),
});

/** Of one that is refused: what it names, which is recorded and shown, and nothing else. */
export const keptRefused = ({ statement, kind, isLookedUp, objects, columns }: FullAnalysis): KeptAnalysis => ({
  statement: parsedWording(statement),
  kind,
  isLookedUp,
  objects,
  columns,
  places: [],
  functions: [],
  called: new Set(),
  hasWhere: false,
  unowned: [],
  changes: [],
  target: undefined,
  assignments: [],
  words: [],
  scans: [],
});
