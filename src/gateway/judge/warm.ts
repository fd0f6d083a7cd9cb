/** Judging done once before anybody asks: what a process reads first it reads slowly, by half a second over parsers, masks and proofs. */
import { policiesFrom, type Subject } from '../../policy/index.js';
import type { CatalogReader, ObjectName } from '../../sql/index.js';
import { Judge } from './judge.js';
import { rulesFor } from './whose.js';

/** Of nobody: it is in force for the principal below alone, and is held by nothing but this judge. */
const POLICY = `
policy: first
principals: { groups: [first] }
snowflake: { role: FIRST, warehouse: FIRST }
rules:
  - allow: [read]
    on: [FIRST.FIRST.*]
  - deny: [read]
    on: [FIRST.OTHER.*]
columns:
  - match: [FIRST.FIRST.PEOPLE.EMAIL]
    mask: email
  - match: [FIRST.FIRST.PEOPLE.PHONE]
    mask: { keep_last: 4 }
rows:
  - on: FIRST.FIRST.PEOPLE
    where: REGION = 'EU'
limits: { rows: 1000, timeout: 30s }
`;

const NOBODY: Subject = {
  issuer: 'https://first.invalid',
  subject: 'first',
  clientId: 'first',
  groups: ['first'],
  claims: {},
};

const COLUMNS = ['ID', 'NAME', 'EMAIL', 'PHONE', 'REGION', 'TOTAL'];

const READER: CatalogReader = {
  relation: async ({ database, schema, name }: ObjectName) => ({
    database,
    schema,
    name,
    kind: 'table',
    columns: COLUMNS.map((column) => ({ name: column, type: 'VARCHAR', comment: '' })),
    viewText: undefined,
    isSecure: false,
    isExternal: false,
    comment: '',
    rows: 1,
  }),
  constraints: async () => ({ checks: [], keys: [], references: [] }),
};

const TEXTS = [
  'SELECT NAME, EMAIL, PHONE, REGION FROM FIRST.FIRST.PEOPLE ORDER BY ID',
  'SELECT P.REGION, COUNT(*) AS N, SUM(O.TOTAL) AS TOTAL FROM FIRST.FIRST.PEOPLE P JOIN FIRST.FIRST.ORDERS O ON O.ID = P.ID GROUP BY P.REGION',
  "WITH RECENT AS (SELECT ID, EMAIL FROM FIRST.FIRST.PEOPLE WHERE NAME LIKE 'A%') SELECT UPPER(EMAIL) FROM RECENT",
  'SELECT * FROM FIRST.OTHER.PAYROLL',
];

/** Long ones, of values and of a single one: what takes long is slowest the first time. */
const LONG_TEXTS = [
  `SELECT NAME FROM FIRST.FIRST.PEOPLE WHERE ID IN (${Array.from({ length: 5000 }, (_, id) => id + 10_000).join(', ')})`,
  `SELECT NAME FROM FIRST.FIRST.PEOPLE WHERE NAME = '${'x'.repeat(50_000)}'`,
];

/** So often, until what judges is compiled as well as it gets; long ones take their time. */
const ROUNDS = 6;
const LONG_ROUNDS = 2;

/** Needs `loadParsers`. Throws where a parser does not do its work: then nothing could be judged. */
export async function warmJudging(): Promise<void> {
  const set = await policiesFrom('first.yaml', POLICY);
  const judge = new Judge({
    catalogs: { version: 0, reader: () => READER },
    defaults: { database: undefined, schema: undefined },
    onUnreachable: () => undefined,
    onDisagreement: () => undefined,
  });
  const rules = rulesFor({ policies: () => set, now: () => new Date() }, NOBODY);
  // Another text each time: one that was judged is remembered.
  for (let at = 1; at <= ROUNDS; at++)
    for (const text of at <= LONG_ROUNDS ? [...TEXTS, ...LONG_TEXTS] : TEXTS)
      await judge.judge(NOBODY, rules, { sql: `${text} LIMIT ${at}`, purpose: 'first' });
}
