/**
 * The masks on a relation's columns, of all policies in force. Within one policy the strictest that matches a column counts; of two
 * policies neither opens what the other hides.
 */
import { type MaskMethod, strictness } from '../../masking/index.js';
import {
  type ColumnInfo,
  type ColumnPart,
  type Count,
  isTouching,
  Making,
  type ObjectName,
  showIdentifier,
} from '../../sql/index.js';
import { type Glob, partsOf } from '../rules/globs.js';
import type { ColumnRule, Policy } from '../rules/policy.js';
import type { Place } from '../rules/problems.js';
import { ColumnGlobs } from './column-globs.js';

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
  readonly entry: Pick<ColumnRule, 'mask' | 'place' | 'reason'>;
  readonly glob: Pick<Glob, 'weight' | 'path'>;
}

/** A candidate that a rule names. */
interface Written extends Candidate {
  readonly glob: Glob;
}

/** One mask, and the rule that it is from. */
interface Chosen {
  readonly method: MaskMethod;
  readonly policy: Policy;
  readonly entry: Candidate['entry'];
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
export interface Masked {
  readonly object: ObjectName;
  readonly columns: readonly ColumnInfo[];
  readonly isExternal?: boolean | undefined;
}

/** The whole row as it stands in the file (documentation page sql/create-external-table). */
const RAW_ROW = 'VALUE';

/** A part of a table that one policy hides. */
interface HiddenPart {
  readonly part: ColumnPart;
  /** The column that a rule names. */
  readonly from: string;
  readonly by: Written;
}

/**
 * What a policy hides. Of an external table all columns are virtual, each a part of the file's row: what hides one of them hides that part, and
 * with it the others that are made of it.
 */
const hiddenParts = (own: ColumnGlobs<Written>, { columns, isExternal }: Masked, making: Making): HiddenPart[] =>
  columns.flatMap(({ name }) =>
    own
      .of(name)
      .flatMap((by) => [
        { part: { column: name, path: by.glob.path ?? [] }, from: name, by },
        ...(isExternal ? making.sourcesOf(name).map((part) => ({ part, from: name, by })) : []),
      ]),
  );

/** Parts by their columns. */
function byColumn(parts: readonly ColumnPart[]): ReadonlyMap<string, readonly ColumnPart[]> {
  const found = new Map<string, ColumnPart[]>();
  for (const part of parts) {
    const known = found.get(part.column);
    if (known) known.push(part);
    else found.set(part.column, [part]);
  }
  return found;
}

/** Of work that is many times quicker than a step: parts gone through. */
const PARTS_A_STEP = 10;
/** Characters of an expression that are read in a step. */
const CHARACTERS_A_STEP = 10;

/**
 * A virtual column is other columns under another name, computed from their raw values (documentation page virtual-columns). Where a policy
 * hides anything of what it is made of, that policy hides it as well: whole, for nobody can tell what is left of a mask behind an
 * expression, and altogether where a source is denied. Unless the same policy trusts it; then it stands for itself, under its own masks.
 * In an external table, where columns lie beside each other in one row, a mask of its own stands for itself, too.
 */
function derived(
  policy: Policy,
  own: ColumnGlobs<Written>,
  masked: Masked,
  spend: Count,
): ReadonlyMap<string, Candidate> {
  const { object, columns, isExternal } = masked;
  const found = new Map<string, Candidate>();
  const making = Making.of(columns);
  const parts = partsOf(object);
  const trusted = new ColumnGlobs(
    policy.trustedColumns.filter((glob) => glob.reaches(parts)).map((glob) => ({ glob })),
  );
  const isTrusted = (column: string): boolean => trusted.of(column).length > 0;
  const hasOwn = (column: string): boolean => own.of(column).some(({ glob }) => !glob.path);
  let hidden: readonly HiddenPart[] | undefined;
  for (const column of making.virtual) {
    spend(own.steps + trusted.steps);
    if (isTrusted(column) || (isExternal && hasOwn(column))) continue;
    if (!hidden) {
      spend(own.steps * columns.length);
      hidden = hiddenParts(own, masked, making);
    }
    const sources = making.sourcesOf(column, isTrusted);
    spend((hidden.length + sources.length) / PARTS_A_STEP);
    const bySource = byColumn(sources);
    const touched = hidden.filter(
      ({ part, from }) =>
        from !== column && bySource.get(part.column)?.some((source) => isTouching(source, part)) === true,
    );
    const strict = touched.find(({ by }) => by.entry.mask.kind === 'deny') ?? touched[0];
    if (!strict) continue;
    const { mask, place, reason } = strict.by.entry;
    const made = `It is made of ${showIdentifier(strict.from)}.`;
    found.set(column, {
      policy,
      entry: {
        mask: { kind: mask.kind === 'deny' ? 'deny' : 'null' },
        place,
        reason: reason ? `${made} ${reason}` : made,
      },
      glob: { weight: 0 },
    });
  }
  return found;
}

const expressionsOf = (columns: readonly ColumnInfo[]): number =>
  columns.reduce((sum, { expression }) => sum + (expression?.length ?? 0), 0);

/** Steps for each glob that matches a column. */
const PART = 10;

/**
 * The masks on a relation's columns, by name. `source`: the secure view that is read in its place, whose own masks hold as well.
 * Of an external table the column VALUE holds each row as it stands in the file, so where any other column is masked that one is
 * hidden whole, or denied where another is. A virtual column is hidden with what it is made of (`derived`). Its pseudo-columns METADATA$FILENAME and METADATA$FILE_ROW_NUMBER, of which partition
 * columns are made, are no columns of a masked table's sub-query (documentation page user-guide/tables-external-intro). `spend` takes the steps that it costs, and may throw.
 */
export function masksOf(
  policies: readonly Policy[],
  masked: Masked,
  source?: ObjectName | undefined,
  spend: Count = () => undefined,
): ReadonlyMap<string, ColumnMask> {
  const { object, columns, isExternal } = masked;
  const names = [object, ...(source ? [source] : [])].map(partsOf);
  const candidates = names.flatMap((parts) =>
    policies.flatMap((policy) =>
      policy.index.columns
        .find(parts)
        .filter(({ glob }) => glob.reaches(parts))
        .map(({ entry, glob }): Written => ({ policy, entry, glob })),
    ),
  );
  const masks = new Map<string, ColumnMask>();
  if (candidates.length === 0) return masks;
  spend(expressionsOf(columns) / CHARACTERS_A_STEP);
  const made = [...new Set(candidates.map(({ policy }) => policy))].map((policy) =>
    derived(policy, new ColumnGlobs(candidates.filter((candidate) => candidate.policy === policy)), masked, spend),
  );
  const globs = new ColumnGlobs(candidates);
  const add = (column: string, { policy, entry }: Chosen, method: MaskMethod): void => {
    masks.set(column, { object, column, method, policy: policy.name, rule: entry.place, reason: entry.reason });
  };
  for (const { name } of columns) {
    const fitting = globs.of(name);
    spend(globs.steps + PART * fitting.length);
    const below = made.flatMap((found) => found.get(name) ?? []);
    const whole = merged([...fitting.filter(({ glob }) => !glob.path), ...below]);
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
