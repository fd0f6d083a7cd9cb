/**
 * Which words of a statement are names, decided from its tokens alone and by rules of its own: nothing of the product's analysis is asked,
 * so that both can't be wrong in the same way. Keywords by documentation page reserved-keywords, and those that are such only in a place.
 */
import { lex } from '../../../dist/sql/index.js';

const words = (text) => new Set(text.trim().split(/\s+/));

/** Never a name without quotes in the statements that are tried (reserved-keywords; END, OVER and what else the grammar of queries has). */
const RESERVED = words(`
  ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP
  CURRENT_USER DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP HAVING ILIKE IN INNER INSERT INTERSECT INTO IS
  JOIN LATERAL LEFT LIKE LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER QUALIFY REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE
  SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES WHEN WHERE WINDOW WITH
  CONNECT_BY_ROOT END OVER PARTITION CROSS OUTER OFFSET LIMIT FETCH EXCEPT MERGE ASC DESC ESCAPE`);

/** Keywords in their places (constructs/…, functions-window, sql/merge); somewhere else each could be a column. */
const CONTEXTUAL = words(`
  AFTER ANTI ASOF AT BEFORE BERNOULLI BLOCK BY_NAME CHANGES CUBE DEFAULT DEFINE DIRECTED EMPTY EXCLUDE FINAL FIRST GROUPING IGNORE INCLUDE
  INTERVAL KEEP LAST MATCH MATCHED MATCH_CONDITION MATCH_RECOGNIZE MATCHES MEASURES NAME NEXT NO NULLS OMIT ONE ONLY OVERWRITE PAST PATTERN PER
  PIVOT PRECEDING PRIOR RANGE RECURSIVE RENAME REPEATABLE REPLACE RESAMPLE RESPECT ROLLUP RUNNING SEED SEMI SETS SHOW SKIP SYSTEM
  TIES TOP UNBOUNDED UNMATCHED UNPIVOT WITHIN WITHOUT WORK ZONE INCREMENT UNIFORM METADATA_COLUMNS FIXED SECOND EXTEND`);

/** Words that an opening bracket may follow without a function being called. */
const BEFORE_BRACKET = words(`
  ALL AND ANY AS AT BEFORE BERNOULLI BETWEEN BLOCK BY CASE CHANGES CROSS CUBE DEFINE DISTINCT ELSE EXCEPT EXCLUDE EXISTS FETCH FROM GROUP
  GROUPING HAVING ILIKE IN INTERSECT INTO IS JOIN KEEP LATERAL LIKE LIMIT MATCHED MATCH_CONDITION MATCH_RECOGNIZE MEASURES MINUS NOT OF OFFSET ON
  OR OVER PARTITION PATTERN PIVOT PRIOR QUALIFY RANGE RECURSIVE REGEXP RENAME REPEATABLE RESAMPLE RLIKE ROLLUP ROW ROWS SAMPLE SEED SELECT
  SETS SOME SYSTEM TABLE TABLESAMPLE THEN TOP UNION UNPIVOT USING VALUES WHEN WHERE WINDOW WITH WITHIN CAST TRY_CAST FIRST NEXT`);

/** Keywords that are functions where a bracket follows. */
const FUNCTIONS = words('LEFT RIGHT INSERT');

/** Columns that table functions and VALUES have, and names that the statement makes from data. */
const MADE = /^(?:SEQ|KEY|PATH|INDEX|VALUE|THIS|COLUMN\d+)$/;

const isName = (token) => token?.kind === 'quoted' || token?.kind === 'word';
const upper = (token) => (token?.kind === 'word' ? token.text.toUpperCase() : undefined);
export const foldedText = (token) =>
  token.kind === 'quoted' ? token.text.slice(1, -1).replaceAll('""', '"') : token.text.toUpperCase();

const closes = (tokens, open) => {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const { kind, text } = tokens[at];
    if (kind !== 'operator') continue;
    if (/^[([{]$/.test(text)) depth++;
    if (/^[)\]}]$/.test(text) && --depth === 0) return at;
  }
  return tokens.length;
};

/**
 * The part that each token plays: 'keyword', 'unclear' (a keyword's word that could be a column), 'definition' (of an alias, a CTE, a
 * window, a parameter), 'key' (of a path into a VARIANT), 'function', 'type', 'argument' (its name, before =>), 'name', or 'other'.
 */
