/**
 * A statement's way through snowfence. `query` tells it from top to bottom; each step is one call into one room.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type Approval, type Approvals, TooManyApprovals } from '../approval/index.js';
import type { Principal } from '../identity/index.js';
import { HASH_KEY, isHashed } from '../masking/index.js';
import {
  type Denial,
  type DenialCode,
  type Estimate,
  hides,
  type InForce,
  inForce,
  type Policy,
  type PolicySet,
  type Subject,
  type Verdict,
} from '../policy/index.js';
import { namesNoTable, objectKey } from '../sql/index.js';
import {
  type ClientInfo,
  RecorderUnavailable,
  RecordInDoubt,
  type TranscriptStore,
  timeOrderedId,
} from '../transcript/index.js';
import { FairGate } from '../turns/index.js';
import {
  CommitUnknown,
  type PoolKey,
  type RunResult,
  StatementCancelled,
  StatementFailed,
  type Warehouse,
  WarehouseUnavailable,
} from '../warehouse/index.js';
import {
  type Answer,
  AnswerBuilder,
  type Bind,
  CHANGED_APPROVAL,
  errorText,
  masksOf,
  noticesFor,
  openApproval,
  overDenial,
  type QueryRequest,
  scrubbed,
  shownNames,
} from './answer/answer.js';
import { type Cursor, Cursors, cursorAt, isSame } from './answer/cursors.js';
import { aboutOf, DOOR, fitsOf, textOf } from './ask/asking.js';
import { isWhole, Pending, type Waits } from './ask/pending.js';
import { isForeseen, UNFORESEEN } from './judge/foreseen.js';
import { Judge, type Judged, type Question, UNREACHABLE } from './judge/judge.js';
import { Admission, type Limits, NotAdmitted } from './limits/admission.js';
import { LONG_TEXT, LongTexts, lengthOf, tooLong } from './limits/long-texts.js';
import { Budgets, nameOf } from './record/budgets.js';
import { Intent } from './record/intent.js';
import { Nearest } from './show/nearest.js';
import { Visible } from './show/visible.js';
import { type Bound, boundOf, type Granted, mostRows, unmetRule } from './weigh/bounded.js';
import { Counting, type Whose } from './weigh/counting.js';
import { Running } from './weigh/running.js';

export interface Caller {
  readonly principal: Principal;
  readonly client: ClientInfo;
}

/** What an answer holds at most; more comes by its cursor. */
const PAGE_ROWS = 10_000;
const PAGE_BYTES = 10_000_000;

export interface Counters {
  readonly verdict: (decision: 'allow' | 'deny' | 'approve', code: DenialCode | undefined) => void;
  readonly ran: (durationMs: number, rows: number, bytes: number) => void;
  readonly disagreement: (parser: string) => void;
}

export interface GatewayParts {
  readonly policies: () => PolicySet;
  readonly transcript: TranscriptStore;
  readonly approvals: Approvals;
  readonly warehouse: Warehouse;
  readonly log: {
    readonly warn: (data: object, message: string) => void;
    readonly error: (data: object, message: string) => void;
  };
  readonly counters: Counters;
  readonly now: () => Date;
  /** What each principal may cost. */
  readonly limits: Limits;
  /**
   * Whether others hear that this process is alive, and none of them took it for dead while it runs this statement. One that stood still
   * for long may have been, and what was approved given to another.
   */
  readonly isHeard?: (statementId: string) => boolean;
}

/** As long as the catalog is believed (warehouse/catalog.ts): a view that was made anew is seen by then. */
const CONFIRMED_MS = 60_000;
const CONFIRMED_CACHE = 2000;
/** More than one, since judging asks the catalog now and then; of these, what one principal holds at most. */
const JUDGED_AT_ONCE = 4;
const JUDGED_OF_ONE = JUDGED_AT_ONCE / 2;
/** Whose turn it is where people try statements out. */
const PEOPLE = '';
const PROGRESS_MS = 1000;
/** How long reviewers' figures may keep the agent from its answer. */
const SIZE_MS = 10_000;

export interface Explained {
  readonly judged: Judged;
  readonly bytes: number | undefined;
  readonly answer: Answer;
}

