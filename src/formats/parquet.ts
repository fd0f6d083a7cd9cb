/**
 * Parquet, a row group at a time. Types are kept where Parquet has them (https://parquet.apache.org/docs/file-format/types/logicaltypes/):
 * numbers, dates, time stamps, booleans, bytes. All others are texts, VARIANT its JSON.
 */
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { type Cell, isSemiStructured, plainNumber, textOf } from './cell.js';
import { onlyNames } from './names.js';
import type { FileColumn, ResultFile } from './result-file.js';

/** A row group holds so many rows, or so many bytes of values: what is in memory until it is written. */
const GROUP_ROWS = 10_000;
const GROUP_BYTES = 4_000_000;

type Value = bigint | number | boolean | string | Uint8Array | null;
type Element = Omit<SchemaElement, 'name'>;

/** How a column is written: its place in the schema, and its cells. */
interface Kind {
  readonly element: Element;
  readonly value: (cell: Exclude<Cell, null>) => Value;
}

/** Digits that 64 bits hold, whatever they are; and as many as Snowflake's numbers have. */
const DIGITS_OF_64_BITS = 18;
const MAX_DIGITS = 38;
const BYTES_OF_38_DIGITS = 16;

/** A number's digits without its point. Throws where it has more of them behind the point than its column. */
function unscaled(cell: Cell, scale: number): bigint {
  const text = typeof cell === 'number' ? plainNumber(cell) : String(cell);
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (sign === undefined || fraction.length > scale)
    throw new Error(`A number does not fit a column of scale ${scale}.`);
  const digits = BigInt(whole + fraction.padEnd(scale, '0'));
  return sign === '' ? digits : -digits;
}

function fixed({ precision = MAX_DIGITS, scale = 0 }: FileColumn): Kind {
  const isSmall = precision <= DIGITS_OF_64_BITS;
  const value = (cell: Cell): bigint => unscaled(cell, scale);
  if (isSmall && scale === 0) return { element: { type: 'INT64' }, value };
  const decimal = { converted_type: 'DECIMAL', precision, scale } as const;
  if (isSmall) return { element: { type: 'INT64', ...decimal }, value };
  return { element: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: BYTES_OF_38_DIGITS, ...decimal }, value };
}

const DAY_MS = 86_400_000;
const TIME = /^(.+T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

function moment(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Error('A time is not one of ISO 8601.');
  return at;
}

/** Microseconds since 1970, of the wall clock where there is no zone; digits beyond these are dropped. */
function micros(cell: Cell): bigint {
  const [, seconds = '', fraction = '', zone = 'Z'] = TIME.exec(String(cell)) ?? [];
  return BigInt(moment(`${seconds}${zone}`)) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

const timestamp = (isAdjustedToUTC: boolean): Kind => ({
  element: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' } },
  value: micros,
});

/** What a detector has put in the place of bytes is no hexadecimal text any more: then it stands there as it is. */
const bytesOf = (text: string): Uint8Array =>
  /^(?:[0-9A-F]{2})*$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text);

function kindOf(column: FileColumn): Kind {
  const { type } = column;
  if (isSemiStructured(type))
    return { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, value: (cell) => JSON.stringify(cell) };
  switch (type) {
    case 'FIXED':
    case 'NUMBER':
      return fixed(column);
    case 'REAL':
      return { element: { type: 'DOUBLE' }, value: (cell) => Number(String(cell).replace(/inf$/i, 'Infinity')) };
    case 'BOOLEAN':
      return { element: { type: 'BOOLEAN' }, value: (cell) => cell === true };
    case 'DATE':
      return {
        element: { type: 'INT32', converted_type: 'DATE' },
        value: (cell) => moment(`${String(cell)}T00:00:00Z`) / DAY_MS,
      };
    case 'TIMESTAMP_NTZ':
      return timestamp(false);
    case 'TIMESTAMP_LTZ':
    case 'TIMESTAMP_TZ':
      return timestamp(true);
    case 'BINARY':
      return { element: { type: 'BYTE_ARRAY' }, value: (cell) => bytesOf(textOf(cell)) };
    default:
      return { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, value: textOf };
  }
}

export class ParquetFile implements ResultFile {
  readonly #names: readonly string[];
  readonly #kinds: readonly Kind[];
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  /** Values of the row group that is being filled, by column. */
  #group: Value[][];
  #groupBytes = 0;

  constructor(columns: readonly FileColumn[]) {
    this.#names = onlyNames(columns.map(({ name }) => name));
    this.#kinds = columns.map(kindOf);
    this.#group = columns.map(() => []);
    const elements = this.#kinds.map(({ element }, at) => ({
      ...element,
      name: this.#names[at] ?? '',
      repetition_type: 'OPTIONAL' as const,
    }));
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: 'result', num_children: columns.length }, ...elements],
      createdBy: 'snowfence',
    });
  }

  begin(): Uint8Array {
    return this.#taken();
  }

  rows(rows: readonly (readonly Cell[])[]): Uint8Array {
    for (const row of rows) {
      for (const [at, { value }] of this.#kinds.entries()) {
        const cell = row[at] ?? null;
        const kept = cell === null ? null : value(cell);
        this.#groupBytes += typeof kept === 'string' || kept instanceof Uint8Array ? kept.length : 8;
        this.#group[at]?.push(kept);
      }
      const length = this.#group[0]?.length ?? 0;
      if (length >= GROUP_ROWS || this.#groupBytes >= GROUP_BYTES) this.#writeGroup();
    }
    return this.#taken();
  }

  end(): Uint8Array {
    this.#writeGroup();
    this.#writer.finish();
    return this.#taken();
  }

  #writeGroup(): void {
    const rowGroupSize = this.#group[0]?.length ?? 0;
    if (rowGroupSize === 0) return;
    const columnData = this.#group.map((data, at) => ({ name: this.#names[at] ?? '', data }));
    this.#group = this.#kinds.map(() => []);
    this.#groupBytes = 0;
    this.#writer.write({ columnData, rowGroupSize });
  }

  /** What was written since it was asked the last time. */
  #taken(): Uint8Array {
    const taken = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    return taken;
  }
}
