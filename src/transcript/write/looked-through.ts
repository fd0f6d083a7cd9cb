/**
 * What of an event's body the detectors look through: everything, but for what is ours by where it comes from, or by its form. A part that
 * nobody thought of is looked through; one that is left out by mistake would keep in clear what somebody from outside has put into it.
 */

/**
 * What passes without a look. `true`: whoever writes it down has it from an issuer's signed token, from the policies, from the catalog or from
 * what this process made, and from nowhere else. A test: what has the form of what we make there, and not that of a text; all else in that
 * place is looked at. Parts of it: these, and no others; of a list, those of each entry.
 */
type Ours = true | ((text: string) => boolean) | Parts;
interface Parts {
  readonly [part: string]: Ours;
}

const of = (ours: Ours, names: string): Parts => Object.fromEntries(names.split(' ').map((name) => [name, ours]));

/** SHA-256 or HMAC-SHA-256, hexadecimal, whole or the half that names things: nothing of a text is left in it. Shorter ones are none of ours. */
const digest = (text: string): boolean => /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/.test(text) && /[a-f]/.test(text);
/** A word or a code out of one of our lists, or of Snowflake's. */
const word = (text: string): boolean => /^[\w .:-]{1,32}$/.test(text) && text.replaceAll(/\D/g, '').length <= 6;
/** UUIDs, and beginnings of nothing else. */
const id = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
/** ISO 8601, or as PostgreSQL prints one. */
const time = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/.test(text);

/** The transport is the door's own word, and the address that of the socket or of a proxy that is trusted. */
const CONNECTION: Parts = of(true, 'transport address');

/** What a statement's beginning and its ends say alike. */
const OF_STATEMENTS: Parts = {
  // A digest in which a detector found a number would be of nothing any more.
  ...of(digest, 'statement_digest sent_digest sent_head_digest count_digest count_head_digest digest file_sha256'),
  ...of(true, 'fingerprint catalog tag policies policy_version'),
  ...of(word, 'kind verdict format'),
  // Which rule, as the policies have it. On which object is the statement's own word, whether there is such a one or not.
  rules: of(true, 'effect kind policy rule'),
  // Where holds with what stands in the principal's claims.
  rows: of(true, 'rule'),
  estimate: of(true, 'bytes rows'),
  detected: word,
  connection: CONNECTION,
};

const OURS: Parts = {
  ...OF_STATEMENTS,
  about: { ...OF_STATEMENTS, ...of(id, 'prompt'), ...of(true, 'approval') },
  // Who somebody is, as their issuer's signed token says: principals and people are known and found by these.
  ...of(true, 'principal issuer subject client_id groups roles token_id address actor transport'),
  ...of(true, 'reviewer reviewers auditor agent placed_by lifted_by by opened_by requirements'),
  // What a reviewer's word is signed over.
  ...of(true, 'binding decision names signature standing'),
  // Names that we have given, and Snowflake's of a query.
  ...of(true, 'key query_id'),
  ...of(id, 'id approval use instead acknowledged sign_in session sessions repeats download hold'),
  ...of(digest, 'place conversation'),
  ...of(time, 'expires_at since before day until'),
  ...of(word, 'code sql_state state was source job_source via end error step'),
  // Files of policies and objects of the catalog, known by the digest of what they are.
  ...of(true, 'of name content files version webhook'),
  prompt: { id, at: time, source: word },
};

type Mask = (value: unknown) => unknown;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function within(value: unknown, ours: Ours | undefined, mask: Mask): unknown {
  if (ours === true) return value;
  if (typeof ours === 'function') {
    if (Array.isArray(value)) return value.map((item) => within(item, ours, mask));
    return typeof value === 'string' && ours(value) ? value : mask(value);
  }
  if (ours !== undefined && Array.isArray(value)) return value.map((item) => within(item, ours, mask));
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
  (Object.hasOwn(OURS, part) &&
    (OURS[part] === true || (typeof OURS[part] === 'function' && typeof value === 'string' && OURS[part](value)))) ||
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