export interface Waiting extends Omit<QueryRequest, 'sql' | 'binds' | 'purpose'> {
  /** Milliseconds to wait for a decision; 0 to look only. */
  readonly waitMs: number;
}

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #judge: Judge;
  readonly #cursors: Cursors;
  readonly visible: Visible;
  readonly #nearest: Nearest;
  readonly admission: Admission;
  readonly #longTexts: LongTexts;
  readonly #judging = new FairGate(JUDGED_AT_ONCE, JUDGED_OF_ONE);
  readonly #pending: Pending;
  /** Nothing of these was judged, so that they are no refusals. */
  readonly #turned = new WeakSet<Denial>();
  /** Until when, by what was confirmed: Snowflake is asked again for a text as often as its catalog is read again. */
  readonly #confirmed = new Map<string, number>();
  readonly #running = new Running();
  readonly #budgets: Budgets;
  readonly #counting: Counting;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#cursors = new Cursors(parts.transcript);
    this.#pending = new Pending(parts.approvals);
    this.visible = new Visible(parts);
    this.#nearest = new Nearest(this.visible);
    this.#longTexts = new LongTexts(parts.limits.longTextShare);
    this.admission = new Admission(parts.limits, (body) => {
      parts.transcript.recorder
        .append({ kind: 'attempts_turned_away', sessionId: undefined, statementId: undefined, body })
        .catch((error: unknown) => parts.log.error({ err: error }, 'attempts turned away could not be recorded'));
    });
    const { catalog } = parts.warehouse;
    this.#judge = new Judge({
      catalogs: {
        get version() {
          return catalog.version;
        },
        reader: (key) => ({
          relation: (name) => catalog.relation(key, name),
          constraints: (name, isHybrid) => catalog.constraints(key, name, isHybrid),
        }),
      },
      defaults: parts.warehouse.options,
      onUnreachable: (error) => parts.log.error({ err: error }, 'the warehouse is not reachable'),
      onDisagreement: (parser, fingerprint) => {
        parts.counters.disagreement(parser);
        parts.log.warn({ parser, fingerprint }, 'two parsers read a statement differently');
      },
    });
    this.#budgets = new Budgets(parts.transcript.recorder);
    this.#counting = new Counting({
      judge: this.#judge,
      judgeInTurn: (whose, question) => this.#judgeMore(whose, question),
      before: async (whose) => {
        const denial = this.#overtaken(whose);
        if (denial) throw new NotSent(denial);
      },
      warehouse: parts.warehouse,
      budgets: this.#budgets,
    });
  }

  query(caller: Caller, request: QueryRequest): Promise<Answer> {
    return this.#counted(caller, request, this.#query(caller, request));
  }

  /** Each refusal counts: whoever has used up theirs is told no before anything is judged. */
  async #counted(
    { principal }: Caller,
    { signal, onWaiting }: Pick<QueryRequest, 'signal' | 'onWaiting'>,
    answering: Promise<Answer>,
  ): Promise<Answer> {
    const answer = await answering;
    const { denial } = answer;
    if (!denial) return answer;
    const isTheirs = !NOT_THEIRS.has(denial.code) && !OVERTAKEN.has(denial) && !this.#turned.has(denial);
    if (isTheirs) await this.admission.refused(principal);
    onWaiting?.();
    await this.admission.beforeTelling(denial, signal);
    return answer;
  }

  /** The way: who, what, may it, write it down, ask a person, run it, write down what came of it, answer. */
  async #query(caller: Caller, request: QueryRequest): Promise<Answer> {
    const statementId = timeOrderedId();
    const started = performance.now();
    const { principal } = caller;
    const answer = new AnswerBuilder(statementId, started, this.#parts.now());
    try {
      await this.#parts.transcript.ensureAlive();
      await this.admission.statement(principal, [request.sql, request.purpose, request.binds]);
      const session = await this.#session(caller, request);
      answer.session = session;
      const whose = this.#whose(principal, answer);
      const first = await this.#nearest.of(principal, whose.policies, await this.#judgeInTurn(whose, request));
      const judged = await this.#weigh(new Intent(principal, session, statementId, request, first), whose);
      const intent = new Intent(principal, session, statementId, request, judged);
      if (judged.denial) return await this.#refuse(answer, intent, judged.denial);
      const over = await this.#record(principal, intent, judged.verdict);
      if (over) return await this.#refuse(answer, intent, over);
      if (judged.verdict?.decision === 'approve') return await this.#ask(answer, intent, whose, judged.verdict);
      return await this.#run(answer, intent, whose, request, boundOf(this.#judge, judged, whose, request));
    } catch (error) {
      return this.#failure(answer, error);
    } finally {
      this.#running.leave(statementId);
      this.#parts.transcript.recorder.leave(statementId);
    }
  }

  /** What the policies would say to somebody's statement: for people who write policies. Runs nothing, records nothing. */
  async tryOut(subject: Subject, request: Question): Promise<{ judged: Judged; policies: readonly string[] }> {
    const rules = this.#inForce(subject);
    const place = await this.#judging.enter(PEOPLE);
    try {
      const judged = await this.#judge.judge(subject, rules, request);
      return { judged, policies: rules.policies.map(({ name }) => name) };
    } finally {
      place[Symbol.dispose]();
    }
  }

  policiesFor(subject: Subject): readonly Policy[] {
    return this.#inForce(subject).policies;
  }

  /** Taken once for a statement: what it is judged by is what it runs under and what is recorded. */
  #inForce(subject: Subject): InForce {
    return inForce(this.#parts.policies(), subject, this.#parts.now());
  }

  /** Whoever asks, and what was so when they did. */
  #whose(principal: Principal, { askedAt }: AnswerBuilder): Whose {
    return { principal, policies: this.#inForce(principal), askedAt };
  }

  /** The verdict without running anything; recorded like every attempt. */
  async explain(caller: Caller, request: QueryRequest): Promise<Explained> {
    const explained = await this.#explain(caller, request);
    await this.#counted(caller, request, Promise.resolve(explained.answer));
    return explained;
  }

  async #explain(caller: Caller, request: QueryRequest): Promise<Explained> {
    const answer = new AnswerBuilder(timeOrderedId(), performance.now(), this.#parts.now());
    try {
      await this.#parts.transcript.ensureAlive();
      const { principal } = caller;
      await this.admission.statement(principal, [request.sql, request.purpose, request.binds]);
      answer.session = await this.#session(caller, request);
      const whose = this.#whose(principal, answer);
      const first = await this.#nearest.of(principal, whose.policies, await this.#judgeInTurn(whose, request));
      const { session, statementId } = answer;
      const judged = await this.#weigh(new Intent(principal, session, statementId, request, first, true), whose);
      const intent = new Intent(principal, session, statementId, request, judged, true);
      this.#parts.counters.verdict(judged.verdict?.decision ?? 'deny', judged.denial?.code);
      await this.#parts.transcript.recorder.append(
        intent.event(judged.denial ? 'statement_refused' : 'statement_submitted', { denial: judged.denial ?? null }),
      );
      if (judged.denial) return { judged, bytes: undefined, answer: answer.denied(judged.denial) };
      return { judged, ...(await this.#scanned(answer, intent, principal)) };
    } catch (error) {
      return { judged: nothingJudged, bytes: undefined, answer: await this.#failure(answer, error) };
    } finally {
      this.#running.leave(answer.statementId);
      this.#parts.transcript.recorder.leave(answer.statementId);
    }
  }

  /** How much an explained statement would scan; not told where that would tell of what is hidden, nor does it then compile there. */
  async #scanned(
    answer: AnswerBuilder,
    intent: Intent,
    principal: Principal,
  ): Promise<{ bytes: number | undefined; answer: Answer }> {
    const { verdict, analysis } = intent.judged;
    if (!verdict || hides(verdict) || analysis?.kind === 'describe')
      return { bytes: undefined, answer: answer.finish({ status: 'ok' }) };
    try {
      const bytes = verdict.estimate?.bytes ?? (await this.#counting.bytesOf(intent.judged, intent, principal));
      return { bytes, answer: answer.finish({ status: 'ok' }) };
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      const message = errorText(error, intent.judged, verdict);
      return { bytes: undefined, answer: answer.finish({ status: 'error', error: { code: error.code, message } }) };
    }
  }

  /** Rules and limits that go by bytes and rows need the warehouse's estimate; asking for it is written down before. */
  async #weigh(intent: Intent, whose: Whose): Promise<Judged> {
    const { judged, request } = intent;
    const { verdict, analysis, denial } = judged;
    if (denial || !verdict || !analysis || !(verdict.needs.bytes || verdict.needs.rows)) return judged;
    const { principal, policies } = whose;
    const signal = this.#enter(intent, principal, verdict);
    if (!signal) return { ...judged, denial: tooMany(verdict) };
    try {
      const asked = await this.#counting.ask(intent, whose, { ...verdict.needs, isCounted: true }, signal);
      if (asked.denial) return { ...judged, denial: asked.denial };
      return this.#judge.weigh(judged, principal, policies, request, asked.estimate);
    } catch (error) {
      if (error instanceof WarehouseUnavailable) return { ...judged, denial: UNREACHABLE };
      if (error instanceof NotSent) return { ...judged, denial: error.denial };
      throw error;
    }
  }

  /** A place among the principal's statements at the warehouse, to be left; undefined where they have as many as they may. */
  #enter({ statementId, request }: Intent, principal: Principal, { limits }: Verdict): AbortSignal | undefined {
    request.onWaiting?.();
    return this.#running.enter(statementId, nameOf(principal), limits.concurrent, request.signal);
  }

  // --- what it costs before it is judged

  /** What was turned away is in the record as a number: whoever floods it fills it with nothing. */
  #turnedAway(answer: AnswerBuilder, denial: Denial): Answer {
    this.#parts.counters.verdict('deny', denial.code);
    this.#turned.add(denial);
    return answer.denied(denial);
  }

  /**
   * Judging takes the one thread that there is: of those that wait for it, each principal has its turn, and long texts wait for their own.
   * Throws NotAdmitted.
   */
  async #judgeInTurn({ principal, policies }: Whose, request: QueryRequest): Promise<Judged> {
    const name = nameOf(principal);
    const length = lengthOf(request);
    // Nothing of it is read, however often it is sent.
    const denial = tooLong(request, length);
    if (denial) return { ...nothingJudged, version: policies.set.version, denial };
    const turn = await this.#longTexts.enter(name, length);
    if (typeof turn === 'number') throw this.admission.longText(principal, Math.ceil(turn / 1000));
    const place = await this.#judging.enter(name);
    try {
      return await this.#judge.judge(principal, policies, request, (work) => this.#renewed(name, length, work));
    } finally {
      place[Symbol.dispose]();
      turn?.[Symbol.dispose]();
    }
  }

  /** What is judged anew before anybody waits for it takes a turn of whoever sends it. Throws for a long text: the next one has its own. */
  async #renewed(name: string, length: number, work: () => Promise<Judged>): Promise<Judged> {
    if (length >= LONG_TEXT) throw new Error('A long text is judged anew in its own turn.');
    const place = await this.#judging.enter(name);
    try {
      return await work();
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** What is judged besides a statement that had its turn: it waits for no other, and takes of the same share. */
  async #judgeMore({ principal, policies }: Whose, question: Question): Promise<Judged> {
    const name = nameOf(principal);
    const place = await this.#judging.enter(name);
    const started = performance.now();
    try {
      return await this.#judge.judge(principal, policies, question, (work) =>
        this.#renewed(name, question.sql.length, work),
      );
    } finally {
      place[Symbol.dispose]();
      this.#longTexts.took(name, question.sql.length, performance.now() - started);
    }
  }

  #session({ principal, client }: Caller, { session }: QueryRequest): Promise<string> {
    const mayOpen = (): Promise<void> => this.admission.session(principal);
    return this.#parts.transcript.sessions.find(principal, client, session, mayOpen);
  }

  // --- the record

  /** The intent, durable before anything is sent; a denial where the hour's statements or the day's bytes are used up. */
  async #record(principal: Principal, intent: Intent, verdict: Verdict | undefined): Promise<Denial | undefined> {
    const taking = verdict?.estimate && (await this.#budgets.take(principal, verdict, verdict.estimate.bytes));
    if (taking?.denial) return taking.denial;
    // With its estimate the statement was counted before.
    return this.#budgets.append(
      principal,
      verdict?.estimate ? undefined : verdict,
      intent.event('statement_submitted', {}),
      taking?.taken,
    );
  }

  async #refuse(answer: AnswerBuilder, intent: Intent, denial: Denial): Promise<Answer> {
    this.#parts.counters.verdict('deny', denial.code);
    await this.#parts.transcript.recorder.append(intent.event('statement_refused', { denial }));
    return answer.denied(denial);
  }

  // --- a person's word

  async #ask(answer: AnswerBuilder, intent: Intent, whose: Whose, verdict: Verdict): Promise<Answer> {
    const { approval: asked } = verdict;
    const { principal } = whose;
    const { judged, request, fingerprint } = intent;
    const text = textOf(intent);
    const fits = fitsOf(judged);
    if (!asked)
      return this.#refuse(answer, intent, {
        code: 'APPROVAL_DENIED',
        message: 'No reviewer is named for this statement.',
      });
    const { approvals, transcript } = this.#parts;
    const requirements = asked.requirements.map(({ issuers, groups, count, rule }) => ({
      issuers,
      groups,
      count,
      rule,
    }));
    const { issuer, subject, clientId } = principal;
    const question = {
      issuer,
      subject,
      client_id: clientId,
      door: DOOR,
      fits,
      policy_version: verdict.version,
      requirements,
      shape: text.shape.key,
    };
    const found = await approvals.standing(question);
    const given = found && (await approvals.get(found.approval_id));
    const granted = given && grantedOf(given);
    const isUnbound = found !== undefined && granted?.rows === undefined;
    // Nobody was told how many rows: a yes to one such change is none to others, which may touch any number.
    const standing = isUnbound && isChange(judged) ? undefined : found;
    const size =
      standing && isUnbound ? { bytes: undefined, rows: undefined } : await this.#size(intent, whose, verdict);
    if (!size) return this.#refuse(answer, intent, tooMany(verdict));
    // Nothing of it is under way while it waits.
    this.#running.leave(intent.statementId);
    // Whoever let a shape run for a while was told how many rows it touches; more of them are a new question.
    if (
      standing &&
      !(granted?.rows !== undefined && size.rows !== undefined && size.rows > mostRows(granted.rows, verdict))
    ) {
      const begin = async (): Promise<void> => {
        const { approval_id: approval, id } = standing;
        await transcript.recorder.append(intent.event('approval_used', { approval, standing: id }));
      };
      if (given && (await approvals.useStanding(standing.id, question, intent.statementId, begin))) {
        intent.permit = {
          id: given.id,
          use: undefined,
          holds: async (say) => {
            const holds = await approvals.isStillStanding(given, standing.id);
            if (holds) await say?.();
            return holds;
          },
        };
        return this.#run(answer, intent, whose, request, boundOf(this.#judge, judged, whose, request, granted));
      }
    }
    this.#parts.counters.verdict('approve', undefined);
    const { openApprovals: open, approvalsPerHour: perHour } = this.admission.limits;
    const asking = await approvals.ask(
      {
        bounds: { open, perHour },
        statementId: intent.statementId,
        sessionId: intent.session,
        actor: principal,
        text,
        fits,
        fingerprint,
        about: aboutOf(judged, size),
        policyVersion: verdict.version,
        requirements,
        withinMs: asked.within,
      },
      ({ approval: { id, binding, statement_id: waiting }, isNew }) =>
        transcript.recorder.append(
          intent.event('approval_asked', { approval: id, binding, requirements, ...(isNew ? {} : { waiting }) }),
        ),
    );
    if (asking instanceof TooManyApprovals)
      return this.#refuse(answer, intent, this.admission.approvals(principal, asking.retryAfterSeconds));
    const { approval } = asking;
    // Whoever repeats a statement that was approved meanwhile need not know of the other tool.
    if (approval.state === 'approved') return this.#use(answer, approval, principal, request);
    return answer.finish({ status: 'approval_required', approval: openApproval(approval) });
  }

  /**
   * For reviewers: how much would be read, how many rows changed. What can't be told in time is left open; undefined where the principal
   * has too much under way to ask.
   */
  async #size(intent: Intent, whose: Whose, verdict: Verdict): Promise<Estimate | undefined> {
    const { bytes, rows } = verdict.estimate ?? { bytes: undefined, rows: undefined };
    // What rules needed was asked for before.
    const wanted = { bytes: !verdict.needs.bytes && !hides(verdict), rows: !verdict.needs.rows, isCounted: false };
    if (!wanted.bytes && !wanted.rows) return { bytes, rows };
    const place = this.#enter(intent, whose.principal, verdict);
    if (!place) return undefined;
    try {
      const signal = AbortSignal.any([place, AbortSignal.timeout(SIZE_MS)]);
      const { estimate } = await this.#counting.ask(intent, whose, wanted, signal);
      return { bytes: bytes ?? estimate.bytes, rows: rows ?? estimate.rows };
    } catch (error) {
      if (error instanceof WarehouseUnavailable || error instanceof NotSent) return { bytes, rows };
      throw error;
    }
  }

  /** Somebody else's approval does not exist for this caller. */
  async #ownApproval(principal: Principal, id: string): Promise<Approval | undefined> {
    const approval = await this.#parts.approvals.get(id);
    return approval && isOf(principal, approval) ? approval : undefined;
  }

  /** What a judgement of a statement that stays the same depends on; claims change with the token, and a minute is their longest. */
  #circumstances({ set, policies }: InForce): string {
    return JSON.stringify([set.version, policies.map(({ name }) => name), this.#parts.warehouse.catalog.version]);
  }

  /** As it is once it is no longer pending, or the time to wait for that is over. */
  async #awaited(principal: Principal, id: string, request: Waiting): Promise<Approval | Waits | undefined> {
    const until = Date.now() + request.waitMs;
    for (;;) {
      // Whoever looks first and waits then could miss what happens in between.
      const change = this.#parts.approvals.changed(id, until - Date.now(), request.signal);
      const found = await this.#pending.look(id);
      const approval = found && isOf(principal, found) ? found : undefined;
      if (approval?.state !== 'pending' || Date.now() >= until || request.signal?.aborted) return approval;
      request.onProgress?.('waiting for a reviewer');
      request.onWaiting?.();
      await change;
    }
  }

  /** What has become of an approval; once it is given, runs the statement, exactly once. Waits for a decision as long as it is told to. */
  resume(caller: Caller, id: string, request: Waiting): Promise<Answer> {
    return this.#counted(caller, request, this.#resume(caller, id, request));
  }

  async #resume(caller: Caller, id: string, request: Waiting): Promise<Answer> {
    const { principal } = caller;
    const answer = new AnswerBuilder(randomUUID(), performance.now(), this.#parts.now());
    try {
      await this.#parts.transcript.ensureAlive();
      const seen = await this.#awaited(principal, id, request);
      if (!seen) return answer.finish({ status: 'error', error: NO_APPROVAL });
      answer.session = seen.session_id;
      answer.statementId = seen.statement_id;
      if (seen.state === 'pending' && this.#pending.isFitting(id, this.#circumstances(this.#inForce(principal))))
        return answer.finish({ status: 'approval_required', approval: openApproval(seen) });
      const approval = isWhole(seen) ? seen : await this.#ownApproval(principal, id);
      if (!approval) return answer.finish({ status: 'error', error: NO_APPROVAL });
      return await this.#use(answer, approval, principal, request);
    } catch (error) {
      return this.#failure(answer, error);
    }
  }

  /** The agent no longer wants what it asked for. */
  async withdraw(caller: Caller, id: string, reason: string | undefined): Promise<Answer> {
    const answer = new AnswerBuilder(randomUUID(), performance.now(), this.#parts.now());
    try {
      await this.#parts.transcript.ensureAlive();
      const approval = await this.#ownApproval(caller.principal, id);
      if (!approval) return answer.finish({ status: 'error', error: NO_APPROVAL });
      answer.session = approval.session_id;
      answer.statementId = approval.statement_id;
      const isWithdrawn = await this.#parts.approvals.withdraw(id, reason);
      const after = isWithdrawn ? 'withdrawn' : (await this.#ownApproval(caller.principal, id))?.state;
      return answer.denied(overDenial(after ?? 'expired', undefined));
    } catch (error) {
      return this.#failure(answer, error);
    }
  }

  async #use(
    answer: AnswerBuilder,
    approval: Approval,
    principal: Principal,
    request: Omit<QueryRequest, 'sql' | 'binds' | 'purpose'>,
  ): Promise<Answer> {
    const { approvals, transcript } = this.#parts;
    const { id, session_id: session, statement_id: statementId } = approval;
    answer.session = session;
    answer.statementId = statementId;
    const full: QueryRequest = {
      ...request,
      sql: approval.statement,
      binds: approval.binds,
      purpose: approval.purpose ?? undefined,
    };
    if (approval.state !== 'pending' && approval.state !== 'approved') {
      const denial = overDenial(approval.state, approval);
      const intent = new Intent(principal, session, statementId, full, nothingJudged);
      // What became of it is in the record already; asking again and again adds nothing.
      return approval.state === 'used' ? this.#refuseAgain(answer, intent, id, denial) : answer.denied(denial);
    }
    const whose = this.#whose(principal, answer);
    const circumstances = this.#circumstances(whose.policies);
    const judged = await this.#judgeInTurn(whose, full);
    const intent = new Intent(principal, session, statementId, full, judged);
    const { verdict } = judged;
    // Nothing of it is used up by whoever may no longer ask.
    if (isTokenOver(whose, this.#parts.now())) return this.#refuseAgain(answer, intent, id, TOKEN_ENDED);
    // That the warehouse is away says nothing of the approval: it stays what it is.
    if (judged.denial === UNREACHABLE) return answer.denied(UNREACHABLE);
    const isOutdated =
      approval.policy_version !== judged.version || approval.sent !== judged.sent || approval.fits !== fitsOf(judged);
    if (judged.denial || isOutdated || !verdict) {
      await approvals.outdate(id);
      return this.#refuseAgain(answer, intent, id, judged.denial ?? CHANGED_APPROVAL);
    }
    if (approval.state === 'pending') {
      this.#pending.fits(id, circumstances);
      return answer.finish({ status: 'approval_required', approval: openApproval(approval) });
    }
    const approvers = approval.decisions.filter(({ decision }) => decision === 'approve');
    const reviewers = approvers.map(({ reviewer }) => reviewer);
    const use = randomUUID();
    const begin = (): Promise<void> =>
      transcript.recorder.append(intent.event('approval_used', { approval: id, use, reviewers })).then(() => undefined);
    if (!(await approvals.use(id, begin))) return this.#refuseAgain(answer, intent, id, overDenial('used', undefined));
    try {
      const granted = grantedOf(approval);
      // What rules say of bytes and rows may have come true meanwhile, and a rule that asks others, too.
      const weighed = await this.#weigh(intent, whose);
      const isUnmet = weighed.verdict && unmetRule(weighed.verdict, granted) !== undefined;
      const over = weighed.denial ?? (isUnmet ? CHANGED_APPROVAL : undefined);
      if (over) return await this.#refuse(answer, intent, over);
      const approved = new Intent(principal, session, statementId, full, weighed);
      const holds = (say: (() => Promise<void>) | undefined): Promise<boolean> =>
        say ? approvals.leaves(approval, use, say) : approvals.isStillUsed(approval, use);
      approved.permit = { id, use, holds };
      return await this.#run(answer, approved, whose, full, boundOf(this.#judge, weighed, whose, full, granted));
    } finally {
      this.#running.leave(statementId);
      transcript.recorder.leave(statementId);
    }
  }

  /** Says no to whoever asks for the statement of an approval; the statement itself, which another call may run, has its own outcome. */
  async #refuseAgain(answer: AnswerBuilder, intent: Intent, approval: string, denial: Denial): Promise<Answer> {
    this.#parts.counters.verdict('deny', denial.code);
    await this.#parts.transcript.recorder.append(intent.event('approval_refused', { approval, denial }));
    return answer.denied(denial);
  }

  // --- the run

  async #run(
    answer: AnswerBuilder,
    intent: Intent,
    whose: Whose,
    request: QueryRequest,
    bound: Bound | undefined,
  ): Promise<Answer> {
    const { principal } = whose;
    const { verdict, sent, analysis } = intent.judged;
    if (!verdict || sent === undefined || !analysis) throw new Error('A statement without a verdict came to be run.');
    const signal = this.#enter(intent, principal, verdict);
    if (!signal) return this.#refuse(answer, intent, tooMany(verdict));
    if (verdict.decision === 'allow') this.#parts.counters.verdict('allow', undefined);
    const progress = setInterval(
      () => request.onProgress?.(`running for ${Math.round(answer.elapsed / 1000)} s`),
      PROGRESS_MS,
    );
    try {
      const unverified = await this.#confirm(intent, principal, request.binds ?? []);
      if (unverified) return await this.#refuse(answer, intent, unverified);
      const key = keyOf(verdict, principal);
      const options = {
        before: () => this.#leave(intent, whose, bound === undefined),
        binds: request.binds ?? [],
        tag: intent.tag,
        maxResultRows: verdict.limits.rows,
        maxRows: Math.min(request.maxRows ?? PAGE_ROWS, PAGE_ROWS, verdict.limits.rows),
        maxBytes: Math.min(PAGE_BYTES, verdict.limits.resultBytes),
        timeoutMs: verdict.limits.timeoutMs,
        signal,
      };
      if (bound) return await this.#runBounded(answer, intent, principal, options, bound);
      const result = await this.#parts.warehouse.run(key, sent, options);
      answer.hasRun = true;
      return await this.#complete(answer, intent, principal, verdict, result);
    } catch (error) {
      if (error instanceof NotSent) return await this.#notSent(answer, intent, error);
      return await this.#failedRun(answer, intent, verdict, error);
    } finally {
      clearInterval(progress);
      this.#running.leave(intent.statementId);
    }
  }

  // --- the last moment: what was asked before a wait is asked again after it

  /** What has become otherwise since a statement was asked for, so that it may not leave any more. */
  #overtaken(whose: Whose): Denial | undefined {
    if (isTokenOver(whose, this.#parts.now())) return TOKEN_ENDED;
    const { set, policies } = whose.policies;
    const now = this.#inForce(whose.principal);
    const isSame = now.set.version === set.version && namesOf(now.policies) === namesOf(policies);
    return isSame ? undefined : RULES_CHANGED;
  }

  /**
   * Whether nobody took this process for dead, and the approval is this statement's still; a change, and what a person said yes to, is said
   * to leave before it does (to be committed, where it is told so). Throws NotSent.
   */
  async #stand(intent: Intent, isLast: boolean, commits?: { readonly queryId: string | undefined }): Promise<void> {
    const { permit, statementId } = intent;
    const isSaid = isLast && (permit !== undefined || isChange(intent.judged));
    const say = async (): Promise<void> => {
      await this.#parts.transcript.recorder.append(intent.leaving(commits));
      intent.isSentRecorded = true;
    };
    const isDead = (): boolean => this.#parts.isHeard?.(statementId) === false;
    const unheard = permit?.use === undefined ? STILL : UNHEARD;
    if (isDead()) throw new NotSent(unheard);
    let holds = true;
    if (permit) holds = await permit.holds(isSaid ? say : undefined);
    else if (isSaid) await say();
    if (!holds) throw new NotSent(permit?.use === undefined ? STANDING_ENDED : UNHEARD);
    // And again: whoever writes under a name that was taken for dead hears so.
    if (isDead()) throw new NotSent(unheard);
  }

  /** Whether what came of it may be written down: of a use that was given back meanwhile the outcome is another's. */
  async #isTheirs({ permit, isSentRecorded }: Intent): Promise<boolean> {
    return permit?.use === undefined || isSentRecorded || permit.holds(undefined);
  }

  /** With the connection in hand. `isFree`: nothing is asked again before what it does holds. Throws NotSent. */
  async #leave(intent: Intent, whose: Whose, isFree: boolean): Promise<void> {
    const denial = this.#overtaken(whose);
    if (denial) throw new NotSent(denial === RULES_CHANGED && intent.permit !== undefined ? CHANGED_APPROVAL : denial);
    await this.#stand(intent, isFree);
    intent.sentAt = new Date();
  }

  /**
   * Nothing of it left. Where the rules are others it is over; else no outcome is written: whoever has taken the approval up meanwhile has
   * the statement, or it is given back, or settled as what it is.
   */
  async #notSent(answer: AnswerBuilder, intent: Intent, { denial }: NotSent): Promise<Answer> {
    const { permit } = intent;
    if (permit?.use !== undefined && GIVEN_BACK.has(denial))
      return this.#refuseAgain(answer, intent, permit.id, denial);
    if (denial !== STILL) return this.#refuse(answer, intent, denial);
    this.#parts.counters.verdict('deny', denial.code);
    return answer.denied(denial);
  }

  /** A change that stays only if it touched no more rows than it may: else it is rolled back, and that is its outcome. */
  async #runBounded(
    answer: AnswerBuilder,
    intent: Intent,
    principal: Principal,
    options: Parameters<Warehouse['run']>[2],
    bound: Bound,
  ): Promise<Answer> {
    const { verdict, sent } = intent.judged;
    if (!verdict || sent === undefined) throw new Error('A statement without a verdict came to be run.');
    let denial: Denial | undefined;
    const { isCommitted, result, rows } = await this.#parts.warehouse.runBounded(keyOf(verdict, principal), sent, {
      ...options,
      tags: { begin: intent.tagOf('begin'), commit: intent.tagOf('commit'), rollback: intent.tagOf('rollback') },
      mayStay: async (changed, queryId) => {
        denial = bound(changed);
        if (denial && !(await this.#isTheirs(intent))) denial = STOOD_STILL;
        if (denial) return false;
        try {
          // Whoever took this process for dead has read in the history that nothing was committed.
          await this.#stand(intent, true, { queryId });
        } catch (error) {
          if (!(error instanceof NotSent)) throw error;
          denial = error.denial === STANDING_ENDED ? STANDING_ENDED : STOOD_STILL;
        }
        return denial === undefined;
      },
    });
    if (isCommitted) {
      answer.hasRun = true;
      return this.#complete(answer, intent, principal, verdict, result);
    }
    const refused = denial ?? STOOD_STILL;
    this.#parts.counters.verdict('deny', refused.code);
    const sentEvents = intent.sent(result.queryId);
    // Without an outcome: this process, or whoever was quicker, settles what the history says.
    if (refused === STOOD_STILL) await this.#parts.transcript.recorder.appendAll(sentEvents);
    else
      await this.#parts.transcript.recorder.appendAll([
        ...sentEvents,
        intent.event('statement_failed', {
          code: refused.code,
          sql_state: null,
          message: refused.message,
          query_id: result.queryId,
          duration_ms: Math.round(answer.elapsed),
          rolled_back: true,
          rows_touched: rows ?? null,
        }),
      ]);
    return answer.denied(refused);
  }

  async #plan(
    intent: Intent,
    principal: Principal,
    binds: readonly Bind[],
  ): Promise<{ objects: readonly string[]; bytes: number | undefined } | undefined> {
    const { verdict, sent, analysis } = intent.judged;
    if (!verdict || sent === undefined || analysis?.kind === 'describe') return undefined;
    const key = keyOf(verdict, principal);
    return this.#parts.warehouse.explain(key, sent, binds, intent.tagOf('explain'));
  }

  /** Snowflake's compiler has to see no object beyond the verdict's. */
  async #confirm(intent: Intent, principal: Principal, binds: readonly Bind[]): Promise<Denial | undefined> {
    const { analysis, verdict, sent } = intent.judged;
    const mode = this.#parts.warehouse.options.confirm;
    if (mode === 'off' || !analysis || !verdict || analysis.kind === 'describe') return undefined;
    // Where nothing seems to be read, that is what has to be confirmed, unless no table can be named there at all.
    if (namesNoTable(analysis)) return undefined;
    const key = createHash('sha256')
      .update(JSON.stringify([verdict.version, this.#parts.warehouse.catalog.version, verdict.role, sent]))
      .digest('base64');
    if (mode === 'cached' && (this.#confirmed.get(key) ?? 0) > Date.now()) return undefined;
    const plan = await this.#plan(intent, principal, binds);
    const secure = verdict.rows.flatMap(({ secureView }) => secureView ?? []);
    // Our own function reads its key there; that no statement names it was judged before.
    const keys = verdict.masks.some(({ method }) => isHashed(method)) ? [HASH_KEY] : [];
    const allowed = new Set([...analysis.objects.map((use) => use.object), ...secure, ...keys].map(objectKey));
    const beyond = plan?.objects.find((object) => {
      const [database, schema, name, ...more] = splitName(object);
      // A name whose parts can't be told apart is none of the verdict's.
      if (database === undefined || schema === undefined || name === undefined || more.length > 0) return true;
      return !allowed.has(objectKey({ database, schema, name }));
    });
    if (beyond !== undefined) {
      this.#parts.log.error(
        { statement: intent.statementId, fingerprint: intent.fingerprint },
        'Snowflake would read an object beyond the verdict',
      );
      return {
        code: 'NOT_VERIFIED',
        message: 'Snowflake would read more than was judged, so the statement is not run.',
        hint: 'Write it more plainly.',
      };
    }
    this.#confirmed.delete(key);
    const [oldest] = this.#confirmed.keys();
    if (this.#confirmed.size >= CONFIRMED_CACHE && oldest !== undefined) this.#confirmed.delete(oldest);
    this.#confirmed.set(key, Date.now() + CONFIRMED_MS);
    return undefined;
  }

  /** What leaves is scanned once more, then the outcome is written down, then answered. */
  async #complete(
    answer: AnswerBuilder,
    intent: Intent,
    principal: Principal,
    verdict: Verdict,
    result: RunResult,
  ): Promise<Answer> {
    const names = result.columns.map(({ name }) => name);
    if (!isForeseen(intent.judged, names)) return await this.#unforeseen(answer, intent, result);
    const page = shownPage(intent, verdict, result);
    const { columns, rows, found } = page;
    const isTruncated = !result.isLast;
    const cursor = await this.#cursor(intent, principal, verdict, result);
    const more = cursor === null ? 'limit' : 'cursor';
    const notices = noticesFor(
      intent.judged,
      verdict,
      isTruncated ? more : undefined,
      found,
      intent.request.binds ?? [],
    );
    await this.#parts.transcript.recorder.appendAll([
      ...intent.sent(result.queryId),
      intent.event('statement_completed', {
        query_id: result.queryId,
        rows: rows.length,
        bytes: result.bytes,
        truncated: isTruncated,
        duration_ms: Math.round(answer.elapsed),
        masks: columns.filter((column) => column.mask !== null).map((column) => [column.name, column.mask]),
        detected: [...found],
        ...page.record,
      }),
    ]);
    this.#parts.counters.ran(answer.elapsed, rows.length, result.bytes);
    return answer.finish({
      status: 'ok',
      columns,
      rows,
      isTruncated,
      cursor,
      notices,
      queryId: result.queryId,
    });
  }

  /** Other columns came than were judged: none of them is shown. */
  async #unforeseen(answer: AnswerBuilder, intent: Intent, { reader, queryId }: RunResult): Promise<Answer> {
    reader?.close();
    this.#parts.log.error({ statement: intent.statementId }, 'a result has other columns than were judged');
    const { code, message } = UNFORESEEN;
    await this.#parts.transcript.recorder.appendAll([
      ...intent.sent(queryId),
      intent.event('statement_failed', {
        code,
        message,
        query_id: queryId,
        duration_ms: Math.round(answer.elapsed),
      }),
    ]);
    return answer.denied(UNFORESEEN);
  }

  /** Where to read on, if there is more and the principal may see more of it. The result stays open here for a while. */
  async #cursor(intent: Intent, principal: Principal, verdict: Verdict, result: RunResult): Promise<string | null> {
    const { reader, rows, bytes } = result;
    if (!reader) return null;
    const bytesLeft = verdict.limits.resultBytes - bytes;
    // A row that fits into no page is the end as well.
    if (rows.length === 0 || rows.length >= verdict.limits.rows || bytesLeft <= 0) {
      reader.close();
      return null;
    }
    const cursor = await this.#cursors
      .make(principal, {
        sessionId: intent.session,
        statementId: intent.statementId,
        queryId: result.queryId,
        statement: intent.request.sql,
        binds: intent.request.binds ?? [],
        purpose: intent.request.purpose,
        grant: grantOf(verdict, intent.judged.sent ?? ''),
        position: rows.length,
        endRow: verdict.limits.rows,
        bytesLeft,
      })
      .catch((error: unknown) => {
        reader.close();
        throw error;
      });
    this.#parts.warehouse.hold(reader, false);
    return cursor;
  }

  /** The next rows of a result, under the rules of now: where these have changed, the cursor is over. */
  async fetch(caller: Caller, text: string, request: Pick<QueryRequest, 'maxRows' | 'signal'>): Promise<Answer> {
    const { principal } = caller;
    const answer = new AnswerBuilder(randomUUID(), performance.now(), this.#parts.now());
    try {
      await this.#parts.transcript.ensureAlive();
      const cursor = await this.#cursors.find(principal, text);
      if (!cursor) return answer.finish({ status: 'error', error: NO_CURSOR });
      answer.session = cursor.session_id;
      answer.statementId = cursor.statement_id;
      const { statement: sql, binds } = cursor;
      const full: QueryRequest = { ...request, sql, binds, purpose: cursor.purpose ?? undefined };
      const whose = this.#whose(principal, answer);
      const judged = await this.#judgeInTurn(whose, full);
      const intent = new Intent(principal, cursor.session_id, cursor.statement_id, full, judged);
      const { verdict, sent, denial } = judged;
      if (denial || !verdict || sent === undefined || !isSame(cursor, grantOf(verdict, sent))) {
        return await this.#refuseRows(answer, intent, cursor, denial ?? CHANGED_RULES);
      }
      return await this.#fetchPage(answer, intent, whose, verdict, cursor);
    } catch (error) {
      return this.#failure(answer, error);
    }
  }

  /** The statement itself has had its outcome. */
  async #refuseRows(answer: AnswerBuilder, intent: Intent, cursor: Cursor, denial: Denial): Promise<Answer> {
    this.#parts.counters.verdict('deny', denial.code);
    await this.#parts.transcript.recorder.append(
      intent.event('rows_fetched', { query_id: cursor.query_id, from: cursor.position, rows: 0, denial }),
    );
    return answer.denied(denial);
  }

  async #fetchPage(
    answer: AnswerBuilder,
    intent: Intent,
    whose: Whose,
    verdict: Verdict,
    cursor: Cursor,
  ): Promise<Answer> {
    const { position, end_row: endRow } = cursor;
    const rowsLeft = Math.max(0, Math.min(endRow, verdict.limits.rows) - position);
    const taken = rowsLeft === 0 ? 0 : await this.#cursors.takeBytes(cursor, PAGE_BYTES);
    if (taken === 0) return answer.finish({ status: 'error', error: NO_CURSOR });
    let used = 0;
    let result: RunResult | undefined;
    try {
      const key = keyOf(verdict, whose.principal);
      result = await this.#parts.warehouse.resume(key, {
        before: async () => {
          const denial = this.#overtaken(whose);
          if (denial) throw new NotSent(denial === RULES_CHANGED ? CHANGED_RULES : denial);
        },
        queryId: cursor.query_id,
        from: position,
        maxRows: Math.min(intent.request.maxRows ?? PAGE_ROWS, PAGE_ROWS, rowsLeft),
        maxBytes: taken,
        timeoutMs: verdict.limits.timeoutMs,
        signal: intent.request.signal,
      });
      used = result.bytes;
      const page = shownPage(intent, verdict, result);
      const next = position + result.rows.length;
      const hasMore = !result.isLast && result.rows.length > 0 && next < endRow;
      await this.#parts.transcript.recorder.append(
        intent.event('rows_fetched', {
          query_id: result.queryId,
          from: position,
          rows: result.rows.length,
          bytes: result.bytes,
          detected: [...page.found],
          ...page.record,
        }),
      );
      if (result.reader && hasMore) this.#parts.warehouse.hold(result.reader, true);
      else result.reader?.close();
      this.#parts.counters.ran(answer.elapsed, result.rows.length, result.bytes);
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
      if (error instanceof NotSent) return await this.#refuseRows(answer, intent, cursor, error.denial);
      if (error instanceof StatementFailed || error instanceof StatementCancelled) {
        const code = error instanceof StatementFailed ? error.code : 'CANCELLED';
        await this.#parts.transcript.recorder.append(
          intent.event('rows_fetched', { query_id: cursor.query_id, from: position, rows: 0, error: code }),
        );
        return answer.finish({ status: 'error', error: error instanceof StatementFailed ? NO_CURSOR : SLOW_ROWS });
      }
      throw error;
    } finally {
      await this.#cursors.giveBack(cursor, taken - used);
    }
  }

  async #failedRun(answer: AnswerBuilder, intent: Intent, verdict: Verdict, error: unknown): Promise<Answer> {
    const { recorder } = this.#parts.transcript;
    const duration = { duration_ms: Math.round(answer.elapsed) };
    const isCutOff = error instanceof StatementCancelled || error instanceof WarehouseUnavailable;
    if (intent.permit && intent.sentAt && !(await this.#isTheirs(intent)))
      return this.#refuseAgain(answer, intent, intent.permit.id, STOOD_STILL);
    if (isCutOff && intent.sentAt && isChange(intent.judged)) {
      // It may have been made, whatever cut us off from hearing so: its outcome is what the warehouse's history says of it.
      await recorder.appendAll(intent.sent(undefined));
      if (error instanceof WarehouseUnavailable) throw error;
      return answer.denied(cutOffDenial(error.reason === 'timeout' ? verdict : undefined));
    }
    if (error instanceof StatementCancelled) {
      await recorder.appendAll([
        ...intent.sent(undefined),
        intent.event('statement_cancelled', { reason: error.reason, ...duration }),
      ]);
      if (error.reason === 'timeout')
        return answer.denied({
          code: 'LIMIT_REACHED',
          message: `The statement ran longer than the ${verdict.limits.timeoutMs / 1000} s that you have.`,
          hint: 'Narrow it, for example by a WHERE.',
        });
      return answer.finish({ status: 'error', error: { code: 'CANCELLED', message: error.message } });
    }
    if (error instanceof StatementFailed) {
      const message = errorText(error, intent.judged, verdict);
      await recorder.appendAll([
        ...intent.sent(error.queryId),
        intent.event('statement_failed', {
          code: error.code,
          sql_state: error.sqlState ?? null,
          message,
          query_id: error.queryId ?? null,
          ...duration,
        }),
      ]);
      return answer.finish({ status: 'error', error: { code: error.code, message }, queryId: error.queryId ?? null });
    }
    // Without an outcome: it is settled from the warehouse's history.
    if (error instanceof CommitUnknown) {
      this.#parts.log.error({ err: error, statement: intent.statementId }, 'a COMMIT was not answered');
      await recorder.appendAll(intent.sent(error.queryId));
      return answer.denied(COMMIT_UNKNOWN);
    }
    if (error instanceof WarehouseUnavailable)
      await recorder.append(
        intent.event('statement_failed', { code: 'WAREHOUSE_UNAVAILABLE', message: error.message, ...duration }),
      );
    throw error;
  }

  /** What could not be done at all, said plainly; a bug is logged whole and answered without its text. */
  #failure(answer: AnswerBuilder, error: unknown): Answer {
    if (error instanceof NotAdmitted) return this.#turnedAway(answer, error.denial);
    if (error instanceof RecordInDoubt) {
      this.#parts.counters.verdict('deny', 'RECORD_IN_DOUBT');
      return answer.denied(IN_DOUBT);
    }
    if (error instanceof RecorderUnavailable) {
      this.#parts.log.error({ err: error.cause }, 'the transcript store is not reachable');
      this.#parts.counters.verdict('deny', 'RECORDER_UNAVAILABLE');
      return answer.denied({
        code: 'RECORDER_UNAVAILABLE',
        message: answer.hasRun
          ? 'The statement has run, but its outcome can not be recorded at the moment, so its result is not shown.'
          : 'The statement can not be recorded at the moment, so it is not run.',
        hint: answer.hasRun ? 'Look at the data before you repeat a change.' : 'Try again later.',
      });
    }
    if (error instanceof WarehouseUnavailable) {
      this.#parts.log.error({ err: error }, 'the warehouse is not reachable');
      this.#parts.counters.verdict('deny', 'WAREHOUSE_UNAVAILABLE');
      return answer.denied(UNREACHABLE);
    }
    this.#parts.log.error({ err: error }, 'a statement failed for a reason of our own');
    return answer.finish({
      status: 'error',
      error: { code: 'INTERNAL', message: 'Something went wrong inside snowfence; it has been logged.' },
    });
  }

  /** Statements under way in this process. */
  get running(): number {
    return this.#running.count;
  }

  /** Ends whatever runs: each is cancelled in the warehouse and recorded as such. */
  cancelAll(): void {
    this.#running.abort();
  }
}

