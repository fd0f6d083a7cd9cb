/**
 * Errors that the warehouse computes over hidden values: CHECK constraints, and keys of hybrid tables (documentation pages
 * constraints-overview, sql/create-hybrid-table). The judge alone, over a catalog that says what is enforced.
 */
import { describe, expect, it } from 'vitest';
import type { CatalogReader, Constraints } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { judgedOffline } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const NAMES = ['ID', 'AMOUNT', 'CEILING', 'NOTE', 'PAYLOAD', 'CEILING_KEY'];
const of = (name: string) => ({ database: 'DB', schema: 'S', name });

/** What each case says of DB.S.T; other tables have nothing. */
function readerOf(constraints: Partial<Constraints> | undefined, isHybrid = false) {
  const asked: string[] = [];
  const reader: CatalogReader = {
    async relation(object) {
      const columns = NAMES.map((name) => ({
        name,
        type: name === 'PAYLOAD' ? 'VARIANT' : 'NUMBER(38,0)',
        comment: '',
        ...(name === 'CEILING_KEY' ? { expression: 'CEILING * 2' } : {}),
      }));
      return { ...object, kind: 'table', columns, viewText: undefined, isHybrid, comment: '', rows: 1 };
    },
    async constraints(object) {
      asked.push(object.name);
      return constraints && { ...(await unconstrained()), ...constraints };
    },
  };
  return { reader, asked };
}

const RULES = policyOf(`rules:
  - allow: [select, insert, update, delete, merge, truncate]
    on: [DB.S.*]
  - deny: [any]
    on: [DB.S.CLOSED]
`);
const MASKS = 'columns:\n  - { match: [DB.S.T.CEILING, DB.S.MASKED.X, "DB.S.T.PAYLOAD:who"], mask: null }\n';

const judged = async (sql: string, { reader }: ReturnType<typeof readerOf>, more = MASKS) =>
  judgedOffline(reader, await setOf(RULES + more), sql);

const check = (clause: string): Partial<Constraints> => ({ checks: [{ name: 'KEPT', clause }] });
const UPDATE = 'UPDATE DB.S.T SET AMOUNT = 500 WHERE ID = 7';
const MERGE = 'MERGE INTO DB.S.T t USING (SELECT 1 X) s ON t.ID = s.X WHEN MATCHED THEN UPDATE SET AMOUNT = 5';

describe('a CHECK constraint over a hidden column', () => {
  it.each([
    ['with the column that is written', 'AMOUNT <= CEILING', UPDATE],
    ['in lower case', 'amount <= ceiling', UPDATE],
    ['in a MERGE', 'AMOUNT <= CEILING', MERGE],
    ['through a virtual column', 'AMOUNT <= CEILING_KEY', UPDATE],
    ['of its own: it may be of later than the rows (NOVALIDATE)', 'CEILING > 0', UPDATE],
    ['within a VARIANT', "PAYLOAD:who::VARCHAR <> 'x' OR AMOUNT > 0", UPDATE],
    ['in a text that can not be read', 'AMOUNT <= $2', UPDATE],
    ['in a text that is not shown', '', UPDATE],
  ])('refuses a change: %s', async (_what, clause, sql) => {
    const { denial, sent } = await judged(sql, readerOf(check(clause)));
    expect(denial).toMatchObject({ code: 'COLUMN_DENIED', message: expect.stringContaining('CHECK constraint KEPT') });
    expect(sent).toBeUndefined();
  });

  it.each([
    ['over columns that are shown', check('AMOUNT > 0 AND NOTE > AMOUNT'), UPDATE, MASKS],
    ['over keys that are shown', check("PAYLOAD:kind::VARCHAR <> 'x'"), UPDATE, MASKS],
    ['where none is enforced', {}, UPDATE, MASKS],
    // A new row holds nothing that was hidden, and DELETE asks no CHECK (constraints-overview).
    ['in an INSERT', check('AMOUNT <= CEILING'), 'INSERT INTO DB.S.T (ID, AMOUNT) VALUES (1, 2)', MASKS],
    ['in a DELETE', check('AMOUNT <= CEILING'), 'DELETE FROM DB.S.T WHERE ID = 7', MASKS],
    [
      'where the hidden column gets a value, too',
      check('CEILING > 0'),
      'UPDATE DB.S.T SET CEILING = 5 WHERE ID = 7',
      `${MASKS}write_masked: allow\n`,
    ],
    ['where nothing is hidden', check('AMOUNT <= CEILING'), UPDATE, ''],
  ])('stands against none %s', async (_what, constraints, sql, more) => {
    expect((await judged(sql, readerOf(constraints), more)).denial).toBeUndefined();
  });

  it('that can not be read counts as one', async () => {
    for (const sql of [UPDATE, MERGE])
      expect((await judged(sql, readerOf(undefined))).denial).toMatchObject({
        code: 'COLUMN_DENIED',
        hint: expect.stringContaining('INFORMATION_SCHEMA.CHECK_CONSTRAINTS'),
      });
    expect((await judged(UPDATE, readerOf(undefined), '')).denial).toBeUndefined();
  });

  it('is asked for nothing that it could not matter to', async () => {
    const quiet = readerOf({});
    for (const sql of [
      'SELECT AMOUNT FROM DB.S.T',
      'INSERT INTO DB.S.T (ID) VALUES (1)',
      'DELETE FROM DB.S.T WHERE ID = 1',
    ])
      await judged(sql, quiet);
    await judged(UPDATE, quiet, '');
    // Refused before.
    await judged('UPDATE DB.S.T SET NOTE = CEILING', quiet);
    await judged('UPDATE DB.S.CLOSED SET NOTE = 1', quiet);
    expect(quiet.asked).toEqual([]);
    await judged(UPDATE, quiet);
    expect(quiet.asked).toEqual(['T']);
  });
});

