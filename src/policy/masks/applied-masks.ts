/** The masks of a relation as they are applied, worked out once for the policies in force: a wide table is judged many times a minute. */
import type { ColumnInfo, Count, ObjectName } from '../../sql/index.js';
import { objectKey } from '../../sql/index.js';
import type { Policy } from '../rules/policy.js';
import { type ColumnMask, type Masked, masksOf } from './masks.js';

/** A mask on a column of a known type. */
export interface AppliedMask extends ColumnMask {
  readonly type: string;
}

interface Worked {
  readonly masks: readonly AppliedMask[];
  /** What it took. It counts each time, so that a statement costs the same whoever has asked before. */
  readonly steps: number;
}

/** Masks that are remembered, of all relations together; a relation without any counts as one. */
const MOST = 200_000;

/** Lists that are one thing each: of policies in force, and of a relation's columns as the catalog has them. */
const numbers = new WeakMap<readonly Policy[] | readonly ColumnInfo[], number>();
let last = 0;
function numberOf(list: readonly Policy[] | readonly ColumnInfo[]): number {
  const known = numbers.get(list) ?? ++last;
  numbers.set(list, known);
  return known;
}

/** The oldest first. */
const worked = new Map<string, Worked>();
let held = 0;
const sizeOf = ({ masks }: Worked): number => masks.length + 1;

function remember(key: string, value: Worked): void {
  worked.set(key, value);
  held += sizeOf(value);
  for (const [oldest, { masks }] of worked) {
    if (held <= MOST) break;
    held -= masks.length + 1;
    worked.delete(oldest);
  }
}

/** In the order of the columns. `source`: the secure view that is read in the relation's place. `spend` takes the steps, and may throw. */
export function appliedMasks(
  policies: readonly Policy[],
  masked: Masked,
  source: ObjectName | undefined,
  spend: Count,
): readonly AppliedMask[] {
  const { object, columns, isExternal = false } = masked;
  const key = JSON.stringify([
    numberOf(policies),
    numberOf(columns),
    objectKey(object),
    isExternal,
    source ? objectKey(source) : null,
  ]);
  const known = worked.get(key);
  if (known) {
    spend(known.steps);
    return known.masks;
  }
  let steps = 0;
  const found = masksOf(policies, masked, source, (more) => {
    steps += more;
    spend(more);
  });
  const masks = columns.flatMap(({ name, type }) => {
    const mask = found.get(name);
    return mask ? [{ ...mask, type }] : [];
  });
  remember(key, { masks, steps });
  return masks;
}
