/** The answer to a change, from DuckDB's: how many rows it touched. */
import { StatementType } from '@duckdb/node-api';
import { type Cell, CHANGED, changeResult, type Result } from '../../../protocol/index.js';
import { tokens } from '../syntax/parse.js';

/** What a MERGE's branches do (documentation page sql/merge): DuckDB gives their sum alone, which stands under the first of them. */
function mergeLabels(sql: string): string[] {
  const words = new Set(tokens(sql).map((token) => sql.slice(token.start, token.end).toUpperCase()));
  return (['INSERT', 'UPDATE', 'DELETE'] as const)
    .filter((word) => words.has(word))
    .map((word) => ({ INSERT: CHANGED.inserted, UPDATE: CHANGED.updated, DELETE: CHANGED.deleted })[word]);
}

/** undefined where it was no change. */
export function changeCount(type: StatementType, rows: readonly (readonly Cell[])[], sql: string): Result | undefined {
  const count = rows[0]?.[0] ?? '0';
  const answer = (kind: Parameters<typeof changeResult>[0], labels: readonly string[]): Result =>
    changeResult(
      kind,
      labels,
      labels.map((_, index) => (index === 0 ? count : '0')),
    );
  switch (type) {
    case StatementType.INSERT:
      return answer('insert', [CHANGED.inserted]);
    case StatementType.UPDATE:
      return answer('update', [CHANGED.updated, CHANGED.multiJoined]);
    case StatementType.DELETE:
      return answer('delete', [CHANGED.deleted]);
    case StatementType.MERGE_INTO:
      return answer('merge', mergeLabels(sql));
    default:
      return undefined;
  }
}
