/** What a statement answers, before it is put on the wire. */
import type { Cell } from './cells.js';
import type { Chunk } from './chunks.js';
import { textColumn, type WireColumn } from './data-types.js';

export interface Result {
  readonly columns: readonly WireColumn[];
  readonly rows: readonly (readonly Cell[])[];
  readonly chunks: readonly Chunk[];
  readonly total: number;
  readonly statementType: number;
}

/** Statement type ids as the driver knows them (`lib/connection/statement.js` and `result/statement_type`). */
export const STATEMENT_TYPE = {
  select: 0x1000,
  insert: 0x3100,
  update: 0x3200,
  delete: 0x3300,
  merge: 0x3400,
  multi: 0xa000,
  transaction: 0x5000,
  ddl: 0x6000,
  command: 0x4000,
} as const;

export const localResult = (
  names: readonly string[],
  rows: readonly (readonly Cell[])[],
  statementType: number = STATEMENT_TYPE.command,
): Result => ({ columns: names.map(textColumn), rows, chunks: [], total: rows.length, statementType });

/** What a statement answers that has nothing to say. */
export const SUCCESS = 'Statement executed successfully.';

export const statusResult = (message: string, statementType: number = STATEMENT_TYPE.ddl): Result =>
  localResult(['status'], [[message]], statementType);
