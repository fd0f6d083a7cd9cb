/**
 * Rows that decide something: approvals, people's words, who is signed in, what is used up, where reading goes on. Each carries an HMAC-SHA256 over the whole of it, by a key that
 * PostgreSQL does not have. A row without the right one is treated as absent, whoever put it there, and told to those who watch.
 *
 * What is read is parsed out of the very text that the HMAC goes over, so that no column can say something else than that text.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { canonical } from '../form/canonical.js';
import type { SealingKey } from '../form/keys.js';

/** One row as PostgreSQL prints it in JSON: times with microseconds in UTC, bytes as `\x…`. */
export type JsonRow = Readonly<Record<string, unknown>>;

export type Queries = Pick<Pool | PoolClient, 'query'>;

/** Tables with such rows, and the columns that name one. */
const TABLES = {
  approval: ['id'],
  approval_decision: ['approval_id', 'reviewer'],
  cursor: ['id'],
  delivery: ['webhook', 'session_id'],
  download: ['id'],
  person_session: ['id'],
  scan_budget: ['principal', 'day'],
  standing_approval: ['id'],
  webhook: ['name'],
} as const;
export type SealedTable = keyof typeof TABLES;

/** As it stands in the store. */
export interface Found {
  readonly text: string;
  readonly mac: Buffer;
}

/** A row that is there, and what it says if it is ours. */
export interface Read {
  readonly found: Found;
  readonly own: JsonRow | undefined;
}

const REMEMBERED = 1000;

export class SealedRows {
  readonly #keys: readonly Buffer[];
  readonly #digestKeys: readonly Buffer[];
  readonly #onForged: (problem: string) => void;
  readonly #told = new Set<string>();

  /** The first key makes, all of them hold: a key that is rotated out still reads. */
  constructor(keys: readonly SealingKey[], onForged: (problem: string) => void) {
    this.#keys = keys.map(({ key }) => Buffer.from(hkdfSync('sha256', key, '', 'snowfence rows', 32)));
    this.#digestKeys = keys.map(({ key }) => Buffer.from(hkdfSync('sha256', key, '', 'snowfence binding', 32)));
    this.#onForged = onForged;
  }

