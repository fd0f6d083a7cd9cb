/**
 * `npm run test:clients`: real clients connect to a demo by what README.md and docs/clients.md say, pasted as it stands there: only the
 * address is replaced, and the token comes by its variable. Claude Code, MCP Inspector and Python's SDKs are installed into a folder of their own, with a
 * home of their own, and both are gone afterwards; one that can't be installed has failed.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Demo } from '../../dist/demo/demo.js';
import { connections } from '../../dist/demo/tour.js';
import { styleFor } from '../../dist/terminal/index.js';
import { blocksOf } from '../support/blocks.mjs';
import { step, summary } from '../support/counted.mjs';

const CLIENTS = { '@anthropic-ai/claude-code': '2.1.332', '@modelcontextprotocol/inspector': '2.12.0' };
/** Of Python's SDK, by PyPI: each into a folder of its own. */
const PYTHON_SDKS = { second: '2.3.0', first: '1.30.0' };
/** What MCP Inspector needs, and what is fetched for it where this Node is older. */
const LEAST_NODE = 22;
const NEWER_NODE = process.env.CURRENT_NODE ?? '26.10.0';
const ADDRESS = 'https://snowfence.example.com/mcp';
const TIMEOUT_MS = 120_000;

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'snowfence-clients-'));
const home = join(folder, 'home');
const bin = join(folder, 'bin');
for (const each of [home, bin]) await mkdir(each);

/** Both streams of a command that has to end well. */
async function said(file, args, env, cwd = folder) {
  try {
    const { stdout, stderr } = await run(file, args, { cwd, env, timeout: TIMEOUT_MS, maxBuffer: 64e6 });
    return stdout + stderr;
  } catch (error) {
    throw new Error(`${[file, ...args].join(' ').slice(0, 300)}\n${error.stdout ?? ''}${error.stderr ?? error}`);
  }
}

const pythonOf = (name) => join(folder, `python-${name}`);

const must = (text, pattern) => {
  if (!pattern.test(text)) throw new Error(`${pattern} is not in:\n${text.slice(0, 3000)}`);
};

/** The installed clients before all else, then the Node that they run on. */
async function install() {
  const cache = (await said('npm', ['config', 'get', 'cache'], process.env)).trim();
  const env = { ...process.env, npm_config_cache: cache, npm_config_update_notifier: 'false' };
  const npm = (packages, to, path) =>
    said('npm', ['install', '--prefix', to, '--no-save', '--no-audit', '--no-fund', '--prefer-offline', ...packages], {
      ...env,
      PATH: path,
    });
  let path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  if (Number(process.versions.node.split('.')[0]) < LEAST_NODE) {
    const name = `node-linux-${process.arch}`;
    await npm([`${name}@${NEWER_NODE}`], join(folder, 'node'), path);
    path = [join(folder, 'node', 'node_modules', name, 'bin'), path].join(delimiter);
  }
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const sdks = {
    '@modelcontextprotocol/client': dependencies['@modelcontextprotocol/client'],
    '@modelcontextprotocol/sdk': devDependencies['@modelcontextprotocol/sdk'],
  };
  const wanted = Object.entries({ ...CLIENTS, ...sdks });
  await npm(
    wanted.map(([name, version]) => `${name}@${version}`),
    folder,
    path,
  );
  for (const [name, version] of Object.entries(PYTHON_SDKS))
    await said(
      'python3',
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', pythonOf(name), `mcp==${version}`],
      process.env,
    );
  // As `npm install --global .` puts it there.
  await writeFile(join(bin, 'snowfence'), `#!/bin/sh\nexec node '${join(root, 'dist/cli/main.js')}' "$@"\n`);
  await chmod(join(bin, 'snowfence'), 0o755);
  return [join(folder, 'node_modules', '.bin'), bin, path].join(delimiter);
}

const readme = await blocksOf(join(root, 'README.md'));
const guide = await blocksOf(join(root, 'docs/clients.md'));
const one = (blocks, what, test) => {
  const found = blocks.filter(test);
  if (found.length !== 1) throw new Error(`${what}: ${found.length} blocks, not one.`);
  return found[0].text;
};
const connecting = readme.filter(({ heading }) => heading === 'Connect a client');

