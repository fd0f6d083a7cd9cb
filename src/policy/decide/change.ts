/**
 * What a change may do with what is hidden from whoever sends it. The target of a change stands in it raw: no sub-query can take its
 * place. So nothing of it that is masked may be named, and a table with hidden rows is not changed at all.
 */
import { isHashed } from '../../masking/index.js';
import { type Analysis, type ColumnUse, Making, objectKey, tellIdentifier, tellObject } from '../../sql/index.js';
import type { AppliedMask } from '../masks/applied-masks.js';
import { ByColumn } from '../masks/by-column.js';
import type { Policy } from '../rules/policy.js';
import { decideConstraints, type IsOpen } from './constraints.js';
import type { AppliedRows, Denial } from './verdict.js';

interface Question {
  readonly analysis: Analysis;
  readonly policies: readonly Policy[];
}

const CHANGES = new Set(['insert', 'update', 'delete', 'merge']);

/** Whether masked values may be written: every policy that masks has to say so. */
export const mayWrite = (policies: readonly Policy[]): boolean =>
  policies.every((policy) => policy.writeMasked || policy.columns.length === 0);

/**
 * Whether a change reads its target: a column of it stands in an expression, or could be meant by a name there. One that is given a value and
 * stands nowhere else is not read.
 */
export function isRead({ target, columns, words, kind }: Analysis): boolean {
  if (!target || !CHANGES.has(kind)) return false;
  const key = objectKey(target.object);
  // An INSERT sees its target only as one of its sources, which are objects of their own.
  if (kind === 'insert') return false;
  if (columns.some(({ object, via }) => via.length === 0 && objectKey(object) === key)) return true;
  const own = new Set(target.relation?.columns.map(({ name }) => name));
  return words.some(({ name, isPlace, isForeign }) => !isForeign && (isPlace || own.has(name)));
}

/** The masks of one table by its columns; of two on one column the first. */
const maskedOf = (own: readonly AppliedMask[]): ReadonlyMap<string, AppliedMask> =>
  new Map(own.map((mask) => [mask.column, mask] as const).reverse());

/** undefined where nothing stands against the change. */
export function decideChange(
  { analysis, policies }: Question,
  masks: readonly AppliedMask[],
  rows: readonly AppliedRows[],
  isOpen: IsOpen,
): Denial | undefined {
  const { target } = analysis;
  if (!CHANGES.has(analysis.kind) || !target) return undefined;
  const own = masks.filter((mask) => objectKey(mask.object) === objectKey(target.object));
  return (
    decideTarget(analysis) ??
    decideReads(analysis, policies, masks) ??
    decideAssignments(analysis, policies, own) ??
    decideWords(analysis, own) ??
    decideRows(analysis, rows) ??
    decideConstraints({ analysis, own, isOpen })
  );
}

/**
 * Views are read-only on Snowflake (user-guide/views-introduction, "Limitations on Views"), and what would stand against a change of one is
 * on the tables below it.
 */
function decideTarget({ target, kind }: Analysis): Denial | undefined {
  if (!target || (target.relation?.kind !== 'view' && !target.relation?.isTrusted)) return undefined;
  return {
    code: 'NOT_UNDERSTOOD',
    message: `${tellObject(target.object)} is a view: ${kind.toUpperCase()} changes tables only.`,
    position: undefined,
    hint: 'Change the table that it reads.',
  };
}

/** A masked value is not written to a table, where it would overwrite data or be taken for some; and the target's own is not looked at. */
function decideReads(
  analysis: Analysis,
  policies: readonly Policy[],
  masks: readonly AppliedMask[],
): Denial | undefined {
  const { target, kind } = analysis;
  const mayCopy = kind !== 'delete' && mayWrite(policies);
  const isCopied = ({ object }: ColumnUse): boolean =>
    mayCopy && (kind === 'insert' || !target || objectKey(object) !== objectKey(target.object));
  const masked = new ByColumn(masks);
  const use = analysis.columns.find((entry) => masked.of(entry) !== undefined && !isCopied(entry));
  const mask = use && masked.of(use);
  if (!use || !mask) return undefined;
  const [view] = use.via;
  if (view)
    return {
      code: 'COLUMN_DENIED',
      message: `${tellObject(view)} reads a column that is masked for you, and a change may not use a masked column.`,
      position: use.position,
      hint: 'Leave this view out of the statement.',
    };
  return {
    code: 'COLUMN_DENIED',
    message: `${tellIdentifier(use.column)} of ${tellObject(use.object)} is masked for you, and a change may not use a masked column.`,
    policy: mask.policy,
    rule: mask.rule,
    position: use.position,
    hint:
      mayCopy || kind === 'delete'
        ? 'Leave this column out of the statement.'
        : 'Leave this column out of the statement. A policy may let masks be written, with "write_masked: allow".',
  };
}

