/** What an agent asks and what it hears: answers, notices, error texts. */
import type { Approval, ApprovalState } from '../../approval/index.js';
import { methodName, PLACEHOLDER, Scrubber } from '../../masking/index.js';
import { ByColumn, type Denial, detectRules, type Verdict } from '../../policy/index.js';
import { showObject, tokensOf } from '../../sql/index.js';
import type { Json, RunResult, StatementFailed } from '../../warehouse/index.js';
import type { Judged, OutputMask } from '../judge/judge.js';
import { ownWords } from './own-words.js';

export type Bind = string | number | boolean | null;

export interface QueryRequest {
  readonly sql: string;
  readonly purpose?: string | undefined;
  readonly maxRows?: number | undefined;
  readonly binds?: readonly Bind[] | undefined;
  readonly session?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Called, perhaps more than once, where what follows is to wait for the warehouse or for a person. */
  readonly onWaiting?: (() => void) | undefined;
}

export interface AnswerColumn {
  readonly name: string;
  readonly type: string;
  readonly mask: string | null;
  /** Named after a value of the data (PIVOT with ANY): as little to be trusted as a row. */
  readonly isFromData: boolean;
}

export interface Answer {
  readonly status: 'ok' | 'denied' | 'approval_required' | 'error';
  readonly statementId: string;
  readonly session: string | null;
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly (readonly Json[])[];
  readonly isTruncated: boolean;
  /** Where fetch goes on; null where there is nothing more to be had. */
  readonly cursor: string | null;
  readonly notices: readonly string[];
  readonly queryId: string | null;
  readonly durationMs: number;
  readonly denial: Denial | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly approval: { readonly id: string; readonly expiresAt: string } | undefined;
}

/** One for each column that came back: by place where the analysis foresaw just these columns, else by name. */
export function masksOf(foreseen: readonly OutputMask[], names: readonly string[]): (string | null)[] {
  if (isForeseenIn(foreseen, names)) return foreseen.map(({ mask }) => mask);
  const join = (some: readonly OutputMask[]): string | null =>
    [...new Set(some.flatMap(({ mask }) => mask ?? []))].join(', ') || null;
  return names.map((name) => {
    const same = foreseen.filter((output) => output.name === name);
    return join(same.length > 0 ? same : foreseen.filter((output) => output.name === undefined));
  });
}

/** Names as they are shown: what a PIVOT named after values goes through the detectors like the values. */
export function shownNames(
  foreseen: readonly OutputMask[],
  names: readonly string[],
  { detect }: Verdict,
): { readonly name: string; readonly isFromData: boolean }[] {
  if (!foreseen.some(({ isMany }) => isMany)) return names.map((name) => ({ name, isFromData: false }));
  const known = new Set(foreseen.map(({ name }) => name));
  const scrubber = new Scrubber(detectRules(detect));
  return names.map((name) =>
    known.has(name) ? { name, isFromData: false } : { name: scrubber.text(name), isFromData: true },
  );
}

const isForeseenIn = (foreseen: readonly OutputMask[], names: readonly string[]): boolean =>
  foreseen.length === names.length && foreseen.every(({ name }, at) => name === undefined || name === names[at]);

/** Types whose values are no texts. */
const NO_TEXT = /^(?:FIXED|REAL|BOOLEAN|DATE|TIME|TIMESTAMP_\w+)$/;

/** Takes what the detectors find out of rows, and says what that was. */
export function scrubbed(
  { columns, rows }: Pick<RunResult, 'columns' | 'rows'>,
  { detect }: Verdict,
  foreseen: readonly OutputMask[],
): { rows: RunResult['rows']; found: ReadonlySet<string> } {
  const isForeseen = isForeseenIn(
    foreseen,
    columns.map(({ name }) => name),
  );
  const whole = new Scrubber(detectRules(detect));
  const hasExceptions = isForeseen && detect.some(({ except }) => except.length > 0);
  const scrubbers = columns.map(({ type }, at) => {
    if (NO_TEXT.test(type)) return undefined;
    const scrubber = hasExceptions ? new Scrubber(detectRules(detect, foreseen[at]?.origins)) : whole;
    return scrubber.isIdle ? undefined : scrubber;
  });
  if (scrubbers.every((scrubber) => scrubber === undefined)) return { rows, found: new Set() };
  // In place: the rows are this page's own, and nearly all of their values stay as they are.
  const looked = scrubbers.flatMap((scrubber, at) => (scrubber ? [{ scrubber, at }] : []));
  for (const row of rows as Json[][])
    for (const { scrubber, at } of looked) {
      const value = row[at];
      if (value !== null && typeof value !== 'number') row[at] = scrubber.value(value) as Json;
    }
  return { rows, found: new Set(scrubbers.flatMap((scrubber) => [...(scrubber?.found ?? [])])) };
}

