/**
 * In which clause of which query each token stands, read from the tokens alone: some words are the grammar's in one clause, and call
 * whatever function has their name in every other place (documentation pages sql/select, constructs/connect-by, constructs/match_recognize).
 */
import { snowflakeFunction } from '../functions/index.js';
import { isOperator, isWord, type Token } from './lex.js';

/** What is told apart; `OTHER` is all the rest of a query. */
type ClauseName = 'SELECT' | 'GROUP' | 'CONNECT' | 'OTHER';

export interface Clause {
  readonly name: ClauseName;
  /** The SELECT of the query that the token belongs to, brackets that hold no query of their own included; -1 outside of all. */
  readonly query: number;
  /** In the query's own brackets, and in none within. */
  readonly isDirect: boolean;
  /** The innermost opening bracket around it; -1 outside of all. */
  readonly open: number;
  /** The opening bracket of the MATCH_RECOGNIZE around it, if no query stands between; -1 otherwise. */
  readonly match: number;
}

export interface Clauses {
  /** By token; of an opening bracket the clause that it stands in. */
  readonly at: readonly Clause[];
  /** Queries with a CONNECT BY of their own, by their SELECT. */
  readonly hierarchical: ReadonlySet<number>;
}

const OUTSIDE: Clause = { name: 'OTHER', query: -1, isDirect: true, open: -1, match: -1 };

/** Words that end a clause which is told apart: reserved ones, so that no name can. */
const ENDING = ['FROM', 'WHERE', 'HAVING', 'QUALIFY', 'ORDER', 'WINDOW', 'UNION', 'MINUS', 'INTERSECT'];

export function clausesOf(tokens: readonly Token[]): Clauses {
  const at: Clause[] = [];
  const hierarchical = new Set<number>();
  const outer: Clause[] = [];
  let now = OUTSIDE;
  const begin = (name: ClauseName): void => {
    // A word of a clause in brackets that hold no query begins none: EXTRACT(… FROM …), OVER (ORDER BY …).
    if (now.isDirect && now.name !== name) now = { ...now, name };
  };
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (isWord(token, 'SELECT')) now = { ...now, name: 'SELECT', query: index, isDirect: true, match: -1 };
    else if (isWord(token, 'GROUP') && isWord(next, 'BY')) begin('GROUP');
    else if ((isWord(token, 'CONNECT') && isWord(next, 'BY')) || (isWord(token, 'START') && isWord(next, 'WITH')))
      begin('CONNECT');
    else if (isWord(token, ...ENDING)) begin('OTHER');
    if (isWord(token, 'CONNECT') && now.isDirect && now.query >= 0) hierarchical.add(now.query);
    at.push(now);
    if (token.kind !== 'operator') return;
    if (/^[([{]$/.test(token.text)) {
      outer.push(now);
      const match = isOperator(token, '(') && isWord(tokens[index - 1], 'MATCH_RECOGNIZE') ? index : now.match;
      now = { ...now, isDirect: false, open: index, match };
    } else if (/^[)\]}]$/.test(token.text)) now = outer.pop() ?? OUTSIDE;
  });
  return { at, hierarchical };
}

/** Whether the token stands in a query that has a CONNECT BY, in brackets of its expressions as well. */
export const isInHierarchy = ({ at, hierarchical }: Clauses, token: number): boolean =>
  hierarchical.has(at[token]?.query ?? -1);

const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'quoted';

/** Reserved words with an expression behind them. */
const BEFORE_VALUE =
  'SELECT DISTINCT ALL WHERE HAVING QUALIFY ON BY WITH AND OR NOT WHEN THEN ELSE CASE BETWEEN LIKE ILIKE RLIKE REGEXP IN'.split(
    ' ',
  );

/** Whether an expression, or a part of one, can begin behind a token: not behind a value, nor where a name is wanted. */
const beginsExpression = (before: Token | undefined): boolean =>
  before?.kind === 'operator' ? !/^(?:[)\]}.:]|::)$/.test(before.text) : isWord(before, ...BEFORE_VALUE);

/**
 * `PRIOR column` in CONNECT BY, `CONNECT_BY_ROOT column` in a query that has one (constructs/connect-by): a column's name stands behind, never a
 * bracket, which would make a call of it.
 */
export function isOfHierarchy(tokens: readonly Token[], clauses: Clauses, at: number): boolean {
  const isPrior = isWord(tokens[at], 'PRIOR') && clauses.at[at]?.name === 'CONNECT';
  if (!isPrior && !isWord(tokens[at], 'CONNECT_BY_ROOT')) return false;
  if (!isInHierarchy(clauses, at) || !isName(tokens[at + 1]) || !beginsExpression(tokens[at - 1])) return false;
  let last = at + 1;
  while (isOperator(tokens[last + 1], '.') && isName(tokens[last + 2])) last += 2;
  return !isOperator(tokens[last + 1], '(') && !isWord(tokens[last], ...BEFORE_VALUE, ...ENDING, 'AS', 'IS', 'NULL');
}

/** `FINAL LAST(x)`, `RUNNING COUNT(*)` in MATCH_RECOGNIZE: before a function over the rows of a match (constructs/match_recognize). */
export function isOfMeasure(tokens: readonly Token[], clauses: Clauses, at: number): boolean {
  const [word, next] = [tokens[at], tokens[at + 1]];
  const known = next?.kind === 'word' ? snowflakeFunction(next.text.toUpperCase()) : undefined;
  return (
    isWord(word, 'FINAL', 'RUNNING') &&
    (clauses.at[at]?.match ?? -1) >= 0 &&
    isOperator(tokens[at + 2], '(') &&
    (known?.class === 'aggregate' || known?.class === 'window')
  );
}

/** `FROM DYNAMIC_TABLE_REFRESH_BOUNDARY(name)`, and behind JOIN (constructs/from): in every expression it would be a call. */
export const isBoundary = (tokens: readonly Token[], { at: clauses }: Clauses, at: number): boolean =>
  isOperator(tokens[at + 1], '(') &&
  clauses[at]?.isDirect === true &&
  (isWord(tokens[at - 1], 'JOIN') || (isWord(tokens[at - 1], 'FROM') && !isWord(tokens[at - 2], 'DISTINCT')));