/**
 * A virtual column gets its value by the columns that it is made of (documentation page virtual-columns): by each of these, the masks of
 * virtual ones under 'hash' above it. Other masks show of a value what anybody can make of it.
 */
function hashedAbove({ target }: Analysis, own: readonly AppliedMask[]): ReadonlyMap<string, AppliedMask> {
  const found = new Map<string, AppliedMask>();
  const making = target?.relation && Making.of(target.relation.columns);
  for (const mask of making ? own : [])
    if (isHashed(mask.method))
      for (const { column } of making?.sourcesOf(mask.column) ?? []) if (!found.has(column)) found.set(column, mask);
  return found;
}

/**
 * Whoever can't see a value neither overwrites it nor puts guesses beside it: a guess in a column under 'hash' equals the hidden value's hash,
 * and the error of a unique key tells that the value is there (sql/create-hybrid-table). So it takes the policy's word, for new rows too; and
 * what gives a virtual column its value is an assignment of that one.
 */
function decideAssignments(
  analysis: Analysis,
  policies: readonly Policy[],
  own: readonly AppliedMask[],
): Denial | undefined {
  const [masked, above] = [maskedOf(own), hashedAbove(analysis, own)];
  for (const { column, position } of analysis.assignments) {
    const mask = masked.get(column) ?? above.get(column);
    if (!mask) continue;
    const isForbidden = mask.method.kind === 'deny';
    if (!isForbidden && mayWrite(policies)) continue;
    const others = analysis.target?.relation?.columns.filter(
      ({ name, expression }) => expression === undefined && !masked.has(name) && !above.has(name),
    );
    const names = (others ?? []).map(({ name }) => tellIdentifier(name)).join(', ');
    const free = names === '' ? 'No column of it is yours to write.' : `Name the columns that you write: ${names}.`;
    return {
      code: 'COLUMN_DENIED',
      message: isForbidden
        ? `${tellIdentifier(column)} of ${tellObject(mask.object)} is hidden from you, and may not be written. ${mask.reason ?? ''}`.trim()
        : mask.column === column
          ? `${tellIdentifier(column)} of ${tellObject(mask.object)} is masked for you, so you may not write it.`
          : `${tellIdentifier(mask.column)} of ${tellObject(mask.object)} is masked for you and made of ${tellIdentifier(column)}, so you may not write that.`,
      policy: mask.policy,
      rule: mask.rule,
      position,
      hint: isForbidden ? free : `${free} A policy may let masked columns be written, with "write_masked: allow".`,
    };
  }
  return undefined;
}

/**
 * The same once more, by a check that knows nothing of scopes: in a statement that sees its target raw, a masked column's name may
 * stand only where the word before it says that it is another table's, or where it is given a value.
 */
function decideWords(analysis: Analysis, own: readonly AppliedMask[]): Denial | undefined {
  const { target, kind, words } = analysis;
  if (kind === 'insert' || own.length === 0 || !target) return undefined;
  const masked = maskedOf(own);
  for (const { name, isPlace, position, isForeign } of words) {
    // How many columns a source has is not always known: what stands at a place may be any column of the target.
    const mask = isPlace ? own[0] : masked.get(name);
    if (!mask || isForeign) continue;
    return {
      code: 'COLUMN_DENIED',
      message: isPlace
        ? `${tellIdentifier(name)} could be ${tellIdentifier(mask.column)} of ${tellObject(mask.object)}, which is masked for you.`
        : `${tellIdentifier(name)} of ${tellObject(mask.object)} is masked for you, and this change names it where it could be meant.`,
      policy: mask.policy,
      rule: mask.rule,
      position,
      hint: isPlace
        ? 'Write the column’s name, with the alias of its table before it.'
        : 'If it is another table’s, write it with the alias of that table before it.',
    };
  }
  return undefined;
}

function decideRows(analysis: Analysis, rows: readonly AppliedRows[]): Denial | undefined {
  const { target, kind } = analysis;
  // INSERT sees no row of its target, unless it empties it first, or the keys of a hybrid table are enforced (sql/create-hybrid-table).
  if (kind === 'insert' && !analysis.changes.includes('truncate') && target?.relation?.isHybrid !== true)
    return undefined;
  const filtered = rows.find((entry) => target && objectKey(entry.object) === objectKey(target.object));
  if (!filtered) return undefined;
  return {
    code: 'OBJECT_DENIED',
    message: `Some rows of ${tellObject(filtered.object)} are hidden from you, so you may not change it.`,
    policy: filtered.policy,
    rule: filtered.rule,
    position: analysis.objects.find((use) => use.access === 'write')?.position,
  };
}