  /** HMAC-SHA256, whole, over a text, by each of the keys; `about` keeps those of different things apart. The first is for new rows. */
  digests(about: string, text: string): readonly [Buffer, ...Buffer[]] {
    const [first, ...others] = this.#digestKeys.map((key) =>
      createHmac('sha256', key).update(`${about}\n${text}`).digest(),
    );
    if (!first) throw new Error('Rows without a key.');
    return [first, ...others];
  }

  #mac(table: SealedTable, text: string, key: Buffer): Buffer {
    return createHmac('sha256', key).update(`${table}\n${text}`).digest();
  }

  #seal(table: SealedTable, text: string): Buffer {
    const [key] = this.#keys;
    if (!key) throw new Error('Rows without a key.');
    return this.#mac(table, text, key);
  }

  /** Whether one of our gateways wrote this row; `mac` is what stands beside its text. */
  isOurs(table: SealedTable, text: string, mac: Uint8Array): boolean {
    return this.#keys.some((key) => {
      const own = this.#mac(table, text, key);
      return own.length === mac.length && timingSafeEqual(own, mac);
    });
  }

  /** The row, if it is ours; else it is told of, once. */
  open(table: SealedTable, { text, mac }: Found): JsonRow | undefined {
    const row: JsonRow = JSON.parse(text);
    if (this.isOurs(table, text, mac)) return row;
    this.tell(
      `The row ${nameOf(table, row)} of ${table} was not written by snowfence as it stands there. It counts for nothing.`,
    );
    return undefined;
  }

  /** To those who watch, once. */
  tell(problem: string): void {
    if (this.#told.has(problem)) return;
    if (this.#told.size >= REMEMBERED) this.#told.clear();
    this.#told.add(problem);
    this.#onForged(problem);
  }

  /** A row that is ours, but of before: it was put back. */
  tellOld(table: SealedTable, row: JsonRow, why: string): void {
    this.tell(
      `The row ${nameOf(table, row)} of ${table} was put back as it was before: ${why}. It counts for nothing.`,
    );
  }

  /** The rows that a condition on `t` finds, ours or not, each with what names it by `key`. Whose they are is for the caller to ask. */
  async found(
    queries: Queries,
    table: SealedTable,
    condition: string,
    values: readonly unknown[],
    key = 'NULL',
  ): Promise<(Found & { readonly key: string })[]> {
    const { rows } = await queries.query<Found & { key: string }>(
      `SELECT (to_jsonb(t) - 'mac')::text AS text, t.mac, ${key} AS key FROM ${table} t ${condition}`,
      [...values],
    );
    return rows;
  }

  /** The rows that a condition on `t` finds, ours or not. */
  async read(queries: Queries, table: SealedTable, condition: string, values: readonly unknown[]): Promise<Read[]> {
    const rows = await this.found(queries, table, condition, values);
    return rows.map(({ text, mac }) => ({ found: { text, mac }, own: this.open(table, { text, mac }) }));
  }

  /** Those of our own among the rows that a condition on `t` finds. */
  async select(
    queries: Queries,
    table: SealedTable,
    condition: string,
    values: readonly unknown[],
  ): Promise<JsonRow[]> {
    return (await this.read(queries, table, condition, values)).flatMap(({ own }) => (own ? [own] : []));
  }

  async #textOf(queries: Queries, table: SealedTable, row: JsonRow): Promise<string> {
    const { rows } = await queries.query<{ text: string }>(
      `SELECT (to_jsonb(r) - 'mac')::text AS text FROM jsonb_populate_record(NULL::${table}, $1::jsonb) r`,
      [JSON.stringify(row)],
    );
    const [found] = rows;
    if (!found || !isSaid(JSON.parse(found.text), row))
      throw new Error(`The store makes something else of a row of ${table}.`);
    return found.text;
  }

  /** Puts a row in that has a value for each column. False where one like it is there already. */
  async insert(client: Queries, table: SealedTable, row: JsonRow, onConflict = ''): Promise<boolean> {
    const text = await this.#textOf(client, table, row);
    const { rowCount } = await client.query(
      `INSERT INTO ${table} SELECT r.* FROM jsonb_populate_record(NULL::${table}, $1::jsonb || jsonb_build_object('mac', $2::text)) r ${onConflict}`,
      [text, `\\x${this.#seal(table, text).toString('hex')}`],
    );
    return rowCount === 1;
  }

  /**
   * Puts in a row of simple values that has one for each column, in one round trip. Undefined where one like it is there already. Throws
   * where the store makes something else of it.
   */
  async put(queries: Queries, table: SealedTable, row: JsonRow): Promise<Found | undefined> {
    const found = { text: printed(row), mac: this.#seal(table, printed(row)) };
    const { rows } = await queries.query<{ text: string }>({
      name: `put_${table}`,
      text: `INSERT INTO ${table} AS t SELECT r.* FROM jsonb_populate_record(NULL::${table}, $1::jsonb || jsonb_build_object('mac', $2::text)) r
        ON CONFLICT DO NOTHING RETURNING (to_jsonb(t) - 'mac')::text AS text`,
      values: [found.text, asBytes(found.mac)],
    });
    return this.#asSaid(table, rows, found);
  }

  /**
   * Changes a row if it stands there to the letter as it was read, HMAC and all, in one round trip: its lock is that of the change itself.
   * `after` has a value for each column, and they are simple; what a condition names of `more` begins with $5. Undefined where it stands
   * there otherwise. Throws like `put`.
   */
  async swap(
    queries: Queries,
    table: SealedTable,
    before: Found,
    after: JsonRow,
    condition = '',
    more: readonly unknown[] = [],
  ): Promise<Found | undefined> {
    const found = { text: printed(after), mac: this.#seal(table, printed(after)) };
    const keys: readonly string[] = TABLES[table];
    // In one order, whatever the row's own: a prepared statement has one text.
    const set = Object.keys(after)
      .filter((column) => !keys.includes(column))
      .sort();
    const { rows } = await queries.query<{ text: string }>({
      name: `swap_${table}`,
      text: `UPDATE ${table} t SET ${[...set.map((column) => `${column} = r.${column}`), 'mac = $2'].join(', ')}
        FROM jsonb_populate_record(NULL::${table}, $1::jsonb) r
        WHERE ${keys.map((column) => `t.${column} = r.${column}`).join(' AND ')}
          AND (to_jsonb(t) - 'mac')::text = $3 AND t.mac = $4 ${condition}
        RETURNING (to_jsonb(t) - 'mac')::text AS text`,
      values: [found.text, found.mac, before.text, before.mac, ...more],
    });
    return this.#asSaid(table, rows, found);
  }

  #asSaid(table: SealedTable, rows: readonly { readonly text: string }[], found: Found): Found | undefined {
    const [there] = rows;
    if (!there) return undefined;
    if (there.text !== found.text) throw new Error(`The store makes something else of a row of ${table}.`);
    return found;
  }

  /** Changes a row that was read under its lock, to the state that the caller says. */
  async update(client: Queries, table: SealedTable, row: JsonRow, changes: JsonRow): Promise<void> {
    const text = await this.#textOf(client, table, { ...row, ...changes });
    const same = TABLES[table].map((column) => `t.${column} = r.${column}`).join(' AND ');
    const set = Object.keys(changes).map((column) => `${column} = r.${column}`);
    const { rowCount } = await client.query(
      `UPDATE ${table} t SET ${[...set, 'mac = $2'].join(', ')} FROM jsonb_populate_record(NULL::${table}, $1::jsonb) r WHERE ${same}`,
      [text, this.#seal(table, text)],
    );
    if (rowCount !== 1) throw new Error(`A row of ${table} is gone.`);
  }
}

/** What tells it from others of its table. */
export const nameOf = (table: SealedTable, row: JsonRow): string =>
  TABLES[table].map((column) => String(row[column])).join(' ');

/** A row of simple values as PostgreSQL prints it as `jsonb`: shorter names first. */
const printed = (row: JsonRow): string => {
  const names = Object.keys(row).sort((left, right) => left.length - right.length || (left < right ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(row[name])}`).join(', ')}}`;
};

/** A time as PostgreSQL prints it in JSON. */
export const asTime = (time: Date): string => time.toISOString().replace(/\.?0*Z$/, '+00:00');

const isTime = (column: string): boolean => /(?:^|_)(?:at|until|since)$/.test(column);

/** Whether the store's text of a row is what we said: it must not make us sign what we did not mean. */
function isSaid(text: JsonRow, row: JsonRow): boolean {
  return [...new Set([...Object.keys(text), ...Object.keys(row)])].every((column) => {
    const [there, said] = [text[column] ?? null, row[column] ?? null];
    if (canonical(there) === canonical(said)) return true;
    return (
      isTime(column) && typeof there === 'string' && typeof said === 'string' && Date.parse(there) === Date.parse(said)
    );
  });
}

/** Bytes as JSON has them; undefined where it is no such text. */
export const bytesOf = (value: unknown): Buffer | undefined =>
  typeof value === 'string' && /^\\x(?:[0-9a-f]{2})*$/.test(value) ? Buffer.from(value.slice(2), 'hex') : undefined;

export const asBytes = (value: Uint8Array): string => `\\x${Buffer.from(value).toString('hex')}`;