export function rolesOf(tokens, columns = new Set()) {
  const is = (at, text) => tokens[at]?.kind === 'operator' && tokens[at].text === text;
  const word = (at, ...texts) => texts.includes(upper(tokens[at]));
  const dotted = (at) => is(at - 1, '.') || is(at + 1, '.');
  const roles = tokens.map((token, at) => {
    if (token.kind === 'quoted') return is(at + 1, '(') ? 'function' : is(at + 1, '=>') ? 'argument' : 'name';
    if (token.kind !== 'word') return 'other';
    const text = upper(token);
    if (is(at + 1, '=>')) return 'argument';
    // DATE '…': a literal with its type.
    if (tokens[at + 1]?.kind === 'string' && /^(?:DATE|TIME|TIMESTAMP\w*)$/.test(text)) return 'type';
    if (is(at + 1, '(') && FUNCTIONS.has(text) && at > 0 && !word(at - 1, 'THEN')) return 'function';
    if (RESERVED.has(text) && !is(at - 1, '.')) return 'keyword';
    // An outer join's old mark is no call: c.id = o.id (+).
    if (is(at + 1, '(') && is(at + 2, '+') && is(at + 3, ')')) return 'name';
    if (is(at + 1, '(') && !BEFORE_BRACKET.has(text) && text !== 'REPLACE') return 'function';
    if (text === 'REPLACE' && is(at + 1, '('))
      return is(at - 1, '*') || word(at - 1, 'EXCLUDE') || is(at - 1, ')') ? 'keyword' : 'function';
    if (CONTEXTUAL.has(text) && !dotted(at)) return columns.has(text) ? 'unclear' : 'keyword';
    return 'name';
  });
  const define = (from, to) => {
    for (let at = from; at < to; at++) if (isName(tokens[at])) roles[at] = 'definition';
  };
  /** Reads names up to the closing bracket as new ones where only names and commas stand in it. */
  const defineList = (open) => {
    const close = closes(tokens, open);
    for (let at = open + 1; at < close; at++) if (!isName(tokens[at]) && !is(at, ',')) return;
    define(open + 1, close);
  };
  const openers = [];
  const ends = (at) =>
    is(at, ')') ||
    is(at, ']') ||
    tokens[at]?.kind === 'string' ||
    tokens[at]?.kind === 'number' ||
    tokens[at]?.kind === 'variable' ||
    tokens[at]?.kind === 'bind' ||
    word(at, 'END', 'NULL', 'TRUE', 'FALSE', 'CURRENT_DATE', 'CURRENT_TIMESTAMP', 'CURRENT_TIME', 'CURRENT_USER') ||
    ['name', 'type', 'key', 'unclear'].includes(roles[at]);
  for (let at = 0; at < tokens.length; at++) {
    if (is(at, '(')) openers.push(upper(tokens[at - 1]) ?? '');
    if (is(at, ')')) openers.pop();
    if (is(at, '::') && isName(tokens[at + 1])) {
      roles[at + 1] = 'type';
      if (word(at + 2, 'PRECISION', 'VARYING')) roles[at + 2] = 'other';
      // A structured type names its keys and the types of what it holds.
      if (is(at + 2, '('))
        for (let inner = at + 3; inner < closes(tokens, at + 2); inner++)
          if (isName(tokens[inner]) && roles[inner] === 'name')
            roles[inner] = word(at + 1, 'OBJECT') && (is(inner - 1, '(') || is(inner - 1, ',')) ? 'definition' : 'type';
    }
    // `CAST(… AS OBJECT(key TYPE, …))` names its keys as well.
    if (word(at, 'AS') && word(at + 1, 'OBJECT') && is(at + 2, '(') && ['CAST', 'TRY_CAST'].includes(openers.at(-1)))
      for (let inner = at + 3; inner < closes(tokens, at + 2); inner++)
        if (isName(tokens[inner]) && (is(inner - 1, '(') || is(inner - 1, ','))) roles[inner] = 'definition';
    // A path: a colon behind a value, and what goes on with dots and brackets.
    const isObject = is(at, ':') && tokens[at - 1]?.kind === 'string';
    if (is(at, ':') && !isObject && ends(at - 1) && isName(tokens[at + 1])) {
      let key = at + 1;
      for (;;) {
        roles[key] = 'key';
        let next = key + 1;
        while (is(next, '[')) next = closes(tokens, next) + 1;
        if (!((is(next, '.') || is(next, ':')) && isName(tokens[next + 1]))) break;
        key = next + 1;
      }
    }
    if (is(at, '->')) {
      if (is(at - 1, ')')) {
        let open = at - 1;
        while (open >= 0 && closes(tokens, open) !== at - 1) open--;
        for (let inner = open + 1; inner < at - 1; inner++)
          if (isName(tokens[inner])) roles[inner] = is(inner - 1, '(') || is(inner - 1, ',') ? 'definition' : 'type';
      } else if (roles[at - 1] === 'type') {
        roles[at - 2] = 'definition';
      } else if (isName(tokens[at - 1])) {
        if (isName(tokens[at - 2]) && roles[at - 2] === 'name') {
          roles[at - 1] = 'type';
          roles[at - 2] = 'definition';
        } else roles[at - 1] = 'definition';
      }
    }
    if (word(at, 'AS') && isName(tokens[at + 1]) && roles[at + 1] !== 'keyword') {
      if (['CAST', 'TRY_CAST'].includes(openers.at(-1))) roles[at + 1] = 'type';
      else {
        roles[at + 1] = 'definition';
        if (is(at + 2, '(')) defineList(at + 2);
      }
    }
    // CTEs and windows.
    if (word(at, 'AS') && is(at + 1, '(') && (roles[at - 1] === 'name' || is(at - 1, ')'))) {
      if (isName(tokens[at - 1]) && (word(at - 2, 'WITH', 'RECURSIVE', 'WINDOW') || is(at - 2, ',')))
        roles[at - 1] = 'definition';
      if (is(at - 1, ')')) {
        let open = at - 1;
        while (open >= 0 && closes(tokens, open) !== at - 1) open--;
        if (isName(tokens[open - 1]) && (word(open - 2, 'WITH', 'RECURSIVE') || is(open - 2, ','))) {
          roles[open - 1] = 'definition';
          define(open + 1, at - 1);
        }
      }
    }
    // An alias without AS stands directly behind a value or a table.
    if (
      ['name', 'function', 'unclear'].includes(roles[at]) &&
      at > 0 &&
      ends(at - 1) &&
      !is(at + 1, '.') &&
      !dotted(at)
    ) {
      const isList = is(at + 1, '(');
      if (!(roles[at] === 'unclear' && isList)) {
        roles[at] = 'definition';
        if (isList) defineList(at + 1);
      }
    }
    // UNPIVOT (value FOR name IN (…)) makes both; MATCH_RECOGNIZE makes its symbols.
    if (word(at, 'UNPIVOT')) {
      let open = at + 1;
      while (open < tokens.length && !is(open, '(')) open++;
      for (let inner = open; inner < closes(tokens, open); inner++)
        if (isName(tokens[inner]) && roles[inner] !== 'keyword' && word(inner + 1, 'FOR')) {
          roles[inner] = 'definition';
          roles[inner + 2] = 'definition';
        }
    }
    if (word(at, 'PATTERN') && is(at + 1, '(')) define(at + 2, closes(tokens, at + 1));
    if (word(at, 'DEFINE', 'SUBSET') && isName(tokens[at + 1])) {
      for (let inner = at + 1; inner < tokens.length; inner++)
        if (isName(tokens[inner]) && word(inner + 1, 'AS') && (inner === at + 1 || is(inner - 1, ',')))
          roles[inner] = 'definition';
    }
  }
  return roles;
}

