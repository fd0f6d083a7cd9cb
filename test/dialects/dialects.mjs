/**
 * `npm run test:dialects [-- COUNT SEED]`: two readers that know Snowflake's dialect and are not ours, sqlglot and sqlfluff, read every text
 * that is sent for the acceptance cases, the corpus and COUNT generated statements (1,000). A text is wrong where a reader takes the
 * agent's own and not ours. The readers are installed from PyPI into a folder of their own, which is gone afterwards; where they can't be,
 * it says so and tries nothing. Ends with a line of what passed and failed.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { textsSent } from './texts.mjs';

const READERS = { sqlglot: '30.30.0', sqlfluff: '4.5.0' };
const SHOWN = 20;
const LEAST_OF_CORPUS = 300;
const [count = 1000, seed = 18] = process.argv.slice(2).map(Number);

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'snowfence-dialects-'));

async function install() {
  const packages = Object.entries(READERS).map(([name, version]) => `${name}==${version}`);
  const options = [
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--only-binary',
    ':all:',
    '--target',
    folder,
  ];
  await run('python3', ['-m', 'pip', 'install', ...options, ...packages], { timeout: 300_000, maxBuffer: 64e6 });
}

/** By reader, what each says of each text: null where it takes it. */
async function readBy(texts) {
  const said = Object.fromEntries(Object.keys(READERS).map((name) => [name, new Array(texts.length)]));
  const python = spawn('python3', [fileURLToPath(new URL('readers.py', import.meta.url))], {
    env: { ...process.env, PYTHONPATH: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  python.stdin.end(JSON.stringify(texts));
  let out = '';
  for await (const chunk of python.stdout.setEncoding('utf8')) out += chunk;
  for (const line of out.split('\n').filter(Boolean)) {
    const { at, reader, refused } = JSON.parse(line);
    said[reader][at] = refused;
  }
  for (const [reader, answers] of Object.entries(said))
    if (answers.includes(undefined)) throw new Error(`${reader} did not answer for all texts.`);
  return said;
}

/** Texts that no reader may take, so that one who takes everything is noticed. */
const BROKEN = ['SELECT A FROM "DB"."S".', 'SELECT (A FROM "DB"."S"."T"', 'DELETE "DB"."S"."T" FROM WHERE'];

const isInstalled = async () => {
  try {
    await install();
    return true;
  } catch (error) {
    console.log(
      `Skipped: PyPI's sqlglot and sqlfluff could not be installed (${String(error.message).slice(0, 300)}).`,
    );
    return false;
  }
};

async function tryAll() {
  const started = performance.now();
  const { ofTheCorpus, pairs } = await textsSent(count, seed);
  console.log(`${pairs.length} texts are sent, ${ofTheCorpus} of them for the corpus`);
  if (ofTheCorpus < LEAST_OF_CORPUS || pairs.length < ofTheCorpus + count / 2)
    throw new Error('Too few texts are sent to say anything.');
  const ours = await readBy([...pairs.map(({ sent }) => sent), ...BROKEN]);
  let [passed, failed] = [0, 0];
  for (const [reader, answers] of Object.entries(ours)) {
    const taken = BROKEN.filter((_, at) => answers[pairs.length + at] === null);
    for (const text of taken) console.log(`${reader} takes ${text}`);
    const doubtful = pairs.map((pair, at) => ({ ...pair, why: answers[at] })).filter(({ why }) => why !== null);
    const own = doubtful.length === 0 ? [] : (await readBy(doubtful.map(({ own }) => own)))[reader];
    const wrong = doubtful.filter((_, at) => own[at] === null);
    passed += pairs.length - wrong.length + BROKEN.length - taken.length;
    failed += wrong.length + taken.length;
    console.log(
      `${reader} ${READERS[reader]}: takes ${pairs.length - doubtful.length}, neither ours nor the agent's own ${doubtful.length - wrong.length}, the agent's own alone ${wrong.length}`,
    );
    for (const { own: agents, sent, why } of wrong.slice(0, SHOWN))
      console.log(`  ${why}\n    own   ${agents}\n    sent  ${sent}`);
  }
  console.log(`${Math.round((performance.now() - started) / 1000)} s`);
  return { passed, failed };
}

try {
  const { passed, failed } = (await isInstalled()) ? await tryAll() : { passed: 0, failed: 0 };
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
