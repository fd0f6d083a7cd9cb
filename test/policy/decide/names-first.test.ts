/**
 * What no rule lets a principal see is refused by its name alone: what is there, and what it is like, changes neither the answer nor the
 * questions that the catalog is asked.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { Visible } from '../../../dist/gateway/show/visible.js';
import type { PolicySet } from '../../../dist/policy/index.js';
import type { CatalogReader, RelationInfo } from '../../../dist/sql/index.js';
import { unconstrained } from '../../support/catalog.js';
import { BOT, judgedOver } from '../../support/judging.js';
import { policyOf, setOf } from '../../support/policies.mjs';

const POLICY = policyOf(`rules:
  - allow: [read, insert, update, delete, merge]
    on: [DB.S.*]
  - deny: [any]
    on: [DB.HR.*, DB.S.CLOSED]
    reason: not for you
  - deny: [update, delete]
    on: [DB.S.REF]
    when: { no_where: true }
columns:
  - match: [DB.S.*.SSN]
    mask: deny
    reason: numbers of people
  - match: [DB.S.*.EMAIL]
    mask: hash
`);

type Known = Pick<RelationInfo, 'kind' | 'columns' | 'viewText'>;

const columnsOf = (names: readonly string[]): RelationInfo['columns'] =>
  names.map((name) => ({ name, type: 'VARCHAR', comment: '' }));
const tableOf = (...names: string[]): Known => ({ kind: 'table', columns: columnsOf(names), viewText: undefined });
const viewOf = (text: string, ...names: string[]): Known => ({
  kind: 'view',
  columns: columnsOf(names),
  viewText: text,
});
const wide = (count: number, ...more: string[]): Known =>
  tableOf(...more, ...Array.from({ length: count }, (_, at) => `C${at}`));

/** What a denied name may stand for. */
const SHAPES: Readonly<Record<string, Known | undefined>> = {
  'is not there': undefined,
  'is narrow': tableOf('ID'),
  'has the column': tableOf('ID', 'SSN'),
  'is wide': wide(60),
  'is wide and has the column': wide(59, 'SSN'),
  'is wider than a statement may be': wide(12_000, 'ID', 'SSN'),
  'is a view': viewOf('CREATE VIEW X AS SELECT ID FROM DB.S.REF', 'ID'),
  'is a view of nothing': viewOf('CREATE VIEW X AS SELECT ID FROM DB.S.GONE', 'ID'),
  'is a view that is not understood': viewOf('CREATE VIEW X AS SELECT ID FROM', 'ID'),
  'is a view of itself': viewOf('CREATE VIEW X AS SELECT * FROM DB.HR.SECRET', 'ID'),
};

let set: PolicySet;
beforeAll(async () => {
  set = await setOf(POLICY);
});

interface Told {
  readonly denial: string;
  readonly code: string | undefined;
  readonly objects: readonly string[];
  readonly asked: readonly string[];
  readonly most: number;
}

/** Judges one statement against a catalog that counts what it is asked. */
async function told(sql: string, catalog: Readonly<Record<string, Known | undefined>>): Promise<Told> {
  const asked: string[] = [];
  let [underWay, most] = [0, 0];
  const reader: CatalogReader = {
    constraints: unconstrained,
    relation: async (object) => {
      const name = `${object.database}.${object.schema}.${object.name}`;
      asked.push(name);
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay--;
      const known = catalog[name];
      return known && { ...object, ...known, comment: '', rows: 1 };
    },
  };
  const { denial, analysis } = await judgedOver(reader, set, sql);
  return {
    denial: JSON.stringify(denial ?? null),
    code: denial?.code,
    objects: (analysis?.objects ?? []).map(({ object }) => object.name),
    asked,
    most,
  };
}

const REF = tableOf('ID', 'LABEL');
const many = (count: number, one: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => one(at)).join(', ');

