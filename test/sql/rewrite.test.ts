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
  it('is the tokens themselves, tables in full, without treatments', async () => {
    expect(await sent("select  a.id, 'x''y' -- c\nfrom Customers a", new Map())).toBe(
      `select a . id , 'x''y' from "DB" . "S" . "CUSTOMERS" a`,
    );
    expect(await sent('SELECT id FROM orders')).toBe('SELECT id FROM "DB" . "S" . "ORDERS"');
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
    expect(await sent('SELECT id FROM hidden')).toBe('SELECT id FROM "DB" . "S" . "HIDDEN"');
  });

  it('drops qualifiers that no longer name anything', async () => {
    expect(await sent('SELECT db.s.customers.id FROM db.s.customers')).toBe(
      `SELECT customers . id FROM ${masked(guarded('ID'))} AS customers`,
    );
  });

  it('puts no alias before PIVOT', async () => {
    expect(await sent("SELECT * FROM customers PIVOT(MAX(id) FOR region IN ('EU')) AS p")).toMatch(/\) PIVOT \( MAX/);
  });

  it('takes time travel to where the table is named', async () => {
    expect(await sent('SELECT id FROM customers AT(OFFSET => -60) c')).toBe(
      `SELECT id FROM ${masked(guarded('ID')).replace(' WHERE', ' AT ( OFFSET => - 60 ) WHERE')} c`,
    );
    expect(await sent('SELECT id FROM orders AT(OFFSET => -60)')).toBe(
      'SELECT id FROM "DB" . "S" . "ORDERS" AT ( OFFSET => - 60 )',
    );
    await expect(sent('SELECT contact FROM contacts AT(OFFSET => -60)')).rejects.toThrow(
      /not available on DB\.S\.CONTACTS/,
    );
  });

  it('keeps the agent’s own words for the name of a column that holds a masked sub-query', async () => {
    const text = await sent('SELECT (SELECT MAX(id) FROM customers), total, (SELECT 1) + total FROM orders');
    expect(text).toContain(') AS "(SELECT MAX(ID) FROM CUSTOMERS)" , total , ( SELECT 1 ) + total FROM');
    expect(await sent('SELECT (SELECT MAX(id) FROM customers) m FROM orders')).not.toContain('AS "(SELECT');
    expect(await sent('WITH c AS (SELECT 1 AS x) SELECT EXISTS (SELECT 1 FROM customers) FROM c')).toContain(
      'AS "EXISTS (SELECT 1 FROM CUSTOMERS)"',
    );
  });

  it('names the columns that a star was judged for', async () => {
    expect(await sent('SELECT * FROM orders')).toBe(
      'SELECT * FROM ( SELECT "ID" , "CUSTOMER_ID" , "TOTAL" , "AT" FROM "DB" . "S" . "ORDERS" ) AS orders',
    );
    expect(await sent('INSERT INTO orders SELECT o.* FROM orders o')).toBe(
      'INSERT INTO "DB" . "S" . "ORDERS" SELECT o . * FROM ( SELECT "ID" , "CUSTOMER_ID" , "TOTAL" , "AT" FROM "DB" . "S" . "ORDERS" ) o',
    );
  });

  it.each([
    'SELECT * FROM customers CHANGES(INFORMATION => DEFAULT) AT(OFFSET => -60)',
    'SELECT * FROM customers SAMPLE (10) SEED (1)',
  ])('refuses what needs a name: %s', async (sql) => {
    await expect(sent(sql)).rejects.toThrow(/not available on DB\.S\.CUSTOMERS|could not be read/);
  });

  it('places its edits right behind characters outside of the basic plane', async () => {
    expect(await sent("SELECT '😀é' AS x, c.id FROM customers c")).toBe(
      `SELECT '😀é' AS x , c . id FROM ${masked(guarded('ID'))} c`,
    );
  });
});
