/**
 * Statements that wait for a person. States change in PostgreSQL alone, by compare-and-set under the row's lock, so that any replica can
 * decide and any can resume, and none runs a statement twice:
 *
 *     pending → approved | denied | expired | withdrawn        approved → used | expired        used → approved
 *
 * The last only where whoever used it died before the statement left. Each change is in the transcript before it holds: the event is
 * written while the row is locked. Dying in between leaves an event too many, never a change without one.
 */
import { OwnApprovals, type TranscriptStore } from '../transcript/index.js';
import { type ApprovalParts, Left, type Place } from './rows/opened.js';
import type { Standing, StandingQuestion } from './rows/standing.js';
import { Transactions } from './rows/transactions.js';
import { type Asked, ask, openFor, type Sought } from './steps/asking.js';
import { decide } from './steps/deciding.js';
import { expireDue, mend, outdate, type Replacement, replace, withdraw } from './steps/ending.js';
import { type Lost, release } from './steps/giving-back.js';
import {
  type ApprovalPage,
  type Counted,
  count,
  get,
  type ListOptions,
  list,
  ofStatement,
  stamp,
} from './steps/looking.js';
import { revokeStanding, type StandingPage, shownStanding } from './steps/standing-list.js';
import { isStillStanding, standing, useStanding } from './steps/standing-use.js';
import { isStillUsed, leaves, tellUsed, use } from './steps/using.js';
import type { Approval, ApprovalState, Decision, Request, Reviewer, TooManyApprovals } from './values/state.js';
import type { Wakeups } from './wakeups.js';

const POLL_MS = 1000;

const noted = (): Promise<void> => Promise.resolve();

/** Each method is one step, told in steps/. All of them throw RecorderUnavailable. */
export class Approvals {
  readonly #parts: ApprovalParts;
  readonly #wakeups: Wakeups | undefined;
  /** Whether rows that gateways which died left behind were mended since this process is there. */
  #isMended = false;

  /** Without `wakeups` whoever waits looks again every second. */
  constructor(store: TranscriptStore, wakeups?: Wakeups) {
    this.#wakeups = wakeups;
    this.#parts = {
      store,
      transactions: new Transactions(store.pool),
      own: new OwnApprovals(store.rows),
      left: new Left(),
    };
  }

  /** Resolves when this approval may have changed, after so many milliseconds at the latest, or once the signal aborts. */
  changed(id: string, mostMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#wakeups) return this.#wakeups.next(id, mostMs, signal);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(mostMs, POLL_MS)));
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  // --- asking

  ask(request: Request, record: (asked: Asked) => Promise<unknown> = noted): Promise<Asked | TooManyApprovals> {
    return ask(this.#parts, request, record);
  }

  /** The open one of this very statement, under whichever rules it was asked for. */
  openFor(sought: Sought): Promise<Approval | undefined> {
    return openFor(this.#parts, sought);
  }

  // --- looking

  get(id: string): Promise<Approval | undefined> {
    return get(this.#parts, id);
  }

  /** The one that a statement waits for or ran under; not a standing one. */
  ofStatement(statementId: string): Promise<Approval | undefined> {
    return ofStatement(this.#parts, statementId);
  }

  stamp(id: string): Promise<string | undefined> {
    return stamp(this.#parts, id);
  }

  list(options: ListOptions = {}): Promise<ApprovalPage> {
    return list(this.#parts, options);
  }

  count(state: ApprovalState | undefined): Promise<Counted> {
    return count(this.#parts, state);
  }

  // --- deciding

  /** Throws DecisionRefused as well. */
  decide(id: string, reviewer: Reviewer, decision: Decision): Promise<Approval> {
    return decide(this.#parts, id, reviewer, decision);
  }

  // --- using

  use(id: string, begin: () => Promise<void>): Promise<boolean> {
    return use(this.#parts, id, begin);
  }

  isStillUsed(approval: Pick<Approval, 'binding' | keyof Place>, use: string): Promise<boolean> {
    return isStillUsed(this.#parts, approval, use);
  }

  leaves(approval: Pick<Approval, 'binding' | keyof Place>, use: string, say: () => Promise<void>): Promise<boolean> {
    return leaves(this.#parts, approval, use, say);
  }

  release(statementId: string, lost: Lost): Promise<'released' | 'taken' | 'none'> {
    return release(this.#parts, statementId, lost);
  }

  tellUsed(place: Place, tell: () => Promise<unknown>): Promise<void> {
    return tellUsed(this.#parts, place, tell);
  }

  // --- standing approvals

  standing(question: StandingQuestion): Promise<Standing | undefined> {
    return standing(this.#parts, question);
  }

  useStanding(
    id: string,
    question: StandingQuestion & Sought,
    statementId: string,
    begin: () => Promise<void>,
  ): Promise<boolean> {
    return useStanding(this.#parts, id, question, statementId, begin);
  }

  isStillStanding(approval: Pick<Approval, 'binding' | 'requirements' | keyof Place>, id: string): Promise<boolean> {
    return isStillStanding(this.#parts, approval, id);
  }

  listStanding(after?: string): Promise<StandingPage> {
    return shownStanding(this.#parts, after);
  }

  /** Throws DecisionRefused as well. */
  revoke(id: string, reviewer: Reviewer, via: Decision['via']): Promise<void> {
    return revokeStanding(this.#parts, id, reviewer, via);
  }

  // --- ending

  withdraw(id: string, reason: string | undefined): Promise<boolean> {
    return withdraw(this.#parts, id, reason);
  }

  replace(id: string, replacement: Replacement, say: () => Promise<void>): Promise<boolean> {
    return replace(this.#parts, id, replacement, say);
  }

  outdate(id: string): Promise<boolean> {
    return outdate(this.#parts, id);
  }

  /** Before that, rows that are behind their events are brought to where these are. */
  async expireDue(): Promise<number> {
    await mend(this.#parts, !this.#isMended);
    this.#isMended = true;
    return expireDue(this.#parts);
  }
}
