/**
 * `npm run test:noninterference [-- COUNT SEED]`: the acceptance cases, COUNT generated statements (20,000), the planted leaks, and the
 * guards without their WHERE. Ends with a line of what passed and failed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Generator } from './generate.mjs';
import { Harness, search, shrink } from './harness.mjs';
import { LEAKS, withoutWhere } from './leaks.mjs';

const [count = 20_000, seed = 1] = process.argv.slice(2).map(Number);
/** Where to leave the counts for whoever adds them up. */
const report = process.env.REPORT;
const WITHIN = 2000;
const PAGED = 300;
const cases = JSON.parse(readFileSync(new URL('../acceptance/cases.json', import.meta.url), 'utf8'));

function* generated(n, from) {
  const generator = new Generator(from);
  for (let i = 0; i < n; i++) yield generator.statement();
}

let harness = await Harness.start();
let [passed, failed] = [0, 0];
const check = (name, isRight, detail) => {
  if (isRight) passed++;
  else failed++;
  console.log(`${isRight ? 'ok    ' : 'FAILED'}  ${name}${detail ? `  ${detail}` : ''}`);
};
const show = async (leak, errorsOnly) => {
  const small = await shrink(harness, leak.sql, leak.isOrdered, errorsOnly);
  console.log(`        ${small}\n        in full: ${leak.sql}`);
  const [left, right] = await harness.ask(small);
  console.log(
    `        one: ${JSON.stringify(left.error ?? left.denial ?? left.rows.slice(0, 3)).slice(0, 300)}\n        two: ${JSON.stringify(right.error ?? right.denial ?? right.rows.slice(0, 3)).slice(0, 300)}`,
  );
};

try {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const own = cases
    .filter((entry) => entry.as === 'sales-bot' && entry.expect === 'allow')
    // Chance answers otherwise each time, on one warehouse as on two.
    .filter(({ sql }) => !/\b(?:SAMPLE|TABLESAMPLE|RANDOM|UUID_STRING)\b/i.test(sql))
    .map(({ sql }) => ({ sql, isOrdered: false }));
  const fromCases = await search(harness, own);
  check(`${own.length} acceptance cases`, fromCases.leaks.length === 0, JSON.stringify(fromCases.statuses));
  for (const leak of fromCases.leaks.slice(0, 3)) await show(leak, false);

  const main = await search(harness, generated(count, seed), {
    onProgress: ({ count: done, leaks }) => {
      if (done % 5000 === 0) console.error(`${done} statements, ${leaks.length} differences, ${seconds()}`);
    },
  });
  check(
    `${count} generated statements, seed ${seed}`,
    main.leaks.length === 0,
    `${JSON.stringify(main.statuses)} ${JSON.stringify(main.codes)} ${seconds()}`,
  );
  for (const leak of main.leaks.slice(0, 5)) await show(leak, false);
  // A generator of statements that do not run would prove nothing.
  check('most of them ran', (main.statuses.ok ?? 0) > count * 0.6, `${main.statuses.ok ?? 0} of ${count}`);

  const paged = await search(harness, generated(PAGED, seed + 500), { pageRows: 7 });
  check(`${PAGED} statements in pages of 7 rows`, paged.leaks.length === 0, JSON.stringify(paged.statuses));
  for (const leak of paged.leaks.slice(0, 3)) await show(leak, false);

  for (const [name, leak] of Object.entries(LEAKS)) {
    harness.plant(leak);
    const found = await search(harness, generated(WITHIN, seed + 1000), { stopAtFirst: true });
    const [first] = found.leaks;
    check(`planted: ${name}`, first !== undefined, first ? `found after ${first.at}` : `not in ${WITHIN}`);
    harness.plant(undefined);
  }

  // Without their WHERE hidden rows are there, as rows of NULLs: their number shows, so here it is the same on both sides.
  await harness.end();
  harness = await Harness.start({ hasOtherRows: false });
  harness.plant(withoutWhere);
  const early = await search(harness, generated(Math.min(count, WITHIN), seed + 2000), { errorsOnly: true });
  check(
    'guards without their WHERE: no error tells of a hidden value',
    early.leaks.length === 0,
    JSON.stringify(early.codes),
  );
  for (const leak of early.leaks.slice(0, 3)) await show(leak, true);
  harness.plant(undefined);
} finally {
  await harness.end();
}
if (report) writeFileSync(report, JSON.stringify({ numPassedTests: passed, numFailedTests: failed }));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
