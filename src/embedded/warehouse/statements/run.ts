/** Queries and changes: translated, run by DuckDB, answered row by row. */
import {
  type Bind,
  type Cell,
  CHANGED,
  type Chunk,
  cancelled,
  changeResult,
  duplicateRow,
  type Result,
  STATEMENT_TYPE,
  type WireColumn,
  wireColumn,
} from '../../../protocol/index.js';
import { type Translated, translate, usesHistory, withBinds } from '../dialect/translate.js';
import { encoder } from '../engine/cells.js';
import { fromDuck } from '../engine/column-types.js';
import { bindValue } from './binds.js';
import { changeCount } from './changes.js';
import { dialectSession } from './dialect-session.js';
import type { Execution } from './execution.js';
import { preparedFor } from './prepared.js';

/** DuckDB renames equal names of one result to `X_1`; Snowflake repeats them. */
function originalNames(names: readonly string[], known: ReadonlySet<string>): string[] {
  return names.map((name, index) => {
    const match = /^(.*?)(?:_\d+)$/.exec(name);
    const base = match?.[1];
    return base !== undefined && names.slice(0, index).includes(base) && !known.has(name) ? base : name;
  });
}

/** sql/merge, "Duplicate join behavior": an error unless ERROR_ON_NONDETERMINISTIC_MERGE is FALSE. */
async function checkDuplicates(
  { duplicates, binds: positions }: Translated,
  binds: readonly Bind[],
  { session }: Execution,
): Promise<void> {
  const isAllowed = /^false$/i.test(session.parameters.text('ERROR_ON_NONDETERMINISTIC_MERGE'));
  if (duplicates === undefined || isAllowed) return;
  const values = positions.map((position) => binds[position - 1]?.value ?? null);
  const found = (await session.connection.runAndReadAll(withBinds(duplicates, values))).getRowsJS()[0]?.[0];
  if (found !== undefined) throw duplicateRow(String(found));
}

export async function run(sql: string, binds: readonly Bind[], execution: Execution): Promise<Result> {
  const { session, engine, limits } = execution;
  const { connection } = session;
  const translated = translate(sql, dialectSession(session), engine.catalog, binds);
  if (usesHistory(sql)) await execution.syncHistory();
  if (/INFORMATION_SCHEMA/i.test(sql)) await engine.catalog.publish();
  const values = translated.binds.map((position) => bindValue(binds[position - 1] ?? { type: 'TEXT', value: null }));
  // A name that the statement itself spells out is no invention of DuckDB's.
  const known = new Set([
    ...translated.relations.flatMap((relation) => relation.columns.map((column) => column.name)),
    ...[...sql.matchAll(/"((?:[^"]|"")+)"|[\w$]+/g)].map((match) => match[1] ?? match[0].toUpperCase()),
  ]);
  const columnsFrom = (names: readonly string[], types: readonly Parameters<typeof fromDuck>[0][]): WireColumn[] =>
    originalNames(names, known).map((name, index) => {
      const type = types[index];
      return wireColumn(name, translated.declared[index] ?? (type ? fromDuck(type) : { type: 'text' }));
    });
  if (execution.describeOnly) {
    const prepared = await connection.prepare(translated.sql);
    const names = Array.from({ length: prepared.columnCount }, (_, index) => prepared.columnName(index));
    const columns = columnsFrom(
      names,
      names.map((_, index) => prepared.columnType(index)),
    );
    prepared.destroySync();
    return { columns, rows: [], chunks: [], total: 0, statementType: STATEMENT_TYPE.select };
  }
  execution.setRunning(true);
  try {
    await checkDuplicates(translated, binds, execution);
    const zone = session.parameters.text('TIMEZONE');
    const prepared = await preparedFor(connection, engine.catalog.version, zone, translated.sql);
    if (values.length > 0) prepared.bind(values);
    const result = await prepared.stream();
    const types = result.columnTypes();
    const columns = columnsFrom(result.columnNames(), types);
    const encoders = types.map((type, index) => {
      const column = columns[index];
      const shown = column ? { type: column.type, scale: column.scale ?? undefined } : fromDuck(type);
      return encoder(shown, type.alias === 'JSON' || type.toString() === 'VARCHAR', zone);
    });
    const rows: Cell[][] = [];
    const chunks: Chunk[] = [];
    let pending: string[] = [];
    let total = 0;
    let done = false;
    while (!done) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) break;
      if (execution.isCancelled()) throw cancelled();
      const vectors = types.map((_, index) => chunk.getColumnValues(index));
      for (let row = 0; row < chunk.rowCount; row++) {
        if (execution.maxRows > 0 && total >= execution.maxRows) {
          done = true;
          break;
        }
        const cells = encoders.map((encode, index) => encode(vectors[index]?.[row] ?? null));
        if (total < limits.inlineRows) rows.push(cells);
        else {
          pending.push(JSON.stringify(cells));
          if (pending.length >= limits.chunkRows) {
            chunks.push(await execution.makeChunk(chunks.length, pending));
            pending = [];
          }
        }
        total++;
      }
    }
    if (pending.length > 0) chunks.push(await execution.makeChunk(chunks.length, pending));
    return (
      changeCount(result.statementType, rows, sql) ?? {
        columns,
        rows,
        chunks,
        total,
        statementType: STATEMENT_TYPE.select,
      }
    );
  } finally {
    execution.setRunning(false);
  }
}

/** An INSERT with array binds runs once for each row of them, all or none. */
export async function runMany(sql: string, binds: readonly (readonly Bind[])[], execution: Execution): Promise<Result> {
  const { connection } = execution.session;
  const own = !execution.session.inTransaction;
  if (own) await connection.run('BEGIN TRANSACTION');
  try {
    let count = 0;
    for (const row of binds) {
      const result = await run(sql, row, execution);
      count += Number(result.rows[0]?.[0] ?? 0);
    }
    if (own) await connection.run('COMMIT');
    return changeResult('insert', [CHANGED.inserted], [String(count)]);
  } catch (error) {
    if (own) await connection.run('ROLLBACK');
    throw error;
  }
}
