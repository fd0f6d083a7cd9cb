/**
 * What of an event's body the detectors look through: everything, but for what stands here. A part that nobody thought of is looked
 * through; one that is left out by mistake would keep in clear what somebody from outside has put into it.
 */

/** Ours: all of it, or these parts of it and no others. */
interface Ours {
  readonly [part: string]: true | Ours;
}

const of = (...names: readonly string[]): Ours => Object.fromEntries(names.map((name) => [name, true]));

/** The transport is the door's own word, and the address that of the socket or of a proxy that is trusted. */
const CONNECTION: Ours = of('transport', 'address');

/** What a statement's beginning and its ends say alike. */
const OF_STATEMENTS: Ours = {
  // Digests, and names that we have given. A digest in which a detector found a number would be of nothing any more.
  ...of(
    'statement_digest',
    'sent_digest',
    'sent_head_digest',
    'count_digest',
    'count_head_digest',
    'digest',
    'file_sha256',
    'fingerprint',
    'catalog',
    'tag',
  ),
  // Of our own few words each, or out of the policies.
  ...of('kind', 'verdict', 'rules', 'rows', 'policies', 'policy_version', 'estimate', 'format', 'detected'),
  connection: CONNECTION,
};

const OURS: Ours = {
  ...OF_STATEMENTS,
  about: { ...OF_STATEMENTS, ...of('prompt', 'approval') },
  // Who somebody is, as their issuer's signed token says: principals and people are known and found by these.
  ...of('principal', 'issuer', 'subject', 'client_id', 'groups', 'roles', 'token_id', 'address', 'actor', 'transport'),
  ...of('reviewer', 'reviewers', 'auditor', 'agent', 'placed_by', 'lifted_by', 'by', 'opened_by', 'requirements'),
  // What a reviewer's word is signed over.
  ...of('binding', 'decision', 'names', 'signature', 'standing'),
  // Names and times that we have given, and Snowflake's of a query.
  ...of(
    'id',
    'approval',
    'use',
    'instead',
    'acknowledged',
    'sign_in',
    'session',
    'sessions',
    'repeats',
    'download',
    'hold',
    'query_id',
    'key',
  ),
  ...of('place', 'conversation', 'expires_at', 'since', 'before', 'day', 'until'),
  ...of('code', 'sql_state', 'state', 'was', 'source', 'job_source', 'via', 'end', 'error', 'step'),
  // Files of policies and objects of the catalog, known by the digest of what they are.
  ...of('of', 'name', 'content', 'files', 'version'),
  ...of('webhook'),
  prompt: of('id', 'at', 'source'),
};

type Mask = (value: unknown) => unknown;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function within(value: unknown, ours: true | Ours | undefined, mask: Mask): unknown {
  if (ours === true) return value;
  if (ours === undefined || !isRecord(value)) return mask(value);
  const out: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value))
    if (Object.hasOwn(ours, key)) out[key] = within(item, ours[key], mask);
    else others[key] = item;
  return Object.keys(others).length === 0 ? out : { ...out, ...(mask(others) as object) };
}

/** Nothing can be found in it, whoever wrote it. */
export const isOurs = (part: string, value: unknown): boolean =>
  (Object.hasOwn(OURS, part) && OURS[part] === true) ||
  value === undefined ||
  value === null ||
  typeof value === 'boolean';

/** Numbers that agents give are looked at as they are written; ours are sizes and times. */
const GIVEN: ReadonlySet<string> = new Set(['binds']);

/** A part of a body with what is found in it masked: names of fields too, and none of what is ours. */
export function lookedThrough(part: string, value: unknown, mask: Mask): unknown {
  if (GIVEN.has(part) && Array.isArray(value)) return value.map((item) => givenOf(item, mask));
  return within(value, Object.hasOwn(OURS, part) ? OURS[part] : undefined, mask);
}

function givenOf(item: unknown, mask: Mask): unknown {
  if (typeof item !== 'number') return mask(item);
  const text = String(item);
  const shown = mask(text);
  return shown === text ? item : shown;
}
