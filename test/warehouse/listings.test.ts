/** Databases of many objects: SHOW ends at 10,000 rows without a word (documentation page sql/show-objects). */
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../dist/warehouse/catalog/catalog.js';
import type { WarehousePool } from '../../dist/warehouse/connection/pool.js';
import { StatementFailed } from '../../dist/warehouse/index.js';

const KEY = { role: 'R', warehouse: 'W' };

/** Answers as SHOW does: in the order of the names, 10,000 at most, and nothing said of the others. */
function manyOf(schemas: Record<string, number>, { kind = 'TABLE', comment = '' } = {}) {
  const asked: string[] = [];
  const gone = new Set<string>();
  const rowsOf = (schema: string): { name: string }[] =>
    Array.from({ length: schemas[schema] ?? 0 }, (_, at) => `T${String(at).padStart(6, '0')}`)
      .filter((name) => !gone.has(name))
      .map((name) => ({
        name,
        database_name: 'DB',
        schema_name: schema,
        kind,
        comment: comment && `${name} ${comment}`,
      }));
  const simple = async (sql: string): Promise<object[]> => {
    asked.push(sql);
    if (sql.includes('"NONE"')) throw new StatementFailed('Object does not exist', '002043', undefined, undefined);
    if (sql.startsWith('SHOW SCHEMAS')) {
      if (!sql.endsWith('LIMIT 10000') && Object.keys(schemas).length > 10_000)
        throw new StatementFailed('too many rows', '090153', undefined, undefined);
      return Object.keys(schemas)
        .slice(0, 10_000)
        .map((name) => ({ name }));
    }
    if (sql.startsWith('DESCRIBE')) return [{ name: 'ID', type: 'NUMBER(38,0)' }];
    const schema = /SCHEMA "DB"\."(\w+)"/.exec(sql)?.[1];
    const begins = /STARTS WITH '(\w+)'/.exec(sql)?.[1] ?? '';
    const all = (schema === undefined ? Object.keys(schemas) : [schema])
      .flatMap(rowsOf)
      .filter(({ name }) => name.startsWith(begins));
    all.sort((one, other) => (one.name < other.name ? -1 : 1));
    const from = /FROM '(\w+)'/.exec(sql)?.[1];
    const first = from === undefined ? -1 : all.findIndex(({ name }) => name.startsWith(from));
    if (from !== undefined && first < 0) return [];
    return all.slice(first + 1, first + 1 + 10_000);
  };
  const pool = { use: (_key: unknown, work: (connection: unknown) => unknown) => work({ simple }) };
  return { catalog: new Catalog(pool as unknown as WarehousePool), asked, gone };
}
const keysOf = (objects: readonly { schema: string; name: string }[]): Set<string> =>
  new Set(objects.map(({ schema, name }) => `${schema}.${name}`));

type Place = { readonly schema: string; readonly name: string };

