/**
 * Two policies in force: what one of them trusts, and what that would open of the other. A view whose text nobody here can read, a
 * secure view that stands for a table, a user-defined function: each runs with its owner's rights and may read anything, so what one
 * policy says of it counts only as far as all who hide something say so (docs/policies.md, "Two policies in force").
 */
import type { FunctionUse, ObjectName, ObjectUse } from '../../sql/index.js';
import { type Glob, partsOf } from '../rules/globs.js';
import type { Policy } from '../rules/policy.js';

/** Whether a glob stands for one of these objects and for no other. */
const isOnly = (glob: Glob, objects: readonly ObjectName[]): boolean =>
  objects.some((object) => partsOf(object).every((part, at) => glob.literals[at] === part));

/**
 * Whether a policy hides anything that could lie below these objects: a mask, a row predicate, or a rule that keeps from reading or
 * asks somebody first, on whatever else. What it says about the objects themselves holds for them anyhow.
 */
const hidesBeyond = (policy: Policy, objects: readonly ObjectName[]): boolean =>
  policy.columns.some(({ match }) => match.some((glob) => !isOnly(glob, objects))) ||
  policy.rows.some(({ on }) => !isOnly(on, objects)) ||
  policy.rules.some(
    ({ effect, kinds, on }) => effect !== 'allow' && kinds.has('select') && on.some((glob) => !isOnly(glob, objects)),
  );

const trusts = (policy: Policy, view: ObjectName): boolean =>
  policy.trustedViews.some((glob) => glob.matches(partsOf(view)));

/** Who says something, and who of the others would have to say it too. */
export interface Consent {
  readonly isGiven: boolean;
  /** The first that hides something and does not say it; undefined where nobody says it at all. */
  readonly withheldBy: Policy | undefined;
}

const consent = (
  policies: readonly Policy[],
  says: (policy: Policy) => boolean,
  hides: (policy: Policy) => boolean,
): Consent => {
  if (!policies.some(says)) return { isGiven: false, withheldBy: undefined };
  const withheldBy = policies.find((policy) => hides(policy) && !says(policy));
  return { isGiven: withheldBy === undefined, withheldBy };
};

/** Whether a view stands for itself: trusted by one policy, and by each that hides anything which it could read. */
export const trustIn = (policies: readonly Policy[], view: ObjectName): Consent =>
  consent(
    policies,
    (policy) => trusts(policy, view),
    (policy) => hidesBeyond(policy, [view]),
  );

/** Who has a say on an object: not who trusts a view that every way to it leads through. */
export function inSightOf(policies: readonly Policy[], { through }: Pick<ObjectUse, 'through'>): readonly Policy[] {
  if (through.length === 0) return policies;
  const sighted = policies.filter((policy) => !through.some((view) => trusts(policy, view)));
  if (sighted.length === policies.length) return policies;
  // The same list for the same policies: what is worked out for one is remembered by it.
  const lists = sightedLists.get(policies) ?? new Map<string, readonly Policy[]>();
  sightedLists.set(policies, lists);
  const key = policies.map((policy) => (sighted.includes(policy) ? '1' : '0')).join('');
  const known = lists.get(key) ?? sighted;
  lists.set(key, known);
  return known;
}

const sightedLists = new WeakMap<readonly Policy[], Map<string, readonly Policy[]>>();

/** The same of a secure view that one policy puts into a table's place: the others name it as well, or trust it. */
export const trustInSource = (policies: readonly Policy[], table: ObjectName, view: ObjectName): Consent =>
  consent(
    policies,
    (policy) =>
      trusts(policy, view) ||
      policy.rows.some(
        ({ on, secureView }) =>
          secureView !== undefined &&
          partsOf(secureView).every((part, at) => part === partsOf(view)[at]) &&
          on.matches(partsOf(table)),
      ),
    (policy) => hidesBeyond(policy, [table, view]),
  );

/**
 * Whether an entry under `functions` means this function. A user's own has three parts: only a name written in full says which is
 * meant. One of Snowflake's that does more than compute has to be spelled out, and what reads a shared connection can't be listed.
 */
function lists(glob: Glob, use: FunctionUse): boolean {
  const parts = use.name.split('.');
  if (use.class === 'session') return false;
  if (glob.source === '*') return use.class === 'user-defined' && parts.length === 3;
  if (use.class !== 'user-defined' && glob.literals.some((part) => part === undefined)) return false;
  return (
    glob.literals.length === parts.length && (parts.length === 3 || use.class !== 'user-defined') && glob.matches(parts)
  );
}

/** Whether a function that does more than compute may be called: listed by one policy, and by each that hides or holds up anything. */
export const allowanceOf = (policies: readonly Policy[], use: FunctionUse): Consent =>
  consent(
    policies,
    (policy) => policy.functions.some((glob) => lists(glob, use)),
    (policy) =>
      policy.columns.length > 0 || policy.rows.length > 0 || policy.rules.some(({ effect }) => effect !== 'allow'),
  );
