/**
 * What an agent learns of hidden values through names that stand for them and through errors that the warehouse computes over them, by
 * experiment: virtual columns, and a CHECK constraint (documentation pages virtual-columns, constraints-overview).
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sides } from './sides.mjs';

const CREDITS = 'ANALYTICS.SALES.CREDITS';
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
let sides: Sides;

beforeAll(async () => {
  sides = await Sides.start({ policy: file('./data/made-of.yaml') });
});
afterAll(() => sides?.end());

const ask = (sql: string) => sides.both((gateway, caller) => gateway.query(caller, { sql }));
const told = (answer: Awaited<ReturnType<typeof ask>>[number]) => [
  answer.status,
  answer.rows,
  answer.denial?.code,
  answer.error?.code,
];

describe('a virtual column over a hidden one', () => {
  it.each([
    `SELECT SSN, SSN_KEY, KEY_TWICE FROM ${CREDITS} WHERE CREDIT_ID = 5`,
    `SELECT MAX(c.SSN_KEY), MIN(c.KEY_TWICE), COUNT(c.KEY_TWICE) FROM ${CREDITS} c`,
  ])('shows nothing: %s', async (sql) => {
    const [left, right] = (await ask(sql)).map(told);
    expect(left).toEqual(right);
    expect(left?.[0]).toBe('ok');
    expect(JSON.stringify(left?.[1])).not.toMatch(/canary/i);
  });

  it('is not copied, and rows are not chosen by it', async () => {
    for (const sql of [
      `UPDATE ${CREDITS} SET LABEL = SSN_KEY WHERE CREDIT_ID = 5`,
      `DELETE FROM ${CREDITS} WHERE KEY_TWICE LIKE 'canary-5%'`,
    ])
      for (const answer of await ask(sql)) expect(answer.denial).toMatchObject({ code: 'COLUMN_DENIED' });
  });
});

describe('a CHECK over a hidden column', () => {
  it('says nothing of it, guess by guess', async () => {
    for (const guess of [20, 50, 80]) {
      const answers = await ask(`UPDATE ${CREDITS} SET AMOUNT = ${guess} WHERE CREDIT_ID = 5`);
      for (const { denial } of answers)
        expect(denial).toMatchObject({ code: 'COLUMN_DENIED', message: expect.stringContaining('CHECK constraint') });
    }
  });

  it('stands in no way of new rows', async () => {
    const [left, right] = (await ask(`INSERT INTO ${CREDITS} (CREDIT_ID, AMOUNT) VALUES (900, 1000)`)).map(told);
    expect(left).toEqual(right);
    expect(left?.[0]).toBe('ok');
  });
});

describe('with hash, and a table that may be changed and not read', () => {
  let hashed: Sides;
  beforeAll(async () => {
    hashed = await Sides.start({ policy: file('./data/hashed.yaml') });
  });
  afterAll(() => hashed?.end());
  const both = (sql: string) => hashed.both((gateway, caller) => gateway.query(caller, { sql }));
  /** How many hidden values the hashes of a table meet: the same on both sides, where nothing of them was put there. */
  const met = async (table: string): Promise<void> => {
    const sql = `SELECT COUNT(*) FROM ANALYTICS.SALES.${table} t JOIN ANALYTICS.SALES.LEADS l ON t.TAG = l.SSN`;
    const found = (await both(sql)).map(told);
    expect(found[0]).toEqual(found[1]);
    expect(found[0]?.[0]).toBe('ok');
  };

  it.each([
    "INSERT INTO ANALYTICS.SALES.TAGS (ID, RAW) VALUES (900, 'canary-7')",
    "INSERT INTO ANALYTICS.SALES.TAGS SELECT 900, 'canary-7'",
    "UPDATE ANALYTICS.SALES.TAGS SET RAW = 'canary-7' WHERE ID = 3",
    "MERGE INTO ANALYTICS.SALES.TAGS t USING (SELECT 3 AS ID) s ON t.ID = s.ID WHEN MATCHED THEN UPDATE SET RAW = 'canary-7'",
  ])('a virtual column is no dictionary of hidden values: %s', async (plant) => {
    const planted = await both(plant);
    await met('TAGS');
    for (const { denial } of planted) expect(denial).toMatchObject({ code: 'COLUMN_DENIED' });
  });

  it('nor is a view', async () => {
    for (const { status } of await both("INSERT INTO ANALYTICS.SALES.NOTEPAD (ID, LABEL) VALUES (900, 'canary-7')"))
      expect(status).toBe('ok');
    await met('LABELS');
  });

  it.each([
    "UPDATE ANALYTICS.SALES.CREDITS SET LABEL = LABEL WHERE CREDIT_ID = 5 AND SSN = '35'",
    "MERGE INTO ANALYTICS.SALES.CREDITS t USING (SELECT 5 AS ID) s ON t.CREDIT_ID = s.ID AND t.SSN = '35' WHEN MATCHED THEN UPDATE SET CUSTOMER_ID = 1",
  ])('the number of rows that are touched answers no predicate: %s', async (sql) => {
    const answers = await both(sql);
    const [left, right] = answers.map(told);
    expect(left).toEqual(right);
    for (const { denial } of answers) expect(denial).toMatchObject({ code: 'OBJECT_DENIED' });
  });
});