/** Where the dotted name begins that a token is part of. */
export function chainStart(tokens, at) {
  let start = at;
  for (;;) {
    // Between two dots stands the schema PUBLIC, unwritten.
    const dots = tokens[start - 2]?.text === '.' ? 2 : 1;
    if (tokens[start - 1]?.text !== '.' || !isName(tokens[start - 1 - dots])) return start;
    start -= 1 + dots;
  }
}

/** And where it ends, without its end. */
export function chainEnd(tokens, at) {
  let end = at + 1;
  while (tokens[end]?.text === '.' && isName(tokens[end + 1])) end += 2;
  return end;
}

/**
 * Whether a definition is surely used: nothing else in the statement or the catalog has its name, and something uses it. Then the statement
 * can't be right without it.
 */
export function isUsed(tokens, roles, at, taken) {
  const name = foldedText(tokens[at]);
  if (taken.has(name) || MADE.test(name)) return false;
  if (tokens.some((token) => /^(?:UN)?PIVOT$|^MATCH_RECOGNIZE$/.test(upper(token) ?? ''))) return false;
  let uses = 0;
  for (const [other, token] of tokens.entries()) {
    if (other === at || !isName(token) || foldedText(token) !== name) continue;
    if (roles[other] === 'definition' || roles[other] === 'unclear') return false;
    if (roles[other] === 'name') uses++;
  }
  return uses > 0;
}

export { closes, isName, lex, upper };
