/** Forms that the primary parser is given in other words: hidden columns and rows by every route through them, and what they mean written out. */
import { beforeAll, describe, expect, it } from 'vitest';
import { catalogReader } from '../../../dist/cli/policy/catalog.js';
import { judgedOffline } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';
import { maskedForms, rawMention } from './injection.mjs';
import { judges } from './material.mjs';

let masked: Awaited<ReturnType<typeof judges>>['masked'];
let forms: Awaited<ReturnType<typeof maskedForms>>;
beforeAll(async () => {
  ({ masked } = await judges());
  forms = await maskedForms(masked);
});

/** Tables in full. */
const full = (sql: string): string =>
  sql.replaceAll(
    /(FROM|INTO|USING|JOIN|,) (?=(?:LEADS|CUSTOMERS|CREDITS|PAYMENTS|ORDERS|NOTEPAD)\b)/g,
    '$1 ANALYTICS.SALES.',
  );

describe('a hidden column', () => {
  it.each([
    "DELETE FROM LEADS l USING CUSTOMERS c WHERE l.CUSTOMER_ID = c.CUSTOMER_ID AND c.SSN LIKE 'a%'",
    'DELETE FROM LEADS l USING CUSTOMERS c WHERE l.SSN = c.NAME',
    "DELETE FROM LEADS USING CUSTOMERS c WHERE $6 LIKE 'a%'",
    "DELETE FROM LEADS l USING (SELECT l.SSN AS X) c WHERE c.X LIKE 'a%'",
    "DELETE FROM LEADS l USING LATERAL (SELECT l.SSN AS X) c WHERE c.X LIKE 'a%'",
    "DELETE FROM LEADS l USING CREDITS k, LATERAL (SELECT l.SSN AS X) c WHERE c.X LIKE 'a%'",
    "DELETE FROM LEADS USING (SELECT SSN AS X FROM (SELECT 1)) c WHERE c.X LIKE 'a%'",
    "DELETE FROM LEADS l USING TABLE(FLATTEN(ARRAY_CONSTRUCT(l.SSN))) f WHERE f.VALUE LIKE 'a%'",
    "DELETE FROM LEADS l USING LATERAL FLATTEN(ARRAY_CONSTRUCT(SSN)) f WHERE f.VALUE LIKE 'a%'",
    'DELETE FROM LEADS l USING CREDITS c JOIN CUSTOMERS d ON l.SSN = d.NAME WHERE l.LEAD_ID = c.CREDIT_ID',
    "DELETE FROM LEADS l USING LEADS x WHERE l.LEAD_ID = x.LEAD_ID AND x.SSN LIKE 'a%'",
    "DELETE FROM LEADS l USING LEADS WHERE l.LEAD_ID = LEADS.LEAD_ID AND LEADS.SSN LIKE 'a%'",
    "DELETE FROM LEADS USING CREDITS AS LEADS WHERE LEADS.SSN LIKE 'a%'",
    "DELETE FROM LEADS USING PAYMENTS p WHERE p.CARD_NUMBER LIKE '4%'",
    'DELETE FROM LEADS USING (SELECT * FROM PAYMENTS) p WHERE LEADS.LEAD_ID = p.PAYMENT_ID',
    "DELETE FROM LEADS USING (SELECT * FROM LEADS) p WHERE LEADS.LEAD_ID = p.LEAD_ID AND p.SSN = 'a'",
    "DELETE FROM LEADS USING (SELECT i.CUSTOMER_ID AS C FROM CUSTOMERS i WHERE i.EMAIL LIKE 'a%') c WHERE LEADS.CUSTOMER_ID = c.C",
    'DELETE FROM LEADS USING CREDITS c ORDER BY LEADS.SSN',
    'DELETE FROM LEADS USING CREDITS c WHERE c.CREDIT_ID = 1 RETURNING SSN',
    'MERGE INTO LEADS t USING LEADS s ON t.LEAD_ID = s.LEAD_ID WHEN MATCHED THEN UPDATE ALL BY NAME',
    'MERGE INTO LEADS t USING LEADS s ON t.LEAD_ID = s.LEAD_ID WHEN NOT MATCHED THEN INSERT ALL BY NAME',
    'MERGE INTO PAYMENTS t USING PAYMENTS s ON t.PAYMENT_ID = s.PAYMENT_ID WHEN MATCHED THEN UPDATE ALL BY NAME',
    "MERGE INTO LEADS t USING (SELECT * EXCLUDE (SSN), 'x' AS SSN FROM LEADS) s ON t.SSN = s.SSN WHEN MATCHED THEN UPDATE ALL BY NAME",
    'SELECT ANALYTICS.SALES.PAYMENTS.* FROM PAYMENTS',
    'SELECT ANALYTICS.SALES.CUSTOMERS.* FROM ORDERS CUSTOMERS',
    'SELECT ANALYTICS.SALES.CUSTOMERS.* FROM CUSTOMERS c',
    'DELETE FROM LEADS WHERE EXISTS (SELECT ANALYTICS.SALES.LEADS.* FROM CREDITS)',
    'DELETE FROM LEADS WHERE (SELECT HASH(SALES.LEADS.*) FROM CREDITS) = 1',
    'DELETE FROM LEADS WHERE LEAD_ID IN (SELECT COUNT(ANALYTICS.SALES.LEADS.*) FROM LEADS)',
    'DELETE FROM LEADS WHERE LEAD_ID IN (SELECT 1 FROM CREDITS CONNECT BY PRIOR CREDIT_ID = CREDIT_ID - LEADS.SCORE)',
    'DELETE FROM LEADS WHERE LEAD_ID IN (SELECT 1 FROM CREDITS CONNECT BY PRIOR CREDIT_ID = SCORE - 1)',
  ])('answers no change, and is in no star: %s', async (sql) => {
    const { denial } = await masked(full(sql));
    expect(denial?.code).toMatch(/^(?:COLUMN_DENIED|NOT_UNDERSTOOD|FUNCTION_DENIED)$/);
  });

  it.each([
    'DELETE FROM LEADS USING CUSTOMERS WHERE LEADS.CUSTOMER_ID = CUSTOMERS.CUSTOMER_ID',
    "DELETE FROM CREDITS k USING (SELECT c.CUSTOMER_ID AS C FROM CUSTOMERS c WHERE c.NAME > 'a') AS x, LEADS l WHERE k.CREDIT_ID = x.C AND l.LEAD_ID = x.C",
    'MERGE INTO NOTEPAD t USING (SELECT 1 AS ID, c.SSN AS LABEL, 2 AS AMOUNT, NULL AS WRITTEN_AT FROM CUSTOMERS c) s ON t.ID = s.ID WHEN MATCHED THEN UPDATE ALL BY NAME',
    "MERGE INTO ORDERS t USING ORDERS s ON t.ORDER_ID = s.ORDER_ID WHEN MATCHED AND (SELECT MAX(SSN) FROM CUSTOMERS) LIKE 'a%' THEN UPDATE ALL BY NAME",
    'SELECT ANALYTICS.SALES.CUSTOMERS.* FROM CUSTOMERS',
    'SELECT ANALYTICS.SALES.CUSTOMERS.* EXCLUDE (SSN), o.* FROM CUSTOMERS, ORDERS o',
    'SELECT COUNT(ANALYTICS.SALES.CUSTOMERS.*) FROM CUSTOMERS',
    "SELECT SSN FROM CUSTOMERS START WITH SSN = 'a' CONNECT BY PRIOR CUSTOMER_ID = CUSTOMER_ID - 1 AND PRIOR SSN || 'x' = EMAIL",
    'SELECT 1 FROM CREDITS CONNECT BY PRIOR CREDIT_ID = CREDIT_ID - (SELECT MAX(SSN) FROM CUSTOMERS)',
  ])('goes out masked: %s', async (sql) => {
    const { sent, denial } = await masked(full(sql));
    expect(denial).toBeUndefined();
    expect(rawMention(sent ?? '', forms)).toBeUndefined();
  });
});

