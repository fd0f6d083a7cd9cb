/**
 * A name with a bracket behind it is a call, unless the bracket belongs to what the name is: a list of column names behind a definition or
 * an alias, the size of a type, a group in a pattern. Told from the tokens, without the walk: a name that the walk took for something else
 * by mistake would be a call that nobody judges (documentation pages constructs/with, constructs/from, sql/insert, constructs/match_recognize,
 * sql-reference/intro-summary-data-types).
 */
import { isOperator, isWord, type Token } from '../text/lex.js';
import type { Statement } from '../text/statement.js';
import { namesInBrackets } from './alias-places.js';
import { type Claims, chainStart, isName, nameOf, type Owner } from './claims.js';
import { isTypeWord } from './places.js';

/** Words that begin a clause behind a table, with a bracket (constructs/from and the pages of each). */
const CLAUSES =
  'AT BEFORE CHANGES END MATCH_CONDITION MATCH_RECOGNIZE PIVOT REPEATABLE RESAMPLE SAMPLE SEED SEMANTIC_VIEW TABLESAMPLE UNPIVOT'.split(
    ' ',
  );

/** A text once the walk is through with it. */
export interface WalkedText {
  readonly statement: Statement;
  readonly claims: Claims;
  /** Names, in capitals, that the parser takes for calls: a word of the grammar among them is none there. */
  readonly calls: ReadonlySet<string>;
  /** Tokens in the brackets of a PATTERN. */
  readonly inPattern: ReadonlySet<number>;
}

/** Whether the bracket behind a name is one that its owner brings with it. */
export function isOwnBracket({ statement, claims, calls, inPattern }: WalkedText, at: number, owner: Owner): boolean {
  const { tokens, pairs, kind } = statement;
  const close = pairs.get(at + 1);
  const token = tokens[at];
  if (close === undefined || !isName(token)) return false;
  const list = namesInBrackets(tokens, pairs, at + 1);
  const areAll = (wanted: Owner): boolean => list?.every((name) => claims.ownerOf(name) === wanted) === true;
  switch (owner) {
    case 'type':
      return isTypeWord(token);
    // `WITH name (a, b) AS (`.
    case 'definition':
      return areAll('definition') && isWord(tokens[close + 1], 'AS') && isOperator(tokens[close + 2], '(');
    // `… AS name (a, b)`; never where a clause could begin with that word.
    case 'alias':
      return areAll('alias') && !isWord(token, ...CLAUSES);
    // `INSERT INTO name (a, b)`, `INSERT INTO name (SELECT …)`.
    case 'object':
      return kind === 'insert' && isWord(tokens[chainStart(tokens, at) - 1], 'INTO');
    // `PATTERN (a (b | c))`: of a construct, not of a function that is called so.
    case 'symbol':
      return inPattern.has(at) && ![nameOf(token), 'MATCH_RECOGNIZE', 'PATTERN'].some((name) => calls.has(name));
    // RESAMPLE's own two functions are claimed by its walk.
    case 'function':
      return isResampling(tokens, pairs, at);
    // `a = b (+)`, an outer join.
    case 'column':
      return isOperator(tokens[at + 2], '+') && close === at + 3;
    case 'keyword':
    case 'parameter':
    case 'path':
    case 'argument':
    case 'part':
      return false;
  }
}

const isResampling = (tokens: readonly Token[], pairs: ReadonlyMap<number, number>, at: number): boolean =>
  isWord(tokens[at], 'IS_GENERATED', 'BUCKET_START') && pairs.get(at + 1) === at + 2;
