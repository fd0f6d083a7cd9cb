/**
 * Whether a role sees what the warehouse enforces (documentation page info-schema/check_constraints): where it does not, changes of tables with
 * masks are refused, since a constraint could tell what is hidden.
 */
import type { Policy, PolicySet } from '../../policy/index.js';
import { StatementFailed, type Warehouse } from '../../warehouse/index.js';

/** Databases that are asked about, of those that the policies name. */
const MOST = 20;

/** Those that masks name, where rows may be changed. */
const databasesOf = (policies: readonly Policy[]): readonly string[] => [
  ...new Set(
    policies
      .filter(({ kinds }) => kinds.has('update') || kinds.has('merge'))
      .flatMap(({ columns }) => columns.flatMap(({ match }) => match.flatMap(({ literals }) => literals[0] ?? []))),
  ),
];

/** What doctor says of a database; structurally its finding. */
interface Unseen {
  readonly part: string;
  readonly state: 'warning';
  readonly detail: string;
  readonly remedy: string;
}

export async function checkConstraints(
  warehouse: Warehouse,
  key: { readonly role: string; readonly warehouse: string },
  set: PolicySet | undefined,
): Promise<readonly Unseen[]> {
  const policies = (set?.policies ?? []).filter(
    (policy) => policy.role === key.role && policy.warehouse === key.warehouse,
  );
  const findings: Unseen[] = [];
  for (const database of databasesOf(policies).slice(0, MOST)) {
    const table = { database, schema: 'INFORMATION_SCHEMA', name: 'CHECK_CONSTRAINTS' };
    const found = await warehouse.catalog.constraints(key, table, false).catch((error: unknown) => {
      if (error instanceof StatementFailed) return undefined;
      throw error;
    });
    if (found) continue;
    findings.push({
      part: 'snowflake',
      state: 'warning',
      detail: `role ${key.role} can not read ${database}.INFORMATION_SCHEMA.CHECK_CONSTRAINTS: UPDATE and MERGE of tables with masks are refused there`,
      remedy: `GRANT USAGE ON DATABASE ${database} TO ROLE ${key.role};`,
    });
  }
  return findings;
}
