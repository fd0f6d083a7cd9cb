/** The answer to a change: how many rows it touched. */
import { StatementType } from '@duckdb/node-api';
import { type Cell, numberColumn, type Result, STATEMENT_TYPE } from '../../../protocol/index.js';
import { tokens } from '../syntax/parse.js';

/** What a MERGE's branches do (documentation page sql/merge): DuckDB gives their sum alone, which stands under the first of them. */
function mergeLabels(sql: string): string[] {
  const words = new Set(tokens(sql).map((token) => sql.slice(token.start, token.end).toUpperCase()));
  return (['INSERT', 'UPDATE', 'DELETE'] as const)
    .filter((word) => words.has(word))
    .map((word) => `number of rows ${{ INSERT: 'inserted', UPDATE: 'updated', DELETE: 'deleted' }[word]}`);
}

/** DML answers counts under the labels that Snowflake uses and the driver adds up. */
export function changeCount(type: StatementType, rows: readonly (readonly Cell[])[], sql: string): Result | undefined {
  const count = rows[0]?.[0] ?? '0';
  const answer = (labels: readonly string[], statementType: number): Result => ({
    columns: labels.map(numberColumn),
    rows: [labels.map((_, index) => (index === 0 ? count : '0'))],
    chunks: [],
    total: 1,
    statementType,
  });
  switch (type) {
    case StatementType.INSERT:
      return answer(['number of rows inserted'], STATEMENT_TYPE.insert);
    case StatementType.UPDATE:
      return answer(['number of rows updated', 'number of multi-joined rows updated'], STATEMENT_TYPE.update);
    case StatementType.DELETE:
      return answer(['number of rows deleted'], STATEMENT_TYPE.delete);
    case StatementType.MERGE_INTO:
      return answer(mergeLabels(sql), STATEMENT_TYPE.merge);
    default:
      return undefined;
  }
}
