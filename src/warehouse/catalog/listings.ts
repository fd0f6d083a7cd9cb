/**
 * Tables and views of a database or a schema, page by page: SHOW ends at 10,000 rows without a word (documentation page sql/show-objects). A page
 * is asked for when somebody comes to it, and held for a minute; all pages together hold so much and no more.
 *
 * Pages go on by name within one schema alone: over a whole database the order is that of databases, schemas and names, which "might break
 * pagination" (sql/show-tables). So a database that does not fit into one answer is read schema by schema, of those that are asked for.
 */
import { z } from 'zod';
import { type PoolKey, SETUP_TAG, type WarehouseConnection } from '../connection/connection.js';
import {
  OBJECTS_AFTER,
  OBJECTS_BEGINNING,
  OBJECTS_OF_DATABASE,
  OBJECTS_OF_SCHEMA,
  SCHEMAS,
  SHOWN,
} from '../connection/own-questions.js';
import type { WarehousePool } from '../connection/pool.js';
import { StatementFailed } from '../errors/failures.js';
import { Noted } from './noted.js';
import { type CatalogName, type CatalogObject, objectRow, toObject } from './objects.js';
import { Remembered } from './remembered.js';

/** A place in a list: what comes after it is what is left. An empty name stands before all of its schema. */
export interface ListPlace {
  readonly schema: string;
  readonly name: string;
}

export interface ListedPage {
  readonly objects: readonly CatalogObject[];
  /** Where the next page begins; of a page without objects its schema's beginning. */
  readonly end: ListPlace;
}

interface Page {
  /** By schema and name; within one schema alone in the order in which they came. */
  readonly objects: readonly CatalogObject[];
  /** Whether SHOW has ended before its end. */
  readonly isCut: boolean;
}

interface Entry {
  readonly page: Promise<Page>;
  readonly until: number;
  /** Once it is there. */
  held: Page | undefined;
  bytes: number;
}

const PAGE_MS = 60_000;
/** Of all pages, about as V8 lays them out: some 400,000 objects without comments. */
const MOST_BYTES = 64_000_000;
/** Of a page, with its keys. */
const PAGE_BYTES = 600;
/** An object with its fields and the head of its name; its schema and database are texts of the page. */
const OBJECT_BYTES = 112;
const NAME_BYTES = 32;
const SCHEMAS_BYTES = 8_000_000;
/** What is not there has a memory of its own: whoever asks for thousands of names takes the place of nothing that is. */
const MISSES_SIZE = 2000;
const MISSED_MS = 10_000;
/** A database that was too large for one answer is not asked for as a whole again for so long. */
const LARGE_MS = 3_600_000;
const LARGE_SIZE = 2000;
/** Of one schema: a million objects. What is beyond can still be named and read. */
const MOST_PAGES = 100;
/** So many letters of a name are taken for right where near ones are sought among too many. */
const BEGINNING = 2;

const schemaRow = z.object({ name: z.string() });
const placeOf = (object: CatalogObject | undefined): ListPlace => ({
  schema: object?.schema ?? '',
  name: object?.name ?? '',
});
const byPlace = (one: ListPlace, other: ListPlace): number =>
  one.schema === other.schema
    ? one.name < other.name
      ? -1
      : Number(one.name > other.name)
    : one.schema < other.schema
      ? -1
      : 1;

