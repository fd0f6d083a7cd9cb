/** Events as PostgreSQL prints them: what is read millions of times is put into shape here. */
import type { EventKind, RawEvent } from '../form/event.js';

/** Of `event e`, as PostgreSQL prints them: what is read millions of times is put into shape here, not there. */
export const PRINTED_EVENT =
  'e.sequence, e.position, e.at, e.session_id, e.statement_id, e.kind, e.body::text, e.writer, e.n, e.hash, e.signature';

/** How PostgreSQL has to print for `eventOf`; until the end of the transaction. */
export const PRINTING = "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'";

/** Rows as PostgreSQL prints them, with what PRINTING sets. */
export const AS_PRINTED = { rowMode: 'array', types: { getTypeParser: () => (text: string) => text } } as const;

export type PrintedEvent = readonly [
  sequence: string,
  position: string,
  at: string,
  session: string,
  statement: string | null,
  kind: EventKind,
  body: string,
  writer: string,
  n: string,
  hash: string,
  signature: string | null,
];

/** 2026-11-21 18:24:11.25+00, as ISO 8601 with milliseconds; any other time (before Christ, infinity) as it is. */
export const isoOf = (at: string): string => {
  if (!at.endsWith('+00')) return at;
  const fraction = at.slice(20, -3);
  return `${at.slice(0, 10)}T${at.slice(11, 19)}.${at[19] === '.' ? fraction.padEnd(3, '0') : '000'}Z`;
};

export function eventOf(row: PrintedEvent): RawEvent {
  const [sequence, position, at, session, statement, kind, body, writer, n, hash, signature] = row;
  return {
    sequence,
    position: Number(position),
    at: isoOf(at),
    session,
    statement,
    kind,
    body,
    writer,
    n: Number(n),
    hash: hash.slice(2),
    signature: signature === null ? null : Buffer.from(signature.slice(2), 'hex').toString('base64'),
  };
}
