/** What the gateway sends to Snowflake for itself, which is billed as cloud services: docs/operations.md has these numbers. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Gateway } from '../../../dist/gateway/gateway.js';
import { callerOf } from '../../support/caller.mjs';
import { Whole } from '../../support/gateways/whole.js';

const S = 'DB.PUBLIC';
const bot = callerOf('bot', ['g']);
const RULES = `rules:
  - allow: [any]
    on: [${S}.*]
columns: [{ match: [${S}.T.B], mask: redact }]
`;

let whole: Whole;
let gateway: Gateway;
beforeAll(async () => {
  whole = await Whole.start([
    `CREATE TABLE ${S}.T (A NUMBER, B VARCHAR)`,
    `CREATE TABLE ${S}.U (A NUMBER)`,
    `CREATE VIEW ${S}.V AS SELECT A FROM ${S}.U`,
    `CREATE VIEW ${S}.W AS SELECT A FROM ${S}.V`,
  ]);
  ({ gateway } = await whole.gateway(RULES));
});
afterAll(() => whole[Symbol.asyncDispose]());

/** Counts of what was sent for one statement. */
async function sentFor(sql: string): Promise<Readonly<Record<string, number>>> {
  whole.own.length = 0;
  const { status } = await gateway.query(bot, { sql });
  expect(status).toBe('ok');
  const counts: Record<string, number> = {};
  // Sessions are opened as more is asked at a time, and stay.
  for (const what of whole.own) if (what !== 'ALTER SESSION' && what !== 'USE') counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

describe('a statement costs', () => {
  it('two questions for a table that is not known, three for a view, two for one that is listed; one plan for its text', async () => {
    whole.warehouse.catalog.invalidate();
    expect(await sentFor(`SELECT A, B FROM ${S}.T`)).toEqual({ 'SHOW OBJECTS': 1, DESCRIBE: 1, EXPLAIN: 1 });
    const ofView = { 'SHOW OBJECTS': 2, DESCRIBE: 2, 'SHOW VIEWS': 1, EXPLAIN: 1 };
    expect(await sentFor(`SELECT A FROM ${S}.V`)).toEqual(ofView);
    whole.warehouse.catalog.invalidate();
    await gateway.visible.objects(bot.principal, 'DB', undefined, { limit: 10 });
    expect(await sentFor(`SELECT A AS LISTED FROM ${S}.V`)).toEqual({ ...ofView, 'SHOW OBJECTS': 1 });
    whole.warehouse.catalog.invalidate();
    expect(await sentFor(`SELECT A AS TWICE FROM ${S}.W`)).toEqual({
      'SHOW OBJECTS': 3,
      DESCRIBE: 3,
      'SHOW VIEWS': 2,
      EXPLAIN: 1,
    });
  });

  it('one question for a name that is not there, and one each minute for what it may have been meant for', async () => {
    whole.warehouse.catalog.invalidate();
    for (const [name, shows] of [
      ['GONE', 2],
      ['GONE2', 1],
      ['GONE', 0],
    ] as const) {
      whole.own.length = 0;
      expect((await gateway.query(bot, { sql: `SELECT 1 FROM ${S}.${name}` })).status).toBe('denied');
      expect(whole.own).toEqual(Array.from({ length: shows }, () => 'SHOW OBJECTS'));
    }
  });

  it('one plan where its tables are known, and nothing where its text is', async () => {
    await sentFor(`SELECT A FROM ${S}.T WHERE A > 0`);
    expect(await sentFor(`SELECT A FROM ${S}.T WHERE A > 1`)).toEqual({ EXPLAIN: 1 });
    expect(await sentFor(`SELECT A FROM ${S}.T WHERE A > 1`)).toEqual({});
    expect(await sentFor('SELECT 2')).toEqual({});
  });
});

describe('an hour costs', () => {
  /** As if an hour passed in which a text was sent each so many seconds. */
  async function hourOf(sql: string, everySeconds: number): Promise<Readonly<Record<string, number>>> {
    whole.warehouse.catalog.invalidate();
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const counts: Record<string, number> = {};
      for (let second = 0; second < 3600; second += everySeconds) {
        for (const [what, count] of Object.entries(await sentFor(sql))) counts[what] = (counts[what] ?? 0) + count;
        // What is read ahead of its time is read by now, too.
        await new Promise((resolve) => setTimeout(resolve, 5));
        vi.advanceTimersByTime(everySeconds * 1000);
      }
      return counts;
    } finally {
      vi.useRealTimers();
    }
  }

  it('of one text over a table at most 80 readings of two questions, and 60 plans', async () => {
    const counts = await hourOf(`SELECT A, B AS HOUR FROM ${S}.T`, 17);
    expect(counts['EXPLAIN']).toBeLessThanOrEqual(60);
    expect(counts['SHOW OBJECTS']).toBeLessThanOrEqual(80);
    expect(counts['DESCRIBE']).toBe(counts['SHOW OBJECTS']);
    expect(Object.keys(counts).sort()).toEqual(['DESCRIBE', 'EXPLAIN', 'SHOW OBJECTS']);
  });

  it('of a text over a view the same for each of the two that are read', async () => {
    const counts = await hourOf(`SELECT A AS HOUR FROM ${S}.V`, 50);
    expect(counts).toEqual({ 'SHOW VIEWS': 72, DESCRIBE: 144, 'SHOW OBJECTS': 73, EXPLAIN: 36 });
  });

  it('in which nothing is asked nothing', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      whole.own.length = 0;
      vi.advanceTimersByTime(3_600_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(whole.own).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });
});
