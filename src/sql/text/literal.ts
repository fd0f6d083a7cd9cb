/** What a text literal means: escapes and doubled quotes read (documentation page data-types-text, "String constants"), or what it names. */
import { isOperator, isWord, lex, type Token } from './lex.js';
import { Refusal } from './refusal.js';

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '0': '\0' };

/** The value of what stands between single quotes (data-types-text, "Escape sequences in single-quoted string constants"). */
export const unescaped = (inner: string): string =>
  inner.replaceAll(
    /''|\\(?:([0-3][0-7]{2})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([\s\S]))/g,
    (whole, octal?: string, hex?: string, unicode?: string, other?: string) => {
      if (whole === "''") return "'";
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      const code = hex ?? unicode;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      return ESCAPES[other ?? ''] ?? other ?? '';
    },
  );

/** The value of a text literal, delimiters and all, in single quotes or between `$$`. */
export const literalValue = (text: string): string =>
  text.startsWith('$$') ? text.slice(2, -2) : unescaped(text.slice(1, -1));

/** Words behind which a source or a target is named. */
const BEFORE_TABLE = ['FROM', 'JOIN', 'USING', 'INTO', 'UPDATE', 'LATERAL'];

/** The tokens of a dotted name that a literal holds, from its place in the statement on; undefined where it holds anything else, or an escape. */
function namedBy({ kind, text, start }: Token): readonly Token[] | undefined {
  const inner = text.slice(1, -1);
  if (kind !== 'string' || !text.startsWith("'") || /[\\']/.test(inner)) return undefined;
  let tokens: readonly Token[];
  try {
    tokens = lex(inner);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
  const isDotted =
    tokens.length > 0 &&
    tokens.length % 2 === 1 &&
    tokens.every((token, at) =>
      at % 2 === 1 ? isOperator(token, '.') : token.kind === 'word' || token.kind === 'quoted',
    );
  // A blank or a comment in it is no part of a name.
  if (!isDotted || tokens.map((token) => token.text).join('') !== inner) return undefined;
  // In quotes, folded as it would be: so it is a name and nothing else, whatever words the grammar has. Its parts stand together.
  let next = start + 1;
  return tokens.map((token) => {
    const isPlain = token.kind === 'word';
    const part: Token = {
      kind: isPlain ? 'quoted' : token.kind,
      text: isPlain ? `"${token.text.toUpperCase()}"` : token.text,
      start: next,
    };
    next += part.text.length;
    return part;
  });
}

/**
 * `IDENTIFIER('a.b')` anywhere, and `TABLE('a.b')` where a table is named, are the object that they name (documentation pages
 * sql-reference/identifier-literal, sql-reference/literals-table): it stands in their place, where it is judged and sent. A literal that is no
 * name stays what it was.
 */
export function withNamesOfLiterals(tokens: readonly Token[]): readonly Token[] {
  const out: Token[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (!token) break;
    const [open, literal, close] = [tokens[at + 1], tokens[at + 2], tokens[at + 3]];
    const isNaming = isWord(token, 'IDENTIFIER') || (isWord(token, 'TABLE') && isWord(tokens[at - 1], ...BEFORE_TABLE));
    const isPart = isOperator(tokens[at - 1], '.') || isOperator(tokens[at + 4], '.');
    const names =
      isNaming && !isPart && literal && isOperator(open, '(') && isOperator(close, ')') ? namedBy(literal) : undefined;
    if (names) {
      out.push(...names);
      at += 3;
    } else out.push(token);
  }
  return out;
}