// --- pieces of the way

const IN_DOUBT: Denial = {
  code: 'RECORD_IN_DOUBT',
  message:
    'The record of statements was changed by somebody who may not, so nothing is run until that was looked into.',
  hint: 'Tell whoever operates snowfence; trying again does not help.',
};

const UNHEARD: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'This gateway stood still for too long, so the statement has not run.',
  hint: 'Ask for the approval again in a minute: it is given back.',
};

const STILL: Denial = {
  code: 'RECORDER_UNAVAILABLE',
  message: 'This gateway stood still for too long, so the statement has not run.',
  hint: 'Try again in a minute.',
};

const RULES_CHANGED: Denial = {
  code: 'NOT_VERIFIED',
  message: 'The policies have changed while this statement waited, so it has not run.',
  hint: 'Send the statement again.',
};

const TOKEN_ENDED: Denial = {
  code: 'NOT_VERIFIED',
  message: 'Your token has ended while this waited, so it has not run.',
  hint: 'Get a new token and ask again.',
};

const STANDING_ENDED: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'The standing approval was ended while this statement waited, so it has not run.',
  hint: 'Send the statement again to ask anew.',
};

/** Nothing of the statement was sent: it was overtaken while it waited. */
class NotSent extends Error {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super(denial.message);
    this.name = 'NotSent';
    this.denial = denial;
  }
}

