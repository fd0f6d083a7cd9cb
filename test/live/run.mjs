/**
 * `npm run test:live`: what only a real Snowflake account can show. Needs SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_PRIVATE_KEY_FILE (or
 * SNOWFLAKE_PASSWORD or SNOWFLAKE_TOKEN), SNOWFLAKE_ROLE and SNOWFLAKE_WAREHOUSE, and the acceptance data in a database ANALYTICS.
 *
 * It runs every acceptance case that is allowed as the gateway would send it, and asks Snowflake's compiler (EXPLAIN) about each, so that
 * syntax which the rewriting makes is proved to be Snowflake's, and objects that it names to be the ones that were judged; it reads a
 * result on in another session, and shows that the key of the mask "hash" is closed to the role that calls its function.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HASH_FUNCTION, HASH_KEY, maskExpression } from '../../dist/masking/index.js';
import { decide, inForce, loadPolicies } from '../../dist/policy/index.js';
import { analyse, madeOf, objectKey, readStatement, rewrite, showObject } from '../../dist/sql/index.js';
import { Warehouse } from '../../dist/warehouse/index.js';

const env = process.env;
const needed = ['SNOWFLAKE_ACCOUNT', 'SNOWFLAKE_USER', 'SNOWFLAKE_ROLE', 'SNOWFLAKE_WAREHOUSE'];
const missing = needed.filter((name) => !env[name]);
const hasSecret = env.SNOWFLAKE_PRIVATE_KEY_FILE || env.SNOWFLAKE_PASSWORD || env.SNOWFLAKE_TOKEN;
if (missing.length > 0 || !hasSecret) {
  console.log(
    `Not run: these tests need a real Snowflake account. Set ${[...missing, ...(hasSecret ? [] : ['SNOWFLAKE_PRIVATE_KEY_FILE (or SNOWFLAKE_PASSWORD or SNOWFLAKE_TOKEN)'])].join(', ')}.`,
  );
  process.exit(2);
}
const auth = env.SNOWFLAKE_PRIVATE_KEY_FILE
  ? {
      kind: 'key_pair',
      privateKey: readFileSync(env.SNOWFLAKE_PRIVATE_KEY_FILE, 'utf8'),
      passphrase: env.SNOWFLAKE_PRIVATE_KEY_PASSPHRASE,
    }
  : env.SNOWFLAKE_TOKEN
    ? { kind: 'token', token: env.SNOWFLAKE_TOKEN }
    : { kind: 'password', password: env.SNOWFLAKE_PASSWORD };
const key = { role: env.SNOWFLAKE_ROLE, warehouse: env.SNOWFLAKE_WAREHOUSE };
await using warehouse = new Warehouse({
  account: env.SNOWFLAKE_ACCOUNT,
  accessUrl: env.SNOWFLAKE_ACCESS_URL,
  username: env.SNOWFLAKE_USER,
  auth,
  database: undefined,
  schema: undefined,
  poolSize: 2,
  connectTimeoutMs: 30_000,
  confirm: 'always',
});
const set = await loadPolicies(fileURLToPath(new URL('../acceptance/policies', import.meta.url)));
const subject = { issuer: '', subject: 'sales-bot', clientId: 'sales-bot', groups: ['sales-agents'], claims: {} };
const rules = inForce(set, subject, new Date());
const cases = JSON.parse(readFileSync(new URL('../acceptance/cases.json', import.meta.url), 'utf8')).filter(
  (entry) => entry.expect === 'allow',
);
let [passed, failed] = [0, 0];
for (const { id, sql } of cases) {
  try {
    const analysis = await analyse(
      readStatement(sql),
      {
        relation: (name) => warehouse.catalog.relation(key, name),
        constraints: (name, isHybrid) => warehouse.catalog.constraints(key, name, isHybrid),
      },
      {},
    );
    const verdict = decide({ ...rules, subject, analysis, circumstances: { hasPurpose: true, hasWhere: true } });
    if (verdict.denial) throw new Error(verdict.denial.message);
    const treatments = new Map();
    const entry = (object) =>
      treatments.get(objectKey(object)) ??
      treatments.set(objectKey(object), { columns: new Map(), predicate: undefined }).get(objectKey(object));
    for (const mask of verdict.masks)
      entry(mask.object).columns.set(
        mask.column,
        mask.method.kind === 'deny' ? 'deny' : (name) => maskExpression(mask.method, name, mask.type),
      );
    for (const rows of verdict.rows) entry(rows.object).predicate = rows.where;
    const { text } = rewrite(analysis, treatments);
    if (analysis.objects.length > 0) {
      const plan = await warehouse.explain(key, text, [], '{"app":"snowfence","test":"live"}');
      const judged = new Set(analysis.objects.map((use) => showObject(use.object)));
      const beyond = plan.objects.filter((object) => !judged.has(object));
      if (beyond.length > 0) throw new Error(`Snowflake would read ${beyond.join(', ')} as well`);
    }
    passed++;
  } catch (error) {
    failed++;
    console.log(`${id}  ${sql}\n      ${error.message}`);
  }
}
// A cursor may be served by another replica: another session of the same user takes the result up.
try {
  const ROWS = { maxRows: 10, maxBytes: 100_000, timeoutMs: 60_000, signal: undefined };
  const options = { ...ROWS, binds: [], tag: '{"app":"snowfence","test":"live"}', maxResultRows: 1000 };
  const first = await warehouse.run(
    key,
    'SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 100)) ORDER BY N',
    options,
  );
  first.reader?.close();
  await using other = new Warehouse(warehouse.options);
  const next = await other.resume(key, { ...ROWS, queryId: first.queryId, from: 10 });
  next.reader?.close();
  if (next.rows[0]?.[0] !== 10) throw new Error(`row 11 is ${JSON.stringify(next.rows[0])}`);
  passed++;
} catch (error) {
  failed++;
  console.log(`a result read on in another session\n      ${error.message}`);
}
// The key of the mask "hash": whoever may call the function may not read what it reads, and the compiler names nothing else.
const check = async (what, work) => {
  try {
    await work();
    passed++;
  } catch (error) {
    failed++;
    console.log(`${what}\n      ${error.message}`);
  }
};
const TAG = '{"app":"snowfence","test":"live"}';
const KEY_TABLE = [HASH_KEY.database, HASH_KEY.schema, HASH_KEY.name].join('.');
await check('the mask hash', async () => {
  const ask = async (value) =>
    Object.values((await warehouse.ask(key, `SELECT ${HASH_FUNCTION}('${value}') AS H`, TAG))[0] ?? {})[0];
  const [one, again, other] = [await ask('a'), await ask('a'), await ask('b')];
  if (!/^[0-9a-f]{64}$/.test(String(one)) || one !== again || one === other)
    throw new Error(`${HASH_FUNCTION} answers ${one}, ${again} and ${other}`);
  const plan = await warehouse.explain(key, `SELECT ${HASH_FUNCTION}('a')`, [], TAG);
  const beyond = plan.objects.filter((object) => object !== KEY_TABLE);
  if (beyond.length > 0) throw new Error(`it reads ${beyond.join(', ')}`);
});
await check('the key of the mask hash', async () => {
  const rows = await warehouse.ask(key, `SELECT COUNT(*) FROM ${KEY_TABLE}`, TAG).catch(() => undefined);
  if (rows !== undefined) throw new Error(`role ${key.role} may read ${KEY_TABLE}`);
});
// SNOWFLAKE_VIRTUAL_TABLE=DB.SCHEMA.NAME: a table with a virtual column, the one that the documentation makes (virtual-columns): I INT, J INT AS (I * I).
if (env.SNOWFLAKE_VIRTUAL_TABLE)
  await check('a virtual column is known with what it is made of', async () => {
    const [database, schema, name] = env.SNOWFLAKE_VIRTUAL_TABLE.split('.');
    const relation = await warehouse.catalog.relation(key, { database, schema, name });
    const columns = relation?.columns ?? [];
    const found = columns.filter(({ expression }) => expression !== undefined);
    const made = found.map(({ expression }) => madeOf(expression, columns));
    if (found.length === 0 || made.some((parts) => parts === 'anything' || parts.length === 0))
      throw new Error(`${env.SNOWFLAKE_VIRTUAL_TABLE}: ${JSON.stringify(columns)}`);
  });
// SNOWFLAKE_CHECKED_TABLE=DB.SCHEMA.NAME: a table with a CHECK, on which the role has no more than its agents need.
if (env.SNOWFLAKE_CHECKED_TABLE)
  await check('a CHECK constraint is shown to the role', async () => {
    const [database, schema, name] = env.SNOWFLAKE_CHECKED_TABLE.split('.');
    const found = await warehouse.catalog.constraints(key, { database, schema, name }, false);
    if (!found?.checks.some(({ clause }) => clause.trim() !== ''))
      throw new Error(`${env.SNOWFLAKE_CHECKED_TABLE}: ${JSON.stringify(found)}`);
  });
// SNOWFLAKE_HYBRID_PARENT=DB.SCHEMA.NAME: a hybrid table to which another one refers (sql/create-hybrid-table, TEAM and PLAYER).
if (env.SNOWFLAKE_HYBRID_PARENT)
  await check('keys of a hybrid table and who refers to it are shown to the role', async () => {
    const [database, schema, name] = env.SNOWFLAKE_HYBRID_PARENT.split('.');
    const object = { database, schema, name };
    const relation = await warehouse.catalog.relation(key, object);
    const found = await warehouse.catalog.constraints(key, object, true);
    const refers = found?.references.some(
      ({ child, parent, columns }) => child && parent?.name === name && columns.length > 0,
    );
    if (!relation?.isHybrid || !refers || !found.keys.some(({ columns }) => columns.length > 0))
      throw new Error(`${env.SNOWFLAKE_HYBRID_PARENT}: ${JSON.stringify([relation?.isHybrid, found])}`);
  });
// SNOWFLAKE_EXTERNAL_TABLE=DB.SCHEMA.NAME: an external table that the role may see.
if (env.SNOWFLAKE_EXTERNAL_TABLE)
  await check('an external table is known as one', async () => {
    const [database, schema, name] = env.SNOWFLAKE_EXTERNAL_TABLE.split('.');
    const relation = await warehouse.catalog.relation(key, { database, schema, name });
    if (!relation?.isExternal) throw new Error(`${env.SNOWFLAKE_EXTERNAL_TABLE}: ${JSON.stringify(relation)}`);
  });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
