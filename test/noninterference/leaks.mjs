/** Leaks planted on purpose: what a rewriter that forgets one form would send. Each must be found, or the harness proves nothing. */

const TABLE = '"ANALYTICS" . "SALES" . "CUSTOMERS"';
const END = `FROM ${TABLE} WHERE ( REGION = 'EU' ) )`;

/** Every masked sub-query over CUSTOMERS, with what stands before it and which one it is. */
function* subqueries(sent) {
  let count = 0;
  for (let end = sent.indexOf(END); end >= 0; end = sent.indexOf(END, end + 1)) {
    const close = end + END.length;
    let depth = 0;
    let open = close - 1;
    for (; open >= 0; open--) {
      if (sent[open] === ')') depth++;
      if (sent[open] === '(' && --depth === 0) break;
    }
    yield { open, close, before: sent.slice(0, open), after: sent.slice(close), index: count++ };
  }
}

/** Puts the table itself in the place of the sub-queries that a forgetful rewriter would pass over. */
const forget = (isForgotten) => (sent) => {
  let out = sent;
  // From the last to the first, so that places stay.
  for (const part of [...subqueries(sent)].reverse())
    if (isForgotten(part)) out = out.slice(0, part.open) + TABLE + out.slice(part.close);
  return out;
};

const depthOf = (text) => [...text].reduce((depth, sign) => depth + (sign === '(' ? 1 : sign === ')' ? -1 : 0), 0);

export const LEAKS = {
  'a joined table': forget(({ before }) => /JOIN $/.test(before)),
  'the second mention of a table': forget(({ index }) => index > 0),
  'a table within a sub-query': forget(({ before }) => depthOf(before) > 0),
  'a table without an alias': forget(({ after }) => /^ AS CUSTOMERS\b/i.test(after)),
  'a table in an IN': forget(({ before }) => /IN \( SELECT [^()]*FROM $/.test(before)),
  'a table in an EXISTS': forget(({ before }) => /EXISTS \( SELECT 1 FROM $/.test(before)),
  'a table that a view reads': forget(({ before }) =>
    /WITH "CUSTOMER_CONTACTS" [^)]*\) AS \( SELECT [^()]*FROM $/.test(before),
  ),
  'the right side of a set operation': forget(({ before }) =>
    /(?:UNION|INTERSECT|EXCEPT) (?:ALL )?SELECT (?:(?!SELECT).)*$/.test(before),
  ),
  'the e-mail mask': (sent) =>
    sent.replaceAll(
      /CASE WHEN "EMAIL" IS NULL THEN NULL WHEN CONTAINS \( "EMAIL" , '@' \) THEN .*? ELSE '\*\*\*' END/g,
      '"EMAIL"',
    ),
  'one character more of the telephone number': (sent) =>
    sent.replaceAll('RIGHT ( "PHONE" , 4 )', 'RIGHT ( "PHONE" , 5 )'),
  'the mask of a date': (sent) =>
    sent.replaceAll('CAST ( NULL AS DATE ) END AS "BIRTH_DATE"', '"BIRTH_DATE" END AS "BIRTH_DATE"'),
  'a value within an object': (sent) =>
    sent.replaceAll(/TO_VARIANT \( CASE WHEN IS_OBJECT \( "PAYLOAD" \).*?END \) AS "PAYLOAD"/g, '"PAYLOAD"'),
  'the rows': (sent) => sent.replaceAll("REGION = 'EU'", 'TRUE'),
};

/** An optimizer that runs the agent's predicates before ours: the WHERE is gone, the guards are there. */
export const withoutWhere = (sent) => sent.replaceAll(END, `FROM ${TABLE} )`);
