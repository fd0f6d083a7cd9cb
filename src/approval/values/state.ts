/** What an approval is, and in which states it can be. */
import { z } from 'zod';
import { FORMATS } from '../../formats/index.js';
import { type Actor, bytesOf } from '../../transcript/index.js';
import type { Requirement } from './enough.js';

export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'expired', 'withdrawn', 'used'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];

/** Those of earlier versions name no issuer, so nobody may decide on them. */
const requirement = z.object({
  issuers: z.array(z.string()).default([]),
  groups: z.array(z.string()),
  count: z.number(),
  rule: z.string(),
});
export const requirementsOf = z.array(requirement);

/** Why nobody was told how many rows a statement touches. */
const UNCOUNTED = [
  'no_change',
  'binds',
  'form',
  'unreadable',
  'limit',
  'too_long',
  'failed',
  'unreachable',
  'overtaken',
] as const;
/** Why nobody was told how many bytes it scans. */
const UNWEIGHED = ['hidden', 'unsaid'] as const;

/** What reviewers look at besides the text. No values of rows. Those of earlier versions lack what has a default. */
export const aboutApproval = z.object({
  kind: z.string(),
  objects: z.array(z.object({ object: z.string(), access: z.string(), via: z.array(z.string()) })),
  columns: z.array(z.string()),
  /** Columns that are given a value. */
  written: z.array(z.string()).default([]),
  /** It takes whole rows out of its table. */
  removes: z.boolean().default(false),
  /** The table of a change that says by none of its columns which rows it means, or that empties it; null for all others. */
  every_row_of: z.string().nullable().default(null),
  masks: z.array(z.object({ column: z.string(), method: z.string(), rule: z.string() })),
  row_predicates: z.array(z.object({ object: z.string(), where: z.string(), rule: z.string() })),
  rules: z.array(
    z.object({ effect: z.string(), kind: z.string(), object: z.string(), policy: z.string(), rule: z.string() }),
  ),
  /** Why the rules ask for a person, where they say so. */
  reasons: z.array(z.string()),
  /** Bytes that would be scanned at most; rows that would be changed, null where that can't be told or nothing is changed. */
  estimate: z.object({
    bytes: z.number().nullable(),
    rows: z.number().nullable(),
    /** Rows of the whole table that is changed, as the catalog has it, where that is one table and is known. */
    of: z.number().nullable().default(null),
    uncounted: z.enum(UNCOUNTED).nullable().default(null),
    unweighed: z.enum(UNWEIGHED).nullable().default(null),
  }),
});
export type AboutApproval = z.infer<typeof aboutApproval>;

/** Times as PostgreSQL prints them in JSON. */
const moment = z.string().transform((text, context) => {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) context.addIssue({ code: 'custom', message: 'no time' });
  return at;
});
const bytes = z.string().transform((text, context) => {
  const value = bytesOf(text);
  if (!value) context.addIssue({ code: 'custom', message: 'no bytes' });
  return value ?? Buffer.alloc(0);
});

export const decisionRow = z.object({
  approval_id: z.string(),
  reviewer: z.string(),
  /** Every name that the reviewer goes by. */
  persons: z.array(z.string()),
  decision: z.enum(['approve', 'deny']),
  reason: z.string().nullable(),
  standing_ms: z.number().nullable(),
  standing_uses: z.number().nullable(),
  decided_at: moment,
});

/** A row of `approval`, out of the JSON that its HMAC goes over. */
export const approvalRow = z.object({
  id: z.string(),
  statement_id: z.string(),
  session_id: z.string(),
  asked_at: moment,
  expires_at: moment,
  changed_at: moment,
  state: z.enum(APPROVAL_STATES),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  sealed: bytes,
  fits: bytes,
  fingerprint: z.string().nullable(),
  about: aboutApproval.nullable(),
  persons: z.array(z.string()),
  policy_version: z.string(),
  requirements: requirementsOf,
  binding: bytes,
  standing: bytes.nullable(),
});

/** What would run, as the session's key opens it. */
export const textOfApproval = z.object({
  statement: z.string(),
  sent: z.string(),
  binds: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  purpose: z.string().nullable(),
  /** How statements of the agent come in. */
  door: z.string(),
  /** How wide a standing approval of it would be: the statement with its holes, and what stood in them. */
  shape: z.object({
    key: z.string(),
    text: z.string(),
    holes: z.array(z.object({ where: z.string(), kind: z.enum(['text', 'number']), example: z.string() })),
    /** Values that all of its shape have, and those in its holes, binds among them: `n7`, `tabc`. Those of earlier versions do not tell. */
    values: z.object({ fixed: z.array(z.string()), filled: z.array(z.string()) }).optional(),
  }),
  /** Where its result is wanted as a file: of which format. */
  format: z.enum(FORMATS).optional(),
  /** What a client says of where the statement comes from: nobody has checked it. */
  reported: z
    .object({
      /** What a person typed: who says so, its beginning, UTF-16 units of the whole; of a hook's the event that has it, and when that was. */
      prompt: z
        .object({
          source: z.enum(['hook', 'call', 'connection']),
          text: z.string(),
          length: z.number(),
          id: z.string().optional(),
          at: z.string().optional(),
        })
        .optional(),
      job: z.record(z.string(), z.string()).optional(),
      /** Who says so: `call` or `connection`; those of earlier versions do not tell. */
      job_source: z.enum(['call', 'connection']).optional(),
    })
    .optional(),
});
export type ApprovalText = z.infer<typeof textOfApproval>;

