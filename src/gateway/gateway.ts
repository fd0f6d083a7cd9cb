/** The ways through snowfence, over what this process holds for them. The one that a statement takes is told in query.ts. */
import type { Approvals } from '../approval/index.js';
import type { Policy, Subject } from '../policy/index.js';
import type { PromptReport } from '../transcript/index.js';
import type { Warehouse } from '../warehouse/index.js';
import type { Answer, QueryRequest, ReadOnRequest } from './answer/answer.js';
import { Cursors } from './answer/cursors.js';
import { Downloads } from './answer/downloads.js';
import type { Waiting } from './ask/own.js';
import { Pending } from './ask/pending.js';
import type { NoticesParts } from './ask/word.js';
import { belowView } from './below-view.js';
import { type Explained, type ExplainParts, explain } from './explain.js';
import { catalogsOf, Judge } from './judge/judge.js';
import type { Judged, Question } from './judge/judged.js';
import { type Caller, nameOf, type Rules, rulesFor, whoseOf } from './judge/whose.js';
import { Admission, type Limits } from './limits/admission.js';
import { Judging } from './limits/judging.js';
import { Refusals } from './limits/refusals.js';
import { type DownloadParts, lookAtDownload, type Opening, openDownload } from './open-download.js';
import { type QueryParts, query } from './query.js';
import { type ReadOnParts, readOn } from './read-on.js';
import { Budgets } from './record/budgets.js';
import type { Counters, Log } from './record/counters.js';
import { type Reporting, reportPrompt } from './report.js';
import { type ResumeParts, resume, withdraw } from './resume.js';
import { Confirmed } from './run/confirm.js';
import type { StandParts } from './run/last-moment.js';
import { Nearest } from './show/nearest.js';
import { Visible, type VisiblePlace } from './show/visible.js';
import { Counting } from './weigh/counting.js';
import { Plans } from './weigh/plans.js';
import { Running } from './weigh/running.js';

export interface GatewayParts extends Rules, StandParts, NoticesParts {
  readonly approvals: Approvals;
  readonly warehouse: Warehouse;
  readonly log: Log;
  readonly counters: Counters;
  /** What each principal may cost. */
  readonly limits: Limits;
}

type Parts = QueryParts & ExplainParts & ResumeParts & ReadOnParts & DownloadParts;

/** What this process holds: each part over those before it. */
function partsOf(given: GatewayParts, admission: Admission, visible: Visible): Parts {
  const { transcript, approvals, warehouse, log, counters } = given;
  const judge = new Judge({
    catalogs: catalogsOf(warehouse.catalog, warehouse.options.metadataRole),
    defaults: warehouse.options,
    onUnreachable: (error) => log.error({ err: error }, 'the warehouse is not reachable'),
    onDisagreement: (parser, fingerprint) => {
      counters.disagreement(parser);
      log.warn({ parser, fingerprint }, 'two parsers read a statement differently');
    },
  });
  const judging = new Judging(judge, admission);
  const budgets = new Budgets(transcript.recorder);
  const plans = new Plans();
  return {
    ...given,
    admission,
    judge,
    judging,
    budgets,
    refusals: new Refusals(admission),
    cursors: new Cursors(transcript),
    downloads: new Downloads(transcript),
    openLinks: {
      most: admission.limits.openDownloads,
      over: (whom, seconds) => admission.openDownloads(whom, seconds, true),
    },
    pending: new Pending(approvals),
    nearest: new Nearest(visible),
    running: new Running(),
    confirmed: new Confirmed(),
    plans,
    counting: new Counting({ ...given, judge, judging, budgets, plans }),
  };
}

export class Gateway {
  readonly #parts: Parts;
  readonly visible: Visible;
  readonly admission: Admission;

  constructor(given: GatewayParts) {
    const { transcript, limits, log } = given;
    this.visible = new Visible(given);
    this.admission = new Admission(limits, (body) => {
      transcript.recorder
        .append({ kind: 'attempts_turned_away', sessionId: undefined, statementId: undefined, body })
        .catch((error: unknown) => log.error({ err: error }, 'attempts turned away could not be recorded'));
    });
    this.#parts = partsOf(given, this.admission, this.visible);
  }

