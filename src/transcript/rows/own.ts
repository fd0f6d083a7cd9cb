/**
 * So many rows of ours as are wanted, however many there are of nobody's: whoever may INSERT there can put in rows without end, and a
 * LIMIT or a count that took these in would push ours out of sight. So pages are read until enough of ours are found.
 */
import type { Found, JsonRow, Queries, SealedRows, SealedTable } from './sealed.js';

/** Rows of nobody's that one look passes over. Whoever puts in more is told of, and what lies behind these is not seen. */
const MAX_STRANGERS = 10_000;
/** The others are told of in one sentence: the record is not filled by whoever fills a table. */
const TOLD_EACH = 10;
const MOST_AT_ONCE = 1000;

type Table = SealedTable & ('approval' | 'approval_decision' | 'download' | 'person_session' | 'standing_approval');

/** What is passed over in the pages that follow. Two rows of one person's decision have two HMACs. */
const KEYS: Readonly<Record<Table, string>> = {
  approval: 't.id::text',
  approval_decision: "t.approval_id || encode(t.mac, 'hex') || t.reviewer",
  download: 't.id::text',
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
