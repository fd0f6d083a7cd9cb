/** Functions, names and columns of a statement: which of them whoever asks may not use. */
import {
  type FullAnalysis,
  type ObjectName,
  objectKey,
  type Position,
  tellIdentifier,
  tellObject,
} from '../../sql/index.js';
import type { AppliedMask } from '../masks/applied-masks.js';
import { ByColumn } from '../masks/by-column.js';
import { denyHashBelow } from './key.js';
import { allowanceOf } from './merging.js';
import type { Question } from './question.js';
import type { Denial } from './verdict.js';

export function decideFunctions({
  analysis,
  policies,
}: Pick<Question, 'policies'> & { readonly analysis: FullAnalysis }): Denial | undefined {
  const hash = denyHashBelow(analysis);
  if (hash) return hash;
  /** Functions that may be called, by class and name: thousands of calls are of a few. */
  const given = new Set<string>();
  for (const use of analysis.functions) {
    if (use.class === 'pure' || use.class === 'table') continue;
    const key = `${use.class} ${use.name}`;
    if (given.has(key)) continue;
    const { isGiven, withheldBy } = allowanceOf(policies, use);
    if (isGiven) {
      given.add(key);
      continue;
    }
    const denial = {
      code: 'FUNCTION_DENIED' as const,
      policy: withheldBy?.name ?? policies[0]?.name,
      position: use.position,
    };
    if (use.isOfView)
      return {
        ...denial,
        message: 'A view that this reads calls a function that you may not call.',
        hint: 'Read its base tables instead, or have a policy list the function.',
      };
    if (withheldBy)
      return {
        ...denial,
        message: `${use.name} is not a function that you may call: ${withheldBy.name} hides something, and does not list it.`,
        hint: 'Leave it out, or have each policy that hides anything list it under functions.',
      };
    return {
      ...denial,
      message: use.reason
        ? `${use.name} is not available: ${use.reason}.`
        : `${use.name} is not a function that you may call.`,
      hint: use.class === 'session' ? 'Leave it out.' : 'Leave it out, or have a policy list it under functions.',
    };
  }
  return undefined;
}

/**
 * A name that nobody owns refuses the statement. Only once its tables may be read: which columns a table has is not told to others.
 */
export function decideNames({ analysis }: Question): Denial | undefined {
  const [first] = analysis.unowned;
  if (!first) return undefined;
  return { code: 'NOT_UNDERSTOOD', message: first.what, position: first.position, hint: first.hint };
}

/** Neither which it is nor of which table: the record has the columns that it reads. */
const columnBeyondView = (view: ObjectName, position: Position | undefined): Denial => ({
  code: 'COLUMN_DENIED',
  message: `${tellObject(view)} reads a column that is hidden from you.`,
  position,
  hint: 'Read its base tables instead, as far as you may.',
});

export function decideColumns(question: Question, masks: readonly AppliedMask[]): Denial | undefined {
  const denied = masks.filter((mask) => mask.method.kind === 'deny');
  if (denied.length === 0) return undefined;
  const uses = new ByColumn(question.analysis.columns);
  for (const mask of denied) {
    const use = uses.of(mask);
    if (!use) continue;
    const hidden = new ByColumn(denied);
    const relation = question.analysis.objects.find(
      (entry) => objectKey(entry.object) === objectKey(mask.object),
    )?.relation;
    const others = (relation?.columns ?? [])
      .filter((column) => hidden.of({ object: mask.object, column: column.name }) === undefined)
      .map((column) => tellIdentifier(column.name));
    const [view] = use.via;
    if (view) return columnBeyondView(view, use.position);
    const isStar = use.usage === 'star';
    const starred = isStar ? ' and * includes it' : '';
    const names = (relation?.columns ?? []).flatMap(({ name }) =>
      hidden.of({ object: mask.object, column: name }) ? tellIdentifier(name) : [],
    );
    const without = isStar ? ` Or leave out what is hidden: * EXCLUDE (${names.join(', ')}).` : '';
    return {
      code: 'COLUMN_DENIED',
      message:
        `${tellIdentifier(mask.column)} of ${tellObject(mask.object)} is hidden from you${starred}. ${mask.reason ?? ''}`.trim(),
      policy: mask.policy,
      rule: mask.rule,
      position: use.position,
      hint: others.length > 0 ? `Name the columns you need: ${others.join(', ')}.${without}` : undefined,
    };
  }
  return undefined;
}
