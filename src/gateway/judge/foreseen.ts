/** The columns of a result held against those that were judged: what nobody foresaw is shown to nobody. */

import type { Denial } from '../../policy/index.js';
import type { Judged } from './judged.js';

export const UNFORESEEN: Denial = {
  code: 'NOT_VERIFIED',
  message: 'The result has other columns than the statement was judged for, so it is not shown.',
  hint: 'Send it again: a table may have changed meanwhile. If that does not help, name the columns that you need.',
};

/** How often each name occurs. */
function counted(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Whether a result has just the columns that the analysis foresaw; statements that give no rows have nothing to compare. */
export function isForeseen({ analysis, outputMasks }: Judged, names: readonly string[]): boolean {
  if (analysis?.kind !== 'select') return true;
  const { isNarrowed, isResampled } = analysis.statement;
  const isOpen = isResampled || outputMasks.some(({ isMany }) => isMany);
  const known = outputMasks.flatMap(({ name }) => name ?? []);
  const unnamed = outputMasks.length - known.length;
  const left = counted(known);
  // What is named in the result and not foreseen by name has to be one of the columns that have no foreseeable name.
  const others = names.filter((name) => {
    const count = left.get(name) ?? 0;
    if (count > 0) left.set(name, count - 1);
    return count === 0;
  }).length;
  if (isOpen) return true;
  if (isNarrowed) return others <= unnamed;
  return names.length === outputMasks.length && others === unnamed;
}
