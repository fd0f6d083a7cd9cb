/** What an agent asks and what it hears: answers, notices, error texts. */
import type { Approval } from '../../approval/index.js';
import type { Format } from '../../formats/index.js';
import type { Denial } from '../../policy/index.js';
import type { Json } from '../../warehouse/index.js';

export type Bind = string | number | boolean | null;

export interface QueryRequest {
  readonly sql: string;
  readonly purpose?: string | undefined;
  readonly maxRows?: number | undefined;
  readonly binds?: readonly Bind[] | undefined;
  readonly session?: string | undefined;
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
  readonly denial: Denial | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly approval: { readonly id: string; readonly expiresAt: string } | undefined;
}

/** How an approval stands to the agent that waits for it. */
export const openApproval = (approval: Pick<Approval, 'id' | 'expires_at'>): NonNullable<Answer['approval']> => ({
  id: approval.id,
  expiresAt: approval.expires_at.toISOString(),
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
      cut: undefined,
      download: undefined,
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
