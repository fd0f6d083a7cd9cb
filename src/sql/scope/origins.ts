/** Columns and what they come from, in lists that are shared and never changed: put together, found by name. */
import type { Origin, OutputColumn } from '../analysis/analysis.js';
import type { Count } from '../analysis/effort.js';

/** Where values come from that no column of a known table accounts for: no exception of a detector holds for them. */
export const UNKNOWN: Origin = Object.freeze({
  object: Object.freeze({ database: '', schema: '', name: '' }),
  column: '',
});

export const isUnknown = (origin: Origin): boolean => origin.column === '' && origin.object.name === '';

/** Columns as a set: of each list once, however often it is asked for. */
const sets = new WeakMap<readonly Origin[], ReadonlySet<Origin>>();

function setOf(origins: readonly Origin[]): ReadonlySet<Origin> {
  const known = sets.get(origins);
  if (known) return known;
  const made = new Set(origins);
  sets.set(origins, made);
  return made;
}

const NO_ORIGINS: readonly Origin[] = Object.freeze([]);

/**
 * All of several lists, each column once. Lists are shared and never changed: where one of them holds what the others do, it is the answer,
 * so that an expression which names a thousand times what comes from a thousand columns holds these once. A column of a table is one value in a whole
 * judgement (`Relations`), so it is told by that.
 */
export function union(parts: readonly (readonly Origin[])[], count: Count): readonly Origin[] {
  count(parts.length);
  let first: readonly Origin[] | undefined;
  let others: Set<readonly Origin[]> | undefined;
  for (const part of parts) {
    if (part.length === 0 || part === first) continue;
    if (first === undefined) first = part;
    else {
      others ??= new Set();
      others.add(part);
    }
  }
  if (first === undefined) return NO_ORIGINS;
  if (others === undefined) return first;
  const known = setOf(first);
  let more: Set<Origin> | undefined;
  for (const part of others) {
    count(part.length);
    for (const origin of part) {
      if (known.has(origin)) continue;
      more ??= new Set();
      more.add(origin);
    }
  }
  if (more === undefined) return first;
  count(first.length + more.size);
  return [...first, ...more];
}

/** A list of columns by their names: made once for each list. */
const indexes = new WeakMap<readonly OutputColumn[], ReadonlyMap<string, readonly OutputColumn[]>>();

function indexOf(columns: readonly OutputColumn[], count: Count): ReadonlyMap<string, readonly OutputColumn[]> {
  const known = indexes.get(columns);
  if (known) return known;
  count(columns.length);
  const made = new Map<string, OutputColumn[]>();
  for (const column of columns) {
    if (column.name === undefined) continue;
    const same = made.get(column.name);
    if (same) same.push(column);
    else made.set(column.name, [column]);
  }
  indexes.set(columns, made);
  return made;
}

const NO_COLUMNS: readonly OutputColumn[] = Object.freeze([]);

/** Those of the columns that have the name. */
export const columnsNamed = (columns: readonly OutputColumn[], name: string, count: Count): readonly OutputColumn[] =>
  indexOf(columns, count).get(name) ?? NO_COLUMNS;

/** What all of the columns come from: once for each list of columns. */
const wholes = new WeakMap<readonly OutputColumn[], readonly Origin[]>();

export function originsOf(columns: readonly OutputColumn[], count: Count): readonly Origin[] {
  count(1);
  const known = wholes.get(columns);
  if (known) return known;
  const made = union(
    columns.map(({ origins }) => origins),
    count,
  );
  wholes.set(columns, made);
  return made;
}
