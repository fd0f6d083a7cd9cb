/** An agent's session has the account's zone, as the driver's own has; whatever it is, an answer's times say which moment is meant. */
import type { Connection } from 'snowflake-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import { isOwnQuestion, type Warehouse } from '../../dist/warehouse/index.js';
import { converter } from '../../dist/warehouse/run/value.js';
import { connectDriver, execute } from '../support/outside/driver.mjs';
import { warehouseAt } from '../support/warehouse.mjs';

const RUN = {
  binds: [],
  tag: '',
  maxResultRows: 10,
  maxRows: 10,
  maxBytes: 10_000,
  timeoutMs: 60_000,
  signal: undefined,
};
const KEY = { role: 'PUBLIC', warehouse: 'COMPUTE_WH' };

describe.each(['America/Los_Angeles', 'Pacific/Kiritimati', 'Asia/Kathmandu', 'UTC'])(
  'an account in %s',
  (timezone) => {
    let embedded: Embedded;
    let warehouse: Warehouse;
    let alone: Connection;
    beforeAll(async () => {
      embedded = await Embedded.start({
        ...DEFAULT_OPTIONS,
        timezone,
        databases: ['DB'],
        seeds: [],
        users: [{ name: 'A', password: 'p' }],
      });
      warehouse = warehouseAt(embedded.url, 'p', {
        username: 'A',
        database: 'DB',
        schema: 'PUBLIC',
        poolSize: 2,
      });
      alone = await connectDriver({ access_url: embedded.url, username: 'A', password: 'p' });
    });
    afterAll(async () => {
      alone.destroy(() => undefined);
      await warehouse[Symbol.asyncDispose]();
      await embedded[Symbol.asyncDispose]();
    });
    const ask = async (sql: string) => (await warehouse.run(KEY, sql, RUN)).rows;
    const byDriver = async (sql: string) => Object.values((await execute(alone, sql))[0] ?? {});

    it('has one today for both, and it is that of the zone', async () => {
      const today =
        'SELECT TO_VARCHAR(CURRENT_DATE()), TO_VARCHAR(DATEADD(day, -7, CURRENT_DATE())), HOUR(CURRENT_TIME())';
      const calendar = (): string => new Date().toLocaleDateString('sv-SE', { timeZone: timezone });
      // An hour may end in between, and a day with it.
      await expect
        .poll(async () => {
          const [before, driver, rows, after] = [calendar(), await byDriver(today), await ask(today), calendar()];
          return before === after && JSON.stringify(rows) === JSON.stringify([driver]) && driver[0] === before;
        })
        .toBe(true);
    });

    it.each([
      ['2027-03-14T09:59:59Z', 'the last second before summer in Los Angeles'],
      ['2027-03-14T10:00:00Z', 'the first one of it'],
      ['2027-11-07T08:30:00Z', 'half past one, the first time'],
      ['2027-11-07T09:30:00Z', 'half past one, the second time'],
      ['2027-03-28T00:59:59Z', 'the last second before summer in Berlin'],
      ['2027-03-28T01:00:00Z', 'the first one of it'],
      ['2026-12-31T23:59:30Z', 'the end of a year'],
      ['2028-02-29T23:30:00Z', 'a leap day'],
      ['1971-06-01T00:00:00Z', 'before quarters of an hour were the rule'],
    ])('shows %s as that moment (%s), on the day that casts mean', async (moment) => {
      const [[shown, day, text]] = (await ask(
        `SELECT x AS SHOWN, x::DATE AS DAY, TO_VARCHAR(x, 'YYYY-MM-DD"T"HH24:MI:SS') AS WALL FROM (SELECT '${moment}'::TIMESTAMP_LTZ AS x)`,
      )) as [[string, string, string]];
      expect(shown).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/);
      expect(Date.parse(shown)).toBe(Date.parse(moment));
      expect(shown.slice(0, 10)).toBe(day);
      expect(shown.slice(0, 19)).toBe(text);
      expect(shown.endsWith('Z')).toBe(timezone === 'UTC');
    });

    it('has a clock that goes on between two runs of one statement', async () => {
      const moments = async () => Date.parse(String((await ask('SELECT CURRENT_TIMESTAMP()'))[0]?.[0]));
      const first = await moments();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await moments()).toBeGreaterThan(first);
    });

    it('has a history whose moments are moments', async () => {
      const before = Date.now();
      await ask("SELECT 'looked for'");
      const history = await warehouse.history(KEY, { since: new Date(before - 60_000) });
      const started = history.find(({ text }) => text.includes("'looked for'"))?.startedAt.getTime() ?? 0;
      expect(started).toBeGreaterThanOrEqual(before - 1000);
      expect(started).toBeLessThanOrEqual(Date.now() + 1000);
      expect(await warehouse.history(KEY, { since: new Date(Date.now() + 60_000) })).toEqual([]);
    });

    it('has a SYSDATE in UTC', async () => {
      const [[now]] = (await ask('SELECT SYSDATE()')) as [[string]];
      expect(Math.abs(Date.parse(`${now}Z`) - Date.now())).toBeLessThan(60_000);
    });

    it('goes back to it where a session unsets its own', async () => {
      await execute(alone, "ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'");
      const tokyo = await byDriver("SELECT TO_VARCHAR('2027-01-01T00:00:00Z'::TIMESTAMP_LTZ, 'HH24')");
      await execute(alone, 'ALTER SESSION UNSET TIMEZONE');
      const own = await byDriver("SELECT TO_VARCHAR('2027-01-01T00:00:00Z'::TIMESTAMP_LTZ, 'HH24')");
      expect(tokyo).toEqual(['09']);
      expect(own).toEqual([
        new Date('2027-01-01T00:00:00Z')
          .toLocaleTimeString('en-GB', { timeZone: timezone, hour: '2-digit' })
          .slice(0, 2),
      ]);
    });
  },
);

