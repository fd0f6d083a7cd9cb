/** A policy in words: what `whoami` tells an agent about itself. */
import { methodName } from '../../masking/index.js';
import { isRun, type ObjectName, showObject } from '../../sql/index.js';
import type { Policy } from '../rules/policy.js';

/** Those of a predicate, or those of a secure view that is read in the table's place. */
interface ShownRows {
  readonly where: string | undefined;
  readonly secureView: ObjectName | undefined;
}

/** Which rows of its table are there, in words. */
export const showRows = ({ where, secureView }: ShownRows): string =>
  where ?? `they are in ${secureView ? showObject(secureView) : 'a secure view'}`;

const list = (items: Iterable<string>): string => [...items].join(', ');

/** One sentence for each thing that the policies in force say, to those whom they are for or about them. */
export function describeStanding(policies: readonly Policy[], who: 'You' | 'They' = 'You'): string[] {
  const they = who.toLowerCase();
  const lines: string[] = [];
  for (const policy of policies) {
    lines.push(`${policy.name}${policy.description ? `: ${policy.description}` : ''}`);
    for (const rule of policy.rules) {
      const verb = { allow: `${who} may`, deny: `${who} may not`, approve: `With a reviewer’s approval ${they} may` }[
        rule.effect
      ];
      // What is never run is nothing that somebody may do; what may not be done is told as it is written.
      const kinds = [...rule.kinds].filter((kind) => rule.effect === 'deny' || isRun(kind));
      if (kinds.length === 0) {
        lines.push(
          `${list(rule.kinds)} on ${list(rule.on.map((glob) => glob.source))}: statements of these kinds are never run, whatever a rule says.`,
        );
        continue;
      }
      lines.push(
        `${verb} ${list(kinds)} on ${list(rule.on.map((glob) => glob.source))}.${rule.reason ? ` ${rule.reason}` : ''}`,
      );
    }
    for (const column of policy.columns) {
      const how = column.mask.kind === 'deny' ? 'may not be used' : `is masked (${methodName(column.mask)})`;
      lines.push(`${list(column.match.map((glob) => glob.source))} ${how}.${column.reason ? ` ${column.reason}` : ''}`);
    }
    for (const { on, where, secureView } of policy.rows)
      lines.push(`Of ${on.source} ${they} see only rows where ${showRows({ where: where?.text, secureView })}.`);
  }
  return lines;
}
