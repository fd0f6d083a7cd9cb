/** What one judgement has looked up and opened so far. */
import type { FullAnalysis } from '../analysis/analysis.js';
import type { ObjectName } from '../analysis/catalog.js';
import type { Effort } from '../analysis/effort.js';
import { Relations } from '../scope/relations.js';
import type { Refusal } from '../text/refusal.js';

export interface Opened {
  /** What the catalog was asked for, whether it is there or not. */
  readonly asked: Set<string>;
  readonly relations: Relations;
  /** Views that were begun with: one that reads itself is opened once. */
  readonly begun: Set<string>;
  readonly views: Map<string, FullAnalysis>;
  /** Views that can't be opened, with the reason: told once it is known that they may be read. */
  readonly closed: Map<string, Refusal>;
  /** What views read that may not be read: nothing of it is looked up, and the view is not opened. */
  readonly barred: Map<string, readonly ObjectName[]>;
  /** Of the whole judgement. */
  readonly effort: Effort;
}

export const nothingOpened = (effort: Effort): Opened => ({
  asked: new Set(),
  relations: new Relations(),
  begun: new Set(),
  views: new Map(),
  closed: new Map(),
  barred: new Map(),
  effort,
});
