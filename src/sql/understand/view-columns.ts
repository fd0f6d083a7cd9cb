/** What a view's columns come from, down to base tables. */
import type { FullAnalysis, Origin } from '../analysis/analysis.js';
import { objectKey } from '../analysis/catalog.js';
import { type Count, PART } from '../analysis/effort.js';
import { byWhichever } from '../names/index.js';
import { isUnknown, union } from '../scope/origins.js';
import type { Opened } from './opened.js';

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

/** A view's column comes from what its query puts there. */
export function outputsBelow(outputs: FullAnalysis['outputs'], opened: Opened, count: Count): FullAnalysis['outputs'] {
  const places = new Map<string, ReadonlyMap<string, number>>();
  const placeIn = (key: string, column: string): number => {
    let known = places.get(key);
    if (!known) {
      const columns = opened.relations.get(key)?.columns ?? [];
      count(columns.length);
      // Of two of one name the first counts.
      known = new Map(columns.map(({ name }, at) => [name, at] as const).reverse());
      places.set(key, known);
    }
    return known.get(column) ?? -1;
  };
  const bases = new Map<Origin, readonly Origin[]>();
  const baseOf = (origin: Origin): readonly Origin[] => {
    const known = bases.get(origin);
    if (known) return known;
    const key = objectKey(origin.object);
    const view = opened.views.get(key);
    count(PART);
    const made = !view
      ? [origin]
      : (byWhichever(view.statement, view.outputs, count)[placeIn(key, origin.column)]?.origins ?? []);
    bases.set(origin, made);
    return made;
  };
  const lists = new Map<readonly Origin[], readonly Origin[]>();
  return outputs.map((output) => {
    let origins = lists.get(output.origins);
    if (!origins) {
      count(output.origins.length);
      origins = union(output.origins.map(baseOf), count);
      lists.set(output.origins, origins);
    }
    return { ...output, origins };
  });
}