async function tried(demo, path) {
  const { ready } = demo;
  const token = ready.agents.find(({ name }) => name === 'sales-bot').token;
  const env = {
    PATH: path,
    HOME: home,
    SNOWFENCE_TOKEN: token,
    NO_COLOR: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  };
  const here = (text) => text.replaceAll(ADDRESS, ready.mcp_url);
  const bash = (text, cwd) => said('bash', ['-c', here(text)], env, cwd);
  const place = async (name) => {
    const made = join(folder, name);
    await mkdir(made);
    return made;
  };

  const add = one(connecting, 'claude mcp add', ({ text }) => text.startsWith('claude mcp add'));
  const desktop = one(connecting, 'Claude Desktop', ({ language }) => language === 'json');
  const inspect = one(connecting, 'Inspector', ({ text }) => text.includes('inspector --cli'));
  const file = join(folder, 'claude_desktop_config.json');
  await writeFile(file, here(desktop));

  await step('Claude Code: claude mcp add, claude mcp list', async () => {
    const project = await place('http');
    await bash(add, project);
    must(await bash('claude mcp list', project), /^snowfence: http\S+ \(HTTP\) - \S+ Connected$/m);
  });
  await step('Claude Code, as the demo prints it', async () => {
    const project = await place('printed');
    const lines = connections(ready, styleFor({})).split('\n');
    const [from, to] = [lines.indexOf('Claude Code:'), lines.findIndex((line) => line.startsWith('Claude Desktop'))];
    await bash(lines.slice(from + 1, to).join('\n'), project);
    must(await bash('claude mcp list', project), /^snowfence: http\S+ \(HTTP\) - \S+ Connected$/m);
  });
  await step('Claude Code starts the bridge of Claude Desktop’s configuration', async () => {
    const project = await place('bridge');
    const entry = JSON.stringify(JSON.parse(here(desktop)).mcpServers.snowfence);
    await said('claude', ['mcp', 'add-json', 'snowfence', entry], env, project);
    must(await bash('claude mcp list', project), /^snowfence: snowfence connect .* - \S+ Connected$/m);
  });
  await step('Claude Code says of a wrong token that it did not connect', async () => {
    const project = await place('wrong');
    await said('bash', ['-c', here(add)], { ...env, SNOWFENCE_TOKEN: 'no-token' }, project);
    const listed = await bash('claude mcp list', project);
    if (/Connected/.test(listed)) throw new Error(listed);
  });

  const ROWS = /\["Benno Brandt\\?",\s*\\?"\*\*\*@harbour\.example/;
  const asked = 'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 2';
  const call = (text) =>
    text.replace('--method tools/list', `--method tools/call --tool-name query --tool-arg 'sql=${asked}'`);
  const answered = (text) => {
    const result = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
    must(result.content[0].text, /\["Benno Brandt","\*\*\*@harbour\.example"\]/);
    must(JSON.stringify(result.structuredContent.rows), ROWS);
  };
  await step('Inspector: tools/list', async () => must(await bash(inspect), /"name": "whoami"/));
  await step('Inspector: a query', async () => answered(await bash(call(inspect))));
  // It ends with 6 where one of them has an error.
  await step('Inspector finds no schema that a client could not take', async () =>
    must(await bash(`${inspect} --strict`), /"name": "whoami"/),
  );
  // What it starts has its own environment and nothing of the token but what it is told.
  const bridged = `inspector --cli --config '${file}' --server snowfence -e "SNOWFENCE_TOKEN=$SNOWFENCE_TOKEN"`;
  await step('Inspector starts the bridge of Claude Desktop’s configuration', async () =>
    answered(await bash(call(`${bridged} --method tools/list`))),
  );

  for (const [name, from] of [
    ['SDK of the second generation', "'@modelcontextprotocol/client'"],
    ['SDK of the first generation', "'@modelcontextprotocol/sdk/client/index.js'"],
  ])
    await step(name, async () => {
      const script = join(folder, `${from.replaceAll(/\W/g, '')}.mjs`);
      await writeFile(script, here(one(guide, name, ({ text }) => text.includes(from))));
      const told = await said('node', [script], env);
      must(told, /query, fetch, describe, explain, approval, whoami/);
      must(told, /\["Benno Brandt","\*\*\*@harbour\.example"\]/);
    });
  for (const [name, from] of [
    ['second', 'import Client\n'],
    ['first', 'import ClientSession\n'],
  ])
    await step(`Python’s SDK of the ${name} generation`, async () => {
      const script = join(folder, `${name}.py`);
      const text = one(guide, name, (block) => block.language === 'python' && block.text.includes(from));
      await writeFile(script, here(text));
      const told = await said('python3', [script], { ...env, PYTHONPATH: pythonOf(name) });
      must(told, /query, fetch, describe, explain, approval, whoami/);
      must(told, /\["Benno Brandt", "\*\*\*@harbour\.example"\]/);
    });
}

let path;
try {
  if (await step('the clients are installed', async () => (path = await install()))) {
    const options = { port: 0, seeds: [], tour: false, latencyMs: 0, verbose: false };
    const demo = await Demo.start(options, () => undefined);
    try {
      await tried(demo, path);
    } finally {
      await demo[Symbol.asyncDispose]();
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
summary();
