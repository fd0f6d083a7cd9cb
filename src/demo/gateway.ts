/** The demo's gateway: its configuration, its process, and when it is ready. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { SnowfenceError } from '../config/problem.js';
import type { StoreUrls } from '../transcript/index.js';
import type { Ready } from './ready.js';

/** As the demo's identity provider knows the console. */
const CONSOLE_CLIENT_ID = 'snowfence-console';

/** One that ends before is told of at once; this is for one that hangs. */
const READY_TIMEOUT_MS = 120_000;

export async function writeConfig(
  folder: string,
  ready: Omit<Ready, 'pids' | 'agents' | 'reviewers' | 'config_file'>,
  policies: string,
  urls: StoreUrls,
  limits: Readonly<Record<string, unknown>>,
): Promise<string> {
  const url = new URL(ready.mcp_url);
  const file = join(folder, 'snowfence.yaml');
  const config = {
    server: { listen: url.host, public_url: ready.mcp_url },
    snowflake: {
      account: ready.warehouse.account,
      username: ready.warehouse.username,
      access_url: ready.warehouse.access_url,
      auth: 'password',
      password_file: join(folder, 'warehouse-password'),
    },
    transcript: {
      url_file: join(folder, 'gateway-database-url'),
      notary_url_file: join(folder, 'notary-database-url'),
      reader_url_file: join(folder, 'reader-database-url'),
      admin_url_file: join(folder, 'database-url'),
      signing_key_file: join(folder, 'signing-key.pem'),
      encryption_keys: [{ file: join(folder, 'encryption-key') }],
      checkpoints: { files: [join(folder, 'checkpoints.txt')] },
      auditors: ['data-stewards', 'auditors'],
    },
    identity: {
      issuers: [
        {
          issuer: ready.issuer,
          audience: ready.audience,
          algorithms: ['ES256'],
          token_type: 'at+jwt',
          required_scopes: ['snowfence'],
        },
      ],
    },
    console: {
      client_id: CONSOLE_CLIENT_ID,
      scopes: ['openid', 'profile', 'email'],
      reviewers: ['data-stewards'],
      administrators: ['platform'],
    },
    limits,
    policies: resolve(policies),
    log: { level: 'info' },
    shutdown: { grace: '2s' },
  };
  await writeFile(file, `# Made by snowfence demo for its own gateway.\n${stringify(config)}`, { mode: 0o600 });
  await writeFile(join(folder, 'warehouse-password'), ready.warehouse.password, { mode: 0o600 });
  await writeFile(join(folder, 'database-url'), ready.database_url, { mode: 0o600 });
  for (const [purpose, of] of Object.entries(urls))
    await writeFile(join(folder, `${purpose}-database-url`), String(of), { mode: 0o600 });
  return file;
}

export function startGateway(configFile: string, verbose: boolean): ChildProcess {
  return spawn(
    process.execPath,
    [fileURLToPath(new URL('../cli/main.js', import.meta.url)), 'serve', '--config', configFile],
    {
      // The channel tells the gateway when we are gone, however we went.
      stdio: ['ignore', verbose ? 'inherit' : 'pipe', 'pipe', 'ipc'],
    },
  );
}

export async function untilReady(url: URL, gateway: ChildProcess, lastWords: () => string): Promise<void> {
  const until = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const isReady = await fetch(new URL('/readyz', url)).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    if (gateway.exitCode !== null || gateway.signalCode !== null)
      throw new SnowfenceError('GATEWAY_FAILED', `The gateway did not start: ${lastWords()}`, undefined, 1);
    if (Date.now() > until)
      throw new SnowfenceError(
        'GATEWAY_FAILED',
        `The gateway was not ready within ${READY_TIMEOUT_MS / 1000} seconds. ${lastWords()}`,
        undefined,
        1,
      );
    await new Promise((done) => setTimeout(done, 50));
  }
}
