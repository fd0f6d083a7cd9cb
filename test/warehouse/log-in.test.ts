/** What a log-in is made with: a token that is renewed meanwhile, and one that can't be had any more. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretOfCommand } from '../../dist/config/values/secrets.js';
import { DEFAULT_OPTIONS, Warehouse as Embedded } from '../../dist/embedded/warehouse/index.js';
import { LogInRefused, type ReadToken } from '../../dist/warehouse/index.js';
import { warehouseAt } from '../support/warehouse.mjs';

const KEY = { role: 'R', warehouse: 'W' };

let embedded: Embedded;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snowfence-log-in-'));
  const users = [{ name: 'SNOWFENCE', tokens: ['second', 'third'] }];
  embedded = await Embedded.start({ ...DEFAULT_OPTIONS, databases: ['DB'], seeds: [], users });
});
afterAll(async () => {
  await embedded[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const open = (kind: 'oauth' | 'token', again: ReadToken | undefined) =>
  warehouseAt(embedded.url, '', { auth: { kind, token: 'first', ...(again ? { again } : {}) }, poolSize: 2 });

describe.each(['oauth', 'token'] as const)('a log-in by %s', (kind) => {
  it('is made with the token as it is now', async () => {
    const tokens = ['second', 'third'];
    const read: string[] = [];
    await using warehouse = open(kind, async () => {
      const token = tokens.shift() ?? '';
      read.push(token);
      return token;
    });
    await Promise.all([warehouse.ask(KEY, 'SELECT 1', 'test'), warehouse.ask(KEY, 'SELECT 2', 'test')]);
    expect(read).toEqual(['second', 'third']);
    await using old = open(kind, undefined);
    await expect(old.ask(KEY, 'SELECT 1', 'test')).rejects.toThrow(LogInRefused);
  });

  it('is not tried where there is none, and says why', async () => {
    await using warehouse = open(kind, () =>
      secretOfCommand([join(folder, 'nowhere')], folder, 'snowflake: the token'),
    );
    await expect(warehouse.ask(KEY, 'SELECT 1', 'test')).rejects.toThrow(
      /Snowflake is not asked: snowflake: the token: the command .*nowhere can not be run/,
    );
  });
});

describe('a command that prints a secret', () => {
  const script = async (text: string): Promise<string> => {
    const file = join(folder, 'token.sh');
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o700);
    return file;
  };

  it('is run without a shell, in the folder of the configuration', async () => {
    const file = await script('echo "$1 $(pwd)"');
    expect(await secretOfCommand([file, '$HOME; id'], folder, 'it')).toBe(`$HOME; id ${folder}`);
  });

  it.each([
    ['exit 3', /ended with code 3/],
    ['true', /printed nothing/],
    ['head -c 100000 /dev/zero | tr "\\0" x', /more than 64 KB/],
  ])('that fails is told without what it printed: %s', async (text, said) => {
    const file = await script(`echo leaked >&2; ${text}`);
    const failed = await secretOfCommand([file], folder, 'it').catch((error: Error) => error);
    expect(String(failed)).toMatch(said);
    expect(String(failed)).not.toContain('leaked');
  });
});
