/** What people see of the text as sent, beside the agent's own: that very text, however the two differ. */
import { expect, it } from 'vitest';
import { differences } from '../../dist/console/api/sql-view.js';

it.each([
  ['DELETE FROM A.B.C -- why\nWHERE x=1', 'DELETE FROM "A"."B"."C" WHERE x=1'],
  ['SELECT COUNT(*), a ,b FROM t', 'SELECT COUNT(*), a ,b FROM (SELECT "A", "B" FROM "D"."S"."T" WHERE (R = 1)) AS t'],
  ['SELECT 1', 'SELECT 1'],
  [`SELECT ${'a, '.repeat(30_000)}b`, 'SELECT b'],
])('is the text as sent, with what went marked: %.40s', (statement, sent) => {
  const parts = differences(statement, sent);
  expect(parts.flatMap(({ change, text }) => (change === 'removed' ? [] : [text])).join('')).toBe(sent);
});