describe('INSERT behind THEN', () => {
  it.each([
    'SELECT CASE WHEN TOTAL > 1 THEN INSERT(STATUS, 1, 2, CHANNEL) ELSE UPPER(STATUS) END AS X FROM ORDERS',
    "SELECT CASE WHEN TOTAL > 1 THEN INSERT(UPPER(STATUS), 1, 2, 'x') END AS X FROM ORDERS",
  ])('is a function in a CASE: %s', async (sql) => {
    expect((await masked(full(sql))).denial).toBeUndefined();
  });
});

describe('what is not the form that it looks like', () => {
  it.each([
    ['SELECT ANALYTICS.SALES.ORDERS.* FROM ORDERS, DB.S.ORDERS', 'NOT_UNDERSTOOD'],
    ['SELECT 1 FROM CREDITS CONNECT BY NOCYCLE PRIOR CREDIT_ID = CREDIT_ID', 'NOT_UNDERSTOOD'],
    ['SELECT 1 FROM CREDITS CONNECT BY CREDIT_ID = 1 X', 'NOT_UNDERSTOOD'],
    ['DELETE FROM LEADS SET USING CREDITS c', 'NOT_UNDERSTOOD'],
    ['DELETE FROM LEADS l USING CREDITS c WHERE l.LEAD_ID = 1 LIMIT 1', 'NOT_UNDERSTOOD'],
    ['DELETE FROM IDENTIFIER($L) USING CREDITS c', 'NOT_UNDERSTOOD'],
    [
      'MERGE INTO ORDERS t USING ORDERS s ON t.ORDER_ID = s.ORDER_ID WHEN MATCHED THEN UPDATE SET "all by name" = NULL',
      'NOT_UNDERSTOOD',
    ],
    [
      'MERGE INTO ORDERS t USING CUSTOMERS s ON t.ORDER_ID = s.CUSTOMER_ID WHEN MATCHED THEN UPDATE ALL BY NAME',
      'NOT_UNDERSTOOD',
    ],
    [
      'MERGE INTO ORDERS t USING (SELECT o.*, o.TOTAL FROM ORDERS o) s ON t.ORDER_ID = s.ORDER_ID WHEN MATCHED THEN UPDATE ALL BY NAME',
      'NOT_UNDERSTOOD',
    ],
    [
      'MERGE INTO ORDERS t USING (SELECT * EXCLUDE TOTAL FROM ORDERS) s ON t.ORDER_ID = s.ORDER_ID WHEN NOT MATCHED THEN INSERT ALL BY NAME',
      'NOT_UNDERSTOOD',
    ],
  ])('is refused: %s', async (sql, code) => {
    expect((await masked(full(sql))).denial?.code).toBe(code);
  });
});

