import { describe, expect, it } from 'vitest';
import { Judge } from '../../../dist/gateway/judge/judge.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import type { CatalogReader } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { BOT } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const READ = 'rules:\n  - allow: [read]\n    on: [DB.S.*]\n';
const load = (more: string): Promise<PolicySet> => setOf(policyOf(READ + more));

let looks = 0;
const reader: CatalogReader = {
  constraints: unconstrained,
  async relation(name) {
    looks++;
    if (name.name !== 'CLOSED' && name.name !== 'OPEN') return undefined;
    const columns = ['ID', 'EMAIL'].map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
    return {
      ...name,
      kind: name.name === 'CLOSED' ? 'view' : 'table',
      columns,
      viewText: undefined,
      comment: '',
      rows: 1,
    };
  },
};
const judgeWith = (catalogs = { version: 1, reader: () => reader }): Judge =>
  new Judge({
    catalogs,
    defaults: { database: undefined, schema: undefined },
    onUnreachable: () => undefined,
    onDisagreement: () => undefined,
  });

describe('a view whose text can not be read', () => {
  const SQL = 'SELECT EMAIL FROM DB.S.CLOSED';

  it('is refused', async () => {
    const set = await load('');
    const { denial } = await judgeWith().judge(BOT, { set, policies: set.policies }, { sql: SQL });
    expect(denial).toMatchObject({
      code: 'NOT_UNDERSTOOD',
      message: expect.stringContaining('not visible to the gateway'),
    });
  });

  it('stands for itself where a policy trusts it, under its own masks', async () => {
    const set = await load(
      'views: { trusted: [DB.S.CLOSED] }\ncolumns:\n  - match: [DB.S.CLOSED.EMAIL]\n    mask: email\n',
    );
    const { denial, sent } = await judgeWith().judge(BOT, { set, policies: set.policies }, { sql: SQL });
    expect(denial).toBeUndefined();
    expect(sent).toContain('SPLIT_PART');
  });
});

describe('a join by every common column (constructs/join)', () => {
  it.each([
    'SELECT a.ID FROM DB.S.OPEN a NATURAL JOIN DB.S.OPEN b',
    'SELECT COUNT(*) FROM DB.S.OPEN a NATURAL LEFT JOIN (SELECT EMAIL FROM DB.S.OPEN) b',
    "SELECT a.ID FROM DB.S.OPEN a NATURAL JOIN (SELECT 'x' AS EMAIL) b",
    'SELECT a.ID FROM DB.S.OPEN a JOIN DB.S.OPEN b USING (EMAIL)',
  ])('does not go by one that may not be read: %s', async (sql) => {
    const set = await load('columns:\n  - match: [DB.S.OPEN.EMAIL]\n    mask: deny\n');
    const { denial } = await judgeWith().judge(BOT, { set, policies: set.policies }, { sql });
    expect(denial).toMatchObject({ code: 'COLUMN_DENIED', message: expect.stringContaining('EMAIL') });
  });
});

describe('rows of secure views', () => {
  const SQL = 'SELECT EMAIL FROM DB.S.OPEN';

  it('are refused where two policies name different ones', async () => {
    const rows = (view: string): string => `rows:\n  - on: DB.S.OPEN\n    secure_view: ${view}\n`;
    const set = await setOf(policyOf(READ + rows('DB.S.CLOSED')), policyOf(rows('DB.S.OTHER'), 'q'));
    const { denial, sent } = await judgeWith().judge(BOT, { set, policies: set.policies }, { sql: SQL });
    expect(denial).toMatchObject({ code: 'OBJECT_DENIED', message: expect.stringContaining('different secure views') });
    expect(sent).toBeUndefined();
  });

  it('are refused where the view is not secure', async () => {
    const set = await load('rows:\n  - on: DB.S.OPEN\n    secure_view: DB.S.CLOSED\n');
    const { denial } = await judgeWith().judge(BOT, { set, policies: set.policies }, { sql: SQL });
    expect(denial?.message).toContain('no such secure view');
  });
});

describe('what was judged before', () => {
  it('is not analysed again, until policies or catalog change', async () => {
    const set = await load('');
    const catalogs = { version: 1, reader: () => reader };
    const judge = judgeWith(catalogs);
    const ask = () => judge.judge(BOT, { set, policies: set.policies }, { sql: 'SELECT ID FROM DB.S.OPEN' });
    looks = 0;
    await ask();
    await ask();
    expect(looks).toBe(1);
    catalogs.version = 2;
    await ask();
    expect(looks).toBe(2);
  });
});
