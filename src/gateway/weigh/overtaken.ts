/** What may have become otherwise while a statement waited: asked again once it has its connection, before it leaves. */
import type { Denial, Policy } from '../../policy/index.js';
import { RULES_CHANGED, TOKEN_ENDED } from '../answer/denials.js';
import { type Rules, rulesFor, type Whose } from '../judge/whose.js';

/** Nothing of the statement was sent: it was overtaken while it waited. */
export class NotSent extends Error {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super(denial.message);
    this.name = 'NotSent';
    this.denial = denial;
  }
}

/**
 * Whether it ended while something waited. One that had ended before was taken all the same, within the clocks' difference that is
 * allowed.
 */
export const isTokenOver = ({ principal, askedAt }: Whose, now: Date): boolean => {
  const end = principal.expiresAt * 1000;
  return askedAt.getTime() < end && now.getTime() >= end;
};

const namesOf = (policies: readonly Policy[]): string => JSON.stringify(policies.map(({ name }) => name));

/** Whether other rules are in force for them than when they asked. */
export function hasOtherRules(rules: Rules, { principal, policies: { set, policies } }: Whose): boolean {
  const now = rulesFor(rules, principal);
  return now.set.version !== set.version || namesOf(now.policies) !== namesOf(policies);
}

/** What has become otherwise since a statement was asked for, so that it may not leave any more. */
function overtaken(rules: Rules, whose: Whose): Denial | undefined {
  if (isTokenOver(whose, rules.now())) return TOKEN_ENDED;
  return hasOtherRules(rules, whose) ? RULES_CHANGED : undefined;
}

/** Throws NotSent where it may not leave any more; `rulesChanged`: what is said of other rules. */
export async function notOvertaken(rules: Rules, whose: Whose, rulesChanged = RULES_CHANGED): Promise<void> {
  const denial = overtaken(rules, whose);
  if (denial) throw new NotSent(denial === RULES_CHANGED ? rulesChanged : denial);
}
