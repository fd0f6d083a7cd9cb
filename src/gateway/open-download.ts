/**
 * A result given out as a file: to its own principal, once, under the rules of now, looked through and recorded page by page before each
 * leaves. Nothing of it is kept: rows come from what Snowflake keeps, and go on to whoever takes them.
 */
import { createHash } from 'node:crypto';
import { type FileColumn, type Format, fileOf } from '../formats/index.js';
import type { Denial, Verdict } from '../policy/index.js';
import { type Lease, RecorderUnavailable } from '../transcript/index.js';
import { type RunResult, StatementCancelled, StatementFailed, type Warehouse } from '../warehouse/index.js';
import { type Answer, AnswerBuilder, type QueryRequest } from './answer/answer.js';
import { grantOf, isSame } from './answer/cursors.js';
import { CHANGED_RULES, isTheirs, RESULT_GONE, SLOW_RESULT } from './answer/denials.js';
import type { Downloads, FoundResult, KeptResult } from './answer/downloads.js';
import { filePage, shownPage } from './answer/page.js';
import { isForeseen, UNFORESEEN } from './judge/foreseen.js';
import type { Judged } from './judge/judged.js';
import { type Caller, keyOf, type Rules, type Whose, whoseOf } from './judge/whose.js';
import type { Admission } from './limits/admission.js';
import type { Judging } from './limits/judging.js';
import { type FailureParts, failure } from './record/failure.js';
import { authorOf, Intent } from './record/intent.js';
import type { RefuseParts } from './record/refuse.js';
import { hasOtherRules, NotSent, notOvertaken } from './weigh/overtaken.js';

export interface DownloadParts extends Rules, RefuseParts, FailureParts {
  readonly warehouse: Warehouse;
  readonly downloads: Downloads;
  readonly judging: Judging;
  readonly admission: Admission;
}

/** Why nobody took the rest: the client has gone, takes nothing, or this process is stopping. Thrown by whoever gives it out. */
export class NotTaken extends Error {
  readonly reason: 'client_gone' | 'stalled' | 'stopped';

  constructor(reason: NotTaken['reason']) {
    super(reason);
    this.name = 'NotTaken';
    this.reason = reason;
  }
}

/** How a file ended: with all there is, at a limit of its principal's, or in the middle. */
export type FileEnd = 'whole' | 'row_limit' | 'byte_limit' | NotTaken['reason'] | 'denied' | 'failed';

export interface OpenFile {
  readonly format: Format;
  readonly statementId: string;
  /** Rows that it will have, where Snowflake says how many there are; fewer where bytes are used up before. */
  readonly rows: number | undefined;
  /** There are more rows than its principal may have. */
  readonly isCut: boolean;
  /** Gives out the file part by part, each once `write` has taken the one before; throws nothing. */
  readonly send: (
    write: (bytes: Uint8Array) => Promise<void>,
  ) => Promise<{ readonly end: FileEnd; readonly rows: number }>;
}

export type Opening =
  | { readonly kind: 'none'; readonly state: Exclude<FoundResult['state'], 'kept'> }
  | { readonly kind: 'not opened'; readonly denial: Denial | undefined; readonly error: Answer['error'] }
  | { readonly kind: 'file'; readonly file: OpenFile };

/** Whether there is something to be opened; uses nothing up. `unavailable`: nobody can tell now. */
export async function lookAtDownload(
  parts: Pick<DownloadParts, 'transcript' | 'downloads' | 'now'> & FailureParts,
  { principal }: Caller,
  id: string,
): Promise<{ readonly state: FoundResult['state'] | 'unavailable'; readonly format: Format | undefined }> {
  try {
    await parts.transcript.ensureAlive();
    const found = await parts.downloads.find(principal, id);
    return { state: found.state, format: found.state === 'kept' ? found.kept.format : undefined };
  } catch (error) {
    failure(parts, new AnswerBuilder(id, performance.now(), parts.now()), error);
    return { state: 'unavailable', format: undefined };
  }
}

