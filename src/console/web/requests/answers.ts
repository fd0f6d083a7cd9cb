/** What /api answers; `src/console/api` has the same as schemas. Times are ISO 8601. */

export interface Me {
  readonly name: string;
  readonly subject: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly version: string;
}

/** How the approval that a statement waited for ended, where nothing ran for that. */
export type ApprovalEnd = 'denied' | 'expired' | 'withdrawn';

export interface Statement {
  readonly id: string;
  readonly at: string;
  readonly session_id: string;
  readonly agent: string;
  readonly kind: string | null;
  readonly verdict: string;
  readonly fingerprint: string | null;
  readonly text: string;
  readonly purpose: string | null;
  readonly state: string | null;
  readonly approval_end: ApprovalEnd | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  /** Of later pages, and of the file of its result. */
  readonly rows_later: number;
  readonly bytes_later: number;
  readonly is_explained: boolean;
}

export interface LiveSession {
  readonly id: string;
  readonly agent: string;
  readonly groups: readonly string[];
  readonly transport: string;
  readonly client: { readonly name: string | null; readonly version: string | null };
  readonly opened_at: string;
  readonly last_at: string;
  readonly statements: number;
  readonly refused: number;
  readonly text: string | null;
  readonly purpose: string | null;
  readonly verdict: string | null;
}

export interface VerdictCount {
  readonly at: string;
  readonly verdict: string;
  readonly statements: number;
}

export interface Now {
  readonly sessions: readonly LiveSession[];
  readonly statements: readonly Statement[];
  readonly verdicts: readonly VerdictCount[];
  readonly bytes: readonly {
    readonly agent: string;
    readonly bytes: number;
    readonly rows: number;
    readonly statements: number;
  }[];
  readonly pending: number;
  readonly is_more_pending: boolean;
  readonly policies: { readonly version: string; readonly problem: string | null };
}

/** What some statements come to together. */
export interface Sums {
  readonly statements: number;
  readonly refused: number;
  readonly rows: number;
  readonly rows_later: number;
  readonly rows_changed: number;
  readonly bytes: number;
}

export interface Session {
  readonly id: string;
  readonly opened_at: string;
  readonly last_at: string;
  readonly is_open: boolean;
  readonly subject: string;
  readonly client_id: string;
  readonly issuer: string;
  readonly groups: readonly string[];
  readonly transport: string;
  readonly address: string | null;
  readonly client: { readonly name: string | null; readonly version: string | null };
  readonly events: number;
  readonly statements: number;
  readonly refused: number;
}

export interface SqlPart {
  readonly kind: string;
  readonly text: string;
}

export interface SqlDifference {
  readonly change: 'same' | 'added' | 'removed';
  readonly text: string;
}

