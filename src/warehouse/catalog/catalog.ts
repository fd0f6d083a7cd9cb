/**
 * The catalog, read through SHOW and DESCRIBE: they answer from metadata without using a warehouse (documentation pages
 * sql/show-objects, sql/show-views, sql/desc-table). Each role sees its own, each object is read when it is first asked for.
 */
import { z } from 'zod';
import { type PoolKey, SETUP_TAG } from '../connection/connection.js';
import { DATABASES } from '../connection/own-questions.js';
import type { WarehousePool } from '../connection/pool.js';
import { type CatalogConstraints, readConstraints } from './constraints.js';
import { Listings } from './listings.js';
import type { CatalogName, CatalogObject } from './objects.js';
import { type CatalogRelation, readRelation } from './relation.js';
import { Remembered } from './remembered.js';

/** Of all roles together. */
const RELATIONS_BYTES = 64_000_000;
const CONSTRAINTS_BYTES = 16_000_000;

export class Catalog {
  readonly #pool: WarehousePool;
  readonly #relations = new Remembered<CatalogRelation>(bytesOfRelation, RELATIONS_BYTES);
  readonly #constraints = new Remembered<CatalogConstraints>(bytesOfConstraints, CONSTRAINTS_BYTES);
  readonly #listings: Listings;
  #version = 0;

  constructor(pool: WarehousePool) {
    this.#pool = pool;
    this.#listings = new Listings(pool);
  }

  /** Grows with each change that the catalog was told of; part of the key of whatever is derived from it. */
  get version(): number {
    return this.#version;
  }

  invalidate(): void {
    this.#version++;
    this.#relations.clear();
    this.#constraints.clear();
    this.#listings.clear();
  }

  relation(key: PoolKey, object: CatalogName): Promise<CatalogRelation | undefined> {
    const name = JSON.stringify([key.role, object.database, object.schema, object.name]);
    return this.#relations.get(name, (before) => {
      const expected = before?.kind ?? this.#listings.kindOf(key, object);
      return this.#pool.use(key, (connection) => readRelation(connection, object, expected));
    });
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

  /** Page by page, as `Listings.pages` says. */
  pages(...asked: Parameters<Listings['pages']>): ReturnType<Listings['pages']> {
    return this.#listings.pages(...asked);
  }

  /** What a mistyped name may have been meant for, as `Listings.near` says. */
  near(key: PoolKey, database: string, name: string): Promise<readonly CatalogObject[]> {
    return this.#listings.near(key, database, name);
  }

  /** All pages at once, for whoever looks at each of them. Empty where there is nothing, or nothing that is visible. */
  async objects(key: PoolKey, database: string, schema: string | undefined): Promise<readonly CatalogObject[]> {
    const all: CatalogObject[] = [];
    for await (const { objects } of this.#listings.pages(key, database, schema))
      for (const object of objects) all.push(object);
    return all;
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

/** About as V8 lays it out, on the high side: what is bounded by it has texts of up to a megabyte (sql/create-view) and thousands of columns. */
const TEXT_BYTES = 2;
const PART_BYTES = 160;

const bytesOfTexts = (texts: readonly (string | undefined)[]): number =>
  texts.reduce((sum, text) => sum + TEXT_BYTES * (text?.length ?? 0), PART_BYTES);

function bytesOfRelation({ name, comment, viewText, columns }: CatalogRelation): number {
  let bytes = bytesOfTexts([name, comment, viewText]);
  for (const column of columns) bytes += bytesOfTexts([column.name, column.type, column.comment, column.expression]);
  return bytes;
}

function bytesOfConstraints({ checks, keys, references }: CatalogConstraints): number {
  let bytes = PART_BYTES;
  for (const check of checks) bytes += bytesOfTexts([check.name, check.clause]);
  for (const { name, columns } of [...keys, ...references]) bytes += bytesOfTexts([name, ...columns]);
  return bytes;
}
