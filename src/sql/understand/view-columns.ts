/** What a view's columns come from, down to base tables. */
import type { FullAnalysis, Origin } from '../analysis/analysis.js';
import { byWhichever } from '../names/index.js';
import { isUnknown } from '../scope/origins.js';

/**
 * The columns of base tables behind a view's column, by its place. Where some of them are not known it may be any column of any table that the
 * view reads.
 */
export function originsOfView(view: FullAnalysis, at: number): readonly Origin[] {
  const origins = byWhichever(view.statement, view.outputs, () => undefined)[at]?.origins;
  if (origins && !origins.some((origin) => isUnknown(origin) || origin.object.name === '')) return origins;
  return view.objects.flatMap(({ object, relation }) =>
    (relation?.kind === 'table' ? relation.columns : []).map(({ name }) => ({ object, column: name })),
  );
}
