/** The next rows of a result, or one of its cells whole, under the rules of now: where these have changed, the cursor is over. */
import { randomUUID } from 'node:crypto';
import type { Denial, Verdict } from '../policy/index.js';
import { type PageSize, type RunResult, StatementCancelled, StatementFailed } from '../warehouse/index.js';
import { type Answer, AnswerBuilder, type QueryRequest, type ReadOnRequest } from './answer/answer.js';
import { type Cursor, cursorAt, grantOf, isSame } from './answer/cursors.js';
import { CHANGED_RULES, largeRow, NO_CELL, NO_CURSOR, NOTHING_LEFT, noRow, SLOW_ROWS } from './answer/denials.js';
import { noticesFor } from './answer/notices.js';
import { ASKED_BYTES, pageSize, shownPage } from './answer/page.js';
import { type Caller, keyOf, type Rules, type Whose, whoseOf } from './judge/whose.js';
import type { Judging } from './limits/judging.js';
import { type FailureParts, failure } from './record/failure.js';
import { authorOf, Intent } from './record/intent.js';
import type { RefuseParts } from './record/refuse.js';
import type { CompleteParts } from './run/complete.js';
import { NotSent, notOvertaken } from './weigh/overtaken.js';

/** A value of Snowflake's may have 128 MB; so much of one is answered. */
const CELL_BYTES = 16_000_000;

export interface ReadOnParts extends Rules, CompleteParts, FailureParts {
  readonly judging: Judging;
}

export async function readOn(
  parts: ReadOnParts,
  caller: Caller,
  text: string,
  request: ReadOnRequest,
): Promise<Answer> {
  const answer = new AnswerBuilder(randomUUID(), performance.now(), parts.now());
  const { principal } = caller;
  try {
    await parts.transcript.ensureAlive();
    const cursor = await parts.cursors.find(principal, text);
    if (!cursor) return answer.finish({ status: 'error', error: NO_CURSOR });
    answer.session = cursor.session_id;
    answer.statementId = cursor.statement_id;
    const { statement: sql, binds } = cursor;
    const full: QueryRequest = {
      maxRows: request.maxRows,
      signal: request.signal,
      sql,
      binds,
      purpose: cursor.purpose ?? undefined,
      goesOn: true,
    };
    const whose = whoseOf(parts, caller, answer.askedAt);
    const judged = await parts.judging.inTurn(whose, full);
    const intent = new Intent(authorOf(parts.transcript, whose), cursor.session_id, cursor.statement_id, full, judged);
    const { verdict, sent, denial } = judged;
    if (denial || !verdict || sent === undefined || !isSame(cursor, grantOf(verdict, sent))) {
      return await refuseRows(parts, answer, intent, cursor, denial ?? CHANGED_RULES);
    }
    const of: Reading = { parts, answer, intent, whose, verdict, cursor };
    return request.cell ? await wholeCell(of, request.cell) : await nextPage(of);
  } catch (error) {
    return failure(parts, answer, error);
  }
}

/** The statement itself has had its outcome. */
async function refuseRows(
  { counters, transcript }: RefuseParts,
  answer: AnswerBuilder,
  intent: Intent,
  cursor: Cursor,
  denial: Denial,
): Promise<Answer> {
  counters.verdict('deny', denial.code);
  await transcript.recorder.append(
    intent.event('rows_fetched', { query_id: cursor.query_id, from: cursor.position, rows: 0, denial }),
  );
  return answer.denied(denial);
}

interface Reading {
  readonly parts: ReadOnParts;
  readonly answer: AnswerBuilder;
  readonly intent: Intent;
  readonly whose: Whose;
  readonly verdict: Verdict;
  readonly cursor: Cursor;
}

/** Rows of the result from where it is asked, with what may be answered of them in bytes. What is not used of these is given back. */
async function readBy(
  { parts, answer, intent, whose, verdict, cursor }: Reading,
  from: number,
  most: number,
  sizeFor: (rowsLeft: number, bytes: number) => PageSize,
  answered: (result: RunResult, bytes: number) => Promise<{ readonly answer: Answer; readonly used: number }>,
  beyond: Answer['error'] = NO_CURSOR,
): Promise<Answer> {
  const { warehouse, cursors } = parts;
  const rowsLeft = Math.max(0, Math.min(cursor.end_row, verdict.limits.rows) - from);
  const taken = rowsLeft === 0 ? 0 : await cursors.takeBytes(cursor, most);
  if (taken === 0) return answer.finish({ status: 'error', error: rowsLeft === 0 ? beyond : NOTHING_LEFT });
  let used = 0;
  let result: RunResult | undefined;
  try {
    result = await warehouse.resume(keyOf(verdict, whose.principal), {
      before: () => notOvertaken(parts, whose, CHANGED_RULES),
      queryId: cursor.query_id,
      from,
      ...sizeFor(rowsLeft, taken),
      timeoutMs: verdict.limits.timeoutMs,
      signal: intent.request.signal,
    });
    const done = await answered(result, taken);
    used = done.used;
    return done.answer;
  } catch (error) {
    result?.reader?.close();
    if (error instanceof NotSent) return await refuseRows(parts, answer, intent, cursor, error.denial);
    if (error instanceof StatementFailed || error instanceof StatementCancelled) {
      const code = error instanceof StatementFailed ? error.code : 'CANCELLED';
      await parts.transcript.recorder.append(
        intent.event('rows_fetched', { query_id: cursor.query_id, from, rows: 0, error: code }),
      );
      return answer.finish({ status: 'error', error: error instanceof StatementFailed ? NO_CURSOR : SLOW_ROWS });
    }
    throw error;
  } finally {
    await cursors.giveBack(cursor, taken - used);
  }
}

