/**
 * A statement's way through snowfence. `query` tells it from top to bottom; each step is one call into one room.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Approvals } from './approval/index.js';
import type { Principal } from './identity/index.js';
import { type DetectorKind, maskExpression, methodName, scrub, scrubValue } from './masking/index.js';
import {
  type AppliedMask,
  type Denial,
  type DenialCode,
  decide,
  decideKind,
  describeStanding,
  inForce,
  maskFor,
  mayRead,
  type Policy,
  type PolicySet,
  rowsFor,
  standing,
  type Verdict,
} from './policy/index.js';
import {
  type Analysis,
  analyse,
  type CatalogReader,
  cteNames,
  Disagreement,
  objectKey,
  Refusal,
  readStatement,
  rewrite,
  type Statement,
  secondOpinion,
  showObject,
  type Treatment,
} from './sql/index.js';
import { type ClientInfo, RecorderUnavailable, type TranscriptStore } from './transcript/index.js';
import {
  type CatalogObject,
  type Json,
  type PoolKey,
  type RunResult,
  StatementCancelled,
  StatementFailed,
  type Warehouse,
  WarehouseUnavailable,
} from './warehouse/index.js';

export type Bind = string | number | boolean | null;

export interface Caller {
  readonly principal: Principal;
  readonly client: ClientInfo;
}

export interface QueryRequest {
  readonly sql: string;
  readonly purpose?: string | undefined;
  readonly maxRows?: number | undefined;
  readonly binds?: readonly Bind[] | undefined;
  readonly session?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export interface AnswerColumn {
  readonly name: string;
  readonly type: string;
  readonly mask: string | null;
}

export interface Answer {
  readonly status: 'ok' | 'denied' | 'approval_required' | 'error';
  readonly statementId: string;
  readonly session: string | null;
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly (readonly Json[])[];
  readonly isTruncated: boolean;
  readonly notices: readonly string[];
  readonly queryId: string | null;
  readonly durationMs: number;
  readonly denial: Denial | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly approval: { readonly id: string; readonly expiresAt: string } | undefined;
}

/** A statement judged: all that is needed to run it, or the reason why it isn't. */
interface Judged {
  readonly statement: Statement | undefined;
  readonly analysis: Analysis | undefined;
  readonly verdict: Verdict | undefined;
  readonly denial: Denial | undefined;
  /** The text to send. */
  readonly sent: string | undefined;
  readonly outputMasks: readonly OutputMask[];
}

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
}

