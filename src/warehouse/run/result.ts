/**
 * A result read in pages: the driver's stream, paused between them. What stays in memory is what the driver has fetched ahead (a
 * chunk of the result) and the page that is being made, however large the result is.
 */
import type { Column, RowStatement } from 'snowflake-sdk';
import { nameOf } from '../connection/driver.js';
import { failureOf } from '../errors/driver-error.js';
import { converter, type Json } from './value.js';

/** The driver's rows, as a stream that can wait. */
interface RowStream {
  on(event: 'data', listener: (row: unknown) => void): void;
  on(event: 'end', listener: () => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
  pause(): void;
  resume(): void;
  destroy(): void;
}

export interface ResultColumn {
  readonly name: string;
  /** Snowflake's name of it in the result, such as FIXED or TIMESTAMP_NTZ. */
  readonly type: string;
  /** Of numbers: digits in all, and behind the point. */
  readonly precision?: number;
  readonly scale?: number;
}

export interface Page {
  readonly rows: readonly (readonly Json[])[];
  /** Of what is answered of the rows' values as texts, with what JSON puts around each. */
  readonly bytes: number;
  /** There are no rows after these. */
  readonly isLast: boolean;
}

/** How much of a result is read at a time. */
export interface PageSize {
  readonly maxRows: number;
  /** Of the values whole, for all rows: what is read costs as much as what is answered. Where the first row alone is larger, the page is empty. */
  readonly maxBytes: number;
  /** Where a page ends before that; its first row may be larger. */
  readonly pageBytes?: number | undefined;
  /** Longer values are answered by their first characters: no more of them is counted. */
  readonly cellChars?: number | undefined;
}

/** What an answer says after a value that it cuts. */
const CUT_WORDS = 45;
/** JSON's quotes and comma. */
const AROUND = 3;

/** What JSON writes as more than it is. */
const ESCAPED = /[\p{Cc}"\\]/u;

/** Bytes of a value in an answer: near to its JSON text's, without writing that for each row. */
const sizeOf = (value: Json): number => {
  if (typeof value === 'string') return Buffer.byteLength(ESCAPED.test(value) ? JSON.stringify(value) : value) + AROUND;
  if (typeof value === 'object' && value !== null) return Buffer.byteLength(JSON.stringify(value)) + 1;
  return typeof value === 'number' ? 9 : 6;
};

/** The same of what is answered of it. */
function answeredSizeOf(value: Json, chars: number): number {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return sizeOf(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= chars ? sizeOf(value) : sizeOf(text.slice(0, chars)) + CUT_WORDS;
}

function columnOf(column: Column): ResultColumn {
  const type = column.getType().toUpperCase();
  const plain = { name: nameOf(column), type };
  return type === 'FIXED' ? { ...plain, precision: column.getPrecision(), scale: column.getScale() } : plain;
}

interface Row {
  readonly values: Json[];
  readonly size: number;
}

/** What is read before it is asked for. */
const AHEAD_ROWS = 10_000;
const AHEAD_BYTES = 4_000_000;

export class ResultReader {
  readonly columns: readonly ResultColumn[];
  readonly queryId: string;
  /** Rows of the whole result, those alone that ROWS_PER_RESULTSET lets through (the driver's `lib/connection/result/result.js`, `returned`). */
  readonly total: number | undefined;
  readonly #stream: RowStream;
  readonly #convert: readonly ((value: unknown) => Json)[];
  /** Rows that were read and not asked for yet, those before `#head` gone. */
  #queue: Row[] = [];
  #head = 0;
  #queuedBytes = 0;
  #onRow: ((row: Row) => void) | undefined;
  #onStop: (() => void) | undefined;
  #hasEnded = false;
  #error: Error | undefined;
  #position: number;

  /** `from`: rows before this one are skipped by the driver, chunk by chunk. */
  constructor(statement: RowStatement, from = 0) {
    const columns = statement.getColumns() ?? [];
    this.columns = columns.map(columnOf);
    this.queryId = statement.getQueryId();
    this.total = statement.getNumRows();
    this.#convert = columns.map(converter);
    this.#position = from;
    this.#stream = statement.streamRows(from > 0 ? { start: from } : undefined) as RowStream;
    this.#stream.on('data', (row) => this.#take(row));
    this.#stream.on('end', () => {
      this.#hasEnded = true;
      this.#onStop?.();
    });
    this.#stream.on('error', (error) => {
      this.#error = failureOf(error);
      this.#onStop?.();
    });
    this.#stream.pause();
  }

  /** The number of the row that comes next. */
  get position(): number {
    return this.#position;
  }

  #take(row: unknown): void {
    const cells = Array.isArray(row) ? row : Object.values(row as object);
    const values: Json[] = new Array(cells.length);
    let size = 1;
    try {
      for (let at = 0; at < cells.length; at++) {
        const value = this.#convert[at]?.(cells[at]) ?? null;
        values[at] = value;
        size += sizeOf(value);
      }
    } catch (error) {
      // Thrown on from here it would end the process: a cell that can't be converted ends this result.
      this.#error = failureOf(error);
      this.#stream.destroy();
      this.#onStop?.();
      return;
    }
    if (this.#onRow) this.#onRow({ values, size });
    else this.#put({ values, size });
  }

  #put(row: Row): void {
    this.#queue.push(row);
    this.#queuedBytes += row.size;
    if (this.#queue.length - this.#head >= AHEAD_ROWS || this.#queuedBytes >= AHEAD_BYTES) this.#stream.pause();
  }

  /** Reads on while nobody asks, as far as a page goes. */
  readAhead(): void {
    if (!this.#hasEnded && !this.#error && this.#queuedBytes < AHEAD_BYTES) this.#stream.resume();
  }

  /** The next rows, at most so many and so large. Throws StatementFailed or WarehouseUnavailable. */
  read({ maxRows, maxBytes, pageBytes = maxBytes, cellChars }: PageSize): Promise<Page> {
    const rows: Json[][] = [];
    let bytes = 0;
    let read = 0;
    const add = ({ values, size }: Row): boolean => {
      if (rows.length >= maxRows) return false;
      // No answer is larger than its row: one that is small needs no second look.
      const answered =
        cellChars === undefined || size <= cellChars
          ? size
          : values.reduce<number>((sum, value) => sum + answeredSizeOf(value, cellChars), 1);
      if (read + size > maxBytes || (rows.length > 0 && bytes + answered > pageBytes)) return false;
      bytes += answered;
      read += size;
      rows.push(values);
      return true;
    };
    for (let row = this.#queue[this.#head]; row; row = this.#queue[this.#head]) {
      if (!add(row)) {
        this.#position += rows.length;
        return Promise.resolve({ rows, bytes, isLast: false });
      }
      this.#head++;
      this.#queuedBytes -= row.size;
    }
    this.#queue = [];
    this.#head = 0;
    return new Promise((resolve, reject) => {
      const finish = (isLast: boolean): void => {
        this.#onRow = undefined;
        this.#onStop = undefined;
        this.#stream.pause();
        this.#position += rows.length;
        if (this.#error) reject(this.#error);
        else resolve({ rows, bytes, isLast });
      };
      if (this.#hasEnded || this.#error) {
        finish(true);
        return;
      }
      this.#onRow = (row) => {
        if (add(row)) return;
        finish(false);
        this.#put(row);
      };
      this.#onStop = () => finish(true);
      this.#stream.resume();
    });
  }

  close(): void {
    this.#queue = [];
    this.#onStop?.();
    this.#stream.destroy();
  }
}
