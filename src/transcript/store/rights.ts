/**
 * Who may do what in the store: one role for each purpose, and what each may do besides reading. Setup grants it, `verify`, `doctor` and
 * `serve` hold what there is against it.
 */

export type Purpose = 'gateway' | 'notary' | 'reader';

/** Names of roles in PostgreSQL. Without a notary's the gateway's role notarises, without a reader's it reads for people. */
export interface StoreRoles {
  readonly gateway: string;
  readonly notary?: string | undefined;
  readonly reader?: string | undefined;
}

interface Rights {
  /** Besides SELECT, by table. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** On single columns, by table. */
  readonly columns: Readonly<Record<string, { readonly privilege: string; readonly columns: readonly string[] }>>;
  readonly functions: readonly string[];
}

/** Whoever may change such a column may lock the row, and has the turn then: lock.ts. */
const TURN = { privilege: 'UPDATE', columns: ['taken'] } as const;

const RIGHTS: Readonly<Record<Purpose, Rights>> = {
  gateway: {
    tables: {
      approval: ['INSERT', 'UPDATE'],
      approval_decision: ['INSERT'],
      cursor: ['INSERT', 'UPDATE', 'DELETE'],
      delivery: ['INSERT', 'UPDATE'],
      download: ['INSERT', 'UPDATE', 'DELETE'],
      person_session: ['INSERT', 'UPDATE', 'DELETE'],
      scan_budget: ['INSERT', 'UPDATE'],
      standing_approval: ['INSERT', 'UPDATE'],
      webhook: ['INSERT', 'UPDATE'],
    },
    columns: {
      writer: { privilege: 'UPDATE', columns: ['seen_at'] },
      approval_turn: TURN,
      closing_turn: TURN,
    },
    functions: ['append', 'ensure_partitions', 'settle_writer'],
  },
  notary: {
    tables: { checkpoint: ['INSERT'], notarised: ['INSERT', 'UPDATE'] },
    columns: { notary_turn: TURN },
    functions: ['take_heads', 'cover_heads'],
  },
  reader: { tables: {}, columns: {}, functions: [] },
};

const together = (left: Rights, right: Rights): Rights => ({
  tables: { ...left.tables, ...right.tables },
  columns: { ...left.columns, ...right.columns },
  functions: [...left.functions, ...right.functions],
});

/** Of a role: where nobody else does it, the gateway's signs checkpoints, too. */
export const rightsOf = (purpose: Purpose, hasNotary: boolean): Rights =>
  purpose === 'gateway' && !hasNotary ? together(RIGHTS.gateway, RIGHTS.notary) : RIGHTS[purpose];

/** By the names of roles. */
export const rightsByRole = ({ gateway, notary, reader }: StoreRoles): ReadonlyMap<string, Rights> =>
  new Map([
    [gateway, rightsOf('gateway', notary !== undefined)],
    ...(notary === undefined ? [] : [[notary, RIGHTS.notary] as const]),
    ...(reader === undefined ? [] : [[reader, RIGHTS.reader] as const]),
  ]);

export const mayOnTable = (rights: Rights, table: string, privilege: string): boolean =>
  privilege === 'SELECT' || (rights.tables[table] ?? []).includes(privilege);

export const mayOnColumn = (rights: Rights, table: string, column: string, privilege: string): boolean => {
  const granted = rights.columns[table];
  return mayOnTable(rights, table, privilege) || (granted?.privilege === privilege && granted.columns.includes(column));
};

/** For a role's name in quotes: all that it may, and nothing that it may no longer. */
export function grantsOf(role: string, rights: Rights): string {
  const tables = Object.entries(rights.tables).map(
    ([table, privileges]) => `GRANT ${privileges.join(', ')} ON ${table} TO ${role};`,
  );
  const columns = Object.entries(rights.columns).map(
    ([table, granted]) => `GRANT ${granted.privilege} (${granted.columns.join(', ')}) ON ${table} TO ${role};`,
  );
  const functions = rights.functions.map((name) => `GRANT EXECUTE ON FUNCTION ${name} TO ${role};`);
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role};`,
    `REVOKE EXECUTE ON FUNCTION ${Object.values(RIGHTS)
      .flatMap((all) => all.functions)
      .join(', ')} FROM ${role};`,
    `GRANT USAGE ON SCHEMA public TO ${role};`,
    `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${role};`,
    ...tables,
    ...columns,
    ...functions,
  ].join('\n');
}
