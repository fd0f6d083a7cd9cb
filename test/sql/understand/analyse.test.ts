import { describe, expect, it } from 'vitest';
import {
  analyse,
  cteNames,
  type FullAnalysis,
  Refusal,
  readStatement,
  secondOpinion,
  showObject,
} from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

const read = (sql: string): Promise<FullAnalysis> => analyse(readStatement(sql), catalog, DEFAULTS);
const objects = async (sql: string): Promise<string[]> =>
  (await read(sql)).objects.map(
    (use) => `${use.access === 'write' ? '!' : ''}${showObject(use.object).replace('DB.', '')}`,
  );
const refused = (sql: string): Promise<string> =>
  read(sql).then(
    () => 'understood',
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );

describe('objects', () => {
  it.each([
    ['SELECT * FROM customers', ['S.CUSTOMERS']],
    ['SELECT * FROM s.customers c, db.s.orders o', ['S.CUSTOMERS', 'S.ORDERS']],
    ['SELECT (SELECT MAX(id) FROM orders) FROM customers', ['S.CUSTOMERS', 'S.ORDERS']],
    ['SELECT 1 FROM customers WHERE id IN (SELECT id FROM db.p.secrets)', ['S.CUSTOMERS', 'P.SECRETS']],
    ['WITH orders AS (SELECT * FROM customers) SELECT * FROM orders', ['S.CUSTOMERS']],
    ['WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a JOIN orders ON TRUE) SELECT * FROM b', ['S.ORDERS']],
    ['WITH customers AS (SELECT * FROM customers) SELECT * FROM customers', ['S.CUSTOMERS']],
    ['SELECT * FROM customers UNION ALL SELECT * FROM (SELECT * FROM orders)', ['S.CUSTOMERS', 'S.ORDERS']],
    [
      'SELECT * FROM customers c JOIN LATERAL (SELECT * FROM orders o WHERE o.customer_id = c.id) x',
      ['S.CUSTOMERS', 'S.ORDERS'],
    ],
    ["SELECT * FROM customers PIVOT(MAX(id) FOR region IN ('EU'))", ['S.CUSTOMERS']],
    ['SELECT * FROM orders ASOF JOIN db.p.secrets x MATCH_CONDITION (orders.id >= x.id)', ['S.ORDERS', 'P.SECRETS']],
    ['SELECT f.value FROM events e, LATERAL FLATTEN(INPUT => e.payload) f', ['S.EVENTS']],
    ['SELECT * FROM contacts', ['S.CONTACTS', 'S.CUSTOMERS']],
    ['SELECT * FROM nested', ['S.NESTED', 'S.CONTACTS', 'S.CUSTOMERS']],
    ['INSERT INTO orders (id) SELECT id FROM customers', ['!S.ORDERS', 'S.CUSTOMERS']],
    ['UPDATE orders SET total = c.id FROM customers c WHERE c.id = orders.id', ['!S.ORDERS', 'S.CUSTOMERS']],
    ['DELETE FROM orders USING customers c WHERE c.id = orders.id', ['!S.ORDERS', 'S.CUSTOMERS']],
    [
      'MERGE INTO orders o USING (SELECT * FROM customers) c ON o.id = c.id WHEN MATCHED THEN DELETE',
      ['!S.ORDERS', 'S.CUSTOMERS'],
    ],
    ['DESCRIBE TABLE orders', ['S.ORDERS']],
    ['SELECT 1', []],
  ])('%s', async (sql, expected) => expect(await objects(sql)).toEqual(expected));

  it('knows through which views an object is read', async () => {
    const { objects: uses } = await read('SELECT * FROM nested');
    expect(uses.map((use) => use.via.map((view) => view.name))).toEqual([[], ['NESTED'], ['NESTED', 'CONTACTS']]);
  });

  it('folds names as Snowflake does', async () => {
    expect((await read('SELECT * FROM "customers"')).objects[0]?.relation).toBeUndefined();
    expect((await read('SELECT * FROM "CUSTOMERS"')).objects[0]?.relation?.name).toBe('CUSTOMERS');
  });
});

