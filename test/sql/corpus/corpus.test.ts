import { describe, expect, it } from 'vitest';
import { describe as inOneLine, read } from './describe.mjs';

const entries = read();

/** Pages of Snowflake's query syntax reference (documentation, sql-reference/constructs). */
const PAGES =
  'with top_n from at-before changes connect-by join asof-join join-lateral match_recognize pivot unpivot sample resample semantic_view values where group-by group-by-cube group-by-grouping-sets group-by-rollup having qualify order-by limit for-update into';

describe('statements of the query syntax reference', () => {
  it('are at least 400, of every page', () => {
    expect(entries.length).toBeGreaterThanOrEqual(400);
    const pages = new Set(entries.map(({ page }) => page.replace('constructs/', '')));
    expect(PAGES.split(' ').filter((page) => !pages.has(page))).toEqual([]);
  });

  it('are understood, at least 97 of 100, and the others refused with a place', async () => {
    const lines = await Promise.all(entries.map(({ sql }) => inOneLine(sql)));
    const refused = lines.filter((line) => line.startsWith('!'));
    // Table functions that every policy refuses (DIRECTORY, ERROR_TABLE, RESULT_SCAN) count as refused here.
    const denied = lines.filter((line) => /\| .*:(?!table\b)/.test(line));
    expect((refused.length + denied.length) / lines.length).toBeLessThanOrEqual(0.03);
    expect(refused.filter((line) => !/^! [A-Z_]+ \d+:\d+ /.test(line))).toEqual([]);
  });

  it.each(entries)('$page: $sql', async ({ sql, expected }) => expect(await inOneLine(sql)).toBe(expected));
});
