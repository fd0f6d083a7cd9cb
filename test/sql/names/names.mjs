/**
 * `npm run test:names [-- COUNT SEED]`: the rename test and the injection test over the same statements, by one seed, which is drawn unless it
 * is given. Ends with a line of what passed and failed in both.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const [count = '500', seed = String(randomInt(2 ** 31))] = process.argv.slice(2);

/** Runs a part, shows what it says without its last line, and answers that line's numbers. */
async function part(script) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), count, seed], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const [line, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(text) ?? [];
  // One that ends without its numbers has failed, whatever it says.
  if (line === undefined) console.log(`${text}\n${script} ended with ${code} and no result`);
  else console.log(text.replace(`${line}\n`, `${script}: ${line}\n`));
  return line === undefined ? [0, 1] : [Number(passed), Number(failed)];
}

let [passed, failed] = [0, 0];
for (const [good, bad] of await Promise.all([part('./rename.mjs'), part('./injection.mjs')])) {
  passed += good;
  failed += bad;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
