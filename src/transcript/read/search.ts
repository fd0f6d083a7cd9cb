/**
 * Search in statements: `agent:sales-bot table:CUSTOMERS verdict:denied after:2026-11-01 "card"`. Terms stand beside each other and
 * have all to hold; a minus before one turns it round. docs/recording.md lists them.
 */
import type { Pool } from 'pg';
import { z } from 'zod';
import { NOISE, REPORTED, UNSEARCHED, wordsOf } from '../form/projection.js';
import { term } from '../form/terms.js';
import { EXPLAINED, LATER_OF_STATEMENT, REFUSED, type Sums, sumsOf } from './counted.js';
import { notesOn } from './no-find.js';
import { SearchProblem, STORED, type Term, termsIn } from './sought.js';

const VERDICTS: Readonly<Record<string, string>> = {
  allowed: 'allowed',
  allow: 'allowed',
  denied: 'denied',
  deny: 'denied',
  asked: 'asked',
  approve: 'asked',
};
const STATES = ['ok', 'denied', 'failed', 'cancelled', 'unknown', 'open', 'explained'];

/** What `is:` may ask. */
const STANDINGS = ['explain', REPORTED, 'cut', UNSEARCHED];

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The conditions of a search as SQL on `s` (statement) and `o` (outcome). */
class Conditions {
  readonly all: string[] = [];
  readonly values: unknown[] = [];
  needsOutcome = false;

  add(sql: (slot: string) => string, value: unknown, isNot = false): void {
    this.values.push(value);
    const condition = sql(`$${this.values.length}`);
    this.all.push(isNot ? `NOT coalesce(${condition}, false)` : condition);
  }
}

const like = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');

const TEXT = `(s.text || E'\\n' || coalesce(s.purpose, ''))`;

/** What a person typed stands in the event alone; asked of the few statements that words have found. */
const promptMatches = (operator: string, slot: string): string => `
  (s.terms @> ARRAY['is:${REPORTED}'] AND EXISTS (
    SELECT FROM event p WHERE p.statement_id = s.id AND p.kind IN ('statement_submitted', 'statement_refused') AND p.body #>> '{prompt,text}' ${operator} ${slot}))`;

function addWords(conditions: Conditions, term: Term): void {
  const { value, isNot, column } = term;
  const words = wordsOf(value);
  if (words.length === 0)
    throw new SearchProblem(`There is no word in "${value}".`, column, `Search for characters with text:"*${value}*".`);
  const isOneWord = words.length === 1 && words[0]?.length === value.trim().length;
  if (isNot && !isOneWord) {
    conditions.add((slot) => `(${TEXT} ILIKE ${slot} OR ${promptMatches('ILIKE', slot)})`, `%${like(value)}%`, true);
    return;
  }
  const telling = words.filter((word) => !NOISE.has(word)).map((word) => `w:${word}`);
  if (isOneWord && telling.length === 0) {
    addPattern(conditions, TEXT, { ...term, value: `*${value}*` });
    return;
  }
  if (telling.length > 0) conditions.add((slot) => `s.terms @> ${slot}::text[]`, telling, isNot);
  // Words that stand together: looked at in what the words have found.
  if (!isOneWord)
    conditions.add((slot) => `(${TEXT} ILIKE ${slot} OR ${promptMatches('ILIKE', slot)})`, `%${like(value)}%`);
}

/** Between slashes. Throws SearchProblem for one that may take without end. */
function patternIn(value: string, column: number): string {
  const pattern = value.slice(1, -1);
  if (/\\\d/.test(pattern)) throw new SearchProblem('Patterns can not refer back (\\1).', column);
  return pattern;
}

function addPattern(conditions: Conditions, on: string, { value, isNot, column }: Term): void {
  if (/^\/.+\/$/.test(value)) {
    conditions.add((slot) => `${on} ~* ${slot}`, patternIn(value, column), isNot);
  } else conditions.add((slot) => `${on} ILIKE ${slot}`, like(value).replaceAll('*', '%').replaceAll('?', '_'), isNot);
}

const UNITS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  duration: { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1 },
  rows: { k: 1000, m: 1_000_000, '': 1 },
  bytes: { kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, b: 1, '': 1 },
};
const COLUMNS: Readonly<Record<string, string>> = { duration: 'o.duration_ms', rows: 'o.rows', bytes: 'o.bytes' };

