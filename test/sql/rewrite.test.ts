import { describe, expect, it } from 'vitest';
import { analyse, objectKey, readStatement, rewrite, type Treatment } from '../../dist/sql/index.js';
import { catalog, DEFAULTS, name } from '../support/catalog.js';

const treatments = new Map<string, Treatment>([
  [
    objectKey(name('DB.S.CUSTOMERS')),
    {
      columns: new Map<string, 'deny' | (() => string)>([
        ['EMAIL', () => "'***'"],
        ['PHONE', 'deny'],
      ]),
      predicate: "REGION = 'EU'",
    },
  ],
]);
const sent = async (sql: string, rules: ReadonlyMap<string, Treatment> = treatments): Promise<string> =>
  rewrite(await analyse(readStatement(sql), catalog, DEFAULTS), rules).text;

const guarded = (column: string, value = `"${column}"`): string =>
  `CASE WHEN ( REGION = 'EU' ) THEN ${value} END AS "${column}"`;
const masked = (...columns: string[]): string =>
  `( SELECT ${columns.join(' , ')} FROM "DB" . "S" . "CUSTOMERS" WHERE ( REGION = 'EU' ) )`;

describe('what is sent', () => {
  it('is the tokens themselves without treatments', async () => {
    expect(await sent("select  a.id, 'x''y' -- c\nfrom Customers a", new Map())).toBe(
      "select a . id , 'x''y' from Customers a",
    );
    expect(await sent('SELECT id FROM orders')).toBe('SELECT id FROM orders');
  });

  it('reads a masked sub-query in the place of the table, with only the columns that are needed', async () => {
    expect(await sent('SELECT email FROM customers')).toBe(
      `SELECT email FROM ${masked(guarded('EMAIL', "'***'"))} AS customers`,
    );
    expect(await sent('SELECT c.id FROM customers c')).toBe(`SELECT c . id FROM ${masked(guarded('ID'))} c`);
    expect(await sent('SELECT COUNT(*) FROM customers')).toBe(
      `SELECT COUNT ( * ) FROM ${masked('1 AS "ROW"')} AS customers`,
    );
  });

  it('leaves a denied column out even where all are asked for', async () => {
    expect(await sent('SELECT * FROM customers')).not.toContain('PHONE');
  });

  it('does so at every mention', async () => {
    const text = await sent(
      'SELECT a.id FROM customers a JOIN customers b USING (id) WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = a.id)',
    );
    expect(text.match(/WHERE \( REGION = 'EU' \)/g)).toHaveLength(3);
    expect(text.match(/"CUSTOMERS"/g)).toHaveLength(3);
  });

  it('opens views above a masked table, and only those', async () => {
    const text = await sent('SELECT contact FROM nested');
    expect(text).toContain('WITH "NESTED" ( "CONTACT" ) AS (');
    expect(text).toContain('WITH "CONTACTS" ( "ID" , "CONTACT" ) AS (');
    expect(text).toContain(guarded('EMAIL', "'***'"));
    expect(await sent('SELECT id FROM hidden')).toBe('SELECT id FROM hidden');
  });

  it('drops qualifiers that no longer name anything', async () => {
    expect(await sent('SELECT db.s.customers.id FROM db.s.customers')).toBe(
      `SELECT customers . id FROM ${masked(guarded('ID'))} AS customers`,
    );
  });

  it('puts no alias before PIVOT', async () => {
    expect(await sent("SELECT * FROM customers PIVOT(MAX(id) FOR region IN ('EU')) AS p")).toMatch(/\) PIVOT \( MAX/);
  });

  it.each(['SELECT * FROM customers AT(OFFSET => -60)', 'SELECT * FROM customers SAMPLE (10) SEED (1)'])(
    'refuses what needs a name: %s',
    async (sql) => {
      await expect(sent(sql)).rejects.toThrow(/not available on DB\.S\.CUSTOMERS|could not be read/);
    },
  );

  it('places its edits right behind characters outside of the basic plane', async () => {
    expect(await sent("SELECT '😀é' AS x, c.id FROM customers c")).toBe(
      `SELECT '😀é' AS x , c . id FROM ${masked(guarded('ID'))} c`,
    );
  });
});
