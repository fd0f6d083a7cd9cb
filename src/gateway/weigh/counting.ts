/**
 * What the warehouse is asked about a statement before it runs: how many bytes it would scan, how many rows it would change. Law: a number
 * is of what the principal may see, or there is none. So rows are counted by a SELECT that is judged and rewritten as if the principal had
 * sent it; and where anything in the tables is hidden, bytes are those of the whole tables, whatever the statement's own predicate is.
 */

import type { Principal } from '../../identity/index.js';
import { type Denial, type Estimate, hides, type Uncounted, type Verdict } from '../../policy/index.js';
import { affectedRowsQuery, isBound, objectKey, writtenRows } from '../../sql/index.js';
import { StatementCancelled, StatementFailed, type Warehouse } from '../../warehouse/index.js';
import type { Judge } from '../judge/judge.js';
import { isChange, isOutage, type Judged, type Question } from '../judge/judged.js';
import { keyOf, type Rules, type Whose } from '../judge/whose.js';
import type { Judging } from '../limits/judging.js';
import type { Budgets } from '../record/budgets.js';
import { headDigest, type Intent, sha256 } from '../record/intent.js';
import { notOvertaken } from './overtaken.js';
import { type Plans, planKey } from './plans.js';

export interface CountingParts extends Rules {
  readonly judge: Judge;
  readonly judging: Judging;
  readonly warehouse: Warehouse;
  readonly budgets: Budgets;
  readonly plans: Plans;
}

/** What is to be found out. */
export interface Wanted {
  readonly bytes: boolean;
  readonly rows: boolean;
  /** Asking counts against the hour's statements; else the statement was counted before. */
  readonly isCounted: boolean;
}

interface Asked {
  readonly estimate: Estimate;
  /** Asking itself goes beyond a limit. */
  readonly denial: Denial | undefined;
}

interface Count {
  readonly judged: Judged;
  readonly verdict: Verdict;
  readonly sent: string;
}

const NOTHING: Estimate = { bytes: undefined, rows: undefined };

/** What can't be compiled, or takes too long, is not known. */
function uncountedBy(error: unknown): Uncounted {
  if (error instanceof StatementFailed) return 'failed';
  if (error instanceof StatementCancelled) return 'too_long';
  throw error;
}
const unknown = (error: unknown): undefined => {
  uncountedBy(error);
};

export class Counting {
  readonly #parts: CountingParts;

  constructor(parts: CountingParts) {
    this.#parts = parts;
  }

  /** Asked and written down before. Throws WarehouseUnavailable and RecorderUnavailable. */
  async ask(intent: Intent, whose: Whose, wanted: Wanted, signal: AbortSignal | undefined): Promise<Asked> {
    const { judged, request } = intent;
    const { verdict, sent } = judged;
    if (!verdict) return { estimate: NOTHING, denial: undefined };
    // What is written out needs no asking.
    const written = wanted.rows && judged.analysis ? writtenRows(judged.analysis) : undefined;
    if (written !== undefined && !wanted.bytes && !wanted.isCounted)
      return { estimate: { bytes: undefined, rows: written }, denial: undefined };
    const count = wanted.rows && written === undefined ? await this.#countOf(judged, whose, request) : undefined;
    const event = intent.event('estimate_asked', {
      statement: request.sql,
      count_digest: typeof count === 'object' ? sha256(count.sent) : null,
      count_head_digest: typeof count === 'object' ? headDigest(count.sent) : undefined,
      sent_digest: sent === undefined ? null : sha256(sent),
      sent_head_digest: headDigest(sent),
    });
    const over = await this.#parts.budgets.append(whose.principal, wanted.isCounted ? verdict : undefined, event);
    if (over) return { estimate: { ...NOTHING, uncounted: 'limit' }, denial: over };
    const [bytes, rows] = await Promise.all([
      wanted.bytes ? this.bytesOf(judged, intent, whose.principal).catch(unknown) : undefined,
      typeof count === 'object' ? this.#rowsOf(count, intent, whose, signal).catch(uncountedBy) : count,
    ]);
    if (typeof rows === 'object') return { estimate: { bytes, rows: undefined, uncounted: 'limit' }, denial: rows };
    if (typeof rows === 'string') return { estimate: { bytes, rows: undefined, uncounted: rows }, denial: undefined };
    return { estimate: { bytes, rows: rows ?? written }, denial: undefined };
  }

