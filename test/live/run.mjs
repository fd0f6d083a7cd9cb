/**
 * `npm run test:live [-- --stand-in] [-- --report FILE]`: what only a real Snowflake account can show; docs/live.md says what it needs, costs and
 * leaves. With --stand-in every check runs against the embedded warehouse, and those that only an account can decide say so. The report has claims
 * and whether they hold, no names, no data and no secrets. Ends with a line of what passed and failed.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadParsers } from '../../dist/sql/index.js';
import { accountOf, lacking } from './account.mjs';
import { CHECKS, SETUP, TAG } from './checks.mjs';
import { objectChecks } from './objects.mjs';

const { values } = parseArgs({
  options: { 'stand-in': { type: 'boolean', default: false }, report: { type: 'string' } },
});
const isStandIn = values['stand-in'];
const missing = isStandIn ? [] : lacking(process.env);
if (missing.length > 0) {
  console.log(`Not run: this needs a Snowflake account (docs/live.md). Set ${missing.join(', ')}.`);
  process.exit(2);
}
const WORDS = { holds: 'ok       ', fails: 'FAILED   ', undecided: 'undecided' };

await loadParsers();
const account = await accountOf(process.env, isStandIn);
const warehouse = account.open();
const schema = `${account.database}.SNOWFENCE_LIVE_${randomBytes(4).toString('hex').toUpperCase()}`;
const live = { ...account, warehouse, schema, isStandIn };
const report = [];
const ask = (sql) => warehouse.ask(account.key, sql, TAG);
/** Names of this run stand in no report. */
const clean = (text) => text.replaceAll(schema, 'SCHEMA').replaceAll(account.database, 'DATABASE').slice(0, 300);

try {
  await ask(`CREATE SCHEMA ${schema}`);
  for (const sql of SETUP(schema)) await ask(sql);
  warehouse.catalog.invalidate();
  for (const { claim, page, run, onlyAccount = false } of [...CHECKS, ...objectChecks(process.env)]) {
    const started = performance.now();
    let [state, why] = ['holds', ''];
    try {
      const undecided = isStandIn && onlyAccount ? 'only an account can decide that' : await run(live);
      if (undecided !== undefined) [state, why] = ['undecided', undecided];
    } catch (error) {
      [state, why] = ['fails', clean(String(error.message))];
    }
    report.push({ claim, page, state, why, ms: Math.round(performance.now() - started) });
    console.log(`${WORDS[state]}  ${claim}${why === '' ? '' : `: ${why}`}`);
  }
} finally {
  await ask(`DROP SCHEMA IF EXISTS ${schema}`).catch((error) =>
    console.log(`The schema ${schema} is left: ${error.message}`),
  );
  await account.end();
}
const count = (state) => report.filter((entry) => entry.state === state).length;
if (values.report !== undefined)
  writeFileSync(
    values.report,
    `${JSON.stringify({ what: 'snowfence test:live', at: new Date().toISOString().slice(0, 10), of: isStandIn ? 'the stand-in' : 'an account', checks: report }, null, 2)}\n`,
  );
console.log(`${count('undecided')} undecided${isStandIn ? ': only an account can tell' : ''}`);
console.log(`${count('holds')} passed, ${count('fails')} failed`);
process.exitCode = count('fails') === 0 ? 0 : 1;
