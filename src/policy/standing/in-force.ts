/** Which policies are in force for whom: those of a set that name the principal, at this time of day. */
import { issuerKey } from '../rules/issuers.js';
import type { Policy, PolicySet } from '../rules/policy.js';

/** Who asks, as far as policies care. Structurally what the identity room proves. */
export interface Subject {
  readonly issuer: string;
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
}

const isEqualClaim = (wanted: unknown, has: unknown): boolean => {
  const values = Array.isArray(has) ? has : [has];
  const allowed = Array.isArray(wanted) ? wanted : [wanted];
  return allowed.some((value) => values.some((own) => own === value));
};

interface Who {
  readonly issuer?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

type TextGlobs = readonly ((text: string) => boolean)[] | undefined;

/** Of each key that is given, and of each claim, whether it names the principal; of a list one entry is enough. */
function keysThatName(who: Who, globs: TextGlobs, subject: Subject): boolean[] {
  return [
    ...(who.issuer ? [who.issuer.includes(issuerKey(subject.issuer))] : []),
    ...(who.groups ? [who.groups.some((group) => subject.groups.includes(group))] : []),
    ...(globs ? [globs.some((test) => test(subject.subject) || test(subject.clientId))] : []),
    ...Object.entries(who.claims ?? {}).map(([claim, wanted]) => isEqualClaim(wanted, subject.claims[claim])),
  ];
}

/** All keys that are given have to hold, and with no key nobody is named. */
function isNamed({ principals, subjectGlobs, issuers }: Policy, subject: Subject): boolean {
  if (issuers && !issuers.includes(issuerKey(subject.issuer))) return false;
  const keys = keysThatName(principals, subjectGlobs, subject);
  return keys.length > 0 && keys.every(Boolean);
}

/** Whoever fits anything that is written under `except`: each of its keys, and each claim, suffices by itself. */
const isExcepted = ({ principals: { except }, exceptGlobs }: Policy, subject: Subject): boolean =>
  except !== undefined && keysThatName(except, exceptGlobs, subject).some(Boolean);

function isOpen(hours: Policy['principals']['hours'], now: Date): boolean {
  if (!hours) return true;
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: hours.timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now);
  const part = (type: string): string => parts.find((item) => item.type === type)?.value ?? '';
  const day = part('weekday').toLowerCase();
  if (hours.days && !hours.days.some((known) => known === day)) return false;
  if (!hours.between) return true;
  const time = `${part('hour')}:${part('minute')}`;
  const [from, to] = hours.between;
  return from <= to ? time >= from && time < to : time >= from || time < to;
}

/**
 * Policies of one set. What is judged, weighed again and recorded about a statement goes by one such value: a set that is loaded between
 * two steps is for the next statement.
 */
export interface InForce {
  readonly set: PolicySet;
  readonly policies: readonly Policy[];
}

/** Selections of a set's policies that are remembered. */
const SELECTIONS = 1000;
const selections = new WeakMap<PolicySet, Map<string, InForce>>();

/**
 * Those of a set that name the principal at this time. The same policies are one list, for whomever they are in force: what follows from them for
 * a table is worked out for that list once.
 */
export function inForce(set: PolicySet, subject: Subject, now: Date): InForce {
  const named = set.policies.map(
    (policy) => isNamed(policy, subject) && !isExcepted(policy, subject) && isOpen(policy.principals.hours, now),
  );
  const known = selections.get(set) ?? new Map<string, InForce>();
  selections.set(set, known);
  const key = named.map(Number).join('');
  const found = known.get(key);
  if (found) return found;
  const [oldest] = known.keys();
  if (known.size >= SELECTIONS && oldest !== undefined) known.delete(oldest);
  const made = { set, policies: set.policies.filter((_policy, at) => named[at]) };
  known.set(key, made);
  return made;
}
