/** Statements, catalogs and policies for tests that need no warehouse: the corpus, the acceptance cases, generated reads and changes. */
import { readFileSync } from 'node:fs';
import { Judge } from '../../../dist/gateway/judge/judge.js';
import { ChangeGenerator } from '../../noninterference/make/changes.mjs';
import { Generator } from '../../noninterference/make/generate.mjs';
import { policyOf, setOf } from '../../support/policies.mjs';
import { random } from '../../support/random.mjs';
import { TABLES as CORPUS_TABLES, VIEWS as CORPUS_VIEWS, catalog as corpusCatalog, read } from '../corpus/describe.mjs';

const text = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');

/** Tables and views as the seeds of the acceptance tests make them. */
function seeded() {
  const seed = text('../../acceptance/seed.sql') + text('../../noninterference/data/targets.sql');
  const relations = new Map();
  for (const [, name, body] of seed.matchAll(/CREATE TABLE ([A-Z_.]+) \(([^;]*?)\);/g)) {
    const items = body.split(/,(?![^(]*\))/).map((item) => item.trim());
    const checks = items.flatMap((item) => {
      const clause = /^CHECK \((.*)\)$/.exec(item)?.[1];
      return clause === undefined ? [] : [{ name: 'CHECK', clause }];
    });
    const columns = items.flatMap((item) => {
      const [column, type] = item.split(/\s+/);
      const expression = / AS \((.*)\)$/.exec(item)?.[1];
      if (column === 'CHECK') return [];
      return { name: column, type: type === 'JSON' ? 'VARIANT' : type, comment: '', ...(expression && { expression }) };
    });
    relations.set(name, { kind: 'table', columns, checks, viewText: undefined });
  }
  const views = {
    CUSTOMER_CONTACTS: 'CUSTOMER_ID FULL_NAME CONTACT REGION',
    ORDER_TOTALS: 'CUSTOMER_ID ORDERS REVENUE',
    STAFF_COSTS: 'NAME SALARY',
    LABELS: 'ID TAG',
  };
  for (const [whole, name] of seed.matchAll(/CREATE VIEW ([A-Z_.]+) AS [^;]*;/g)) {
    const columns = views[name.split('.')[2]]
      .split(' ')
      .map((column) => ({ name: column, type: 'VARCHAR', comment: '' }));
    relations.set(name, { kind: 'view', columns, viewText: whole.replace(/;$/, '') });
  }
  return relations;
}

const SEEDED = seeded();

const reader = {
  constraints: async ({ database, schema, name }) => ({
    checks: SEEDED.get(`${database}.${schema}.${name}`)?.checks ?? [],
    keys: [],
    references: [],
  }),
  async relation(object) {
    const known = SEEDED.get(`${object.database}.${object.schema}.${object.name}`);
    return known ? { ...object, ...known, comment: '', rows: 1, isSecure: false } : corpusCatalog.relation(object);
  },
};

const corpusColumns = [
  ...Object.entries(CORPUS_TABLES),
  ...Object.entries(CORPUS_VIEWS).map(([name, [columns]]) => [name, columns]),
];

/** Column names of every table, by full name. */
export const TABLES = new Map([
  ...[...SEEDED].map(([name, { columns }]) => [name, columns.map((column) => column.name)]),
  ...corpusColumns.map(([name, columns]) => [`DB.S.${name}`, columns.split(' ')]),
]);
export const COLUMNS = new Set([...TABLES.values()].flat());
/** Names that a definition may share with something else. */
export const TAKEN = new Set([
  ...COLUMNS,
  ...[...TABLES.keys()].map((name) => name.split('.')[2]),
  'DB',
  'S',
  'PUBLIC',
  'ANALYTICS',
  'SALES',
  'REF',
]);

/** What the masked policy hides, by table; in views by the columns that show it. */
export const HIDDEN = new Map([
  ['ANALYTICS.SALES.CUSTOMERS', ['EMAIL', 'PHONE', 'SSN', 'BIRTH_DATE']],
  ['ANALYTICS.SALES.LEADS', ['EMAIL', 'PHONE', 'SSN', 'SCORE']],
  ['ANALYTICS.SALES.PAYMENTS', ['CARD_NUMBER']],
  ['DB.S.CUSTOMERS', ['EMAIL', 'PHONE']],
  ['DB.S.EMPLOYEES', ['SALARY']],
]);

const SUBJECT = { issuer: 'https://issuer.example', subject: 'bot', clientId: 'bot', groups: ['g'], claims: {} };
const RULES = `rules:
  - allow: [select, describe, insert, update, delete, merge]
    on: [DB.*.*, ANALYTICS.SALES.*, ANALYTICS.REF.*]
`;
const MASKS = `columns:
  - match: [ANALYTICS.SALES.CUSTOMERS.EMAIL, ANALYTICS.SALES.LEADS.EMAIL, DB.S.CUSTOMERS.EMAIL]
    mask: email
  - match: [ANALYTICS.SALES.CUSTOMERS.PHONE, ANALYTICS.SALES.LEADS.PHONE, DB.S.CUSTOMERS.PHONE]
    mask: { keep_last: 4 }
  - match: [ANALYTICS.SALES.CUSTOMERS.SSN, ANALYTICS.SALES.CUSTOMERS.BIRTH_DATE, ANALYTICS.SALES.LEADS.SSN, ANALYTICS.SALES.LEADS.SCORE, DB.S.EMPLOYEES.SALARY]
    mask: null
  - match: [ANALYTICS.SALES.PAYMENTS.CARD_NUMBER]
    mask: deny
write_masked: allow
`;
const ROWS = `rows:
  - on: ANALYTICS.SALES.CUSTOMERS
    where: REGION = 'EU'
`;

/** Judges a text without a warehouse: `plain` hides nothing, `masked` hides what HIDDEN names. No user-defined function is listed. */
export async function judges() {
  const judgeOf = (set) => {
    const judge = new Judge({
      catalogs: { version: 1, reader: () => reader },
      defaults: { database: 'DB', schema: 'S' },
      onUnreachable: () => undefined,
      onDisagreement: () => undefined,
    });
    return (sql) => judge.judge(SUBJECT, { set, policies: set.policies }, { sql });
  };
  return { plain: judgeOf(await setOf(policyOf(RULES))), masked: judgeOf(await setOf(policyOf(RULES + MASKS + ROWS))) };
}

/** `count` statements drawn by the seed: of the corpus, the acceptance cases, and as many again generated, reads and changes. */
export function statements(count, seed) {
  const next = random(seed);
  const shuffled = (list) => {
    const out = [...list];
    for (let at = out.length - 1; at > 0; at--) {
      const other = Math.floor(next() * (at + 1));
      [out[at], out[other]] = [out[other], out[at]];
    }
    return out;
  };
  const corpus = shuffled(
    read()
      .filter(({ expected }) => !expected?.startsWith('!'))
      .map(({ sql }) => sql),
  );
  const cases = shuffled(
    JSON.parse(text('../../acceptance/cases.json'))
      .filter(({ expect }) => expect === 'allow')
      .map(({ sql }) => sql),
  );
  const written = [...corpus.slice(0, Math.ceil(count * 0.3)), ...cases.slice(0, Math.ceil(count * 0.1))];
  const [reads, changes] = [new Generator(seed + 1), new ChangeGenerator(seed + 2)];
  const generated = Array.from({ length: Math.max(0, count - written.length) }, (_, at) =>
    at % 2 === 0 ? reads.statement().sql : changes.change().sql,
  );
  return [...written, ...generated].slice(0, count);
}
