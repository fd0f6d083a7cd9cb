import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  analyse,
  cteNames,
  Disagreement,
  type FullAnalysis,
  RustParser,
  readStatement,
  secondOpinion,
} from '../../../dist/sql/index.js';
import { catalog as corpusCatalog, read } from '../corpus/describe.mjs';

const DEFAULTS = { database: 'DB', schema: 'S' };
const analysed = (sql: string): Promise<FullAnalysis> => analyse(readStatement(sql), corpusCatalog, DEFAULTS);

describe('other parsers', () => {
  it('are missed where they are not loaded: nothing passes without them', () => {
    const script = `
      const { loadParsers, readStatement, secondOpinion } = await import(${JSON.stringify(new URL('../../../dist/sql/index.js', import.meta.url))});
      const ask = () => secondOpinion({ kind: 'select', statement: readStatement('SELECT 1'), objects: [] }, new Set()).readers.length;
      try { console.log(ask()); } catch (error) { console.log(error.message); }
      await loadParsers();
      console.log(ask());`;
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(said).toBe('The other parsers were not loaded.\n2\n');
  });

  it('agree with the analysis wherever they can read a statement of the reference', async () => {
    let both = 0;
    for (const { sql, expected } of read()) {
      if (expected.startsWith('!') || /DYNAMIC_TABLE_REFRESH_BOUNDARY/.test(sql)) continue;
      const analysis = await analysed(sql);
      const { readers } = secondOpinion(analysis, cteNames(analysis.statement));
      if (readers.length > 0) both++;
    }
    expect(both).toBeGreaterThan(370);
  });

  it('read deep nesting too', async () => {
    const sql = `SELECT * FROM ${'(SELECT * FROM '.repeat(12)}customers${')'.repeat(12)}`;
    const analysis = await analysed(sql);
    expect(secondOpinion(analysis, cteNames(analysis.statement)).readers).toEqual(['sqlparser-rs']);
  });

  it.each([
    'INSERT INTO orders (id) SELECT id FROM customers',
    'DELETE FROM orders WHERE id = 1',
    'UPDATE orders SET id = 1 WHERE id = 2',
    'DELETE FROM db.s.orders o USING s.customers AS c, (SELECT id FROM events) e WHERE o.customer_id = c.id',
    'MERGE INTO orders o USING (SELECT * FROM orders) n ON o.id = n.id WHEN MATCHED THEN UPDATE ALL BY NAME WHEN NOT MATCHED THEN INSERT ALL BY NAME',
  ])('read changes: %s', async (sql) => {
    const analysis = await analysed(sql);
    expect(secondOpinion(analysis, cteNames(analysis.statement)).readers).toEqual(['sqlparser-rs']);
  });

  it.each([
    [
      'a table that the analysis does not have',
      (analysis: FullAnalysis) => ({ ...analysis, objects: analysis.objects.slice(1) }),
    ],
    [
      'no table where the analysis has one',
      (analysis: FullAnalysis) => ({
        ...analysis,
        objects: analysis.objects.map((use) => ({ ...use, object: { ...use.object, name: 'OTHER' } })),
      }),
    ],
    ['another kind of statement', (analysis: FullAnalysis) => ({ ...analysis, kind: 'delete' as const })],
  ])('are heard when they see %s', async (_what, change) => {
    const analysis = await analysed('SELECT c.id FROM customers c JOIN orders o ON c.id = o.customer_id');
    expect(() => secondOpinion(change(analysis), new Set())).toThrow(Disagreement);
  });

  it('keep names apart that differ in case alone', async () => {
    const analysis = await analysed('SELECT id FROM customers');
    const lower = {
      ...analysis,
      objects: analysis.objects.map((use) => ({ ...use, object: { ...use.object, name: 'customers' } })),
    };
    expect(() => secondOpinion(lower, new Set())).toThrow(Disagreement);
  });
});

describe('a trap in the WASM of sqlparser-rs', () => {
  it('breaks no later statement: a new instance takes its place', async () => {
    const parser = await RustParser.load();
    expect(() => parser.parse(`SELECT 1${'+1'.repeat(5000)}`)).toThrow();
    await expect.poll(() => parser.renewals).toBe(1);
    await expect.poll(() => parser.parse('SELECT id FROM t')).toHaveLength(1);
  });

  it('is kept off by bounds', async () => {
    const parser = await RustParser.load();
    for (const sql of [
      `SELECT 1${'+1'.repeat(5000)}`,
      `SELECT 1 WHERE a = 1${' AND a = 1'.repeat(3000)}`,
      `SELECT 1${' UNION SELECT 1'.repeat(3000)}`,
      `SELECT ${'NOT '.repeat(3000)} TRUE`,
      `SELECT ${'CASE WHEN 1 = 1 THEN '.repeat(400)} 1 ${'END '.repeat(400)}`,
      `SELECT ${'('.repeat(190)}1${')'.repeat(190)}`,
      `SELECT f${'(f'.repeat(190)}${')'.repeat(190)}`,
      `SELECT a${'[0]'.repeat(900)} FROM t`,
      `SELECT a${':b'.repeat(900)} FROM t`,
      `SELECT a${'.b'.repeat(99)}${':b'.repeat(900)} FROM t`,
    ]) {
      const statement = readStatement(sql);
      expect(() => parser.read(statement.text, statement.tokens)).not.toThrow();
    }
    expect(parser.renewals).toBe(0);
  });
});
