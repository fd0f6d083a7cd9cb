/** What is hidden from whoever asks: the masks and row predicates on all that a statement names. */
import type { Count, FullAnalysis, ObjectName } from '../../sql/index.js';
import { type AppliedMask, appliedMasks } from '../masks/applied-masks.js';
import { withoutDictionaries } from '../masks/dictionaries.js';
import { partsOf } from '../rules/globs.js';
import { ANY, ruleFor } from './applicable.js';
import { mayWrite } from './change.js';
import { inSightOf } from './merging.js';
import type { Question } from './question.js';
import { rowsFor } from './rows.js';
import type { AppliedRows, Verdict } from './verdict.js';

/** A table that may be read without asking anybody, nothing of which is hidden as far as its name and these columns tell. */
export const isOpenTo =
  ({ policies, subject, circumstances }: Question) =>
  (object: ObjectName, columns: readonly string[]): boolean =>
    ruleFor(policies, 'select', object, circumstances)?.rule.effect === 'allow' &&
    rowsFor(policies, object, subject).length === 0 &&
    !policies.some((policy) =>
      policy.index.columns
        .find(partsOf(object))
        .some(
          ({ glob }) => columns.length === 0 || columns.some((column) => glob.matches([...partsOf(object), column])),
        ),
    );

/** Whether some rule lets values be written to a table, in some circumstances. */
const mayChange =
  ({ policies }: Question) =>
  (object: ObjectName): boolean =>
    (['insert', 'update', 'merge'] as const).some((kind) => {
      const found = ruleFor(policies, kind, object, ANY);
      return found !== undefined && found.rule.effect !== 'deny';
    });

/** What is hidden from whoever asks, of all that the statement names. */
export function hiddenOf(
  question: Question & { readonly analysis: FullAnalysis },
  spend: Count,
): Pick<Verdict, 'masks' | 'rows'> {
  const { subject, analysis } = question;
  const masks: AppliedMask[] = [];
  const rows: AppliedRows[] = [];
  for (const use of analysis.objects) {
    const policies = inSightOf(question.policies, use);
    const own = rowsFor(policies, use.object, subject);
    const source = own.find(({ secureView }) => secureView !== undefined)?.secureView;
    // What hides rows of a view hides them as well where the view stands for a table.
    const below = source ? rowsFor(policies, source, subject).map((row) => ({ ...row, object: use.object })) : [];
    rows.push(...own, ...below);
    const { relation } = use;
    if (!relation) continue;
    const { columns, isExternal } = relation;
    for (const mask of appliedMasks(policies, { object: use.object, columns, isExternal }, source, spend))
      masks.push(mask);
  }
  return {
    masks: mayWrite(question.policies) ? masks : withoutDictionaries(analysis, masks, mayChange(question)),
    rows,
  };
}
