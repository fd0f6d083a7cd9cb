/**
 * What of Snowflake's error messages may be told, by allow-list: a message is taken apart by the shapes that are known. Its fixed
 * words come from our own table, and what stands between them shows only where it is proved to be the statement's own.
 *
 * **Why no value shows, even where it equals a literal of the statement.** A message of the run quotes values of rows: the whole
 * target row of a MERGE, the text that would not cast, a key that is there already, whatever a function raises. Were a value
 * shown for being among the agent's own literals, an agent would write a guess into its statement and read from the message
 * whether a hidden value equals it. So holes of the run's messages never show, whatever they hold. A message of the compiler can
 * hold no row: compiling reads none (documentation page sql/explain: EXPLAIN compiles, and needs no warehouse). Only there do
 * holes show, and only what the agent wrote or may see: names of its statement, words and signs of its statement, counts of
 * arguments, types without their sizes (a size may be the length of a literal that a policy put in). Where the text as sent is not
 * the agent's own, literals do not show either: by one that equals a policy's constant it could be told from one that does not.
 *
 * **Why nothing can pose as the compiler.** Functions and procedures raise texts of their choice, and could put a value behind
 * `invalid identifier`. Snowflake puts words of its own before these texts and gives them codes of 100000 and more, or below zero
 * (developer-guide/snowflake-scripting/exceptions); a message counts as the compiler's by its first words and its code, together.
 * And whoever calls such functions gets no holes at all (`ownWords` in the gateway).
 */
import { COMPILING, DATA_TYPES, type HoleKind, LOGIN, OBJECT_KINDS, OPERATORS, RUNNING, type Shape } from './shapes.js';

/** What of a message's holes is the reader's own. */
export interface OwnWords {
  /** Parts of names, as Snowflake knows them: of the statement, and of objects that it names. */
  readonly names: ReadonlySet<string>;
  /** Words and signs of the statement, in capitals. */
  readonly words: ReadonlySet<string>;
  /** Contents of its literals; none where the text as sent is not its own. */
  readonly literals: ReadonlySet<string>;
  /** Where in the reader's own text a place of the text as sent is: line from 1, position from 0. */
  readonly placeOf: (line: number, position: number) => Place | undefined;
  /** Where a name stands, if it stands there once. */
  readonly placeOfName: (part: string) => Place | undefined;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

export const NO_WORDS: OwnWords = {
  names: new Set(),
  words: new Set(),
  literals: new Set(),
  placeOf: () => undefined,
  placeOfName: () => undefined,
};

export interface Told {
  readonly message: string;
  readonly code: string;
  readonly sqlState: string | undefined;
  /** Characters that stand before the statement on the first line of what was sent. */
  readonly ahead: number;
}

const HIDDEN = '…';
const MAX_MESSAGE = 20_000;
const MAX_NAME = 1000;
const MAX_PARTS = 10;

// --- shapes and what fits them

interface Piece {
  readonly fixed: string;
  /** What follows the fixed words; undefined at the end. */
  readonly hole: HoleKind | undefined;
}

interface Form {
  readonly pieces: readonly Piece[];
}

/** ASCII alone: other letters may change their length. */
const lowered = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

const HOLES: readonly HoleKind[] = [
  'value',
  'error',
  'name',
  'names',
  'token',
  'call',
  'function',
  'types',
  'count',
  'kind',
];

function formOf({ text }: Shape): Form {
  const parts = text.split(/\{(\w+)\}/);
  const pieces: Piece[] = [];
  for (let at = 0; at < parts.length; at += 2)
    pieces.push({ fixed: parts[at] ?? '', hole: HOLES.find((kind) => kind === parts[at + 1]) });
  return { pieces };
}

const FORMS = {
  compiling: COMPILING.map(formOf),
  running: RUNNING.map(formOf),
  login: LOGIN.map(formOf),
} as const;

/**
 * What stands in a form's holes, or undefined where the text is not of this form. Fixed words are looked for from the left, those
 * at the end at the end: linear, and a value that holds such words itself only moves text between holes that prove what they show.
 */
function holesOf({ pieces }: Form, text: string): string[] | undefined {
  const low = lowered(text);
  const holes: string[] = [];
  const first = pieces[0];
  if (!first || !low.startsWith(lowered(first.fixed))) return undefined;
  let at = first.fixed.length;
  for (let index = 1; index < pieces.length; index++) {
    const fixed = lowered(pieces[index]?.fixed ?? '');
    const isEnd = index === pieces.length - 1;
    const found = isEnd ? low.length - fixed.length : low.indexOf(fixed, at);
    if (found < at || (isEnd && !low.endsWith(fixed))) return undefined;
    holes.push(text.slice(at, found));
    at = found + fixed.length;
  }
  return at === text.length ? holes : undefined;
}

// --- what a hole may show

/** Without one pair of quotes or brackets around it. */
function bare(text: string): { readonly inner: string; readonly around: readonly [string, string] } {
  const pair = (
    [
      ["'", "'"],
      ['[', ']'],
      ['(', ')'],
    ] as const
  ).find(([open, close]) => text.length >= 2 && text.startsWith(open) && text.endsWith(close));
  return pair ? { inner: text.slice(1, -1), around: pair } : { inner: text, around: ['', ''] };
}

/** The parts of a dotted name as Snowflake prints it; undefined where it is none. */
function partsOf(name: string): string[] | undefined {
  if (name.length > MAX_NAME) return undefined;
  const parts: string[] = [];
  const part = /("(?:[^"]|"")+"|[^".\s()[\]']+)(\.|$)/y;
  while (part.lastIndex < name.length) {
    const found = part.exec(name);
    if (!found?.[1]) return undefined;
    parts.push(found[1].startsWith('"') ? found[1].slice(1, -1).replaceAll('""', '"') : found[1]);
    if (found[2] === '' && part.lastIndex < name.length) return undefined;
  }
  return name.endsWith('.') || parts.length === 0 || parts.length > 5 ? undefined : parts;
}

