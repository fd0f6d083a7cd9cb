/** Statements for people to read: set out in lines, coloured, and held against the text that would be sent. */
import { diffArrays } from 'diff';
import { z } from 'zod';
import { pieces as read } from '../../sql/index.js';

const PART_KINDS = ['keyword', 'name', 'string', 'number', 'bind', 'operator', 'space', 'comment', 'plain'] as const;

export const sqlPart = z.object({ kind: z.enum(PART_KINDS), text: z.string() });
export type SqlPart = z.infer<typeof sqlPart>;

export const sqlDifference = z.object({ change: z.enum(['same', 'added', 'removed']), text: z.string() });
export type SqlDifference = z.infer<typeof sqlDifference>;

/** Longer texts are shown as they stand. */
const MAX_FORMATTED = 20_000;

const KEYWORDS = new Set(
  'ALL AND AS ASC BETWEEN BY CASE CAST CROSS DELETE DESC DISTINCT ELSE END EXCEPT EXISTS FALSE FROM FULL GROUP HAVING ILIKE IN INNER INSERT INTERSECT INTO IS JOIN LATERAL LEFT LIKE LIMIT MATCHED MERGE MINUS NOT NULL OFFSET ON OR ORDER OUTER OVER PARTITION QUALIFY RIGHT SELECT SET TABLE THEN TRUE UNION UPDATE USING VALUES WHEN WHERE WITH'.split(
    ' ',
  ),
);

interface Piece {
  readonly kind: SqlPart['kind'];
  readonly text: string;
}

/** Every character of the text, in pieces; one plain piece for what our lexer does not read. */
function pieces(text: string): Piece[] {
  const all = read(text);
  if (all.some(({ kind }) => kind === 'unread')) return [{ kind: 'plain', text }];
  return all.map((piece) => ({ kind: kindOf(piece.kind, piece.text), text: piece.text }));
}

function kindOf(kind: ReturnType<typeof read>[number]['kind'], text: string): SqlPart['kind'] {
  switch (kind) {
    case 'word':
      return KEYWORDS.has(text.toUpperCase()) ? 'keyword' : 'name';
    case 'quoted':
    case 'variable':
      return 'name';
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'bind':
      return 'bind';
    case 'space':
    case 'comment':
      return kind;
    default:
      return 'operator';
  }
}

/** Begin a line of their own. */
const CLAUSES = new Set(
  'SELECT FROM WHERE GROUP HAVING QUALIFY ORDER LIMIT OFFSET UNION INTERSECT EXCEPT MINUS SET VALUES USING WHEN INTO DELETE UPDATE INSERT MERGE'.split(
    ' ',
  ),
);
const JOINS = new Set('JOIN LEFT RIGHT FULL INNER CROSS'.split(' '));
const TIGHT_BEFORE = new Set([',', ')', ';', '.', '::', ':', ']', '[']);
const TIGHT_AFTER = new Set(['(', '.', '::', ':', '[']);

/**
 * The same tokens in the same order, with line breaks before clauses: what is read is what runs, since nothing is written anew. Comments
 * stay where they are.
 */
