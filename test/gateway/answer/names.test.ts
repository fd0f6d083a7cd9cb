/** What columns of an answer are called: no word of a mask, a row filter or a rewritten table, however deep the query that names them stands. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';
import { random } from '../../support/random.mjs';

const RULES = `rules:
  - allow: [read]
    on: [DB.PUBLIC.*]
columns:
  - match: [DB.PUBLIC.CUSTOMERS.EMAIL]
    mask: { constant: 'hidden-mask' }
rows:
  - on: DB.PUBLIC.CUSTOMERS
    where: REGION = 'hidden-region'
`;
const OURS = /hidden-|CASE WHEN \(|"DB"\."PUBLIC"|"EMAIL"|snowfence/i;

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE TABLE DB.PUBLIC.CUSTOMERS (ID NUMBER, EMAIL VARCHAR, REGION VARCHAR)',
    "INSERT INTO DB.PUBLIC.CUSTOMERS VALUES (1, 'a@b', 'hidden-region'), (2, 'c@d', 'US')",
    'CREATE TABLE DB.PUBLIC.T (ID NUMBER, OFFSET NUMBER)',
    'INSERT INTO DB.PUBLIC.T VALUES (1, 2)',
  ]);
  ({ gateway } = await whole.gateway(RULES));
});
afterAll(() => whole[Symbol.asyncDispose]());

const at = <T>(draw: () => number, all: readonly T[]): T => all[Math.floor(draw() * all.length)] as T;

/** A value that reads the masked table, in so many sub-queries. */
function scalar(draw: () => number, depth: number): string {
  if (depth > 0 && draw() < 0.3) return `(SELECT ${scalar(draw, depth - 1)})`;
  return at(draw, [
    '(SELECT MAX(EMAIL) FROM DB.PUBLIC.CUSTOMERS)',
    "(SELECT MIN(EMAIL) FROM CUSTOMERS WHERE ID > 0) || '!'",
    "COALESCE((SELECT MAX(C.EMAIL) FROM DB.PUBLIC.CUSTOMERS C), 'none')",
    "CASE WHEN EXISTS (SELECT 1 FROM DB.PUBLIC.CUSTOMERS) THEN 'yes' END",
    '(SELECT  MAX( EMAIL ) /* the last */ FROM DB.PUBLIC.CUSTOMERS)',
  ]);
}

const item = (draw: () => number): string =>
  draw() < 0.75
    ? scalar(draw, 2)
    : at(draw, ["'plain'", `${scalar(draw, 1)} AS N`, `${scalar(draw, 1)} "named"`, "'a' || 'b'"]);

/** A query of one column, whose name nobody may have given. */
function query(draw: () => number, depth: number): string {
  const inner = (): string => query(draw, depth - 1);
  const forms: readonly (() => string)[] = [
    () => `SELECT ${item(draw)}`,
    () => `SELECT ${item(draw)} FROM DB.PUBLIC.T`,
    () => `SELECT DISTINCT ${item(draw)} FROM DB.PUBLIC.T ORDER BY 1`,
    ...(depth <= 0
      ? []
      : [
          () => `SELECT * FROM (${inner()})`,
          () => `SELECT Q.* FROM (${inner()}) AS Q`,
          () => `SELECT * FROM (${inner()}) LIMIT 5`,
          () => `WITH C AS (${inner()}) SELECT * FROM C`,
          () => `SELECT ${item(draw)} FROM DB.PUBLIC.T UNION ALL (${inner()})`,
          () => `(SELECT ${item(draw)} FROM DB.PUBLIC.T) UNION (${inner()})`,
          () => `SELECT * FROM (${inner()}) Q WHERE EXISTS (SELECT ${scalar(draw, 1)})`,
        ]),
  ];
  return at(draw, forms)();
}

it('is told in the agent’s own words: 120 generated queries', async () => {
  const draw = random(20_261_127);
  const bot = callerOf('bot', ['g']);
  let named = 0;
  const failed: string[] = [];
  for (let round = 0; round < 120; round++) {
    const sql = query(draw, 4).replace(/\bFROM CUSTOMERS\b/g, 'FROM DB.PUBLIC.CUSTOMERS');
    const { status, columns, denial, error } = await gateway.query(bot, { sql, purpose: 'To see.' });
    if (status !== 'ok') {
      failed.push(`${denial?.message ?? error?.message} ${sql}`);
      continue;
    }
    for (const { name } of columns) {
      if (/SELECT/i.test(name)) named++;
      expect(OURS.test(name), `${name}\n${sql}`).toBe(false);
    }
  }
  expect(failed).toEqual([]);
  expect(named).toBeGreaterThan(50);
}, 120_000);

it.each([
  'SELECT ID, OFFSET, (SELECT MAX(EMAIL) FROM DB.PUBLIC.CUSTOMERS) FROM DB.PUBLIC.T',
  'SELECT * FROM (SELECT T.OFFSET, ID + OFFSET, (SELECT MAX(EMAIL) FROM DB.PUBLIC.CUSTOMERS) FROM DB.PUBLIC.T T)',
])('is so behind a column that is called as a clause is: %s', async (sql) => {
  const { status, columns } = await gateway.query(callerOf('bot', ['g']), { sql, purpose: 'To see.' });
  expect(status).toBe('ok');
  expect(columns.map(({ name }) => name).filter((name) => OURS.test(name))).toEqual([]);
  expect(columns.at(-1)?.name).toBe('(SELECT MAX(EMAIL) FROM DB.PUBLIC.CUSTOMERS)');
});