/** `signal`: whoever asked has gone, its reason a NotTaken. */
export async function openDownload(
  parts: DownloadParts,
  caller: Caller,
  id: string,
  signal: AbortSignal,
): Promise<Opening> {
  const { transcript, downloads, warehouse } = parts;
  const { principal } = caller;
  const answer = new AnswerBuilder(id, performance.now(), parts.now());
  answer.hasRun = true;
  let result: RunResult | undefined;
  try {
    await transcript.ensureAlive();
    const found = await downloads.find(principal, id);
    if (found.state !== 'kept') return { kind: 'none', state: found.state };
    const { kept } = found;
    const whose = whoseOf(parts, caller, answer.askedAt);
    const request: QueryRequest = {
      sql: kept.statement,
      binds: kept.binds,
      purpose: kept.purpose ?? undefined,
      format: kept.format,
      goesOn: true,
      signal,
    };
    const judged = await parts.judging.inTurn(whose, request);
    // It is recorded in the session that it was asked for in, which is the same principal's, perhaps with another client.
    const author = { ...authorOf(transcript, whose), clientId: kept.client_id };
    const intent = new Intent(author, kept.session_id, kept.statement_id, request, judged);
    const allowed = allowedNow(judged, kept);
    if ('code' in allowed) return await refused(parts, caller, intent, kept, allowed);
    try {
      result = await warehouse.resume(keyOf(allowed, principal), {
        before: () => notOvertaken(parts, whose, CHANGED_RULES),
        queryId: kept.query_id,
        from: 0,
        ...filePage(endRowOf(kept, allowed), bytesOf(kept, allowed)),
        timeoutMs: allowed.limits.timeoutMs,
        signal,
      });
    } catch (error) {
      if (error instanceof NotSent) return await refused(parts, caller, intent, kept, error.denial);
      if (error instanceof StatementFailed) return { kind: 'not opened', denial: undefined, error: RESULT_GONE };
      if (error instanceof StatementCancelled) return { kind: 'not opened', denial: undefined, error: SLOW_RESULT };
      throw error;
    }
    const names = result.columns.map(({ name }) => name);
    if (!isForeseen(judged, names)) {
      result.reader?.close();
      return await refused(parts, caller, intent, kept, UNFORESEEN);
    }
    // From here on nobody else can open it, whatever becomes of this.
    if (!(await downloads.open(kept))) {
      result.reader?.close();
      return { kind: 'none', state: 'opened' };
    }
    const { total } = result;
    const endRow = endRowOf(kept, allowed);
    await transcript.recorder.append(
      intent.event('download_opened', {
        download: kept.id,
        format: kept.format,
        query_id: kept.query_id,
        result_rows: total ?? null,
        opened_by: { client_id: principal.clientId, address: caller.client.address ?? null },
      }),
    );
    // Whoever takes this process for dead meanwhile ends it (record/lost-downloads.ts).
    const lease = transcript.recorder.lease(kept.session_id);
    const giving = new Giving(parts, answer, whose, intent, kept, allowed, result, lease);
    const file: OpenFile = {
      format: kept.format,
      statementId: kept.statement_id,
      rows: total === undefined ? undefined : Math.min(total, endRow),
      isCut: total !== undefined && total > endRow,
      send: (write) => giving.send(write),
    };
    return { kind: 'file', file };
  } catch (error) {
    result?.reader?.close();
    const { denial, error: told } = failure(parts, answer, error);
    return { kind: 'not opened', denial, error: told };
  }
}

/** What was lowered since holds as well. */
const endRowOf = (kept: KeptResult, { limits }: Verdict): number => Math.min(kept.end_row, limits.rows);
const bytesOf = (kept: KeptResult, { limits }: Verdict): number => Math.min(kept.bytes, limits.resultBytes);

