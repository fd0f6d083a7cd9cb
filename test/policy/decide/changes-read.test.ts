/**
 * A change reads its target where a column of it stands in an expression: the number of rows that it touches answers any predicate. So the
 * target counts with `select` there, as its sources do.
 */
import { describe, expect, it } from 'vitest';
import { catalogReader } from '../../../dist/cli/policy/catalog.js';
import { judgedOffline } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const reader = catalogReader([
  { tables: { 'DB.S.REF': ['ID NUMBER', 'LABEL VARCHAR'], 'DB.S.SEQ': ['ID NUMBER', 'NAME VARCHAR'] } },
]);
const judged = async (sql: string, ...rules: string[]) =>
  judgedOffline(reader, await setOf(...rules.map((text, at) => policyOf(`rules:\n${text}\n`, `p${at}`))), sql);

const WRITES =
  '  - allow: [insert, update, delete, merge]\n    on: [DB.S.REF]\n  - allow: [select]\n    on: [DB.S.SEQ]';
const DENIES = '  - deny: [select]\n    on: [DB.S.REF]\n    reason: Nobody reads REF.';
const ASKS = '  - approve: [select]\n    on: [DB.S.REF]\n    by: { groups: [leads] }';
const READS = '  - allow: [select]\n    on: [DB.S.REF]';

const READING = [
  "UPDATE DB.S.REF SET ID = ID WHERE LABEL LIKE 'a%'",
  "DELETE FROM DB.S.REF WHERE ID = 7 AND LABEL LIKE 'a%'",
  'UPDATE DB.S.REF SET ID = ID + 1',
  'UPDATE DB.S.REF t SET LABEL = (SELECT t.LABEL FROM (SELECT 1 AS ONE) z)',
  'UPDATE DB.S.REF t SET LABEL = s.NAME FROM DB.S.SEQ s WHERE s.ID = t.ID',
  "UPDATE DB.S.REF SET ID = 1 WHERE EXISTS (SELECT 'x' FROM DB.S.SEQ s WHERE s.NAME = LABEL)",
  'UPDATE DB.S.REF t SET ID = 1 WHERE (SELECT COUNT(t.*) FROM (SELECT 1 AS ONE) z) > 0',
  "UPDATE DB.S.REF SET ID = 1 WHERE $2 = 'a'",
  "MERGE INTO DB.S.REF t USING DB.S.SEQ s ON t.ID = s.ID AND t.LABEL LIKE 'a%' WHEN MATCHED THEN UPDATE SET ID = s.ID",
  "MERGE INTO DB.S.REF t USING DB.S.SEQ s ON s.ID = 5 WHEN MATCHED AND t.LABEL LIKE 'a%' THEN DELETE",
];
const WRITING = [
  "INSERT INTO DB.S.REF (ID, LABEL) VALUES (1, 'a')",
  'INSERT INTO DB.S.REF SELECT ID, NAME FROM DB.S.SEQ',
  "UPDATE DB.S.REF SET LABEL = 'a'",
  'UPDATE DB.S.REF t SET LABEL = s.NAME FROM DB.S.SEQ s WHERE s.ID = 5',
  'MERGE INTO DB.S.REF t USING DB.S.SEQ s ON s.ID = 5 WHEN NOT MATCHED THEN INSERT (ID, LABEL) VALUES (s.ID, s.NAME)',
];

describe('a change that reads its target', () => {
  it.each(READING)('is none without a rule to read it: %s', async (sql) => {
    const { denial } = await judged(sql, WRITES);
    expect(denial).toMatchObject({
      code: 'OBJECT_DENIED',
      message: expect.stringMatching(
        /^DB\.S\.REF is not something you may read, and this \w+ goes by what is in it\.$/,
      ),
    });
    expect((await judged(sql, `${WRITES}\n${DENIES}`)).denial?.message).toBe('Nobody reads REF.');
    // What one policy allows opens nothing that another forbids.
    expect((await judged(sql, `${WRITES}\n${READS}`, DENIES)).denial?.message).toBe('Nobody reads REF.');
    expect((await judged(sql, `${WRITES}\n${READS}`)).denial).toBeUndefined();
  });

  it.each(READING)('waits where reading waits: %s', async (sql) => {
    const { denial, verdict } = await judged(sql, `${WRITES}\n${ASKS}`);
    expect(denial).toBeUndefined();
    expect(verdict?.decision).toBe('approve');
  });
});

describe('a change that reads nothing of its target', () => {
  it.each(WRITING)('needs no rule to read it: %s', async (sql) => {
    for (const rules of [WRITES, `${WRITES}\n${DENIES}`, `${WRITES}\n${ASKS}`]) {
      const { denial, verdict } = await judged(sql, rules);
      expect(denial).toBeUndefined();
      expect(verdict?.decision).toBe('allow');
    }
  });
});