const isOwnName = (name: string, own: OwnWords): boolean =>
  partsOf(name)?.every((part) => own.names.has(part)) ?? false;

function typesOf(text: string): string | undefined {
  // Sizes may be lengths of literals that are not the agent's.
  const names = text.replaceAll(/\([\d\s,]*\)/g, '').split(/\s*,\s*/);
  return names.every((name) => DATA_TYPES.has(name)) ? names.join(', ') : undefined;
}

function callOf(text: string, own: OwnWords): string | undefined {
  if (isOwnName(text, own)) return text;
  const [, name] = /^([A-Za-z_][\w$]{0,254})\(.*\)$/s.exec(text) ?? [];
  return name !== undefined && own.names.has(name.toUpperCase()) ? `${name}(${HIDDEN})` : undefined;
}

function tokenOf(text: string, own: OwnWords): string | undefined {
  const isOwn = text === '<EOF>' || own.words.has(text.toUpperCase()) || own.literals.has(text) || isOwnName(text, own);
  return isOwn ? text : undefined;
}

function namesOf(text: string, own: OwnWords): string | undefined {
  const names = text.split(', ').slice(0, MAX_PARTS);
  return names.some((name) => isOwnName(name, own))
    ? names.map((name) => (isOwnName(name, own) ? name : HIDDEN)).join(', ')
    : undefined;
}

function shownIn(kind: HoleKind, content: string, own: OwnWords): string {
  const { inner, around } = bare(content);
  const text = ((): string | undefined => {
    switch (kind) {
      case 'value':
        return undefined;
      case 'error':
        return fitted(FORMS.running, content, NO_WORDS)?.words;
      case 'name':
        return isOwnName(inner, own) ? inner : undefined;
      case 'names':
        return namesOf(inner, own);
      case 'token':
        return tokenOf(inner, own);
      case 'call':
        return callOf(inner, own);
      case 'function':
        return OPERATORS.has(inner) || isOwnName(inner, own) ? inner : undefined;
      case 'types':
        return typesOf(inner);
      case 'count':
        return /^\d{1,4}$/.test(inner) ? inner : undefined;
      case 'kind':
        return OBJECT_KINDS.has(inner.toUpperCase()) ? inner : undefined;
    }
  })();
  return text === undefined ? HIDDEN : `${around[0]}${text}${around[1]}`;
}

