/** The statement as the transcript knows it: the shape of its events. */

import { createHash } from 'node:crypto';
import { methodName } from '../../masking/index.js';
import { type JudgedAs, judgedAs, readMasks, showRows } from '../../policy/index.js';
import { namedIn, shownUses, shownWrites, showObject } from '../../sql/index.js';
import { joinedOf, type TranscriptStore } from '../../transcript/index.js';
import type { QueryRequest } from '../answer/answer.js';
import { NO_FINGERPRINT } from '../judge/fingerprint.js';
import type { Judged } from '../judge/judged.js';
import type { Whose } from '../judge/whose.js';
import { lengthOf } from '../limits/long-texts.js';
import { catalogOf } from './catalog.js';

const RECORDED_TEXT_LIMIT = 256 * 1024;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Characters of a text that Snowflake's history keeps at least: QUERY_TEXT is cut at 100K (documentation page account-usage/query_history), and
 * what is sent before a statement to have it explained counts among them.
 */
export const HISTORY_KEEPS = 99_000;

/** By which a text is known again that the history has cut; undefined where it keeps all of it. */
export const headDigest = (text: string | undefined): string | undefined =>
  text !== undefined && text.length > HISTORY_KEEPS ? sha256(text.slice(0, HISTORY_KEEPS)) : undefined;

/** What is sent for a statement besides the statement itself. */
export const STEPS = ['explain', 'count', 'begin', 'commit', 'rollback'] as const;
export type Step = (typeof STEPS)[number];

/** As the event that opens a session has it. */
const principalOf = ({ issuer, subject, clientId }: Author): object => ({ issuer, subject, client_id: clientId });

const MAX_SUBJECT = 255;

/** Snowflake keeps 2,000 characters of a tag (documentation page parameters, QUERY_TAG); a subject of OpenID Connect has 255 at most. */
const tagOf = (agent: string, statement: string, session: string, use: string | undefined, step?: Step): string =>
  JSON.stringify({
    app: 'snowfence',
    agent: agent.slice(0, MAX_SUBJECT),
    statement,
    session,
    ...(step ? { step } : {}),
    ...(use ? { use } : {}),
  });

/** What lets a statement run that waited for a person. */
export interface Permit {
  /** The approval. */
  readonly id: string;
  /** Who said yes. */
  readonly reviewers: readonly string[];
  /** The name of this use of it; undefined where a standing approval came of it, which lets others run as well. */
  readonly use: string | undefined;
  /**
   * Whether it still holds. `say` writes down that the statement leaves, and where it does so, whoever looks for lost statements knows it
   * from then on.
   */
  readonly holds: (say: (() => Promise<void>) | undefined) => Promise<boolean>;
}

/** Said with each event of a statement, so that none can stand in another's session unnoticed. */
interface Author {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  /** Over which connection this statement came: its session may have begun over another. */
  readonly connection: Readonly<Record<string, string | null>>;
  /** What the policies go by. */
  readonly judgedAs: JudgedAs;
  /** Of a text: the same for the same, and of no use to who guesses texts. */
  readonly digest: (text: string) => string;
}

export const authorOf = (
  { vault }: Pick<TranscriptStore, 'vault'>,
  { principal, client, policies }: Whose,
): Author => ({
  issuer: principal.issuer,
  subject: principal.subject,
  clientId: principal.clientId,
  connection: {
    transport: client.transport,
    client: client.name ?? null,
    client_version: client.version ?? null,
    address: client.address ?? null,
  },
  judgedAs: judgedAs(policies.set, principal),
  digest: (text) => vault.digest(text).toString('hex'),
});

type Kind =
  | 'statement_submitted'
  | 'statement_refused'
  | 'statement_sent'
  | 'statement_completed'
  | 'statement_failed'
  | 'statement_cancelled'
  | 'rows_fetched'
  | 'download_opened'
  | 'download_ended'
  | 'estimate_asked'
  | 'approval_asked'
  | 'approval_used'
  | 'approval_refused';

/** Events that end a statement that began with another, or the file of its result. */
const ENDS: ReadonlySet<string> = new Set([
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'download_ended',
]);

/** Nothing where nothing was reported. The record keeps the beginning of a long prompt (vault.ts); the whole is in the event of its id. */
function reportedOf({ reported }: QueryRequest): object {
  const { prompt, job, untied } = reported ?? {};
  return {
    ...(prompt ? { prompt } : {}),
    ...(untied === undefined ? {} : { prompt_untied: untied }),
    ...(job ? { job: job.parts, job_source: job.source } : {}),
  };
}

/** Of texts that are read at all: longer ones are no statements. */
function namedBy(sql: string): { readonly named?: readonly string[] } {
  const named = sql.length > RECORDED_TEXT_LIMIT ? [] : namedIn(sql);
  return named.length === 0 ? {} : { named };
}

export class Intent {
  readonly session: string;
  readonly statementId: string;
  readonly request: QueryRequest;
  readonly judged: Judged;
  permit: Permit | undefined;
  /**
   * Of what rules let run, and which waits for a person since they asked for one: `say` writes down that it leaves, and what waits ends with
   * that. False where that has run meanwhile.
   */
  replaces: ((say: () => Promise<void>) => Promise<boolean>) | undefined;
  /** When it was handed to the warehouse: set with nothing in between. */
  sentAt: Date | undefined;
  /** That it was, is in the record. */
  isSentRecorded = false;
  readonly #isExplain: boolean;
  readonly #author: Author;

