/** Which of the objects that a statement names may be read or changed, and who has to be asked first. */
import { type ObjectName, type Position, showObject, tellObject } from '../../sql/index.js';
import type { Rule } from '../rules/policy.js';
import { ANY, type Applicable, approveRules, ruleFor } from './applicable.js';
import { denyKey, isKeyTable } from './key.js';
import { inSightOf } from './merging.js';
import { type Circumstances, kindsOn, type Question } from './question.js';
import type { AppliedRule, Denial, Verdict } from './verdict.js';

export function approvalOf(rules: readonly Rule[]): Verdict['approval'] {
  const requirements = rules.map(({ by, place, reason }) => ({
    issuers: by?.issuers ?? [],
    groups: by?.groups ?? [],
    count: by?.count ?? 1,
    rule: place,
    reason,
    tolerance: by?.tolerance ?? { rows: 0, share: 0 },
  }));
  return { requirements, within: Math.min(...rules.map(({ by }) => by?.within ?? 0)) };
}

/** Neither what it is, nor whether it is there: whoever reads a view need not know its text. The record has the object and the rule. */
const beyondView = (view: ObjectName, position: Position | undefined): Denial => ({
  code: 'OBJECT_DENIED',
  message: `${tellObject(view)} reads something that you may not read.`,
  position,
  hint: 'Whoever keeps the policies finds in the record what it is.',
});

const appliedOf = ({ policy, rule }: Applicable) => ({
  effect: rule.effect,
  policy: policy.name,
  rule: rule.place,
});

interface ObjectsDecided {
  readonly denial?: Denial;
  readonly rules: readonly AppliedRule[];
  readonly asking: ReadonlySet<Rule>;
}

/** `circumstances` of any kind: nothing has been looked up, and whether an object is there is not asked. */
export function decideObjects(
  { analysis, policies }: Omit<Question, 'circumstances'>,
  circumstances: Circumstances | typeof ANY,
): ObjectsDecided {
  const rules: AppliedRule[] = [];
  const asking = new Set<Rule>();
  const key = denyKey(analysis);
  if (key) return { denial: key, rules, asking };
  const questions = analysis.objects.flatMap((use) => {
    const sighted = inSightOf(policies, use);
    return kindsOn(analysis, use).map((kind) => ({ use, kind, sighted }));
  });
  for (const { use, kind, sighted } of questions) {
    const found = ruleFor(sighted, kind, use.object, circumstances);
    // An allowance of MERGE is one of its UPDATE; what denies an UPDATE or asks for somebody holds for that branch, too.
    if (kind === 'update' && analysis.kind === 'merge' && (!found || found.rule.effect === 'allow')) continue;
    const shown = showObject(use.object);
    const told = tellObject(use.object);
    const [view] = use.via;
    const verb = kind === 'select' ? 'read' : kind;
    // Who trusts the view lets through what it reads, where nobody else has a word on that.
    const isDenied = found ? found.rule.effect === 'deny' : sighted.length === policies.length;
    // What the refusal itself names is not said twice.
    if (found && (view || !isDenied)) rules.push({ ...appliedOf(found), kind, object: shown });
    const isMissing = circumstances !== ANY && !use.relation;
    if (view && (isDenied || isMissing || isKeyTable(use.object)))
      return { denial: beyondView(view, use.position), rules, asking };
    if (isDenied) {
      const denial: Denial = {
        code: 'OBJECT_DENIED',
        // One wording whether it exists or not: a refusal must not tell what there is.
        message:
          found?.rule.reason ??
          (use.access === 'write' && kind === 'select'
            ? `${told} is not something you may read, and this ${analysis.kind.toUpperCase()} goes by what is in it.`
            : `${told} is not something you may ${verb}.`),
        policy: found?.policy.name,
        rule: found?.rule.place,
        position: use.position,
        hint: 'The describe tool lists what you may see.',
      };
      return { denial, rules, asking };
    }
    if (isMissing) {
      const denial: Denial = {
        code: 'OBJECT_DENIED',
        message: `There is no ${told} that you may ${verb}.`,
        policy: found?.policy.name,
        rule: found?.rule.place,
        position: use.position,
        hint: 'The describe tool lists what you may see.',
      };
      return { denial, rules, asking };
    }
    if (found?.rule.effect === 'approve' && circumstances !== ANY)
      for (const rule of approveRules(sighted, kind, use.object, circumstances)) asking.add(rule);
  }
  if (analysis.objects.length === 0) {
    for (const policy of policies) {
      const rule = policy.kinds.has(analysis.kind)
        ? policy.rules.find((entry) => entry.effect === 'allow' && entry.kinds.has(analysis.kind))
        : undefined;
      if (!rule) continue;
      rules.push({
        effect: 'allow',
        kind: analysis.kind,
        object: '(no object)',
        policy: policy.name,
        rule: rule.place,
      });
      break;
    }
  }
  return { rules, asking };
}
