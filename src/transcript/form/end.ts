/**
 * What an event says of how a statement ended, or the file of its result: the one reading of it. Search, OCSF, the terminal, the console and
 * approvals all go by it, so that none of them tells another number of rows, or leaves out who said yes.
 */
import type { StoredEvent } from './event.js';

export type OutcomeState = 'ok' | 'denied' | 'failed' | 'cancelled' | 'unknown';

/** How the approval that it waited for ended, where nothing ran for that: a person's no, nobody's word in time, the agent's own word. */
export type ApprovalEnd = 'denied' | 'expired' | 'withdrawn';

/** Over which connection it came, as far as it is known. */
export interface Connection {
  readonly transport: string | undefined;
  readonly client: string | undefined;
  readonly clientVersion: string | undefined;
  readonly address: string | undefined;
}

/** A result that was given out as a file. */
export interface FileEnding {
  readonly download: string | undefined;
  readonly format: string | undefined;
  /** `whole`, or why there is no more of it. */
  readonly end: string;
  readonly bytes: number | undefined;
  readonly sha256: string | undefined;
}

export interface End {
  readonly state: OutcomeState;
  /** undefined for whatever else ended it, such as a rule's no. */
  readonly approvalEnd: ApprovalEnd | undefined;
  /** Those that a change changed, or that were answered, or given out as a file. */
  readonly rows: number | undefined;
  /** Those alone that a change changed, where their number is known. */
  readonly rowsChanged: number | undefined;
  /** Of the answer, which for a change is one row whatever it changed. */
  readonly rowsAnswered: number | undefined;
  readonly bytes: number | undefined;
  readonly durationMs: number | undefined;
  /** How Snowflake's history names it. */
  readonly queryId: string | undefined;
  /** What the agent hears. */
  readonly code: string | undefined;
  /** Why, by a rule, a reviewer, the warehouse or the gateway; never a word of the agent's. */
  readonly detail: string | undefined;
  /** By whom it was withdrawn, where it was. */
  readonly withdrawal: Withdrawal | undefined;
  /** Why it was withdrawn, as the agent wrote. */
  readonly agentsReason: string | undefined;
  /** Under which approval it ran, or for which it waited. */
  readonly approval: string | undefined;
  /** Who said yes to what ran, or no to what did not: each by their issuer, a space and their subject there. */
  readonly reviewers: readonly string[];
  /** The id of what a person typed before. */
  readonly prompt: string | undefined;
  readonly connection: Connection | undefined;
  /** undefined for the end of the statement itself. */
  readonly file: FileEnding | undefined;
}

/** Why the gateway ends what waits for people, in words: the same statement ran otherwise. */
export const WITHDRAWALS = {
  RAN_UNDER_STANDING: 'its agent sent it once more, and a standing approval stands for that',
  RAN_AS_ALLOWED: 'its agent sent it once more, and that ran as the rules allow, without asking',
} as const;
export type WithdrawalCode = keyof typeof WITHDRAWALS;

/** Who withdrew it. What the gateway says has a code; what an agent says is a text of its own, whatever that says. */
export type Withdrawal =
  | { readonly by: 'agent' }
  | { readonly by: 'gateway'; readonly code: WithdrawalCode | undefined; readonly words: string };

const isCode = (code: unknown): code is WithdrawalCode => typeof code === 'string' && Object.hasOwn(WITHDRAWALS, code);

/**
 * By an event's fields; null is as none. Those of earlier versions name nobody, and have a text that may be an agent's: the gateway's are those
 * that name the statement that ran instead, which was under a standing approval then.
 */
export function withdrawalOf({ by, code, instead }: Fields): Withdrawal {
  const isEarlier = (by === undefined || by === null) && typeof instead === 'string';
  if (by !== 'gateway' && !isEarlier) return { by: 'agent' };
  const known = isEarlier ? 'RAN_UNDER_STANDING' : isCode(code) ? code : undefined;
  return {
    by: 'gateway',
    code: known,
    words: known ? WITHDRAWALS[known] : 'for a reason that this version does not know',
  };
}

type Fields = Readonly<Record<string, unknown>>;
type Told = Pick<StoredEvent, 'statement' | 'kind' | 'body'>;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? Math.round(value) : undefined;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const STATES: Readonly<Partial<Record<StoredEvent['kind'], OutcomeState>>> = {
  statement_refused: 'denied',
  statement_completed: 'ok',
  statement_failed: 'failed',
  statement_cancelled: 'cancelled',
  statement_settled: 'unknown',
  approval_withdrawn: 'cancelled',
};

const SETTLED: ReadonlySet<unknown> = new Set(['ok', 'failed', 'unknown']);

/**
 * Whether an event is of a statement that was only explained: a look at what would become of it, which ends nothing and is refused nothing,
 * whatever its verdict. Earlier versions wrote a `statement_refused` for one that would be refused.
 */
export const isExplained = ({ statement, kind, body }: Told): boolean =>
  statement !== null && (kind === 'statement_submitted' || kind === 'statement_refused') && body['explain'] === true;

/** How a statement ended with an event; undefined for one that ends none. */
export function endOf(event: Told): OutcomeState | undefined {
  const { statement, kind, body } = event;
  if (statement === null || isExplained(event)) return undefined;
  // It is another that waits already, found out only once it had been weighed: nothing more comes of this one.
  if (kind === 'approval_asked' && typeof body['repeats'] === 'string') return 'cancelled';
  // A reviewer's no, or nobody's word in time.
  const isTurnedDown = kind === 'approval_expired' || (kind === 'approval_decided' && body['state'] === 'denied');
  if (isTurnedDown) return 'denied';
  const settled = body['state'];
  return kind === 'statement_settled' && SETTLED.has(settled) ? (settled as OutcomeState) : STATES[kind];
}

