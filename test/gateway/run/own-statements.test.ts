/** What the gateway sends to Snowflake for itself, which is billed as cloud services: docs/operations.md has these numbers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

const S = 'DB.PUBLIC';
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [any]
    on: [${S}.*]
columns: [{ match: [${S}.T.B], mask: redact }]
`;

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start([
    `CREATE TABLE ${S}.T (A NUMBER, B VARCHAR)`,
    `CREATE TABLE ${S}.U (A NUMBER)`,
    `CREATE VIEW ${S}.V AS SELECT A FROM ${S}.U`,
  ]);
  ({ gateway } = await whole.gateway(RULES));
  // Sessions are there already.
  await gateway.query(bot, { sql: 'SELECT 1' });
});
afterAll(() => whole[Symbol.asyncDispose]());

/** Counts of what was sent for one statement. */
async function sentFor(sql: string): Promise<Readonly<Record<string, number>>> {
  whole.own.length = 0;
  const { status } = await gateway.query(bot, { sql });
  expect(status).toBe('ok');
  const counts: Record<string, number> = {};
  for (const what of whole.own) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

describe('a statement costs', () => {
  it('two questions for a table that is not known, three for a view, one plan for its text', async () => {
    whole.warehouse.catalog.invalidate();
    expect(await sentFor(`SELECT A, B FROM ${S}.T`)).toEqual({ 'SHOW OBJECTS': 1, DESCRIBE: 1, EXPLAIN: 1 });
    expect(await sentFor(`SELECT A FROM ${S}.V`)).toEqual({
      'SHOW OBJECTS': 2,
      DESCRIBE: 2,
      'SHOW VIEWS': 1,
      EXPLAIN: 1,
    });
  });

  it('one plan where its tables are known, and nothing where its text is', async () => {
    expect(await sentFor(`SELECT A FROM ${S}.T WHERE A > 1`)).toEqual({ EXPLAIN: 1 });
    expect(await sentFor(`SELECT A FROM ${S}.T WHERE A > 1`)).toEqual({});
    expect(await sentFor('SELECT 2')).toEqual({});
  });
});
