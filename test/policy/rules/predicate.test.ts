/** Row predicates: what a file may say, and what a principal's values can be in them. */
import { describe, expect, it } from 'vitest';
import { rowsFor } from '../../../dist/policy/index.js';
import { fillPredicate, parsePredicate } from '../../../dist/policy/rules/predicate.js';
import { lex } from '../../../dist/sql/index.js';
import { policyOf, setOf } from '../../support/policies.mjs';
import { random } from '../../support/random.mjs';

const load = (where: string) => setOf(policyOf(`rows:\n  - on: DB.S.T\n    where: ${JSON.stringify(where)}\n`));

const bearer = (claims: Record<string, unknown> = {}, subject = 'bot') => ({
  issuer: 'https://issuer.example',
  subject,
  clientId: 'client',
  groups: ['g'],
  claims,
});

describe('a predicate is loaded', () => {
  it.each([
    "REGION = 'EU'",
    'REGION = {principal.claims.region}',
    'OWNER IN ({principal.subject},{principal.client_id})',
    "EMAIL LIKE '%@' || {principal.claims.https://acme.example/domain}",
    'TENANT = {principal.claims.org-unit:id}::NUMBER AND NOT IS_DELETED',
    "PAYLOAD:user.region::VARCHAR = 'EU'",
    "CREATED_AT >= DATEADD('day', -30, SYSDATE())",
    "CREATED_AT::DATE = CONVERT_TIMEZONE('UTC', 'Europe/Berlin', SYSDATE())::DATE",
    "DAY = TO_DATE('2026-01-31', 'YYYY-MM-DD') OR DAY = DATE_FROM_PARTS(2026, 1, 31)",
    "DATE_TRUNC('month', DAY) = DATE_TRUNC('month', SYSDATE())",
    "TO_CHAR(DAY, 'YYYY') = '2026'",
    'ACL.PUBLIC.MAY_SEE(REGION, {principal.subject})',
    '"current_date" > 1',
    "NAME = 'it''s -- no comment, /* nor */ this; and // not that'",
    "NAME = $$it's$$",
    "COUNTRY IN ('DE', 'FR') AND (TIER = 'gold' OR AMOUNT < 100)",
    'CURRENT_STATUS = 1',
    // What is a date for certain needs no format.
    '(DAY)::DATE = TO_DATE((T.DAY)) AND (DAY)::DATE > DAY::TIMESTAMP_NTZ(9)::DATE',
    'CAST(DAY AS DATE) = DATE_FROM_PARTS(2026, 1, 31)::DATE OR TRY_CAST(DAY AS DATE) IS NULL',
    "CAST(COALESCE(DAY, SYSDATE()) AS DATE) > DATEADD('week', -1, SYSDATE())::DATE",
    "TO_DATE('01/02/' || '2026', 'DD/MM/YYYY')::TIMESTAMP_NTZ > TO_TIMESTAMP_NTZ(1700000000)",
    "KEY = TO_BINARY({principal.claims.key}, 'HEX')",
    "DATEDIFF(day, DAY, SYSDATE()) < 7 AND EXTRACT(dayofweekiso FROM DAY) < 6 AND DATE_PART('yearofweekiso', DAY) = 2026",
    "TRUNC(AMOUNT, -2) = 100 AND TRUNC(AMOUNT) = 1 AND TRUNCATE(DAY, 'month') = DAY AND LAST_DAY(DAY) = DAY",
    "TIME_SLICE(AT, 15, 'MINUTE', 'START') < SYSDATE()",
  ])('%s', async (where) => {
    await expect(load(where)).resolves.toMatchObject({ policies: [{ name: 'p' }] });
  });
});