  constructor(
    author: Author,
    session: string,
    statementId: string,
    request: QueryRequest,
    judged: Judged,
    isExplain = false,
  ) {
    this.#author = author;
    this.session = session;
    this.statementId = statementId;
    this.request = request;
    this.judged = judged;
    this.#isExplain = isExplain;
  }

  /** The same statement, with what was found of it meanwhile. */
  as(judged: Judged): Intent {
    return new Intent(this.#author, this.session, this.statementId, this.request, judged, this.#isExplain);
  }

  /** In Snowflake's history: which statement of which session this was. Nothing but the statement itself goes by this tag alone. */
  get tag(): string {
    return tagOf(this.#author.subject, this.statementId, this.session, this.permit?.use);
  }

  /** For what is sent beside the statement. */
  tagOf(step: Step): string {
    return tagOf(this.#author.subject, this.statementId, this.session, this.permit?.use, step);
  }

  get fingerprint(): string {
    return this.judged.statement?.fingerprint ?? NO_FINGERPRINT;
  }

  event(kind: Kind, more: Readonly<Record<string, unknown>>) {
    const { statement, analysis, verdict, sent } = this.judged;
    const isSubmitted = kind === 'statement_submitted' && sent !== undefined;
    const isOpening = kind === 'statement_submitted' || kind === 'statement_refused';
    const isEnd = ENDS.has(kind);
    if (!isOpening && !isEnd) return this.#of(kind, more);
    const opening = {
      statement: this.request.sql,
      statement_length: this.request.sql.length,
      statement_digest: this.#author.digest(this.request.sql),
      connection: this.#author.connection,
      judged_as: this.#author.judgedAs,
      // What is too long to be read was refused for that, and is not kept.
      binds: lengthOf(this.request) > RECORDED_TEXT_LIMIT ? [] : (this.request.binds ?? []),
      purpose: this.request.purpose ?? null,
      ...reportedOf(this.request),
      explain: this.#isExplain,
      ...(this.request.format === undefined ? {} : { format: this.request.format }),
      kind: statement?.kind ?? null,
      fingerprint: this.fingerprint,
      ...shownUses(analysis),
      // Nobody has looked what it uses: what it names is known all the same.
      ...(isOpening && !analysis ? namedBy(this.request.sql) : {}),
      writes: shownWrites(analysis),
      catalog: catalogOf(this.judged),
      estimate: verdict?.estimate
        ? { bytes: verdict.estimate.bytes ?? null, rows: verdict.estimate.rows ?? null }
        : null,
      verdict: verdict?.decision ?? 'deny',
      rules: verdict?.rules ?? [],
      masks: readMasks(verdict?.masks ?? [], analysis).map((mask) => ({
        column: `${showObject(mask.object)}.${mask.column}`,
        method: methodName(mask.method),
        rule: mask.rule,
      })),
      rows:
        verdict?.rows.map((rows) => ({ object: showObject(rows.object), where: showRows(rows), rule: rows.rule })) ??
        [],
      policies: verdict?.policies ?? [],
      policy_version: this.judged.version,
      sent: isSubmitted && !this.#isExplain ? sent : null,
      // What the warehouse's history is held against: the text itself may be masked here.
      sent_digest: isSubmitted ? sha256(sent) : null,
      sent_head_digest: isSubmitted ? headDigest(sent) : undefined,
      tag: this.tag,
    };
    if (isOpening) return this.#of(kind, { ...opening, ...more });
    const { permit } = this;
    const approval = permit && { id: permit.id, reviewers: permit.reviewers };
    return this.#of(kind, { ...more, about: joinedOf(opening, approval) });
  }

  #of(kind: Kind, body: Readonly<Record<string, unknown>>) {
    return {
      kind,
      sessionId: this.session,
      statementId: this.statementId,
      runs: this.#runs(kind),
      body: { ...body, principal: principalOf(this.#author) },
    };
  }

  /**
   * What came with this request of the statement, which may be another than the one that it was first sent with: `first`, of which the text
   * as sent is the same, and comments and quotes need not be.
   */
  wordsBeside(first: string): Readonly<Record<string, unknown>> {
    const { sql } = this.request;
    return {
      ...(sql === first ? {} : { statement: sql, statement_digest: this.#author.digest(sql) }),
      purpose: this.request.purpose ?? null,
      ...reportedOf(this.request),
      connection: this.#author.connection,
    };
  }

  /** That it was handed to the warehouse, and when; nothing where it was not, or is told already. The text is the intent's. */
  sent(queryId: string | undefined) {
    if (!this.sentAt || this.isSentRecorded) return [];
    return [{ ...this.#sentEvent(queryId), at: this.sentAt }];
  }

  /** That it leaves now, or that what it did is committed now: in the record before that is so. */
  leaving(commits?: { readonly queryId: string | undefined }) {
    return this.#sentEvent(commits?.queryId, commits && 'commit');
  }

  /** Under a use of an approval that is over it says nothing of the one after it. */
  #sentEvent(queryId: string | undefined, step?: Step) {
    const use = this.permit?.use;
    return this.event('statement_sent', {
      query_id: queryId ?? null,
      tag: this.tag,
      ...(use === undefined ? {} : { use }),
      ...(step ? { step } : {}),
    });
  }

  #runs(kind: string): 'begins' | 'pauses' | undefined {
    if (kind === 'estimate_asked' || kind === 'approval_used') return 'begins';
    if (kind === 'approval_asked') return 'pauses';
    if (kind !== 'statement_submitted') return undefined;
    return this.#isExplain || this.judged.verdict?.decision !== 'allow' ? 'pauses' : 'begins';
  }
}
