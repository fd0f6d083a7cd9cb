/**
 * The masks on a relation's columns, of all policies in force. Within one policy the strictest that matches a column counts; of two
 * policies neither opens what the other hides.
 */
import { type MaskMethod, strictness } from '../masking/index.js';
import type { ColumnInfo, ObjectName } from '../sql/index.js';
import type { Glob } from './globs.js';
import type { ColumnRule, Place, Policy } from './load.js';

export interface ColumnMask {
  readonly object: ObjectName;
  readonly column: string;
  readonly method: MaskMethod;
  readonly policy: string;
  readonly rule: Place;
  readonly reason: string | undefined;
}

interface Candidate {
  readonly policy: Policy;
  readonly entry: ColumnRule;
  readonly glob: Glob;
}

/** One mask, and the rule that it is from. */
interface Chosen {
  readonly method: MaskMethod;
  readonly policy: Policy;
  readonly entry: ColumnRule;
}

const multiple = (one: number, other: number): number => {
  let [left, right] = [one, other];
  while (right > 0) [left, right] = [right, left % right];
  return (one / left) * other;
};

const SPANS: readonly string[] = ['day', 'month', 'quarter', 'year'];

/** Weeks lie across months, so of a week and anything but a day nothing is left that both would show. */
function coarser(
  one: Extract<MaskMethod, { kind: 'truncate_date' }>,
  other: Extract<MaskMethod, { kind: 'truncate_date' }>,
): MaskMethod {
  if (one.part === other.part) return one;
  if (one.part === 'day') return other;
  if (other.part === 'day') return one;
  const [left, right] = [one, other].map(({ part }) => SPANS.indexOf(part));
  if (left === undefined || right === undefined || left < 0 || right < 0) return { kind: 'null' };
  return left > right ? one : other;
}

/**
 * Of two masks that two policies put on one column: one that shows nothing which either hides. The stricter kind, as always; of one
 * kind what shows less; of two that show different parts (the end of a text, and its beginning) neither part.
 */
export function narrower(one: MaskMethod, other: MaskMethod): MaskMethod {
  if (strictness(one) !== strictness(other)) return strictness(one) < strictness(other) ? one : other;
  if (one.kind === 'bucket' && other.kind === 'bucket') {
    const size = multiple(one.size, other.size);
    return Number.isSafeInteger(size) ? { kind: 'bucket', size } : { kind: 'null' };
  }
  if (one.kind === 'truncate_date' && other.kind === 'truncate_date') return coarser(one, other);
  if ((one.kind === 'keep_first' || one.kind === 'keep_last') && one.kind === other.kind)
    return one.count <= other.count ? one : other;
  if (one.kind === other.kind) return one;
  // A number has no month and a date no bucket: one of the two hides the column whole, whatever its type.
  return one.kind === 'bucket' || one.kind === 'truncate_date' ? { kind: 'null' } : { kind: 'redact' };
}

/** The strictest of one policy's masks; between equals the longer glob, then the earlier line. */
function strictest(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  let rank = 0;
  for (const candidate of candidates) {
    const own = strictness(candidate.entry.mask);
    if (!best || own < rank || (own === rank && candidate.glob.weight > best.glob.weight)) {
      best = candidate;
      rank = own;
    }
  }
  return best;
}

/** What each policy chooses, narrowed by what the others do. */
function merged(candidates: readonly Candidate[]): Chosen | undefined {
  let chosen: Chosen | undefined;
  for (const policy of new Set(candidates.map((candidate) => candidate.policy))) {
    const own = strictest(candidates.filter((candidate) => candidate.policy === policy));
    if (!own) continue;
    const { entry } = own;
    if (!chosen) {
      chosen = { method: entry.mask, policy, entry };
      continue;
    }
    const method = narrower(chosen.method, entry.mask);
    chosen = method === entry.mask && method !== chosen.method ? { method, policy, entry } : { ...chosen, method };
  }
  return chosen;
}

