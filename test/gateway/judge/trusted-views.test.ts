/**
 * Views that a policy trusts and whose text can be read: for that policy they stand for themselves, and for each that hides something and does
 * not trust them they are opened, as any view.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf } from '../../support/caller.mjs';
import { KEY, Whole } from '../../support/gateways/whole.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const S = 'DB.S';
const bot = callerOf('bot', ['g']);
const MASKS = `columns:
  - { match: [${S}.T.MAIL], mask: redact }
  - { match: [${S}.V.NAME], mask: { constant: 'a name' } }
`;
const READ_VIEWS = `rules:
  - allow: [read]
    on: [${S}.V, ${S}.ODD, ${S}.TWOFOLD, ${S}.ABOVE]
`;
const READ_ALL = `rules:
  - allow: [read]
    on: [${S}.*]
`;
const TRUST = `views: { trusted: [${S}.V, ${S}.ODD] }\n`;

let whole: Whole;
beforeAll(async () => {
  whole = await Whole.start([
    'CREATE SCHEMA DB.S',
    `CREATE TABLE ${S}.T (ID NUMBER, NAME VARCHAR, MAIL VARCHAR, PHONE VARCHAR)`,
    `INSERT INTO ${S}.T VALUES (1, 'Ann', 'ann@example.com', '+1 555'), (2, 'Bob', 'bob@example.com', '+1 556')`,
    `CREATE VIEW ${S}.V AS SELECT ID, NAME, MAIL, PHONE FROM ${S}.T WHERE ID < 2`,
    // What would have to be listed by a policy where the view was opened.
    `CREATE VIEW ${S}.ODD AS SELECT ID, MAIL, CURRENT_ROLE() IS NOT NULL AS ODD FROM ${S}.T WHERE ID < 2`,
    `CREATE VIEW ${S}.TWOFOLD AS SELECT V.MAIL AS THROUGH, T.MAIL AS BESIDE FROM ${S}.V JOIN ${S}.T ON T.ID = V.ID`,
    `CREATE TABLE ${S}.SECRET (SALARY NUMBER)`,
    `INSERT INTO ${S}.SECRET VALUES (40111)`,
    `CREATE VIEW ${S}.PAYSUM AS SELECT COUNT(*) AS N FROM ${S}.SECRET`,
    `CREATE VIEW ${S}.OTHER AS SELECT ID FROM ${S}.T`,
    `CREATE VIEW ${S}.ABOVE AS SELECT MAIL, PHONE FROM ${S}.V`,
  ]);
});
afterAll(() => whole[Symbol.asyncDispose]());

const asked = async (sql: string, ...policies: readonly string[]) => {
  const set = await setOf(...policies.map((text, at) => policyOf(text, `p${at}`)));
  const { gateway } = await whole.gateway(READ_ALL, { policies: () => set });
  const { status, rows, denial, error } = await gateway.query(bot, { sql });
  return status === 'ok' ? rows : `${denial?.code ?? error?.code} ${denial?.message ?? error?.message}`;
};

describe('a trusted view whose text can be read', () => {
  it('stands for itself, under its own rules and masks', async () => {
    const policy = `${READ_VIEWS}${TRUST}${MASKS}rows: [{ on: ${S}.T, where: ID > 1 }]\n`;
    expect(await asked(`SELECT NAME, MAIL FROM ${S}.V`, policy)).toEqual([['a name', 'ann@example.com']]);
    expect(await asked(`SELECT MAIL, ODD FROM ${S}.ODD`, policy)).toEqual([['ann@example.com', true]]);
    expect(await asked(`SELECT MAIL, PHONE FROM ${S}.ABOVE`, policy)).toEqual([['ann@example.com', '+1 555']]);
    expect(await asked(`SELECT MAIL FROM ${S}.T`, policy)).toMatch(/^OBJECT_DENIED/);
  });

  it('is changed by nobody, like any view', async () => {
    const policy = `${READ_ALL}  - allow: [delete, insert]\n    on: [${S}.*]\n${TRUST}`;
    for (const sql of [`DELETE FROM ${S}.V WHERE ID = 1`, `INSERT INTO ${S}.V (ID) VALUES (3)`])
      expect(await asked(sql, policy)).toMatch(/^NOT_UNDERSTOOD .* is a view/);
  });

  it('opens nothing that is named beside it', async () => {
    const policy = `${READ_ALL}${TRUST}${MASKS}`;
    expect(await asked(`SELECT V.MAIL, T.MAIL FROM ${S}.V JOIN ${S}.T ON T.ID = V.ID`, policy)).toEqual([
      ['ann@example.com', '***'],
    ]);
    expect(await asked(`SELECT THROUGH, BESIDE FROM ${S}.TWOFOLD`, policy)).toEqual([['ann@example.com', '***']]);
    const barred = `${READ_ALL}  - deny: [read]\n    on: [${S}.T]\n${TRUST}`;
    expect(await asked(`SELECT MAIL FROM ${S}.V`, barred)).toEqual([['ann@example.com']]);
    expect(await asked(`SELECT THROUGH FROM ${S}.TWOFOLD`, barred)).toMatch(/^OBJECT_DENIED .*TWOFOLD reads something/);
    expect(await asked(`SELECT V.MAIL FROM ${S}.V JOIN ${S}.T ON T.ID = V.ID`, barred)).toMatch(/^OBJECT_DENIED/);
  });

  it('is trusted by one policy alone, and opened for the others', async () => {
    const trusting = `${READ_VIEWS}${TRUST}${MASKS}`;
    const hides = `columns: [{ match: [${S}.T.PHONE], mask: 'null' }]\n`;
    expect(await asked(`SELECT NAME, MAIL, PHONE FROM ${S}.V`, trusting, hides)).toEqual([
      ['a name', 'ann@example.com', null],
    ]);
    expect(await asked(`SELECT MAIL, PHONE FROM ${S}.ABOVE`, trusting, hides)).toEqual([['ann@example.com', null]]);
    expect(await asked(`SELECT MAIL FROM ${S}.V`, trusting, `rows: [{ on: ${S}.T, where: ID > 1 }]\n`)).toEqual([]);
    const closes = `rules:\n  - deny: [read]\n    on: [${S}.T]\n`;
    expect(await asked(`SELECT MAIL FROM ${S}.V`, trusting, closes)).toBe(
      `OBJECT_DENIED ${S}.V reads something that you may not read.`,
    );
    const asks = `rules:\n  - approve: [read]\n    on: [${S}.T]\n    by: { groups: [stewards] }\n`;
    expect(await asked(`SELECT MAIL FROM ${S}.V`, trusting, asks)).toMatch(/undefined/);
  });

  it('hides what is read in another way as well as through it', async () => {
    const trusting = `${READ_ALL}${TRUST}${MASKS}`;
    const hides = `columns: [{ match: [${S}.T.PHONE], mask: 'null' }]\n`;
    expect(await asked(`SELECT THROUGH, BESIDE FROM ${S}.TWOFOLD`, trusting, hides)).toEqual([['***', '***']]);
    expect(await asked(`SELECT V.MAIL, T.MAIL FROM ${S}.V JOIN ${S}.T ON T.ID = V.ID`, trusting, hides)).toEqual([
      ['***', '***'],
    ]);
  });

  it('covers nothing that another view has come to read since it was judged', async () => {
    const policy = `${READ_ALL}  - deny: [read]\n    on: [${S}.SECRET]\n${'views: { trusted: [DB.S.PAYSUM] }\n'}`;
    const set = await setOf(policyOf(policy, 'p'));
    const { gateway } = await whole.gateway(READ_ALL, { policies: () => set });
    const ask = async (sql: string) => (await gateway.query(bot, { sql })).denial?.code ?? 'ok';
    expect(await ask(`SELECT N FROM ${S}.PAYSUM`)).toBe('ok');
    expect(await ask(`SELECT O.ID FROM ${S}.OTHER O, ${S}.PAYSUM P`)).toBe('ok');
    // What the catalog remembers is an older text.
    await whole.warehouse.ask(KEY, `CREATE OR REPLACE VIEW ${S}.OTHER AS SELECT SALARY AS ID FROM ${S}.SECRET`, 'seed');
    expect(await ask(`SELECT O.ID AS A FROM ${S}.OTHER O`)).toBe('NOT_VERIFIED');
    expect(await ask(`SELECT O.ID AS A, P.N FROM ${S}.OTHER O, ${S}.PAYSUM P`)).toBe('NOT_VERIFIED');
    expect(await ask(`SELECT P.N AS A FROM ${S}.PAYSUM P`)).toBe('ok');
  });

  it('is trusted by nobody where nobody says so', async () => {
    expect(await asked(`SELECT MAIL FROM ${S}.V`, `${READ_ALL}${MASKS}`)).toEqual([['***']]);
    expect(await asked(`SELECT MAIL FROM ${S}.V`, `${READ_VIEWS}${MASKS}`)).toMatch(/^OBJECT_DENIED/);
  });
});
