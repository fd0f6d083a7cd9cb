/** What is written down. Each event is one row, never changed. */
export type EventKind =
  | 'session_opened'
  | 'statement_submitted'
  | 'statement_refused'
  | 'estimate_asked'
  | 'approval_asked'
  | 'approval_decided'
  | 'approval_used'
  | 'statement_sent'
  | 'statement_completed'
  | 'statement_failed'
  | 'statement_cancelled'
  | 'rows_fetched'
  | 'policy_reloaded'
  | 'policy_problem'
  | 'token_refused';

export interface Event {
  readonly kind: EventKind;
  readonly sessionId: string | undefined;
  readonly statementId: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StoredEvent {
  readonly sequence: string;
  readonly id: string;
  readonly at: string;
  readonly session: string | null;
  readonly statement: string | null;
  readonly kind: EventKind;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Whom a session belongs to. Structurally what the identity room proves. */
export interface Actor {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly tokenId: string | undefined;
}

export interface ClientInfo {
  readonly transport: string;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly address: string | undefined;
}
