/**
 * Words of the grammar with a bracket behind them. Nearly all of them are reserved nowhere (documentation page reserved-keywords), so a
 * user's function may have the name, and is called wherever an expression can begin. Here is, for each word, the one place where the
 * grammar has it with its bracket; anywhere else it is a call, which a policy has to list.
 *
 * Sources: the pages under constructs/ (at-before, changes, group-by-cube, group-by-grouping-sets, group-by-rollup, join, join-lateral, limit,
 * match_recognize, pivot, resample, sample, unpivot), sql/select (clauses of a star), sql/merge, functions/cast, functions/case.
 */
import { type Clauses, isBoundary } from '../text/clauses.js';
import { isOperator, isWord, type Token } from '../text/lex.js';

interface Place {
  readonly tokens: readonly Token[];
  readonly pairs: ReadonlyMap<number, number>;
  readonly clauses: Clauses;
  /** Keywords as far as they are known: those before the word are certain. */
  readonly keywords: ReadonlySet<number>;
  readonly at: number;
}

/** Keywords that end something: a clause may follow, an expression can't begin. */
const ENDS = 'ALL ASC DESC END FALSE FIRST FOLLOWING LAST MATCH MATCHES NULL NULLS ONLY PRECEDING ROW ROWS TRUE'.split(
  ' ',
);

/** Words behind which an expression may begin: taken for that, whatever they are where they stand. */
const OPENERS =
  'CONNECT_BY_ROOT DEFINE ESCAPE FETCH FINAL INCREMENT LIMIT MEASURES METADATA_COLUMNS NEXT OFFSET PRIOR RUNNING TOP'.split(
    ' ',
  );

/** Whether the word stands behind a value, a table, an alias or a clause's end: no expression can begin there, so nothing is called. */
function isBehindValue({ tokens, keywords, at }: Place): boolean {
  const before = tokens[at - 1];
  switch (before?.kind) {
    case undefined:
      return false;
    case 'operator':
      return /^[)\]}]$/.test(before.text);
    case 'word':
      if (keywords.has(at - 1)) return isWord(before, ...ENDS) && !isWord(tokens[at - 2], 'FETCH');
      return !isWord(before, ...OPENERS);
    case 'number':
      return !isWord(tokens[at - 2], 'TOP');
    default:
      return true;
  }
}

const before =
  (...words: readonly string[]) =>
  ({ tokens, at }: Place): boolean =>
    isWord(tokens[at - 1], ...words);

/** `NAME (KEY => …)`, behind a table. */
const pointed =
  (...keys: readonly string[]) =>
  (place: Place): boolean =>
    isBehindValue(place) && isWord(place.tokens[place.at + 2], ...keys) && isOperator(place.tokens[place.at + 3], '=>');

const POINTS = ['OFFSET', 'STATEMENT', 'STREAM', 'TIMESTAMP'];

/** Behind the bracket of another clause. */
const behindBracket = ({ tokens, at }: Place): boolean => isOperator(tokens[at - 1], ')');

