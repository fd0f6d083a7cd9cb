/** JSON Lines (https://jsonlines.org): an object a row, in the order of the columns, each value as an answer of `query` has it. */
import type { Cell } from './cell.js';
import { onlyNames } from './names.js';
import type { FileColumn, ResultFile } from './result-file.js';

export class JsonLinesFile implements ResultFile {
  readonly #keys: readonly string[];

  constructor(columns: readonly FileColumn[]) {
    this.#keys = onlyNames(columns.map(({ name }) => name)).map((name) => `${JSON.stringify(name)}:`);
  }

  begin(): Uint8Array {
    return new Uint8Array();
  }

  /** Written key by key: an object of JavaScript would put `1` before `A`, and lose `__proto__`. */
  rows(rows: readonly (readonly Cell[])[]): Uint8Array {
    const lines = rows.map(
      (row) => `{${this.#keys.map((key, at) => `${key}${JSON.stringify(row[at] ?? null)}`).join(',')}}\n`,
    );
    return Buffer.from(lines.join(''));
  }

  end(): Uint8Array {
    return new Uint8Array();
  }
}
