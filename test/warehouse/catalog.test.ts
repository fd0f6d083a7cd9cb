/** Which relations are external tables: SHOW OBJECTS calls them tables (documentation page sql/show-objects). */
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../dist/warehouse/catalog.js';
import { StatementFailed } from '../../dist/warehouse/index.js';
import type { WarehousePool } from '../../dist/warehouse/pool.js';

interface Answers {
  readonly kind?: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Names that SHOW EXTERNAL TABLES lists, or that it fails. */
  readonly external: readonly string[] | 'fails';
}

function catalogOf({ kind = 'TABLE', columns, external }: Answers) {
  const asked: string[] = [];
  const simple = async (sql: string): Promise<object[]> => {
    asked.push(sql);
    if (sql.startsWith('SHOW OBJECTS')) return [{ name: 'T', database_name: 'DB', schema_name: 'S', kind }];
    if (sql.startsWith('DESCRIBE')) return [...columns];
    if (sql.startsWith('SHOW VIEWS')) return [];
    if (external === 'fails') throw new StatementFailed('SQL access control error', '003001', undefined, undefined);
    return external.map((name) => ({ name }));
  };
  const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
  return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
}

const VALUE = { name: 'VALUE', type: 'VARIANT' };
const ID = { name: 'ID', type: 'NUMBER(38,0)' };

describe('an external table', () => {
  it.each([
    ['listed as one', { columns: [VALUE, ID], external: ['T'] }, true],
    ['called one', { kind: 'EXTERNAL TABLE', columns: [VALUE, ID], external: [] }, true],
    ['that can not be told', { columns: [VALUE, ID], external: 'fails' }, true],
    ['a table with such a column', { columns: [VALUE, ID], external: [] }, false],
    ['another one of nearly its name', { columns: [VALUE], external: ['t', 'T2'] }, false],
    ['a VALUE of another type', { columns: [{ name: 'VALUE', type: 'VARCHAR' }], external: ['T'] }, false],
    ['a view', { kind: 'VIEW', columns: [VALUE], external: ['T'] }, false],
  ] as const)('%s', async (_what, answers, expected) => {
    const { catalog } = catalogOf(answers);
    const relation = await catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
    expect(relation?.isExternal).toBe(expected);
  });

  it('is asked for only where there is a column VALUE', async () => {
    const { catalog, asked } = catalogOf({ columns: [ID], external: ['T'] });
    await catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
    expect(asked.filter((sql) => sql.startsWith('SHOW EXTERNAL'))).toEqual([]);
  });
});
