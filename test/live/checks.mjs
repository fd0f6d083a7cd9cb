/**
 * What only an account can decide, in the order of danger: does the text as sent compile, do masks hide, what EXPLAIN names, what errors say, types,
 * sessions, the history. Each check says which claim it proves and where that is written; `onlyAccount`: an embedded warehouse answers it by
 * what we put there, so it decides nothing.
 */

import { HISTORY_KEEPS } from '../../dist/gateway/index.js';
import { catalogsOf, Judge } from '../../dist/gateway/judge/judge.js';
import { maskExpression } from '../../dist/masking/index.js';
import { SESSION_PARAMETERS } from '../../dist/warehouse/index.js';
import { METHODS, TYPES } from '../masking/table.mjs';
import { setOf } from '../support/policies.mjs';

export const TAG = '{"app":"snowfence","test":"live"}';
const SECRET = 'ann.hidden@example.com';
const NEVER = () => undefined;
const RUN = {
  binds: [],
  tag: TAG,
  maxResultRows: 1000,
  maxRows: 1000,
  maxBytes: 10_000_000,
  timeoutMs: 120_000,
  signal: undefined,
};

/** What there is while the checks run, in a schema of their own. */
export const SETUP = (schema) => [
  `CREATE TABLE ${schema}.PEOPLE (ID NUMBER(38,0), NAME VARCHAR(50), MAIL VARCHAR(100), SALARY NUMBER(10,2), BORN DATE, REGION VARCHAR(5), DOC VARIANT)`,
  `CREATE TABLE ${schema}.ORDERS (ID NUMBER(38,0), PERSON NUMBER(38,0), TOTAL NUMBER(10,2), AT TIMESTAMP_NTZ)`,
  `INSERT INTO ${schema}.PEOPLE SELECT 1, 'Ann', '${SECRET}', 1234.56, '1980-02-03'::DATE, 'EU', PARSE_JSON('{"user": {"mail": "${SECRET}", "name": "Ann"}, "kind": "a"}')`,
  `INSERT INTO ${schema}.PEOPLE SELECT 2, 'Bob', 'bob@example.org', 99.99, '1990-05-06'::DATE, 'US', PARSE_JSON('{"user": "${SECRET}"}')`,
  `INSERT INTO ${schema}.ORDERS SELECT 1, 1, 10.5, '2024-01-02 03:04:05'::TIMESTAMP_NTZ UNION ALL SELECT 2, 2, 20, '2024-02-03 04:05:06'::TIMESTAMP_NTZ`,
  `CREATE VIEW ${schema}.CONTACTS AS SELECT ID, MAIL FROM ${schema}.PEOPLE`,
];

const POLICY = (schema) => `policy: live
principals: { groups: [g] }
snowflake: { role: R, warehouse: W }
rules: [{ allow: [any], on: ["${schema}.*"] }]
columns:
  - { match: [${schema}.PEOPLE.MAIL], mask: email }
  - { match: [${schema}.PEOPLE.NAME], mask: { keep_first: 1 } }
  - { match: [${schema}.PEOPLE.SALARY], mask: { bucket: 100 } }
  - { match: [${schema}.PEOPLE.BORN], mask: { truncate_date: week } }
  - { match: ["${schema}.PEOPLE.DOC:user.mail"], mask: redact }
rows: [{ on: ${schema}.PEOPLE, where: REGION = 'EU' }]
write_masked: allow
`;

const STATEMENTS = (s) => [
  `SELECT * FROM ${s}.PEOPLE`,
  `SELECT COUNT(*), MAX(SALARY) FROM ${s}.PEOPLE WHERE MAIL LIKE '%@example.com'`,
  `SELECT p.NAME, SUM(o.TOTAL) AS T FROM ${s}.PEOPLE AS p LEFT JOIN ${s}.ORDERS AS o ON o.PERSON = p.ID GROUP BY p.NAME HAVING T > 1 ORDER BY T DESC NULLS LAST LIMIT 3`,
  `WITH x AS (SELECT ID, BORN FROM ${s}.PEOPLE) SELECT x.ID, DATEDIFF('day', x.BORN, CURRENT_DATE()) FROM x`,
  `SELECT ID, ROW_NUMBER() OVER (PARTITION BY REGION ORDER BY SALARY) AS N FROM ${s}.PEOPLE QUALIFY N = 1`,
  `SELECT f.VALUE FROM ${s}.PEOPLE AS p, LATERAL FLATTEN(INPUT => p.DOC) AS f`,
  `SELECT DOC:user.mail::VARCHAR FROM ${s}.PEOPLE`,
  `SELECT MAIL FROM ${s}.CONTACTS`,
  `SELECT ID FROM ${s}.PEOPLE WHERE ID IN (SELECT PERSON FROM ${s}.ORDERS) UNION ALL SELECT ID FROM ${s}.ORDERS`,
  `INSERT INTO ${s}.ORDERS (ID, PERSON, TOTAL) SELECT ID + 100, ID, SALARY FROM ${s}.PEOPLE`,
  `UPDATE ${s}.ORDERS SET TOTAL = TOTAL + 1 WHERE PERSON = 1`,
  `DELETE FROM ${s}.ORDERS WHERE ID > 100`,
  `MERGE INTO ${s}.ORDERS AS t USING (SELECT 1 AS ID, 5 AS TOTAL) AS u ON t.ID = u.ID WHEN MATCHED THEN UPDATE SET TOTAL = u.TOTAL WHEN NOT MATCHED THEN INSERT (ID, TOTAL) VALUES (u.ID, u.TOTAL)`,
];