function nextPage(of: Reading): Promise<Answer> {
  const { parts, answer, intent, verdict, cursor } = of;
  const { position } = cursor;
  return readBy(
    of,
    position,
    ASKED_BYTES,
    (rowsLeft, bytes) => pageSize(intent.request.maxRows, rowsLeft, bytes),
    async (result) => {
      const page = await shownPage(intent.judged, verdict, result);
      const next = position + result.rows.length;
      const hasMore = !result.isLast && result.rows.length > 0 && next < cursor.end_row;
      await parts.transcript.recorder.append(
        intent.event('rows_fetched', {
          query_id: result.queryId,
          from: position,
          rows: result.rows.length,
          bytes: page.bytes,
          detected: [...page.found],
          ...page.record,
        }),
      );
      if (result.reader && hasMore) parts.warehouse.hold(result.reader, true);
      else result.reader?.close();
      parts.counters.ran(answer.elapsed, result.rows.length, page.bytes);
      const more = hasMore ? 'cursor' : 'limit';
      const told = answer.finish({
        status: 'ok',
        columns: page.columns,
        rows: page.rows,
        isTruncated: !result.isLast,
        cursor: hasMore ? cursorAt(cursor.id, next) : null,
        cut: page.cut.length === 0 ? undefined : { cursor: cursorAt(cursor.id, position), cells: page.cut },
        notices: noticesFor(intent.judged, verdict, result.isLast ? undefined : more, page.found, []),
        queryId: result.queryId,
      });
      return { answer: told, used: page.bytes };
    },
  );
}

/**
 * The column that is meant by its name where only one has it, or by its number, also as a text; undefined for none. `isNamedByData`: names
 * are values then, which would be guessed; by its number alone.
 */
function columnOf({ columns }: RunResult, wanted: number | string, isNamedByData: boolean): number | undefined {
  const named = isNamedByData ? [] : columns.flatMap(({ name }, at) => (name === wanted ? [at] : []));
  if (named.length > 0) return named.length === 1 ? named[0] : undefined;
  const number = /^\d+$/.test(String(wanted)) ? Number(wanted) : 0;
  return number >= 1 && number <= columns.length ? number - 1 : undefined;
}

function wholeCell(of: Reading, { row, column: wanted }: NonNullable<ReadOnRequest['cell']>): Promise<Answer> {
  const { parts, answer, intent, verdict, cursor } = of;
  const from = cursor.position + row - 1;
  const endRow = Math.min(cursor.end_row, verdict.limits.rows);
  /** A cursor that ends before the limit ends with the result. */
  const noRowOf = (total = cursor.end_row < verdict.limits.rows ? endRow : undefined) =>
    noRow(row, Math.max(0, Math.min(total ?? endRow, endRow) - cursor.position), total !== undefined);
  return readBy(
    of,
    from,
    CELL_BYTES,
    // Of the row one cell is looked through and answered; read is all of it.
    (_rows, bytes) => ({ maxRows: 1, maxBytes: bytes }),
    async (result, bytes) => {
      result.reader?.close();
      const column = columnOf(
        result,
        wanted,
        intent.judged.outputMasks.some(({ isMany }) => isMany),
      );
      const isTooLarge = result.rows.length === 0 && !result.isLast;
      if (isTooLarge) return { answer: await refuseRows(parts, answer, intent, cursor, largeRow(bytes)), used: 0 };
      if (result.rows.length === 0 || column === undefined) {
        await parts.transcript.recorder.append(
          intent.event('rows_fetched', { query_id: cursor.query_id, from, rows: 0, error: NO_CELL.code }),
        );
        const error = result.rows.length === 0 ? noRowOf(result.total) : NO_CELL;
        return { answer: answer.finish({ status: 'error', error }), used: 0 };
      }
      const page = await shownPage(intent.judged, verdict, result, column);
      const used = page.bytes;
      await parts.transcript.recorder.append(
        intent.event('rows_fetched', {
          query_id: result.queryId,
          from,
          rows: 1,
          column: column + 1,
          bytes: used,
          detected: [...page.found],
          ...page.record,
        }),
      );
      // A cell that is read whole is no row more.
      parts.counters.ran(answer.elapsed, 0, used);
      const told = answer.finish({
        status: 'ok',
        columns: page.columns,
        rows: page.rows,
        notices: noticesFor(intent.judged, verdict, undefined, page.found, []),
        queryId: result.queryId,
      });
      return { answer: told, used };
    },
    noRowOf(),
  );
}
