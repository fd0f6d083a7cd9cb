/**
 * Names that stand in a text where objects are named, by its tokens alone: for the record of what was refused before anybody looked whether
 * there are such objects. Nothing is decided by them. A text may say too much so (the name of an alias, or of a column after FROM in TRIM), and
 * too little (a name that is put together when it runs); what can't be read any more ends it.
 */
import { MAX_NAME, type Piece, pieces } from './lex.js';

/** So many of one text. */
const MOST = 100;

/** After these a name follows: sources and targets of statements, and the words for kinds of objects (documentation: SQL command reference). */
const BEFORE = new Set(
  `FROM JOIN INTO UPDATE TABLE TABLES VIEW VIEWS SCHEMA SCHEMAS DATABASE STAGE SEQUENCE STREAM TASK PIPE PROCEDURE FUNCTION USING CLONE CALL
   DESCRIBE DESC TRUNCATE EXISTS IN LIKE OVERWRITE REFERENCES SWAP`.split(/\s+/),
);
/** Words that stand between such a word and the name. */
const BETWEEN = new Set('IF NOT EXISTS ONLY LATERAL WITH TABLE VIEW SCHEMA DATABASE ACCOUNT'.split(' '));
/** What begins something else than a name. */
const NO_NAME = new Set(
  'SELECT WITH VALUES SET WHERE ON AND OR AS BY GROUP ORDER LIMIT HAVING QUALIFY UNION NULL CASE FUTURE ALL OF'.split(
    ' ',
  ),
);

const isNamed = (piece: Piece | undefined): piece is Piece =>
  piece !== undefined && (piece.kind === 'word' || piece.kind === 'quoted') && piece.text.length <= MAX_NAME + 2;
const isSign = (piece: Piece | undefined, text: string): boolean => piece?.kind === 'operator' && piece.text === text;
const wordOf = (piece: Piece | undefined): string => (piece?.kind === 'word' ? piece.text.toUpperCase() : '');

/** As the record writes names: what is not quoted in capitals, quotes only where they are needed. */
const partOf = ({ kind, text }: Piece): string =>
  kind === 'word' ? text.toUpperCase() : /^"[A-Z_][A-Z0-9_$]*"$/.test(text) ? text.slice(1, -1) : text;

/** The name that begins at a piece, and where it ends. */
function nameAt(all: readonly Piece[], from: number): { readonly name: string; readonly end: number } | undefined {
  const first = all[from];
  if (!isNamed(first) || literalAt(all, from) !== undefined || BEFORE.has(wordOf(first)) || NO_NAME.has(wordOf(first)))
    return undefined;
  const parts = [partOf(first)];
  let end = from + 1;
  for (let next = all[end + 1]; isSign(all[end], '.') && isNamed(next); next = all[end + 1]) {
    parts.push(partOf(next));
    end += 2;
  }
  return { name: parts.join('.'), end };
}

/** IDENTIFIER('name') and TABLE('name') name one by a text. */
function literalAt(all: readonly Piece[], from: number): string | undefined {
  const [word, open, text, close] = all.slice(from, from + 4);
  if (!['IDENTIFIER', 'TABLE'].includes(wordOf(word)) || !isSign(open, '(') || text?.kind !== 'string')
    return undefined;
  return isSign(close, ')') ? text.text.slice(1, -1) : undefined;
}

/** Each once, in the order in which they stand there. */
export function namedIn(source: string): readonly string[] {
  const all = pieces(source).filter(({ kind }) => kind !== 'space' && kind !== 'comment');
  const names = new Set<string>();
  // Names that WITH gives to queries are none of objects.
  const given = new Set(all.flatMap((piece, at) => (isGiven(all, at) ? partOf(piece) : [])));
  for (let at = 0; at < all.length && names.size < MOST; at++) {
    const literal = literalAt(all, at);
    if (literal !== undefined) for (const name of namesIn(literal)) names.add(name);
    if (!BEFORE.has(wordOf(all[at]))) continue;
    let from = at + 1;
    while (BETWEEN.has(wordOf(all[from]))) from++;
    for (let found = nameAt(all, from); found && names.size < MOST; found = nameAt(all, from)) {
      if (!given.has(found.name)) names.add(found.name);
      const comma = commaAfter(all, found.end);
      if (comma === undefined) break;
      from = comma + 1;
    }
  }
  return [...names];
}

/** A name before AS and an opening bracket. */
const isGiven = (all: readonly Piece[], at: number): boolean =>
  isNamed(all[at]) && wordOf(all[at + 1]) === 'AS' && isSign(all[at + 2], '(');

/** In a list of sources: behind a name, and an alias if there is one. */
function commaAfter(all: readonly Piece[], end: number): number | undefined {
  let at = end;
  if (wordOf(all[at]) === 'AS') at++;
  if (isNamed(all[at]) && !BEFORE.has(wordOf(all[at])) && !NO_NAME.has(wordOf(all[at]))) at++;
  return isSign(all[at], ',') ? at : undefined;
}

/** A text that is one name. */
function namesIn(literal: string): readonly string[] {
  const all = pieces(literal);
  const found = nameAt(all, 0);
  return found && found.end === all.length ? [found.name] : [];
}
