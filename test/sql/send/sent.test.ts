/** The text as it is sent, with every table under masks and a row predicate: all parsers read it alike, and as what was judged. */
import { describe, expect, it } from 'vitest';
import {
  analyse,
  type CatalogReader,
  objectKey,
  Refusal,
  readStatement,
  rewrite,
  type Treatment,
} from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { catalog as corpusCatalog, read } from '../corpus/describe.mjs';

const DEFAULTS = { database: 'DB', schema: 'S' };
const TABLES = 'CUSTOMERS ORDERS EVENTS EMPLOYEES PRODUCTS SALES QUARTERLY STOCK QUOTES TEMPS'.split(' ');
const FIRST: Readonly<Record<string, string>> = {
  CUSTOMERS: 'EMAIL',
  ORDERS: 'TOTAL',
  EVENTS: 'PAYLOAD',
  EMPLOYEES: 'NAME',
  PRODUCTS: 'PRICE',
  SALES: 'JAN',
  QUARTERLY: 'AMOUNT',
  STOCK: 'PRICE',
  QUOTES: 'BID',
  TEMPS: 'CITY',
};
const treatment = (table: string): Treatment => ({
  columns: new Map([[FIRST[table] ?? '', (identifier: string) => `LEFT(${identifier}, 1)`]]),
  predicate: table === 'CUSTOMERS' ? "REGION = 'EU'" : undefined,
});
const treatments = new Map(TABLES.map((name) => [objectKey({ database: 'DB', schema: 'S', name }), treatment(name)]));

describe('the masked text of every statement of the reference', () => {
  it('is read alike by all parsers, or the statement is refused with a reason', async () => {
    const refused: string[] = [];
    let changed = 0;
    for (const { sql, expected } of read()) {
      if (expected.startsWith('!')) continue;
      const analysis = await analyse(readStatement(sql), corpusCatalog, DEFAULTS);
      try {
        const { text, isChanged } = rewrite(analysis, treatments);
        if (isChanged) changed++;
        if (isChanged) expect(text).toMatch(/FROM "DB"\."(?:S|PUBLIC)"\."[A-Z]+"/);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.push(`${error.message} ${sql}`);
      }
    }
    expect(changed).toBeGreaterThan(300);
    // Forms that take a name and no sub-query, and one that only the primary parser reads.
    expect(refused.filter((line) => !/is not available on|DYNAMIC_TABLE_REFRESH_BOUNDARY/.test(line))).toEqual([]);
    expect(refused.length).toBeLessThan(15);
  });
});

describe('a view of another schema', () => {
  const reader: CatalogReader = {
    constraints: unconstrained,
    async relation(name) {
      const tables: Readonly<Record<string, string | undefined>> = {
        'DB.S.T': undefined,
        'DB.OTHER.T': undefined,
        'DB.OTHER.MASKED': undefined,
        'DB.OTHER.V': 'CREATE VIEW V AS SELECT T.ID, M.NAME FROM T JOIN MASKED M ON M.ID = OTHER.T.ID',
      };
      const key = `${name.database}.${name.schema}.${name.name}`;
      if (!(key in tables)) return undefined;
      const columns = ['ID', 'NAME'].map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
      return { ...name, kind: tables[key] ? 'view' : 'table', columns, viewText: tables[key], comment: '', rows: 1 };
    },
  };

  it('keeps its own short names when it is opened: the session completes none of them', async () => {
    const analysis = await analyse(readStatement('SELECT ID, NAME FROM other.v'), reader, DEFAULTS);
    const masked = new Map([[objectKey({ database: 'DB', schema: 'OTHER', name: 'MASKED' }), treatment('CUSTOMERS')]]);
    const { text } = rewrite(analysis, masked);
    expect(text).toContain('FROM "DB"."OTHER"."T" JOIN');
    expect(text).toContain('M.ID = OTHER.T.ID');
    expect(text).not.toMatch(/FROM T\b/);
  });
});