/** The verdict of now, where it lets the very same text be sent; else what is said of it. */
function allowedNow({ denial, verdict, sent }: Judged, kept: KeptResult): Verdict | Denial {
  if (denial) return denial;
  return verdict && sent !== undefined && isSame(kept, grantOf(verdict, sent)) ? verdict : CHANGED_RULES;
}

/** It stays unopened: whoever asks under other rules may open it yet. */
async function refused(
  { counters, transcript, admission }: DownloadParts,
  { principal }: Caller,
  intent: Intent,
  { id, format, query_id }: KeptResult,
  denial: Denial,
): Promise<Opening> {
  counters.verdict('deny', denial.code);
  if (isTheirs(denial)) await admission.refused(principal);
  await transcript.recorder.append(
    intent.event('download_ended', { download: id, format, query_id, end: 'denied', denial, rows: 0, bytes: 0 }),
  );
  return { kind: 'not opened', denial, error: undefined };
}

const TAKEN_FOR_DEAD = 'this process was taken for dead, and others have ended the download';

/** A file on its way out. */
class Giving {
  readonly #parts: DownloadParts;
  readonly #answer: AnswerBuilder;
  readonly #intent: Intent;
  readonly #kept: KeptResult;
  readonly #digest = createHash('sha256');
  readonly #found = new Set<string>();
  readonly #lease: Lease;
  #whose: Whose;
  #judged: Judged;
  #verdict: Verdict;
  /** The page that comes next. */
  #result: RunResult;
  #rows = 0;
  #bytes = 0;
  #fileBytes = 0;

  constructor(
    parts: DownloadParts,
    answer: AnswerBuilder,
    whose: Whose,
    intent: Intent,
    kept: KeptResult,
    verdict: Verdict,
    first: RunResult,
    lease: Lease,
  ) {
    this.#parts = parts;
    this.#answer = answer;
    this.#whose = whose;
    this.#intent = intent;
    this.#judged = intent.judged;
    this.#kept = kept;
    this.#verdict = verdict;
    this.#result = first;
    this.#lease = lease;
  }

