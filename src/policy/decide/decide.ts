/**
 * The decision: a pure function of who asks, what the statement does and which policies there are. Nothing is allowed that no
 * rule allows; what it answers names for each part the policy, the rule and the line.
 */
import type { Count, FullAnalysis } from '../../sql/index.js';
import type { AppliedMask } from '../masks/applied-masks.js';
import { partsOf } from '../rules/globs.js';
import { type Standing, standing } from '../standing/standing.js';
import { ANY } from './applicable.js';
import { decideBytes, hides } from './bytes.js';
import { decideChange } from './change.js';
import { hiddenOf, isOpenTo } from './hidden.js';
import { approvalOf, decideObjects } from './objects.js';
import { decideColumns, decideFunctions, decideNames } from './parts.js';
import { kindsOn, type Question } from './question.js';
import { decideRows } from './rows.js';
import type { Denial, Verdict } from './verdict.js';

/**
 * What the rules say of the names alone, before anything is looked up: a verdict where they let this principal see one of them in no
 * circumstances. What is refused here is refused whether it is there or not, and asks the catalog for nothing.
 */
export function decideNamed(question: Omit<Question, 'circumstances'>): Verdict | undefined {
  const { denial, rules } = decideObjects(question, ANY);
  if (!denial) return undefined;
  return {
    ...standing(question.policies),
    version: question.set.version,
    decision: 'deny',
    denial,
    approval: undefined,
    needs: { bytes: false, rows: false },
    estimate: undefined,
    rules,
    masks: [],
    rows: [],
  };
}

/**
 * The verdict on an analysed statement. `spend` takes the steps of what is worked out for each column of each table; it throws where they are too
 * many.
 */
export function decide(
  question: Question & { readonly analysis: FullAnalysis },
  spend: Count = () => undefined,
): Verdict {
  return verdictOn(
    question,
    hiddenOf(question, spend),
    (masks) => decideFunctions(question) ?? decideNames(question) ?? decideColumns(question, masks),
  );
}

/**
 * The same once more, where more is known of the circumstances, or of the target's constraints: `known` is the verdict without. What is masked,
 * which columns and functions there are, does not go by these: it is not worked out again.
 */
export function decideAgain(question: Question, known: Verdict): Verdict {
  if (known.denial) return known;
  return verdictOn(question, known, () => undefined);
}

function verdictOn(
  question: Question,
  { masks, rows }: Pick<Verdict, 'masks' | 'rows'>,
  decideParts: (masks: readonly AppliedMask[]) => Denial | undefined,
): Verdict {
  const { set, policies } = question;
  const base = { ...standing(policies), version: set.version };
  const objects = decideObjects(question, question.circumstances);
  const denial =
    objects.denial ??
    decideParts(masks) ??
    decideRows(question, rows) ??
    decideChange(question, masks, rows, isOpenTo(question)) ??
    decidePurpose(question, base) ??
    decideBytes(question, base, hides({ masks, rows }));
  const approval = objects.asking.size > 0 ? approvalOf([...objects.asking]) : undefined;
  const decision = denial ? 'deny' : approval ? 'approve' : 'allow';
  return {
    ...base,
    decision,
    denial,
    needs: needsOf(question, base),
    estimate: question.circumstances.estimate,
    approval: denial ? undefined : approval,
    rules: objects.rules,
    masks,
    rows,
  };
}

/** Why no prompt is known of a statement, and what a person can do about it. */
const UNREPORTED = {
  nothing: { why: 'Nothing was reported.', hint: 'their client needs the hook of snowfence' },
  conversations: {
    why: 'Several conversations of this place have reported prompts in the last four hours, and this statement does not say to which of them it belongs.',
    hint: 'their client has to say the conversation with each statement (snowfence/conversation in _meta, or the header Snowfence-Conversation), or each conversation needs a folder of its own',
  },
  places: {
    why: 'Prompts were reported from several places in the last four hours, and this statement does not say from which of them it comes.',
    hint: 'their client has to say its place (the header Snowfence-Place; snowfence connect does)',
  },
} as const;

function decidePurpose({ circumstances }: Question, base: Standing): Denial | undefined {
  if (base.record.purpose === 'reported' && !circumstances.isReported) {
    const { why, hint } = UNREPORTED[circumstances.untied ?? 'nothing'];
    return {
      code: 'PURPOSE_REQUIRED',
      message: `Statements need what the person typed, as the client reports it. ${why}`,
      policy: base.policies[0],
      hint: `A purpose that an agent writes does not do. Tell the person: ${hint} (docs/recording.md, "What the person typed").`,
    };
  }
  if (base.record.purpose !== 'required' || circumstances.hasPurpose) return undefined;
  return {
    code: 'PURPOSE_REQUIRED',
    message: 'Say in a sentence what this statement is for.',
    policy: base.policies[0],
    hint: 'Send it as "purpose": what the user asked.',
  };
}

/** Whether any rule or limit that bears on the statement goes by an estimate. */
function needsOf({ policies, analysis }: Question, base: Standing): Verdict['needs'] {
  const rules = analysis.objects.flatMap((use) =>
    policies.flatMap((policy) =>
      policy.index.rules
        .find(partsOf(use.object))
        .filter(
          ({ entry, glob }) =>
            kindsOn(analysis, use).some((kind) => entry.kinds.has(kind)) && glob.matches(partsOf(use.object)),
        )
        .map(({ entry }) => entry),
    ),
  );
  const { bytesPerStatement, bytesPerDay } = base.limits;
  return {
    bytes:
      bytesPerStatement !== undefined ||
      bytesPerDay !== undefined ||
      rules.some(({ when }) => when?.bytesOver !== undefined),
    rows: rules.some(({ when }) => when?.rowsOver !== undefined),
  };
}