/** How a download ended; one at a limit gave out what it may. */
const DOWNLOADS: ReadonlyMap<unknown, OutcomeState> = new Map([
  ['whole', 'ok'],
  ['row_limit', 'ok'],
  ['byte_limit', 'ok'],
  ['client_gone', 'cancelled'],
  ['stalled', 'cancelled'],
  ['stopped', 'cancelled'],
  ['denied', 'denied'],
  ['failed', 'failed'],
]);

const APPROVAL_ENDS: Readonly<Partial<Record<StoredEvent['kind'], ApprovalEnd>>> = {
  approval_decided: 'denied',
  approval_expired: 'expired',
  approval_withdrawn: 'withdrawn',
};

/** What the agent hears of an approval that ended so, for events that have no code of their own. */
const CODES: Readonly<Partial<Record<StoredEvent['kind'], string>>> = {
  approval_asked: 'APPROVAL_WAITS',
  approval_decided: 'APPROVAL_DENIED',
  approval_expired: 'APPROVAL_EXPIRED',
  approval_withdrawn: 'APPROVAL_WITHDRAWN',
};

function stateOf(event: Told): OutcomeState | undefined {
  if (event.kind !== 'download_ended') return endOf(event);
  return event.statement === null ? undefined : (DOWNLOADS.get(event.body['end']) ?? 'unknown');
}

/** undefined for an event that ends neither a statement nor a download. */
export function readEnd(event: Told): End | undefined {
  const state = stateOf(event);
  if (state === undefined) return undefined;
  const { kind, body } = event;
  const about = fieldsOf(body['about']);
  const approval = fieldsOf(about['approval']);
  const denial = fieldsOf(body['denial']);
  const answered = numberOf(body['rows']);
  // What was rolled back has changed nothing, whatever it touched.
  const changed = kind === 'statement_completed' ? numberOf(body['rows_touched']) : undefined;
  const withdrawal = kind === 'approval_withdrawn' ? withdrawalOf(body) : undefined;
  const replaced = withdrawal?.by === 'gateway' ? withdrawal : undefined;
  const reason = textOf(body['reason']);
  return {
    state,
    approvalEnd: APPROVAL_ENDS[kind],
    rows: changed ?? answered,
    rowsChanged: changed,
    rowsAnswered: answered,
    bytes: numberOf(body['bytes']),
    durationMs: numberOf(body['duration_ms']),
    queryId: typeof body['query_id'] === 'string' ? body['query_id'] : undefined,
    code: textOf(denial['code']) ?? textOf(body['code']) ?? replaced?.code ?? CODES[kind],
    detail:
      textOf(denial['message']) ??
      textOf(body['message']) ??
      (withdrawal ? replaced?.words : reason) ??
      textOf(body['end']),
    withdrawal,
    agentsReason: withdrawal?.by === 'agent' ? reason : undefined,
    approval: textOf(approval['id']) ?? textOf(body['approval']),
    reviewers: reviewersOf(event, approval),
    prompt: textOf(about['prompt']) ?? textOf(fieldsOf(body['prompt'])['id']),
    connection: connectionOf(about['connection'] ?? body['connection']),
    file: kind === 'download_ended' ? fileOf(body) : undefined,
  };
}

function reviewersOf({ kind, body }: Told, approval: Fields): readonly string[] {
  if (kind === 'approval_decided') {
    const [issuer, subject] = [textOf(body['issuer']), textOf(body['reviewer'])];
    return subject === undefined ? [] : [issuer === undefined ? subject : `${issuer} ${subject}`];
  }
  const names = approval['reviewers'];
  return Array.isArray(names) ? names.flatMap((name: unknown) => textOf(name) ?? []) : [];
}

/** As an event has it. */
export function connectionOf(value: unknown): Connection | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { transport, client, client_version: version, address } = fieldsOf(value);
  return {
    transport: textOf(transport),
    client: textOf(client),
    clientVersion: textOf(version),
    address: textOf(address),
  };
}

const fileOf = (body: Fields): FileEnding => ({
  download: textOf(body['download']),
  format: textOf(body['format']),
  end: textOf(body['end']) ?? 'unknown',
  bytes: numberOf(body['file_bytes']),
  sha256: textOf(body['file_sha256']),
});

const TAKEN = [
  'statement_digest',
  'statement_length',
  'kind',
  'fingerprint',
  'verdict',
  'objects',
  'policies',
  'policy_version',
  'connection',
] as const;

/**
 * What an event that ends a statement says of it, so that whoever is told of the end need not look up its beginning: what was asked, over
 * which connection, what was decided, and which approval it ran under or waited for. Who asked stands in each event anyhow. `opening`: the
 * body of the event that began it.
 */
export function joinedOf(
  opening: Readonly<Record<string, unknown>>,
  approval: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const prompt = opening['prompt'];
  const id = typeof prompt === 'object' && prompt !== null && 'id' in prompt ? prompt.id : undefined;
  return {
    ...Object.fromEntries(TAKEN.flatMap((key) => (opening[key] === undefined ? [] : [[key, opening[key]]]))),
    ...(id === undefined ? {} : { prompt: id }),
    ...(approval === undefined ? {} : { approval }),
  };
}