describe('lineage', () => {
  const lineage = async (sql: string): Promise<string[]> =>
    (await read(sql)).outputs.map(
      (output) => `${output.name ?? '?'}=${output.origins.map((origin) => origin.column).join('+')}`,
    );

  it.each([
    ['SELECT email, name AS n FROM customers', ['EMAIL=EMAIL', 'N=NAME']],
    ['SELECT c.email || c.phone AS x FROM customers c', ['X=EMAIL+PHONE']],
    ['SELECT x, x || 1 AS y FROM (SELECT email AS x FROM customers)', ['X=EMAIL', 'Y=EMAIL']],
    ['WITH q(a) AS (SELECT phone FROM customers) SELECT a FROM q', ['A=PHONE']],
    ['SELECT email AS e, UPPER(e) AS u FROM customers', ['E=EMAIL', 'U=EMAIL']],
    ['SELECT * EXCLUDE (name, phone, region) RENAME (email AS mail) FROM customers', ['ID=ID', 'MAIL=EMAIL']],
    ['SELECT id FROM orders UNION SELECT email FROM customers', ['ID=ID+EMAIL']],
    ['SELECT (SELECT MAX(email) FROM customers) AS m', ['M=EMAIL']],
    ['SELECT contact FROM nested', ['CONTACT=EMAIL']],
    [
      'SELECT SUM(o.total) OVER (PARTITION BY c.email) AS s FROM orders o JOIN customers c ON c.id = o.customer_id',
      ['S=TOTAL+EMAIL'],
    ],
    ['SELECT f.value AS v FROM events e, LATERAL FLATTEN(INPUT => e.payload) f', ['V=PAYLOAD']],
    [
      "SELECT * FROM (SELECT email, region FROM customers) PIVOT(MAX(email) FOR region IN ('EU')) AS p",
      ["'EU'=EMAIL+REGION"],
    ],
  ])('%s', async (sql, expected) => expect(await lineage(sql)).toEqual(expected));
});

describe('what is not understood is refused', () => {
  it.each([
    'SELECT * FROM IDENTIFIER($S)',
    'SELECT * FROM TABLE(?)',
    "SELECT * FROM IDENTIFIER('DB.P.' || 'SECRETS')",
    "SELECT * FROM TABLE('DB.P.SECRETS; --')",
    'SELECT * FROM TABLE($$DB.P.SECRETS$$)',
    "SELECT * FROM IDENTIFIER('DB.P.SEC\\x52ETS')",
    'SELECT $x',
    'SELECT * FROM @stage',
    'SELECT * FROM DIRECTORY(@stage)',
    'INSERT ALL INTO orders (id) VALUES (1) SELECT 1',
    'SHOW TABLES',
    'SELECT 1 INTO x FROM customers',
    'SELECT * FROM nowhere.else',
  ])('%s', async (sql) => expect(['NOT_UNDERSTOOD', 'understood']).toContain(await refused(sql)));

  it.each([
    'SELECT * FROM IDENTIFIER($S)',
    'SELECT * FROM TABLE(?)',
    "SELECT * FROM IDENTIFIER('DB.P.' || 'SECRETS')",
    "SELECT * FROM TABLE('DB.P.SECRETS; --')",
    'SELECT * FROM TABLE($$DB.P.SECRETS$$)',
    "SELECT * FROM IDENTIFIER('DB.P.SEC\\x52ETS')",
    'SELECT * FROM @stage',
    'SHOW TABLES',
  ])('%s, without exception', async (sql) => expect(await refused(sql)).toBe('NOT_UNDERSTOOD'));

  it('tells functions apart', async () => {
    const { functions } = await read(
      "SELECT UPPER('a'), SYSTEM$WHITELIST(), DB.S.F(1), LAST_QUERY_ID(), CURRENT_DATE()",
    );
    expect(functions.map((use) => `${use.name}:${use.class}`)).toEqual([
      'SYSTEM$WHITELIST:system',
      'DB.S.F:user-defined',
      'LAST_QUERY_ID:session',
      'CURRENT_DATE:pure',
    ]);
  });
});

describe('the second opinion', () => {
  it('agrees on ordinary statements', async () => {
    const analysis = await read(
      'WITH a AS (SELECT * FROM db.s.orders) SELECT * FROM a JOIN db.s.customers c ON c.id = a.id',
    );
    expect(secondOpinion(analysis, cteNames(analysis.statement)).readers).toEqual(['sqlparser-rs', 'node-sql-parser']);
  });

  it('refuses where it sees a table that we do not', async () => {
    const analysis = await read('SELECT * FROM db.s.orders');
    const blind = { ...analysis, objects: [] };
    expect(() => secondOpinion(blind, new Set())).toThrow('Two parsers read this statement differently');
  });
});
