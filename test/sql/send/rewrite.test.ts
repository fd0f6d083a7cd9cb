import { describe, expect, it } from 'vitest';
import { analyse, objectKey, readStatement, rewrite, type Treatment } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS, name } from '../../support/catalog.js';

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
  `CASE WHEN (REGION = 'EU') THEN ${value} END AS "${column}"`;
const masked = (...columns: string[]): string =>
  `(SELECT ${columns.join(', ')} FROM "DB"."S"."CUSTOMERS" WHERE (REGION = 'EU'))`;

describe('what is sent', () => {
  it('is the tokens themselves, tables in full, without treatments', async () => {
    expect(await sent("select  a.id, 'x''y' -- c\nfrom Customers a", new Map())).toBe(
      `select a.id, 'x''y' from "DB"."S"."CUSTOMERS" a`,
    );
    expect(await sent('SELECT id FROM orders')).toBe('SELECT id FROM "DB"."S"."ORDERS"');
  });

  it('reads a masked sub-query in the place of the table, with only the columns that are needed', async () => {
    expect(await sent('SELECT email FROM customers')).toBe(
      `SELECT email FROM ${masked(guarded('EMAIL', "'***'"))} AS customers`,
    );
    expect(await sent('SELECT c.id FROM customers c')).toBe(`SELECT c.id FROM ${masked(guarded('ID'))} c`);
    expect(await sent('SELECT COUNT(*) FROM customers')).toBe(
      `SELECT COUNT(*) FROM ${masked('1 AS "ROW"')} AS customers`,
    );
  });

  it('leaves a denied column out even where all are asked for', async () => {
    expect(await sent('SELECT * FROM customers')).not.toContain('PHONE');
  });

  it('does so at every mention', async () => {
    const text = await sent(
      'SELECT a.id FROM customers a JOIN customers b USING (id) WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = a.id)',
    );
    expect(text.match(/WHERE \(REGION = 'EU'\)/g)).toHaveLength(3);
    expect(text.match(/"CUSTOMERS"/g)).toHaveLength(3);
  });

  it('opens views above a masked table, and only those', async () => {
    const text = await sent('SELECT contact FROM nested');
    expect(text).toContain('WITH "NESTED" ("CONTACT") AS (');
    expect(text).toContain('WITH "CONTACTS" ("ID", "CONTACT") AS (');
    expect(text).toContain(guarded('EMAIL', "'***'"));
    expect(await sent('SELECT id FROM hidden')).toBe('SELECT id FROM "DB"."S"."HIDDEN"');
  });

  it('drops qualifiers that no longer name anything', async () => {
    expect(await sent('SELECT db.s.customers.id FROM db.s.customers')).toBe(
      `SELECT customers.id FROM ${masked(guarded('ID'))} AS customers`,
    );
  });

  it('puts no alias before PIVOT', async () => {
    expect(await sent("SELECT * FROM customers PIVOT(MAX(id) FOR region IN ('EU')) AS p")).toMatch(/\) PIVOT\(MAX/);
  });

  it.each([
    [
      "SELECT customers.name FROM customers PIVOT(MAX(id) FOR region IN ('EU' eu)) WHERE customers.eu > 1",
      ')) AS customers WHERE',
    ],
    ['SELECT * FROM customers UNPIVOT INCLUDE NULLS (v FOR n IN (name, region)) LIMIT 5', ')) AS customers LIMIT 5'],
    ["SELECT * FROM orders o, (SELECT 1 AS x), customers PIVOT(MAX(id) FOR region IN ('EU'))", ')) AS customers'],
    [
      'SELECT * FROM customers MATCH_RECOGNIZE(ORDER BY id MEASURES COUNT(*) AS n PATTERN (a+) DEFINE a AS id > 1) JOIN orders USING (n)',
      ') AS customers JOIN',
    ],
    [
      "SELECT * FROM customers AT(OFFSET => -60) PIVOT(MAX(id) FOR region IN ('EU')) PIVOT(MAX(name) FOR email IN ('a'))",
      "('a')) AS customers",
    ],
    ["SELECT p.name FROM customers PIVOT(MAX(id) FOR region IN ('EU')) p", ')) p'],
    ['SELECT * FROM customers PIVOT(MAX(id) FOR region IN (ANY)) "p"', ')) "p"'],
    ['SELECT * FROM customers c UNPIVOT (v FOR n IN (name, region))', '(v FOR n IN (name, region))'],
  ])('but behind it, where none stands: %s', async (sql, end) => {
    const text = await sent(sql.replace(' JOIN orders USING (n)', ' JOIN orders ON TRUE'));
    expect(text).toContain(end);
    expect(text.match(/ AS customers/g) ?? []).toHaveLength(end.includes('AS customers') ? 1 : 0);
  });

  it('gives MATCH_RECOGNIZE rows of the sub-query, and its pattern as it was written', async () => {
    const text = await sent(
      "SELECT * FROM customers MATCH_RECOGNIZE(ORDER BY id MEASURES LAST(email) AS m ALL ROWS PER MATCH PATTERN (a b*? {- c -}) DEFINE b AS email LIKE 'a%') AS r",
    );
    expect(text).toContain(guarded('EMAIL', "'***'"));
    expect(text).toContain(`WHERE (REGION = 'EU')) MATCH_RECOGNIZE(ORDER BY id`);
    expect(text).toContain("PATTERN (a b*? {- c -}) DEFINE b AS email LIKE 'a%') AS r");
    expect(text).not.toContain('PHONE');
  });

  it('takes time travel to where the table is named', async () => {
    expect(await sent('SELECT id FROM customers AT(OFFSET => -60) c')).toBe(
      `SELECT id FROM ${masked(guarded('ID')).replace(' WHERE', ' AT(OFFSET => -60) WHERE')} c`,
    );
    expect(await sent('SELECT id FROM orders AT(OFFSET => -60)')).toBe(
      'SELECT id FROM "DB"."S"."ORDERS" AT(OFFSET => -60)',
    );
    await expect(sent('SELECT contact FROM contacts AT(OFFSET => -60)')).rejects.toThrow(
      /not available on DB\.S\.CONTACTS/,
    );
  });

  it('keeps the agent’s own words for the name of a column that holds a masked sub-query', async () => {
    const text = await sent('SELECT (SELECT MAX(id) FROM customers), total, (SELECT 1) + total FROM orders');
    expect(text).toContain(') AS "(SELECT MAX(ID) FROM CUSTOMERS)", total, (SELECT 1) + total FROM');
    expect(await sent('SELECT (SELECT MAX(id) FROM customers) m FROM orders')).not.toContain('AS "(SELECT');
    expect(await sent('WITH c AS (SELECT 1 AS x) SELECT EXISTS (SELECT 1 FROM customers) FROM c')).toContain(
      'AS "EXISTS (SELECT 1 FROM CUSTOMERS)"',
    );
  });

  it('names the columns that a star was judged for', async () => {
    expect(await sent('SELECT * FROM orders')).toBe(
      'SELECT * FROM (SELECT "ID", "CUSTOMER_ID", "TOTAL", "AT" FROM "DB"."S"."ORDERS") AS orders',
    );
    expect(await sent('INSERT INTO orders SELECT o.* FROM orders o')).toBe(
      'INSERT INTO "DB"."S"."ORDERS" SELECT o.* FROM (SELECT "ID", "CUSTOMER_ID", "TOTAL", "AT" FROM "DB"."S"."ORDERS") o',
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
      `SELECT '😀é' AS x, c.id FROM ${masked(guarded('ID'))} c`,
    );
  });

  it.each([
    ['SELECT * EXCLUDE (PHONE) FROM customers', 'SELECT * FROM (', 'PHONE'],
    ['SELECT * EXCLUDE PHONE FROM customers', 'SELECT * FROM (', 'PHONE'],
    ['SELECT c.* EXCLUDE "PHONE", 1 AS ONE FROM customers c', 'SELECT c.*, 1 AS ONE FROM (', 'PHONE'],
    [
      'SELECT * EXCLUDE (NAME, PHONE, REGION) RENAME (EMAIL AS MAIL) FROM customers',
      'SELECT * EXCLUDE (NAME, REGION) RENAME (EMAIL AS MAIL) FROM (',
      'PHONE',
    ],
    ['SELECT * EXCLUDE (PHONE, NAME) FROM customers', 'SELECT * EXCLUDE (NAME) FROM (', 'PHONE'],
    ['SELECT OBJECT_CONSTRUCT(* EXCLUDE PHONE) AS O FROM customers', 'OBJECT_CONSTRUCT(*) AS O FROM (', 'PHONE'],
    [
      'INSERT INTO orders (id, total) SELECT c.* EXCLUDE (phone, name, region) FROM customers c',
      '(name, region)',
      'phone',
    ],
    // Another source has the name, so that it is still to be left out.
    [
      'SELECT * EXCLUDE (PHONE) FROM customers c JOIN (SELECT 1 AS PHONE, 2 AS X) p ON TRUE',
      'SELECT * EXCLUDE (PHONE) FROM (',
      undefined,
    ],
  ] as const)('takes a denied column’s name out of EXCLUDE: %s', async (sql, expected, gone) => {
    const text = await sent(sql);
    expect(text).toContain(expected);
    if (gone !== undefined) expect(text).not.toMatch(new RegExp(gone, 'i'));
  });

  it.each([
    'MERGE INTO orders t USING customers s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, total) VALUES (s.id, s.name)',
    'MERGE INTO orders t USING customers AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.total = s.email',
    'MERGE INTO orders t USING db.s.customers s ON t.id = s.id AND s.region LIKE s.name WHEN MATCHED THEN DELETE',
    'MERGE INTO orders USING customers ON orders.id = customers.id WHEN MATCHED THEN UPDATE SET total = customers.email',
  ])('merges from the masked sub-query: %s', async (sql) => {
    const text = await sent(sql);
    expect(text.match(/WHERE \(REGION = 'EU'\)/g)).toHaveLength(1);
    expect(text).toMatch(/WHERE \(REGION = 'EU'\)\) (?:AS )?(?:s|customers) ON/);
  });

  it('says of its own text nothing but that', async () => {
    const rules = new Map<string, Treatment>([
      [objectKey(name('DB.S.CUSTOMERS')), { columns: new Map(), predicate: "REGION = 'hidden')" }],
    ]);
    const error = await sent('SELECT 1 AS one,\n  c.id FROM customers c', rules).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'The masked form of this statement does not read as it should.',
      position: { line: 2, column: 13 },
    });
  });
});

