/** What came of a statement that ran to its end: scanned once more, written down, then answered. */
import type { Principal } from '../../identity/index.js';
import type { Verdict } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import { changedRows, type RunResult, type Warehouse } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder } from '../answer/answer.js';
import { type Cursors, grantOf, movedTo } from '../answer/cursors.js';
import { noticesFor } from '../answer/notices.js';
import { shownPage } from '../answer/page.js';
import { isForeseen, UNFORESEEN } from '../judge/foreseen.js';
import { isChange } from '../judge/judged.js';
import type { Counters, Log } from '../record/counters.js';
import type { Intent } from '../record/intent.js';
import { isKept, type KeepParts, keep } from './keep.js';

export interface CompleteParts extends KeepParts {
  readonly transcript: TranscriptStore;
  readonly warehouse: Warehouse;
  readonly cursors: Cursors;
  readonly counters: Counters;
  readonly log: Log;
}

export async function complete(
  parts: CompleteParts,
  answer: AnswerBuilder,
  intent: Intent,
  principal: Principal,
  verdict: Verdict,
  result: RunResult,
): Promise<Answer> {
  const { transcript, counters } = parts;
  const names = result.columns.map(({ name }) => name);
  if (!isForeseen(intent.judged, names)) return await unforeseen(parts, answer, intent, result);
  if (isKept(intent.request, intent.judged)) return keep(parts, answer, intent, principal, verdict, result);
  const page = await shownPage(intent.judged, verdict, result);
  const { columns, rows, found, cut, bytes } = page;
  const isTruncated = !result.isLast;
  const { cursor, first } = await cursorsOf(parts, intent, principal, verdict, result, {
    isCut: cut.length > 0,
    bytes,
  });
  const more = cursor === null ? 'limit' : 'cursor';
  const notices = noticesFor(intent.judged, verdict, isTruncated ? more : undefined, found, intent.request.binds ?? []);
  if (intent.request.format !== undefined)
    notices.push('There is no file: format is for what is read, and a change answers its numbers here.');
  await transcript.recorder.appendAll([
    ...intent.sent(result.queryId),
    intent.event('statement_completed', {
      query_id: result.queryId,
      rows: rows.length,
      // The answer to a change is one row, whatever it touched.
      ...(isChange(intent.judged) ? { rows_touched: changedRows(result) ?? null } : {}),
      bytes,
      truncated: isTruncated,
      duration_ms: Math.round(answer.elapsed),
      masks: columns.filter((column) => column.mask !== null).map((column) => [column.name, column.mask]),
      detected: [...found],
      ...page.record,
    }),
  ]);
  // The one row of a change tells how many it changed: that is none that was answered.
  counters.ran(answer.elapsed, isChange(intent.judged) ? 0 : rows.length, bytes);
  return answer.finish({
    status: 'ok',
    columns,
    rows,
    isTruncated,
    cursor,
    cut: cut.length === 0 ? undefined : { cursor: first, cells: cut },
    notices,
    queryId: result.queryId,
  });
}

/** Other columns came than were judged: none of them is shown. */
async function unforeseen(
  { transcript, log }: CompleteParts,
  answer: AnswerBuilder,
  intent: Intent,
  { reader, queryId }: RunResult,
): Promise<Answer> {
  reader?.close();
  log.error({ statement: intent.statementId }, 'a result has other columns than were judged');
  const { code, message } = UNFORESEEN;
  await transcript.recorder.appendAll([
    ...intent.sent(queryId),
    intent.event('statement_failed', {
      code,
      message,
      query_id: queryId,
      duration_ms: Math.round(answer.elapsed),
    }),
  ]);
  return answer.stopped(UNFORESEEN);
}

/** Where to read on, and where this page begins, for cells of it that were cut; null where there is nothing more to be had. */
interface Places {
  readonly cursor: string | null;
  readonly first: string | null;
}

const NOWHERE: Places = { cursor: null, first: null };

/** A result of which there is more, and of which the principal may see more, stays open here for a while. */
async function cursorsOf(
  { cursors, warehouse }: CompleteParts,
  intent: Intent,
  principal: Principal,
  verdict: Verdict,
  result: RunResult,
  { isCut, bytes }: { readonly isCut: boolean; readonly bytes: number },
): Promise<Places> {
  const { reader, rows } = result;
  const bytesLeft = verdict.limits.resultBytes - bytes;
  // A row that fits into no page is the end as well.
  const hasMore = reader !== undefined && rows.length > 0 && rows.length < verdict.limits.rows && bytesLeft > 0;
  if (!hasMore) reader?.close();
  if (!hasMore && (!isCut || bytesLeft <= 0)) return NOWHERE;
  const first = await cursors
    .make(principal, {
      sessionId: intent.session,
      statementId: intent.statementId,
      queryId: result.queryId,
      statement: intent.request.sql,
      binds: intent.request.binds ?? [],
      purpose: intent.request.purpose,
      grant: grantOf(verdict, intent.judged.sent ?? ''),
      position: 0,
      endRow: hasMore ? verdict.limits.rows : rows.length,
      bytesLeft,
    })
    .catch((error: unknown) => {
      reader?.close();
      throw error;
    });
  if (!hasMore) return { cursor: null, first };
  warehouse.hold(reader, false);
  return { cursor: movedTo(first, rows.length), first };
}
