/** The next rows of a result, under the rules of now: where these have changed, the cursor is over. */
import { randomUUID } from 'node:crypto';
import type { Denial, Verdict } from '../policy/index.js';
import { type RunResult, StatementCancelled, StatementFailed } from '../warehouse/index.js';
import { type Answer, AnswerBuilder, type QueryRequest } from './answer/answer.js';
import { type Cursor, cursorAt, grantOf, isSame } from './answer/cursors.js';
import { CHANGED_RULES, NO_CURSOR, SLOW_ROWS } from './answer/denials.js';
import { noticesFor } from './answer/notices.js';
import { PAGE_BYTES, PAGE_ROWS, shownPage } from './answer/page.js';
import { type Caller, keyOf, type Rules, type Whose, whoseOf } from './judge/whose.js';
import type { Judging } from './limits/judging.js';
import { type FailureParts, failure } from './record/failure.js';
import { Intent } from './record/intent.js';
import type { RefuseParts } from './record/refuse.js';
import type { CompleteParts } from './run/complete.js';
import { NotSent, notOvertaken } from './weigh/overtaken.js';

export interface ReadOnParts extends Rules, CompleteParts, FailureParts {
  readonly judging: Judging;
}

export async function readOn(
  parts: ReadOnParts,
  { principal }: Caller,
  text: string,
  request: Pick<QueryRequest, 'maxRows' | 'signal'>,
): Promise<Answer> {
  const answer = new AnswerBuilder(randomUUID(), performance.now(), parts.now());
  try {
    await parts.transcript.ensureAlive();
    const cursor = await parts.cursors.find(principal, text);
    if (!cursor) return answer.finish({ status: 'error', error: NO_CURSOR });
    answer.session = cursor.session_id;
    answer.statementId = cursor.statement_id;
    const { statement: sql, binds } = cursor;
    const full: QueryRequest = { ...request, sql, binds, purpose: cursor.purpose ?? undefined };
    const whose = whoseOf(parts, principal, answer.askedAt);
    const judged = await parts.judging.inTurn(whose, full);
    const intent = new Intent(principal, cursor.session_id, cursor.statement_id, full, judged);
    const { verdict, sent, denial } = judged;
    if (denial || !verdict || sent === undefined || !isSame(cursor, grantOf(verdict, sent))) {
      return await refuseRows(parts, answer, intent, cursor, denial ?? CHANGED_RULES);
    }
    return await nextPage(parts, answer, intent, whose, verdict, cursor);
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

async function nextPage(
  parts: ReadOnParts,
  answer: AnswerBuilder,
  intent: Intent,
  whose: Whose,
  verdict: Verdict,
  cursor: Cursor,
): Promise<Answer> {
  const { warehouse, cursors, counters } = parts;
  const { recorder } = parts.transcript;
  const { position, end_row: endRow } = cursor;
  const rowsLeft = Math.max(0, Math.min(endRow, verdict.limits.rows) - position);
  const taken = rowsLeft === 0 ? 0 : await cursors.takeBytes(cursor, PAGE_BYTES);
  if (taken === 0) return answer.finish({ status: 'error', error: NO_CURSOR });
  let used = 0;
  let result: RunResult | undefined;
  try {
    result = await warehouse.resume(keyOf(verdict, whose.principal), {
      before: () => notOvertaken(parts, whose, CHANGED_RULES),
      queryId: cursor.query_id,
      from: position,
      maxRows: Math.min(intent.request.maxRows ?? PAGE_ROWS, PAGE_ROWS, rowsLeft),
      maxBytes: taken,
      timeoutMs: verdict.limits.timeoutMs,
      signal: intent.request.signal,
    });
    used = result.bytes;
    const page = shownPage(intent.judged, verdict, result);
    const next = position + result.rows.length;
    const hasMore = !result.isLast && result.rows.length > 0 && next < endRow;
    await recorder.append(
      intent.event('rows_fetched', {
        query_id: result.queryId,
        from: position,
        rows: result.rows.length,
        bytes: result.bytes,
        detected: [...page.found],
        ...page.record,
      }),
    );
    if (result.reader && hasMore) warehouse.hold(result.reader, true);
    else result.reader?.close();
    counters.ran(answer.elapsed, result.rows.length, result.bytes);
    const more = hasMore ? 'cursor' : 'limit';
    return answer.finish({
      status: 'ok',
      columns: page.columns,
      rows: page.rows,
      isTruncated: !result.isLast,
      cursor: hasMore ? cursorAt(cursor.id, next) : null,
      notices: noticesFor(intent.judged, verdict, result.isLast ? undefined : more, page.found, []),
      queryId: result.queryId,
    });
  } catch (error) {
    result?.reader?.close();
    if (error instanceof NotSent) return await refuseRows(parts, answer, intent, cursor, error.denial);
    if (error instanceof StatementFailed || error instanceof StatementCancelled) {
      const code = error instanceof StatementFailed ? error.code : 'CANCELLED';
      await recorder.append(
        intent.event('rows_fetched', { query_id: cursor.query_id, from: position, rows: 0, error: code }),
      );
      return answer.finish({ status: 'error', error: error instanceof StatementFailed ? NO_CURSOR : SLOW_ROWS });
    }
    throw error;
  } finally {
    await cursors.giveBack(cursor, taken - used);
  }
}
