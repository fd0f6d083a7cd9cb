/** A result that is wanted as a file: nothing of it is answered but its columns and the link by which it is downloaded. */
import type { Principal } from '../../identity/index.js';
import type { Denial, Verdict } from '../../policy/index.js';
import type { TranscriptStore } from '../../transcript/index.js';
import type { RunResult } from '../../warehouse/index.js';
import type { Answer, AnswerBuilder, QueryRequest } from '../answer/answer.js';
import { grantOf } from '../answer/cursors.js';
import type { Downloads, NewDownload } from '../answer/downloads.js';
import { noticesFor } from '../answer/notices.js';
import { shownPage } from '../answer/page.js';
import { isChange, type Judged } from '../judge/judged.js';
import type { Counters } from '../record/counters.js';
import type { Intent } from '../record/intent.js';

export interface KeepParts {
  readonly transcript: TranscriptStore;
  readonly downloads: Downloads;
  readonly counters: Counters;
  /** How many links of a principal's may wait to be opened, and what is said, and thrown, where those are there. */
  readonly openLinks: {
    readonly most: number;
    readonly over: (whom: Principal, seconds: number) => Error & { readonly denial: Denial };
  };
}

/** Whether there will be a file: what a change answers is a row of numbers, which needs none. */
export const isKept = ({ format }: QueryRequest, judged: Judged): boolean => format !== undefined && !isChange(judged);

/** Throws NotAdmitted where others of this principal's were made while the statement ran, and there is no room for this one. */
export async function keep(
  parts: KeepParts,
  answer: AnswerBuilder,
  intent: Intent,
  principal: Principal,
  verdict: Verdict,
  result: RunResult,
): Promise<Answer> {
  const { request, judged } = intent;
  const { format } = request;
  if (format === undefined) throw new Error('A result came to be kept as a file of no format.');
  // It is read anew when the link is opened: nothing of it waits here.
  result.reader?.close();
  const { columns } = await shownPage(judged, verdict, { ...result, rows: [] });
  const endRow = Math.min(request.maxRows ?? Number.POSITIVE_INFINITY, verdict.limits.rows);
  const newDownload: NewDownload = {
    sessionId: intent.session,
    statementId: intent.statementId,
    queryId: result.queryId,
    format,
    statement: request.sql,
    binds: request.binds ?? [],
    purpose: request.purpose,
    grant: grantOf(verdict, judged.sent ?? ''),
    endRow,
    bytes: verdict.limits.resultBytes,
  };
  const made = await parts.downloads.make(principal, newDownload, parts.openLinks.most);
  if (typeof made === 'number') {
    const refusal = parts.openLinks.over(principal, made);
    const { code, message } = refusal.denial;
    await parts.transcript.recorder.appendAll([
      ...intent.sent(result.queryId),
      intent.event('statement_failed', {
        code,
        message,
        query_id: result.queryId,
        duration_ms: Math.round(answer.elapsed),
      }),
    ]);
    throw refusal;
  }
  const { total } = result;
  const isTruncated = total !== undefined && total > endRow;
  const isAtLimit = isTruncated && endRow === verdict.limits.rows;
  const notices = noticesFor(judged, verdict, isAtLimit ? 'limit' : undefined, new Set(), request.binds ?? []);
  if (isTruncated && !isAtLimit)
    notices.push(`The file ends after ${endRow} rows, as max_rows says; the result has more.`);
  await parts.transcript.recorder.appendAll([
    ...intent.sent(result.queryId),
    intent.event('statement_completed', {
      query_id: result.queryId,
      rows: 0,
      bytes: 0,
      truncated: isTruncated,
      duration_ms: Math.round(answer.elapsed),
      masks: columns.filter((column) => column.mask !== null).map((column) => [column.name, column.mask]),
      detected: [],
      download: made.id,
      format,
      expires_at: made.expiresAt,
    }),
  ]);
  parts.counters.ran(answer.elapsed, 0, 0);
  return answer.finish({
    status: 'ok',
    columns,
    isTruncated,
    download: { ...made, format, rows: total === undefined ? undefined : Math.min(total, endRow) },
    notices,
    queryId: result.queryId,
  });
}
