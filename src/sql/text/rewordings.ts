/**
 * Forms of Snowflake's that the primary parser can't read, found in the tokens: `normalise.ts` gives them to it in other words, which mean the same
 * by construction. What is sent are the statement's own tokens.
 *
 * Sources: documentation pages sql/delete (USING), sql/merge (ALL BY NAME), constructs/connect-by, user-guide/querying-semistructured (paths behind
 * brackets), reserved-keywords.
 */
import { type Clauses, isOfMeasure } from './clauses.js';
import { isOperator, isWord, type Token } from './lex.js';
import { isReserved } from './reserved.js';

type Tokens = readonly Token[];
/** For each opening bracket its closing one, and the other way round. */
type Pairs = ReadonlyMap<number, number>;

const isName = (token: Token | undefined): boolean => token?.kind === 'word' || token?.kind === 'quoted';

/** The token behind a dotted name; the place itself where there is none. `db..table` has a part that is not written. */
function behindName(tokens: Tokens, from: number): number {
  let at = from;
  while (isName(tokens[at])) {
    if (!isOperator(tokens[at + 1], '.')) return at + 1;
    at += isOperator(tokens[at + 2], '.') ? 3 : 2;
  }
  return from;
}

/** The words of `DELETE FROM target [[AS] alias] USING …`. */
export interface Deletion {
  readonly verb: number;
  readonly from: number;
  readonly using: number;
}

/** The statement as a DELETE with sources of its own, if it is one; definitions may stand before it. */
export function deletionWithSources(tokens: Tokens, pairs: Pairs): Deletion | undefined {
  let verb = 0;
  while (verb < tokens.length && !isWord(tokens[verb], 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'))
    verb = Math.max(verb, pairs.get(verb) ?? verb) + 1;
  const target = verb + 2;
  let using = behindName(tokens, target);
  if (!isWord(tokens[verb], 'DELETE') || !isWord(tokens[verb + 1], 'FROM') || using === target) return undefined;
  if (isWord(tokens[using], 'AS')) using++;
  if (isName(tokens[using]) && !isWord(tokens[using], 'USING', 'WHERE')) using++;
  return isWord(tokens[using], 'USING') ? { verb, from: verb + 1, using } : undefined;
}

/** `THEN UPDATE ALL BY NAME`, `THEN INSERT ALL BY NAME`, by its ALL: a reserved word, so it is no column. */
export const isAllByName = (tokens: Tokens, at: number): boolean =>
  isWord(tokens[at], 'ALL') &&
  isWord(tokens[at + 1], 'BY') &&
  isWord(tokens[at + 2], 'NAME') &&
  isWord(tokens[at - 1], 'UPDATE', 'INSERT') &&
  isWord(tokens[at - 2], 'THEN');

/** What stands for the three words of `ALL BY NAME`: one column of a name that the walk knows by its place, and a value. */
export const inPlaceOfAll = (tokens: Tokens, all: number): readonly [string, string, string] =>
  isWord(tokens[all - 1], 'UPDATE') ? ['SET', '"all by name"', '= NULL'] : ['(', '"all by name"', ') VALUES (NULL)'];

/** A text that other readers can read as well, of which none knows `ALL BY NAME`. */
export function withoutAllByName(tokens: Tokens): string {
  const texts = tokens.map(({ text }) => text);
  tokens.forEach((_, at) => {
    if (isAllByName(tokens, at)) texts.splice(at, 3, ...inPlaceOfAll(tokens, at));
  });
  return texts.join(' ');
}

/** Words that may begin a clause behind CONNECT BY's conditions, and are no reserved ones. */
const NEXT = ['LIMIT', 'OFFSET', 'FETCH', 'EXCEPT'];

const isValueEnd = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind !== 'operator' || /^[)\]]$/.test(token.text)) &&
  !isWord(token, 'AND', 'OR', 'NOT', 'PRIOR', 'LIKE', 'ILIKE', 'IN', 'BETWEEN', 'IS');

/** The last token of the conditions behind a `CONNECT BY`, whose BY stands at a place; the place itself where there are none. */
export function endOfConnect(tokens: Tokens, pairs: Pairs, { at: clauses }: Clauses, by: number): number {
  let last = by;
  for (let at = by + 1; at < tokens.length; at = last + 1) {
    const token = tokens[at];
    const isOver =
      clauses[at]?.name !== 'CONNECT' ||
      isOperator(token, ')') ||
      // Of one query there is one; so each token is looked at for one of them alone, however often the words stand there.
      (isWord(token, 'CONNECT') && isWord(tokens[at + 1], 'BY')) ||
      (isWord(token, 'START') && isWord(tokens[at + 1], 'WITH')) ||
      (isWord(token, ...NEXT) && isValueEnd(tokens[at - 1]));
    if (isOver) break;
    last = Math.max(at, pairs.get(at) ?? at);
  }
  return last;
}

/**
 * Whether a colon goes on from a bracket to a key: `v[0]:name`, `(v):name`, `CAST(v AS OBJECT):name`. Behind the bracket of a call the parser reads
 * it itself.
 */
export function isPathBehindBracket(tokens: Tokens, pairs: Pairs, colon: number): boolean {
  const before = tokens[colon - 1];
  if (!isName(tokens[colon + 1])) return false;
  if (isOperator(before, ']')) return true;
  if (!isOperator(before, ')')) return false;
  const called = tokens[(pairs.get(colon - 1) ?? 0) - 1];
  return !isName(called) || isReserved(called);
}

// --- names that look like words of a grammar