  async send(write: (bytes: Uint8Array) => Promise<void>): Promise<{ end: FileEnd; rows: number }> {
    let end: FileEnd;
    let denial: Denial | undefined;
    try {
      end = await this.#pages(write);
    } catch (error) {
      this.#result.reader?.close();
      ({ end, denial } = this.#brokenOff(error));
    }
    const isRecorded = await this.#recorded(end, denial);
    this.#parts.transcript.recorder.letGo(this.#lease, isRecorded);
    // An end that can't be recorded is none: whoever takes the file must not take it for whole.
    return { end: isRecorded ? end : 'failed', rows: this.#rows };
  }

  /** Each page is looked through and in the record before it leaves. */
  async #pages(write: (bytes: Uint8Array) => Promise<void>): Promise<FileEnd> {
    const give = async (bytes: Uint8Array): Promise<void> => {
      if (bytes.length === 0) return;
      await write(bytes);
      this.#digest.update(bytes);
      this.#fileBytes += bytes.length;
    };
    let page = await this.#page();
    const file = fileOf(this.#kept.format, this.#columns(page.columns));
    await give(file.begin());
    for (;;) {
      await give(file.rows(page.rows));
      const end = this.#endAfter(page.rows.length);
      if (end !== undefined) {
        this.#result.reader?.close();
        await give(file.end());
        return end;
      }
      await this.#readOn();
      page = await this.#page();
    }
  }

  /** Names as they are shown, types as the warehouse has them. */
  #columns(shown: readonly { readonly name: string }[]): readonly FileColumn[] {
    return this.#result.columns.map(({ type, precision, scale }, at) => ({
      name: shown[at]?.name ?? '',
      type,
      precision,
      scale,
    }));
  }

  async #page() {
    const { rows: read, queryId } = this.#result;
    const page = await shownPage(this.#judged, this.#verdict, this.#result, 'whole');
    if (read.length > 0)
      await this.#append('rows_fetched', {
        query_id: queryId,
        download: this.#kept.id,
        from: this.#rows,
        rows: read.length,
        bytes: page.bytes,
        detected: [...page.found],
        ...page.record,
      });
    for (const one of page.found) this.#found.add(one);
    this.#rows += read.length;
    this.#bytes += page.bytes;
    return page;
  }

  /** Nothing once others have ended it. */
  async #append(kind: 'rows_fetched' | 'download_ended', body: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#parts.transcript.recorder.append({ ...this.#intent.event(kind, body), by: this.#lease });
  }

  #endAfter(rows: number): FileEnd | undefined {
    if (this.#result.isLast || !this.#result.reader) return 'whole';
    if (this.#rows >= endRowOf(this.#kept, this.#verdict)) return 'row_limit';
    return rows === 0 || this.#bytes >= bytesOf(this.#kept, this.#verdict) ? 'byte_limit' : undefined;
  }

  /** Throws NotSent where rules have come into force meanwhile under which this would not be given out. */
  async #readOn(): Promise<void> {
    const { reader } = this.#result;
    if (!reader) throw new Error('A result that has ended is read on.');
    if (hasOtherRules(this.#parts, this.#whose)) await this.#judgeAnew();
    const [rowsLeft, bytesLeft] = [
      endRowOf(this.#kept, this.#verdict) - this.#rows,
      bytesOf(this.#kept, this.#verdict) - this.#bytes,
    ];
    const { timeoutMs } = this.#verdict.limits;
    const { signal } = this.#intent.request;
    const size = filePage(Math.max(0, rowsLeft), Math.max(0, bytesLeft));
    this.#result = await this.#parts.warehouse.next(reader, { ...size, timeoutMs, signal });
  }

  async #judgeAnew(): Promise<void> {
    const whose = whoseOf(this.#parts, this.#whose, this.#whose.askedAt);
    const judged = await this.#parts.judging.inTurn(whose, this.#intent.request);
    const allowed = allowedNow(judged, this.#kept);
    if ('code' in allowed) throw new NotSent(allowed);
    this.#whose = whose;
    this.#judged = judged;
    this.#verdict = allowed;
  }

  #brokenOff(error: unknown): { end: FileEnd; denial: Denial | undefined } {
    const { signal } = this.#intent.request;
    const why = error instanceof NotTaken ? error : signal?.reason;
    if (why instanceof NotTaken) return { end: why.reason, denial: undefined };
    if (error instanceof NotSent) {
      this.#parts.counters.verdict('deny', error.denial.code);
      return { end: 'denied', denial: error.denial };
    }
    this.#parts.log.error({ err: error, statement: this.#kept.statement_id }, 'a download broke off');
    return { end: 'failed', denial: undefined };
  }

  async #recorded(end: FileEnd, denial: Denial | undefined): Promise<boolean> {
    const { transcript, counters, log } = this.#parts;
    counters.ran(this.#answer.elapsed, this.#rows, this.#bytes);
    try {
      if (!(await transcript.recorder.isOurs(this.#lease))) throw new RecorderUnavailable(new Error(TAKEN_FOR_DEAD));
      await this.#append('download_ended', {
        download: this.#kept.id,
        format: this.#kept.format,
        query_id: this.#kept.query_id,
        end,
        ...(denial ? { denial } : {}),
        rows: this.#rows,
        bytes: this.#bytes,
        file_bytes: this.#fileBytes,
        file_sha256: this.#digest.digest('hex'),
        detected: [...this.#found],
        duration_ms: Math.round(this.#answer.elapsed),
      });
      return true;
    } catch (error) {
      log.error({ err: error, statement: this.#kept.statement_id }, 'the end of a download could not be recorded');
      return false;
    }
  }
}