const STOOD_STILL: Denial = {
  code: 'RECORDER_UNAVAILABLE',
  message: 'This gateway stood still for too long, so the change was rolled back: nothing is changed.',
  hint: 'Try again in a minute.',
};

const COMMIT_UNKNOWN: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake did not answer whether this change was committed.',
  hint: 'Look at the data before you repeat it.',
};

/** `verdict`: its time was over. */
const cutOffDenial = (verdict: Verdict | undefined): Denial => ({
  code: 'LIMIT_REACHED',
  message: verdict
    ? `The change ran longer than the ${verdict.limits.timeoutMs / 1000} s that you have, and was told to stop.`
    : 'The change was told to stop.',
  hint: 'It may have been made all the same: look at the data before you repeat it.',
});

/** Whether it writes: what is cut off from such a statement may have happened. */
const isChange = ({ analysis }: Judged): boolean => analysis?.objects.some(({ access }) => access === 'write') ?? false;

/**
 * Whether it ended while something waited. One that had ended before was taken all the same, within the clocks' difference that is
 * allowed.
 */
const isTokenOver = ({ principal, askedAt }: Whose, now: Date): boolean => {
  const end = principal.expiresAt * 1000;
  return askedAt.getTime() < end && now.getTime() >= end;
};

const namesOf = (policies: readonly Policy[]): string => JSON.stringify(policies.map(({ name }) => name));

