/** What is asked before the statement is analysed. */
import type { StatementKind } from '../../sql/index.js';
import type { InForce } from '../standing/in-force.js';
import type { Denial } from './verdict.js';

/** Is there a policy, one role, any rule at all for this kind. */
export function decideKind({ set, policies }: InForce, kind: StatementKind): Denial | undefined {
  const [first] = policies;
  if (!first)
    return {
      code: 'NO_POLICY',
      message: 'No policy names you, so nothing is allowed.',
      hint: `Ask whoever keeps the policies (${set.policies.length} are loaded) to name your subject or one of your groups.`,
    };
  const other = policies.find((policy) => policy.role !== first.role || policy.warehouse !== first.warehouse);
  if (other)
    return {
      code: 'NO_POLICY',
      message: `The policies ${first.name} and ${other.name} name different Snowflake roles or warehouses for you.`,
      hint: 'Whoever keeps the policies has to decide which one is yours.',
    };
  if (policies.some((policy) => policy.kinds.has(kind))) return undefined;
  const rules = policies.flatMap((policy) => policy.rules.map((rule) => ({ policy, rule })));
  const deny = rules.find(
    ({ rule }) => rule.effect === 'deny' && rule.kinds.has(kind) && rule.on.some((glob) => glob.source === '*'),
  );
  const allowed = [...new Set(policies.flatMap((policy) => [...policy.kinds]))];
  return {
    code: 'KIND_DENIED',
    message: deny?.rule.reason ?? `You may not run ${kind.replaceAll('_', ' ').toUpperCase()} statements.`,
    policy: deny?.policy.name ?? first.name,
    rule: deny?.rule.place ?? `${first.file}:1`,
    hint: allowed.length > 0 ? `What you may run: ${allowed.join(', ')}.` : 'The whoami tool says what you may do.',
  };
}