/** Whether anything of a value, or which values are equal, shows through a mask. */
const showsSome = (method: MaskMethod): boolean => strictness(method) > strictness({ kind: 'constant', value: '' });

const startsWith = (path: readonly string[], start: readonly string[]): boolean =>
  path.length > start.length && start.every((key, at) => key === path[at]);

/** Masks within a column, by path. */
function within(candidates: readonly Candidate[]): (Chosen & { readonly path: readonly string[] })[] {
  const paths = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = JSON.stringify(candidate.glob.path);
    paths.set(key, [...(paths.get(key) ?? []), candidate]);
  }
  const found = [...paths.values()].flatMap((some) => {
    const chosen = merged(some);
    return chosen ? [{ ...chosen, path: some[0]?.glob.path ?? [] }] : [];
  });
  // What stands where a longer path goes on is no object for that one, and hidden whole by it.
  return found.map((one) =>
    showsSome(one.method) && found.some((other) => startsWith(other.path, one.path))
      ? { ...one, method: { kind: 'null' } }
      : one,
  );
}

/** What the masks of a relation go by. */
interface Masked {
  readonly object: ObjectName;
  readonly columns: readonly Pick<ColumnInfo, 'name'>[];
  readonly isExternal?: boolean | undefined;
}

/** The whole row as it stands in the file (documentation page sql/create-external-table). */
const RAW_ROW = 'VALUE';

/**
 * The masks on a relation's columns, by name. `source`: the secure view that is read in its place, whose own masks hold as well.
 * Of an external table the column VALUE holds each row as it stands in the file, so where any other column is masked that one is
 * hidden whole, or denied where another is. Its pseudo-columns METADATA$FILENAME and METADATA$FILE_ROW_NUMBER, of which partition
 * columns are made, are no columns of a masked table's sub-query (documentation page user-guide/tables-external-intro).
 */
export function masksOf(
  policies: readonly Policy[],
  { object, columns, isExternal }: Masked,
  source?: ObjectName | undefined,
): ReadonlyMap<string, ColumnMask> {
  const candidates = [object, ...(source ? [source] : [])].flatMap(({ database, schema, name }) => {
    const parts = [database, schema, name];
    return policies.flatMap((policy) =>
      policy.index.columns.find(parts).map(({ entry, glob }) => ({ policy, entry, glob, parts })),
    );
  });
  const masks = new Map<string, ColumnMask>();
  if (candidates.length === 0) return masks;
  const add = (column: string, { policy, entry }: Chosen, method: MaskMethod): void => {
    masks.set(column, { object, column, method, policy: policy.name, rule: entry.place, reason: entry.reason });
  };
  for (const { name } of columns) {
    const fitting = candidates.filter(({ glob, parts }) => glob.matches([...parts, name]));
    const whole = merged(fitting.filter(({ glob }) => !glob.path));
    const paths = within(fitting.filter(({ glob }) => glob.path));
    const [first] = paths;
    // A mask on the whole column hides what is in it as well. One that shows some of it (the beginning of a text) would show what a
    // path hides there, in the same policy or another: a path hides whole what is no object, so both together hide the column.
    if (whole && first && showsSome(whole.method)) add(name, first, { kind: 'null' });
    else if (whole) add(name, whole, whole.method);
    else if (first) add(name, first, { kind: 'paths', paths: paths.map(({ path, method }) => ({ path, method })) });
  }
  if (!isExternal || !columns.some(({ name }) => name === RAW_ROW)) return masks;
  const others = [...masks.values()].filter(({ column }) => column !== RAW_ROW);
  const strict = others.find(({ method }) => method.kind === 'deny') ?? others[0];
  if (!strict) return masks;
  const method: MaskMethod = strict.method.kind === 'deny' ? { kind: 'deny' } : { kind: 'null' };
  const own = masks.get(RAW_ROW);
  if (!own || strictness(own.method) > strictness(method)) masks.set(RAW_ROW, { ...strict, column: RAW_ROW, method });
  return masks;
}
