/** The demo as a person or a script starts it, and what is left when it ends: nothing. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ready } from '../../../dist/demo/ready.js';
import { agent, MAIN, query } from '../../support/demo.js';

const run = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-test-'));
  // As root, PostgreSQL runs as another account, which has to pass through.
  await chmod(folder, 0o711);
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
});

async function start(args: readonly string[]): Promise<{ child: ChildProcess; ready: Ready; seconds: number }> {
  const file = join(folder, `ready-${Math.random().toString(36).slice(2)}.json`);
  const started = performance.now();
  const child = spawn(process.execPath, [MAIN, 'demo', '--port', '0', '--ready-file', file, ...args], {
    stdio: 'ignore',
  });
  children.push(child);
  await expect.poll(() => existsSync(file)).toBe(true);
  return {
    child,
    ready: JSON.parse(await readFile(file, 'utf8')) as Ready,
    seconds: (performance.now() - started) / 1000,
  };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function parentOf(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'ppid=', '-p', String(pid)]);
  return Number(stdout.trim());
}

async function ends(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return ended;
}

describe('demo', () => {
  it('comes up, says where everything is, and ends on Ctrl-C without a trace', async () => {
    const { child, ready } = await start([]);
    expect(ready.agents.map((entry) => entry.name)).toEqual(['sales-bot', 'pipeline-bot', 'stranger']);
    expect(ready.reviewers.map((entry) => entry.name)).toEqual(['steward', 'deputy', 'auditor', 'platform']);
    const sales = await agent(ready, 'sales-bot');
    const answer = await query(sales, 'SELECT NAME, EMAIL FROM ANALYTICS.SALES.CUSTOMERS ORDER BY CUSTOMER_ID LIMIT 5');
    expect(answer.rows.map((row) => String(row[1]).slice(0, 4))).toEqual(Array(5).fill('***@'));
    await sales.close();
    const data = dirname(ready.config_file);
    expect(existsSync(data)).toBe(true);
    expect(await ends(child, 'SIGINT')).toBe(0);
    expect(existsSync(data)).toBe(false);
    for (const pid of Object.values(ready.pids)) expect(isAlive(pid)).toBe(false);
  });

  it('says one line when Ctrl-C comes while it starts, which its parts hear as well', async () => {
    const child = spawn(process.execPath, [MAIN, 'demo', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, as a terminal makes one for what is started in it.
      detached: true,
    });
    children.push(child);
    let said = '';
    const begun = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text: Buffer) => {
          said += text.toString();
          resolve();
        });
    });
    await begun;
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await ended).toBe(0);
    expect(said).toBe('Starting the embedded warehouse, PostgreSQL and the identity provider …\nEnding …\n');
  });

  it('leaves no process when it is killed without warning', async () => {
    const { child, ready } = await start([]);
    await ends(child, 'SIGKILL');
    await expect.poll(() => Object.values(ready.pids).filter(isAlive)).toEqual([]);
    await rm(dirname(ready.config_file), { recursive: true, force: true, maxRetries: 3 });
  });

  it('keeps its data where it is told to', async () => {
    const data = join(folder, 'kept');
    const first = await start(['--data', data]);
    const pipeline = await agent(first.ready, 'sales-bot');
    const { session } = await query(pipeline, 'SELECT 1 AS KEPT');
    await pipeline.close();
    await ends(first.child, 'SIGTERM');
    const second = await start(['--data', data]);
    const { stdout } = await run(process.execPath, [
      MAIN,
      'sessions',
      'show',
      session ?? '',
      '--config',
      second.ready.config_file,
    ]);
    expect(stdout).toContain('SELECT 1 AS KEPT');
    await ends(second.child, 'SIGTERM');
  }, 400_000);

  it('leaves the folder to the demo that works in it: a second one says so at once, and ends nothing of the first', async () => {
    const data = join(folder, 'taken');
    const first = await start(['--data', data]);
    const second = run(process.execPath, [MAIN, 'demo', '--port', '0', '--data', data]);
    const { code, stdout, stderr } = await second.then(
      () => ({ code: 0, stdout: '', stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `FOLDER_IN_USE  --data: another demo uses ${data}: process ${first.child.pid}. It was left as it is.\nEnd that one (Ctrl-C where it runs), or name another folder.\n`,
    );
    for (const pid of Object.values(first.ready.pids)) expect(isAlive(pid)).toBe(true);
    expect((await fetch(new URL('/readyz', first.ready.mcp_url))).status).toBe(200);

    // One that was killed holds nothing, also where what it started has not ended yet or was killed but for the server itself.
    const keeper = await parentOf(first.ready.pids.postgres);
    process.kill(keeper, 'SIGKILL');
    await ends(first.child, 'SIGKILL');
    expect(isAlive(first.ready.pids.postgres)).toBe(true);
    const third = await start(['--data', data]);
    expect(isAlive(first.ready.pids.postgres)).toBe(false);
    expect((await fetch(new URL('/readyz', third.ready.mcp_url))).status).toBe(200);
    await ends(third.child, 'SIGTERM');
    expect((await readdir(data, { recursive: true })).filter((name) => name.includes('in-use'))).toEqual([]);
  }, 400_000);

  it.each([
    [['demo', '--port', 'x'], 2, /whole number from 0 to 65535/],
    [['demo', '--sed', 'x'], 2, /unknown option '--sed'/],
    [['serve', '--config', 'nowhere.yaml'], 2, /nowhere\.yaml can not be read/],
    [['connect', '--url', 'nowhere'], 2, /is no URL/],
    [
      ['connect', '--url', 'http://127.0.0.1:9/mcp', '--client-id', 'x', '--client-secret-env', 'NOT_SET'],
      1,
      /No snowfence gateway answers/,
    ],
    [['policy', 'check', 'nowhere'], 2, /no folder nowhere/],
    [['nothing'], 2, /unknown command/],
  ])('says what is wrong with %j', async (args, code, message) => {
    const running = run(process.execPath, [MAIN, ...args]);
    // `connect` serves a client until that has gone.
    running.child.stdin?.end();
    const result = await running.then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    );
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toContain('    at ');
  });
});
