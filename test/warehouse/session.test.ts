/** What sessions have, in an account with other values: texts and policies mean the same there, and doctor says where others count otherwise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkWarehouse } from '../../dist/cli/doctor/warehouse.js';
import type { Config } from '../../dist/config/index.js';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import { maskExpression } from '../../dist/masking/index.js';
import { setUpOf } from '../../dist/warehouse/connection/session-state.js';
import { isOwnQuestion, SESSION_PARAMETERS, type Warehouse } from '../../dist/warehouse/index.js';
import { policyOf, setOf } from '../support/policies.mjs';
import { warehouseAt } from '../support/warehouse.mjs';

const KEY = { role: 'R', warehouse: 'W' };
/** An account that has everything otherwise. */
const ACCOUNT = {
  QUOTED_IDENTIFIERS_IGNORE_CASE: true,
  SEARCH_PATH: '$current, $public, OTHER.PUBLIC',
  AUTOCOMMIT: false,
  ROWS_PER_RESULTSET: 1,
  WEEK_START: 7,
  WEEK_OF_YEAR_POLICY: 1,
  TIMESTAMP_TYPE_MAPPING: 'TIMESTAMP_LTZ',
  DATE_INPUT_FORMAT: 'DD.MM.YYYY',
  TWO_DIGIT_CENTURY_START: 1900,
  MULTI_STATEMENT_COUNT: 0,
  DEFAULT_NULL_ORDERING: 'FIRST',
};

let embedded: Embedded;
const warehouses: Warehouse[] = [];
const open = (session?: object): Warehouse => {
  const made = warehouseAt(embedded.url, 'p', { poolSize: 1, ...(session ? { session } : {}) });
  warehouses.push(made);
  return made;
};
beforeAll(async () => {
  embedded = await Embedded.start({
    ...DEFAULT_OPTIONS,
    parameters: ACCOUNT,
    timezone: 'Asia/Tokyo',
    databases: ['DB'],
    seeds: [],
    users: [{ name: 'SNOWFENCE', password: 'p' }],
  });
});
afterAll(async () => {
  for (const each of warehouses) await each[Symbol.asyncDispose]();
  await embedded[Symbol.asyncDispose]();
});

const parameters = async (warehouse: Warehouse): Promise<ReadonlyMap<string, string>> => {
  const rows = await warehouse.ask(KEY, 'SHOW PARAMETERS', 'test');
  return new Map(rows.map(({ key, value }) => [String(key), String(value)]));
};

describe('a session', () => {
  it('has every parameter of the list as the list says, whatever the account has', async () => {
    const now = await parameters(open());
    for (const { name, value } of SESSION_PARAMETERS)
      if (value !== undefined)
        expect(`${name} ${now.get(name)}`.toLowerCase()).toBe(`${name} ${value.replaceAll("'", '')}`.toLowerCase());
    // Today is the same day for agents and for everybody else who works there.
    expect(now.get('TIMEZONE')).toBe('Asia/Tokyo');
  });

  it('counts weeks as the configuration says', async () => {
    const week = async (warehouse: Warehouse): Promise<unknown> =>
      Object.values(
        (await warehouse.ask(KEY, "SELECT TO_VARCHAR(DATE_TRUNC('week', '2024-07-03'::DATE)) AS W", 'test'))[0] ?? {},
      )[0];
    expect(await week(open())).toBe('2024-07-01');
    expect(await week(open({ week_start: 7 }))).toBe('2024-06-30');
    // Masks do not: what a policy shows is the same whoever counts weeks how.
    const mask = maskExpression({ kind: 'truncate_date', part: 'week' }, 'D', 'DATE');
    for (const session of [{}, { week_start: 7 }, { week_start: 3 }]) {
      const sql = `SELECT TO_VARCHAR(${mask}) AS W FROM (SELECT '2024-07-03'::DATE AS D)`;
      expect((await open(session).ask(KEY, sql, 'test'))[0]?.['W']).toBe('2024-07-01');
    }
    const now = await parameters(open({ timezone: 'Europe/Berlin', timestamp_type_mapping: 'TIMESTAMP_TZ' }));
    expect([now.get('TIMEZONE'), now.get('TIMESTAMP_TYPE_MAPPING')]).toEqual(['Europe/Berlin', 'TIMESTAMP_TZ']);
  });

  it('sorts NULL behind all values, which rows a LIMIT keeps goes by that', async () => {
    const first = async (order: string): Promise<unknown> => {
      const sql = `SELECT COLUMN1 AS C FROM VALUES (1), (NULL), (2) ORDER BY ${order} LIMIT 1`;
      return (await open().ask(KEY, sql, 'test'))[0]?.['C'];
    };
    expect(await first('COLUMN1')).toBe(1);
    expect(await first('COLUMN1 DESC')).toBeNull();
    expect(await first('COLUMN1 NULLS FIRST')).toBeNull();
  });

  it('is set up by statements that the history is known by again, and nothing else is', () => {
    for (const settings of [
      {},
      { timezone: 'Europe/Berlin', week_start: 1, week_of_year_policy: 1, two_digit_century_start: 2000 },
      { timezone: 'Etc/GMT+5', timestamp_type_mapping: 'TIMESTAMP_LTZ' },
    ])
      for (const sent of setUpOf(settings)) expect(isOwnQuestion(sent), sent).toBe(true);
    for (const sent of [
      'ALTER SESSION SET',
      "ALTER SESSION SET QUERY_TAG = 'x'",
      'ALTER SESSION SET AUTOCOMMIT = FALSE',
      'ALTER SESSION SET WEEK_START = 1; DROP TABLE T',
      "ALTER SESSION SET TIMEZONE = 'UTC' OR 1",
      'SHOW PARAMETERS IN ACCOUNT',
    ])
      expect(isOwnQuestion(sent), sent).toBe(false);
    expect(() => setUpOf({ timezone: "UTC', AUTOCOMMIT = FALSE --" })).toThrow();
  });
});

describe('doctor', () => {
  it('says where the account counts otherwise, and what to do', async () => {
    const set = await setOf(policyOf('rules: [{ allow: [read], on: ["*"] }]\n'));
    const check = async (session: object): Promise<string> => {
      const found = await checkWarehouse({ warehouse: open(session).options } as Config, set);
      return found.map(({ state, detail, remedy }) => `${state} ${detail} ${remedy ?? ''}`).join('\n');
    };
    const said = await check({});
    expect(said).toMatch(
      /warning WEEK_START is 7 in this account and 0 in the gateway's sessions: on which day weeks begin differs .*session: \{ week_start: 7 \}/,
    );
    expect(said).toMatch(/warning AUTOCOMMIT is false in this account .*Nothing has to be done/);
    expect(said).toContain("sessions are in the account's time zone, Asia/Tokyo");
    expect(said).not.toContain('OUTPUT_FORMAT');
    const other = await check({ week_start: 7, timezone: 'UTC' });
    expect(other).not.toContain('WEEK_START');
    expect(other).toContain('sessions are in UTC, the account in Asia/Tokyo');
    const { options } = open();
    const metadata = await checkWarehouse({ warehouse: { ...options, metadataRole: 'M' } } as Config, set);
    expect(metadata.map(({ detail }) => detail)).toContain('metadata role M: log-in works, 1 database is seen');
  });
});
