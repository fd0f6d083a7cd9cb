/** What `no_where` goes by: whether a change's predicate goes by a column of the table that it changes. */
import { describe, expect, it } from 'vitest';
import { analyse, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

const says = async (sql: string): Promise<boolean> => {
  const { hasWhere, unowned } = await analyse(readStatement(sql), catalog, DEFAULTS);
  expect(unowned).toEqual([]);
  return hasWhere;
};

/** Predicates over ORDERS, beside a source `s` with a column PHONE. */
const NOTHING = [
  'TRUE',
  '1 = 1',
  's.PHONE = 1',
  'PHONE IS NOT NULL',
  'EXISTS (SELECT ID FROM ORDERS)',
  'EXISTS (SELECT o.ID FROM ORDERS o WHERE o.TOTAL > 5)',
  's.PHONE IN (SELECT ID FROM CUSTOMERS)',
  'ORDERS.ID = ORDERS.ID',
  'ORDERS.ID = 5 OR 1 = 1',
  '(1 = 1 OR (s.PHONE = 2 AND TRUE)) OR ORDERS.ID = 5',
];
const ROWS = [
  'ORDERS.ID = 5',
  'TOTAL > 5',
  'S.ORDERS.ID = 5',
  'DB.S.ORDERS.ID = s.PHONE',
  'ORDERS.ID = s.PHONE AND 1 = 1',
  '(s.PHONE = 1) AND (NOT (TOTAL = 5))',
  'ORDERS.ID IN (SELECT ID FROM CUSTOMERS)',
  'EXISTS (SELECT 1 FROM CUSTOMERS c WHERE c.ID = ORDERS.ID)',
  'UPPER(ORDERS.AT) = UPPER(ORDERS.TOTAL)',
  'ORDERS.ID = 1 OR ORDERS.ID = 2',
  'ORDERS.ID = 1 OR (TOTAL = 2 AND s.PHONE = 1)',
];

const CHANGES: readonly ((predicate: string) => string)[] = [
  (predicate) => `DELETE FROM ORDERS USING CUSTOMERS s WHERE ${predicate}`,
  (predicate) => `UPDATE ORDERS SET AT = 'a' FROM CUSTOMERS s WHERE ${predicate}`,
  (predicate) => `MERGE INTO ORDERS USING CUSTOMERS s ON ${predicate} WHEN MATCHED THEN DELETE`,
  (predicate) => `MERGE INTO ORDERS USING CUSTOMERS s ON TRUE WHEN MATCHED AND ${predicate} THEN UPDATE SET AT = 'a'`,
];

describe('a change', () => {
  it.each(CHANGES.flatMap((change) => NOTHING.map((predicate) => change(predicate))))(
    'does not say which rows: %s',
    async (sql) => {
      expect(await says(sql)).toBe(false);
    },
  );

  it.each(CHANGES.flatMap((change) => ROWS.map((predicate) => change(predicate))))(
    'says which rows: %s',
    async (sql) => {
      expect(await says(sql)).toBe(true);
    },
  );

  it.each([
    ['DELETE FROM ORDERS', false],
    ['DELETE FROM ORDERS o WHERE o.ID = 1', true],
    ['DELETE FROM ORDERS WHERE $1 = 5', true],
    ["UPDATE ORDERS SET AT = 'a' FROM CUSTOMERS c JOIN EVENTS e ON c.ID = e.ID WHERE c.NAME = 'a'", false],
    [
      "MERGE INTO ORDERS o USING CUSTOMERS c ON TRUE WHEN MATCHED AND o.ID = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET AT = 'a'",
      false,
    ],
    ['MERGE INTO ORDERS o USING CUSTOMERS c ON c.ID = 1 WHEN NOT MATCHED THEN INSERT (ID) VALUES (1)', true],
    ['INSERT INTO ORDERS SELECT * FROM ORDERS', true],
    ['INSERT OVERWRITE INTO ORDERS SELECT * FROM ORDERS WHERE ID = 5', false],
  ])('%s: %s', async (sql, expected) => {
    expect(await says(sql)).toBe(expected);
  });
});