/** What is sealed: besides the text what it is about, whose row predicates hold claims of the agent's. Those of earlier versions have that in their row. */
export const sealedOfApproval = textOfApproval.extend({ about: aboutApproval.nullable().optional() });

export const ERASED: ApprovalText = {
  statement: '(erased)',
  sent: '',
  binds: [],
  purpose: null,
  door: '',
  shape: { key: '', text: '', holes: [] },
};

/** What became of a statement that its reviewers let run. */
export interface Outcome {
  readonly state: 'ok' | 'failed' | 'cancelled' | 'refused' | 'unknown';
  readonly at: Date;
  /** In its answer: of a change that is one row, however many it touched. */
  readonly rows_answered: number | null;
  readonly rows_changed: number | null;
  /** How Snowflake's history names it. */
  readonly query_id: string | null;
  /** Why it did not run, or not to its end. */
  readonly problem: string | null;
  /** The code of that: Snowflake's, or the gateway's. */
  readonly code: string | null;
  /** It was told by the warehouse's history, after a crash. */
  readonly is_settled: boolean;
}

/** What its reviewers let others of the same shape run by. */
export interface Held {
  readonly id: string;
  readonly expires_at: Date;
  readonly uses: number;
  readonly max_uses: number;
  /** When somebody ended it, and who; `denied`: by a no to another statement, of that approval. */
  readonly revoked: { readonly at: Date; readonly by: string; readonly denied: string | null } | null;
}

/** How an approval ended that no longer waits for anything, by the record. */
export interface Ended {
  readonly state: 'denied' | 'expired' | 'withdrawn' | 'used';
  /** undefined where its events are in an archive. */
  readonly at: Date | undefined;
  /**
   * Why nothing ran under it: nobody's word or no call of its agent in time, rules or objects that have changed, a statement that had its
   * end already; texts that were erased, so that nobody can be shown what it is about; its agent's own word; or the same statement, sent once more, that a standing approval stands for, or that the rules allowed
   * without asking. undefined where the record does not tell, and for what was denied or used.
   */
  readonly why: 'undecided' | 'uncalled' | 'changed' | 'ran' | 'erased' | 'agent' | 'standing' | 'allowed' | undefined;
  /** The statement that was sent in its place, and ran otherwise. */
  readonly instead: string | undefined;
  /** Of one that was used; undefined where nothing is known of it yet. */
  readonly outcome: Outcome | undefined;
}

export type Approval = Omit<z.infer<typeof approvalRow>, 'sealed' | 'fits' | 'binding' | 'standing'> &
  ApprovalText & {
    /** Its session's key is gone, and with that its texts: nobody can be shown what it is about. */
    readonly is_erased: boolean;
    /** Hexadecimal SHA-256 of what it is bound to besides its text. */
    readonly fits: string;
    /** Hexadecimal HMAC over all that it is bound to: what people's words are about. */
    readonly binding: string;
    readonly decisions: readonly z.infer<typeof decisionRow>[];
    /** Of one that was used; null where nothing is known of it yet. */
    readonly outcome: Outcome | null;
    /** null while it may still be decided on, or used. */
    readonly ended: Ended | null;
    /** The standing approval that came of it; null where none did. */
    readonly held: Held | null;
  };

/** A statement that has to wait. */
export interface Request {
  readonly statementId: string;
  readonly sessionId: string;
  readonly actor: Actor & {
    readonly claims: Readonly<Record<string, unknown>>;
    readonly isWorkload?: boolean | undefined;
  };
  readonly text: ApprovalText;
  /** All statements that are the same have one, however they are written. */
  readonly same: string;
  /** Hexadecimal SHA-256. */
  readonly fits: string;
  readonly fingerprint: string;
  readonly about: AboutApproval;
  readonly policyVersion: string;
  readonly requirements: readonly Requirement[];
  readonly withinMs: number;
  /** How many of this principal's may be open, and asked for within an hour. */
  readonly bounds: { readonly open: number; readonly perHour: number };
}

/** More than they may have: nothing was asked. */
export class TooManyApprovals {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A person, as a token or a sign-in proved them. */
export interface Reviewer {
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly decision: 'approve' | 'deny';
  readonly reason: string | undefined;
  /** For so long the agent may run statements of the same shape without asking, if all whose word is needed say so. */
  readonly standingMs: number | undefined;
  /** And so often; 20 times if nothing is said. */
  readonly standingUses?: number | undefined;
  readonly via: 'console' | 'command line';
}

export type DecisionProblem =
  | 'not found'
  | 'not pending'
  | 'not a reviewer'
  | 'own statement'
  | 'decided before'
  /** Nobody can tell whether they are somebody who has a part in it already. */
  | 'no mail address'
  | 'agent without mail address'
  | 'not in that form';

export class DecisionRefused extends Error {
  readonly problem: DecisionProblem;
  /** Of one that is no longer pending: in which state it is, and how it came to that. */
  readonly approval: Pick<Approval, 'state' | 'ended'> | undefined;

  constructor(problem: DecisionProblem, approval?: Pick<Approval, 'state' | 'ended'>) {
    super(problem);
    this.name = 'DecisionRefused';
    this.problem = problem;
    this.approval = approval;
  }
}
