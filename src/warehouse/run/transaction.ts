/**
 * A change in a transaction of its own: begun, run, looked at, and only then committed. So a limit on the rows that it touches holds for
 * what it did, not for what a count said before (documentation page transactions: a statement's changes are seen by nobody else before
 * COMMIT, and whatever is not committed when the session ends never is).
 *
 * The answer to a change is one row of numbers, named after what was done (sql/insert, sql/update, sql/delete, sql/merge).
 */
import type { WarehouseConnection } from '../connection/connection.js';
import { StatementCancelled } from '../errors/failures.js';
import { type RunOptions, type RunResult, run } from './statement.js';

export interface BoundedOptions extends RunOptions {
  /** What the transaction's own statements are called in Snowflake's history. */
  readonly tags: { readonly begin: string; readonly commit: string; readonly rollback: string };
  /**
   * Told how many rows were changed, undefined where the answer does not say: whether that may stay. Between its answer and COMMIT there is
   * nothing.
   */
  readonly mayStay: (rows: number | undefined, queryId?: string) => boolean | Promise<boolean>;
}

export interface BoundedResult {
  /** False: it was rolled back, since `mayStay` said no. */
  readonly isCommitted: boolean;
  readonly rows: number | undefined;
  readonly result: RunResult;
}

/** COMMIT was sent and not answered, or answered with an error: only Snowflake's history tells whether the change was made. */
export class CommitUnknown extends Error {
  /** Of the change. */
  readonly queryId: string;

  constructor(queryId: string, cause: unknown) {
    super('Whether the change was committed is not known.', { cause });
    this.name = 'CommitUnknown';
    this.queryId = queryId;
  }
}

/** A change answers one row, however many it touched. */
const ANSWER = { maxRows: 2, maxBytes: 100_000 };

/** Rows that were updated from several source rows are among the updated ones already (sql/update). */
const AGAIN = /^number of multi-joined rows updated$/i;
const CHANGED = /^number of rows (?:inserted|updated|deleted)\b/i;

/** How many rows a change says that it touched; undefined where its answer has another form. */
export function changedRows({ columns, rows, isLast }: Pick<RunResult, 'columns' | 'rows' | 'isLast'>) {
  const [row] = rows;
  if (!row || rows.length > 1 || !isLast) return undefined;
  let changed: number | undefined;
  for (const [at, { name }] of columns.entries()) {
    if (AGAIN.test(name)) continue;
    const value = row[at];
    if (!CHANGED.test(name) || typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
    changed = (changed ?? 0) + value;
  }
  return changed;
}

/** Undoes what was done. A session that does not answer is closed instead: what it did not commit is gone with it. */
async function rollBack(connection: WarehouseConnection, tag: string): Promise<void> {
  if (!connection.isUsable) return;
  try {
    await connection.simple('ROLLBACK', tag);
  } catch {
    connection.markBroken();
  }
}

/**
 * Throws what `run` throws, and then nothing was changed; CommitUnknown where that can't be told. A connection of which anything is
 * uncertain goes back to no pool.
 */
export async function runBounded(
  connection: WarehouseConnection,
  sqlText: string,
  options: BoundedOptions,
): Promise<BoundedResult> {
  const { tags, mayStay, signal } = options;
  let result: RunResult;
  let rows: number | undefined;
  let isCommitted: boolean;
  try {
    await connection.simple('BEGIN TRANSACTION', tags.begin);
  } catch (error) {
    connection.markBroken();
    throw error;
  }
  try {
    result = await run(connection, sqlText, { ...options, ...ANSWER });
    result.reader?.close();
    rows = changedRows(result);
    isCommitted = await mayStay(rows, result.queryId);
    // Whoever no longer waits for it hears nothing of it, so it is not done.
    if (signal?.aborted) throw new StatementCancelled('caller');
  } catch (error) {
    await rollBack(connection, tags.rollback);
    throw error;
  }
  if (!isCommitted) {
    await rollBack(connection, tags.rollback);
    return { isCommitted, rows, result };
  }
  try {
    await connection.simple('COMMIT', tags.commit);
  } catch (error) {
    connection.markBroken();
    throw new CommitUnknown(result.queryId, error);
  }
  return { isCommitted, rows, result };
}