/** The first form that fits, with what of its holes may show. */
function fitted(
  forms: readonly Form[],
  text: string,
  own: OwnWords,
): { words: string; name: string | undefined } | undefined {
  for (const form of forms) {
    const holes = holesOf(form, text);
    if (!holes) continue;
    let name: string | undefined;
    const words = form.pieces.map(({ fixed, hole }, index) => {
      if (hole === undefined) return fixed;
      const content = holes[index] ?? '';
      const shown = shownIn(hole, content, own);
      if (hole === 'name' && shown !== HIDDEN) name ??= partsOf(bare(content).inner)?.at(-1);
      return `${fixed}${shown}`;
    });
    return { words: words.join(''), name };
  }
  return undefined;
}

// --- messages

const COMPILER = /^(SQL compilation error|SQL access control error): ?/i;
const PLACE = /^(?:(?:syntax |parse )?error )?line (\d{1,7}) at position (\d{1,7}) ?/i;
const NEXT_PLACE =
  / (?=(?:syntax|parse) error line \d{1,7} at position \d)|(?<!syntax|parse) (?=error line \d{1,7} at position \d)/i;

const where = (place: Place | undefined): string => (place ? ` at line ${place.line}, column ${place.column}` : '');

const NOT_SHOWN = "Snowflake's message is not shown, since it could hold values of rows";

/** Classes of SQLSTATE (ISO/IEC 9075-2, 24.1) and Snowflake's own, in words. */
const CLASSES: Readonly<Record<string, string>> = {
  '02': 'something that the statement names is not there',
  '0A': 'a feature is not supported',
  '21': 'a sub-query or change met more rows than it may',
  '22': 'a value does not fit where it is put or cast',
  '23': 'a constraint does not hold',
  '40': 'the transaction was rolled back',
  '42': 'the statement is not valid or not authorized',
  '57': 'the statement was stopped from outside',
  P0: 'a function or procedure raised an error',
};

/** Compile errors are numbered below this. */
const FIRST_RUNTIME_CODE = 100_000;

const isOfCompiler = (code: string): boolean =>
  /^\d{1,6}$/.test(code) && Number(code) > 0 && Number(code) < FIRST_RUNTIME_CODE;

function compiled(title: string, rest: string, ahead: number, own: OwnWords): string {
  const parts = rest.split(NEXT_PLACE).slice(0, MAX_PARTS);
  const shown = parts.map((part) => {
    const found = PLACE.exec(part);
    const body = (found ? part.slice(found[0].length) : part).replace(/\.$/, '');
    const fit = fitted(FORMS.compiling, body, own);
    const line = Number(found?.[1]);
    const position = Number(found?.[2]);
    const place =
      (found ? own.placeOf(line, line === 1 ? position - ahead : position) : undefined) ??
      (fit?.name === undefined ? undefined : own.placeOfName(fit.name));
    return `${title}${where(place)}: ${fit ? fit.words : `${NOT_SHOWN}.`}`;
  });
  return [...new Set(shown)].join('\n');
}

function unknown({ sqlState }: Told): string {
  const meaning = CLASSES[sqlState?.slice(0, 2) ?? ''];
  return `The statement failed${meaning === undefined ? '' : `: ${meaning}`}${sqlState === undefined ? '' : ` (SQLSTATE ${sqlState})`}. ${NOT_SHOWN}; the query's id leads to it in Snowflake's query history.`;
}

/** White space as one space, no full stop at the end: as forms are compared. */
const plain = (message: string): string =>
  message.slice(0, MAX_MESSAGE).replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');

/** A message as it may be told to whoever owns these words. */
export function errorText(told: Told, own: OwnWords = NO_WORDS): string {
  const message = plain(told.message);
  const title = COMPILER.exec(message);
  if (title?.[1] !== undefined && isOfCompiler(told.code))
    return compiled(title[1], message.slice(title[0].length), told.ahead, own);
  return fitted(FORMS.running, message, NO_WORDS)?.words ?? unknown(told);
}

/** Why a log-in was refused. */
export const loginText = (message: string): string =>
  fitted(FORMS.login, plain(message), NO_WORDS)?.words ?? 'see the log-in history of its user in Snowflake';
