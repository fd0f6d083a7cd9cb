/**
 * Two tables of one last name in sight, told apart by their schemas: `schema.table.column` means that table's column and no other's, and a table
 * that is read through a sub-query has its last name alone (sql/select, constructs/from).
 */
import { describe, expect, it } from 'vitest';
import { type CatalogReader, objectKey } from '../../../dist/sql/index.js';
import { catalog, name } from '../../support/catalog.js';
import { judgedOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

/** The schema T has the tables of S once more. */
const reader: CatalogReader = {
  ...catalog,
  async relation(object) {
    const found = await catalog.relation(object.schema === 'T' ? { ...object, schema: 'S' } : object);
    return found && { ...found, ...object };
  },
};
const RULES = policyOf(
  'rules: [{ allow: [select, insert, update, delete, merge], on: ["DB.*.*"] }]\ncolumns: [{ match: [DB.S.ORDERS.TOTAL], mask: "null" }]\nwrite_masked: allow\n',
);
const judged = async (sql: string, rules = RULES) => judgedOver(reader, await setOf(rules), sql);

describe('a table of another’s last name', () => {
  it.each([
    'SELECT (SELECT MAX(S.ORDERS.TOTAL) FROM T.ORDERS) FROM S.ORDERS',
    'SELECT (SELECT MAX(ORDERS.ID) FROM T.ORDERS WHERE ORDERS.ID = S.ORDERS.ID) FROM S.ORDERS',
    'SELECT S.ORDERS.ID FROM S.ORDERS JOIN T.ORDERS ON S.ORDERS.ID = T.ORDERS.ID',
    'SELECT DB.S.ORDERS.ID FROM S.ORDERS, (SELECT 1 AS A) ORDERS',
    'SELECT A FROM S.ORDERS, LATERAL (SELECT S.ORDERS.ID AS A FROM T.ORDERS)',
    'DELETE FROM T.ORDERS USING S.ORDERS WHERE S.ORDERS.ID = T.ORDERS.ID',
    "UPDATE T.ORDERS SET AT = 'x' FROM S.ORDERS WHERE S.ORDERS.ID = T.ORDERS.ID",
    "MERGE INTO T.ORDERS USING S.ORDERS ON S.ORDERS.ID = T.ORDERS.ID WHEN MATCHED THEN UPDATE SET AT = 'x'",
    'SELECT COUNT(*) FROM S.ORDERS JOIN T.ORDERS USING (ID)',
    'SELECT * FROM T.ORDERS, (S.ORDERS JOIN EVENTS e ON TRUE)',
    "DELETE FROM T.ORDERS USING S.ORDERS WHERE AT = 'x'",
    'INSERT INTO EVENTS (ID) SELECT S.ORDERS.ID FROM S.ORDERS JOIN T.ORDERS USING (ID)',
  ])('is not meant where the masked one is: %s', async (sql) => {
    const { denial } = await judged(sql);
    expect(denial).toMatchObject({ code: 'NOT_UNDERSTOOD', hint: expect.stringContaining('alias') });
    expect(denial?.message).toMatch(/^Two tables in sight have the name ORDERS/);
  });

  it.each([
    ['SELECT S.ORDERS.ID FROM S.ORDERS UNION ALL SELECT T.ORDERS.ID FROM T.ORDERS', 'SELECT ORDERS.ID FROM (SELECT'],
    ['SELECT ID FROM S.ORDERS WHERE EXISTS (SELECT 1 FROM T.ORDERS)', 'FROM "DB"."T"."ORDERS")'],
    ['SELECT * FROM S.ORDERS o JOIN T.ORDERS USING (ID)', ') AS ORDERS USING (ID)'],
    ['SELECT a.ID FROM S.ORDERS a JOIN T.ORDERS b ON a.ID = b.ID', '"DB"."T"."ORDERS" b'],
    [
      'SELECT (SELECT MAX(T.ORDERS.ID) FROM T.ORDERS) FROM S.ORDERS a',
      'SELECT MAX(T.ORDERS.ID) FROM "DB"."T"."ORDERS"',
    ],
  ])('stands in the way of nothing else: %s', async (sql, text) => {
    const { denial, sent } = await judged(sql);
    expect(denial).toBeUndefined();
    expect(sent).toContain(text);
  });

  it('leaves what is read by its own name as it was written', async () => {
    const open = policyOf('rules: [{ allow: [select], on: ["DB.*.*"] }]\n');
    const sql = 'SELECT (SELECT MAX(S.ORDERS.TOTAL) FROM T.ORDERS) FROM S.ORDERS';
    const { sent, analysis } = await judged(sql, open);
    expect(sent).toMatch(
      /^SELECT \(SELECT MAX\(S\.ORDERS\.TOTAL\) FROM "DB"\."T"\."ORDERS"\) .* FROM "DB"\."S"\."ORDERS"$/,
    );
    const read = analysis?.columns.map(({ object, column }) => `${objectKey(object)} ${column}`);
    expect(read).toEqual([`${objectKey(name('DB.S.ORDERS'))} TOTAL`]);
  });
});
