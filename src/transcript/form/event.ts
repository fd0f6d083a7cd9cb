/** What is written down. Each event is one row, never changed. docs/recording.md shows each. */
export const EVENT_KINDS = [
  'session_opened',
  'session_closed',
  'prompt_reported',
  'statement_submitted',
  'statement_refused',
  'estimate_asked',
  'bytes_taken',
  'approval_asked',
  'approval_decided',
  'approval_used',
  'approval_expired',
  'approval_refused',
  'approval_withdrawn',
  'approval_released',
  'standing_used',
  'standing_revoked',
  'statement_sent',
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
  'rows_fetched',
  'download_opened',
  'download_ended',
  'policy_reloaded',
  'policy_problem',
  'content_kept',
  'token_refused',
  'attempts_turned_away',
  'person_signed_in',
  'person_signed_out',
  'person_token_changed',
  'sign_in_refused',
  'integrity_problem',
  'notary_started',
  'webhook_added',
  'delivery_given_up',
  'delivery_retried',
  'record_viewed',
  'record_exported',
  'record_verified',
  'hold_placed',
  'hold_lifted',
  'events_archived',
  'keys_rotated',
  'keys_erased',
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

export interface Event {
  readonly kind: EventKind;
  /** undefined for what this process does for itself: its own session takes it. */
  readonly sessionId: string | undefined;
  readonly statementId: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /**
   * `begins`: from here on the statement may run, until an outcome is recorded or somebody settles it after a crash. `pauses`: from
   * here on it does not, and has no outcome yet.
   */
  readonly runs?: 'begins' | 'pauses' | undefined;
  /** When it happened, if not now. */
  readonly at?: Date;
  /** It is not written once others have taken for dead whoever does this work: they say themselves how that ended. */
  readonly by?: Lease | undefined;
}

/** Work that goes on for longer than one event, under the name that it was begun with. */
export interface Lease {
  readonly name: string;
  /** Others have taken that name for dead. */
  isDead: boolean;
}

export interface StoredEvent {
  /** In the order of writing over all sessions; has gaps. */
  readonly sequence: string;
  /** In its session, from 0 without a gap. */
  readonly position: number;
  readonly at: string;
  readonly session: string;
  readonly statement: string | null;
  readonly kind: EventKind;
  readonly body: Readonly<Record<string, unknown>>;
  /** Which process wrote it, and the how-manieth of that process it is. */
  readonly writer: string;
  readonly n: number;
  /** Of this event and all before it in its session: hexadecimal. */
  readonly hash: string;
  /** At the last event of what was written at once: base64. */
  readonly signature: string | null;
}

/** A row as EVENT_COLUMNS name it; the body as its text. */
export type RawEvent = Omit<StoredEvent, 'body' | 'kind'> & { readonly body: string; readonly kind: EventKind };

export const parsed = (row: RawEvent): StoredEvent => ({
  ...row,
  signature: row.signature?.replaceAll('\n', '') ?? null,
  body: JSON.parse(row.body) as StoredEvent['body'],
});

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

/** An agent's session, a gateway process's own, or that of somebody at the command line. */
export type ActorKind = 'agent' | 'gateway' | 'operator';
