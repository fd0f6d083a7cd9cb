/**
 * Errors that the warehouse itself computes over hidden values. A CHECK constraint compares a row's columns with each other, whoever changes
 * one of them (documentation page constraints-overview, "CHECK constraints": in INSERT, UPDATE and MERGE, of standard, Iceberg and hybrid
 * tables): `CHECK (AMOUNT <= CEILING)` tells by its error, guess by guess, what a hidden CEILING is. A hybrid table's unique keys compare
 * rows with each other, its foreign keys tables (sql/create-hybrid-table): an error tells that a hidden row is there.
 *
 * The error's text is not the point; that there is one is. So such a change is not sent.
 */
import {
  type Analysis,
  type ColumnPart,
  type Constraints,
  isTouching,
  Making,
  madeOf,
  type ObjectName,
  objectKey,
  tellIdentifier,
  tellObject,
} from '../../sql/index.js';
import type { AppliedMask } from '../masks/applied-masks.js';
import { partsOf } from '../rules/globs.js';
import type { Policy } from '../rules/policy.js';
import type { Denial } from './verdict.js';

/** What a change does to rows: new ones, other values in those that are there, none. */
const writes = ({ changes }: Analysis): { inserts: boolean; updates: boolean; deletes: boolean } => ({
  inserts: changes.includes('insert'),
  updates: changes.includes('update') || (changes.includes('merge') && changes.length === 1),
  deletes: changes.includes('delete') || changes.includes('truncate'),
});

/** Whether anything of an object is hidden by its columns, as far as its name tells. */
const hasColumnRules = (policies: readonly Policy[], object: ObjectName): boolean =>
  policies.some((policy) => policy.index.columns.find(partsOf(object)).length > 0);

/**
 * Whether the warehouse has to be asked what it enforces on the changed table: a CHECK matters where other values of a row change and some
 * of them may be hidden; keys matter on hybrid tables alone, to every change.
 */
export function needsConstraints(policies: readonly Policy[], analysis: Analysis): boolean {
  const { relation, object } = analysis.target ?? {};
  if (!object || relation?.kind !== 'table' || analysis.changes.length === 0) return false;
  return relation.isHybrid === true || (writes(analysis).updates && hasColumnRules(policies, object));
}

/** Whether all of a table may be read: no masks, no hidden rows. Its columns are not known here, so a rule that may fit one counts. */
export type IsOpen = (object: ObjectName, columns: readonly string[]) => boolean;

interface Question {
  readonly analysis: Analysis;
  readonly own: readonly AppliedMask[];
  readonly isOpen: IsOpen;
}

/** undefined where no constraint tells anything that is hidden. */
export function decideConstraints(question: Question): Denial | undefined {
  const { analysis, own } = question;
  const { constraints, object, relation } = analysis.target ?? {};
  if (!constraints || !object) return undefined;
  if (constraints !== 'unreadable')
    return (
      decideChecks(question, constraints) ??
      decideKeys(question, constraints) ??
      decideReferences(question, constraints)
    );
  const [mask] = own;
  if (!mask && relation?.isHybrid !== true) return undefined;
  return {
    code: 'COLUMN_DENIED',
    message: `What Snowflake enforces on ${tellObject(object)} can't be read, and it could tell what is hidden from you there.`,
    policy: mask?.policy,
    rule: mask?.rule,
    position: analysis.objects.find((use) => use.access === 'write')?.position,
    hint: 'Whoever keeps the gateway has to let its role read INFORMATION_SCHEMA.CHECK_CONSTRAINTS of this database: snowfence doctor says more.',
  };
}

/** The parts of a column that a mask hides. */
const hiddenBy = ({ column, method }: AppliedMask): ColumnPart[] =>
  method.kind === 'paths' ? method.paths.map(({ path }) => ({ column, path })) : [{ column, path: [] }];

/** What a constraint of the changed table would tell by its error. */
const comparesHidden = (analysis: Analysis, table: ObjectName, constraint: string, mask: AppliedMask): Denial => ({
  code: 'COLUMN_DENIED',
  message: `The ${constraint} of ${tellObject(table)} compares ${tellIdentifier(mask.column)}, which is masked for you: whether a change fails would tell its value.`,
  policy: mask.policy,
  rule: mask.rule,
  position: analysis.objects.find((use) => use.access === 'write')?.position,
  hint: 'Have somebody change this row who may see all of it.',
});

/** New rows hold what the agent gives and defaults; in a row that stays, each column that is not given a value is one that is there. */
function decideChecks({ analysis, own }: Question, { checks }: Constraints): Denial | undefined {
  const { target, kind, assignments } = analysis;
  const { updates } = writes(analysis);
  if (!updates || !target?.relation) return undefined;
  const { columns } = target.relation;
  // Which branch of a MERGE gives a value to which column is not told apart.
  const given = new Set(kind === 'update' ? assignments.map(({ column }) => column) : []);
  for (const { name, clause } of checks) {
    const named = Making.of(columns).below(madeOf(clause, columns));
    const mask = own.find(
      (entry) =>
        !given.has(entry.column) && hiddenBy(entry).some((hidden) => named.some((part) => isTouching(part, hidden))),
    );
    if (mask) return comparesHidden(analysis, target.object, `CHECK constraint ${tellIdentifier(name)}`, mask);
  }
  return undefined;
}

/** A unique key over a hidden column and one that the agent gives a value to: the error says which rows have the same hidden value. */
function decideKeys({ analysis, own }: Question, { keys }: Constraints): Denial | undefined {
  const { target, assignments } = analysis;
  const { inserts, updates } = writes(analysis);
  if (!target || !(inserts || updates)) return undefined;
  const given = new Set(assignments.map(({ column }) => column));
  for (const { name, columns } of keys) {
    if (!columns.some((column) => given.has(column) && !own.some((entry) => entry.column === column))) continue;
    // Where the hidden one is given a value, too, `write_masked` has allowed that.
    const mask = own.find((entry) => columns.includes(entry.column) && !given.has(entry.column));
    if (mask) return comparesHidden(analysis, target.object, `unique key ${tellIdentifier(name)}`, mask);
  }
  return undefined;
}

/** A foreign key's error tells whether a row of the other table is there, which is the agent's to know only where all of that table is. */
function decideReferences({ analysis, isOpen }: Question, { keys, references }: Constraints): Denial | undefined {
  const { target, assignments } = analysis;
  if (!target) return undefined;
  const { inserts, updates, deletes } = writes(analysis);
  const given = new Set(assignments.map(({ column }) => column));
  const is = (other: ObjectName | undefined): boolean =>
    other !== undefined && objectKey(other) === objectKey(target.object);
  const touches = (columns: readonly string[]): boolean =>
    columns.length === 0 || columns.some((column) => given.has(column));
  for (const { name, child, parent, columns } of references) {
    // Without known keys any column may be the one that is referred to.
    const isKeyGiven = keys.length === 0 || keys.some((key) => touches(key.columns));
    const asParent = is(parent) && (deletes || (updates && isKeyGiven)) && !(child && isOpen(child, columns));
    const asChild = is(child) && (inserts || (updates && touches(columns))) && !(parent && isOpen(parent, []));
    if (!asParent && !asChild) continue;
    return {
      code: 'OBJECT_DENIED',
      message: `The foreign key ${tellIdentifier(name)} holds ${tellObject(target.object)} against a table of which you don't see all: whether a change fails would tell what is in it.`,
      position: analysis.objects.find((use) => use.access === 'write')?.position,
      hint: 'Have somebody make this change who may see both tables.',
    };
  }
  return undefined;
}