/** Of what waited too long: no refusal of theirs. */
const OVERTAKEN: ReadonlySet<Denial> = new Set([RULES_CHANGED, TOKEN_ENDED, STANDING_ENDED, UNHEARD]);
/** After these an approval holds again once it is known for certain that nothing was sent. */
const GIVEN_BACK: ReadonlySet<Denial> = new Set([UNHEARD, TOKEN_ENDED]);

/** It lies with us: no refusal of theirs. */
const NOT_THEIRS: ReadonlySet<string> = new Set(['RECORDER_UNAVAILABLE', 'WAREHOUSE_UNAVAILABLE']);

const nothingJudged: Judged = {
  version: '',
  statement: undefined,
  analysis: undefined,
  verdict: undefined,
  denial: undefined,
  sent: undefined,
  outputMasks: [],
};

const keyOf = ({ role, warehouse }: Verdict, principal: Principal): PoolKey => ({
  role,
  warehouse,
  whose: nameOf(principal),
});

const tooMany = ({ limits }: Verdict): Denial => ({
  code: 'LIMIT_REACHED',
  message: `You may run ${limits.concurrent} statements at a time.`,
  hint: 'Wait for one to end.',
});

/** Somebody else's approval does not exist for this caller. */
const isOf = (
  { issuer, subject, clientId }: Principal,
  approval: Pick<Approval, 'issuer' | 'subject' | 'client_id'>,
): boolean => approval.issuer === issuer && approval.subject === subject && approval.client_id === clientId;

