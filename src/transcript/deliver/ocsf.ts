/**
 * Statements as events of OCSF's class Datastore Activity (6005), profile security_control, version 1.2.0 of the schema:
 * https://schema.ocsf.io/1.2.0/classes/datastore_activity. One event for each way a statement ends (refused, completed, failed, cancelled,
 * settled, denied by a person, not decided in time, withdrawn), one for each way its download does, and one for each that was only explained.
 */
import { type Connection, connectionOf, type End, isExplained, type OutcomeState, readEnd } from '../form/end.js';
import type { StoredEvent } from '../form/event.js';
import { isRefused } from '../read/counted.js';
import type { SessionSummary } from '../read/reader.js';

const OCSF_VERSION = '1.2.0';
const CLASS = 6005;

/** OCSF's activities. */
const ACTIVITIES: Readonly<Record<string, readonly [number, string]>> = {
  select: [4, 'Query'],
  describe: [8, 'List'],
  show: [8, 'List'],
  explain: [4, 'Query'],
  insert: [5, 'Write'],
  update: [2, 'Update'],
  merge: [2, 'Update'],
  delete: [7, 'Delete'],
  truncate: [7, 'Delete'],
  create: [6, 'Create'],
};
/** Of a result that is given out as a file. */
const READ: readonly [number, string] = [1, 'Read'];
const OTHER: readonly [number, string] = [99, 'Other'];
const UNKNOWN: readonly [number, string] = [0, 'Unknown'];
/** Of a statement that was only explained: whatever kind it is, nothing of that kind was tried. */
const EXPLAINED_ACTIVITY: readonly [number, string] = [99, 'Explain'];

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function activityOf(kind: unknown): readonly [number, string] {
  if (typeof kind !== 'string') return UNKNOWN;
  return ACTIVITIES[kind] ?? [OTHER[0], kind];
}

type Status = readonly [number, string];
const SUCCESS: Status = [1, 'Success'];
const FAILURE: Status = [2, 'Failure'];

const STATUSES: Readonly<Record<OutcomeState, Status>> = {
  ok: SUCCESS,
  failed: FAILURE,
  denied: FAILURE,
  cancelled: FAILURE,
  unknown: [0, 'Unknown'],
};

/** Of an action and its disposition: the id that both have there, and each in words. */
const ALLOWED = [1, 'Allowed', 'Allowed'] as const;
const DENIED = [2, 'Denied', 'Blocked'] as const;
/** Only explained: nothing was let run, and nothing refused. */
const EXPLAINED = [99, 'Explained', 'Explained'] as const;
/** Neither let run nor refused: its agent took it back, or the same, sent once more, ran in its place. */
const WITHDRAWN = {
  agent: [99, 'Withdrawn', 'Withdrawn'],
  gateway: [99, 'Replaced', 'Replaced'],
} as const;

/** In words, after the subject; nothing that an agent wrote stands among them. Of a download, and of one that was denied. */
const DOWNLOADED = 'downloaded the result of a statement';
const NOT_DOWNLOADED = 'was denied the download of a result';
/** Of a statement. */
const WORDS: Readonly<Partial<Record<StoredEvent['kind'], string>>> = {
  statement_refused: 'was denied a statement',
  approval_asked: 'repeated a statement that waits for a reviewer',
  approval_decided: 'was denied a statement by a reviewer',
  approval_expired: 'was not allowed a statement, since its approval expired',
  approval_withdrawn: 'withdrew a statement',
};
/** Of one that waited, where the same, sent once more, ran otherwise: nobody withdrew anything. */
const RAN_OTHERWISE = 'sent a statement once more, and waits for a reviewer no longer';
/** Of one that was only explained. */
const LOOKED = 'asked what would become of a statement';
/** Of one that ran because people said yes. */
const APPROVED = 'ran a statement that was approved';

function wordsOf(kind: StoredEvent['kind'], { file, approval, withdrawal }: End, isDenied: boolean): string {
  if (withdrawal?.by === 'gateway') return RAN_OTHERWISE;
  if (file) return isDenied ? NOT_DOWNLOADED : DOWNLOADED;
  return WORDS[kind] ?? (approval === undefined ? 'ran a statement' : APPROVED);
}

const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/i;

/** Of an explained one nothing has ended: that it was answered is all there is. */
const lookOf = ({ body }: StoredEvent): End => ({
  state: 'ok',
  approvalEnd: undefined,
  rows: undefined,
  rowsChanged: undefined,
  rowsAnswered: undefined,
  bytes: undefined,
  durationMs: undefined,
  queryId: undefined,
  code: undefined,
  detail: undefined,
  withdrawal: undefined,
  agentsReason: undefined,
  approval: undefined,
  reviewers: [],
  prompt: undefined,
  connection: connectionOf(body['connection']),
  file: undefined,
});

const codeOf = (denial: unknown): string | undefined =>
  typeof denial === 'object' && denial !== null && 'code' in denial ? textOf(denial.code) : undefined;

/** Whether an event is told as one of OCSF: it ends a statement or its download, or is all that there is of one that was only explained. */
export const isToldAsOcsf = (event: StoredEvent): boolean => isExplained(event) || readEnd(event) !== undefined;

/**
 * `outcome`: the event that ended the statement; `opening`: the one that it was submitted or refused with, which has its text. Leaves
 * out what is not known, as the schema asks. `before`: the hash of the event before the outcome in its session; with it a receiver sees that
 * nothing was put in between.
 */
