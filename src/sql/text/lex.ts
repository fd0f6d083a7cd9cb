/**
 * Snowflake's lexical rules, strictly (documentation pages identifiers-syntax, data-types-text,
 * bind-variables; sql-reference/sql/comment for the comments).
 *
 * Parsers differ exactly where these rules are loose: odd white space, comments, back-ticks, `#`. Whatever could be read in
 * two ways is refused here, before any parser sees it, and what is sent to Snowflake is rebuilt from these tokens: a
 * comment that one reader skips and another doesn't can't carry anything past us.
 */
import { type Position, positionAt, Refusal } from './refusal.js';

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'operator' | 'bind' | 'variable';

export interface Token {
  readonly kind: TokenKind;
  /** Exactly as it stands in the statement. */
  readonly text: string;
  /** Offset in the agent's text, in UTF-16 units. */
  readonly start: number;
}

/** A piece of a text: a token, what stands between tokens, or the rest from where it can't be read. */
export interface Piece {
  readonly kind: TokenKind | 'space' | 'comment' | 'unread';
  readonly text: string;
  readonly start: number;
}

export const MAX_STATEMENT_LENGTH = 256 * 1024;
/** Characters of one name, in quotes or not, blanks and all (documentation page identifiers-syntax). */
export const MAX_NAME = 255;
const MAX_TOKENS = 20_000;
const MAX_NESTING = 200;
/** Dots between the parts of one name, or of a path. */
const MAX_DOTS = 100;

const WORD = /[A-Za-z_][A-Za-z0-9_$]*/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const QUOTED = /"(?:[^"\0]|"")*"/y;
// An escape is a backslash and any character; '' is a quote. Nothing else ends the literal.
const STRING = /'(?:[^'\\\0]|''|\\[^\0])*'/y;
const DOLLAR = /\$\$(?:[^$\0]|\$(?!\$))*\$\$/y;
const BIND = /:\d+/y;
/** The end of a partition, where a pattern or a branch of it ends (constructs/match_recognize): no text and no name begins so. */
const PARTITION_END = /\$(?= ?[)|])/y;
const VARIABLE = /\$[A-Za-z0-9_]+/y;
const SPACE = /(?:[ \t\n]|\r\n)+/y;
const LINE_COMMENT = /(?:--|\/\/)[^\r\n\0]*/y;
const BLOCK_COMMENT = /\/\*(?:[^*\0]|\*(?!\/))*\*\//y;
// `->>` before `->`, longer before shorter.
const OPERATOR = /->>|=>|->|::|:=|<=>|<=|>=|<>|!=|\|\||\*\*|[-+*/%(),.;:=<>[\]{}?@|&^~!]/y;

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function refuse(text: string, at: number, what: string, hint?: string): Refusal {
  return new Refusal('NOT_UNDERSTOOD', what, positionAt(text, at), hint);
}

const character = (code: number): string => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;

/** A colon directly before digits is a bind, except where it continues a path or a cast: `x:1` and `::` are none. */
const afterValue = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind !== 'operator' || /^[)\]]$/.test(token.text)) && !isReserved(token.text);

const isReserved = (text: string): boolean =>
  /^(?:SELECT|WHERE|AND|OR|NOT|IN|ON|VALUES|BY|LIMIT|OFFSET|SET|THEN|ELSE|WHEN|LIKE|ILIKE|BETWEEN|FROM|AS|HAVING)$/i.test(
    text,
  );

/** The tokens of a text. Throws a Refusal with the place of the first character that could be read in two ways. */
export function lex(text: string): Token[] {
  if (text.length > MAX_STATEMENT_LENGTH)
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `The statement has ${text.length} characters; at most ${MAX_STATEMENT_LENGTH} are read.`,
      undefined,
      'Shorten it, for example by joining with a table instead of listing values.',
    );
  const tokens: Token[] = [];
  let depth = 0;
  let dots = 0;
  read(text, (kind, value, start) => {
    if (kind === 'space' || kind === 'comment') return;
    if (tokens.length >= MAX_TOKENS)
      throw refuse(text, start, `The statement has more than ${MAX_TOKENS} words and signs.`);
    if (kind === 'operator' && /^[([{]$/.test(value)) depth++;
    if (kind === 'operator' && /^[)\]}]$/.test(value)) depth--;
    if (depth > MAX_NESTING) throw refuse(text, start, `Brackets are nested more than ${MAX_NESTING} deep.`);
    if (kind === 'operator' && value === '.') dots++;
    else if (!(kind === 'word' || kind === 'quoted') || tokens.at(-1)?.text !== '.') dots = 0;
    if (dots > MAX_DOTS) throw refuse(text, start, `A name has more than ${MAX_DOTS} parts.`);
    if (kind === 'word' || kind === 'quoted') checkLength(text, value, start);
    tokens.push({ kind, text: value, start });
  });
  return tokens;
}

/** Nothing has a longer name, so none gets into what is searched, remembered or told. */
function checkLength(text: string, token: string, at: number): void {
  // With its quotes.
  if (token.length <= MAX_NAME) return;
  const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
  const { length } = name.length <= MAX_NAME ? name : [...name];
  if (length > MAX_NAME)
    throw refuse(
      text,
      at,
      `A name has ${length} characters; Snowflake's have at most ${MAX_NAME}.`,
      'Write values in single quotes.',
    );
}

