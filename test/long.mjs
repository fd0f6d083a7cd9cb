/**
 * `npm run test:long [-- SEED]`: what the gate tries for minutes, for hours: non-interference over 200,000 reads and 5,000 changes, names over
 * 5,000 statements. The seed is drawn unless it is given. Ends with a summary of the figures.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const [seed = String(randomInt(2 ** 31))] = process.argv.slice(2);
const PARTS = [
  { name: 'names', script: './sql/names.mjs', args: ['5000', seed] },
  { name: 'non-interference', script: './noninterference/run.mjs', args: ['200000', '5000', seed] },
];

/** Runs a part with its output in sight; answers its result lines. */
async function run({ name, script, args }) {
  console.log(`\n== ${name} ${args.join(' ')}`);
  const started = Date.now();
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const [, passed, failed] = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
  const minutes = Math.round((Date.now() - started) / 60_000);
  // One that ends without its numbers has failed, whatever it says.
  const counts = passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) };
  return { name, args, code, minutes, ...counts };
}

const results = [];
for (const part of PARTS) results.push(await run(part));
console.log(`\n== summary, seed ${seed}`);
for (const { name, args, minutes, passed, failed } of results)
  console.log(`${name} ${args.join(' ')}: ${passed} passed, ${failed} failed, in ${minutes} min`);
const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed`);
process.exit(results.every(({ code }) => code === 0) && total('failed') === 0 ? 0 : 1);