/** Words of other dialects, of which Snowflake's queries and changes have none: not before a bracket, they are names. */
const FOREIGN = ['FORMAT', 'SETTINGS', 'GLOB', 'OPERATOR', 'PERCENT', 'MOD', 'MATCH', 'FINAL', 'RUNNING'];

/** Words that no clause behind a table begins with (constructs/from and the pages of each clause), and which the parser does not take for an alias. */
const NO_CLAUSE =
  `DATE TIME TIMESTAMP TYPE KEY INDEX FIRST LAST LANGUAGE COMMENT BEGIN FILTER REPLACE RENAME COPY SHOW ENUM GET TEMPORARY TEMP VIEW SCHEMA
  DATABASE GROUPS OUTPUT INPUT CLUSTER SORT DISTRIBUTE CACHE ONLY SYSTEM BLOCK DEFAULT PRIMARY FOREIGN REFERENCES IF USE EXECUTE LOAD APPLY
  OVERLAPS RECURSIVE LOCAL CASCADE RESTRICT COMMIT DESCRIBE DOMAIN FUNCTION GENERATED KILL NEXT NO ORDINALITY OVERWRITE PRAGMA PROCEDURE SERDE
  TRUNCATE UNCACHE WAREHOUSE PLACING BERNOULLI AUTHORIZATION ALWAYS`.split(/\s+/);

/** Words that the parser takes for the beginning of a literal or a clause where they qualify a column. */
const QUALIFYING = ['DATE', 'TIME', 'TIMESTAMP', 'INTERVAL', 'LIMIT'];

/** `FROM t word`, `FROM (SELECT …) word`: behind a table or a query, and before what may follow an alias. */
function isBareAlias(tokens: Tokens, pairs: Pairs, at: number): boolean {
  const next = tokens[at + 1];
  const isEnd = next === undefined || next.kind === 'word' || isOperator(next, ',') || isOperator(next, ')');
  let from = at - 1;
  if (isOperator(tokens[from], ')')) {
    from = pairs.get(from) ?? at;
    return isEnd && isWord(tokens[from + 1], 'SELECT', 'WITH', 'VALUES') && isBehindSourceWord(tokens, from);
  }
  if (!isName(tokens[from])) return false;
  while (isOperator(tokens[from - 1], '.')) from -= isOperator(tokens[from - 2], '.') ? 3 : 2;
  return isEnd && isBehindSourceWord(tokens, from);
}

/** Whether a source may begin there, a target, or an entry of some list: behind each of them a name is an alias. */
const isBehindSourceWord = (tokens: Tokens, from: number): boolean =>
  isWord(tokens[from - 1], 'FROM', 'JOIN', 'USING', 'UPDATE') ||
  isOperator(tokens[from - 1], ',') ||
  (isWord(tokens[from - 1], 'INTO') && isWord(tokens[from - 2], 'MERGE'));

/** The names on the left of `SET a = …, t.b = …` in MERGE, and those of `INSERT (a, b)`. */
function writtenByMerge(tokens: Tokens, pairs: Pairs, then: number): readonly number[] {
  const found: number[] = [];
  if (isWord(tokens[then + 1], 'INSERT')) {
    // Without VALUES behind it, it is a function's call in a CASE.
    const close = isOperator(tokens[then + 2], '(') ? (pairs.get(then + 2) ?? 0) : 0;
    if (!isWord(tokens[close + 1], 'VALUES')) return found;
    for (let at = then + 3; at < close; at++) found.push(at);
    return found;
  }
  if (!isWord(tokens[then + 1], 'UPDATE') || !isWord(tokens[then + 2], 'SET')) return found;
  for (let at = then + 3; at < tokens.length && !isWord(tokens[at], 'WHEN'); at++) {
    const before = tokens[at - 1];
    if (isOperator(before, ',') || at === then + 3) {
      const end = behindName(tokens, at);
      if (isOperator(tokens[end], '=')) for (let name = at; name < end; name++) found.push(name);
    }
    at = Math.max(at, pairs.get(at) ?? at);
  }
  return found;
}

/** Unquoted words that stand where a name does, and which the parser would not take for one: in quotes and capitals they are the same name. */
export function namesLikeWords(tokens: Tokens, pairs: Pairs, clauses: Clauses): ReadonlySet<number> {
  const found = new Set<number>();
  tokens.forEach((token, at) => {
    if (token.kind !== 'word' || isReserved(token)) return;
    const [before, next] = [tokens[at - 1], tokens[at + 1]];
    const isKey = isOperator(before, '.') || isOperator(before, ':') || isOperator(next, '=>');
    if (isOperator(next, '(') || isKey) return;
    const isOfMatch = (clauses.at[at]?.match ?? -1) >= 0 || isOfMeasure(tokens, clauses, at);
    const isForeign = isWord(token, ...FOREIGN) && !isOfMatch;
    const isAlias = isWord(token, ...NO_CLAUSE) && isBareAlias(tokens, pairs, at);
    const isQualifier =
      isWord(token, ...QUALIFYING) &&
      isOperator(next, '.') &&
      (isName(tokens[at + 2]) || isOperator(tokens[at + 2], '*'));
    if (isForeign || isAlias || isQualifier) found.add(at);
  });
  tokens.forEach((token, then) => {
    if (!isWord(token, 'THEN')) return;
    for (const at of writtenByMerge(tokens, pairs, then))
      if (tokens[at]?.kind === 'word' && !isReserved(tokens[at])) found.add(at);
  });
  return found;
}
