/** What the catalog knows of a relation: whether it is an external table (documentation page sql/show-objects), virtual columns, constraints. */
import { describe, expect, it, vi } from 'vitest';
import { Catalog } from '../../dist/warehouse/catalog/catalog.js';
import type { WarehousePool } from '../../dist/warehouse/connection/pool.js';
import { StatementFailed } from '../../dist/warehouse/index.js';

interface Answers {
  readonly kind?: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Names that SHOW EXTERNAL TABLES lists, or that it fails. */
  readonly external: readonly string[] | 'fails';
}

function catalogOf({ kind = 'TABLE', columns, external }: Answers) {
  const asked: string[] = [];
  const simple = async (sql: string): Promise<object[]> => {
    asked.push(sql);
    if (sql.startsWith('SHOW OBJECTS')) return [{ name: 'T', database_name: 'DB', schema_name: 'S', kind }];
    if (sql.startsWith('DESCRIBE')) return [...columns];
    if (sql.startsWith('SHOW VIEWS')) return [];
    if (external === 'fails') throw new StatementFailed('SQL access control error', '003001', undefined, undefined);
    return external.map((name) => ({ name }));
  };
  const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
  return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
}

const VALUE = { name: 'VALUE', type: 'VARIANT' };
const ID = { name: 'ID', type: 'NUMBER(38,0)' };

describe('an external table', () => {
  it.each([
    ['listed as one', { columns: [VALUE, ID], external: ['T'] }, true],
    ['called one', { kind: 'EXTERNAL TABLE', columns: [VALUE, ID], external: [] }, true],
    ['that can not be told', { columns: [VALUE, ID], external: 'fails' }, true],
    ['a table with such a column', { columns: [VALUE, ID], external: [] }, false],
    ['another one of nearly its name', { columns: [VALUE], external: ['t', 'T2'] }, false],
    ['a VALUE of another type', { columns: [{ name: 'VALUE', type: 'VARCHAR' }], external: ['T'] }, false],
    ['a view', { kind: 'VIEW', columns: [VALUE], external: ['T'] }, false],
  ] as const)('%s', async (_what, answers, expected) => {
    const { catalog } = catalogOf(answers);
    const relation = await catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
    expect(relation?.isExternal).toBe(expected);
  });

  it('is asked for only where there is a column VALUE', async () => {
    const { catalog, asked } = catalogOf({ columns: [ID], external: ['T'] });
    await catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
    expect(asked.filter((sql) => sql.startsWith('SHOW EXTERNAL'))).toEqual([]);
  });
});

describe('a database of many objects', () => {
  /** Answers as SHOW does: in the order of the names, 10,000 at most, and nothing said of the others. */
  function manyOf(schemas: Readonly<Record<string, number>>) {
    const asked: string[] = [];
    const rowsOf = (schema: string) =>
      Array.from({ length: schemas[schema] ?? 0 }, (_, at) => `T${String(at).padStart(6, '0')}`).map((name) => ({
        name,
        database_name: 'DB',
        schema_name: schema,
        kind: 'TABLE',
      }));
    const simple = async (sql: string): Promise<object[]> => {
      asked.push(sql);
      if (sql.startsWith('SHOW SCHEMAS')) {
        if (!sql.endsWith('LIMIT 10000') && Object.keys(schemas).length > 10_000)
          throw new StatementFailed('too many rows', '090153');
        return Object.keys(schemas)
          .slice(0, 10_000)
          .map((name) => ({ name }));
      }
      const schema = /SCHEMA "DB"\."(\w+)"/.exec(sql)?.[1];
      const all = (schema === undefined ? Object.keys(schemas) : [schema]).flatMap(rowsOf);
      all.sort((one, other) => (one.name < other.name ? -1 : 1));
      const from = /FROM '(\w+)'/.exec(sql)?.[1];
      const at = from === undefined ? 0 : all.findIndex(({ name }) => name.startsWith(from)) + 1;
      return all.slice(at, at + 10_000);
    };
    const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
    return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
  }
  const KEY = { role: 'R', warehouse: 'W' };
  const keysOf = (objects: readonly { schema: string; name: string }[]): Set<string> =>
    new Set(objects.map(({ schema, name }) => `${schema}.${name}`));

  it.each([
    ['by one question where they fit', { S: 9999 }, 1],
    ['in two schemas', { S: 6000, U: 6000 }, 4],
    ['page by page', { S: 25_000, U: 3, EMPTY: 0 }, 7],
    ['that are as many as a page', { S: 10_000 }, 4],
    ['50,000 of them', { A: 10_001, B: 20_000, C: 19_999 }, 9],
  ])('is listed whole: %s', async (_what, schemas, questions) => {
    const { catalog, asked } = manyOf(schemas);
    const objects = await catalog.objects(KEY, 'DB', undefined);
    const total = Object.values(schemas).reduce((sum, count) => sum + count, 0);
    expect(objects).toHaveLength(total);
    expect(keysOf(objects).size).toBe(total);
    expect(asked).toHaveLength(questions);
    const [schema = ''] = Object.keys(schemas);
    expect(await catalog.objects(KEY, 'DB', schema)).toHaveLength(schemas[schema as keyof typeof schemas] ?? 0);
  });

  it('and of more schemas than SHOW gives is listed as far as it gives them: without a LIMIT that fails (sql/show-schemas)', async () => {
    const { catalog } = manyOf(Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`S${at}`, 1])));
    expect(await catalog.objects(KEY, 'DB', undefined)).toHaveLength(10_000);
  });
});