describe('a time in an answer', () => {
  const shown = (type: string, zone: number | string, seconds: number, nanos = 0): unknown =>
    converter({ getType: () => type } as Parameters<typeof converter>[0])(
      Object.assign(new Date(seconds * 1000), {
        getEpochSeconds: () => seconds,
        getNanoSeconds: () => nanos,
        getTimezone: () => zone,
      }),
    );
  it.each([
    ['timestamp_ltz', 'America/Los_Angeles', 1_800_000_000, 500_000_000, '2027-01-15T00:00:00.5-08:00'],
    ['timestamp_ltz', 'UTC', 1_800_000_000, 0, '2027-01-15T08:00:00Z'],
    ['timestamp_ltz', 'Europe/London', 1_800_000_000, 0, '2027-01-15T08:00:00Z'],
    ['timestamp_ltz', 'Australia/Lord_Howe', 1_800_000_000, 0, '2027-01-15T19:00:00+11:00'],
    ['timestamp_ltz', 'Asia/Kathmandu', 1_800_000_000, 1, '2027-01-15T13:45:00.000000001+05:45'],
    // Monrovia was 44 minutes and 30 seconds behind until 1972: no offset of ISO 8601 says that.
    ['timestamp_ltz', 'Africa/Monrovia', 0, 0, '1970-01-01T00:00:00Z'],
    ['timestamp_ltz', 'America/Los_Angeles', -3_000_000_000, 0, '1874-12-07T18:40:00Z'],
    // Known to Snowflake alone, or missing in the answer.
    ['timestamp_ltz', 'Mars/Olympus', 1_800_000_000, 0, '2027-01-15T08:00:00Z'],
    ['timestamp_tz', -210, 1_800_000_000, 0, '2027-01-15T04:30:00-03:30'],
    ['timestamp_ntz', 'UTC', 1_800_000_000, 0, '2027-01-15T08:00:00'],
  ])('%s in %s', (type, zone, seconds, nanos, text) => {
    expect(shown(type, zone, seconds, nanos)).toBe(text);
  });

  it('is right at each of many moments, whatever was looked up before', () => {
    for (const zone of ['America/Los_Angeles', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kathmandu'])
      for (let seconds = 31_536_000; seconds < 4_000_000_000; seconds += 8_640_007) {
        const text = String(shown('timestamp_ltz', zone, seconds));
        expect(Date.parse(text)).toBe(seconds * 1000);
        expect(text.slice(0, 19)).toBe(
          new Date(seconds * 1000).toLocaleString('sv-SE', { timeZone: zone }).replace(' ', 'T'),
        );
      }
  });
});

it('set-up statements are known as ours, and set no zone', () => {
  expect(isOwnQuestion("ALTER SESSION SET TIMEZONE = 'UTC'")).toBe(false);
});