describe('a join in brackets', () => {
  it.each([
    'SELECT x.A FROM (customers c JOIN orders o ON TRUE) x (A, B)',
    'SELECT x.id FROM (customers c JOIN orders o ON TRUE) x',
    'SELECT x.id FROM ((customers c JOIN orders o ON TRUE)) AS x',
    'SELECT * FROM (customers c JOIN orders o ON TRUE) UNPIVOT (v FOR n IN (total, at))',
  ])('has no name and is no table: %s', async (sql) => {
    await expect(sent(sql)).rejects.toThrow(/not understood|could not be read|read in two ways/);
  });

  it('is read by the names in it', async () => {
    expect(await sent('SELECT c.id, o.total FROM (customers c JOIN orders o ON c.id = o.id)')).toContain(
      `${masked(guarded('ID'))} c JOIN "DB"."S"."ORDERS" o`,
    );
  });
});

describe('brackets that do not fit', () => {
  it.each([
    'SELECT DATA[(] FROM orders',
    "DELETE FROM orders WHERE total[(] = 'a' OR TRUE",
    'UPDATE orders SET total = total[(] WHERE id = 1',
    'SELECT (1] FROM orders',
    'SELECT ({1)} FROM orders',
    'SELECT id) FROM orders',
    'SELECT [1 FROM orders',
  ])('are refused: %s', async (sql) => {
    await expect(sent(sql)).rejects.toThrow(/has no other that fits it/);
  });
});
