/** A small catalog for tests without a warehouse. */
import type { CatalogReader, Constraints, ObjectName, RelationInfo } from '../../dist/sql/index.js';

const TABLES: Readonly<Record<string, string>> = {
  'DB.S.CUSTOMERS': 'ID NAME EMAIL PHONE REGION',
  'DB.S.ORDERS': 'ID CUSTOMER_ID TOTAL AT',
  'DB.S.EVENTS': 'ID CUSTOMER_ID PAYLOAD',
  'DB.P.SECRETS': 'ID TEXT',
};

/** With the column that each external table has, and virtual ones. */
const EXTERNAL: Readonly<Record<string, string>> = { 'DB.S.FILES': 'VALUE ID SSN REGION' };

/** Without a text, as a secure view of another owner. */
const VIEWS: Readonly<Record<string, readonly [columns: string, text: string | undefined]>> = {
  'DB.S.CLOSED': ['ID EMAIL', undefined],
  'DB.S.CONTACTS': [
    'ID CONTACT',
    'CREATE OR REPLACE VIEW DB.S.CONTACTS (ID, CONTACT) AS SELECT ID, EMAIL FROM CUSTOMERS',
  ],
  'DB.S.NESTED': ['CONTACT', 'CREATE VIEW DB.S.NESTED AS SELECT CONTACT FROM DB.S.CONTACTS'],
  'DB.S.HIDDEN': ['ID', 'CREATE VIEW DB.S.HIDDEN AS SELECT ID FROM DB.P.SECRETS'],
};

/** Nothing is enforced on any table. */
export const unconstrained = async (): Promise<Constraints> => ({ checks: [], keys: [], references: [] });

export const catalog: CatalogReader = {
  constraints: unconstrained,
  async relation(name: ObjectName): Promise<RelationInfo | undefined> {
    const key = `${name.database}.${name.schema}.${name.name}`;
    const view = VIEWS[key];
    const columns = (view?.[0] ?? TABLES[key] ?? EXTERNAL[key])?.split(' ');
    if (!columns) return undefined;
    return {
      ...name,
      kind: view ? 'view' : 'table',
      columns: columns.map((column) => ({
        name: column,
        type: column === 'VALUE' ? 'VARIANT' : 'VARCHAR',
        comment: '',
      })),
      viewText: view?.[1],
      isSecure: view !== undefined && view[1] === undefined,
      isExternal: key in EXTERNAL,
      comment: '',
      rows: 1,
    };
  },
};

export const DEFAULTS = { database: 'DB', schema: 'S' };
export const name = (text: string): ObjectName => {
  const [database = '', schema = '', last = ''] = text.split('.');
  return { database, schema, name: last };
};