export interface RecordedEvent {
  readonly sequence: string;
  readonly position: number;
  readonly at: string;
  readonly session: string;
  readonly statement: string | null;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StatementEvent extends RecordedEvent {
  /** What it says of how its statement ended, or the file of its result; null for one that ends neither. */
  readonly end: {
    readonly rows: number | null;
    readonly rows_changed: number | null;
    readonly approval: string | null;
    readonly reviewers: readonly string[];
    readonly gateway_said: string | null;
  } | null;
}

export interface StatementDetail {
  readonly events: readonly StatementEvent[];
  readonly left_out: number;
  readonly statement: readonly SqlPart[];
  readonly differences: readonly SqlDifference[];
  readonly is_masked: boolean;
  /** The standing approval that it ran under. */
  readonly standing: { readonly approval: string; readonly facts: readonly Fact[] } | null;
}

export interface Requirement {
  readonly issuers: readonly string[];
  readonly groups: readonly string[];
  readonly count: number;
  readonly rule: string;
}

/** A name, and a line or some for it. */
export interface Fact {
  readonly name: string;
  readonly lines: readonly string[];
}

/** What is known of an approval, in the order in which it is read; last what its agent wrote. */
export interface Known {
  readonly headline: string;
  readonly warnings: readonly string[];
  readonly size: string;
  readonly sizes: readonly Fact[];
  readonly uses: readonly Fact[];
  readonly asked: readonly Fact[];
  readonly after: readonly Fact[];
  readonly reported: readonly Fact[];
  readonly wrote: Fact;
}

export interface ApprovalSummary {
  readonly id: string;
  readonly statement_id: string;
  readonly session_id: string;
  readonly state: string;
  readonly asked_at: string;
  readonly expires_at: string;
  readonly changed_at: string;
  readonly agent: string;
  readonly issuer: string;
  readonly client_id: string;
  readonly kind: string;
  readonly text: string;
  readonly purpose: string | null;
  readonly estimate: { readonly bytes: number | null; readonly rows: number | null };
  readonly requirements: readonly Requirement[];
  readonly approvals: number;
  readonly is_outdated: boolean;
  readonly known: Known;
  readonly barred: string | null;
}

export interface Uses {
  readonly objects: readonly { readonly object: string; readonly access: string; readonly via: readonly string[] }[];
  readonly columns: readonly string[];
  /** Those that are given a value; not told of what has only been judged. */
  readonly written?: readonly string[];
  readonly masks: readonly { readonly column: string; readonly method: string; readonly rule: string }[];
  readonly row_predicates: readonly { readonly object: string; readonly where: string; readonly rule: string }[];
  readonly rules: readonly {
    readonly effect: string;
    readonly kind: string;
    readonly object: string;
    readonly policy: string;
    readonly rule: string;
  }[];
}

export interface Approval extends ApprovalSummary {
  readonly statement: readonly SqlPart[];
  readonly differences: readonly SqlDifference[];
  readonly sent: readonly SqlPart[];
  readonly binds: readonly (string | number | boolean | null)[];
  readonly about: (Uses & { readonly kind: string; readonly reasons: readonly string[] }) | null;
  readonly format: string | null;
  readonly policy_version: string;
  readonly decisions: readonly {
    readonly reviewer: string;
    readonly decision: string;
    readonly reason: string | null;
    readonly standing_ms: number | null;
    readonly standing_uses: number | null;
    readonly decided_at: string;
  }[];
  readonly history: readonly Statement[];
  readonly is_masked: boolean;
  readonly max_standing_minutes: number;
  readonly shape: {
    readonly text: readonly SqlPart[];
    readonly holes: readonly { readonly where: string; readonly kind: string; readonly example: string }[];
  };
}

export interface StandingApproval {
  readonly id: string;
  readonly approval_id: string;
  readonly shape: string;
  readonly format: string | null;
  readonly uses: number;
  readonly max_uses: number;
  readonly agent: string;
  readonly granted_at: string;
  readonly expires_at: string;
  readonly may_revoke: boolean;
}

export interface PolicyInWords {
  readonly name: string;
  readonly description: string;
  readonly file: string;
  readonly role: string;
  readonly warehouse: string;
  readonly applies_to: readonly string[];
  readonly words: readonly string[];
}

export interface Policies {
  readonly version: string;
  readonly issuers: readonly string[];
  readonly problem: string | null;
  readonly held_back: string | null;
  readonly policies: readonly PolicyInWords[];
}

export interface Tried extends Uses {
  readonly verdict: string;
  readonly policies: readonly string[];
  readonly kind: string | null;
  readonly denial: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly rule: string | null;
    readonly position: { readonly line: number; readonly column: number } | null;
  } | null;
  readonly requirements: readonly Requirement[];
  readonly is_open: boolean;
  readonly statement: readonly SqlPart[];
  readonly sent: readonly SqlPart[];
  readonly differences: readonly SqlDifference[];
}

export interface AgentSummary {
  readonly issuer: string;
  readonly agent: string;
  readonly client_id: string;
  readonly groups: readonly string[];
  readonly last_at: string;
  readonly statements: number;
  readonly refused: number;
}

export interface Agent {
  readonly agent: AgentSummary;
  readonly policies: readonly { readonly name: string; readonly words: readonly string[] }[];
  readonly tables: readonly { readonly name: string; readonly count: number }[];
  readonly refused: readonly { readonly name: string; readonly count: number }[];
  readonly history: readonly Statement[];
}

export interface Integrity {
  readonly events: number;
  readonly sessions: number;
  readonly uncovered: number;
  readonly running: number;
  readonly size: number;
  readonly key: string;
  readonly problem: string | null;
  readonly goes_on: boolean;
  readonly checkpoints: readonly { readonly size: number; readonly note: string; readonly at: string | null }[];
  /** `by`: who did it. */
  readonly acts: readonly (RecordedEvent & { readonly by: string })[];
  readonly acts_left_out: number;
  readonly webhooks: readonly {
    readonly name: string;
    readonly url: string;
    readonly delivered_at: string | null;
    readonly failing: number;
    readonly behind: string | null;
    readonly problem: string | null;
    readonly dead: number;
  }[];
  readonly dead: readonly {
    readonly webhook: string;
    readonly session_id: string;
    readonly position: number;
    readonly problem: string;
  }[];
}

/** An event as the stream brings it. */
export interface LiveEvent {
  readonly sequence: string;
  readonly at: string;
  readonly session: string;
  readonly statement: string | null;
  readonly kind: string;
  readonly text: string | null;
  readonly purpose: string | null;
  readonly verdict: string | null;
  /** It was only explained: it ends nothing. */
  readonly is_explained: boolean;
  readonly statement_kind: string | null;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  readonly approval: string | null;
  /** How the statement ended with it; null for what ends none. */
  readonly state: string | null;
  readonly approval_end: ApprovalEnd | null;
}
