/** `node test/policy/files/rewriting.mjs ROUNDS [SEED]`: folders written anew in every way, of which `npm test` tries a part. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [rounds = '200', seed = String(randomInt(2 ** 31))] = process.argv.slice(2);
if (!/^\d{1,9}$/.test(rounds) || !/^\d{1,10}$/.test(seed)) {
  console.error('Usage: node test/policy/files/rewriting.mjs ROUNDS [SEED]');
  process.exit(2);
}
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'snowfence-rewriting-'));
try {
  const report = join(folder, 'report.json');
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/policy/files/rewrites.test.ts'];
  // A round takes a sixth of a second; on a busy machine several times that.
  args.push(
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    `--testTimeout=${60_000 + rounds * 500}`,
  );
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ROUNDS: rounds, SEED: seed },
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(await readFile(report, 'utf8'));
  console.log(`seed ${seed}\n${passed} passed, ${failed} failed`);
  process.exitCode = code === 0 && failed === 0 && passed > 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
