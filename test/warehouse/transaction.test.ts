/** A change in a transaction of its own, by the real driver against the embedded warehouse, and against one that does not answer. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import type { Warehouse } from '../../dist/warehouse/index.js';
import { changedRows } from '../../dist/warehouse/run/transaction.js';
import { warehouseAt } from '../support/warehouse.mjs';

const KEY = { role: 'R', warehouse: 'W' };
const tags = { begin: 'begin', commit: 'commit', rollback: 'rollback' };
const RUN = {
  binds: [],
  tag: 'own',
  maxResultRows: 10,
  maxRows: 1,
  maxBytes: 10,
  timeoutMs: 60_000,
  signal: undefined,
};
const DELETE = 'DELETE FROM DB.PUBLIC.T WHERE ID > 1';

let embedded: Embedded;
let warehouse: Warehouse;
beforeAll(async () => {
  const users = [{ name: 'SNOWFENCE', password: 'p' }];
  embedded = await Embedded.start({ ...DEFAULT_OPTIONS, databases: ['DB'], seeds: [], users });
  warehouse = warehouseAt(embedded.url, 'p', {
    // One, so that what is left open on it would be seen.
    poolSize: 1,
  });
  await warehouse.ask(KEY, 'CREATE TABLE DB.PUBLIC.T (ID NUMBER)', 'seed');
  await warehouse.ask(KEY, 'INSERT INTO DB.PUBLIC.T VALUES (1), (2), (3)', 'seed');
});
afterAll(async () => {
  await warehouse[Symbol.asyncDispose]();
  await embedded[Symbol.asyncDispose]();
});

const count = async (): Promise<unknown> =>
  (await warehouse.ask(KEY, 'SELECT COUNT(*) AS N FROM DB.PUBLIC.T', 'seed'))[0]?.['N'];
const steps = async (): Promise<string[]> => {
  const history = await warehouse.history(KEY, { since: new Date(Date.now() - 600_000) });
  return history.flatMap(({ tag, text }) => (/^(?:begin|commit|rollback|own)$/.test(tag) ? `${tag}: ${text}` : []));
};

describe('a change in a transaction of its own', () => {
  it('is rolled back where it may not stay', async () => {
    const seen: (number | undefined)[] = [];
    const mayStay = (rows: number | undefined): boolean => {
      seen.push(rows);
      return false;
    };
    expect(await warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay })).toMatchObject({
      isCommitted: false,
      rows: 2,
    });
    expect(seen).toEqual([2]);
    expect(await count()).toBe(3);
    // By name: two may have ended within the same millisecond. That the last was a ROLLBACK is what was counted above.
    expect((await steps()).sort()).toEqual(['begin: BEGIN TRANSACTION', `own: ${DELETE}`, 'rollback: ROLLBACK']);
  });

  it('is rolled back where whoever looks at it fails, where it fails itself, and where nobody waits for it', async () => {
    const failing = (): boolean => {
      throw new Error('a bug');
    };
    await expect(warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay: failing })).rejects.toThrow('a bug');
    await expect(
      warehouse.runBounded(KEY, 'DELETE FROM DB.PUBLIC.NONE', { ...RUN, tags, mayStay: () => true }),
    ).rejects.toThrow(/does not exist/);
    const gone = new AbortController();
    const mayStay = (): boolean => {
      gone.abort();
      return true;
    };
    await expect(warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay, signal: gone.signal })).rejects.toThrow(
      'cancelled',
    );
    await expect(
      warehouse.runBounded(KEY, 'CALL SYSTEM$WAIT(20)', { ...RUN, tags, mayStay, timeoutMs: 500 }),
    ).rejects.toThrow(/longer|timeout|cancel/i);
    expect(await count()).toBe(3);
    expect((await steps()).filter((step) => step.startsWith('commit'))).toEqual([]);
  });

  it('is there once it is committed, and the connection is well', async () => {
    expect(await warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay: (rows) => rows === 2 })).toMatchObject({
      isCommitted: true,
      rows: 2,
    });
    expect(await count()).toBe(1);
    expect((await steps()).filter((step) => step.startsWith('commit'))).toEqual(['commit: COMMIT']);
  });
});

describe('what is asked before something leaves', () => {
  it('is asked with the connection in hand, after all waiting for one', async () => {
    let asked = 0;
    let isFree = false;
    const before = async (): Promise<void> => {
      asked++;
      expect(isFree).toBe(true);
    };
    // There is one connection.
    const first = warehouse.run(KEY, 'CALL SYSTEM$WAIT(1)', RUN).finally(() => {
      isFree = true;
    });
    const mayStay = (): boolean => false;
    await Promise.all([
      first,
      warehouse.run(KEY, 'SELECT 1 AS X', { ...RUN, before }),
      warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay, before }),
    ]);
    expect(asked).toBe(2);
  });

  it('and where it says no, nothing is sent, and the connection is well', async () => {
    const since = (await steps()).sort();
    const before = (): Promise<void> => Promise.reject(new Error('overtaken'));
    const mayStay = (): boolean => true;
    await expect(warehouse.run(KEY, DELETE, { ...RUN, before })).rejects.toThrow('overtaken');
    await expect(warehouse.runBounded(KEY, DELETE, { ...RUN, tags, mayStay, before })).rejects.toThrow('overtaken');
    const page = { queryId: 'q', from: 0, maxRows: 1, maxBytes: 10, timeoutMs: 60_000, signal: undefined };
    await expect(warehouse.resume(KEY, { ...page, before })).rejects.toThrow('overtaken');
    expect((await steps()).sort()).toEqual(since);
    expect((await warehouse.run(KEY, 'SELECT 1 AS X', RUN)).rows).toEqual([[1]]);
  });

  it('nor is whoever has gone meanwhile asked anything', async () => {
    const before = vi.fn(() => Promise.resolve());
    const signal = AbortSignal.abort();
    await expect(warehouse.run(KEY, DELETE, { ...RUN, before, signal })).rejects.toThrow('cancelled');
    expect(before).not.toHaveBeenCalled();
  });
});

describe('how many rows a change says that it touched', () => {
  const told = (names: readonly string[], row: readonly (number | string)[], more: object = {}) =>
    changedRows({
      columns: names.map((name) => ({ name, type: 'FIXED' })),
      rows: [row],
      isLast: true,
      ...more,
    });

  it.each([
    [['number of rows inserted', 'number of rows updated', 'number of rows deleted'], [1, 2, 1], 4],
    [['number of rows updated', 'number of multi-joined rows updated'], [3, 2], 3],
    [['number of rows inserted into T1', 'number of rows inserted into T2'], [3, 2], 5],
    [['number of rows deleted'], [0], 0],
    [['number of rows unloaded'], [3], undefined],
    [['COUNT(*)'], [3], undefined],
    [['number of rows deleted'], ['12345678901234567890'], undefined],
    [['number of multi-joined rows updated'], [3], undefined],
  ] as const)('%s %s: %s', (names, row, rows) => {
    expect(told(names, row)).toBe(rows);
  });

  it('is not known where there is more than one row, or none', () => {
    expect(told(['number of rows deleted'], [1], { rows: [[1], [2]] })).toBe(undefined);
    expect(told(['number of rows deleted'], [1], { rows: [] })).toBe(undefined);
    expect(told(['number of rows deleted'], [1], { isLast: false })).toBe(undefined);
  });
});
