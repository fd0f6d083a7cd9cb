/** What a principal may see of what there is, before any statement is judged. */
import type { ObjectName } from '../../sql/index.js';
import type { Policy } from '../rules/policy.js';
import { ANY, ruleFor } from './applicable.js';
import { isKeyTable } from './key.js';
import { inSightOf } from './merging.js';

/** May this object be read at all: what `describe` and hints go by. */
export function mayRead(policies: readonly Policy[], object: ObjectName): boolean {
  const found = ruleFor(policies, 'describe', object, {
    hasPurpose: true,
    isReported: true,
    hasWhere: true,
    functions: new Set(),
    estimate: undefined,
  });
  return found !== undefined && found.rule.effect !== 'deny';
}

/** Whether there may be anything in a database or schema that `mayRead` lets be seen. What the catalog is asked to list goes by it. */
export function mayHold(policies: readonly Policy[], database: string, schema: string | undefined): boolean {
  const within = schema === undefined ? [database] : [database, schema];
  const rules = policies.flatMap((policy) => policy.rules).filter(({ kinds }) => kinds.has('describe'));
  return (
    rules.some(({ effect, on }) => effect !== 'deny' && on.some((glob) => glob.reaches(within))) &&
    !rules.some(({ effect, when, on }) => effect === 'deny' && !when && on.some((glob) => glob.covers(within)))
  );
}

/**
 * Whether any rule lets this be read, whatever the circumstances: what only a view's text names is looked up no further than that. Who trusts a
 * view on the way to it has no say on it.
 */
export function mayBeLookedUp(
  policies: readonly Policy[],
  object: ObjectName,
  through: readonly ObjectName[],
): boolean {
  if (isKeyTable(object)) return false;
  const sighted = inSightOf(policies, { through });
  const found = ruleFor(sighted, 'select', object, ANY);
  return found ? found.rule.effect !== 'deny' : sighted.length < policies.length;
}
