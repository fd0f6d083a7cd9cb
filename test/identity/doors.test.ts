/** Each way out of this process goes by the one place that asks whether an address may be spoken to. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addressProblem, isLoopback, safeFetch } from '../../dist/network/addresses.js';
import { post } from '../../dist/transcript/index.js';
import { warehouseAt } from '../support/warehouse.mjs';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));

afterEach(() => vi.unstubAllEnvs());

/** What opens a connection, and the files that may. */
const DOORS: readonly (readonly [string, RegExp, readonly string[]])[] = [
  ['fetch', /(?:await|return|=|=>|\() fetch\(/, ['network/addresses.ts']],
  ['openid-client', /\bdiscovery\(/, ['identity/discover.ts', 'cli/connect/provider.ts']],
  ['openid-client, by hand', /new Configuration\(/, []],
  ['key sets', /createRemoteJWKSet\(/, ['identity/verifier.ts']],
  ['PostgreSQL', /new pg\.(?:Pool|Client)\(/, ['transcript/store/pool.ts', 'approval/wakeups.ts']],
  ['PostgreSQL, by its URL', /connectionString/, ['transcript/store/database.ts']],
  ['plain http', /\b(?:http|https)\.(?:get|request)\(/, []],
  ['sockets', /\b(?:net|tls)\.connect\(|createConnection\(/, ['warehouse/connection/connection.ts']],
  ['no certificate checked', /rejectUnauthorized: false|NODE_TLS_REJECT_UNAUTHORIZED'\] = /, []],
  ['a shell', /shell: true|'cmd'|\bexec\(['"`]/, []],
  [
    'plain addresses of openid-client',
    /allowInsecureRequests\b(?!,)/,
    ['identity/discover.ts', 'cli/connect/provider.ts'],
  ],
];

describe('the sources', () => {
  it.each(DOORS)(
    'open connections by %s where they are looked at, and nowhere else',
    async (_name, pattern, allowed) => {
      const files = (await readdir(SOURCES, { recursive: true })).filter(
        // The demo's own parts are on this machine; the console's pages are a browser's.
        (name) => name.endsWith('.ts') && !/^(?:embedded|console\/web)\/|^demo\/(?:gateway|people)\.ts$/.test(name),
      );
      expect(files.length).toBeGreaterThan(100);
      const found: string[] = [];
      for (const name of files) if (pattern.test(await readFile(join(SOURCES, name), 'utf8'))) found.push(name);
      expect(found.sort()).toEqual([...allowed].sort());
    },
  );
});

describe('an address', () => {
  it.each(['localhost', '127.0.0.1', '127.255.0.3', '::1', '[::1]'])('is of this machine: %s', (host) =>
    expect(isLoopback(host)).toBe(true),
  );
  it.each([
    '',
    '0.0.0.0',
    '[::]',
    '127.1',
    '127.0.0.256',
    '127.0.0.1.x',
    'x.localhost',
    'localhost.',
    '10.0.0.1',
    '[::ffff:7f00:1]',
  ])('is not known to be of this machine: %s', (host) => expect(isLoopback(host)).toBe(false));

  it('has nothing sent to it that is without TLS and elsewhere', async () => {
    await expect(safeFetch('http://service.example.com/x')).rejects.toThrow('without TLS');
    await expect(post({ url: 'http://service.example.com/x', secret: Buffer.alloc(32) }, 'id', '{}')).rejects.toThrow(
      'without TLS',
    );
  });

  it('has nothing sent to it where no certificate is checked', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    await expect(safeFetch('https://service.example.com/x')).rejects.toThrow('NODE_TLS_REJECT_UNAUTHORIZED');
    expect(addressProblem('http://127.0.0.1')).toBeUndefined();
  });

  it('gets no log-in of the warehouse', async () => {
    await using warehouse = warehouseAt('http://proxy.example.com', 'p', { connectTimeoutMs: 1000 });
    await expect(warehouse.ask({ role: 'R', warehouse: 'W' }, 'SELECT 1', 'tag')).rejects.toThrow(
      'Snowflake is not asked',
    );
  });
});
