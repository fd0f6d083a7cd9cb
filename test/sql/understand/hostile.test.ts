import { describe, expect, it } from 'vitest';
import { analyse, cteNames, Refusal, readStatement, rewrite, secondOpinion } from '../../../dist/sql/index.js';
import { catalog } from '../corpus/describe.mjs';

const DEFAULTS = { database: 'DB', schema: 'S' };

async function outcome(sql: string): Promise<string> {
  try {
    const analysis = await analyse(readStatement(sql), catalog, DEFAULTS);
    secondOpinion(analysis, cteNames(analysis.statement));
    rewrite(analysis, new Map());
    return 'understood';
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

const K = 1024;
const HOSTILE: readonly [string, string][] = [
  ['1 MB of text', `SELECT '${'x'.repeat(K * K)}'`],
  ['250 KB of text', `SELECT '${'x'.repeat(250 * K)}'`],
  ['10,000 columns', `SELECT ${Array.from({ length: 10_000 }, (_, i) => `c${i}`).join(',')} FROM customers`],
  ['5,000 columns of a star', `SELECT ${Array(5000).fill('*').join(',')} FROM customers`],
  ['2,000 nested parentheses', `SELECT ${'('.repeat(2000)}1${')'.repeat(2000)}`],
  ['190 nested parentheses', `SELECT ${'('.repeat(190)}1${')'.repeat(190)}`],
  ['5,000 UNION branches', Array(5000).fill('SELECT 1').join(' UNION ALL ')],
  ['300 UNION branches over a table', Array(300).fill('SELECT id FROM customers').join(' UNION ALL ')],
  ['64 KB identifier', `SELECT ${'a'.repeat(64 * K)} FROM customers`],
  ['64 KB quoted identifier', `SELECT "${'a'.repeat(64 * K)}" FROM customers`],
  ['6,000 ANDs', `SELECT id FROM customers WHERE ${Array(6000).fill('id').join(' AND ')}`],
  ['9,000 additions', `SELECT 1${'+1'.repeat(9000)}`],
  ['15,000 NOTs', `SELECT ${'NOT '.repeat(15_000)} TRUE`],
  ['15,000 signs', `SELECT ${'- '.repeat(15_000)} 1`],
  ['3,000 nested CASEs', `SELECT ${'CASE WHEN 1 = 1 THEN '.repeat(3000)}1${' END'.repeat(3000)}`],
  ['190 nested sub-queries', `SELECT * FROM ${'(SELECT * FROM '.repeat(190)}customers${')'.repeat(190)}`],
  [
    '1,000 chained CTEs',
    `WITH ${Array.from({ length: 1000 }, (_, i) => `c${i} AS (SELECT * FROM ${i === 0 ? 'customers' : `c${i - 1}`})`).join(',')} SELECT * FROM c999`,
  ],
  [
    '16 doubling CTEs',
    `WITH c0 AS (SELECT * FROM customers) ${Array.from({ length: 16 }, (_, i) => `, c${i + 1} AS (SELECT * FROM c${i} a JOIN c${i} b)`).join('')} SELECT * FROM c16`,
  ],
  [
    '500 joins',
    `SELECT 1 FROM customers ${Array.from({ length: 500 }, (_, i) => `JOIN orders o${i} ON o${i}.id = 1`).join(' ')}`,
  ],
  ['300 tables', `SELECT 1 FROM ${Array.from({ length: 300 }, (_, i) => `t${i}`).join(',')}`],
  ['twenty intervals', `SELECT ${Array(22).fill("INTERVAL '1 day'").join(' + ')} + CURRENT_DATE`],
  [
    'stars over stars by name',
    `SELECT 1 FROM (SELECT * FROM (SELECT ${Array(37).fill('*').join(',')} FROM (SELECT ${Array(37).fill('*').join(',')} FROM customers)) UNION BY NAME SELECT * FROM (SELECT ${Array(37).fill('*').join(',')} FROM (SELECT ${Array(37).fill('*').join(',')} FROM customers)))`,
  ],
  [
    'a thousand places in a wide source',
    `SELECT 1 FROM (SELECT ${Array(37).fill('*').join(',')} FROM (SELECT ${Array(37).fill('*').join(',')} FROM customers)) WHERE ${Array(1000).fill('$1 = 1').join(' OR ')}`,
  ],
  ['4,000 path steps', `SELECT payload${':a'.repeat(4000)} FROM events`],
  ['4,000 subscripts', `SELECT payload${'[0]'.repeat(4000)} FROM events`],
  ['4,000 casts', `SELECT payload${'::VARIANT'.repeat(4000)} FROM events`],
  [
    '5,000 quoted names to stand in for',
    `SELECT ${Array.from({ length: 5000 }, (_, i) => `"""${i}"""`).join(',')} FROM customers`,
  ],
  ['4,000 RESAMPLEs', `SELECT * FROM customers ${'RESAMPLE (USING id INCREMENT BY 1) '.repeat(2000)}`],
  ['4,000 CASTs in a row', `SELECT ${Array(2500).fill('CAST(id AS INT)').join(',')} FROM customers`],
  ['4,000 lambdas', `SELECT ${Array(1000).fill('f((a INT) -> a)').join(',')}`],
];

describe('hostile sizes', () => {
  it.each(HOSTILE)('%s', async (_name, sql) => {
    const started = process.cpuUsage();
    expect(['understood', 'NOT_UNDERSTOOD']).toContain(await outcome(sql));
    // Of the processor's time, which a busy machine makes no longer; the aim is a second.
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(5000);
    // Whatever it was, the next statement is read.
    expect(await outcome('SELECT id FROM customers')).toBe('understood');
  });
});