function addNumber(conditions: Conditions, { key = '', value, isNot, column }: Term): void {
  const [, operator = '', digits, unit = ''] = /^(>=|<=|>|<|=)?(\d{1,15}(?:\.\d+)?)([a-z]*)$/i.exec(value) ?? [];
  const factor = UNITS[key]?.[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) {
    const example = key === 'duration' ? 'duration:>10s' : key === 'rows' ? 'rows:>=1000' : 'bytes:>1GB';
    throw new SearchProblem(`${key}:${value} is no number with a unit.`, column, `Such as ${example}.`);
  }
  conditions.needsOutcome = true;
  conditions.add(
    (slot) => `${COLUMNS[key]} ${operator || '='} ${slot}::bigint`,
    Math.round(Number(digits) * factor),
    isNot,
  );
}

const AGO: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A date, a date with a time, or so long ago; UTC unless a zone is given. */
export function timeOf(text: string, now: Date): Date | undefined {
  const [, count, unit] = /^-?(\d{1,5})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return new Date(now.getTime() - Number(count) * (AGO[unit] ?? 0));
  const [, date, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? [];
  if (date === undefined) return undefined;
  const found = new Date(`${date}T${time ?? '00:00'}${zone ?? 'Z'}`);
  return Number.isNaN(found.getTime()) ? undefined : found;
}

/** The least id of a moment: UUIDs of version 7 begin with it. */
export function idAt(time: Date): string {
  const hex = Math.max(0, time.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

function addVerdict(conditions: Conditions, { value, isNot, column }: Term): void {
  const known = value.toLowerCase();
  const verdict = Object.hasOwn(VERDICTS, known) ? VERDICTS[known] : undefined;
  if (!verdict)
    throw new SearchProblem(`There is no verdict "${value}".`, column, 'There are allowed, denied and asked.');
  if (verdict === 'denied') {
    // Some are refused only after they were allowed: by a limit, by a reviewer.
    conditions.needsOutcome = true;
    conditions.add((slot) => `${REFUSED} = ${slot}`, true, isNot);
  } else conditions.add((slot) => `s.terms @> ${slot}::text[]`, [`verdict:${verdict}`], isNot);
}

function addState(conditions: Conditions, { value, isNot, column }: Term): void {
  const state = value.toLowerCase();
  if (!STATES.includes(state))
    throw new SearchProblem(`There is no state "${value}".`, column, `There are ${STATES.join(', ')}.`);
  conditions.needsOutcome = true;
  // An explained one never ends, and nothing of it is open.
  if (state === 'open') conditions.add((slot) => `(o.id IS NULL AND NOT ${EXPLAINED}) = ${slot}`, true, isNot);
  else if (state === 'explained') conditions.add((slot) => `${EXPLAINED} = ${slot}`, true, isNot);
  else conditions.add((slot) => `o.state = ${slot}`, state, isNot);
}

function addId(conditions: Conditions, { key, value, isNot, column }: Term): void {
  if (!UUID.test(value)) throw new SearchProblem(`"${value}" is no id of a ${key ?? ''}.`, column);
  conditions.add((slot) => `${key === 'session' ? 's.session_id' : 's.id'} = ${slot}::uuid`, value, isNot);
}

function addIssuer(conditions: Conditions, { value, isNot }: Term): void {
  const plain = value.replace(/\/$/, '');
  conditions.add(
    (slot) => `s.session_id IN (SELECT n.id FROM session n WHERE n.issuer = ANY(${slot}::text[]))`,
    [plain, `${plain}/`],
    isNot,
  );
}

function addPurpose(conditions: Conditions, term: Term): void {
  const { value, isNot } = term;
  if (/[*?]/.test(value) || /^\/.+\/$/.test(value)) {
    addPattern(conditions, 's.purpose', term);
    return;
  }
  conditions.add((slot) => `s.purpose ILIKE ${slot}`, `%${like(value)}%`, isNot);
  // What the index is over.
  if (!isNot) conditions.add((slot) => `${TEXT} ILIKE ${slot}`, `%${like(value)}%`);
}

/** What a person typed, as their client has reported it. */
function addPrompt(conditions: Conditions, { value, isNot, column }: Term): void {
  const isPattern = /^\/.+\/$/.test(value);
  const hasSigns = /[*?]/.test(value);
  const words = isPattern || hasSigns ? [] : wordsOf(value).filter((word) => !NOISE.has(word));
  if (words.length > 0 && !isNot)
    conditions.add(
      (slot) => `s.terms @> ${slot}::text[]`,
      words.map((word) => `w:${word}`),
    );
  const sought = hasSigns ? like(value).replaceAll('*', '%').replaceAll('?', '_') : `%${like(value)}%`;
  conditions.add(
    (slot) => promptMatches(isPattern ? '~*' : 'ILIKE', slot),
    isPattern ? patternIn(value, column) : sought,
    isNot,
  );
}

function addTime(conditions: Conditions, { key = '', value, isNot, column }: Term, now: Date): void {
  const time = timeOf(value, now);
  if (!time)
    throw new SearchProblem(
      `${key}:${value} is no time.`,
      column,
      `Such as ${key}:2026-11-01, ${key}:"2026-11-01 13:30" (UTC) or ${key}:7d.`,
    );
  conditions.add((slot) => `s.id ${key === 'after' ? '>=' : '<'} ${slot}::uuid`, idAt(time), isNot);
}

const OTHERS: Readonly<Record<string, (conditions: Conditions, term: Term, now: Date) => void>> = {
  verdict: addVerdict,
  state: addState,
  issuer: addIssuer,
  session: addId,
  statement: addId,
  text: (conditions, term) => addPattern(conditions, TEXT, term),
  purpose: addPurpose,
  prompt: addPrompt,
  duration: addNumber,
  rows: addNumber,
  bytes: addNumber,
  after: addTime,
  before: addTime,
};

/** Everything that may stand before a colon. */
const SEARCH_KEYS: readonly string[] = [...Object.keys(STORED), ...Object.keys(OTHERS)];

const nothingAfter = (key: string, column: number): SearchProblem =>
  new SearchProblem(
    `Nothing stands after ${key}:.`,
    column,
    `What is sought follows it at once, without a space; the word itself is found by "${key}:" in quotation marks.`,
  );

function addTerm(conditions: Conditions, one: Term, now: Date): void {
  const { key, value, isNot, column } = one;
  const bare = key === undefined && !one.isQuoted ? /^([A-Za-z_]+):$/.exec(value)?.[1]?.toLowerCase() : undefined;
  if (bare !== undefined && SEARCH_KEYS.includes(bare)) throw nothingAfter(bare, column);
  if (key === undefined) {
    addWords(conditions, one);
    return;
  }
  if (value === '') throw nothingAfter(key, column);
  const stored = Object.hasOwn(STORED, key) ? STORED[key] : undefined;
  const special = Object.hasOwn(OTHERS, key) ? OTHERS[key] : undefined;
  if (stored === 'is' && !STANDINGS.includes(value.toLowerCase()))
    throw new SearchProblem(
      `There is no "is:${value}".`,
      column,
      `There are ${STANDINGS.map((one) => `is:${one}`).join(', ')}.`,
    );
  if (stored !== undefined) conditions.add((slot) => `s.terms @> ${slot}::text[]`, [term(stored, value)], isNot);
  else if (special) special(conditions, one, now);
  else throw new SearchProblem(`There is no search term "${key}:".`, column, `There are ${SEARCH_KEYS.join(', ')}.`);
}

/** A statement as lists show it. */
export const shownStatement = z.object({
  id: z.string(),
  at: z.date(),
  session_id: z.string(),
  agent: z.string(),
  kind: z.string().nullable(),
  verdict: z.string(),
  fingerprint: z.string().nullable(),
  text: z.string(),
  purpose: z.string().nullable(),
  state: z.string().nullable(),
  rows: z.coerce.number().nullable(),
  bytes: z.coerce.number().nullable(),
  duration_ms: z.coerce.number().nullable(),
  /** Of pages after the first, and of the file of its result. */
  rows_later: z.number(),
  bytes_later: z.number(),
  /** How its approval ended, where nothing ran for that; a person's no and nobody's word in time are both the state `denied`. */
  approval_end: z.enum(['denied', 'expired', 'withdrawn']).nullable(),
  /** Only explained: it never runs, and has no outcome. */
  is_explained: z.boolean(),
});

export const foundStatement = shownStatement.extend({ query_id: z.string().nullable() });

export type FoundStatement = z.infer<typeof foundStatement>;

export interface Found {
  readonly statements: readonly FoundStatement[];
  /** Where the next page begins; undefined at the end. */
  readonly cursor: string | undefined;
  /** Of these statements, not of those on other pages. */
  readonly sums: Sums;
  /** Why nothing was found, as far as that can be told: names that stand nowhere, what is not searched. */
  readonly notes: readonly string[];
}

export const IS_EXPLAINED = `${EXPLAINED} AS is_explained`;
/** Of a statement `s` with its outcome `o`. */
export const APPROVAL_END = `
  CASE WHEN s.verdict = 'asked' AND o.state IN ('denied', 'cancelled')
       THEN (SELECT a.state FROM approval a WHERE a.statement_id = s.id AND a.state IN ('denied', 'expired', 'withdrawn') LIMIT 1) END`;
const COLUMNS_SHOWN = `s.id, s.at, s.session_id, s.agent, s.kind, s.verdict, s.fingerprint, s.text, s.purpose, ${IS_EXPLAINED}, o.state, ${APPROVAL_END} AS approval_end,
         o.rows, o.bytes, o.duration_ms, o.query_id, later.rows_later, later.bytes_later`;

const SHOWN = `SELECT ${COLUMNS_SHOWN} FROM first JOIN statement s ON s.id = first.id LEFT JOIN outcome o ON o.id = s.id ${LATER_OF_STATEMENT} ORDER BY s.id DESC`;

/** So many of the newest are looked through one by one first: what is frequent is found there at once. */
const NEWEST = 4000;

export interface SearchOptions {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly now: Date;
}

/** Newest first. Throws SearchProblem. */
export async function search(pool: Pool, text: string, { limit, cursor, now }: SearchOptions): Promise<Found> {
  const conditions = new Conditions();
  const terms = termsIn(text);
  for (const term of terms) addTerm(conditions, term, now);
  if (cursor !== undefined) {
    if (!UUID.test(cursor)) throw new SearchProblem('The cursor is none of ours.', 1);
    conditions.add((slot) => `s.id < ${slot}::uuid`, cursor);
  }
  const { all, values } = conditions;
  const where = all.length === 0 ? 'true' : all.join(' AND ');
  const slot = `$${values.length + 1}`;
  const range = all.filter((condition) => /^s\.id (?:<|>=) \$\d+::uuid$/.test(condition)).join(' AND ') || 'true';
  const newest = `
    WITH first AS MATERIALIZED (
      SELECT s.id FROM (SELECT * FROM statement s WHERE ${range} ORDER BY s.id DESC LIMIT ${NEWEST}) s LEFT JOIN outcome o ON o.id = s.id
      WHERE ${where} ORDER BY s.id DESC LIMIT ${slot}
    ) ${SHOWN}`;
  const join = conditions.needsOutcome ? 'LEFT JOIN outcome o ON o.id = s.id' : '';
  const everything = `
    WITH found AS MATERIALIZED (SELECT s.id FROM statement s ${join} WHERE ${where}),
         first AS MATERIALIZED (SELECT id FROM found ORDER BY id DESC LIMIT ${slot})
    ${SHOWN}`;
  try {
    let { rows } = await pool.query(newest, [...values, limit + 1]);
    if (rows.length <= limit) ({ rows } = await pool.query(everything, [...values, limit + 1]));
    const statements = z.array(foundStatement).parse(rows.slice(0, limit));
    return {
      statements,
      cursor: rows.length > limit ? statements.at(-1)?.id : undefined,
      sums: sumsOf(statements),
      notes: statements.length === 0 && cursor === undefined ? await notesOn(pool, terms) : [],
    };
  } catch (error) {
    // An invalid regular expression: class 2201B.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === '2201B')
      throw new SearchProblem(
        `The pattern is no regular expression: ${error instanceof Error ? error.message : ''}.`,
        1,
      );
    throw error;
  }
}
