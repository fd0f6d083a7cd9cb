/** The demo's tour, as a person sees it on a terminal: each command that it prints is pasted into a shell as it stands there. */
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pasteable, quoted } from '../../../dist/terminal/index.js';
import { bareEnv } from '../../support/demo.js';

const run = promisify(execFile);
const root = new URL('../../..', import.meta.url).pathname;
const STEERING = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])`, 'g');

let folder: string;
let demo: ReturnType<typeof spawn>;
let text = '';
const said = (): string => text.replaceAll(STEERING, '').replaceAll('\r\n', '\n');

/** A client that is not here: says what it was given, and lists the tools with it. */
const CLAUDE = `#!/usr/bin/env bash
[ "$1 $2 $3 $4" = "mcp add --transport http" ] && [ "$7" = --header ] || exit 9
curl -sf -o /dev/null "$6" -H "$8" -H 'content-type: application/json' -H 'accept: application/json, text/event-stream' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' && echo connected
`;

/** In a shell that has nothing of snowfence, where the demo was started. */
const pasted = (command: string) =>
  run('bash', ['-c', command], { cwd: root, env: { ...bareEnv(), PATH: `${folder}:${process.env['PATH']}` } });

/** Commands are whole lines, with those that go on behind a backslash. */
const commandsOf = (shown: string): string[] =>
  [
    ...shown
      .replaceAll('\\\n', '\\\f')
      .matchAll(/^(?:SNOWFENCE_TOKEN=|node |npx |snowfence |claude )[^\n]*?(?:\$\(\n[^\n]*)?$/gm),
  ].map(([line]) => line.replaceAll('\\\f', '\\\n'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-tour-'));
  await writeFile(join(folder, 'claude'), CLAUDE);
  await chmod(join(folder, 'claude'), 0o755);
  demo = spawn('script', ['-qefc', 'stty cols 80 rows 40; node dist/cli/main.js demo --port 0', '/dev/null'], {
    cwd: root,
    env: { ...bareEnv(), PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/bash' },
  });
  for (const stream of [demo.stdout, demo.stderr]) stream?.on('data', (bytes: Buffer) => (text += bytes.toString()));
  for (const until = Date.now() + 120_000; !said().includes('Press Ctrl-C'); await sleep(100))
    if (Date.now() > until) throw new Error(said());
});
afterAll(async () => {
  const ended = new Promise((resolve) => demo.once('close', resolve));
  demo.stdin?.write('\u0003');
  await ended;
  await rm(folder, { recursive: true });
});

describe('the tour', () => {
  it('prints commands that run as they stand there', async () => {
    const commands = commandsOf(said());
    expect(commands.length).toBeGreaterThanOrEqual(4);
    const answers = new Map<string, string>();
    for (const command of commands) answers.set(command, (await pasted(command)).stdout);
    const answerTo = (part: string): string =>
      [...answers].find(([command]) => command.includes(part))?.[1] ?? `nothing printed ${part}`;
    expect(answerTo('claude mcp add')).toBe('connected\n');
    expect(answerTo('sessions list')).toContain('sales-bot');
    expect(answerTo('approvals list')).toContain('pipeline-bot');
    expect(answerTo('approvals approve')).toContain('The statement is approved.');
    await expect.poll(said, { timeout: 60_000 }).toContain('was approved, and has run');
  });

  it('shows where a reviewer’s token is, and each agent’s', async () => {
    for (const [, file] of said().matchAll(/cat (\S+\.token)/g)) {
      const { stdout } = await pasted(`cat ${file}`);
      expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    }
    expect(said()).toMatch(/cat \S+steward\.token/);
  });
});

describe('a hint', () => {
  it('has its command in the form in which this one was started', async () => {
    const failed = await pasted('node dist/cli/main.js policy test /nowhere').catch(
      (error: { stderr: string }) => error,
    );
    expect(failed.stderr).toContain('There is no folder /nowhere');
    const unknown = await run('bash', ['-c', 'node dist/cli/main.js keys new webhook --out /nowhere/a; true'], {
      cwd: root,
    });
    expect(unknown.stderr).not.toMatch(/\bsnowfence (?:keys|policy|sessions)\b/);
    expect(pasteable('Run: snowfence verify')).toMatch(/^Run: (?:node \S+|npx snowfence|snowfence) verify$/);
    expect(pasteable('No snowfence connect runs here, and the snowfence prompt is none.')).toBe(
      'No snowfence connect runs here, and the snowfence prompt is none.',
    );
    expect(quoted("a b'c")).toBe(`'a b'\\''c'`);
  });
});