describe('keys of a hybrid table', () => {
  const KEYS: Partial<Constraints> = {
    keys: [
      { name: 'BOTH', columns: ['AMOUNT', 'CEILING'] },
      { name: 'PK', columns: ['ID'] },
    ],
  };
  const reference = (child: string, parent: string, columns: string[]): Partial<Constraints> => ({
    ...KEYS,
    keys: [{ name: 'PK', columns: ['ID'] }],
    references: [{ name: 'REFERS', child: of(child), parent: of(parent), columns }],
  });
  const DELETE = 'DELETE FROM DB.S.T WHERE ID = 5';

  it.each([
    ['a unique one over a hidden column, in an UPDATE', KEYS, UPDATE],
    ['a unique one over a hidden column, in an INSERT', KEYS, 'INSERT INTO DB.S.T (ID, AMOUNT) VALUES (1, 2)'],
    ['a foreign one of a table that may not be read', reference('CLOSED', 'T', ['N']), DELETE],
    ['a foreign one whose own column is masked', reference('MASKED', 'T', ['X']), DELETE],
    ['a foreign one of nobody knows what columns', reference('MASKED', 'T', []), DELETE],
    ['a foreign one, by another key', reference('CLOSED', 'T', ['N']), 'UPDATE DB.S.T SET ID = 6 WHERE ID = 5'],
    [
      'a foreign one to a table with masks',
      reference('T', 'MASKED', ['NOTE']),
      'INSERT INTO DB.S.T (ID, NOTE) VALUES (1, 2)',
    ],
    [
      'a foreign one to a table with masks, in an UPDATE',
      reference('T', 'MASKED', ['NOTE']),
      'UPDATE DB.S.T SET NOTE = 2',
    ],
    [
      'a foreign one to a table that the role does not see',
      { ...KEYS, keys: [], references: [{ name: 'REFERS', child: of('T'), parent: undefined, columns: ['NOTE'] }] },
      'UPDATE DB.S.T SET NOTE = 2',
    ],
  ])('refuse: %s', async (_what, constraints, sql) => {
    const { denial } = await judged(sql, readerOf(constraints, true));
    expect(denial?.message).toMatch(/The (?:unique key BOTH|foreign key REFERS)/);
  });

  it.each([
    ['a change of other columns', KEYS, 'UPDATE DB.S.T SET NOTE = 5 WHERE ID = 7'],
    ['a foreign one of a table that is open', reference('OPEN', 'T', ['N']), DELETE],
    ['a foreign one by a column that is shown', reference('MASKED', 'T', ['ID']), DELETE],
    ['a foreign one, by no key', reference('CLOSED', 'T', ['N']), 'UPDATE DB.S.T SET NOTE = 6 WHERE ID = 5'],
    ['a foreign one to a table with masks, by other columns', reference('T', 'MASKED', ['NOTE']), UPDATE],
  ])('let through: %s', async (_what, constraints, sql) => {
    expect((await judged(sql, readerOf(constraints, true))).denial).toBeUndefined();
  });

  it('that can not be read refuse every change', async () => {
    for (const sql of [UPDATE, DELETE, 'INSERT INTO DB.S.T (ID) VALUES (1)'])
      expect((await judged(sql, readerOf(undefined, true), '')).denial).toMatchObject({ code: 'COLUMN_DENIED' });
  });
});