describe('MERGE … ALL BY NAME', () => {
  const reader = catalogReader([
    {
      tables: { 'DB.S.T': ['ID NUMBER', 'A VARCHAR', 'B VARCHAR'], 'DB.S.U': ['B VARCHAR', 'ID NUMBER', 'A VARCHAR'] },
    },
  ]);
  const rules = 'rules:\n  - allow: [select, insert, update, merge]\n    on: [DB.S.*]\n';
  const POLICIES = {
    'nothing hidden': '',
    'a masked target': 'columns:\n  - match: [DB.S.T.A]\n    mask: null\n',
    'a masked source': 'columns:\n  - match: [DB.S.U.A]\n    mask: null\n',
    'a masked source, which may be written': 'columns:\n  - match: [DB.S.U.A]\n    mask: null\nwrite_masked: allow\n',
    'a masked target, which may be written': 'columns:\n  - match: [DB.S.T.A]\n    mask: null\nwrite_masked: allow\n',
    'a denied column of the source': 'columns:\n  - match: [DB.S.U.A]\n    mask: deny\nwrite_masked: allow\n',
    'a denied column of the target': 'columns:\n  - match: [DB.S.T.A]\n    mask: deny\nwrite_masked: allow\n',
    'rows of the source': "rows:\n  - on: DB.S.U\n    where: B = 'x'\n",
    'rows of the target': "rows:\n  - on: DB.S.T\n    where: B = 'x'\n",
  };
  const BRANCHES = [
    ['WHEN MATCHED THEN UPDATE ALL BY NAME', 'WHEN MATCHED THEN UPDATE SET ID = s.ID, A = s.A, B = s.B'],
    ['WHEN NOT MATCHED THEN INSERT ALL BY NAME', 'WHEN NOT MATCHED THEN INSERT (ID, A, B) VALUES (s.ID, s.A, s.B)'],
    [
      "WHEN MATCHED AND s.B > 'x' THEN UPDATE ALL BY NAME",
      "WHEN MATCHED AND s.B > 'x' THEN UPDATE SET ID = s.ID, A = s.A, B = s.B",
    ],
  ];
  const cases = Object.keys(POLICIES).flatMap((name) =>
    ['DB.S.U s', '(SELECT UPPER(A) AS A, ID, B FROM DB.S.U) s'].flatMap((source) =>
      BRANCHES.map(([short, long]) => [name, source, short ?? '', long ?? ''] as const),
    ),
  );

  it.each(cases)('is judged as if each column was named: %s, %s, %s', async (name, source, short, long) => {
    const set = await setOf(policyOf(rules + POLICIES[name as keyof typeof POLICIES]));
    const judged = async (branch: string) => {
      const { denial, verdict } = await judgedOffline(
        reader,
        set,
        `MERGE INTO DB.S.T t USING ${source} ON t.ID = s.ID ${branch}`,
      );
      return { code: denial?.code, message: denial?.message, decision: verdict?.decision };
    };
    expect(await judged(short)).toEqual(await judged(long));
  });
});

describe('a path behind brackets', () => {
  const reader = catalogReader([{ tables: { 'DB.S.E': ['ID NUMBER', 'KIND VARCHAR', 'V VARIANT'] } }]);
  const policy = `rules:
  - allow: [select, insert, update, delete, merge]
    on: [DB.S.*]
columns:
  - match: ["DB.S.E.V:who.name"]
    mask: email
`;

  it.each([
    'SELECT # FROM DB.S.E',
    "UPDATE DB.S.E SET KIND = 'x' WHERE # = 'a'",
    'UPDATE DB.S.E SET KIND = #',
    "DELETE FROM DB.S.E USING (SELECT 1 AS ONE) z WHERE # = 'a'",
    'INSERT INTO DB.S.E (ID, KIND) SELECT ID, # FROM DB.S.E',
    "MERGE INTO DB.S.E USING (SELECT 1 AS ONE) z ON # = 'a' WHEN MATCHED THEN DELETE",
  ])('is judged as one without: %s', async (form) => {
    const set = await setOf(policyOf(policy));
    const judged = async (path: string) => {
      const { denial, sent } = await judgedOffline(reader, set, form.replace('#', path));
      return { code: denial?.code, message: denial?.message, sent: sent?.replace(path, '#') };
    };
    const plain = await judged('V:who.name');
    for (const path of ['(V):who.name', 'CAST(V AS OBJECT):who.name', "V['who']:name", '(V::OBJECT):who.name'])
      expect(await judged(path)).toEqual(plain);
  });
});