export function noticesFor(
  judged: Judged,
  verdict: Verdict,
  more: 'cursor' | 'limit' | undefined,
  found: ReadonlySet<string>,
  binds: readonly Bind[],
): string[] {
  const notices: string[] = [];
  const uses = new ByColumn(
    (judged.analysis?.columns ?? []).filter(({ usage }) => /^(?:predicate|join|group|order|window)$/.test(usage)),
  );
  for (const mask of verdict.masks) {
    if (mask.method.kind === 'deny') continue;
    const use = uses.of(mask);
    if (use)
      notices.push(
        `${mask.column} is masked for you: this ${use.usage} worked on masked values (${methodName(mask.method)}).`,
      );
  }
  const filtered = new Set(verdict.rows.map((rows) => showObject(rows.object)));
  for (const object of filtered)
    notices.push(`Some rows of ${object} are hidden from you; counts and sums are over the others.`);
  if (verdict.rules.some(({ kind }) => kind !== 'select' && kind !== 'describe') && judged.analysis) {
    const placeholders = new Set([
      PLACEHOLDER,
      ...verdict.masks.flatMap(({ method }) => (method.kind === 'constant' ? [String(method.value)] : [])),
    ]);
    const values = [
      ...(judged.statement ? tokensOf(judged.statement) : []).flatMap((token) =>
        token.kind === 'string' ? token.text.slice(1, -1) : [],
      ),
      ...binds,
    ];
    const looksMasked = values.find(
      (value) => typeof value === 'string' && (placeholders.has(value) || value.startsWith(`${PLACEHOLDER}@`)),
    );
    if (looksMasked !== undefined)
      notices.push(
        `The value '${String(looksMasked)}' looks like a mask: if it came from an earlier answer, it is not what stands in the data.`,
      );
  }
  if (more === 'limit') notices.push('The result was cut at your limit; narrow the statement or aggregate.');
  if (more === 'cursor') notices.push('There are more rows: call the fetch tool with the cursor.');
  if (found.size > 0) notices.push(`Taken out of texts: ${[...found].join(', ')}.`);
  return notices;
}

/** What the agent, and the record, hear of an error of the warehouse. Agents' own words may hold what detectors look for. */
export const errorText = (error: StatementFailed, judged: Judged, verdict: Verdict): string =>
  new Scrubber(detectRules(verdict.detect)).text(error.textFor(ownWords(judged))).slice(0, 2000);

/** How an approval stands to the agent that waits for it. */
export const openApproval = (approval: Pick<Approval, 'id' | 'expires_at'>): NonNullable<Answer['approval']> => ({
  id: approval.id,
  expiresAt: approval.expires_at.toISOString(),
});

const ASK_ANEW = 'Send the statement again to ask anew.';

/** Rules, views or tables changed since: what was approved is not what would run. */
export const CHANGED_APPROVAL: Denial = {
  code: 'APPROVAL_EXPIRED',
  message: 'Rules, or what the statement reads, have changed since it was asked for.',
  hint: ASK_ANEW,
};

/** What the agent hears of an approval that is over. */
export function overDenial(state: ApprovalState, approval: Pick<Approval, 'decisions'> | undefined): Denial {
  const reason = approval?.decisions.find(({ decision }) => decision === 'deny')?.reason;
  switch (state) {
    case 'denied':
      return {
        code: 'APPROVAL_DENIED',
        message: reason ? `A reviewer denied this statement: ${reason}` : 'A reviewer denied this statement.',
      };
    case 'used':
      return {
        code: 'APPROVAL_EXPIRED',
        message: 'This approval has been used: its statement runs or has run.',
        hint: 'Look at the data before you repeat a change.',
      };
    case 'withdrawn':
      return { code: 'APPROVAL_EXPIRED', message: 'You have withdrawn this statement.', hint: ASK_ANEW };
    default:
      return { code: 'APPROVAL_EXPIRED', message: 'Nobody decided in time.', hint: ASK_ANEW };
  }
}

export class AnswerBuilder {
  statementId: string;
  readonly #started: number;
  /** When it was asked for. */
  readonly askedAt: Date;
  session: string | undefined;
  /** Snowflake has run the statement to its end, whatever happens to the answer now. */
  hasRun = false;

  constructor(statementId: string, started: number, askedAt: Date) {
    this.statementId = statementId;
    this.#started = started;
    this.askedAt = askedAt;
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
      cursor: null,
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