export function toOcsf(
  outcome: StoredEvent,
  opening: StoredEvent,
  session: SessionSummary,
  version: string,
  before: string | undefined,
): object {
  const { body } = opening;
  const isLook = isExplained(outcome);
  const end = isLook ? lookOf(outcome) : readEnd(outcome);
  if (end === undefined) throw new Error(`${outcome.kind} ends no statement.`);
  const isDenied = isRefused(end.state);
  const [actionId, action, disposition] = isLook
    ? EXPLAINED
    : end.withdrawal
      ? WITHDRAWN[end.withdrawal.by]
      : isDenied
        ? DENIED
        : ALLOWED;
  const [activityId, activity] = isLook ? EXPLAINED_ACTIVITY : end.file ? READ : activityOf(body['kind']);
  const [statusId, status] = STATUSES[end.state];
  const objects = (Array.isArray(body['objects']) ? body['objects'] : []).flatMap(
    (use: { object?: unknown }) => textOf(use.object) ?? [],
  );
  const [first] = objects;
  const parts = first?.split('.') ?? [];
  const rules = (Array.isArray(body['rules']) ? body['rules'] : []).flatMap(
    (rule: { rule?: unknown }) => textOf(rule.rule) ?? [],
  );
  const masks = Array.isArray(body['masks']) ? body['masks'].length : 0;
  const policies = (Array.isArray(body['policies']) ? body['policies'] : []).flatMap(
    (name: unknown) => textOf(name) ?? [],
  );
  // A session may have begun over another connection than the statement came by.
  const connection = end.connection ?? connectionOf(body['connection']);
  return drop({
    activity_id: activityId,
    activity_name: activity,
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: CLASS,
    class_name: 'Datastore Activity',
    type_uid: CLASS * 100 + activityId,
    type_name: `Datastore Activity: ${activity}`,
    severity_id: isDenied ? 3 : 1,
    severity: isDenied ? 'Medium' : 'Informational',
    time: Date.parse(outcome.at),
    message: `${session.subject} ${isLook ? LOOKED : wordsOf(outcome.kind, end, isDenied)}`,
    status_id: statusId,
    status,
    status_code: end.code,
    status_detail: end.detail,
    action_id: actionId,
    action,
    disposition_id: actionId,
    disposition,
    actor: {
      app_name: (connection ? connection.client : session.client.name) ?? session.client_id,
      user: {
        name: session.subject,
        uid: session.subject,
        type_id: 99,
        type: 'Service',
        groups: session.groups.map((name) => ({ name })),
      },
      session: { uid: session.id, issuer: session.issuer, created_time: session.opened_at.getTime(), is_remote: true },
    },
    src_endpoint: endpointOf(session, connection),
    database: { name: parts.length === 3 ? parts[0] : 'Snowflake', type_id: 1, type: 'Relational' },
    table: first === undefined ? undefined : { name: first, uid: first },
    type_id: first === undefined ? 1 : 3,
    type: first === undefined ? 'Database' : 'Table',
    query_info: drop({
      query_string: textOf(body['statement']) ?? '',
      uid: (end.queryId || outcome.statement) ?? undefined,
      query_time: Date.parse(opening.at),
      bytes: end.bytes,
    }),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'snowfence', vendor_name: 'snowfence', version },
      profiles: ['security_control'],
      uid: `${outcome.session}.${outcome.position}`,
      correlation_uid: outcome.statement ?? undefined,
      log_name: 'transcript',
      sequence: Number(outcome.sequence),
      event_code: outcome.kind,
      original_time: outcome.at,
    },
    unmapped: drop({
      statement_id: outcome.statement ?? undefined,
      // Of an explained one its verdict, which was told and not carried out.
      explain: isLook ? true : undefined,
      verdict: isLook ? textOf(body['verdict']) : undefined,
      verdict_code: isLook ? codeOf(body['denial']) : undefined,
      kind: isLook ? textOf(body['kind']) : undefined,
      fingerprint: textOf(body['fingerprint']),
      // What the agent wrote, and nobody checked.
      purpose: textOf(body['purpose']),
      withdrawn_because: end.agentsReason,
      prompt: body['prompt'] ?? undefined,
      prompt_untied: textOf(body['prompt_untied']),
      job: body['job'] ?? undefined,
      job_source: textOf(body['job_source']),
      rows: end.rows,
      rows_changed: end.rowsChanged,
      duration_ms: end.durationMs,
      masks,
      objects,
      policies,
      policy_version: textOf(body['policy_version']),
      rules,
      approval: end.approval,
      reviewers: end.reviewers.length > 0 ? end.reviewers : undefined,
      reviewer: end.approvalEnd === 'denied' ? textOf(outcome.body['reviewer']) : undefined,
      download: end.file?.download ?? textOf(outcome.body['download']),
      format: end.file?.format ?? textOf(outcome.body['format']),
      file_bytes: end.file?.bytes,
      file_sha256: end.file?.sha256,
      hash: outcome.hash,
      previous_hash: before,
    }),
  });
}

function endpointOf(session: SessionSummary, connection: Connection | undefined): object {
  const address = connection ? connection.address : (session.address ?? undefined);
  if (address !== undefined && IP.test(address)) return { ip: address };
  return { name: connection?.transport ?? session.transport, uid: session.id };
}

const drop = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
