/**
 * The catalog, read through SHOW and DESCRIBE: they answer from metadata without using a warehouse (documentation pages
 * sql/show-objects, sql/show-views, sql/desc-table). Each role sees its own, each object is read when it is first asked for.
 */
import { z } from 'zod';
import { type PoolKey, SETUP_TAG, type WarehouseConnection } from '../connection/connection.js';
import {
  DATABASES,
  DESCRIBE_TABLE,
  DESCRIBE_VIEW,
  EXTERNAL_LIKE,
  OBJECT_LIKE,
  OBJECTS_AFTER,
  OBJECTS_OF_DATABASE,
  OBJECTS_OF_SCHEMA,
  SCHEMAS,
  SHOWN,
  VIEW_LIKE,
} from '../connection/own-questions.js';
import type { WarehousePool } from '../connection/pool.js';
import { StatementFailed } from '../errors/failures.js';
import { type CatalogConstraints, readConstraints } from './constraints.js';
import { Misses } from './misses.js';
import { Remembered } from './remembered.js';

export interface CatalogName {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

export interface CatalogObject extends CatalogName {
  readonly kind: 'table' | 'view';
  readonly comment: string;
  /** undefined where it is not known, as of every view: nobody counts before it is read. */
  readonly rows: number | undefined;
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  /** Of a virtual column: what it is computed from; empty where that is not shown. */
  readonly expression?: string | undefined;
}

export interface CatalogRelation extends CatalogObject {
  readonly columns: readonly CatalogColumn[];
  readonly viewText: string | undefined;
  readonly isSecure: boolean;
  /** An external table, or what may be one: its column VALUE holds each row as it stands in the file. */
  readonly isExternal: boolean;
  /** A hybrid table, whose keys are enforced. */
  readonly isHybrid: boolean;
  /** A materialized view, which the compiler may read in the place of its table (user-guide/views-materialized). */
  readonly isMaterialized: boolean;
}

const CACHE_MS = 60_000;
/** Lists may be long: of a database of 100,000 tables each holds some tens of megabytes. */
const LISTS_SIZE = 16;
/** What is not there has a memory of its own: whoever asks for thousands of names takes the place of nothing that is. */
const MISSES_SIZE = 2000;
const MISSED_MS = 10_000;

const objectRow = z.object({
  name: z.string(),
  database_name: z.string(),
  schema_name: z.string(),
  kind: z.string(),
  comment: z.string().nullish(),
  rows: z.coerce.number().nullish(),
  is_hybrid: z.string().nullish(),
});
const viewRow = z.object({
  name: z.string(),
  text: z.string().nullish(),
  is_secure: z.string().nullish(),
  is_materialized: z.string().nullish(),
});
const columnRow = z.object({
  name: z.string(),
  type: z.string(),
  kind: z.string().nullish(),
  expression: z.string().nullish(),
  comment: z.string().nullish(),
});

/**
 * `kind` says VIRTUAL of a virtual column and `expression` what it is made of (documentation pages sql/desc-table, virtual-columns). Either of
 * them suffices.
 */
const toColumn = ({ name, type, kind, expression, comment }: z.infer<typeof columnRow>): CatalogColumn => ({
  name,
  type,
  comment: comment ?? '',
  ...(/VIRTUAL/i.test(kind ?? '') || expression?.trim() ? { expression: expression ?? '' } : {}),
});

/** The column that each external table has (documentation page user-guide/tables-external-intro). */
const isRawRow = ({ name, type }: { readonly name: string; readonly type: string }): boolean =>
  name === 'VALUE' && /^VARIANT/i.test(type);

export class Catalog {
  readonly #pool: WarehousePool;
  readonly #relations = new Remembered<CatalogRelation>();
  readonly #constraints = new Remembered<CatalogConstraints>();
  readonly #lists = new Map<string, { readonly value: Promise<readonly CatalogObject[]>; readonly until: number }>();
  readonly #misses = new Misses(MISSES_SIZE, MISSED_MS);
  #version = 0;

