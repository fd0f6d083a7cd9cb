/**
 * Leaks planted on purpose: what a rewriter that forgets one form would send, what a gateway that tells too much would answer. Each must
 * be found, with every seed, or the harness proves nothing.
 *
 * `sent` spoils what arrives at the warehouse, `answered` and `explained` and `described` what the gateway says; `where` names the
 * statements that are tried, `shows` those among them that can show the leak, `as` the principal.
 */

const TABLE = '"ANALYTICS"."SALES"."CUSTOMERS"';
const END = `FROM ${TABLE} WHERE (REGION = 'EU'))`;

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

const isChange = (sent) => /^\s*(?:INSERT|UPDATE|DELETE|MERGE)\b/i.test(sent);
const all = forget(() => true);
const withoutMasks = (sent) =>
  sent.replaceAll(/CASE WHEN "(EMAIL|PHONE)" IS NULL THEN NULL .*? END AS "\1"/g, '"$1" END AS "$1"');

/** The question what a table enforces, put so that there is nothing. */
const unconstrained = (sent) => sent.replace('CHECK_CONSTRAINTS WHERE', 'CHECK_CONSTRAINTS WHERE FALSE AND');

const CUSTOMERS = /ANALYTICS\.SALES\.CUSTOMERS/;
const CONTACTS = /ANALYTICS\.SALES\.CUSTOMER_CONTACTS/;
const reads = (shows, sent, more = {}) => ({ where: 'reads', shows, sent, ...more });
const changes = (as, shows, sent, more = {}) => ({ where: 'changes', as, shows, sent, ...more });

