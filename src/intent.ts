/** The statement as the transcript knows it: the shape of its events. */

import type { QueryRequest } from './answer.js';
import { fingerprintOf, type Judged } from './judge.js';
import { methodName } from './masking/index.js';
import { showRows } from './policy/index.js';
import { shownUses, showObject } from './sql/index.js';

const RECORDED_TEXT_LIMIT = 256 * 1024;
const MAX_PURPOSE = 2000;

export class Intent {
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
      | 'rows_fetched'
      | 'estimate_asked'
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
      ...shownUses(analysis),
      verdict: verdict?.decision ?? 'deny',
      rules: verdict?.rules ?? [],
      masks:
        verdict?.masks.map((mask) => ({
          column: `${showObject(mask.object)}.${mask.column}`,
          method: methodName(mask.method),
          rule: mask.rule,
        })) ?? [],
      rows:
        verdict?.rows.map((rows) => ({ object: showObject(rows.object), where: showRows(rows), rule: rows.rule })) ??
        [],
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