  constructor(pool: WarehousePool) {
    this.#pool = pool;
  }

  /** Grows with each change that the catalog was told of; part of the key of whatever is derived from it. */
  get version(): number {
    return this.#version;
  }

  invalidate(): void {
    this.#version++;
    this.#relations.clear();
    this.#constraints.clear();
    this.#lists.clear();
    this.#misses.clear();
  }

  relation(key: PoolKey, object: CatalogName): Promise<CatalogRelation | undefined> {
    const name = JSON.stringify([key.role, object.database, object.schema, object.name]);
    return this.#relations.get(name, () => this.#read(key, object));
  }

  /**
   * What Snowflake enforces on a table's rows; undefined where it can't be read. `isHybrid`: with its keys and foreign keys, which are not
   * enforced on other tables.
   */
  constraints(key: PoolKey, object: CatalogName, isHybrid: boolean): Promise<CatalogConstraints | undefined> {
    const name = JSON.stringify([key.role, object.database, object.schema, object.name, isHybrid]);
    return this.#constraints.get(name, () =>
      this.#pool.use(key, (connection) => readConstraints(connection, object, isHybrid)),
    );
  }

  async #read(key: PoolKey, { database, schema, name }: CatalogName): Promise<CatalogRelation | undefined> {
    return this.#pool.use(key, async (connection) => {
      try {
        // What is found is compared once more: of a name with a `%` in it others may go on where it ends.
        const found = await connection.simple(OBJECT_LIKE.of(name, database, schema), SETUP_TAG);
        const row = z
          .array(objectRow)
          .parse(found)
          .find((entry) => entry.name === name);
        if (!row) return undefined;
        const isView = /VIEW/i.test(row.kind);
        const described = await connection.simple(
          (isView ? DESCRIBE_VIEW : DESCRIBE_TABLE).of(database, schema, name),
          SETUP_TAG,
        );
        const columns = z.array(columnRow).parse(described);
        let view: z.infer<typeof viewRow> | undefined;
        if (isView) {
          const views = z
            .array(viewRow)
            .parse(await connection.simple(VIEW_LIKE.of(name, database, schema), SETUP_TAG));
          view = views.find((entry) => entry.name === name);
        }
        const isExternal =
          /EXTERNAL/i.test(row.kind) ||
          (!isView && columns.some(isRawRow) && (await this.#isListedExternal(connection, { database, schema, name })));
        return {
          ...toObject(row),
          isExternal,
          // `Y` or `N` (documentation pages sql/show-objects, release-notes/bcr-bundles/2024_08/bcr-1732).
          isHybrid: /HYBRID/i.test(row.kind) || /^(?:y|t)/i.test(row.is_hybrid ?? ''),
          viewText: view?.text ?? undefined,
          isSecure: /^true$/i.test(view?.is_secure ?? ''),
          isMaterialized: /^true$/i.test(view?.is_materialized ?? ''),
          columns: columns.map(toColumn),
        };
      } catch (error) {
        // No such schema, or none that this role may see: the same answer either way.
        if (error instanceof StatementFailed) return undefined;
        throw error;
      }
    });
  }

  /**
   * SHOW OBJECTS calls an external table a table (documentation page sql/show-objects), so one that has the column of all external
   * tables is asked for among those. Where that can't be answered it counts as one: more is hidden then, and nothing is opened.
   */
  async #isListedExternal(connection: WarehouseConnection, { database, schema, name }: CatalogName): Promise<boolean> {
    try {
      const found = await connection.simple(EXTERNAL_LIKE.of(name, database, schema), SETUP_TAG);
      return z
        .array(z.object({ name: z.string() }))
        .parse(found)
        .some((entry) => entry.name === name);
    } catch (error) {
      if (error instanceof StatementFailed) return true;
      throw error;
    }
  }

  /** Tables and views of a database, or of one schema of it. Empty where it does not exist or is not visible. */
  objects(key: PoolKey, database: string, schema: string | undefined): Promise<readonly CatalogObject[]> {
    const name = JSON.stringify([key.role, database, schema ?? null]);
    const known = this.#lists.get(name);
    if (known && known.until > Date.now()) return known.value;
    if (this.#misses.has(name)) return Promise.resolve([]);
    const version = this.#version;
    const value = this.#listObjects(key, database, schema);
    const entry = { value, until: Date.now() + CACHE_MS };
    this.#lists.delete(name);
    this.#lists.set(name, entry);
    const forget = (): void => {
      if (this.#lists.get(name) === entry) this.#lists.delete(name);
    };
    value.then((objects) => {
      if (objects.length > 0) {
        const [oldest] = this.#lists.keys();
        if (this.#lists.size > LISTS_SIZE && oldest !== undefined && oldest !== name) this.#lists.delete(oldest);
        return;
      }
      forget();
      if (this.#version === version) this.#misses.add(name);
    }, forget);
    return value;
  }

  async #listObjects(key: PoolKey, database: string, schema: string | undefined): Promise<readonly CatalogObject[]> {
    return this.#pool.use(key, async (connection) => {
      try {
        if (schema !== undefined) return await objectsOfSchema(connection, database, schema);
        const rows = await shown(connection, OBJECTS_OF_DATABASE.of(database));
        if (rows.length < SHOWN) return rows.map(toObject);
        // SHOW has ended without a word. Names are alike in several schemas, so each schema is read by itself.
        const schemas = z
          .array(z.object({ name: z.string() }))
          .parse(await connection.simple(SCHEMAS.of(database), SETUP_TAG));
        const all: CatalogObject[] = [];
        for (const { name } of schemas) {
          for (const object of await objectsOfSchema(connection, database, name)) all.push(object);
          if (all.length >= MOST_OBJECTS) break;
        }
        return all;
      } catch (error) {
        if (error instanceof StatementFailed) return [];
        throw error;
      }
    });
  }

  async databases(key: PoolKey): Promise<readonly string[]> {
    return this.#pool.use(key, async (connection) => {
      const rows = await connection.simple(DATABASES.of(), SETUP_TAG);
      return z
        .array(z.object({ name: z.string() }))
        .parse(rows)
        .map((row) => row.name);
    });
  }
}

