/** Of long lists of literals the parser sees the beginning: what is understood has to be what the short ones mean. */
import { describe, expect, it } from 'vitest';
import { analyse, readStatement } from '../../../dist/sql/index.js';
import { catalog, DEFAULTS } from '../../support/catalog.js';
import { random } from '../../support/random.mjs';

const LONG = 300;

/** What is understood of a statement, without where it stands; the refusal where it is not. */
async function understood(sql: string): Promise<unknown> {
  try {
    const { kind, objects, columns, functions, called, outputs, assignments, hasWhere, unowned, columnNames } =
      await analyse(readStatement(sql), catalog, DEFAULTS);
    return {
      kind,
      hasWhere,
      objects: objects.map(({ object, access, via }) => [object, access, via]),
      columns: columns.map(({ object, column, usage, via }) => [object, column, usage, via]),
      functions: functions.map(({ name, class: is }) => [name, is]),
      called: [...called],
      outputs,
      assigned: assignments.map(({ column }) => column),
      unowned: unowned.map(({ what, name }) => [what, name]),
      named: [...columnNames],
    };
  } catch (error) {
    return String(error).replaceAll(/\d+/g, 'N');
  }
}

const LITERALS = [
  (n: number) => `${n}`,
  (n: number) => `-${n}.5e3`,
  (n: number) => `'it''s (${n}, '`,
  () => 'NULL',
  (n: number) => `$$a, ${n}$$`,
  () => 'TRUE',
];

/** Members of a list that say more than a literal does. */
const ODD = [
  '(SELECT MAX(id) FROM db.p.secrets)',
  'c.email',
  'UPPER(c.phone)',
  "'a' || c.name",
  '5 + LENGTH(c.region)',
  'missing',
  'REGION::VARCHAR',
  'CASE WHEN c.id = 1 THEN 2 ELSE c.email END',
  'EXISTS (SELECT 1 FROM orders WHERE total IN (SELECT id FROM db.p.secrets))',
  'some_udf(c.id)',
  "PARSE_JSON('{}'):email",
];

const FORMS = [
  (list: string) => `SELECT c.id FROM customers c WHERE c.id IN (${list})`,
  (list: string) => `SELECT c.id FROM customers c WHERE c.id NOT IN (${list}) AND c.region = 'EU'`,
  (list: string) => `DELETE FROM customers c WHERE c.id IN (${list})`,
  (list: string) => `UPDATE customers c SET name = 'x' WHERE c.id IN (${list}) AND c.email IS NULL`,
  (list: string) => `SELECT COUNT_IF(c.id IN (${list})), c.email FROM customers c GROUP BY c.email`,
];

const ROWS = [
  (list: string) => `INSERT INTO orders (id, total) VALUES ${list}`,
  (list: string) => `SELECT v.column1 FROM (VALUES ${list}) v`,
  (list: string) => `SELECT c.id FROM customers c JOIN (VALUES ${list}) AS v (a, b) ON v.a = c.email`,
  (list: string) => `SELECT c.id FROM customers c WHERE (c.id, c.phone) IN (${list})`,
];

describe('long lists', () => {
  it('mean what short ones mean, whatever stands among their literals', async () => {
    const next = random(20261127);
    const below = (most: number): number => Math.floor(next() * most);
    const literal = (): string => LITERALS[below(LITERALS.length)]?.(below(1000)) ?? '';
    let seen = 0;
    for (let round = 0; round < 200; round++) {
      const isRow = round % 2 === 1;
      const form = isRow ? ROWS[below(ROWS.length)] : FORMS[below(FORMS.length)];
      const item = (value: string): string => (isRow ? `(${literal()}, ${value})` : value);
      const plain = (): string => item(literal());
      const odd = Array.from({ length: below(4) }, () => item(ODD[below(ODD.length)] ?? ''));
      const long = Array.from({ length: LONG }, plain);
      for (const [at, each] of odd.entries())
        long.splice(below(LONG / odd.length) + (at * LONG) / odd.length + at, 0, each);
      const short = odd.flatMap((each) => [each, plain()]);
      const [one, other] = [form?.(long.join(', ')) ?? '', form?.([plain(), ...short].join(', ')) ?? ''];
      if (typeof (await understood(one)) === 'object') seen++;
      expect(await understood(one), one).toEqual(await understood(other));
    }
    expect(seen).toBeGreaterThan(60);
  });

  it('of a PIVOT name its columns, each of them', async () => {
    const values = Array.from({ length: LONG }, (_, at) => `'R${at}'`).join(', ');
    const { outputs } = await analyse(
      readStatement(`SELECT * FROM customers PIVOT(MAX(id) FOR region IN (${values}))`),
      catalog,
      DEFAULTS,
    );
    expect(outputs.length).toBeGreaterThanOrEqual(LONG);
  });

  it.each([
    ['a row of another width', `INSERT INTO orders (id, total) VALUES ${'(1, 2), '.repeat(LONG)}(1)`],
    ['a missing comma', `SELECT id FROM customers WHERE id IN (${'1, '.repeat(LONG)}2 3)`],
    ['a comma at the end', `SELECT id FROM customers WHERE id IN (${'1, '.repeat(LONG)})`],
    ['a second list behind it', `SELECT id FROM customers WHERE id IN (${'1, '.repeat(LONG)}2) (3, 4)`],
  ])('with %s read as the short one does', async (_, sql) => {
    const short = sql.replace(/((?:\(1, 2\)|1), )\1+/, '$1');
    expect(await understood(sql)).toEqual(await understood(short));
  });
});