  query(caller: Caller, request: QueryRequest): Promise<Answer> {
    return this.#parts.refusals.counted(caller, request, query(this.#parts, caller, request));
  }

  /** The verdict without running anything; recorded like every attempt. */
  async explain(caller: Caller, request: QueryRequest): Promise<Explained> {
    const explained = await explain(this.#parts, caller, request);
    await this.#parts.refusals.counted(caller, request, explained.answer);
    return explained;
  }

  /** One table or view with its columns and how each is masked, by what a view reads as well; undefined where it isn't there or isn't visible. */
  async relation(caller: Caller, database: string, schema: string, name: string) {
    const relation = await this.visible.relation(caller.principal, database, schema, name);
    if (relation?.kind !== 'view') return relation && { ...relation, below: undefined };
    const whose = whoseOf(this.#parts, caller, this.#parts.now());
    return { ...relation, below: await belowView(this.#parts.judging, whose, relation) };
  }

  /**
   * Where a list of what somebody may see goes on, for that principal to keep: the place may be the name of something that is hidden, so it is sealed.
   */
  cursorOf({ principal }: Caller, { database, schema, name }: VisiblePlace): string {
    const { vault } = this.#parts.transcript;
    return vault.lend(`describe ${nameOf(principal)}`, JSON.stringify([database, schema, name]));
  }

  /** undefined where this principal was given no such cursor. */
  placeOf({ principal }: Caller, cursor: string): VisiblePlace | undefined {
    const text = this.#parts.transcript.vault.returned(`describe ${nameOf(principal)}`, cursor);
    if (text === undefined) return undefined;
    const [database = '', schema = '', name = ''] = JSON.parse(text) as string[];
    return { database, schema, name };
  }

  /** What has become of an approval; once it is given, runs the statement, exactly once. Waits for a decision as long as it is told to. */
  resume(caller: Caller, id: string, request: Waiting): Promise<Answer> {
    return this.#parts.refusals.counted(caller, request, resume(this.#parts, caller, id, request));
  }

  /** The agent no longer wants what it asked for. */
  withdraw(caller: Caller, id: string, reason: string | undefined): Promise<Answer> {
    return withdraw(this.#parts, caller, id, reason);
  }

  /** The next rows of a result, or a cell of it whole, under the rules of now: where these have changed, the cursor is over. */
  fetch(caller: Caller, cursor: string, request: ReadOnRequest): Promise<Answer> {
    return readOn(this.#parts, caller, cursor, request);
  }

  /** What a person typed, as their client's hook says: the statements that come next are tied to it. */
  report(caller: Caller, prompt: PromptReport): Promise<Reporting> {
    return reportPrompt(this.#parts, caller, prompt);
  }

  /** Whether a result is there to be downloaded; uses nothing up. */
  lookAtDownload(caller: Caller, id: string): ReturnType<typeof lookAtDownload> {
    return lookAtDownload(this.#parts, caller, id);
  }

  /** A result as a file, once, under the rules of now. `signal`: whoever asked has gone, its reason a NotTaken. */
  openDownload(caller: Caller, id: string, signal: AbortSignal): Promise<Opening> {
    return openDownload(this.#parts, caller, id, signal);
  }

  /** What the policies would say to somebody's statement: for people who write policies. Runs nothing, records nothing. */
  async tryOut(subject: Subject, question: Question): Promise<{ judged: Judged; policies: readonly string[] }> {
    return this.#parts.judging.tryOut(subject, rulesFor(this.#parts, subject), question);
  }

  policiesFor(subject: Subject): readonly Policy[] {
    return rulesFor(this.#parts, subject).policies;
  }

  /** Statements under way in this process. */
  get running(): number {
    return this.#parts.running.count;
  }

  /** Ends whatever runs: each is cancelled in the warehouse and recorded as such. */
  cancelAll(): void {
    this.#parts.running.abort();
  }
}
