/**
 * `npm run test:newcomer`: README.md's commands, each as it stands there, from a clone in an empty folder, on a terminal of 80 columns,
 * with a home of their own. They have to end well and say nothing that is wider. Which block of the README is not run, and why, stands below:
 * one that is new and named nowhere fails.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { blocksOf } from '../support/blocks.mjs';
import { step, summary } from '../support/counted.mjs';
import { Terminal, unfit } from './terminal.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'snowfence-newcomer-'));
const [home, prefix, clone] = ['home', 'prefix', 'snowfence'].map((name) => join(folder, name));
for (const made of [home, prefix]) await mkdir(made);

const MINUTE = 60_000;
const DEMO_PORT = 8787;

/** Blocks that no newcomer types, and who tries them. */
const ELSEWHERE = [
  [/^npm ci && npm test$/, 'the gate itself, before this'],
  [/^The sales agent reads customers/, 'what the demo prints'],
  [/^policy: sales-readers/, 'a file: test/policy/files'],
  [/^claude mcp add/, 'test/clients'],
  [/^npx @modelcontextprotocol\/inspector/, 'test/clients'],
  [/^\{\n {2}"mcpServers"/, 'test/clients'],
];
const SAMPLE = '01a1ff8a-7b5b-7f54-b12b-92d183c49a28';

const { stdout: cache } = await run('npm', ['config', 'get', 'cache'], { cwd: tmpdir() });
const env = {
  PATH: [join(prefix, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  HOME: home,
  LANG: process.env.LANG ?? 'C.UTF-8',
  npm_config_cache: cache.trim(),
  npm_config_prefix: prefix,
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  // A line that turns round while npm works.
  npm_config_progress: 'false',
};
// As root, PostgreSQL of the demo runs as another account, which has to pass through.
await chmod(folder, 0o711);

const typed = (command, more = {}) => new Terminal(command, { cwd: clone, env: { ...env, ...more } });
const fits = (text) => {
  const found = unfit(text);
  if (found.length > 0) throw new Error(found.join('\n'));
  return text;
};
const must = (text, pattern) => {
  const found = pattern.exec(text);
  if (!found) throw new Error(`${pattern} is not in:\n${text.slice(-2000)}`);
  return found;
};

const blocks = await blocksOf(join(root, 'README.md'));
const block = (start) => {
  const found = blocks.filter(({ text }) => text.startsWith(start));
  if (found.length !== 1) throw new Error(`The README has ${found.length} blocks that begin with "${start}", not one.`);
  return found[0].text;
};
/** A command that stands within a sentence. */
const inline = async (command) => {
  if (!(await readFile(join(root, 'README.md'), 'utf8')).includes(`\`${command}\``))
    throw new Error(`The README no longer says \`${command}\`.`);
  return command;
};

const isFree = (port) =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/** As the person who reads the tour: a token for what it says to do on the command line. */
async function tokenOf(configuration, name, secret) {
  const { identity } = parse(await readFile(configuration, 'utf8'));
  const [{ issuer, audience }] = identity.issuers;
  const response = await fetch(new URL('/token', issuer), {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'snowfence', resource: audience }),
  });
  return (await response.json()).access_token;
}

async function beside(demo, configuration) {
  const more = { SNOWFENCE_CONFIG: configuration };
  const does = (command, pattern, { codes = [0], env: also = {} } = {}) =>
    step(command, async () => must(fits(await typed(command, { ...more, ...also }).ends(MINUTE, codes)), pattern));
  const config = `--config ${configuration}`;

  const record = block('$ snowfence sessions search')
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2).replace(/\s+#.*$/, ''));
  const listed = await typed(await inline('snowfence sessions list'), more).ends(MINUTE);
  const [session] = must(listed, /[0-9a-f]{8}-[0-9a-f-]{27}/);
  const says = {
    // Nobody has asked for a card here: told as such.
    search: /^Nothing found\.$/m,
    replay: /SELECT|DROP|DELETE/,
    export: /class_uid/,
    verify: /The transcript is whole\./,
    reconcile: /Transcript and warehouse agree/,
  };
  for (const line of record) {
    const command = line.replace(SAMPLE, session);
    const [, kind] = /snowfence (?:sessions )?(\w+)/.exec(command) ?? [];
    if (command.includes('--follow'))
      await step(command, async () => {
        const following = typed(command, more);
        await following.says(says[kind], MINUTE);
        following.interrupt();
        fits(await following.ends(MINUTE, [0, 130]));
      });
    else await does(command, says[kind]);
  }
  for (const [command, pattern] of [
    ['snowfence doctor --config snowfence.yaml', /✓ configuration/],
    ['snowfence store setup --config snowfence.yaml', /The tables are up to date\./],
    ['snowfence sessions list', /sales-bot/],
    ['snowfence keys new signing --out FILE', /A new signing key is in/],
    ['snowfence keys new encryption --out FILE', /A new encryption key is in/],
  ])
    await does(
      (await inline(command))
        .replace('snowfence.yaml', configuration)
        .replace('FILE', join(home, `${command.split(' ')[3]}.key`)),
      pattern,
    );
  // Sessions of one millisecond differ behind that alone.
  await does(`snowfence ${await inline('sessions show <id>')} ${config}`.replace('<id>', session.slice(0, 18)), /\S/);
  await does('snowfence sessions search verdict:denied table:PAYROLL', /sales-bot/);
  await does('snowfence policy check', /policies are sound/);
  await does('snowfence policy test', /passed|✓/);
  const pending = await typed(`snowfence ${await inline('approvals list')}`, more).ends(MINUTE);
  const [id] = must(pending, /[0-9a-f]{8}-[0-9a-f-]{27}/);
  const [, secret] = must(demo.text, /^steward \([^)]*\) {2}(\S+)$/m);
  const approve = `snowfence ${await inline('approvals approve <id>')}`.replace('<id>', id);
  const token = await tokenOf(configuration, 'steward', secret);
  await does(approve, /The statement is approved\./, { env: { SNOWFENCE_TOKEN: token } });
  await step('the tour tells what came of it', () => demo.says(/was approved, and has run/, MINUTE));
}