  /**
   * Bytes that limits go by. Throws StatementFailed where it does not compile, WarehouseUnavailable; undefined where Snowflake does not say.
   */
  async bytesOf(
    { analysis, verdict, sent }: Judged,
    intent: Intent,
    principal: Principal,
  ): Promise<number | undefined> {
    if (!analysis || !verdict || sent === undefined) return undefined;
    if (analysis.kind === 'describe' || analysis.objects.length === 0) return 0;
    const { warehouse } = this.#parts;
    if (!hides(verdict)) {
      const { binds = [] } = intent.request;
      const askedAt = Date.now();
      const plan = await warehouse.explain(keyOf(verdict, principal), sent, binds, intent.tagOf('explain'));
      this.#parts.plans.keep(planKey(warehouse, verdict, sent), plan.objects, askedAt);
      return plan.bytes;
    }
    const views = new Map(
      verdict.rows.flatMap(({ object, secureView }) => (secureView ? [[objectKey(object), secureView]] : [])),
    );
    let bytes = 0;
    for (const { object, times } of analysis.scans) {
      const size = await warehouse.wholeSize(keyOf(verdict, principal), views.get(objectKey(object)) ?? object);
      if (size === undefined) return undefined;
      bytes += size * times;
    }
    return bytes;
  }

  /** The count as a statement of the principal's own; or why there is none, or why they may not just run it. */
  async #countOf(changing: Judged, whose: Whose, { purpose, reported, goesOn }: Question): Promise<Count | Uncounted> {
    const { analysis } = changing;
    if (!analysis || !isChange(changing)) return 'no_change';
    const sql = affectedRowsQuery(analysis);
    if (sql === undefined) return isBound(analysis) ? 'binds' : 'form';
    const judged = await this.#parts.judging.more(whose, { sql, purpose, reported, goesOn });
    const { verdict, sent, denial } = judged;
    if (denial && isOutage(denial)) return 'unreachable';
    if (denial || sent === undefined || verdict?.decision !== 'allow') return 'unreadable';
    return { judged, verdict, sent };
  }

  /** The number itself, within the principal's limits like any statement; a denial where these are used up. */
  async #rowsOf(
    { judged, verdict, sent }: Count,
    intent: Intent,
    whose: Whose,
    signal: AbortSignal | undefined,
  ): Promise<number | Denial | Uncounted> {
    const { principal, policies } = whose;
    if (verdict.needs.bytes) {
      const bytes = await this.bytesOf(judged, intent, principal);
      const { purpose, reported, goesOn } = intent.request;
      const weighed = this.#parts.judge.weigh(
        judged,
        principal,
        policies,
        { sql: sent, purpose, reported, goesOn },
        { bytes, rows: undefined },
      );
      if (weighed.denial || weighed.verdict?.decision !== 'allow') return 'unreadable';
      const { denial, taken } = await this.#parts.budgets.take(principal, verdict, bytes);
      if (denial) return denial;
      const twice = taken && (await this.#parts.budgets.record(intent, taken));
      if (twice) return twice;
    }
    const result = await this.#parts.warehouse.run(keyOf(verdict, principal), sent, {
      before: () => notOvertaken(this.#parts, whose),
      binds: [],
      tag: intent.tagOf('count'),
      maxResultRows: 1,
      maxRows: 1,
      maxBytes: 1000,
      timeoutMs: verdict.limits.timeoutMs,
      signal,
    });
    result.reader?.close();
    const value = Number(result.rows[0]?.[0]);
    return Number.isFinite(value) ? value : 'failed';
  }
}
