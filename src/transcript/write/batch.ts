/** Events that are written at once, as append() takes them: JSON in pieces, numbered, under one signature. */
import { canonical, storable } from '../form/canonical.js';
import { batchMessage, contentOf } from '../form/chain.js';
import type { Event } from '../form/event.js';
import { type RecordKeys, signWith } from '../form/keys.js';
import { outcomeRow, type StatementRow, statementRow, UNSEARCHED } from '../form/projection.js';
import { isOfAnEvent, isOfAppend } from './failures.js';
import { type NewSession, sessionRow } from './new-session.js';
import type { Vault } from './vault.js';

export interface Count {
  readonly principal: string;
}

/** An event that is to be written. */
export interface Entry {
  readonly event: Event;
  readonly at: Date;
  readonly opens: NewSession | undefined;
  readonly count: Count | undefined;
  /** What can be done before it is its turn; undefined for this process's own session, which is known only then. */
  readonly prepared: Prepared | undefined;
}

/** An event as it goes to the store, but for its number and signature: JSON in pieces. */
interface Prepared {
  readonly session: string;
  readonly at: string;
  readonly body: string;
  /** The row of `events` without its end. */
  readonly row: string;
  readonly opens: string | undefined;
  readonly statement: string | undefined;
  readonly outcome: string | undefined;
  readonly begins: string | undefined;
  readonly ends: string | undefined;
}

export interface Written {
  readonly content: string;
  /** Base64, at the last one. */
  signature: string | null;
}

/** Characters of what a statement is searched by, from which on that may be what takes so long. */
const LARGE = 16_384;

/** What of an event does not depend on its place in a batch. */
export function prepare(
  event: Event,
  time: Date,
  opens: NewSession | undefined,
  session: string,
  vault: Vault,
): Prepared {
  const opening = opens && JSON.stringify(sessionRow(opens, time, vault));
  const { kind, runs } = event;
  const statement = event.statementId ?? null;
  const sealed = vault.seal(session, event.statementId, event.body);
  const [at, body] = [time.toISOString(), canonical(sealed)];
  const projected = { at, session, statement, kind, body: sealed };
  const row = statementRow(projected);
  const outcome = outcomeRow(projected);
  return {
    session,
    at,
    body,
    row: `{"s":"${session}","at":"${at}","st":${JSON.stringify(statement)},"k":"${kind}","body":${body}`,
    opens: opening,
    statement: row && JSON.stringify(storableRow(row)),
    outcome: outcome && JSON.stringify(outcome),
    begins: runs === 'begins' ? JSON.stringify({ statement_id: statement, session_id: session }) : undefined,
    ends: outcome || runs === 'pauses' ? JSON.stringify({ id: statement }) : undefined,
  };
}

/** Numbered from `firstN` on, and signed. `contents`: what is hashed of each session. */
export function encode(
  batch: readonly Entry[],
  writer: string,
  firstN: number,
  { keys, vault }: { readonly keys: RecordKeys; readonly vault: Vault },
): { readonly values: readonly unknown[]; readonly contents: ReadonlyMap<string, readonly Written[]> } {
  const contents = new Map<string, Written[]>();
  const all: Written[] = [];
  const entries = batch.map(
    ({ event, at, opens, prepared }) => prepared ?? prepare(event, at, opens, event.sessionId ?? writer, vault),
  );
  for (const [index, { session, at, body }] of entries.entries()) {
    const { kind, statementId } = batch[index]?.event ?? { kind: '', statementId: undefined };
    const statement = statementId ?? null;
    const content = contentOf({ session, at, writer, n: firstN + index, statement, kind, body });
    const written: Written = { content, signature: null };
    const known = contents.get(session);
    if (known) known.push(written);
    else contents.set(session, [written]);
    all.push(written);
  }
  const message = batchMessage(
    writer,
    firstN,
    all.map(({ content }) => content),
  );
  const last = all.at(-1);
  if (last) last.signature = signWith(keys.signing, message).toString('base64');
  const listOf = (rows: readonly (string | undefined)[]): string | null => {
    const some = rows.filter((row) => row !== undefined);
    return some.length === 0 ? null : `[${some.join(',')}]`;
  };
  const counted = batch.flatMap(({ count }) => (count ? [count.principal] : []));
  const values = [
    writer,
    listOf(entries.map(({ opens }) => opens)),
    [...contents.keys()],
    listOf(
      entries.map(
        ({ row }, index) => `${row},"n":${firstN + index},"sig":${JSON.stringify(all[index]?.signature ?? null)}}`,
      ),
    ),
    listOf(entries.map(({ statement }) => statement)),
    listOf(entries.map(({ outcome }) => outcome)),
    listOf(entries.map(({ begins }) => begins)),
    listOf(entries.map(({ ends }) => ends)),
    counted.length === 0 ? null : counted,
  ];
  return { values, contents };
}

/**
 * The same event with the mark that it is not searched by what stands in it, where that may be what the store does not take: an attempt is
 * in the record, whatever its text is made of. undefined of any other.
 */
export function withoutSearch<E extends Entry>(one: E, error: unknown): E | undefined {
  const { event, prepared } = one;
  const isLarge = (prepared?.statement?.length ?? 0) >= LARGE;
  // What append() itself refuses is no matter of search.
  if (prepared?.statement === undefined || isOfAppend(error) || !(isLarge || isOfAnEvent(error))) return undefined;
  return { ...one, event: { ...event, body: { ...event.body, [UNSEARCHED]: true } }, prepared: undefined };
}

/** About how many characters the large parts of an event have. */
export function sizeOf(event: Event | undefined): number {
  const { statement, sent, result, bytes } = event?.body ?? {};
  const length = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
  return length(statement) + length(sent) + (result !== undefined && typeof bytes === 'number' ? bytes : 0);
}

/** PostgreSQL's text has no NUL. */
const storableRow = (row: StatementRow): object => ({
  ...row,
  text: storable(row.text),
  purpose: row.purpose === null ? null : storable(row.purpose),
  // One text is read faster than a list of many.
  terms: storable(row.terms.join('\u001e')),
});
