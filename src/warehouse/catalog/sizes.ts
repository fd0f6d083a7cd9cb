/**
 * How large a table is as a whole, from EXPLAIN of a plain SELECT without a predicate (documentation page sql/explain: bytesAssigned are
 * the bytes of the partitions that are left after pruning, and here nothing is pruned). Where something of a table is hidden, bytes that
 * follow from somebody's predicate would tell of hidden values; these don't.
 */

import { type PoolKey, SETUP_TAG } from '../connection/connection.js';
import { WHOLE_TABLE } from '../connection/own-questions.js';
import type { WarehousePool } from '../connection/pool.js';
import { StatementFailed } from '../errors/failures.js';
import { explain } from '../run/confirm.js';
import type { Catalog } from './catalog.js';
import type { CatalogName } from './objects.js';

const CACHE_MS = 60_000;
const CACHE_SIZE = 20_000;

interface Entry {
  readonly value: Promise<number | undefined>;
  readonly until: number;
  /** The catalog's, when it was asked for. */
  readonly version: number;
}

export class Sizes {
  readonly #pool: WarehousePool;
  readonly #catalog: Pick<Catalog, 'version'>;
  readonly #entries = new Map<string, Entry>();

  constructor(pool: WarehousePool, catalog: Pick<Catalog, 'version'>) {
    this.#pool = pool;
    this.#catalog = catalog;
  }

  /** Bytes of a table or view; undefined where Snowflake does not say. Throws WarehouseUnavailable. */
  of(key: PoolKey, object: CatalogName): Promise<number | undefined> {
    const name = JSON.stringify([key.role, object.database, object.schema, object.name]);
    const { version } = this.#catalog;
    const known = this.#entries.get(name);
    if (known && known.version === version && known.until > Date.now()) return known.value;
    const value = this.#read(key, object);
    // The oldest alone: whoever asks for thousands of names must not make the others ask for theirs again.
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= CACHE_SIZE && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.delete(name);
    this.#entries.set(name, { value, until: Date.now() + CACHE_MS, version });
    // A failure is not remembered.
    value.catch(() => this.#entries.delete(name));
    return value;
  }

  async #read(key: PoolKey, { database, schema, name }: CatalogName): Promise<number | undefined> {
    try {
      const { bytes } = await this.#pool.use(key, (connection) =>
        explain(connection, WHOLE_TABLE.of(database, schema, name), [], SETUP_TAG),
      );
      return bytes;
    } catch (error) {
      if (error instanceof StatementFailed) return undefined;
      throw error;
    }
  }
}
