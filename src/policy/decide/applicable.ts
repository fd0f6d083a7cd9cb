/** Which rule holds for an object: the strictest that names it, as far as its conditions are met. */
import type { ObjectName, StatementKind } from '../../sql/index.js';
import { partsOf } from '../rules/globs.js';
import type { Policy, Rule } from '../rules/policy.js';
import type { Circumstances } from './question.js';

export interface Applicable {
  readonly policy: Policy;
  readonly rule: Rule;
}

const RANK = { deny: 0, approve: 1, allow: 2 } as const;

/**
 * Before anything is looked up, nothing that conditions go by is known for certain: a rule counts as far as it would let something be
 * seen under whichever there are.
 */
export const ANY = 'any';

/** A condition narrows its rule: it applies only where one of the things that it names is the case. */
function applies(rule: Rule, circumstances: Circumstances | typeof ANY): boolean {
  const { when } = rule;
  if (!when) return true;
  if (circumstances === ANY) return rule.effect !== 'deny';
  const { hasPurpose, hasWhere, functions, estimate } = circumstances;
  // What is not known yet holds nobody up; what can't be known holds for a denial and not for an allowance.
  const isOver = (limit: number | undefined, value: number | undefined): boolean => {
    if (limit === undefined) return false;
    if (estimate === undefined) return rule.effect === 'allow';
    return value === undefined ? rule.effect !== 'allow' : value > limit;
  };
  return (
    (when.noWhere && !hasWhere) ||
    (when.purposeMissing && !hasPurpose) ||
    when.functions.some((name) => functions.has(name)) ||
    isOver(when.bytesOver, estimate?.bytes) ||
    isOver(when.rowsOver, estimate?.rows)
  );
}

/** The strictest rule on one object: deny before approve before allow, the first in the files among equals. */
export function ruleFor(
  policies: readonly Policy[],
  kind: StatementKind,
  object: ObjectName,
  circumstances: Circumstances | typeof ANY,
): Applicable | undefined {
  let best: Applicable | undefined;
  const parts = partsOf(object);
  for (const policy of policies)
    for (const { entry: rule, glob } of policy.index.rules.find(parts)) {
      if (!rule.kinds.has(kind) || !applies(rule, circumstances) || !glob.matches(parts)) continue;
      if (!best || RANK[rule.effect] < RANK[best.rule.effect]) best = { policy, rule };
    }
  return best;
}

/** Each `approve` rule on the object: two groups that both want to be asked are both asked. */
export const approveRules = (
  policies: readonly Policy[],
  kind: StatementKind,
  object: ObjectName,
  circumstances: Circumstances,
): readonly Rule[] =>
  policies
    .flatMap((policy) => policy.index.rules.find(partsOf(object)))
    .filter(({ glob }) => glob.matches(partsOf(object)))
    .map(({ entry }) => entry)
    .filter((rule) => rule.effect === 'approve' && rule.kinds.has(kind) && applies(rule, circumstances));
