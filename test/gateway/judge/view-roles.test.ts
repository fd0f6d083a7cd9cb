/**
 * Roles as accounts have them: one that may read views and not what lies behind them (user-guide/views-introduction), and one of the gateway's own
 * that sees structures and no data. From a configuration to an answer, over an embedded warehouse whose roles hold.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { Warehouse } from '../../../dist/warehouse/index.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

const S = 'DB.PUBLIC';
const bot = callerOf('bot', ['g']);
const VIEWS = [
  `${S}.SHUT`,
  `${S}.OVER_SHUT`,
  `${S}.PLAIN`,
  `${S}.NESTED`,
  `${S}.OF_MASKED`,
  `${S}.OF_FILTERED`,
  `${S}.CLOSED`,
];
const BASE = [`${S}.PEOPLE`, `${S}.HIDDEN`, `${S}.FILTERED`, `${S}.FORBIDDEN`];
const RULES = `rules:
  - allow: [read]
    on: [${S}.*]
  - deny: [any]
    on: [${S}.FORBIDDEN]
views: { trusted: [${S}.SHUT] }
columns:
  - { match: [${S}.PLAIN.MAIL], mask: email }
  - { match: [${S}.HIDDEN.MAIL], mask: redact }
rows: [{ on: ${S}.FILTERED, where: ID > 1 }]
`;

let whole: Whole;
let views: Gateway;
let alone: Gateway;
beforeAll(async () => {
  whole = await Whole.start(
    [
      ...BASE.map((name) => `CREATE TABLE ${name} (ID NUMBER, MAIL VARCHAR)`),
      ...BASE.map((name) => `INSERT INTO ${name} VALUES (1, 'ann@example.com'), (2, 'bob@example.com')`),
      `CREATE VIEW ${S}.PLAIN AS SELECT ID, MAIL FROM ${S}.PEOPLE`,
      `CREATE VIEW ${S}.NESTED AS SELECT MAIL FROM ${S}.PLAIN`,
      `CREATE VIEW ${S}.OF_MASKED AS SELECT ID, MAIL FROM ${S}.HIDDEN`,
      `CREATE VIEW ${S}.OF_FILTERED AS SELECT ID FROM ${S}.FILTERED`,
      `CREATE SECURE VIEW ${S}.SHUT AS SELECT ID, MAIL FROM ${S}.HIDDEN`,
      `CREATE VIEW ${S}.OVER_SHUT AS SELECT ID, MAIL FROM ${S}.SHUT`,
      `CREATE VIEW ${S}.CLOSED AS SELECT ID FROM ${S}.FORBIDDEN`,
    ],
    {
      roles: {
        R: { select: VIEWS, references: [] },
        METADATA: { select: [], references: [...VIEWS, ...BASE] },
      },
    },
    'SEEDER',
  );
  const { options } = whole.warehouse;
  const withRole = new Warehouse({ ...options, metadataRole: 'METADATA' });
  warehouses.push(withRole);
  views = (await whole.gateway(RULES, { warehouse: { options: withRole.options } })).gateway;
  alone = (await whole.gateway(RULES)).gateway;
});
const warehouses: Warehouse[] = [];
afterAll(async () => {
  for (const each of warehouses) await each[Symbol.asyncDispose]();
  await whole[Symbol.asyncDispose]();
});

const ask = async (gateway: Gateway, sql: string) => {
  const { status, rows, denial, error } = await gateway.query(bot, { sql });
  return status === 'ok' ? rows : `${denial?.code ?? error?.code} ${denial?.message ?? error?.message}`;
};

describe('a role that reads views only', () => {
  it('can read nothing where it has to see for itself what they are made of', async () => {
    expect(await ask(alone, `SELECT ID FROM ${S}.PLAIN`)).toMatch(/^OBJECT_DENIED .*PLAIN reads something/);
  });

  it('reads a view below which nothing is hidden as it stands, under the masks of the view itself', async () => {
    expect(await ask(views, `SELECT ID, MAIL FROM ${S}.PLAIN ORDER BY ID`)).toEqual([
      [1, '***@example.com'],
      [2, '***@example.com'],
    ]);
    expect(await ask(views, `SELECT COUNT(*) FROM ${S}.PLAIN WHERE MAIL LIKE 'ann%'`)).toEqual([[0]]);
  });

  it.each([
    ['masked', `SELECT ID FROM ${S}.OF_MASKED`, 'OF_MASKED'],
    ['masked, by a join', `SELECT P.ID FROM ${S}.PLAIN AS P JOIN ${S}.OF_MASKED AS M ON M.ID = P.ID`, 'OF_MASKED'],
    ['filtered', `SELECT ID FROM ${S}.OF_FILTERED`, 'OF_FILTERED'],
    ['masked on the way', `SELECT MAIL FROM ${S}.NESTED`, undefined],
  ])('is told where something behind a view is %s', async (_what, sql, view) => {
    const said = await ask(views, sql);
    if (view === undefined) {
      // The view in between is the role's to read, so it is opened down to there.
      expect(said).toEqual([['***@example.com'], ['***@example.com']]);
      return;
    }
    expect(said).toBe(
      `NOT_UNDERSTOOD ${S}.${view} is made of something that is masked or filtered for you, and the role R may read the view alone.`,
    );
  });

  it('has trusted views stand for themselves, also behind others, whoever could see their texts', async () => {
    // A secure view's text is its owner's to see: to the agent's role and to the metadata role there is none.
    const { catalog } = whole.warehouse;
    const relation = catalog.relation.bind(catalog);
    const looked = vi.spyOn(catalog, 'relation').mockImplementation(async (key, name) => {
      const found = await relation(key, name);
      return found?.name === 'SHUT' ? { ...found, viewText: undefined } : found;
    });
    const all = [
      [1, 'ann@example.com'],
      [2, 'bob@example.com'],
    ];
    expect(await ask(views, `SELECT ID, MAIL FROM ${S}.SHUT ORDER BY ID`)).toEqual(all);
    // As itself, wherever it stands (sql/explain); the embedded warehouse shows it so only where the statement names it.
    const planned = vi.spyOn(whole.warehouse, 'explain').mockResolvedValue({ objects: [`${S}.SHUT`], bytes: 1 });
    expect(await ask(views, `SELECT ID, MAIL FROM ${S}.OVER_SHUT ORDER BY ID`)).toEqual(all);
    planned.mockRestore();
    looked.mockRestore();
  });

  it('hears nothing of what may not be read at all, and can not name what is behind a view', async () => {
    expect(await ask(views, `SELECT ID FROM ${S}.CLOSED`)).toBe(
      `OBJECT_DENIED ${S}.CLOSED reads something that you may not read.`,
    );
    for (const name of ['PEOPLE', 'HIDDEN', 'NOWHERE'])
      expect(await ask(views, `SELECT ID FROM ${S}.${name}`)).toBe(
        `OBJECT_DENIED There is no ${S}.${name} that you may read.`,
      );
    const said = JSON.stringify(await views.explain(bot, { sql: `SELECT ID FROM ${S}.OF_MASKED` }));
    expect(said).not.toMatch(/HIDDEN/);
  });

  it('is asked of by the gateway with structures alone: the metadata role may read none of it', async () => {
    const key = { role: 'METADATA', warehouse: 'W' };
    for (const name of [...VIEWS, ...BASE])
      await expect(whole.warehouse.ask(key, `SELECT COUNT(*) FROM ${name}`, 'test')).rejects.toThrow();
  });
});
