/** What an agent asks and what it hears: answers, notices, error texts. */
import { type Approval, type Ended, neededOf } from '../../approval/index.js';
import type { Format } from '../../formats/index.js';
import type { Denial } from '../../policy/index.js';
import type { Untied } from '../../transcript/index.js';
import type { Json } from '../../warehouse/index.js';

export type Bind = string | number | boolean | null;

/** What a person typed, and who says so; nobody has checked it. */
export interface Prompt {
  /** `hook`: the client's hook, before the agent saw it. `call`: the client, with the call. `connection`: whoever set up the connection. */
  readonly source: 'hook' | 'call' | 'connection';
  /** Its beginning, where it is long. */
  readonly text: string;
  /** UTF-16 units of the whole. */
  readonly length: number;
  /** Of the event that has the whole, and when that was: those of hooks. */
  readonly id?: string | undefined;
  readonly at?: string | undefined;
}

/** Why there is no result. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** The text is the gateway's own; any other may quote what stands in the warehouse. */
  readonly isOurs?: true;
}

/** Of what job in CI it is part. */
export interface Job {
  readonly source: 'call' | 'connection';
  /** system, repository, commit, pull_request, run and the like. */
  readonly parts: Readonly<Record<string, string>>;
}

/** What the client says of where a statement comes from; of a purpose alone it is the agent that writes it. */
export interface Reported {
  readonly prompt?: Prompt | undefined;
  readonly job?: Job | undefined;
  /** Where the client works, as a digest: which prompts of hooks are meant. */
  readonly place?: string | undefined;
  /** What the client calls the conversation that the statement belongs to, as its hook says it. */
  readonly conversation?: string | undefined;
  /** Hooks have reported prompts, and why it can't be told which of them is meant. */
  readonly untied?: Untied | undefined;
}

export interface QueryRequest {
  readonly sql: string;
  readonly purpose?: string | undefined;
  readonly maxRows?: number | undefined;
  readonly binds?: readonly Bind[] | undefined;
  readonly session?: string | undefined;
  readonly reported?: Reported | undefined;
  /** It goes on with a statement whose prompt was asked for when that was new. */
  readonly goesOn?: boolean | undefined;
  /** The result is wanted as a file, to be downloaded. */
  readonly format?: Format | undefined;
  /** Whether the door that this came by can give a link to one. */
  readonly hasDownloads?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Called, perhaps more than once, where what follows is to wait for the warehouse or for a person. */
  readonly onWaiting?: (() => void) | undefined;
}

/** The next rows of a result, or, with `cell`, one cell whole. */
export interface ReadOnRequest extends Pick<QueryRequest, 'maxRows' | 'signal'> {
  /** The row counts from the cursor's, which is 1; the column by its number, from 1, or its name. */
  readonly cell?: { readonly row: number; readonly column: number | string } | undefined;
}

export interface AnswerColumn {
  readonly name: string;
  readonly type: string;
  readonly mask: string | null;
  /** Named after a value of the data (PIVOT with ANY): as little to be trusted as a row. */
  readonly isFromData: boolean;
}

/** A cell of which an answer has the beginning alone. */
export interface CutCell {
  /** Of the answer's rows, from 1. */
  readonly row: number;
  /** Of its columns, from 1. */
  readonly column: number;
  /** UTF-16 units of the whole. */
  readonly characters: number;
}

/** A file that is opened once. */
export interface Download {
  readonly id: string;
  readonly format: Format;
  readonly expiresAt: string;
  /** Rows that it will have; undefined where Snowflake does not say, and fewer where bytes are used up before. */
  readonly rows: number | undefined;
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
  /** Cells that are not whole, and by which cursor they are read; null where there is nothing more to be had. */
  readonly cut: { readonly cursor: string | null; readonly cells: readonly CutCell[] } | undefined;
  /** The result as a file, for whoever asked for it as one: then there are no rows here. */
  readonly download: Download | undefined;
  readonly notices: readonly string[];
  readonly queryId: string | null;
  readonly durationMs: number;
  /** With the status `error` as well, where a limit, a rule or an outage ended what had begun. */
  readonly denial: Denial | undefined;
  readonly error: Problem | undefined;
  /** What became of the approval that was asked for, where that is over. */
  readonly ended: EndedApproval | undefined;
  readonly approval:
    | {
        readonly id: string;
        /** ISO 8601. */
        readonly expiresAt: string;
        /** Whose word is needed. */
        readonly decidedBy: string;
        /** Webhooks that tell people of it; none where people have to look by themselves. */
        readonly notices: readonly Notice[];
      }
    | undefined;
}

/** Something that was sent to where reviewers may be, and whether it came there. */
export interface Notice {
  readonly webhook: string;
  readonly state: 'sent' | 'on its way' | 'given up';
}

/** An approval that is over, as its agent hears of it. */
export type EndedApproval = Ended & Pick<Approval, 'id' | 'statement_id'>;

/** How an approval stands to the agent that waits for it. */
export const openApproval = (
  approval: Pick<Approval, 'id' | 'expires_at' | 'issuer' | 'requirements'>,
  notices: readonly Notice[],
): NonNullable<Answer['approval']> => ({
  id: approval.id,
  expiresAt: approval.expires_at.toISOString(),
  decidedBy: neededOf(approval),
  notices,
});

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

  /** Nothing of it has run by this call. */
  denied(denial: Denial, ended?: EndedApproval): Answer {
    return this.finish({ status: 'denied', denial, ended });
  }

  /** It had begun, so that the record has it as failed or cancelled, or has no end of it yet: no refusal. */
  stopped(denial: Denial): Answer {
    const { code, message } = denial;
    return this.finish({ status: 'error', denial, error: { code, message, isOurs: true } });
  }

  finish(parts: Partial<Answer> & Pick<Answer, 'status'>): Answer {
    return {
      statementId: this.statementId,
      session: this.session ?? null,
      columns: [],
      rows: [],
      isTruncated: false,
      cursor: null,
      cut: undefined,
      download: undefined,
      notices: [],
      queryId: null,
      durationMs: Math.round(this.elapsed),
      denial: undefined,
      error: undefined,
      approval: undefined,
      ended: undefined,
      ...parts,
    };
  }
}