describe('a predicate is refused, with its place and what to write instead', () => {
  it.each<readonly [string, RegExp]>([
    // Templates are values, never parts of a text.
    ["REGION = '{principal.claims.region}'", /can't stand within quotes.*Write it without them/],
    ["REGION = 'x {principal.subject} y'", /within quotes/],
    ['"{principal.subject}" = 1', /within quotes/],
    ['REGION = $${principal.subject}$$', /within quotes/],
    ["REGION = '\\'{principal.subject}'", /within quotes/],
    ["REGION = '''{principal.subject}'", /within quotes/],
    ["REGION = '{ principal.claims.region }'", /within quotes/],
    ["REGION = '{principal.claims.a b}'", /within quotes/],
    ["'' = {principal.subject} OR '{principal.subject}' = ''", /within quotes/],
    ['REGION = x{principal.subject}', /stands by itself/],
    ['REGION = {principal.subject}x', /stands by itself/],
    ['REGION = {principal.subject}{principal.subject}', /stands by itself/],
    // Unknown ones.
    ['REGION = {principal.email}', /Braces stand for templates alone/],
    ['REGION = {principal.claims.}', /Braces stand for templates alone/],
    ['REGION = {subject}', /Braces/],
    ["REGION = {'a': 1}:a", /Braces/],
    // Comments.
    ["REGION = 'EU' -- Europe", /no comment.*YAML/],
    ["REGION = 'EU' // Europe", /no comment/],
    ["REGION = /* Europe */ 'EU'", /no comment/],
    ["/* x */ REGION = 'EU'", /no comment/],
    ["REGION = 'EU' -- {principal.subject}", /no comment/],
    ['REGION = /* {principal.subject} */ 1', /no comment/],
    // One closed expression on the table's own columns.
    ['', /empty/],
    ['X = 1) OR (1 = 1', /one closed expression/],
    ['X = (1', /not closed/],
    ['X = 1;', /one closed expression/],
    ['X = 1; DROP TABLE T', /one closed expression/],
    ['X IN (SELECT 1)', /no sub-query/],
    ['X IN (WITH A AS (VALUES (1)) TABLE A)', /no sub-query/],
    ['X = ?', /no place in a predicate/],
    ['X = :1', /no bind values/],
    ['X = $REGION', /session variables/],
    ["X = 'EU", /never closed/],
    ['X = `a`', /no place outside of literals/],
    ['X = = 1', /not understood/],
    ['X = 1 ORDER BY X', /not understood|closed/],
    ['X = 1 GROUP', /not understood/],
    // What goes by the session.
    ['DAY = CURRENT_DATE', /same in every session: CURRENT_DATE.*SYSDATE/],
    ['DAY = current_date()', /CURRENT_DATE goes by the session's time zone/],
    ['DAY = "CURRENT_DATE"()', /CURRENT_DATE/],
    ['AT > CURRENT_TIMESTAMP()', /CURRENT_TIMESTAMP/],
    ['AT > LOCALTIMESTAMP', /LOCALTIMESTAMP/],
    ['AT > GETDATE()', /GETDATE/],
    ["AT > CONVERT_TIMEZONE('UTC', AT)", /CONVERT_TIMEZONE with two arguments/],
    ["DAY > DATE '2026-01-31'", /constant such as DATE.*TO_DATE/],
    ["DAY > '2026-01-31'::DATE", /cast of a text to DATE/],
    ["DAY > CAST('2026-01-31' AS DATE)", /cast of a text to DATE/],
    ["DAY > TO_DATE('2026-01-31')", /TO_DATE of a text goes by the session's input format/],
    ['DAY > TO_DATE({principal.claims.since})', /input format/],
    ["AT > TO_TIMESTAMP('2026-01-31', 'YYYY-MM-DD')", /TO_TIMESTAMP_NTZ/],
    ['AT > DAY::TIMESTAMP', /TIMESTAMP_NTZ/],
    ['AT > DAY::TIMESTAMP_LTZ', /TIMESTAMP_NTZ/],
    ['DAYOFWEEK(DAY) = 1', /DAYOFWEEKISO/],
    ["DATE_TRUNC('week', DAY) = DAY", /first day of the week/],
    ['EXTRACT(week FROM DAY) = 1', /first day of the week/],
    // A text by any route.
    ...[
      "('01/02/2026')::DATE",
      "((('01/02/2026')))::DATE",
      "('01/02/' || '2026')::DATE",
      "'01/02/2026'::VARCHAR::DATE",
      "'01/02/2026'::VARCHAR(10)::DATE",
      "UPPER('01/02/2026')::DATE",
      "CASE WHEN TRUE THEN '01/02/2026' END::DATE",
      "(CASE WHEN TRUE THEN '01/02/2026' END)::DATE",
      "COALESCE(DAY, '01/02/2026')::DATE",
      "['01/02/2026'][0]::DATE",
      'PAYLOAD:day::DATE',
      "PAYLOAD['day']::DATE",
      'PAYLOAD:days[0].x::TIME',
      '{principal.claims.d}::TIMESTAMP_NTZ',
      "('01/02/2026')::DATETIME",
      "('01/02/2026')::TIMESTAMP_NTZ(3)",
      "('01/02/2026')::DATE::VARCHAR::DATE",
      '\'01/02/2026\'::"DATE"',
      'ACL.PUBLIC.F(DAY)::DATE',
    ].map((value) => [`DAY > ${value}`, /A cast of a text to \w+ goes by the session's input format/] as const),
    ...[
      "CAST(('01/02/2026') AS DATE)",
      "TRY_CAST(('01/02/2026') AS DATE)",
      "CAST(CAST('01/02/2026' AS VARCHAR) AS DATE)",
      "CAST('01/02/' || '2026' AS TIMESTAMP_NTZ)",
      'CAST(UPPER({principal.claims.d}) AS TIME)',
      'CAST(CAST(DAY AS VARCHAR) AS DATE)',
    ].map((value) => [`DAY > ${value}`, /A cast of a text to \w+ goes by the session's input format/] as const),
    ...[
      "TO_DATE(('01/02/2026'))",
      "TO_DATE('01/02/' || '2026')",
      'TO_DATE(UPPER({principal.claims.d}))',
      "TRY_TO_DATE(CONCAT(DAY, '/2026'))",
      "DATE(('01/02/2026'))",
      '"TO_DATE"((\'01/02/2026\'))',
      "TO_TIME(('10:00'))",
      "TO_TIMESTAMP_NTZ(('01/02/2026'))",
      "TO_DATE(DATEADD('day', 0, '01/02/2026'))",
      "TO_DATE(CONVERT_TIMEZONE('UTC', 'UTC', '01/02/2026'))",
      "TO_BINARY(('AB'))",
      'TO_DATE(PAYLOAD:day)',
    ].map((value) => [`DAY > ${value}`, /(?:TO_\w+|DATE) of a text goes by the session's input format/] as const),
    // A week by any route.
    ...[
      "DATE_TRUNC(LOWER('WEEK'), DAY)",
      "DATE_TRUNC(('WEEK'), DAY)",
      "DATE_TRUNC('WE' || 'EK', DAY)",
      'DATE_TRUNC({principal.claims.part}, DAY)',
      'DATE_TRUNC($$week$$, DAY)',
      "TRUNC(DAY, LOWER('WEEK'))",
      "TRUNCATE(DAY, 'week')",
      "DATE_PART(LOWER('WEEK'), DAY)",
      "DATEDIFF(LOWER('WEEK'), DAY, DAY)",
      "LAST_DAY(DAY, LOWER('WEEK'))",
      "TIME_SLICE(DAY, 1, LOWER('WEEK'))",
      "EXTRACT(LOWER('WEEK'), DAY)",
    ].map((value) => [`DAY > ${value}`, /first day of the week/] as const),
    ['AT > TIMESTAMP_FROM_PARTS(2026, 1, 31, 0, 0, 0)', /TIMESTAMP_NTZ_FROM_PARTS/],
    ['AT > TIMESTAMPTZFROMPARTS(2026, 1, 31, 0, 0, 0)', /TIMESTAMP_NTZ_FROM_PARTS/],
    ['OWNER = CURRENT_USER', /gateway's own/],
    ['OWNER = CURRENT_ROLE()', /connection, which is shared/],
    ["IS_ROLE_IN_SESSION('A')", /connection, which is shared/],
    ['RANDOM() > 0', /another value each time/],
  ])('%s', async (where, message) => {
    await expect(load(where)).rejects.toThrow(message);
    await expect(load(where)).rejects.toThrow(/p\.yaml:6:\d+ /);
  });
});

describe('what a principal brings', () => {
  const filled = (where: string, claims: Record<string, unknown>, subject?: string): string =>
    fillPredicate(parsePredicate(where), bearer(claims, subject));

  it.each([
    ['is a quoted literal', { r: 'EU' }, "R = 'EU'"],
    ['of a number as well', { r: 7 }, "R = '7'"],
    ['and of a truth value', { r: true }, "R = 'true'"],
    ['that is absent equals nothing', {}, 'R = NULL'],
    ['that is a list equals nothing', { r: ['EU'] }, 'R = NULL'],
    ['that is an object equals nothing', { r: { a: 1 } }, 'R = NULL'],
    ['that is null equals nothing', { r: null }, 'R = NULL'],
    ['with NUL in it lets no row through', { r: 'EU\0' }, 'FALSE'],
    ['with half a character lets no row through', { r: 'EU\ud800' }, 'FALSE'],
    ['stays a value', { r: " OR 1=1 OR '' = " }, "R = ' OR 1=1 OR '''' = '"],
  ])('%s', (_what, claims, expected) => expect(filled('R = {principal.claims.r}', claims)).toBe(expected));

  it('is not what every object has', () => expect(filled('R = {principal.claims.constructor}', {})).toBe('R = NULL'));

  it('is put in once: a value that looks like a template stays a value', () =>
    expect(filled('R = {principal.claims.r} OR O = {principal.subject}', { r: '{principal.subject}' }, 's')).toBe(
      "R = '{principal.subject}' OR O = 's'",
    ));

  it('reads as the same tokens but the one literal, whatever it is', async () => {
    const PIECES = [
      ...["'", "''", '"', '\\', '\\\\', "\\'", '$$', '$', '{', '}', '{principal.subject}', '--', '//', '/*', '*/'],
      ...[';', '\n', '\r\n', '\r', '\t', '(', ')', ' OR 1=1 ', 'x', '0', ':1', '?', '\u2028', '\u202e', '\u200b', 'ß'],
      ...['\u{1F600}', '’', '＇', '%', '_', "') OR ('", "\\') OR 1=1 --", '\u0007', '\u001a', '\u00a0', '`'],
    ];
    const PREDICATES = [
      'R = {principal.claims.r}',
      'R={principal.claims.r}',
      'R IN ({principal.claims.r},{principal.subject}) AND A = 1',
      "L LIKE '%' || {principal.claims.r} || '%' OR P:a['b'] = {principal.client_id}",
    ];
    const seed = Date.now() % 1_000_000;
    const next = random(seed);
    const below = (count: number): number => Math.floor(next() * count);
    const pick = (items: readonly string[]): string => items[below(items.length)] ?? '';
    for (let round = 0; round < 3000; round++) {
      const value = Array.from({ length: below(8) }, () => pick(PIECES)).join('');
      const where = pick(PREDICATES);
      const text = filled(where, { r: value }, value);
      const plain = lex(filled(where, { r: 'x' }, 'x')).map((token) => token.text);
      const seen = lex(text).map((token) => token.text);
      const literal = `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
      expect(seen, `seed ${seed}: ${JSON.stringify(value)}`).toEqual(
        plain.map((token) => (token === "'x'" ? literal : token)),
      );
    }
  });

  it('goes into a statement through the verdict’s rows', async () => {
    const { policies } = await load("R = {principal.claims.r}   AND  S<>'x'");
    const object = { database: 'DB', schema: 'S', name: 'T' };
    expect(rowsFor(policies, object, bearer({ r: "o'x" }))[0]?.where).toBe("R = 'o''x' AND S<>'x'");
  });
});
