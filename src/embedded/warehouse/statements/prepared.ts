/** Statements that DuckDB has prepared. */
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';

interface Prepared {
  readonly version: number;
  readonly byText: Map<string, DuckDBPreparedStatement>;
}

const prepared = new WeakMap<DuckDBConnection, Prepared>();
const MAX_PREPARED = 32;

/**
 * Prepared once per connection for as long as no table changes its shape, and anew in another zone, which DuckDB has worked into what
 * it prepared. A session's statements run one after another.
 */
export async function preparedFor(
  connection: DuckDBConnection,
  version: number,
  zone: string,
  text: string,
): Promise<DuckDBPreparedStatement> {
  const held = prepared.get(connection);
  const isCurrent = held?.version === version;
  if (held && !isCurrent) for (const old of held.byText.values()) old.destroySync();
  const { byText } = isCurrent ? held : { byText: new Map<string, DuckDBPreparedStatement>() };
  if (!isCurrent) prepared.set(connection, { version, byText });
  const key = `${zone}\n${text}`;
  const known = byText.get(key);
  if (known) return known;
  const made = await connection.prepare(text);
  const oldest = byText.keys().next().value;
  if (byText.size >= MAX_PREPARED && oldest !== undefined) {
    byText.get(oldest)?.destroySync();
    byText.delete(oldest);
  }
  byText.set(key, made);
  return made;
}
