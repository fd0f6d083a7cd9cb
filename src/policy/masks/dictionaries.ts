/**
 * `hash` on a view's column hides values only from those who can't put values of their own behind it: whoever may write a column that the view
 * shows under a hashed name has the hash of each guess, and finds it again in every table. A view may be made after the rows were, so it
 * is not for the change to see: such a column is read as NULL. (A virtual column's table is known when it is written: `decideChange`.)
 */
import { isHashed, strictness } from '../../masking/index.js';
import {
  type ColumnInfo,
  type FullAnalysis,
  type ObjectName,
  objectKey,
  originsOfView,
  showIdentifier,
} from '../../sql/index.js';
import type { AppliedMask } from './applied-masks.js';
import { ByColumn } from './by-column.js';

/** Whether some rule lets values be written to a table, in some circumstances. */
export type MayChange = (object: ObjectName) => boolean;

const shows = ({ method }: AppliedMask): boolean => strictness(method) > strictness({ kind: 'constant', value: '' });

/** The masks, with NULL in the place of each hash that would be one of a value of the principal's own. */
export function withoutDictionaries(
  { objects, views }: Pick<FullAnalysis, 'objects' | 'views'>,
  masks: readonly AppliedMask[],
  mayChange: MayChange,
): AppliedMask[] {
  if (!masks.some(({ method }) => isHashed(method))) return [...masks];
  const relations = new Map(objects.map(({ object, relation }) => [objectKey(object), relation]));
  const masked = new ByColumn(masks);
  /** A masked column is not written; but a virtual one gets its value by others, and only of a hashed one that is seen. */
  const isWritable = (object: ObjectName, { name, expression }: ColumnInfo): boolean => {
    const mask = masked.of({ object, column: name });
    return !mask || (expression !== undefined && shows(mask) && !isHashed(mask.method));
  };
  const changeable = new Map<string, boolean>();
  const isChangeable = (object: ObjectName): boolean => {
    const key = objectKey(object);
    const known = changeable.get(key) ?? mayChange(object);
    changeable.set(key, known);
    return known;
  };
  return masks.map((mask) => {
    const view = isHashed(mask.method) ? views.get(objectKey(mask.object)) : undefined;
    const columns = view && relations.get(objectKey(mask.object))?.columns;
    if (!view || !columns) return mask;
    const at = columns.findIndex(({ name }) => name === mask.column);
    const written = originsOfView(view, at).find(({ object, column }) => {
      const own = isChangeable(object) ? relations.get(objectKey(object))?.columns : undefined;
      return own?.some((entry) => entry.name === column && isWritable(object, entry)) === true;
    });
    if (!written) return mask;
    const reason = `It is made of ${showIdentifier(written.column)}, which you may write.`;
    return { ...mask, method: { kind: 'null' as const }, reason: mask.reason ? `${reason} ${mask.reason}` : reason };
  });
}
