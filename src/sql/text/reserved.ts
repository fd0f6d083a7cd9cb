/** Words that can name nothing (documentation page reserved-keywords). */
import type { Token } from './lex.js';

/** ANSI-reserved and Snowflake-reserved words that are no function's name; those that are functions too are told by their brackets. */
const RESERVED = new Set(
  'ALL ALTER AND ANY AS BETWEEN BY CASE CAST CONNECT CREATE CROSS CURRENT DELETE DISTINCT DROP ELSE EXISTS FALSE FOLLOWING FOR FROM FULL GRANT GROUP HAVING ILIKE IN INNER INSERT INTERSECT INTO IS JOIN LATERAL LEFT LIKE MINUS NATURAL NOT NULL OF ON OR ORDER QUALIFY REGEXP RIGHT RLIKE ROW ROWS SAMPLE SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRUE TRY_CAST UNION UNIQUE UPDATE USING VALUES WHEN WHERE WITH'.split(
    ' ',
  ),
);

export const isReserved = (token: Token | undefined): boolean =>
  token?.kind === 'word' && RESERVED.has(token.text.toUpperCase());