export const LEAKS = {
  'a joined table': reads(
    /JOIN ANALYTICS\.SALES\.CUSTOMERS/,
    forget(({ before }) => /JOIN $/.test(before)),
  ),
  'the second mention of a table': reads(
    /CUSTOMERS\b.*CUSTOMERS\b/,
    forget(({ index }) => index > 0),
  ),
  'a table within a sub-query': reads(
    /\([^()]*FROM ANALYTICS\.SALES\.CUSTOMERS/,
    forget(({ before }) => depthOf(before) > 0),
  ),
  'a table without an alias': reads(
    /ANALYTICS\.SALES\.CUSTOMERS(?! AS| [a-z])/,
    forget(({ after }) => /^ AS CUSTOMERS\b/i.test(after)),
  ),
  'a table in an IN': reads(
    /IN \(SELECT \S+ FROM ANALYTICS\.SALES\.CUSTOMERS/,
    forget(({ before }) => /IN \(SELECT [^()]*FROM $/.test(before)),
  ),
  'a table in an EXISTS': reads(
    /EXISTS \(SELECT 1 FROM ANALYTICS\.SALES\.CUSTOMERS/,
    forget(({ before }) => /EXISTS \(SELECT 1 FROM $/.test(before)),
  ),
  'a table that a view reads': reads(
    CONTACTS,
    forget(({ before }) => /WITH "CUSTOMER_CONTACTS" [^)]*\) AS \(SELECT [^()]*FROM $/.test(before)),
  ),
  'the right side of a set operation': reads(
    /(?:UNION|INTERSECT|EXCEPT) (?:ALL)?SELECT (?:(?!SELECT).)*ANALYTICS\.SALES\.CUSTOMERS/,
    forget(({ before }) => /(?:UNION|INTERSECT|EXCEPT) (?:ALL)?SELECT (?:(?!SELECT).)*$/.test(before)),
  ),
  'the e-mail mask': reads(/EMAIL|CONTACT/, (sent) =>
    sent.replaceAll(
      /CASE WHEN "EMAIL" IS NULL THEN NULL WHEN CONTAINS\("EMAIL", '@'\) THEN .*? ELSE '\*\*\*' END/g,
      '"EMAIL"',
    ),
  ),
  'one character more of the telephone number': reads(/PHONE/, (sent) =>
    sent.replaceAll('RIGHT("PHONE", 4)', 'RIGHT("PHONE", 5)'),
  ),
  'the mask of a date': reads(/BIRTH_DATE/, (sent) =>
    sent.replaceAll('CAST(NULL AS DATE) END AS "BIRTH_DATE"', '"BIRTH_DATE" END AS "BIRTH_DATE"'),
  ),
  'a virtual column over a hidden one': reads(/SSN_KEY|KEY_TWICE/, (sent) =>
    sent.replaceAll(/CAST\(NULL AS VARCHAR[^"]*?\) AS ("SSN_KEY"|"KEY_TWICE")/g, '$1'),
  ),
  'a virtual column that is taken for a column of its own': changes(
    'stewards',
    /^UPDATE ANALYTICS\.SALES\.CREDITS .*SET (?:\S+\.)?LABEL = /,
    (sent) =>
      /^\s*UPDATE "ANALYTICS" \. "SALES" \. "CREDITS"/.test(sent)
        ? sent.replace(/\bLABEL = .*? WHERE/, 'LABEL = SSN_KEY WHERE')
        : unconstrained(sent),
  ),
  'a CHECK that nobody knows of': changes(
    'writers',
    /^(?:UPDATE|MERGE INTO) ANALYTICS\.SALES\.CREDITS .*(?:SET|,) (?:\S+\.)?AMOUNT = /,
    (sent) => unconstrained(sent),
  ),
  'a value within an object': reads(/PAYLOAD/, (sent) =>
    sent.replaceAll(/TO_VARIANT\(CASE WHEN IS_OBJECT\("PAYLOAD"\).*?END\) AS "PAYLOAD"/g, '"PAYLOAD"'),
  ),
  'the rows': reads(CUSTOMERS, (sent) => sent.replaceAll("REGION = 'EU'", 'TRUE')),
  'an error text that quotes values': reads(/(?<!TRY_)CAST\([a-z0-9]+\.(?:EMAIL|PHONE) AS INT\)/, withoutMasks, {
    isErrorsOnly: true,
    answered: (answer, raw) => (answer.error && raw ? { ...answer, error: { ...answer.error, message: raw } } : answer),
  }),
  'bytes in what explain says': reads(CUSTOMERS, undefined, {
    where: 'explained',
    explained: (out, { hiddenRows }) => ({ ...out, estimated_bytes: 1000 + hiddenRows }),
  }),
  'the number of rows in what describe says': reads(undefined, undefined, {
    where: 'described',
    described: (out, { hiddenRows }) => ({
      ...out,
      objects: out.objects.map((entry) => ({ ...entry, rows: hiddenRows })),
    }),
  }),
  'the target of a change stands raw': changes(
    'stewards',
    /(?:SET .* = |SELECT |\()\(SELECT (?:MAX|MIN)\(t\d+\.(?:EMAIL|PHONE|NAME|SSN)\) FROM ANALYTICS\.SALES\.CUSTOMERS|SELECT [^()]*(?:EMAIL|PHONE)[^()]* FROM ANALYTICS\.SALES\.CUSTOMERS/,
    (sent) => (isChange(sent) ? all(sent) : sent),
  ),
  'a count of hidden rows': changes(
    'writers',
    /^(?:UPDATE|DELETE).*WHERE.*(?:IN|EXISTS) \(SELECT \S+ FROM ANALYTICS\.SALES\.CUSTOMERS/,
    (sent) => (/^\s*SELECT\s+COUNT\s*\(\s*\*\s*\)/i.test(sent) ? all(sent) : sent),
  ),
  'a hidden column copied through a source without names': changes(
    'stewards',
    /^UPDATE ANALYTICS\.SALES\.LEADS .*SET (?:\S+\.)?(?:NAME|REGION) = \(SELECT (?:\S+\.)?(?:NAME|REGION) FROM/,
    (sent) =>
      isChange(sent) ? sent.replaceAll(/(SELECT (?:[\w".]+ \. )*"?)(?:NAME|REGION)("? FROM)/g, '$1EMAIL$2') : sent,
  ),
};

/** An optimizer that runs the agent's predicates before ours: the WHERE is gone, the guards are there. */
export const WITHOUT_WHERE = 'guards without their WHERE';
Object.defineProperty(LEAKS, WITHOUT_WHERE, {
  enumerable: false,
  value: reads(CUSTOMERS, (sent) => sent.replaceAll(END, `FROM ${TABLE})`), { isErrorsOnly: true }),
});
