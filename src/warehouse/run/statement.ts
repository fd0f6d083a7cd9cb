/**
 * A statement run, or a result of one taken up again: rows in pages, with a deadline of our own (the driver goes on asking a dead
 * server a thousand times).
 */
import type { RowStatement, StatementOption } from 'snowflake-sdk';
import type { WarehouseConnection } from '../connection/connection.js';
import { waitFor } from '../connection/deadline.js';
import { failureOf } from '../errors/driver-error.js';
import { StatementCancelled, WarehouseUnavailable } from '../errors/failures.js';
import { type Page, ResultReader } from './result.js';

/** What is still to be asked once nothing lies between the answer and the statement but its way to Snowflake. */
export interface Leaving {
  /** Asked with the connection in hand, after all waiting for one. Where it throws, nothing was sent, and that is thrown. */
  readonly before?: (() => Promise<void>) | undefined;
}

export interface RunOptions extends Leaving {
  readonly binds: readonly (string | number | boolean | null)[];
  /** Stands in Snowflake's history with the statement. */
  readonly tag: string;
  /** Of the whole result; what lies beyond is not kept by Snowflake. */
  readonly maxResultRows: number;
  /** Of the first page. */
  readonly maxRows: number;
  /** Of its values as texts. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface RunResult extends Page {
  readonly columns: ResultReader['columns'];
  readonly queryId: string;
  /** Where to read on; undefined at the end. */
  readonly reader: ResultReader | undefined;
}

/** A part of a result that a statement left behind. */
export interface ResumeOptions extends Pick<RunOptions, 'before' | 'maxRows' | 'maxBytes' | 'timeoutMs' | 'signal'> {
  readonly queryId: string;
  readonly from: number;
}

/** Our deadline comes a little after Snowflake's own, so that its clearer error is the one that is heard. */
const GRACE_MS = 2000;
const CANCEL_WAIT_MS = 3000;
const CANCEL_AGAIN_MS = 200;

/** Whether a statement's end, of whatever kind, comes within so long. */
async function endsWithin(work: Promise<unknown> | undefined, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const end = work?.then(
    () => true,
    () => true,
  );
  const hasEnded = await Promise.race([late, ...(end ? [end] : [])]);
  clearTimeout(timer);
  return hasEnded;
}

/** True where Snowflake says that it was cancelled. Throws what the driver throws. */
const sendCancel = (statement: RowStatement): Promise<boolean> =>
  new Promise((resolve) => statement.cancel((error) => resolve(!error)));

/**
 * True once the warehouse has said that it heard, or the statement has ended. A no may mean that the statement is not there yet (the
 * request to cancel was quicker): it is told again. Of a connection on which it may still run nobody has anything any more.
 */
async function cancelStatement(
  statement: RowStatement | undefined,
  work: Promise<unknown> | undefined,
  connection: WarehouseConnection,
): Promise<boolean> {
  if (!statement) return true;
  const until = performance.now() + CANCEL_WAIT_MS;
  try {
    for (let left = CANCEL_WAIT_MS; left > 0; left = until - performance.now()) {
      const said = sendCancel(statement);
      // Where nothing is heard, the statement's own end is.
      if (await Promise.race([said, endsWithin(work, left)])) return true;
      if (await endsWithin(work, CANCEL_AGAIN_MS)) return true;
    }
  } catch {
    // The driver knows nothing to cancel: whether it runs is not known.
  }
  connection.markBroken();
  return false;
}

/** Reads the first page of what a statement leaves. */
async function firstPage(
  statement: RowStatement,
  from: number,
  { maxRows, maxBytes }: Pick<RunOptions, 'maxRows' | 'maxBytes'>,
): Promise<RunResult> {
  const reader = new ResultReader(statement, from);
  try {
    const page = await reader.read(maxRows, maxBytes);
    if (page.isLast) reader.close();
    return { ...page, columns: reader.columns, queryId: reader.queryId, reader: page.isLast ? undefined : reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}

type Started = (complete: NonNullable<StatementOption['complete']>) => RowStatement;

/** A statement begun and its first page read, before the deadline and for as long as somebody waits for it. */
async function within(
  connection: WarehouseConnection,
  { timeoutMs, signal }: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  start: Started,
  read: (statement: RowStatement) => Promise<RunResult>,
): Promise<RunResult> {
  let statement: RowStatement | undefined;
  let work: Promise<RunResult> | undefined;
  try {
    return await waitFor({ timeoutMs: timeoutMs + GRACE_MS, signal }, () => {
      work = new Promise<RowStatement>((resolve, reject) => {
        statement = start((error, finished) => (error ? reject(failureOf(error)) : resolve(finished as RowStatement)));
      }).then(read);
      return work;
    });
  } catch (error) {
    // What comes too late is nobody's: its stream is closed.
    work?.then(
      ({ reader }) => reader?.close(),
      () => undefined,
    );
    if (error instanceof StatementCancelled) {
      const isHeard = await cancelStatement(statement, work, connection);
      // A deadline that passed in silence says more of the warehouse than of the statement.
      if (!isHeard && error.reason === 'timeout')
        throw new WarehouseUnavailable('Snowflake does not answer.', 'cancelling was not heard');
    }
    if (error instanceof WarehouseUnavailable) connection.markBroken();
    throw error;
  }
}

const ROWS = { streamResult: true, rowMode: 'array', fetchAsString: ['Number'] } as const;

/** Throws StatementFailed, StatementCancelled or WarehouseUnavailable. */
export const run = (connection: WarehouseConnection, sqlText: string, options: RunOptions): Promise<RunResult> =>
  within(
    connection,
    options,
    (complete) =>
      connection.execute({
        sqlText,
        ...(options.binds.length > 0 ? { binds: [...options.binds] } : {}),
        ...ROWS,
        fetchAsString: [...ROWS.fetchAsString],
        parameters: {
          QUERY_TAG: options.tag,
          STATEMENT_TIMEOUT_IN_SECONDS: Math.max(1, Math.ceil(options.timeoutMs / 1000)),
          // One more than may be shown, to know whether there are more.
          ROWS_PER_RESULTSET: options.maxResultRows + 1,
        },
        complete,
      }),
    (statement) => firstPage(statement, 0, options),
  );

/**
 * Rows of a result that Snowflake keeps for 24 hours (documentation page user-guide/querying-persisted-results). That another session
 * of the same user may have them is not written there: `npm run test:live` asks. Throws as `run` does; StatementFailed where the result is no longer there.
 */
export const resume = (connection: WarehouseConnection, options: ResumeOptions): Promise<RunResult> =>
  within(
    connection,
    options,
    (complete) =>
      connection.fetchResult({
        queryId: options.queryId,
        ...ROWS,
        fetchAsString: [...ROWS.fetchAsString],
        complete,
      }),
    (statement) => firstPage(statement, options.from, options),
  );
