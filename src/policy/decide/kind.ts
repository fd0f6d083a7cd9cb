/** What is asked before the statement is analysed. */
import { isRun, type StatementKind } from '../../sql/index.js';
import type { InForce } from '../standing/in-force.js';
import type { Denial } from './verdict.js';

/** Why nothing at all is allowed: no policy is there, none names the principal, or they name several roles. undefined where one stands. */
export function decideStanding({ set, policies }: InForce): Denial | undefined {
  const [first] = policies;
  if (!first) {
    const isEmpty = set.policies.length === 0;
    return {
      code: 'NO_POLICY',
      message: isEmpty
        ? 'No policy is loaded, so nothing is allowed to anybody.'
        : 'No policy names you, so nothing is allowed.',
      hint: isEmpty
        ? 'Whoever runs the gateway has to put policies into its folder.'
        : `Ask whoever keeps the policies (${set.policies.length} are loaded) to name your subject or one of your groups.`,
    };
  }
  const other = policies.find((policy) => policy.role !== first.role || policy.warehouse !== first.warehouse);
  return (
    other && {
      code: 'NO_POLICY',
      message: `The policies ${first.name} and ${other.name} name different Snowflake roles or warehouses for you.`,
      hint: 'Whoever keeps the policies has to decide which one is yours.',
    }
  );
}

/** Is there a policy, one role, any rule at all for this kind. */
export function decideKind(rulesInForce: InForce, kind: StatementKind): Denial | undefined {
  const { policies } = rulesInForce;
  const [first] = policies;
  const standing = decideStanding(rulesInForce);
  if (standing || !first) return standing;
  if (policies.some((policy) => policy.kinds.has(kind))) return undefined;
  const rules = policies.flatMap((policy) => policy.rules.map((rule) => ({ policy, rule })));
  const refusing = rules.filter(({ rule }) => rule.effect === 'deny' && rule.on.some((glob) => glob.source === '*'));
  const deny = refusing.find(({ rule }) => rule.kinds.has(kind));
  const allowed = [...new Set(policies.flatMap((policy) => [...policy.kinds]))].filter(
    (one) => isRun(one) && !refusing.some(({ rule }) => rule.kinds.has(one)),
  );
  return {
    code: 'KIND_DENIED',
    message: deny?.rule.reason ?? `You may not run ${kind.replaceAll('_', ' ').toUpperCase()} statements.`,
    policy: deny?.policy.name ?? first.name,
    rule: deny?.rule.place ?? `${first.file}:1`,
    hint: allowed.length > 0 ? `What you may run: ${allowed.join(', ')}.` : 'The whoami tool says what you may do.',
  };
}