async function path() {
  await step('every block of the README is run, here or elsewhere', async () => {
    const here = ['npm ci && npm run demo', 'npm ci && npm run build', '$ snowfence sessions search'];
    const left = blocks.filter(
      ({ text }) => !here.some((start) => text.startsWith(start)) && !ELSEWHERE.some(([form]) => form.test(text)),
    );
    if (left.length > 0) throw new Error(left.map(({ text }) => text).join('\n\n'));
  });
  const isThere = await step('git clone', async () => {
    await run('git', ['-c', 'safe.directory=*', 'clone', '--quiet', root, clone]);
    const { stdout: head } = await run('git', ['-C', clone, 'rev-parse', 'HEAD']);
    console.log(`        ${head.trim().slice(0, 12)}`);
  });
  if (!isThere) return;
  const installing = block('npm ci && npm run build');
  if (!(await step(installing, async () => fits(await typed(installing).ends(10 * MINUTE))))) return;
  await step('npm run demo -- --help', async () =>
    must(fits(await typed(await inline('npm run demo -- --help')).ends(2 * MINUTE)), /--no-tour/),
  );

  const begin = block('npm ci && npm run demo');
  const isOwn = await isFree(DEMO_PORT);
  if (!isOwn) console.log(`        Port ${DEMO_PORT} is taken here: the demo takes another one.`);
  const demo = typed(isOwn ? begin : `${begin} -- --port 0`);
  const isUp = await step(begin, async () => {
    await demo.says(/Press Ctrl-C to end\./, 10 * MINUTE);
    fits(demo.text);
    must(demo.text, /Denied, OBJECT_DENIED/);
    must(demo.text, /Waits for approval/);
  });
  let configuration;
  try {
    if (isUp) {
      await step('tokens are shown shortened, once, with what prints them', async () => {
        const lines = demo.text.split('\n').filter((line) => line.includes('eyJ'));
        const shown = lines.map((line) => /^(\S+) {2}eyJ\w{9}… {2}cat (\/\S+)$/.exec(line));
        if (shown.length !== 3 || shown.includes(null)) throw new Error(lines.join('\n'));
        for (const [, , file] of shown) must(await typed(`cat ${file}`).ends(MINUTE), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
      });
      [, configuration] = must(demo.text, /sessions list --config (\/\S+)/);
      await beside(demo, configuration);
    }
  } finally {
    await step('Ctrl-C says one line, and nothing is left', async () => {
      const before = demo.text.length;
      demo.interrupt();
      // npm ends as a shell's command does that was interrupted.
      must((await demo.ends(MINUTE, [0, 130])).slice(before), /^\^CEnding …\s*$/);
      if (configuration === undefined || existsSync(dirname(configuration)))
        throw new Error(`${configuration} is left.`);
    });
  }
}

try {
  await path();
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
summary();
