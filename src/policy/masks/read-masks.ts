/** Which of a table's masks matter to a statement: those of columns that it reads or writes. */
import type { ObjectName } from '../../sql/index.js';
import type { AppliedMask } from './applied-masks.js';
import { ByColumn } from './by-column.js';

interface Uses {
  readonly columns: readonly { readonly object: ObjectName; readonly column: string }[];
}

/** For whoever looks at a statement. What is sent has every mask of its tables; `analysis`: undefined where nothing is known, and all count. */
export function readMasks(masks: readonly AppliedMask[], analysis: Uses | undefined): readonly AppliedMask[] {
  if (!analysis) return masks;
  const used = new ByColumn(analysis.columns);
  return masks.filter((mask) => used.of(mask) !== undefined);
}