const RECORDED_TEXT_LIMIT = 256 * 1024;
const JUDGED_CACHE = 2000;
const JUDGED_MS = 60_000;
const MAX_PURPOSE = 2000;
const PROGRESS_MS = 1000;

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #judged = new Map<
    string,
    { readonly value: Promise<Judged>; readonly until: number; isRenewing: boolean }
  >();
  readonly #confirmed = new Set<string>();
  readonly #running = new Map<string, number>();
  readonly #controllers = new Set<AbortController>();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** The way: who, what, may it, write it down, ask a person, run it, write down what came of it, answer. */
  async query(caller: Caller, request: QueryRequest): Promise<Answer> {
    const statementId = randomUUID();
    const started = performance.now();
    const { principal } = caller;
    const answer = new AnswerBuilder(statementId, started);
    try {
      await this.#parts.transcript.ensureAlive();
      const session = await this.#parts.transcript.sessions.find(principal, caller.client, request.session);
      answer.session = session;
      const policies = inForce(this.#parts.policies(), principal, this.#parts.now());
      const judged = await this.#judge(principal, policies, request);
      const intent = new Intent(session, statementId, request, judged, this.#parts.policies().version);
      if (judged.denial) return await this.#refuse(answer, intent, judged.denial);
      const over = await this.#record(principal, intent, judged.verdict);
      if (over) return await this.#refuse(answer, intent, over);
      if (judged.verdict?.decision === 'approve') return await this.#ask(answer, intent, principal, judged.verdict);
      return await this.#run(answer, intent, principal, request);
    } catch (error) {
      return this.#failure(answer, error);
    }
  }

  /** The verdict without running anything; recorded like every attempt. */
  async explain(
    caller: Caller,
    request: QueryRequest,
  ): Promise<{ judged: Judged; bytes: number | undefined; answer: Answer }> {
    const answer = new AnswerBuilder(randomUUID(), performance.now());
    try {
      await this.#parts.transcript.ensureAlive();
      answer.session = await this.#parts.transcript.sessions.find(caller.principal, caller.client, request.session);
      const policies = inForce(this.#parts.policies(), caller.principal, this.#parts.now());
      const judged = await this.#judge(caller.principal, policies, request);
      const intent = new Intent(
        answer.session,
        answer.statementId,
        request,
        judged,
        this.#parts.policies().version,
        true,
      );
      this.#parts.counters.verdict(judged.verdict?.decision ?? 'deny', judged.denial?.code);
      await this.#parts.transcript.recorder.append(
        intent.event(judged.denial ? 'statement_refused' : 'statement_submitted', { denial: judged.denial ?? null }),
      );
      if (judged.denial) return { judged, bytes: undefined, answer: answer.denied(judged.denial) };
      const plan = await this.#plan(intent, request.binds ?? []);
      return { judged, bytes: plan?.bytes, answer: answer.finish({ status: 'ok' }) };
    } catch (error) {
      const failed: Judged = {
        statement: undefined,
        analysis: undefined,
        verdict: undefined,
        denial: undefined,
        sent: undefined,
        outputMasks: [],
      };
      return { judged: failed, bytes: undefined, answer: await this.#failure(answer, error) };
    }
  }

  // --- what does the statement do, and may this principal do that

  #judge(principal: Principal, policies: readonly Policy[], request: QueryRequest): Promise<Judged> {
    const { version } = this.#parts.policies();
    const { catalog } = this.#parts.warehouse;
    // What a verdict depends on, all of it: a statement seen before is not analysed again.
    const key = createHash('sha256')
      .update(
        JSON.stringify([
          version,
          policies.map((policy) => policy.name),
          catalog.version,
          Boolean(request.purpose?.trim()),
          templateValues(policies, principal),
          request.sql,
        ]),
      )
      .digest('base64');
    const known = this.#judged.get(key);
    const left = (known?.until ?? 0) - Date.now();
    if (known && left > JUDGED_MS / 2) return known.value;
    if (known && left > 0) {
      // What is in use is judged anew before it is too old, so that nobody waits for it.
      if (!known.isRenewing) {
        known.isRenewing = true;
        this.#judgeAnew(principal, policies, request).then(
          (judged) => {
            if (this.#judged.get(key) === known) this.#remember(key, Promise.resolve(judged));
          },
          () => undefined,
        );
      }
      return known.value;
    }
    return this.#remember(key, this.#judgeAnew(principal, policies, request));
  }

  /** Objects may change without our knowing: a judgement holds no longer than the catalog's own memory. */
  #remember(key: string, value: Promise<Judged>): Promise<Judged> {
    this.#judged.delete(key);
    if (this.#judged.size >= JUDGED_CACHE) this.#judged.delete(this.#judged.keys().next().value ?? '');
    const entry = { value, until: Date.now() + JUDGED_MS, isRenewing: false };
    this.#judged.set(key, entry);
    const forget = (): void => {
      if (this.#judged.get(key) === entry) this.#judged.delete(key);
    };
    value.then(({ denial }) => {
      if (denial?.code === 'WAREHOUSE_UNAVAILABLE') forget();
    }, forget);
    return value;
  }

  async #judgeAnew(principal: Principal, policies: readonly Policy[], request: QueryRequest): Promise<Judged> {
    const set = this.#parts.policies();
    const nothing = { statement: undefined, analysis: undefined, verdict: undefined, sent: undefined, outputMasks: [] };
    let statement: Statement | undefined;
    try {
      const noPolicy = policies.length === 0 ? decideKind(set, policies, 'select') : undefined;
      if (noPolicy) return { ...nothing, denial: noPolicy };
      statement = readStatement(request.sql);
      const kindDenial = decideKind(set, policies, statement.kind);
      if (kindDenial) return { ...nothing, statement, denial: kindDenial };
      const { role, warehouse } = standing(policies);
      const analysis = await analyse(statement, this.#reader({ role, warehouse }), this.#parts.warehouse.options);
      secondOpinion(analysis, cteNames(analysis));
      const circumstances = { hasPurpose: Boolean(request.purpose?.trim()), hasWhere: analysis.hasWhere };
      const verdict = decide({ set, policies, subject: principal, analysis, circumstances });
      if (verdict.denial) return { ...nothing, statement, analysis, verdict, denial: verdict.denial };
      const sent = rewrite(analysis, treatments(verdict));
      return {
        statement,
        analysis,
        verdict,
        denial: undefined,
        sent: sent.text,
        outputMasks: outputMasks(analysis, verdict.masks),
      };
    } catch (error) {
      if (error instanceof Disagreement) {
        this.#parts.counters.disagreement(error.parser);
        this.#parts.log.warn(
          { parser: error.parser, fingerprint: statement && fingerprintOf(statement) },
          'two parsers read a statement differently',
        );
      }
      if (error instanceof Refusal)
        return {
          ...nothing,
          statement,
          denial: { code: error.code, message: error.message, position: error.position, hint: error.hint },
        };
      // Recorded as refused, like any attempt: without the catalog nothing can be judged.
      if (error instanceof WarehouseUnavailable) {
        this.#parts.log.error({ err: error }, 'the warehouse is not reachable');
        return { ...nothing, statement, denial: UNREACHABLE };
      }
      throw error;
    }
  }

  #reader(key: PoolKey): CatalogReader {
    return { relation: (name) => this.#parts.warehouse.catalog.relation(key, name) };
  }

  // --- the record

  /** The intent, durable before anything is sent; a denial where the hour's statements are used up. */
  async #record(principal: Principal, intent: Intent, verdict: Verdict | undefined): Promise<Denial | undefined> {
    const limit = verdict?.limits.statementsPerHour;
    const count = limit === undefined ? undefined : { principal: `${principal.issuer} ${principal.subject}` };
    const statements = await this.#parts.transcript.recorder.append(intent.event('statement_submitted', {}), count);
    if (limit === undefined || statements === undefined || statements <= limit) return undefined;
    return {
      code: 'LIMIT_REACHED',
      message: `You have used up your ${limit} statements for this hour.`,
      hint: 'Go on in the next hour.',
    };
  }

  async #refuse(answer: AnswerBuilder, intent: Intent, denial: Denial): Promise<Answer> {
    this.#parts.counters.verdict('deny', denial.code);
    await this.#parts.transcript.recorder.append(intent.event('statement_refused', { denial }));
    return answer.denied(denial);
  }

  // --- a person's word

  async #ask(answer: AnswerBuilder, intent: Intent, principal: Principal, verdict: Verdict): Promise<Answer> {
    const { approval: asked } = verdict;
    if (!asked)
      return this.#refuse(answer, intent, {
        code: 'APPROVAL_DENIED',
        message: 'No reviewer is named for this statement.',
      });
    this.#parts.counters.verdict('approve', undefined);
    const approval = await this.#parts.approvals.ask({
      statementId: intent.statementId,
      sessionId: intent.session,
      actor: principal,
      statement: intent.request.sql,
      sent: intent.judged.sent ?? '',
      binds: intent.request.binds ?? [],
      purpose: intent.request.purpose,
      policyVersion: verdict.version,
      requirements: asked.requirements,
      withinMs: asked.within,
    });
    await this.#parts.transcript.recorder.append(
      intent.event('approval_asked', { approval: approval.id, requirements: asked.requirements }),
    );
    const expiresAt = approval.expires_at.toISOString();
    return answer.finish({ status: 'approval_required', approval: { id: approval.id, expiresAt } });
  }

  /** What has become of an approval; once it is given, runs the statement, exactly once. */
  async resume(caller: Caller, id: string, request: Omit<QueryRequest, 'sql' | 'binds' | 'purpose'>): Promise<Answer> {
    const { principal } = caller;
    const answer = new AnswerBuilder(randomUUID(), performance.now());
    try {
      const approval = await this.#parts.approvals.get(id);
      // Somebody else's approval does not exist for this caller.
      if (
        !approval ||
        approval.issuer !== principal.issuer ||
        approval.subject !== principal.subject ||
        approval.client_id !== principal.clientId
      )
        return answer.finish({
          status: 'error',
          error: { code: 'UNKNOWN_APPROVAL', message: 'There is no such approval of yours.' },
        });
      answer.session = approval.session_id;
      const full: QueryRequest = {
        ...request,
        sql: approval.statement,
        binds: approval.binds,
        purpose: approval.purpose ?? undefined,
      };
      const judged = await this.#judge(principal, inForce(this.#parts.policies(), principal, this.#parts.now()), full);
      const intent = new Intent(
        approval.session_id,
        approval.statement_id,
        full,
        judged,
        this.#parts.policies().version,
      );
      const pending = {
        status: 'approval_required' as const,
        approval: { id, expiresAt: approval.expires_at.toISOString() },
      };
      if (approval.state === 'pending') return answer.finish(pending);
      if (judged.denial) return await this.#refuse(answer, intent, judged.denial);
      const denial = approvalDenial(approval, judged.sent);
      // A reviewer's word is in the record already; asking for it again and again adds nothing.
      if (denial && approval.state === 'denied') return answer.denied(denial);
      if (denial) return await this.#refuse(answer, intent, denial);
      if (!(await this.#parts.approvals.use(id)))
        return await this.#refuse(answer, intent, {
          code: 'APPROVAL_EXPIRED',
          message: 'This approval has been used.',
          hint: 'Send the statement again to ask anew.',
        });
      const reviewers = approval.decisions
        .filter((entry) => entry.decision === 'approve')
        .map((entry) => entry.reviewer);
      await this.#parts.transcript.recorder.append(intent.event('approval_used', { approval: id, reviewers }));
      return await this.#run(answer, intent, principal, full);
    } catch (error) {
      return this.#failure(answer, error);
    }
  }

  // --- the run

  async #run(answer: AnswerBuilder, intent: Intent, principal: Principal, request: QueryRequest): Promise<Answer> {
    const { verdict, sent, analysis } = intent.judged;
    if (!verdict || sent === undefined || !analysis) throw new Error('A statement without a verdict came to be run.');
    const name = `${principal.issuer} ${principal.subject}`;
    const running = this.#running.get(name) ?? 0;
    if (verdict.limits.concurrent !== undefined && running >= verdict.limits.concurrent)
      return this.#refuse(answer, intent, {
        code: 'LIMIT_REACHED',
        message: `You may run ${verdict.limits.concurrent} statements at a time.`,
        hint: 'Wait for one to end.',
      });
    if (verdict.decision === 'allow') this.#parts.counters.verdict('allow', undefined);
    this.#running.set(name, running + 1);
    const controller = new AbortController();
    this.#controllers.add(controller);
    const signal = request.signal ? AbortSignal.any([request.signal, controller.signal]) : controller.signal;
    const progress = setInterval(
      () => request.onProgress?.(`running for ${Math.round(answer.elapsed / 1000)} s`),
      PROGRESS_MS,
    );
    try {
      const unverified = await this.#confirm(intent, request.binds ?? []);
      if (unverified) return await this.#refuse(answer, intent, unverified);
      const key = { role: verdict.role, warehouse: verdict.warehouse };
      const result = await this.#parts.warehouse.run(key, sent, {
        binds: request.binds ?? [],
        tag: intent.tag,
        maxRows: Math.min(request.maxRows ?? Number.POSITIVE_INFINITY, verdict.limits.rows),
        maxBytes: verdict.limits.resultBytes,
        timeoutMs: verdict.limits.timeoutMs,
        signal,
      });
      answer.hasRun = true;
      return await this.#complete(answer, intent, verdict, result);
    } catch (error) {
      return await this.#failedRun(answer, intent, verdict, error);
    } finally {
      clearInterval(progress);
      this.#controllers.delete(controller);
      const left = (this.#running.get(name) ?? 1) - 1;
      if (left > 0) this.#running.set(name, left);
      else this.#running.delete(name);
    }
  }

  async #plan(
    intent: Intent,
    binds: readonly Bind[],
  ): Promise<{ objects: readonly string[]; bytes: number | undefined } | undefined> {
    const { verdict, sent, analysis } = intent.judged;
    if (!verdict || sent === undefined || analysis?.kind === 'describe') return undefined;
    return this.#parts.warehouse.explain({ role: verdict.role, warehouse: verdict.warehouse }, sent, binds, intent.tag);
  }

  /** Snowflake's compiler has to see no object beyond the verdict's. */
  async #confirm(intent: Intent, binds: readonly Bind[]): Promise<Denial | undefined> {
    const { analysis, verdict, sent } = intent.judged;
    const mode = this.#parts.warehouse.options.confirm;
    if (mode === 'off' || !analysis || !verdict || analysis.objects.length === 0 || analysis.kind === 'describe')
      return undefined;
    const key = createHash('sha256')
      .update(JSON.stringify([verdict.version, this.#parts.warehouse.catalog.version, verdict.role, sent]))
      .digest('base64');
    if (mode === 'cached' && this.#confirmed.has(key)) return undefined;
    const plan = await this.#plan(intent, binds);
    const allowed = new Set(analysis.objects.map((use) => objectKey(use.object)));
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
    if (this.#confirmed.size >= JUDGED_CACHE) this.#confirmed.clear();
    this.#confirmed.add(key);
    return undefined;
  }

  /** What leaves is scanned once more, then the outcome is written down, then answered. */
  async #complete(answer: AnswerBuilder, intent: Intent, verdict: Verdict, result: RunResult): Promise<Answer> {
    const found = new Set<DetectorKind>();
    const rows =
      verdict.detect.size > 0 ? (scrubValue(result.rows, verdict.detect, found) as RunResult['rows']) : result.rows;
    const masks = masksOf(
      intent.judged.outputMasks,
      result.columns.map(({ name }) => name),
    );
    const columns = result.columns.map(({ name, type }, index) => ({
      name,
      type: type === 'FIXED' ? 'NUMBER' : type,
      mask: masks[index] ?? null,
    }));
    const notices = noticesFor(intent.judged, verdict, result.isTruncated, found);
    const digest = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
    await this.#parts.transcript.recorder.append(
      intent.event('statement_completed', {
        query_id: result.queryId,
        rows: rows.length,
        bytes: result.bytes,
        truncated: result.isTruncated,
        duration_ms: Math.round(answer.elapsed),
        masks: columns.filter((column) => column.mask !== null).map((column) => [column.name, column.mask]),
        detected: [...found],
        digest: verdict.record.results === 'none' ? null : digest,
        ...(verdict.record.results === 'masked' ? { columns: columns.map((column) => column.name), result: rows } : {}),
      }),
    );
    if (intent.judged.analysis?.objects.some((use) => use.access === 'write'))
      this.#parts.warehouse.catalog.invalidate();
    this.#parts.counters.ran(answer.elapsed, rows.length, result.bytes);
    return answer.finish({
      status: 'ok',
      columns,
      rows,
      isTruncated: result.isTruncated,
      notices,
      queryId: result.queryId,
    });
  }

  async #failedRun(answer: AnswerBuilder, intent: Intent, verdict: Verdict, error: unknown): Promise<Answer> {
    const { recorder } = this.#parts.transcript;
    const duration = { duration_ms: Math.round(answer.elapsed) };
    if (error instanceof StatementCancelled) {
      await recorder.append(intent.event('statement_cancelled', { reason: error.reason, ...duration }));
      if (error.reason === 'timeout')
        return answer.denied({
          code: 'LIMIT_REACHED',
          message: `The statement ran longer than the ${verdict.limits.timeoutMs / 1000} s that you have.`,
          hint: 'Narrow it, for example by a WHERE.',
        });
      return answer.finish({ status: 'error', error: { code: 'CANCELLED', message: error.message } });
    }
    if (error instanceof StatementFailed) {
      const message = errorText(error, intent, verdict);
      await recorder.append(
        intent.event('statement_failed', {
          code: error.code,
          sql_state: error.sqlState ?? null,
          message,
          query_id: error.queryId ?? null,
          ...duration,
        }),
      );
      return answer.finish({ status: 'error', error: { code: error.code, message }, queryId: error.queryId ?? null });
    }
    if (error instanceof WarehouseUnavailable)
      await recorder.append(
        intent.event('statement_failed', { code: 'WAREHOUSE_UNAVAILABLE', message: error.message, ...duration }),
      );
    throw error;
  }

  /** What could not be done at all, said plainly; a bug is logged whole and answered without its text. */
  #failure(answer: AnswerBuilder, error: unknown): Answer {
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
    return this.#controllers.size;
  }

  /** Ends whatever runs: each is cancelled in the warehouse and recorded as such. */
  cancelAll(): void {
    for (const controller of this.#controllers) controller.abort();
  }

  // --- what may be seen

  policiesFor(principal: Principal): readonly Policy[] {
    return inForce(this.#parts.policies(), principal, this.#parts.now());
  }

  /** The principal's standing in words. */
  whoami(principal: Principal): {
    policies: readonly string[];
    words: readonly string[];
    version: string;
    limits: Verdict['limits'];
  } {
    const policies = this.policiesFor(principal);
    return {
      policies: policies.map((policy) => policy.name),
      words: describeStanding(policies),
      version: this.#parts.policies().version,
      limits: standing(policies).limits,
    };
  }

  /** Objects that the principal may describe, at most `limit`; in one schema, one database, or all that the policies name. */
  async visibleObjects(
    principal: Principal,
    database: string | undefined,
    schema: string | undefined,
    limit: number,
  ): Promise<{ objects: readonly CatalogObject[]; isTruncated: boolean }> {
    const policies = this.policiesFor(principal);
    const { role, warehouse } = standing(policies);
    if (policies.length === 0) return { objects: [], isTruncated: false };
    const { catalog } = this.#parts.warehouse;
    const databases = database === undefined ? await this.#databasesOf(policies, { role, warehouse }) : [database];
    const found: CatalogObject[] = [];
    for (const name of databases) found.push(...(await catalog.objects({ role, warehouse }, name, schema)));
    const objects = found.filter((object) => mayRead(policies, object));
    return { objects: objects.slice(0, limit), isTruncated: objects.length > limit };
  }

  /** Those that the rules name; all of them where a rule leaves the database open. */
  async #databasesOf(policies: readonly Policy[], key: PoolKey): Promise<readonly string[]> {
    const globs = policies.flatMap((policy) => policy.rules.flatMap((rule) => (rule.effect === 'deny' ? [] : rule.on)));
    const names = globs.map((glob) => /^"?([^".]+)"?\./.exec(glob.source)?.[1] ?? '*');
    if (names.some((name) => name.includes('*'))) return this.#parts.warehouse.catalog.databases(key);
    return [...new Set(names.map((name) => name.toUpperCase()))];
  }

  /** One table or view with its columns and how each is masked; undefined where it isn't there or isn't visible. */
  async visibleRelation(principal: Principal, database: string, schema: string, name: string) {
    const policies = this.policiesFor(principal);
    const object = { database, schema, name };
    if (!mayRead(policies, object)) return undefined;
    const { role, warehouse, detect } = standing(policies);
    const relation = await this.#parts.warehouse.catalog.relation({ role, warehouse }, object);
    if (!relation) return undefined;
    const columns = relation.columns.map((column) => ({
      ...column,
      comment: scrub(column.comment, detect).text,
      mask: maskFor(policies, object, column.name),
    }));
    return {
      ...relation,
      comment: scrub(relation.comment, detect).text,
      columns,
      rowRules: rowsFor(policies, object, principal),
    };
  }
}

