/** Pages over a stream that goes on by itself: no row lost, none twice, whatever the sizes. */
import { PassThrough } from 'node:stream';
import type { RowStatement } from 'snowflake-sdk';
import { describe, expect, it } from 'vitest';
import { StatementFailed } from '../../dist/warehouse/index.js';
import { ResultReader } from '../../dist/warehouse/run/result.js';

const column = (name: string, type: string) => ({
  getName: () => name,
  getType: () => type,
  getPrecision: () => 38,
  getScale: () => 0,
});

/** A statement whose rows come a few at a time, as from chunks; `failAfter` rows there is an error. */
function statement(
  count: number,
  { failAfter = Number.POSITIVE_INFINITY, onRow = (_at: number): void => undefined } = {},
): RowStatement {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 16 });
  void (async () => {
    for (let at = 0; at < count; at++) {
      if (at >= failAfter) {
        stream.destroy(new Error('the connection broke'));
        return;
      }
      onRow(at);
      if (!stream.write([String(at), 'x'.repeat(at % 50)]))
        await new Promise((resolve) => stream.once('drain', resolve));
    }
    stream.end();
  })();
  return {
    getColumns: () => [column('N', 'fixed'), column('T', 'text')],
    getQueryId: () => 'q',
    getNumRows: () => count,
    streamRows: () => stream,
  } as unknown as RowStatement;
}

describe('a result in pages', () => {
  it.each([
    [1, 1_000_000, false],
    [7, 1_000_000, true],
    [1000, 300, false],
    [1000, 300, true],
    [100_000, 1_000_000, true],
  ])('%i rows and %i bytes at most, read ahead: %s', async (maxRows, maxBytes, isAhead) => {
    const reader = new ResultReader(statement(1000));
    const seen: unknown[] = [];
    for (;;) {
      const page = await reader.read({ maxRows, maxBytes });
      expect(page.rows.length).toBeLessThanOrEqual(maxRows);
      expect(page.bytes).toBeLessThanOrEqual(maxBytes);
      seen.push(...page.rows.map(([n]) => n));
      expect(reader.position).toBe(seen.length);
      if (page.isLast) break;
      if (isAhead) reader.readAhead();
      if (seen.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  });

  it('says how many rows there are, and the digits of numbers', () => {
    const reader = new ResultReader(statement(7));
    expect(reader.total).toBe(7);
    expect(reader.columns).toEqual([
      { name: 'N', type: 'FIXED', precision: 38, scale: 0 },
      { name: 'T', type: 'TEXT' },
    ]);
  });

  it('does not move past a row that fits into no page', async () => {
    const reader = new ResultReader(statement(50));
    expect(await reader.read({ maxRows: 100, maxBytes: 30 })).toMatchObject({ isLast: false });
    for (let tries = 0; tries < 3; tries++) {
      const { position } = reader;
      expect(await reader.read({ maxRows: 100, maxBytes: 5 })).toEqual({ rows: [], bytes: 0, isLast: false });
      expect(reader.position).toBe(position);
    }
    reader.close();
  });

  it('says so where the stream breaks', async () => {
    const reader = new ResultReader(statement(1000, { failAfter: 500 }));
    await expect(
      (async () => {
        while (!(await reader.read({ maxRows: 100, maxBytes: 1_000_000 })).isLast);
      })(),
    ).rejects.toBeInstanceOf(StatementFailed);
    await expect(reader.read({ maxRows: 1, maxBytes: 1000 })).rejects.toBeInstanceOf(StatementFailed);
  });

  it('ends with an error, not with the process, where a cell can not be converted', async () => {
    const broken = new Date(Number.NaN);
    const time = Object.assign(broken, {
      getEpochSeconds: () => Number.NaN,
      getNanoSeconds: () => 0,
      getTimezone: () => 0,
    });
    const stream = new PassThrough({ objectMode: true });
    const reader = new ResultReader({
      getColumns: () => [column('D', 'date')],
      getQueryId: () => 'q',
      getNumRows: () => 1,
      streamRows: () => stream,
    } as unknown as RowStatement);
    stream.write([time]);
    await expect(reader.read({ maxRows: 10, maxBytes: 1000 })).rejects.toThrow();
  });

  it('holds no more than a page ahead', async () => {
    let made = 0;
    const onRow = (at: number): void => {
      made = at + 1;
    };
    const reader = new ResultReader(statement(200_000, { onRow }));
    await reader.read({ maxRows: 10, maxBytes: 1_000_000 });
    reader.readAhead();
    await expect.poll(() => made).toBeGreaterThanOrEqual(10_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    // A page, and what streams hold on the way.
    expect(made).toBeLessThan(10_200);
    const { rows } = await reader.read({ maxRows: 1_000_000, maxBytes: 100_000_000 });
    expect(rows).toHaveLength(199_990);
    reader.close();
  });
});