export function highlighted(text: string): SqlPart[] {
  const all = pieces(text);
  if (text.length > MAX_FORMATTED || all.some(({ kind }) => kind === 'plain')) return all;
  const out: SqlPart[] = [];
  // Whether each open bracket holds a query, which is set in.
  const brackets: boolean[] = [];
  let previous: Piece | undefined;
  const some = all.filter(({ kind }) => kind !== 'space');
  const line = (): void => {
    out.push({ kind: 'space', text: `\n${'  '.repeat(brackets.filter(Boolean).length)}` });
  };
  for (const [at, piece] of some.entries()) {
    const word = piece.kind === 'keyword' ? piece.text.toUpperCase() : '';
    const next = some[at + 1];
    const closesQuery = piece.text === ')' && piece.kind === 'operator' ? brackets.pop() === true : false;
    const before = previous?.kind === 'keyword' ? previous.text.toUpperCase() : '';
    const isJoin = JOINS.has(word) && !JOINS.has(before) && next?.text !== '(';
    // DELETE FROM, INSERT INTO, MERGE INTO, GROUP BY … USING: the second word stays with the first.
    const isClause = CLAUSES.has(word) && !['DELETE', 'INSERT', 'MERGE', 'UPDATE'].includes(before);
    const isTerm = (word === 'AND' && !isBetween(some, at)) || word === 'OR';
    if (previous && (closesQuery || isJoin || isClause || previous.kind === 'comment')) line();
    else if (previous && isTerm) {
      line();
      out.push({ kind: 'space', text: '  ' });
    } else if (previous && !isTight(previous, piece)) out.push({ kind: 'space', text: ' ' });
    out.push(piece.kind === 'comment' ? { kind: 'comment', text: piece.text.trim() } : piece);
    if (piece.text === '(' && piece.kind === 'operator') brackets.push(/^(?:SELECT|WITH)$/i.test(next?.text ?? ''));
    previous = piece;
  }
  return out;
}

/** An AND that belongs to a BETWEEN before it. */
function isBetween(all: readonly Piece[], at: number): boolean {
  let depth = 0;
  for (let back = at - 1; back >= 0; back--) {
    const piece = all[back];
    if (piece?.kind === 'operator') {
      if (piece.text === ')') depth++;
      else if (piece.text === '(' && --depth < 0) return false;
    } else if (depth === 0 && piece?.kind === 'keyword') {
      const word = piece.text.toUpperCase();
      if (word === 'BETWEEN') return true;
      if (word === 'AND' || word === 'OR' || CLAUSES.has(word)) return false;
    }
  }
  return false;
}

function isTight(left: Piece, right: Piece): boolean {
  if (right.kind === 'operator' && TIGHT_BEFORE.has(right.text)) return true;
  if (left.kind === 'operator' && TIGHT_AFTER.has(left.text)) return true;
  // A function's bracket; a keyword's stands apart.
  return right.text === '(' && right.kind === 'operator' && left.kind === 'name';
}

/** Neighbours of the same kind become one, and tokens stand a space apart. */
export function differences(statement: string, sent: string): SqlDifference[] {
  const [before, after] = [wordsIn(statement), wordsIn(sent)];
  const isAlike = before.length === after.length && before.every(({ text }, at) => text === after[at]?.text);
  if (isAlike) return [{ change: 'same', text: textOf(after) }];
  // Too long to compare: both as they are. Nothing would read as if nothing were different.
  if (before.length + after.length > MAX_COMPARED)
    return [
      { change: 'removed', text: `${textOf(before)} ` },
      { change: 'added', text: textOf(after) },
    ];
  // What stays is told as the text as sent has it: that, with what was added, is the text that is sent.
  return diffArrays(before, after, { comparator: (one, other) => one.text === other.text }).map(
    ({ added, removed, value }) => ({
      change: added ? ('added' as const) : removed ? ('removed' as const) : ('same' as const),
      text: removed ? textOf(value).trimEnd() : textOf(value),
    }),
  );
}

interface Word {
  readonly text: string;
  /** What stands behind it: a space, or nothing. */
  readonly gap: '' | ' ';
}

const isGap = (kind: string | undefined): boolean => kind === 'space' || kind === 'comment';

function wordsIn(sql: string): Word[] {
  const all = pieces(sql);
  return all.flatMap(({ kind, text }, at) => (isGap(kind) ? [] : [{ text, gap: isGap(all[at + 1]?.kind) ? ' ' : '' }]));
}

const textOf = (words: readonly Word[]): string => words.map(({ text, gap }) => text + gap).join('');

/** Tokens; comparing more takes longer than anybody waits. */
const MAX_COMPARED = 6000;
