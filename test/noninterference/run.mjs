/**
 * `npm run test:noninterference [-- READS CHANGES SEED planted|only]`: the acceptance cases, READS generated statements (20,000), CHANGES
 * (500), hidden columns injected into both, the planted leaks, each by several seeds (not with "only"), and the guards without their WHERE.
 * The seed is drawn unless it is given. Ends with a line of what passed and failed.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { injected } from '../sql/names/injection.mjs';
import { random } from '../support/random.mjs';
import { search, shrink } from './compare.mjs';
import { Harness } from './harness.mjs';
import { LEAKS, WITHOUT_WHERE } from './leaks.mjs';
import { changes, described, explained, reads } from './make/statements.mjs';

const MAX_SEED = 2 ** 31;
const [count = 20_000, changeCount = 500, seed = randomInt(MAX_SEED)] = process.argv.slice(2, 5).map(Number);
const hasPlanted = process.argv[5] !== 'only';
/** Where to leave the counts for whoever adds them up. */
const report = process.env.REPORT;
/**
 * Statements that can show a leak, of which the first that does ends the search. Of the rarest one in 250 shows it, so none among so many is
 * no chance: e^-40.
 */
const WITHIN = 10_000;
/** Of those that are all tried. */
const GUARDED = 2000;
const SEEDS = 5;
const PAGED = 300;
const SHOWN = 3;
const cases = JSON.parse(readFileSync(new URL('../acceptance/cases.json', import.meta.url), 'utf8'));

console.log(`seed ${seed}`);
let harness = await Harness.start();
let [passed, failed] = [0, 0];
const check = (name, isRight, detail) => {
  if (isRight) passed++;
  else failed++;
  console.log(`${isRight ? 'ok    ' : 'FAILED'}  ${name}${detail ? `  ${detail}` : ''}`);
};
const short = (value) => (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 600);
const show = async (leak, options) => {
  const small = await shrink(harness, leak, options);
  console.log(
    `        ${leak.as ?? 'readers'} ${leak.told ?? ''}${leak.what ?? ''} ${leak.object ?? ''} ${small}\n        in full: ${leak.sql}`,
  );
  console.log(`        one: ${short(leak.left)}\n        two: ${short(leak.right)}`);
};
const searched = async (name, statements, options = {}) => {
  const found = await search(harness, statements, options);
  const counts = `${JSON.stringify(found.statuses)} ${JSON.stringify(found.codes)}`;
  check(name, found.leaks.length === 0, found.leaks.length === 0 ? counts : `${found.leaks.length} differ  ${counts}`);
  for (const leak of found.leaks.slice(0, SHOWN)) await show(leak, options);
  return found;
};

/** Hidden columns put where expressions stand, into reads and changes alike. */
function* withHidden(statements, from) {
  const next = random(from);
  for (const value of statements) {
    const variants = [...injected(value.sql, next)];
    const variant = variants[Math.floor(next() * variants.length)];
    if (variant) yield { ...value, sql: variant.sql, isOrdered: false };
  }
}

try {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const progress = (every) => ({
    onProgress: ({ count: done, leaks }) => {
      if (done % every === 0) console.error(`${done} statements, ${leaks.length} differences, ${seconds()}`);
    },
  });
  const own = cases
    .filter((entry) => entry.as === 'sales-bot' && entry.expect === 'allow')
    // Chance answers otherwise each time, on one warehouse as on two.
    .filter(({ sql }) => !/\b(?:SAMPLE|TABLESAMPLE|RANDOM|UUID_STRING)\b/i.test(sql))
    .map(({ sql }) => ({ sql, isOrdered: false }));
  await searched(`${own.length} acceptance cases`, own);
  const whoami = await Promise.all(['readers', 'writers', 'stewards', 'metered'].map((as) => harness.whoami(as)));
  check(
    'what whoami says',
    whoami.every(([left, right]) => JSON.stringify(left) === JSON.stringify(right)),
  );

  const main = await searched(`${count} generated reads`, reads(count, seed), progress(5000));
  // A generator of statements that do not run would prove nothing.
  check('most of them ran', (main.statuses.ok ?? 0) > count * 0.6, `${main.statuses.ok ?? 0} of ${count}`);
  const alone = { atOnce: 1 };
  const changed = await searched(`${changeCount} generated changes`, changes(changeCount, seed + 1), {
    ...alone,
    ...progress(500),
  });
  const ran = (changed.statuses.ok ?? 0) + (changed.statuses['approved ok'] ?? 0);
  check('many of them ran', ran > changeCount * 0.2, `${ran} of ${changeCount}`);
  await searched(`${PAGED} reads in pages of 7 rows`, reads(PAGED, seed + 2), { pageRows: 7 });
  await searched('hidden columns injected into reads', withHidden(reads(PAGED, seed + 3, { shows: /./ }), seed + 4));
  await searched('hidden columns injected into changes', withHidden(changes(PAGED / 3, seed + 5), seed + 6), alone);
  console.log(`        ${seconds()}`);

  const streams = { reads, changes, explained, described };
  for (const [name, leak] of hasPlanted ? Object.entries(LEAKS) : []) {
    await harness.plant(name);
    const places = [];
    for (let index = 0; index < SEEDS; index++) {
      const from = randomInt(MAX_SEED);
      const options = { stopAtFirst: true, errorsOnly: leak.isErrorsOnly, ...(leak.where === 'changes' ? alone : {}) };
      const found = await search(harness, streams[leak.where](WITHIN, from, leak), options);
      places.push({ seed: from, at: found.leaks[0]?.at });
    }
    await harness.plant(undefined);
    const isFound = places.every(({ at }) => at !== undefined);
    const where = places
      .map(({ seed: from, at }) => (at === undefined ? `not in ${WITHIN} of seed ${from}` : at))
      .join(', ');
    check(`planted: ${name}`, isFound, `found after ${where}`);
  }
  console.log(`        ${seconds()}`);

  // Without their WHERE hidden rows are there, as rows of NULLs: their number shows, so here it is the same on both sides.
  await harness.end();
  harness = await Harness.start({ hasOtherRows: false });
  await harness.plant(WITHOUT_WHERE);
  await searched(
    'guards without their WHERE: no error tells of a hidden value',
    reads(Math.min(count, GUARDED), seed + 7, LEAKS[WITHOUT_WHERE]),
    {
      errorsOnly: true,
    },
  );
  await harness.plant(undefined);
} finally {
  await harness.end();
}
if (report) writeFileSync(report, JSON.stringify({ numPassedTests: passed, numFailedTests: failed }));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
