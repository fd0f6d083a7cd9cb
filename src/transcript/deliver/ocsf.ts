/**
 * Statements as events of OCSF's class Datastore Activity (6005), profile security_control, version 1.2.0 of the schema:
 * https://schema.ocsf.io/1.2.0/classes/datastore_activity. One event for each way a statement ends (refused, completed, failed, cancelled,
 * settled, denied by a person, not decided in time, withdrawn), and one for each way its download does.
 */
import type { StoredEvent } from '../form/event.js';
import { endOf, type OutcomeState } from '../form/projection.js';
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

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

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

/** How a download ended; one at a limit gave out what it may. */
const DOWNLOADS: Readonly<Record<string, OutcomeState>> = {
  whole: 'ok',
  row_limit: 'ok',
  byte_limit: 'ok',
  client_gone: 'cancelled',
  stalled: 'cancelled',
  stopped: 'cancelled',
  denied: 'denied',
  failed: 'failed',
};

/** How a statement or its download ended with an event; undefined for one that ends neither, which is no event of OCSF. */
export function toldEnd(event: Pick<StoredEvent, 'statement' | 'kind' | 'body'>): OutcomeState | undefined {
  if (event.kind !== 'download_ended') return endOf(event);
  return event.statement === null ? undefined : (DOWNLOADS[String(event.body['end'])] ?? 'unknown');
}

/** What the agent hears of an approval that ended so, for events that have no code of their own. */
const CODES: Readonly<Partial<Record<StoredEvent['kind'], string>>> = {
  approval_asked: 'APPROVAL_WAITS',
  approval_decided: 'APPROVAL_DENIED',
  approval_expired: 'APPROVAL_EXPIRED',
  approval_withdrawn: 'APPROVAL_WITHDRAWN',
};

/** In words, after the subject: of a download, and of one that was denied. */
const DOWNLOADED = 'downloaded the result of a statement';
const NOT_DOWNLOADED = 'was denied the download of a result';
/** Of a statement. */
const WORDS: Readonly<Partial<Record<StoredEvent['kind'], string>>> = {
  statement_refused: 'was denied a statement',
  approval_asked: 'repeated a statement that waits for a reviewer',
  approval_decided: 'was denied a statement by a reviewer',
  approval_expired: 'was not allowed a statement in time',
  approval_withdrawn: 'withdrew a statement',
};

const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/i;

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
  const end = toldEnd(outcome);
  if (end === undefined) throw new Error(`${outcome.kind} ends no statement.`);
  const isDenied = end === 'denied' || outcome.kind === 'approval_withdrawn';
  const isDownload = outcome.kind === 'download_ended';
  const [activityId, activity] = isDownload ? READ : activityOf(body['kind']);
  const words = isDownload ? (isDenied ? NOT_DOWNLOADED : DOWNLOADED) : (WORDS[outcome.kind] ?? 'ran a statement');
  const [statusId, status] = STATUSES[end];
  const denial = (outcome.body['denial'] ?? {}) as Readonly<Record<string, unknown>>;
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
  const rows = numberOf(outcome.body['rows']);
  const duration = numberOf(outcome.body['duration_ms']);
  const bytes = numberOf(outcome.body['bytes']);
  const denialCode = textOf(denial['code']) ?? textOf(outcome.body['code']) ?? CODES[outcome.kind];
  const detail =
    textOf(denial['message']) ??
    textOf(outcome.body['message']) ??
    textOf(outcome.body['reason']) ??
    textOf(outcome.body['end']);
  const purpose = textOf(body['purpose']);
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
    message: `${session.subject} ${words}${purpose === undefined ? '' : `: ${purpose}`}`,
    status_id: statusId,
    status,
    status_code: denialCode,
    status_detail: detail,
    action_id: isDenied ? 2 : 1,
    action: isDenied ? 'Denied' : 'Allowed',
    disposition_id: isDenied ? 2 : 1,
    disposition: isDenied ? 'Blocked' : 'Allowed',
    actor: {
      app_name: session.client.name ?? session.client_id,
      user: {
        name: session.subject,
        uid: session.subject,
        type_id: 99,
        type: 'Service',
        groups: session.groups.map((name) => ({ name })),
      },
      session: { uid: session.id, issuer: session.issuer, created_time: session.opened_at.getTime(), is_remote: true },
    },
    src_endpoint: endpointOf(session, opening),
    database: { name: parts.length === 3 ? parts[0] : 'Snowflake', type_id: 1, type: 'Relational' },
    table: first === undefined ? undefined : { name: first, uid: first },
    type_id: first === undefined ? 1 : 3,
    type: first === undefined ? 'Database' : 'Table',
    query_info: drop({
      query_string: textOf(body['statement']) ?? '',
      uid: textOf(outcome.body['query_id']) ?? outcome.statement ?? undefined,
      query_time: Date.parse(opening.at),
      bytes,
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
      fingerprint: textOf(body['fingerprint']),
      purpose,
      prompt: body['prompt'] ?? undefined,
      job: body['job'] ?? undefined,
      job_source: textOf(body['job_source']),
      rows,
      duration_ms: duration,
      masks,
      objects,
      policies,
      policy_version: textOf(body['policy_version']),
      rules,
      approval: textOf(outcome.body['approval']),
      reviewer: textOf(outcome.body['reviewer']),
      download: textOf(outcome.body['download']),
      format: textOf(outcome.body['format']),
      file_bytes: numberOf(outcome.body['file_bytes']),
      file_sha256: textOf(outcome.body['file_sha256']),
      hash: outcome.hash,
      previous_hash: before,
    }),
  });
}

function endpointOf(session: SessionSummary, opening: StoredEvent): object {
  const address = session.address ?? undefined;
  if (address !== undefined && IP.test(address)) return { ip: address };
  return { name: session.transport, uid: opening.session };
}

const drop = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