/** An entry of GROUP BY's list, and nothing more of it. */
function isGroup({ tokens, pairs, clauses, at }: Place, from = at): boolean {
  const clause = clauses.at[at];
  const isFirst = isWord(tokens[from - 1], 'BY') && isWord(tokens[from - 2], 'GROUP');
  const behind = tokens[(pairs.get(at + 1) ?? tokens.length) + 1];
  const isLast =
    behind === undefined ||
    isOperator(behind, ',') ||
    isOperator(behind, ')') ||
    isWord(behind, 'HAVING', 'QUALIFY', 'ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'UNION', 'MINUS', 'INTERSECT', 'EXCEPT');
  return clause?.name === 'GROUP' && clause.isDirect && (isFirst || isOperator(tokens[from - 1], ',')) && isLast;
}

/** Whether an asterisk stands for columns: nothing before it could be multiplied. */
const isStar = (tokens: readonly Token[], at: number): boolean =>
  isOperator(tokens[at], '*') &&
  (isWord(tokens[at - 1], 'SELECT', 'DISTINCT', 'ALL') ||
    (tokens[at - 1]?.kind === 'number' && isWord(tokens[at - 2], 'TOP')) ||
    ['.', ',', '(', '{', '['].some((sign) => isOperator(tokens[at - 1], sign)));

const OF_STAR = ['EXCLUDE', 'RENAME', 'REPLACE'];

/** Behind a star, or behind another clause of one (sql/select). */
function isOfStar({ tokens, pairs, keywords, at }: Place): boolean {
  if (isStar(tokens, at - 1)) return true;
  if (tokens[at - 1]?.kind === 'string') return isWord(tokens[at - 2], 'ILIKE') && isStar(tokens, at - 3);
  const open = isOperator(tokens[at - 1], ')') ? pairs.get(at - 1) : undefined;
  const clause = open === undefined ? at - 2 : open - 1;
  return keywords.has(clause) && isWord(tokens[clause], ...OF_STAR);
}

/** A clause of MATCH_RECOGNIZE, in its own brackets and in none within. */
function isOfMatch(place: Place): boolean {
  const { match = -1, open = -1 } = place.clauses.at[place.at] ?? {};
  return match >= 0 && match === open && (place.at - 1 === match || isBehindValue(place));
}

/** `CAST(… AS type)`. */
function isCast({ tokens, pairs, at }: Place): boolean {
  const close = pairs.get(at + 1) ?? 0;
  for (let index = at + 2; index < close; index++) {
    if (isWord(tokens[index], 'AS')) return true;
    if (/^[([{]$/.test(tokens[index]?.text ?? '')) index = pairs.get(index) ?? index;
  }
  return false;
}

const never = (): boolean => false;

const PLACES: Readonly<Record<string, (place: Place) => boolean>> = {
  AT: pointed(...POINTS),
  BEFORE: pointed(...POINTS),
  BERNOULLI: before('SAMPLE', 'TABLESAMPLE'),
  BLOCK: before('SAMPLE', 'TABLESAMPLE'),
  CAST: isCast,
  CHANGES: pointed('INFORMATION'),
  CROSS: never,
  CUBE: isGroup,
  DYNAMIC_TABLE_REFRESH_BOUNDARY: ({ tokens, clauses, at }) => isBoundary(tokens, clauses, at),
  END: (place) => behindBracket(place) && pointed(...POINTS)(place),
  EXCEPT: (place) => isBehindValue(place) && isWord(place.tokens[place.at + 2], 'SELECT', 'WITH'),
  EXCLUDE: isOfStar,
  FALSE: never,
  FULL: never,
  INNER: never,
  JOIN: (place) =>
    isBehindValue(place) ||
    before('LEFT', 'RIGHT', 'INNER', 'OUTER', 'CROSS', 'FULL', 'NATURAL', 'ASOF', 'DIRECTED')(place),
  LATERAL: ({ tokens, at }) =>
    (isWord(tokens[at - 1], 'FROM', 'JOIN') || isOperator(tokens[at - 1], ',')) &&
    isWord(tokens[at + 2], 'SELECT', 'WITH'),
  LIMIT: isBehindValue,
  MATCH_CONDITION: isBehindValue,
  MATCH_RECOGNIZE: isBehindValue,
  MEASURES: isOfMatch,
  NAME: ({ tokens, at }) => isWord(tokens[at - 1], 'BY') && isWord(tokens[at + 2], 'SELECT', 'WITH'),
  NATURAL: never,
  NULLS: ({ tokens, at }) => isWord(tokens[at - 1], 'INCLUDE', 'EXCLUDE') && isWord(tokens[at - 2], 'UNPIVOT'),
  OVER: (place) => behindBracket(place) || before('NULLS', 'LAST', 'FIRST')(place),
  PATTERN: isOfMatch,
  PIVOT: isBehindValue,
  RENAME: isOfStar,
  REPEATABLE: behindBracket,
  REPLACE: isOfStar,
  RESAMPLE: (place) => isBehindValue(place) && isWord(place.tokens[place.at + 2], 'USING'),
  ROLLUP: isGroup,
  SEED: behindBracket,
  SETS: (place) => isWord(place.tokens[place.at - 1], 'GROUPING') && isGroup(place, place.at - 1),
  SYSTEM: before('SAMPLE', 'TABLESAMPLE'),
  TRUE: never,
  TRY_CAST: isCast,
  UNPIVOT: isBehindValue,
  USING: isBehindValue,
  WHEN: (place) => isBehindValue(place) || before('CASE')(place),
};

/** Whether a word that can be a keyword is one with the bracket behind it. `isReserved`: it can name nothing, a function neither. */
export function isKeywordBeforeBracket(place: Place, isReserved: boolean): boolean {
  const word = place.tokens[place.at]?.text.toUpperCase() ?? '';
  return Object.hasOwn(PLACES, word) ? PLACES[word]?.(place) === true : isReserved;
}