/** More of a database are not listed: what is beyond can still be named and read. */
const MOST_OBJECTS = 200_000;

const shown = async (connection: WarehouseConnection, question: string) =>
  z.array(objectRow).parse(await connection.simple(question, SETUP_TAG));

/** Page by page: what follows the last name of the page before (sql/show-objects, LIMIT … FROM). */
async function objectsOfSchema(
  connection: WarehouseConnection,
  database: string,
  schema: string,
): Promise<readonly CatalogObject[]> {
  const found = new Map<string, CatalogObject>();
  let rows = await shown(connection, OBJECTS_OF_SCHEMA.of(database, schema));
  for (;;) {
    const before = found.size;
    for (const row of rows) found.set(row.name, toObject(row));
    const last = rows.at(-1)?.name;
    // A page that brings nothing new is the last one, whatever it holds.
    if (rows.length < SHOWN || last === undefined || found.size === before || found.size >= MOST_OBJECTS)
      return [...found.values()];
    rows = await shown(connection, OBJECTS_AFTER.of(database, schema, last));
  }
}

const toObject = (row: z.infer<typeof objectRow>): CatalogObject => {
  const kind = /VIEW/i.test(row.kind) ? 'view' : 'table';
  return {
    database: row.database_name,
    schema: row.schema_name,
    name: row.name,
    kind,
    comment: row.comment ?? '',
    // SHOW OBJECTS has a number for tables alone (documentation page sql/show-objects).
    rows: kind === 'view' ? undefined : (row.rows ?? undefined),
  };
};
