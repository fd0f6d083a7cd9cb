/**
 * What search goes by: rows that follow from the events alone. `verify` makes them anew from the events and compares, so that an edit
 * that hides a statement from search is found like any other.
 */
import type { StoredEvent } from './event.js';

export interface StatementRow {
  readonly id: string;
  readonly at: string;
  readonly session_id: string;
  readonly kind: string | null;
  readonly verdict: string;
  readonly fingerprint: string | null;
  readonly text: string;
  readonly purpose: string | null;
  /** In the order in which the event names them; without those of the session. */
  readonly terms: readonly string[];
}

export interface OutcomeRow {
  readonly id: string;
  readonly at: string;
  readonly state: OutcomeState;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly duration_ms: number | null;
  readonly query_id: string | null;
}

export type OutcomeState = 'ok' | 'denied' | 'failed' | 'cancelled' | 'unknown';

/** More terms than this are those of a text that nobody searches by its words. */
const MAX_TERMS = 2000;
const MAX_WORD = 64;

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

const records = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value)
    ? value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
    : [];

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : null;

/** The same names come again and again. */
const knownTails = new Map<string, readonly string[]>();
const MAX_KNOWN_TAILS = 20_000;
/**
 * Four parts of 255 characters, which is as long as Snowflake's identifiers get (`sql-reference/identifiers-syntax`), their quotes and dots.
 * What is longer names nothing that there is.
 */
const MAX_NAME = 1100;
/** A name has three, and a path within a value some more. What each dot adds is as long as the rest: many of them would be its square. */
const MAX_DOTS = 8;

/** A name as one searches it: the whole of it, and from each of its dots on. */
function tails(prefix: string, name: string): readonly string[] {
  if (name.length > MAX_NAME) return [];
  const whole = `${prefix}:${name.toLowerCase()}`;
  const known = knownTails.get(whole);
  if (known) return known;
  const out = [whole];
  for (let dot = whole.indexOf('.'); dot >= 0 && out.length <= MAX_DOTS; dot = whole.indexOf('.', dot + 1))
    out.push(`${prefix}:${whole.slice(dot + 1)}`);
  if (knownTails.size >= MAX_KNOWN_TAILS) knownTails.clear();
  knownTails.set(whole, out);
  return out;
}

/** Words that stand in nearly every statement: nobody finds anything by them, and they are no terms. */
export const NOISE: ReadonlySet<string> = new Set(
  'select from where and or as on join left right inner outer group order by limit having count sum avg min max not null is in the a an of to for distinct desc asc all'.split(
    ' ',
  ),
);

/** The words of a text, in small letters: runs of letters, digits and underscores. */
export const wordsOf = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => word.length <= MAX_WORD);

/** What every statement of a session is found by. */
export const sessionTerms = (about: {
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly client: string | undefined;
}): string[] =>
  [
    ...new Set([
      `agent:${about.subject.toLowerCase()}`,
      `agent:${about.clientId.toLowerCase()}`,
      ...about.groups.map((group) => `group:${group.toLowerCase()}`),
      ...(about.client ? [`client:${about.client.toLowerCase()}`] : []),
    ]),
  ].sort();

/** The same from the event that opened it. */
export function termsOfSession(body: Readonly<Record<string, unknown>>): string[] {
  const client = records([body['client']])[0];
  return sessionTerms({
    subject: textOf(body['subject']) ?? '',
    clientId: textOf(body['client_id']) ?? '',
    groups: texts(body['groups']),
    client: textOf(client?.['name']) ?? undefined,
  });
}

const VERDICTS: Readonly<Record<string, string>> = { allow: 'allowed', deny: 'denied', approve: 'asked' };

type Projected = Pick<StoredEvent, 'at' | 'session' | 'statement' | 'kind' | 'body'>;

