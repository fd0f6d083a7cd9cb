/**
 * Pairs of the agent's own text and what is sent for it: of the acceptance cases under their policies, of the corpus under a policy that masks
 * every table, and of generated reads and changes. Each once.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Child } from '../../dist/demo/child.js';
import { catalogsOf, Judge } from '../../dist/gateway/judge/judge.js';
import { inForce, loadPolicies } from '../../dist/policy/index.js';
import { affectedRowsQuery } from '../../dist/sql/index.js';
import { changes, reads } from '../noninterference/make/statements.mjs';
import { read as corpus, catalog as corpusCatalog } from '../sql/corpus/describe.mjs';
import { setOf } from '../support/policies.mjs';
import { warehouseAt } from '../support/warehouse.mjs';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CASES = JSON.parse(readFileSync(file('../acceptance/cases.json'), 'utf8'));
/** Groups of the acceptance cases' agents and of the generated statements'. */
const GROUPS = {
  'sales-bot': 'sales-agents',
  'pipeline-bot': 'pipeline-agents',
  readers: 'sales-agents',
  writers: 'sales-writers',
  stewards: 'sales-stewards',
  metered: 'sales-metered',
};
const NEVER = () => undefined;

/** Every method of masks that a text can have stands over some table of the corpus. */
const CORPUS_POLICY = `policy: corpus
principals: { groups: [g] }
snowflake: { role: R, warehouse: W }
rules: [{ allow: [read], on: ["*"] }]
functions: { allow: ["*.*.*"] }
columns:
  - { match: [DB.S.CUSTOMERS.EMAIL], mask: email }
  - { match: [DB.S.CUSTOMERS.PHONE, DB.S.EMPLOYEES.TITLE], mask: { keep_last: 4 } }
  - { match: [DB.S.CUSTOMERS.NAME, DB.S.STOCK.SYMBOL], mask: hash }
  - { match: [DB.S.ORDERS.STATUS, DB.S.QUARTERLY.QUARTER], mask: redact }
  - { match: [DB.S.ORDERS.TOTAL, DB.S.SALES.JAN], mask: null }
  - { match: [DB.S.EMPLOYEES.NAME, DB.S.TEMPS.CITY], mask: { keep_first: 1 } }
  - { match: [DB.S.PRODUCTS.NAME, DB.S.QUOTES.SYMBOL], mask: { constant: hidden } }
  - { match: [DB.S.EMPLOYEES.SALARY], mask: deny }
  - { match: ["DB.S.EVENTS.PAYLOAD:who.name", "DB.S.EVENTS.PAYLOAD:mail"], mask: email }
rows:
  - { on: DB.S.CUSTOMERS, where: REGION = 'EU' }
`;

const typed = async (name) => {
  const relation = await corpusCatalog.relation(name);
  const type = (column) => (column.name === 'PAYLOAD' ? { ...column, type: 'VARIANT' } : column);
  return relation && { ...relation, columns: relation.columns.map(type) };
};

/** What would be sent for a statement, and for its count of rows where it is a change; nothing of one that is denied. */
async function* sentFor(judge, rules, subject, sql, depth = 0) {
  const judged = await judge.judge(subject, rules, { sql, purpose: 'for the test' });
  if (judged.denial || judged.sent === undefined) return;
  yield { own: sql, sent: judged.sent };
  const counted = depth === 0 && judged.analysis ? affectedRowsQuery(judged.analysis) : undefined;
  if (counted !== undefined) yield* sentFor(judge, rules, subject, counted, 1);
}

const judgeOver = (catalogs, defaults) =>
  new Judge({ catalogs, defaults, onUnreachable: NEVER, onDisagreement: NEVER });

const subjectOf = (group) => ({
  issuer: 'https://issuer.example',
  subject: 'bot',
  clientId: 'bot',
  groups: [group],
  claims: {},
});

async function* ofCorpus() {
  const set = await setOf(CORPUS_POLICY);
  const reader = { relation: typed, constraints: async () => ({ checks: [], keys: [], references: [] }) };
  const judge = judgeOver({ version: 0, reader: () => reader }, { database: 'DB', schema: 'S' });
  for (const { sql } of corpus()) yield* sentFor(judge, { set, policies: set.policies }, subjectOf('g'), sql);
}

/** Over an embedded warehouse with the acceptance cases' tables. */
async function* ofWarehouse(count, seed) {
  const password = 'p';
  const warehouses = [
    {
      seeds: ['../acceptance/seed.sql', '../noninterference/data/targets.sql'].map(file),
      databases: ['ANALYTICS'],
      users: [{ name: 'SNOWFENCE', password }],
    },
  ];
  const child = await Child.start('../../test/noninterference/warehouses.mjs', { warehouses });
  try {
    const warehouse = warehouseAt(child.answer.urls[0], password);
    try {
      const judge = judgeOver(catalogsOf(warehouse.catalog), { database: undefined, schema: undefined });
      const [own, made] = await Promise.all(
        ['../acceptance/policies', '../noninterference/policies'].map((folder) => loadPolicies(file(folder))),
      );
      const all = [
        ...CASES.map(({ as, sql }) => ({ set: own, as, sql })),
        ...[...reads(count / 2, seed, { shows: /./ }), ...changes(count / 2, seed)].map(({ as = 'readers', sql }) => ({
          set: made,
          as,
          sql,
        })),
      ];
      for (const { set, as, sql } of all) {
        const subject = subjectOf(GROUPS[as]);
        yield* sentFor(judge, inForce(set, subject, new Date()), subject, sql);
      }
    } finally {
      await warehouse[Symbol.asyncDispose]();
    }
  } finally {
    await child.stop();
  }
}

/** `count` statements are generated, half of them changes. */
export async function textsSent(count, seed) {
  const pairs = new Map();
  for await (const pair of ofCorpus()) pairs.set(pair.sent, pair.own);
  const ofTheCorpus = pairs.size;
  for await (const pair of ofWarehouse(count, seed)) pairs.set(pair.sent, pair.own);
  return { ofTheCorpus, pairs: [...pairs].map(([sent, own]) => ({ own, sent })) };
}
