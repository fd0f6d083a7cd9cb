/**
 * Names and lines of others in sentences of ours, for a reader that may be a model: whoever names a table must not speak in our voice
 * (OWASP Top 10 for LLM Applications, LLM01, "Prompt Injection"). What is not told whole here stands in the fence of untrusted data.
 */
import { BLANK } from './visible-text.js';

/** Characters of a name that is no plain identifier. */
const MAX_ODD = 60;
/** Characters of a line. */
const MAX_LINE = 4000;
/** Snowflake's identifiers have up to 255 characters (documentation page identifiers-syntax); dots lie between several. */
const PLAIN = /^[\p{L}_][\p{L}\p{N}_$.]{0,254}$/u;
const UNSEEN = new RegExp(
  `(?! )[\\p{C}\\p{Z}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}${BLANK}]`,
  'gu',
);

const escaped = (text: string): string =>
  text.replace(UNSEEN, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`);

/** A name that somebody chose: a plain identifier as it is, any other quoted, in one line, with visible characters alone, and cut at 60. */
export const toldName = (name: string): string =>
  PLAIN.test(name) && name.search(UNSEEN) < 0
    ? name
    : escaped(JSON.stringify(name.length > MAX_ODD ? `${name.slice(0, MAX_ODD)}…` : name));

/** A sentence that may have names in it: one line, of visible characters, and bounded. */
export function toldLine(text: string): string {
  const line = escaped(text.replace(/[\s\u0085\u2028\u2029]+/g, ' '));
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}
