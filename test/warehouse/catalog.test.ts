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

describe('a view', () => {
  /** What is there now, by name; each answer as Snowflake gives it. */
  function holding(kinds: Record<string, 'TABLE' | 'VIEW' | 'SEMANTIC'>) {
    const asked: string[] = [];
    const simple = async (sql: string): Promise<object[]> => {
      const name = /LIKE '(\w+)'/.exec(sql)?.[1] ?? /"(\w+)"$/.exec(sql)?.[1] ?? '';
      asked.push(`${/^SHOW \w+|^DESCRIBE/.exec(sql)?.[0]} ${name}`);
      const kind = kinds[name];
      const row = { name, database_name: 'DB', schema_name: 'S', kind: kind === 'TABLE' ? 'TABLE' : 'VIEW' };
      if (sql.startsWith('DESCRIBE')) return [{ name: `OF_${kind}`, type: 'NUMBER(38,0)' }];
      // Semantic views are none of SHOW VIEWS (documentation page sql/show-views).
      if (sql.startsWith('SHOW VIEWS'))
        return kind === 'VIEW' ? [{ ...row, text: 'CREATE VIEW …', is_secure: 'false', comment: 'c' }] : [];
      return kind === undefined ? [] : [{ ...row, rows: 1 }];
    };
    const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
    return { catalog: new Catalog(pool as unknown as WarehousePool), asked };
  }
  const KEY = { role: 'R', warehouse: 'W' };
  const named = (name: string) => ({ database: 'DB', schema: 'S', name });
  const later = () => vi.advanceTimersByTime(60_001);

  it('that was one before, or was listed as one, takes two questions; one of which nothing is known three', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { catalog, asked } = holding({ V: 'VIEW' });
      const first = await catalog.relation(KEY, named('V'));
      expect(asked.splice(0)).toEqual(['SHOW OBJECTS V', 'DESCRIBE V', 'SHOW VIEWS V']);
      later();
      expect(await catalog.relation(KEY, named('V'))).toEqual({ ...first, comment: 'c' });
      expect(asked.splice(0)).toEqual(['SHOW VIEWS V', 'DESCRIBE V']);
      // What one role knows tells another nothing.
      await catalog.relation({ ...KEY, role: 'OTHER' }, named('V'));
      expect(asked).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['TABLE', { kind: 'table', viewText: undefined, columns: [{ name: 'OF_TABLE' }] }],
    ['SEMANTIC', { kind: 'view', viewText: undefined, columns: [{ name: 'OF_SEMANTIC' }] }],
    [undefined, undefined],
  ] as const)('that has become %s meanwhile is that', async (now, expected) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const kinds: Parameters<typeof holding>[0] = { V: 'VIEW' };
      const { catalog } = holding(kinds);
      await catalog.relation(KEY, named('V'));
      later();
      if (now === undefined) delete kinds['V'];
      else kinds['V'] = now;
      const relation = await catalog.relation(KEY, named('V'));
      if (expected === undefined) expect(relation).toBeUndefined();
      else expect(relation).toMatchObject(expected);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is one from the next reading on where a table was', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const kinds: Parameters<typeof holding>[0] = { T: 'TABLE' };
      const { catalog } = holding(kinds);
      await catalog.relation(KEY, named('T'));
      kinds['T'] = 'VIEW';
      later();
      expect(await catalog.relation(KEY, named('T'))).toMatchObject({ kind: 'view', viewText: 'CREATE VIEW …' });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what is in use', () => {
  it('is read anew in the last quarter of a minute, while nobody waits, and not before', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { catalog, asked } = catalogOf({ columns: [ID], external: [] });
      const look = () => catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: 'T' });
      await look();
      vi.advanceTimersByTime(44_000);
      await look();
      expect(asked).toHaveLength(2);
      vi.advanceTimersByTime(2000);
      await Promise.all([look(), look(), look()]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked).toHaveLength(4);
      // What was begun then holds for a minute from there.
      vi.advanceTimersByTime(44_000);
      await look();
      expect(asked).toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it('holds so much and no more: of texts of a megabyte the oldest are read again', async () => {
    const asked: string[] = [];
    const simple = async (sql: string): Promise<object[]> => {
      asked.push(sql);
      const name = /LIKE '(\w+)'/.exec(sql)?.[1] ?? '';
      if (sql.startsWith('DESCRIBE')) return [ID];
      return [{ name, database_name: 'DB', schema_name: 'S', kind: 'VIEW', text: 'x'.repeat(1_000_000) }];
    };
    const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
    const catalog = new Catalog(pool as unknown as WarehousePool);
    const look = (at: number) =>
      catalog.relation({ role: 'R', warehouse: 'W' }, { database: 'DB', schema: 'S', name: `V${at}` });
    for (let at = 0; at < 40; at++) await look(at);
    asked.length = 0;
    await look(39);
    await look(20);
    expect(asked).toEqual([]);
    await look(0);
    expect(asked).not.toEqual([]);
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
