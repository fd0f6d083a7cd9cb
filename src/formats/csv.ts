/**
 * CSV as RFC 4180 has it: UTF-8, a line of names, lines that end in CR LF. NULL is nothing at all, the empty text is `""`. A value is what
 * it is in the result: one that a spreadsheet would take for a formula is not changed (docs/downloads.md).
 */
import { type Cell, isSemiStructured, textOf } from './cell.js';
import type { FileColumn, ResultFile } from './result-file.js';

const LINE = '\r\n';
/** Readers differ in what they do with white space around a value that stands without quotes. */
const QUOTED = /[",\r\n]|^\s|\s$|^$/;

const quoted = (text: string): string => (QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export class CsvFile implements ResultFile {
  readonly #columns: readonly FileColumn[];
  readonly #isJson: readonly boolean[];

  constructor(columns: readonly FileColumn[]) {
    this.#columns = columns;
    this.#isJson = columns.map(({ type }) => isSemiStructured(type));
  }

  begin(): Uint8Array {
    return Buffer.from(this.#columns.map(({ name }) => quoted(name)).join(',') + LINE);
  }

  rows(rows: readonly (readonly Cell[])[]): Uint8Array {
    const lines = rows.map((row) => row.map((value, at) => this.#field(value, at)).join(',') + LINE);
    return Buffer.from(lines.join(''));
  }

  #field(value: Cell, at: number): string {
    // A line with nothing on it is no row to most readers.
    if (value === null) return this.#columns.length === 1 ? '""' : '';
    return quoted(this.#isJson[at] ? JSON.stringify(value) : textOf(value));
  }

  end(): Uint8Array {
    return new Uint8Array();
  }
}
