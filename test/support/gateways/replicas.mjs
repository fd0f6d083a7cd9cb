/** The system with gateways that are killed and started again, as tests of what they leave behind need it. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { newEncryptionKey, newSigningKey } from '../../../dist/config/new-secrets.js';
import { Child, freePort } from '../../../dist/demo/child.js';
import { withToken } from '../../../dist/demo/people.js';
import { IdentityProvider } from '../../../dist/embedded/identity/index.js';
import { setUpStore, storePool } from '../../../dist/transcript/index.js';
import { startPostgres } from '../store/postgres.mjs';
import { gatewayUrlOf } from '../store/store.mjs';
import { GENEROUS_CONFIG } from './limits.mjs';

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Everything but the gateways, which come and go: one for each configuration that is answered. `policies`: a folder, absolute; `limits`: of
 * each principal; `server`, `tools`: more of those sections; `sections`: others; `webhooks`: as the configuration has them;
 * `seeds`: files with more of what is in the warehouse.
 */
export async function startParts({
  agents,
  policies,
  replicas = 1,
  limits = GENEROUS_CONFIG,
  server = {},
  tools = {},
  sections = {},
  webhooks = [],
  seeds = [],
}) {
  const ends = [];
  const end = async () => {
    for (const stop of ends.reverse()) await stop();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'snowfence-kill-'));
    ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
    const ports = [];
    for (let replica = 0; replica < replicas; replica++) ports.push(await freePort());
    const warehousePort = await freePort();
    // All replicas go by one name, as behind a load balancer.
    const mcpUrl = `http://127.0.0.1:${ports[0]}/mcp`;
    const postgres = await startPostgres();
    ends.push(() => postgres.end());
    const startWarehouse = (password = 'of-the-warehouse') =>
      Child.start(
        '../embedded/warehouse/main.js',
        {
          port: warehousePort,
          databases: ['ANALYTICS'],
          seeds: [file('../../acceptance/seed.sql'), ...seeds],
          latencyMs: 15,
          users: [{ name: 'SNOWFENCE', password }],
        },
        { UV_THREADPOOL_SIZE: '16' },
      );
    let running = await startWarehouse();
    const warehouse = {
      stop: async () => {
        const stopping = running;
        running = undefined;
        await stopping?.stop();
      },
      start: async (password) => {
        running = await startWarehouse(password);
      },
    };
    ends.push(() => warehouse.stop());
    const provider = await IdentityProvider.start({
      port: 0,
      audience: mcpUrl,
      agents,
      reviewers: [],
      tokenLifetime: 7200,
      console: undefined,
    });
    ends.push(() => provider[Symbol.asyncDispose]());
    const roleUrls = {
      gateway: gatewayUrlOf(postgres.url),
      notary: gatewayUrlOf(postgres.url, 'snowfence_notary_test'),
      reader: gatewayUrlOf(postgres.url, 'snowfence_reader_test'),
    };
    const admin = storePool(postgres.url, 30_000, 1);
    await setUpStore(admin, roleUrls).finally(() => admin.end());
    const secrets = {
      'gateway-url': roleUrls.gateway,
      'notary-url': roleUrls.notary,
      'reader-url': roleUrls.reader,
      'warehouse-password': 'of-the-warehouse',
      'signing.pem': newSigningKey(),
      encryption: newEncryptionKey(),
    };
    for (const [name, text] of Object.entries(secrets)) await writeFile(join(folder, name), text);
    const issuer = {
      issuer: provider.issuer,
      audience: mcpUrl,
      algorithms: ['ES256'],
      token_type: 'at+jwt',
      required_scopes: ['snowfence'],
    };
    const configurations = ports.map((port) => join(folder, `snowfence-${port}.yaml`));
    for (const [index, port] of ports.entries())
      await writeFile(
        configurations[index],
        stringify({
          server: { listen: `127.0.0.1:${port}`, public_url: mcpUrl, ...server },
          tools,
          snowflake: {
            account: 'demo',
            username: 'SNOWFENCE',
            access_url: `http://127.0.0.1:${warehousePort}`,
            auth: 'password',
            password_file: 'warehouse-password',
          },
          transcript: {
            url_file: 'gateway-url',
            notary_url_file: 'notary-url',
            reader_url_file: 'reader-url',
            signing_key_file: 'signing.pem',
            encryption_keys: [{ file: 'encryption' }],
            checkpoints: { every: '1s', files: ['checkpoints.txt'] },
            // A gateway that a busy machine leaves alone for a moment is none that others settle for.
            settle_after: '12s',
          },
          identity: { issuers: [issuer] },
          limits,
          webhooks,
          policies,
          shutdown: { grace: '5s' },
          ...sections,
        }),
      );
    const known = await Promise.all(provider.agents.map((agent) => withToken(provider.issuer, mcpUrl, agent)));
    const tokens = known.map(({ token }) => token);
    const urls = ports.map((port) => `http://127.0.0.1:${port}/mcp`);
    return { folder, configurations, urls, issuer: provider.issuer, agents: known, postgres, warehouse, tokens, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Answers once it is ready. `config`: its configuration file; `url`: where it listens. */
export async function startGateway(config, url) {
  const child = spawn(process.execPath, [file('../../../dist/cli/main.js'), 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      words = (words + text).slice(-8000);
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const until = Date.now() + 120_000;
  for (;;) {
    // On a connection of its own: one that is kept is closed by the gateway after five seconds, and whoever sends into that gets no answer.
    const isReady = await fetch(new URL('/readyz', url), { headers: { connection: 'close' } }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return { child, ended, words: () => words };
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > until)
      throw new Error(`The gateway did not start: ${words}`);
    await pause(20);
  }
}

/** A killed server's shared memory is free once its last child has noticed. */
export async function restartPostgres(postgres) {
  for (const until = Date.now() + 120_000; ; ) {
    try {
      await postgres.restart();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await pause(250);
    }
  }
}