/** The next so many after a place, as `describe` reads them. */
async function some(catalog: Catalog, after: Place | undefined, limit: number): Promise<Place[]> {
  const found: Place[] = [];
  for await (const { objects } of catalog.pages(KEY, 'DB', undefined, { after })) {
    found.push(...objects);
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}

describe('a database of many objects', () => {
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

  it.each([[{ A: 10_001, B: 20_000, C: 19_999 }], [{ S: 9999 }], [{ S: 10_000, U: 1 }]])(
    'is gone through from place to place, nothing missing and nothing twice: %j',
    async (schemas) => {
      const { catalog } = manyOf(schemas);
      const found: Place[] = [];
      for (;;) {
        const next = await some(catalog, found.at(-1), 777);
        found.push(...next);
        if (next.length < 777) break;
      }
      const total = Object.values(schemas).reduce((sum: number, count: number) => sum + count, 0);
      expect(found).toHaveLength(total);
      expect(keysOf(found).size).toBe(total);
    },
  );

  it('costs the pages that are come to, each once, and its first look once an hour', async () => {
    const { catalog, asked } = manyOf({ A: 25_000, B: 25_000 });
    await some(catalog, undefined, 500);
    expect(asked).toHaveLength(3);
    await some(catalog, { schema: 'A', name: 'T000499' }, 500);
    expect(asked).toHaveLength(3);
    // Whoever comes from another replica, or after a minute.
    const other = manyOf({ A: 25_000, B: 25_000 });
    expect((await some(other.catalog, { schema: 'B', name: 'T012345' }, 500))[0]?.name).toBe('T012346');
    expect(other.asked.at(-1)).toContain(`FROM 'T012345'`);
    expect(other.asked).toHaveLength(3);
  });

  it('goes on where the name that it stopped at is gone', async () => {
    const { catalog, gone } = manyOf({ A: 12_000 });
    gone.add('T000499').add('T011999');
    expect((await some(catalog, { schema: 'A', name: 'T000499' }, 2)).map(({ name }) => name)).toEqual([
      'T000500',
      'T000501',
    ]);
    expect(await some(catalog, { schema: 'A', name: 'T011999' }, 2)).toEqual([]);
    expect((await some(catalog, { schema: 'A0', name: 'T000499' }, 2)).length).toBe(0);
  });

  it('is asked for in schemas that matter alone', async () => {
    const { catalog, asked } = manyOf({ A: 9000, B: 9000, C: 9000 });
    const schemas = new Set<string>();
    for await (const { objects } of catalog.pages(KEY, 'DB', undefined, { mayHold: (name) => name === 'B' }))
      for (const { schema } of objects) schemas.add(schema);
    expect([...schemas]).toEqual(['B']);
    expect(asked.filter((sql) => / IN SCHEMA /.test(sql))).toHaveLength(1);
  });

  it('that does not exist is none, and is asked for once in a while', async () => {
    const { catalog, asked } = manyOf({ A: 1 });
    for (let times = 0; times < 3; times++) expect(await catalog.objects(KEY, 'NONE', undefined)).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('holds so much and no more: the oldest pages are asked for again', async () => {
    // Some 20 MB a page.
    const { catalog, asked } = manyOf({ A: 60_000 }, { comment: 'x'.repeat(1000) });
    await some(catalog, undefined, 60_000);
    asked.length = 0;
    await some(catalog, undefined, 1);
    expect(asked).toHaveLength(1);
    await some(catalog, { schema: 'A', name: 'T055000' }, 1);
    expect(asked).toHaveLength(1);
  });
});

describe('names near to a mistyped one', () => {
  it('are all of a small database, and of a large one those that begin like it', async () => {
    const small = manyOf({ A: 5 });
    expect(await small.catalog.near(KEY, 'DB', 'X000001')).toHaveLength(5);
    expect(small.asked).toHaveLength(1);
    const { catalog, asked } = manyOf({ A: 25_000, B: 25_000 });
    const near = await catalog.near(KEY, 'DB', 'T00123');
    expect(near.map(({ name }) => name)).toContain('T001234');
    // A first look, two letters, then half of the name where these are too many.
    expect(asked).toHaveLength(3);
    expect(asked.at(-1)).toContain(`STARTS WITH 'T00'`);
    await catalog.near(KEY, 'DB', 'T00124');
    expect(asked).toHaveLength(3);
    expect(await catalog.near(KEY, 'DB', 'UNKNOWN')).toEqual([]);
    expect(asked).toHaveLength(4);
    for (const sql of asked) expect(sql).not.toContain('IN SCHEMA');
  });
});

describe('a list', () => {
  it('tells which kind is likely, so that a view takes two questions', async () => {
    const { catalog, asked } = manyOf({ A: 3 }, { kind: 'VIEW' });
    await catalog.objects(KEY, 'DB', undefined);
    asked.length = 0;
    expect((await catalog.relation(KEY, { database: 'DB', schema: 'A', name: 'T000001' }))?.kind).toBe('view');
    expect(asked.map((sql) => /^SHOW \w+|^DESCRIBE/.exec(sql)?.[0])).toEqual(['SHOW VIEWS', 'DESCRIBE']);
  });
});