/** Every kind of statement that the policy lets run, with a denied name wherever one can stand. */
const STATEMENTS: readonly ((name: string) => string)[] = [
  (name) => `SELECT * FROM ${name}`,
  (name) => `SELECT ID FROM ${name}`,
  (name) => `SELECT SSN FROM ${name} WHERE SSN = 'x' ORDER BY SSN`,
  (name) => `SELECT COUNT(*) FROM ${name}`,
  (name) => `SELECT 1 FROM REF r JOIN ${name} s ON r.ID = s.ID`,
  (name) => `SELECT * FROM REF NATURAL JOIN ${name}`,
  (name) => `SELECT * FROM REF JOIN ${name} USING (SSN)`,
  (name) => `SELECT ID FROM REF WHERE ID IN (SELECT SSN FROM ${name})`,
  (name) => `SELECT (SELECT MAX(SSN) FROM ${name}) FROM REF`,
  (name) => `WITH C AS (SELECT * FROM ${name}) SELECT SSN FROM C`,
  (name) => `SELECT ID, LABEL FROM REF UNION ALL SELECT * FROM ${name}`,
  (name) => `SELECT * EXCLUDE SSN FROM ${name}`,
  (name) => `SELECT * FROM ${name} PIVOT (MAX(ID) FOR SSN IN ('a'))`,
  (name) => `SELECT * FROM ${many(170, (at) => `${name} a${at}`)}`,
  (name) => `SELECT ${many(167, (at) => `a${at}.* EXCLUDE SSN`)} FROM ${many(167, (at) => `${name} a${at}`)}`,
  (name) => `SELECT HASH(${many(300, () => 'SSN')}), NO_FUNCTION(SSN) FROM ${name}`,
  (name) => `INSERT INTO ${name} VALUES (1)`,
  (name) => `INSERT INTO ${name} (SSN) VALUES ('x')`,
  (name) => `INSERT INTO REF (ID) SELECT SSN FROM ${name}`,
  (name) => `UPDATE ${name} SET SSN = 'x' WHERE ID = 1`,
  (name) => `UPDATE REF SET LABEL = 'x' FROM ${name} s WHERE REF.ID = s.ID`,
  (name) => `DELETE FROM ${name} WHERE SSN = 'x'`,
  (name) => `DELETE FROM REF WHERE ID IN (SELECT ID FROM ${name})`,
  (name) => `MERGE INTO ${name} t USING REF s ON t.ID = s.ID WHEN MATCHED THEN UPDATE SET t.SSN = s.LABEL`,
  (name) => `MERGE INTO REF t USING ${name} s ON t.ID = s.SSN WHEN MATCHED THEN DELETE`,
  (name) => `DESCRIBE TABLE ${name}`,
  (name) => `DESCRIBE VIEW ${name}`,
];

describe('a name that no rule lets them see', () => {
  // By a denial on its schema, by one on itself, and by no rule at all, there or not.
  it.each(['DB.HR.SECRET', 'CLOSED', 'OTHER.PUBLIC.T'])('%s is refused the same whatever it is', async (name) => {
    const full = name.includes('.') ? name : `DB.S.${name}`;
    for (const statement of STATEMENTS) {
      const sql = statement(name);
      const absent = await told(sql, { 'DB.S.REF': REF });
      expect(absent.code, sql.slice(0, 100)).toBe('OBJECT_DENIED');
      expect(absent.asked, sql.slice(0, 100)).toEqual([]);
      for (const [what, shape] of Object.entries(SHAPES))
        expect(await told(sql, { 'DB.S.REF': REF, [full]: shape }), `${sql.slice(0, 100)} ${what}`).toEqual(absent);
    }
  });

  it('is refused before what else the statement names is looked up', async () => {
    const names = many(90, (at) => `T${at}`);
    expect(await told(`SELECT 1 FROM ${names}, DB.HR.SECRET`, {})).toMatchObject({ code: 'OBJECT_DENIED', asked: [] });
  });

  it('does not take what only a condition forbids for one', async () => {
    const catalog = { 'DB.S.REF': REF };
    expect((await told("UPDATE REF SET LABEL = 'x' WHERE ID = 1", catalog)).denial).toBe('null');
    expect(await told("UPDATE REF SET LABEL = 'x'", catalog)).toMatchObject({
      code: 'OBJECT_DENIED',
      asked: ['DB.S.REF'],
    });
  });
});

