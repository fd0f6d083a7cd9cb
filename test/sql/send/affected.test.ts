import { describe, expect, it } from 'vitest';
import { affectedRowsQuery, analyse, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';

describe('the count of rows that a change would touch', () => {
  it.each([
    ['DELETE FROM orders', 'SELECT COUNT(*) FROM orders'],
    ['DELETE FROM db.s.orders o WHERE o.id > 3', 'SELECT COUNT(*) FROM db.s.orders o WHERE (o.id > 3)'],
    ["UPDATE orders SET total = (SELECT 1 WHERE TRUE) WHERE at = 'x'", "SELECT COUNT(*) FROM orders WHERE (at = 'x')"],
    ['UPDATE orders SET total = 1', 'SELECT COUNT(*) FROM orders'],
    ['DELETE FROM orders USING customers c WHERE c.id = orders.id', undefined],
    ['UPDATE orders SET total = 1 FROM customers c WHERE c.id = orders.id', undefined],
    [
      'MERGE INTO orders o USING customers c ON o.id = c.id WHEN MATCHED THEN DELETE',
      'SELECT COUNT(*) FROM customers c LEFT JOIN orders o ON (o.id = c.id)',
    ],
    ['DELETE FROM orders WHERE id = ?', undefined],
    ['DELETE FROM orders WHERE id = :1', undefined],
    ['INSERT INTO orders (id) SELECT id FROM customers', 'SELECT COUNT(*) FROM (SELECT id FROM customers)'],
    ['INSERT INTO orders (id) SELECT id FROM customers WHERE id = ?', undefined],
    ['SELECT id FROM orders', undefined],
  ])('%s', async (sql, expected) => {
    expect(affectedRowsQuery(await analyse(readStatement(sql), catalog, DEFAULTS))).toBe(expected);
  });
});
