/** What SHOW says of policies and of materialized views, with the columns that Snowflake documents. */
import type { Cell } from '../../../protocol/index.js';
import { type Catalog, estimatedBytes, isSecure, type Relation } from '../engine/catalog.js';
import type { Policy } from '../engine/policies.js';

/** When everything was made that is here. */
export const CREATED = '2026-01-01 00:00:00.000 -0800';

/** sql/show-row-access-policies, sql/show-masking-policies. */
export const POLICY_COLUMNS = [
  'created_on',
  'name',
  'database_name',
  'schema_name',
  'kind',
  'owner',
  'comment',
  'options',
  'owner_role_type',
] as const;

/** sql/show-materialized-views. */
export const MATERIALIZED_VIEW_COLUMNS = [
  'created_on',
  'name',
  'reserved',
  'database_name',
  'schema_name',
  'cluster_by',
  'rows',
  'bytes',
  'source_database_name',
  'source_schema_name',
  'source_table_name',
  'refreshed_on',
  'compacted_on',
  'owner',
  'invalid',
  'invalid_reason',
  'behind_by',
  'comment',
  'text',
  'is_secure',
  'automatic_clustering',
  'owner_role_type',
] as const;

/** What is stored of it is its table's, always: it is never behind, and invalid once the table is gone. */
export function materializedView(view: Relation, catalog: Catalog): Cell[] {
  const base = view.madeOf && catalog.find(view.madeOf.database, view.madeOf.schema, view.madeOf.name);
  const rows = base ?? view;
  return [
    CREATED,
    view.name,
    '',
    view.database,
    view.schema,
    '',
    String(rows.rows),
    String(estimatedBytes({ ...view, rows: rows.rows })),
    view.madeOf?.database ?? '',
    view.madeOf?.schema ?? '',
    view.madeOf?.name ?? '',
    CREATED,
    null,
    'SYSADMIN',
    String(!base),
    base ? null : `Base table '${view.madeOf?.name ?? ''}' dropped. Marked Materialized View as invalid.`,
    '0s',
    view.comment,
    view.text,
    String(isSecure(view.text)),
    'OFF',
    'ROLE',
  ];
}

export const policyRow = ({ name, database, schema, kind, comment }: Policy): Cell[] => [
  CREATED,
  name,
  database,
  schema,
  `${kind.replace(' ', '_')}_POLICY`,
  'SYSADMIN',
  comment,
  '',
  'ROLE',
];
