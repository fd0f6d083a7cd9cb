/**
 * `npm run test:long [-- SEED [FILE [JOBS]]]`: what the gate tries for minutes, for hours: 200,000 statements by grammar and mutation, names over 5,000 statements, 2,000 folders written anew, non-interference over
 * 200,000 reads and 5,000 changes in ten parts, every change to the store. The seed is drawn unless it is given. With a FILE each part that ended is kept there, and the
 * same command later goes on with those that did not. JOBS parts run at a time (1 unless it is given): a part keeps about one core busy.
 * Ends with a summary of the figures.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAX_SEED = 2 ** 31;
const PARTS = 10;
const USAGE = 'Usage: npm run test:long [-- SEED [FILE [JOBS]]]';
const [seed = String(randomInt(MAX_SEED)), file, jobs = '1'] = process.argv.slice(2);
if (!/^\d{1,10}$/.test(seed) || Number(seed) >= MAX_SEED) {
  console.error(`The seed "${seed}" is no whole number below ${MAX_SEED}. ${USAGE}`);
  process.exit(2);
}
if (!/^[1-9]\d?$/.test(jobs)) {
  console.error(`"${jobs}" is no number of parts to run at a time. ${USAGE}`);
  process.exit(2);
}
/** Seeds of parts lie far apart: each part draws from a few that follow its own. */
const seedOf = (part) => String((Number(seed) + part * 1_000_003) % MAX_SEED);
const parts = [
  { name: 'fuzz', script: './sql/fuzz/fuzz.mjs', args: ['200000', seed, '3000'] },
  { name: 'names', script: './sql/names/names.mjs', args: ['5000', seed] },
  { name: 'policies written anew', script: './policy/files/rewriting.mjs', args: ['2000', seed] },
  { name: 'changes to the store', script: './transcript/verify/manipulate.mjs', args: ['200', seed, '1'] },
  ...Array.from({ length: PARTS }, (_, part) => ({
    name: 'non-interference',
    script: './noninterference/run.mjs',
    // The planted leaks draw their own seeds: once is as good as ten times.
    args: ['20000', '500', seedOf(part), part === 0 ? 'planted' : 'only'],
  })),
];
const titleOf = ({ name, args }) => `${name} ${args.join(' ')}`;

/** Runs a part with its output in sight; answers its result lines. */
async function run({ name, script, args }) {
  const started = Date.now();
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const label = Number(jobs) > 1 ? `[${name} ${args.join(' ')}] ` : '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    text += `${line}\n`;
    console.log(`${label}${line}`);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const [, passed, failed] = [...text.matchAll(/^(\d+) passed, (\d+) failed\b/gm)].at(-1) ?? [];
  const minutes = Math.round((Date.now() - started) / 60_000);
  // One that ends without its numbers has failed, whatever it says.
  const counts = passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
  return { title: titleOf({ name, args }), code, minutes, hasEnded: passed !== undefined, ...counts };
}

const lines = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
const kept = new Map(lines.map((line) => JSON.parse(line)).map((result) => [result.title, result]));
console.log(`seed ${seed}`);
const results = [];
const next = parts.entries();
async function work() {
  for (const [at, part] of next) {
    const title = titleOf(part);
    console.log(`\n== ${title}${kept.has(title) ? ': kept' : ''}`);
    const result = kept.get(title) ?? (await run(part));
    // What was cut off is tried again.
    if (file !== undefined && result.hasEnded && !kept.has(title)) appendFileSync(file, `${JSON.stringify(result)}\n`);
    results[at] = result;
  }
}
await Promise.all(Array.from({ length: Number(jobs) }, work));
console.log(`\n== summary, seed ${seed}`);
for (const { title, minutes, passed, failed } of results)
  console.log(`${title}: ${passed} passed, ${failed} failed, in ${minutes} min`);
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(results.every(({ code }) => code === 0) && total('failed') === 0 ? 0 : 1);
