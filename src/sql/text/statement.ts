/** One statement, read: its tokens, the text that stands for it, its tree. */
import './wasm.js';
import type * as Polyglot from '@polyglot-sql/sdk';
import { bracketPairs, oddBracket } from './brackets.js';
import { type Clauses, clausesOf } from './clauses.js';
import { kindOf, type StatementKind } from './kind.js';
import { isOperator, isWord, joined, lex, type Token } from './lex.js';
import { withNamesOfLiterals } from './literal.js';
import { normalise, type Piece, restored } from './normalise.js';
import { lineStarts, type Position, positionAt, positionIn, Refusal } from './refusal.js';
import { asList, bodiesIn, identifierOf } from './tree.js';

const MAX_SET_OPERATIONS = 1000;

let polyglot: typeof Polyglot | undefined;

/** For `loadParsers`. */
export async function loadPrimary(): Promise<void> {
  polyglot = await import('@polyglot-sql/sdk');
}

/** What a statement can be told by: its text. Its tokens can be read from that again (`tokensOf`). */
export interface Wording {
  readonly source: string;
  readonly kind: StatementKind;
  readonly tokens?: readonly Token[];
}

/** The same of one that was parsed. */
export interface ParsedWording extends Wording {
  /** RESAMPLE stands in it. */
  readonly isResampled: boolean;
  /** A star in it gives fewer columns than all. */
  readonly isNarrowed: boolean;
}

export interface Statement extends Wording {
  readonly tokens: readonly Token[];
  /** The tokens joined by single spaces: what parsers read. What is sent is spaced as it was written. */
  readonly text: string;
  /** For each opening bracket its closing one, and the other way round. */
  readonly pairs: ReadonlyMap<number, number>;
  /** In which clause of which query each token stands. */
  readonly clauses: Clauses;
}

export interface ParsedStatement extends Statement, ParsedWording {
  readonly tokens: readonly Token[];
  readonly tree: unknown;
  /** For an offset that the parser gives (in code points), the token there. */
  readonly tokenAt: (offset: number) => number | undefined;
  /** For a token the offset that the parser gives it; -1 where the parser does not see it. */
  readonly offsetOf: (token: number) => number;
}

/** Without the semicolons at the end. */
function statementTokens(source: string): readonly Token[] {
  const all = lex(source);
  let end = all.length;
  while (end > 0 && isOperator(all[end - 1], ';')) end--;
  return withNamesOfLiterals(all.slice(0, end));
}

/** A statement's tokens: those that are there, or read anew from its text, where nothing else is kept of it. */
export const tokensOf = ({ tokens, source }: Wording): readonly Token[] => tokens ?? statementTokens(source);

/**
 * Reads a text as exactly one statement. Throws a Refusal: NOT_UNDERSTOOD for an empty text, an odd character or an unknown
 * first word, MULTIPLE_STATEMENTS for more than one.
 */
export function readStatement(source: string): Statement {
  const tokens = statementTokens(source);
  const first = tokens[0];
  if (!first)
    throw new Refusal('NOT_UNDERSTOOD', 'There is no statement in this text.', undefined, 'Send one SQL statement.');
  const kind = kindOf(tokens);
  const separator = tokens.find((token) => isOperator(token, ';') || isOperator(token, '->>'));
  if (separator && kind !== 'execute')
    throw new Refusal(
      'MULTIPLE_STATEMENTS',
      'Only one statement may be sent at a time.',
      positionAt(source, separator.start),
      'Send each statement in a call of its own.',
    );
  if (!kind)
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `No Snowflake statement starts with ${first.text}.`,
      positionAt(source, first.start),
      'Start with SELECT or WITH to read data.',
    );
  const odd = oddBracket(tokens);
  if (odd !== undefined)
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `The bracket ${tokens[odd]?.text ?? ''} has no other that fits it.`,
      positionAt(source, tokens[odd]?.start ?? 0),
      'Check the syntax there; a statement that is not fully understood is never run.',
    );
  return { source, tokens, text: joined(tokens), kind, pairs: bracketPairs(tokens), clauses: clausesOf(tokens) };
}

