/**
 * What search goes by: rows that follow from the events alone. `verify` makes them anew from the events and compares, so that an edit
 * that hides a statement from search is found like any other.
 */
import { createHash } from 'node:crypto';
import { canonical, storable } from './canonical.js';
import { type OutcomeState, readEnd } from './end.js';
import type { StoredEvent } from './event.js';
import { Terms, term } from './terms.js';

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

const MAX_WORD = 64;
/** Parts of a job that statements are found by. */
const MAX_JOB = 20;
/** A token of 16 KB names fewer groups. */
const MAX_SESSION_TERMS = 2000;
/** Characters of a text that stand in the row of a statement that is not searched by its words. */
const UNSEARCHED_TEXT = 1000;

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

const records = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value)
    ? value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
    : [];

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Words that stand in nearly every statement: nobody finds anything by them, and they are no terms. */
export const NOISE: ReadonlySet<string> = new Set(
  'select from where and or as on join left right inner outer group order by limit having count sum avg min max not null is in the a an of to for distinct desc asc all'.split(
    ' ',
  ),
);

/** The words of a text, in small letters: runs of letters, digits and underscores. */
export const wordsOf = (text: string): readonly string[] => [...wordsIn(text)];

/** One after the other: of a long text only the first are taken. */
function* wordsIn(text: string): Generator<string> {
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}_]+/gu)) if (word.length <= MAX_WORD) yield word;
}

/** Each client of one token has a session of its own; `more` of what finds a session again. */
export const clientOf = (tokenId: string | null | undefined, client: string | null | undefined): string =>
  canonical([tokenId ?? null, client ?? null]);

/** What finds a session again; `more`: the token's id and the client's name. */
export const sessionKey = (issuer: string, subject: string, clientId: string, more: string): string =>
  createHash('sha256')
    .update(canonical([issuer, subject, clientId, more]))
    .digest('base64url');

/** What every statement of a session is found by. */
export const sessionTerms = (about: {
  readonly subject: string;
  readonly clientId: string;
  readonly groups: readonly string[];
  readonly client: string | undefined;
}): string[] =>
  [
    ...new Set([
      term('agent', about.subject),
      term('agent', about.clientId),
      ...about.groups.map((group) => term('group', group)),
      ...(about.client ? [term('client', about.client)] : []),
    ]),
  ]
    .sort()
    .slice(0, MAX_SESSION_TERMS);

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

/** Of a statement that what a person typed is known of. */
export const REPORTED = 'reported';

type Projected = Pick<StoredEvent, 'at' | 'session' | 'statement' | 'kind' | 'body'>;

/**
 * Stands in the event of a statement that the store does not take as others: it is recorded whole, and found by its beginning and its verdict
 * alone.
 */
export const UNSEARCHED = 'unsearched';

/** The statement that an event is the first of; undefined for events that come later. */
export function statementRow({ at, session, statement, kind, body }: Projected): StatementRow | undefined {
  if (statement === null || (kind !== 'statement_submitted' && kind !== 'statement_refused')) return undefined;
  const text = textOf(body['statement']) ?? '';
  const purpose = textOf(body['purpose']);
  const verdict = kind === 'statement_refused' ? 'denied' : (VERDICTS[String(body['verdict'])] ?? 'denied');
  const isUnsearched = body[UNSEARCHED] === true;
  const terms = new Terms();
  terms.plain('verdict', verdict);
  if (isUnsearched) terms.plain('is', UNSEARCHED);
  else {
    const prompt = textOf(records([body['prompt']])[0]?.['text']);
    if (prompt !== null) terms.plain('is', REPORTED);
    addTerms(terms, body, `${text}\n${purpose ?? ''}\n${prompt ?? ''}`);
  }
  return {
    id: statement,
    at,
    session_id: session,
    kind: textOf(body['kind']),
    verdict,
    fingerprint: textOf(body['fingerprint']),
    text: isUnsearched ? storable(text.slice(0, UNSEARCHED_TEXT)) : text,
    purpose: isUnsearched ? null : purpose,
    terms: terms.list,
  };
}

function addTerms(terms: Terms, body: Projected['body'], words: string): void {
  const denial = records([body['denial']])[0];
  const rules = records(body['rules']).flatMap(({ rule }) => textOf(rule) ?? []);
  const masks = records(body['masks']);
  const each = (names: readonly (string | null | undefined)[], add: (name: string) => void): void => {
    for (const name of names) if (name) add(name);
  };
  each(
    records(body['objects']).map(({ object }) => textOf(object)),
    (name) => terms.name('table', name),
  );
  // Of what was refused before anybody looked what it uses.
  each(texts(body['named']), (name) => terms.name('table', name));
  each(texts(body['columns']), (name) => terms.name('column', name));
  each(
    masks.map(({ column }) => textOf(column)),
    (name) => terms.name('masked', name),
  );
  each(texts(body['policies']), (name) => terms.plain('policy', name));
  each([...rules, ...masks.map(({ rule }) => textOf(rule)), textOf(denial?.['rule'])], (rule) => {
    terms.plain('rule', rule);
    terms.plain('rule', rule.replace(/:\d+$/, ''));
  });
  for (const key of ['code', 'kind', 'fingerprint'] as const)
    each([textOf((key === 'code' ? denial : body)?.[key])], (name) => terms.plain(key, name));
  if (body['explain'] === true) terms.plain('is', 'explain');
  // The store keeps keys in an order of its own.
  const job = Object.entries(records([body['job']])[0] ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [key, value] of job.slice(0, MAX_JOB)) if (typeof value === 'string') terms.plain(`job.${key}`, value);
  for (const word of wordsIn(words)) if (!NOISE.has(word) && !terms.word(word)) break;
}

/** Kinds of events that a statement's row of search follows from, and those that its outcome does. */
export const OPENING_KINDS = ['statement_submitted', 'statement_refused'] as const;
export const OUTCOME_KINDS = [
  'approval_asked',
  'statement_refused',
  'statement_completed',
  'statement_failed',
  'statement_cancelled',
  'statement_settled',
  'approval_decided',
  'approval_expired',
  'approval_withdrawn',
] as const;

/** What an event says of how its statement ended. */
export function outcomeRow(event: Projected): OutcomeRow | undefined {
  const { at, statement, kind } = event;
  const end = kind === 'download_ended' ? undefined : readEnd(event);
  if (statement === null || end === undefined) return undefined;
  return {
    id: statement,
    at,
    state: end.state,
    rows: end.rows ?? null,
    bytes: end.bytes ?? null,
    duration_ms: end.durationMs ?? null,
    query_id: end.queryId ?? null,
  };
}
