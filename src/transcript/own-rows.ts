/**
 * So many rows of ours as are wanted, however many there are of nobody's: whoever may INSERT there can put in rows without end, and a
 * LIMIT or a count that took these in would push ours out of sight. So pages are read until enough of ours are found.
 */
import { z } from 'zod';
import type { Found, JsonRow, Queries, SealedRows, SealedTable } from './sealed-rows.js';

/** Rows of nobody's that one look passes over. Whoever puts in more is told of, and what lies behind these is not seen. */
const MAX_STRANGERS = 10_000;
/** The others are told of in one sentence: the record is not filled by whoever fills a table. */
const TOLD_EACH = 10;
const MOST_AT_ONCE = 1000;

type Table = SealedTable & ('approval' | 'approval_decision' | 'person_session' | 'standing_approval');

/** What is passed over in the pages that follow. Two rows of one person's decision have two HMACs. */
const KEYS: Readonly<Record<Table, string>> = {
  approval: 't.id::text',
  approval_decision: "t.approval_id || encode(t.mac, 'hex') || t.reviewer",
  person_session: 't.id::text',
  standing_approval: 't.id::text',
};

export interface Wanted {
  /** On `t`. */
  readonly condition: string;
  readonly values: readonly unknown[];
  readonly order: string;
  readonly most: number;
  /** Rows of the first page: as many as are usually there. */
  readonly atOnce?: number;
  readonly lock?: 'FOR UPDATE' | 'FOR UPDATE SKIP LOCKED';
}

export async function ownRows(
  rows: SealedRows,
  queries: Queries,
  table: Table,
  { condition, values, order, most, atOnce = 100, lock }: Wanted,
): Promise<JsonRow[]> {
  const own: JsonRow[] = [];
  const seen: string[] = [];
  const strangers = new Strangers(rows, table);
  for (let size = atOnce; ; size = Math.min(size * 2, MOST_AT_ONCE)) {
    const page = await rows.found(
      queries,
      table,
      `WHERE (${condition}) AND ${KEYS[table]} <> ALL($${values.length + 1}::text[]) ORDER BY ${order} LIMIT ${size} ${lock ?? ''}`,
      [...values, seen],
      KEYS[table],
    );
    for (const found of page) {
      seen.push(found.key);
      const row = strangers.open(found);
      if (row) own.push(row);
      if (own.length === most) return own;
    }
    if (page.length < size || strangers.areTooMany) return own;
  }
}

/** Counts rows that are none of ours, and tells of them. */
export class Strangers {
  readonly #rows: SealedRows;
  readonly #table: SealedTable;
  #count = 0;

  constructor(rows: SealedRows, table: SealedTable) {
    this.#rows = rows;
    this.#table = table;
  }

  /** The row, if it is ours. */
  open(found: Found): JsonRow | undefined {
    if (this.#rows.isOurs(this.#table, found.text, found.mac)) return JSON.parse(found.text);
    this.#count++;
    if (this.#count <= TOLD_EACH) this.#rows.open(this.#table, found);
    else this.#rows.tell(`More rows of ${this.#table} were not written by snowfence. They count for nothing.`);
    return undefined;
  }

  get areTooMany(): boolean {
    if (this.#count <= MAX_STRANGERS) return false;
    this.#rows.tell(
      `More than ${MAX_STRANGERS} rows of ${this.#table} were not written by snowfence. What may lie behind them is not seen.`,
    );
    return true;
  }
}

/** By what a row is known without being read: its digest, which PostgreSQL makes, and its HMAC. */
const SEAL = "encode(sha256(convert_to((to_jsonb(t) - 'mac')::text, 'UTF8')), 'hex') || encode(t.mac, 'hex')";
const SEALS = `SELECT t.id::text AS id, ${SEAL} AS seal FROM approval t`;
const sealRow = z.object({ id: z.string(), seal: z.string() });

const REMEMBERED = 10_000;
const READ_AT_ONCE = 10;

/**
 * Which rows of `approval` are ours, for whoever counts them again and again: each is read once, as long as it stands there to the letter
 * as it was read.
 */
export class OwnApprovals {
  readonly #rows: SealedRows;
  readonly #known = new Map<string, JsonRow>();

  constructor(rows: SealedRows) {
    this.#rows = rows;
  }

  /** The first of ours, without their texts: `most` at most. */
  async first(queries: Queries, condition: string, values: readonly unknown[], most: number): Promise<JsonRow[]> {
    const own: JsonRow[] = [];
    const strangers = new Strangers(this.#rows, 'approval');
    const seen: string[] = [];
    for (let size = most; ; size = MOST_AT_ONCE) {
      const { rows } = await queries.query(
        `${SEALS} WHERE (${condition}) AND t.id <> ALL($${values.length + 1}::uuid[]) ORDER BY t.asked_at DESC, t.id DESC LIMIT ${size}`,
        [...values, seen],
      );
      const page = z.array(sealRow).parse(rows);
      for (let at = 0; at < page.length; at += READ_AT_ONCE) {
        const some = page.slice(at, at + READ_AT_ONCE);
        await this.#learn(queries, some, strangers);
        for (const { seal } of some) {
          const row = this.#known.get(seal);
          if (row) own.push(row);
        }
        if (own.length >= most) return own.slice(0, most);
      }
      seen.push(...page.map(({ id }) => id));
      if (page.length < size || strangers.areTooMany) return own;
    }
  }

  /** Reads those that were not read before. */
  async #learn(queries: Queries, some: readonly z.infer<typeof sealRow>[], strangers: Strangers): Promise<void> {
    const unknown = some.filter(({ seal }) => !this.#known.has(seal));
    if (unknown.length === 0) return;
    const found = await this.#rows.found(
      queries,
      'approval',
      'WHERE t.id = ANY($1)',
      [unknown.map(({ id }) => id)],
      SEAL,
    );
    for (const one of found) {
      const row = strangers.open(one);
      if (!row) continue;
      const [oldest] = this.#known.keys();
      if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
      const { sealed: _sealed, about: _about, ...rest } = row;
      this.#known.set(one.key, rest);
    }
  }
}
