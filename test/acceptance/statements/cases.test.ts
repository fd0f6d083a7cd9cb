import { readFileSync } from 'node:fs';
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { agent, query } from '../../support/demo.js';
import { connectDriver, execute } from '../../support/outside/driver.mjs';

interface Case {
  readonly id: string;
  readonly class: string;
  readonly as: string;
  readonly expect: 'allow' | 'deny';
  readonly sql: string;
}

const cases = JSON.parse(readFileSync(new URL('../cases.json', import.meta.url), 'utf8')) as Case[];
const ready = inject('ready');
let sales: Client;

beforeAll(async () => {
  sales = await agent(ready, 'sales-bot');
});
afterAll(() => sales.close());

/** Errors that Snowflake itself would answer: the statement was let through. */
const OWN_ERRORS = ['100038', '100051'];

describe('statements that are allowed', () => {
  it.each(cases.filter((entry) => entry.expect === 'allow'))('$id $class: $sql', async ({ sql }) => {
    const answer = await query(sales, sql);
    if (answer.status === 'error') expect(OWN_ERRORS).toContain(answer.error?.code);
    else expect(answer.status).toBe('ok');
  });
});

/** The codes that fit a class: a form that is not even analysed is not understood, whatever it would do. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  'kind/write': ['KIND_DENIED'],
  'kind/ddl': ['KIND_DENIED'],
  'kind/export': ['KIND_DENIED', 'NOT_UNDERSTOOD'],
  'kind/admin': ['KIND_DENIED', 'NOT_UNDERSTOOD'],
  'kind/dynamic': ['KIND_DENIED'],
  many: ['MULTIPLE_STATEMENTS'],
  'object/forbidden': ['OBJECT_DENIED'],
  'object/indirect': ['OBJECT_DENIED', 'FUNCTION_DENIED', 'NOT_UNDERSTOOD'],
  'column/denied': ['COLUMN_DENIED'],
  names: ['OBJECT_DENIED', 'NOT_UNDERSTOOD'],
  'not-understood': ['NOT_UNDERSTOOD'],
};

describe('statements that are denied', () => {
  it.each(cases.filter((entry) => entry.expect === 'deny'))('$id $class: $sql', async ({ sql, class: name }) => {
    const answer = await query(sales, sql);
    expect(answer.status).toBe('denied');
    expect(CODES[name]).toContain(answer.denial?.code);
    expect(answer.denial?.message).toBeTruthy();
    expect(answer.rows).toEqual([]);
  });

  it('has sent none of them to the warehouse', async () => {
    const connection = await connectDriver(ready.warehouse);
    const rows = await execute(
      connection,
      'SELECT QUERY_TEXT FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY WHERE QUERY_TAG LIKE \'%"statement"%\'',
    );
    const texts = rows.map((row) => String(row['QUERY_TEXT']));
    expect(texts.length).toBeGreaterThan(10);
    for (const text of texts) {
      expect(text).not.toMatch(/PAYROLL|CARD_NUMBER|QUERY_HISTORY|DROP|TRUNCATE|GRANT|@~|OTHERDB|RESULT_SCAN|SYSTEM\$/);
      expect(text).toMatch(/^(?:SELECT|WITH|EXPLAIN|DELETE|INSERT|UPDATE|BEGIN|COMMIT|ROLLBACK)/i);
    }
    connection.destroy(() => undefined);
  });
});

describe('what must never leave', () => {
  // The order, product and event data hold no hidden values; of CUSTOMERS all classes of statements are tried.
  it.each(cases.filter((entry) => entry.expect === 'allow' && entry.sql.includes('CUSTOMER')))(
    '$id holds no hidden value',
    async ({ sql }) => {
      const result = await sales.callTool({ name: 'query', arguments: { sql } });
      const text = JSON.stringify(result);
      const leaks = text.match(/canary(?!-0%|-000104729)[\w@-]*/g) ?? [];
      // What two masks keep: the domain of EMAIL and the last four characters of PHONE.
      expect(leaks).toEqual([]);
      expect(text).not.toMatch(/hidden\.person|415-555/);
    },
  );
});
