/**
 * Words that Snowflake's grammar owns, each in its place.
 *
 * Reserved words can name nothing (documentation page reserved-keywords), so they are keywords wherever they stand. Every other word of
 * the grammar may be a column's name as well: it is a keyword only beside its kin, as the table below says. And it may be a function's: before
 * a bracket it is a keyword only where the grammar has that word with that bracket, and where no expression can begin.
 */
import { type Clauses, isOfHierarchy, isOfMeasure } from '../text/clauses.js';
import { isOperator, isWord, type Token } from '../text/lex.js';
import { isReserved } from '../text/reserved.js';
import { isKeywordBeforeBracket } from './before-bracket.js';

export { isReserved };

interface Place {
  /** The token that many places before (negative) or behind. */
  readonly near: (offset: number) => Token | undefined;
}

const ENDS = [
  'LIMIT',
  'OFFSET',
  'FETCH',
  'ROWS',
  'RANGE',
  'UNION',
  'EXCEPT',
  'MINUS',
  'INTERSECT',
  'NULLS',
  'MEASURES',
  'ONE',
  'ALL',
  'AFTER',
  'PATTERN',
];

const isEnd = (token: Token | undefined): boolean =>
  token === undefined ||
  isOperator(token, ',') ||
  isOperator(token, ')') ||
  isOperator(token, ';') ||
  isWord(token, ...ENDS);

const isOpen = (token: Token | undefined): boolean => isOperator(token, '(');

/** A number, a bind, a variable or a text: what a clause's word counts with. */
const isAmount = (token: Token | undefined): boolean =>
  token?.kind === 'number' || token?.kind === 'bind' || token?.kind === 'string' || isWord(token, 'NULL');

/** Behind what an expression ends with. */
const isBehindValue = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind !== 'operator' || /^[)\]*]$/.test(token.text));

const next =
  (...words: readonly string[]) =>
  ({ near }: Place): boolean =>
    isWord(near(1), ...words);
const previous =
  (...words: readonly string[]) =>
  ({ near }: Place): boolean =>
    isWord(near(-1), ...words);
const opens = ({ near }: Place): boolean => isOpen(near(1));
const counts = ({ near }: Place): boolean => isAmount(near(1));

/** Behind a star, or behind another clause of one. */
const behindStar = ({ near }: Place): boolean =>
  isOperator(near(-1), '*') || isOperator(near(-1), ')') || near(-1)?.kind === 'string';

/** `NTH_VALUE(…) FROM LAST OVER (…)` (functions/nth_value). */
const fromEnd = ({ near }: Place): boolean =>
  isWord(near(-1), 'FROM') && isOperator(near(-2), ')') && isWord(near(1), 'OVER', 'IGNORE', 'RESPECT');

/** By word: the places in which it is a keyword (pages in the file's head and of each construct under constructs/). */
const IN_PLACE: Readonly<Record<string, (place: Place) => boolean>> = {
  APPEND_ONLY: ({ near }) => isOperator(near(-1), '=>') && isWord(near(-2), 'INFORMATION'),
  ASC: ({ near }) => isBehindValue(near(-1)) && isEnd(near(1)),
  ASOF: next('JOIN'),
  AT: opens,
  BEFORE: opens,
  BERNOULLI: previous('SAMPLE', 'TABLESAMPLE'),
  BLOCK: previous('SAMPLE', 'TABLESAMPLE'),
  CHANGES: opens,
  COLLATE: ({ near }) => near(1)?.kind === 'string' && isBehindValue(near(-1)),
  CUBE: opens,
  DATE: ({ near }) => near(1)?.kind === 'string',
  DEFAULT: ({ near }) =>
    isOpen(near(-1)) || isOperator(near(-1), ',') || isOperator(near(-1), '=') || isOperator(near(-1), '=>')
      ? isEnd(near(1)) || isWord(near(1), 'WHERE', 'WHEN', 'FROM')
      : isOperator(near(-1), ')') && isWord(near(1), 'ON') && isWord(near(2), 'NULL'),
  DESC: ({ near }) => isBehindValue(near(-1)) && isEnd(near(1)),
  DIRECTED: next('JOIN'),
  END: ({ near }) =>
    isOpen(near(1)) && isWord(near(2), 'TIMESTAMP', 'OFFSET', 'STATEMENT') && isOperator(near(3), '=>'),
  ESCAPE: ({ near }) => near(1)?.kind === 'string' && isBehindValue(near(-1)),
  EXCEPT: ({ near }) => isWord(near(1), 'SELECT', 'ALL', 'DISTINCT', 'BY', 'WITH', 'VALUES') || isOpen(near(1)),
  EXCLUDE: ({ near }) => behindStar({ near }) || (isWord(near(-1), 'UNPIVOT') && isWord(near(1), 'NULLS')),
  FETCH: ({ near }) => isWord(near(1), 'FIRST', 'NEXT') || isAmount(near(1)),
  FIRST: ({ near }) => isWord(near(-1), 'NULLS', 'FETCH') || fromEnd({ near }),
  GROUPING: next('SETS'),
  IGNORE: next('NULLS'),
  INCLUDE: ({ near }) => isWord(near(-1), 'UNPIVOT') && isWord(near(1), 'NULLS'),
  INTERVAL: ({ near }) => near(1)?.kind === 'string',
  LAST: ({ near }) => isWord(near(-1), 'NULLS') || fromEnd({ near }),
  LIMIT: ({ near }) => isAmount(near(1)) || isOpen(near(1)),
  MATCHED: previous('WHEN', 'NOT'),
  MATCH_CONDITION: opens,
  MATCH_RECOGNIZE: opens,
  MERGE: next('INTO'),
  NAME: ({ near }) =>
    isWord(near(-1), 'BY') && isWord(near(-2), 'UNION', 'ALL', 'DISTINCT', 'EXCEPT', 'MINUS', 'INTERSECT'),
  NEXT: previous('FETCH'),
  NULLS: ({ near }) => isWord(near(1), 'FIRST', 'LAST') || isWord(near(-1), 'IGNORE', 'RESPECT', 'INCLUDE', 'EXCLUDE'),
  OFFSET: counts,
  ONLY: ({ near }) =>
    isWord(near(-1), 'ROW', 'ROWS') || (isAmount(near(-1)) && isWord(near(-2), 'FETCH', 'FIRST', 'NEXT')),
  OUTER: next('JOIN', 'DIRECTED'),
  OVER: ({ near }) => isBehindValue(near(-1)) && isOpen(near(1)),
  OVERWRITE: ({ near }) => isWord(near(-1), 'INSERT') && isWord(near(1), 'INTO'),
  PARTITION: next('BY'),
  PIVOT: opens,
  PRECEDING: ({ near }) => isWord(near(-1), 'UNBOUNDED') || isAmount(near(-1)),
  RANGE: next('BETWEEN', 'UNBOUNDED', 'CURRENT'),
  RECURSIVE: previous('WITH'),
  RENAME: ({ near }) => behindStar({ near }) || isWord(near(-2), 'EXCLUDE'),
  REPEATABLE: opens,
  REPLACE: ({ near }) => behindStar({ near }) && isOpen(near(1)),
  RESPECT: next('NULLS'),
  ROLLUP: opens,
  SEED: opens,
  SETS: previous('GROUPING'),
  SYSTEM: previous('SAMPLE', 'TABLESAMPLE'),
  TIME: ({ near }) => near(1)?.kind === 'string',
  TIMESTAMP: ({ near }) => near(1)?.kind === 'string',
  TOP: ({ near }) => isWord(near(-1), 'SELECT', 'DISTINCT', 'ALL') && isAmount(near(1)),
  UNBOUNDED: next('PRECEDING', 'FOLLOWING'),
  UNPIVOT: ({ near }) => isOpen(near(1)) || isWord(near(1), 'INCLUDE', 'EXCLUDE'),
  WITHIN: next('GROUP'),
};