describe('a virtual column', () => {
  it.each([
    ['by its kind and expression', { kind: 'VIRTUAL', expression: 'lower(SSN)' }, 'lower(SSN)'],
    ['as SHOW COLUMNS calls it', { kind: 'VIRTUAL_COLUMN', expression: 'lower(SSN)' }, 'lower(SSN)'],
    ['whose expression is not shown', { kind: 'VIRTUAL', expression: null }, ''],
    ['by its expression alone', { expression: 'I * I' }, 'I * I'],
    ['none', { kind: 'COLUMN', expression: null }, undefined],
    ['none, in older answers', {}, undefined],
  ])('is known %s', async (_what, more, expected) => {
    const { catalog } = catalogOf({ columns: [ID, { name: 'K', type: 'VARCHAR', ...more }], external: [] });
    const relation = await catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
    expect(relation?.columns[1]?.expression).toBe(expected);
  });
});

describe('constraints', () => {
  const T = { database: 'DB', schema: 'S', name: 'T' };
  const KEY = { role: 'R', warehouse: 'W' };

  function constrained(answer: (sql: string) => object[]) {
    const asked: string[] = [];
    const simple = async (sql: string): Promise<object[]> => {
      asked.push(sql);
      return answer(sql);
    };
    const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
    return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
  }

  it('of a standard table are its CHECKs, asked for once', async () => {
    const { catalog, asked } = constrained(() => [{ NAME: 'C', CLAUSE: 'A < B' }]);
    for (let times = 0; times < 3; times++)
      expect(await catalog.constraints(KEY, T, false)).toEqual({
        checks: [{ name: 'C', clause: 'A < B' }],
        keys: [],
        references: [],
      });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain("CONSTRAINT_SCHEMA = 'S' AND CONSTRAINT_TABLE = 'T'");
    catalog.invalidate();
    await catalog.constraints(KEY, T, false);
    expect(asked).toHaveLength(2);
  });

  it('of a hybrid one its keys as well, each with its columns', async () => {
    const { catalog } = constrained((sql) => {
      if (/REFERENTIAL_CONSTRAINTS/.test(sql))
        return ['A', 'B'].map((COLUMN) => ({
          NAME: 'F',
          CHILD_SCHEMA: 'S',
          CHILD: 'CHILD',
          COLUMN,
          PARENT_SCHEMA: null,
          PARENT: null,
        }));
      return /INDEX_COLUMNS/.test(sql) ? ['X', 'Y'].map((COLUMN) => ({ NAME: 'U', COLUMN })) : [];
    });
    expect(await catalog.constraints(KEY, T, true)).toEqual({
      checks: [],
      keys: [{ name: 'U', columns: ['X', 'Y'] }],
      references: [
        { name: 'F', child: { database: 'DB', schema: 'S', name: 'CHILD' }, parent: undefined, columns: ['A', 'B'] },
      ],
    });
  });

  it.each([
    [
      'may not be read',
      () => {
        throw new StatementFailed('SQL access control error', '003001', undefined, undefined);
      },
    ],
    ['are more than are looked at', () => Array.from({ length: 501 }, () => ({ NAME: 'C', CLAUSE: 'A < B' }))],
    ['are answered otherwise', () => [{ CONSTRAINT: 'C' }]],
  ])('are unknown where they %s', async (_what, answer) => {
    expect(await constrained(answer).catalog.constraints(KEY, T, false)).toBeUndefined();
  });
});

describe('what is not there', () => {
  const KEY = { role: 'R', warehouse: 'W' };
  const named = (name: string) => ({ database: 'DB', schema: 'S', name });

  function counting() {
    const asked: string[] = [];
    const simple = async (sql: string): Promise<object[]> => {
      asked.push(sql);
      if (sql.startsWith('DESCRIBE')) return [ID];
      const isThere = /LIKE 'T'/.test(sql) || / DATABASE "?DB"?/.test(sql);
      return sql.startsWith('SHOW OBJECTS') && isThere
        ? [{ name: 'T', database_name: 'DB', schema_name: 'S', kind: 'TABLE' }]
        : [];
    };
    const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
    return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
  }

  it('is remembered a short while, and asked for once at a time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { catalog, asked } = counting();
      await Promise.all([catalog.relation(KEY, named('GONE')), catalog.relation(KEY, named('GONE'))]);
      expect(await catalog.relation(KEY, named('GONE'))).toBeUndefined();
      expect(asked).toHaveLength(1);
      vi.advanceTimersByTime(10_001);
      await catalog.relation(KEY, named('GONE'));
      expect(asked).toHaveLength(2);
      catalog.invalidate();
      await catalog.relation(KEY, named('GONE'));
      expect(asked).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes the place of nothing that is', async () => {
    const { catalog, asked } = counting();
    await catalog.relation(KEY, named('T'));
    const listed = await catalog.objects(KEY, 'DB', undefined);
    expect(listed).toHaveLength(1);
    for (let at = 0; at < 21_000; at++) await catalog.relation(KEY, named(`GONE${at}`));
    for (let at = 0; at < 20; at++) expect(await catalog.objects(KEY, `GONE${at}`, undefined)).toEqual([]);
    asked.length = 0;
    expect(await catalog.relation(KEY, named('T'))).toBeDefined();
    expect(await catalog.objects(KEY, 'DB', undefined)).toHaveLength(1);
    expect(asked).toEqual([]);
  });
});
