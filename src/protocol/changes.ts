/**
 * The answer to a change: one row of counts. Clients add up its numbers (the driver's `getNumUpdatedRows`, `lib/connection/result/result.js`),
 * for the statement types of changes alone; the columns' names tell people what was done (documentation pages sql/insert, sql/update,
 * sql/delete, sql/merge).
 */
import type { Cell } from './cells.js';
import { numberColumn } from './data-types.js';
import { type Result, STATEMENT_TYPE } from './result.js';

export const CHANGED = {
  inserted: 'number of rows inserted',
  updated: 'number of rows updated',
  deleted: 'number of rows deleted',
  /** Among the updated ones already: updated from several source rows. */
  multiJoined: 'number of multi-joined rows updated',
} as const;

/** `counts`: a number for each of `names`, as text. */
export const changeResult = (
  kind: 'insert' | 'update' | 'delete' | 'merge',
  names: readonly string[],
  counts: readonly Cell[],
): Result => ({
  columns: names.map(numberColumn),
  rows: [counts],
  chunks: [],
  total: 1,
  statementType: STATEMENT_TYPE[kind],
});