/** Units of an interval that stand behind its text (data-types-datetime, interval constants). */
const UNITS = ['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND'];

/** The words of MATCH_RECOGNIZE's own clauses (constructs/match_recognize), within its brackets and in no brackets there. */
const MATCH_WORDS = new Set(
  'MEASURES ONE PER MATCH SHOW OMIT EMPTY MATCHES UNMATCHED AFTER SKIP PAST NEXT FIRST LAST PATTERN DEFINE SUBSET'.split(
    ' ',
  ),
);

/** The words of RESAMPLE's clauses (constructs/resample). */
const RESAMPLE_WORDS = new Set('INCREMENT METADATA_COLUMNS'.split(' '));

/** Tokens that are keywords where they stand, by their index. */
export function keywordsOf(
  tokens: readonly Token[],
  pairs: ReadonlyMap<number, number>,
  clauses: Clauses,
): ReadonlySet<number> {
  const found = new Set<number>();
  const cases: number[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== 'word') return;
    const word = token.text.toUpperCase();
    const near = (offset: number): Token | undefined => tokens[at + offset];
    if (isReserved(token)) found.add(at);
    else if (Object.hasOwn(IN_PLACE, word) && IN_PLACE[word]?.({ near })) found.add(at);
    if (word === 'CASE') cases.push(at);
    if (word === 'END' && cases.pop() !== undefined) found.add(at);
    if (word === 'INTERVAL' && near(1)?.kind === 'string')
      for (let unit = at + 2; isWord(tokens[unit], ...UNITS, 'TO'); unit++) found.add(unit);
    if (word === 'MATCH_RECOGNIZE') within(tokens, pairs, at + 1, MATCH_WORDS, found);
    if (word === 'RESAMPLE' && isOpen(near(1)) && isWord(near(2), 'USING')) {
      found.add(at);
      within(tokens, pairs, at + 1, RESAMPLE_WORDS, found);
    }
    if (word === 'DYNAMIC_TABLE_REFRESH_BOUNDARY' && isOpen(near(1))) found.add(at);
    if (isOfHierarchy(tokens, clauses, at) || isOfMeasure(tokens, clauses, at)) found.add(at);
  });
  // In their order: whether a word is one goes by those before it.
  const keywords = new Set(found);
  tokens.forEach((token, at) => {
    if (!keywords.has(at) || !isOpen(tokens[at + 1])) return;
    if (!isKeywordBeforeBracket({ tokens, pairs, clauses, keywords, at }, isReserved(token))) keywords.delete(at);
  });
  return keywords;
}

/** Words of a construct's own clauses in its brackets, but not in brackets within. */
function within(
  tokens: readonly Token[],
  pairs: ReadonlyMap<number, number>,
  open: number,
  words: ReadonlySet<string>,
  found: Set<number>,
): void {
  const close = pairs.get(open);
  if (close === undefined) return;
  for (let at = open + 1; at < close; at++) {
    const token = tokens[at];
    if (isOpen(token)) at = pairs.get(at) ?? at;
    else if (token?.kind === 'word' && words.has(token.text.toUpperCase()) && !isOperator(tokens[at - 1], '.'))
      found.add(at);
  }
}
