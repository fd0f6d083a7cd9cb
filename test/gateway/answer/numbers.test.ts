/** Numbers that the detectors know, from a column to an answer: null where no text fits, told by a notice. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

let whole: Whole;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE SCHEMA DB.S',
    'CREATE TABLE DB.S.T (ID NUMBER, CARD NUMBER(19,0), F FLOAT, V VARIANT)',
    `INSERT INTO DB.S.T SELECT 1, 4111111111111111, 4111111111111111, PARSE_JSON('{"card": 4111111111111111, "ssn": 219099999}')`,
    `INSERT INTO DB.S.T SELECT 2, 6200000000000000000, 1.5, PARSE_JSON('{"card": 4111111111111112, "ssn": 1}')`,
    'INSERT INTO DB.S.T SELECT 3, 4111111111111112, NULL, NULL',
  ]);
});
afterAll(() => whole[Symbol.asyncDispose]());

it('are hidden in NUMBER, FLOAT and VARIANT', async () => {
  const { gateway } = await whole.gateway(
    'rules:\n  - allow: [read]\n    on: [DB.S.*]\ndetect:\n  - find: [credit_card, us_ssn]\n    mask: { keep_last: 4 }\n',
  );
  const answer = await gateway.query(callerOf('bot', ['g']), { sql: 'SELECT ID, CARD, F, V FROM DB.S.T ORDER BY ID' });
  expect(answer.rows).toEqual([
    [1, null, null, { card: '***1111', ssn: '***9999' }],
    [2, null, 1.5, { card: 4_111_111_111_111_112, ssn: 1 }],
    [3, 4_111_111_111_111_112, null, null],
  ]);
  expect(JSON.stringify(answer.notices)).toContain('credit_card');
});
