/** A gateway beside the demo's, on the same store, that is told to take its policies anew: by command and by signal. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort } from '../../../dist/demo/child.js';
import { bareEnv, MAIN } from '../../support/demo.js';

const ready = inject('ready');
const UNSOUND = 'policy: [';

let folder: string;
let config: string;
let url: string;
let gateway: ChildProcess;
let log = '';

const reload = (...more: string[]): Promise<{ code: number; text: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN, 'policy', 'reload', '--config', config, ...more],
      { env: bareEnv() },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, text: stdout + stderr }),
    );
  });

const state = async (): Promise<unknown> => {
  const { transcript, policies } = (await (await fetch(new URL('/readyz', url))).json()) as Record<string, unknown>;
  return { transcript, policies };
};
const write = (text: string): Promise<void> => writeFile(join(folder, 'policies', 'new.yaml'), text);
const NEW =
  'policy: new\nprincipals: { groups: [nobody] }\nsnowflake: { role: R, warehouse: W }\nrules:\n  - allow: [read]\n    on: [DB.S.T]\n';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-reload-'));
  await cp(new URL('../policies', import.meta.url), join(folder, 'policies'), { recursive: true });
  const port = await freePort();
  url = `http://127.0.0.1:${port}/mcp`;
  const given: unknown = parse(await readFile(ready.config_file, 'utf8'));
  if (typeof given !== 'object') throw new Error('no configuration');
  config = join(folder, 'snowfence.yaml');
  await writeFile(
    config,
    stringify({
      ...given,
      server: { listen: `127.0.0.1:${port}`, public_url: url },
      policies: { folder: './policies', still_opening: '10m', reload_socket: './reload.sock' },
    }),
  );
  gateway = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: bareEnv(),
  });
  for (const stream of [gateway.stdout, gateway.stderr]) stream?.on('data', (data: Buffer) => (log += data.toString()));
  await vi.waitFor(() => expect(log).toContain('snowfence is listening'), 60_000);
});

afterAll(async () => {
  const isOver = new Promise((resolve) => gateway.once('exit', resolve));
  gateway.kill('SIGTERM');
  await isOver;
  await rm(folder, { recursive: true });
});

describe('snowfence policy reload', () => {
  it('says that nothing has changed', async () => {
    expect(await reload()).toEqual({
      code: 0,
      text: expect.stringMatching(/^Nothing has changed: version [0-9a-f]{64} is/),
    });
    expect((await stat(join(folder, 'reload.sock'))).mode & 0o777).toBe(0o600);
  });

  it('takes what is held back', async () => {
    await write(NEW);
    await expect.poll(state).toEqual({ transcript: 'ok', policies: 'held back' });
    expect(await (await fetch(new URL('/metrics', url))).text()).toContain('snowfence_policies_held_back 1');
    const { code, text } = await reload('--json');
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
      text: expect.stringMatching(/It opens what was not open\. new: permission \(DB\.S\.T; policies\/new\.yaml\)/),
    });
    expect(await state()).toEqual({ transcript: 'ok', policies: 'ok' });
  });

  it('is refused with what is wrong', async () => {
    await write(UNSOUND);
    const { code, text } = await reload();
    expect(code).toBe(1);
    expect(text).toMatch(/POLICIES_UNSOUND.*Version [0-9a-f]{64} stays in\s+force\.\s+policies\/new\.yaml:1/s);
    expect(await state()).toEqual({ transcript: 'ok', policies: 'last good set in force' });
  });

  it('is what SIGHUP does as well', async () => {
    await write(NEW.replace('DB.S.T', 'DB.S.U'));
    log = '';
    gateway.kill('SIGHUP');
    await expect.poll(() => log).toMatch(/"why":"SIGHUP","isTaken":true.*"isNew":true/);
    expect(await state()).toEqual({ transcript: 'ok', policies: 'ok' });
  });

  it('says where nobody answers', async () => {
    await writeFile(config, (await readFile(config, 'utf8')).replace('reload.sock', 'other.sock'));
    expect(await reload()).toEqual({ code: 1, text: expect.stringContaining('NOT_RUNNING') });
    await writeFile(config, (await readFile(config, 'utf8')).replace(/ *reload_socket: .*\n/, ''));
    expect(await reload()).toEqual({ code: 2, text: expect.stringMatching(/NO_SOCKET.*SIGHUP/s) });
  });
});
