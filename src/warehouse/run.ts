/**
 * A statement run: rows streamed and cut at the limits, the rest cancelled in the warehouse, with a deadline of our own (the
 * driver goes on asking a dead server a thousand times).
 */
import type { RowStatement } from 'snowflake-sdk';
import { failureOf, type WarehouseConnection } from './connection.js';
import { StatementCancelled, WarehouseUnavailable } from './options.js';
import { converter, type Json } from './value.js';

export interface RunOptions {
  readonly binds: readonly (string | number | boolean | null)[];
  /** Stands in Snowflake's history with the statement. */
  readonly tag: string;
  readonly maxRows: number;
  /** Over the JSON text of the rows. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface RunResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Json[])[];
  readonly bytes: number;
  readonly isTruncated: boolean;
  readonly queryId: string;
}

/** Our deadline comes a little after Snowflake's own, so that its clearer error is the one that is heard. */
const GRACE_MS = 2000;
const CANCEL_WAIT_MS = 3000;

/** True once the warehouse has said that it heard. */
function cancelStatement(statement: RowStatement | undefined, connection: WarehouseConnection): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      connection.markBroken();
      resolve(false);
    }, CANCEL_WAIT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    try {
      if (statement) statement.cancel(done);
      else done();
    } catch {
      connection.markBroken();
      done();
    }
  });
}

function collect(statement: RowStatement, options: RunOptions): Promise<Omit<RunResult, 'queryId'>> {
  const columns = statement.getColumns() ?? [];
  const convert = columns.map(converter);
  const rows: Json[][] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const result = (isTruncated: boolean): Omit<RunResult, 'queryId'> => ({
      columns: columns.map((column) => ({ name: column.getName(), type: column.getType().toUpperCase() })),
      rows,
      bytes,
      isTruncated,
    });
    const stream = statement.streamRows();
    stream.on('error', (error: unknown) => reject(failureOf(error)));
    stream.on('end', () => resolve(result(false)));
    stream.on('data', (row: unknown) => {
      const cells = Array.isArray(row) ? row : Object.values(row as object);
      if (rows.length >= options.maxRows) {
        stream.destroy();
        resolve(result(true));
        return;
      }
      const values = convert.map((one, index) => one(cells[index]));
      const size = Buffer.byteLength(JSON.stringify(values));
      if (bytes + size > options.maxBytes) {
        stream.destroy();
        resolve(result(true));
        return;
      }
      bytes += size;
      rows.push(values);
    });
  });
}

/** Throws StatementFailed, StatementCancelled or WarehouseUnavailable. */
export async function run(connection: WarehouseConnection, sqlText: string, options: RunOptions): Promise<RunResult> {
  let statement: RowStatement | undefined;
  let stop: (error: Error) => void = () => undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  stopped.catch(() => undefined);
  const onAbort = (): void => stop(new StatementCancelled('caller'));
  if (options.signal?.aborted) throw new StatementCancelled('caller');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop(new StatementCancelled('timeout')), options.timeoutMs + GRACE_MS);
  const work = new Promise<RowStatement>((resolve, reject) => {
    statement = connection.execute({
      sqlText,
      ...(options.binds.length > 0 ? { binds: [...options.binds] } : {}),
      streamResult: true,
      rowMode: 'array',
      fetchAsString: ['Number', 'Date'],
      parameters: {
        QUERY_TAG: options.tag,
        STATEMENT_TIMEOUT_IN_SECONDS: Math.max(1, Math.ceil(options.timeoutMs / 1000)),
        // One more than may be shown, to know whether there are more.
        ROWS_PER_RESULTSET: options.maxRows + 1,
      },
      complete: (error, finished) => (error ? reject(failureOf(error)) : resolve(finished as RowStatement)),
    });
  }).then(async (finished) => ({ ...(await collect(finished, options)), queryId: finished.getQueryId() }));
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    work.catch(() => undefined);
    if (error instanceof StatementCancelled) {
      const isHeard = await cancelStatement(statement, connection);
      // A deadline that passed in silence says more of the warehouse than of the statement.
      if (!isHeard && error.reason === 'timeout') throw new WarehouseUnavailable('Snowflake does not answer.', error);
    }
    if (error instanceof WarehouseUnavailable) connection.markBroken();
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}