describe('a view', () => {
  const READS: readonly string[] = [
    'SELECT ID FROM DB.HR.SECRET',
    'SELECT * FROM DB.HR.SECRET',
    'SELECT r.ID FROM DB.S.REF r JOIN DB.HR.SECRET s ON r.ID = s.SSN',
    `SELECT a0.ID FROM ${many(60, (at) => `DB.HR.SECRET a${at}`)}`,
    'SELECT ID FROM DB.S.INNER_V',
    'SELECT ID FROM SNOWFENCE.MASKING.KEYS',
    'SELECT ID FROM DB.S.GONE',
  ];

  it.each(READS.map((query) => [query.slice(0, 70), query]))(
    'of %s tells that it reads something, and nothing of it',
    async (_what, query) => {
      const views = {
        'DB.S.REF': REF,
        'DB.S.V': viewOf(`CREATE VIEW V AS ${query}`, 'ID'),
        'DB.S.INNER_V': viewOf('CREATE VIEW INNER_V AS SELECT ID FROM DB.HR.SECRET', 'ID'),
      };
      for (const sql of ['SELECT ID FROM V', 'SELECT * FROM V', 'INSERT INTO REF (ID) SELECT ID FROM V']) {
        const absent = await told(sql, views);
        expect(absent.code).toBe('OBJECT_DENIED');
        expect(absent.denial).toContain('DB.S.V reads something that you may not read.');
        expect(absent.denial).not.toMatch(/SECRET|INNER_V|SSN|GONE|MASKING|not for you|yaml/);
        expect(absent.asked.filter((name) => !name.startsWith('DB.S.'))).toEqual([]);
        for (const [what, shape] of Object.entries(SHAPES))
          expect(await told(sql, { ...views, 'DB.HR.SECRET': shape }), `${sql} ${what}`).toEqual(absent);
      }
    },
  );

  it('has what it reads in the record', async () => {
    const catalog = { 'DB.S.V': viewOf('CREATE VIEW V AS SELECT ID FROM DB.HR.SECRET', 'ID') };
    expect((await told('SELECT ID FROM V', catalog)).objects).toEqual(['V', 'SECRET']);
  });

  it('is described without being opened', async () => {
    const catalog = { 'DB.S.V': viewOf('CREATE VIEW V AS SELECT ID FROM DB.HR.SECRET', 'ID') };
    expect(await told('DESCRIBE VIEW V', catalog)).toMatchObject({ denial: 'null', asked: ['DB.S.V'] });
  });

  it('of a hidden column names neither it nor its table', async () => {
    const catalog = {
      'DB.S.REF': REF,
      'DB.S.PEOPLE': tableOf('ID', 'SSN', 'EMAIL'),
      'DB.S.V': viewOf('CREATE VIEW V AS SELECT ID, SSN AS NUMBER FROM PEOPLE', 'ID', 'NUMBER'),
      'DB.S.VE': viewOf('CREATE VIEW VE AS SELECT ID, EMAIL AS MAIL FROM PEOPLE', 'ID', 'MAIL'),
    };
    for (const sql of ['SELECT ID FROM V', 'SELECT * FROM V', 'INSERT INTO REF (LABEL) SELECT MAIL FROM VE']) {
      const { code, denial } = await told(sql, catalog);
      expect(code, sql).toBe('COLUMN_DENIED');
      expect(denial, sql).not.toMatch(/PEOPLE|SSN|EMAIL|numbers of people|yaml/);
    }
  });

  it('that calls a function names neither it nor its place', async () => {
    const catalog = {
      'DB.S.REF': REF,
      'DB.S.V': viewOf('CREATE VIEW V AS SELECT DB.S.LOOK_UP(ID) AS ID FROM REF', 'ID'),
    };
    const { code, denial } = await told('SELECT ID FROM V', catalog);
    expect(code).toBe('FUNCTION_DENIED');
    expect(denial).not.toMatch(/LOOK_UP|position/);
  });

  it('that another one reads as well is opened for both', async () => {
    const catalog = {
      'DB.S.PEOPLE': tableOf('ID', 'SSN'),
      'DB.S.A': viewOf('CREATE VIEW A AS SELECT ID FROM B', 'ID'),
      'DB.S.B': viewOf('CREATE VIEW B AS SELECT SSN AS ID FROM PEOPLE', 'ID'),
    };
    for (const sql of ['SELECT A.ID FROM A, B', 'SELECT A.ID FROM B, A'])
      expect(await told(sql, catalog)).toMatchObject({
        code: 'COLUMN_DENIED',
        objects: expect.arrayContaining(['PEOPLE']),
      });
  });
});

describe('looking names up', () => {
  it('is bounded in number, and refused in words', async () => {
    const of = (count: number) => told(`SELECT 1 FROM ${many(count, (at) => `T${at}`)}`, {});
    expect(await of(101)).toMatchObject({
      code: 'NOT_UNDERSTOOD',
      denial: expect.stringContaining('names more than 100 tables and views'),
      asked: [],
    });
    const most = await of(100);
    expect(most.code).toBe('OBJECT_DENIED');
    expect(most.asked).toHaveLength(100);
    // Some at a time, and never more.
    expect(most.most).toBe(4);
  });

  it('asks once for a name that stands there often, or in a view as well', async () => {
    const catalog = { 'DB.S.REF': REF, 'DB.S.V': viewOf('CREATE VIEW V AS SELECT r.ID FROM REF r, GONE', 'ID') };
    const { asked } = await told(`SELECT 1 FROM REF a, REF b, V, GONE`, catalog);
    expect([...asked].sort()).toEqual(['DB.S.GONE', 'DB.S.REF', 'DB.S.V']);
  });

  it('lists no database or schema in which nothing may be seen', async () => {
    const asked: string[] = [];
    const catalog = {
      pages: async function* (_key: unknown, database: string, schema: string | undefined) {
        asked.push(schema === undefined ? database : `${database}.${schema}`);
        yield* [];
      },
    };
    const parts = { policies: () => set, warehouse: { catalog }, now: () => new Date() };
    const visible = new Visible(parts as unknown as ConstructorParameters<typeof Visible>[0]);
    const principal = BOT as unknown as Parameters<Visible['objects']>[0];
    for (const [database, schema] of [['DB'], ['DB', 'S'], ['DB', 'HR'], ['DB', 'NOPE'], ['OTHER'], ['OTHER', 'S']])
      await visible.objects(principal, database, schema, { limit: 10 });
    expect(asked).toEqual(['DB', 'DB.S']);
  });
});