/** Of texts whose places are asked for, by their tokens: thousands of places are told of one text. */
const lines = new WeakMap<readonly Token[], readonly number[]>();

/** The place of a token in the agent's own text. */
export const positionOf = ({ tokens, source }: Statement, index: number): Position | undefined => {
  const token = tokens[index];
  if (!token) return undefined;
  const starts = lines.get(tokens) ?? lineStarts(source);
  lines.set(tokens, starts);
  return positionIn(starts, token.start);
};

/** Offsets at which each piece begins, in code points, as the parser counts. */
function pieceStarts(pieces: readonly Piece[]): number[] {
  const starts: number[] = [];
  let at = 0;
  for (const { text } of pieces) {
    starts.push(at);
    at += [...text].length + 1;
  }
  return starts;
}

/**
 * The parser forgets of some names that they were quoted (those of a list behind an alias), and a quoted name does not fold; some words it was
 * given in quotes. What the token says goes into the tree.
 */
function markQuoted(
  tree: unknown,
  tokens: readonly Token[],
  tokenAt: (offset: number) => number | undefined,
  words: ReadonlySet<number>,
): void {
  for (const item of bodiesIn(tree)) {
    const identifier = identifierOf(item);
    if (!identifier || identifier.start < 0) continue;
    const at = tokenAt(identifier.start) ?? -1;
    const token = tokens[at];
    if (!identifier.quoted && token?.kind === 'quoted') Object.assign(item, { quoted: true });
    if (identifier.quoted && token?.kind === 'word' && words.has(at) && identifier.name === token.text.toUpperCase())
      Object.assign(item, { quoted: false, name: token.text });
  }
}

/** Parses with the primary parser, once `loadParsers` has loaded it. Throws a NOT_UNDERSTOOD Refusal with the place. */
export function parseStatement(statement: Statement): ParsedStatement {
  if (!polyglot) throw new Error('The primary parser was not loaded.');
  const sets = statement.tokens.flatMap((token, index) =>
    isWord(token, 'UNION', 'EXCEPT', 'MINUS', 'INTERSECT') ? index : [],
  );
  // The parser's time grows with the square of them.
  if (sets.length > MAX_SET_OPERATIONS)
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `The statement has more than ${MAX_SET_OPERATIONS} set operations.`,
      positionOf(statement, sets[MAX_SET_OPERATIONS] ?? 0),
      'Split it into smaller ones.',
    );
  const normalised = normalise(statement.tokens, statement.clauses);
  const { pieces, words, isResampled, isNarrowed } = normalised;
  const starts = pieceStarts(pieces);
  const tokenAt = (offset: number): number | undefined => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return pieces[low]?.index;
  };
  const offsets = new Map<number, number>();
  pieces.forEach(({ index }, at) => {
    if (!offsets.has(index)) offsets.set(index, starts[at] ?? -1);
  });
  const offsetOf = (token: number): number => offsets.get(token) ?? -1;
  let result: ReturnType<typeof Polyglot.parse>;
  try {
    result = polyglot.parse(pieces.map(({ text }) => text).join(' '), polyglot.Dialect.Snowflake);
  } catch {
    throw new Refusal(
      'NOT_UNDERSTOOD',
      'The statement is too complex to be read.',
      positionOf(statement, 0),
      'Split it into smaller ones.',
    );
  }
  const trees = asList(result.ast);
  if (!result.success || trees.length !== 1) {
    const offset = result.errorStart ?? -1;
    const index = offset >= 0 ? tokenAt(offset) : undefined;
    const near = index === undefined ? '' : ` at "${statement.tokens[index]?.text.slice(0, 40) ?? ''}"`;
    throw new Refusal(
      'NOT_UNDERSTOOD',
      `The statement could not be read${near}.`,
      positionOf(statement, index ?? 0),
      'Check the syntax there; a statement that is not fully understood is never run.',
    );
  }
  markQuoted(trees[0], statement.tokens, tokenAt, words);
  return { ...statement, tree: restored(trees[0], normalised), isResampled, isNarrowed, tokenAt, offsetOf };
}