/** What an approval's reviewers said yes to. */
const grantedOf = ({ requirements, about }: Approval): Granted => ({
  rules: new Set(requirements.map(({ rule }) => rule)),
  rows: about?.estimate.rows ?? undefined,
});

const NO_APPROVAL = { code: 'UNKNOWN_APPROVAL', message: 'There is no such approval of yours.' };

const NO_CURSOR = {
  code: 'UNKNOWN_CURSOR',
  message: 'There is no such cursor of yours, or it is over. Send the statement again.',
};

const SLOW_ROWS = { code: 'CANCELLED', message: 'The rows did not come in time. Ask again with the same cursor.' };

const CHANGED_RULES: Denial = {
  code: 'NOT_VERIFIED',
  message: 'Rules or views have changed since this statement ran, so its result is not read on.',
  hint: 'Send the statement again.',
};

/** What a result was given out for: the text as sent, and how it was allowed. */
const grantOf = (verdict: Verdict, sent: string): string => `${verdict.decision} ${sent}`;

/** Rows as the agent sees them, and what of them is recorded. */
function shownPage(intent: Intent, verdict: Verdict, result: RunResult) {
  const { rows, found } = scrubbed(result, verdict, intent.judged.outputMasks);
  const names = result.columns.map(({ name }) => name);
  const masks = masksOf(intent.judged.outputMasks, names);
  const shown = shownNames(intent.judged.outputMasks, names, verdict);
  const columns = result.columns.map(({ type }, index) => ({
    name: shown[index]?.name ?? '',
    type: type === 'FIXED' ? 'NUMBER' : type,
    mask: masks[index] ?? null,
    isFromData: shown[index]?.isFromData ?? false,
  }));
  const { results } = verdict.record;
  const digest = results === 'none' ? null : createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  const record = {
    digest,
    ...(results === 'masked' ? { columns: columns.map(({ name }) => name), result: rows } : {}),
  };
  return { columns, rows, found, record };
}

/** The parts of a dotted name as EXPLAIN prints it: quoted where it has to be. */
const splitName = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"]|"")*)"|[^".]+/g)].map((match) => match[1]?.replaceAll('""', '"') ?? match[0]);
