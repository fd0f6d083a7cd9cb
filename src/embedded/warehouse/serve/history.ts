/** What QUERY_HISTORY shows of statements that have ended. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { SYSTEM_DATABASE } from '../engine/system.js';
import type { Query } from './query.js';

/** A text is kept up to here (documentation page account-usage/query_history: QUERY_TEXT is cut at 100K characters). */
const QUERY_TEXT_CHARS = 100_000;
/** Rows of one INSERT. */
const WRITTEN_AT_ONCE = 200;

const queryType = (sql: string): string => /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? 'UNKNOWN';

export async function writeHistory(control: DuckDBConnection, finished: readonly Query[]): Promise<void> {
  for (let at = 0; at < finished.length; at += WRITTEN_AT_ONCE) {
    const batch = finished.slice(at, at + WRITTEN_AT_ONCE);
    const rows = batch.map(
      (_, row) =>
        `(${Array.from({ length: 17 }, (__, column) => `$${row * 17 + column + 1}`)
          .map((slot, column) => (column === 13 || column === 14 ? `make_timestamptz(${slot}::BIGINT)` : slot))
          .join(', ')})`,
    );
    const values = batch.flatMap((query) => [
      query.id,
      query.sql.slice(0, QUERY_TEXT_CHARS),
      query.database,
      query.schema,
      queryType(query.sql),
      BigInt(query.session.id),
      query.session.user,
      query.session.role,
      query.session.warehouse,
      query.tag,
      query.status === 'SUCCESS' ? 'SUCCESS' : 'FAIL',
      query.error?.code ?? null,
      query.error?.message ?? null,
      BigInt(query.started) * 1000n,
      BigInt(query.ended ?? query.started) * 1000n,
      BigInt((query.ended ?? query.started) - query.started),
      BigInt(query.rows),
    ]);
    await control.run(`INSERT INTO ${SYSTEM_DATABASE}.main.query_history VALUES ${rows.join(', ')}`, values);
  }
}