const must = (isRight, why) => {
  if (!isRight) throw new Error(why);
};

/** Judged as the gateway judges, under the policy above. */
async function judgedIn({ warehouse, key, schema }, sql) {
  const set = await setOf(POLICY(schema));
  const catalogs = catalogsOf(warehouse.catalog);
  const judge = new Judge({
    catalogs: { version: 0, reader: () => catalogs.reader(key) },
    defaults: { database: undefined, schema: undefined },
    onUnreachable: NEVER,
    onDisagreement: NEVER,
  });
  const subject = { issuer: 'https://issuer.example', subject: 'live', clientId: 'live', groups: ['g'], claims: {} };
  const judged = await judge.judge(subject, { set, policies: set.policies }, { sql, purpose: 'live' });
  must(judged.sent !== undefined, `${judged.denial?.code}: ${judged.denial?.message}`);
  return judged.sent;
}

/** The key of `hash` and paths within a VARIANT have checks of their own. */
const TYPED = METHODS.filter(({ kind }) => kind !== 'hash' && kind !== 'paths');

/** Every mask on a column of one type: it compiles, and has the column's type. */
const ofType = (type, at) => ({
  claim: `every mask compiles on ${type}, and keeps the type`,
  page: 'docs/masks.md',
  async run({ warehouse, key, schema, isStandIn }) {
    const table = `${schema}.TYPE_${at}`;
    try {
      await warehouse.ask(key, `CREATE TABLE ${table} (C ${type})`, TAG);
    } catch (error) {
      return `there is no such type here (${error.code ?? 'no code'})`;
    }
    const masks = TYPED.map((method) => maskExpression(method, '"C"', type));
    try {
      const { columns } = await warehouse.run(key, `SELECT "C", ${masks.join(', ')} FROM ${table}`, RUN);
      const [own, ...others] = columns;
      const other = others.findIndex((column) => column.type !== own?.type);
      must(other < 0, `${JSON.stringify(TYPED[other])} makes ${others[other]?.type} of ${own?.type}`);
    } catch (error) {
      // What the embedded warehouse has no functions for, an account decides.
      if (isStandIn && error.code !== undefined) return `the stand-in can't tell (${error.code})`;
      throw error;
    }
    return undefined;
  },
});

