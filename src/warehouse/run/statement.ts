/**
 * A statement run, or a result of one taken up again: rows in pages, with a deadline of our own (the driver goes on asking a dead
 * server a thousand times).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RowStatement, StatementOption } from 'snowflake-sdk';
import type { WarehouseConnection } from '../connection/connection.js';
import { waitFor } from '../connection/deadline.js';
import { failureOf } from '../errors/driver-error.js';
import { StatementCancelled, WarehouseUnavailable } from '../errors/failures.js';
import { type Page, type PageSize, ResultReader } from './result.js';

/** What is still to be asked once nothing lies between the answer and the statement but its way to Snowflake. */
export interface Leaving {
  /** Asked with the connection in hand, after all waiting for one. Where it throws, nothing was sent, and that is thrown. */
  readonly before?: (() => Promise<void>) | undefined;
}

/** Its sizes are those of the first page. */
export interface RunOptions extends Leaving, PageSize {
  readonly binds: readonly (string | number | boolean | null)[];
  /** Stands in Snowflake's history with the statement. */
  readonly tag: string;
  /** Of the whole result; what lies beyond is not kept by Snowflake. */
  readonly maxResultRows: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface RunResult extends Page {
  readonly columns: ResultReader['columns'];
  readonly queryId: string;
  /** Rows of the whole result; undefined where Snowflake does not say. */
  readonly total?: number | undefined;
  /** Where to read on; undefined at the end. */
  readonly reader: ResultReader | undefined;
}

/** A part of a result that a statement left behind. */
export interface ResumeOptions extends PageSize, Pick<RunOptions, 'before' | 'timeoutMs' | 'signal'> {
  readonly queryId: string;
  readonly from: number;
}

/** Of a result that is open, and how long its rows are waited for. */
export type NextOptions = PageSize & Pick<RunOptions, 'timeoutMs' | 'signal'>;

/** Our deadline comes a little after Snowflake's own, so that its clearer error is the one that is heard. */
const GRACE_MS = 2000;
const CANCEL_WAIT_MS = 3000;
const CANCEL_AGAIN_MS = 200;

/** What is heard of a cancel: a yes or a no of Snowflake, or nothing in time. */
type Heard = 'yes' | 'no' | undefined;

const sendCancel = (statement: RowStatement): Promise<Heard> =>
  new Promise((resolve) => statement.cancel((error) => resolve(error ? 'no' : 'yes')));

/**
 * Cancels until the warehouse says that it has, or the statement has ended. A no may mean that the statement is not there yet (the request
 * to cancel was quicker): it is told again. On a connection on which it may still run nothing else is run. Answers whether the warehouse
 * answers.
 */
async function cancelStatement(
  statement: RowStatement | undefined,
  work: Promise<unknown> | undefined,
  connection: WarehouseConnection,
): Promise<boolean> {
  if (!statement) return true;
  const waits = new AbortController();
  const { signal } = waits;
  const pause = (ms: number): Promise<undefined> => sleep(ms, undefined, { signal }).catch(() => undefined);
  const late = pause(CANCEL_WAIT_MS);
  const ended = work?.then<Heard, Heard>(
    () => 'yes',
    () => 'yes',
  );
  const first = (...others: Promise<Heard>[]): Promise<Heard> =>
    Promise.race([late, ...(ended ? [ended] : []), ...others]);
  let isAnswered = false;
  try {
    const until = performance.now() + CANCEL_WAIT_MS;
    while (performance.now() < until) {
      const heard = await first(sendCancel(statement));
      isAnswered ||= heard !== undefined;
      if (heard === 'yes' || (await first(pause(CANCEL_AGAIN_MS))) === 'yes') return true;
    }
  } catch {
    // The driver knows nothing to cancel: whether it runs is not known.
    isAnswered = true;
  } finally {
    waits.abort();
  }
  connection.markBroken();
  return isAnswered;
}

/** A page as whoever asked for it has it; after the last one the reader is closed. */
function pageOf(reader: ResultReader, page: Page): RunResult {
  if (page.isLast) reader.close();
  const { columns, queryId, total } = reader;
  return { ...page, columns, queryId, total, reader: page.isLast ? undefined : reader };
}

/** The next page of a result that is open. Throws as `run` does, and then the reader is closed. */
export async function next(reader: ResultReader, options: NextOptions): Promise<RunResult> {
  try {
    return pageOf(reader, await waitFor(options, () => reader.read(options)));
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** Reads the first page of what a statement leaves. */
async function firstPage(statement: RowStatement, from: number, size: PageSize): Promise<RunResult> {
  const reader = new ResultReader(statement, from);
  try {
    const page = await reader.read(size);
    return pageOf(reader, page);
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
      const isAnswered = await cancelStatement(statement, work, connection);
      // A deadline that passed in silence says more of the warehouse than of the statement.
      if (!isAnswered && error.reason === 'timeout')
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