// --- pieces of the way

/** The parts of a dotted name as EXPLAIN prints it: quoted where it has to be. */
const splitName = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"]|"")*)"|[^".]+/g)].map((match) => match[1]?.replaceAll('""', '"') ?? match[0]);

const UNREACHABLE: Denial = {
  code: 'WAREHOUSE_UNAVAILABLE',
  message: 'Snowflake is not reachable at the moment.',
  hint: 'Try again later.',
};

/** What a principal puts into row predicates: part of what a verdict depends on. */
const templateValues = (policies: readonly Policy[], principal: Principal): unknown =>
  policies.some((policy) => policy.rows.some((row) => row.where.includes('{principal.')))
    ? [principal.subject, principal.clientId, principal.claims]
    : null;

function treatments(verdict: Verdict): ReadonlyMap<string, Treatment> {
  const out = new Map<
    string,
    { columns: Map<string, ((identifier: string) => string) | 'deny'>; predicate: string | undefined }
  >();
  const entry = (key: string) => {
    const known = out.get(key) ?? { columns: new Map(), predicate: undefined };
    out.set(key, known);
    return known;
  };
  for (const mask of verdict.masks) {
    const { method, type } = mask;
    entry(objectKey(mask.object)).columns.set(
      mask.column,
      method.kind === 'deny' ? 'deny' : (identifier) => maskExpression(method, identifier, type),
    );
  }
  for (const rows of verdict.rows) {
    const known = entry(objectKey(rows.object));
    known.predicate = known.predicate === undefined ? rows.where : `( ${known.predicate} ) AND ( ${rows.where} )`;
  }
  return out;
}

interface OutputMask {
  /** undefined where the analysis gives no name, or many columns stand behind this one (PIVOT). */
  readonly name: string | undefined;
  readonly mask: string | null;
}

function outputMasks(analysis: Analysis, masks: readonly AppliedMask[]): OutputMask[] {
  return analysis.outputs.map(({ name, origins }) => {
    const applied = masks.filter((mask) =>
      origins.some((origin) => origin.column === mask.column && objectKey(origin.object) === objectKey(mask.object)),
    );
    const methods = [...new Set(applied.map((mask) => methodName(mask.method)))];
    return { name, mask: methods.length === 0 ? null : methods.join(', ') };
  });
}

/** One for each column that came back: by place where the analysis foresaw just these columns, else by name. */
function masksOf(foreseen: readonly OutputMask[], names: readonly string[]): (string | null)[] {
  const isForeseen =
    foreseen.length === names.length && foreseen.every(({ name }, at) => name === undefined || name === names[at]);
  if (isForeseen) return foreseen.map(({ mask }) => mask);
  const join = (some: readonly OutputMask[]): string | null =>
    [...new Set(some.flatMap(({ mask }) => mask ?? []))].join(', ') || null;
  return names.map((name) => {
    const same = foreseen.filter((output) => output.name === name);
    return join(same.length > 0 ? same : foreseen.filter((output) => output.name === undefined));
  });
}

function noticesFor(
  judged: Judged,
  verdict: Verdict,
  isTruncated: boolean,
  found: ReadonlySet<DetectorKind>,
): string[] {
  const notices: string[] = [];
  const uses = judged.analysis?.columns ?? [];
  for (const mask of verdict.masks) {
    if (mask.method.kind === 'deny') continue;
    const use = uses.find(
      (entry) =>
        entry.column === mask.column &&
        objectKey(entry.object) === objectKey(mask.object) &&
        /^(?:predicate|join|group|order|window)$/.test(entry.usage),
    );
    if (use)
      notices.push(
        `${mask.column} is masked for you: this ${use.usage} worked on masked values (${methodName(mask.method)}).`,
      );
  }
  const filtered = new Set(verdict.rows.map((rows) => showObject(rows.object)));
  for (const object of filtered)
    notices.push(`Some rows of ${object} are hidden from you; counts and sums are over the others.`);
  if (isTruncated) notices.push('The result was cut at your limit; narrow the statement or aggregate.');
  if (found.size > 0) notices.push(`Taken out of texts: ${[...found].join(', ')}.`);
  return notices;
}

/** Values in quotes could have been read by Snowflake out of rows; the place and names of objects stay. */
function errorText(error: StatementFailed, intent: Intent, verdict: Verdict): string {
  const own = new Set(
    intent.judged.statement?.tokens.map((token) => token.text.replace(/^['"]|['"]$/g, '').toUpperCase()),
  );
  const isCompilation = /compilation error/i.test(error.message);
  const text = error.message.replace(/'((?:[^'\\]|'')*)'/g, (whole, value: string) =>
    own.has(value.toUpperCase()) || isCompilation ? whole : "'…'",
  );
  return scrub(text, verdict.detect).text.slice(0, 2000);
}

function approvalDenial(
  approval: { state: string; sent: string; decisions: readonly { decision: string; reason: string | null }[] },
  sent: string | undefined,
): Denial | undefined {
  if (approval.state === 'denied') {
    const reason = approval.decisions.find((entry) => entry.decision === 'deny')?.reason;
    return {
      code: 'APPROVAL_DENIED',
      message: reason ? `A reviewer denied this statement: ${reason}` : 'A reviewer denied this statement.',
    };
  }
  if (approval.state !== 'approved')
    return {
      code: 'APPROVAL_EXPIRED',
      message: 'This approval is no longer open.',
      hint: 'Send the statement again to ask anew.',
    };
  // Policies or views changed since: what was approved is not what would run.
  if (approval.sent !== sent)
    return {
      code: 'APPROVAL_EXPIRED',
      message: 'Rules or views have changed since this was approved.',
      hint: 'Send the statement again to ask anew.',
    };
  return undefined;
}

/** The same for statements that differ only in their literals. */
function fingerprintOf(statement: Statement | undefined): string {
  const shape = (statement?.tokens ?? []).map(({ kind, text }) =>
    kind === 'string' || kind === 'number' ? '?' : kind === 'word' ? text.toUpperCase() : text,
  );
  return createHash('sha256').update(shape.join(' ')).digest('hex').slice(0, 16);
}

/** The statement as the transcript knows it. */
class Intent {
  readonly session: string;
  readonly statementId: string;
  readonly request: QueryRequest;
  readonly judged: Judged;
  readonly #version: string;
  readonly #isExplain: boolean;

  constructor(
    session: string,
    statementId: string,
    request: QueryRequest,
    judged: Judged,
    version: string,
    isExplain = false,
  ) {
    this.session = session;
    this.statementId = statementId;
    this.request = request;
    this.judged = judged;
    this.#version = version;
    this.#isExplain = isExplain;
  }

  /** In Snowflake's history: which statement of which session this was. */
  get tag(): string {
    return JSON.stringify({ app: 'snowfence', statement: this.statementId, session: this.session });
  }

  get fingerprint(): string {
    return fingerprintOf(this.judged.statement);
  }

  event(
    kind:
      | 'statement_submitted'
      | 'statement_refused'
      | 'statement_completed'
      | 'statement_failed'
      | 'statement_cancelled'
      | 'approval_asked'
      | 'approval_used',
    more: Readonly<Record<string, unknown>>,
  ) {
    const { statement, analysis, verdict, sent } = this.judged;
    const isOpening = kind === 'statement_submitted' || kind === 'statement_refused';
    const opening = {
      statement: this.request.sql.slice(0, RECORDED_TEXT_LIMIT),
      statement_length: this.request.sql.length,
      binds: this.request.binds ?? [],
      purpose: this.request.purpose?.slice(0, MAX_PURPOSE) ?? null,
      explain: this.#isExplain,
      kind: statement?.kind ?? null,
      fingerprint: this.fingerprint,
      objects:
        analysis?.objects.map((use) => ({
          object: showObject(use.object),
          access: use.access,
          via: use.via.map(showObject),
        })) ?? [],
      columns: [...new Set(analysis?.columns.map((use) => `${showObject(use.object)}.${use.column}`) ?? [])],
      verdict: verdict?.decision ?? 'deny',
      rules: verdict?.rules ?? [],
      masks:
        verdict?.masks.map((mask) => ({
          column: `${showObject(mask.object)}.${mask.column}`,
          method: methodName(mask.method),
          rule: mask.rule,
        })) ?? [],
      rows:
        verdict?.rows.map((rows) => ({ object: showObject(rows.object), where: rows.where, rule: rows.rule })) ?? [],
      policies: verdict?.policies ?? [],
      policy_version: this.#version,
      sent: kind === 'statement_submitted' && !this.#isExplain ? (sent ?? null) : null,
      tag: this.tag,
    };
    return {
      kind,
      sessionId: this.session,
      statementId: this.statementId,
      body: isOpening ? { ...opening, ...more } : more,
    };
  }
}

class AnswerBuilder {
  readonly statementId: string;
  readonly #started: number;
  session: string | undefined;
  /** Snowflake has run the statement to its end, whatever happens to the answer now. */
  hasRun = false;

  constructor(statementId: string, started: number) {
    this.statementId = statementId;
    this.#started = started;
  }

  get elapsed(): number {
    return performance.now() - this.#started;
  }

  denied(denial: Denial): Answer {
    return this.finish({ status: 'denied', denial });
  }

  finish(parts: Partial<Answer> & Pick<Answer, 'status'>): Answer {
    return {
      statementId: this.statementId,
      session: this.session ?? null,
      columns: [],
      rows: [],
      isTruncated: false,
      notices: [],
      queryId: null,
      durationMs: Math.round(this.elapsed),
      denial: undefined,
      error: undefined,
      approval: undefined,
      ...parts,
    };
  }
}

export type { Judged };