/** In their order. `run` answers nothing where the claim holds, and in words what kept it from being decided; it throws where it does not hold. */
export const CHECKS = [
  ...STATEMENTS('S').map((_, at) => ({
    claim: `what is sent for statement ${at + 1} compiles, and names nothing that was not judged`,
    page: 'sql/explain',
    async run(live) {
      const sql = STATEMENTS(live.schema)[at];
      const sent = await judgedIn(live, sql);
      const { objects } = await live.warehouse.explain(live.key, sent, [], TAG);
      const beyond = objects.filter((name) => !name.startsWith(`${live.schema}.`));
      must(beyond.length === 0, `it names ${beyond.length} objects beyond`);
      if (sql.startsWith('SELECT') || sql.startsWith('WITH')) {
        const { rows } = await live.warehouse.run(live.key, sent, RUN);
        must(!JSON.stringify(rows).includes(SECRET), 'a hidden value came out');
      }
    },
  })),
  {
    claim: 'a mask within a VARIANT hides its value, and what is not as the path foresees',
    page: 'functions/object_delete, functions/object_insert, functions/as_object',
    async run(live) {
      const sent = await judgedIn(live, `SELECT DOC FROM ${live.schema}.PEOPLE ORDER BY ID`);
      const { rows } = await live.warehouse.run(live.key, sent, RUN);
      must(JSON.stringify(rows) === '[[{"kind":"a","user":{"mail":"***","name":"Ann"}}]]', 'it answers something else');
    },
  },
  {
    claim: 'an error of a cast does not tell the value',
    page: 'functions/cast',
    async run({ warehouse, key, schema }) {
      const failed = await warehouse.ask(key, `SELECT CAST(MAIL AS NUMBER) FROM ${schema}.PEOPLE`, TAG).then(
        () => undefined,
        (error) => error,
      );
      must(failed !== undefined, 'there is no error');
      must(!`${failed.message} ${JSON.stringify(failed)}`.includes('hidden'), 'the value stands in the error');
    },
  },
  {
    claim: 'an error of a MERGE that meets a row twice does not tell the row',
    page: 'sql/merge',
    onlyAccount: true,
    async run({ warehouse, key, schema }) {
      const sql = `MERGE INTO ${schema}.PEOPLE AS t USING (SELECT 1 AS ID, 'x' AS N UNION ALL SELECT 1, 'y') AS u ON t.ID = u.ID WHEN MATCHED THEN UPDATE SET NAME = u.N`;
      const failed = await warehouse.ask(key, sql, TAG).then(
        () => undefined,
        (error) => error,
      );
      must(failed !== undefined, 'there is no error');
      must(!`${failed.message} ${JSON.stringify(failed)}`.includes('hidden'), 'the row stands in the error');
    },
  },
  {
    claim: 'EXPLAIN names a table under a row access policy as we read it',
    page: 'user-guide/security-row-intro',
    onlyAccount: true,
    async run({ warehouse, key, schema }) {
      await warehouse.ask(
        key,
        `CREATE ROW ACCESS POLICY ${schema}.RAP AS (R VARCHAR) RETURNS BOOLEAN -> R = 'EU'`,
        TAG,
      );
      await warehouse.ask(
        key,
        `CREATE TABLE ${schema}.GUARDED (ID NUMBER, R VARCHAR) WITH ROW ACCESS POLICY ${schema}.RAP ON (R)`,
        TAG,
      );
      const { objects } = await warehouse.explain(key, `SELECT ID FROM ${schema}.GUARDED`, [], TAG);
      must(
        objects.some((name) => /GUARDED(?: \(\+ RowAccessPolicy\))?$/.test(name)),
        `it names ${objects.length} others`,
      );
    },
  },
  ...TYPES.map(ofType),
  {
    claim: 'SHOW goes on by name within a schema, and a view is the same whether it was known for one or not',
    page: 'sql/show-objects, sql/show-views, sql/desc-table',
    async run({ warehouse, key, schema }) {
      const [database, name] = schema.split('.');
      const named = async (clauses) =>
        (await warehouse.ask(key, `SHOW OBJECTS IN SCHEMA ${schema}${clauses}`, TAG)).map((row) => row.name);
      const all = await named('');
      const after = all.slice(all.indexOf('ORDERS') + 1).join(' ');
      const of = async (name) => (await named(` LIMIT 10000 FROM '${name}'`)).join(' ');
      must(after !== '' && (await of('ORDERS')) === after, 'it does not go on after a name');
      must([after, ''].includes(await of('ORDERS_GONE')), 'it does something else after a name that is gone');
      const { catalog } = warehouse;
      const view = { database, schema: name, name: 'CONTACTS' };
      catalog.invalidate();
      const unknown = await catalog.relation(key, view);
      catalog.invalidate();
      await catalog.objects(key, database, name);
      const listed = await catalog.relation(key, view);
      must(unknown?.kind === 'view' && unknown.viewText !== undefined, 'it is no view, or has no text');
      must(JSON.stringify(unknown) === JSON.stringify(listed), 'it is another');
    },
  },
  {
    claim: 'a session has what the gateway sets, whatever the account has',
    page: 'parameters',
    async run({ warehouse, key }) {
      const rows = await warehouse.ask(key, 'SHOW PARAMETERS', TAG);
      const now = new Map(rows.map(({ key: name, value }) => [String(name), String(value)]));
      const plain = (value) => value.replaceAll("'", '').toLowerCase();
      const others = SESSION_PARAMETERS.filter(
        ({ name, value }) => value !== undefined && now.has(name) && plain(now.get(name)) !== plain(value),
      );
      must(others.length === 0, `others are ${others.map(({ name }) => name).join(', ')}`);
    },
  },
  {
    claim: 'the history has a statement by its tag within a minute, and of a long text as much as is compared',
    page: 'functions/query_history, account-usage/query_history',
    async run({ warehouse, key }) {
      const since = new Date(Date.now() - 60_000);
      const tag = `{"app":"snowfence","test":"live","at":${Date.now()}}`;
      const text = `SELECT '${'x'.repeat(150_000)}' AS LONG`;
      await warehouse.ask(key, text, tag);
      for (const until = Date.now() + 60_000; Date.now() < until; ) {
        const found = (await warehouse.history(key, { since })).find((entry) => entry.tag === tag);
        if (found) {
          must(
            found.text.length >= HISTORY_KEEPS && text.startsWith(found.text.slice(0, HISTORY_KEEPS)),
            'its text is another',
          );
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      throw new Error('it is not there after a minute');
    },
  },
  {
    claim: 'a result is read on in another session of the same user',
    page: 'the driver, lib/services/sf.js',
    async run({ warehouse, key, open }) {
      const some = { maxRows: 10, maxBytes: 100_000, timeoutMs: 60_000, signal: undefined };
      const first = await warehouse.run(key, 'SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 100)) ORDER BY N', {
        ...RUN,
        ...some,
      });
      first.reader?.close();
      const next = await open().resume(key, { ...some, queryId: first.queryId, from: 10 });
      next.reader?.close();
      must(next.rows[0]?.[0] === 10, 'row 11 is another');
    },
  },
];
