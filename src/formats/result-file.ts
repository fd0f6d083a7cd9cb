/** A result as a file, whatever its format. */
import type { Cell } from './cell.js';

/** A column of the result: its name as it is shown, and its type as Snowflake names it in results (FIXED, TEXT, TIMESTAMP_NTZ, …). */
export interface FileColumn {
  readonly name: string;
  readonly type: string;
  /** Of numbers: digits in all, and behind the point. */
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
}

/** A file that is being written. Each part is bytes to be sent on, in order; it may be empty. */
export interface ResultFile {
  begin(): Uint8Array;
  rows(rows: readonly (readonly Cell[])[]): Uint8Array;
  /** What stands after the last row. */
  end(): Uint8Array;
}