/** The statement that an event is the first of; undefined for events that come later. */
export function statementRow({ at, session, statement, kind, body }: Projected): StatementRow | undefined {
  if (statement === null || (kind !== 'statement_submitted' && kind !== 'statement_refused')) return undefined;
  const text = textOf(body['statement']) ?? '';
  const purpose = textOf(body['purpose']);
  const verdict = kind === 'statement_refused' ? 'denied' : (VERDICTS[String(body['verdict'])] ?? 'denied');
  const denial = records([body['denial']])[0];
  const rules = records(body['rules']).flatMap(({ rule }) => textOf(rule) ?? []);
  const masks = records(body['masks']);
  const terms = new Set<string>([`verdict:${verdict}`]);
  const add = (prefix: string, names: readonly (string | null | undefined)[]): void => {
    for (const name of names) if (name) for (const tail of tails(prefix, name)) terms.add(tail);
  };
  const plain = (prefix: string, names: readonly (string | null | undefined)[]): void => {
    for (const name of names) if (name) terms.add(`${prefix}:${name.toLowerCase()}`);
  };
  add(
    'table',
    records(body['objects']).map(({ object }) => textOf(object)),
  );
  add('column', texts(body['columns']));
  add(
    'masked',
    masks.map(({ column }) => textOf(column)),
  );
  plain('policy', texts(body['policies']));
  for (const rule of [...rules, ...masks.map(({ rule }) => textOf(rule)), textOf(denial?.['rule'])]) {
    if (!rule) continue;
    terms.add(`rule:${rule.toLowerCase()}`);
    terms.add(`rule:${rule.toLowerCase().replace(/:\d+$/, '')}`);
  }
  plain('code', [textOf(denial?.['code'])]);
  plain('kind', [textOf(body['kind'])]);
  plain('fingerprint', [textOf(body['fingerprint'])]);
  if (body['explain'] === true) terms.add('is:explain');
  for (const word of wordsOf(`${text}\n${purpose ?? ''}`)) {
    if (terms.size >= MAX_TERMS) break;
    if (!NOISE.has(word)) terms.add(`w:${word}`);
  }
  return {
    id: statement,
    at,
    session_id: session,
    kind: textOf(body['kind']),
    verdict,
    fingerprint: textOf(body['fingerprint']),
    text,
    purpose,
    terms: Array.from(terms, (term) => (term.includes('\u001e') ? term.replaceAll('\u001e', ' ') : term)),
  };
}

/** Kinds of events that a statement's row of search follows from, and those that its outcome does. */
export const OPENING_KINDS = ['statement_submitted', 'statement_refused'] as const;
export const OUTCOME_KINDS = [
  'statement_refused',
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
  'approval_decided',
  'approval_expired',
  'approval_withdrawn',
] as const;

const STATES: Readonly<Partial<Record<StoredEvent['kind'], OutcomeState>>> = {
  statement_refused: 'denied',
  statement_completed: 'ok',
  statement_failed: 'failed',
  statement_cancelled: 'cancelled',
  statement_settled: 'unknown',
  approval_withdrawn: 'cancelled',
};

const SETTLED: ReadonlySet<unknown> = new Set(['ok', 'failed', 'unknown']);

/** What an event says of how its statement ended. */
export function outcomeRow({ at, statement, kind, body }: Projected): OutcomeRow | undefined {
  // A reviewer's no, or nobody's word in time.
  const isTurnedDown = kind === 'approval_expired' || (kind === 'approval_decided' && body['state'] === 'denied');
  const state = isTurnedDown ? 'denied' : STATES[kind];
  if (statement === null || state === undefined) return undefined;
  const settled = body['state'];
  return {
    id: statement,
    at,
    state: kind === 'statement_settled' && SETTLED.has(settled) ? (settled as OutcomeState) : state,
    rows: numberOf(body['rows']),
    bytes: numberOf(body['bytes']),
    duration_ms: numberOf(body['duration_ms']),
    query_id: textOf(body['query_id']),
  };
}
