/** What snowfence does not hide it does not change: the same rows as by the driver alone, cell by cell. */
import { readFileSync } from 'node:fs';
import type { Client } from '@modelcontextprotocol/client';
import type { Connection } from 'snowflake-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Demo } from '../../../dist/demo/demo.js';
import { agent, demoWith, query } from '../../support/demo.js';
import { connectDriver, execute } from '../../support/outside/driver.mjs';

const cases = (
  JSON.parse(readFileSync(new URL('../cases.json', import.meta.url), 'utf8')) as {
    id: string;
    class: string;
    sql: string;
  }[]
)
  .filter((entry) => entry.class.startsWith('benign/'))
  // Chance answers otherwise each time.
  .filter(({ sql }) => !/\b(?:SAMPLE|TABLESAMPLE|RANDOM|UUID_STRING|CURRENT_TIMESTAMP)\b/i.test(sql));

const policy = (name: string, group: string, more: string): string =>
  `policy: ${name}\nprincipals: { groups: [${group}] }\nsnowflake: { role: AGENT_RO, warehouse: AGENT_WH }\nrules:\n  - allow: [read]\n    on: [ANALYTICS.*.*]\nlimits: { rows: 100000, result_bytes: 100MB }\n${more}`;

let demo: Demo;
let end: () => Promise<void>;
let whole: Client;
let masked: Client;
let alone: Connection;

beforeAll(async () => {
  ({ demo, end } = await demoWith({
    'whole.yaml': policy('whole', 'sales-agents', ''),
    'masked.yaml': policy(
      'masked',
      'pipeline-agents',
      'columns:\n  - match: ["ANALYTICS.SALES.CUSTOMERS.EMAIL", "ANALYTICS.SALES.CUSTOMERS.PHONE"]\n    mask: redact\n',
    ),
  }));
  [whole, masked] = await Promise.all([agent(demo.ready, 'sales-bot'), agent(demo.ready, 'pipeline-bot')]);
  alone = await connectDriver(demo.ready.warehouse, { representNullAsStringNull: false });
});
afterAll(async () => {
  await Promise.all([whole.close(), masked.close()]);
  alone.destroy(() => undefined);
  await end();
});

/** Numbers and times in one spelling: the driver gives them as JavaScript's values, an answer as JSON. */
function plain(cell: unknown): unknown {
  if (cell === null || cell === undefined) return null;
  if (cell instanceof Date) return cell.getTime();
  if (typeof cell === 'boolean') return cell;
  if (typeof cell === 'object') return JSON.parse(JSON.stringify(cell)) as unknown;
  const text = String(cell);
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (/^\d{4}-\d\d-\d\d(?:[T ]|$)/.test(text)) {
    const time = Date.parse(
      /[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}${text.length > 10 ? 'Z' : ''}`,
    );
    return Number.isNaN(time) ? text : time;
  }
  return text;
}

const lines = (rows: readonly (readonly unknown[])[]): string[] =>
  rows.map((row) => JSON.stringify(row.map(plain))).sort();

/** What the driver alone gets. Its session is as the account has it, like an agent's: neither sets a zone. */
const byDriver = async (sql: string) =>
  (await execute(alone, sql, { rowMode: 'array' })) as unknown as readonly (readonly unknown[])[];

/** A day may end between the two. */
const once = (sql: string): boolean => !/CURRENT_|SYSDATE|GETDATE/i.test(sql);

const known = new Map<string, Awaited<ReturnType<typeof byDriver>>>();

/** Nothing is written here: what depends on no time is asked once. */
async function expectedOf(sql: string) {
  const rows = known.get(sql) ?? (await byDriver(sql));
  if (once(sql)) known.set(sql, rows);
  return rows;
}

/** More rows than a page has unless more is asked for. */
const ALL = { max_rows: 10_000 };

describe('without masks', () => {
  it.each(cases)('$id $sql', async ({ sql }) => {
    const expected = await expectedOf(sql);
    const answer = await query(whole, sql, ALL);
    expect(answer.status).toBe('ok');
    expect(answer.truncated).toBe(false);
    const again = once(sql) ? expected : await byDriver(sql);
    expect([lines(expected), lines(again)]).toContainEqual(lines(answer.rows));
  });
});

describe('with masks', () => {
  it.each(cases)('$id: the other columns are the same: $sql', async ({ sql }) => {
    const expected = await expectedOf(sql);
    const answer = await query(masked, sql, ALL);
    expect(answer.status).toBe('ok');
    const again = once(sql) ? expected : await byDriver(sql);
    const isOpen = answer.columns.map((column) => column.mask === null);
    const open = (rows: readonly (readonly unknown[])[]) => rows.map((row) => row.filter((_, at) => isOpen[at]));
    expect([lines(open(expected)), lines(open(again))]).toContainEqual(lines(open(answer.rows)));
  });
});
