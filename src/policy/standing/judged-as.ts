/** What of a principal a set of policies goes by, whether it names them or not: without the rest a verdict is made again just so. */
import type { PolicySet } from '../rules/policy.js';
import type { Subject } from './in-force.js';

interface Asked {
  readonly groups: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
}

const known = new WeakMap<PolicySet, Asked>();

function askedBy(set: PolicySet): Asked {
  const found = known.get(set);
  if (found) return found;
  const [groups, claims] = [new Set<string>(), new Set<string>()];
  for (const { principals, rows } of set.policies) {
    for (const who of [principals, principals.except ?? {}]) {
      for (const group of who.groups ?? []) groups.add(group);
      for (const claim of Object.keys(who.claims ?? {})) claims.add(claim);
    }
    for (const part of rows.flatMap(({ where }) => where?.parts ?? []))
      if (part.kind === 'claim') claims.add(part.claim);
  }
  const asked = { groups, claims };
  known.set(set, asked);
  return asked;
}

/** Groups that some policy names, and claims that some policy asks for, as the principal has them. */
export interface JudgedAs {
  readonly groups: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

export function judgedAs(set: PolicySet, { groups, claims }: Pick<Subject, 'groups' | 'claims'>): JudgedAs {
  const asked = askedBy(set);
  return {
    groups: groups.filter((group) => asked.groups.has(group)),
    claims: Object.fromEntries(
      [...asked.claims].filter((claim) => Object.hasOwn(claims, claim)).map((claim) => [claim, claims[claim]]),
    ),
  };
}