/**
 * Every character of a text, by the same rules and however long it is: for people who read it, never for a judgement. From the first
 * place that could be read in two ways, all that follows is one piece.
 */
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let end = 0;
  try {
    read(text, (kind, value, start) => {
      out.push({ kind, text: value, start });
      end = start + value.length;
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    out.push({ kind: 'unread', text: text.slice(end), start: end });
  }
  return out;
}

type Take = (kind: TokenKind | 'space' | 'comment', text: string, start: number) => void;

/** Throws a Refusal. */
function read(text: string, take: Take): void {
  let last: Token | undefined;
  let at = 0;
  const push = (kind: TokenKind, value: string): void => {
    last = { kind, text: value, start: at };
    take(kind, value, at);
    at += value.length;
  };
  // A byte-order mark at the very beginning is no part of a text (Unicode standard, 23.8): what is sent has none.
  if (text.startsWith('\uFEFF')) {
    take('space', '\uFEFF', 0);
    at = 1;
  }
  while (at < text.length) {
    const space = match(SPACE, text, at);
    const skipped = space ?? comment(text, at);
    if (skipped !== undefined) {
      take(space === undefined ? 'comment' : 'space', skipped, at);
      at += skipped.length;
      continue;
    }
    const first = text[at] ?? '';
    const code = text.charCodeAt(at);
    if (first === "'") push('string', match(STRING, text, at) ?? unclosed(text, at, 'text literal', "'"));
    else if (first === '"') push('quoted', quotedName(text, at));
    else if (text.startsWith('$$', at))
      push('string', match(DOLLAR, text, at) ?? unclosed(text, at, 'text literal', '$$'));
    else if (/[A-Za-z_]/.test(first)) push('word', match(WORD, text, at) ?? first);
    else if (/[0-9]/.test(first) || (first === '.' && /[0-9]/.test(text[at + 1] ?? '') && !afterValue(last)))
      push('number', number(text, at));
    else if (match(PARTITION_END, text, at) !== undefined) push('operator', '$');
    else if (first === '$') push('variable', match(VARIABLE, text, at) ?? unexpected(text, at));
    else if (first === ':' && /[0-9]/.test(text[at + 1] ?? '') && !afterValue(last))
      push('bind', match(BIND, text, at) ?? first);
    else {
      const operator = match(OPERATOR, text, at);
      if (operator === undefined) throw oddCharacter(text, at, code);
      push('operator', operator);
    }
  }
}

function comment(text: string, at: number): string | undefined {
  const two = text.slice(at, at + 2);
  if (two === '--' || two === '//') {
    const found = match(LINE_COMMENT, text, at) ?? two;
    // A lone carriage return ends a comment for one reader and not for another.
    const next = text[at + found.length];
    if (next === '\r' && text[at + found.length + 1] !== '\n') throw oddCharacter(text, at + found.length, 13);
    if (next === '\0') throw oddCharacter(text, at + found.length, 0);
    return found;
  }
  if (two !== '/*') return undefined;
  const found = match(BLOCK_COMMENT, text, at) ?? unclosed(text, at, 'comment', '*/');
  // Whether comments nest differs between readers, so a comment that opens another one is refused.
  if (found.indexOf('/*', 2) >= 0)
    throw refuse(text, at, 'A comment inside a comment can be read in two ways.', 'Take the inner one out.');
  return found;
}

function quotedName(text: string, at: number): string {
  const found = match(QUOTED, text, at) ?? unclosed(text, at, 'quoted name', '"');
  if (found === '""') throw refuse(text, at, 'A quoted name is empty.');
  return found;
}

function number(text: string, at: number): string {
  const found = match(NUMBER, text, at) ?? '';
  if (/[A-Za-z_$]/.test(text[at + found.length] ?? ''))
    throw refuse(text, at, `"${text.slice(at, at + found.length + 1)}" starts like a number and goes on like a name.`);
  return found;
}

function unclosed(text: string, at: number, what: string, end: string): never {
  throw refuse(text, at, `This ${what} is never closed.`, `Close it with ${end}`);
}

function unexpected(text: string, at: number): never {
  throw oddCharacter(text, at, text.charCodeAt(at));
}

function oddCharacter(text: string, at: number, code: number): Refusal {
  const shown = code > 32 && code < 127 ? `"${String.fromCharCode(code)}"` : `The character ${character(code)}`;
  return refuse(
    text,
    at,
    `${shown} has no place outside of literals and quoted names.`,
    code === 96 ? 'Quote names with "…".' : 'Write plain ASCII outside of literals; put other names into "…".',
  );
}

export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text.toUpperCase());

export const isOperator = (token: Token | undefined, operator: string): boolean =>
  token?.kind === 'operator' && token.text === operator;

/** The text that parsers read: the tokens, joined by single spaces. */
export const joined = (tokens: readonly Token[]): string => tokens.map((token) => token.text).join(' ');

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const quoteLiteral = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

export type { Position };
