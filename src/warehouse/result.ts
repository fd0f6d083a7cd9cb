/**
 * A result read in pages: the driver's stream, paused between them. What stays in memory is what the driver has fetched ahead (a
 * chunk of the result) and the page that is being made, however large the result is.
 */
import type { RowStatement } from 'snowflake-sdk';
import { failureOf } from './connection.js';
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
}

export interface Page {
  readonly rows: readonly (readonly Json[])[];
  /** Of the rows' JSON text. */
  readonly bytes: number;
  /** There are no rows after these. */
  readonly isLast: boolean;
}

export class ResultReader {
  readonly columns: readonly ResultColumn[];
  readonly queryId: string;
  readonly #stream: RowStream;
  readonly #convert: readonly ((value: unknown) => Json)[];
  /** A row that was read and did not fit into the page before. */
  #held: { readonly values: Json[]; readonly size: number } | undefined;
  #onRow: ((values: Json[], size: number) => void) | undefined;
  #onStop: (() => void) | undefined;
  #hasEnded = false;
  #error: Error | undefined;
  #position: number;

  /** `from`: rows before this one are skipped by the driver, chunk by chunk. */
  constructor(statement: RowStatement, from = 0) {
    const columns = statement.getColumns() ?? [];
    this.columns = columns.map((column) => ({ name: column.getName(), type: column.getType().toUpperCase() }));
    this.queryId = statement.getQueryId();
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
    for (let at = 0; at < cells.length; at++) values[at] = this.#convert[at]?.(cells[at]) ?? null;
    this.#onRow?.(values, Buffer.byteLength(JSON.stringify(values)));
  }

  /** The next rows, at most so many and so large. Throws StatementFailed or WarehouseUnavailable. */
  read(maxRows: number, maxBytes: number): Promise<Page> {
    const rows: Json[][] = [];
    let bytes = 0;
    return new Promise((resolve, reject) => {
      let isDone = false;
      const finish = (isLast: boolean): void => {
        if (isDone) return;
        isDone = true;
        this.#onRow = undefined;
        this.#onStop = undefined;
        this.#stream.pause();
        this.#position += rows.length;
        if (this.#error) reject(this.#error);
        else resolve({ rows, bytes, isLast });
      };
      const put = (values: Json[], size: number): void => {
        if (isDone || rows.length >= maxRows || bytes + size > maxBytes) {
          this.#held = { values, size };
          finish(false);
          return;
        }
        bytes += size;
        rows.push(values);
      };
      const held = this.#held;
      this.#held = undefined;
      if (held) put(held.values, held.size);
      if (isDone) return;
      if (this.#hasEnded || this.#error) {
        finish(true);
        return;
      }
      this.#onRow = put;
      this.#onStop = () => finish(true);
      this.#stream.resume();
    });
  }

  close(): void {
    this.#held = undefined;
    this.#onStop?.();
    this.#stream.destroy();
  }
}
