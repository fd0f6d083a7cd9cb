/** Which rows of a table are there for whoever asks. */
import { type ObjectName, objectKey, tellObject } from '../../sql/index.js';
import { partsOf } from '../rules/globs.js';
import type { Policy } from '../rules/policy.js';
import { fillPredicate } from '../rules/predicate.js';
import type { Subject } from '../standing/in-force.js';
import { ruleFor } from './applicable.js';
import { trustInSource } from './merging.js';
import type { Question } from './question.js';
import type { AppliedRows, Denial } from './verdict.js';

export function rowsFor(policies: readonly Policy[], object: ObjectName, subject: Subject): AppliedRows[] {
  return policies.flatMap((policy) =>
    policy.index.rows
      .find(partsOf(object))
      .filter(({ glob }) => glob.matches(partsOf(object)))
      .map(({ entry: row }) => ({
        object,
        where: row.where === undefined ? undefined : fillPredicate(row.where, subject),
        secureView: row.secureView,
        policy: policy.name,
        rule: row.place,
      })),
  );
}

/** Two secure views can't both stand for one table, and none opens what another policy hides. */
export function decideRows({ policies, circumstances }: Question, rows: readonly AppliedRows[]): Denial | undefined {
  for (const one of rows) {
    const { secureView } = one;
    if (secureView) {
      const { withheldBy } = trustInSource(policies, one.object, secureView);
      const rule = ruleFor(policies, 'select', secureView, circumstances);
      const closing = rule && rule.rule.effect !== 'allow' ? rule.policy : withheldBy;
      if (closing)
        return {
          code: 'OBJECT_DENIED',
          message: `${one.policy} has ${tellObject(one.object)} read through ${tellObject(secureView)}, which ${closing.name} does not let through.`,
          policy: closing.name,
          rule: one.rule,
          hint: 'Whoever keeps the policies has to decide: each that hides anything has to trust this view.',
        };
    }
    const other = rows.find(
      (entry) =>
        secureView &&
        entry.secureView &&
        objectKey(entry.object) === objectKey(one.object) &&
        objectKey(entry.secureView) !== objectKey(secureView),
    );
    if (other)
      return {
        code: 'OBJECT_DENIED',
        message: `${one.policy} and ${other.policy} name different secure views for ${tellObject(one.object)}.`,
        policy: other.policy,
        rule: other.rule,
        hint: 'Whoever keeps the policies has to decide which one is yours.',
      };
  }
  return undefined;
}
