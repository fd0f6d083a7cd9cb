/** The eyes of `injection.mjs`: a raw hidden column in what is sent is seen, one that another table in sight owns is none. */
import { beforeAll, describe, expect, it } from 'vitest';
import { maskedForms, rawMention } from './injection.mjs';
import { judges } from './material.mjs';

const LEADS = 'MERGE INTO "ANALYTICS"."SALES"."LEADS" USING';
const CREDITS = '"ANALYTICS"."SALES"."CREDITS"';

describe('a hidden column in what is sent', () => {
  let masked: Awaited<ReturnType<typeof judges>>['masked'];
  let forms: Awaited<ReturnType<typeof maskedForms>>;

  beforeAll(async () => {
    ({ masked } = await judges());
    forms = await maskedForms(masked);
  });

  it.each([
    `${LEADS} (SELECT 1 AS K) s ON LEAD_ID = s . K WHEN MATCHED THEN UPDATE SET NAME = SSN`,
    `${LEADS} (SELECT CREDIT_ID AS K FROM ${CREDITS}) s ON LEAD_ID = s . K WHEN MATCHED THEN UPDATE SET NAME = SSN`,
    `UPDATE "ANALYTICS"."SALES"."LEADS" SET NAME = (SELECT SSN FROM (SELECT CREDIT_ID FROM ${CREDITS}))`,
    'SELECT SSN FROM "ANALYTICS"."SALES"."CUSTOMERS"',
    'SELECT c . SSN FROM "ANALYTICS"."SALES"."CUSTOMERS" c',
  ])('is raw: %s', (sent) => {
    expect(rawMention(sent, forms)).toMatch(/\.SSN$/);
  });

  it.each([
    'SELECT SSN FROM ANALYTICS.SALES.CUSTOMERS',
    ...[
      'SSN',
      '(SELECT SSN FROM (SELECT 1))',
      '(SELECT SSN FROM VALUES (1))',
      "(SELECT COUNT(*) FROM (SELECT 1) WHERE SSN LIKE 'a%')",
    ].map(
      (payload) =>
        `MERGE INTO ANALYTICS.SALES.LEADS USING (SELECT i.CREDIT_ID AS K, MAX(SUBSTR(i.LABEL, ${payload})) AS T FROM ANALYTICS.SALES.CREDITS i GROUP BY 1) s ON LEADS.LEAD_ID = s.K WHEN NOT MATCHED THEN INSERT (LEAD_ID, NAME) VALUES (1, s.T)`,
    ),
  ])('is masked, or another table has it: %s', async (sql) => {
    const { sent, denial } = await masked(sql);
    expect(denial).toBeUndefined();
    expect(rawMention(sent ?? '', forms)).toBeUndefined();
  });
});