export class Listings {
  readonly #pool: WarehousePool;
  /** Lists of one role by what they are of, each with its pages by the name that they go on after ('' for the first). */
  readonly #lists = new Map<string, Map<string, Entry>>();
  readonly #misses = new Noted(MISSES_SIZE, MISSED_MS);
  readonly #large = new Noted(LARGE_SIZE, LARGE_MS);
  readonly #schemas = new Remembered<readonly string[]>(
    (names) => names.reduce((sum, name) => sum + NAME_BYTES + name.length, 0),
    SCHEMAS_BYTES,
  );
  #bytes = 0;

  constructor(pool: WarehousePool) {
    this.#pool = pool;
  }

  clear(): void {
    this.#lists.clear();
    this.#bytes = 0;
    this.#misses.clear();
    this.#large.clear();
    this.#schemas.clear();
  }

  /**
   * Pages of a database, or of one schema of it, from `after` on; what is not known takes one statement for each, be there something or not.
   * `mayHold`: of which schemas anything is asked at all. Nothing where it does not exist or is not visible. Throws WarehouseUnavailable.
   */
  async *pages(
    key: PoolKey,
    database: string,
    schema: string | undefined,
    { after, mayHold = () => true }: { after?: ListPlace | undefined; mayHold?: (schema: string) => boolean } = {},
  ): AsyncGenerator<ListedPage> {
    if (schema !== undefined) {
      const isBehind = after !== undefined && after.schema > schema;
      if (!isBehind) yield* this.#ofSchema(key, database, schema, after?.schema === schema ? after.name : '');
      return;
    }
    const whole = await this.#whole(key, database);
    if (whole) {
      const left = after === undefined ? whole : whole.filter((object) => byPlace(object, after) > 0);
      yield { objects: left, end: placeOf(left.at(-1)) };
      return;
    }
    for (const name of await this.#schemasOf(key, database))
      if (mayHold(name)) yield* this.pages(key, database, name, { after });
  }

  /** All objects of a database; undefined where they are too many for one answer. */
  async #whole(key: PoolKey, database: string): Promise<readonly CatalogObject[] | undefined> {
    const list = JSON.stringify([key.role, database]);
    if (this.#large.has(list)) return undefined;
    const page = await this.#page(key, list, '', OBJECTS_OF_DATABASE.of(database));
    if (!page.isCut) return page.objects;
    this.#large.add(list);
    this.#drop(list, '');
    return undefined;
  }

  async #schemasOf(key: PoolKey, database: string): Promise<readonly string[]> {
    const names = await this.#schemas.get(JSON.stringify([key.role, database]), () =>
      this.#asking(key, async (connection) => {
        const rows = await connection.simple(SCHEMAS.of(database), SETUP_TAG);
        return z
          .array(schemaRow)
          .parse(rows)
          .map(({ name }) => name)
          .sort();
      }),
    );
    return names ?? [];
  }

  async *#ofSchema(key: PoolKey, database: string, schema: string, from: string): AsyncGenerator<ListedPage> {
    const list = JSON.stringify([key.role, database, schema]);
    const first = (): Promise<Page> => this.#page(key, list, '', OBJECTS_OF_SCHEMA.of(database, schema));
    const following = (name: string): Promise<Page> =>
      this.#page(key, list, name, OBJECTS_AFTER.of(database, schema, name));
    const known = from === '' ? undefined : this.#heldWith(list, from);
    let page = known ?? (from === '' ? await first() : await following(from));
    let objects = known ? known.objects.slice(known.objects.findIndex(({ name }) => name === from) + 1) : page.objects;
    // What a cursor stands at may be gone, and what SHOW does with a name that begins none is said nowhere.
    const isFromFirst = from !== '' && !known && page.objects.length === 0;
    if (isFromFirst) {
      page = await first();
      objects = page.objects;
    }
    const passed = new Set([from]);
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const left = isFromFirst ? objects.filter(({ name }) => name > from) : objects;
      const last = page.objects.at(-1)?.name;
      yield { objects: left, end: { schema, name: last ?? '' } };
      // A page that goes on from where another did is the last one, whatever it says.
      if (!page.isCut || last === undefined || passed.has(last)) return;
      passed.add(last);
      page = await following(last);
      objects = page.objects.filter(({ name }) => name !== last);
    }
  }

  /** What a name may be that was seen listed within a minute; nothing is asked for it. */
  kindOf(key: PoolKey, { database, schema, name }: CatalogName): CatalogObject['kind'] | undefined {
    for (const list of [
      [key.role, database, schema],
      [key.role, database],
    ]) {
      const found = this.#heldWith(JSON.stringify(list), name)?.objects.find(
        (object) => object.name === name && object.schema === schema,
      );
      if (found) return found.kind;
    }
    return undefined;
  }

  /**
   * What a mistyped name may have been meant for: all of a database where one answer holds it, else what begins as the name does. At most two
   * statements, and none for what was asked within a minute. Throws WarehouseUnavailable.
   */
  async near(key: PoolKey, database: string, name: string): Promise<readonly CatalogObject[]> {
    const whole = await this.#whole(key, database);
    if (whole) return whole;
    const beginning = async (letters: number): Promise<Page> => {
      const start = [...name].slice(0, letters).join('');
      const list = JSON.stringify([key.role, database, null, start]);
      return this.#page(key, list, '', OBJECTS_BEGINNING.of(database, start));
    };
    const page = await beginning(BEGINNING);
    const half = Math.floor(name.length / 2);
    return !page.isCut || half <= BEGINNING ? page.objects : (await beginning(half)).objects;
  }

  #heldWith(list: string, name: string): Page | undefined {
    for (const { held, until } of this.#lists.get(list)?.values() ?? [])
      if (held && until > Date.now() && held.objects.some((object) => object.name === name)) return held;
    return undefined;
  }

  async #page(key: PoolKey, list: string, after: string, question: string): Promise<Page> {
    const known = this.#lists.get(list)?.get(after);
    if (known && known.until > Date.now()) return known.page;
    const missed = JSON.stringify([list, after]);
    if (this.#misses.has(missed)) return NONE;
    const page = this.#asking(key, async (connection) => pageOf(await connection.simple(question, SETUP_TAG))).then(
      (found) => found ?? NONE,
    );
    const entry: Entry = { page, until: Date.now() + PAGE_MS, held: undefined, bytes: 0 };
    this.#drop(list, after);
    const pages = this.#lists.get(list) ?? new Map<string, Entry>();
    this.#lists.delete(list);
    this.#lists.set(list, pages.set(after, entry));
    const isCurrent = (): boolean => this.#lists.get(list)?.get(after) === entry;
    try {
      const found = await page;
      if (!isCurrent()) return found;
      if (found.objects.length === 0) {
        this.#drop(list, after);
        this.#misses.add(missed);
      } else this.#hold(entry, found);
      return found;
    } catch (error) {
      // A failure is not remembered.
      if (isCurrent()) this.#drop(list, after);
      throw error;
    }
  }

  /** undefined where the role may not ask. */
  #asking<T>(key: PoolKey, ask: (connection: WarehouseConnection) => Promise<T>): Promise<T | undefined> {
    return this.#pool.use(key, async (connection) => {
      try {
        return await ask(connection);
      } catch (error) {
        if (error instanceof StatementFailed) return undefined;
        throw error;
      }
    });
  }

  /** Of too much the oldest lists are forgotten, and of this one its oldest pages: they are asked for again by whoever comes to them. */
  #hold(entry: Entry, page: Page): void {
    entry.held = page;
    entry.bytes = page.objects.reduce(
      (sum, { name, comment }) => sum + OBJECT_BYTES + name.length + 2 * comment.length,
      PAGE_BYTES,
    );
    this.#bytes += entry.bytes;
    for (const [other, pages] of this.#lists)
      for (const [after, one] of pages) {
        if (this.#bytes <= MOST_BYTES) return;
        if (one !== entry) this.#drop(other, after);
      }
  }

  #drop(list: string, after: string): void {
    const pages = this.#lists.get(list);
    this.#bytes -= pages?.get(after)?.bytes ?? 0;
    pages?.delete(after);
    if (pages?.size === 0) this.#lists.delete(list);
  }
}

const NONE: Page = { objects: [], isCut: false };

function pageOf(answer: readonly unknown[]): Page {
  const rows = z.array(objectRow).parse(answer);
  // Each row comes with texts of its own, of which few differ.
  const texts = new Map<string, string>();
  const shared = (text: string): string => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  const objects = rows.map((row) => {
    const { database, schema, comment, ...object } = toObject(row);
    return { ...object, database: shared(database), schema: shared(schema), comment: shared(comment) };
  });
  // Within one schema they stay as they came: a page goes on after Snowflake's last name, in its order.
  const [first] = objects;
  if (objects.some(({ schema }) => schema !== first?.schema)) objects.sort(byPlace);
  return { objects, isCut: rows.length >= SHOWN };
}
